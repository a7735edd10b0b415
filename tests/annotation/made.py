"""Made boxes and videos of annotation whose truth is known; imported by the tests of this folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from annotation import camera, tracks
from annotation.boxes import Boxes, Frames
from data.gaze import Objects
from tests import videos

SIZE = (240, 320)
LOOKS = 12  # numbers that tell looks apart

# name, look, x, y, side: twins lie left and right of a book; the mug looks much like them
DESK = (
    ("tablet-left", 0, 70, 120, 50),
    ("book", 1, 160, 125, 40),
    ("tablet-right", 0, 250, 120, 50),
    ("pen", 2, 160, 200, 24),
)


def desk(
    count: int = 40, seed: int = 0, noise: float = 0.3, pan: float = 0.0, things: Sequence[tuple] = DESK
) -> tuple[Frames, Boxes, np.ndarray]:
    """A desk seen for so many frames, 5 a second, while the head pans by pixels a frame; the class of each box."""
    rng = np.random.default_rng(seed)
    looks = rng.normal(size=(8, LOOKS))
    frame, box, features, truth = [], [], [], []
    for number in range(count):
        for name, look, x, y, side in things:
            left = x - side / 2 + pan * number + rng.normal(0, 1)
            if not -side / 2 < left < SIZE[1] - side / 2:
                continue
            frame.append(number)
            box.append([left, y - side / 2 + rng.normal(0, 1), side, side])
            features.append(looks[look] + rng.normal(size=LOOKS) * noise)
            truth.append(name)
    motion = np.tile(camera.STILL, (count, 1, 1))
    motion[1:, 0, 2] = pan
    frames = Frames(np.arange(count) / 5, motion, np.zeros(count, bool), SIZE)
    return frames, tracks.tracked(frames, boxes_of(frame, box, features)), np.array(truth, object)


def boxes_of(frame: Sequence[int], box: Sequence, features: Sequence, track: Sequence[int] | None = None) -> Boxes:
    """Boxes of these frames, 5 a second."""
    number, total = np.array(frame, np.int64), len(frame)
    return Boxes(
        number,
        number / 5,
        np.array(box, float).reshape(-1, 4),
        np.arange(total) if track is None else np.array(track, np.int64),
        np.full(total, 0.8, np.float32),
        np.ones(total, np.float32),
        np.zeros(total, np.int64),
        np.array(features, np.float32).reshape(total, -1 if total else LOOKS),
        ("object",),
    )


class Squares:
    """Stands for a finder: coloured squares are what there is, and their colours their features."""

    def __init__(self, *args: object, **options: object) -> None:
        self.looked = 0

    def __call__(self, time_s: float, pixels: np.ndarray) -> tuple[Objects, np.ndarray]:
        """The red and the blue square of a frame."""
        self.looked += 1
        boxes, features = [], []
        for channel in (0, 2):
            rows, columns = np.nonzero((pixels[..., channel] > 160) & (pixels[..., 1] < 90))
            if len(rows):
                low = columns.min(), rows.min()
                boxes.append([*low, columns.max() + 1 - low[0], rows.max() + 1 - low[1]])
                features.append([channel == 0, channel == 2, 0.5])
        return Objects(np.array(boxes, float).reshape(-1, 4)), np.array(features, np.float32).reshape(-1, 3)


def film(path: Path, count: int = 60, rate: float = 10) -> Path:
    """A video of a red square that goes right and a blue one that goes left, over a speckled wall."""
    wall = np.random.default_rng(0).integers(90, 140, (120, 160, 1)).repeat(3, 2).astype(np.uint8)
    shown = []
    for number in range(count):
        pixels = wall.copy()
        right = 10 + number % 50
        pixels[20:50, right : right + 30] = (220, 20, 20)
        pixels[70:100, 150 - right - 30 : 150 - right] = (20, 20, 220)
        shown.append(pixels)
    return videos.write(path, shown, rate=rate)


def gaze(path: Path, seconds: float = 6.0, late: float = 0.0) -> Path:
    """Gaze on the red square for the first half of so many seconds, then on the blue one, 50 samples a second."""
    lines = ["time_ms,x,y"]
    for time in np.arange(0, seconds, 0.02):
        right = 10 + int(time * 10) % 50
        x, y = (right + 15, 35) if time < seconds / 2 else (150 - right - 15, 85)
        lines.append(f"{1000 * (time + late):.0f},{x},{y}")
    path.write_text("\n".join(lines) + "\n")
    return path
