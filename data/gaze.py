"""The nouns: a screen, a recording, a picture, a scanpath, the objects in a picture, a path over them; their units.

Pixels are counted from the top-left corner of the pixel grid, x to the right and y down: the centre of the
first pixel is (0.5, 0.5), and a point lies on a picture when 0 <= x < width and 0 <= y < height. Times are
milliseconds from the onset of the picture, angles are degrees of visual angle. Readers convert to these
units; nothing else does. An unknown number is NaN.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int64

from data.errors import GazeError


@dataclass(frozen=True)
class Screen:
    """Where the pictures were shown, and from how far.

    >>> round(Screen(1680, 1050, 47.4, 29.6, 57.0).pixels_per_degree, 1)
    35.3
    """

    width: int  # pixels
    height: int  # pixels
    width_cm: float
    height_cm: float
    distance_cm: float

    def __post_init__(self) -> None:
        for name in ("width", "height", "width_cm", "height_cm", "distance_cm"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise GazeError(f"Screen: {name} is {value}, but must be a positive number.")

    @property
    def pixels_per_degree(self) -> float:
        """Horizontal pixels in the central degree of visual angle."""
        return 2 * self.distance_cm * math.tan(math.radians(0.5)) * self.width / self.width_cm


@dataclass(frozen=True)
class Samples:
    """What an eye tracker recorded while one person looked at one thing: where the gaze was on the screen, when."""

    subject: str
    stimulus: str  # the file name of the picture; "" where the recording does not say
    time: Float[np.ndarray, " n"]  # milliseconds from the picture's onset where that is recorded, else from any moment
    xy: Float[np.ndarray, "n 2"]  # pixels of the screen; NaN where the eye was lost
    screen: Screen
    recording: str = ""  # the file that it is of

    def __post_init__(self) -> None:
        count = len(self.time)
        if self.time.shape != (count,) or self.xy.shape != (count, 2):
            raise GazeError(
                f"Samples: time has shape {self.time.shape} and xy {self.xy.shape}, but must be (n,) and (n, 2)."
            )
        if not np.isfinite(self.time).all() or (np.diff(self.time) <= 0).any():
            raise GazeError(f"Samples: the times of {self.subject!r} do not rise; sort them, with one sample a time.")

    def __len__(self) -> int:
        return len(self.time)

    @property
    def rate(self) -> float:
        """Samples per second, from the median step; NaN with fewer than two samples."""
        return 1000 / float(np.median(np.diff(self.time))) if len(self) > 1 else math.nan

    @property
    def degrees(self) -> Float[np.ndarray, "n 2"]:
        """Degrees of visual angle right of and below the middle of the screen, each by its own arc tangent."""
        screen = self.screen
        cm = np.array([screen.width_cm / screen.width, screen.height_cm / screen.height])
        offset = (self.xy - np.array([screen.width, screen.height]) / 2) * cm
        return np.asarray(np.degrees(np.arctan2(offset, screen.distance_cm)))


@dataclass(frozen=True)
class Fixations:
    """The fixations of one person looking at one thing, as the recorder's own program found them."""

    subject: str
    stimulus: str  # as in `Samples`
    onset: Float[np.ndarray, " n"]  # milliseconds from the picture's onset where that is recorded, else from any moment
    duration: Float[np.ndarray, " n"]  # milliseconds
    xy: Float[np.ndarray, "n 2"]  # pixels of the screen
    screen: Screen
    recording: str = ""  # the file that they are of

    def __post_init__(self) -> None:
        count = len(self.onset)
        if self.onset.shape != (count,) or self.duration.shape != (count,) or self.xy.shape != (count, 2):
            shapes = f"{self.onset.shape}, {self.duration.shape} and {self.xy.shape}"
            raise GazeError(f"Fixations: onset, duration and xy have shapes {shapes}, but must be (n,), (n,), (n, 2).")

    def __len__(self) -> int:
        return len(self.onset)


@dataclass(frozen=True)
class Picture:
    """A picture by name and size; `data.picture.read(picture.path)` gives its pixels."""

    name: str
    width: int  # pixels
    height: int  # pixels
    path: Path | None = None  # None: only its size is known


@dataclass(frozen=True)
class Scanpath:
    """One person's fixations on one picture, in order.

    A search for a target names it (`target`), gives its box where it is known and says whether it was found.
    """

    subject: str
    xy: Float[np.ndarray, "l 2"]  # pixels
    onset: Float[np.ndarray, " l"]  # milliseconds from the picture's onset
    duration: Float[np.ndarray, " l"]  # milliseconds
    task: str = "free"
    target: str = ""
    box: tuple[float, float, float, float] | None = None  # the target: x, y, width, height in pixels
    found: bool | None = None
    memory_set: tuple[str, ...] = ()  # everything held in mind, the target among it; () where that is not recorded

    def __post_init__(self) -> None:
        count = len(self.xy)
        if self.xy.shape != (count, 2):
            raise GazeError(f"Scanpath: xy has shape {self.xy.shape}, but must be (l, 2).")
        for name in ("onset", "duration"):
            if getattr(self, name).shape != (count,):
                shape = getattr(self, name).shape
                raise GazeError(f"Scanpath: {name} has shape {shape}, but xy holds {count} fixations.")

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True)
class Objects:
    """The objects of one picture: boxes x, y, width, height in pixels, and what is known of each."""

    boxes: Float[np.ndarray, "n 4"]
    categories: tuple[str, ...] = ()
    attributes: tuple[dict[str, object], ...] = field(default=())
    confidences: Float[np.ndarray, " n"] | None = None  # 0 to 1, from a detector; None: certain
    masks: Bool[np.ndarray, "n h w"] | None = None  # which pixels of the picture are the object's; None: its whole box

    def __post_init__(self) -> None:
        if self.boxes.ndim != 2 or self.boxes.shape[1] != 4:
            raise GazeError(f"Objects: boxes has shape {self.boxes.shape}, but must be (n, 4).")
        for name in ("categories", "attributes", "confidences", "masks"):
            values = getattr(self, name)
            absent = values is None or (isinstance(values, tuple) and not values)
            if not absent and len(values) != len(self):
                raise GazeError(f"Objects: {len(values)} {name} for {len(self)} boxes.")

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def centres(self) -> Float[np.ndarray, "n 2"]:
        """The middle of each box, pixels."""
        return self.boxes[:, :2] + self.boxes[:, 2:] / 2


@dataclass(frozen=True)
class Scene:
    """A picture as an object-level model sees it: its objects, and what is looked for among them."""

    picture: Picture
    objects: Objects
    targets: tuple[int, ...] = ()  # the objects looked for; () in free viewing, and where none is there
    memory_set: tuple[str, ...] = ()  # the categories of everything held in mind; "" is an unknown category
    task: str = "free"
    box: tuple[float, float, float, float] | None = None  # where the target lies, whether or not it is an object

    def __post_init__(self) -> None:
        if any(not 0 <= target < len(self.objects) for target in self.targets):
            raise GazeError(
                f"{self.picture.name}: the target {max(self.targets)} is not among its {len(self.objects)} objects."
            )


@dataclass(frozen=True)
class ObjectPath:
    """In which order one person fixated the objects of a scene."""

    subject: str
    order: Int64[np.ndarray, " l"]  # the object's number in the scene
    duration: Float[np.ndarray, " l"]  # milliseconds
    xy: Float[np.ndarray, "l 2"]  # pixels: where on the object
    unassigned: int = 0  # fixations on no object, which were left out
    ended: bool = True  # whether the viewer ended it, and not a limit on the number of fixations

    def __post_init__(self) -> None:
        if not len(self.order) == len(self.duration) == len(self.xy):
            counts = f"{len(self.order)} objects, {len(self.duration)} durations and {len(self.xy)} places"
            raise GazeError(f"ObjectPath: {counts}, but each fixation has one of each.")

    def __len__(self) -> int:
        return len(self.order)


def condition_names(names: Sequence[str]) -> tuple[str, ...]:
    """The viewing conditions by index: any, the sets by name, uniform."""
    return ("any", *names, "uniform")
