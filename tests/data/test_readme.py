"""What data/README.md says is true: its code runs, and the files and modules that it names are there."""

import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "data" / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_code_blocks_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(BLOCKS) >= 4
    for block in BLOCKS:
        exec(compile(block, "data/README.md", "exec"), {"__name__": "readme"})
        assert capsys.readouterr().out
    assert (tmp_path / "out" / "shelves" / "fixations.csv").is_file()


def test_the_files_that_are_named_are_there() -> None:
    files = sorted(set(re.findall(r"`([\w/]+\.py)`", README)))
    assert len(files) > 20
    assert all((ROOT / "data" / name).is_file() or (ROOT / name).is_file() for name in files)


def test_the_modules_and_functions_that_are_named_are_there() -> None:
    names = sorted(set(re.findall(r"`(data(?:\.\w+)+)", README)))
    assert len(names) > 6
    for name in names:
        pkgutil.resolve_name(name)
