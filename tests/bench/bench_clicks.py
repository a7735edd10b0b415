"""How many clicks it takes until 95 % of the boxes of a recording bear the right name, on made recordings.

    python tests/bench/bench_clicks.py [--seeds 3] [--seconds 60] [--found] [--figure clicks.png] [--keep FOLDER]

Each made recording (`data.synthetic.headcam`: layouts in motion, look-alikes, twins) becomes a project of `annotation`
as any video does: its frames are decoded and looked at by the saliency model, boxes are tracked. A click names one box;
the truth says the name. Boxes are those of a rough detector (`made_recordings`) or, with `--found`, of our object head.

    graph               rounds of `annotation`: `ROUND` boxes of its own choice are named, then it learns
    nearest feature     each box is of the class of the named box that looks most like it; the same clicks
    nearest, drawn      the same, and the boxes to name are drawn by chance
    tracks              a click names a whole track, the longest first; the others have no name
    tracks, nearest     the same, and the others are of the class of the named track that looks most like them
    fixations by hand   each fixation is named by itself, as is done today
    boxes by hand       each box is

A count is the first from which on 95 % were right for as long as was clicked: `LIMIT` times, tracks twice as often. A
fixation is right when it is on the same class as with the true names of all boxes: detection and gaze are the same for
all rules. Seed 0 was used while the questions were written; so recordings are of seeds from 1.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from annotation.tracks import unit
from data.synthetic.shelf import KINDS
from tests.bench.made_recordings import Case, case

RIGHT = 0.95
ROUND = 5  # clicks
LIMIT = 150
WHILE = 6  # rounds above `RIGHT` after which no more is clicked
AIM = 0.6  # fewer clicks
Names = np.ndarray  # objects (n,)


class Point(NamedTuple):
    """After so many clicks, the shares of boxes and of fixations whose class is right."""

    clicks: int
    boxes: float
    fixations: float


Curve = list[Point]


def graph(each: Case) -> tuple[Curve, list[int], list[float]]:
    """The curve of rounds of annotation, the boxes that it asked, and the seconds of each round.

    It goes on until the nearest feature has enough of the same clicks, too.
    """
    project = each.project
    curve: Curve = []
    seconds: list[float] = []
    while project.labels:
        project.undo()
    prediction = project.train()
    while len(project.labels) < LIMIT and not (enough(curve) and enough(nearest(each, list(project.labels)))):
        asked = project.ask(prediction, ROUND)
        if not asked:
            break
        project.label_all([(box, str(each.truth[box])) for box in asked])
        begin = time.perf_counter()
        prediction = project.train()
        seconds.append(time.perf_counter() - begin)
        curve.append(Point(len(project.labels), *each.right(prediction.names)))
    return curve, list(project.labels), seconds


def enough(curve: Sequence[Point]) -> bool:
    """Whether a curve has been above for a while."""
    return len(curve) >= WHILE and all(min(point[1:]) >= RIGHT for point in curve[-WHILE:])


def nearest(each: Case, clicks: Sequence[int]) -> Curve:
    """The curve of the nearest feature, with these boxes named in turn."""
    likeness = unit(each.project.boxes.features)

    def names(count: int) -> Names:
        known = np.array(clicks[:count])
        found = each.truth[known][(likeness @ likeness[known].T).argmax(1)]
        found[known] = each.truth[known]
        return np.asarray(found)

    return followed(each, names, len(clicks))


def tracks(each: Case, carried: bool) -> Curve:
    """The curve of clicks on tracks, the longest first, each on the box in its middle; `carried` to those like them."""
    boxes, likeness = each.project.boxes, unit(each.project.boxes.features)
    _, own, length = np.unique(boxes.track, return_inverse=True, return_counts=True)
    means = np.stack([likeness[own == track].mean(0) for track in range(len(length))])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    order = np.argsort(-length, kind="stable")
    middles = [np.flatnonzero(own == track) for track in order]
    said = each.truth[[rows[len(rows) // 2] for rows in middles]]

    def names(count: int) -> Names:
        told = order[:count]
        by_track = said[:count][(means @ means[told].T).argmax(1)] if carried else np.full(len(length), "?", object)
        by_track[told] = said[:count]
        return np.asarray(by_track[own])

    return followed(each, names, min(len(order), 2 * LIMIT))


def followed(each: Case, names: Callable[[int], Names], most: int) -> Curve:
    """The curve of a rule that names all boxes after so many clicks."""
    curve: Curve = []
    for count in range(ROUND, most + 1, ROUND):
        curve.append(Point(count, *each.right(names(count))))
        if enough(curve):
            break
    return curve


def by_hand(total: int) -> int:
    """Clicks where each names one thing."""
    return int(np.ceil(RIGHT * total))


def needed(curve: Sequence[Point], what: int) -> float:
    """Clicks from which on enough is right; inf: never, within the limit."""
    count = np.inf
    for point in reversed(curve):
        if point[what] < RIGHT:
            break
        count = point.clicks
    return float(count)


def measured(each: Case) -> tuple[dict[str, Curve], dict[str, tuple[float, float]], float]:
    """The curves of all rules, the clicks that boxes and fixations take, and the seconds of the longest round."""
    own, clicks, seconds = graph(each)
    drawn = np.random.default_rng(each.seed).permutation(len(each.truth))[:LIMIT].tolist()
    curves = {
        "graph": own,
        "nearest feature": nearest(each, clicks),
        "nearest, drawn": nearest(each, drawn),
        "tracks": tracks(each, carried=False),
        "tracks, nearest": tracks(each, carried=True),
    }
    counts = {rule: (needed(curve, 1), needed(curve, 2)) for rule, curve in curves.items()}
    counts["fixations by hand"] = (np.nan, by_hand(len(each.fixations)))
    counts["boxes by hand"] = (by_hand(len(each.truth)), np.nan)
    return curves, counts, max(seconds)


def cases(root: Path, kinds: Sequence[str], seeds: int, seconds: float, found: bool) -> Iterator[Case]:
    """The made recordings, one after the other."""
    for kind in kinds:
        for seed in range(1, seeds + 1):
            each = case(root, kind, seed, seconds, found)
            yield each
            each.project.close()


def told(each: Case) -> str:
    """What a recording holds."""
    project = each.project
    tracked, classes = len(set(project.boxes.track.tolist())), len(set(each.truth.tolist()))
    return (
        f"{each.kind} {each.seed}: {len(project.frames)} frames, {len(project.boxes)} boxes, {tracked} tracks, "
        f"{classes} classes, {len(each.fixations)} fixations"
    )


def table(kind: str, counts: Sequence[Mapping[str, tuple[float, float]]]) -> list[str]:
    """A row a rule: the median clicks for boxes and fixations, and how many fewer ours are."""
    rows = [f"{kind}: clicks until {RIGHT:.0%} are right, median of {len(counts)}; in brackets how many fewer ours are"]
    rows.append(f"  {'':18}{'boxes':>16}{'fixations':>16}")
    ours = np.median([each["graph"] for each in counts], 0).tolist()
    for rule in counts[0]:
        median = np.median([each[rule] for each in counts], 0).tolist()
        cells = "".join(
            f"{shown(value, 0 if rule == 'graph' else own):>16}" for value, own in zip(median, ours, strict=True)
        )
        rows.append(f"  {rule:18}{cells}")
    return rows


def shown(value: float, ours: float) -> str:
    """A count, and by how much ours is less; 0: it is ours."""
    if np.isnan(value):
        return "       "
    if np.isinf(value):
        return "never       "
    return f"{value:.0f} ({1 - ours / value:4.0%})" if ours else f"{value:.0f}       "


def main() -> None:
    """Measure, print a table a kind, and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seeds", type=int, default=1, help="recordings of each kind")
    parser.add_argument("--seconds", type=float, default=60, help="of a recording, at 5 frames a second")
    parser.add_argument("--found", action="store_true", help="boxes that our object head finds")
    parser.add_argument("--figure", type=Path, help="draw the curves into this PNG file")
    parser.add_argument("--keep", type=Path, help="where the projects are made, or are already")
    given = parser.parse_args()
    drawn: dict[str, list[dict[str, Curve]]] = {}
    whole: list[Mapping[str, tuple[float, float]]] = []
    summary: dict[str, dict[str, list[float | None]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        root = given.keep or Path(scratch)
        for kind in given.kinds.split(","):
            counts = []
            for each in cases(root, [kind], given.seeds, given.seconds, given.found):
                curves, count, longest = measured(each)
                drawn.setdefault(kind, []).append(curves)
                counts.append(count)
                print(f"{told(each)}; longest round {longest:.1f} s; graph {count['graph'][0]:.0f} clicks", flush=True)
            print("\n".join(table(kind, counts)), flush=True)
            whole += counts
            medians = {rule: np.median([c[rule] for c in counts], 0).tolist() for rule in counts[0]}
            summary[kind] = {rule: [v if np.isfinite(v) else None for v in both] for rule, both in medians.items()}
    print("\n".join(table("all", whole)))
    if given.figure:
        from tests.bench.click_figure import draw

        draw(drawn, given.figure, RIGHT)
    print(json.dumps({"right": RIGHT, "boxes and fixations": summary}))


if __name__ == "__main__":
    main()
