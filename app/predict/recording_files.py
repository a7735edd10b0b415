"""What a person takes home of their own recordings: a data set to train on, tables, and both maps as a picture."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from jaxtyping import UInt8

from app.predict.measured_areas import MeasuredArea
from data.areas import Area, as_objects
from data.draw._text import tag
from data.events.quality import Quality
from data.gaze import Picture, Scanpath
from data.spreadsheet import to_csv
from data.table import recordings
from data.table.columns import NEEDED
from data.table.write import write_table

GAP = 16  # pixels between two maps
Shown = tuple[str, bytes, tuple[int, int], Sequence[Scanpath], Sequence[Area]]  # name, file, size, looks, areas


def data_set(shown: Sequence[Shown], measured: Mapping[str, Quality], methods: Mapping[str, str]) -> bytes:
    """A zip of a data set in the table format (data/README.md): pictures, looks, areas, and how they were measured.

    Raises:
        TableError: The name of a picture is none of a file.
    """
    with TemporaryDirectory(prefix="gaze-") as place:
        root = Path(place) / "set"
        items, objects = [], {}
        for number, (name, content, size, paths, areas) in enumerate(shown):
            file = Path(place) / f"{number}"
            file.write_bytes(content)
            items.append((Picture(name, *size, file), list(paths)))
            if areas:
                objects[name] = as_objects(areas)
        write_table(root, items, objects=objects)
        recordings.write(root, measured, methods)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path for path in root.rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(root).as_posix())
        return packed.getvalue()


def fixations(name: str, paths: Sequence[Scanpath]) -> str:
    """The looks at one picture as a table of the project's format."""
    rows = (
        [name, path.subject, index, *values]
        for path in paths
        for index, values in enumerate(zip(*path.xy.T.tolist(), path.duration, path.onset, strict=True))
    )
    return to_csv(NEEDED, rows)


def areas(rows: Sequence[tuple[MeasuredArea, Mapping[str, float]]]) -> str:
    """Areas as measured and as predicted, side by side; `share`, `seen`, seconds and ranks as `MeasuredArea` has them."""
    names = ("share", "seen", "first_s", "dwell_s", "rank")
    columns = ["area", "people", *(f"{kind}_{name}" for name in names for kind in ("measured", "predicted"))]
    lines = (
        [area.name, area.people, *(value for name in names for value in (getattr(area, name), predicted.get(name, "")))]
        for area, predicted in rows
    )
    return to_csv(columns, lines)


def beside(
    left: UInt8[np.ndarray, "h w 3"], right: UInt8[np.ndarray, "h w 3"], words: tuple[str, str]
) -> UInt8[np.ndarray, "_h _w 3"]:
    """Two drawings side by side on white, each under its words."""
    captions = [tag(word, max(14.0, left.shape[1] / 40)) for word in words]
    head = max(caption.shape[0] for caption in captions) + GAP
    height, width = left.shape[:2]
    sheet = np.full((head + height, 2 * width + GAP, 3), 255, np.uint8)
    for number, (drawn, caption) in enumerate(zip((left, right), captions, strict=True)):
        x = number * (width + GAP)
        room = sheet[: caption.shape[0], x : x + width]
        room[: caption.shape[0], : caption.shape[1]] = caption[:, : room.shape[1]]
        sheet[head:, x : x + width] = drawn
    return cv2.copyMakeBorder(sheet, GAP, GAP, GAP, GAP, cv2.BORDER_CONSTANT, value=(255, 255, 255))
