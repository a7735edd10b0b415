"""No file of any kind ends in anything but an answer or a `GazeError`, whatever is in it.

`make fuzz` tries damaged files for ten minutes (FUZZ_SECONDS, over all targets) and prints how many; a few of each are
tried with all other tests. FUZZ_FIRST is the number of the first input: another one tries others. A finding names its
target and number, and `python -m tests.fuzz.worker "TARGET" BOX NUMBER 0` leaves that input in `BOX/in`.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import targets, worker

ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("FUZZ_SECONDS", 0))
FIRST = int(os.environ.get("FUZZ_FIRST", 0))
FEW = 12  # inputs of each target beside the long run
TARGETS = targets.targets()


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "cache"])
@pytest.mark.filterwarnings("ignore")
def test_a_few_damaged_files_end_in_an_answer_or_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    target = TARGETS[name]
    target.once()
    corpus = target.corpus()
    assert corpus
    found = {number: worker.try_one(target, number, corpus, tmp_path) for number in range(-1, FEW)}
    assert {number: wrong for number, wrong in found.items() if wrong} == {}


@pytest.mark.fuzz
@pytest.mark.skipif(not SECONDS, reason="takes minutes: make fuzz")
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_end_in_an_answer_or_one_sentence(name: str, tmp_path: Path) -> None:
    tried, found = fuzz(name, tmp_path, SECONDS / len(TARGETS))
    print(f"\n{name}: {tried:,} inputs, {len(found)} findings")
    kinds = Counter((one["kind"], one["words"].split(":")[0]) for one in found)
    for (kind, words), count in kinds.most_common():
        first = next(one for one in found if (one["kind"], one["words"].split(":")[0]) == (kind, words))
        print(f"  {count} x {kind}, the first is number {first['number']}: {first['words']}")
    assert tried
    assert not found


def fuzz(name: str, box: Path, seconds: float) -> tuple[int, list[dict[str, Any]]]:
    """How many inputs were tried, and what was found; where a process dies or hangs, another goes on after it."""
    number, left = FIRST, seconds
    found: list[dict[str, Any]] = []
    while left > 0:
        command = [sys.executable, "-m", "tests.fuzz.worker", name, str(box), str(number), str(left)]
        before = os.times().elapsed
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        left -= os.times().elapsed - before
        if not (box / "now").exists():
            raise RuntimeError(f"{name}: the worker did not begin: {ended.stderr[-2000:]}")
        number = int((box / "now").read_text())
        if ended.returncode:
            stack = (box / "stacks").read_text()
            kind = "hang" if "Timeout" in stack else f"died with {ended.returncode}"
            words = " < ".join(line.strip() for line in stack.splitlines()[2:5]) or ended.stderr[-300:]
            found.append({"target": name, "number": number, "kind": kind, "words": words})
            number += 1
    if (box / "found.jsonl").exists():
        found += [json.loads(line) for line in (box / "found.jsonl").read_text().splitlines()]
    return number - FIRST, found
