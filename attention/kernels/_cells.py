"""The cells of a pyramid inside a tile: which are leaves for whom, and which blocks of cells can hold one at all.

A block is passed over by the leaf test itself at its nearest or its farthest point: rounding is monotone, so that no
leaf is lost. Sizes are sides of cells in tokens, 1 to TOP; gazes are float32, x and y, and a `box` around them is left,
right, top, bottom.
"""

import triton
import triton.language as tl


@triton.jit
def within(e2, size):
    """The squared eccentricity within which cells of this size, in tokens, are split."""
    reach = e2 * tl.maximum(size - 1, 1).to(tl.float32)
    return tl.where(size == 1, 0.0, reach * reach)


@triton.jit
def leaves(x, y, row, column, size, e2, TOP: tl.constexpr, UP: tl.constexpr):
    """Which of the cells are leaves for whom [N, M]: not split, and so are those above them."""
    across = (column.to(tl.float32) + 0.5)[None, :] * size.to(tl.float32) - x[:, None]
    along = (row.to(tl.float32) + 0.5)[None, :] * size.to(tl.float32) - y[:, None]
    leaf = across * across + along * along >= within(e2, size)
    for up in tl.static_range(1, UP + 1):
        wide = size * (1 << up)
        across = ((column >> up).to(tl.float32) + 0.5)[None, :] * wide.to(tl.float32) - x[:, None]
        along = ((row >> up).to(tl.float32) + 0.5)[None, :] * wide.to(tl.float32) - y[:, None]
        leaf = leaf & ((across * across + along * along < within(e2, wide)) | (wide > TOP))
    return leaf


@triton.jit
def gap(first, last, low, high):
    """The distance of two spans, and of their farthest points."""
    return tl.maximum(tl.maximum(first - high, low - last), 0.0), tl.maximum(last - low, high - first)


@triton.jit
def worth(row, column, size, e2, box, TOP: tl.constexpr, SIDE: tl.constexpr):
    """Whether the block of cells that starts there can hold a leaf for a gaze in the box."""
    left, right, top, bottom = box
    wide = size.to(tl.float32)
    _, across = gap((column + 0.5) * wide, (column + SIDE - 0.5) * wide, left, right)
    _, along = gap((row + 0.5) * wide, (row + SIDE - 0.5) * wide, top, bottom)
    coarse = (size > 1) & (across * across + along * along < within(e2, size))  # all are split
    wide = wide * 2
    across, _ = gap((column // 2 + 0.5) * wide, (column // 2 + SIDE // 2 - 0.5) * wide, left, right)
    along, _ = gap((row // 2 + 0.5) * wide, (row // 2 + SIDE // 2 - 0.5) * wide, top, bottom)
    fine = (size < TOP) & (across * across + along * along >= within(e2, size * 2))  # none above is
    return (coarse | fine) == 0


@triton.jit
def shape(length, size, TOP: tl.constexpr):
    """How many cells of this size there are along a side."""
    return tl.where(size == TOP, (length + TOP - 1) // TOP, (length + 2 * size - 1) // (2 * size) * 2)


@triton.jit
def blocks(low, high, cells, size, e2, TOP: tl.constexpr, SIDE: tl.constexpr):
    """The first of the blocks along a side that gazes between low and high may need, and how many."""
    wide, most = size.to(tl.float32), cells.to(tl.float32)
    reach = tl.where(size == TOP, float("inf"), e2 * (2 * size - 1).to(tl.float32))
    first = tl.minimum(tl.maximum(tl.floor((low - reach) / wide) - 1, 0.0), most).to(tl.int32) // SIDE
    last = tl.minimum(tl.maximum(tl.floor((high + reach) / wide) + 2, 0.0), most).to(tl.int32)
    return first, tl.maximum((last + SIDE - 1) // SIDE - first, 0)


@triton.jit
def level(h, w, size, e2, box, TOP: tl.constexpr, SIDE: tl.constexpr):
    """Rows and columns of a level's cells, the first block that gazes in the box may need, and how many blocks.

    The blocks are counted row by row: the last two numbers are columns of blocks, and all.
    """
    left, right, top, bottom = box
    down, across = shape(h, size, TOP), shape(w, size, TOP)
    y, rows = blocks(top, bottom, down, size, e2, TOP, SIDE)
    x, columns = blocks(left, right, across, size, e2, TOP, SIDE)
    return down, across, y, x, columns, rows * columns


@triton.jit
def queries(gaze, order, sg, at, image, n):
    """Which queries a tile has, which of them are, their gazes, and the box around these."""
    real = at < n
    row = at.to(tl.int64)
    if order is not None:
        row = tl.load(order + at, mask=real, other=0)
    x = tl.load(gaze + image * sg[0] + row * sg[1], mask=real, other=0.0)
    y = tl.load(gaze + image * sg[0] + row * sg[1] + sg[2], mask=real, other=0.0)
    left, right = tl.min(tl.where(real, x, float("inf")), 0), tl.max(tl.where(real, x, -float("inf")), 0)
    top, bottom = tl.min(tl.where(real, y, float("inf")), 0), tl.max(tl.where(real, y, -float("inf")), 0)
    return row, real, x, y, (left, right, top, bottom)


@triton.jit
def block(count, sc, image, start, down, across, row, column, SIDE: tl.constexpr):
    """Rows, columns and places of a block's cells, which hold tokens, and the log of how many (0 for none)."""
    i = tl.arange(0, SIDE * SIDE)
    row, column = row + i // SIDE, column + i % SIDE
    real = (row < down) & (column < across)
    cell = (start + row * across + column).to(tl.int64)
    log = tl.load(count + image * sc[0] + cell * sc[1], mask=real, other=-float("inf"))
    nonempty = log > -float("inf")
    return row, column, cell, nonempty, tl.where(nonempty, log, 0.0)
