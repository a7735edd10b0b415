"""Made drives as clips with gaze: a road that was drawn, and drivers that were made up (`data.synthetic.drives`).

Nobody drove, and nobody looked: for tests, and for trying a network of drivers' attention before recordings are at
hand. A drive of a number is always the same; train, val and test have different ones.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
from jaxtyping import Float, UInt8

from data.synthetic.drives import RATE, SIZE, Drive, drive
from data.synthetic.road_view import degree
from data.table.splits import NAMES
from data.video.clips import GazeClip, inside

COUNTS = {"train": 60, "val": 10, "test": 20}  # drives
SECONDS = 8.0


class MadeDrive(GazeClip):
    """One made drive; the road is laid out when it is first looked at, and drawn frame by frame."""

    def __init__(
        self, name: str, seed: int, size: tuple[int, int] = SIZE, rate: float = RATE, seconds: float = SECONDS
    ) -> None:
        times = np.arange(round(seconds * rate)) / rate
        super().__init__(name, size, times, degree(size))
        self.seed, self.rate, self.seconds = seed, rate, seconds

    @cached_property
    def made(self) -> Drive:
        """The drive itself."""
        return drive(self.seed, self.size, self.rate, self.seconds)

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Some frames in order."""
        return self.made.frames(start, stop, stride)

    def points(self, index: int) -> Float[np.ndarray, "k 2"]:
        """Where the drivers look."""
        return inside(self.made.gaze[index], self.size)


def drives(
    counts: Mapping[str, int] | None = None, seed: int = 0, size: tuple[int, int] = SIZE, seconds: float = SECONDS
) -> dict[str, list[MadeDrive]]:
    """So many drives of each split, by default `COUNTS`; the first ten of a hundred are the ten of ten."""
    wanted = {**COUNTS, **(counts or {})}
    return {
        split: [
            MadeDrive(f"{split}-{number:04d}", 1_000_000 * (10 * seed + place + 1) + number, size, RATE, seconds)
            for number in range(wanted[split])
        ]
        for place, split in enumerate(NAMES)
    }
