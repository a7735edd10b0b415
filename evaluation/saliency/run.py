"""What `gaze evaluate saliency` scores: pictures, entries and periods, and the rows of one picture after another.

A run travels to processes of one thread each, which share its pictures; every number is the same for any count.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from data.picture import read
from evaluation.processes import share_out
from evaluation.results import WHOLE, Values
from evaluation.saliency import scoring
from evaluation.saliency.entries import Entry, PredictFn
from evaluation.saliency.fixations import OtherImages, ViewedImage, ViewedImages
from evaluation.saliency.scoring import HALVES, LEFT_OUT, OF_A_SECOND, SCORES, GroundTruth, Rows

PEOPLE = (HALVES, LEFT_OUT)  # the last rows

# of a period: the pictures; the fixations on all others of them; those of which the centre bias is made
Part = tuple[list[ViewedImage], OtherImages, OtherImages]
PictureRows = dict[str, Rows]  # period -> rows of one picture


@dataclass(frozen=True)
class Run:
    """What is scored: pictures, entries, periods; it travels to every process."""

    images: ViewedImages
    entries: list[Entry]
    periods: dict[str, int | None]
    sigma: float  # of the true densities, in pixels

    def open(self) -> Callable[[int], PictureRows]:
        """Opens every model, and gives the function that scores a picture by its number."""
        predict_fns = {entry.row: entry.open() for entry in self.entries}
        return partial(
            self._score, predict_fns, {period: self._part(second) for period, second in self.periods.items()}
        )

    def _part(self, second: int | None) -> Part:
        """The fixations of a period, a second or (None) the whole viewing: on each picture, and on the others."""
        images = [image.during(second) for image in self.images.chosen]
        others = OtherImages(images)
        if not self.images.held_out:
            return images, others, others
        return images, others, OtherImages([image.during(second) for image in self.images.train])

    def _score(self, predict_fns: dict[str, PredictFn], parts: dict[str, Part], number: int) -> PictureRows:
        image = self.images.chosen[number]
        pixels = cache(partial(read, image.path))
        predictions = {row: predict(image, pixels) for row, predict in predict_fns.items()}
        rows: PictureRows = {}
        for period, (images, others, centre_bias) in parts.items():
            truth = GroundTruth.of(images[number], others, centre_bias, self.sigma)
            names = SCORES if period == WHOLE else OF_A_SECOND
            rows[period] = scoring.chance_rows(truth, names)
            rows[period] |= scoring.model_rows(predictions, truth, self.periods[period])
            rows[period] |= scoring.human_rows(images[number], truth, self.sigma, number, names)
        return rows


def score_pictures(run: Run, workers: int) -> Iterator[PictureRows]:
    """The rows of each picture, in order, from as many processes as `workers` (1: this one).

    Raises:
        GazeError: A process was ended from outside.
    """
    return share_out(run, len(run.images.chosen), workers)


def by_row(pictures: Sequence[PictureRows]) -> Values:
    """From rows by picture to pictures by row: chance, the entries as they came, people."""
    values: Values = {}
    for number, periods in enumerate(pictures):
        for period, rows in periods.items():
            for row, scores in rows.items():
                for name, value in scores.items():
                    column = values.setdefault(period, {}).setdefault(row, {})
                    column.setdefault(name, np.full(len(pictures), math.nan))[number] = value
    return {
        period: {row: rows[row] for row in sorted(rows, key=PEOPLE.__contains__)} for period, rows in values.items()
    }
