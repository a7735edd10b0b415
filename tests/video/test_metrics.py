"""The scores of the video challenges against a clip whose numbers are worked out by hand.

The prediction of each frame of 4 x 4 pixels is 1 to 16, row by row: mean 8.5, variance (16^2 - 1) / 12 = 21.25.
Frame 0 is fixated at the values 16 and 11, which lie on the diagonal; frame 1 at 4 and 13, in two corners; frame 2 at
6, three times, and 16; frame 3 nowhere. The truth is 1 where a pixel is fixated.
"""

import math
import pkgutil

import numpy as np
import pytest
import torch

import video
from video import metrics

STD = math.sqrt(21.25)
PREDICTION = np.arange(1.0, 17.0).reshape(4, 4)
CLIP = np.stack([PREDICTION] * 4)


def counted(*places: tuple[int, int]) -> np.ndarray:
    """How often each pixel is among the places, (row, column)."""
    counts = np.zeros((4, 4), int)
    for place in places:
        counts[place] += 1
    return counts


FIXATIONS = np.stack(
    [
        counted((3, 3), (2, 2)),
        counted((0, 3), (3, 0)),
        counted((1, 1), (1, 1), (1, 1), (3, 3)),
        counted(),
    ]
)
TRUTH = (FIXATIONS > 0).astype(float)


def test_the_area_compares_each_fixation_with_every_pixel() -> None:
    # of 16 pixels 15 are below the value 16, and one ties with it: 15.5 / 16; so for 11, 4, 13 and 6
    expected = [(15.5 + 10.5) / 32, (3.5 + 12.5) / 32, (3 * 5.5 + 15.5) / 64, math.nan]
    assert metrics.auc_judd(CLIP, FIXATIONS) == pytest.approx(expected, nan_ok=True)


def test_the_challenge_counts_all_pixels_and_columns_in_the_area() -> None:
    # frame 0: at 16 nothing else is above, at 11 four others of 16 - 1 are: rows equal columns, so U = 1
    diagonal = 0.5 * (0.5 + 1) * 4 / 15 + 11 / 15
    # frame 1: at 13 three others of 16 - 2, at 4 another eleven; before the first threshold the line rises from 0
    corners = 0.5 * (0 + 0.5) * 3 / 14 + 0.5 * (0.5 + 1) * (11 - 3) / 14 + 3 / 14
    # frame 2: at 16 none, at 6 (11 at or above) 11 - 2, 11 - 3 and 11 - 4 others of 16 - 1: back by one, twice
    repeated = 0.5 * (0.25 + 0.5) * 9 / 15 - 0.5 * (0.5 + 0.75) / 15 - 0.5 * (0.75 + 1) / 15 + 8 / 15
    scores = metrics.auc_judd(CLIP, FIXATIONS, as_challenge=True)
    assert scores == pytest.approx([diagonal, corners, repeated, math.nan], nan_ok=True)
    unfixated = 0.5 * (0.5 + 1) * 4 / 14 + 10 / 14  # what frame 0 had without its slips
    assert scores[0] > unfixated + 0.004


def test_nss_is_a_mean_of_z_scores_and_the_challenge_divides_by_a_little_more() -> None:
    above = [(7.5 + 2.5) / 2, (-4.5 + 4.5) / 2, (3 * -2.5 + 7.5) / 4]
    assert metrics.nss(CLIP, FIXATIONS)[:3] == pytest.approx([each / STD for each in above])
    challenge = metrics.nss(CLIP, FIXATIONS, as_challenge=True)
    assert challenge[:3] == pytest.approx([each / 15 / (STD / 15 + 1e-7) for each in above], rel=1e-12)
    assert challenge[0] != metrics.nss(CLIP, FIXATIONS)[0]
    assert np.isnan([challenge[3], metrics.nss(CLIP, FIXATIONS)[3]]).all()


def test_cc_correlates_and_the_challenge_agrees_to_six_digits() -> None:
    # two pixels of 16: mean 1/8, variance 1/8 * 7/8; covariance (16 + 11) / 16 - 8.5 / 8, and so for 4, 13 and 6, 16
    std = math.sqrt(7) / 8
    covariances = [27 / 16 - 8.5 / 8, 17 / 16 - 8.5 / 8, 22 / 16 - 8.5 / 8]
    expected = [each / (STD * std) for each in covariances]
    assert metrics.cc(CLIP, TRUTH)[:3] == pytest.approx(expected)
    challenge = metrics.cc(CLIP, TRUTH, as_challenge=True)
    shrunk = STD / 15 / (STD / 15 + 1e-7) * std / (std + 1e-7)  # of the product of two z-scores
    assert challenge[0] == pytest.approx(16 * expected[0] * shrunk / math.sqrt((16 * shrunk) ** 2 + 1e-7), rel=1e-9)
    assert challenge[:3] == pytest.approx(expected, abs=1e-6)
    assert np.isnan([challenge[3], metrics.cc(CLIP, TRUTH)[3]]).all()


def test_the_challenge_takes_the_least_pixel_off_before_it_shares_probability_out() -> None:
    assert metrics.sim(CLIP, TRUTH)[:3] == pytest.approx([27 / 136, 17 / 136, 22 / 136])  # 1 + ... + 16 = 136
    challenge = metrics.sim(CLIP, TRUTH, as_challenge=True)
    assert challenge[:3] == pytest.approx([25 / 120, 15 / 120, 20 / 120], abs=1e-7)  # 0 + ... + 15 = 120
    assert challenge[0] == pytest.approx(25 / 15 / (8 + 1e-7), rel=1e-12)
    assert np.isnan([challenge[3], metrics.sim(CLIP, TRUTH)[3]]).all()


def test_a_clip_has_the_mean_of_its_frames_and_leaves_out_what_nobody_looked_at() -> None:
    assert metrics.mean(metrics.nss(CLIP, FIXATIONS)) == pytest.approx(5 / STD / 3)
    assert metrics.mean(metrics.sim(CLIP, TRUTH)) == pytest.approx(66 / 3 / 136)
    assert math.isnan(metrics.mean(metrics.cc(CLIP[3:], TRUTH[3:])))
    assert math.isnan(metrics.mean([]))


@pytest.mark.parametrize("name", ["auc_judd", "nss"])
def test_a_flat_prediction_knows_nothing(name: str) -> None:
    flat = np.full((1, 4, 4), 0.3)
    score = pkgutil.resolve_name(video.METRICS[name])
    assert score(flat, FIXATIONS[:1]).item() == (0.5 if name == "auc_judd" else 0)
    # at both thresholds all are above: 15 and 14 of 16 - 1 are false, and the line goes back from the first to the last
    area = 0.5 * (0 + 0.5) * 1 - 0.5 * (0.5 + 1) / 15 + 1 / 15
    assert score(flat, FIXATIONS[:1], as_challenge=True).item() == pytest.approx(area if name == "auc_judd" else 0)


@pytest.mark.parametrize("name", ["cc", "sim"])
def test_a_flat_prediction_has_nothing_in_common_with_the_truth_by_the_challenge(name: str) -> None:
    assert pkgutil.resolve_name(video.METRICS[name])(np.ones((1, 4, 4)), TRUTH[:1], as_challenge=True).item() == 0


def test_tensors_score_as_arrays() -> None:
    for as_challenge in (False, True):
        arrays = metrics.nss(CLIP, FIXATIONS, as_challenge=as_challenge)
        tensors = metrics.nss(torch.from_numpy(CLIP), torch.from_numpy(FIXATIONS), as_challenge=as_challenge)
        assert tensors == pytest.approx(arrays, nan_ok=True)


@pytest.mark.parametrize("as_challenge", [False, True])
def test_maps_that_cannot_be_compared_are_refused_by_name(as_challenge: bool) -> None:
    with pytest.raises(ValueError, match="truth has shape"):
        metrics.cc(CLIP, TRUTH[:2], as_challenge=as_challenge)
    with pytest.raises(ValueError, match="prediction holds NaN"):
        metrics.sim(np.full((1, 4, 4), np.nan), TRUTH[:1], as_challenge=as_challenge)
    with pytest.raises(ValueError, match="fixations holds negative"):
        metrics.auc_judd(CLIP[:1], -FIXATIONS[:1], as_challenge=as_challenge)


def test_ranks_are_the_mean_over_scores_and_ties_share() -> None:
    means = {
        "model": {"auc_judd": 0.9, "cc": 0.7, "sim": 0.6, "nss": 3.0},  # 1, 1, 1.5, 1
        "other": {"auc_judd": 0.8, "cc": 0.6, "sim": 0.6, "nss": 2.0},  # 2, 2, 1.5, 2
        "centre": {"auc_judd": 0.7, "cc": 0.5, "sim": 0.4, "nss": 1.0},  # 3, 3, 3, 3
        "half": {"auc_judd": math.nan, "cc": 0.9},  # ranked in one score, where it moves the others down
        "nothing": {},
    }
    ranks = metrics.mean_rank(means)
    model, other = (1 + 2 + 1.5 + 1) / 4, (2 + 3 + 1.5 + 2) / 4
    expected = {"model": model, "other": other, "centre": 13 / 4, "half": 1, "nothing": math.nan}
    assert ranks == pytest.approx(expected, nan_ok=True)
