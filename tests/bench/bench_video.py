"""The temporal model on clips made from pictures that people looked at: frame by frame, smoothed, with every part, and
with each part left out.

    python tests/bench/bench_video.py ../shared/data/osie ../shared/data/scene ../shared/data/crowd [--split test]

Clips are those of `data.synthetic.clips`: real fixations, made motion. They tell whether a part does what it should;
how good it is on real videos they do not tell. Weights were held against `--split val`. NSS is the mean of standardised
densities at the places that viewers look at in a frame; CC that with the viewers' own map, blurred by one degree.
`--every` asks what is lost when the model looks at fewer frames.
"""

import argparse
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.maps import on, rendered
from data.picture import Letterbox, read
from data.synthetic.clips import WIDE, Clip, Source, clip
from data.table.read import read_splits, read_table
from export.runtime.saliency import Prediction, Predictor
from export.runtime.temporal_model import FRAMEWISE, TemporalModel, Weights

SMOOTHED = 2.0  # seconds
PARTS = ("slice", "memory", "latency", "motion", "center", "synchrony", "follow")
Stills = list[tuple[np.ndarray, Prediction]]


def sources(root: Path, split: str, most: int, seed: int) -> list[Source]:
    """Some pictures of a split, each with its scanpaths."""
    named = set(read_splits(root)[split])
    items = [item for item in read_table(root) if item[0].name in named and item[0].path is not None]
    chosen = np.random.default_rng(seed).permutation(len(items))[:most]
    return [(read(picture.path), paths) for picture, paths in (items[n] for n in sorted(chosen)) if picture.path]


def clips(roots: Sequence[Path], split: str, count: int, seed: int) -> Iterator[Clip]:
    """So many clips of each set."""
    for root in roots:
        found = sources(root, split, 4 * count, seed)
        for number in range(count):
            part = found[4 * number % len(found) :][:4] or found
            yield clip(part if len(part) > 1 else found, seed * 1000 + number, rate=12.5)


def stills(predictor: Predictor, made: Clip) -> Stills:
    """Each frame at the canvas's size, and what the still model says of it."""
    box = Letterbox.fit(made.size, predictor.contract.canvas)
    frames = [cv2.resize(frame, box.content[:1:-1], interpolation=cv2.INTER_AREA) for frame in made.frames()]
    return [(frame, predictor(frame)) for frame in frames]


def carried(seen: Stills, made: Clip, weights: Weights, every: int = 1) -> Iterator[np.ndarray]:
    """The densities of the temporal model."""
    model, left = TemporalModel(weights), 0
    for (frame, prediction), moment in zip(seen, made.times, strict=True):
        cut = model.see(frame, float(moment)).cut
        if cut or left <= 0:
            model.look(prediction)
            left = every
        left -= 1
        yield np.exp(model.density())


def smoothed(seen: Stills, made: Clip) -> Iterator[np.ndarray]:
    """The mean of the still model's densities over the seconds before, across cuts."""
    held: deque[tuple[float, np.ndarray]] = deque()
    for (_, prediction), moment in zip(seen, made.times, strict=True):
        held.append((float(moment), np.exp(prediction.density)))
        while held[0][0] < moment - SMOOTHED:
            held.popleft()
        yield np.mean([each for _, each in held], 0)


def centred(seen: Stills, made: Clip) -> Iterator[np.ndarray]:
    """The middle, whatever the frame."""
    height, width = seen[0][0].shape[:2]
    middle = rendered(np.array([[width / 2, height / 2]]), (height, width), 0.22 * height)
    return (middle for _ in made.times)


def people(seen: Stills, made: Clip) -> list[np.ndarray]:
    """The viewers' own maps, each without nobody: the yardstick of CC."""
    height, width = seen[0][0].shape[:2]
    scale = np.array([width / made.size[1], height / made.size[0]])
    maps = []
    for points in made.gaze:
        there = points[np.isfinite(points).all(1)] * scale
        maps.append(rendered(there[on(there, (height, width))], (height, width), width / WIDE))
    return maps


def score(densities: Iterator[np.ndarray], truth: list[np.ndarray], seen: Stills, made: Clip) -> tuple[float, float]:
    """Mean NSS and CC over the frames."""
    height, width = seen[0][0].shape[:2]
    scale = np.array([width / made.size[1], height / made.size[0]])
    nss, cc = [], []
    for values, points, told in zip(densities, made.gaze, truth, strict=True):
        there = points[np.isfinite(points).all(1)] * scale
        there = there[on(there, (height, width))].astype(int)
        if not len(there):
            continue
        standard = (values - values.mean()) / values.std()
        nss.append(float(standard[there[:, 1], there[:, 0]].mean()))
        cc.append(float(np.mean(standard * (told - told.mean()) / told.std())))
    return float(np.mean(nss)), float(np.mean(cc))


def variants(weights: Weights, every: Sequence[int]) -> dict[str, Callable[[Stills, Clip], Iterator[np.ndarray]]]:
    """What is compared, by name."""
    found: dict[str, Callable[[Stills, Clip], Iterator[np.ndarray]]] = {
        "centre": centred,
        "frame by frame": partial(carried, weights=FRAMEWISE),
        "smoothed over 2 s": smoothed,
        "all parts": partial(carried, weights=weights),
    }
    for part in PARTS:
        found[f"  without {part}"] = partial(carried, weights=weights.without(part))
    for number in every:
        found[f"  every {number} frames"] = partial(carried, weights=weights, every=number)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", type=Path, nargs="+")
    parser.add_argument("--split", default="test")
    parser.add_argument("--clips", type=int, default=6, help="of each set")
    parser.add_argument("--model", default="tempsal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, nargs="*", default=[2, 5, 10])
    for name, value in vars(Weights()).items():
        kind = {"action": argparse.BooleanOptionalAction} if isinstance(value, bool) else {"type": float}
        parser.add_argument(f"--{name}", default=value, **kind)
    args = parser.parse_args()
    weights = replace(Weights(), **{name: getattr(args, name) for name in vars(Weights())})
    predictor, rows = Predictor(args.model), dict[str, list[tuple[float, float]]]()
    took = {"still model": 0.0, "temporal model": 0.0}
    frames = cuts = found = false = 0
    for made in clips(args.roots, args.split, args.clips, args.seed):
        begun = time.perf_counter()
        seen = stills(predictor, made)
        took["still model"] += time.perf_counter() - begun
        truth = people(seen, made)
        begun = time.perf_counter()
        list(carried(seen, made, weights))
        took["temporal model"] += time.perf_counter() - begun
        model = TemporalModel(weights)
        told = [moment for (frame, _), moment in zip(seen, made.times, strict=True) if model.see(frame, moment).cut][1:]
        right = [moment for moment in told if min((abs(moment - cut) for cut in made.cuts), default=9.0) < 0.01]
        frames, cuts, found = frames + len(seen), cuts + len(made.cuts), found + len(right)
        false += len(told) - len(right)
        for name, run in variants(weights, args.every).items():
            rows.setdefault(name, []).append(score(run(seen, made), truth, seen, made))
    print(f"{len(rows['centre'])} clips, {frames} frames, {args.split}; {cuts} cuts, {found} found, {false} false")
    base = np.mean(rows["frame by frame"], 0)
    for name, values in rows.items():
        nss, cc = np.mean(values, 0)
        print(f"{name:24} NSS {nss:6.3f} ({nss - base[0]:+.3f})   CC {cc:6.4f} ({cc - base[1]:+.4f})")
    for name, seconds in took.items():
        print(f"{name}: {1000 * seconds / frames:.1f} ms a frame")


if __name__ == "__main__":
    main()
