"""The Triton twin of `attention.operators.foveal`: which cell is a leaf for whom is found in the tile, never stored.

A program has a tile of queries and walks the levels; of each it visits only the 8 x 8 blocks of cells that lie within
reach of its gazes, passes over those that are too near or too far for all of them, and tests the rest cell by cell.
Gradients go the same way to queries; to keys and values a program has one block of cells and walks the tiles of
queries. Memory grows with n and with the cells. No product is fused with a sum, so that the leaves are exactly those of
the plain form.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from attention._pyramid import ancestors, sides
from attention.kernels._cells import block, leaves, level, queries, shape, worth
from attention.kernels._launch import on, products, signature, strided
from attention.kernels._tiles import LOG2E, dot, load, save, slopes, weigh

SIDE = 8  # of a block of cells


@triton.jit
def _forward(
    q, k, v, count, gaze, order, out, lse, q_s, k_s, v_s, count_s, gaze_s, out_s,
    heads, n, h, w, d, e2, scale, LEVELS: tl.constexpr, UP: tl.constexpr, N: tl.constexpr, SIDE: tl.constexpr,
    D: tl.constexpr, WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    TOP: tl.constexpr = 2 ** (LEVELS - 1)
    plane = tl.program_id(1).to(tl.int64)
    image, head = plane // heads, plane % heads
    at = tl.program_id(0) * N + tl.arange(0, N)
    who, real, x, y, box = queries(gaze, order, gaze_s, at, image, n)
    query = load(q, q_s, image, head, who, real, d, D, WIDEN)
    best = tl.full((N,), float("-inf"), tl.float32)
    total = tl.zeros((N,), tl.float32)
    attended = tl.zeros((N, D), tl.float32)
    start = tl.program_id(0) * 0  # a number that is not known beforehand, as it is in the loop
    size = start + 1
    for _level in range(LEVELS):
        down, across, y0, x0, columns, many = level(h, w, size, e2, box, TOP, SIDE)
        for i in range(many):
            ya, xa = (y0 + i // columns) * SIDE, (x0 + i % columns) * SIDE
            if worth(ya, xa, size, e2, box, TOP, SIDE):
                row, column, cell, key_is, log = block(count, count_s, image, start, down, across, ya, xa, SIDE)
                leaf = leaves(x, y, row, column, size, e2, TOP, UP) & key_is[None, :]
                key = load(k, k_s, image, head, cell, key_is, d, D, WIDEN)
                value = load(v, v_s, image, head, cell, key_is, d, D, WIDEN)
                logits = dot(query, tl.trans(key), PRECISION) * (scale * LOG2E) + log[None, :]
                p, best, total, shrink = weigh(logits, leaf, best, total, "softmax")
                attended = attended * shrink[:, None] + dot(p, value, PRECISION)
        start += down * across
        size *= 2
    divisor = tl.where(total > 0, total, 1.0)
    save(out, out_s, image, head, who, real, d, attended / divisor[:, None], D)
    tl.store(lse + plane * n + who, tl.where(total > 0, best + tl.log2(divisor), 0.0), mask=real)


@triton.jit
def _backward_queries(
    q, k, v, count, gaze, order, out, grad, lse, delta, dq, q_s, k_s, v_s, count_s, gaze_s, out_s, grad_s, dq_s,
    heads, n, h, w, d, e2, scale, LEVELS: tl.constexpr, UP: tl.constexpr, N: tl.constexpr, SIDE: tl.constexpr,
    D: tl.constexpr, WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    TOP: tl.constexpr = 2 ** (LEVELS - 1)
    plane = tl.program_id(1).to(tl.int64)
    image, head = plane // heads, plane % heads
    at = tl.program_id(0) * N + tl.arange(0, N)
    who, real, x, y, box = queries(gaze, order, gaze_s, at, image, n)
    query = load(q, q_s, image, head, who, real, d, D, WIDEN)
    d_out = load(grad, grad_s, image, head, who, real, d, D, WIDEN)
    out_tile = load(out, out_s, image, head, who, real, d, D, WIDEN)
    mean = tl.sum(d_out.to(tl.float32) * out_tile.to(tl.float32), 1)
    tl.store(delta + plane * n + who, mean, mask=real)
    norm = tl.load(lse + plane * n + who, mask=real, other=0.0)
    change = tl.zeros((N, D), tl.float32)
    start = tl.program_id(0) * 0  # a number that is not known beforehand, as it is in the loop
    size = start + 1
    for _level in range(LEVELS):
        down, across, y0, x0, columns, many = level(h, w, size, e2, box, TOP, SIDE)
        for i in range(many):
            ya, xa = (y0 + i // columns) * SIDE, (x0 + i % columns) * SIDE
            if worth(ya, xa, size, e2, box, TOP, SIDE):
                row, column, cell, key_is, log = block(count, count_s, image, start, down, across, ya, xa, SIDE)
                leaf = leaves(x, y, row, column, size, e2, TOP, UP) & key_is[None, :]
                key = load(k, k_s, image, head, cell, key_is, d, D, WIDEN)
                value = load(v, v_s, image, head, cell, key_is, d, D, WIDEN)
                logits = dot(query, tl.trans(key), PRECISION) * (scale * LOG2E) + log[None, :]
                _p, d_logits = slopes(logits, dot(d_out, tl.trans(value), PRECISION), leaf, norm, mean, "softmax")
                change += dot(d_logits, key, PRECISION)
        start += down * across
        size *= 2
    save(dq, dq_s, image, head, who, real, d, change * scale, D)


@triton.jit
def _backward_keys(
    q, k, v, count, gaze, order, grad, lse, delta, dk, dv, q_s, k_s, v_s, count_s, gaze_s, grad_s, dk_s, dv_s,
    heads, n, h, w, d, e2, scale, LEVELS: tl.constexpr, UP: tl.constexpr, N: tl.constexpr, SIDE: tl.constexpr,
    D: tl.constexpr, WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    TOP: tl.constexpr = 2 ** (LEVELS - 1)
    plane = tl.program_id(1).to(tl.int64)
    image, head = plane // heads, plane % heads
    here = tl.program_id(0)
    start = here * 0  # a number that is not known beforehand, as it is in the loop
    size = start + 1
    down, across = shape(h, size, TOP), shape(w, size, TOP)
    for _level in range(LEVELS - 1):  # the programs of a level come after those of the finer ones
        of_level = tl.cdiv(down, SIDE) * tl.cdiv(across, SIDE)
        later = here >= of_level
        start += tl.where(later, down * across, 0)
        here -= tl.where(later, of_level, 0)
        size *= tl.where(later, 2, 1)
        down, across = shape(h, size, TOP), shape(w, size, TOP)
    ya, xa = here // tl.cdiv(across, SIDE) * SIDE, here % tl.cdiv(across, SIDE) * SIDE
    row, column, cell, key_is, log = block(count, count_s, image, start, down, across, ya, xa, SIDE)
    key = load(k, k_s, image, head, cell, key_is, d, D, WIDEN)
    value = load(v, v_s, image, head, cell, key_is, d, D, WIDEN)
    change_k = tl.zeros((SIDE * SIDE, D), tl.float32)
    change_v = tl.zeros((SIDE * SIDE, D), tl.float32)
    for first in range(0, n, N):
        at = first + tl.arange(0, N)
        who, real, x, y, box = queries(gaze, order, gaze_s, at, image, n)
        if worth(ya, xa, size, e2, box, TOP, SIDE):
            query = load(q, q_s, image, head, who, real, d, D, WIDEN)
            d_out = load(grad, grad_s, image, head, who, real, d, D, WIDEN)
            norm = tl.load(lse + plane * n + who, mask=real, other=0.0)
            mean = tl.load(delta + plane * n + who, mask=real, other=0.0)
            leaf = leaves(x, y, row, column, size, e2, TOP, UP) & key_is[None, :] & real[:, None]
            logits = dot(query, tl.trans(key), PRECISION) * (scale * LOG2E) + log[None, :]
            p, d_logits = slopes(logits, dot(d_out, tl.trans(value), PRECISION), leaf, norm, mean, "softmax")
            change_v += dot(tl.trans(p), d_out, PRECISION)
            change_k += dot(tl.trans(d_logits), query, PRECISION)
    inside = (row < down) & (column < across)
    save(dk, dk_s, image, head, cell, inside, d, change_k * scale, D)
    save(dv, dv_s, image, head, cell, inside, d, change_v, D)


def _plan(q: Tensor, size: list[int], e2: float, levels: int) -> tuple[int, int, dict[str, Any]]:
    """How many tiles of queries and blocks of cells there are, and the arguments that all kernels share."""
    _, heads, n, d = q.shape
    width = max(16, triton.next_power_of_2(d))
    side = SIDE if width <= 64 else SIDE // 2
    most = 16 if width > 128 else 32 if q.dtype is torch.float32 or width > 64 else 64  # fit into shared memory
    tile = min(most, max(16, triton.next_power_of_2(n)))
    grids = zip(sides(size[0], levels), sides(size[1], levels), strict=True)
    arguments = {"heads": heads, "n": n, "h": size[0], "w": size[1], "d": d, "e2": float(e2), "scale": d**-0.5}
    arguments |= {"LEVELS": levels, "UP": max(len(ancestors(level, e2, levels)) for level in range(levels))}
    arguments |= {"N": tile, "SIDE": side, "D": width, "num_warps": 4, "enable_fp_fusion": False}
    cells = sum(triton.cdiv(down, side) * triton.cdiv(across, side) for down, across in grids)
    return triton.cdiv(n, tile), cells, arguments | products(q)


@torch.library.custom_op("gaze::foveal", mutates_args=())
def _attend(
    q: Tensor, k: Tensor, v: Tensor, count: Tensor, gaze: Tensor, order: Tensor | None,
    size: list[int], e2: float, levels: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What is seen, and the binary logarithm of what the weights were divided by (0 where there is no token)."""
    out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
    lse = torch.empty(q.shape[:3], dtype=torch.float32, device=q.device)
    tiles, _, arguments = _plan(q, size, e2, levels)
    arguments |= strided(q=q, k=k, v=v, count=count, gaze=gaze, out=out) | {"order": order, "lse": lse}
    with on(q):
        _forward[(tiles, q.shape[0] * q.shape[1])](**arguments)
    return out, lse


@_attend.register_fake
def _(q, k, v, count, gaze, order, size, e2, levels):
    return q.new_empty(q.shape), q.new_empty(q.shape[:3], dtype=torch.float32)


@torch.library.custom_op("gaze::foveal_backward", mutates_args=())
def _learn(
    q: Tensor, k: Tensor, v: Tensor, count: Tensor, gaze: Tensor, order: Tensor | None, out: Tensor, lse: Tensor,
    grad: Tensor, size: list[int], e2: float, levels: int,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    dq, dk, dv = (torch.empty(x.shape, dtype=x.dtype, device=x.device) for x in (q, k, v))
    delta = torch.empty_like(lse)
    tiles, cells, arguments = _plan(q, size, e2, levels)
    arguments |= strided(q=q, k=k, v=v, count=count, gaze=gaze, grad=grad) | {
        "order": order,
        "lse": lse,
        "delta": delta,
    }
    planes = q.shape[0] * q.shape[1]
    with on(q):
        _backward_queries[(tiles, planes)](**arguments, **strided(out=out, dq=dq))
        _backward_keys[(cells, planes)](**arguments, **strided(dk=dk, dv=dv))
    return dq, dk, dv


@_learn.register_fake
def _(q, k, v, count, gaze, order, out, lse, grad, size, e2, levels):
    return tuple(x.new_empty(x.shape) for x in (q, k, v))


def _keep(ctx, inputs, output):
    q, k, v, count, gaze, order, ctx.size, ctx.e2, ctx.levels = inputs
    ctx.save_for_backward(q, k, v, count, gaze, order, *output)


def _gradients(ctx, grad, _):
    return *_learn(*ctx.saved_tensors, grad, ctx.size, ctx.e2, ctx.levels), *(None,) * 6


_attend.register_autograd(_gradients, setup_context=_keep)


def forward(
    q: Tensor, pooled_kv: Tensor, count: Tensor, gaze: Tensor, size: tuple[int, int], e2: float, levels: int,
    order: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Foveal attention of q (b, heads, n, d) to the cells (b, cells, heads, 2 d) of a grid of this size.

    `order` names the queries so that those near to each other in it look at near places.
    """
    k, v = pooled_kv.transpose(1, 2).chunk(2, -1)
    count = count.detach().log2().expand(q.shape[0], -1)
    return _attend(q, k, v, count, gaze.detach().float(), order, list(size), e2, levels)[0]


_KINDS = {
    "order": "*i64",
    "e2": "fp32",
    "count": "*fp32",
    "gaze": "*fp32",
    "count_s": ("i32",) * 2,
    "gaze_s": ("i32",) * 3,
}
KERNELS = {
    f"{kernel.__name__[1:]} {element}": (
        kernel,
        signature(kernel, element, 4, **_KINDS),
        {"LEVELS": 4, "UP": up, "N": tile, "SIDE": 8, "D": 32, "WIDEN": False, "PRECISION": "ieee"},
    )
    for kernel in (_forward, _backward_queries, _backward_keys)
    for element, tile, up in (("fp32", 32, 1), ("fp16", 64, 1), ("bf16", 64, 3))
}
