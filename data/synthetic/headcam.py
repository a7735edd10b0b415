"""Videos of mobile eye tracking made from a seed: a head turns before a shelf, eyes look at its things, all is known.

The camera on the head follows the eyes late, sways as the person steps, and nods; so things leave the frame and come
back. Frames are blurred as the head turns, and the camera's light and tint drift. Now and then a hand reaches in and
covers some things. A box is that of what is seen of a thing, in frames in which at least `SHOWN` of it is. The eyes
stay on a thing for some fixations; the gaze lies about its middle, moves with the head, errs a little, and is lost now
and then (`data.synthetic.wearer`). Kinds of shelves: `data.synthetic.shelf`.

Nothing here is how people look, nor how rooms look: it tells whether a method carries labels to where they belong.
The classes that twins have follow from where they stand alone.

Shapes: `f` frames, `n` things, `s` samples of gaze.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from data.atomic import atomic_write
from data.errors import GazeError
from data.staging import new_folder
from data.synthetic import wearer
from data.synthetic.shelf import KINDS, REACH, Pixels, Reach, Thing, stocked, wall
from data.synthetic.wearer import Fixation, focal, moved, projection

SIZE = (360, 480)  # height, width in pixels
SMALLEST = 96  # pixels a side
LONGEST = 3600.0  # seconds
SHOWN = 0.1
SKIN = (206, 160, 128)
EXPOSURE = 0.02  # seconds
EXPOSED, TINTED = 0.12, 0.04  # how far light and tint drift


@dataclass(frozen=True)
class Seen:
    """What is in a frame."""

    time_s: float
    names: tuple[str, ...]  # the class of each thing that is seen; "" is of no interest
    boxes: Float[np.ndarray, "n 4"]  # x, y, width, height in pixels
    shown: Float[np.ndarray, " n"]  # the share of it that is seen


@dataclass(frozen=True)
class Headcam:
    """A made recording; frames are made as they are asked for."""

    size: tuple[int, int]  # height, width
    times: Float[np.ndarray, " f"]  # seconds
    things: tuple[Thing, ...]
    reaches: tuple[Reach, ...]
    fixations: tuple[Fixation, ...]
    clock: Float[np.ndarray, " s"]  # seconds of the samples of gaze
    head: Float[np.ndarray, "s 6"]  # yaw, pitch, roll in radians; x, y, z of the camera on the shelf's scale
    gaze: Float[np.ndarray, "s 2"]  # pixels of the frame; NaN: lost
    seed: int

    def frames(self) -> Iterator[tuple[Pixels, Seen]]:
        """Each frame and what is in it."""
        chance = np.random.default_rng((self.seed, 2))
        behind = wall(np.random.default_rng((self.seed, 3)), round(focal(self.size)))
        for time in self.times.tolist():
            yield self._frame(time, behind, chance)

    def _frame(self, time: float, behind: Pixels, chance: np.random.Generator) -> tuple[Pixels, Seen]:
        height, width = self.size
        camera = projection(self._pose(time), self.size)
        frame = cv2.warpPerspective(
            behind, camera @ _hung(behind, focal(self.size)), (width, height), borderMode=cv2.BORDER_REFLECT
        )
        owner = np.full((height, width), -1, np.int16)
        whole = []
        for number, thing in enumerate(self.things):
            whole.append(_put(frame, owner, number, thing, camera @ _stood(thing, time)))
        for reach in self.reaches:
            tip = moved(self.things[reach.thing].at(time), camera)
            _reach(frame, owner, tip, (time - reach.time_s) / REACH * 2, self.size)
        frame = _blurred(frame, projection(self._pose(time + EXPOSURE), self.size) @ np.linalg.inv(camera))
        light = 1 + EXPOSED * np.sin(0.9 * time + self.seed)  # as a camera that sets itself
        tint = 1 + TINTED * np.sin(np.array([0.31, 0.43, 0.37]) * time + np.array([0, 2, 4]) + self.seed)
        noisy = frame * (light * tint) + chance.normal(0, 3, (height, width, 1))
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), self._seen(time, owner, whole)

    def _seen(self, time: float, owner: np.ndarray, whole: Sequence[int]) -> Seen:
        names, boxes, shown = [], [], []
        for number, thing in enumerate(self.things):
            mask = (owner == number).astype(np.uint8)
            share = cv2.countNonZero(mask) / max(1, whole[number])
            if share >= SHOWN:
                names.append(thing.name)
                boxes.append(cv2.boundingRect(mask))
                shown.append(share)
        return Seen(time, tuple(names), np.array(boxes, float).reshape(-1, 4), np.array(shown))

    def _pose(self, time: float) -> Float[np.ndarray, "6"]:
        return np.array([np.interp(time, self.clock, part) for part in self.head.T])


def headcam(
    seed: int, kind: str = "motion", seconds: float = 60.0, fps: float = 5.0, size: tuple[int, int] = SIZE
) -> Headcam:
    """A recording of so many seconds with frames of `size` (height, width), `fps` a second.

    Raises:
        GazeError: There is no such kind, or a number is none that a recording can have.
    """
    if kind not in KINDS:
        raise GazeError(f"There is no kind {kind!r} of made recordings; choose from {', '.join(KINDS)}.")
    if not (0.5 <= seconds <= LONGEST and 0.1 <= fps <= 200 and min(size) >= SMALLEST):
        raise GazeError(
            f"No recording of {seconds:g} s, {fps:g} frames a second and {size[1]} x {size[0]} pixels can be made; "
            f"ask for 0.5 to {LONGEST:g} s, 0.1 to 200 frames, and sides of {SMALLEST} pixels or more."
        )
    size = size[0] + size[0] % 2, size[1] + size[1] % 2
    chance = np.random.default_rng((seed, KINDS.index(kind)))
    things, reaches = stocked(kind, chance, seconds)
    fixations = wearer.looked(chance, things, seconds)
    clock = np.arange(0, seconds, 1 / wearer.RATE)
    target = wearer.targets(fixations, things, clock)
    head = wearer.turned(chance, target)
    gaze = wearer.gaze(chance, target, head, fixations, clock, size)
    times = np.arange(0, seconds - 1e-9, 1 / fps)
    return Headcam(size, times, tuple(things), tuple(reaches), fixations, clock, head, gaze, seed)


def _hung(behind: Pixels, unit: float) -> Float[np.ndarray, "3 3"]:
    """From the pixels of what is behind the things to the shelf."""
    height, width = behind.shape[:2]
    return np.array([[1 / unit, 0, -width / 2 / unit], [0, 1 / unit, -height / 2 / unit], [0, 0, 1]])


def _stood(thing: Thing, time: float) -> Float[np.ndarray, "3 3"]:
    """From the pixels of a thing's picture to the shelf."""
    x, y = thing.at(time)
    size = thing.side / thing.picture.shape[0]
    cos, sin = size * np.cos(thing.turn), size * np.sin(thing.turn)
    half = thing.picture.shape[0] / 2
    return np.array([[cos, -sin, x - half * (cos - sin)], [sin, cos, y - half * (sin + cos)], [0, 0, 1]])


def _put(frame: Pixels, owner: np.ndarray, number: int, thing: Thing, to_frame: np.ndarray) -> int:
    """Draws a thing; how many pixels it has, also beyond the frame."""
    height, width = owner.shape
    side = thing.picture.shape[0]
    corners = np.array([moved(np.array(at), to_frame) for at in ((0, 0), (side, 0), (side, side), (0, side))])
    low = np.floor(corners.min(0)).astype(int) - 1
    high = np.ceil(corners.max(0)).astype(int) + 1
    if (high <= 0).any() or (low >= (width, height)).any():
        return 1 << 30
    own = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ to_frame
    drawn = cv2.warpPerspective(thing.picture, own, tuple((high - low).tolist()), flags=cv2.INTER_LINEAR)
    count = int((drawn[..., 3] > 127).sum())
    x0, y0 = np.maximum(low, 0)
    x1, y1 = np.minimum(high, (width, height))
    part = drawn[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0]]
    cover = part[..., 3:] / 255
    frame[y0:y1, x0:x1] = (1 - cover) * frame[y0:y1, x0:x1] + cover * part[..., :3]
    owner[y0:y1, x0:x1][part[..., 3] > 127] = number
    return count


def _blurred(frame: Pixels, motion: Float[np.ndarray, "3 3"]) -> Pixels:
    """A frame whose middle moves so while it is exposed."""
    middle = np.array([frame.shape[1], frame.shape[0]]) / 2
    by = moved(middle, motion) - middle
    length = int(np.ceil(np.abs(by).max()))
    if length < 2:
        return frame
    kernel = np.zeros((2 * (length // 2) + 3,) * 2, np.float32)
    centre = len(kernel) // 2
    ends = [(centre + sign * by / 2).round().astype(int).tolist() for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return cv2.filter2D(frame, -1, kernel / kernel.sum())


def _reach(frame: Pixels, owner: np.ndarray, tip: np.ndarray, way: float, size: tuple[int, int]) -> None:
    """Draws an arm from below the frame; `way` is -1 as it comes, 0 to 1 as it is there, 2 when it is gone."""
    if not -1 < way < 2:
        return
    out = max(0.0, -way, way - 1)
    base = np.array([size[1] * 0.6, size[0] * 1.25])
    tip = tip + np.array([0, 0.03 * size[0]]) + (base - tip) * out**1.5
    thick = round(0.13 * focal(size))
    mask = np.zeros(owner.shape, np.uint8)
    ends = [np.clip(end, -8000, 8000).round().astype(int).tolist() for end in (tip, base)]
    cv2.line(mask, ends[0], ends[1], 255, thick, cv2.LINE_AA)
    frame[mask > 127] = SKIN
    owner[mask > 127] = -2


def write(
    folder: Path | str, seed: int = 0, kind: str = "motion", seconds: float = 60.0, fps: float = 5.0,
    size: tuple[int, int] = SIZE,
) -> Headcam:  # fmt: skip
    """A recording as files of a new folder; it needs the extra `video`.

        video.mp4       the frames
        gaze.csv        time_ms, x, y: pixels of the frame; empty: lost
        truth.csv       time_ms, x, y, width, height, object, shown: the boxes of each frame and their class
        fixations.csv   onset_ms, duration_ms, object: what the eyes rested on

    Raises:
        GazeError: The folder holds something, no such recording can be made, or it cannot be written.
    """
    made = headcam(seed, kind, seconds, fps, size)
    root = new_folder(folder)
    from data.video.write import VideoWriter

    root.mkdir(parents=True, exist_ok=True)
    truth = []
    with VideoWriter(root / "video.mp4", fps) as video:
        for pixels, seen in made.frames():
            video.write(pixels, seen.time_s)
            for name, box, share in zip(seen.names, seen.boxes.tolist(), seen.shown.tolist(), strict=True):
                truth.append([round(seen.time_s * 1000, 2), *box, name, int(1000 * share) / 1000])
    _table(root / "truth.csv", ["time_ms", "x", "y", "width", "height", "object", "shown"], truth)
    places = [["" if np.isnan(part) else round(part, 2) for part in at] for at in made.gaze.tolist()]
    gaze = [[round(time * 1000, 1), *at] for time, at in zip(made.clock.tolist(), places, strict=True)]
    _table(root / "gaze.csv", ["time_ms", "x", "y"], gaze)
    looked = [
        [round(each.onset_s * 1000, 1), round(each.duration_s * 1000, 1), made.things[each.thing].name]
        for each in made.fixations
    ]
    _table(root / "fixations.csv", ["onset_ms", "duration_ms", "object"], looked)
    return made


def _table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([columns, *rows])
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())
