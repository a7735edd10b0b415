"""What is found out about a large data set is kept beside its table, in the folder `.gaze`: nothing that could be lost.

    fixations-<hash>-<sum>.parquet               the rows of fixations.csv, as `data.table.parquet` puts them
    fixations-<hash>-<sum>-<rule>-<sum>.npy      x, y and second of each fixation, from that Parquet file
    sizes.json                                   of each picture its times of change, its bytes, width, height, a sum

The hash is of the table's bytes and of the version of these forms, so a changed table has another file, and the old
ones are removed. The rule is the length of the viewing and what `data.maps.onsets` assumes. A sum is of the content:
a file whose bytes are others than those that were written, wherever they were altered, is made anew, and so is a
Parquet page that is altered while it is read. Where the folder cannot be written to, or the disk is full, a temporary
folder takes its place until the program ends. So it does, with a warning, where `.gaze` is a link or no folder. Nothing
is ever removed but files with the names above. Every file appears whole or not at all, so that several programs may
read one data set at once.
"""

import contextlib
import functools
import hashlib
import itertools
import json
import logging
import re
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.atomic import atomic_write, find_summed
from data.errors import TableError
from data.picture import picture_size
from data.table import memory_sets, parquet, schema
from data.table.columns import TEXTS
from data.table.schema import NUMBERS, Item

if TYPE_CHECKING:
    import pyarrow

VERSION = 3
MIN_TABLE_BYTES = 1 << 20  # bytes: a smaller table is read as quickly without
STALE_SECONDS = 86_400  # seconds after which what a stopped program left half-written is removed
BATCH = 1 << 16  # rows that are read at once
OURS = r"fixations-(?P<hash>[0-9a-f]{32})(-[0-9a-f.+-]+)?\.(parquet|npy)"  # the files that are made here
HALF = (
    rf"\.({OURS}|sizes\.json)\.(\d+-\d+|\w{{8}})\.part"  # what they, and the folder of a draft, are called until then
)

logger = logging.getLogger(__name__)


def rows(table: Path, anew: bool = False) -> Path | None:
    """The Parquet file of a fixations.csv, made if need be; None: a small table, or one with a defect."""
    try:
        if table.stat().st_size < MIN_TABLE_BYTES:
            return None
        digest, stem = _named(table)
    except OSError:
        return None
    try:
        made = keep(table.parent, f"{stem}.parquet", lambda target: parquet.make(table, digest, target), anew)
    except parquet.NeedsStrictError:
        return None
    folder = _folder(table.parent)
    if folder:
        _tidy(folder, stem)
    return made


def _named(table: Path) -> tuple[str, str]:
    """The SHA-256 of a table, and what its files are called."""
    with table.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest, f"fixations-{hashlib.sha256(f'{VERSION} {digest}'.encode()).hexdigest()[:32]}"


def keep(root: Path, name: str, make: Callable[[Path], None], anew: bool = False) -> Path | None:
    """The file of this name and its sum in the cache of a data set, made unless it is there; None: no place for it.

    `make` writes it with `atomic_write`, `summed`. A file that is not what its sum says is made again, as is any with
    `anew`.
    """
    for spare in (False, True):
        try:
            folder = Path(_spare().name) if spare else _folder(root)
            if folder is None:
                continue
            file = folder / name
            found = None if anew or not folder.is_dir() else find_summed(file)
            if found:
                return found
            if not spare and not root.stat().st_mode & 0o222:
                continue  # not even as an administrator: whoever owns the data set says so
            folder.mkdir(exist_ok=True)
            make(file)
            found = find_summed(file)
            if found:
                return found
            logger.debug("%s: is not what was written", file)
        except OSError:
            logger.debug("%s: cannot be kept beside the table", name, exc_info=True)
    return None


def _folder(root: Path) -> Path | None:
    """The cache of a data set, there or yet to be made; None: something else, or a link to it, has its name."""
    folder = root / ".gaze"
    if folder.resolve() != root.resolve() / ".gaze" or (folder.exists() and not folder.is_dir()):
        _tell(folder)
        return None
    return folder


@functools.cache
def _tell(folder: Path) -> None:
    """Says once why a data set's cache is not used."""
    logger.warning("%s: is a link or no folder, so a temporary folder is used; remove it to keep the cache.", folder)


@functools.cache
def _spare() -> "tempfile.TemporaryDirectory[str]":
    """A folder that lives as long as the program."""
    return tempfile.TemporaryDirectory(prefix="gaze-")


def _tidy(folder: Path, stem: str) -> None:
    """Removes our files of another state of the table, and ours that were left half-written long ago."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            ours = re.fullmatch(OURS, path.name)
            if ours and f"fixations-{ours['hash']}" != stem:
                path.unlink(missing_ok=True)
            elif re.fullmatch(HALF, path.name) and time.time() - path.lstat().st_mtime > STALE_SECONDS:
                _remove(path)


def _remove(half: Path) -> None:
    """Removes a file that was left half-written, or the folder of a draft if nothing else is in it."""
    with contextlib.suppress(OSError):
        if half.is_symlink() or not half.is_dir():
            half.unlink()
        else:
            (half / parquet.DRAFT).unlink(missing_ok=True)
            half.rmdir()


def scanpaths(file: Path, table: Path, held: memory_sets.MemorySets) -> Iterator[Item]:
    """The scanpaths of each picture in a file of `rows`, which is made anew from the table if it proves broken."""
    import pyarrow

    done = 0
    try:
        for item in _scanpaths(file, held):
            yield item
            done += 1
    except (pyarrow.ArrowException, OSError) as error:
        with _unchanged(table, error):
            yield from itertools.islice(_scanpaths(_again(file, table), held), done, None)


def counts(file: Path, table: Path) -> dict[str, int]:
    """How many rows each picture has in a file of `rows`, in its order; made anew as by `scanpaths`."""
    import pyarrow

    try:
        return _counts(file)
    except (pyarrow.ArrowException, OSError) as error:
        with _unchanged(table, error):
            return _counts(_again(file, table))


def _counts(file: Path) -> dict[str, int]:
    from pyarrow.parquet import ParquetFile

    counted: dict[str, int] = {}
    with ParquetFile(file, read_dictionary=["image"], page_checksum_verification=True, pre_buffer=False) as opened:
        for batch in opened.iter_batches(16 * BATCH, columns=["image"], use_threads=False):
            numbers, names = _text(batch, "image")
            for number, count in enumerate(np.bincount(numbers).tolist()):
                if count:
                    counted[names[number]] = counted.get(names[number], 0) + count
    return counted


def _again(file: Path, table: Path) -> Path:
    """The same file, made anew from the same table."""
    again = rows(table, anew=True)
    if again is None or again.name != file.name:
        raise FileNotFoundError
    return again


@contextlib.contextmanager
def _unchanged(table: Path, first: Exception) -> Iterator[None]:
    """What cannot be read a second time either: its table is another one by now, or there is no place for it."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError):
        raise TableError(f"{table}: was changed while it was read, or the disk is full; run again.") from first


def _scanpaths(file: Path, held: memory_sets.MemorySets) -> Iterator[Item]:
    for part in _pictures(file):
        texts = {name: _text(part, name) for name in TEXTS}
        columns = {name: places for name, (places, _) in texts.items()}
        columns |= {name: part[name].to_numpy() for name in (*NUMBERS, "found")}
        yield from schema.scanpaths(columns, {name: names for name, (_, names) in texts.items()}, held)


def _pictures(file: Path) -> Iterator["pyarrow.RecordBatch"]:
    """All rows of some pictures at a time."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    def joined(parts: list["pyarrow.RecordBatch"]) -> "pyarrow.RecordBatch":
        return pyarrow.Table.from_batches(parts).unify_dictionaries().combine_chunks().to_batches()[0]

    parts: list[pyarrow.RecordBatch] = []
    with ParquetFile(file, read_dictionary=list(TEXTS), page_checksum_verification=True, pre_buffer=False) as opened:
        for batch in opened.iter_batches(BATCH, use_threads=False):
            image = batch["image"].indices.to_numpy()
            start = len(image) - int(np.argmax(image[::-1] != image[-1])) if (image != image[-1]).any() else 0
            if start:
                yield joined([*parts, batch.slice(0, start)])
                parts = []
            parts.append(batch.slice(start))
    if parts:
        yield joined(parts)


def _text(part: "pyarrow.RecordBatch", name: str) -> tuple[np.ndarray, list[str]]:
    cells = part[name]
    return cells.indices.to_numpy(), cells.dictionary.to_pylist()


class Sizes:
    """Width and height of pictures, from their headers, or from the last time if they have not changed since."""

    def __init__(self, root: Path) -> None:
        folder = _folder(root)
        self.file = folder / "sizes.json" if folder and folder.is_dir() else None
        self.known: dict[str, list[int]] = {}
        self.new = False
        if self.file:
            with contextlib.suppress(OSError, ValueError, TypeError):
                self.known = dict(json.loads(self.file.read_bytes()))

    def __call__(self, name: str, path: Path) -> tuple[int, int]:
        """Of the picture of this name in this file."""
        if not self.file:
            return picture_size(path)
        try:
            state = path.stat()
        except OSError:
            return picture_size(path)  # which says what is wrong
        key = [state.st_mtime_ns, state.st_ctime_ns, state.st_size]
        known = self.known.get(name)
        if isinstance(known, list) and known[:3] == key and len(known) == 6 and known[5] == _check(name, known[:5]):
            return known[3], known[4]
        width, height = picture_size(path)
        measured = [*key, width, height]
        self.known[name], self.new = [*measured, _check(name, measured)], True
        return width, height

    def save(self) -> None:
        """For the next time."""
        with contextlib.suppress(OSError):
            if self.file and self.new and self.file.parent.parent.stat().st_mode & 0o222:
                with atomic_write(self.file) as file:
                    file.write(json.dumps(self.known).encode())


def _check(name: str, numbers: list[int]) -> int:
    """The sum of what is known of a picture, to tell when it was altered."""
    return zlib.crc32(json.dumps([name, *numbers]).encode())
