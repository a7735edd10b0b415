"""What the report shows of a picture: heat of a model and of people, second by second too; or their paths.

Pictures are shrunk to `SIDE` pixels, so that a page with many of them stays small.
"""

from functools import cache, partial

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data import maps
from data.draw.heatmap import heatmap
from data.draw.timeline import timeline
from data.picture import read
from evaluation.results import Look, Panel
from evaluation.saliency.fixations import Viewing
from evaluation.saliency.run import Study

SIDE = 480  # pixels
SECONDS = ", second by second"  # the end of a timeline's title


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
            (row, shrunk(heatmap(ground, prediction.density))),
            ("people", shrunk(heatmap(ground, _people(viewing, study.sigma)))),
        ]
        seconds = [s for s in study.periods.values() if s is not None]
        seconds = [s for s in seconds if prediction.times[s : s + 1] == ((s, s + 1),)]
        if seconds:
            times = [(float(s), float(s + 1)) for s in seconds]
            theirs = np.stack([_people(viewing.during(s), study.sigma) for s in seconds])
            found.append((row + SECONDS, shrunk(timeline(ground, prediction.slices[seconds], times), 2)))
            found.append(("people" + SECONDS, shrunk(timeline(ground, theirs, times), 2)))
        return found

    return panels


def shrunk(picture: UInt8[np.ndarray, "h w 3"], times: int = 1) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The picture with its longer side at most so many times `SIDE`."""
    scale = min(1.0, times * SIDE / max(picture.shape[:2]))
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _people(viewing: Viewing, sigma: float) -> Float[np.ndarray, "h w"]:
    """The log density of everybody's fixations; flat where there is none."""
    return np.asarray(np.log(maps.rendered(viewing.xy, viewing.size, sigma) + 1e-12), np.float32)
