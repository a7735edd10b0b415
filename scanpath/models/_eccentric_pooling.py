"""Pooling whose windows grow with the distance from the point of gaze: sharp in the fovea, means of squares far off.

    side(e) = 0 for e <= fovea,   slope (e - fovea) beyond it      degrees of visual angle, e the eccentricity

A window is a square of whole cells, and what of it lies outside the picture does not count. Sums over windows are
differences of an integral image, which is made once a picture: a step reads four of its entries a cell, whatever the
size of the windows. Gather and arithmetic only, so that the graph has standard operators.

Shapes: `g v` cells, `c` channels; gaze x, y in pixels of the picture. Crow 1984, https://doi.org/10.1145/800031.808600;
windows that grow linearly with eccentricity: Gupta et al. 2021 (eccNET), https://arxiv.org/abs/2106.02887; Freeman &
Simoncelli 2011, https://doi.org/10.1038/nn.2889.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad


def integral(features: Float[Tensor, "1 c g v"]) -> Float[Tensor, "g_1 v_1 c"]:
    """Sums over all cells above and left of each corner of a cell, added up in double precision."""
    return pad(features[0].permute(1, 2, 0), (0, 0, 1, 0, 1, 0)).double().cumsum(0).cumsum(1).to(features.dtype)


def window_means(
    sums: Float[Tensor, "g_1 v_1 c"],
    top: Int[Tensor, "y x"],
    left: Int[Tensor, "y x"],
    height: Int[Tensor, "y x"] | int,
    width: Int[Tensor, "y x"] | int,
) -> Float[Tensor, "1 c y x"]:
    """The mean of the cells inside each window, as far as it lies in the picture."""
    rows, columns = sums.shape[0] - 1, sums.shape[1] - 1
    y0, y1 = top.clamp(0, rows), (top + height).clamp(0, rows)
    x0, x1 = left.clamp(0, columns), (left + width).clamp(0, columns)
    flat = sums.flatten(0, 1)

    def corner(y: Tensor, x: Tensor) -> Tensor:
        return flat.index_select(0, (y * (columns + 1) + x).flatten())

    total = corner(y1, x1) - corner(y0, x1) - corner(y1, x0) + corner(y0, x0)
    area = ((y1 - y0) * (x1 - x0)).clamp(min=1).flatten().to(total.dtype)
    means = (total / area[:, None]).reshape(top.shape[0], top.shape[1], sums.shape[2])
    return means.permute(2, 0, 1)[None]


def box_means(sums: Float[Tensor, "g_1 v_1 c"], down: int, across: int) -> Float[Tensor, "1 c g v"]:
    """The mean over so many cells above and below, left and right of each cell, and itself."""
    rows, columns = sums.shape[0] - 1, sums.shape[1] - 1
    y = torch.arange(rows, device=sums.device)[:, None].expand(rows, columns) - down
    x = torch.arange(columns, device=sums.device).expand(rows, columns) - across
    return window_means(sums, y, x, 2 * down + 1, 2 * across + 1)


def eccentricity(
    gaze: Float[Tensor, "1 2"], rows: int, columns: int, stride: int, first: float
) -> Float[Tensor, "y x"]:
    """Pixels from the gaze to each cell's centre; that of the first cell is at (`first`, `first`)."""
    y = torch.arange(rows, device=gaze.device) * stride + first - gaze[0, 1]
    x = torch.arange(columns, device=gaze.device) * stride + first - gaze[0, 0]
    far: Tensor = (y[:, None] ** 2 + x**2).sqrt()
    return far


def eccentric_pooling(
    sums: Float[Tensor, "g_1 v_1 c"],
    gaze: Float[Tensor, "1 2"],
    stride: int,
    first: float,
    fovea: float,
    slope: float,
) -> Float[Tensor, "1 c g v"]:
    """Each cell as seen from the gaze: the mean over an odd number of cells a side, centred on it.

    Args:
        sums: the `integral` of the features.
        gaze: where the eye is, pixels.
        stride: pixels from cell to cell.
        first: where the first cell's centre is, pixels.
        fovea: pixels up to which cells are seen as they are.
        slope: by how much a window's side grows, in pixels a pixel beyond the fovea.
    """
    rows, columns = sums.shape[0] - 1, sums.shape[1] - 1
    far = (eccentricity(gaze, rows, columns, stride, first) - fovea).clamp(min=0)
    half = (far * (slope / (2 * stride))).round().to(torch.int64)
    y = torch.arange(rows, device=gaze.device)[:, None] - half
    x = torch.arange(columns, device=gaze.device)[None] - half
    return window_means(sums, y, x, 2 * half + 1, 2 * half + 1)


def ring_pooling(
    sums: Float[Tensor, "g_1 v_1 c"],
    gaze: Float[Tensor, "1 2"],
    degree: float,
    slope: float,
    fovea: int = 4,
) -> Float[Tensor, "1 c y x"]:
    """EccNET's pooling: half as many cells, windows of 2 in the fovea, constant in rings of one degree beyond it.

        window = 2 + round(slope (r - fovea degree)),   r the outer radius of the ring

    Padding is TensorFlow's SAME at stride 2: of an odd rest of a window the larger part lies below and right.

    Args:
        sums: the `integral` of the features.
        gaze: where the eye is, in cells of the features; the first cell's centre is at (0.5, 0.5).
        degree: cells a degree of visual angle.
        slope: by how much a window's side grows, in cells a cell beyond the fovea.
        fovea: its radius in degrees.
    """
    rows, columns = sums.shape[0] // 2, sums.shape[1] // 2  # one more than cells: half of them, rounded up
    far = eccentricity(gaze, rows, columns, 2, 1.0) / degree
    ring = (far.ceil() - fovea).clamp(min=0)
    side = 2 + (slope * ring * degree).round().to(torch.int64)
    before = (side - 2) // 2
    y = torch.arange(rows, device=gaze.device)[:, None] * 2 - before
    x = torch.arange(columns, device=gaze.device)[None] * 2 - before
    return window_means(sums, y, x, side, side)
