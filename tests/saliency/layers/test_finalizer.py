"""The finisher against scipy and double loops: what every model's density rests on."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from data.gaze import condition_names
from saliency.layers.finalizer import FLOOR, RADIUS, Finalizer

MAPS = 3
CONDITIONS = 4  # any, two sets, uniform
UNIFORM = CONDITIONS - 1
GRID = (8, 12)  # cells of 4 pixels
WHOLE = (0.0, 0.0, 48.0, 32.0)


def finisher(seed: int = 0) -> Finalizer:
    """One whose parameters are not those that it starts with."""
    torch.manual_seed(seed)
    made = Finalizer(MAPS, CONDITIONS)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return made


def logits(count: int = 2, scale: float = 0.5, seed: int = 0) -> Tensor:
    return scale * torch.randn(count, MAPS, *GRID, generator=torch.Generator().manual_seed(seed))


def run(made: Finalizer, x: Tensor, boxes: list[tuple[float, ...]], conditions: list[int], stride: int = 1) -> Tensor:
    with torch.no_grad():
        density, slices = made(x, torch.tensor(boxes), torch.tensor(conditions), stride)
    assert slices.shape == (len(x), MAPS - 1, *density.shape[1:])
    return torch.cat([density[:, None], slices], 1)


def test_the_conditions_are_any_the_sets_and_uniform() -> None:
    assert condition_names(["osie", "crowd"]) == ("any", "osie", "crowd", "uniform")
    assert condition_names([]) == ("any", "uniform")


BOXES = [WHOLE, (8.0, 0.0, 40.0, 32.0), (0.0, 5.0, 48.0, 27.0)]
SLIVER = (20.0, 12.0, 21.0, 20.0)  # one pixel wide: between the centres of cells


@pytest.mark.parametrize(("box", "stride"), [*itertools.product(BOXES, [1, 2, 4]), (SLIVER, 1)])
def test_every_map_sums_to_one_on_the_picture_and_to_zero_in_the_bars(box: tuple[float, ...], stride: int) -> None:
    log = run(finisher(), logits(), [box, WHOLE], [1, 3], stride)
    assert log.shape == (2, MAPS, 32 // stride, 48 // stride)
    assert log.isfinite().all()
    y = (torch.arange(log.shape[2]) + 0.5) * stride
    x = (torch.arange(log.shape[3]) + 0.5) * stride
    inside = ((y >= box[1]) & (y < box[3]))[:, None] & ((x >= box[0]) & (x < box[2]))
    assert (log[0].exp()[:, ~inside] == 0).all()
    assert (log[0][:, ~inside] < -9000).all()
    torch.testing.assert_close(log.exp().sum((2, 3)), torch.ones(2, MAPS), rtol=0, atol=1e-5)


def test_the_blur_is_scipys_with_the_edge_repeated() -> None:
    made = finisher()
    sigma = made.log_sigma.exp().tolist()
    x = logits()
    got = run(made, x, [WHOLE] * 2, [UNIFORM] * 2, stride=4)
    gain = made.log_gain[0].exp().tolist()  # "uniform" is as sharp as "any"
    for i, m in itertools.product(range(2), range(MAPS)):
        blurred = gaussian_filter(x[i, m].double().numpy(), sigma[m], mode="nearest", radius=RADIUS)
        expected = torch.from_numpy(gain[m] * blurred).flatten().log_softmax(0).view(GRID)
        np.testing.assert_allclose(got[i, m].numpy(), expected.numpy(), atol=1e-5)


def test_a_very_narrow_blur_without_bias_is_the_softmax_alone() -> None:
    made = Finalizer(MAPS, CONDITIONS)
    with torch.no_grad():
        made.log_sigma.fill_(-4)
    x = logits()
    got = run(made, x, [WHOLE] * 2, [UNIFORM] * 2, stride=4)
    torch.testing.assert_close(got, x.flatten(2).log_softmax(2).view_as(x))


@pytest.mark.parametrize("condition", [0, 2])
@pytest.mark.parametrize("box", [WHOLE, (8.0, 4.0, 40.0, 28.0)])
def test_the_centre_bias_is_the_mixture_that_a_double_loop_computes(condition: int, box: tuple[float, ...]) -> None:
    """On flat logits the density is proportional to sum_k w_k N(u; x_k, sx_k) N(v; y_k, sy_k) + floor."""
    made = finisher()
    got = run(made, torch.zeros(1, MAPS, *GRID), [box], [condition], stride=4)[0]
    x0, y0, x1, y1 = box
    for m in range(MAPS):
        x, y, log_sx, log_sy, log_w = made.bias[condition, m].tolist()
        total = sum(math.exp(w) for w in log_w)
        expected = np.zeros(GRID)
        for row, column in itertools.product(*map(range, GRID)):
            px, py = 4 * column + 2, 4 * row + 2
            if not (x0 <= px < x1 and y0 <= py < y1):
                continue
            u, v = 2 * (px - x0) / (x1 - x0) - 1, 2 * (py - y0) / (y1 - y0) - 1
            expected[row, column] = FLOOR
            for k in range(len(x)):
                sx, sy = math.exp(log_sx[k]), math.exp(log_sy[k])
                bump = math.exp(-(((u - x[k]) / sx) ** 2) / 2 - ((v - y[k]) / sy) ** 2 / 2)
                expected[row, column] += math.exp(log_w[k]) / total * bump / (sx * sy)
        np.testing.assert_allclose(got[m].exp().numpy(), expected / expected.sum(), rtol=1e-4, atol=1e-8)


def test_it_starts_with_its_weight_in_the_middle_and_the_same_for_every_condition() -> None:
    got = run(Finalizer(MAPS, CONDITIONS), torch.zeros(3, MAPS, *GRID), [WHOLE] * 3, [0, 1, 2])
    assert torch.equal(got[0], got[1])
    assert torch.equal(got[0], got[2])
    torch.testing.assert_close(got, got.flip(2))
    torch.testing.assert_close(got, got.flip(3))
    assert got[0, 0].argmax() in (15 * 48 + 23, 15 * 48 + 24, 16 * 48 + 23, 16 * 48 + 24)


def test_uniform_has_no_centre_bias() -> None:
    flat = run(finisher(), torch.zeros(1, MAPS, *GRID), [(8.0, 0.0, 40.0, 32.0)], [UNIFORM])
    inside = flat[..., 8:40].exp()
    torch.testing.assert_close(inside, torch.full_like(inside, 1 / (32 * 32)))


def test_the_centre_bias_lies_on_the_picture_not_on_the_canvas() -> None:
    made, flat = finisher(), torch.zeros(1, MAPS, *GRID)
    middle = run(made, flat, [(8.0, 0.0, 40.0, 32.0)], [1])[..., 8:40]
    left = run(made, flat, [(0.0, 0.0, 32.0, 32.0)], [1])[..., :32]
    torch.testing.assert_close(middle, left, rtol=0, atol=1e-5)


@pytest.mark.parametrize("condition", [1, UNIFORM])
def test_a_cell_holds_the_probability_of_its_pixels(condition: int) -> None:
    """Stride 4 against stride 1, summed over 4 x 4 pixels, within a bound.

    Inside a cell the upsampled logits differ from the cell's by at most 3/8 of a step to the next cell each way, and
    the bias by at most 1.5 steps to the next pixel each way: together by D at most. So does the log of the mean over
    the cell's pixels, and so does the log of the normaliser: 2 D in all.
    """
    made, x = finisher(), logits(1, 0.3)
    fine = run(made, x, [WHOLE], [condition]).double().exp()
    cells = fine.unflatten(3, (-1, 4)).unflatten(2, (-1, 4)).sum((3, 5)).log()
    coarse = run(made, x, [WHOLE], [condition], stride=4).double()
    own = run(made, x, [WHOLE], [UNIFORM], stride=4).double()  # differs from the blurred logits by a constant
    own = own * (made.log_gain[condition] - made.log_gain[UNIFORM]).detach().exp()[:, None, None].double()
    bias = run(made, torch.zeros_like(x), [WHOLE], [condition]).double()

    def steps(a: Tensor) -> float:
        return float(a.diff(dim=2).abs().max() + a.diff(dim=3).abs().max())

    allowed = 2 * (3 / 8 * steps(own) + 1.5 * steps(bias))
    assert allowed < 2  # else the bound would say little
    assert (cells - coarse).abs().max() <= allowed
    assert (cells.exp() - coarse.exp()).abs().sum((2, 3)).max() < 0.1  # and in all they hardly differ


def test_a_picture_is_finished_alone_as_in_a_batch() -> None:
    made, x = finisher(), logits(3)
    boxes: list[tuple[float, ...]] = [WHOLE, (8.0, 0.0, 40.0, 32.0), (0.0, 6.0, 48.0, 26.0)]
    together = run(made, x, boxes, [0, 2, 3])
    for i, condition in enumerate((0, 2, 3)):
        alone = run(made, x[i : i + 1], boxes[i : i + 1], [condition])
        torch.testing.assert_close(alone, together[i : i + 1], rtol=0, atol=1e-4)


def test_what_is_learned_is_learned_for_the_condition_that_was_shown() -> None:
    made = finisher()
    density, slices = made(logits(), torch.tensor([WHOLE] * 2), torch.tensor([1, UNIFORM]))
    (density[:, 3, 4].sum() + slices[:, :, 3, 4].sum()).backward()
    assert made.bias.grad is not None
    assert made.log_gain.grad is not None
    assert made.log_sigma.grad is not None
    assert (made.log_sigma.grad != 0).all()
    assert made.bias.grad[1].abs().sum() > 0
    assert made.bias.grad[[0, 2, UNIFORM]].abs().sum() == 0  # uniform has no bias to learn
    assert (made.log_gain.grad.abs().sum(1) > 0).tolist() == [
        True,
        True,
        False,
        False,
    ]  # "uniform" is as sharp as "any"


def test_half_precision_features_still_give_full_precision_densities() -> None:
    log = run(finisher(), logits().bfloat16(), [WHOLE] * 2, [0, 1])
    assert log.dtype == torch.float32
    torch.testing.assert_close(log.exp().sum((2, 3)), torch.ones(2, MAPS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 4])
def test_autocast_changes_no_log_density_and_no_gradient(stride: int) -> None:
    made, boxes = finisher(), torch.tensor([WHOLE, (8.0, 0.0, 40.0, 32.0)])

    def both(cast: bool) -> tuple[Tensor, list[Tensor]]:
        with torch.autocast("cpu", torch.bfloat16, enabled=cast):
            density, slices = made(x := logits(scale=2.0).requires_grad_(), boxes, torch.tensor([0, 1]), stride)
            log = torch.cat([density[:, None], slices], 1)
        log[:, :, 2:5, 3:6].sum().backward()  # as a trainer does, outside
        gradients = [x.grad, *(parameter.grad for parameter in made.parameters())]
        made.zero_grad()
        return log.detach(), [gradient for gradient in gradients if gradient is not None]

    (plain, learned), (cast, other) = both(False), both(True)
    assert torch.equal(plain, cast)
    assert len(learned) == 4
    assert all(torch.equal(one, two) for one, two in zip(learned, other, strict=True))


def test_the_weights_file_holds_only_what_is_learned() -> None:
    assert set(Finalizer(MAPS, CONDITIONS).state_dict()) == {"log_sigma", "log_gain", "bias"}
