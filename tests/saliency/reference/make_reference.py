"""What pysaliency says: writes `pysaliency.json`, which the tests of `saliency.metrics` compare with.

Run by `make reference` in an environment of its own, because pysaliency 0.2.22 needs old versions of its neighbours:

    pip install "numpy<2" "setuptools<81" "torch==2.13.*" "pysaliency==0.2.22"       (in one command)
    python tests/saliency/reference/make_reference.py [DATA]

Random inputs are not stored: `cases()` makes them from a seed, here and in the tests. DATA is the folder that holds
`osie/fixations.csv` (MIT licence); the maps of a few of its pictures are stored in the file. Without DATA those already
stored are scored again.
"""

import base64
import csv
import json
import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("pysaliency.json")
SIZES = ((24, 32), (7, 11), (60, 80))
KINDS = ("noise", "ties", "peak", "zeros", "signed", "flat", "one fixation", "one pixel")
REAL = ("1001.jpg", "1002.jpg", "1003.jpg", "1004.jpg")
GRID = (384, 512, 8)  # height and width of osie's pictures, pixels per cell of the stored maps


def cases() -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Name and inputs `(h, w)` of each random case. RandomState, because its stream never changes."""
    for size in SIZES:
        for kind in KINDS:
            name = f"{kind} {size[0]}x{size[1]}"
            yield name, _case(kind, size, np.random.RandomState(sum(map(ord, name))))


def _case(kind: str, size: tuple[int, int], random: np.random.RandomState) -> dict[str, np.ndarray]:
    prediction = random.rand(*size).astype(np.float32)
    fixations = random.poisson(0.1, size)
    fixations[random.randint(size[0]), random.randint(size[1])] += 3  # seen again and again
    if kind == "ties":
        prediction = np.floor(prediction * 5) / np.float32(5)
    elif kind == "peak":
        prediction = (prediction**60 + 1e-12).astype(np.float32)
    elif kind == "zeros":
        prediction = np.where(prediction < 0.7, np.float32(0), prediction)
    elif kind == "signed":
        prediction = prediction * 8 - np.float32(3)
    elif kind == "flat":
        prediction[:] = 0.25
    elif kind.startswith("one"):
        fixations[:] = 0
        fixations[random.randint(size[0]), random.randint(size[1])] = 1 if kind == "one fixation" else 7
    truth = np.where(random.rand(*size) < 0.3, 0, random.rand(*size) ** 3).astype(np.float32)
    return {
        "prediction": prediction,
        "fixations": fixations,
        "negatives": random.poisson(0.5, size),
        "truth": truth,
        "baseline": (random.rand(*size) + 0.1).astype(np.float32),
    }


def real(stored: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Name and inputs of the stored pictures: the baseline and the negatives are the other pictures'."""
    size = (GRID[0] // GRID[2], GRID[1] // GRID[2])
    maps = {k: np.stack([_decode(p[k], size) for p in stored]) for k in ("prediction", "truth")}
    counts = np.stack([np.bincount(p["fixations"], minlength=size[0] * size[1]).reshape(size) for p in stored])
    for index, picture in enumerate(stored):
        others = np.arange(len(stored)) != index
        yield (
            picture["name"],
            {
                "prediction": maps["prediction"][index],
                "fixations": counts[index],
                "negatives": counts[others].sum(0),
                "truth": maps["truth"][index],
                "baseline": (maps["truth"][others].mean(0, dtype=np.float64) + 1e-5).astype(np.float32),
            },
        )


def _decode(text: str, size: tuple[int, int]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(size)


def _encode(array: np.ndarray) -> str:
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


def pictures(root: Path) -> list[dict[str, Any]]:
    """Half of osie's observers, blurred, as prediction of the other half's fixations, on a coarse grid."""
    from scipy.ndimage import gaussian_filter

    height, width, cell = GRID
    size = (height // cell, width // cell)
    counts = {name: np.zeros((2, *size)) for name in REAL}
    with open(root / "osie" / "fixations.csv", newline="") as file:
        for row in csv.DictReader(file):
            x, y = float(row["x"]), float(row["y"])
            if row["image"] in counts and 0 <= x < width and 0 <= y < height:
                counts[row["image"]][int(row["subject"][1:]) % 2, int(y / cell), int(x / cell)] += 1
    stored = []
    for name, (half, other) in counts.items():
        blurred = [gaussian_filter(c, 24 / cell, mode="nearest") for c in (half, other)]
        prediction, truth = (b / b.sum() for b in blurred)
        stored.append(
            {
                "name": f"osie {name}",
                "prediction": _encode(prediction * 0.95 + 0.05 / prediction.size),
                "truth": _encode(truth),
                "fixations": np.repeat(np.arange(other.size), other.astype(int).ravel()).tolist(),
            }
        )
    return stored


def score(inputs: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """pysaliency's values by convention and metric; a metric that it lacks, or that a map forbids, is left out."""
    from pysaliency import metrics

    prediction, truth = (inputs[name].astype(float) for name in ("prediction", "truth"))
    fixations, negatives = inputs["fixations"], inputs["negatives"]
    tuebingen = {
        "auc_judd": _auc(prediction, fixations, negatives, nonfixations="uniform"),
        "sauc": _auc(prediction, fixations, negatives, nonfixations="shuffled"),
        "nss": _nss(prediction, fixations),
        "cc": metrics.CC(prediction, truth),
    }
    mit = {
        "auc_judd": _auc(prediction, fixations > 0, negatives, nonfixations="unfixated", thresholds="fixations"),
        "nss": _nss(prediction, fixations > 0),
        "cc": tuebingen["cc"],
    }
    if prediction.min() >= 0:
        tuebingen["sim"] = metrics.SIM(prediction, truth)
        tuebingen["kl"] = mit["kl"] = metrics.MIT_KLDiv(prediction, truth)
    if prediction.min() > 0:
        tuebingen["ig"] = _gain(prediction, fixations, inputs["baseline"].astype(float))
    if prediction.min() >= 0 and np.ptp(prediction) > 0:
        mit["sim"] = metrics.SIM(*((m - m.min()) / np.ptp(m) for m in (prediction, truth)))
    return {"tuebingen": tuebingen, "mit": mit}


def _two(fixations: np.ndarray, negatives: np.ndarray) -> tuple[Any, Any]:
    """Two pictures of one size: the second one's fixations are the negatives of the first."""
    import pysaliency

    where = [np.repeat(np.arange(c.size), c.astype(int).ravel()) for c in (fixations, negatives)]
    flat, n = np.concatenate(where), np.repeat([0, 1], [len(w) for w in where])
    width = fixations.shape[1]
    stimuli = pysaliency.Stimuli([np.full((*fixations.shape, 3), shade, np.uint8) for shade in (0, 1)])
    return stimuli, pysaliency.Fixations.create_without_history(flat % width, flat // width, n)


def _auc(prediction: np.ndarray, fixations: np.ndarray, negatives: np.ndarray, **options: str) -> float:
    import pysaliency

    class Given(pysaliency.SaliencyMapModel):  # type: ignore[misc]
        def _saliency_map(self, stimulus: np.ndarray) -> np.ndarray:
            return prediction

    stimuli, where = _two(fixations, negatives)
    return float(Given(caching=False).AUC_per_image(stimuli, where, **options)[0])


def _nss(prediction: np.ndarray, fixations: np.ndarray) -> float:
    from pysaliency import metrics

    y, x = np.nonzero(fixations)
    times = fixations[y, x].astype(int)
    return float(metrics.NSS(prediction, np.repeat(x, times), np.repeat(y, times)).mean())


def _gain(prediction: np.ndarray, fixations: np.ndarray, baseline: np.ndarray) -> float:
    import pysaliency

    class Given(pysaliency.Model):  # type: ignore[misc]
        def __init__(self, density: np.ndarray) -> None:
            super().__init__(caching=False)
            self.log = np.log(density / density.sum())

        def _log_density(self, stimulus: np.ndarray) -> np.ndarray:
            return self.log

    stimuli, where = _two(fixations, np.zeros_like(fixations))
    return float(Given(prediction).information_gains(stimuli, where, Given(baseline)).mean())


def main() -> None:
    """Score all cases and write the file whole."""
    roots = [Path(a) for a in sys.argv[1:]] or [Path(p) for p in [os.environ.get("GAZE_DATA")] if p]
    stored = pictures(roots[0]) if roots else json.loads(FILE.read_text())["pictures"]
    values = {}
    for name, inputs in [*cases(), *real(stored)]:
        check = {key: float(array.sum(dtype=np.float64)) for key, array in inputs.items()}
        values[name] = {"sums": check, **score(inputs)}
    versions = {name: version(name) for name in ("pysaliency", "numpy", "scipy", "numba")}
    text = json.dumps({"versions": versions, "values": values, "pictures": stored})
    part = FILE.with_suffix(".part")
    part.write_text(text.replace('}}, "', '}},\n"') + "\n")
    os.replace(part, FILE)


if __name__ == "__main__":
    main()
