"""What people really looked at, of all recordings that a session brought: whose looks fall where on which picture.

What stays of a file is each `Viewing`, in pixels of the screen. Which picture was shown and where it lay is said later
(`Study.paths`), so that it can be changed without the files. Where a recording does not say all of its screen, its
files wait in `Study.waiting` until a person does.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.predict import recorded_files
from app.predict.brought_files import Brought
from app.predict.recorded_files import How, Lacking, Viewing
from data.events.quality import Quality, doubt
from data.gaze import Scanpath, Screen
from data.recorders import PictureNames, to_scanpaths

MOST_FIXATIONS = 300_000  # of a session: 15 MB
MOST_VIEWINGS = 20_000
USUAL = How()
GOOD_LOSS, USABLE_LOSS = 0.1, 0.3  # shares of samples without an eye


@dataclass
class Study:
    """What people looked at, of all files that were brought in a session."""

    viewings: list[Viewing] = field(default_factory=list)
    report: to_scanpaths.Report = field(default_factory=to_scanpaths.Report)
    notes: list[str] = field(default_factory=list)  # what was guessed or left out
    problems: list[str] = field(default_factory=list)  # of files that gave nothing, when they came last
    waiting: tuple[Brought, ...] = ()  # files of which some do not say their screen
    lacking: dict[str, Lacking] = field(default_factory=dict)  # these, and what of their `Setup` is not known

    @property
    def fixations(self) -> int:
        """How many there are."""
        return sum(len(viewing.path) for viewing in self.viewings)

    @property
    def stimuli(self) -> dict[str, int]:
        """What the recordings say was shown, and to how many people."""
        pairs = {(viewing.stimulus, viewing.path.subject) for viewing in self.viewings}
        return dict(Counter(stimulus for stimulus, _ in sorted(pairs)))

    def read(self, brought: Sequence[Brought], how: How = USUAL) -> None:
        """Adds what some files say; those whose screen is not known wait for `answer`."""
        self._read(brought, how, None)

    def answer(self, how: How) -> None:
        """Reads the files that waited, now that their screen is known."""
        if self.waiting:
            self._read(self.waiting, how, self.lacking)

    def _read(self, brought: Sequence[Brought], how: How, only: dict[str, Lacking] | None) -> None:
        found, told = recorded_files.read(brought, how, self.report, only)
        before = [] if only is None else self.problems
        self.problems = [*before, *(problem for problem in told.problems if problem not in before)]
        self.lacking = told.lacking
        self.waiting = tuple(brought) if told.lacking else ()
        self.notes += [note for note in told.notes if note not in self.notes]
        total = self.fixations
        for number, viewing in enumerate(found):
            total += len(viewing.path)
            if total > MOST_FIXATIONS or len(self.viewings) >= MOST_VIEWINGS:
                left = len(found) - number
                self.problems.append(f"There is no room for {left} of the viewings; remove some recordings first.")
                break
            self.viewings.append(viewing)
            self.report.recordings.setdefault(viewing.recording, Quality()).add(viewing.path)

    def remove(self, recordings: Iterable[str]) -> None:
        """Forgets some recordings."""
        gone = set(recordings)
        self.viewings = [viewing for viewing in self.viewings if viewing.recording not in gone]
        for name in gone:
            self.report.recordings.pop(name, None)

    def taken_for(self, pictures: Iterable[str]) -> dict[str, list[str]]:
        """Of each recorded name of something shown, the names of the pictures that it may stand for."""
        names = PictureNames(pictures)
        return {stimulus: names.meant(stimulus) for stimulus in self.stimuli}

    def paths(
        self, stimuli: Iterable[str], size: tuple[int, int], placed: str = "", seconds: float = np.inf
    ) -> tuple[Scanpath, ...]:
        """Each person's fixations on a picture of some width and height in its pixels: the first time that it was seen.

        `placed` says where it lay on the screen, "" guesses: in its own size where that fits, else as large as fits.

        Raises:
            RecordingError: The place is none.
        """
        wanted = set(stimuli)
        first: dict[str, Scanpath] = {}
        for viewing in self.viewings:
            path = viewing.path
            if viewing.stimulus not in wanted or path.subject in first:
                continue
            if viewing.screen is not None:
                path = to_scanpaths.on_picture(path, size, placed or guess(size, viewing.screen), viewing.screen)
            early = ~(path.onset >= 1000 * seconds)
            path = replace(path, xy=path.xy[early], onset=path.onset[early], duration=path.duration[early])
            if len(path):
                first[path.subject] = path
        return tuple(first.values())

    def degree(self, stimuli: Iterable[str], size: tuple[int, int], placed: str = "") -> float:
        """Pixels of the picture in a degree of visual angle, of the median viewing; NaN where no screen is known."""
        wanted, found = set(stimuli), []
        for viewing in self.viewings:
            if viewing.stimulus in wanted and viewing.screen is not None:
                place = placed or guess(size, viewing.screen)
                width = to_scanpaths.box(place, size, viewing.screen)[2]
                found.append(viewing.screen.pixels_per_degree * size[0] / width)
        return float(np.median(found)) if found else float("nan")


def guess(size: tuple[int, int], screen: Screen) -> str:
    """How a picture of some width and height was probably shown on a screen.

    >>> guess((800, 600), Screen(1920, 1080, 53, 30, 60)), guess((4000, 3000), Screen(1920, 1080, 53, 30, 60))
    ('centre', 'fit')
    """
    return "centre" if size[0] <= screen.width and size[1] <= screen.height else "fit"


def verdict(quality: Quality) -> str:
    """How well a recording was measured, in a word or a sentence.

    Good is what loses at most a tenth of its samples, has a noise of at most 0.3 degrees from sample to sample and more
    than 60 samples a second, which the method "adaptive" needs (`data.events.quality`).
    """
    if not quality.samples:
        return "Not known: the file holds looks, no samples"
    if quality.loss > USABLE_LOSS:
        return "Doubtful: the eye was lost too often"
    words = doubt(quality.rate, quality.precision)
    if words:
        return "Doubtful: " + words.partition(";")[0]
    return "Good" if quality.loss <= GOOD_LOSS else "Usable: the eye was lost now and then"
