"""A job of many pictures: one thread in the background that looks at them one after another, while pages come and go.

    job = Job(is_alive)         of one session; the thread begins with the first files and ends with the session
    job.add(files)              pictures and archives, which it lets go of when it has looked at them
    job.start(recipe)           begins, or goes on where it was stopped
    job.stop()                  after the picture that it is at; what is done stays
    job.close()                 forgets everything, its private folder too

It holds at most one decoded picture. No more jobs run at a time than there are cores: others wait for their turn.
"""

import os
import secrets
import shutil
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from app.web.batch.result import Recipe, Result
from app.web.batch.source import LARGEST, Source, looked_at
from app.web.gate import MB, MOST_BYTES, MOST_FILES
from data.archives import reading
from data.archives.writing import safe_name
from data.errors import GazeError, PictureError
from data.plain_text import file_name

MOST_DISK = 1000 * MB  # of the files of a job
SPARE = 200 * MB  # that are left free on the disk
GONE = 180.0  # seconds without its session after which a job ends
PULSE = 5.0  # seconds between two looks at whether the session is there
PACE = 20  # pictures over which the time for one is averaged
SLOTS = threading.BoundedSemaphore(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


_open: "weakref.WeakSet[Job]" = weakref.WeakSet()


def close_all() -> None:
    """Close every job, so that nothing is left on the disk when the server ends."""
    for job in list(_open):
        job.close()


@dataclass
class Progress:
    """How far a job is; `left_s` are the seconds that it will still need, None while nobody knows."""

    state: str = "empty"  # "empty", "ready", "waiting" for other jobs, "running", "stopped", "done"
    done: int = 0  # pictures that were looked at, and those that cannot be
    total: int = 0
    left_s: float | None = None

    @property
    def busy(self) -> bool:
        """Whether it will change by itself."""
        return self.state in ("waiting", "running")


@dataclass
class _State:
    """What the thread and the pages share, under one lock."""

    waiting: deque[Source] = field(default_factory=deque)
    results: list[Result] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    broken: int = 0  # of the waiting pictures that turned out to be none
    recipe: Recipe | None = None
    state: str = "empty"
    paces: deque[float] = field(default_factory=lambda: deque(maxlen=PACE))
    written: int = 0  # bytes in the folder
    names: set[str] = field(default_factory=set)
    stems: set[str] = field(default_factory=set)


class Job:
    """The pictures of a session's batch; `is_alive` says whether the session still is."""

    def __init__(self, is_alive: Callable[[], bool] = lambda: True) -> None:
        self.token = secrets.token_urlsafe(24)  # whoever knows it may download the archive
        self._is_alive = is_alive
        self._seen = time.monotonic()
        self._wake = threading.Condition()
        self._state = _State()
        self._folder: Path | None = None
        self._sweep: weakref.finalize[..., Job] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        _open.add(self)

    def add(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Take pictures and archives of pictures; what cannot be taken is in `problems`."""
        with self._wake:
            for name, content in files:
                self._take(file_name(name), content)
            if self._state.waiting and self._state.state in ("empty", "done"):
                self._state.state = "ready"
            self._wake.notify_all()

    def _take(self, name: str, content: bytes) -> None:
        state = self._state
        try:
            if sum(source.held for source in state.waiting) + len(content) > MOST_BYTES:
                raise PictureError(
                    f"{name}: is left out, as {MOST_BYTES // MB} MB wait at most; bring it when others are done."
                )
            if reading.is_archive(name):
                members, told = reading.pictures(content, name)
                state.problems += told
                # the archive is kept until the last of its members was read
                ends = len(members) - 1
                sources = [
                    Source(each.name, each.read, len(content) if number == ends else 0)
                    for number, each in enumerate(members)
                ]
            elif len(content) > LARGEST:
                raise PictureError(f"{name}: the file has more than {LARGEST // MB} MB; make it smaller.")
            else:
                sources = [Source(name, lambda: content, len(content))]
        except GazeError as error:
            state.problems.append(str(error))
            return
        room = MOST_FILES - self.progress.total
        if len(sources) > room:
            left_out = len(sources) - room
            state.problems.append(f"{name}: {left_out} left out, as a batch has {MOST_FILES} pictures at most.")
        state.waiting.extend(sources[:room])

    def start(self, recipe: Recipe) -> None:
        """Begin or go on; the recipe of the first start stays, so that all pictures can be compared."""
        with self._wake:
            if self._closed or not self._state.waiting:
                return
            self._state.recipe = self._state.recipe or recipe
            self._state.state = "waiting"
            if self._folder is None:
                self._folder = Path(mkdtemp(prefix="gaze-batch-"))  # 0700
                self._sweep = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)  # at exit, too
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=_work, args=(weakref.ref(self), self._wake), name="gaze-batch", daemon=True
                )
                self._thread.start()
            self._wake.notify_all()

    def stop(self) -> None:
        """Stop after the picture that is looked at now."""
        with self._wake:
            if self._state.state in ("waiting", "running"):
                self._state.state = "stopped"
            self._wake.notify_all()

    def close(self) -> None:
        """Forget everything and end the thread."""
        with self._wake:
            self._closed = True
            self._state = _State()
            self._folder = None
            self._wake.notify_all()
        if self._sweep:
            self._sweep()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        with self._wake:
            state = self._state
            done = len(state.results) + state.broken
            paces = state.paces
            left = len(state.waiting) * sum(paces) / len(paces) if paces else None
            return Progress(state.state, done, done + len(state.waiting), left)

    @property
    def results(self) -> list[Result]:
        """What is done, in the order in which it came."""
        with self._wake:
            return list(self._state.results)

    @property
    def problems(self) -> list[str]:
        """A sentence for each file that could not be used."""
        with self._wake:
            return list(self._state.problems)

    @property
    def recipe(self) -> Recipe | None:
        """How its pictures are looked at; None before the first start."""
        with self._wake:
            return self._state.recipe

    def is_gone(self) -> bool:
        """Whether its session has not been there for a while."""
        if self._is_alive():
            self._seen = time.monotonic()
        return self._closed or time.monotonic() - self._seen > GONE

    def take_turn(self) -> bool:
        """Look at the next picture; whether there was one, and nobody stopped it."""
        with self._wake:
            state = self._state
            if self._closed or state.state not in ("waiting", "running") or not state.waiting or not state.recipe:
                return False
            state.state = "running"
            source, recipe = state.waiting[0], state.recipe
            name = self._free(source.name)
            stem = safe_name(name, state.stems)
            folder = self._folder if self._has_room(state) else None
        begun = time.monotonic()
        result, problem = looked_at(recipe, source, name, stem, folder)
        with self._wake:
            if self._closed or self._state is not state:
                if folder:
                    shutil.rmtree(folder, ignore_errors=True)  # what was written while it was swept
                return False
            state.waiting.popleft()
            state.paces.append(time.monotonic() - begun)
            if problem:
                state.problems.append(problem)
            if result is None:
                state.broken += 1
            else:
                state.results.append(result)
                state.written += sum(path.stat().st_size for path in result.files if path.is_file())
            if not state.waiting:
                state.state = "done"
        return True

    def _free(self, name: str) -> str:
        """The name, with a number before its ending where another picture has it."""
        path, number, free = PurePosixPath(name), 2, name
        while free in self._state.names:
            free, number = str(path.with_name(f"{path.stem} ({number}){path.suffix}")), number + 1
        self._state.names.add(free)
        return free

    def _has_room(self, state: _State) -> bool:
        folder = self._folder
        if folder is None or (state.written < MOST_DISK and shutil.disk_usage(folder).free > SPARE):
            return True
        told = (
            f"The archive has the files of {len(state.results)} pictures and no more, as there is no room for others."
        )
        if told.split(" of ")[0] not in "".join(state.problems):
            state.problems.append(told)
        return False


def _work(job_of: "weakref.ref[Job]", wake: threading.Condition) -> None:
    """The thread: works while there is work and a session; between two pictures it does not keep the job alive."""
    holds = False
    try:
        while (job := job_of()) is not None:
            if job.is_gone():
                job.close()
                return
            busy = job.progress.busy
            if busy and (holds or (holds := SLOTS.acquire(timeout=0.2))):
                job.take_turn()
            elif holds:
                SLOTS.release()
                holds = False
            del job
            if not busy:
                _rest(job_of, wake)
    finally:
        if holds:
            SLOTS.release()


def _rest(job_of: "weakref.ref[Job]", wake: threading.Condition) -> None:
    """Wait until there is something to do, or for a while."""
    with wake:
        job = job_of()
        rests = job is not None and not job.progress.busy
        del job
        if rests:
            wake.wait(PULSE)
