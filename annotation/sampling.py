"""The frames of a video a few times a second: their boxes are found, and all is kept as it comes.

A run that was stopped goes on at the last frame that is kept, which it decodes once more to see how the head moved.
"""

import logging
import shutil
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from annotation import boxes as files
from annotation import camera, tracks
from annotation.boxes import BLOCK, Boxes, Found, Frames
from annotation.finders import Finder
from data import picture
from data.errors import GazeError, PictureError, VideoError
from data.picture import Letterbox
from data.video.read import Frame, VideoFile

logger = logging.getLogger(__name__)

FOLDER = "frames"
SIDE = 960  # pixels: the longest side of a frame as it is kept
MOST = 20_000  # sampled frames: an hour at 5 a second
MANY = 1_000_000  # boxes
Progress = Callable[[str, int, int | None], object]


def sample(
    folder: Path,
    video: Path,
    fps: float,
    finder: Callable[[], Finder],
    progress: Progress,
    tell: Callable[[str], None] = warnings.warn,
) -> tuple[Frames, Boxes]:
    """Find the boxes of a video's frames, `fps` a second at most, and their tracks; all is kept in the folder.

    Raises:
        VideoError: No frame can be decoded.
        GazeError: There are too many frames, or the disk is full.
    """
    if (folder / files.FILE).is_file():
        return files.read(folder)
    blocks = _sound_blocks(folder)
    done = sum(len(block["times"]) for block in blocks)
    start = float(blocks[-1]["times"][-1]) if blocks else 0.0
    with VideoFile(video) as clip:
        total = _expected(clip, video, fps)
        pending: list[Found] = []
        number = len(blocks)
        for found in _each(folder, clip, start, fps, done, finder):
            pending.append(found)
            done += 1
            progress("frames", done, max(total, done) if total else None)
            if done > MOST:
                raise GazeError(f"{video}: more than {MOST:,} frames would be looked at; give a smaller --fps.")
            if len(pending) == BLOCK:
                files.write_block(folder, number, pending)
                number, pending = number + 1, []
        if clip.damage:
            tell(f"{video}: {clip.damage}.")
    if pending:
        files.write_block(folder, number, pending)
    frames, boxes = files.joined(files.read_blocks(folder))
    if len(boxes) > MANY:
        raise GazeError(f"{video}: {len(boxes):,} boxes are more than {MANY:,}; give a smaller --fps.")
    boxes = tracks.tracked(frames, boxes)
    files.write(folder, frames, boxes)
    shutil.rmtree(folder / files.BLOCKS, ignore_errors=True)
    return frames, boxes


def _expected(clip: VideoFile, video: Path, fps: float) -> int:
    """How many frames there will be, as far as the file tells; 0 where it does not."""
    total = int(np.ceil((clip.seconds or 0) * min(fps, clip.rate)))
    if total > MOST:
        raise GazeError(f"{video}: {total:,} frames are more than {MOST:,}; give a smaller --fps.")
    return total


def _sound_blocks(folder: Path) -> list[dict[str, np.ndarray]]:
    """The blocks whose frames are all kept; those behind are removed, to be made again."""
    blocks = files.read_blocks(folder)
    if blocks and len(blocks[-1]["times"]) < BLOCK:  # the video may go on behind it
        blocks = blocks[:-1]
    done = 0
    for number, block in enumerate(blocks):
        if not all(frame_file(folder, done + at).is_file() for at in range(len(block["times"]))):
            return blocks[:number]
        done += len(block["times"])
    return blocks


def _each(
    folder: Path, clip: VideoFile, start: float, fps: float, done: int, finder: Callable[[], Finder]
) -> Iterator[Found]:
    """What is found in each frame behind the one at `start`."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    before: camera.View | None = None
    find: Finder | None = None
    for frame, view in _ahead(_frames(clip, start, fps)):
        size = frame.pixels.shape[0], frame.pixels.shape[1]
        if done and before is None:  # the last frame that is kept already
            before = view
            continue
        find = find or finder()
        objects, features = find(frame.time_s, frame.pixels)
        motion, cut = (camera.STILL, False) if before is None else camera.motion(before, view)
        _keep(frame_file(folder, done), frame.pixels)
        sure = np.ones(len(objects)) if objects.confidences is None else objects.confidences
        kinds = objects.categories or ("object",) * len(objects)
        yield Found(frame.time_s, objects.boxes, sure, kinds, features, motion, cut, size)
        before, done = view, done + 1


def _frames(clip: VideoFile, start: float, fps: float) -> Iterator[Frame]:
    """Frames from `start` on; a video that ends there has none."""
    try:
        yield from clip.frames(start, step=1 / fps)
    except VideoError:
        if not start:
            raise
        logger.debug("%s: nothing behind %g s", clip.path, start, exc_info=True)


def _ahead(frames: Iterator[Frame]) -> Iterator[tuple[Frame, camera.View]]:
    """The frames with their corners, each decoded while the one before is looked at."""

    def following() -> tuple[Frame, camera.View] | None:
        frame = next(frames, None)
        return None if frame is None else (frame, camera.View.of(frame.pixels))

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(following)
        while (found := coming.result()) is not None:
            coming = pool.submit(following)
            yield found


def frame_file(folder: Path, frame: int) -> Path:
    """Where a sampled frame is kept."""
    return folder / FOLDER / f"{frame:05}.jpg"


def kept_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a frame as it is kept."""
    scale = min(1.0, SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _keep(path: Path, pixels: UInt8[np.ndarray, "h w 3"]) -> None:
    height, width = kept_size((pixels.shape[0], pixels.shape[1]))
    small = pixels
    if (height, width) != pixels.shape[:2]:
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    try:
        picture.save(path, small)
    except OSError as error:
        raise GazeError(f"{path}: cannot be written ({error.strerror}); make room and go on.") from error


def kept_frame(folder: Path, frame: int, size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """A sampled frame at the video's size, from the file that is kept of it.

    Raises:
        PictureError: It is missing or damaged.
    """
    pixels = picture.read(frame_file(folder, frame))
    if pixels.shape[:2] == size:
        return pixels
    if kept_size(size) != pixels.shape[:2]:
        problem = f"it has {pixels.shape[1]} x {pixels.shape[0]} pixels"
        raise PictureError(
            f"{frame_file(folder, frame)}: not a frame of this video ({problem}); make the project again."
        )
    return Letterbox(pixels.shape[:2], size, (0, 0, *size)).apply(pixels)
