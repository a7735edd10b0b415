"""What the rows of people and the centre know, on clips where it can be said beforehand."""

import math

import numpy as np
import pytest

from data.errors import VideoError
from data.maps import rendered
from evaluation.video.gaze import FOLDS, ClipGaze, Truth
from evaluation.video.scoring import INSTANT, ONE_MAP, SINCE, ClipScores, People, centre, scores
from tests.evaluation.video.toy_clip import SIZE, ToyClip, apart, together


def people(clip: ToyClip, index: int, size: tuple[int, int] = SIZE) -> dict[str, dict[str, float]]:
    return People(ClipGaze.of(clip, size, 0), as_challenge=False).rows(index)


def test_nobody_predicts_himself() -> None:
    rows = people(ToyClip("apart", apart()), 2)
    for row in (ONE_MAP, INSTANT):
        assert rows[row]["nss"] < 0  # what the others look at is elsewhere
        assert rows[row]["auc"] < 0.5
        assert rows[row]["cc"] < 0.1


def test_where_nobody_says_who_looked_one_map_holds_the_same_persons_gaze() -> None:
    rows = people(ToyClip("apart", apart(20), known=False), 2)
    assert rows[ONE_MAP]["nss"] > 3
    assert rows[INSTANT]["nss"] < 0  # of this frame alone


def test_people_at_the_same_instant_know_what_moves_and_one_map_does_not() -> None:
    rows = people(ToyClip("together", together()), 6)
    assert rows[INSTANT]["nss"] > rows[ONE_MAP]["nss"] + 3
    assert rows[INSTANT]["cc"] > 0.9 > 0.5 > rows[ONE_MAP]["cc"]
    assert rows[INSTANT]["sim"] > rows[ONE_MAP]["sim"]
    assert rows[INSTANT]["auc"] > 0.98


def test_who_looks_at_one_place_all_the_time_is_known_from_one_map() -> None:
    gaze = np.tile(together(1), (12, 1, 1))
    rows = people(ToyClip("still", gaze), 6)
    assert rows[ONE_MAP]["nss"] == pytest.approx(rows[INSTANT]["nss"], rel=0.05)


def test_a_viewer_is_in_one_group_and_one_half_in_all_frames() -> None:
    gaze = ClipGaze.of(ToyClip("many", together(5, 25)), SIZE, 3)
    assert gaze.viewers == 25
    assert sorted(np.unique(gaze.fold)) == [*range(FOLDS)]
    folds, halves = gaze.fold.reshape(5, 25), gaze.half.reshape(5, 25)
    assert (folds == folds[0]).all()
    assert (halves == halves[0]).all()
    assert halves[0].sum() == 12  # the smaller half predicts the other
    others = ClipGaze.of(ToyClip("many", together(5, 25)), SIZE, 4)
    assert (gaze.fold != others.fold).any()  # each clip has draws of its own


@pytest.mark.parametrize(("rate", "known", "frames"), [(10, True, 1), (30, True, 3), (60, True, 5), (30, False, 1)])
def test_an_instant_is_forty_milliseconds_each_way_where_viewers_are_known(
    rate: float, known: bool, frames: int
) -> None:
    gaze = ClipGaze.of(ToyClip("clip", together(12, 8), rate, known), SIZE, 0)
    assert len(gaze.xy[gaze.about(6)]) == 8 * frames
    assert len(gaze.xy[gaze.about(0)]) == 8 * (frames // 2 + 1)
    assert len(gaze.xy[gaze.at(6)]) == 8


def test_one_viewer_is_predicted_by_nobody() -> None:
    assert people(ToyClip("one", together(4, 1)), 1) == {}


def test_the_sets_own_map_is_the_truth_and_without_places_there_is_no_nss() -> None:
    own = rendered(np.array([[50.0, 30.0]]), SIZE, 5.0)
    clip = ToyClip("maps", np.full((3, 2, 2), np.nan), maps=[own, own, np.zeros(SIZE, np.float32)])
    gaze = ClipGaze.of(clip, SIZE, 0)
    truth = Truth.of(clip, gaze, 0)
    assert truth is not None
    found = scores(own, truth, as_challenge=False)
    assert found["cc"] == pytest.approx(1)
    assert math.isnan(found["nss"])
    assert math.isnan(found["auc"])
    assert Truth.of(clip, gaze, 2) is None
    assert people(clip, 0) == {}


@pytest.mark.parametrize("bad", [np.full(SIZE, np.nan), np.full(SIZE, -1.0), np.zeros((0, 4)), np.zeros((4, 4, 3))])
def test_a_map_that_is_none_is_named(bad: np.ndarray) -> None:
    clip = ToyClip("maps", together(1), maps=[bad])
    with pytest.raises(VideoError, match=r"maps: the map of frame 0 is no map"):
        Truth.of(clip, ClipGaze.of(clip, SIZE, 0), 0)


def test_places_without_their_viewers_are_refused() -> None:
    clip = ToyClip("clip", together(2, 3))
    clip.viewers = lambda index: np.arange(2)  # type: ignore[method-assign]
    with pytest.raises(VideoError, match=r"clip: frame 0 has 3 places, but 2 viewers; mend its gaze"):
        ClipGaze.of(clip, SIZE, 0)


def test_on_a_smaller_grid_people_score_about_the_same() -> None:
    clip = ToyClip("together", together())
    large, small = people(clip, 6), people(clip, 6, (24, 32))
    assert small[INSTANT]["nss"] == pytest.approx(large[INSTANT]["nss"], rel=0.15)
    assert small[ONE_MAP]["cc"] == pytest.approx(large[ONE_MAP]["cc"], abs=0.05)


def test_gaze_beyond_the_frame_counts_nowhere() -> None:
    gaze = together(3, 4)
    gaze[:, 0] = (64.0, 10.0)  # one pixel right of the last one
    assert len(ClipGaze.of(ToyClip("beyond", gaze), SIZE, 0).xy) == 9


def test_the_centre_is_even_about_the_middle_and_sums_to_one() -> None:
    middle = centre((9, 16))
    assert middle.sum() == pytest.approx(1)
    assert np.array_equal(middle, middle[::-1, ::-1])
    assert middle.argmax() // 16 == 4


def test_nss_is_split_by_the_time_since_the_last_cut() -> None:
    found = ClipScores()
    for since, nss in ((0.0, 1.0), (0.49, 3.0), (0.5, 5.0), (2.0, math.nan), (9.0, 7.0)):
        found.add({"row": {"nss": nss, "cc": 0.5}}, since)
    means = found.means()["row"]
    assert [means[name] for name in SINCE] == pytest.approx([2.0, 5.0, math.nan, math.nan, 7.0], nan_ok=True)
    assert (means["nss"], means["cc"], found.frames) == (4.0, 0.5, 5)
