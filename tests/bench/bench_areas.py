"""How near the measures of areas are to what people do, beside people themselves and what else was tried.

    python tests/bench/bench_areas.py ../shared/data/osie [more sets] [--split val] [--most 20] [--only observe]

Areas are the annotated objects of a picture, what is found in it, and five random rectangles and three polygons of
0.3 % to 20 % of it. Half of the people are what is to be known (6 divisions); the others, and each way of
`area_rivals`, are compared with them: mean absolute error, mean error and correlation of the share of looks, of who
sees an area, of the median time to the first look (of areas that a quarter sees), of dwell; the rank correlation of the
order of first looks. Then how far shares of the paths are from those of the map (gap), whether both have the same first
object (agree), how often it is people's (right), the sequence score of paths and people (mean over observers, and of
the typical one; all over annotated objects, or found ones), and milliseconds.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from app.predict.observers import Observers
from app.predict.picture_maps import PictureMaps, coverage
from data import maps
from data.areas import Area, rectangle
from data.gaze import Objects, Picture, Scanpath
from data.objects import assign
from data.picture import read
from data.table.read import read_objects, read_splits, read_table
from export.runtime.saliency import Predictor
from export.runtime.scene_objects import scene_objects
from scanpath.metrics.sequence import sequence_matrix
from tests.bench.area_rivals import Case, Way, joined, ways

SECONDS = {"crowd": 5.0}  # of viewing; else 3
DIVISIONS, PEOPLE, MOST_OBJECTS, MOST_FOUND = 6, 6, 12, 6
NUMBERS = ("share", "seen", "first", "dwell")


def areas_of(case: Picture, annotated: Objects, found: Objects, random: np.random.Generator) -> list[Area]:
    """Objects, found objects, random rectangles and polygons."""
    size = np.array([case.width, case.height])
    chosen = [rectangle("object", box) for box in (*annotated.boxes[:MOST_OBJECTS], *found.boxes[:MOST_FOUND])]
    for _ in range(5):
        extent, aspect = np.exp(random.uniform(np.log(0.003), np.log(0.2))), np.exp(random.normal(0, 0.4))
        sides = np.minimum(0.95, np.sqrt([extent * aspect, extent / aspect]))
        chosen.append(rectangle("rectangle", (*(random.random(2) * (1 - sides) * size), *(sides * size))))
    for _ in range(3):
        radius = np.sqrt(np.exp(random.uniform(np.log(0.01), np.log(0.2))) / 3)
        angles = np.sort(random.random(random.integers(3, 8))) * 2 * np.pi
        reach = radius * random.uniform(0.6, 1.4, len(angles))
        corners = random.uniform(radius, 1 - radius, 2) + np.stack([np.cos(angles), np.sin(angles)], 1) * reach[:, None]
        corners = np.clip(corners, 0, 1) * size
        if np.ptp(corners, 0).min() > 2:
            chosen.append(Area("polygon", tuple((float(x), float(y)) for x, y in corners)))
    return chosen


def people_of(picture: Picture, scanpaths: tuple[Scanpath, ...], seconds: float) -> Observers:
    """What people did, with their onsets or estimated ones."""
    rows = []
    for path in scanpaths:
        onset = maps.onsets(path, seconds)
        some = maps.on(path.xy, (picture.height, picture.width)) & (onset < seconds * 1000)
        rows.append(list(zip(path.xy[some], onset[some], path.duration[some], strict=True)))
    return joined([row for row in rows if row], seconds)


def measured(
    seen: Observers, areas: list[Area], seconds: float, some: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """The numbers of each area within the viewing of people, from some of the observers."""
    some = np.arange(len(seen)) if some is None else some
    onset = np.where(seen.onset < seconds * 1000, seen.onset, np.nan)[some]
    inside = seen.inside(areas)[some] & np.isfinite(onset)[..., None]
    ever, index = inside.any(1), inside.argmax(1)
    first = np.where(ever, np.take_along_axis(onset, index, 1) / 1000, np.nan)
    known = np.where(ever.any(0), first, 0.0)
    lasts = np.nan_to_num(np.minimum(seen.duration[some], seconds * 1000 - onset)) / 1000
    return {
        "share": inside.sum((0, 1)) / np.isfinite(onset).sum(),
        "seen": ever.mean(0),
        "first": np.where(ever.any(0), np.nanmedian(known, 0), np.nan),
        "dwell": (inside * lasts[..., None]).sum(1).mean(0),
        "number": np.where(ever, index + 1.0, onset.shape[1] + 1).mean(0),
    }


def orders(seen: Observers, found: Objects) -> list[np.ndarray]:
    """The objects of each observer in order, repeats merged."""
    paths = [assign(xy[np.isfinite(xy[:, 0])], found) for xy in seen.xy]
    paths = [path[path >= 0] for path in paths]
    return [path[np.flatnonzero(np.diff(path, prepend=-1))] for path in paths if len(path)]


def first_of(paths: list[np.ndarray], count: int) -> int:
    """The commonest first object."""
    return int(np.bincount([path[0] for path in paths], minlength=count).argmax())


class Tally:
    """Everything that is counted, by way and number."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
        self.single: dict[tuple[str, str], list[float]] = defaultdict(list)

    def compare(self, way: str, ours: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> None:
        """One division of people."""
        for name in NUMBERS:
            kept = np.isfinite(ours[name]) & np.isfinite(truth[name])
            if name == "first":
                kept &= truth["seen"] >= 0.25
            self.pairs[way, name].append(np.stack([ours[name], truth[name]])[:, kept])
        ranks = [np.argsort(np.argsort(each["number"])) for each in (ours, truth)]
        self.single[way, "order r"].append(float(np.corrcoef(*ranks)[0, 1]))

    def line(self, way: str) -> str:
        """A row of the table."""
        cells = []
        for name in NUMBERS:
            ours, truth = np.concatenate(self.pairs[way, name], 1)
            apart, bias = np.abs(ours - truth).mean(), (ours - truth).mean()
            cells.append(f"{apart:.3f} {bias:+.3f} {np.corrcoef(ours, truth)[0, 1]:.3f}")
        names = ("order r", "gap", "agree", "right", "SS", "typical", "ms")
        single = (f"{np.mean(self.single[way, name]):.3f}" if self.single[way, name] else "" for name in names)
        return f"| {way} | {' | '.join(cells)} | {' | '.join(single)} |"


def cases(
    root: Path, split: str, most: int | None, eyes: Predictor
) -> Iterator[tuple[Case, tuple[Scanpath, ...], Objects]]:
    """Pictures with what is predicted, what people did and what is annotated."""
    names = read_splits(root)[split][:most]
    annotated = read_objects(root) if (root / "objects.json").exists() else {}
    random, seconds = np.random.default_rng(0), SECONDS.get(root.name, 3.0)
    for picture, scanpaths in read_table(root):
        if picture.name not in names or picture.path is None or len(scanpaths) < PEOPLE:
            continue
        pixels = read(picture.path)
        prediction = eyes(pixels)
        found, known = scene_objects(pixels, prediction), annotated.get(picture.name, Objects(np.zeros((0, 4))))
        chosen = areas_of(picture, known, found, random)
        case = Case(picture, PictureMaps.of(prediction), prediction, found, chosen, seconds)
        yield case, scanpaths, known if len(known) > 1 else found


def look(case: Case, scanpaths: tuple[Scanpath, ...], things: Objects, tried: dict[str, Way], tally: Tally) -> None:
    """One picture."""
    random, areas, seconds = np.random.default_rng(len(scanpaths)), list(case.areas), case.seconds
    people = people_of(case.picture, scanpaths, seconds)
    planes = np.exp(case.maps.maps[1 : 1 + int(seconds)]).mean(0).ravel()
    shares = coverage(case.maps, areas).reshape(len(areas), -1) @ planes
    under = coverage(case.maps, [rectangle("", box) for box in things.boxes])
    smallest = np.argsort(things.boxes[:, 2:].prod(1), kind="stable")
    free, first_second = np.ones(under.shape[1:]), np.exp(case.maps.maps[1])
    mapped = np.zeros(len(things))
    for number in smallest:
        mapped[number] = (first_second * under[number] * free).sum()
        free = free * (1 - under[number])
    theirs = orders(people, things)
    ours = {}
    for name, way in tried.items():
        begun = time.perf_counter()
        ours[name] = way(case)
        tally.single[name, "ms"].append(1000 * (time.perf_counter() - begun))
    for name, seen in {"half of the people": people, **ours}.items():
        if len(theirs) < PEOPLE or len(things) < 2:
            break
        paths = orders(seen, things)
        agreement = sequence_matrix(paths, theirs)
        if name not in ours:
            np.fill_diagonal(agreement, np.nan)
        typical = int(sequence_matrix(paths, paths).sum(1).argmax())
        tally.single[name, "SS"].append(float(np.nanmean(agreement)))
        tally.single[name, "typical"].append(float(np.nanmean(agreement[typical])))
        first = first_of(paths, len(things))
        tally.single[name, "agree"].append(first == mapped.argmax())
        if name in ours:
            tally.single[name, "right"].append(first == first_of(theirs, len(things)))
    numbers = {name: measured(seen, areas, seconds) for name, seen in ours.items()}
    for name, each in numbers.items():
        tally.single[name, "gap"].append(float(np.abs(each["share"] - shares).mean()))
    for _ in range(DIVISIONS):
        one, other = np.array_split(random.permutation(len(people)), 2)
        truth = measured(people, areas, seconds, one)
        tally.compare("half of the people", measured(people, areas, seconds, other), truth)
        for name, each in numbers.items():
            tally.compare(name, each, truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", type=Path, nargs="+")
    parser.add_argument("--split", default="val")
    parser.add_argument("--most", type=int)
    parser.add_argument("--only", nargs="*")
    args = parser.parse_args()
    eyes = Predictor("tempsal", provider="cpu", threads=1, look=True)
    tried = {name: way for name, way in ways().items() if not args.only or name in args.only}
    tally = Tally()
    for root in args.roots:
        for case, scanpaths, things in cases(root, args.split, args.most, eyes):
            look(case, scanpaths, things, tried, tally)
    print(
        "| way | share: error, bias, r | seen | first look, s | dwell, s "
        "| order r | gap | agree | right | SS | typical | ms |"
    )
    print("|" + "---|" * 12)
    for name in ("half of the people", *tried):
        print(tally.line(name))


if __name__ == "__main__":
    main()
