"""How often each detector is right, by rate and noise: F1 of fixations against made recordings whose truth is known.

python tests/bench/bench_detectors.py

A recording of 40 seconds: fixations of 150 to 450 ms, saccades of 2, 5 or 10 degrees that last 2.2 ms a degree + 21 ms
(the main sequence), and white noise of so many degrees from sample to sample (RMS-S2S). A fixation is found when it
overlaps one of the truth by more than half of their union.
"""

import numpy as np

from data.errors import GazeError
from data.events.detect import METHODS, detect, detect_fixations
from data.events.quality import precision
from data.gaze import Samples, Screen

SCREEN = Screen(1920, 1080, 52, 30, 65)
DEGREE = SCREEN.pixels_per_degree
LENGTH = 40_000.0  # milliseconds

Spans = list[tuple[float, float]]


def recording(amplitude: float, rate: float, noise: float, seed: int = 0) -> tuple[Samples, Spans]:
    """Samples and when the fixations in them begin and end."""
    random = np.random.default_rng(seed)
    time = np.arange(0, LENGTH, 1000 / rate)
    xy, spans = np.zeros((len(time), 2)), Spans()
    place, now, lasting = np.array([960.0, 540.0]), 0.0, 2.2 * amplitude + 21
    while now < LENGTH:
        end = now + random.uniform(150, 450)
        xy[(time >= now) & (time < end)] = place
        spans.append((now, end))
        angle = random.uniform(0, 2 * np.pi)
        after = np.clip(place + amplitude * DEGREE * np.array([np.cos(angle), np.sin(angle)]), 100, [1800, 980])
        moving = (time >= end) & (time < end + lasting)
        share = ((time[moving] - end) / lasting)[:, None]
        xy[moving] = place + (after - place) * share**2 * (3 - 2 * share)
        place, now = after, end + lasting
    return Samples("made", "", time, xy + random.normal(0, noise / 2 * DEGREE, xy.shape), SCREEN), spans


def agreement(found: Spans, truth: Spans) -> float:
    """F1 of spans that overlap by more than half."""
    hits: set[int] = set()
    for begin, end in found:
        shares = [(min(end, b) - max(begin, a)) / (max(end, b) - min(begin, a)) for a, b in truth]
        best = int(np.argmax(shares))
        hits |= {best} if shares[best] > 0.5 else set()
    return 2 * len(hits) / (len(found) + len(truth))


def main() -> None:
    """Prints the table."""
    print("saccades  rate  noise  measured  " + "  ".join(METHODS))
    for amplitude in (2, 5, 10):
        for rate in (1000, 250, 60, 50, 30, 25):
            for noise in (0.05, 0.2, 0.3, 0.45, 0.7, 1.0):
                samples, truth = recording(amplitude, rate, noise)
                row = [f"{amplitude:8.0f}  {rate:4.0f}  {noise:5.2f}  {precision(samples):8.2f}"]
                for method in METHODS:
                    try:
                        path = detect_fixations(samples, detect(samples, method))
                        spans = list(zip(path.onset, path.onset + path.duration, strict=True))
                        row.append(f"{agreement(spans, truth):{len(method)}.2f}")
                    except GazeError:
                        row.append("-".rjust(len(method)))
                print("  ".join(row))


if __name__ == "__main__":
    main()
