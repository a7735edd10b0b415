"""One table for a folder of predictions, `predictions.parquet`: a row for each NAME.json of `--task saliency` in it.

The rows are made of the JSON files, so that the table tells of all pictures that the folder holds predictions for,
whichever run made them, and of none twice. It is written when a run ends, also one that is stopped with Ctrl-C, and
appears whole. Rows come in the order of NAME. What a record does not tell is null; slices are lists of one length.
"""

import json
import logging
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.atomic import atomic_write
from data.errors import GazeError, PictureError
from export.runtime.records import SALIENCY, SaliencyRecord

if TYPE_CHECKING:
    import pyarrow

FILE = "predictions.parquet"
OURS = SALIENCY.rstrip("0123456789")  # the name of the schema without its version
LARGEST = 1 << 20  # bytes of a JSON file that may be one of ours
TEXTS = ("name", "picture", "model", "version", "condition", "provider")  # columns that are told of every picture
SLICES = ("slice_start_s", "slice_end_s", "slice_peak_x", "slice_peak_y", "slice_entropy_bits")

logger = logging.getLogger(__name__)


def with_table(
    outcomes: Generator[tuple[Path, PictureError | None], None, None], folder: Path
) -> Generator[tuple[Path, PictureError | None], None, None]:
    """The outcomes of a run as they come; when they end, are closed or are stopped, the table of the folder is written.

    Raises:
        GazeError: The table cannot be written.
    """
    try:
        yield from outcomes
    except (GeneratorExit, KeyboardInterrupt):  # Ctrl-C while a picture is waited for is raised in here
        write(folder)
        raise
    write(folder)


def write(folder: Path) -> None:
    """Write the table of a folder.

    Raises:
        GazeError: It cannot be written.
    """
    from pyarrow import parquet

    made = table(folder)
    try:
        with atomic_write(folder / FILE) as file:
            parquet.write_table(made, file, compression="zstd")
    except OSError as error:
        reason = error.strerror or str(error)
        raise GazeError(f"{folder / FILE} cannot be written ({reason}); check folder and disk.") from error


def table(folder: Path) -> "pyarrow.Table":
    """The rows of a folder: strings, pixels, bits and seconds, as `export/schema.json` says of the JSON."""
    import pyarrow as pa

    columns = {name: pa.string() for name in TEXTS} | {"width": pa.int32(), "height": pa.int32()}
    columns |= dict.fromkeys(("peak_x", "peak_y", "entropy_bits"), pa.float64())
    columns |= dict.fromkeys(SLICES, pa.list_(pa.float64()))
    columns |= {"medium": pa.string(), "familiar": pa.bool_(), "damaged": pa.string()}
    rows = [_row(path.stem, record) for path in sorted(folder.glob("*.json")) if (record := _record(path))]
    return pa.Table.from_pylist(rows, pa.schema(columns.items()))


def _record(path: Path) -> dict[str, Any] | None:
    """What a JSON file says of a picture's saliency; None: it is another file, or cannot be read."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        values = json.loads(path.read_bytes())
        if not values["schema"].startswith(OURS):
            return None
        return SaliencyRecord.model_validate(values | {"schema": SALIENCY}).written()  # also what an older gaze wrote
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        logger.debug("%s: no record of a prediction, and left out of the table", path, exc_info=True)
        return None


def _row(name: str, record: dict[str, Any]) -> dict[str, Any]:
    """A record as a row: points and slices spread over columns."""
    slices = record.pop("slices")
    points = {f"peak_{axis}": record["peak"][axis] for axis in ("x", "y")}
    spread: dict[str, list[float]] = {column: [] for column in SLICES}
    for each in slices:
        values = (each["start_s"], each["end_s"], each["peak"]["x"], each["peak"]["y"], each["entropy_bits"])
        for column, value in zip(SLICES, values, strict=True):
            spread[column].append(value)
    return record | points | spread | {"name": name}
