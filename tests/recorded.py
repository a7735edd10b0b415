"""Made recordings for tests: what people looked at is known, and their files are as a recorder would write them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

SCREEN = (1000, 800)  # pixels
RATE = 250  # samples a second


def looks(
    random: np.random.Generator, places: Sequence[tuple[float, float]], spread: float, count: int = 10
) -> Float[np.ndarray, "l 2"]:
    """So many fixations of one person, each about one of some places, in pixels of the picture."""
    chosen = np.array(places)[random.integers(0, len(places), count)]
    return np.asarray(chosen + random.normal(0, spread, (count, 2)))


def table(
    xy: Float[np.ndarray, "l 2"], size: tuple[int, int], seed: int = 0, lost: float = 0.0, stimulus: str = ""
) -> bytes:
    """A table of samples (time in ms, x, y in pixels of a screen of `SCREEN`): 300 ms a fixation after one on a cross.

    The picture of this width and height lay in its own size in the middle of the screen.
    """
    random = np.random.default_rng(seed)
    corner = (np.array(SCREEN) - size) / 2
    places = np.concatenate([[np.array(SCREEN) / 2], xy + corner]).repeat(RATE * 3 // 10, 0)
    gaze = places + random.normal(0, 0.4, places.shape)
    gone = random.random(len(gaze)) < lost
    rows = [
        f"{1000 * number / RATE:.0f},{'' if gone[number] else f'{x:.1f}'},{'' if gone[number] else f'{y:.1f}'}"
        + (f",{stimulus}" if stimulus else "")
        for number, (x, y) in enumerate(gaze.tolist())
    ]
    return "\n".join([f"time,x,y{',stimulus' if stimulus else ''}", *rows]).encode()


def asc(trials: Sequence[tuple[str, Float[np.ndarray, "l 2"]]], size: tuple[int, int], seed: int = 0) -> bytes:
    """An EyeLink file of some pictures, each in its own size in the middle of a screen of `SCREEN`."""
    random = np.random.default_rng(seed)
    lines = ["** CONVERTED FROM x.edf", f"MSG\t1 DISPLAY_COORDS 0 0 {SCREEN[0] - 1} {SCREEN[1] - 1}"]
    corner = (np.array(SCREEN) - size) / 2
    for number, (name, xy) in enumerate(trials):
        start = 20_000 * (number + 1)
        places = np.concatenate([[np.array(SCREEN) / 2], xy + corner]).repeat(75, 0)
        lines += [f"MSG\t{start - 9} TRIALID {number}", f"MSG\t{start - 8} !V IMGLOAD CENTER {name} 500 400"]
        lines += [f"START\t{start}\tRIGHT\tSAMPLES\tEVENTS", "SAMPLES\tGAZE\tRIGHT\tRATE\t250.00\tTRACKING\tCR"]
        for i, (x, y) in enumerate((places + random.normal(0, 0.3, places.shape)).tolist()):
            lines += [f"MSG\t{start + 4 * i} SYNCTIME"] if i == 25 else []
            lines += [f"{start + 4 * i}\t{x:.1f}\t{y:.1f}\t1200.0\t..."]
        lines += [f"END\t{start + 4 * len(places)}\tSAMPLES\tEVENTS\tRES\t30.00\t30.00"]
    return ("\n".join(lines) + "\n").encode()
