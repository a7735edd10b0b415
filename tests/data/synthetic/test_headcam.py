"""Made recordings of mobile eye tracking: boxes hold their things, and eyes look where they are said to."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from annotation.boxes import Frames
from annotation.finders import BoxTable
from annotation.recording import read_gaze
from data.errors import GazeError
from data.objects import overlap
from data.synthetic import headcam as made_videos
from data.synthetic.headcam import Headcam, Seen, headcam
from data.synthetic.shelf import KINDS, REACH, Pixels
from data.video.read import VideoFile

SMALL = (180, 240)


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest) -> Headcam:
    return headcam(3, request.param, 14, 4, SMALL)


@pytest.fixture(scope="module")
def frames(made: Headcam) -> list[tuple[Pixels, Seen]]:
    return list(made.frames())


def looks(made: Headcam, frames: list[tuple[Pixels, Seen]]) -> Iterator[tuple[str, str]]:
    """What the eyes rest on in each frame, and the name of the box about the gaze there."""
    for _, seen in frames:
        at = np.searchsorted(made.clock, seen.time_s)
        for fixation in made.fixations:
            if fixation.onset_s < seen.time_s < fixation.onset_s + fixation.duration_s:
                low, size = seen.boxes[:, :2], seen.boxes[:, 2:]
                inside = ((made.gaze[at] >= low) & (made.gaze[at] <= low + size)).all(1)
                yield made.things[fixation.thing].name, seen.names[int(inside.argmax())] if inside.any() else "none"


def test_the_same_seed_makes_the_same_and_another_another() -> None:
    def first(seed: int) -> Pixels:
        return next(iter(headcam(seed, seconds=1, size=SMALL).frames()))[0]

    np.testing.assert_array_equal(first(1), first(1))
    assert (first(1) != first(2)).any()


def test_boxes_lie_in_the_frame_and_each_thing_has_one_at_most(frames: list[tuple[Pixels, Seen]]) -> None:
    for pixels, seen in frames:
        assert pixels.shape == (*SMALL, 3)
        assert (seen.boxes[:, :2] >= 0).all()
        assert (seen.boxes[:, :2] + seen.boxes[:, 2:] <= SMALL[::-1]).all()
        assert (seen.shown >= made_videos.SHOWN).all()
        assert len(seen.names) == len(seen.boxes) == len(seen.shown)
        named = [name for name in seen.names if name]
        assert len(named) == len(set(named))


def test_eyes_look_at_what_they_are_said_to(made: Headcam, frames: list[tuple[Pixels, Seen]]) -> None:
    """A hand may cover it, the frame may end before it, and gaze errs; but it is on no other thing."""
    pairs = list(looks(made, frames))
    assert len(pairs) > 30
    right = sum(name == under for name, under in pairs)
    missed = sum(under == "none" for _, under in pairs)
    assert right / len(pairs) > 0.75
    assert right + missed == len(pairs)


def test_things_leave_the_frame_and_come_back(made: Headcam, frames: list[tuple[Pixels, Seen]]) -> None:
    names = {thing.name for thing in made.things} - {""}
    returns = 0
    for name in names:
        there = np.array([name in seen.names for _, seen in frames])
        returns += int((np.diff(there.astype(int)) == 1).sum())
    assert returns > len(names)


def test_a_hand_comes_and_covers_things() -> None:
    made = headcam(3, "look-alikes", 24, 2, SMALL)
    assert len(made.reaches) == 3
    covered = 0.0
    for (pixels, seen), (free, all_seen) in zip(made.frames(), replace(made, reaches=()).frames(), strict=True):
        away = np.array([seen.time_s - reach.time_s for reach in made.reaches])
        hand = (pixels != free).any(2)
        if ((away < -REACH / 2) | (away > REACH)).all():
            assert not hand.any()
        if hand.sum() > 500:  # its edge is blurred
            assert (np.abs(pixels[hand].astype(int) - made_videos.SKIN).max(1) < 45).mean() > 0.6
        assert set(seen.names) <= set(all_seen.names)
        covered += sum(all_seen.shown) - sum(seen.shown)
    assert covered > 1


@pytest.mark.parametrize("seed", range(4))
def test_twins_are_the_same_and_stand_on_both_sides_of_a_thing(seed: int) -> None:
    things = {thing.name: thing for thing in headcam(seed, "twins", 1, 1, SMALL).things}
    pairs = [name.removesuffix("-left") for name in things if name.endswith("-left")]
    assert len(pairs) == 3
    for pair in pairs:
        left, right = things[f"{pair}-left"], things[f"{pair}-right"]
        np.testing.assert_array_equal(left.picture, right.picture)
        assert left.side == right.side
        between = [t for t in things.values() if left.place[0] < t.place[0] < right.place[0]]
        assert any(abs(thing.place[1] - left.place[1]) < 0.15 for thing in between)


@pytest.mark.parametrize("seed", range(4))
def test_look_alikes_differ_in_their_label_alone(seed: int) -> None:
    things = {thing.name: thing for thing in headcam(seed, "look-alikes", 1, 1, SMALL).things}
    pairs = [name.removesuffix("-a") for name in things if name.endswith("-a")]
    assert len(pairs) == 3
    for pair in pairs:
        one, other = things[f"{pair}-a"].picture.astype(int), things[f"{pair}-b"].picture.astype(int)
        np.testing.assert_array_equal(one[..., 3], other[..., 3])
        differs = (np.abs(one - other).max(2) > 20) & (one[..., 3] > 0)
        assert 0.1 < differs.sum() / (one[..., 3] > 127).sum() < 0.6


def test_a_hand_takes_things_to_other_places_where_layouts_are_in_motion() -> None:
    made = headcam(0, "motion", 40, 1, SMALL)
    moved = [thing for thing in made.things if thing.later is not None]
    assert moved
    for thing in moved:
        assert thing.later is not None
        np.testing.assert_array_equal(thing.at(thing.moved_s), thing.place)
        np.testing.assert_allclose(thing.at(thing.moved_s + 1), thing.later)


def test_what_is_written_is_read_as_a_recording_and_as_boxes(tmp_path: Path) -> None:
    pytest.importorskip("av")
    made = made_videos.write(tmp_path / "made", 1, "twins", 6, 4, SMALL)
    with VideoFile(tmp_path / "made" / "video.mp4") as clip:
        shown = [(frame.time_s, frame.pixels) for frame in clip.frames()]
    np.testing.assert_allclose([time for time, _ in shown], made.times, atol=0.002)
    said: list[str] = []
    table = BoxTable(tmp_path / "made" / "truth.csv", 0.02, said.append)
    for (time, pixels), (drawn, seen) in zip(shown, made.frames(), strict=True):
        assert np.abs(pixels.astype(int) - drawn).mean() < 8
        boxes = table.at(time).boxes
        assert len(boxes) == len(seen.boxes)
        if len(boxes):
            assert overlap(boxes, seen.boxes).max(1).min() > 0.99
    still = np.zeros((len(shown), 2, 3), np.float32)
    times = Frames(made.times, still, np.zeros(len(shown), bool), SMALL)
    gaze = read_gaze(tmp_path / "made" / "gaze.csv", times, tmp_path / "made" / "video.mp4", 0.0, said.append)
    assert len(gaze.time_s) == len(made.clock)
    things = [fixation.thing for fixation in made.fixations]
    visits = 1 + sum(one != other for one, other in pairwise(things))
    assert 0.7 * visits <= len(gaze.onset_s) <= 1.2 * len(things)  # near ones are found as one
    assert not any("clock" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"kind": "doubles"}, "motion, look-alikes, twins"),
        ({"seconds": 0.0}, "0.5 to 3600"),
        ({"seconds": float("nan")}, "0.5 to 3600"),
        ({"fps": float("inf")}, "0.1 to 200"),
        ({"size": (10, 300)}, "96 pixels"),
    ],
    ids=["kind", "no time", "no number", "endless", "small"],
)
def test_a_recording_that_cannot_be_is_told(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(GazeError, match=told):
        headcam(0, **arguments)  # type: ignore[arg-type]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(GazeError, match="exists already"):
        made_videos.write(tmp_path, 0, seconds=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
