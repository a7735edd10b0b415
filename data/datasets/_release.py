"""What the readers of published data sets share: the pictures of a release, its arrays, and what betrays other units.

A release is what the authors publish, in their layout. Whatever has not its form is a `TableError` in one sentence.
Units are guessed from all the numbers of one picture together, and only what cannot be meant is refused.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data.datasets import _matlab
from data.errors import TableError, short_reason
from data.gaze import Picture
from data.picture import is_valid_name, picture_size

MAX_COORDINATE = 1e6  # pixels: no gaze is recorded that far from a picture


def picture(path: Path, name: str, release: str, wanted: tuple[int, int] | None = None) -> Picture:
    """A picture of a release by its name there, of the `wanted` width and height where the fixations refer to them.

    Raises:
        TableError: The file is missing or no picture, or has another size than the wanted one.
    """
    if not is_valid_name(name) or not path.is_file():
        where = "".join(letter if letter.isprintable() else "?" for letter in str(path))
        raise TableError(f"{where}: the picture is missing; give the whole {release} release.")
    size = picture_size(path)
    if wanted and size != wanted:
        width, height = wanted
        raise TableError(
            f"{path}: not {width} x {height} pixels, which the fixations refer to; use the original picture."
        )
    return Picture(name, *size, path)


@contextlib.contextmanager
def parse_errors(path: Path, part: str = "it") -> Iterator[None]:
    """Whatever goes wrong while `part` of a file is taken apart means that it is not as its authors publish it.

    Raises:
        TableError: Something went wrong inside.
    """
    try:
        yield
    except TableError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else short_reason(error)
        problem = f"{part} has not the form of the release ({what})"
        raise TableError(f"{path}: {problem}; download it again.") from error


def array(value: Any, name: str, columns: int) -> Float[np.ndarray, "n _"]:
    """A MATLAB matrix of so many columns as floats; an empty one of any shape has no rows.

    Raises:
        ValueError: The value is no matrix of numbers, or has other columns.
    """
    matrix = np.asarray(value)
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"{name} is no matrix of numbers")
    if not matrix.size:
        return np.empty((0, columns))
    if matrix.ndim != 2 or matrix.shape[1] != columns:
        raise ValueError(f"{name} has the shape {' x '.join(map(str, matrix.shape))}, not n x {columns}")
    return matrix.astype(float)


def field_row(struct: Any, name: str) -> Float[np.ndarray, " l"]:
    """A field of a MATLAB struct as finite numbers, whether it is a row or a column.

    Raises:
        ValueError: The field is no row or column of finite numbers.
    """
    numbers = array(_matlab.field(struct, name).reshape(-1, 1), name, 1)[:, 0]
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} is not finite")
    return numbers


def pixels(path: Path, xy: Float[np.ndarray, "n 2"], width: int, height: int) -> None:
    """Refuse the points of one picture that are no pixels, shares of the picture, or y before x.

    Raises:
        TableError: They are.
    """
    if not (np.abs(xy) < MAX_COORDINATE).all():
        raise TableError(f"{path}: coordinates that are no pixels; download it again.")
    shares(path, xy, width, height)
    exchanged(path, xy, width, height)


def shares(path: Path, xy: Float[np.ndarray, "n 2"], width: int, height: int) -> None:
    """Refuse points that all lie in 0 to 1.

    Raises:
        TableError: They do.
    """
    if len(xy) > 1 and ((xy >= 0) & (xy <= 1)).all():
        raise TableError(f"{path}: all coordinates lie in 0 to 1; multiply them by {width} x {height} pixels.")


def exchanged(path: Path, xy: Float[np.ndarray, "n 2"], width: int, height: int) -> None:
    """Refuse points of many people that leave the picture, and hardly do once x and y are exchanged.

    Raises:
        TableError: There are such points.
    """
    outside, others = (xy > (width, height)).any(1), (xy > (height, width)).any(1)
    if len(xy) > 1 and outside.mean() > max(0.05, 10 * others.mean()):
        raise TableError(f"{path}: y seems to come before x in the coordinates; exchange them.")


def milliseconds(path: Path, times: Float[np.ndarray, " n"], name: str) -> None:
    """Refuse the times of one picture that are seconds, or no times at all.

    Raises:
        TableError: They are.
    """
    if not (np.abs(times) < 1e9).all():
        raise TableError(f"{path}: {name} holds what is no time in milliseconds; download it again.")
    if len(times) > 1 and 0 < times.max() < 20:
        raise TableError(f"{path}: {name} seems to be in seconds; multiply it by 1000.")
