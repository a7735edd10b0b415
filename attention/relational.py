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

from collections.abc import Iterator
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attention import checks
from attention.checks import Impl
from attention.dense import Heads, Keys, Mask, Rows, Weights, pick, pick_mask, scores, softmax
from attention.mixer import Boxes, Grid, Mixer, There, cells, flat, keys

DEGREES = (1.0, 2.0, 4.0, 8.0)
SIZES = (0.5, 1.0, 2.0, 4.0)
LEAST = -80.0  # its exponential is nothing beside 1; below come the slow denormal numbers
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
    checks.shapes(
        {
            "q": (q, "b heads n d"),
            "k": (k, "b heads m d"),
            "v": (v, "b heads m d"),
            "boxes": (boxes, "#b n 4"),
            "others": (others, "#b m 4"),
            "weight": (weight, "heads 12"),
            "mask": (mask, "#b #heads #n #m"),
        }
    )
    checks.alike(q=q, k=k, v=v)
    checks.truth(mask=mask)
    if weight.dtype not in (torch.float32, q.dtype):
        raise ValueError(f"weight is {weight.dtype}; it must be torch.float32 or as q, {q.dtype}.")
    for name, given in {"boxes": boxes, "others": others}.items():
        if given.requires_grad:
            raise ValueError(f"{name} requires a gradient; boxes are given and get none: detach them.")
    seen = _seen(q, k, v, (boxes, others, weight), mask, impl)
    if not return_weights:
        return seen
    near = bias(boxes if rows is None else boxes[:, rows], others, weight)
    return seen, softmax(scores(pick(q, rows), k, near), pick_mask(mask, rows)).to(q.dtype)


def _centres(boxes: Float[Tensor, "b n 4"], axis: int) -> tuple[Tensor, ...]:
    """Centres and sizes, along queries (axis 2 is for the keys) or along keys; unit boxes for those without a place."""
    wide = boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    wide = torch.where((wide[..., 2:] > 0).all(-1, keepdim=True), wide, 1.0)
    x, y, w, h = wide.unsqueeze(axis).unbind(-1)
    return x + w / 2, y + h / 2, w, h


def _relation(boxes: Queries, others: Others) -> Iterator[Float[Tensor, "#b 4 n m"]]:
    """The numbers psi of all pairs, four by four, in float32 at least; of those without a place, any finite ones."""
    (x, y, w, h), (ox, oy, ow, oh) = _centres(boxes, 2), _centres(others, 1)
    dx, dy = ox - x, oy - y
    square = dx.square() + dy.square()
    for distance, widths in ((square, DEGREES), (square / (w * h), SIZES)):
        factors = distance.new_tensor([-0.5 / width**2 for width in widths])[:, None, None]
        yield (distance[:, None] * factors).clamp(min=LEAST).exp()
    way = square.sqrt().clamp(min=1e-6)
    yield torch.stack([dx / way, dy / way, ow.log() - w.log(), oh.log() - h.log()], 1)


def bias(boxes: Queries, others: Others, weight: Weight) -> Bias:
    """B of all pairs, in float32 at least."""
    there = (boxes[:, :, None, 2:] > 0).all(-1) & (others[:, None, :, 2:] > 0).all(-1)
    wide = torch.promote_types(torch.promote_types(boxes.dtype, torch.float32), weight.dtype)
    features = (four.to(wide).flatten(2) for four in _relation(boxes, others))
    told: Tensor = reduce(torch.add, (weight[:, 4 * i : 4 * i + 4].to(wide) @ four for i, four in enumerate(features)))
    return told.reshape(there.shape[0], weight.shape[0], *there.shape[1:]) * there[:, None].to(wide)


def bias_of_cells(h: int, w: int, weight: Weight) -> Float[Tensor, "1 heads n n"]:
    """B among the unit cells of a grid: it depends only on the way from cell to cell, so each way is computed once."""
    row = torch.arange(1 - h, h, device=weight.device, dtype=torch.float32)[:, None].expand(2 * h - 1, 2 * w - 1)
    column = torch.arange(1 - w, w, device=weight.device, dtype=torch.float32).expand(2 * h - 1, 2 * w - 1)
    one = torch.ones_like(row)
    ways = torch.stack([column, row, one, one], -1).flatten(0, 1)[None]
    table = bias(weight.new_tensor([[[0, 0, 1, 1]]], dtype=torch.float32), ways, weight)[0, :, 0]
    down, right = torch.arange(h, device=weight.device)[:, None], torch.arange(w, device=weight.device)
    place = (down * (2 * w - 1) + right).flatten()
    middle = (h - 1) * (2 * w - 1) + w - 1
    among = place - place[:, None] + middle
    return table.index_select(1, among.flatten()).reshape(1, -1, h * w, h * w)


def _seen(q: Heads, k: Keys, v: Keys, how: tuple[Queries, Others, Weight], mask: Mask | None, impl: Impl) -> Heads:
    if checks.triton(impl, q):
        from attention.kernels.relational import forward

        boxes, others, weight = how
        b = q.shape[0]
        fast: Tensor = forward(q, k, v, boxes.expand(b, -1, -1), others.expand(b, -1, -1), weight, mask)
        return fast
    return _biased(q, k, v, bias(*how), mask)


def _biased(q: Heads, k: Keys, v: Keys, extra: Bias, mask: Mask | None) -> Heads:
    """Not through torch's fused kernel: it would round the bias to q's dtype, and with one it does not export."""
    found = softmax(scores(q, k, extra), mask)
    return (found @ v.to(found.dtype)).to(q.dtype)


class RelationalMixer(Mixer):
    """Tokens that know how they lie to each other: objects by their boxes, a grid's tokens by their cells.

    It starts as attention without any place. All see all: cost grows with the square of the number of tokens.
    """

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__(dim, heads)
        self.weight = nn.Parameter(torch.zeros(heads, FEATURES))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, x: Grid, mask: There | None, boxes: Boxes | None) -> Tensor:
        """What each head of each token sees."""
        q, k, v = flat(q, k, v)
        h, w = x.shape[1:3]
        if boxes is None and not checks.triton("auto", q):
            seen = _biased(q, k, v, bias_of_cells(h, w, self.weight), keys(mask))
        else:
            lie = (cells(x[:1]) if boxes is None else boxes).flatten(1, 2)
            seen = _seen(q, k, v, (lie, lie, self.weight), keys(mask), "auto")
        return seen.reshape(*q.shape[:2], h, w, -1)
