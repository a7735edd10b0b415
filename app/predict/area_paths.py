"""The observers of a picture as paths over its areas or objects: what the page Order, tables and files show."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from app.predict.observers import Observers, observe
from app.predict.picture_maps import AttentionMaps
from app.predict.simulate import COLUMNS, Settings, SimulatedPaths
from data.areas import Area, as_objects
from data.gaze import Picture, Scene
from data.spreadsheet import to_csv
from export.runtime.computed import computed
from scanpath.decode import Rollouts
from scanpath.object_statistics import Statistics


@dataclass(frozen=True)
class AreaPaths(SimulatedPaths):
    """Paths of observers who also look at what is no area: there `rollouts.order` is -1, as it is after the end.

    How likely a path is under the model is not known: its `log_p` is 0.

    Of overlapping areas a fixation belongs in `rollouts.order` to the smallest, and counts in `statistics` for all of
    them, so that no area gets less because another one is drawn inside it.
    """

    observers: Observers | None = None
    areas: tuple[Area, ...] = ()

    @property
    def onset(self) -> Float[np.ndarray, "s l"]:
        """When each fixation begins, milliseconds from the onset of the picture; NaN after the end."""
        return super().onset if self.observers is None else self.observers.onset

    @computed
    def statistics(self) -> Statistics:
        """When, how often and how long each area is seen; the number of a look counts looks at anything."""
        seen = self.observers
        return super().statistics if seen is None else _statistics(seen, seen.inside(self.areas))

    def paths_csv(self) -> str:
        """A line a fixation; on no area `object` stays empty, as does what is unknown."""
        times = np.dstack([self.rollouts.duration, self.onset]).round(1)
        values = np.dstack([self.rollouts.order, self.xy.round(2), times])
        return to_csv(
            COLUMNS,
            (
                (observer, index, int(row[0]) if row[0] >= 0 else "", *row[1:].tolist())
                for observer, path in enumerate(values)
                for index, row in enumerate(path[np.isfinite(path[:, 1])])
            ),
        )


def _statistics(seen: Observers, inside: Bool[np.ndarray, "s l n"]) -> Statistics:
    ever, index = inside.any(1), inside.argmax(1)
    number = np.where(ever, index + 1.0, np.nan)
    first = np.where(ever, np.take_along_axis(seen.onset, index, 1), np.nan)
    arrivals = (inside & ~np.pad(inside, ((0, 0), (1, 0), (0, 0)))[:, :-1]).sum(1)
    earliest = np.min(np.where(ever, number, np.inf), 1, keepdims=True, initial=np.inf)
    saw = np.maximum(ever.sum(0), 1)
    rank = np.nansum(number, 0) / saw
    known = ever.any(0)
    return Statistics(
        observers=len(seen),
        seen=ever.mean(0),
        first=(number == earliest).mean(0),
        rank=np.where(known, rank, np.nan),
        rank_sd=np.where(known, np.sqrt(np.nansum((number - rank) ** 2, 0) / saw), np.nan),
        time_to_first_ms=np.where(known, np.nansum(first, 0) / saw, np.nan),
        dwell_ms=(inside * np.nan_to_num(seen.duration)[..., None]).sum(1).mean(0),
        looks=inside.sum(1).mean(0),
        revisits=np.maximum(arrivals - 1, 0).mean(0),
    )


def observers_over(
    maps: AttentionMaps,
    areas: Sequence[Area],
    observers: Observers | None = None,
    *,
    name: str = "",
    settings: Settings | None = None,
    model: str = "",
    version: str = "",
    provider: str = "cpu",
) -> AreaPaths:
    """Observers of a picture (by default those that `observe` makes) as paths over areas.

    `name` is the picture's; `model`, `version` and `provider` are those of its maps. `settings` say how the observers
    were made: their limit is the end of the viewing.
    """
    settings = settings or Settings(observers=100)
    settings = settings.model_copy(update={"temperature": settings.temperature or 1.0})
    seen = observers or observe(maps, settings.observers, settings.seed, settings.temperature or 1.0)
    settings = settings.model_copy(update={"observers": len(seen), "limit": max(1, seen.onset.shape[1])})
    order = np.full(seen.onset.shape, -1, np.int64)
    inside = seen.inside(areas)
    for number in sorted(range(len(areas)), key=lambda n: -areas[n].box[2] * areas[n].box[3]):
        order[inside[..., number]] = number  # the smallest last
    rollouts = Rollouts(order, seen.duration, np.zeros(len(seen)), np.zeros(len(seen), bool))
    scene = Scene(Picture(name, *maps.size), as_objects(areas))
    about: dict[str, str | None] = {"model": model, "version": version, "provider": provider, "density": model or None}
    return AreaPaths(scene, rollouts, seen.xy, settings, about, observers=seen, areas=tuple(areas))
