"""A small project of annotation on the disk, made without a video or a model: three coloured squares."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from annotation import boxes as files
from annotation import camera
from annotation.boxes import Boxes, Frames
from annotation.record import GazeRecord, ProjectRecord, VideoRecord
from annotation.sampling import FOLDER, frame_file
from data import picture

SIZE = 120, 200  # height, width
FPS = 5.0
SIDE = 30
COLOURS = {"red": (210, 40, 40), "green": (40, 170, 60), "blue": (50, 80, 220)}
LEFTS = {"red": 15, "green": 85, "blue": 155}
TOP = 45
TWINS = 2  # tracks of each colour, one after the other


def frame(number: int) -> UInt8[np.ndarray, "h w 3"]:
    """A grey frame with the squares, which sway."""
    pixels = np.full((*SIZE, 3), 120, np.uint8)
    for name, colour in COLOURS.items():
        top = TOP + number % 3
        pixels[top : top + SIDE, LEFTS[name] : LEFTS[name] + SIDE] = colour
    return pixels


def write(folder: Path, frames: int = 12, gaze: Path | None = None) -> Path:
    """The project; box 3 t is red in frame t, then green, then blue."""
    (folder / FOLDER).mkdir(parents=True)
    for number in range(frames):
        picture.save(frame_file(folder, number), frame(number))
    count, random = 3 * frames, np.random.default_rng(0)
    colour, at = np.arange(count) % 3, np.arange(count) // 3
    box = np.stack([np.array(list(LEFTS.values()))[colour], TOP + at % 3, *[np.full(count, SIDE)] * 2], 1)
    features = np.eye(3, 8)[colour] + random.normal(0, 0.02, (count, 8))
    times = np.arange(frames) / FPS
    second = at >= (frames + 1) // TWINS
    boxes = Boxes(
        at, times[at], box.astype(float), colour + 3 * second, np.ones(count, np.float32), np.ones(count, np.float32),
        np.zeros(count, np.int64), features.astype(np.float32), ("object",),
    )  # fmt: skip
    motion = np.repeat(camera.STILL[None], frames, 0)
    files.write(folder, Frames(times, motion, np.zeros(frames, bool), SIZE), boxes)
    record = None if gaze is None else GazeRecord(path=str(gaze))
    video = VideoRecord(path="/somewhere/walk.mp4", bytes=1, mtime_ns=0, sum="0")
    ProjectRecord(video=video, gaze=record, fps=FPS).write(folder)
    return folder


def gaze(path: Path, seconds: float = 2.4, begin: float = 0.0, order: str = "red green blue") -> Path:
    """A table of gaze at 100 samples a second: each square for as long as another."""
    names = order.split()
    rows = ["time_ms,x,y"]
    count = int(seconds * 100)
    random = np.random.default_rng(1)
    for number in range(count):
        name = names[number * len(names) // count]
        x, y = np.array([LEFTS[name] + SIDE / 2, TOP + SIDE / 2]) + random.normal(0, 0.3, 2)
        rows.append(f"{1000 * begin + 10 * number:g},{x:.2f},{y:.2f}")
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def colour_of(box: int) -> str:
    """What a box is in truth."""
    return list(COLOURS)[box % 3]
