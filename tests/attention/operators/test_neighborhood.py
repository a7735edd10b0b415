"""Neighborhood attention against a loop, over one, two and three axes, its tiles at borders, and its mixer."""

import itertools
from collections.abc import Sequence
from math import prod

import pytest
import torch
from torch import Tensor

from attention.operators.neighborhood import NeighborhoodMixer, neighborhood_attention
from tests.proof import DTYPES, assert_errs_little, draw

LARGE = [
    ((300,), 7, 1),
    ((261,), 8, 2),
    ((17, 20), 5, 1),
    ((37, 5), (3, 9), (2, 2)),
    ((9, 10, 3), (3, 2, 5), (1, 2, 1)),
]
SMALL = [((1,), 7, 1), ((17,), 3, 1), ((5,), 2, 7), ((1, 9), 3, 1), ((4, 6), (2, 3), (1, 2)), ((2, 3, 4), 3, 1)]


def window_of(place: int, n: int, window: int, dilation: int) -> list[int]:
    """The tokens of one axis that a token sees: of those of its residue, so many, as central as the border allows."""
    mine = list(range(place % dilation, n, dilation))
    before = min(mine.index(place), window // 2)
    first = max(min(mine.index(place) - before, len(mine) - window), 0)
    return mine[first : first + window]


def each(value: int | Sequence[int], grid: Sequence[int]) -> Sequence[int]:
    return (value,) * len(grid) if isinstance(value, int) else value


def loop(
    q: Tensor, k: Tensor, v: Tensor, window: int | Sequence[int], dilation: int | Sequence[int] = 1,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """One picture, one head, one token after the other."""
    b, heads, *grid, d = q.shape
    out = torch.zeros_like(v)
    for i, place in itertools.product(range(b), itertools.product(*(range(n) for n in grid))):
        axes = zip(place, grid, each(window, grid), each(dilation, grid), strict=True)
        near = list(itertools.product(*(window_of(*axis) for axis in axes)))
        near = [other for other in near if mask is None or mask[(i, *other)]]
        for head in range(heads if near else 0):
            logits = torch.stack([q[(i, head, *place)] @ k[(i, head, *other)] for other in near]) / d**0.5
            out[(i, head, *place)] = logits.softmax(0) @ torch.stack([v[(i, head, *other)] for other in near])
    return out


def formula(q: Tensor, k: Tensor, v: Tensor, window: int, dilation: int, mask: Tensor) -> Tensor:
    """All pairs, those out of reach masked away."""
    grid = q.shape[2:-1]
    sees = torch.zeros(*grid, *grid, dtype=torch.bool)
    for place in itertools.product(*(range(n) for n in grid)):
        axes = zip(place, grid, each(window, grid), each(dilation, grid), strict=True)
        for other in itertools.product(*(window_of(*axis) for axis in axes)):
            sees[(*place, *other)] = True
    seen = sees.view(1, 1, prod(grid), prod(grid)) & mask.flatten(1)[:, None, None]
    logits = q.flatten(2, -2) @ k.flatten(2, -2).mT * q.shape[-1] ** -0.5
    weights = torch.where(seen, logits, torch.finfo(q.dtype).min).softmax(-1) * seen
    return (weights @ v.flatten(2, -2)).view(v.shape)


def plain(q: Tensor, k: Tensor, v: Tensor, window: int, dilation: int = 1, mask: Tensor | None = None) -> Tensor:
    out = neighborhood_attention(q, k, v, window, dilation, mask)
    assert isinstance(out, Tensor)
    return out


def inputs(*grid: int, b: int = 1, heads: int = 2, d: int = 4) -> dict[str, Tensor]:
    return {name: draw(b, heads, *grid, d, seed=i) for i, name in enumerate("qkv")}


@pytest.mark.slow
@pytest.mark.parametrize(("grid", "window", "dilation"), [*SMALL, *LARGE])
def test_attention_is_what_a_loop_computes(grid: tuple[int, ...], window: int, dilation: int) -> None:
    q, k, v = (x.double() for x in inputs(*grid, b=2, heads=1).values())
    mask = draw(2, *grid, seed=4) > 0.6
    mask[1] = True
    for given in (None, mask):
        want = loop(q, k, v, window, dilation, given)
        torch.testing.assert_close(plain(q, k, v, window, dilation, given), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("grid", [(5, 6), (19, 21), (140,)])
def test_output_and_gradients_err_little(grid: tuple[int, ...], dtype: torch.dtype) -> None:
    others = {"window": 5, "dilation": 1, "mask": draw(2, *grid, seed=4) > 0.5}
    assert_errs_little(plain, formula, inputs(*grid, b=2), others, dtype, noncontiguous=True)


def test_a_window_of_one_returns_the_values_and_a_window_over_all_is_dense_attention() -> None:
    q, k, v = inputs(18, 19).values()
    torch.testing.assert_close(plain(q, k, v, 1), v)
    dense = torch.nn.functional.scaled_dot_product_attention(*(x.flatten(2, 3) for x in (q, k, v)))
    torch.testing.assert_close(plain(q, k, v, 19).flatten(2, 3), dense)
    torch.testing.assert_close(plain(q, k, v, 100).flatten(2, 3), dense)


@pytest.mark.parametrize("grid", [(9, 13), (20, 23)])
def test_every_token_sees_equally_many_and_itself(grid: tuple[int, int]) -> None:
    q, k, v = inputs(*grid).values()
    _, weights = neighborhood_attention(q, k, v, 5, return_weights=True)
    assert (weights > 0).sum(-1).eq(25).all()
    assert weights.diagonal(dim1=-2, dim2=-1).gt(0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))


@pytest.mark.parametrize("grid", [(30,), (9, 13), (20, 23), (3, 4, 5)])
def test_weights_of_chosen_rows_are_those_of_the_output(grid: tuple[int, ...]) -> None:
    q, k, v = inputs(*grid).values()
    mask, rows = draw(1, *grid, seed=4) > 0, torch.tensor([0, 17, 3])
    out, weights = neighborhood_attention(q, k, v, 3, 2, mask, return_weights=True, rows=rows)
    assert weights.shape == (1, 2, 3, prod(grid))
    torch.testing.assert_close(weights @ v.flatten(2, -2), out.flatten(2, -2)[:, :, rows])


def test_dilated_attention_is_that_of_each_residue_alone() -> None:
    q, k, v = inputs(21, 40).values()
    out = plain(q, k, v, 3, 2)
    for y, x in itertools.product(range(2), range(2)):
        part = (t[:, :, y::2, x::2] for t in (q, k, v))
        torch.testing.assert_close(out[:, :, y::2, x::2], plain(*part, 3))


def test_a_row_is_a_sequence() -> None:
    q, k, v = inputs(1, 150).values()
    torch.testing.assert_close(plain(q, k, v, 7)[:, :, 0], plain(q[:, :, 0], k[:, :, 0], v[:, :, 0], 7))


@pytest.mark.parametrize("grid", [(4, 5), (20, 21)])
def test_who_sees_nothing_gets_zeros(grid: tuple[int, int]) -> None:
    q, k, v = (x.requires_grad_() for x in inputs(*grid).values())
    out = plain(q, k, v, 3, 1, torch.zeros(1, *grid, dtype=torch.bool))
    assert not out.any()
    out.sum().backward()
    assert all(x.grad is not None and not x.grad.any() for x in (q, k, v))


@pytest.mark.parametrize("shape", [(1, 2, 0, 4), (1, 2, 3, 0, 4), (0, 2, 30, 30, 4), (1, 2, 0, 3, 3, 4)])
def test_nothing_comes_of_nothing(shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    assert plain(x, x, x, 3).shape == shape


def test_what_does_not_fit_is_named() -> None:
    x = torch.zeros(1, 1, 3, 4, 2)
    with pytest.raises(ValueError, match=r"k is \(1, 1, 3, 5, 2\); it must be .* w = 4"):
        neighborhood_attention(x, torch.zeros(1, 1, 3, 5, 2), x, 3)
    with pytest.raises(ValueError, match=r"q is \(3, 4, 2\); it must be \(b, heads, n, d\)"):
        neighborhood_attention(x[0, 0], x[0, 0], x[0, 0], 3)
    with pytest.raises(ValueError, match=r"mask is torch.float32; it must be torch.bool"):
        neighborhood_attention(x, x, x, 3, mask=torch.ones(1, 3, 4))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="window is 0; it must be a number from 1, or 2 of them"):
        neighborhood_attention(x, x, x, 0)
    with pytest.raises(ValueError, match=r"dilation is \(1, 1, 1\)"):
        neighborhood_attention(x, x, x, 3, (1, 1, 1))
    with pytest.raises(ValueError, match="only impl='reference'"):
        neighborhood_attention(*torch.zeros(3, 1, 1, 2, 3, 4, 2), 3, impl="triton")


def test_a_mixer_changes_only_what_is_near() -> None:
    torch.manual_seed(0)
    mixer = NeighborhoodMixer(8, 2, window=5, dilation=2)
    x = torch.randn(1, 30, 30, 8)
    changed = x.clone()
    changed[0, 14, 14] += 1
    ys, xs = (mixer(x) != mixer(changed)).any(-1)[0].nonzero(as_tuple=True)
    assert sorted(set(ys.tolist())) == sorted(set(xs.tolist())) == [10, 12, 14, 16, 18]
