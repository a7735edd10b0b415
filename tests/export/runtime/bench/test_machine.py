"""What is said of a machine follows from what its system tells, and nothing from silence."""

import os
import time
from pathlib import Path

import pytest

from export.runtime.bench import fresh, machine
from tests.contracts import glowing
from tests.toy_model import write

TICKS = os.sysconf("SC_CLK_TCK")
FIRST = "cpu  100 0 100 800 100 0 0 0 50 0"  # user, nice, system, idle, waiting, interrupts, stolen, guests
LATER = "cpu  {user} 0 100 {idle} 100 0 0 0 50 0"


def told(monkeypatch: pytest.MonkeyPatch, *lines: str, own: float = 0.0) -> float | None:
    """How busy a machine is whose /proc/stat has these first lines, one after another, and we used `own` seconds."""
    texts, times = [f"{line}\ncpu0 1 2 3\n" for line in lines], [0.0, own]
    monkeypatch.setattr(Path, "read_text", lambda self, *words, **more: texts.pop(0))
    monkeypatch.setattr(time, "process_time", lambda: times.pop(0))
    return machine.busy(0)


@pytest.mark.parametrize(
    ("user", "idle", "own", "share"),
    [(100, 900, 0.0, 0.0), (150, 850, 0.0, 0.5), (200, 800, 0.0, 1.0), (150, 850, 50 / TICKS, 0.0), (100, 800, 0, 0.0)],
)
def test_what_others_use_is_what_is_used_and_not_by_us(
    user: int, idle: int, own: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(monkeypatch, FIRST, LATER.format(user=user, idle=idle), own=own) == pytest.approx(share)


@pytest.mark.parametrize("line", ["", "intr 5", "cpu 1 2 3"])
def test_a_system_that_does_not_tell_is_asked_for_its_load(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.5 * machine.cores(), 0, 0))
    assert told(monkeypatch, line or "x") == 0.5
    monkeypatch.delattr(os, "getloadavg")
    assert told(monkeypatch, line or "x") is None


def test_the_yardsticks_are_rates() -> None:
    found = machine.yardsticks(2, 0)
    assert 0.1 < found.depthwise < 10_000
    assert 0.1 < found.matmul < 100_000


def test_the_processor_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.processor()
    monkeypatch.setattr(Path, "read_text", lambda *words, **more: "vendor: x\nmodel name\t: Abacus 3\n")
    assert machine.processor() == "Abacus 3"


@pytest.mark.slow
def test_a_fresh_process_tells_of_its_own_start_and_memory(toy_model: Path) -> None:
    held = bytearray(400_000_000)  # of ours, which is not its
    held[::4096] = bytes(1) * len(held[::4096])
    cold = fresh.ColdStart(**fresh.ask(1, str(toy_model), "cpu"))
    assert 0.1 < cold.import_s < 60
    assert 0 < cold.load_s < 60
    assert 0 < cold.first_s < 60
    assert cold.total_s == pytest.approx(cold.import_s + cold.load_s + cold.first_s)
    assert cold.peak_mb is None or 30 < cold.peak_mb < 350


def test_a_fresh_process_takes_a_frame_of_a_video(tmp_path: Path) -> None:
    cold = fresh.ColdStart(**fresh.ask(1, str(write(tmp_path / "toy-video.onnx", glowing())), "cpu"))
    assert 0 < cold.load_s < 60
    assert 0 < cold.first_s < 60


def test_a_fresh_process_that_fails_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"gone\.onnx: a fresh process .* fails \(.*\); .*\.$") as caught:
        fresh.ask(1, str(tmp_path / "gone.onnx"), "cpu")
    assert "\n" not in str(caught.value)
