"""What `gaze predict --camera` does: predicts what a camera sees, and records it, until it is told to end."""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

from app.predict import jobs
from app.predict.files import make_folder
from app.predict.video_files import ALL, ENDINGS, FORMATS, USUAL, Recorder, Regions, Settings, together, writers
from data.draw.legend import legend
from data.errors import GazeError
from data.video.read import RATE, pyav
from export.runtime.video import VideoPredictor
from saliency import TASK
from video import TASK as WATCHING

logger = logging.getLogger(__name__)

OPTIONS = ("model", "formats", "condition", "provider", "opacity", "palette", "every", "regions")
TASKS = (TASK.name, WATCHING.name)
DARK = 30  # frames that a camera may fail to give before it is taken to be gone


class Job(NamedTuple):
    """A camera that is to be predicted."""

    run: Callable[[Callable[[], bool], Callable[[str, int, int | None], object]], tuple[list[Path], int]]
    model: str


def check(given: Collection[str], folder: str) -> None:
    """Refuse what a camera cannot be asked for.

    Raises:
        GazeError: One of the options that were `given` is for files, or the folder is none.
    """
    for name in sorted(set(given) - set(OPTIONS)):
        shown = name.replace("_", "-")
        raise GazeError(f"--{shown} is not for --camera; leave one of them out.")
    jobs.refuse_addresses(folder)


def job(
    camera: str,
    folder: Path,
    model: str | None,
    formats: str | None,
    condition: str,
    provider: str,
    opacity: float,
    palette: str,
    every: int,
    regions: str,
) -> Job:
    """What `gaze predict --camera` does; `run(stopped, steps)` is `record`.

    Raises:
        GazeError: The extra `video` is not installed, or there is no such camera, model, format, condition or palette.
    """
    pyav()
    kinds = jobs.formats(formats or USUAL, FORMATS)
    settings = Settings(every, ALL, Regions(regions), condition, opacity, palette)
    settings.regions.check(None)
    legend(1, palette)
    predictor = VideoPredictor(model or TASK.default_models[0], every=every, condition=condition, provider=provider)
    opened = predictor.predictor
    source = _camera(camera)
    return Job(
        lambda stopped, steps: record(camera, source, folder, predictor, settings, kinds, stopped, steps),
        f"{opened.contract.name} on {opened.provider}",
    )


def record(
    camera: str,
    source: "cv2.VideoCapture",
    folder: Path,
    predictor: VideoPredictor,
    settings: Settings,
    kinds: tuple[str, ...] = ("mp4", "jsonl"),
    stopped: Callable[[], bool] = lambda: False,
    steps: Callable[[str, int, int | None], object] = lambda what, done, total: None,
) -> tuple[list[Path], int]:
    """Predict what an open camera sees until `stopped`, or until it gives no more; the files, and the number of frames.

    Frames that come while the model looks are left out; the times are those at which frames came.

    Raises:
        GazeError: The camera gives no frame, or a file cannot be written.
        KeyboardInterrupt: It was stopped before there was a frame.
    """
    name = f"camera-{time.strftime('%Y%m%d-%H%M%S')}"
    targets = [folder / (name + ENDINGS[kind]) for kind in kinds]
    try:
        make_folder(folder)
        predictor.reset()
        recorder = Recorder(predictor.predictor, settings, None)
        frames = _live(source, camera, stopped)
        with together(targets, {}) as files, writers(files, RATE, settings, recorder) as sinks:
            count = 0
            for count, (pixels, moment) in enumerate(frames, start=1):
                seen = predictor.step(pixels, moment)
                for sink in sinks:
                    sink.add(seen)
                steps("frames", count, None)
            if not count and stopped():
                raise KeyboardInterrupt
            if not count:
                raise GazeError(f"The camera {camera} gives no frame; check that nothing else uses it.")
        return targets, count
    finally:
        source.release()


def _camera(camera: str) -> "cv2.VideoCapture":
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is told by us
    source = cv2.VideoCapture(int(camera) if camera.isdecimal() else camera)
    if not source.isOpened():
        source.release()
        raise GazeError(
            f"There is no camera {camera} here, or it may not be used; check its number, cable and permissions."
        )
    source.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not the oldest
    return source


def _live(
    source: "cv2.VideoCapture", camera: str, stopped: Callable[[], bool]
) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], float]]:
    """Frames as they come, RGB and of one size, each with the seconds since the first."""
    begun, size, dark = 0.0, None, 0
    while not stopped():
        there, frame = source.read()
        now = time.monotonic()
        if not there or frame is None:
            dark += 1
            if dark >= DARK or source.get(cv2.CAP_PROP_FRAME_COUNT) > 0:  # a file has ended
                return
            continue
        dark = 0
        if size is None:
            begun, size = now, frame.shape[:2]
        if frame.shape[:2] != size:
            logger.warning("The camera %s changed the size of its frames, and is stopped.", camera)
            return
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), now - begun
