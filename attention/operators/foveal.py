"""Foveal attention: fine tokens near the point of gaze and pooled ones far away, in one softmax.

    softmax(s q k_c^T + log count_c) v_c   over the leaves c that the point of gaze asks for,   s = d ** -0.5

A pyramid covers the h x w tokens: a cell of level l pools 2^l x 2^l of them from the top left; `k_c v_c` are the means
over the `count_c` tokens that are there. From the top level down a cell is split in four while it is coarser than the
scale 1 + e / e2 that its place asks for, e being the distance of its centre from the gaze, in tokens:

    level l is split  <=>  floor(log2(1 + e / e2)) < l  <=>  e^2 < (e2 (2^l - 1))^2

so that every token is in exactly one leaf. At e = e2 the scale has doubled: e2 is about 2 degrees of visual angle times
tokens a degree (cortical magnification). A cell counts for all its tokens: e2 = inf is dense attention, equal keys give
the mean over all tokens. e2 = 0 splits nothing.

Shapes: `k v` (b, heads, h, w, d); `q` (b, heads, n, d) with `gaze` (b, n, 2) in tokens, x then y, (0.5, 0.5) being the
centre of the first token; or `q` (b, heads, h, w, d) without `gaze`: every token looks from its own centre. `mask`
(b, h, w) is true where there is a token. The plain form for given gazes weighs all cells: memory n x 4/3 h w. Without
gaze, tiles of queries share a few cells of each level, how many e2 tells, and all of the top level: memory grows with n
times (that number + h w / 4^(levels - 1)). No gradient flows to `gaze`: which cells are leaves has none.

Van Essen et al. 1984, https://doi.org/10.1016/0042-6989(84)90041-5. Strasburger et al. 2011,
https://doi.org/10.1167/11.5.13. Gupta et al. 2021 (eccNET), https://arxiv.org/abs/2106.02887. Shi 2024 (TransNeXt),
https://arxiv.org/abs/2311.17132, pools at one fixed scale and has one fixed window instead.
"""

from math import inf
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from attention import _checks
from attention._checks import Impl
from attention._pyramid import all_counts, all_leaves, centres, counts, kept, near, pooled, sides, tables
from attention.mixers import Mixer, cover, flat, keys
from attention.operators.dense import Rows, Weights, dense_attention, far, pick, scores, softmax

FEW = 512  # tokens up to which tiles of 4 x 4 cost less than tiles of 8 x 8
Heads = Float[Tensor, "b heads n d"]
Grid = Float[Tensor, "b heads h w d"]
TokenMask = Bool[Tensor, "b h w"]
Gaze = Float[Tensor, "b n 2"]


def foveal_attention(
    q: Float[Tensor, "b heads *n d"],
    k: Grid,
    v: Grid,
    gaze: Gaze | None = None,
    e2: float = 2.0,
    levels: int = 4,
    mask: TokenMask | None = None,
    *,
    impl: Impl = "auto",
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Float[Tensor, "b heads *n d"] | tuple[Float[Tensor, "b heads *n d"], Weights]:
    """What is seen from each point of gaze; with `return_weights` also how much of each token, for the queries `rows`.

    The weight of a leaf is shared by its tokens.

    >>> x = torch.tensor([3.0, 5.0, 1.0, 1.0]).view(1, 1, 1, 4, 1)
    >>> _, weights = foveal_attention(x[:, :, 0, :1], x, x, torch.tensor([[[0.5, 0.5]]]), 2, 2, return_weights=True)
    >>> weights[0, 0, 0] / weights[0, 0, 0, 3]  # the far two are one cell
    tensor([4.0343e+02, 1.6275e+05, 1.0000e+00, 1.0000e+00])
    """
    _checks.shapes(
        {
            "k": (k, "b heads h w d"),
            "v": (v, "b heads h w d"),
            "q": (q, "b heads h w d" if gaze is None else "b heads n d"),
            "gaze": (gaze, "b n 2"),
            "mask": (mask, "b h w"),
        }
    )
    _checks.alike(q=q, k=k, v=v)
    _checks.truth(mask=mask)
    _sensible(e2, levels)
    how: Any = (e2, levels, mask, impl)
    out = _own(q, k, v, *how) if gaze is None else _looked(q, k, v, gaze, *how)
    if not return_weights:
        return out
    h, w = k.shape[2:4]
    if gaze is None:
        q, gaze = q.flatten(2, 3), centres(h, w, q.device).expand(q.shape[0], h * w, 2)
    return out, _weights(pick(q, rows), k, gaze if rows is None else gaze[:, rows], e2, levels, mask)


def _sensible(e2: float, levels: int) -> None:
    if not e2 >= 0:
        raise ValueError(f"e2 is {e2}; it must be a number of tokens, at least 0.")
    if levels < 1:
        raise ValueError(f"levels is {levels}; it must be at least 1.")


def _looked(
    q: Heads, k: Grid, v: Grid, gaze: Gaze, e2: float, levels: int, mask: TokenMask | None, impl: Impl
) -> Heads:
    """From the given points of gaze."""
    h, w = k.shape[2:4]
    fast = _checks.triton(impl, q)
    if h == 0 or w == 0 or q.numel() == 0:
        return q * 0  # with its gradient
    if fast:
        from attention.kernels.foveal import forward

        out: Tensor = forward(q, *pyramid(k, v, mask, levels), gaze, (h, w), e2, levels)
        return out
    return _everywhere(q, k, v, all_leaves(gaze, h, w, e2, levels), levels, mask)


def _own(q: Grid, k: Grid, v: Grid, e2: float, levels: int, mask: TokenMask | None, impl: Impl) -> Grid:
    """From every token's own centre."""
    h, w = k.shape[2:4]
    fast = _checks.triton(impl, q)
    if q.numel() == 0:
        return q * 0  # with its gradient
    if fast:
        from attention.kernels.foveal import forward

        gaze, order = kept(centres, h, w, q.device), kept(near, h, w, q.device)
        pooled_kv, count = pyramid(k, v, mask, levels)
        out: Tensor = forward(
            q.flatten(2, 3), pooled_kv, count, gaze.expand(q.shape[0], -1, 2), (h, w), e2, levels, order
        )
        return out.reshape(q.shape)
    if e2 == inf or levels == 1:
        query, key, value = flat(q, k, v)
        plain = None if mask is None else q.new_zeros(1, 1, 1, 1)
        return dense_attention(query, key, value, plain, keys(mask)).reshape(q.shape)
    small = not torch.compiler.is_compiling() and h * w <= FEW  # a graph is for all sizes
    return _tiled(q, k, v, e2, levels, mask, 4 if small else 8)


def pyramid(
    k: Grid, v: Grid, mask: TokenMask | None, levels: int
) -> tuple[Float[Tensor, "b cells heads 2*d"], Float[Tensor, "#b cells"]]:
    """Keys and values of all cells side by side, and how many tokens each cell holds."""
    x = torch.cat([k.permute(0, 2, 3, 1, 4), v.permute(0, 2, 3, 1, 4)], -1)
    wide = x.to(torch.promote_types(k.dtype, torch.float32))
    if mask is None:
        count = kept(all_counts, *k.shape[2:4], levels, wide.dtype, k.device)
    else:
        count = counts(mask, levels, wide.dtype)
        wide = torch.where(mask[..., None, None], wide, 0)
    means = pooled(wide.flatten(3), count, levels).to(k.dtype)
    return means.reshape(*means.shape[:2], *x.shape[3:]), count


def _everywhere(q: Heads, k: Grid, v: Grid, leaf: Tensor, levels: int, mask: TokenMask | None) -> Heads:
    """Dense attention over the whole pyramid, all but the leaves masked."""
    pooled_kv, count = pyramid(k, v, mask, levels)
    bias = torch.where(leaf & (count > 0)[:, None], count.clamp(min=1).log()[:, None], far(q.dtype)).to(q.dtype)
    key, value = pooled_kv.transpose(1, 2).chunk(2, -1)
    out = scaled_dot_product_attention(q, key, value, attn_mask=bias[:, None])
    return out if mask is None else out * mask.flatten(1).any(-1)[:, None, None, None]


def _tiled(q: Grid, k: Grid, v: Grid, e2: float, levels: int, mask: TokenMask | None, side: int) -> Grid:
    """Tiles of queries, each with the keys that any of them may have as leaves."""
    b, heads, h, w, d = q.shape
    pooled_kv, count = pyramid(k, v, mask, levels)
    index, leaf = kept(tables, h, w, e2, levels, q.device, side)
    tiles, size = index.shape
    kv = pooled_kv.index_select(1, index.flatten()).reshape(b * tiles, size, heads, 2 * d).transpose(1, 2)
    count = count.index_select(1, index.flatten()).reshape(-1, tiles, 1, size)
    bias = torch.where(leaf & (count > 0), count.clamp(min=1).log(), far(q.dtype)).to(q.dtype)
    bias = bias.expand(b, tiles, side * side, size).reshape(b * tiles, 1, side * side, size)
    down, across = cover(h, side), cover(w, side)
    q = pad(q, (0, 0, 0, across * side - w, 0, down * side - h))
    q = q.reshape(b, heads, down, side, across, side, d).permute(0, 2, 4, 1, 3, 5, 6)
    key, value = kv.chunk(2, -1)
    out = scaled_dot_product_attention(q.reshape(b * tiles, heads, side * side, d), key, value, attn_mask=bias)
    out = out.reshape(b, down, across, heads, side, side, d).permute(0, 3, 1, 4, 2, 5, 6)
    out = out.reshape(b, heads, down * side, across * side, d)[:, :, :h, :w]
    return out if mask is None else out * mask.flatten(1).any(-1)[:, None, None, None, None]


def _weights(q: Heads, k: Grid, gaze: Gaze, e2: float, levels: int, mask: TokenMask | None) -> Weights:
    """How much of each token is seen: r x 4/3 h w numbers on the way."""
    h, w = k.shape[2:4]
    if q.numel() == 0 or h * w == 0:
        return q.new_zeros(*q.shape[:3], h * w)
    pooled_kv, count = pyramid(k, k, mask, levels)
    leaf = (all_leaves(gaze, h, w, e2, levels) & (count > 0)[:, None])[:, None]
    logits = scores(q, pooled_kv[..., : q.shape[-1]].transpose(1, 2)) + count.clamp(min=1).log()[:, None, None]
    shares = softmax(logits, leaf) / count.clamp(min=1)[:, None, None]
    whole, offset = shares.new_zeros(*shares.shape[:3], h, w), 0
    for level, (down, across) in enumerate(zip(sides(h, levels), sides(w, levels), strict=True)):
        cells = shares[..., offset : offset + down * across].reshape(*shares.shape[:3], down, across)
        whole = whole + cells.repeat_interleave(2**level, -2).repeat_interleave(2**level, -1)[..., :h, :w]
        offset += down * across
    return (whole if mask is None else whole * mask[:, None, None]).flatten(3).to(q.dtype)


class FovealMixer(Mixer):
    """Every token looks from its own centre: sharply at its neighbours, at the gist of what is far."""

    position_dependent = True

    def __init__(self, dim: int, heads: int = 4, e2: float = 2.0, levels: int = 4) -> None:
        super().__init__(dim, heads)
        _sensible(e2, levels)
        self.e2, self.levels = e2, levels

    def attend(
        self, q: Grid, k: Grid, v: Grid, x: Tensor, mask: TokenMask | None, boxes: Tensor | None
    ) -> Float[Tensor, "b heads h w d"]:
        """What each token sees around it and far away."""
        attended: Any = foveal_attention(q, k, v, e2=self.e2, levels=self.levels, mask=mask)
        return attended  # type: ignore[no-any-return]
