"""Clips made from pictures: the same from the same seed, with gaze that follows what they show."""

import itertools

import numpy as np
import pytest

from data.errors import GazeError
from data.gaze import Scanpath
from data.synthetic.clips import Source, clip
from data.synthetic.scenes import pictures


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return [(image, paths) for image, _, paths, _ in pictures(6, seed=3, size=(120, 160), viewers=6)]


def test_the_same_seed_gives_the_same_clip(sources: list[Source]) -> None:
    one, same, other = (clip(sources, seed, (54, 96), shots=2) for seed in (4, 4, 5))
    assert np.array_equal(one.gaze, same.gaze, equal_nan=True)
    assert all(np.array_equal(a, b) for a, b in zip(one.frames(), same.frames(), strict=True))
    assert one.gaze.shape != other.gaze.shape or not np.array_equal(one.gaze, other.gaze, equal_nan=True)


def test_frames_gaze_and_cuts_belong_together(sources: list[Source]) -> None:
    made = clip(sources, 1, (54, 96), rate=10, shots=3)
    frames = list(made.frames())
    assert len(frames) == len(made.times) == len(made.gaze)
    assert {frame.shape for frame in frames} == {(54, 96, 3)}
    assert len(made.cuts) == 2
    assert (np.diff(made.times) > 0).all()
    there = made.gaze[np.isfinite(made.gaze).all(2)]
    assert len(there) > 0.5 * made.gaze[..., 0].size
    assert (there >= 0).all()
    assert (there < (96, 54)).all()
    changes = [np.abs(a.astype(int) - b).mean() for a, b in itertools.pairwise(frames)]
    first = [int(np.flatnonzero(np.isclose(made.times, cut))[0]) - 1 for cut in made.cuts]
    assert set(np.argsort(changes)[-2:]) == set(first)


def test_viewers_stay_where_they_were_right_after_a_cut(sources: list[Source]) -> None:
    for seed in range(5):
        made = clip(sources, seed, (54, 96), rate=25, shots=2)
        row = int(np.flatnonzero(np.isclose(made.times, made.cuts[0]))[0])
        both = np.isfinite(made.gaze[[row - 1, row]]).all((0, 2))
        assert np.array_equal(made.gaze[row][both], made.gaze[row - 1][both])


@pytest.mark.parametrize("few", ["one picture", "nobody"])
def test_too_little_to_make_a_clip_of_is_refused(few: str, sources: list[Source]) -> None:
    given = sources[:1] if few == "one picture" else [sources[0], (sources[1][0], tuple[Scanpath, ...]())]
    with pytest.raises(GazeError, match="two pictures or more, each with scanpaths"):
        clip(given, 0)
