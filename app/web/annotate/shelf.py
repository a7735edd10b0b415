"""The projects of visitors: each in a private folder, under a name that nobody can guess.

By that name a page that is loaded anew finds its own again. A project stays for `KEPT` seconds after a page last showed
it, until it is removed, or until the server ends; whoever wants it longer takes it home as a zip. `MOST` of them are
kept.
"""

import secrets
import shutil
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path

from annotation.project import Project
from annotation.record import FILE, GazeRecord, ProjectRecord
from app.predict.recorded.brought_files import FolderOfFiles, Limits
from app.web.annotate import desk as desks
from app.web.annotate.desk import Desk
from app.web.annotate.maker import Maker, Recipe
from data.errors import GazeError

MB = 1 << 20
KEPT = 12 * 3600.0
MOST = 12
SPARE = 500 * MB  # that are left free on the disk
GAZE = "gaze"  # the folder of a project in which gaze lies that was brought
PACKED = Limits(file=1000 * MB, together=2000 * MB, files=25_000)  # of a project's zip


def private_folder() -> Path:
    """A folder for this user alone; whoever asked removes it."""
    return Path(tempfile.mkdtemp(prefix="gaze-annotate-"))  # 0700


@dataclass(eq=False)
class Kept:
    """A project on the shelf: being made, or ready to be opened."""

    name: str
    root: Path  # private; the project is its folder `project`
    maker: Maker | None = None  # None: it was brought as a zip
    folder: Path = field(default_factory=Path)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    seen: float = field(default_factory=time.monotonic)
    notes: list[str] = field(default_factory=list)  # what was left out when it was brought

    def __post_init__(self) -> None:
        self._sweep = weakref.finalize(self, shutil.rmtree, self.root, ignore_errors=True)
        self._desk: Desk | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it can be opened."""
        return self.maker is None or self.maker.progress.state == "done"

    def desk(self) -> Desk:
        """The project, open.

        Raises:
            GazeError: It cannot be opened.
        """
        if self._desk is None:
            self._desk = desks.open_desk(self.folder)
            self._desk.made = [*self.notes, *(self.maker.notes if self.maker else [])]
        return self._desk

    def close(self) -> None:
        """Stop what is under way and remove the files."""
        if self.maker:
            self.maker.stop()
            self.maker.wait(10)
        if self._desk:
            self._desk.close()
        self._sweep()


_kept: dict[str, Kept] = {}
_lock = threading.Lock()


def make(name: str, root: Path, recipe: Recipe) -> Kept:
    """A project of a video begins to be made; the folder is the shelf's from now on.

    Raises:
        GazeError: There is no room.
    """
    folder = root / "project"
    kept = _keep(Kept(name, root, Maker(folder, recipe), folder))
    assert kept.maker is not None
    kept.maker.start()
    return kept


def unpack(name: str, content: bytes) -> Kept:
    """A project that was taken home as a zip is laid out again; what it says of places on other machines is dropped.

    Raises:
        GazeError: It is no such zip, or there is no room.
    """
    root = private_folder()
    try:
        laid = FolderOfFiles(root, PACKED)
        laid.lay([(name, content)])
        found = sorted((path.parent for path in root.rglob(FILE)), key=lambda path: len(path.parts))
        if not found:
            raise GazeError(
                laid.problems[0]
                if laid.problems
                else f"{name}: there is no {FILE} in it; bring the zip of a project, with Project under Downloads."
            )
        _settle(found[0])
        with Project.open(found[0]):
            pass
        notes = [problem.replace(f"{root}/", "") for problem in laid.problems]
        return _keep(Kept(Path(name).stem, root, None, found[0], notes=notes))
    except GazeError as error:
        shutil.rmtree(root, ignore_errors=True)
        raise GazeError(str(error).replace(f"{root}/", "")) from error


def _settle(folder: Path) -> None:
    """The record of a project that came from elsewhere names no file but those that came with it."""
    about = ProjectRecord.read(folder)
    laid = gaze_in(folder)
    offset = about.gaze.offset_s if about.gaze else 0.0
    gaze = None if laid is None else GazeRecord(path=str(laid), offset_s=offset)
    video = about.video.model_copy(update={"path": Path(about.video.path.replace("\\", "/")).name})
    about.model_copy(update={"gaze": gaze, "video": video}).write(folder)


def gaze_in(folder: Path) -> Path | None:
    """The gaze that lies in a project: a file, or the folder of several."""
    place = folder / GAZE
    files = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else []
    if not files:
        return None
    return files[0] if len(files) == 1 else place


def find(token: str) -> Kept | None:
    """The project of a token, which is seen now; None where there is none any more."""
    with _lock:
        kept = _kept.get(token)
        if kept is not None:
            kept.seen = time.monotonic()
        return kept


def remove(kept: Kept) -> None:
    """Forget a project and its files."""
    with _lock:
        _kept.pop(kept.token, None)
    kept.close()


def close_all() -> None:
    """Forget all of them, and let go of every project that is open: the server ends."""
    for kept in list(_kept.values()):
        remove(kept)
    desks.close_all()


def _keep(kept: Kept) -> Kept:
    for old in list(_kept.values()):
        busy = old.maker is not None and old.maker.progress.busy
        if not busy and time.monotonic() - old.seen > KEPT:
            remove(old)
    full = len(_kept) >= MOST
    if full or shutil.disk_usage(kept.root).free < SPARE:
        kept.close()
        reason = f"the app keeps {MOST} projects at a time" if full else "its disk is nearly full"
        raise GazeError(f"There is no room for {kept.name}: {reason}; remove one, or come back later.")
    with _lock:
        _kept[kept.token] = kept
    return kept
