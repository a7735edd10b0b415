"""What the flash kernels do inside one tile: load it, make its logits and their bias, weigh it, and differentiate it.

Logits are kept in units of log 2, so that every exponential is a power of two: x = l / log 2.
"""

import triton
import triton.language as tl

LOG2E = tl.constexpr(1.4426950408889634)
FEATURES = tl.constexpr(12)  # of the relation of two boxes, in the order of `relation`


@triton.jit
def fetch(at, stride, there, d, D: tl.constexpr, WIDEN: tl.constexpr):
    """The d numbers at each place [places, D], zeros where there is none; float32 where their dtype cannot multiply."""
    column = tl.arange(0, D)
    at = at[:, None] + column[None, :].to(tl.int64) * stride
    x = tl.load(at, mask=there[:, None] & (column < d)[None, :], other=0.0)
    return x.to(tl.float32) if WIDEN else x


@triton.jit
def put(at, stride, there, d, x, D: tl.constexpr):
    """The other way round, rounded to what the memory holds."""
    column = tl.arange(0, D)
    at = at[:, None] + column[None, :].to(tl.int64) * stride
    tl.store(at, x.to(at.dtype.element_ty), mask=there[:, None] & (column < d)[None, :])


@triton.jit
def load(x, strides, b, h, rows, row_is, d, D: tl.constexpr, WIDEN: tl.constexpr):
    """These rows of one head [rows, D]."""
    return fetch(x + b * strides[0] + h * strides[1] + rows * strides[2], strides[3], row_is, d, D, WIDEN)


@triton.jit
def save(x, strides, b, h, rows, row_is, d, found, D: tl.constexpr):
    """The same rows, written."""
    put(x + b * strides[0] + h * strides[1] + rows * strides[2], strides[3], row_is, d, found, D)


@triton.jit
def dot(x, y, PRECISION: tl.constexpr):
    """Their product in float32, x rounded to the dtype of y."""
    return tl.dot(x.to(y.dtype), y, input_precision=PRECISION)


@triton.jit
def allowed(mask, strides, b, h, rows, keys, row_is, key_is):
    """Which query may see which key [N, M]; strides[2] is None where the mask is the same for all queries."""
    both = row_is[:, None] & key_is[None, :]
    if mask is not None:
        at = mask + b * strides[0] + h * strides[1] + keys * strides[3]
        if strides[2] is None:
            both = both & (tl.load(at, mask=key_is, other=0) != 0)[None, :]
        else:
            both = both & (tl.load(at[None, :] + rows[:, None] * strides[2], mask=both, other=0) != 0)
    return both


@triton.jit
def places(boxes, strides, b, rows, row_is):
    """Of each box: centre x, centre y, log width, log height, 1 / area, and whether it has a place at all."""
    if boxes is None:
        return None
    else:  # noqa: RET505 - Triton compiles what follows a return
        at = boxes + b * strides[0] + rows * strides[1]
        w = tl.load(at + 2 * strides[2], mask=row_is, other=0.0).to(tl.float32)
        h = tl.load(at + 3 * strides[2], mask=row_is, other=0.0).to(tl.float32)
        real = (w > 0) & (h > 0)
        x = tl.load(at, mask=real, other=0.0).to(tl.float32)
        y = tl.load(at + strides[2], mask=real, other=0.0).to(tl.float32)
        w = tl.where(real, w, 1.0)
        h = tl.where(real, h, 1.0)
        return x + w / 2, y + h / 2, tl.log(w), tl.log(h), 1 / (w * h), real


@triton.jit
def gaussians(x):
    """exp(-x / 2), exp(-x / 8), exp(-x / 32), exp(-x / 128): each is the fourth power of the next."""
    half = tl.exp2(x * (-0.125 * LOG2E))
    last = tl.exp2(x * (-0.0078125 * LOG2E))
    square, narrow = last * last, half * half
    return narrow * narrow, half, square * square, last


@triton.jit
def relation(query, key):
    """The twelve features of every pair of boxes [N, M], and which pairs have any."""
    dx = key[0][None, :] - query[0][:, None]
    dy = key[1][None, :] - query[1][:, None]
    far = dx * dx + dy * dy
    near = tl.rsqrt(tl.maximum(far, 1e-12))
    a, b, c, d = gaussians(far)
    e, f, g, h = gaussians(far * (4 * query[4])[:, None])
    wider = key[2][None, :] - query[2][:, None]
    taller = key[3][None, :] - query[3][:, None]
    return (a, b, c, d, e, f, g, h, dx * near, dy * near, wider, taller), query[5][:, None] & key[5][None, :]


@triton.jit
def bias(features, real, weight, strides, h):
    """The head's weighted sum of the features [N, M], 0 where a box has no place."""
    own = weight + h * strides[0]
    total = tl.load(own).to(tl.float32) * features[0]
    for f in tl.static_range(1, FEATURES):
        total += tl.load(own + f * strides[1]).to(tl.float32) * features[f]
    return tl.where(real, total, 0.0)


@triton.jit
def per_feature(slope, features, real):
    """Each row's sums of slope times feature [N, 16], 0 in the last four."""
    slope = tl.where(real, slope, 0.0)
    column = tl.arange(0, 16)[None, :]
    total = tl.where(column == 0, tl.sum(slope * features[0], 1)[:, None], 0.0)
    for f in tl.static_range(1, FEATURES):
        total += tl.where(column == f, tl.sum(slope * features[f], 1)[:, None], 0.0)
    return total


@triton.jit
def signs(x):
    """-1, 0 or 1."""
    return tl.where(x > 0, 1.0, tl.where(x < 0, -1.0, 0.0))


@triton.jit
def logistic(x, visible):
    """1 / (1 + 2 ** -x) without an overflow."""
    below = tl.exp2(-tl.abs(x))
    return tl.where(visible, tl.where(x > 0, 1.0, below) / (1 + below), 0.0)


@triton.jit
def weigh(x, visible, top, total, SCORE: tl.constexpr):
    """One step of the online softmax: the tile's weights, the new maximum and sum, and what the old sums shrink by."""
    if SCORE == "sigmoid":
        p, shrink = logistic(x, visible), total
    else:
        size = tl.where(visible, tl.abs(x) if SCORE == "signed" else x, -float("inf"))
        higher = tl.maximum(top, tl.max(size, 1))
        calm = tl.where(higher == -float("inf"), 0.0, higher)  # a row that has seen nothing yet
        p = tl.exp2(size - calm[:, None])
        shrink = tl.exp2(top - calm)
        total = total * shrink + tl.sum(p, 1)
        top = higher
    return p * signs(x) if SCORE == "signed" else p, top, total, shrink


@triton.jit
def slopes(x, toward, visible, lse, delta, SCORE: tl.constexpr):
    """The tile's weights [N, M] again, and the loss's slope in each logit; `toward` is the slope in each weight."""
    if SCORE == "sigmoid":
        p = logistic(x, visible)
        d_logits = p * (1 - p) * toward
    elif SCORE == "signed":
        p = tl.where(visible, tl.exp2(tl.abs(x) - lse[:, None]), 0.0) * signs(x)
        d_logits = p * (signs(x) * toward - delta[:, None])
    else:
        p = tl.where(visible, tl.exp2(x - lse[:, None]), 0.0)
        d_logits = p * (toward - delta[:, None])
    return p, d_logits
