"""How well a recording was measured: noise, loss, rate, and which detector copes with them.

precision   root mean square of the angles between successive samples (RMS-S2S), degrees, without the steps of
            saccades: those more than `STEPS` times as long, squared, as the median step. Holmqvist, Nyström &
            Mulvey, ETRA 2012, https://doi.org/10.1145/2168556.2168563.
loss        the share of samples without an eye
"""

import math
from dataclasses import dataclass, field

import numpy as np

from data.events.detect import MIN_RATE_VELOCITY
from data.events.velocity import angles
from data.gaze import Samples, Scanpath

STEPS = 10.0  # 0.1% of the steps of normal noise are longer
MAX_NOISE = 0.3  # degrees
MIN_RATE = 60.0  # samples per second: at that many and fewer a saccade is one to three samples


@dataclass
class Quality:
    """What is known of the samples of one recording, and how many fixations came of them."""

    subject: str = ""
    trials: int = 0
    samples: int = 0
    lost: int = 0
    fixations: int = 0
    rates: list[float] = field(default_factory=list)  # samples per second of each trial
    noises: list[float] = field(default_factory=list)  # precision of each trial, degrees

    def add(self, path: Scanpath) -> None:
        """Counts a trial and its fixations."""
        self.subject, self.trials, self.fixations = path.subject, self.trials + 1, self.fixations + len(path)

    @property
    def loss(self) -> float:
        """The share of samples without an eye; NaN without samples."""
        return self.lost / self.samples if self.samples else math.nan

    @property
    def rate(self) -> float:
        """Samples per second, the median trial's; NaN without samples."""
        return float(np.median(self.rates)) if self.rates else math.nan

    @property
    def precision(self) -> float:
        """Degrees, RMS of successive samples in the median trial; NaN where it is not known."""
        known = [noise for noise in self.noises if np.isfinite(noise)]
        return float(np.median(known)) if known else math.nan


def precision(samples: Samples) -> float:
    """The noise of a recording in degrees (RMS-S2S, see above); NaN where no two samples in a row are known."""
    squares = (np.diff(angles(samples), axis=0) ** 2).sum(1)
    squares = squares[np.isfinite(squares)]
    moved = squares[squares > 0]
    if not len(squares):
        return math.nan
    longest = STEPS * float(np.median(moved)) if len(moved) else 0.0
    return float(np.sqrt(squares[squares <= longest].mean()))


def doubt(rate: float, noise: float) -> str:
    """What to say of a recording in which the method "adaptive" may fail; "" where it copes.

    Rate in samples per second, noise in degrees, either NaN where unknown. Measured on made recordings with saccades of
    2, 5 and 10 degrees (`tests/bench/bench_detectors.py`): at 60 samples a second and fewer, "ivt" is right more often
    than "adaptive" once there is noise; at 250 and more, "adaptive" smooths more and is.
    """
    parts = [f"{rate:.4g} samples a second"] if rate <= MIN_RATE else []
    parts += [f"a noise of {noise:.2f} degrees from sample to sample (RMS)"] if noise > MAX_NOISE else []
    if not parts:
        return ""
    if rate < MIN_RATE_VELOCITY:
        advice = "velocities cannot be had there: --method idt is recommended"
    elif rate <= MIN_RATE:
        advice = "saccades are a few samples long there: --method ivt is recommended"
    else:
        advice = "no detector is sure there: compare --method ivt, and trust no fixation that only one of them finds"
    return f"{' and '.join(parts)}; {advice}"
