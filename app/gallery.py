"""What the report shows of a picture: heat of a model and of people, second by second too; or their paths.

Pictures are shrunk to `SIDE` pixels, so that a page with many of them stays small.
"""

from collections.abc import Mapping, Sequence
from functools import cache, partial

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from app.answer import Answer
from app.results import Look, Panel
from app.study import Study
from app.trials import Trial
from app.viewings import Viewing
from data import draw, maps, trace
from data.picture import read

SIDE = 480  # pixels
BADGES = 1.8  # of paths: a picture is shown at half its size
SECONDS = ", second by second"  # the end of a strip's title


def look(study: Study) -> Look:
    """What shows a row's prediction of a picture, each model opened when it is first asked for."""
    eyes = {contender.row: cache(contender.open) for contender in study.contenders}
    numbers = {viewing.name: number for number, viewing in enumerate(study.viewings.chosen)}

    def panels(row: str, picture: str) -> list[Panel]:
        viewing = study.viewings.chosen[numbers[picture]]
        pixels = cache(partial(read, viewing.path))
        prediction = eyes[row]()(viewing, pixels)
        if not viewing.path.is_file():
            return []
        ground = pixels()
        found = [
            (row, shrunk(draw.heat(ground, prediction.density))),
            ("people", shrunk(draw.heat(ground, _people(viewing, study.sigma)))),
        ]
        seconds = [s for s in study.periods.values() if s is not None]
        seconds = [s for s in seconds if prediction.times[s : s + 1] == ((s, s + 1),)]
        if seconds:
            times = [(float(s), float(s + 1)) for s in seconds]
            theirs = np.stack([_people(viewing.during(s), study.sigma) for s in seconds])
            found.append((row + SECONDS, shrunk(draw.strip(ground, prediction.slices[seconds], times), 2)))
            found.append(("people" + SECONDS, shrunk(draw.strip(ground, theirs, times), 2)))
        return found

    return panels


def paths(trials: Sequence[Trial], answers: Mapping[str, Sequence[Answer]]) -> Look:
    """What shows a row's first guess at the first path of a picture, beside that path."""
    first = {trial.scene.picture.name: number for number, trial in reversed(list(enumerate(trials)))}

    def panels(row: str, picture: str) -> list[Panel]:
        trial, answer = trials[first[picture]], answers[row][first[picture]]
        file = trial.scene.picture.path
        if file is None or not answer.guesses:
            return []
        ground = shrunk(read(file))
        scale = ground.shape[1] / trial.scene.picture.width
        guess = trial.scene.objects.centres[answer.guesses[0]]
        return [
            (f"{row}, one guess", trace.path(ground, guess * scale, size=BADGES)),
            ("one person", trace.path(ground, trial.path.xy * scale, size=BADGES)),
        ]

    return panels


def shrunk(picture: UInt8[np.ndarray, "h w 3"], times: int = 1) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The picture with its longer side at most so many times `SIDE`."""
    scale = min(1.0, times * SIDE / max(picture.shape[:2]))
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _people(viewing: Viewing, sigma: float) -> Float[np.ndarray, "h w"]:
    """The log density of everybody's fixations; flat where there is none."""
    return np.asarray(np.log(maps.rendered(viewing.xy, viewing.size, sigma) + 1e-12), np.float32)
