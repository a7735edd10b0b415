"""Recordings that were once read wrongly (`../shared/cases`), each through the whole command; see the README there."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from app.cli.main import main
from data.picture import save
from data.table.read import read_table

SCREEN = ("--screen-cm", "52x30", "--distance-cm", "65")


@pytest.fixture
def cases(shared: Path) -> Path:
    folder = shared.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases in {folder}")
    return folder


def fixations(tmp_path: Path, recording: Path, *flags: str) -> tuple[dict[str, np.ndarray], str]:
    """Onset, end, x and y of the fixations on each picture, in pixels of the screen, and what the command said."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("a", "b", "c"):
        save(pictures / f"{name}.png", np.zeros((40, 40, 3), np.uint8))
    words = ["data", "recording", str(recording), "-o", str(tmp_path / "set"), "--pictures", str(pictures)]
    done = CliRunner().invoke(main, [*words, "--placed", "0,0,40,40", *SCREEN, *flags])
    assert done.exit_code == 0, done.output
    found = {}
    for picture, paths in read_table(tmp_path / "set"):
        (path,) = paths
        found[picture.name] = np.column_stack([path.onset, path.onset + path.duration, path.xy])
    return found, done.output


def test_a_clock_that_begins_anew_mixes_no_pictures(cases: Path, tmp_path: Path) -> None:
    found, told = fixations(tmp_path, cases / "EL15-clock-back" / "s1.asc")
    assert set(found) == {"a.png", "b.png"}
    np.testing.assert_allclose(found["a.png"][:, 2], 300, atol=2)
    np.testing.assert_allclose(found["b.png"][:, 2], 800, atol=2)
    assert "its clock begins anew; it is read as 2 parts" in told


def test_a_far_jump_of_the_clock_makes_no_far_fixation(cases: Path, tmp_path: Path) -> None:
    flags = ("--stimulus", "a.png", "--screen", "1920x1080")
    found, told = fixations(tmp_path, cases / "PU" / "gaze_positions_jump.csv", *flags)
    assert found["a.png"][:, 1].max() < 5000
    assert "300 times of 'PU' are far from all others; they are left out" in told


@pytest.mark.parametrize(("name", "share"), [("loss_-1_8.csv", 0.8), ("loss_9999_60.csv", 6.0)])
def test_codes_for_a_lost_eye_are_no_places(cases: Path, tmp_path: Path, name: str, share: float) -> None:
    flags = ("--stimulus", "a.png", "--screen", "1920x1080", "--initial")
    found, told = fixations(tmp_path, cases / "CS" / name, *flags)
    first, *rest = found["a.png"]
    np.testing.assert_allclose(first, [0, 800, 600, 400], atol=8)
    np.testing.assert_allclose([row[2:] for row in rest], np.tile([1300, 700], (len(rest), 1)), atol=2)
    assert rest[0][0] == pytest.approx(800, abs=8)
    assert rest[-1][1] == pytest.approx(2000, abs=8)
    assert f"{share:.1f}% of them lost" in told


def test_missing_samples_of_edf2asc_are_lost(cases: Path, tmp_path: Path) -> None:
    found, told = fixations(tmp_path, cases / "EL6-neye-miss" / "s1.asc")
    assert len(found["a.png"]) == 2
    assert (found["a.png"][:, 2:] > 100).all()
    assert "28.6% of them lost" in told


def test_one_eye_is_taken_where_it_was_recorded(cases: Path, tmp_path: Path) -> None:
    found, told = fixations(tmp_path, cases / "EL2-eye-switch" / "s1.asc", "--eye", "left")
    assert set(found) == {"a.png", "c.png"}
    assert "1 trials were recorded without the left eye and are left out: b.png" in told


def test_whole_numbers_are_places(cases: Path, tmp_path: Path) -> None:
    found, _ = fixations(tmp_path, cases / "EL16-integer" / "s1.asc")
    np.testing.assert_allclose(found["a.png"][:, 2], [300, 700, 400], atol=2)


def test_events_may_be_on_the_clock_of_the_samples(cases: Path, tmp_path: Path) -> None:
    found, told = fixations(tmp_path, cases / "BI2")
    assert {name: len(rows) for name, rows in found.items()} == {"a.png": 4, "b.png": 4}
    for rows in found.values():
        assert all(min(abs(x - 600), abs(x - 1300)) < 3 for x in rows[:, 2])
        assert rows[:, 1].max() <= 2001
    assert not re.search("elsewhere|begins anew", told)
