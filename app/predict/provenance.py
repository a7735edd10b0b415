"""What made each file in a folder of predictions, so that a run redoes what differs and nothing else: `.gaze.jsonl`.

    {"gaze": "0.2.0", "name": "photo", "source": "/home/ann/photo.jpg", "bytes": 81231, "mtime_ns": 1760000000000000000,
     "task": "saliency", "model": {"name": "tempsal", "version": "1.0.0", "sha256": "..."}, "condition": "any",
     "options": {}, "drawing": {"opacity": 0.6, "palette": "plasma"}, "objects": "",
     "files": {"photo.heat.png": [520113, 1760000000500000000], ...}}

A line tells of one picture and of the files that a run made of it, each with its bytes and its time of change; of
several lines on a file the last counts. A file is kept where the picture (path, bytes, time of change), the task, the
model's weights, the condition and the options are those of the run, and nobody has changed the file. What is drawn
differently counts for pictures and videos only; the version of gaze does not count. A line with "damaged" tells of a
damaged one, and counts only where these are accepted.

A file that no line tells of was written by gaze 0.2.0 or older, or by a run that was killed. It is kept only if all
files that its picture becomes are there, if NAME.json beside them says the same picture, model, version, condition and
settings, and if all that NAME.json does not tell is what it was by default: opacity 0.6 and the palette turbo for what
is drawn, found objects and no target.

Lines are appended one at a time under a lock, so that several runs may share a folder; one that was cut off is ignored.
A run that finds mostly outdated lines writes the file anew.
"""

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO, Any, NamedTuple

from data.atomic import atomic_write
from data.errors import GazeError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FILE = ".gaze.jsonl"
COARSE = 2_000_000_000  # nanoseconds to which some file systems round times of change
SPARE = 100  # outdated lines that are not worth writing the file anew

DRAWN = (".png", ".jpg", ".webp", ".mp4")  # ends of files that options of drawing change
Stamp = tuple[int, int]  # bytes of a file, and its time of change in nanoseconds


@dataclass(frozen=True)
class Making:
    """What a run makes its files of, beside the pictures; all values as JSON holds them."""

    task: str
    model: Mapping[str, str]  # name, version, sha256 of its weights
    condition: str
    options: Mapping[str, Any]  # that change every file
    drawing: Mapping[str, Any]  # options that change pictures only
    summary: str  # the end of the name of the JSON file of a picture
    told: Mapping[str, Any]  # what that file says where everything is the same
    usual: bool  # whether all that it does not tell is as gaze 0.2 had it by default
    objects: Callable[[Path], str] = lambda path: ""  # a hash of the objects that a picture was given
    accept_damaged: bool = False

    def line(self, path: Path) -> dict[str, Any]:
        """What the log says of how the files of a picture are made."""
        known = {"task": self.task, "model": dict(self.model), "condition": self.condition}
        known |= {"options": dict(self.options), "drawing": dict(self.drawing)}
        return known | {"objects": self.objects(path)}


class Entry(NamedTuple):
    """A line of the log."""

    name: str  # of the picture's files, without their endings
    source: str
    stamp: Stamp  # of the source
    made: str  # task, model, condition and options
    objects: str
    drawn: str
    files: dict[str, Stamp]
    damaged: bool = False


class Provenance:
    """The log of one folder, read once; lines are added to the file as pictures are done."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / FILE
        self._entries: dict[str, Entry] = {}  # by the name of the file that they tell of
        self._stamps: dict[Path, Stamp] = {}  # of pictures, before they are read
        self._version = metadata.version("gaze")
        lines, known = _lines(self.file), dict[str, str]()
        for entry in (_parsed(line, known) for line in lines):
            self._entries |= dict.fromkeys(entry.files, entry) if entry else {}
        if len(lines) > SPARE:
            self._compact()

    def names(self) -> dict[Path, str]:
        """The names of the pictures that have files in the folder and are still where they were, by their paths."""
        there = _names(self.folder)
        entries = {entry.source: entry for name, entry in self._entries.items() if name in there}
        return {Path(source): entry.name for source, entry in entries.items() if os.path.exists(source)}

    def lacking(self, path: Path, name: str, files: Sequence[Path], making: Making) -> list[Path]:
        """Those of the files of a picture that are missing, or were made of something else."""
        stamp, line = _stamp(path), making.line(path)
        wanted = Entry(name, os.path.realpath(path), stamp, _made(line), line["objects"], _text(line["drawing"]), {})
        self._stamps[path] = stamp
        known = [file for file in files if file.name in self._entries]
        if not known and all(file.is_file() for file in files) and self._agrees(path, name, making):
            return []
        fit = [file for file in known if making.accept_damaged or not self._entries[file.name].damaged]
        kept = {file for file in fit if _kept(file, self._entries[file.name], wanted)}
        return [file for file in files if file not in kept]

    def _agrees(self, path: Path, name: str, making: Making) -> bool:
        """Whether the JSON file of a picture, of which the log does not know either, says that all is the same."""
        file = self.folder / (name + making.summary)
        if not making.usual or file.name in self._entries:
            return False
        try:
            record = json.loads(file.read_bytes())
            same = all(record[key] == value for key, value in making.told.items())
            whole = making.accept_damaged or not record.get("damaged")
            return same and whole and os.path.realpath(record["picture"]) == os.path.realpath(path)
        except (OSError, ValueError, RecursionError, LookupError, TypeError):
            return False

    def add(self, path: Path, name: str, files: Mapping[str, Stamp], making: Making, damaged: str = "") -> None:
        """Tell of the files that a picture has become; `damaged` says what is wrong with the picture's file."""
        size, changed = self._stamps.get(path) or _stamp(path)
        about = {"gaze": self._version, "name": name, "source": os.path.realpath(path)}
        line = about | {"bytes": size, "mtime_ns": changed} | making.line(path) | {"files": dict(files)}
        line |= {"damaged": damaged} if damaged else {}
        try:
            with self._held() as file:
                _append(file, json.dumps(line).encode() + b"\n")
        except OSError as error:
            raise GazeError(f"{self.file} cannot be written ({error.strerror}); check folder and disk.") from error

    @contextlib.contextmanager
    def _held(self) -> Iterator[IO[bytes]]:
        """The log, open, for this run and thread alone where the operating system can lock a file."""
        file = self._locked()
        while file is None:  # another run has just written it anew
            file = self._locked()
        with file:
            yield file

    def _locked(self) -> IO[bytes] | None:
        file = self.file.open("a+b", buffering=0)
        try:
            if fcntl:
                with contextlib.suppress(OSError):  # some network drives cannot
                    fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file.fileno()), self.file.stat()):
                return file
        except FileNotFoundError:
            pass
        except BaseException:
            file.close()
            raise
        file.close()
        return None

    def _compact(self) -> None:
        """Write the log anew without outdated lines, if most are; where nothing can be written it stays."""
        with contextlib.suppress(OSError), self._held():
            lines, last = _lines(self.file), dict[str, int]()
            for number, line in enumerate(lines):
                entry = _parsed(line, {})
                last |= dict.fromkeys(entry.files if entry else (), number)
            there = _names(self.folder)
            live = {number for name, number in last.items() if name in there}
            if len(lines) > 2 * len(live) + SPARE:
                with atomic_write(self.file) as file:
                    file.writelines(lines[number] + b"\n" for number in sorted(live))


@dataclass(frozen=True)
class Output:
    """Where the files of some pictures are written; a task adds which files these are."""

    folder: Path
    names: dict[Path, str]  # of each picture's files, without their endings
    todo: Mapping[Path, Sequence[Path]] | None = field(default=None, kw_only=True)  # files to be written; None: all
    wrote: Callable[[Path, dict[str, Stamp], str], None] | None = field(default=None, kw_only=True)  # is told of them

    def files(self, path: Path) -> list[Path]:
        """The files that a picture becomes."""
        raise NotImplementedError

    def fill(self, path: Path, content: Callable[[str, IO[bytes]], object], damaged: str = "") -> None:
        """Write the files of a picture that are to be written, each by `content(name, file)`, and tell of them."""
        stamps = write(self.files(path) if self.todo is None else self.todo[path], content)
        if self.wrote:
            self.wrote(path, stamps, damaged)


def write(targets: Sequence[Path], fill: Callable[[str, IO[bytes]], object]) -> dict[str, Stamp]:
    """Write files whole, each by `fill(name, file)`; their stamps by name, but of those that another run replaced."""
    stamps: dict[str, Stamp] = {}
    for target in targets:
        try:
            with atomic_write(target) as file:
                fill(target.name, file)
                file.flush()
                ours = os.fstat(file.fileno())
            now = target.stat()
        except OSError as error:
            raise GazeError(f"{target} cannot be written ({error.strerror}); check folder and disk.") from error
        if os.path.samestat(ours, now):
            stamps[target.name] = now.st_size, now.st_mtime_ns
    return stamps


def described(name: str, version: str, *files: Path) -> dict[str, str]:
    """A model by its name, its version and the content of its files."""
    return {"name": name, "version": version, "sha256": digest(*files)}


def digest(*files: Path) -> str:
    """The SHA-256 of the content of some files."""
    found = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def _stamp(path: Path) -> Stamp:
    """Bytes and time of change of a file; zeros where there is none."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def _kept(file: Path, entry: Entry, wanted: Entry) -> bool:
    """Whether a file is as the log says, and the log says what is wanted."""
    (size, changed), (before, then) = _stamp(file), entry.files[file.name]
    untouched = file.is_file() and size == before and abs(changed - then) <= COARSE
    drawn = file.suffix not in DRAWN or entry.drawn == wanted.drawn
    return untouched and drawn and entry[1:5] == wanted[1:5]


def _names(folder: Path) -> set[str]:
    """What is in a folder, if there is one."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        return {item.name for item in found}
    return set()


def _lines(file: Path) -> list[bytes]:
    try:
        return [line for line in file.read_bytes().split(b"\n") if line]
    except OSError:
        return []


def _parsed(line: bytes, known: dict[str, str]) -> Entry | None:
    """The entry in a line; None where it was cut off or is none of ours."""
    try:
        record = json.loads(line)
        made, drawn = (known.setdefault(text, text) for text in (_made(record), _text(record["drawing"])))
        files = {str(name): (int(size), int(changed)) for name, (size, changed) in record["files"].items()}
        source, stamp = str(record["source"]), (int(record["bytes"]), int(record["mtime_ns"]))
        damaged = bool(record.get("damaged"))
        return Entry(str(record["name"]), source, stamp, made, str(record["objects"]), drawn, files, damaged)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _made(record: Mapping[str, Any]) -> str:
    return _text([record[key] for key in ("task", "model", "condition", "options")])


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _append(file: IO[bytes], line: bytes) -> None:
    """Write a line in one go, below a line that a killed run has cut off."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 1))
    line = line if file.read(1) in (b"", b"\n") else b"\n" + line
    if file.write(line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
