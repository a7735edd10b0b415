"""Relational attention: objects that know how they lie to each other, wherever they are.

    softmax(s q k^T + B) v,   s = d ** -0.5,   B_ij = w . psi(box_i, box_j),   one w of 12 numbers a head

psi of query box i and key box j, with r the distance and (dx, dy) the way from centre to centre:

    0-3      exp(-(r / sigma)^2 / 2),     sigma = 1, 2, 4, 8 in the boxes' unit
    4-7      exp(-(r / (rho s))^2 / 2),   rho = 0.5, 1, 2, 4, s = sqrt(width * height) of box i
    8, 9     dx / r, dy / r               0 for the same centre
    10, 11   log(w_j / w_i), log(h_j / h_i)

Boxes are x, y, width, height, best in degrees of visual angle. One without width or height has no place: psi is 0.

Shapes: `q` is (b, heads, n, d), `k v` are (b, heads, m, d), `boxes` (b or 1, n, 4) those of the queries, `others`
(b or 1, m, 4) those of the keys, `weight` (heads, 12). The plain form stores psi: its memory grows with n * m; the
Triton twin's with n + m. Boxes get no gradient. It generalises Gaussian position codes of grids to free layouts;
relations of boxes in attention are from Hu et al. 2018 (Relation Networks), https://arxiv.org/abs/1711.11575.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import threshold

from attention import _checks
from attention._checks import Impl
from attention.mixers import Boxes, Grid, Mixer, TokenMask, cells, flat, keys
from attention.operators.dense import Heads, Keys, Mask, Rows, Weights, exact, gather, pick, pick_mask, scores, softmax

DEGREES = (1.0, 2.0, 4.0, 8.0)
SIZES = (0.5, 1.0, 2.0, 4.0)
LEAST = -80.0  # its exponential is nothing beside 1; below come the slow denormal numbers
BEYOND = 1e8  # so far away nothing is related; finite, because runtimes disagree on sums with infinity
TINY = 1e-9  # likewise for what is raised to the fourth power
FEATURES = len(DEGREES) + len(SIZES) + 4
Queries = Float[Tensor, "#b n 4"]
Others = Float[Tensor, "#b m 4"]
Weight = Float[Tensor, "heads 12"]
Bias = Float[Tensor, "#b heads n m"]


def relational_attention(
    q: Heads,
    k: Keys,
    v: Keys,
    boxes: Queries,
    others: Others,
    weight: Weight,
    mask: Mask | None = None,
    *,
    impl: Impl = "auto",
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Heads | tuple[Heads, Weights]:
    """What each query sees; with `return_weights`, also the weights of the `rows`.

    `mask` is true where a key may be seen; a query that may see nothing gets zeros. `weight` is float32 or q's dtype.

    >>> x, weight = torch.tensor([[[[1.0], [3.0]]]]), torch.zeros(1, 12)
    >>> weight[0, 8] = 100.0  # looks to the right
    >>> boxes = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [5.0, 0.0, 1.0, 1.0]]])
    >>> relational_attention(0 * x, x, x, boxes, boxes, weight).flatten()
    tensor([3., 3.])
    """
    layout = {"boxes": (boxes, "#b n 4"), "others": (others, "#b m 4"), "weight": (weight, "heads 12")}
    _checks.fit(_checks.sequences(q, k, v), layout, mask=(mask, "#b #heads #n #m"))
    if weight.dtype not in (torch.float32, q.dtype):
        raise ValueError(f"weight is {weight.dtype}; it must be torch.float32 or as q, {q.dtype}.")
    for name, given in {"boxes": boxes, "others": others}.items():
        if given.requires_grad:
            raise ValueError(f"{name} requires a gradient; boxes are given and get none: detach them.")
    attended = _attend(q, k, v, (boxes, others, weight), mask, impl)
    if not return_weights:
        return attended
    near = bias(boxes if rows is None else boxes[:, rows], others, weight)
    return attended, softmax(scores(pick(q, rows), k, near), pick_mask(mask, rows)).to(q.dtype)


def _places(boxes: Float[Tensor, "b n 4"], far: float) -> tuple[Tensor, Tensor, Tensor]:
    """Centres (b, 2, n), sizes (b, 2, n), and which have a place (b, n); without one, of size 1 and `far` away."""
    wide = boxes.to(torch.promote_types(boxes.dtype, torch.float32)).mT.contiguous()  # or all that follows is slow
    there = (wide[:, 2:] > 0).all(1)
    centres = torch.add(wide[:, :2], wide[:, 2:], alpha=0.5)
    return torch.where(there[:, None], centres, far), torch.where(there[:, None], wide[:, 2:], 1.0), there


def _near(ways: Float[Tensor, "b 2 n m"], sizes: Float[Tensor, "b 2 n"]) -> Float[Tensor, "b 10 n m"]:
    """The numbers of psi that depend on the way from centre to centre; 0 beyond `BEYOND`."""
    x, y = ways.unbind(1)
    square = torch.addcmul(x * x, y, y)
    area = sizes.prod(1)
    widths = torch.stack([torch.full_like(area, -0.5 / DEGREES[-1] ** 2), -0.5 / SIZES[-1] ** 2 / area], 1)
    exponents = square[:, None] * widths[..., None]
    widest = threshold(exponents, LEAST, -1e4).exp()  # exactly 0
    parts = [widest]
    for _ in DEGREES[1:]:  # half as wide is the fourth power; what would become denormal is nothing
        parts.append(threshold(parts[-1], TINY, 0.0).square().square())
    return torch.cat([*parts, ways * threshold(square.clamp(min=1e-12).rsqrt(), 1 / BEYOND, 0.0)[:, None]], 1)


@exact
def bias(boxes: Queries, others: Others, weight: Weight) -> Bias:
    """B of all pairs, in float32 at least."""
    (here, sizes, there), (away, wides, yonder) = _places(boxes, 10 * BEYOND), _places(others, -10 * BEYOND)
    near = _near(away[:, :, None] - here[..., None], sizes)
    wide = torch.promote_types(near.dtype, weight.dtype)
    weight, (b, _, n, m) = weight.to(wide), near.shape
    levels = [weight[:, :4].flip(1), weight[:, 4:8].flip(1)]
    ordered = torch.cat([torch.stack(levels, -1).flatten(1), weight[:, 8:10]], 1)
    position_scores = torch.bmm(ordered.expand(b, -1, -1), near.flatten(2).to(wide)).reshape(b * weight.shape[0], n, m)
    sides = weight[:, None, 10:].expand(b, -1, n, -1)
    own = weight[:, 10:] @ sizes.log().to(wide)  # the logarithms are sums of one of the query and one of the key
    query = torch.cat([sides, -own[..., None].expand(b, -1, -1, 1)], -1) * there[:, None, :, None]
    key = torch.cat([wides.log(), torch.ones_like(wides[:, :1])], 1).to(wide) * yonder[:, None]
    key = key[:, None].expand(b, weight.shape[0], -1, -1)
    return torch.baddbmm(position_scores, query.flatten(0, 1), key.flatten(0, 1)).reshape(b, weight.shape[0], n, m)


def bias_of_cells(h: int, w: int, weight: Weight) -> Float[Tensor, "1 heads n n"]:
    """B among the unit cells of a grid: it depends only on the way from cell to cell, so each way is computed once."""
    row = torch.arange(1 - h, h, device=weight.device, dtype=torch.float32)[:, None].expand(2 * h - 1, 2 * w - 1)
    column = torch.arange(1 - w, w, device=weight.device, dtype=torch.float32).expand(2 * h - 1, 2 * w - 1)
    one = torch.ones_like(row)
    ways = torch.stack([column, row, one, one], -1).flatten(0, 1)[None]
    table = bias(weight.new_tensor([[[0, 0, 1, 1]]], dtype=torch.float32), ways, weight)[0, :, 0]
    down, right = torch.arange(h, device=weight.device)[:, None], torch.arange(w, device=weight.device)
    offset_index = (down * (2 * w - 1) + right).flatten()
    middle = (h - 1) * (2 * w - 1) + w - 1
    among = offset_index - offset_index[:, None] + middle
    return table.index_select(1, among.flatten()).reshape(1, -1, h * w, h * w)


def _attend(q: Heads, k: Keys, v: Keys, how: tuple[Queries, Others, Weight], mask: Mask | None, impl: Impl) -> Heads:
    if _checks.triton(impl, q):
        from attention.kernels.relational import forward

        boxes, others, weight = how
        b = q.shape[0]
        fast: Tensor = forward(q, k, v, boxes.expand(b, -1, -1), others.expand(b, -1, -1), weight, mask)
        return fast
    return _biased(q, k, v, bias(*how), mask)


@exact
def _biased(q: Heads, k: Keys, v: Keys, extra: Bias, mask: Mask | None) -> Heads:
    """Not through torch's fused kernel: it would round the bias to q's dtype, and with one it does not export."""
    wide = torch.promote_types(extra.dtype, q.dtype)
    logits = torch.baddbmm(
        extra.to(wide).expand(*q.shape[:3], k.shape[2]).flatten(0, 1),
        q.to(wide).flatten(0, 1),
        k.to(wide).flatten(0, 1).mT,
        alpha=q.shape[-1] ** -0.5,
    )
    return gather(softmax(logits.reshape(*q.shape[:3], k.shape[2]), mask), v)


class RelationalMixer(Mixer):
    """Tokens that know how they lie to each other: objects by their boxes, a grid's tokens by their cells.

    It starts as attention without any place. All see all: cost grows with the square of the number of tokens.
    """

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__(dim, heads)
        self.weight = nn.Parameter(torch.zeros(heads, FEATURES))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, x: Grid, mask: TokenMask | None, boxes: Boxes | None) -> Tensor:
        """What each head of each token sees."""
        q, k, v = flat(q, k, v)
        h, w = x.shape[1:3]
        if boxes is None and not _checks.triton("auto", q):
            attended = _biased(q, k, v, bias_of_cells(h, w, self.weight), keys(mask))
        else:
            lie = (cells(x[:1]) if boxes is None else boxes).flatten(1, 2)
            attended = _attend(q, k, v, (lie, lie, self.weight), keys(mask), "auto")
        return attended.reshape(*q.shape[:2], h, w, -1)
