"""Pictures a second from a folder of 1-megapixel JPEGs, against an older revision; where the time goes, memory, start.

    python tests/bench/bench_predict.py [--pictures 500] [--rounds 5] [--model tempsal] [--against REV] [--large 1000]

The folder is predicted in a fresh process for each kind of output, so that the peak memory is that of `gaze predict`
without torch. With `--against` the same is done by the pipeline of a git revision, both in turn in each round; the best
of the rounds counts, and the milliseconds of processor time a picture, which other programs disturb least. "bound" is
the rate that the summed processor time of decoding, inference and resizing allows, "densities" what the pipeline makes
of it when it computes the density and all slices and writes nothing. `--large` predicts so many JPEGs
of 12 megapixels and removes what is written as it comes. Stages are medians of repetitions with one picture and thread.
ONNX Runtime and eager torch take turns on the same letterboxed picture with the same number of threads, and only when
both give the same densities. The last line is JSON.
"""

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

HERE = Path(__file__).parents[2]
ROOT = Path(os.environ.get("GAZE_BENCH_ROOT", HERE))  # whose pipeline is measured
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
from export.runtime import batch
from export.runtime.batch import (
    WORKERS,
    predict,
)
from export.runtime.registry import find_model
from export.runtime.saliency import Prediction, Predictor, entropy
from export.runtime.session import cores

HEIGHT, WIDTH = 816, 1224  # one megapixel
LARGE = 2832, 4256  # twelve
DISTINCT = 8  # pictures of twelve megapixels; the others are links to them
KINDS = ("nothing", "densities", "json", "png,json", "npy")
NEWER = ("jpg,json",)  # kinds that an older revision may not know
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


def make_large(folder: Path, small: Path, count: int) -> None:
    """Write `DISTINCT` pictures of twelve megapixels, enlarged from others, and links to them."""
    for number in range(count):
        path = folder / f"{number:05}.jpg"
        if number < DISTINCT:
            source = read(sorted(small.iterdir())[number % len(list(small.iterdir()))])
            save(path, cv2.resize(source, LARGE[::-1], interpolation=cv2.INTER_CUBIC))
        else:
            os.link(folder / f"{number % DISTINCT:05}.jpg", path)


def child(model: str, folder: Path, out: Path, kind: str) -> None:
    """Predict a folder as `gaze predict` does, and print seconds, processor time and memory."""
    paths = sorted(folder.iterdir())
    predictor = Predictor(model, provider="cpu", threads=1)
    output, early = Output(out, output_names(paths), tuple(kind.split(","))), 0.0
    if hasattr(batch, "keep_freed_memory"):  # of an older revision `run` does it, or nothing
        batch.keep_freed_memory()
    start, spent = time.perf_counter(), time.process_time()
    if kind == "nothing":
        outcomes = predict(predictor, paths, lambda path, picture, prediction: None)
    elif kind == "densities":
        outcomes = predict(predictor, paths, densities)
    else:
        outcomes = run(predictor, paths, output)
    for done, (path, error) in enumerate(outcomes, start=1):
        assert error is None, error
        if kind not in ("nothing", "densities"):
            for file in output.files(path):
                file.unlink()
        early = peak_mb() if done == max(20, len(paths) // 10) else early
    seconds, cpu = time.perf_counter() - start, time.process_time() - spent
    told = {"per_second": len(paths) / seconds, "cpu_ms": 1e3 * cpu / len(paths), "peak_mb": peak_mb()}
    print(json.dumps(told | {"early_mb": early or peak_mb()}))


def densities(path: Path, picture: np.ndarray, prediction: Prediction) -> None:
    """Make every map of a picture at its own size, one after another, as files of them are written."""
    for plane in prediction.each_slice() if hasattr(prediction, "each_slice") else prediction.slices:  # of older ones
        assert plane.shape == prediction.density.shape


def peak_mb() -> float:
    """The largest resident memory of this process until now, in millions of bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform == "linux" else 1) / 1e6


@contextlib.contextmanager
def worktree(revision: str) -> Iterator[Path]:
    """A revision of gaze in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder, git = Path(place) / "gaze", ["git", "-C", str(HERE)]
        subprocess.run([*git, "worktree", "add", "--detach", str(folder), revision], check=True, capture_output=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", str(folder)], check=True, capture_output=True)


def measured(root: Path, model: str, folder: Path, kind: str) -> dict[str, float]:
    """What `child` prints of the pipeline in a folder."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, __file__, "--child", kind, str(folder), out, "--model", model]
        paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"GAZE_BENCH_ROOT": str(root), "PYTHONPATH": os.pathsep.join(paths)}
        result = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, check=True, text=True)
        told: dict[str, float] = json.loads(result.stdout)
        return told


def folders(model: str, folder: Path, older: Path | None, rounds: int) -> dict[str, dict[str, Any]]:
    """Rates, processor time and memory by kind of output, ours and with `older` theirs; the best of some rounds."""
    results: dict[str, dict[str, Any]] = {}
    for kind in (*KINDS, *NEWER):
        sides = {"ours": HERE} | ({"theirs": older} if older and kind not in NEWER else {})
        runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, root in sides.items():
                runs[side].append(measured(root, model, folder, kind))
        results[kind] = {
            side: {
                "per_second": max(each["per_second"] for each in told),
                "cpu_ms": min(each["cpu_ms"] for each in told),
                "peak_mb": max(each["peak_mb"] for each in told),
            }
            for side, told in runs.items()
        }
        if "theirs" in sides:
            pairs = zip(runs["ours"], runs["theirs"], strict=True)
            ratios = [ours["per_second"] / theirs["per_second"] for ours, theirs in pairs]
            results[kind]["ratio"] = statistics.median(ratios)
            results[kind]["cpu_ratio"] = results[kind]["theirs"]["cpu_ms"] / results[kind]["ours"]["cpu_ms"]
    return results


def stages(predictor: Predictor, paths: list[Path]) -> dict[str, float]:
    """Milliseconds of processor time of each step for one picture, one thread."""
    from data.draw.timeline import panel_size

    cv2.setNumThreads(1)
    picture = read(paths[0])
    box = Letterbox.fit(picture.shape[:2], predictor.contract.canvas)
    feeds = {"picture": box.apply(picture)[None], "content": box.box[None], "condition": np.zeros(1, np.int64)}
    prediction = predictor(picture)
    names, has_slices = predictor._outputs, bool(prediction.times)
    given = dict(zip(names, predictor._session.run(names, feeds), strict=True))
    heat = heatmap(picture, prediction.density)
    steps: dict[str, Callable[[], Any]] = {
        "read": lambda: read(paths[0]),
        "letterbox": lambda: box.apply(picture),
        "run": lambda: predictor._session.run(names, feeds),
        "back": lambda: [box.back(given[name]) for name in ("density", "slices") if name in given],
        "entropy": lambda: entropy(prediction.density),
        "json": lambda: prediction.to_json(""),
        "heat": lambda: heatmap(picture, prediction.density),
        "heat to PNG": lambda: encode(heat),
        "heat to JPEG": lambda: encode(heat, ".jpg"),
        "heat to WebP": lambda: encode(heat, ".webp"),
    }
    if has_slices:
        strip = timeline(picture, prediction.slices, prediction.times)
        size = panel_size(picture.shape)
        steps["strip"] = lambda: timeline(picture, prediction.sampled_slices(size), prediction.times)
        steps["strip to PNG"] = lambda: encode(strip)
    return {step: 1e3 * _median(call, 15, time.thread_time) for step, call in steps.items()}


def cold_start(model: str, picture: Path, rounds: int = 5) -> dict[str, float]:
    """Seconds of `gaze predict` of one picture, the whole command, the best of some."""
    walls, spent = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, "-m", "app.cli.main", "predict", str(picture), "-o", out, "--model", model]
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(command, cwd=HERE, check=True, capture_output=True)
            walls.append(time.perf_counter() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"seconds": min(walls), "cpu_s": min(spent)}


def against_torch(model: str, paths: list[Path], rounds: int) -> dict[str, float] | None:
    """Milliseconds a picture of ONNX Runtime and of eager torch, every core; None without torch or weights."""
    weights = find_model(model).with_suffix(".safetensors")
    if not weights.is_file():
        return None
    import torch

    from saliency import MODELS
    from saliency.flip_ensemble import FlipEnsemble
    from training.weights import load

    network = load(weights, MODELS).eval()
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


def _median(call: Callable[[], Any], count: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds; the first call does not count."""
    call()
    times = []
    for _ in range(count):
        start = clock()
        call()
        times.append(clock() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="tempsal")
    parser.add_argument("--against", metavar="REV", help="a git revision whose pipeline is measured in turn")
    parser.add_argument("--large", type=int, default=0, metavar="N", help="predict so many JPEGs of 12 megapixels")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.model, Path(options.child[1]), Path(options.child[2]), options.child[0])
        return
    result: dict[str, Any] = {"cores": cores(), "workers": WORKERS, "pictures": options.pictures}
    result["load"] = os.getloadavg()[0]
    if result["load"] > 0.5:
        print(f"other programs keep {result['load']:.1f} cores busy: trust processor time and ratios only")
    result["import_s"] = import_time()
    print(f"import of export.runtime.saliency in a fresh process: {result['import_s']:.2f} s")
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        folder, large = Path(place) / "small", Path(place) / "large"
        folder.mkdir()
        large.mkdir()
        size = make(folder, options.pictures)
        paths = sorted(folder.iterdir())
        result["cold_start"] = cold_start(options.model, paths[0])
        print("gaze predict of one picture: {seconds:.2f} s, {cpu_s:.2f} s of a core".format_map(result["cold_start"]))
        result["stages_ms"] = times = stages(Predictor(options.model, provider="cpu", threads=1), paths)
        for step, milliseconds in times.items():
            print(f"  {step:14} {milliseconds:7.2f} ms")
        summed = sum(times[step] for step in ("read", "letterbox", "run", "back"))
        result["bound_per_second"] = 1e3 * cores() / summed
        print(f"  decoding, inference, resizing: {summed:.1f} ms, at most {result['bound_per_second']:.1f} pictures/s")
        older = stack.enter_context(worktree(options.against)) if options.against else None
        print(f"{options.pictures} JPEGs of {WIDTH} x {HEIGHT}, {size / 1e3:.0f} kB each, {WORKERS} workers")
        result["folder"] = folders(options.model, folder, older, options.rounds if options.against else 1)
        line = "{per_second:7.1f} pictures/s {cpu_ms:7.1f} ms of a core {peak_mb:7.0f} MB at most"
        for kind, told in result["folder"].items():
            print(f"  write {kind:10} {line.format_map(told['ours'])}")
            if "theirs" in told:
                words = f"{told['ratio']:.2f} times as quick, {told['cpu_ratio']:.2f} by processor time"
                print(f"     {options.against[:10]:11} {line.format_map(told['theirs'])}; now {words}")
        densities = result["folder"]["densities"]["ours"]
        result["share_of_bound"] = densities["per_second"] / result["bound_per_second"]
        result["share_of_bound_cpu"] = summed / densities["cpu_ms"]
        words = "  densities only: {share_of_bound:.0%} of that bound, {share_of_bound_cpu:.0%} by processor time"
        print(words.format_map(result))
        if options.large:
            make_large(large, folder, options.large)
            result["large"] = told = measured(HERE, options.model, large, "png,json")
            words = "{early_mb:.0f} MB at most after the first tenth, {peak_mb:.0f} MB at the end"
            print(
                f"{options.large} JPEGs of {LARGE[1]} x {LARGE[0]}: {line.format_map(told)}; {words.format_map(told)}"
            )
        result["torch"] = against_torch(options.model, paths, options.rounds)
        if result["torch"]:
            line = "  ONNX Runtime {onnxruntime_ms:.1f} ms, eager torch {torch_ms:.1f} ms: {ratio:.2f} times as quick"
            print(line.format_map(result["torch"]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
