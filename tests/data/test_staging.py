import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data import staging
from data.errors import TableError

HOLD = """
import sys, time
from pathlib import Path
from data.staging import growing
with growing(Path(sys.argv[1]), "part"):
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


@pytest.mark.parametrize("how", ["no locks in Python", "no locks on the disk"])
def test_where_nothing_can_be_locked_the_file_is_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    if how == "no locks in Python":
        monkeypatch.setattr(staging, "fcntl", None)
    else:
        monkeypatch.setattr(staging.fcntl, "flock", unable)
    with staging.staging_dir(root(tmp_path), "part"):
        told = pytest.raises(TableError, match=r"or remove .*/\.set\.part\.lock if there is none")
        with told, staging.staging_dir(root(tmp_path), "part"):
            pass
        assert sorted(os.listdir(tmp_path / "new")) == [".set.part", ".set.part.lock"]
    assert os.listdir(tmp_path / "new") == [".set.part"]


def test_a_disk_that_fails_is_no_other_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(staging.fcntl, "flock", broken)
    with pytest.raises(OSError, match="Input/output error"), staging.staging_dir(root(tmp_path), "part"):
        pass
