"""The grammar of a fixations.csv: what its cells may hold, and what they become.

One pass over the blocks of `data.table.cells` decides, a column at a time, which cells are right and what they mean.
Only those that are wrong are looked at one by one, to say what is wrong with them.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64, Int8, Int32, Int64

from data.errors import Defect, Report, unreadable
from data.gaze import Scanpath
from data.picture import is_valid_name
from data.table import cells, memory_sets
from data.table.cells import Cells, Readable
from data.table.columns import BOX, FOUND, LIMITS, TEXTS, Columns, Rows, first_rows

if TYPE_CHECKING:
    import pyarrow

NUMBERS = ("index", "x", "y", "duration_ms", "start_ms", *BOX)

Item = tuple[str, tuple[Scanpath, ...]]  # a picture's name, and who looked at it
Numbered = dict[str, dict[str, int]]  # of each column of TEXTS, the number of every text in order of appearance


def no_texts() -> Numbered:
    """The texts of a table before its first row."""
    return {name: {} for name in TEXTS}


def parse_rows(path: Path, report: Report) -> Rows:
    """The rows of a fixations.csv; a line that is no row is reported and left out."""
    texts = no_texts()
    types = (
        {"line": np.int64} | dict.fromkeys(TEXTS, np.int32) | dict.fromkeys(NUMBERS, np.float64) | {"found": np.int8}
    )
    grown = {name: bytearray() for name in types}  # arrays that grow without a copy
    try:
        with path.open("rb") as file:
            if cells.is_text(file, path, report):
                file.seek(0)
                for block in parse_blocks(file, path, texts, report):
                    for name, values in block.items():
                        grown[name] += values.tobytes()
    except OSError as error:
        report(unreadable(path, error))
    columns = {name: np.frombuffer(grown[name], dtype) for name, dtype in types.items()}
    boxed = len(columns[BOX[0]]) == len(columns["line"])
    return Rows(
        {n: v for n, v in columns.items() if boxed or n not in BOX}, {n: [*codes] for n, codes in texts.items()}
    )


def joined(parts: list[Columns]) -> Columns:
    """The rows of some blocks, which are taken out of their dictionaries."""
    return parts[0] if len(parts) == 1 else {n: np.concatenate([part.pop(n) for part in parts]) for n in [*parts[0]]}


def parse_blocks(file: Readable, path: Path, texts: Numbered, report: Report) -> Iterator[Columns]:
    """The columns of `Rows`, block by block; `texts` grows by theirs."""
    for block in cells.read(file, path, report):
        defects = list(block.defects)
        block = _with_picture(block, path, texts, defects)
        columns = _columns(block, path, texts, defects)
        for defect in sorted(
            defects, key=lambda defect: defect.line or 0
        ):  # those of a line in the order of the checks
            report(defect)
        yield columns


def _with_picture(block: Cells, path: Path, texts: Numbered, defects: list[Defect]) -> Cells:
    """The rows whose picture may be one; those of the others end here."""
    codes, names = _encoded(block, "image")
    wrong = ~np.array([name in texts["image"] or is_valid_name(name) for name in names], bool)[codes]
    if not wrong.any():
        return block
    defects += _worded(block, path, "image", wrong, "write the name of a file in images/")
    kept = {name: column.filter(~wrong) for name, column in block.columns.items()}
    return block._replace(line=block.line[~wrong], columns=kept)


def _columns(block: Cells, path: Path, texts: Numbered, defects: list[Defect]) -> Columns:
    """What the cells of a block mean; what they do not mean is added to the defects."""
    columns = {"line": block.line} | _texts(block, texts)
    nobody = columns["subject"] == texts["subject"].get("", -1)
    defects += _worded(block, path, "subject", nobody, "write a name for the viewer")
    columns["found"], unclear = _answers(block)
    defects += _worded(block, path, "found", unclear, "write 1, 0, or nothing if it is unknown")
    for name in NUMBERS:
        if name not in block.columns:
            continue
        numbers = _numbers(block.columns[name])
        remedy = "write a number such as 12.5, or nothing if it is unknown"
        defects += _worded(block, path, name, np.isinf(numbers), remedy)
        beyond = np.isfinite(numbers) & (np.abs(numbers) >= LIMITS[name])
        if beyond.any():
            defects += _worded(block, path, name, beyond, too_large(name))
            numbers = np.where(beyond, np.inf, numbers)
        if name == "index":
            uncounted = ~((numbers >= 0) & (numbers == np.floor(numbers)))
            defects += _worded(block, path, name, uncounted, "number the fixations of a trial 0, 1, 2, ...")
            numbers = np.where(uncounted, np.inf, numbers)
        columns[name] = numbers
    return columns


def _worded(block: Cells, path: Path, name: str, wrong: np.ndarray, remedy: str) -> Iterator[Defect]:
    """A defect for each cell of a column that is wrong."""
    for row in np.flatnonzero(wrong):
        cell = block.columns[name][int(row)].as_py() or ""
        cell = cell.lower() if name == "found" else cell
        shown = "empty" if not cell else repr(cell if len(cell) <= 40 else cell[:37] + "...")
        yield Defect(str(path), int(block.line[row]), f"{name} is {shown}", remedy)


def _texts(block: Cells, texts: Numbered) -> Columns:
    """The number of each text; `task` is filled in where it is empty."""
    columns: Columns = {}
    for name in TEXTS:
        codes, values = _encoded(block, name)
        numbers = texts[name]
        columns[name] = np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int32)[codes]
    tasks = texts["task"]
    if "" in tasks:
        search, free = (tasks.setdefault(task, len(tasks)) for task in ("search", "free"))
        implied = np.where(columns["target"] == texts["target"].get("", -1), free, search)
        columns["task"] = np.where(columns["task"] == tasks[""], implied, columns["task"]).astype(np.int32)
    return columns


def _answers(block: Cells) -> tuple[Int8[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """What was found (1, 0, or -1 where that is unknown), and where no such thing is said."""
    codes, answers = _encoded(block, "found")
    meanings = [FOUND.get(answer.lower()) for answer in answers]
    numbers = np.array([-1 if meaning is None else int(meaning) for meaning in meanings], np.int8)
    unclear = np.array([answer.lower() not in FOUND for answer in answers], bool)
    return numbers[codes], unclear[codes]


def _encoded(block: Cells, name: str) -> tuple[Int32[np.ndarray, " n"], list[str]]:
    """The number of each cell's text, and the texts; all are empty in a column that is not there."""
    if name not in block.columns:
        return np.zeros(len(block.line), np.int32), [""]
    encoded = block.columns[name].combine_chunks().dictionary_encode("encode")  # null, too, is one of the texts
    return np.from_dlpack(encoded.indices), [text or "" for text in encoded.dictionary.to_pylist()]


def _numbers(column: "pyarrow.ChunkedArray") -> Float64[np.ndarray, " n"]:
    """The number in each cell: NaN where it is empty, infinite where it is none."""
    import pyarrow

    try:
        cast = column.cast(pyarrow.float64()).combine_chunks()
    except pyarrow.ArrowInvalid:
        return np.array([number(cell) for cell in column.to_pylist()], np.float64)
    numbers = np.frombuffer(cast.buffers()[1], np.float64, len(cast), 8 * cast.offset)  # to_numpy() imports pandas
    if cast.null_count:
        numbers = np.where(np.from_dlpack(cast.is_null().cast(pyarrow.int8())), np.nan, numbers)
    if np.isfinite(numbers).sum() + cast.null_count == len(numbers):
        return numbers
    return np.array([number(cell) for cell in column.to_pylist()], np.float64)


def number(cell: str | None) -> float:
    """The number in a cell: NaN where it is empty, infinite where it is none."""
    if not cell:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return math.inf
    return math.inf if math.isinf(value) or "_" in cell else value


def too_large(name: str) -> str:
    """What to do about a number that no recording can hold."""
    return f"write a number below {LIMITS[name]:g}, in the unit of the column, or nothing if it is unknown"


def trial_order(columns: Columns) -> Int64[np.ndarray, " n"]:
    """The rows by picture, then by the first row of the trial, then by index, then as they come."""
    return np.asarray(np.lexsort((columns["index"], first_rows([columns[name] for name in TEXTS]), columns["image"])))


def scanpaths(columns: Columns, texts: dict[str, list[str]], held: memory_sets.MemorySets) -> Iterator[Item]:
    """The scanpaths of each picture in rows that lie in the order of `trial_order`."""
    if not len(columns["index"]):
        return
    image, subject, task, target = (texts[name] for name in TEXTS)
    codes = np.stack([columns[name] for name in TEXTS])
    starts = [0, *(np.flatnonzero((np.diff(codes) != 0).any(0)) + 1).tolist()]
    trials = codes[:, starts].T.tolist()
    absent = np.full(len(codes[0]), np.nan)
    boxes = np.stack([columns.get(name, absent)[starts] for name in BOX], 1).tolist()
    found = [bool(f) if f >= 0 else None for f in columns["found"][starts].tolist()]
    xy = np.stack([columns["x"], columns["y"]], 1)
    name, paths = image[trials[0][0]], list[Scanpath]()
    for (i, s, k, t), box, seen, start, end in zip(trials, boxes, found, starts, [*starts[1:], len(xy)], strict=True):
        if image[i] != name:
            yield name, tuple(paths)
            name, paths = image[i], []
        onset, duration = (columns[column][start:end] for column in ("start_ms", "duration_ms"))
        there = None if math.isnan(sum(box)) else (box[0], box[1], box[2], box[3])
        memory = memory_sets.memory_set(held, name, subject[s], target[t])
        paths.append(Scanpath(subject[s], xy[start:end], onset, duration, task[k], target[t], there, seen, memory))
    yield name, tuple(paths)
