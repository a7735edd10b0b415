"""An open project as all who look at it share it: the labels, the last round, and which things are asked next.

Every label is on the disk before `label` returns (`annotation.clicks`). After `ROUND` of them, or when nothing is left
to ask, the next round is due; `learn` runs it. One lock lets one visitor after another write.
"""

import threading
import weakref
from pathlib import Path

import numpy as np

from annotation.project import Project
from annotation.record import GazeRecord, ProjectRecord
from annotation.results import Results
from app.web.annotate.drawing import Drawn, drawn_crop, drawn_frame
from app.web.annotate.outcome import Outcome
from app.web.annotate.words import plainly

ROUND = 5  # labels between two rounds
SURE = 0.9  # probability from which on a thing counts as told
LAST = 20  # guesses that are told of

_open: "weakref.WeakValueDictionary[Path, Desk]" = weakref.WeakValueDictionary()
_opening = threading.Lock()


def open_desk(folder: Path) -> "Desk":
    """The project of a folder, opened once for everyone; it is let go of when nobody keeps what comes back.

    Raises:
        GazeError: It is none, or another program writes there.
    """
    with _opening:
        desk = _open.get(folder)
        if desk is None or desk.closed:
            desk = _open[folder] = Desk(Project.open(folder))
        return desk


def close_all() -> None:
    """Let others write into every project that is open here."""
    for desk in list(_open.values()):
        desk.close()


class Desk:
    """A project, the last round of it, and the questions that wait."""

    def __init__(self, project: Project) -> None:
        self.lock = threading.RLock()
        self._held = [project]  # what is closed when nobody keeps the desk
        self._sweep = weakref.finalize(self, _close, self._held)
        self.made: list[str] = []  # what was said when it was made
        self.skipped: set[int] = set()
        self.guesses: list[tuple[int, bool]] = []  # things that were labelled, and whether they were guessed rightly
        self._classes: list[str] = []
        self._drawn = Drawn()
        self.learn()

    @property
    def project(self) -> Project:
        """The project."""
        return self._held[0]

    @property
    def about(self) -> ProjectRecord:
        """What it was made of."""
        return self.project.about

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more; whoever still needs the project opens it again."""
        return not self._sweep.alive

    def close(self) -> None:
        """Let others write into the project."""
        self._sweep()

    def told(self, sentence: str) -> str:
        """A sentence of the project as visitors may read it."""
        return plainly(sentence, self.project.folder, self.about)

    @property
    def notes(self) -> list[str]:
        """What was guessed or left out, a sentence each."""
        return list(dict.fromkeys(map(self.told, [*self.made, *self.project.notes])))

    @property
    def labels(self) -> dict[int, str]:
        """The labels so far, in the order of the clicks."""
        with self.lock:
            return self.project.labels

    @property
    def classes(self) -> list[str]:
        """The names given so far; one keeps its place as long as it is there."""
        with self.lock:
            now = self.project.classes
            kept = [name for name in self._classes if name in now]
            self._classes = kept + [name for name in now if name not in kept]
            return list(self._classes)

    @property
    def can_tell(self) -> bool:
        """Whether the last round knew two classes, and so tells them apart."""
        return len(self.prediction.classes) > 1

    @property
    def is_due(self) -> bool:
        """Whether the next round should run before anything else is asked."""
        return self.stale and (self.fresh >= ROUND or not self.queue)

    def learn(self) -> None:
        """Run a round: the labels so far tell what everything else is, and what to ask next."""
        with self.lock:
            self.prediction = self.project.train()
            self._outcome = Outcome(self.project, self.prediction)
            self.fresh, self.stale = 0, False  # labels since, and whether it may say something else now
            self._ask()

    def hurry(self) -> None:
        """The next round is due at once, if it may say something else."""
        if self.stale:
            self.fresh = ROUND

    def _ask(self) -> None:
        wanted = self.project.ask(self.prediction, ROUND + len(self.skipped))
        self.queue = [box for box in wanted if box not in self.skipped][:ROUND]

    def label(self, box: int, name: str) -> None:
        """A thing is of a class, "" of none that matters; it is on the disk now.

        Raises:
            GazeError: The name is none, or it cannot be saved.
        """
        with self.lock:
            guess = None if box in self.project.labels else self.guess(box)
            self.project.label(box, name)
            if guess:
                known = self.project.labels[box]
                self.guesses = [*self.guesses, (box, guess[0] == known)][-LAST:]
            self.skipped.discard(box)
            self.queue = [each for each in self.queue if each != box]
            self.fresh, self.stale = self.fresh + 1, True

    def skip(self, box: int) -> None:
        """Do not ask for a thing; it is not kept on the disk."""
        with self.lock:
            self.skipped.add(box)
            self.queue = [each for each in self.queue if each != box]
            if not self.queue and not self.stale:
                self._ask()

    def check(self, name: str) -> None:
        """Ask next for the things of a class that are the least sure to be of it, one a track."""
        with self.lock:
            doubtful = self._of_class(name)[::-1]
            labelled = self.project.labels
            first = {int(self.prediction.track[box]): box for box in reversed(doubtful) if box not in labelled}
            chosen = [box for box in doubtful if first.get(int(self.prediction.track[box])) == box][:ROUND]
            self.queue = chosen + [box for box in self.queue if box not in chosen]

    def undo(self) -> None:
        """Take the last click back, and ask it again.

        Raises:
            GazeError: There is none.
        """
        with self.lock:
            before, classes = self.project.labels, self.project.classes
            self.project.undo()
            after = self.project.labels
            again = [box for box, name in before.items() if after.get(box, None) != name]
            if self.guesses and again == [self.guesses[-1][0]]:
                self.guesses.pop()
            if len(again) == 1:
                self.queue = [*again, *(box for box in self.queue if box != again[0])]
            renamed = set(classes) != set(self.project.classes)
            self.fresh, self.stale = ROUND if renamed else max(0, self.fresh - 1), True

    def rename(self, name: str, to: str) -> None:
        """A class bears another name; one of that name takes it in.

        Raises:
            GazeError: There is no such class, or the name is none.
        """
        with self.lock:
            self.project.rename(name, to)
            self.fresh, self.stale = ROUND, True

    def use_gaze(self, gaze: Path | None, offset_s: float) -> None:
        """Take other gaze, or read it with another offset of its clock in seconds.

        Raises:
            GazeError: The project cannot be written or opened again.
        """
        with self.lock:
            project = self.project
            record = None if gaze is None else GazeRecord(path=str(gaze.resolve()), offset_s=offset_s)
            project.about.model_copy(update={"gaze": record}).write(project.folder)
            project.close()
            self._held[0] = Project.open(project.folder)
            self._outcome = Outcome(self.project, self.prediction)
            self._ask()

    @property
    def hits(self) -> int:
        """How many of the last guesses were right. These are of what is asked, so of the hardest things."""
        return sum(right for _, right in self.guesses)

    @property
    def sure(self) -> float:
        """The share of things of which the round is sure; too sure at first, as it knows no names but those given."""
        shares = self.prediction.probabilities
        return float((shares.max(1) >= SURE).mean()) if self.can_tell and len(shares) else float("nan")

    def guess(self, box: int) -> tuple[str, float] | None:
        """What the last round takes a thing for, and its probability; None where it cannot tell."""
        if not self.can_tell:
            return None
        shares = self.prediction.probabilities[box]
        best = int(shares.argmax())
        return self.prediction.classes[best], float(shares[best])

    def examples(self, name: str, count: int) -> list[int]:
        """Things of a class to show: the last that were labelled, then the surest, one a track."""
        labelled = [box for box, each in reversed(self.labels.items()) if each == name]
        found, tracks = labelled[:count], {int(self.prediction.track[box]) for box in labelled}
        for box in self._of_class(name):
            if len(found) >= count:
                break
            if int(self.prediction.track[box]) not in tracks:
                tracks.add(int(self.prediction.track[box]))
                found.append(box)
        return found

    def _of_class(self, name: str) -> list[int]:
        """What the last round takes for a class, the surest first."""
        if name not in self.prediction.classes or not self.can_tell:
            return []
        rows = np.flatnonzero(self.prediction.names == name)
        shares = self.prediction.probabilities[rows, self.prediction.classes.index(name)]
        found: list[int] = rows[np.argsort(-shares, kind="stable")].tolist()
        return found

    def crop(self, box: int) -> bytes:
        """What is in a thing's box, as JPEG."""
        with self.lock:
            return self._drawn.get(("crop", box), lambda: drawn_crop(self.project.crop(box)))

    def frame(self, box: int) -> bytes:
        """The picture that a thing is in, which is dim but for the thing, as JPEG."""
        boxes = self.project.boxes

        def draw() -> bytes:
            return drawn_frame(self.project.picture(int(boxes.frame[box])), boxes.box[box])

        with self.lock:
            return self._drawn.get(("frame", box), draw)

    def results(self) -> Results:
        """What the last round says of the gaze."""
        with self.lock:
            return self._outcome.results

    def files(self, name: str) -> list[tuple[str, bytes]]:
        """A file of the results (`annotation.results`), or all of a folder of them: names, and contents.

        Raises:
            GazeError: There is no room.
        """
        with self.lock:
            return self._outcome.files(name)


def _close(held: list[Project]) -> None:
    held[0].close()
