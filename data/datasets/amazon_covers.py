"""Amazon book covers: six people search collages of 84 covers for one of five, as DFKI publishes their fixations.

    AmazonCovers/Amazon.json        {"1.jpg": {"fixations": {"1": [[x, y], ...], ...}, "size": {"height", "width"},
                                     "ground_truth": [{"xmin", "ymin", "xmax", "ymax"}], "target": "target_0.jpg"}, ...}
    AmazonCovers/images/1.jpg ...   optional, about 2555 x 1600 pixels

Pixels are as in the file, which does not say whether it counts the first one as 0 or 1. Durations, onsets and whether
the target was found are not published. The licence is CC BY-NC-SA 4.0.
Sattar, Mueller, Fritz and Bulling 2015, https://doi.org/10.1109/CVPR.2015.7298700; Stauden, Barz and Sonntag 2018,
https://doi.org/10.1007/978-3-030-00111-7_25; https://github.com/DFKI-Interactive-Machine-Learning/STI-Dataset.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data.datasets import _release
from data.datasets.catalog import GITHUB, File, Published
from data.errors import TableError, read_json, refuse
from data.gaze import Objects, Picture, Scanpath
from data.picture import is_valid_name, picture_size

CATALOG = {
    "amazon": Published(
        title="Amazon book covers (STI-Dataset)",
        what="collages of 84 book covers, searched for one of five; their pictures are on the authors' own server",
        pictures=100,
        people=6,
        licence="CC BY-NC-SA 4.0",
        commercial="no",
        url="https://github.com/DFKI-Interactive-Machine-Learning/STI-Dataset",
        citation="Sattar, Mueller, Fritz, Bulling 2015, Prediction of Search Targets From Fixations, CVPR; "
        "Stauden, Barz, Sonntag 2018, KI",
        files=(
            File(
                GITHUB.format(
                    "DFKI-Interactive-Machine-Learning/STI-Dataset", "60d27471bf1a2188dff244058503df0b8bddd79b"
                ),
                lone=True,
            ),
        ),
    ),
}

ROWS, COLUMNS = 6, 14
# A collage is a regular grid, of which only the target's box is published. These are the least-squares fit of the
# middles of the 100 published boxes, as shares of the collage's width and height, and the boxes' median size; the fit
# is off by at most 19 pixels in x and 5 in y (python -m pytest tests/data/datasets/test_amazon_covers.py).
FIRST, PITCH = (0.04316, 0.08805), (0.07019, 0.16463)  # x, y of the first cover's middle; from one to the next
COVER = (161, 243)  # pixels


def read(root: Path | str) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every collage with its scanpaths, in the order of the file; viewers are s1 to s6, targets target_0 to target_4.

    A viewer without a fixation on a collage has no scanpath there. Without the folder `images` only the sizes of the
    collages are known.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    root = _folder(Path(root))
    path = root / "Amazon.json"
    return _items(root, path, read_json(path, refuse))


def _folder(root: Path) -> Path:
    folder = root / "AmazonCovers" if (root / "AmazonCovers").is_dir() else root
    if not (folder / "Amazon.json").is_file():
        raise TableError(f"{folder / 'Amazon.json'}: the file is missing; give the folder of the STI-Dataset.")
    return folder


def _items(root: Path, path: Path, entries: dict[str, Any]) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    pictured = (root / "images").is_dir()
    for name, entry in entries.items():
        with _release.parse_errors(path, f"the entry {name!r}"):
            width, height, box = _collage(entry)
            target = Path(str(entry["target"])).stem
            paths = [_scanpath(f"s{who}", it, target, box) for who, it in entry["fixations"].items()]
        picture = root / "images" / name
        if pictured and (not is_valid_name(name) or not picture.is_file()):
            raise TableError(f"{picture}: the picture is missing; give all pictures of the release, or no images/.")
        if pictured and picture_size(picture) != (width, height):
            raise TableError(f"{picture}: not {width} x {height} pixels, which the fixations refer to; replace it.")
        yield Picture(name, width, height, picture if pictured else None), tuple(s for s in paths if len(s))


def _collage(entry: dict[str, Any]) -> tuple[int, int, tuple[float, float, float, float]]:
    """Width, height, and the target's box as x, y, width, height; of several boxes the first."""
    width, height = int(entry["size"]["width"]), int(entry["size"]["height"])
    truth = entry["ground_truth"]
    truth = truth[0] if isinstance(truth, list) else truth
    left, top, right, bottom = (float(truth[key]) for key in ("xmin", "ymin", "xmax", "ymax"))
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(f"the box {left:g}, {top:g} to {right:g}, {bottom:g} on {width} x {height} pixels")
    return width, height, (left, top, right - left, bottom - top)


def _scanpath(subject: str, points: Any, target: str, box: tuple[float, float, float, float]) -> Scanpath:
    xy = np.array(points, float).reshape(len(points), 2)
    if not np.isfinite(xy).all():
        raise ValueError(f"a fixation of viewer {subject} is no number")
    unknown = np.full(len(xy), math.nan)
    return Scanpath(subject, xy, unknown, unknown.copy(), "search", target, box)


def objects(root: Path | str) -> dict[str, Objects]:
    """The 84 covers of every collage, row by row: the target's box as published, the others from the grid.

    Attributes: `row`, `col`, `is_target`, and `from_grid` = 1 where the box is computed.
    """
    path = _folder(Path(root)) / "Amazon.json"
    covers: dict[str, Objects] = {}
    for name, entry in read_json(path, refuse).items():
        with _release.parse_errors(path, f"the entry {name!r}"):
            covers[name] = _covers(*_collage(entry))
    return covers


def _covers(width: int, height: int, target: tuple[float, float, float, float]) -> Objects:
    frame = np.array([width, height], float)
    rows, columns = np.divmod(np.arange(ROWS * COLUMNS), COLUMNS)
    centres = (np.array(FIRST) + np.array(PITCH) * np.stack([columns, rows], 1)) * frame
    boxes: Float[np.ndarray, "n 4"] = np.hstack([centres - np.array(COVER) / 2, np.broadcast_to(COVER, centres.shape)])
    middle = np.array(target[:2]) + np.array(target[2:]) / 2
    target_cell = int(np.abs((centres - middle) / frame / PITCH).max(1).argmin())
    boxes[target_cell] = target
    cells = enumerate(zip(rows.tolist(), columns.tolist(), strict=True))
    attributes: list[dict[str, object]] = [
        {"row": row, "col": column, "is_target": int(i == target_cell), "from_grid": int(i != target_cell)}
        for i, (row, column) in cells
    ]
    return Objects(boxes.round(1), ("book_cover",) * len(boxes), tuple(attributes))
