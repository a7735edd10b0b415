"""Codes for a lost eye, in every reader and unit: not one such sample is a place, and no fixation is made of them."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.events.detect import detect, detect_fixations
from data.gaze import Samples, Screen
from data.recorders import bids, delimited, eyelink, pupil_labs, tobii
from data.recorders.stages import lost_eyes
from data.recorders.stages.units import Setup
from tests.data.recorders.test_bids import study
from tests.data.recorders.test_eyelink import BINOCULAR, monocular, trial
from tests.data.recorders.test_eyelink import write as write_asc

SCREEN = Setup(1024, 768, 38.0, 30.0, 67.0)
SIZE = Screen(1024, 768, 38.0, 30.0, 67.0)
CODES = ["-1,-1", "0,0", "-32768,-32768", "100000000,100000000", "9999,9999", "-9999,-9999", ".,.", ",", "NaN,NaN"]
CODES += ["-1.0,-1.0", "0.000,0.000", "1e8,1e8", "-99,-99", "9999,300", "300,-32768", "-,-", "300,", "inf,inf"]


def with_codes(code: str, lost: range, shares: bool = False) -> list[str]:
    """Times in milliseconds and places of two fixations, the code at some rows."""
    random = np.random.default_rng(0)
    xy = np.where(np.arange(300)[:, None] < 150, [300.0, 200.0], [700.0, 500.0]) + random.normal(0, 0.4, (300, 2))
    cells = [f"{x / 1024:.6f},{y / 768:.6f}" if shares else f"{x:.2f},{y:.2f}" for x, y in xy]
    return [f"{4 * i},{code if i in lost else cell}" for i, cell in enumerate(cells)]


def check(trial: Samples, lost: range) -> None:
    assert np.flatnonzero(np.isnan(trial.xy).any(1)).tolist() == list(lost)
    path = detect_fixations(trial, detect(trial))
    assert all(min(np.hypot(*(xy - at)) for at in ([300, 200], [700, 500])) < 3 for xy in path.xy)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [range(40, 41), range(40, 48), range(30, 140)], ids=len)
@pytest.mark.parametrize("code", CODES)
def test_pixels(tmp_path: Path, code: str, lost: range) -> None:
    (tmp_path / "a.csv").write_text("\n".join(["time_ms,x,y", *with_codes(code, lost)]))
    (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=lambda _: None)
    check(found, lost)
    header = "Recording timestamp [ms]\tGaze point X [DACS px]\tGaze point Y [DACS px]"
    (tmp_path / "a.tsv").write_text("\n".join([header, *with_codes(code, lost)]).replace(",", "\t"))
    (found,) = tobii.read(tmp_path / "a.tsv", SCREEN, tell=lambda _: None)
    check(found, lost)
    rows = [f"{10**6 * int(it.split(',', 1)[0])},{it.split(',', 1)[1]}" for it in with_codes(code, lost)]
    (tmp_path / "gaze.csv").write_text("\n".join(["timestamp [ns],gaze x [px],gaze y [px]", *rows]))
    (found,) = pupil_labs.read(tmp_path / "gaze.csv", SCREEN, tell=lambda _: None)
    check(found, lost)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [range(40, 41), range(30, 140)], ids=len)
@pytest.mark.parametrize("code", [*CODES, "1,1", "3,0.5", "0.5,-1.2"])
def test_shares_of_the_screen(tmp_path: Path, code: str, lost: range) -> None:
    (tmp_path / "a.csv").write_text("\n".join(["time_ms,x,y", *with_codes(code, lost, shares=True)]))
    (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=lambda _: None)
    check(found, lost)
    rows = [
        f"{int(it.split(',', 1)[0]) / 1000},1.0,{it.split(',', 1)[1]}" for it in with_codes(code, lost, shares=True)
    ]
    (tmp_path / "gaze_positions.csv").write_text("\n".join(["gaze_timestamp,confidence,norm_pos_x,norm_pos_y", *rows]))
    (found,) = pupil_labs.read(tmp_path / "gaze_positions.csv", SCREEN, tell=lambda _: None)
    assert np.flatnonzero(np.isnan(found.xy).any(1)).tolist() == list(lost)


@pytest.mark.parametrize("code", CODES)
def test_bids(tmp_path: Path, code: str) -> None:
    path, lost = study(tmp_path), range(40, 48)
    rows = with_codes("n/a,n/a" if code == "," else code, lost)
    path.write_bytes(gzip.compress("\n".join(f"{row},1200" for row in rows).replace(",", "\t").encode()))
    (found,) = bids.read(path, tell=lambda _: None)
    check(found, lost)


def test_places_from_the_middle_of_the_screen_are_no_codes(tmp_path: Path) -> None:
    """There (0, 0) is the middle; but where it stays, as nothing else does, it is one, and what cannot be is lost."""
    for unit, origin in (("px", "centre"), ("deg", "topleft"), ("height", "topleft")):
        scale = {"px": 1.0, "deg": 0.01, "height": 0.001}[unit]
        rows = [f"{4 * i},{scale * (i % 7)},{scale * (i % 5)}" for i in range(60)]
        rows += [f"{4 * i},{code}" for i, code in zip(range(60, 70), ["0,0", "0,0", *["-1,-1"] * 8], strict=True)]
        rows += [f"{4 * i},9999,9999" for i in range(70, 80)]
        (tmp_path / "a.csv").write_text("\n".join(["time_ms,x,y", *rows]))
        options = {"unit": unit, "origin": origin}
        (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=lambda _: None, **options)  # type: ignore[arg-type]
        assert np.flatnonzero(np.isnan(found.xy).any(1)).tolist() == list(range(62, 80))


@pytest.mark.parametrize("blink", [True, False])
@pytest.mark.parametrize("miss", ["-1.0", "0.0", "100000000.0", "-32768.0", ".", "1e8", "-1"])
def test_eyelink(tmp_path: Path, miss: str, blink: bool) -> None:
    """What edf2asc -miss writes, with and without events of blinks."""
    rows = monocular(2000)
    rows[40:60] = [f"{2000 + 2 * i}\t  {miss}\t  {miss}\t    0.0\t..." for i in range(40, 60)]
    rows[60:60] = ["EBLINK R 2080\t2118\t40"] if blink else []
    (found,) = eyelink.read(write_asc(tmp_path, trial(1, 2000, "a.jpg", rows)), SCREEN, tell=lambda _: None)
    assert np.flatnonzero(np.isnan(found.xy).any(1)).tolist() == list(range(40, 60))


@pytest.mark.parametrize("eye", ["auto", "both"])
@pytest.mark.parametrize("miss", ["-1.0", ".", "0.0"])
def test_the_other_eye_stands_in(tmp_path: Path, miss: str, eye: str) -> None:
    rows = [f"{2000 + 2 * i}\t  400.0\t  300.0\t 1200.0\t  400.0\t  300.0\t 1100.0\t....." for i in range(60)]
    rows[20:30] = [row.replace("  400.0\t  300.0", f"  {miss}\t  {miss}", 1) for row in rows[20:30]]
    rows[40:45] = [row[::-1].replace("0.003  \t0.004  ", f"{miss[::-1]}\t{miss[::-1]}", 1)[::-1] for row in rows[40:45]]
    path = write_asc(tmp_path, trial(1, 2000, "a.jpg", rows, config=BINOCULAR))
    (found,) = eyelink.read(path, SCREEN, eye=eye, tell=lambda _: None)
    np.testing.assert_allclose(found.xy, np.tile([400.5, 300.5], (60, 1)))


def test_two_eyes_of_a_table_are_one_place(tmp_path: Path) -> None:
    rows = [f"{4 * i},{'-1,-1' if i == 3 else '400,300'},{'0,0' if i == 5 else '420,310'}" for i in range(40)]
    for header in (
        "time_ms,left_x,left_y,right_x,right_y",
        "t,lx,ly,rx,ry",
        "time,gaze_left_x,gaze_left_y,x_right,y_right",
    ):
        (tmp_path / "a.csv").write_text("\n".join([header, *rows]))
        told: list[str] = []
        (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=told.append)
        np.testing.assert_allclose(found.xy, np.tile([410, 305], (40, 1)))
        assert "of both eyes the mean is taken" in told[-1]
    (tmp_path / "a.csv").write_text(
        "\n".join(["time_ms,left_x,left_y", *(",".join(row.split(",")[:3]) for row in rows)])
    )
    (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=lambda _: None)
    assert np.flatnonzero(np.isnan(found.xy).any(1)).tolist() == [3]


def test_the_second_eye_of_a_bids_recording_stands_in(tmp_path: Path) -> None:
    path = study(tmp_path)
    other = path.with_name(path.name.replace("eye1", "eye2"))
    other.with_name(other.name.replace(".tsv.gz", ".json")).write_bytes(
        path.with_name(path.name.replace(".tsv.gz", ".json")).read_bytes()
    )
    other.write_bytes(path.read_bytes())
    rows = gzip.decompress(path.read_bytes()).decode().split("\n")
    rows[10:20] = ["\t".join([row.split("\t")[0], "-1", "-1", "0"]) for row in rows[10:20]]
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    (found,) = bids.read(path, tell=lambda _: None)
    assert np.flatnonzero(np.isnan(found.xy).any(1)).tolist() == [3]
    np.testing.assert_allclose(found.xy[10:20, 0], 400.5 + np.arange(10, 20))


@given(st.lists(st.tuples(st.floats(0.5, 1023), st.floats(0.5, 767)), min_size=1, max_size=30))
def test_no_place_on_the_screen_is_a_code(places: list[tuple[float, float]]) -> None:
    xy = np.array(places)
    np.testing.assert_array_equal(lost_eyes.seen(xy, xy, SIZE), xy)


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_what_is_seen_is_within_one_screen(x: float, y: float) -> None:
    xy = np.array([[x, y]])
    found = lost_eyes.seen(xy, xy, SIZE)
    assert np.isnan(found).all() or (-1024 <= found[0, 0] <= 2048 and -768 <= found[0, 1] <= 1536)


def test_the_other_eye_is_moved_by_what_lies_between_the_two() -> None:
    left = np.tile([100.0, 200.0], (9, 1))
    right = left + np.array([30, -10])
    left[2], right[4], left[6], right[6] = np.nan, np.nan, np.nan, np.nan
    for eye, place in (("both", (115, 195)), ("left", (100, 200)), ("right", (130, 190))):
        found = lost_eyes.joined(left, right, eye)
        np.testing.assert_allclose(np.delete(found, 6, 0), np.tile(place, (8, 1)))
        assert np.isnan(found[6]).all()
