"""Tables of samples, however they are written: separators, decimal commas, units, names; what is wrong is said."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.delimited import read
from data.recorders.stages.units import Setup
from tests.damage import assert_survives

SCREEN = Screen(1024, 768, 38.0, 30.0, 67.0)
LUND = Path(__file__).parents[4] / "shared" / "data" / "lund2013"


def table(path: Path, step: float = 2.0, count: int = 50, form: str = "{t},{x},{y}", scale: float = 1.0) -> Path:
    """Samples that move from (400, 300) to the right and down."""
    rows = [form.format(t=round(step * i, 9), x=(400 + i) * scale, y=(300 + i / 2) * scale) for i in range(count)]
    header = form.format(t="time", x="x", y="y")
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def all_of(path: Path, screen: Any = SCREEN, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


def test_a_plain_table_is_one_trial_named_by_its_file(tmp_path: Path) -> None:
    (found,), told = all_of(table(tmp_path / "anna.csv"), stimulus="forest.jpg")
    assert (found.subject, found.stimulus, found.rate, told) == ("anna", "forest.jpg", 500, [])
    np.testing.assert_allclose(found.xy[[0, 49]], [[400.0, 300.0], [449.0, 324.5]])


@pytest.mark.parametrize(
    ("form", "comma"), [("{t};{x};{y}", True), ("{t}\t{x}\t{y}", True), ("{t}|{x}|{y}", False), ("{y},{x},{t}", False)]
)
def test_separators_decimal_commas_and_the_order_of_columns_do_not_matter(
    tmp_path: Path, form: str, comma: bool
) -> None:
    path = table(tmp_path / "a.csv", form=form)
    if comma:
        path.write_text(path.read_text().replace(".", ","))
    (found,), told = all_of(path)
    np.testing.assert_allclose(found.xy[[0, 49]], [[400.0, 300.0], [449.0, 324.5]])
    assert told == []


@pytest.mark.parametrize(("step", "unit"), [(0.002, "s"), (2, "ms"), (2000, "us"), (2_000_000, "ns")])
def test_the_unit_of_time_is_seen_from_its_step_and_said(tmp_path: Path, step: float, unit: str) -> None:
    path = table(tmp_path / "a.csv", step)
    (found,), told = all_of(path)
    assert found.rate == pytest.approx(500)
    assert told == (
        [] if unit == "ms" else [f"{path}: its times are taken for {unit}, which makes 500 samples a second."]
    )
    assert all_of(path, time_unit=unit)[0][0].rate == pytest.approx(500)


def test_a_wrong_unit_of_time_is_refused_and_a_wrong_header_is_mended(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", 0.002)
    with pytest.raises(RecordingError, match=r"its times in ms make 5e\+05 samples a second; give the unit of time"):
        all_of(path, time_unit="ms")
    path.write_text(path.read_text().replace("time", "t_ms", 1))
    (found,), told = all_of(path)
    assert found.rate == pytest.approx(500)
    assert "so they are taken for s" in told[-1]


def test_shares_of_the_screen_are_recognised_and_said(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", scale=1 / 1024)
    (found,), told = all_of(path)
    np.testing.assert_allclose(found.xy[0], [400, 300 * 768 / 1024])
    assert told == [f"{path}: x and y lie between 0 and 1, so they are taken for shares of the screen (norm)."]
    with pytest.raises(RecordingError, match="x and y lie between -1 and 1, so they are not pixels"):
        all_of(path, unit="px")
    with pytest.raises(RecordingError, match="most x and y lie beyond 0 to 1, so they are not norm"):
        all_of(table(tmp_path / "b.csv"), unit="norm")


def test_degrees_are_those_of_samples(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", scale=0.02)
    (found,), _ = all_of(path, unit="deg")
    np.testing.assert_allclose(found.degrees[[0, 49]], [[8.0, 6.0], [8.98, 6.49]])


def test_swapped_columns_and_places_off_the_screen_are_told(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", form="{t},{y},{x}", scale=2.2)
    path.write_text(path.read_text().replace("time,y,x", "time,x,y"))
    assert "fewer if x and y are swapped" in all_of(path)[1][0]
    assert "100% of the places are more than one screen away" in all_of(table(tmp_path / "b.csv", scale=9))[1][0]


def test_subjects_stimuli_and_trials_come_from_columns(tmp_path: Path) -> None:
    rows = ["participant_id;image;timestamp [ms];gaze x [px];gaze y [px]"]
    for who, what, start in (("ann", "a.jpg", 0), ("ann", "b.jpg", 1000), ("ann", "a.jpg", 2000), ("ben", "a.jpg", 0)):
        rows += [f"{who};{what};{start + 4 * i};{100 + i},5;200" for i in range(20)]
    (tmp_path / "all.csv").write_text("\n".join(rows))
    found, told = all_of(tmp_path / "all.csv")
    assert [(it.subject, it.stimulus) for it in found] == [
        ("ann", "a.jpg"),
        ("ann", "b.jpg"),
        ("ann", "a.jpg"),
        ("ben", "a.jpg"),
    ]
    assert [it.time[[0, -1]].tolist() for it in found] == [[0, 76]] * 4
    assert "time is 'timestamp [ms]', x is 'gaze x [px]'" in told[0]


def test_a_map_names_columns_and_is_checked(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", form="{t},{x},{y},7")
    path.write_text(path.read_text().replace("time,x,y,7", "zeit,links,oben,nr"))
    with pytest.raises(
        RecordingError,
        match="known as its time, x, y; give it, as in --columns time=NAME,x=NAME,y=NAME, among zeit, links, oben, nr",
    ):
        all_of(path)
    (found,), told = all_of(path, columns={"time": "zeit", "x": "links", "y": "oben", "trial": "nr"})
    assert len(found) == 50
    assert told == []
    with pytest.raises(RecordingError, match="no column 'rechts'; choose among zeit"):
        all_of(path, columns={"time": "zeit", "x": "rechts", "y": "oben"})
    with pytest.raises(RecordingError, match="no column is known as 'colour'"):
        all_of(path, columns={"colour": "nr"})


def test_a_table_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    path.write_text(path.read_text().split("\n", 1)[1])
    (found,), told = all_of(path, columns={"time": "1", "x": "2", "y": "3"})
    assert len(found) == 50
    assert told == [f"{path}: no header, so its columns are named 1 to 3."]


def test_clocks_that_jump_repeat_or_begin_anew(tmp_path: Path) -> None:
    lines = table(tmp_path / "a.csv").read_text().splitlines()
    mixed = [lines[0], *lines[20:30], *lines[1:20], *lines[30:]]
    (tmp_path / "a.csv").write_text("\n".join(mixed))
    (found,), _ = all_of(tmp_path / "a.csv")
    np.testing.assert_allclose(found.xy[:, 0], 400 + np.arange(50))
    (tmp_path / "a.csv").write_text("\n".join([*lines, *lines[1:]]))
    assert [len(it) for it in all_of(tmp_path / "a.csv")[0]] == [50, 50]
    (tmp_path / "a.csv").write_text("\n".join([lines[0], *(line for line in lines[1:] for _ in "12")]))
    (found,), told = all_of(tmp_path / "a.csv")
    assert len(found) == 50
    assert "50% of the times of 'a' on '' are there twice; the first is kept" in told[0]
    (tmp_path / "a.csv").write_text("\n".join([*lines, "-3997700.7,,"]))
    (found,), told = all_of(tmp_path / "a.csv")
    assert len(found) == 50
    assert "1 times of 'a' on '' are far from all others" in told[0]


def test_lost_samples_and_a_cut_off_last_row_are_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,x,y\n0,1,2\n2,,\n4,NaN,.\n6,NA,n/a\n8,5")
    (found,), _ = all_of(path)
    assert np.isfinite(found.xy).all(1).tolist() == [True, False, False, False, False]


def test_one_sample_is_a_trial_of_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,x,y\n17,100,200\n")
    (found,), _ = all_of(tmp_path / "a.csv")
    assert found.time.tolist() == [0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "the file is empty"),
        ("time,x,y\n", "no row below the header"),
        ("time\n1\n", "only one column"),
        ("time,x,y\n0,1,2\n2,1.5,2,5\n", "its rows do not fit its 3 columns"),
        ("time,x,y\n0,1,2\n2,ten,3\n", "line 3: x is 'ten'; write a number such as 12.5"),
        ("# a\ntime,x,y\n0,1,2\n\n# b\n2,ten,3\n", "line 6: x is 'ten'"),
        ("time;x;y\n0;1.234,5;2\n", "line 2: x is '1.234,5'; write"),
        ('time,x,"' + "a" * 200_000 + "\n1,2,3\n", "line 1: no names of columns"),
        ("time,gaze x,GazeX\n0,1,2\n", "no column is known as its y;"),
        ("# only\n# comments", "it holds comments only"),
        ("time,x,y\n,1,2\n,3,4\n", "no row has a time"),
    ],
)
def test_what_is_broken_is_said_in_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(RecordingError, match=sentence):
        all_of(tmp_path / "a.csv")


def test_trials_mixed_row_by_row_are_refused(tmp_path: Path) -> None:
    rows = [f"{'ab'[i % 2]},{4 * i},100,200" for i in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["image,time,x,y", *rows]))
    with pytest.raises(RecordingError, match="its trials are mixed row by row; sort its rows"):
        all_of(tmp_path / "a.csv")


def test_a_screen_that_is_not_wholly_known_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"of the screen its distance in cm; give it, as in --distance-cm 67"):
        all_of(table(tmp_path / "a.csv"), Setup(1024, 768, 38, 30))


def test_headers_in_any_script_are_told_apart(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    path.write_text(path.read_text().replace("time,x,y", "時刻,横,縦"), "utf-8")
    (found,), told = all_of(path, columns={"time": "時刻", "x": "横", "y": "縦"})
    np.testing.assert_allclose(found.xy[[0, 49]], [[400.0, 300.0], [449.0, 324.5]])
    assert told == []
    path.write_text(path.read_text("utf-8").replace("時刻,横,縦", "t,Höhe,Hhe"), "utf-8")
    (found,), _ = all_of(path, columns={"y": "Höhe", "x": "Hhe"})
    np.testing.assert_allclose(found.xy[0], [300, 400])
    path.write_text("time,GX,gx,y\n0,1,2,3\n")
    assert all_of(path, columns={"x": "gx"})[0][0].xy.tolist() == [[2, 3]]
    path.write_text("()-%,?,!\n0,1,2\n")
    with pytest.raises(RecordingError, match="no column '%'"):
        all_of(path, columns={"time": "%", "x": "?", "y": "!"})


def test_one_column_cannot_be_two(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="x is 'x', y is 'x'; give three columns"):
        all_of(table(tmp_path / "a.csv"), columns={"y": "x"})


def test_a_map_may_leave_columns_to_be_guessed_and_write_names_in_any_case(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", form="{t},{t},{x},{y}")
    path.write_text(path.read_text().replace("time,time,x,y", "t_abs,time,gaze_x,gaze_y"))
    (found,), told = all_of(path, columns={"time": "T Abs"})
    np.testing.assert_allclose(found.xy[0], [400, 300])
    assert told == [f"{path}: x is 'gaze_x', y is 'gaze_y'."]


def test_rows_may_end_with_a_separator_and_comments_may_lie_between(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time;x;y\n0;1;2;\n# pause\n2;3;4\n4;5;6;\n")
    (found,), _ = all_of(path)
    np.testing.assert_allclose(found.xy[:, 1], [2, 4, 6])


def centred(path: Path, scale: float) -> Path:
    """PsychoPy's places: they count from the middle of the screen, upwards; the eye is at (482, 434) of it."""
    form = "{t},{x},{y}"
    rows = [form.format(t=2 * i, x=(-30 + i % 9) * scale, y=(-50 + i % 7) * scale) for i in range(50)]
    path.write_text("\n".join(["time,x,y", *rows]))
    return path


def test_places_that_count_from_the_middle_are_refused_until_it_is_said(tmp_path: Path) -> None:
    path = centred(tmp_path / "a.csv", 1.0)
    with pytest.raises(RecordingError, match="unless they count from its middle, as PsychoPy's do; give --origin cent"):
        all_of(path)
    (found,), told = all_of(path, origin="centre")
    np.testing.assert_allclose(found.xy[0], [512 - 30, 384 + 50])
    assert told == []
    with pytest.raises(RecordingError, match="no origin 'left'; choose one of topleft, centre"):
        all_of(path, origin="left")


def test_small_places_on_both_sides_of_nought_are_not_shares_of_the_screen(tmp_path: Path) -> None:
    path = centred(tmp_path / "a.csv", 1 / 768)
    for options in ({}, {"origin": "centre"}):
        with pytest.raises(RecordingError, match="between -1 and 1, so they count from the middle of the screen; give"):
            all_of(path, **options)
    right = centred(tmp_path / "c.csv", -1 / 768)
    with pytest.raises(RecordingError, match="so they count from the middle of the screen"):
        all_of(right, origin="centre")
    np.testing.assert_allclose(all_of(path, unit="height")[0][0].xy[0], [512 - 30, 384 + 50])
    np.testing.assert_allclose(all_of(path, unit="norm", origin="centre")[0][0].xy[0], [492, 409])
    far = centred(tmp_path / "b.csv", 1 / 50)
    np.testing.assert_allclose(all_of(far, unit="deg", origin="centre")[0][0].degrees[0], [-0.6, 1.0])


def test_places_off_the_screen_are_told_in_every_unit(tmp_path: Path) -> None:
    for unit, scale in (("norm", 1 / 200), ("deg", 1 / 10), ("height", 1 / 200)):
        told = all_of(table(tmp_path / "a.csv", scale=scale), unit=unit)[1]
        assert re.search("100% of the (samples are off the screen|places are more than one screen away)", told[-1])


@pytest.mark.parametrize(("none", "scale"), [("0,0", 1.0), ("-1,-1", 1.0), ("-1,-1", 1 / 1024)])
def test_the_corner_stands_for_a_lost_eye(tmp_path: Path, none: str, scale: float) -> None:
    path = table(tmp_path / "a.csv", scale=scale)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-3], *(f"{100 + 2 * i},{none}" for i in range(3))]))
    (found,), _ = all_of(path)
    assert np.isnan(found.xy).all(1).sum() == 3
    path.write_text("\n".join([*lines, *(f"{2 * i},{500 * scale},0.3" for i in range(50, 200)), f"400,{none}"]))
    (found,), _ = all_of(path)
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == [200]


def test_a_number_of_a_trial_that_comes_again_is_another_trial(tmp_path: Path) -> None:
    rows = [f"1,{2 * i},{100 + block},200" for block in (1, 2) for i in range(50)]
    (tmp_path / "a.csv").write_text("\n".join(["trial,time,x,y", *rows]))
    assert [it.xy[0, 0] for it in all_of(tmp_path / "a.csv")[0]] == [101, 102]


def test_times_below_nought_count_from_the_onset(tmp_path: Path) -> None:
    rows = [f"{2 * i - 40},500,200" for i in range(50)]
    (tmp_path / "a.csv").write_text("\n".join(["time,x,y", *rows]))
    (found,), _ = all_of(tmp_path / "a.csv")
    assert found.time[[0, 20]].tolist() == [-40, 0]


@given(data=st.data())
def test_a_damaged_table_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    whole = table(tmp_path / "whole.csv", count=12, form="{t},{x},{y},a.jpg").read_bytes()
    assert_survives(tmp_path / "a.csv", whole.replace(b",a.jpg", b",image", 1), data, all_of)


@pytest.mark.slow
@pytest.mark.skipif(not LUND.is_dir(), reason="needs the recordings of ../shared/data/lund2013")
def test_recordings_of_lund_keep_all_their_samples() -> None:
    files = sorted((LUND / "samples").glob("img__*.csv"))
    assert len(files) == 14
    for path in files:
        found, _ = all_of(path, columns={"time": "t_ms", "x": "x", "y": "y"})
        assert len(found) == 1
        assert found[0].rate == pytest.approx(200 if "47_" in path.name else 500, rel=0.02)  # U.47: 5 ms apart
        assert len(found[0]) >= len(path.read_text().splitlines()) - 3  # a few carry a time of minus an hour
        assert np.isfinite(found[0].xy).all(1).mean() > 0.8
