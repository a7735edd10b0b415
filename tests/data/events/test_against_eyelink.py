"""Fixations found in real EyeLink recordings, against those that the EyeLink's own parser found (EFIX)."""

import re
from pathlib import Path

import numpy as np
import pytest

from data.events.agreement import Agreement, agreement
from data.events.detect import FIXATION, detect
from data.recorders import eyelink
from data.recorders._units import Setup

SCREEN = Setup(None, None, 38.0, 30.0, 67.0)  # 31.5 pixels a degree; the files say 35


def against_efix(path: Path, **options: float) -> Agreement:
    """How well the events of one file agree, of each eye by itself."""
    content = path.read_text(errors="replace")
    blocks = re.split(r"^START.*$", content, flags=re.MULTILINE)[1:]
    begins = [float(re.search(r"^\d+\.?\d*", block, re.MULTILINE)[0]) for block in blocks]  # type: ignore[index]
    events = re.findall(r"^EFIX\s+([LR])\s+(\d+\.?\d*)\s+(\d+\.?\d*)", content, re.MULTILINE)
    total = Agreement()
    for side in sorted({side for side, _, _ in events}):
        eye = {"L": "left", "R": "right"}[side]
        trials = eyelink.read(path, SCREEN, eye=eye, tell=lambda _: None)
        for trial, begin in zip(trials, begins, strict=True):
            time = trial.time - trial.time[0] + begin
            theirs = np.zeros(len(time), np.int8)
            for own, first, last in events:
                if own == side:
                    theirs[(time >= float(first)) & (time <= float(last))] = FIXATION
            total += agreement(theirs, detect(trial, **options), trial.time)
    return total


def test_fixations_agree_with_the_eyelink_parser(shared: Path) -> None:
    """With a least peak of 40 degrees a second, as its parser has (30, and an acceleration), F1 is .975: 77 of 79.

    The default, 20, also finds microsaccades, which the parser takes for parts of a fixation.
    """
    files = sorted((shared.parent / "recorders" / "eyelink").glob("cili_*.asc"))
    if not files:
        pytest.skip("no recordings in ../shared/recorders/eyelink")
    alike = sum((against_efix(path, floor=40.0) for path in files), Agreement())
    assert (len(files), alike.first) == (7, 79)
    assert alike.f1 >= 0.97
    assert sum((against_efix(path) for path in files), Agreement()).f1 >= 0.89
