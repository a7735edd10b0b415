"""A folder of maps: what any other model said of the pictures of a set, one file a picture.

    NAME.png, NAME.jpg     grey, 8 or 16 bit
    NAME.npy, NAME.npz     an array (h, w); of an .npz the only one, or the one called "density"
    NAME.density.npy       what `gaze predict --format npy` writes

NAME is the picture's name without its suffix or with it (`1001.png` or `1001.jpg.png` for `1001.jpg`), in folders as
the pictures are. How a map becomes a density p over the n pixels of the picture, summing to one:

    an array of log densities   p ~ exp(array): no value is above 0, and the sum of exp(array) is 1 within 1 %
    every other map m           p = 0.999 m / sum(m) + 0.001 / n; values are 0 or more, not all 0

A map of another size is first brought to the picture's, linearly, or by area where it shrinks. The floor of 0.001 is
that of the centre bias: with a zero where somebody looked the information gain would be minus infinite. A map that was
not made as a probability has a poor kl and ig whatever it knows: auc, sauc, nss and cc are its scores.
"""

import io
import logging
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from jaxtyping import Float, Float32
from PIL import Image

from data import damage
from data.errors import PictureError, short_reason
from data.picture_file import opened
from evaluation.saliency.scoring import FLOOR

logger = logging.getLogger(__name__)

SUFFIXES = (".png", ".jpg", ".jpeg", ".density.npy", ".npy", ".npz")
GREY = 8  # of 255: by how much the channels of a grey map that was saved in colour may differ

Map = Float[np.ndarray, "h w"]


def find(folder: Path, pictures: Sequence[str]) -> dict[str, Path]:
    """The file of each picture.

    Raises:
        PictureError: The folder lacks the map of a picture, or has two.
    """
    stems = Counter(_stem(name) for name in pictures)
    files_by_name, chosen = _map_files(folder, pictures), dict[str, Path]()
    for name in pictures:
        bases = [name] if stems[_stem(name)] > 1 else dict.fromkeys([name, _stem(name)])
        files = [file for base in bases for suffix in SUFFIXES for file in files_by_name.get(base + suffix, ())]
        if len(files) > 1:
            raise PictureError(f"{folder}: {files[0].name} and {files[1].name} are both maps of {name!r}; keep one.")
        if files:
            chosen[name] = files[0]
    missing = [name for name in pictures if name not in chosen]
    if missing:
        names = f"{_stem(missing[0])}.png, .jpg, .npy or .npz"
        raise PictureError(
            f"{folder}: no map for {len(missing)} of {len(pictures)} pictures, the first is {missing[0]!r}; "
            f"add {names}."
        )
    return chosen


def read(path: Path, size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    """The log density of a map file on a picture of `size` (height, width).

    Raises:
        PictureError: The file cannot be read, or what it holds is no map.
    """
    values = _values(path)
    if values.ndim != 2 or not values.size:
        raise PictureError(f"{path}: the map has shape {values.shape}; write one number a pixel, as (height, width).")
    if np.isnan(values).any() or (values == np.inf).any():
        raise PictureError(f"{path}: the map holds NaN or infinity; write a number of 0 or more for each pixel.")
    if _logarithmic(values):
        if values.min() > np.finfo(np.float32).min:
            wide = _resized(values, size)
            return np.asarray(wide - _log_sum(wide), np.float32)
        values = np.exp(values)
    if values.min() < 0:
        raise PictureError(
            f"{path}: the map holds negative values and is no log density; write values of 0 or more, or logarithms "
            "whose exponentials sum to 1."
        )
    if values.max() == 0:
        raise PictureError(f"{path}: every value of the map is 0; write one above 0 somewhere.")
    wide = np.maximum(_resized(values / values.max(), size), 0)
    return np.asarray(np.log((1 - FLOOR) * wide / wide.sum() + FLOOR / wide.size), np.float32)


def _map_files(folder: Path, pictures: Sequence[str]) -> dict[str, list[Path]]:
    """The files of the folders that pictures are in, by their names with a suffix in small letters."""
    files: dict[str, list[Path]] = {}
    for parent in dict.fromkeys(PurePosixPath(name).parent for name in pictures):
        for file in sorted((folder / parent).iterdir()) if (folder / parent).is_dir() else ():
            name = str(parent / file.name)
            suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)
            if suffix and file.is_file():
                files.setdefault(name[: -len(suffix)] + suffix, []).append(file)
    return files


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _logarithmic(values: Map) -> bool:
    return bool(-math.inf < values.max() <= 0 and abs(_log_sum(values)) < 0.01)


def _log_sum(values: Map) -> float:
    highest = values.max()
    return float(highest) + math.log(float(np.exp(values - highest).sum()))


def _resized(values: Map, size: tuple[int, int]) -> Map:
    if values.shape == size:
        return values
    shrinks = size[0] < values.shape[0] or size[1] < values.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, size[::-1], interpolation=method))


def _values(path: Path) -> Map:
    """The numbers in the file, in float64."""
    try:
        values = _array(path) if path.suffix.lower() in (".npy", ".npz") else _grey(path)
        return np.ascontiguousarray(values, np.float64)
    except PictureError:
        raise
    except Exception as error:  # NumPy and Pillow raise whatever the damage leads to
        logger.debug("%s: the map cannot be read", path, exc_info=True)
        raise PictureError(f"{path}: the map cannot be read ({short_reason(error)}); write it again.") from error


def _array(path: Path) -> np.ndarray:
    loaded = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)  # a broken .npz would keep its file open
    if isinstance(loaded, np.ndarray):
        return _real(loaded, path)
    with loaded:
        names = list(loaded.files)
        if len(names) != 1 and "density" not in names:
            raise PictureError(
                f"{path}: the file holds {len(names)} arrays, and none is called density; name the map so."
            )
        return _real(loaded["density" if "density" in names else names[0]], path)


def _real(values: np.ndarray, path: Path) -> np.ndarray:
    if values.dtype.kind not in "fiub":
        raise PictureError(f"{path}: the map holds {values.dtype}, not numbers; write floats or integers.")
    return values


def _grey(path: Path) -> np.ndarray:
    with opened(path, str(path)) as file:
        content = file.read()
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
        if found := damage.of(image, content):
            raise PictureError(f"{path}: the map is damaged ({found}); write it again.")
        image.load()
        if len(image.getbands()) == 1 and image.mode != "P":
            return np.asarray(image)
        channels = np.asarray(image.convert("RGB"), np.int64)
    if np.ptp(channels, axis=2).max() > GREY:
        raise PictureError(f"{path}: the map is in colour, which has no order; write it in grey, brighter is more.")
    return np.asarray(channels.mean(2))
