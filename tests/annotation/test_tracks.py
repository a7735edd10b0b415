import itertools
from dataclasses import replace

import numpy as np
import pytest

from annotation import camera, tracks
from annotation.tracks import assigned, cheapest
from tests.annotation import made


@pytest.mark.parametrize("seed", range(12))
def test_an_assignment_is_as_cheap_as_the_cheapest_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 6))
    columns = int(rng.integers(rows, 7))
    cost = rng.random((rows, columns)).round(1)  # with ties
    chosen = assigned(cost)
    assert len(set(chosen.tolist())) == rows
    least = min(cost[range(rows), list(way)].sum() for way in itertools.permutations(range(columns), rows))
    assert cost[range(rows), chosen].sum() == pytest.approx(least)


@pytest.mark.parametrize("seed", range(8))
def test_pairs_that_do_not_fit_are_never_made(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost, fits = rng.random((5, 4)), rng.random((5, 4)) < 0.5
    pairs = cheapest(cost, fits)
    assert all(fits[pair] for pair in pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    left = fits.copy()
    left[[row for row, _ in pairs]] = False
    left[:, [column for _, column in pairs]] = False
    assert not left.any()  # costs are below 1, so nothing that fits is left alone


def test_nothing_to_pair_gives_no_pair() -> None:
    assert cheapest(np.zeros((0, 3)), np.zeros((0, 3), bool)) == []


@pytest.mark.parametrize("pan", [0.0, 9.0, -25.0])
def test_a_thing_stays_one_track_while_the_head_turns(pan: float) -> None:
    _, boxes, truth = made.desk(14, pan=pan)
    for name in set(truth):
        assert len(set(boxes.track[truth == name].tolist())) == 1, name
    assert np.median(boxes.link) > 0.7


def test_without_the_head_s_motion_a_quick_turn_would_break_tracks() -> None:
    frames, boxes, _truth = made.desk(14, pan=-25.0)
    still = replace(frames, motion=np.tile(camera.STILL, (14, 1, 1)))
    assert tracks.tracked(still, boxes).track.max() > boxes.track.max()


def test_a_thing_that_is_missed_for_a_moment_keeps_its_track() -> None:
    frames, boxes, truth = made.desk(10)
    kept = ~((boxes.frame >= 4) & (boxes.frame <= 6) & (truth == "pen"))
    fewer = replace(boxes, **{name: getattr(boxes, name)[kept] for name in vars(boxes) if name != "kinds"})
    found = tracks.tracked(frames, fewer)
    assert len(set(found.track[truth[kept] == "pen"].tolist())) == 1


@pytest.mark.parametrize("end", ["cut", "jump"])
def test_a_cut_and_a_jump_in_time_end_every_track(end: str) -> None:
    frames, boxes, _truth = made.desk(10)
    cut, times = frames.cut.copy(), frames.times.copy()
    if end == "cut":
        cut[5] = True
    else:
        times[5:] += 0.8
    found = tracks.tracked(replace(frames, cut=cut, times=times), boxes)
    assert not set(found.track[boxes.frame < 5].tolist()) & set(found.track[boxes.frame >= 5].tolist())
    assert (found.link[boxes.frame == 5] == 1).all()


def test_no_box_makes_no_track() -> None:
    frames, _, _ = made.desk(3)
    assert len(tracks.tracked(frames, made.boxes_of([], [], np.zeros((0, 3)))).track) == 0
