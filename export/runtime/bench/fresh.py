"""What is measured in a process of its own: the first picture after a cold start, peak memory, and the yardsticks.

python -m export.runtime.bench.fresh START THREADS [MODEL PROVIDER]      prints one JSON object

START is the time at which the process was asked for, in seconds since 1970.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from data.errors import ModelError, short_reason
from export.runtime.records import Record

ROOT = Path(__file__).parents[3]
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")  # of NumPy


class ColdStart(Record):
    """A process that predicts one picture and ends."""

    import_s: float  # until everything is imported; Python's own start is part of it
    load_s: float  # opening the model, and for scanpaths the saliency model that it reads
    first_s: float  # the first picture, from pixels to densities or to the paths of 20 observers; the first frame
    peak_mb: float | None  # most memory that the process had; None where the system does not tell

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.import_s + self.load_s + self.first_s


def ask(threads: int, *model: str) -> dict[str, Any]:
    """What a fresh process prints.

    Raises:
        ModelError: It fails.
    """
    command = [sys.executable, "-P", "-m", "export.runtime.bench.fresh", str(time.time()), str(threads), *model]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, **dict.fromkeys(POOLS, str(threads)), "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    try:
        return dict(json.loads(done.stdout))
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        what = f"{model[0]}: a fresh process" if model else "A fresh process"
        problem = f"{what} that should be measured fails ({short_reason(ValueError(last))})"
        raise ModelError(f"{problem}; close other programs, or try another provider.") from error


def main(start: float, threads: int, *model: str) -> dict[str, Any]:
    """Measures the cold start of a model, or without one the yardsticks."""
    if not model:
        from export.runtime.bench.machine import yardsticks

        return yardsticks(threads).model_dump()
    import numpy as np

    from export.runtime import registry
    from export.runtime.saliency import Predictor
    from export.runtime.scanpath import ScanpathPredictor, grey_scene
    from video import TASK as WATCHING

    name, provider = model
    task = registry.read_contract(name).task
    if task == WATCHING.name:
        from export.runtime.video import VideoPredictor
    imported = time.time()
    picture = np.random.default_rng(0).integers(0, 256, (384, 512, 3), np.uint8)
    if task == Predictor.task.name:
        predictor = Predictor(name, provider=provider, threads=threads)
        loaded = time.time()
        predictor(picture)
    elif task == WATCHING.name:
        watcher = VideoPredictor(name, provider=provider, threads=threads)
        loaded = time.time()
        watcher.step(picture, 0.0)
    elif registry.read_contract(name).searches_places:
        from export.runtime.visual_search import VisualSearcher

        searcher = VisualSearcher(name, provider=provider, threads=threads)
        loaded = time.time()
        searcher.search(picture, picture[:48, :48])
    else:
        finder = ScanpathPredictor(name, provider=provider, threads=threads)
        scene, pixels = grey_scene(30)
        if finder.input_spec.sees_saliency:
            finder.saliency  # noqa: B018 - opens it
        loaded = time.time()
        finder.sample(scene, 20, pixels=pixels)
    times = {"import_s": imported - start, "load_s": loaded - imported, "first_s": time.time() - loaded}
    return ColdStart(**{name: round(value, 3) for name, value in times.items()}, peak_mb=_peak()).model_dump()


def _peak() -> float | None:
    """The most memory that this process had, in megabytes."""
    try:
        status = Path("/proc/self/status").read_text("ascii", errors="replace")
        kilobytes = status.partition("VmHWM:")[2].split()[0]
        return round(int(kilobytes) * 1024 / 1e6, 1)
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(float(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])))
