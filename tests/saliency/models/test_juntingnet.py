"""JuntingNet is the paper's network, sees the picture and not the canvas, and puts its map where the picture lies."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from data.errors import ModelError
from export.onnx import TOLERANCE, export
from export.runtime.saliency import Predictor
from saliency.models.juntingnet import JuntingNet, _reading
from tests.contracts import contract
from tests.saliency.models.test_tempsal import clutter


def small(slices: int = 0, drop: float = 0.0) -> JuntingNet:
    torch.manual_seed(0)
    return JuntingNet(("one",), slices, width=1 / 32, drop=drop).eval()


def parameters(network: JuntingNet) -> int:
    """All but the finisher's, which the paper's network lacks."""
    return sum(p.numel() for name, p in network.named_parameters() if not name.startswith("finish."))


def test_the_papers_network_has_34_9_million_parameters() -> None:
    network = JuntingNet()
    assert parameters(network) == 34_864_384
    assert network.pairs.in_features == 10 * 10 * 64
    assert (network.pairs.out_features, network.read.in_features) == (4608, 2304)
    assert network.read.out_features == 48 * 48


def test_each_second_adds_a_map_of_the_last_layer_and_nothing_else() -> None:
    apart = parameters(JuntingNet(slices=3)) - parameters(JuntingNet())
    assert apart == 3 * (2304 + 1) * 48 * 48


def test_the_features_are_valid_convolutions_halved_three_times() -> None:
    assert small().features(torch.zeros(1, 3, 96, 96)).shape == (1, 2, 10, 10)  # 96-4=92/2=46-2=44/2=22-2=20/2=10


def test_of_each_pair_of_hidden_units_the_larger_is_read() -> None:
    network, seen = small(), {}
    network.pairs.register_forward_hook(lambda module, inputs, output: seen.update(pairs=output))
    network.read.register_forward_hook(lambda module, inputs, output: seen.update(hidden=inputs[0]))
    with torch.no_grad():
        network(clutter(2), torch.tensor([[0.0, 0, 96, 64]] * 2), torch.tensor([0, 1]), 4)
    pairs = seen["pairs"].tolist()
    wanted = [[max(row[k], row[k + 1]) for k in range(0, len(row), 2)] for row in pairs]
    assert torch.equal(seen["hidden"], torch.tensor(wanted))
    assert any(row[k] > row[k + 1] for row in pairs for k in range(0, 144, 2))
    assert any(row[k] < row[k + 1] for row in pairs for k in range(0, 144, 2))


def test_a_picture_of_96_pixels_is_seen_pixel_by_pixel() -> None:
    picture = torch.randint(0, 256, (1, 96, 96, 3), dtype=torch.uint8)
    seen = small()._shrunk(picture, torch.tensor([[0.0, 0, 96, 96]]))
    torch.testing.assert_close(seen, picture.permute(0, 3, 1, 2) / 127.5 - 1)


def test_bars_are_not_seen_and_the_picture_is_the_same_wherever_it_lies() -> None:
    content = clutter(1, (64, 64))
    maps = []
    for left, fill in ((32, 0), (32, 255), (64, 99)):
        canvas = torch.full((1, 64, 160, 3), fill, dtype=torch.uint8)
        canvas[:, :, left : left + 64] = content
        with torch.no_grad():
            density, _ = small()(canvas, torch.tensor([[left, 0.0, left + 64, 64]]), torch.tensor([0]), 4)
        maps.append(density[0, :, left // 4 : left // 4 + 16])
    assert torch.equal(maps[0], maps[1])
    torch.testing.assert_close(maps[2], maps[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("cells", [40, 48, 96, 100, 350])
def test_reading_keeps_flat_lines_flat_and_ramps_straight(cells: int) -> None:
    start, end = torch.tensor([0.0, 5.0]), torch.tensor([float(cells), cells - 7.0])
    weights = _reading(start, end, cells, 48)
    torch.testing.assert_close(weights.sum(3), torch.ones(2, 1, 48))
    step = (end - start) / 48
    ramp = (weights[:, 0] * (torch.arange(cells) + 0.5)).sum(2)
    wanted = start[:, None] + (torch.arange(48) + 0.5) * step[:, None]
    near = slice(2, -2)  # at the ends a triangle is cut
    torch.testing.assert_close(ramp[:, near], wanted[:, near], rtol=0, atol=0.35)
    assert (ramp - wanted).abs().max() <= max(1.0, float(step.max()) / 2)
    assert (weights[1, 0, :, :5] == 0).all()
    assert (weights[1, 0, :, cells - 7 :] == 0).all()


def test_shrinking_misses_no_pixel() -> None:
    weights = _reading(torch.tensor([0.0]), torch.tensor([384.0]), 384, 96)[0, 0]
    assert (weights.sum(0) > 0).all()
    torch.testing.assert_close(weights.sum(0)[8:-8], torch.full((368,), 0.25))


@pytest.mark.parametrize("box", [(0.0, 0.0, 192.0, 128.0), (0.0, 16.0, 192.0, 112.0), (64.0, 0.0, 128.0, 128.0)])
def test_a_cell_of_the_map_lands_on_its_place_in_the_picture(box: tuple[float, float, float, float]) -> None:
    maps = torch.zeros(1, 1, 48, 48)
    maps[0, 0, 12:15, 30:33] = 1  # centred at 13.5 / 48 of the height, 31.5 / 48 of the width
    laid = small()._laid(maps, torch.tensor([box]), (128, 192))[0, 0]
    assert laid.shape == (32, 48)
    y, x = ((laid.sum(side) * (torch.arange(laid.shape[1 - side]) + 0.5)).sum() / laid.sum() for side in (1, 0))
    assert float(x) * 4 == pytest.approx(box[0] + (box[2] - box[0]) * 31.5 / 48, abs=1)
    assert float(y) * 4 == pytest.approx(box[1] + (box[3] - box[1]) * 13.5 / 48, abs=1)


@pytest.mark.parametrize("box", [(0.0, 0.0, 1.0, 64.0), (0.0, 31.0, 96.0, 32.0), (95.0, 63.0, 96.0, 64.0)])
def test_a_picture_of_one_row_or_pixel_has_a_density(box: tuple[float, ...]) -> None:
    with torch.no_grad():
        density, _ = small()(clutter(1), torch.tensor([box]), torch.tensor([0]))
    assert density.isfinite().all()
    torch.testing.assert_close(density.exp().sum(), torch.tensor(1.0), rtol=0, atol=1e-4)


def test_dropout_acts_in_training_alone() -> None:
    network = small(drop=0.5)
    inputs = clutter(1), torch.tensor([[0.0, 0, 96, 64]]), torch.tensor([0]), 4

    def run() -> Tensor:
        with torch.no_grad():
            density: Tensor = network(*inputs)[0]
        return density

    assert torch.equal(run(), run())
    network.train()
    assert not torch.equal(run(), run())


@pytest.mark.parametrize("width", [0.0, 1 / 33, 5.0, -1.0, math.nan, math.inf])
def test_a_width_that_leaves_no_channels_is_refused(width: float) -> None:
    with pytest.raises(ModelError, match="no width"):
        JuntingNet(width=width)


@pytest.mark.slow
def test_a_network_without_seconds_exports_and_predicts(tmp_path: Path) -> None:
    network = small()
    path = tmp_path / "junting.onnx"
    assert export(network, path, contract(network, name="junting", slices=())) <= TOLERANCE
    prediction = Predictor(path, provider="cpu")(clutter(1, (72, 136))[0].numpy())
    assert prediction.density.shape == (72, 136)
    assert prediction.slices.shape == (0, 72, 136)
