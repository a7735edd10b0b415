"""A pyramid of cells over a grid of tokens, and which of its cells a point of gaze asks for.

Cells of level l pool 2^l x 2^l tokens, from the top left. From the top level down a cell is split in four where

    e^2 < (e2 (2^l - 1))^2,   e^2 = the squared distance of its centre from the gaze, in float32

and the cells that are not are the leaves: every token is in exactly one. Nothing here takes a root or a logarithm, so
that all implementations find the same leaves.
"""

from collections.abc import Callable
from ctypes import c_float
from functools import lru_cache
from math import ceil, floor
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad
from torch.utils._python_dispatch import _get_current_dispatch_mode

from attention.mixers import cover

NESTED = 0.75  # e2 from which a cell can only be split where all above it are; any above the root of 1 / 2 will do


def float32(x: float) -> float:
    """The nearest number of single precision."""
    return c_float(x).value


# What `torch.compiler.assume_constant_result` sets; asking that would load the whole compiler, and Triton with it.
float32._dynamo_marked_constant = True  # type: ignore[attr-defined]


def reaches(e2: float, levels: int) -> list[float]:
    """Eccentricities within which the cells of a level are split, as float32 numbers; 0 for tokens.

    >>> reaches(2, 3)
    [0.0, 2.0, 6.0]
    """
    return [float32(float32(e2) * (2**level - 1)) if level else 0.0 for level in range(levels)]


def ancestors(level: int, e2: float, levels: int) -> range:
    """The levels above that have to be asked whether a cell of this level exists."""
    return range(level + 1, min(levels, level + 2) if e2 >= NESTED else levels)


def sides(size: int, levels: int) -> list[int]:
    """How many cells each level has along a side: an even number, but for the top level.

    >>> sides(5, 3)
    [6, 4, 2]
    """
    below = [(size + 2 ** (up + 1) - 1) // 2 ** (up + 1) * 2 for up in range(levels - 1)]
    return [*below, cover(size, 2 ** (levels - 1))]


def sums(x: Float[Tensor, "b h w *c"], levels: int) -> list[Float[Tensor, "b rows columns *c"]]:
    """Sums over the tokens of the cells, level after level."""
    h, w = x.shape[1:3]
    by_level: list[Tensor] = []
    for level, (down, across) in enumerate(zip(sides(h, levels), sides(w, levels), strict=True)):
        x = _fours(x) if level else x
        bottom, right = down - x.shape[1], across - x.shape[2]
        if torch.compiler.is_compiling() or bottom or right:  # a graph is for all sizes
            x = pad(x, (*(0, 0) * (x.ndim - 3), 0, right, 0, bottom))
        by_level.append(x)
    return by_level


def pooled(x: Float[Tensor, "b h w c"], count: Float[Tensor, "#b cells"], levels: int) -> Float[Tensor, "b cells c"]:
    """Means over the tokens of all cells, row by row; tokens that are not there are zeros in `x`."""
    means, offset = [], 0
    for level, total in enumerate(sums(x, levels)):
        total = total.flatten(1, 2)
        size = total.shape[1]
        means.append(total / count[:, offset : offset + size, None].clamp(min=1) if level else total)
        offset += size
    return torch.cat(means, 1)


def counts(there: Bool[Tensor, "b h w"], levels: int, dtype: torch.dtype) -> Float[Tensor, "b cells"]:
    """How many tokens each cell holds."""
    return torch.cat([x.flatten(1) for x in sums(there.to(dtype), levels)], 1)


def all_counts(h: int, w: int, levels: int, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "1 cells"]:
    """The same where there is a token everywhere."""
    return counts(torch.ones(1, h, w, dtype=torch.bool, device=device), levels, dtype)


def _fours(x: Tensor) -> Tensor:
    """Sums of 2 x 2 cells."""
    x = x[:, ::2] + x[:, 1::2]
    return x[:, :, ::2] + x[:, :, 1::2]


def leaves(x: Tensor, y: Tensor, row: Tensor, column: Tensor, level: int, e2: float, levels: int) -> Tensor:
    """Which of the cells (row, column) of a level are leaves for a gaze at x, y; all float32, broadcast together."""
    within = [float32(reach * reach) for reach in reaches(e2, levels)]
    leaf = torch.ones((), dtype=torch.bool, device=x.device)
    for above in [*([level] if level else []), *ancestors(level, e2, levels)]:
        size, down = 2.0**above, 0.5 ** (above - level)
        across = ((column * down).floor() + 0.5) * size - x
        along = ((row * down).floor() + 0.5) * size - y
        squared = across * across + along * along
        leaf = leaf & (squared >= within[above] if above == level else squared < within[above])
    return leaf


def all_leaves(gaze: Float[Tensor, "b n 2"], h: int, w: int, e2: float, levels: int) -> Bool[Tensor, "b n cells"]:
    """Which cells of the whole pyramid are leaves."""
    x, y = gaze.float()[..., None, None].unbind(2)
    by_level = []
    for level, (down, across) in enumerate(zip(sides(h, levels), sides(w, levels), strict=True)):
        row = torch.arange(down, device=gaze.device, dtype=torch.float32)[:, None]
        column = torch.arange(across, device=gaze.device, dtype=torch.float32)
        leaf = leaves(x, y, row, column, level, e2, levels)
        by_level.append(leaf.expand(*gaze.shape[:2], down, across).flatten(2))
    return torch.cat(by_level, -1)


def centres(h: int, w: int, device: torch.device) -> Float[Tensor, "1 n 2"]:
    """The gaze of tokens that look from their own centres."""
    y = torch.arange(h, device=device, dtype=torch.float32)[:, None].expand(h, w)
    x = torch.arange(w, device=device, dtype=torch.float32).expand(h, w)
    return torch.stack([x, y], -1).reshape(1, h * w, 2) + 0.5


def near(h: int, w: int, device: torch.device) -> Int[Tensor, " n"]:
    """The tokens of a grid in an order that keeps 8 x 8 of them together."""
    row = torch.arange(h, device=device)[:, None]
    column = torch.arange(w, device=device)
    tile = row // 8 * cover(w, 8) + column // 8
    return (tile * 64 + row % 8 * 8 + column % 8).flatten().argsort()


def tables(
    h: int, w: int, e2: float, levels: int, device: torch.device, tile: int
) -> tuple[Int[Tensor, "tiles size"], Bool[Tensor, "tiles tile*tile size"]]:
    """For each tile of tokens the cells that they may see, and for which of the tokens which is a leaf."""
    x, y = (torch.arange(cover(size, tile) * tile, device=device).reshape(-1, tile) + 0.5 for size in (w, h))
    indices, is_leaf, offset = [], [], 0
    for level, (down, across) in enumerate(zip(sides(h, levels), sides(w, levels), strict=True)):
        row, column = _reach(h, level, e2, levels, device, tile), _reach(w, level, e2, levels, device, tile)
        if row.shape[1]:
            cell = offset + row[:, None, :, None] * across + column[:, None]
            leaf = leaves(
                x[:, None, :, None, None],
                y[:, None, :, None, None, None],
                row.float()[:, None, None, None, :, None],
                column.float()[:, None, None, None],
                level,
                e2,
                levels,
            )
            indices.append(cell.flatten(2).flatten(0, 1))
            is_leaf.append(leaf.flatten(4).flatten(2, 3).flatten(0, 1))
        offset += down * across
    return torch.cat(indices, 1), torch.cat(is_leaf, 2)


def _reach(size: int, level: int, e2: float, levels: int, device: torch.device, tile: int) -> Int[Tensor, "tiles span"]:
    """Rows (or columns) of a level that may hold leaves of each tile: all of the top level.

    Below, these are the children of cells that a token of the tile splits; their number depends on e2 and the level,
    unless the picture has fewer. The span of a tile is moved into the picture rather than cut.
    """
    tiles, top = cover(size, tile), sides(size, levels)[-1]
    if level == levels - 1:
        return torch.arange(top, device=device).expand(tiles, top)
    above, parents = 2 ** (level + 1), sides(size, levels)[level] // 2
    reach = min(reaches(e2, levels)[level + 1], 2.0**30)  # no picture is larger
    first = floor(0.5 - reach - above / 2)
    spans = [ceil((at + tile - 0.5 + reach) / above - 0.5) - (at + first) // above - 1 for at in range(0, above, tile)]
    span: int = torch.sym_min(max(0, *spans), parents)  # type: ignore[no-untyped-call]
    shift = -(first // above)  # no negative number is divided: ONNX would round it up
    start = (torch.arange(tiles, device=device) * tile + (first + shift * above)) // above - shift + 1
    inside: Tensor = 2 * start.clamp(0, parents - span)[:, None] + torch.arange(2 * span, device=device)
    return inside


def kept(make: Callable[..., Any], *args: Any) -> Any:
    """What `make` gives, kept for pictures of the same size, but made anew while a graph is traced or faked."""
    traced = torch.compiler.is_compiling() or _get_current_dispatch_mode() is not None
    return make(*args) if traced else _kept(make, *args)


@lru_cache(maxsize=16)
def _kept(make: Callable[..., Any], *args: Any) -> Any:
    with torch.inference_mode(False), torch.no_grad():  # else what is made in inference could not be used in training
        return make(*args)
