"""A project that is being made of a video, in a thread of its own: pages come and go, and it can be stopped and go on.

As many run at a time as there are cores, batches of pictures among them (`app.web.batch.job`).
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from annotation.project import Project
from app.web.annotate.words import plainly
from app.web.batch.job import SLOTS
from data.errors import GazeError

logger = logging.getLogger(__name__)


class StoppedError(Exception):
    """A person stopped it."""


@dataclass(frozen=True)
class Recipe:
    """What a project is made of."""

    video: Path
    gaze: Path | None
    fps: float
    offset_s: float
    objects: str  # as in `annotation.finders`
    model: str


@dataclass
class Progress:
    """How far it is; `total` is 0, and `left_s` None, where nobody knows."""

    state: str = "stopped"  # "waiting" for others, "running", "stopped", "failed", "done"
    done: int = 0  # pictures of the video
    total: int = 0
    left_s: float | None = None

    @property
    def busy(self) -> bool:
        """Whether it will change by itself."""
        return self.state in ("waiting", "running")


class Maker:
    """Makes the project in `folder`; the video is removed when it is done."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.problem = ""
        self.notes: list[str] = []
        self._state = Progress()
        self._begun: tuple[float, int] | None = None  # when, and how much was done then
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._state

    def start(self) -> None:
        """Begin, or go on where it was stopped."""
        if self._state.busy:
            return
        self._stop.clear()
        self.problem, self._begun = "", None
        self._state = Progress("waiting", self._state.done, self._state.total)
        self._thread = threading.Thread(target=self._work, name="gaze-annotate", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the picture that is looked at now; what is done stays."""
        self._stop.set()

    def wait(self, seconds: float) -> None:
        """Until it is stopped or done, or some seconds have passed."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _work(self) -> None:
        state = "failed"
        try:
            while not SLOTS.acquire(timeout=0.2):
                if self._stop.is_set():
                    raise StoppedError
            try:
                self._make()
            finally:
                SLOTS.release()
            state = "done"
        except StoppedError:
            state = "stopped"
        except GazeError as error:
            self.problem = plainly(str(error), self.folder).replace(f"{self.recipe.video.parent}/", "")
        except Exception as error:
            logger.error("%s: cannot be looked through", self.recipe.video, exc_info=True)
            name, kind = self.recipe.video.name, type(error).__name__
            self.problem = f"{name}: could not be looked through ({kind}); please report this."
        self._state = Progress(state, self._state.done, self._state.total)

    def _make(self) -> None:
        recipe = self.recipe
        with Project.create(
            self.folder,
            recipe.video,
            recipe.gaze,
            fps=recipe.fps,
            objects=recipe.objects,
            offset_s=recipe.offset_s,
            model=recipe.model,
            progress=self._tell,
        ) as project:
            self.notes = [plainly(note, self.folder, project.about) for note in project.notes]
        recipe.video.unlink(missing_ok=True)

    def _tell(self, what: str, done: int, total: int | None) -> None:
        del what
        if self._stop.is_set():
            raise StoppedError
        now = time.monotonic()
        self._begun = self._begun or (now, done)
        since, before = self._begun
        left = (total - done) * (now - since) / (done - before) if total and done > before else None
        self._state = Progress("running", done, total or 0, left)
