"""UEyes: 62 people look for seven seconds at screenshots of web pages, programs, phones and posters (1980 pictures).

    image_types.csv                             Image Name;Category;Block;Train/Test (in their notes: info.csv)
    images/2021b7.png ...                       of many sizes
    eyetracker_logs/00_kh008_fixations.csv      Gazepoint's export, one row a fixation, of one block and viewer:
        MEDIA_NAME      the picture
        FPOGX, FPOGY    shares of the screen's width and height from its top-left corner, not of the picture's
        FPOGS, FPOGD    begin, from the picture's onset, and duration, both in seconds
        FPOGV           1 where the fixation is valid; the other columns are passed over

The screen has 1920 x 1200 pixels: so the authors' scripts say, and with it the distances in SACCADE_MAG come out. Each
picture was shown in its middle, as large as it fits, which is undone here as in the authors' generate_heatmaps.py
(another script of theirs takes the shares for the picture's). So fixations may lie beside the picture; they are kept.
Rows are ordered by their begin. As the authors do, rows that lack something and rows of what is no stimulus are left
out, and single rows with too many cells, for which they leave out the whole file. Logs of calibrations are not read.
Jiang, Leiva, Rezazadegan Tavakoli, Houssel, Kylmälä and Oulasvirta 2023, https://doi.org/10.1145/3544548.3581096;
https://zenodo.org/records/8010312 (CC BY 4.0); https://github.com/YueJiang-nj/UEyes-CHI2023.
"""

import csv
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.datasets import _release
from data.datasets.catalog import File, Published
from data.errors import TableError, read_text, refuse
from data.gaze import Picture, Scanpath
from data.picture import is_valid_name

CATALOG = {
    "ueyes": Published(
        title="UEyes",
        what="screenshots of web pages, desktop and mobile programs, and posters",
        pictures=1980,
        people=62,
        seconds=7,
        size=12_913,
        licence="CC BY 4.0",
        commercial="yes",
        url="https://zenodo.org/records/8010312",
        citation="Jiang et al. 2023, UEyes: Understanding Visual Saliency across User Interface Types, CHI",
        files=(
            File(
                "https://zenodo.org/api/records/8010312/files/UEyes_dataset.zip/content",
                lone=True,
                md5="c2d53e6af0a47e1f459416d6839ec2c1",
            ),
        ),
    ),
}

SCREEN = (1920, 1200)  # width, height in pixels
TABLES = ("image_types.csv", "info.csv")
NAME, SPLIT = "Image Name", "Train/Test"
SPLITS = {"Train": "train", "Test": "test"}
NUMBERS = ("FPOGX", "FPOGY", "FPOGS", "FPOGD", "FPOGV")
NEEDED = ("MEDIA_NAME", *NUMBERS)
UNDERWAY = 0.02  # seconds: begun by the second sample of 60 Hz; nobody makes a saccade to a new picture that soon
MAX_SECONDS = 60.0  # seconds: a trial lasts 7; milliseconds would be above

Fixations = Float[np.ndarray, "l 4"]  # x, y as shares of the screen; begin, duration in seconds


def read(root: Path | str, initial: bool = False) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the authors' table; viewers are kh000, kh002, ...

    Args:
        root: The folder of the release, or the one that it was unpacked to.
        initial: Whether to keep fixations that were under way when the picture came.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    root = _folder(Path(root))
    of_pictures: dict[str, dict[str, Fixations]] = {name: {} for name in _table(root)[1]}
    logs = [(path, re.fullmatch(r"\d+_(kh\d+)_fixations\.csv", path.name, re.IGNORECASE)) for path in _logs(root)]
    if not any(match for _, match in logs):
        raise TableError(f"{root / 'eyetracker_logs'}: no file 00_kh000_fixations.csv is there; give all of UEyes.")
    for path, match in logs:
        if match is None:
            continue
        subject = match[1].lower()
        for name, fixations in _log(path).items():
            if subject in of_pictures.get(name, ()):
                raise TableError(f"{path}: {subject} has looked at {name} before; keep one copy of each file.")
            if name in of_pictures:  # else it is no stimulus
                of_pictures[name][subject] = fixations
    return _items(root, of_pictures, 0.0 if initial else UNDERWAY)


def splits(root: Path | str) -> dict[str, list[str]]:
    """The authors' splits train and test by names of pictures.

    Raises:
        TableError: The authors' table is missing, or names an unknown split.
    """
    path, pictures = _table(_folder(Path(root)))
    for name, split in pictures.items():
        if split not in SPLITS:
            raise TableError(f"{path}: {name} has the unknown split {split!r}; write Train or Test.")
    return {ours: [name for name, split in pictures.items() if split == theirs] for theirs, ours in SPLITS.items()}


def _folder(root: Path) -> Path:
    inner = root / "UEyes_dataset"  # in the authors' archive
    return inner if inner.is_dir() else root


def _logs(root: Path) -> list[Path]:
    return sorted((root / "eyetracker_logs").glob("*.csv"))


def _table(root: Path) -> tuple[Path, dict[str, str]]:
    """The table's file, and of every picture there what it says of the split."""
    path = next((root / name for name in TABLES if (root / name).is_file()), None)
    if path is None:
        raise TableError(f"{root / TABLES[0]}: the file is missing; give the folder of UEyes, which holds images/.")
    content = read_text(path, refuse)
    mark = ";" if ";" in content.split("\n")[0] else ","
    try:
        lines = list(csv.reader(io.StringIO(content, newline=""), delimiter=mark, strict=True))
    except csv.Error as error:
        raise TableError(f"{path}: not CSV ({error}); download it again.") from error
    header = [cell.strip() for cell in lines[0]]
    if NAME not in header or SPLIT not in header:
        raise TableError(f"{path}, line 1: no column {NAME} or {SPLIT}; download it again.")
    pictures: dict[str, str] = {}
    for number, cells in enumerate(lines[1:], 2):
        if cells and (len(cells) != len(header) or not is_valid_name(cells[header.index(NAME)])):
            raise TableError(
                f"{path}, line {number}: not {len(header)} cells with a picture's name; download it again."
            )
        if cells:
            pictures[cells[header.index(NAME)]] = cells[header.index(SPLIT)].strip()
    return path, pictures


def _log(path: Path) -> dict[str, Fixations]:
    """The valid fixations of every picture that the log names, in the order of their begin."""
    content = read_text(path, refuse)
    lines = csv.reader(io.StringIO(content, newline=""), strict=True)
    of_pictures: dict[str, list[list[float]]] = {}
    try:
        columns, width = _header(path, next(lines))
        rows = [(cells, _row(path, lines.line_num, cells, columns) if len(cells) == width else None) for cells in lines]
    except csv.Error as error:
        raise TableError(f"{path}, line {lines.line_num}: not CSV ({error}); download it again.") from error
    bad = sum(row is None for _, row in rows)
    if bad > max(1, len(rows) / 10) or (bad and not content.endswith("\n")):
        what = "cut off" if not content.endswith("\n") else f"{bad} of {len(rows)} rows lack cells or have too many"
        raise TableError(f"{path}: {what}; download it again.")
    for cells, row in rows:
        if row and row[-1] == 1:
            of_pictures.setdefault(cells[columns[0]], []).append(row[:-1])
    ordered = {name: np.array(sorted(rows, key=lambda row: row[2])) for name, rows in of_pictures.items()}
    _check_units(path, np.concatenate([*ordered.values(), np.empty((0, 4))]))
    return ordered


def _header(path: Path, header: list[str]) -> tuple[list[int], int]:
    """Where the needed columns are, and how many columns there are."""
    names = [cell.strip() for cell in header]
    missing = [name for name in NEEDED if names.count(name) != 1]
    if missing and len(names) < len(NEEDED) and ";" in "".join(names):
        raise TableError(f"{path}, line 1: the columns are separated by semicolons; save the file with commas.")
    if missing:
        raise TableError(f"{path}, line 1: not one column {', '.join(missing)}; download it again.")
    return [names.index(name) for name in NEEDED], len(names)


def _row(path: Path, line: int, cells: list[str], columns: list[int]) -> list[float] | None:
    """x, y, begin, duration and validity; None where something is empty."""
    needed = [cells[column].strip() for column in columns]
    if not all(needed):
        return None
    numbers = []
    for name, cell in zip(NUMBERS, needed[1:], strict=True):
        try:
            numbers.append(float(cell))
        except ValueError:
            numbers.append(math.inf)
        if not abs(numbers[-1]) <= _release.MAX_COORDINATE:
            raise TableError(f"{path}, line {line}: {name} is {cell[:40]!r}; write a number such as 0.48409.")
    return numbers


def _check_units(path: Path, fixations: Fixations) -> None:
    """Refuse numbers in other units than Gazepoint's."""
    if not len(fixations):
        return
    if np.median(np.abs(fixations[:, :2])) > 2:
        raise TableError(f"{path}: FPOGX and FPOGY look like pixels; divide them by the screen's width and height.")
    if fixations[:, 2:].min() < 0 or fixations[:, 2:].max() > MAX_SECONDS:
        low, high = fixations[:, 2:].min(), fixations[:, 2:].max()
        raise TableError(f"{path}: FPOGS and FPOGD are {low:g} to {high:g}; give seconds from the picture's onset.")


def _items(
    root: Path, of_pictures: dict[str, dict[str, Fixations]], after: float
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    for name, people in of_pictures.items():
        picture = _release.picture(root / "images" / name, name, "UEyes")
        scanpaths = (_scanpath(subject, rows[rows[:, 2] >= after], picture) for subject, rows in people.items())
        yield picture, tuple(scanpath for scanpath in scanpaths if len(scanpath))


def _scanpath(subject: str, rows: Fixations, picture: Picture) -> Scanpath:
    """Shares of the screen as pixels of a picture that was shown in its middle, as large as it fits."""
    shown = min(SCREEN[0] / picture.width, SCREEN[1] / picture.height)  # pixels of the screen a pixel of the picture
    xy = (rows[:, :2] - 0.5) * SCREEN / shown + np.array([picture.width, picture.height]) / 2
    return Scanpath(subject, xy, 1000 * rows[:, 2], 1000 * rows[:, 3])
