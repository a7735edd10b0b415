"""Which areas the pictures of a batch have: those drawn on one picture, or those that a COCO file names for each."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from app.web.batch.result import Result
from data.areas import Area, AreaFile
from data.errors import GazeError

MOST_COLUMNS = 20  # of areas in a table


@dataclass
class BatchAreas:
    """What gives each picture its areas; shares are measured once for each picture."""

    of: Callable[[Result], tuple[Area, ...]]
    kept: dict[str, dict[str, float]] = field(default_factory=dict)  # shares by picture and area

    def shares(self, results: Iterable[Result]) -> list[dict[str, float]]:
        """The share of looks of each area of each picture, from 0 to 1; {} where it has none."""
        for result in results:
            if result.name not in self.kept:
                self.kept[result.name] = result.shares(self.of(result))
        return [self.kept[result.name] for result in results]


def none() -> BatchAreas:
    """No areas."""
    return BatchAreas(lambda result: ())


def drawn(areas: tuple[Area, ...], size: tuple[int, int]) -> BatchAreas:
    """The areas drawn on one picture, for all pictures of the same size in pixels."""
    return BatchAreas(lambda result: areas if result.size == size else ())


def listed(file: AreaFile) -> BatchAreas:
    """The areas that a file has for each picture by its name; a file of one picture is for all pictures of its size."""

    def of(result: Result) -> tuple[Area, ...]:
        try:
            return file.areas(PurePosixPath(result.name).name, *result.size)
        except GazeError:
            return ()

    return BatchAreas(of)


def names(shares: Iterable[dict[str, float]]) -> list[str]:
    """The names of the areas that most pictures have, in the order in which they first came."""
    counts = Counter(name for each in shares for name in each)
    most = {name for name, _ in counts.most_common(MOST_COLUMNS)}
    return [name for name in counts if name in most]
