"""A model that searches places, scored as those of objects are: its fixations are put on the objects of a scene.

The model (`export.runtime.visual_search`) is given the picture and what is cut out of the target's box, and not the
box, which ends the search as it ends people's. A search is the same every time but for its start: as many searches as
observers are asked for start where people of the split "train" did, drawn by the seed. A fixation belongs to an object
as people's do; one on none is left out. It gives no probabilities, so that it has no bits and no `end`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import GazeError, TableError
from data.gaze import Scene
from data.objects import assign
from data.picture import read
from evaluation.scanpath.response import Order, Request, Response
from evaluation.scanpath.trials import TrialSet
from export.runtime.visual_search import DEGREES as DEGREES
from export.runtime.visual_search import Sight, VisualSearcher, cut
from scanpath.decode import Rollouts


@dataclass(frozen=True)
class Row:
    """A searcher, and what it needs of a set."""

    searcher: VisualSearcher
    starts: Float[np.ndarray, "k 2"]  # of people, as shares of width and height
    within: float  # pixels from an object at which a fixation belongs to it
    merged: bool

    @classmethod
    def of(cls, model: str | Path, data: TrialSet) -> "Row":
        """The searcher of this name or path, ready for a set.

        Raises:
            ModelError: There is no such model, or it searches no places.
            TableError: Pictures are missing, or nobody looks for anything.
        """
        searcher = VisualSearcher(model)
        name = searcher.contract.name
        for scene in data.scenes:
            if scene.picture.path is None:
                problem = f"images/{scene.picture.name}: the picture is missing, but the model {name} sees it"
                raise TableError(f"{problem}; add it, or leave {name} out.")
            if scene.box is None:
                problem = f"{data.facts['data']}: no box tells where the target is in {scene.picture.name}"
                raise TableError(f"{problem}, which the model {name} needs; leave {name} out.")
        first = [
            path.xy[0] / (scene.picture.width, scene.picture.height)
            for scene, paths in data.train
            for path in paths
            if len(path)
        ]
        within = data.facts["within_pixels"]
        return cls(
            searcher,
            np.clip(np.array(first), 0, 1),
            float(within) if isinstance(within, int | float) else np.inf,
            data.merged,
        )

    def respond(self, scene: Scene, orders: list[Order], request: Request) -> list[Response]:
        """The responses to the paths of people in a scene, which are the same for all of them but for their length."""
        sight = self._sight(scene)
        size = scene.picture.width, scene.picture.height
        chosen = np.random.default_rng(request.seed).integers(0, len(self.starts), request.observers)
        starts = [(x, y) for x, y in (self.starts[chosen] * size).tolist()]
        longest = max(map(len, orders))
        ending = [sight.search(scene.box, limit=max(1, request.limit - 1), start=start) for start in starts]
        guesses = self._rollouts(scene, [found.xy for found in ending], [bool(found.found) for found in ending])
        endless = [sight.search(None, limit=2 * longest, start=start).xy for start in starts]
        unterminated = self._rollouts(scene, endless, [False] * len(starts), longest)
        return [Response.of(guesses, unterminated, None, self.merged)] * len(orders)

    def _sight(self, scene: Scene) -> Sight:
        assert scene.picture.path is not None
        assert scene.box is not None
        pixels = read(scene.picture.path)
        try:
            return self.searcher.look(pixels, cut(pixels, scene.box), DEGREES)
        except GazeError as error:
            raise TableError(f"images/{scene.picture.name}: {error}") from error

    def _rollouts(
        self, scene: Scene, places: list[Float[np.ndarray, "_l 2"]], ended: list[bool], most: int | None = None
    ) -> Rollouts:
        """Fixations as paths over objects, of at most so many fixations."""
        orders = [assign(xy, scene.objects, self.within) for xy in places]
        orders = [order[order >= 0][:most] for order in orders]
        order = np.full((len(orders), max(1, *map(len, orders))), -1, np.int64)
        for row, of_row in zip(order, orders, strict=True):
            row[: len(of_row)] = of_row
        return Rollouts(order, np.full(order.shape, np.nan), np.zeros(len(orders)), np.array(ended))
