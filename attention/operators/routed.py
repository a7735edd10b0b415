"""Routed attention: every region of the picture chooses the few regions its tokens look at.

    affinity = sum over heads of mean(q in region) . mean(k in region)
    routes   = the `top` regions of largest affinity, for each region
    out      = softmax(s q k^T) v,   each query over the tokens of its region's routes,   s = d ** -0.5

Shapes: `q k v` are (b, heads, h, w, d), n = h * w tokens in R = ceil(h / rows) * ceil(w / columns) regions of
t = rows * columns tokens. Memory grows with n * top for the gathered keys and values, and with R^2 = (n / t)^2 for the
affinity, small beside it up to some ten thousand tokens. The kernel gathers nothing. No gradient goes through the
choice: it learns only by what the tokens that were seen are worth, as in the paper. Zhu et al. 2023 (BiFormer),
https://arxiv.org/abs/2303.08810.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from attention import _checks
from attention._checks import Impl
from attention.mixers import Boxes, Grid, Heads, Mixer, TokenMask, flat
from attention.operators.agent import depthwise
from attention.operators.dense import Rows, Weights, far, pick, scores, softmax
from attention.operators.dual import Cut, Side, cut, join, places, sides, there

Routes = Int[Tensor, "b regions top"]
Present = Bool[Tensor, "#b regions t"]


def route(q: Heads, k: Heads, region: Side = 4, top: int = 4, mask: TokenMask | None = None) -> Routes:
    """The regions that each region looks at, most alike first; -1 where there are no more.

    Regions are counted row by row. One that holds no token is never chosen.

    >>> x = torch.tensor([1.0, 1.0, -7.0, 3.0]).view(1, 1, 1, 4, 1)  # two regions, whose means are 1 and -2
    >>> route(x, x, region=(1, 2), top=3)
    tensor([[[ 0,  1, -1],
             [ 1,  0, -1]]])
    """
    _check(q, k, None, mask)
    size = sides("region", region)
    return _named(*_route(cut(q, size), cut(k, size), there(q, mask, size), _at_least_one(top)))


def _route(q: Cut, k: Cut, present: Present, top: int) -> tuple[Float[Tensor, "b regions top"], Routes]:
    """Affinity and number of the best regions; where there are no more, -inf and whatever number up to R."""
    wide = torch.promote_types(q.dtype, torch.float32)
    with torch.no_grad():
        inside = present.to(wide)[:, None, ..., None]
        share = 1 / inside.sum(3).clamp(min=1)
        means = [((x * inside).sum(3) * share).transpose(1, 2).flatten(2) for x in (q, k)]
        affinity = means[0] @ means[1].transpose(1, 2)  # of all heads, side by side
        affinity = affinity.masked_fill(~present.any(-1)[:, None], -torch.inf)
        best = pad(affinity, (0, top), value=-torch.inf).topk(top)  # never fewer than `top` to choose from
        return best.values, best.indices.clamp(max=q.shape[2])


def _named(affinity: Float[Tensor, "b regions top"], numbers: Routes) -> Routes:
    return torch.where(affinity > -torch.inf, numbers, -1)


def _at_least_one(top: int) -> int:
    if top < 1:
        raise ValueError(f"top is {top}; it must be at least 1.")
    return top


def _check(q: Heads, k: Heads, v: Heads | None, mask: TokenMask | None) -> None:
    _checks.fit(_checks.same("b heads h w d", q=q, k=k, v=v), mask=(mask, "b h w"))


def _gathered(x: Cut, index: Int[Tensor, " gathered"], top: int) -> Float[Tensor, "pairs regions keys d"]:
    """The tokens of every region's routes, side by side; heads of pictures are one axis."""
    b, heads, regions, t, d = x.shape
    return x.reshape(b * heads * regions, t * d).index_select(0, index).view(b * heads, regions, top * t, d)


def _reference(
    q: Heads, k: Heads, v: Heads, size: tuple[int, int], top: int, mask: TokenMask | None
) -> tuple[Heads, Routes]:
    b, heads, h, w, _ = q.shape
    queries, many, values = (cut(x, size) for x in (q, k, v))
    regions, t = queries.shape[2:4]
    present = there(q, mask, size)
    affinity, numbers = _route(queries, many, present, top)
    of_heads = torch.arange(b * heads, device=q.device).view(b, heads, 1, 1) * regions
    index = (of_heads + numbers.clamp(max=regions - 1)[:, None]).flatten()
    low = pad((~present).to(q.dtype) * far(q.dtype), (0, 0, 0, 1), value=far(q.dtype)).expand(b, regions + 1, t)
    of_pictures = torch.arange(b, device=q.device).view(b, 1, 1) * (regions + 1)
    bias = low.reshape(b * (regions + 1), t).index_select(0, (of_pictures + numbers).flatten())
    bias = bias.view(b, 1, regions, 1, top * t)
    out = scaled_dot_product_attention(
        queries.flatten(0, 1),  # four dimensions: regions are heads to torch's fused kernel
        _gathered(many, index, top),
        _gathered(values, index, top),
        attn_mask=bias.expand(b, heads, regions, 1, top * t).flatten(0, 1),
    ).view(queries.shape)
    out = out if mask is None else out * (bias == 0).any(-1, keepdim=True)
    return join(out, size, h, w), _named(affinity, numbers)


def _weights(
    q: Heads, k: Heads, routes: Routes, size: tuple[int, int], mask: TokenMask | None, rows: Rows | None
) -> Weights:
    b, regions, _ = routes.shape
    positions = places(q.shape[2], q.shape[3], size, q.device)
    chosen = torch.zeros(b, regions, regions + 1, dtype=torch.bool, device=q.device)
    chosen = chosen.scatter(2, routes.where(routes >= 0, regions), True)
    visible = chosen[:, positions if rows is None else positions[rows]][:, :, positions][:, None]
    if mask is not None:
        visible = visible & mask.flatten(1)[:, None, None]
    few, many = flat(q, k)
    return softmax(scores(pick(few, rows), many), visible).to(q.dtype)


def routed_attention(
    q: Heads,
    k: Heads,
    v: Heads,
    region: Side = 4,
    top: int = 4,
    mask: TokenMask | None = None,
    *,
    impl: Impl = "auto",
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Heads | tuple[Heads, Weights]:
    """Attention of each token to the regions that its region chose; the output has the shape of q.

    Regions are cut from the top left corner; with `top` of them or fewer this is dense attention. `mask` is true where
    there is a token: others are neither averaged nor seen. The weights are (b, heads, r, h * w) for the tokens `rows`,
    counted row by row. The Triton kernel computes no gradient: `auto` takes the reference where one is needed.

    >>> x = torch.tensor([5.0, 5.0, -5.0, -5.0]).view(1, 1, 1, 4, 1)
    >>> v = torch.tensor([0.0, 2.0, 4.0, 6.0]).view(1, 1, 1, 4, 1)
    >>> routed_attention(x, x, v, region=(1, 2), top=1).flatten()
    tensor([1., 1., 5., 5.])
    """
    _check(q, k, v, mask)
    size, top = sides("region", region), _at_least_one(top)
    learns = torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v))
    if _checks.triton(impl, q, possible=impl == "triton" or not learns):
        from attention.kernels.routed import forward

        routes = route(q, k, size, top, mask)
        out = forward(q, k, v, routes, size, mask)
    else:
        out, routes = _reference(q, k, v, size, top, mask)
    return (out, _weights(q, k, routes, size, mask, rows)) if return_weights else out


class RoutedMixer(Mixer):
    """Routed attention, and the values nearby: `local` is a depth-wise 5 x 5 convolution of the values, added."""

    position_dependent = True

    def __init__(self, dim: int, heads: int = 4, region: Side = 4, top: int = 4) -> None:
        super().__init__(dim, heads)
        self.region, self.top = sides("region", region), _at_least_one(top)
        self.local = nn.Conv2d(dim, dim, 5, padding=2, groups=dim)

    def attend(self, q: Heads, k: Heads, v: Heads, x: Grid, mask: TokenMask | None, boxes: Boxes | None) -> Heads:
        """What the routed regions hold, and the values nearby."""
        if mask is not None:
            v = torch.where(mask[:, None, ..., None], v, 0.0)
        attended = routed_attention(q, k, v, self.region, self.top, mask)
        assert isinstance(attended, Tensor)
        return depthwise(self.local, v) + attended
