"""Temporary files: short for every name, and swept when the process that left them has surely ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from data import atomic
from data.atomic import atomic_write, sweep

HOLD = """
import sys, time
from pathlib import Path
from data.atomic import atomic_write
with atomic_write(Path(sys.argv[1]) / "a.json") as file:
    file.write(b"half")
    file.flush()
    print("there", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["\u3042" * 85, "x" * 255, "a\udcff" * 100, "\U0001f600" * 63])
def test_a_name_as_long_as_the_system_allows_can_be_written(name: str, tmp_path: Path) -> None:
    with atomic_write(tmp_path / name) as file:
        file.write(b"whole")
    assert (tmp_path / name).read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) == 1


def test_one_thread_may_write_several_files_of_a_folder_at_once(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a") as one, atomic_write(tmp_path / "b") as two:
        one.write(b"1")
        two.write(b"2")
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"1", b"2"]


def left(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.endswith(".part"))


def aged(path: Path, seconds: float) -> Path:
    path.touch()
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_process_left_is_swept_when_it_is_old(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"there\n"
        (part,) = left(tmp_path)
        aged(part, 2 * atomic.DAY)
        sweep(tmp_path)
        assert left(tmp_path) == [part]  # its process lives
        other.send_signal(signal.SIGKILL)
        other.wait()
    os.utime(part)
    sweep(tmp_path)
    assert left(tmp_path) == [part]  # it is young
    aged(part, 2 * atomic.HOUR)
    with atomic_write(tmp_path / "b.json") as file:
        file.write(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]


def test_what_is_not_surely_left_over_stays(tmp_path: Path) -> None:
    dead, host = gone(), atomic._host()
    other = "0" * 8 if host != "0" * 8 else "1" * 8
    kept = [
        tmp_path / f".gaze-{other}-{dead}-1-0.part",  # of another computer
        tmp_path / f".gaze-{host}-{os.getpid()}-1-0.part",
        tmp_path / f".gaze-{host}-{10**30}-1-0.part",  # no number of a process
        tmp_path / f".a.json.{os.getpid()}-1.part",
        tmp_path / f"a.json.{dead}-1.part",  # none of ours
        tmp_path / ".half.part",
        tmp_path / "x.bin.part",
    ]
    for path in kept:
        aged(path, 9 * atomic.DAY)
    young = aged(tmp_path / f".b.json.{dead}-1.part", 2 * atomic.HOUR)
    (tmp_path / f".gaze-{host}-{dead}-2-0.part").mkdir()
    swept = [aged(tmp_path / f".gaze-{host}-{dead}-1-0.part", 2 * atomic.HOUR)]
    swept += [aged(tmp_path / f".a.json.{dead}-1.part", 2 * atomic.DAY)]
    sweep(tmp_path)
    assert set(left(tmp_path)) == {*kept, young, tmp_path / f".gaze-{host}-{dead}-2-0.part"}
    assert not any(path.exists() for path in swept)


def test_a_folder_is_swept_once_and_by_several_threads_at_a_time(tmp_path: Path) -> None:
    dead = gone()
    for number in range(50):
        aged(tmp_path / f".gaze-{atomic._host()}-{dead}-1-{number}.part", 2 * atomic.HOUR)
    threads = [threading.Thread(target=sweep, args=(tmp_path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left(tmp_path) == []
