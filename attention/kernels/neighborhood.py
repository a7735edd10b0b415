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

from attention.kernels._launch import on, products, signature, strided
from attention.kernels._regions import load, reached, reaches, region, store, there, tile, tokens
from attention.kernels._tiles import LOG2E, dot, slopes, weigh


@triton.jit
def _forward(
    q, k, v, mask, out, lse, q_s, k_s, v_s, mask_s, out_s, heads, h, w, d, scale,
    WY: tl.constexpr, WX: tl.constexpr, DY: tl.constexpr, DX: tl.constexpr, BY: tl.constexpr, BX: tl.constexpr,
    BLOCK: tl.constexpr, D: tl.constexpr, WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    plane, ry, y0, y1, ly, rx, x0, x1, lx = tile(h, w, DY, DX, BY, BX)
    image, head = plane // heads, plane % heads
    _, qy, qx, gy, gx = tokens(0, y0, x0, BX, ry, rx, DY, DX, BY * BX)
    inside = (qy < ly) & (qx < lx)
    queries = load(q, q_s, image, head, gy, gx, inside, d, D, WIDEN)
    ya, rows = region(y0, y1, ly, WY)
    xa, columns = region(x0, x1, lx, WX)
    count = tl.where((y0 < ly) & (x0 < lx), rows * columns, 0)

    top = tl.full((BY * BX,), float("-inf"), tl.float32)
    total = tl.zeros((BY * BX,), tl.float32)
    attended = tl.zeros((BY * BX, D), tl.float32)
    for at in range(0, count, BLOCK):
        j, ky, kx, hy, hx = tokens(at, ya, xa, columns, ry, rx, DY, DX, BLOCK)
        live = there(mask, mask_s, image, hy, hx, j < count)
        keys = load(k, k_s, image, head, hy, hx, live, d, D, WIDEN)
        values = load(v, v_s, image, head, hy, hx, live, d, D, WIDEN)
        near = live[None, :] & reaches(qy, qx, ky, kx, ly, lx, WY, WX)
        logits = dot(queries, tl.trans(keys), PRECISION) * (scale * LOG2E)
        p, top, total, shrink = weigh(logits, near, top, total, "softmax")
        attended = attended * shrink[:, None] + dot(p, values, PRECISION)
    divisor = tl.where(total > 0, total, 1.0)
    store(out, out_s, image, head, gy, gx, inside, d, attended / divisor[:, None], D)
    rows_of = (plane.to(tl.int64) * h + gy) * w + gx
    tl.store(lse + rows_of, tl.where(total > 0, top + tl.log2(divisor), 0.0), mask=inside)


@triton.jit
def _backward_queries(
    q, k, v, mask, out, grad, lse, delta, dq, q_s, k_s, v_s, mask_s, out_s, grad_s, dq_s, heads, h, w, d, scale,
    WY: tl.constexpr, WX: tl.constexpr, DY: tl.constexpr, DX: tl.constexpr, BY: tl.constexpr, BX: tl.constexpr,
    BLOCK: tl.constexpr, D: tl.constexpr, WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    plane, ry, y0, y1, ly, rx, x0, x1, lx = tile(h, w, DY, DX, BY, BX)
    image, head = plane // heads, plane % heads
    _, qy, qx, gy, gx = tokens(0, y0, x0, BX, ry, rx, DY, DX, BY * BX)
    inside = (qy < ly) & (qx < lx)
    queries = load(q, q_s, image, head, gy, gx, inside, d, D, WIDEN)
    d_out = load(grad, grad_s, image, head, gy, gx, inside, d, D, WIDEN)
    out_tile = load(out, out_s, image, head, gy, gx, inside, d, D, WIDEN)
    rows_of = (plane.to(tl.int64) * h + gy) * w + gx
    mean = tl.sum(d_out.to(tl.float32) * out_tile.to(tl.float32), 1)
    tl.store(delta + rows_of, mean, mask=inside)
    norm = tl.load(lse + rows_of, mask=inside, other=0.0)
    ya, rows = region(y0, y1, ly, WY)
    xa, columns = region(x0, x1, lx, WX)
    count = tl.where((y0 < ly) & (x0 < lx), rows * columns, 0)

    change = tl.zeros((BY * BX, D), tl.float32)
    for at in range(0, count, BLOCK):
        j, ky, kx, hy, hx = tokens(at, ya, xa, columns, ry, rx, DY, DX, BLOCK)
        live = there(mask, mask_s, image, hy, hx, j < count)
        keys = load(k, k_s, image, head, hy, hx, live, d, D, WIDEN)
        values = load(v, v_s, image, head, hy, hx, live, d, D, WIDEN)
        near = live[None, :] & reaches(qy, qx, ky, kx, ly, lx, WY, WX)
        logits = dot(queries, tl.trans(keys), PRECISION) * (scale * LOG2E)
        _p, d_logits = slopes(logits, dot(d_out, tl.trans(values), PRECISION), near, norm, mean, "softmax")
        change += dot(d_logits, keys, PRECISION)
    store(dq, dq_s, image, head, gy, gx, inside, d, change * scale, D)


@triton.jit
def _backward_keys(
    q, k, v, mask, grad, lse, delta, dk, dv, q_s, k_s, v_s, mask_s, grad_s, dk_s, dv_s, heads, h, w, d, scale,
    WY: tl.constexpr, WX: tl.constexpr, DY: tl.constexpr, DX: tl.constexpr, BY: tl.constexpr, BX: tl.constexpr,
    BLOCK: tl.constexpr, D: tl.constexpr, WIDEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    plane, ry, y0, y1, ly, rx, x0, x1, lx = tile(h, w, DY, DX, BY, BX)
    image, head = plane // heads, plane % heads
    _, ky, kx, gy, gx = tokens(0, y0, x0, BX, ry, rx, DY, DX, BY * BX)
    inside = (ky < ly) & (kx < lx)
    keys = load(k, k_s, image, head, gy, gx, inside, d, D, WIDEN)
    values = load(v, v_s, image, head, gy, gx, inside, d, D, WIDEN)
    live = there(mask, mask_s, image, gy, gx, inside)
    ya, rows = reached(y0, y1, ly, WY)
    xa, columns = reached(x0, x1, lx, WX)
    count = tl.where((y0 < ly) & (x0 < lx), rows * columns, 0)

    change_k = tl.zeros((BY * BX, D), tl.float32)
    change_v = tl.zeros((BY * BX, D), tl.float32)
    for at in range(0, count, BLOCK):
        j, qy, qx, hy, hx = tokens(at, ya, xa, columns, ry, rx, DY, DX, BLOCK)
        known = j < count
        queries = load(q, q_s, image, head, hy, hx, known, d, D, WIDEN)
        d_out = load(grad, grad_s, image, head, hy, hx, known, d, D, WIDEN)
        rows_of = (plane.to(tl.int64) * h + hy) * w + hx
        norm = tl.load(lse + rows_of, mask=known, other=0.0)
        mean = tl.load(delta + rows_of, mask=known, other=0.0)
        near = known[:, None] & live[None, :] & reaches(qy, qx, ky, kx, ly, lx, WY, WX)
        logits = dot(queries, tl.trans(keys), PRECISION) * (scale * LOG2E)
        p, d_logits = slopes(logits, dot(d_out, tl.trans(values), PRECISION), near, norm, mean, "softmax")
        change_v += dot(tl.trans(p), d_out, PRECISION)
        change_k += dot(tl.trans(d_logits), queries, PRECISION)
    store(dk, dk_s, image, head, gy, gx, inside, d, change_k * scale, D)
    store(dv, dv_s, image, head, gy, gx, inside, d, change_v, D)


def _plan(q: Tensor, windows: list[int], dilations: list[int]) -> tuple[tuple[int], dict[str, Any]]:
    """How many programs there are, and what all are d_out: tiles of 64 or fewer, as square as the grid allows."""
    b, heads, h, w, d = q.shape
    width = max(16, triton.next_power_of_2(d))
    block = max(16, min(64, 4096 // width))  # so that wide heads fit into shared memory as well
    lengths = [triton.cdiv(size, dilation) for size, dilation in zip((h, w), dilations, strict=True)]
    by = min(8, triton.next_power_of_2(lengths[0]))
    bx = block // by
    tiles = dilations[0] * dilations[1] * triton.cdiv(lengths[0], by) * triton.cdiv(lengths[1], bx)
    arguments = {"heads": heads, "h": h, "w": w, "d": d, "scale": d**-0.5, "BLOCK": block, "D": width, "num_stages": 2}
    arguments |= zip(("WY", "WX", "DY", "DX", "BY", "BX"), (*windows, *dilations, by, bx), strict=True)
    return (b * heads * tiles,), arguments | products(q)


@torch.library.custom_op("gaze::neighborhood", mutates_args=())
def _attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, windows: list[int], dilations: list[int]
) -> tuple[Tensor, Tensor]:
    """What is seen, and the binary logarithm of what the weights were divided by (0 where a query sees nothing)."""
    out, lse = torch.empty_like(q), torch.empty(q.shape[:-1], dtype=torch.float32, device=q.device)
    programs, arguments = _plan(q, windows, dilations)
    with on(q):
        _forward[programs](**strided(q=q, k=k, v=v, mask=mask, out=out), lse=lse, **arguments)
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
    programs, arguments = _plan(q, windows, dilations)
    arguments |= strided(q=q, k=k, v=v, mask=mask, grad=grad) | {"lse": lse, "delta": delta}
    with on(q):
        _backward_queries[programs](**arguments, **strided(out=out, dq=dq))
        _backward_keys[programs](**arguments, **strided(dk=dk, dv=dv))
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


_CONSTANTS = dict(WY=7, WX=7, DY=1, DX=2, BY=8, BX=8, BLOCK=64, D=32, WIDEN=False, PRECISION="ieee")  # noqa: C408
_MASKED = {True: {"mask": "*i1", "mask_s": ("i32",) * 3}, False: {"mask": "constexpr", "mask_s": "constexpr"}}
KERNELS = {
    f"{kernel.fn.__name__[1:]} {element}{' masked' * masked}": (
        kernel,
        signature(kernel, element, 5, **_MASKED[masked]),
        _CONSTANTS | ({} if masked else {"mask": None, "mask_s": None}),
    )
    for kernel in (_forward, _backward_queries, _backward_keys)
    for element, masked in (("fp32", True), ("fp16", False), ("bf16", True))
}
