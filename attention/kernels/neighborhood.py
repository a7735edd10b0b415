"""Neighborhood attention without a table of neighbours: a program has a tile of queries and walks the region around it.

The region is a rectangle, walked row by row in blocks of keys; which query reaches which key is tested in the block.
Gradients go the same way to queries; to keys and values a program has a tile of keys and walks the queries that reach
it. One axis is a grid of one row. The logits are in units of log 2, so that every exponential is a power of two.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from attention.kernels.launch import on, products
from attention.kernels.regions import load, reached, reaches, region, store, there, tile

LOG2E, LN2 = 1.4426950408889634, tl.constexpr(0.6931471805599453)


@triton.jit
def _forward(
    q, k, v, mask, out, lse, sq, sk, sv, sm, so, heads, h, w, d, scale,
    WY: tl.constexpr, WX: tl.constexpr, DY: tl.constexpr, DX: tl.constexpr, BY: tl.constexpr, BX: tl.constexpr,
    BLOCK: tl.constexpr, WIDTH: tl.constexpr, WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    plane, ry, y0, y1, ly, rx, x0, x1, lx = tile(h, w, DY, DX, BY, BX)
    image, head = plane // heads, plane % heads
    i = tl.arange(0, BY * BX)
    qy, qx = y0 + i // BX, x0 + i % BX
    inside = (qy < ly) & (qx < lx)
    gy, gx = qy * DY + ry, qx * DX + rx
    queries = load(q, sq, image, head, gy, gx, inside, d, WIDTH, WIDEN)
    ya, rows = region(y0, y1, ly, WY)
    xa, columns = region(x0, x1, lx, WX)
    count = tl.where((y0 < ly) & (x0 < lx), rows * columns, 0)

    top = tl.full((BY * BX,), float("-inf"), tl.float32)
    total = tl.zeros((BY * BX,), tl.float32)
    seen = tl.zeros((BY * BX, WIDTH), tl.float32)
    for at in range(0, count, BLOCK):
        j = at + tl.arange(0, BLOCK)
        ky, kx = ya + j // columns, xa + j % columns
        hy, hx = ky * DY + ry, kx * DX + rx
        live = there(mask, sm, image, hy, hx, j < count)
        keys = load(k, sk, image, head, hy, hx, live, d, WIDTH, WIDEN)
        values = load(v, sv, image, head, hy, hx, live, d, WIDTH, WIDEN)
        near = live[None, :] & reaches(qy[:, None], qx[:, None], ky[None, :], kx[None, :], ly, lx, WY, WX)
        logits = tl.dot(queries, tl.trans(keys), input_precision=PRECISION) * scale
        logits = tl.where(near, logits, float("-inf"))
        higher = tl.maximum(top, tl.max(logits, 1))
        shift = tl.where(higher == float("-inf"), 0.0, higher)
        weights = tl.exp2(logits - shift[:, None])
        fade = tl.exp2(top - shift)
        total = total * fade + tl.sum(weights, 1)
        seen = seen * fade[:, None] + tl.dot(weights.to(values.dtype), values, input_precision=PRECISION)
        top = higher
    some = tl.where(total > 0, total, 1.0)
    store(out, so, image, head, gy, gx, inside, d, seen / some[:, None], WIDTH)
    rows_of = (plane.to(tl.int64) * h + gy) * w + gx
    tl.store(lse + rows_of, tl.where(total > 0, top + tl.log2(some), 0.0), mask=inside)


@triton.jit
def _backward_queries(
    q, k, v, mask, out, grad, lse, delta, dq, sq, sk, sv, sm, so, sg, sdq, heads, h, w, d, scale,
    WY: tl.constexpr, WX: tl.constexpr, DY: tl.constexpr, DX: tl.constexpr, BY: tl.constexpr, BX: tl.constexpr,
    BLOCK: tl.constexpr, WIDTH: tl.constexpr, WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    plane, ry, y0, y1, ly, rx, x0, x1, lx = tile(h, w, DY, DX, BY, BX)
    image, head = plane // heads, plane % heads
    i = tl.arange(0, BY * BX)
    qy, qx = y0 + i // BX, x0 + i % BX
    inside = (qy < ly) & (qx < lx)
    gy, gx = qy * DY + ry, qx * DX + rx
    queries = load(q, sq, image, head, gy, gx, inside, d, WIDTH, WIDEN)
    told = load(grad, sg, image, head, gy, gx, inside, d, WIDTH, WIDEN)
    saw = load(out, so, image, head, gy, gx, inside, d, WIDTH, WIDEN)
    rows_of = (plane.to(tl.int64) * h + gy) * w + gx
    mean = tl.sum(told.to(tl.float32) * saw.to(tl.float32), 1)
    tl.store(delta + rows_of, mean, mask=inside)
    norm = tl.load(lse + rows_of, mask=inside, other=0.0)
    ya, rows = region(y0, y1, ly, WY)
    xa, columns = region(x0, x1, lx, WX)
    count = tl.where((y0 < ly) & (x0 < lx), rows * columns, 0)

    change = tl.zeros((BY * BX, WIDTH), tl.float32)
    for at in range(0, count, BLOCK):
        j = at + tl.arange(0, BLOCK)
        ky, kx = ya + j // columns, xa + j % columns
        hy, hx = ky * DY + ry, kx * DX + rx
        live = there(mask, sm, image, hy, hx, j < count)
        keys = load(k, sk, image, head, hy, hx, live, d, WIDTH, WIDEN)
        values = load(v, sv, image, head, hy, hx, live, d, WIDTH, WIDEN)
        near = live[None, :] & reaches(qy[:, None], qx[:, None], ky[None, :], kx[None, :], ly, lx, WY, WX)
        logits = tl.dot(queries, tl.trans(keys), input_precision=PRECISION) * scale
        weights = tl.exp2(tl.where(near, logits - norm[:, None], float("-inf")))
        slope = weights * (tl.dot(told, tl.trans(values), input_precision=PRECISION) - mean[:, None])
        change += tl.dot(slope.to(keys.dtype), keys, input_precision=PRECISION)
    store(dq, sdq, image, head, gy, gx, inside, d, change * (scale * LN2), WIDTH)


@triton.jit
def _backward_keys(
    q, k, v, mask, grad, lse, delta, dk, dv, sq, sk, sv, sm, sg, sdk, sdv, heads, h, w, d, scale,
    WY: tl.constexpr, WX: tl.constexpr, DY: tl.constexpr, DX: tl.constexpr, BY: tl.constexpr, BX: tl.constexpr,
    BLOCK: tl.constexpr, WIDTH: tl.constexpr, WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    plane, ry, y0, y1, ly, rx, x0, x1, lx = tile(h, w, DY, DX, BY, BX)
    image, head = plane // heads, plane % heads
    i = tl.arange(0, BY * BX)
    ky, kx = y0 + i // BX, x0 + i % BX
    inside = (ky < ly) & (kx < lx)
    gy, gx = ky * DY + ry, kx * DX + rx
    keys = load(k, sk, image, head, gy, gx, inside, d, WIDTH, WIDEN)
    values = load(v, sv, image, head, gy, gx, inside, d, WIDTH, WIDEN)
    live = there(mask, sm, image, gy, gx, inside)
    ya, rows = reached(y0, y1, ly, WY)
    xa, columns = reached(x0, x1, lx, WX)
    count = tl.where((y0 < ly) & (x0 < lx), rows * columns, 0)

    change_k = tl.zeros((BY * BX, WIDTH), tl.float32)
    change_v = tl.zeros((BY * BX, WIDTH), tl.float32)
    for at in range(0, count, BLOCK):
        j = at + tl.arange(0, BLOCK)
        qy, qx = ya + j // columns, xa + j % columns
        known = j < count
        hy, hx = qy * DY + ry, qx * DX + rx
        queries = load(q, sq, image, head, hy, hx, known, d, WIDTH, WIDEN)
        told = load(grad, sg, image, head, hy, hx, known, d, WIDTH, WIDEN)
        rows_of = (plane.to(tl.int64) * h + hy) * w + hx
        norm = tl.load(lse + rows_of, mask=known, other=0.0)
        mean = tl.load(delta + rows_of, mask=known, other=0.0)
        near = reaches(qy[None, :], qx[None, :], ky[:, None], kx[:, None], ly, lx, WY, WX)
        near = near & live[:, None] & known[None, :]
        logits = tl.dot(keys, tl.trans(queries), input_precision=PRECISION) * scale
        weights = tl.exp2(tl.where(near, logits - norm[None, :], float("-inf")))
        change_v += tl.dot(weights.to(told.dtype), told, input_precision=PRECISION)
        slope = weights * (tl.dot(values, tl.trans(told), input_precision=PRECISION) - mean[None, :])
        change_k += tl.dot(slope.to(queries.dtype), queries, input_precision=PRECISION)
    store(dk, sdk, image, head, gy, gx, inside, d, change_k * (scale * LN2), WIDTH)
    store(dv, sdv, image, head, gy, gx, inside, d, change_v, WIDTH)


def _plan(q: Tensor, windows: list[int], dilations: list[int]) -> tuple[tuple[int], tuple[Any, ...], dict[str, Any]]:
    """How many programs there are, the sizes, and the constants: tiles of 64 or fewer, as square as the grid allows."""
    b, heads, h, w, d = q.shape
    width = max(16, triton.next_power_of_2(d))
    block = max(16, min(64, 4096 // width))  # so that wide heads fit into shared memory as well
    lengths = [triton.cdiv(size, dilation) for size, dilation in zip((h, w), dilations, strict=True)]
    by = min(8, triton.next_power_of_2(lengths[0]))
    bx = block // by
    tiles = dilations[0] * dilations[1] * triton.cdiv(lengths[0], by) * triton.cdiv(lengths[1], bx)
    constants = {
        **dict(zip(("WY", "WX", "DY", "DX", "BY", "BX"), (*windows, *dilations, by, bx), strict=True)),
        "BLOCK": block,
        "WIDTH": width,
        "num_stages": 2,
        **products(q),
    }
    return (b * heads * tiles,), (heads, h, w, d, d**-0.5 * LOG2E), constants


def _strides(*tensors: Tensor | None) -> list[tuple[int, ...] | None]:
    return [None if x is None else x.stride() for x in tensors]


@torch.library.custom_op("gaze::neighborhood", mutates_args=())
def _attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, windows: list[int], dilations: list[int]
) -> tuple[Tensor, Tensor]:
    """What is seen, and the binary logarithm of what the weights were divided by (0 where a query sees nothing)."""
    out, lse = torch.empty_like(q), torch.empty(q.shape[:-1], dtype=torch.float32, device=q.device)
    programs, sizes, constants = _plan(q, windows, dilations)
    with on(q):
        _forward[programs](q, k, v, mask, out, lse, *_strides(q, k, v, mask, out), *sizes, **constants)
    return out, lse


@_attend.register_fake
def _(q, k, v, mask, windows, dilations):
    return torch.empty_like(q), q.new_empty(q.shape[:-1], dtype=torch.float32)


@torch.library.custom_op("gaze::neighborhood_backward", mutates_args=())
def _learn(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, out: Tensor, lse: Tensor, grad: Tensor,
    windows: list[int], dilations: list[int],
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    dq, dk, dv, delta = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v), torch.empty_like(lse)
    programs, sizes, constants = _plan(q, windows, dilations)
    with on(q):
        strides = _strides(q, k, v, mask, out, grad, dq)
        _backward_queries[programs](q, k, v, mask, out, grad, lse, delta, dq, *strides, *sizes, **constants)
        strides = _strides(q, k, v, mask, grad, dk, dv)
        _backward_keys[programs](q, k, v, mask, grad, lse, delta, dk, dv, *strides, *sizes, **constants)
    return dq, dk, dv


@_learn.register_fake
def _(q, k, v, mask, out, lse, grad, windows, dilations):
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def _keep(ctx, inputs, output):
    q, k, v, mask, ctx.windows, ctx.dilations = inputs
    ctx.save_for_backward(q, k, v, mask, *output)


def _gradients(ctx, grad, _):
    q, k, v, mask, out, lse = ctx.saved_tensors
    return *_learn(q, k, v, mask, out, lse, grad, ctx.windows, ctx.dilations), None, None, None


_attend.register_autograd(_gradients, setup_context=_keep)


def forward(
    q: Tensor, k: Tensor, v: Tensor, windows: tuple[int, ...], dilations: tuple[int, ...], mask: Tensor | None = None
) -> Tensor:
    """Neighborhood attention over one axis (b, heads, n, d) or two (b, heads, h, w, d)."""
    if q.numel() == 0:
        return v.clone()
    if q.ndim == 4:
        row = (x.unsqueeze(2) for x in (q, k, v))
        mask = None if mask is None else mask.unsqueeze(1)
        return _attend(*row, mask, [1, *windows], [1, *dilations])[0].squeeze(2)
    return _attend(q, k, v, mask, list(windows), list(dilations))[0]


def _signature(kernel: Any, element: str, masked: bool) -> dict[str, Any]:
    """What a kernel is given, for compiling it ahead of time."""
    known = {"lse": "*fp32", "delta": "*fp32", "scale": "fp32", "heads": "i32", "h": "i32", "w": "i32", "d": "i32"}
    known |= {"mask": "*i1", "sm": ("i32",) * 3} if masked else {"mask": "constexpr", "sm": "constexpr"}

    def of(name: str) -> Any:
        if name.isupper():
            return "constexpr"
        return known.get(name, ("i32",) * 5 if name.startswith("s") else f"*{element}")

    return {name: of(name) for name in kernel.arg_names}


_CONSTANTS = dict(WY=7, WX=7, DY=1, DX=2, BY=8, BX=8, BLOCK=64, WIDTH=32, WIDEN=False, PRECISION="ieee")  # noqa: C408
KERNELS = {
    f"{kernel.fn.__name__[1:]} {element}{' masked' * masked}": (
        kernel,
        _signature(kernel, element, masked),
        _CONSTANTS | ({} if masked else {"mask": None, "sm": None}),
    )
    for kernel in (_forward, _backward_queries, _backward_keys)
    for element, masked in (("fp32", True), ("fp16", False), ("bf16", True))
}
