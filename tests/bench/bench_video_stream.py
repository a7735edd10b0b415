"""A video model as a stream: whether its memory stays constant over many frames, and how many frames a second it takes.

    python tests/bench/bench_video_stream.py [--model tempsal-video] [--against tempsal-fast] [--frames 10000]

First the seconds a run of the graph takes, beside that of a model of pictures, in turns. Then so many made frames go
through `VideoPredictor`: resident memory of the process at a tenth, at half and at the end. Then `gaze predict` on a
written clip of the canvas's size, decoding included, in a process of its own: the frames by which two clips differ over
the seconds by which their runs differ, so that starting does not count; and what starting takes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.picture import Letterbox, read
from data.video.write import VideoWriter
from export.runtime.saliency import Predictor, graph_inputs
from export.runtime.session import cores, run
from export.runtime.video import VideoPredictor
from export.runtime.video_step import StepPredictor, first_inputs, outputs_of

RATE = 25.0
SHOT = 75  # frames from cut to cut
TURNS, RUNS = 12, 5  # of timing both graphs
CLIPS = (100, 400)  # frames
FORMATS = ("jsonl", "mp4,jsonl")


def frames(count: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """A camera that moves over the bundled pictures, with cuts."""
    height, width = size
    wide = [
        Letterbox.fit(picture.shape[:2], (height + SHOT, width + SHOT)).apply(picture)
        for picture in map(read, sorted((ROOT / "data" / "samples").glob("*.jpg")))
    ]
    for number in range(count):
        shot, place = divmod(number, SHOT)
        yield np.ascontiguousarray(wide[shot % len(wide)][place : place + height, place : place + width])


def timed(model: StepPredictor, still: Predictor) -> tuple[float, float]:
    """Milliseconds of the quickest runs of a step and of the model of pictures, taken in turns."""
    canvas = model.contract.canvas
    picture = next(frames(1, canvas))
    step = first_inputs(model.contract, 1) | {"picture": picture[None]}
    look = graph_inputs([picture], [Letterbox.fit(canvas, canvas)], np.zeros(1, np.int64))
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS):
        for times, opened, outputs, feeds in (
            (took[0], model._session, outputs_of(model.contract), step),
            (took[1], still._session, still._outputs, look),
        ):
            begun = time.perf_counter()
            for _ in range(RUNS):
                run(opened, outputs, feeds)
            times.append((time.perf_counter() - begun) / RUNS)
    return 1e3 * min(took[0]), 1e3 * min(took[1])


def resident() -> float:
    """Megabytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def stream(predictor: VideoPredictor, count: int) -> None:
    """Frames through the model, and what memory the process has on the way."""
    begun = time.perf_counter()
    for number, frame in enumerate(frames(count, predictor.predictor.contract.canvas), start=1):
        predictor.step(frame, number / RATE)
        if number in (count // 10, count // 2, count):
            rate = number / (time.perf_counter() - begun)
            print(f"{number:6} frames: {resident():7.1f} MB resident, {rate:.1f} frames a second", flush=True)


def predicted(model: str, threads: int) -> None:
    """Frames a second of `gaze predict`."""
    size = StepPredictor(model, provider="cpu").contract.canvas
    with tempfile.TemporaryDirectory() as folder:
        for count in CLIPS:
            writer = VideoWriter(str(Path(folder, f"{count}.mp4")), RATE)
            for number, frame in enumerate(frames(count, size)):
                writer.write(frame, number / RATE)
            writer.close()
        for kinds in FORMATS:
            short, long = (predict(Path(folder), f"{count}.mp4", model, kinds, threads) for count in CLIPS)
            rate = (CLIPS[1] - CLIPS[0]) / (long - short)
            start = short - CLIPS[0] / rate
            print(f"gaze predict to {kinds}: {rate:.1f} frames a second, {start:.1f} s to start", flush=True)


def predict(folder: Path, name: str, model: str, kinds: str, threads: int) -> float:
    """Seconds that a process takes."""
    words = ["predict", name, "-o", "out", "--overwrite", "--model", model, "--format", kinds, "--provider", "cpu"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "app.cli.main", *words], cwd=folder, env=environment, check=True)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tempsal-video", help="a name, or a file by its absolute path")
    parser.add_argument("--against", default="tempsal-fast", help="a model of pictures")
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=cores())
    args = parser.parse_args()
    model = StepPredictor(args.model, provider="cpu", threads=args.threads)
    if args.against:
        step, still = timed(model, Predictor(args.against, provider="cpu", threads=args.threads))
        print(f"a step {step:.1f} ms, {args.against} {still:.1f} ms: {step / still:.2f} times", flush=True)
    if args.frames:
        stream(VideoPredictor(model), args.frames)
    predicted(args.model, args.threads)


if __name__ == "__main__":
    main()
