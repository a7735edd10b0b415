from pathlib import Path

import numpy as np
import pytest

from data.errors import GazeError
from data.synthetic import scenes as synthetic_scenes
from data.table.read import read_objects, read_splits, read_table
from data.table.validate import check_table
from tests.bench import large_table


def test_the_same_seed_gives_the_same_pictures_and_viewers() -> None:
    for one, other in zip(synthetic_scenes.pictures(3, seed=5), synthetic_scenes.pictures(10, seed=5), strict=False):
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1] == other[1]
        for a, b in zip(one[2], other[2], strict=True):
            np.testing.assert_array_equal(a.xy, b.xy)
            np.testing.assert_array_equal(a.onset, b.onset)
    (first, *_), (second, *_) = (next(synthetic_scenes.pictures(1, seed)) for seed in (5, 6))
    assert (first != second).any()


@pytest.mark.parametrize("size", [(96, 128), (64, 64), (16, 40), (301, 200)])
def test_viewers_stay_on_the_picture_and_within_their_time(size: tuple[int, int]) -> None:
    for image, picture, scanpaths, objects in synthetic_scenes.pictures(4, seed=1, size=size, viewers=3, seconds=2.0):
        assert image.shape == (*size, 3)
        assert (picture.height, picture.width) == size
        assert len(scanpaths) == 3
        assert len(objects) == len(objects.categories) >= 1
        assert (objects.boxes[:, :2] >= 0).all()
        assert (objects.boxes[:, :2] + objects.boxes[:, 2:] <= (size[1], size[0])).all()
        for scanpath in scanpaths:
            assert (scanpath.xy > 0).all()
            assert (scanpath.xy < (size[1], size[0])).all()
            assert (np.diff(scanpath.onset) > 0).all()
            assert (scanpath.onset[1:] >= scanpath.onset[:-1] + scanpath.duration[:-1]).all()
            assert scanpath.onset[0] >= 100
            assert scanpath.onset[-1] + scanpath.duration[-1] <= 2001  # both are rounded


def test_fixations_last_as_long_as_human_ones() -> None:
    durations = np.concatenate([s.duration for *_, scanpaths, _ in synthetic_scenes.pictures(20) for s in scanpaths])
    assert 200 < np.median(durations) < 260
    assert durations.min() > 50


def test_what_stands_out_is_looked_at() -> None:
    """Contrast with the background, computed from the picture alone, is high where viewers look."""
    scores = []
    for image, _, scanpaths, _ in synthetic_scenes.pictures(20, seed=2):
        contrast = np.abs(image - np.median(image, (0, 1))).max(2)
        standard = (contrast - contrast.mean()) / contrast.std()
        x, y = np.concatenate([scanpath.xy for scanpath in scanpaths]).astype(int).T
        scores.append(standard[y, x].mean())
    assert np.mean(scores) > 1.0


def test_faces_are_looked_at_more_in_the_first_second_than_later() -> None:
    early, late = [], []
    for *_, scanpaths, objects in synthetic_scenes.pictures(60, seed=3):
        if "face" not in objects.categories or set(objects.categories) == {"face"}:
            continue
        x, y, w, h = objects.boxes[[kind == "face" for kind in objects.categories]].T
        for scanpath in scanpaths:
            away = scanpath.xy[:, None] - np.stack([x + w / 2, y + h / 2], 1)
            on_face = (np.abs(away) < np.stack([w, h], 1) / 2).all(2).any(1)
            early.extend(on_face[scanpath.onset < 1000])
            late.extend(on_face[scanpath.onset >= 2000])
    assert np.mean(early) > np.mean(late) + 0.1


def test_looks_tend_to_the_middle() -> None:
    xy = np.concatenate([s.xy for *_, scanpaths, _ in synthetic_scenes.pictures(60, seed=4) for s in scanpaths])
    away = np.abs(xy / (128, 96) - 0.5)
    assert away.mean() < 0.23  # 0.25 when spread evenly
    np.testing.assert_allclose(xy.mean(0) / (128, 96), 0.5, atol=0.06)


def test_a_written_set_is_sound_and_the_same_byte_for_byte(tmp_path: Path) -> None:
    for name in ("one", "two"):
        synthetic_scenes.write(tmp_path / name, 10, seed=7, size=(48, 64), viewers=3)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 10 + 3
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert check_table(tmp_path / "one") == []
    assert {split: len(names) for split, names in read_splits(tmp_path / "one").items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }


def test_a_written_set_reads_back_as_it_was_made(tmp_path: Path) -> None:
    synthetic_scenes.write(tmp_path / "set", 4, seed=7)
    objects = read_objects(tmp_path / "set")
    made = list(synthetic_scenes.pictures(4, seed=7))
    for (image, picture, scanpaths, found), (read, back) in zip(made, read_table(tmp_path / "set"), strict=True):
        assert (read.name, read.width, read.height) == (picture.name, picture.width, picture.height)
        assert image.shape == (read.height, read.width, 3)
        for one, other in zip(scanpaths, back, strict=True):
            np.testing.assert_array_equal(one.xy, other.xy)
            np.testing.assert_array_equal(one.onset, other.onset)
            np.testing.assert_array_equal(one.duration, other.duration)
        np.testing.assert_array_equal(objects[picture.name].boxes, found.boxes)
        assert objects[picture.name].categories == found.categories


def test_pictures_too_small_for_objects_are_refused() -> None:
    with pytest.raises(GazeError, match="ask for 16 x 16 or more"):
        next(synthetic_scenes.pictures(1, size=(8, 100)))


def test_a_large_set_is_sound_and_follows_from_its_seed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        large_table.write_large(tmp_path / name, 6, viewers=3, fixations=4, seed=1)
    assert check_table(tmp_path / "one") == []
    for file in ("fixations.csv", "splits.json", "images/0006.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    items = list(read_table(tmp_path / "one"))
    assert [len(paths) for _, paths in items] == [3] * 6
    assert {len(path) for _, paths in items for path in paths} == {4}
    assert all((path.onset[1:] > path.onset[:-1] + path.duration[:-1]).all() for _, paths in items for path in paths)
    with pytest.raises(GazeError, match="exists already; give a new folder"):
        large_table.write_large(tmp_path / "one", 6)
