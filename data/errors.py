"""The errors that people see, and how what is wrong with a file is reported.

`GazeError` marks what a person can mend: a broken file, a wrong option, a missing model. Its message is
one sentence that says what is wrong, where, and what to do. Every other exception is a bug.

Whatever finds something wrong with a data set hands a `Defect` to a `Report`: readers raise the first as a
`TableError` (`refuse`), validators collect them all.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.plain_text import visible

MARK = b"\xef\xbb\xbf"  # with which spreadsheets begin a UTF-8 file
Sizes = dict[str, tuple[int, int]]  # width and height in pixels by the name of the picture


class GazeError(ValueError):
    """Something a person gave us is wrong; the message says what, where and what to do, and is safe to show."""

    def __str__(self) -> str:
        return visible(super().__str__())


class PictureError(GazeError):
    """A file that should be a picture cannot be used as one."""


class DamagedError(PictureError):
    """A picture's file is damaged, and some of it can be decoded."""


class LargePictureError(PictureError):
    """A picture has more pixels than are decoded."""


class VideoError(PictureError):
    """A file that should be a video cannot be used as one."""


class TableError(GazeError):
    """A data set's files do not have the form that their reader expects."""


class RecordingError(GazeError):
    """An eye tracker's file cannot be used as its reader expects."""


class ModelError(GazeError):
    """A model is missing, broken, or was asked for something it cannot do."""


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong with a data set, where it is, and what to do about it.

    >>> print(Defect("fixations.csv", 7, "duration_ms is -3", "write a duration above 0"))
    fixations.csv, line 7: duration_ms is -3; write a duration above 0.
    """

    file: str
    line: int | None  # None: the whole file
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return visible(f"{where}: {self.problem}; {self.remedy}.")


Report = Callable[[Defect], None]


def refuse(defect: Defect) -> None:
    """The report of the readers: the first defect is the last.

    Raises:
        TableError: Always, with the defect as its sentence.
    """
    raise TableError(str(defect))


def read_text(path: Path, report: Report) -> str:
    """The text of a UTF-8 file; nothing, and a report, when it is missing, empty or in another encoding."""
    try:
        content = path.read_bytes().removeprefix(MARK)
        text = content.decode()
    except OSError as error:
        report(unreadable(path, error))
        return ""
    except UnicodeDecodeError as error:
        report(not_utf8(path, content.count(b"\n", 0, error.start) + 1))
        return ""
    if not text.strip():
        report(empty(path))
        return ""
    return text


def unreadable(path: Path, error: OSError) -> Defect:
    """A file that the system does not give."""
    what = "the file is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
    return Defect(str(path), None, what, "give the folder of a data set in the table format of data/README.md")


def not_utf8(path: Path, line: int | None) -> Defect:
    """A text file in another encoding."""
    return Defect(str(path), line, "the text is not UTF-8", "save the file again as UTF-8")


def empty(path: Path) -> Defect:
    """A file of nothing but spaces."""
    return Defect(str(path), None, "the file is empty", "write its content or remove it")


def read_document(path: Path, report: Report) -> Any:
    """Whatever a JSON file holds; {} and a report when it is no JSON."""
    content = read_text(path, report)
    try:
        return json.loads(content) if content else {}
    except json.JSONDecodeError as error:
        report(Defect(str(path), error.lineno, f"not JSON at letter {error.colno}", "write valid JSON"))
    except RecursionError:
        report(Defect(str(path), None, "not JSON (it is nested too deeply)", "write valid JSON"))
    except ValueError:  # Python reads no number of more than 4,300 digits
        report(Defect(str(path), None, "not JSON (a number is too long)", "write valid JSON"))
    return {}


def read_json(path: Path, report: Report) -> dict[str, Any]:
    """The JSON object in a file; {} and a report when there is none."""
    document = read_document(path, report)
    if not isinstance(document, dict):
        report(Defect(str(path), None, "not a JSON object", "write { ... }"))
        return {}
    return document


def short_reason(error: BaseException) -> str:
    """An exception in a few words on one line, which are no sentence of their own."""
    return " ".join(str(error).split()).replace(". ", ": ")[:120] or type(error).__name__
