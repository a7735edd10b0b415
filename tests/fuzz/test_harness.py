"""What fuzzing is to find, it finds: every kind of wrong answer, hangs, deaths, and what is written elsewhere."""

import ctypes
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data.errors import GazeError
from tests.fuzz import mutate, targets, test_fuzz, worker
from tests.fuzz.targets import Target

SOUND = b"1,2\n3,4\n"


def target(run: Callable[[Path], object]) -> Target:
    return Target("one", lambda: [{"a.txt": SOUND}], lambda root, path: run(path))


def raises(error: BaseException) -> Callable[[Path], object]:
    def run(path: Path) -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        (lambda path: path.read_bytes(), ""),
        (raises(GazeError("a.txt: wrong; mend it.")), ""),
        (raises(GazeError("a.txt: wrong")), "sentence"),
        (raises(GazeError("a.txt:\nwrong.")), ""),  # is shown in one line
        (raises(ValueError("wrong.")), "ValueError"),
        (raises(MemoryError()), "MemoryError"),
        (raises(SystemExit(1)), "SystemExit"),
        (lambda path: targets._one_sentence(GazeError("no end")), "AssertionError"),
    ],
)
def test_every_answer_but_one_sentence_is_found(tmp_path: Path, run: Callable[[Path], object], kind: str) -> None:
    one = target(run)
    wrong = worker.try_one(one, 0, one.corpus(), tmp_path)
    assert (wrong[0] if wrong else "") == kind


def test_what_is_written_outside_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    watch = worker.Watch(tmp_path / "in")
    outside = tmp_path / "outside"
    does: dict[str, tuple[Callable[[], object], bool]] = {
        "in the folder": (lambda: (tmp_path / "in" / "x").write_text("x"), False),
        "a folder in it": (lambda: (tmp_path / "in" / "y").mkdir(), False),
        "read": (lambda: Path(__file__).read_text(), False),
        "beside it": (lambda: outside.write_text("x"), True),
        "by a relative name": (lambda: Path("in/../rel").write_text("x"), True),
        "renamed out of it": (lambda: (tmp_path / "in" / "x").rename(outside), True),
        "removed": (lambda: outside.unlink(), True),
        "a program": (lambda: subprocess.run(["true"], check=True), True),
    }
    for name, (act, found) in does.items():
        watch.on = True
        act()
        watch.on = False
        assert bool(watch.found) == found, name
        watch.found.clear()


def test_the_same_number_is_the_same_input_and_others_are_others() -> None:
    for name in test_fuzz.TARGETS:
        if name not in ("cache", "checkpoint"):
            corpus = test_fuzz.TARGETS[name].corpus()
            made = [mutate.damaged(corpus[0], corpus, random.Random(seed)) for seed in (*range(30), *range(30))]
            assert made[:30] == made[30:]
            assert sum(one != corpus[0] for one in made[:30]) > 20
            assert len({repr(one) for one in made}) > 20


def _die(path: Path) -> None:
    content = path.read_bytes()
    if content != SOUND:
        ctypes.string_at(0) if len(content) % 2 else time.sleep(60)


DYING = target(_die)


@pytest.mark.slow
def test_deaths_and_hangs_are_found_and_others_go_on_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUZZ_HANG", "1")
    tried, found = test_fuzz.fuzz("tests.fuzz.test_harness:DYING", tmp_path, 12)
    assert tried >= len(found) > 3
    assert {one["kind"] for one in found} == {"hang", "died with -11"}
