import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.errors import TableError
from data.gaze import Picture, Scanpath
from data.table import plot, summary
from data.table.read import read_table
from data.table.summary import Summary

WIDE = Picture("a.png", 30, 40)


def scanpath(*rows: tuple[float, float, float, float], subject: str = "s1", target: str = "") -> Scanpath:
    """One fixation a row: x, y, onset, duration."""
    found = np.array(rows, float).reshape(-1, 4)
    return Scanpath(subject, found[:, :2], found[:, 2], found[:, 3], "search" if target else "free", target)


def told(*paths: Scanpath, picture: Picture = WIDE) -> dict[str, object]:
    return summary.numbers(summary.summarise([(picture, paths)]))


def test_the_numbers_of_a_trial_that_can_be_reckoned_by_hand() -> None:
    path = scanpath((0, 0, 100, 300), (3, 4, 500, 500), (3, 44, 1200, 800))
    found = told(path)
    assert (found["pictures"], found["people"], found["trials"], found["fixations"]) == (1, 1, 1, 3)
    assert found["saccade_pixels"] == {"min": 5, "q1": 13.75, "median": 22.5, "q3": 31.25, "max": 40}
    assert found["saccade_share_of_diagonal"]["max"] == pytest.approx(0.8)  # type: ignore[index]
    assert found["duration_ms"]["median"] == 500  # type: ignore[index]
    assert found["first_onset_ms"]["median"] == 100  # type: ignore[index]
    assert found["outside_share"] == pytest.approx(1 / 3)
    assert found["mean_place"] == {"x": pytest.approx(0.05), "y": pytest.approx(0.05)}
    assert found["fixations_per_second"] == pytest.approx(3 / 2)  # the viewing ends at 2000 ms
    assert found["fixations_per_second_by_second"] == [2, 1]
    assert found["times"] == "recorded"


def test_viewers_who_stopped_are_not_waited_for() -> None:
    long = [scanpath((1, 1, 0, 900), (1, 1, 1500, 500), subject=f"s{n}") for n in range(2)]
    short = [scanpath((1, 1, 0, 500), subject=f"t{n}") for n in range(2)]
    rates = summary.summarise([(WIDE, (*long, *short))]).rates
    np.testing.assert_allclose(rates, [4 / 3, 2 / 2])  # the short ones look half of the first second


def test_onsets_are_estimated_from_durations_and_said_to_be() -> None:
    found = summary.summarise([(WIDE, (scanpath((1, 1, math.nan, 1000), (2, 2, math.nan, 1000)),))])
    assert found.timing == "estimated"
    np.testing.assert_allclose(found.begin, [280, 1380])  # 280 ms, then 1000 ms and a gap of at most 100 ms
    assert summary.numbers(found)["first_onset_ms"] is None


def test_trials_of_any_length_have_their_own_viewing_where_onsets_are_estimated() -> None:
    counts = [1, 2, 4, 4, 4, 8, 12, 40]
    paths = [scanpath(*[(1, 1, math.nan, 200)] * count, subject=f"s{count}", target="cup") for count in counts]
    found = summary.summarise([(WIDE, [path]) for path in paths])
    # 280 ms, then a fixation every 250 ms, the last of which ends the trial
    begin = np.concatenate([280 + 250.0 * np.arange(count) for count in counts])
    np.testing.assert_allclose(np.sort(found.begin), np.sort(begin))
    np.testing.assert_allclose(found.end, [230 + 250.0 * count for count in counts])
    assert found.rates[-1] == pytest.approx(4, rel=0.05)
    free = summary.summarise([(WIDE, [replace(path, task="free", target="")]) for path in paths])
    np.testing.assert_allclose(free.begin[-40:], 280 + 250.0 * np.arange(40))  # longer than the viewing of the others
    np.testing.assert_allclose(free.begin[3:7], 280 + 300.0 * np.arange(4))  # which fills their 2 s


def test_a_fixation_that_begins_with_the_last_second_over_is_in_none() -> None:
    found = summary.summarise([(WIDE, [scanpath((1, 1, 0, 500), (1, 1, 1000, 1000), (1, 1, 2000, 0))])])
    np.testing.assert_allclose(found.rates, [1, 1])


def test_fixations_that_overlap_by_less_than_half_are_one_recording() -> None:
    found = summary.summarise([(WIDE, [scanpath((1, 1, 0, 400), (4, 5, 210, 300))])])
    assert (found.mixed, found.length.tolist()) == (0, [5])
    assert summary.summarise([(WIDE, [scanpath((1, 1, 0, 400), (4, 5, 190, 300))])]).mixed == 1


def test_who_does_not_move_looks_in_no_direction() -> None:
    path = scanpath((3, 20, 0, 100), (3, 20, 200, 100), (3, 25, 400, 100))
    rose = [bar.get_height() for bar in plot.draw(summary.summarise([(WIDE, (path,))]), "toy").axes[4].patches]
    assert (rose[0], rose[18]) == (0, 100)  # downwards alone
    still = summary.summarise([(WIDE, [scanpath((3, 20, 0, 100), (3, 20, 200, 100))])])
    assert not plot.draw(still, "still").axes[4].patches[1:]


@pytest.mark.parametrize(
    "title", ["a$^$b", *(pytest.param(title, marks=pytest.mark.slow) for title in ("日本", "$", "\\frac"))]
)
def test_a_page_may_have_any_title(tmp_path: Path, title: str) -> None:
    plot.write(summary.summarise([(WIDE, [scanpath((1, 1, 0, 100))])]), title, tmp_path / "page.png")
    assert colours(tmp_path / "page.png") > 5


def test_without_durations_and_onsets_nothing_is_said_of_time() -> None:
    found = told(scanpath((1, 1, math.nan, math.nan), (2, 2, math.nan, math.nan), target="cup"))
    assert found["times"] == "unknown"
    assert found["fixations_per_second"] is found["duration_ms"] is found["first_onset_ms"] is None
    assert found["fixations_per_second_by_second"] == []
    assert (found["tasks"], found["targets"]) == ({"search": 1}, 1)
    json.dumps(found, allow_nan=False)


def test_a_trial_of_two_raters_is_counted_but_has_no_saccades() -> None:
    mixed = scanpath((1, 1, 0, 300), (9, 9, 2, 300), (1, 1, 400, 300), (9, 9, 390, 300))
    found = summary.summarise([(WIDE, (mixed, scanpath((1, 1, 0, 300), (4, 5, 310, 300), subject="s2")))])
    assert found.mixed == 1
    assert found.length.tolist() == [5]
    assert len(found.duration) == 6


def test_everybody_together_is_no_viewer_and_makes_no_saccades() -> None:
    everybody = scanpath((1, 1, math.nan, math.nan), (4, 5, math.nan, math.nan), subject="all")
    found = told(everybody)
    assert found["people"] is found["saccade_pixels"] is None
    assert (found["fixations"], found["trials_of_several_recordings"]) == (2, 1)


def test_recovered_times_that_go_back_are_no_second_pair_of_eyes() -> None:
    found = summary.summarise([(WIDE, (scanpath((1, 1, 900, math.nan), (4, 5, 400, math.nan)),))])
    assert found.mixed == 0
    assert found.length.tolist() == [5]


def test_a_set_in_which_nobody_looked_is_refused() -> None:
    with pytest.raises(TableError, match="no fixation in the data set; give"):
        summary.summarise([(WIDE, ())])


NUMBER = st.one_of(st.just(math.nan), st.floats(-1e9, 1e9))


@given(rows=st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), min_size=1, max_size=8))
def test_any_fixations_can_be_told(rows: list[tuple[float, float, float, float]]) -> None:
    found = summary.summarise([(WIDE, (scanpath(*rows), scanpath(rows[0], subject="s2")))])
    json.dumps(summary.numbers(found), allow_nan=False)
    assert np.isfinite(found.rates).all()


def colours(path: Path) -> int:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0))


LARGER = ("osie", "crowd", "scene", "interiors", "amazon_covers", "lund2013")  # sets that take seconds each


@pytest.mark.parametrize("name", ["hsem", *(pytest.param(name, marks=pytest.mark.slow) for name in LARGER)])
def test_real_sets_are_told_and_drawn(shared: Path, tmp_path: Path, name: str) -> None:
    found = summary.summarise(read_table(shared / name))
    json.dumps(summary.numbers(found), allow_nan=False)
    figure = plot.draw(found, name)
    titles = [axes.get_title() for axes in figure.axes[:6]]
    assert titles == [
        "Fixations per picture",
        "Fixation durations",
        "Saccade lengths",
        "Fixations per second of viewing",
        "Saccade directions",
        "Where fixations fall in the pictures",
    ]
    if name == "lund2013":
        assert found.mixed == len(found.per_trial) == 14
        plot.write(found, name, tmp_path / "new" / "report.png")
        assert colours(tmp_path / "new" / "report.png") > 20


def test_the_map_shows_where_and_the_rose_whither() -> None:
    right = scanpath((3, 20, 0, 100), (12, 20, 200, 100), (27, 20, 400, 100))
    figure = plot.draw(summary.summarise([(WIDE, (right,))]), "toy")
    rose = [bar.get_height() for bar in figure.axes[4].patches]
    assert rose[0] == 100
    assert sum(rose) == 100
    (image,) = figure.axes[5].images
    density = np.asarray(image.get_array())
    assert density.shape == (60, 45)
    assert density.mean() == pytest.approx(1, rel=1e-4)
    assert np.unravel_index(density.argmax(), density.shape)[0] == 30


def test_the_histogram_of_a_few_pictures_leaves_none_out() -> None:
    items = [(WIDE, (scanpath(*[(1, 1, math.nan, math.nan)] * count),)) for count in (132, 135, 242, 286)]
    figure = plot.draw(summary.summarise(items), "few")
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 4


@pytest.mark.slow
def test_one_fixation_is_enough_for_a_page(tmp_path: Path) -> None:
    alone = summary.summarise([(WIDE, (scanpath((-5, -5, math.nan, math.nan)),))])
    plot.write(alone, "alone", tmp_path / "report.png")
    assert colours(tmp_path / "report.png") > 5
    assert isinstance(alone, Summary)
