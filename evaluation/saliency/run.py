"""What `gaze evaluate saliency` scores: pictures, contenders and periods, and the rows of one picture after another.

A study travels to processes of one thread each, which share its pictures; every number is the same for any count.
"""

import contextlib
import math
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache, partial

import cv2
import numpy as np

from data.errors import GazeError
from data.picture import read
from evaluation.results import WHOLE, Values
from evaluation.saliency import scoring
from evaluation.saliency.entries import Entry, PredictFn
from evaluation.saliency.fixations import OtherImages, Viewing, Viewings
from evaluation.saliency.scoring import HALVES, LEFT_OUT, OF_A_SECOND, SCORES, GroundTruth, Rows

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PEOPLE = (HALVES, LEFT_OUT)  # the last rows

Part = tuple[list[Viewing], OtherImages, OtherImages]  # of a period: pictures, all of them, those of the centre bias
Scored = dict[str, Rows]  # period -> rows of one picture


@dataclass(frozen=True)
class Study:
    """What is scored: pictures, contenders, periods; it travels to every process."""

    viewings: Viewings
    contenders: list[Entry]
    periods: dict[str, int | None]
    sigma: float

    def open(self) -> Callable[[int], Scored]:
        """What scores a picture by its number."""
        eyes = {contender.row: contender.open() for contender in self.contenders}
        return partial(self._score, eyes, {period: self._part(second) for period, second in self.periods.items()})

    def _part(self, second: int | None) -> Part:
        """What begins in a second, on each picture and elsewhere."""
        now = [viewing.during(second) for viewing in self.viewings.chosen]
        others = OtherImages(now)
        held_out = self.viewings.held_out
        return now, others, OtherImages([v.during(second) for v in self.viewings.train]) if held_out else others

    def _score(self, eyes: dict[str, PredictFn], parts: dict[str, Part], number: int) -> Scored:
        viewing = self.viewings.chosen[number]
        pixels = cache(partial(read, viewing.path))
        predictions = {row: eye(viewing, pixels) for row, eye in eyes.items()}
        found: Scored = {}
        for period, (now, others, before) in parts.items():
            told = GroundTruth.of(now[number], others, before, self.sigma)
            names = SCORES if period == WHOLE else OF_A_SECOND
            found[period] = scoring.chance(told, names) | scoring.models(predictions, told, self.periods[period])
            found[period] |= scoring.people(now[number], told, self.sigma, number, names)
        return found


def scored(study: Study, workers: int) -> Iterator[Scored]:
    """Each picture's rows, in order."""
    numbers = range(len(study.viewings.chosen))
    if min(workers, len(numbers)) <= 1:
        with _one_thread():
            yield from map(study.open(), numbers)
        return
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(numbers)), spawned, _begin, (study,)) as pool:
        try:
            with _environment(dict.fromkeys(THREADS, "1")):
                found = pool.map(_next, numbers)  # starts the processes
            yield from found
        except BrokenProcessPool as error:
            raise GazeError(
                "A process was ended from outside, perhaps for its memory; take fewer --workers."
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """What processes that begin now find in their environment: NumPy reads it when it is imported, and never again."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]
        os.environ.update(before)


_score: Callable[[int], Scored]  # of this process


def _begin(study: Study) -> None:
    """A process of the pool opens everything once."""
    global _score
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that shares out
    cv2.setNumThreads(1)
    _score = study.open()


def _next(number: int) -> Scored:
    return _score(number)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV's sums by several threads differ in their last digits from those by one; networks see to their own."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def gathered(scored: Sequence[Scored]) -> Values:
    """From rows by picture to pictures by row: chance, contenders as they came, people."""
    values: Values = {}
    for number, periods in enumerate(scored):
        for period, rows in periods.items():
            for row, scores in rows.items():
                for name, value in scores.items():
                    column = values.setdefault(period, {}).setdefault(row, {})
                    column.setdefault(name, np.full(len(scored), math.nan))[number] = value
    return {p: {r: rows[r] for r in sorted(rows, key=PEOPLE.__contains__)} for p, rows in values.items()}
