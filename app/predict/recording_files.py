"""What a person takes home of their own recordings: a data set to train on, and tables."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from app.predict.measured_areas import MeasuredArea
from data.areas import Area, as_objects
from data.events.quality import Quality
from data.gaze import Picture, Scanpath
from data.spreadsheet import to_csv
from data.table import recordings
from data.table.columns import NEEDED
from data.table.write import number, write_table

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
        [name, path.subject, index, *map(number, values)]
        for path in paths
        for index, values in enumerate(zip(*path.xy.T.tolist(), path.duration, path.onset, strict=True))
    )
    return to_csv(NEEDED, rows)


def areas(rows: Sequence[tuple[MeasuredArea, Mapping[str, float]]]) -> str:
    """Areas as measured and as predicted, side by side; shares from 0 to 1, seconds and ranks."""
    names = ("share", "seen", "first_s", "dwell_s", "rank")
    columns = ["area", "people", *(f"{kind}_{name}" for name in names for kind in ("measured", "predicted"))]
    lines = (
        [area.name, area.people, *(value for name in names for value in (getattr(area, name), predicted.get(name, "")))]
        for area, predicted in rows
    )
    return to_csv(columns, lines)
