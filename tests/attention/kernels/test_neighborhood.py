"""The tiles of neighborhood attention against a masked dense matrix, in Triton's interpreter or on a GPU."""

import itertools
from collections.abc import Sequence
from math import prod

import pytest
import torch
from torch import Tensor

from attention.operators.neighborhood import neighborhood_attention
from tests.proof import DTYPES, SIZES, assert_errs_little, draw

pytestmark = pytest.mark.usefixtures("poison")


def window_of(place: int, n: int, window: int, dilation: int) -> list[int]:
    """The tokens of one axis that a token sees: of those of its residue, so many, as central as the border allows."""
    mine = list(range(place % dilation, n, dilation))
    before = min(mine.index(place), window // 2)
    first = max(min(mine.index(place) - before, len(mine) - window), 0)
    return mine[first : first + window]


def pairs(grid: Sequence[int], window: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """Which token sees which."""
    sees = torch.zeros(*grid, *grid, dtype=torch.bool)
    for place in itertools.product(*(range(n) for n in grid)):
        axes = zip(place, grid, window, dilation, strict=True)
        for other in itertools.product(*(window_of(*axis) for axis in axes)):
            sees[(*place, *other)] = True
    return sees.view(prod(grid), prod(grid))


def formula(q: Tensor, k: Tensor, v: Tensor, window: int, dilation: int, mask: Tensor | None = None) -> Tensor:
    grid = q.shape[2:-1]
    sees = pairs(grid, (window,) * len(grid), (dilation,) * len(grid)).to(q.device)[None, None]
    if mask is not None:
        sees = sees & mask.flatten(1)[:, None, None]
    logits = q.flatten(2, -2) @ k.flatten(2, -2).mT * q.shape[-1] ** -0.5
    weights = torch.where(sees, logits, torch.finfo(q.dtype).min).softmax(-1) * sees
    return (weights @ v.flatten(2, -2)).view(v.shape)


def fast(q: Tensor, k: Tensor, v: Tensor, window: int, dilation: int, mask: Tensor | None = None) -> Tensor:
    out = neighborhood_attention(q, k, v, window, dilation, mask, impl="triton")
    assert isinstance(out, Tensor)
    return out


def inputs(*grid: int, b: int = 1, heads: int = 1, d: int = 8) -> dict[str, Tensor]:
    return {name: draw(b, heads, *grid, d, seed=i) for i, name in enumerate("qkv")}


def some(*shape: int) -> Tensor:
    """A mask with tokens here and there, and none at all in the first picture's beginning."""
    mask = draw(*shape, seed=5) > 0.5
    mask[0].view(-1)[: mask[0].numel() // 2] = False
    return mask


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_one_axis_errs_little(n: int, device: str) -> None:
    assert_errs_little(fast, formula, inputs(n), {"window": 7, "dilation": 1}, device=device)


@pytest.mark.slow
@pytest.mark.parametrize("grid", [(1, 1), (17, 1), (9, 17), (5, 11)])
def test_two_axes_err_little(grid: tuple[int, int], device: str) -> None:
    assert_errs_little(fast, formula, inputs(*grid), {"window": 5, "dilation": 1}, device=device)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "window", "dilation"), [(100, 2, 1), (70, 30, 1), (17, 20, 1), (17, 1, 1), (63, 6, 3), (2, 3, 4)]
)
def test_even_wide_and_dilated_windows_err_little(n: int, window: int, dilation: int, device: str) -> None:
    assert_errs_little(fast, formula, inputs(n), {"window": window, "dilation": dilation}, device=device)


@pytest.mark.slow
@pytest.mark.parametrize(("grid", "window", "dilation"), [((17, 5), 3, 2), ((4, 7), 2, 3)])
def test_dilated_planes_err_little(grid: tuple[int, int], window: int, dilation: int, device: str) -> None:
    assert_errs_little(fast, formula, inputs(*grid), {"window": window, "dilation": dilation}, device=device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_errs_little_with_gaps_and_padding(dtype: torch.dtype, device: str) -> None:
    others = {"window": 5, "dilation": 1, "mask": some(2, 7, 8)}
    given = inputs(7, 8, b=2, heads=2, d=5)
    assert_errs_little(fast, formula, given, others, dtype, device, noncontiguous=True)


@pytest.mark.slow
def test_padding_errs_little_when_dilated_and_on_one_axis(device: str) -> None:
    assert_errs_little(fast, formula, inputs(5, 6), {"window": 3, "dilation": 2, "mask": some(1, 5, 6)}, device=device)
    assert_errs_little(fast, formula, inputs(63), {"window": 3, "dilation": 2, "mask": some(1, 63)}, device=device)


@pytest.mark.slow
def test_a_wide_head_errs_little(device: str) -> None:
    assert_errs_little(fast, formula, inputs(4, 10, d=130), {"window": 3, "dilation": 1}, device=device)


def test_a_window_and_a_dilation_an_axis_are_as_in_the_plain_form(device: str) -> None:
    q, k, v = (x.to(device) for x in inputs(5, 10).values())
    got = neighborhood_attention(q, k, v, (3, 5), (2, 1), impl="triton")
    torch.testing.assert_close(got, neighborhood_attention(q, k, v, (3, 5), (2, 1), impl="reference"))


def test_who_sees_nothing_gets_zeros_and_gives_no_gradient(device: str) -> None:
    q, k, v = (x.to(device).requires_grad_() for x in inputs(4, 6).values())
    out = fast(q, k, v, 3, 1, torch.zeros(1, 4, 6, dtype=torch.bool, device=device))
    assert not out.any()
    out.sum().backward()
    assert all(x.grad is not None and not x.grad.any() for x in (q, k, v))


def test_a_key_near_the_border_hears_from_all_who_reach_it(device: str) -> None:
    """The clamped window of a corner reaches to its far side: gradients to each key count exactly those who see it."""
    n, window = 100, 70  # longer than a tile
    q, k = (torch.zeros(1, 1, n, 1, device=device) for _ in range(2))
    v = torch.zeros(1, 1, n, 1, device=device, requires_grad=True)
    fast(q, k, v, window, 1).sum().backward()
    assert v.grad is not None
    torch.testing.assert_close(v.grad.flatten().cpu() * window, pairs([n], [window], [1]).sum(0).float())


def test_a_head_without_tokens_is_empty(device: str) -> None:
    q, k, v = (x.to(device).requires_grad_() for x in inputs(0, 3).values())
    fast(q, k, v, 3, 1).sum().backward()
    assert v.grad is not None
    assert v.grad.shape == (1, 1, 0, 3, 8)


@pytest.mark.slow
def test_torch_knows_the_operator(device: str) -> None:
    import attention.kernels.neighborhood  # noqa: F401 - registers it

    q, k, v = (x.to(device).requires_grad_() for x in inputs(3, 5).values())
    mask = some(1, 3, 5).to(device)
    torch.library.opcheck(torch.ops.gaze.neighborhood, (q, k, v, mask, [3, 3], [1, 1]))


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu)])
def test_it_can_be_compiled(device: str) -> None:
    q, k, v = (x.to(device) for x in inputs(12, 16).values())
    got = torch.compile(fast, fullgraph=True)(q, k, v, 7, 1)
    torch.testing.assert_close(got, fast(q, k, v, 7, 1))


def test_what_the_kernel_cannot_do_raises(device: str) -> None:
    q, k, v = (x.to(device) for x in inputs(2, 3, 4).values())
    with pytest.raises(ValueError, match="only impl='reference'"):
        fast(q, k, v, 3, 1)
    q, k, v = (x.to(device).double() for x in inputs(3, 4).values())
    with pytest.raises(ValueError, match="float64"):
        fast(q, k, v, 3, 1)
    q, k, v = (x.to(device) for x in inputs(3, 4).values())
    with pytest.raises(ValueError, match=r"mask is \(1, 4, 3\); it must be \(b, h, w\) with b = 1, h = 3, w = 4"):
        fast(q, k, v, 3, 1, torch.ones(1, 4, 3, dtype=torch.bool, device=device))
