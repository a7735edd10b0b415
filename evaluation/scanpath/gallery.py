"""The paths of people and of models on the pictures where a model is worst and best."""

from collections.abc import Mapping, Sequence

from data.draw.scanpath import scanpath as draw_scanpath
from data.picture import read
from evaluation.results import DrawPanels, Panel
from evaluation.saliency.gallery import shrunk
from evaluation.scanpath.response import Response
from evaluation.scanpath.trials import Trial

BADGES = 1.8  # size of the numbers: a picture is shown at half its size


def draw_panels(trials: Sequence[Trial], responses: Mapping[str, Sequence[Response]]) -> DrawPanels:
    """The function that draws a row's first guess at the first path of a picture, beside that path."""
    first = {trial.scene.picture.name: number for number, trial in reversed(list(enumerate(trials)))}

    def panels(row: str, picture: str) -> list[Panel]:
        trial, response = trials[first[picture]], responses[row][first[picture]]
        file = trial.scene.picture.path
        if file is None or not response.guesses:
            return []
        ground = shrunk(read(file))
        scale = ground.shape[1] / trial.scene.picture.width
        guess = trial.scene.objects.centres[response.guesses[0]]
        return [
            (f"{row}, one guess", draw_scanpath(ground, guess * scale, size=BADGES)),
            ("one person", draw_scanpath(ground, trial.path.xy * scale, size=BADGES)),
        ]

    return panels
