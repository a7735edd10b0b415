"""Neighborhood attention: every token weighs the tokens nearest to it, as many at the border as in the middle.

    softmax over j in N(i) of (s q_i k_j) times v_j,   s = d ** -0.5
    N(p) = start .. start + window - 1,   start = clamp(p - window // 2, 0, max(length - window, 0))   along each axis

`q k v` are (b, heads, n, d), (b, heads, h, w, d) or (b, heads, t, h, w, d): one, two or three axes, and N(i) is the
product of theirs. An axis shorter than `window` is seen whole; an even window reaches one further back than forth.
With `dilation` D the tokens of one residue modulo D along an axis form a grid of their own, and positions and lengths
are theirs. A `mask` takes keys out of the window and does not move it. There is no bias for relative positions.

The plain form cuts the axes into tiles; the queries of a tile share a region of tile + window - 1 keys an axis, those
out of a query's reach masked: time and memory grow with n. The Triton twin knows one and two axes, not three.
Hassani et al. 2023, https://arxiv.org/abs/2204.07143, and 2024, https://arxiv.org/abs/2403.04690; dilation: Hassani and
Shi 2022, https://arxiv.org/abs/2209.15001.
"""

from math import prod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attention import _checks
from attention._checks import Impl
from attention.mixers import Boxes, Grid, Heads, Mixer, TokenMask
from attention.operators.dense import Rows, Weights, dense_attention, far, pick, scores, softmax

Tokens = Float[Tensor, "b heads *grid d"]
Mask = Bool[Tensor, "b *grid"]
Reach = int | tuple[int, ...]
AXES = {4: "n", 5: "h w", 6: "t h w"}
TILES = {1: 64, 2: 8, 3: 4}  # queries an axis: 64 in all, so that one product has something to do


def neighborhood_attention(
    q: Tokens,
    k: Tokens,
    v: Tokens,
    window: Reach,
    dilation: Reach = 1,
    mask: Mask | None = None,
    *,
    impl: Impl = "auto",
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Tokens | tuple[Tokens, Weights]:
    """What each token sees around it; `window` and `dilation` are a number, or one an axis.

    With `return_weights` also the weights of the tokens `rows`, counted row by row, over all of them: r x n numbers.

    >>> q, v = torch.zeros(1, 1, 5, 1), torch.arange(5.0).view(1, 1, 5, 1)
    >>> neighborhood_attention(q, q, v, 3).flatten()
    tensor([1., 1., 2., 3., 3.])
    """
    if q.ndim not in AXES:
        raise ValueError(f"q is {tuple(q.shape)}; it must be (b, heads, n, d), (b, heads, h, w, d) or with t before h.")
    axes = AXES[q.ndim]
    _checks.fit(_checks.same(f"b heads {axes} d", q=q, k=k, v=v), mask=(mask, f"b {axes}"))
    dims = q.ndim - 3
    windows, dilations = _each("window", window, dims), _each("dilation", dilation, dims)
    if _checks.triton(impl, q, possible=dims < 3):
        from attention.kernels.neighborhood import forward

        out: Tensor = forward(q, k, v, windows, dilations, mask)
    else:
        out = reference(q, k, v, windows, dilations, mask)
    return (out, weights(q, k, windows, dilations, mask, rows)) if return_weights else out


def _each(name: str, value: Reach, dims: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * dims
    if len(values) != dims or not all(isinstance(one, int) and one > 0 for one in values):
        raise ValueError(f"{name} is {value}; it must be a number from 1, or {dims} of them, one an axis.")
    return values


class Axis(NamedTuple):
    """How one axis is cut: a tile has t queries of one residue class, and r keys around them."""

    queries: Int[Tensor, "tiles t"]
    keys: Int[Tensor, "tiles r"]
    visible: Bool[Tensor, "tiles t r"]
    slots: Int[Tensor, " n"]  # where in `queries` each token is


def start(p: Int[Tensor, "*#p"], length: Int[Tensor, "*#p"] | int, window: int) -> Int[Tensor, "*p"]:
    """The first position that position p of so many sees.

    >>> start(torch.arange(5), 5, 3)
    tensor([0, 0, 1, 2, 2])
    """
    last = length - window
    reach = p - window // 2
    return (reach.minimum(last) if isinstance(last, Tensor) else reach.clamp(max=last)).clamp(min=0)


def cut(n: int, window: int, dilation: int, tile: int, device: torch.device) -> Axis:
    """The tiles of an axis of n tokens. A short axis is one tile; one of unknown length (export) is never that."""
    region = tile + window - 1
    if isinstance(n, int) and -(-n // dilation) <= max(2 * tile, region):
        tile = region = -(-n // dilation)
    tiles = (n + dilation * tile - 1) // (dilation * tile)
    residue = torch.arange(dilation, device=device)[:, None, None]
    length = (n - 1 - residue + dilation) // dilation
    first = torch.arange(tiles, device=device)[None, :, None] * tile
    p = first + torch.arange(tile, device=device)
    begin = start(first, length, window).minimum((length - region).clamp(min=0))
    other = begin + torch.arange(region, device=device)
    low = start(p, length, window)[..., None]
    visible = (other[:, :, None] >= low) & (other[:, :, None] < (low + window).minimum(length[..., None]))
    token = torch.arange(n, device=device)
    return Axis(
        (p * dilation + residue).clamp(max=n - 1).flatten(0, 1),  # the last tile may hold fewer tokens
        (other * dilation + residue).clamp(max=n - 1).flatten(0, 1),
        visible.flatten(0, 1),
        token % dilation * tiles * tile + token // dilation,
    )


def _spread(x: Tensor, axis: int, dims: int) -> Tensor:
    """Each axis of x among as many axes as the grid has: (tiles, t) of a second axis becomes (1, tiles, 1, t)."""
    shape = [1] * (dims * x.ndim)
    shape[axis::dims] = x.shape
    return x.reshape(shape)


def _flat(parts: list[Tensor], sizes: list[int]) -> Int[Tensor, " m"]:
    """The numbers, row by row, of places that are given along each axis."""
    number = torch.zeros((), dtype=torch.long, device=parts[0].device)
    for axis, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        number = number * size + _spread(part, axis, len(parts))
    return number.flatten()


def reference(
    q: Tokens, k: Tokens, v: Tokens, windows: tuple[int, ...], dilations: tuple[int, ...], mask: Mask | None
) -> Tokens:
    """The plain form: all pairs where the grid is small, else by tiles. A size that export leaves open is not small."""
    b, heads, *grid, d = q.shape
    dims = len(grid)
    if any(isinstance(size, int) and size == 0 for size in q.shape):
        return v.clone()
    if all(isinstance(n, int) and n <= max(2 * TILES[dims], window) for n, window in zip(grid, windows, strict=True)):
        return _pairs(q, k, v, near(q.shape[2:-1], windows, dilations, q.device), mask)
    cuts = [cut(*along, TILES[dims], q.device) for along in zip(grid, windows, dilations, strict=True)]
    within, around = prod(a.queries.shape[1] for a in cuts), prod(a.keys.shape[1] for a in cuts)
    queries, keys = _flat([a.queries for a in cuts], grid), _flat([a.keys for a in cuts], grid)

    low = far(q.dtype) / (dims + 1)  # as many may be added
    zero = torch.zeros((), dtype=q.dtype, device=q.device)
    bias = sum((_spread(torch.where(a.visible, zero, low), i, dims) for i, a in enumerate(cuts)), zero)
    bias = bias.reshape(-1, within, around).expand(b, -1, -1, -1)
    if mask is not None:
        there = mask.flatten(1).index_select(1, keys).reshape(b, -1, 1, around)
        bias = bias + torch.where(there, zero, low)
    bias = bias.reshape(-1, 1, within, around)

    def tiles(x: Tokens, index: Int[Tensor, " m"], size: int) -> Float[Tensor, "b_tiles heads t d"]:
        rows = x.movedim(1, -2).reshape(b, -1, heads * d).index_select(1, index)
        return rows.reshape(-1, size, heads, d).transpose(1, 2)

    attended = scaled_dot_product_attention(
        tiles(q, queries, within), tiles(k, keys, around), tiles(v, keys, around), attn_mask=bias
    )
    if mask is not None:
        attended = attended * (bias.amax(-1, keepdim=True) == 0)  # a query without any key
    places = attended.transpose(1, 2).reshape(b, -1, heads * d).index_select(1, _slots(cuts))
    return places.reshape(b, *grid, heads, d).movedim(-2, 1)


def _pairs(q: Tokens, k: Tokens, v: Tokens, visible: Bool[Tensor, "n n"], mask: Mask | None) -> Tokens:
    """The plain form of a small grid."""
    flat = [x.flatten(2, -2) for x in (q, k, v)]
    zero = torch.zeros((1, 1, 1, 1), dtype=q.dtype, device=q.device)
    if mask is None:
        out = dense_attention(flat[0], flat[1], flat[2], torch.where(visible, zero, far(q.dtype)))
    else:
        out = dense_attention(flat[0], flat[1], flat[2], zero, visible & mask.flatten(1)[:, None, None])
    return out.reshape(q.shape)


def _slots(cuts: list[Axis]) -> Int[Tensor, " n"]:
    """Where among the tiles, one after the other, each token of the grid is."""
    tile = _flat([a.slots // a.queries.shape[1] for a in cuts], [a.queries.shape[0] for a in cuts])
    inside = _flat([a.slots % a.queries.shape[1] for a in cuts], [a.queries.shape[1] for a in cuts])
    return tile * prod(a.queries.shape[1] for a in cuts) + inside


def near(
    grid: tuple[int, ...], windows: tuple[int, ...], dilations: tuple[int, ...], device: torch.device
) -> Bool[Tensor, "n n"]:
    """Which token sees which, all pairs of them."""
    visible = torch.ones((), dtype=torch.bool, device=device)
    for axis, (n, window, dilation) in enumerate(zip(grid, windows, dilations, strict=True)):
        token = torch.arange(n, device=device)
        if dilation == 1:
            low = start(token, n, window)[:, None]
            along = (token >= low) & (token < low + window)
        else:
            p, residue = token // dilation, token % dilation
            low = start(p, (n - 1 - residue + dilation) // dilation, window)[:, None]
            along = (p >= low) & (p < low + window) & (residue == residue[:, None])
        visible = visible & _spread(along, axis, len(grid))
    return visible.reshape(prod(grid), prod(grid))


def weights(
    q: Tokens,
    k: Tokens,
    windows: tuple[int, ...],
    dilations: tuple[int, ...],
    mask: Mask | None,
    rows: Rows | None,
) -> Weights:
    """The weights of these rows over all tokens, zero where a token is too far."""
    visible = near(q.shape[2:-1], windows, dilations, q.device)
    visible = (visible if rows is None else visible[rows])[None, None]
    if mask is not None:
        visible = visible & mask.flatten(1)[:, None, None]
    return softmax(scores(pick(q.flatten(2, -2), rows), k.flatten(2, -2)), visible).to(q.dtype)


class NeighborhoodMixer(Mixer):
    """Each token looks at the `window` x `window` tokens nearest to it."""

    position_dependent = True

    def __init__(self, dim: int, heads: int = 4, window: Reach = 7, dilation: Reach = 1) -> None:
        super().__init__(dim, heads)
        self.window, self.dilation = _each("window", window, 2), _each("dilation", dilation, 2)

    def attend(self, q: Heads, k: Heads, v: Heads, x: Grid, mask: TokenMask | None, boxes: Boxes | None) -> Heads:
        """What each token sees around it."""
        attended = neighborhood_attention(q, k, v, self.window, self.dilation, mask)
        assert isinstance(attended, Tensor)
        return attended
