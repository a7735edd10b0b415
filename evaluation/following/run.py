"""What `gaze evaluate following` scores: pictures with heads, and entries, one picture after another.

A picture is decoded, and looked at by each entry, once for all heads in it. One that breaks is named and left out.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from data import picture
from data.errors import GazeError, ModelError, PictureError
from data.following.people import Person
from evaluation.following import scoring
from evaluation.following.entries import Entry, Tell
from evaluation.following.priors import Priors
from evaluation.following.scoring import CENTRE, CHANCE, PEOPLE, PRIOR, HeadScores
from evaluation.processes import share_out
from evaluation.results import WHOLE, Values


@dataclass(frozen=True)
class HeadResult:
    """What came out of one head."""

    person: Person
    rows: dict[str, HeadScores]  # row -> score
    in_frame: dict[str, float]  # row -> probability


@dataclass(frozen=True)
class PictureResult:
    """What came out of one picture."""

    heads: tuple[HeadResult, ...] = ()
    problem: str = ""  # why it is left out
    count: int = field(default=0)  # of its heads


@dataclass(frozen=True)
class Run:
    """What is scored; it travels to every process."""

    pictures: Sequence[Sequence[Person]]  # the people of each
    entries: Sequence[Entry]
    priors: Priors
    side: int  # pixels: the longer side at which AUC is computed, at most

    def open(self) -> Callable[[int], PictureResult]:
        """Opens every model, and gives the function that scores a picture by its number."""
        return partial(self._tried, {entry.row: entry.open() for entry in self.entries})

    def _tried(self, opened: dict[str, Tell], number: int) -> PictureResult:
        people = self.pictures[number]
        try:
            return PictureResult(tuple(self._scored(opened, people)), count=len(people))
        except ModelError:
            raise
        except GazeError as error:
            return PictureResult(problem=str(error), count=len(people))

    def _scored(self, opened: dict[str, Tell], people: Sequence[Person]) -> Iterator[HeadResult]:
        pixels = picture.read(people[0].path)
        for person in people:
            if pixels.shape[:2] != tuple(person.size):
                raise PictureError(
                    f"{person.path}: {pixels.shape[1]} x {pixels.shape[0]} pixels, but {person.name} is of "
                    f"{person.size[1]} x {person.size[0]}; give the original picture."
                )
        heads = np.stack([person.head for person in people])
        told = {row: tell(pixels, heads) for row, tell in opened.items()}
        for at, person in enumerate(people):
            rows = {CHANCE: scoring.chance(person), CENTRE: self._of_cells(self.priors.centre, person)}
            around = self.priors.from_head(person)
            if around is not None:
                rows[PRIOR] = self._of_cells(around, person)
            rows |= {row: scoring.scores(each.maps[at], person, self.side) for row, each in told.items()}
            rows[PEOPLE] = scoring.annotators(person, self.side)
            sure = {row: float(each.in_frame[at]) for row, each in told.items() if each.in_frame is not None}
            yield HeadResult(person, rows, sure)

    def _of_cells(self, density: np.ndarray, person: Person) -> HeadScores:
        return scoring.scores(np.log(density), person, self.side)


def by_picture(people: Sequence[Person]) -> list[list[Person]]:
    """People by the pictures that they are in, in the order in which these come."""
    found: dict[object, list[Person]] = {}
    for person in people:
        found.setdefault(person.path, []).append(person)
    return list(found.values())


def score_pictures(run: Run, workers: int) -> Iterator[PictureResult]:
    """What came out of each picture, in order, from as many processes as `workers` (1: this one).

    Raises:
        ModelError: A model cannot be opened or run.
        GazeError: A process was ended from outside.
    """
    return share_out(run, len(run.pictures), workers)


def by_row(results: Sequence[HeadResult], entries: Sequence[Entry]) -> Values:
    """From rows by head to heads by row: chance, priors, the entries as they came, annotators."""
    values: dict[str, dict[str, np.ndarray]] = {}
    for row in (CHANCE, CENTRE, PRIOR, *(entry.row for entry in entries), PEOPLE):
        names = [n for n in scoring.SCORES if any(n in result.rows.get(row, ()) for result in results)]
        columns = {n: np.array([result.rows.get(row, {}).get(n, math.nan) for result in results]) for n in names}
        if columns or row in {entry.row for entry in entries}:
            values[row] = columns
    return {WHOLE: values}
