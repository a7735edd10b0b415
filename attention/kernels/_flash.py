"""The kernels of attention that never keeps its weights: one forward, and backward one by queries and one by keys.

They serve every operator that weighs all keys by softmax, by signed softmax or by sigmoid (SCORE); with the relation of
boxes as a bias that is made inside the tile; and for a part of the queries, listed for each head. What an argument that
is None would bring is left out of the compiled kernel. `attention.kernels._fused` calls them.
Dao et al. 2022, https://arxiv.org/abs/2205.14135.
"""

import triton
import triton.language as tl

from attention.kernels import _tiles


@triton.jit
def _seat(length, heads, BLOCK: tl.constexpr):
    """Which block of which head of which picture this program has: first row, picture, head, and both as one."""
    blocks = tl.cdiv(length, BLOCK)
    seat = (tl.program_id(0) // blocks).to(tl.int64)
    return (tl.program_id(0) % blocks) * BLOCK, seat // heads, seat % heads, seat


@triton.jit
def _rows(index, seat, n, start, end, BLOCK: tl.constexpr):
    """The block's query rows, and which of them there are."""
    at = start + tl.arange(0, BLOCK)
    rows = at if index is None else tl.load(index + seat * n + at, mask=at < end, other=0)
    return rows.to(tl.int64), at < end


@triton.jit
def _per_row(beta, strides, b, h, rows, row_is):
    if beta is None:
        return None
    else:  # noqa: RET505 - Triton compiles what follows a return
        return tl.load(beta + b * strides[0] + h * strides[1] + rows * strides[2], mask=row_is, other=0.0)


@triton.jit
def _logits(q, k, beta, here, there, weight, weight_s, h, scale, PRECISION: tl.constexpr):
    """[N, M], in units of log 2."""
    x = _tiles.dot(q, tl.trans(k), PRECISION) * scale
    if beta is not None:
        x += beta[:, None]
    if weight is not None:
        features, real = _tiles.relation(here, there)
        x += _tiles.bias(features, real, weight, weight_s, h)
    return x * _tiles.LOG2E


@triton.jit
def forward(
    q, k, v, mask, boxes, others, weight, beta, index, count, out, lse,
    q_s, k_s, v_s, mask_s, boxes_s, others_s, weight_s, beta_s, out_s,
    heads, n, m, d, scale, SCORE: tl.constexpr, PRECISION: tl.constexpr, WIDEN: tl.constexpr,
    N: tl.constexpr, M: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    """A block of queries: what each gathers, and the logarithm of the sum that its weights were divided by."""
    start, b, h, seat = _seat(n, heads, N)
    end = n if count is None else tl.load(count + seat)
    if start >= end:
        return
    rows, row_is = _rows(index, seat, n, start, end, N)
    query = _tiles.load(q, q_s, b, h, rows, row_is, d, D, WIDEN)
    own, here = _per_row(beta, beta_s, b, h, rows, row_is), _tiles.places(boxes, boxes_s, b, rows, row_is)
    sums = tl.zeros([N, D], tl.float32)
    total = tl.zeros([N], tl.float32)
    top = tl.full([N], -float("inf"), tl.float32)
    for first in range(0, m, M):
        keys = (first + tl.arange(0, M)).to(tl.int64)
        key_is = keys < m
        key = _tiles.load(k, k_s, b, h, keys, key_is, d, D, WIDEN)
        there = _tiles.places(others, others_s, b, keys, key_is)
        x = _logits(query, key, own, here, there, weight, weight_s, h, scale, PRECISION)
        visible = _tiles.allowed(mask, mask_s, b, h, rows, keys, row_is, key_is)
        p, top, total, shrink = _tiles.weigh(x, visible, top, total, SCORE)
        value = _tiles.load(v, v_s, b, h, keys, key_is, d, D, WIDEN)
        if SCORE != "sigmoid":
            sums *= shrink[:, None]
        sums += _tiles.dot(p, value, PRECISION)
    if SCORE != "sigmoid":
        nonempty = total > 0
        total = tl.where(nonempty, total, 1.0)
        sums /= total[:, None]
        tl.store(lse + seat * n + rows, tl.where(nonempty, top + tl.log2(total), float("inf")), mask=row_is)
    _tiles.save(out, out_s, b, h, rows, row_is, d, sums, D)


@triton.jit
def by_queries(
    q, k, v, mask, boxes, others, weight, beta, index, count, out, lse, d_out, delta, d_q, d_weight, d_beta,
    q_s, k_s, v_s, mask_s, boxes_s, others_s, weight_s, beta_s, out_s, d_out_s, d_q_s,
    heads, n, m, d, scale, SCORE: tl.constexpr, PRECISION: tl.constexpr, WIDEN: tl.constexpr,
    N: tl.constexpr, M: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    """A block of queries: their slopes, those of beta, this block's part of the weight's, and delta for `by_keys`."""
    start, b, h, seat = _seat(n, heads, N)
    end = n if count is None else tl.load(count + seat)
    if start >= end:
        return
    rows, row_is = _rows(index, seat, n, start, end, N)
    query = _tiles.load(q, q_s, b, h, rows, row_is, d, D, WIDEN)
    slope = _tiles.load(d_out, d_out_s, b, h, rows, row_is, d, D, WIDEN)
    own, here = _per_row(beta, beta_s, b, h, rows, row_is), _tiles.places(boxes, boxes_s, b, rows, row_is)
    norm = tl.zeros([N], tl.float32)
    common = tl.zeros([N], tl.float32)
    if SCORE != "sigmoid":
        norm = tl.load(lse + seat * n + rows, mask=row_is, other=float("inf"))
        gathered = _tiles.load(out, out_s, b, h, rows, row_is, d, D, WIDEN)
        common = tl.sum(gathered.to(tl.float32) * slope.to(tl.float32), 1)
        tl.store(delta + seat * n + rows, common, mask=row_is)
    sums = tl.zeros([N, D], tl.float32)
    bent = tl.zeros([N], tl.float32)
    felt = tl.zeros([N, 16], tl.float32)
    for first in range(0, m, M):
        keys = (first + tl.arange(0, M)).to(tl.int64)
        key_is = keys < m
        key = _tiles.load(k, k_s, b, h, keys, key_is, d, D, WIDEN)
        value = _tiles.load(v, v_s, b, h, keys, key_is, d, D, WIDEN)
        there = _tiles.places(others, others_s, b, keys, key_is)
        x = _logits(query, key, own, here, there, weight, weight_s, h, scale, PRECISION)
        visible = _tiles.allowed(mask, mask_s, b, h, rows, keys, row_is, key_is)
        toward = _tiles.dot(slope, tl.trans(value), PRECISION)
        _, d_logits = _tiles.slopes(x, toward, visible, norm, common, SCORE)
        sums += _tiles.dot(d_logits, key, PRECISION)
        if beta is not None:
            bent += tl.sum(d_logits, 1)
        if weight is not None:
            features, real = _tiles.relation(here, there)
            felt += _tiles.per_feature(d_logits, features, real)
    _tiles.save(d_q, d_q_s, b, h, rows, row_is, d, sums * scale, D)
    if beta is not None:
        tl.store(d_beta + seat * n + rows, bent, mask=row_is)
    if weight is not None:
        tl.store(d_weight + tl.program_id(0).to(tl.int64) * 16 + tl.arange(0, 16), tl.sum(felt, 0))


@triton.jit
def by_keys(
    q, k, v, mask, boxes, others, weight, beta, index, count, lse, d_out, delta, d_k, d_v,
    q_s, k_s, v_s, mask_s, boxes_s, others_s, weight_s, beta_s, d_out_s, d_k_s, d_v_s,
    heads, n, m, d, scale, SCORE: tl.constexpr, PRECISION: tl.constexpr, WIDEN: tl.constexpr,
    N: tl.constexpr, M: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    """A block of keys: their slopes and their values'."""
    first, b, h, seat = _seat(m, heads, M)
    keys = (first + tl.arange(0, M)).to(tl.int64)
    key_is = keys < m
    key = _tiles.load(k, k_s, b, h, keys, key_is, d, D, WIDEN)
    value = _tiles.load(v, v_s, b, h, keys, key_is, d, D, WIDEN)
    there = _tiles.places(others, others_s, b, keys, key_is)
    key_sums = tl.zeros([M, D], tl.float32)
    value_sums = tl.zeros([M, D], tl.float32)
    end = n if count is None else tl.load(count + seat)
    for start in range(0, end, N):
        rows, row_is = _rows(index, seat, n, start, end, N)
        query = _tiles.load(q, q_s, b, h, rows, row_is, d, D, WIDEN)
        slope = _tiles.load(d_out, d_out_s, b, h, rows, row_is, d, D, WIDEN)
        own, here = _per_row(beta, beta_s, b, h, rows, row_is), _tiles.places(boxes, boxes_s, b, rows, row_is)
        norm = tl.zeros([N], tl.float32)
        common = tl.zeros([N], tl.float32)
        if SCORE != "sigmoid":
            norm = tl.load(lse + seat * n + rows, mask=row_is, other=float("inf"))
            common = tl.load(delta + seat * n + rows, mask=row_is, other=0.0)
        x = _logits(query, key, own, here, there, weight, weight_s, h, scale, PRECISION)
        visible = _tiles.allowed(mask, mask_s, b, h, rows, keys, row_is, key_is)
        toward = _tiles.dot(slope, tl.trans(value), PRECISION)
        p, d_logits = _tiles.slopes(x, toward, visible, norm, common, SCORE)
        value_sums += _tiles.dot(tl.trans(p), slope, PRECISION)
        key_sums += _tiles.dot(tl.trans(d_logits), query, PRECISION)
    _tiles.save(d_k, d_k_s, b, h, keys, key_is, d, key_sums * scale, D)
    _tiles.save(d_v, d_v_s, b, h, keys, key_is, d, value_sums, D)


OTHERS = {"mask": "*u8", "index": "*i32", "count": "*i32", "scale": "fp32"}
OTHERS |= dict.fromkeys(("heads", "n", "m", "d"), "i32")
OTHERS |= dict.fromkeys(("boxes", "others", "weight", "beta", "lse", "delta", "d_weight", "d_beta"), "*fp32")
OTHERS |= {"boxes_s": ("i32", "i32", 1), "others_s": ("i32", "i32", 1), "weight_s": ("i32", 1)}
OTHERS |= {"beta_s": ("i32", "i32", 1), "mask_s": ("i32", "i32", None, 1)}


def variant(kernel, dtype: str, score: str, without: str, rows: int = 32, keys: int = 32, dims: int = 32):
    """A kernel, the types of its arguments and its constants, as Triton takes them to compile it without a GPU.

    The last axes have no gaps, as in practice; what is named in `without` is None.
    """
    types, constants = {}, {"SCORE": score, "PRECISION": "ieee", "WIDEN": False, "N": rows, "M": keys, "D": dims}
    constants |= {x: None for name in without.split() for x in (name, f"{name}_s") if x in kernel.arg_names}
    for index, name in enumerate(kernel.arg_names):
        kind = OTHERS.get(name, ("i32", "i32", "i32", 1) if name.endswith("_s") else f"*{dtype}")
        if name in constants:
            kind = "constexpr"
        elif isinstance(kind, tuple):
            constants |= {(index, i): x for i, x in enumerate(kind) if x != "i32"}
            kind = tuple("i32" if x == "i32" else "constexpr" for x in kind)
        types[name] = kind
    return kernel, types, constants


PARTS = {  # what an operator leaves out
    "cog": ("signed", "boxes others weight beta index count"),
    "sigmoid": ("sigmoid", "boxes others weight index count"),
    "relational": ("softmax", "beta index count"),
    "mixture_of_head": ("softmax", "mask boxes others weight beta"),
}
KERNELS = {
    f"{op} {kernel.__name__} {dtype}": variant(kernel, dtype, *part)
    for op, part in PARTS.items()
    for kernel in (forward, by_queries, by_keys)
    for dtype in (("fp32", "fp16", "bf16") if op == "cog" else ("fp32", "bf16"))
}
