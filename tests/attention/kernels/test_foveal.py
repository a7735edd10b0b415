"""The tiles of foveal attention against a masked dense matrix, in Triton's interpreter or on a GPU."""

import itertools
from math import hypot, inf
from typing import Any

import pytest
import torch
from torch import Tensor

from attention.operators.foveal import foveal_attention, pyramid
from tests.proof import DTYPES, SIZES, assert_errs_little, draw

pytestmark = pytest.mark.usefixtures("poison")
Cell = tuple[int, int, int]


def leaf(level: int, i: int, j: int, x: float, y: float, e2: float, levels: int) -> bool:
    """Whether nothing splits this cell, and all above it are split."""

    def split(level: int, i: int, j: int) -> bool:
        size = 2**level
        return level > 0 and hypot((j + 0.5) * size - x, (i + 0.5) * size - y) < e2 * (size - 1)

    above = range(1, levels - level)
    return not split(level, i, j) and all(split(level + up, i >> up, j >> up) for up in above)


def leaves(gaze: Tensor, h: int, w: int, e2: float, levels: int) -> tuple[Tensor, Tensor]:
    """Which cell (b, n, cells) is a leaf for whom, and which tokens it has (cells, h * w)."""
    cells: list[Cell] = []
    for level in range(levels):
        size = 2**level
        cells += [(level, i, j) for i, j in itertools.product(range(-(-h // size)), range(-(-w // size)))]
    has = torch.zeros(len(cells), h, w)
    for one, (level, i, j) in zip(has, cells, strict=True):
        one[i << level : (i + 1) << level, j << level : (j + 1) << level] = 1
    points = gaze.flatten(0, 1).tolist()
    mine = torch.tensor([[leaf(*cell, *point, e2, levels) for cell in cells] for point in points])
    return mine.reshape(*gaze.shape[:2], len(cells)), has.flatten(1)


def formula(
    q: Tensor, k: Tensor, v: Tensor, gaze: Tensor | None, e2: float, levels: int, mask: Tensor | None = None
) -> Tensor:
    b, _, h, w, d = k.shape
    shape, q = q.shape, q.flatten(2, -2)
    if gaze is None:
        places = itertools.product(range(h), range(w))
        gaze = torch.tensor([(j + 0.5, i + 0.5) for i, j in places]).expand(b, -1, 2)
    mine, has = (x.to(q.device) for x in leaves(gaze, h, w, e2, levels))
    there = has.expand(b, -1, -1) if mask is None else has * mask.flatten(1)[:, None]
    count = there.sum(-1)
    mean = (there / count.clamp(min=1)[..., None]).to(q.dtype)[:, None]
    mine = (mine & (count > 0)[:, None])[:, None]
    logits = q @ (mean @ k.flatten(2, 3)).mT * d**-0.5 + count.clamp(min=1).log().to(q.dtype)[:, None, None]
    weights = torch.where(mine, logits, torch.finfo(q.dtype).min).softmax(-1) * mine
    return (weights @ (mean @ v.flatten(2, 3))).view(shape)


def fast(
    q: Tensor, k: Tensor, v: Tensor, gaze: Tensor | None, e2: float, levels: int, mask: Tensor | None = None
) -> Tensor:
    out = foveal_attention(q, k, v, gaze, e2, levels, mask, impl="triton")
    assert isinstance(out, Tensor)
    return out


def inputs(h: int, w: int, n: int | None = None, b: int = 1, heads: int = 1, d: int = 8) -> dict[str, Tensor]:
    given = {name: draw(b, heads, h, w, d, seed=i) for i, name in enumerate("qkv")}
    return given if n is None else {**given, "q": draw(b, heads, n, d)}


def looks(b: int, n: int, h: int, w: int) -> Tensor:
    """Gazes all over the picture and a little outside."""
    return (draw(b, n, 2, seed=4).sigmoid() * 1.4 - 0.2) * torch.tensor([w, h])


def some(*shape: int) -> Tensor:
    """A mask with tokens here and there, and none at all in the last picture."""
    mask = draw(*shape, seed=5) > 0.3
    mask[-1] = False
    return mask


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_any_number_of_gazes_errs_little(n: int, device: str) -> None:
    others: dict[str, Any] = {"gaze": looks(1, n, 9, 13), "e2": 1.7, "levels": 3}
    assert_errs_little(fast, formula, inputs(9, 13, n), others, device=device)


@pytest.mark.parametrize(
    ("h", "w"),
    [(1, 1), (17, 2), pytest.param(1, 63, marks=pytest.mark.slow), pytest.param(9, 18, marks=pytest.mark.slow)],
)
def test_any_grid_that_looks_from_its_own_places_errs_little(h: int, w: int, device: str) -> None:
    assert_errs_little(fast, formula, inputs(h, w), {"gaze": None, "e2": 1.0, "levels": 4}, device=device)


@pytest.mark.slow
@pytest.mark.parametrize(("e2", "levels"), [(0.0, 3), (0.3, 4), (inf, 3), (2.0, 1), (3.0, 5)])
def test_any_scale_and_number_of_levels_errs_little(e2: float, levels: int, device: str) -> None:
    others = {"gaze": looks(1, 17, 10, 20), "e2": e2, "levels": levels}
    assert_errs_little(fast, formula, inputs(10, 20, 17), others, device=device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_errs_little_with_gaps_padding_and_empty_pictures(dtype: torch.dtype, device: str) -> None:
    others = {"gaze": looks(2, 17, 5, 9), "e2": 2.0, "levels": 3, "mask": some(2, 5, 9)}
    assert_errs_little(fast, formula, inputs(5, 9, 17, b=2, heads=2, d=5), others, dtype, device, noncontiguous=True)


@pytest.mark.slow
def test_a_grid_with_padding_errs_little(device: str) -> None:
    others = {"gaze": None, "e2": 2.0, "levels": 3, "mask": some(2, 5, 9)}
    assert_errs_little(
        fast, formula, inputs(5, 9, b=2, heads=2, d=5), others, torch.float16, device, noncontiguous=True
    )


@pytest.mark.slow
def test_a_wide_head_errs_little(device: str) -> None:
    others = {"gaze": looks(1, 20, 7, 12), "e2": 2.0, "levels": 3}
    assert_errs_little(fast, formula, inputs(7, 12, 20, d=70), others, device=device)


def test_leaves_are_those_of_the_plain_form_also_when_a_limit_is_met_exactly(device: str) -> None:
    """Between tokens, a gaze is exactly 2 or 6 tokens away from centres of cells: there the scale just suffices."""
    q, k, v = (x.to(device) for x in inputs(8, 16, 40).values())
    gaze = torch.tensor([[(x, y) for x in range(1, 9) for y in range(1, 6)]], device=device).float()
    want = foveal_attention(q, k, v, gaze, 2.0, 3, impl="reference")
    torch.testing.assert_close(fast(q, k, v, gaze, 2.0, 3), want)
    exact = leaves(gaze.cpu(), 8, 16, 2.0, 3)[0]
    assert not torch.equal(exact, leaves(gaze.cpu(), 8, 16, 2.0 + 1e-9, 3)[0])
    torch.testing.assert_close(formula(q, k, v, gaze, 2.0, 3), want)


@pytest.mark.slow
def test_cells_far_above_and_below_a_wide_fovea_err_little(device: str) -> None:
    """The blocks beside the gaze hold no leaf of a coarse level, those farther along the picture do."""
    others = {"gaze": torch.tensor([[[2.0, 8.0], [1.5, 60.5], [3.5, 40.0]]]), "e2": 16.0, "levels": 3}
    assert_errs_little(fast, formula, inputs(80, 4, 3, d=4), others, device=device)


def test_cells_out_of_sight_are_not_even_read(device: str) -> None:
    from attention.kernels.foveal import forward

    q, k, v = (x.to(device) for x in inputs(32, 32, 1).values())
    seen, count = pyramid(k, v, None, 4)
    for place, near in ((1.0, False), (7.5, True)):
        gaze = torch.full((1, 1, 2), place, device=device)
        spoilt = seen.clone()
        fine = spoilt[:, : 32 * 32].view(1, 32, 32, -1)
        fine[:, 8:, 8:] = float("nan")  # behind the corner, where cells are near along each axis only
        if not near:
            fine[:, 8:], fine[:, :, 8:] = float("nan"), float("nan")
        given = (count, gaze, (32, 32), 2.0, 4)
        torch.testing.assert_close(forward(q, spoilt, *given), forward(q, seen, *given), rtol=0, atol=0)


def test_an_empty_picture_gives_zeros_and_no_gradient(device: str) -> None:
    q, k, v = (x.to(device).requires_grad_() for x in inputs(4, 6).values())
    out = fast(q, k, v, None, 2.0, 3, torch.zeros(1, 4, 6, dtype=torch.bool, device=device))
    assert not out.any()
    out.sum().backward()
    assert all(x.grad is not None and not x.grad.any() for x in (q, k, v))


def test_torch_knows_the_operator_and_its_gradients(device: str) -> None:
    from attention.kernels.foveal import _attend

    given = [x.to(device).requires_grad_() for x in (draw(1, 1, 4, 8), draw(1, 1, 21, 8), draw(1, 1, 21, 8, seed=1))]
    others = (torch.zeros(1, 21, device=device), looks(1, 4, 3, 5).to(device), None, [3, 5], 2.0, 2)
    sets = ("test_schema", "test_faketensor", "test_autograd_registration")
    torch.library.opcheck(_attend, (*given, *others), test_utils=sets)


def test_what_the_kernel_cannot_do_is_refused() -> None:
    q, k, v = (x.double() for x in inputs(2, 3).values())
    with pytest.raises(ValueError, match=r"q is torch\.float64; the Triton twin takes"):
        fast(q, k, v, None, 2.0, 3)
