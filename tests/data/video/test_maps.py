"""The authors' own maps of a clip: from a second video and from a folder of pictures."""

import functools
import pickle
from pathlib import Path

import numpy as np
import pytest

from data.errors import GazeError
from data.video.maps import OPEN, MapPictures, MapVideo, listing
from tests.data.datasets import tiny, tiny_videos
from tests.data.datasets.tiny_videos import SIZE, blurred, grey_picture, grey_video

TIMES = np.arange(6) / 30


@pytest.fixture
def film(tmp_path: Path) -> Path:
    grey_video(tmp_path / "maps.mp4", [blurred(number) for number in range(6)], deep=True)
    return tmp_path / "maps.mp4"


def test_maps_of_ten_bits_are_read_in_any_order(film: Path) -> None:
    maps = MapVideo(film)
    for index in (0, 1, 2, 5, 2, 2, 3, 0, 5):
        found = maps.at(index, TIMES[index], SIZE)
        assert found.dtype == np.float32
        assert np.abs(found - blurred(index)).max() < 3 / 876  # levels of ten bits in a video
        assert np.unravel_index(found.argmax(), SIZE) == tiny_videos.peak(index)
    assert maps.at(0, 0.0, (96, 128)).shape == (96, 128)
    maps.check(TIMES, SIZE)


def test_few_files_are_open_at_a_time_and_none_is_pickled(film: Path) -> None:
    many = [MapVideo(film) for _ in range(OPEN + 3)]
    for maps in many:
        maps.at(1, 0.0, SIZE)
    assert len(MapVideo._opened) == OPEN
    again = pickle.loads(pickle.dumps(many[-1]))
    assert np.array_equal(again.at(1, 0.0, SIZE), many[-1].at(1, 0.0, SIZE))
    for maps in [*many, again]:
        maps.close()
    assert not MapVideo._opened


def test_a_map_by_time_is_that_on_the_screen_and_bars_are_cut_off(tmp_path: Path) -> None:
    padded = [np.pad(blurred(2 * number), ((8, 8), (0, 0)), constant_values=1) for number in range(3)]
    grey_video(tmp_path / "a.mp4", padded, rate=15)
    maps = MapVideo(tmp_path / "a.mp4", timed=True)
    for index, shown in ((0, 0), (1, 0), (2, 2), (5, 4)):
        found = maps.at(index, TIMES[index], SIZE)
        assert np.abs(found - blurred(shown)).max() < 3 / 219  # levels of eight bits in a video
    maps.check(TIMES, SIZE)
    with pytest.raises(GazeError, match="3 maps for 31 frames; give the video that belongs to the clip"):
        maps.check(np.arange(31) / 30, SIZE)


def test_a_video_of_maps_may_lack_half_a_second_and_no_more(film: Path) -> None:
    times = np.arange(21) / 30
    maps = MapVideo(film)
    maps.check(times, SIZE)
    assert np.array_equal(maps.at(20, times[20], SIZE), maps.at(5, times[5], SIZE))
    with pytest.raises(GazeError, match="6 maps for 22 frames"):
        maps.check(np.arange(22) / 30, SIZE)
    with pytest.raises(GazeError, match="the map of frame 21 is missing"):
        maps.at(21, 0.0, SIZE)


def test_a_missing_or_broken_video_of_maps_is_a_sentence(film: Path, tmp_path: Path) -> None:
    film.write_bytes(film.read_bytes()[:900])
    for path in (film, tmp_path / "none.mp4"):
        with pytest.raises(GazeError, match=rf"{path.name}: .*\.$"):
            MapVideo(path).at(0, 0.0, SIZE)


def pictures(folder: Path, numbers: list[int]) -> MapPictures:
    for number in numbers:
        grey_picture(folder / f"{number:03d}.png", blurred(number))
    return MapPictures(folder, functools.partial(listing, folder, (".png",), None, ()))


@pytest.mark.parametrize("first", [0, 1])
def test_pictures_count_from_0_or_1(first: int, tmp_path: Path) -> None:
    maps = pictures(tmp_path / "maps", list(range(first, first + 6)))
    maps.check(TIMES, SIZE)
    for index in (0, 5):
        assert np.abs(maps.at(index, 0.0, SIZE) - blurred(index + first)).max() < 1 / 255
    assert maps.at(0, 0.0, (24, 32)).shape == (24, 32)


def test_a_missing_picture_and_many_that_are_too_much_are_refused(tmp_path: Path) -> None:
    maps = pictures(tmp_path / "a", [1, 2, 4, 6])
    with pytest.raises(GazeError, match=r"the map of frame 2, and 1 others is missing; copy the whole folder"):
        maps.check(TIMES, SIZE)
    with pytest.raises(GazeError, match="the map of frame 2 is missing"):
        maps.at(2, 0.0, SIZE)
    more = pictures(tmp_path / "b", list(range(1, 30)))
    more.check(np.arange(14) / 30, SIZE)
    with pytest.raises(GazeError, match="the map of a frame 16 after the last one is there"):
        more.check(np.arange(13) / 30, SIZE)


def test_maps_of_frames_that_were_not_extracted_are_left_out(tmp_path: Path) -> None:
    for number in (1, 4, 7):
        tiny.picture(tmp_path / "frames" / f"{number:04d}.jpg", 64, 48)
    for number in range(1, 10):
        grey_picture(tmp_path / "maps" / f"{number:04d}.png", blurred(0))
    found = listing(tmp_path / "maps", (".png",), tmp_path / "frames", (".jpg",))
    assert {index: path.name for index, path in found.items()} == {
        0: "0001.png",
        1: "0004.png",
        2: "0007.png",
        3: "0008.png",
        4: "0009.png",
    }
