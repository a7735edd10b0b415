"""MSI-Net is the paper's network, looks at wide surroundings and at the whole picture, but not at the bars."""

import pytest
import torch
from torch import Tensor

from data.errors import ModelError
from saliency.models.msinet import RATES, AtrousPyramid, MSINet, _share
from saliency.task import SaliencyTask
from tests.saliency.models.test_tempsal import TINY, clutter


def small(slices: int = 2) -> MSINet:
    torch.manual_seed(0)
    return MSINet(("one",), slices, **TINY["msinet"]).eval()


def test_the_papers_network_has_24_9_million_parameters() -> None:
    network = MSINet(slices=0, backbone="vgg16", width=256)
    mine = sum(p.numel() for name, p in network.named_parameters() if not name.startswith("finish."))
    assert mine == 24_934_209
    assert [layer.out_channels for layer in network.decoder] == [128, 64, 32]
    assert network.context.point.in_channels == 1280


@pytest.mark.parametrize(("backbone", "channels"), [("lite0", 472), ("lite1", 472), ("lite2", 520)])
def test_an_encoder_joins_its_last_three_levels(backbone: str, channels: int) -> None:
    assert MSINet(backbone=backbone).context.point.in_channels == channels


def test_an_unknown_encoder_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"no encoder 'small'; use lite0, lite1, lite2 or vgg16"):
        MSINet(backbone="small")


@pytest.mark.slow
def test_the_papers_network_gives_a_density() -> None:
    torch.manual_seed(0)
    network = MSINet(slices=0, backbone="vgg16", width=256).eval()
    with torch.no_grad():
        density, slices = network(clutter(1), torch.tensor([[0.0, 0, 96, 64]]), torch.tensor([0]))
    torch.testing.assert_close(density.exp().sum(), torch.tensor(1.0), rtol=0, atol=1e-4)
    assert slices.shape == (1, 0, 64, 96)


def reach(layer: torch.nn.Module, size: int = 33) -> set[tuple[int, int]]:
    """From the middle, where a change of the map is felt."""
    x = torch.zeros(1, 4, size, size)
    with torch.no_grad():
        before = layer(x)
        x[:, :, size // 2, size // 2] = 1
        moved = (layer(x) != before).any(1)[0].nonzero() - size // 2
    return {(int(y), int(x)) for y, x in moved}


def test_the_pyramid_looks_as_far_as_its_rates() -> None:
    torch.manual_seed(0)
    pyramid = AtrousPyramid(4, 8)
    assert reach(pyramid.point) == {(0, 0)}
    for layer, rate in zip(pyramid.around, RATES, strict=True):
        assert reach(layer) == {(y, x) for y in (-rate, 0, rate) for x in (-rate, 0, rate)}


def test_every_place_knows_of_the_whole_picture_and_of_nothing_in_the_bars() -> None:
    torch.manual_seed(0)
    pyramid = AtrousPyramid(4, 8)
    x, inside = torch.rand(1, 4, 40, 40), torch.ones(1, 1, 40, 40)
    inside[..., 30:] = 0
    far, bar = x.clone(), x.clone()
    far[..., 20, 28] += 5  # farther than any rate from the first column
    bar[..., 20, 38] += 5
    with torch.no_grad():
        plain, changed, same = (pyramid(each, inside)[..., 0] for each in (x, far, bar))
    assert not torch.equal(plain, changed)
    assert torch.equal(plain, same)


def by_loop(box: tuple[float, float, float, float], canvas: tuple[int, int], cell: int) -> Tensor:
    """Of each cell the share that is picture, counted in tenths of pixels."""
    fine = torch.zeros(canvas[0] * 10, canvas[1] * 10)
    x0, y0, x1, y1 = (round(10 * side) for side in box)
    fine[y0:y1, x0:x1] = 1
    return fine.unfold(0, cell * 10, cell * 10).unfold(1, cell * 10, cell * 10).mean((2, 3))


@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 96.0, 64.0), (16.0, 0.0, 80.0, 64.0), (0.0, 9.0, 96.0, 55.0), (3.5, 2, 4.5, 3)]
)
def test_the_share_of_a_cell_is_what_a_loop_counts(box: tuple[float, float, float, float]) -> None:
    found = _share(torch.tensor([box]), (64, 96), torch.zeros(1, 1, 8, 12))
    torch.testing.assert_close(found[0, 0], by_loop(box, (64, 96), 8))


def test_each_second_is_a_map_of_its_own() -> None:
    with torch.no_grad():
        density, slices = small(3)(clutter(1), torch.tensor([[0.0, 0, 96, 64]]), torch.tensor([0]), 4)
    maps = torch.cat([density[:, None], slices], 1)[0]
    assert all(not torch.allclose(maps[i], maps[j]) for i in range(4) for j in range(i))


def test_training_takes_its_encoder_for_one_with_a_rate_of_its_own() -> None:
    groups = SaliencyTask(small(), pretrained=False, encoder_rate=0.1)._groups()
    assert {group.rate for group in groups} == {1.0, 0.1}
