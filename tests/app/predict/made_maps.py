"""Maps made by hand, for tests of what is measured on them."""

from collections.abc import Sequence

import numpy as np

from app.predict.picture_maps import PictureMaps

SECONDS = tuple((float(start), start + 1.0) for start in range(5))


def spot(x: float, y: float, wide: float = 0.05, rows: int = 48, columns: int = 64) -> np.ndarray:
    """A bump at a place given in shares of the sides, `wide` of the width; its sum is one."""
    down, across = np.indices((rows, columns)) + 0.5
    bump = np.exp(-(((across / columns - x) / wide) ** 2 + ((down / rows - y) * rows / columns / wide) ** 2) / 2)
    return np.asarray(bump / bump.sum())


def made(
    planes: Sequence[np.ndarray] | np.ndarray, size: tuple[int, int] = (640, 480), seconds: bool = True
) -> PictureMaps:
    """Maps of a picture: the same plane for all seconds, or one for each; the whole viewing is their mean."""
    slices = np.array([planes] * 5 if np.ndim(planes) == 2 else planes, np.float64)
    slices = np.maximum(slices, 1e-9)
    slices /= slices.sum((1, 2), keepdims=True)
    whole = slices.mean(0, keepdims=True)
    maps = np.log(np.concatenate([whole, slices]) if seconds else whole).astype(np.float32)
    return PictureMaps(maps, SECONDS[: len(slices)] if seconds else (), size)
