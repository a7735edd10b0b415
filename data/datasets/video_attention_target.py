"""VideoAttentionTarget: what people in 50 shows look at, frame by frame, as its authors publish it.

    images/SHOW/CLIP/00006720.jpg
    annotations/{train,test}/SHOW/CLIP/PERSON.txt       one row a frame, no header, commas:
      frame, head xmin, ymin, xmax, ymax, gaze x, y in pixels; gaze -1, -1: outside of the frame

A single negative coordinate is a target at the border, and counts as 0. Heads jitter in the lists: as in the authors'
reader each corner is the moving mean of eleven rows, the first and last row repeated at the ends. A box is then sorted
and cut to the frame. Of the shows of train every eighth validates, with all of its clips. The frames of a clip are all
of one size, which is read from the first of them.
Chong, Wang, Ruiz and Rehg 2020, Detecting Attended Visual Targets in Video, CVPR, https://arxiv.org/abs/2003.02501;
https://github.com/ejcgt/attention-target-detection.
"""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.datasets.catalog import Published
from data.errors import Defect, GazeError, TableError, read_text
from data.following.people import LARGEST, People, Person, between, held_out, on_picture, points_on, tell_left_out
from data.picture import is_valid_name, picture_size

CATALOG = {
    "video_attention_target": Published(
        title="VideoAttentionTarget",
        what="clips of 50 shows with people in them, and what each of these looks at in each frame; no eye tracking",
        licence="unknown; the frames are of shows on YouTube",
        commercial="unclear",
        url="https://github.com/ejcgt/attention-target-detection",
        citation="Chong and others 2020, Detecting Attended Visual Targets in Video, CVPR",
        access="download it from Dropbox, to which that page links",
    ),
}

SPLITS = ("train", "test")
CELLS = 7
WINDOW = 11  # rows over which a box is averaged
EVERY = 8  # of the shows of train, one validates
LONGEST = 1 << 24  # bytes of a list
Row = tuple[int, str, list[float]]  # its line, its frame, its numbers


def sniff(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return any((root / "annotations" / split).is_dir() for split in SPLITS) and (root / "images").is_dir()


def people(root: Path | str) -> People:
    """The people of train, val and test, frame by frame; rows that are wrong are named in warnings and left out.

    Raises:
        TableError: The folder is not as the authors publish it.
    """
    root = Path(root)
    if not sniff(root):
        raise TableError(
            f"{root}: no folders images and annotations/train are there; give the folder of VideoAttentionTarget."
        )
    defects: list[object] = []
    found = {split: [*_people(root, split, defects)] for split in SPLITS}
    tell_left_out(defects)
    train, val = held_out(found["train"], lambda person: person.name.split("/")[0], EVERY)
    return {"train": train, "val": val, "test": found["test"]}


def smoothed(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """The moving mean of eleven rows; the first and last row are repeated beyond the ends.

    >>> smoothed(np.array([[11.0, 0, 0, 0], [0, 0, 0, 0]]))[:, 0]
    array([6., 5.])
    """
    reach = WINDOW // 2
    padded = np.pad(boxes, ((reach, reach), (0, 0)), mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, WINDOW, 0).mean(-1))


def _people(root: Path, split: str, defects: list[object]) -> Iterator[Person]:
    folder = root / "annotations" / split
    for clip in sorted(path for path in folder.glob("*/*") if path.is_dir()):
        name = clip.relative_to(folder).as_posix()
        pictures = root / "images" / name
        files = {path.name for path in pictures.glob("*")} if pictures.is_dir() else set()
        tracks = [(track, _rows(track, defects)) for track in sorted(clip.glob("*.txt"))]
        first = next((frame for _, rows in tracks for _, frame, _ in rows if frame in files), None)
        if first is None:
            defects.append(f"{pictures}: none of its frames is there; add the pictures.")
            continue
        try:
            width, height = picture_size(pictures / first)
        except TableError as error:
            defects.append(error)
            continue
        for track, rows in tracks:
            yield from _track(pictures, files, (height, width), track, rows, f"{name}/{track.stem}", defects)


def _track(
    pictures: Path,
    files: set[str],
    size: tuple[int, int],
    track: Path,
    rows: list[Row],
    name: str,
    defects: list[object],
) -> Iterator[Person]:
    """A person of a clip, frame by frame."""
    if not rows:
        return
    boxes = smoothed(np.array([numbers[:4] for _, _, numbers in rows]))
    for (line, frame, numbers), corners in zip(rows, boxes, strict=True):
        where = f"{track}, line {line}"
        try:
            if frame not in files:
                raise TableError(f"{where}: the frame {frame} is not in {pictures}; add it.")
            head = on_picture(between(corners), size, where)
        except GazeError as error:
            defects.append(error)
            continue
        inside = numbers[4:] != [-1, -1]
        gaze = points_on(np.array([numbers[4:]] if inside else []), size)
        yield Person(pictures / frame, size, head, None, gaze, inside, f"{name}/{frame}")


def _rows(path: Path, defects: list[object]) -> list[Row]:
    """The rows of a list that can be understood."""
    if path.stat().st_size > LONGEST:
        defects.append(f"{path}: a list of more than {LONGEST >> 20} MB; download it again.")
        return []
    rows: list[Row] = []
    reader = csv.reader(io.StringIO(read_text(path, defects.append), newline=""))
    try:
        for cells in reader:
            numbers = [_number(cell) for cell in cells[1:]]
            if len(cells) == CELLS and is_valid_name(cells[0]) and all(abs(number) < LARGEST for number in numbers):
                rows.append((reader.line_num, cells[0], numbers))
            elif cells:
                problem = "no row of frame, head and gaze"
                defects.append(Defect(str(path), reader.line_num, problem, "download it again"))
    except csv.Error as error:
        defects.append(Defect(str(path), reader.line_num, f"no list of cells ({error})", "download it again"))
    return rows


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
