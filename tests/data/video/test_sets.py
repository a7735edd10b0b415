"""Opening a set of videos: what layout it is, and what is said of a folder that is none."""

from pathlib import Path

import pytest

from data.errors import GazeError
from data.synthetic import scenes
from data.video.made import MadeClip
from data.video.sets import open_set
from tests.data.datasets import tiny_videos


def test_a_set_of_pictures_is_opened_as_made_clips(tmp_path: Path) -> None:
    scenes.write(tmp_path / "still", 10, 0)
    found = open_set(tmp_path / "still")
    assert (found.name, found.layout) == ("still", "table")
    assert all(isinstance(clip, MadeClip) for clips in found.splits.values() for clip in clips)
    assert all(found.splits.values())


def test_a_layout_may_be_named(tmp_path: Path) -> None:
    tiny_videos.table(tmp_path)
    assert open_set(str(tmp_path), "video").layout == "video"
    with pytest.raises(GazeError, match="give the folder of BDD-A"):
        open_set(tmp_path, "bdda")
    with pytest.raises(GazeError, match="There is no layout 'dvd' of videos; choose one of: video, table, avimos"):
        open_set(tmp_path, "dvd")


def test_a_folder_that_is_no_set_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"no set of videos with gaze; give a folder with gaze.csv .*avimos, bdda"):
        open_set(tmp_path)
    with pytest.raises(GazeError, match="there is no such folder; give the folder of a set"):
        open_set(tmp_path / "none")


def test_a_set_without_clips_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test" / "camera_videos").mkdir(parents=True)
    with pytest.raises(GazeError, match="no clip of bdda with gaze is there"):
        open_set(tmp_path)
