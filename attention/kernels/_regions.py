"""Tiles of a grid and the rectangles around them, inside a kernel: what queries reach, and what reaches keys.

A tile lies in one residue class of the dilation: position p of residue r is token p * dilation + r. The keys that query
p reaches are start(p) .. start(p) + window - 1; the queries that reach key p are

    first(p) .. last(p),   first = p - window + 1 + window // 2, but 0 where p < window
                           last = p + window // 2, but the last of all where p >= length - window

because a window that is clamped at a border reaches further.
"""

import triton
import triton.language as tl

from attention.kernels._tiles import fetch, put


@triton.jit
def start(p, length, WINDOW: tl.constexpr):
    """The first key of a query's window."""
    return tl.minimum(tl.maximum(p - WINDOW // 2, 0), tl.maximum(length - WINDOW, 0))


@triton.jit
def region(first, last, length, WINDOW: tl.constexpr):
    """What the queries first .. last reach: from, and how many."""
    begin = start(first, length, WINDOW)
    return begin, tl.minimum(start(last, length, WINDOW) + WINDOW, length) - begin


@triton.jit
def reached(first, last, length, WINDOW: tl.constexpr):
    """The queries that reach one of the keys first .. last: from, and how many."""
    begin = tl.where(first < WINDOW, 0, first - WINDOW + 1 + WINDOW // 2)
    end = tl.where(last >= length - WINDOW, length, tl.minimum(last + WINDOW // 2 + 1, length))
    return begin, end - begin


@triton.jit
def residue_class(index, n, DILATION: tl.constexpr, BLOCK: tl.constexpr):
    """Along one axis: the residue of a tile, its first and last position in that class, and how long the class is."""
    tiles = tl.cdiv(tl.cdiv(n, DILATION), BLOCK)
    residue = index // tiles
    length = (n - 1 - residue + DILATION) // DILATION
    first = index % tiles * BLOCK
    return residue, first, tl.minimum(first + BLOCK, length) - 1, length


@triton.jit
def tile(h, w, DY: tl.constexpr, DX: tl.constexpr, BY: tl.constexpr, BX: tl.constexpr):
    """Which head of which picture this program has, and which tile of it: `residue_class` of y and of x."""
    columns = DX * tl.cdiv(tl.cdiv(w, DX), BX)
    tiles = DY * tl.cdiv(tl.cdiv(h, DY), BY) * columns
    plane, index = tl.program_id(0) // tiles, tl.program_id(0) % tiles
    ry, y0, y1, ly = residue_class(index // columns, h, DY, BY)
    rx, x0, x1, lx = residue_class(index % columns, w, DX, BX)
    return plane, ry, y0, y1, ly, rx, x0, x1, lx


@triton.jit
def tokens(first, y, x, columns, ry, rx, DY: tl.constexpr, DX: tl.constexpr, SIZE: tl.constexpr):
    """Tokens of a rectangle, row by row from number `first` on: number, position in the class, place in the grid."""
    j = first + tl.arange(0, SIZE)
    y, x = y + j // columns, x + j % columns
    return j, y, x, y * DY + ry, x * DX + rx


@triton.jit
def places(x, strides, image, head, gy, gx):
    """Where the tokens of one head begin."""
    base = x + image.to(tl.int64) * strides[0] + head.to(tl.int64) * strides[1]
    return base + gy.to(tl.int64) * strides[2] + gx.to(tl.int64) * strides[3]


@triton.jit
def load(x, strides, image, head, gy, gx, live, d, D: tl.constexpr, WIDEN: tl.constexpr):
    """The rows of these tokens, zeros where there are none."""
    return fetch(places(x, strides, image, head, gy, gx), strides[4], live, d, D, WIDEN)


@triton.jit
def store(x, strides, image, head, gy, gx, live, d, rows, D: tl.constexpr):
    """The same places, written."""
    put(places(x, strides, image, head, gy, gx), strides[4], live, d, rows, D)


@triton.jit
def there(mask, strides, image, gy, gx, live):
    """Which of these keys are tokens."""
    if mask is not None:
        at = mask + image.to(tl.int64) * strides[0] + gy.to(tl.int64) * strides[1] + gx.to(tl.int64) * strides[2]
        live = live & (tl.load(at, mask=live, other=0) != 0)
    return live


@triton.jit
def reaches(qy, qx, ky, kx, ly, lx, WY: tl.constexpr, WX: tl.constexpr):
    """Which query has which key in its window [queries, keys]."""
    y, x = start(qy, ly, WY)[:, None], start(qx, lx, WX)[:, None]
    ky, kx = ky[None, :], kx[None, :]
    return (ky >= y) & (ky < y + WY) & (kx >= x) & (kx < x + WX)
