import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from data import staging
from data.errors import TableError

HOLD = """
import sys, time
from pathlib import Path
from data.staging import staging_dir
with staging_dir(Path(sys.argv[1]), "part"):
    print("there", flush=True)
    time.sleep(60)
"""


def test_a_lock_holds_as_long_as_its_program_lives(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "new" / "set")], stdout=subprocess.PIPE)
    assert other.stdout
    with other.stdout:
        assert other.stdout.readline() == b"there\n"
        with (
            pytest.raises(TableError, match="another program is writing there"),
            staging.staging_dir(root(tmp_path), "part"),
        ):
            pass
        other.kill()
        other.wait()
    assert sorted(os.listdir(tmp_path / "new")) == [".set.part", ".set.part.lock"]
    with staging.staging_dir(root(tmp_path), "part") as found:
        assert found == tmp_path / "new" / ".set.part"
    assert os.listdir(tmp_path / "new") == [".set.part"]


def root(tmp_path: Path) -> Path:
    return tmp_path / "new" / "set"


def test_stages_of_two_kinds_do_not_meet(tmp_path: Path) -> None:
    with staging.staging_dir(root(tmp_path), "part") as one, staging.staging_dir(root(tmp_path), "download") as other:
        assert one != other


def test_a_set_that_appeared_while_one_waited_is_not_written_again(tmp_path: Path) -> None:
    root(tmp_path).mkdir(parents=True)
    (root(tmp_path) / "x").touch()
    with pytest.raises(TableError, match="exists already"), staging.staging_dir(root(tmp_path), "part"):
        pass
    assert os.listdir(tmp_path / "new") == ["set"]


def failing(code: int) -> Callable[..., None]:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return flock


NOLOCKS = """
import errno, fcntl
def unable(*_):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = unable
"""


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
@pytest.mark.filterwarnings("error")
def test_where_nothing_can_be_locked_a_file_is_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr("fcntl.flock", failing(code))
    with staging.staging_dir(root(tmp_path), "part"):
        told = pytest.raises(TableError, match=r"or remove .*/\.set\.part\.owner if there is none")
        with told, staging.staging_dir(root(tmp_path), "part"):
            pass
        assert sorted(os.listdir(tmp_path / "new")) == [".set.part", ".set.part.owner"]
    assert os.listdir(tmp_path / "new") == [".set.part"]


def test_a_killed_program_holds_nothing_even_where_nothing_can_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", NOLOCKS + HOLD, str(root(tmp_path))]
    other = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert other.stdout
    with other.stdout:
        assert other.stdout.readline() == b"there\n"
        other.kill()
        other.wait()
    assert ".set.part.owner" in os.listdir(tmp_path / "new")
    monkeypatch.setattr("fcntl.flock", failing(errno.ENOLCK))
    with staging.staging_dir(root(tmp_path), "part"):
        pass
    assert os.listdir(tmp_path / "new") == [".set.part"]


def test_a_disk_that_fails_is_no_other_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcntl.flock", failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"), staging.staging_dir(root(tmp_path), "part"):
        pass


RACE = """
import sys, time
from pathlib import Path
from data.errors import TableError
from data.staging import staging_dir
root, log = Path(sys.argv[1]), Path(sys.argv[2])
for turn in range(200):
    try:
        with staging_dir(root, "part"):
            with log.open("a") as file:
                file.write(f"in {sys.argv[3]}\\n")
            with log.open("a") as file:
                file.write(f"out {sys.argv[3]}\\n")
    except TableError as error:
        assert "another program is writing there" in str(error)
"""


def test_of_programs_that_race_one_is_inside_at_a_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", RACE, str(root(tmp_path)), str(log)]
    programs = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [program.wait(timeout=60) for program in programs] == [0, 0, 0]
    lines = log.read_text().splitlines()
    assert len(lines) > 200
    for entered, left in zip(lines[::2], lines[1::2], strict=True):
        assert (entered.split()[0], left) == ("in", entered.replace("in", "out"))
    assert os.listdir(tmp_path / "new") == [".set.part"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, TableError])
def test_a_program_that_fails_lets_go(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), staging.staging_dir(root(tmp_path), "part"):
        raise error
    assert os.listdir(tmp_path / "new") == [".set.part"]
    with staging.staging_dir(root(tmp_path), "part"):
        pass
