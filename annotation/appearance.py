"""What is in a box as numbers: its colours and where they lie in it, and the directions of its edges.

    colours   soft histograms of L, a and b (Lab), 8 bins each; the square root of each share
    layout    means of L, a and b in 4 x 4 cells
    edges     gradients by direction (6 bins) in 4 x 4 cells, each normalised by the whole (after Dalal & Triggs 2005,
              https://doi.org/10.1109/CVPR.2005.177)

They are added to what a saliency model sees in the box (`scanpath.object_features`), which is coarse for small things.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from data.objects import crops

SIDE = 32  # pixels of a crop
CELLS, BINS, TURNS = 4, 8, 6
COUNT = 3 * BINS + 3 * CELLS**2 + TURNS * CELLS**2


def descriptors(pixels: UInt8[np.ndarray, "h w 3"], boxes: Float[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n d"]:
    """`COUNT` numbers of each box (x, y, width, height in pixels)."""
    if not len(boxes):
        return np.zeros((0, COUNT), np.float32)
    pieces = crops(pixels, boxes, SIDE)
    lab = np.stack([cv2.cvtColor(piece, cv2.COLOR_RGB2LAB) for piece in pieces]).astype(np.float32) / 255
    return np.concatenate([_histograms(lab), _layout(lab), _edges(lab[..., 0])], 1)


def _histograms(lab: Float32[np.ndarray, "n s s 3"]) -> Float32[np.ndarray, "n d"]:
    place = lab.reshape(len(lab), -1, 3)
    place = np.concatenate(
        [place[..., :1], np.clip((place[..., 1:] - 0.5) * 2 + 0.5, 0, 1)], -1
    )  # most colours are dull
    away = np.abs(place[..., None] * (BINS - 1) - np.arange(BINS, dtype=np.float32))
    return np.asarray(np.sqrt(np.maximum(0, 1 - away).mean(1)).reshape(len(lab), -1), np.float32)


def _layout(lab: Float32[np.ndarray, "n s s 3"]) -> Float32[np.ndarray, "n d"]:
    step = SIDE // CELLS
    return np.asarray(lab.reshape(len(lab), CELLS, step, CELLS, step, 3).mean((2, 4)).reshape(len(lab), -1))


def _edges(light: Float32[np.ndarray, "n s s"]) -> Float32[np.ndarray, "n d"]:
    down, across = np.gradient(light, axis=(1, 2))
    strength = np.hypot(down, across)
    turn = np.mod(np.arctan2(down, across), np.pi) / np.pi * TURNS
    away = np.abs(turn[..., None] - np.arange(TURNS, dtype=np.float32))
    share = np.maximum(0, 1 - np.minimum(away, TURNS - away)) * strength[..., None]
    step = SIDE // CELLS
    cells = share.reshape(len(light), CELLS, step, CELLS, step, TURNS).mean((2, 4)).reshape(len(light), -1)
    return np.asarray(cells / (np.linalg.norm(cells, axis=1, keepdims=True) + 0.01), np.float32)
