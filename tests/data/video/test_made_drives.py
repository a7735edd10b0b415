"""Made drives as clips with gaze, and written as a set that is read again."""

import json
from pathlib import Path

import numpy as np
import pytest

from data.errors import GazeError
from data.video.clips import usable
from data.video.made_drives import MadeDrive, drives, write
from data.video.sets import open_set


def test_drives_of_a_split_are_those_of_no_other_and_grow_with_the_count() -> None:
    few, many = (
        {split: [clip.seed for clip in clips] for split, clips in drives(count).items()}
        for count in ({"train": 3, "val": 2, "test": 2}, {"train": 30, "val": 9, "test": 9})
    )
    assert all(few[split] == many[split][: len(few[split])] for split in few)
    seeds = [seed for clips in many.values() for seed in clips]
    assert len({*seeds}) == len(seeds) == 48


def test_a_drive_is_a_usable_clip() -> None:
    (clip,) = usable([MadeDrive("one", 5, (72, 128), seconds=2.0)], "here")
    assert len(clip) == len(list(clip.frames())) == 20
    assert np.allclose(np.diff(clip.times), 0.1)
    points = np.concatenate([clip.points(index) for index in range(20)])
    assert len(points) > 100
    assert ((points >= 0) & (points < (128, 72))).all()
    assert 1 < clip.sigma < 4  # a degree of 58


def test_written_drives_are_read_again_as_a_set_of_videos(tmp_path: Path) -> None:
    pytest.importorskip("av")
    pytest.importorskip("data.video.gaze_table")
    write(tmp_path / "drives", 5, seconds=0.5)
    found = open_set(tmp_path / "drives").splits
    assert {split: len(clips) for split, clips in found.items()} == {"train": 3, "val": 1, "test": 1}
    clip, made = found["train"][0], MadeDrive("drive-0001", 0, seconds=0.5)
    clip.check()
    assert (clip.name, clip.size, len(clip)) == (made.name, made.size, len(made))
    np.testing.assert_allclose(clip.times, made.times, atol=1e-3)
    for index in range(len(made)):
        np.testing.assert_allclose(clip.points(index), made.points(index), atol=0.06)
    (first,), (drawn,) = clip.frames(0, 1), made.frames(0, 1)
    assert np.abs(first.astype(int) - drawn).mean() < 6


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "drives").mkdir()
    (tmp_path / "drives" / "mine.txt").write_text("mine")
    with pytest.raises(GazeError, match="exists already"):
        write(tmp_path / "drives", 1)
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["mine.txt"]
    assert json.dumps([path.name for path in tmp_path.iterdir()]) == '["drives"]'
