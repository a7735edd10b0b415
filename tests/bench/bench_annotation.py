"""How long annotation takes: `python tests/bench/bench_annotation.py [--minutes 10] [--boxes 5000]`.

    detection   a made video of a head that turns, 1280 x 720, 30 frames a second, looked at 5 times a second: found
                objects, features, tracks, everything kept; and as much of it as a run that was stopped has left to do
    a round     labels on a part of some thousand boxes in tracks, 20 classes: training, prediction, and the questions

Threads are those of a person's call. Timed in processor time as well, as the machine may be busy.
"""

import argparse
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from annotation import questions, rounds, tracks
from annotation.boxes import Boxes, Frames
from annotation.camera import STILL
from annotation.project import Project
from data.synthetic import headcam


def film(path: Path, seconds: float, size: tuple[int, int] = (720, 1280)) -> None:
    """A made recording without its tables."""
    made = headcam.headcam(0, "twins", seconds, 30, size)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for pixels, _ in made.frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))


def desk(count: int, classes: int = 20, seed: int = 0) -> tuple[Frames, Boxes, np.ndarray]:
    """So many boxes of things that look like their class, in tracks of some 30; and the class of each."""
    rng = np.random.default_rng(seed)
    looks = rng.normal(size=(classes, 302)).astype(np.float32)
    each = 12
    frame = np.repeat(np.arange(-(-count // each)), each)[:count]
    thing = (np.arange(count) % each + each * (frame // 30)) % classes
    features = looks[thing] + rng.normal(size=(count, 302)).astype(np.float32) * 0.7
    place = rng.uniform(0, 600, (classes, 2))[thing] + rng.normal(0, 3, (count, 2))
    box = np.hstack([place, np.full((count, 2), 60.0)])
    total = int(frame[-1]) + 1
    frames = Frames(np.arange(total) / 5, np.tile(STILL, (total, 1, 1)), np.zeros(total, bool), (720, 1280))
    ones = np.ones(count, np.float32)
    boxes = Boxes(frame, frame / 5, box, frame * 0, ones, ones, frame * 0, features, ("object",))
    return frames, tracks.tracked(frames, boxes), thing


def detection(minutes: float) -> None:
    """Prints how long a video of so many minutes takes, from a part of it."""
    part = min(60.0 * minutes, 30.0)
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "walk.mp4"
        film(video, part)
        began, spent = time.perf_counter(), time.process_time()
        with Project.create(Path(folder) / "P", video) as project:
            frames = len(project.frames)
        wall, cpu = time.perf_counter() - began, time.process_time() - spent
        kept = sum(path.stat().st_size for path in (Path(folder) / "P").rglob("*") if path.is_file())
    whole = 60 * minutes / part
    print(f"{frames} frames: {wall / frames * 1000:.0f} ms each ({cpu / frames * 1000:.0f} ms of processors)")
    print(f"a video of {minutes:g} minutes: {wall * whole / 60:.1f} minutes, {kept * whole / 2**20:.0f} MB kept")


def a_round(count: int) -> None:
    """Prints how long a round takes with few and with many labels."""
    frames, boxes, thing = desk(count)
    began = time.perf_counter()
    scene = rounds.Scene(frames, boxes)
    print(f"{len(boxes):,} boxes in {boxes.track.max() + 1} tracks: graph {time.perf_counter() - began:.2f} s, once")
    rng = np.random.default_rng(0)
    for share in (0.005, 0.02, 0.1):
        labels = {int(box): f"class {thing[box]}" for box in rng.choice(count, max(20, int(share * count)), False)}
        began, spent = time.perf_counter(), time.process_time()
        found = rounds.train(scene, labels)
        wall, cpu = time.perf_counter() - began, time.process_time() - spent
        began = time.perf_counter()
        questions.ask(boxes, labels, found, np.zeros(count, np.int64), 12)
        asked = time.perf_counter() - began
        right = (found.names == [f"class {number}" for number in thing]).mean()
        words = f"{wall:.2f} s ({cpu:.2f} s of processors), 12 questions {asked:.2f} s, {right:.1%} right"
        print(f"{len(labels)} labels: {words}")


def main() -> None:
    """Both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--boxes", type=int, default=5000)
    given = parser.parse_args()
    a_round(given.boxes)
    detection(given.minutes)


if __name__ == "__main__":
    main()
