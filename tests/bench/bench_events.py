"""Our event detectors beside two human raters: Lund 2013 and lookAtPoint; then an hour of samples.

    python tests/bench/bench_events.py [../shared/data] [--markdown] [--hour 3600]

Lund 2013 has 34 recordings of pictures, videos and moving dots, labelled by the raters MN and RA; most at 500 Hz, some
at 200. lookAtPoint has six at 1000 Hz of a jumping point, labelled by one; S3 is left out, as its authors say.
Recordings of one kind are pooled: their events and samples are counted together. Samples whose time does not rise (the
last ones of five recordings) or that a rater left empty are left out.

Each cell is fixation F1, fixation kappa, saccade F1, saccade kappa (`data.events.agreement`). The numbers of the
default method were chosen on lookAtPoint and on the saccades of the videos, `pursuit=3` on videos and dots: their rows
are not held out. No number was chosen on the pictures; but that the thresholds come from medians and not from an
iteration was decided when the iteration ran away on six of them. pymovements, which gaze itself does without, is
compared where it is installed, with its own defaults.
"""

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.events.agreement import Agreement, agreement
from data.events.detect import BLINK, FIXATION, SACCADE, detect, detect_fixations
from data.events.velocity import angles
from data.gaze import Samples, Screen

KINDS = {"img": "pictures", "video": "videos", "dots": "moving dots", "point": "jumping point"}
Detector = Callable[[Samples], np.ndarray]


class Recording(NamedTuple):
    """Samples and what people said of them."""

    kind: str
    name: str
    samples: Samples
    raters: dict[str, np.ndarray]


def lund(root: Path) -> Iterator[Recording]:
    """The 34 recordings of Lund 2013; 1024 x 768 pixels on 38 x 30 cm, seen from 67 cm."""
    with (root / "lund2013" / "recordings.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        table = np.genfromtxt(root / "lund2013" / "samples" / row["file"], delimiter=",", skip_header=1)
        rises = np.append(True, np.diff(np.fmax.accumulate(table[:, 0])) > 0)
        table = table[rises & ~np.isnan(table[:, 3:]).any(1)]
        cm = [100 * float(row[name]) for name in ("screen_w_m", "screen_h_m", "view_dist_m")]
        screen = Screen(int(row["screen_w_px"]), int(row["screen_h_px"]), *cm)
        labels = np.where(table[:, 3:] == 6, 0, table[:, 3:]).astype(np.int8).T
        samples = Samples(row["subject"], row["stimulus"], table[:, 0], table[:, 1:3], screen)
        yield Recording(row["kind"], row["file"], samples, dict(zip(("MN", "RA"), labels, strict=True)))


def point(root: Path) -> Iterator[Recording]:
    """The recordings of lookAtPoint that its authors use; degrees become pixels of its screen, 1920 x 1080."""
    screen = Screen(1920, 1080, 53.3, 30.1, 56.5)
    density = np.array([screen.width / screen.width_cm, screen.height / screen.height_cm])
    for name in ("S1", "S2", "S4", "S5", "S6"):
        with np.load(root / "irf_lookatpoint" / f"lookAtPoint_EL_{name}.npz") as file:
            degrees = np.stack([file["x_deg"], file["y_deg"]], 1).astype(float)
            degrees[~file["valid"]] = np.nan
            at, labels = file["t_s"].astype(float) * 1000, file["evt"].astype(np.int8)
        xy = np.tan(np.radians(degrees)) * screen.distance_cm * density + np.array([screen.width, screen.height]) / 2
        yield Recording("point", name, Samples(name, "", at, xy, screen), {"expert": labels})


def compare(
    recordings: list[Recording], labels_found: list[np.ndarray], rater: str, label: int = FIXATION
) -> Agreement:
    """A rater and the labels found, all recordings together."""
    pairs = zip(recordings, labels_found, strict=True)
    return sum((agreement(each.raters[rater], mine, each.samples.time, label) for each, mine in pairs), Agreement())


def library(samples: Samples, method: str) -> np.ndarray:
    """What pymovements finds with its own defaults, as labels: I-VT, or all that is no microsaccade-or-larger."""
    from pymovements.events import ivt, microsaccades
    from pymovements.transforms.numpy import pos2vel

    speeds = pos2vel(angles(samples), samples.rate)
    if method == "ivt":
        frame, label, rest = ivt(speeds, samples.time, minimum_duration=100).frame, FIXATION, SACCADE
    else:
        frame, label, rest = microsaccades(speeds, samples.time, minimum_duration=6).frame, SACCADE, FIXATION
    labels = np.full(len(samples), rest, np.int8)
    labels[np.isnan(speeds).any(1)] = BLINK
    for onset, offset in frame.select("onset", "offset").rows():
        low, high = np.searchsorted(samples.time, [onset, offset])
        labels[low : high + 1] = label
    return labels


DETECTORS: dict[str, Detector] = {
    "adaptive (the default)": detect,
    "adaptive, pursuit=3": lambda samples: detect(samples, pursuit=3.0),
    "ivt": lambda samples: detect(samples, "ivt"),
    "idt": lambda samples: detect(samples, "idt"),
}
if find_spec("pymovements"):
    DETECTORS["pymovements ivt"] = lambda samples: library(samples, "ivt")
    DETECTORS["pymovements microsaccades"] = lambda samples: library(samples, "microsaccades")


def table(recordings: list[Recording]) -> list[list[str]]:
    """One row a kind and detector: the numbers against each rater."""

    def cell(one: Agreement, two: Agreement) -> str:
        return f"{one.f1:.3f} {one.kappa:.3f} / {two.f1:.3f} {two.kappa:.3f}"

    rows = []
    for kind, title in KINDS.items():
        chosen = [each for each in recordings if each.kind == kind]
        raters = list(chosen[0].raters)
        labels = {name: [detector(each.samples) for each in chosen] for name, detector in DETECTORS.items()}
        if len(raters) > 1:
            labels = {"RA, the other rater": [each.raters["RA"] for each in chosen], **labels}
        for name, labels_found in labels.items():
            pairs = [[compare(chosen, labels_found, rater, label) for label in (FIXATION, SACCADE)] for rater in raters]
            cells = [cell(*pair) for pair in pairs] + [""] * (2 - len(raters))
            if name.startswith("RA"):
                cells[1] = ""
            rows.append([title, name, *cells, ends_of(pairs[0][0])])
    return rows


def ends_of(agreed: Agreement) -> str:
    """How far begins and ends of fixations lie apart."""
    return f"{agreed.onset:.0f}, {agreed.offset:.0f}"


def show(rows: list[list[str]], markdown: bool) -> None:
    """Print the table."""
    head = ["recordings", "detector", "against MN (or the expert)", "against RA", "begin, end (ms rms)"]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for index, row in enumerate([head, *rows]):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        print("| " + " | ".join(cells) + " |" if markdown else "  ".join(cells).rstrip())
        if index == 0 and markdown:
            print("|" + "|".join("---" for _ in head) + "|")


def race(recording: Recording, seconds: int, rounds: int = 3) -> None:
    """One recording repeated to so many seconds at 1000 Hz: all detectors in turns, the best of the rounds counts."""
    count = 1000 * seconds
    source = recording.samples
    long = Samples(source.subject, "", np.arange(float(count)), np.resize(source.xy, (count, 2)), source.screen)
    works: dict[str, Detector] = {**DETECTORS, "default, fixations": lambda samples: detect(samples)}
    taken = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, detector in works.items():
            start = time.perf_counter()
            labels = detector(long)
            if name.endswith("fixations"):
                detect_fixations(long, labels)
            taken[name] = min(taken[name], time.perf_counter() - start)
    for name, best in taken.items():
        print(f"{name}: {count} samples in {best:.2f} s")
    for ours, theirs in (("ivt", "pymovements ivt"), ("adaptive (the default)", "pymovements microsaccades")):
        if theirs in taken:
            print(f"{theirs} takes {taken[theirs] / taken[ours]:.2f} times as long as {ours}")


def main() -> None:
    """Print the table and the race."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--hour", type=int, default=3600, help="seconds of samples to race over; 0 for none")
    chosen = parser.parse_args()
    recordings = [*lund(chosen.root), *point(chosen.root)]
    show(table(recordings), chosen.markdown)
    if chosen.hour:
        race(recordings[-1], chosen.hour)


if __name__ == "__main__":
    main()
