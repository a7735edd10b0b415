"""The Triton twin of `attention.foveal`: which cell is a leaf for whom is found inside the tile and never stored.

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

from attention.kernels.cells import block, blocks, leaves, queries, shape, worth
from attention.kernels.launch import on, products
from attention.kernels.tiles import dot, load, save, slopes, weigh
from attention.pyramid import ancestors, sides

LOG2E, LN2 = 1.4426950408889634, tl.constexpr(0.6931471805599453)
SIDE = 8  # of a block of cells


@triton.jit
def _forward(
    q, k, v, count, gaze, order, out, lse, sq, sk, sv, sc, sg, so, heads, n, h, w, d, e2, scale,
    LEVELS: tl.constexpr, UP: tl.constexpr, N: tl.constexpr, SIDE: tl.constexpr, WIDTH: tl.constexpr,
    WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    TOP: tl.constexpr = 2 ** (LEVELS - 1)
    plane = tl.program_id(1).to(tl.int64)
    image, head = plane // heads, plane % heads
    at = tl.program_id(0) * N + tl.arange(0, N)
    who, real, x, y, left, right, top, bottom = queries(gaze, order, sg, at, image, n)
    feature = tl.arange(0, WIDTH)
    query = load(q, sq, image, head, who, feature, real, feature < d, WIDEN)
    best = tl.full((N,), float("-inf"), tl.float32)
    total = tl.zeros((N,), tl.float32)
    seen = tl.zeros((N, WIDTH), tl.float32)
    start = tl.program_id(0) * 0  # a number that is not known beforehand, as it is in the loop
    size = start + 1
    for _level in range(LEVELS):
        down, across = shape(h, size, TOP), shape(w, size, TOP)
        y0, rows = blocks(top, bottom, down, size, e2, TOP, SIDE)
        x0, columns = blocks(left, right, across, size, e2, TOP, SIDE)
        for i in range(rows * columns):
            ya, xa = (y0 + i // columns) * SIDE, (x0 + i % columns) * SIDE
            if worth(ya, xa, size, e2, left, right, top, bottom, TOP, SIDE):
                row, column, cell, key_is, log = block(count, sc, image, start, down, across, ya, xa, SIDE)
                leaf = leaves(x, y, row, column, size, e2, TOP, UP) & key_is[None, :]
                key = load(k, sk, image, head, cell, feature, key_is, feature < d, WIDEN)
                value = load(v, sv, image, head, cell, feature, key_is, feature < d, WIDEN)
                logits = dot(query, tl.trans(key), PRECISION) * scale + tl.where(key_is, log, 0.0)[None, :]
                p, best, total, shrink = weigh(logits, leaf, best, total, "softmax")
                seen = seen * shrink[:, None] + dot(p, value, PRECISION)
        start += down * across
        size *= 2
    some = tl.where(total > 0, total, 1.0)
    save(out, so, image, head, who, feature, real, feature < d, seen / some[:, None])
    tl.store(lse + plane * n + who, tl.where(total > 0, best + tl.log2(some), 0.0), mask=real)


@triton.jit
def _backward_queries(
    q, k, v, count, gaze, order, out, grad, lse, delta, dq, sq, sk, sv, sc, sg, so, st, heads, n, h, w, d, e2, scale,
    LEVELS: tl.constexpr, UP: tl.constexpr, N: tl.constexpr, SIDE: tl.constexpr, WIDTH: tl.constexpr,
    WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    TOP: tl.constexpr = 2 ** (LEVELS - 1)
    plane = tl.program_id(1).to(tl.int64)
    image, head = plane // heads, plane % heads
    at = tl.program_id(0) * N + tl.arange(0, N)
    who, real, x, y, left, right, top, bottom = queries(gaze, order, sg, at, image, n)
    feature = tl.arange(0, WIDTH)
    query = load(q, sq, image, head, who, feature, real, feature < d, WIDEN)
    told = load(grad, st, image, head, who, feature, real, feature < d, WIDEN)
    saw = load(out, so, image, head, who, feature, real, feature < d, WIDEN)
    mean = tl.sum(told.to(tl.float32) * saw.to(tl.float32), 1)
    tl.store(delta + plane * n + who, mean, mask=real)
    norm = tl.load(lse + plane * n + who, mask=real, other=0.0)
    change = tl.zeros((N, WIDTH), tl.float32)
    start = tl.program_id(0) * 0  # a number that is not known beforehand, as it is in the loop
    size = start + 1
    for _level in range(LEVELS):
        down, across = shape(h, size, TOP), shape(w, size, TOP)
        y0, rows = blocks(top, bottom, down, size, e2, TOP, SIDE)
        x0, columns = blocks(left, right, across, size, e2, TOP, SIDE)
        for i in range(rows * columns):
            ya, xa = (y0 + i // columns) * SIDE, (x0 + i % columns) * SIDE
            if worth(ya, xa, size, e2, left, right, top, bottom, TOP, SIDE):
                row, column, cell, key_is, log = block(count, sc, image, start, down, across, ya, xa, SIDE)
                leaf = leaves(x, y, row, column, size, e2, TOP, UP) & key_is[None, :]
                key = load(k, sk, image, head, cell, feature, key_is, feature < d, WIDEN)
                value = load(v, sv, image, head, cell, feature, key_is, feature < d, WIDEN)
                logits = dot(query, tl.trans(key), PRECISION) * scale + tl.where(key_is, log, 0.0)[None, :]
                _p, bend = slopes(logits, dot(told, tl.trans(value), PRECISION), leaf, norm, mean, "softmax")
                change += dot(bend, key, PRECISION)
        start += down * across
        size *= 2
    save(dq, so, image, head, who, feature, real, feature < d, change * (scale * LN2))


@triton.jit
def _backward_keys(
    q, k, v, count, gaze, order, grad, lse, delta, dk, dv, sq, sk, sv, sc, sg, st, sd, heads, n, h, w, d, e2, scale,
    LEVELS: tl.constexpr, UP: tl.constexpr, N: tl.constexpr, SIDE: tl.constexpr, WIDTH: tl.constexpr,
    WIDEN: tl.constexpr, PRECISION: tl.constexpr,
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
    row, column, cell, key_is, log = block(count, sc, image, start, down, across, ya, xa, SIDE)
    feature = tl.arange(0, WIDTH)
    key = load(k, sk, image, head, cell, feature, key_is, feature < d, WIDEN)
    value = load(v, sv, image, head, cell, feature, key_is, feature < d, WIDEN)
    log = tl.where(key_is, log, 0.0)
    change_k = tl.zeros((SIDE * SIDE, WIDTH), tl.float32)
    change_v = tl.zeros((SIDE * SIDE, WIDTH), tl.float32)
    for first in range(0, n, N):
        at = first + tl.arange(0, N)
        who, real, x, y, left, right, top, bottom = queries(gaze, order, sg, at, image, n)
        if worth(ya, xa, size, e2, left, right, top, bottom, TOP, SIDE):
            query = load(q, sq, image, head, who, feature, real, feature < d, WIDEN)
            told = load(grad, st, image, head, who, feature, real, feature < d, WIDEN)
            norm = tl.load(lse + plane * n + who, mask=real, other=0.0)
            mean = tl.load(delta + plane * n + who, mask=real, other=0.0)
            leaf = leaves(x, y, row, column, size, e2, TOP, UP) & key_is[None, :] & real[:, None]
            logits = dot(query, tl.trans(key), PRECISION) * scale + log[None, :]
            p, bend = slopes(logits, dot(told, tl.trans(value), PRECISION), leaf, norm, mean, "softmax")
            change_v += dot(tl.trans(p), told, PRECISION)
            change_k += dot(tl.trans(bend), query, PRECISION)
    inside = (row < down) & (column < across)
    save(dk, sd, image, head, cell, feature, inside, feature < d, change_k * (scale * LN2))
    save(dv, sd, image, head, cell, feature, inside, feature < d, change_v)


def _plan(q: Tensor, size: list[int], e2: float, levels: int) -> tuple[int, tuple[Any, ...], dict[str, Any]]:
    """How many blocks of cells there are, the sizes, and the constants."""
    _, heads, n, d = q.shape
    width = max(16, triton.next_power_of_2(d))
    side = SIDE if width <= 64 else SIDE // 2
    most = 16 if width > 128 else 32 if q.dtype is torch.float32 or width > 64 else 64  # fit into shared memory
    grids = zip(sides(size[0], levels), sides(size[1], levels), strict=True)
    constants = {
        "LEVELS": levels,
        "UP": max(len(ancestors(level, e2, levels)) for level in range(levels)),
        "N": min(most, max(16, triton.next_power_of_2(n))),
        "SIDE": side,
        "WIDTH": width,
        "num_warps": 4,
        "enable_fp_fusion": False,
        **products(q),
    }
    cells = sum(triton.cdiv(down, side) * triton.cdiv(across, side) for down, across in grids)
    return cells, (heads, n, *size, d, float(e2), d**-0.5 * LOG2E), constants


def _strides(*tensors: Tensor) -> list[tuple[int, ...]]:
    return [x.stride() for x in tensors]


@torch.library.custom_op("gaze::foveal", mutates_args=())
def _attend(
    q: Tensor, k: Tensor, v: Tensor, count: Tensor, gaze: Tensor, order: Tensor | None,
    size: list[int], e2: float, levels: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What is seen, and the binary logarithm of what the weights were divided by (0 where there is no token)."""
    out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
    lse = torch.empty(q.shape[:3], dtype=torch.float32, device=q.device)
    _, sizes, constants = _plan(q, size, e2, levels)
    programs = (triton.cdiv(q.shape[2], constants["N"]), q.shape[0] * q.shape[1])
    strides = _strides(q, k, v, count, gaze, out)
    with on(q):
        _forward[programs](q, k, v, count, gaze, order, out, lse, *strides, *sizes, **constants)
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
    cells, sizes, constants = _plan(q, size, e2, levels)
    planes = q.shape[0] * q.shape[1]
    programs = (triton.cdiv(q.shape[2], constants["N"]), planes)
    with on(q):
        strides = _strides(q, k, v, count, gaze, out, grad)
        tensors = (q, k, v, count, gaze, order, out, grad, lse, delta, dq)
        _backward_queries[programs](*tensors, *strides, *sizes, **constants)
        strides = _strides(q, k, v, count, gaze, grad, dk)
        tensors = (q, k, v, count, gaze, order, grad, lse, delta, dk, dv)
        _backward_keys[(cells, planes)](*tensors, *strides, *sizes, **constants)
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
    q: Tensor, seen: Tensor, count: Tensor, gaze: Tensor, size: tuple[int, int], e2: float, levels: int,
    order: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Foveal attention of q (b, heads, n, d) to the cells (b, cells, heads, 2 d) of a grid of this size.

    `order` names the queries so that those near to each other in it look at near places.
    """
    k, v = seen.transpose(1, 2).chunk(2, -1)
    count = count.detach().log2().expand(q.shape[0], -1)
    return _attend(q, k, v, count, gaze.detach().float(), order, list(size), e2, levels)[0]


def _signature(kernel: Any, element: str) -> dict[str, Any]:
    """What a kernel is given, for compiling it ahead of time."""
    known = dict.fromkeys(("heads", "n", "h", "w", "d"), "i32") | {"order": "*i64", "scale": "fp32", "e2": "fp32"}
    known |= dict.fromkeys(("count", "gaze", "lse", "delta"), "*fp32") | {"sc": ("i32",) * 2, "sg": ("i32",) * 3}

    def of(name: str) -> Any:
        if name.isupper():
            return "constexpr"
        return known.get(name, ("i32",) * 4 if name.startswith("s") else f"*{element}")

    return {name: of(name) for name in kernel.arg_names}


KERNELS = {
    f"{kernel.__name__[1:]} {element}": (
        kernel,
        _signature(kernel, element),
        {"LEVELS": 4, "UP": up, "N": tile, "SIDE": 8, "WIDTH": 32, "WIDEN": False, "PRECISION": "ieee"},
    )
    for kernel in (_forward, _backward_queries, _backward_keys)
    for element, tile, up in (("fp32", 32, 1), ("fp16", 64, 1), ("bf16", 64, 3))
}
