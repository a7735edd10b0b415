"""Pictures a second from a folder of 1-megapixel JPEGs, where the time goes, memory, and ONNX Runtime against torch.

    python tests/bench/bench_predict.py [--pictures 500] [--rounds 5] [--model tempsal]

The folder is predicted in a fresh process for each kind of output, so that the peak memory is that of `gaze predict`
without torch. Stages are medians of repetitions with one picture, one thread. ONNX Runtime and eager torch take turns
on the same letterboxed picture with the same number of threads, and only when both give the same densities. The last
line is JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from app.predict.files import output_names
from app.predict.saliency import (
    Output,
    run,
)
from data.draw.heatmap import heatmap
from data.draw.timeline import timeline
from data.picture import (
    Letterbox,
    encode,
    read,
    save,
)
from export.runtime.batch import (
    WORKERS,
    predict,
)
from export.runtime.registry import find_model
from export.runtime.saliency import Predictor, entropy
from export.runtime.session import cores

HEIGHT, WIDTH = 816, 1224  # one megapixel
KINDS = ("nothing", "json", "png,json", "npy")
TOLERANCE = 1e-3  # between two densities of the same model, in nats


def make(folder: Path, count: int) -> int:
    """Write JPEGs with the detail of photographs: noise at every scale, less of it the finer; gives their mean size."""
    random = np.random.default_rng(0)
    for number in range(count):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        for step in (2, 4, 8, 16, 32, 64, 128):
            noise = random.normal(size=(HEIGHT // step + 2, WIDTH // step + 2, 3)).astype(np.float32)
            picture += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) * step**0.7
        save(folder / f"{number:04}.jpg", np.clip(picture * 3 + 120, 0, 255).astype(np.uint8))
    return sum(path.stat().st_size for path in folder.iterdir()) // count


def child(model: str, folder: Path, out: Path, kind: str) -> None:
    """Predict a folder as `gaze predict` does, and print seconds and peak memory."""
    import resource

    paths = sorted(folder.iterdir())
    predictor = Predictor(model, provider="cpu", threads=1)
    start = time.perf_counter()
    if kind == "nothing":
        outcomes = predict(predictor, paths, lambda path, picture, prediction: None)
    else:
        outcomes = run(predictor, paths, Output(out, output_names(paths), tuple(kind.split(","))))
    assert all(error is None for _, error in outcomes)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    print(json.dumps({"per_second": len(paths) / seconds, "peak_mb": peak * 1.048576}))


def folders(model: str, folder: Path) -> dict[str, dict[str, float]]:
    """Pictures a second and peak memory by kind of output."""
    results = {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, __file__, "--child", kind, str(folder), out, "--model", model]
            results[kind] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return results


def stages(predictor: Predictor, paths: list[Path]) -> dict[str, float]:
    """Milliseconds of each step for one picture, one thread."""
    cv2.setNumThreads(1)
    picture = read(paths[0])
    box = Letterbox.fit(picture.shape[:2], predictor.contract.canvas)
    feeds = {"picture": box.apply(picture)[None], "content": box.box[None], "condition": np.zeros(1, np.int64)}
    prediction = predictor(picture)
    heat = heatmap(picture, prediction.density)
    steps: dict[str, Callable[[], Any]] = {
        "read": lambda: read(paths[0]),
        "letterbox": lambda: box.apply(picture),
        "run": lambda: predictor._session.run(None, feeds),
        "back": lambda: [box.back(maps) for maps in predictor._session.run(None, feeds)],
        "entropies": lambda: [entropy(plane) for plane in (prediction.density, *prediction.slices)],
        "heat": lambda: heatmap(picture, prediction.density),
        "heat to PNG": lambda: encode(heat),
    }
    if len(prediction.slices):
        strip = timeline(picture, prediction.slices, prediction.times)
        steps["strip"] = lambda: timeline(picture, prediction.slices, prediction.times)
        steps["strip to PNG"] = lambda: encode(strip)
    times = {step: 1e3 * _median(call, 15) for step, call in steps.items()}
    times["back"] -= times["run"]
    return times


def against_torch(model: str, paths: list[Path], rounds: int) -> dict[str, float] | None:
    """Milliseconds a picture of ONNX Runtime and of eager torch, every core; None without torch or weights."""
    weights = find_model(model).with_suffix(".safetensors")
    if not weights.is_file():
        return None
    import torch

    from saliency.flip_ensemble import FlipEnsemble
    from training.weights import load

    network = load(weights).eval()
    network = FlipEnsemble(network) if Predictor(model, provider="cpu").contract.mirror else network
    torch.set_num_threads(cores())
    predictor = Predictor(model, provider="cpu")
    picture = read(paths[0])
    box = Letterbox.fit(picture.shape[:2], predictor.contract.canvas)
    feeds = {"picture": box.apply(picture)[None], "content": box.box[None], "condition": np.zeros(1, np.int64)}
    tensors = {key: torch.from_numpy(value) for key, value in feeds.items()}
    sessions: dict[str, list[float]] = {"onnxruntime_ms": [], "torch_ms": []}
    with torch.inference_mode():
        difference = float(np.abs(predictor._session.run(["density"], feeds)[0] - network(**tensors)[0].numpy()).max())
        if difference > TOLERANCE:
            raise SystemExit(f"ONNX Runtime and torch differ by {difference:.2g} nats: nothing is compared.")
        for _ in range(rounds):
            sessions["onnxruntime_ms"].append(_median(lambda: predictor._session.run(None, feeds), 20))
            sessions["torch_ms"].append(_median(lambda: network(**tensors), 20))
    best = {side: 1e3 * min(times) for side, times in sessions.items()}
    return {**best, "ratio": best["torch_ms"] / best["onnxruntime_ms"], "difference": difference}


def import_time(rounds: int = 5) -> float:
    """Seconds of `import export.runtime.saliency` in a fresh process, the best of some."""
    code = "import time; a = time.perf_counter(); import export.runtime.saliency; print(time.perf_counter() - a)"
    command = [sys.executable, "-c", code]
    return min(float(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout) for _ in range(rounds))


def _median(call: Callable[[], Any], count: int) -> float:
    """Seconds; the first call does not count."""
    call()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="tempsal")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.model, Path(options.child[1]), Path(options.child[2]), options.child[0])
        return
    result: dict[str, Any] = {"cores": cores(), "workers": WORKERS, "pictures": options.pictures}
    result["import_s"] = import_time()
    print(f"import of export.runtime.saliency in a fresh process: {result['import_s']:.2f} s")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        size = make(folder, options.pictures)
        paths = sorted(folder.iterdir())
        print(f"{options.pictures} JPEGs of {WIDTH} x {HEIGHT}, {size / 1e3:.0f} kB each, {WORKERS} workers")
        result["folder"] = folders(options.model, folder)
        for kind, numbers in result["folder"].items():
            print(f"  write {kind:10} {numbers['per_second']:7.1f} pictures/s {numbers['peak_mb']:7.0f} MB at most")
        result["stages_ms"] = stages(Predictor(options.model, provider="cpu", threads=1), paths)
        for step, milliseconds in result["stages_ms"].items():
            print(f"  {step:14} {milliseconds:7.2f} ms")
        result["torch"] = against_torch(options.model, paths, options.rounds)
        if result["torch"]:
            line = "  ONNX Runtime {onnxruntime_ms:.1f} ms, eager torch {torch_ms:.1f} ms: {ratio:.2f} times as quick"
            print(line.format_map(result["torch"]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
