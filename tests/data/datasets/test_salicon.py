import math
from pathlib import Path

import numpy as np
import pytest

from data.datasets import salicon
from data.errors import GazeError, TableError
from tests.data.datasets import tiny

pytest.importorskip("scipy.io")

TRAIN, VAL = "COCO_train2014_000000000009", "COCO_val2014_000000000133"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.salicon(tmp_path)
    return tmp_path


def rewrite(root: Path, gaze: object) -> None:
    tiny.savemat(root / "fixations" / "train" / f"{TRAIN}.mat", {"image": TRAIN, "gaze": gaze})


def crowd_of(points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """A worker whose samples are also the fixations."""
    return tiny.workers((points, times, points))


def test_both_splits_are_read_and_the_pictures_without_fixations_are_not(root: Path) -> None:
    items = list(salicon.read(root))
    assert [picture.name for picture, _ in items] == [f"{TRAIN}.jpg", f"{VAL}.jpg"]
    assert salicon.splits(root) == {"train": [f"{TRAIN}.jpg"], "val": [f"{VAL}.jpg"]}
    picture, scanpaths = items[0]
    assert (picture.width, picture.height) == (640, 480)
    assert picture.path == root / "images" / "train" / f"{TRAIN}.jpg"
    assert [scanpath.subject for scanpath in scanpaths] == ["w01"]


def test_the_first_pixel_of_matlab_is_half_a_pixel_in_and_durations_are_unknown(root: Path) -> None:
    _, (scanpath,) = next(salicon.read(str(root)))
    np.testing.assert_array_equal(scanpath.xy, [[0.5, 0.5], [300.5, 199.5], [639.5, 479.5]])
    assert np.isnan(scanpath.duration).all()


def test_a_fixation_has_the_time_of_the_sample_that_is_near_in_place_and_time(root: Path) -> None:
    _, (scanpath,) = next(salicon.read(root, times="code"))
    np.testing.assert_array_equal(scanpath.onset, [0, 1500, 3000])
    _, (unknown,) = next(salicon.read(root, times=None))
    assert np.isnan(unknown.onset).all()
    with pytest.raises(GazeError, match="choose 'paper', 'code' or None"):
        salicon.read(root, times="book")


@pytest.mark.parametrize("times", ["paper", "code"])
def test_times_are_recovered_as_a_loop_over_the_formula_does(times: str) -> None:
    random = np.random.default_rng(5)
    for count, samples in ((1, 1), (7, 300), (20, 40)):
        fixations, location = random.uniform(1, 480, (count, 2)), random.uniform(1, 480, (samples, 2))
        time = np.sort(random.uniform(0, 6000, samples))
        found = []
        for k, (x, y) in enumerate(fixations):
            expected = 5000 * (k + 1) / (count + 1)
            costs = []
            for (u, v), t in zip(location, time, strict=True):
                far = (x - u) ** 2 + (y - v) ** 2 if times == "paper" else math.hypot(x - u, y - v)
                costs.append(far + (0.017 if times == "paper" else 0.006) * abs(t - expected))
            found.append(min(time[costs.index(min(costs))], 5000))
        np.testing.assert_array_equal(salicon.recover(fixations, location, time, times), found)


@pytest.mark.parametrize(("times", "near", "far"), [("paper", 5, 6), ("code", 11, 13)])
def test_two_seconds_weigh_as_much_as_some_pixels(times: str, near: float, far: float) -> None:
    """A sample at the expected time but beside, or one at the place but 2000 ms late: 34 square pixels or 12 pixels."""
    for beside, onset in ((near, 2500), (far, 4500)):
        location = np.array([[100.0 + beside, 100], [100, 100]])
        found = salicon.recover(np.array([[100.0, 100]]), location, np.array([2500.0, 4500]), times)
        assert found == onset


def test_a_worker_without_samples_has_fixations_without_times(root: Path) -> None:
    rewrite(root, tiny.workers((np.zeros((0, 0)), np.zeros((0, 0)), [[3, 4], [300, 400]])))
    _, (scanpath,) = next(salicon.read(root))
    assert len(scanpath) == 2
    assert np.isnan(scanpath.onset).all()


def test_samples_are_in_the_order_of_time_one_at_a_time(root: Path) -> None:
    rewrite(root, crowd_of(np.array([[5, 5], [640, 480], [7, 7], [9, 9]]), np.array([[30], [10], [30], [20]])))
    first = next(salicon.samples(root))
    assert (first.subject, first.stimulus) == ("w01", f"{TRAIN}.jpg")
    np.testing.assert_array_equal(first.time, [10, 20, 30])
    np.testing.assert_array_equal(first.xy, [[639.5, 479.5], [8.5, 8.5], [4.5, 4.5]])


def test_samples_come_from_every_worker_who_has_some_and_name_a_screen(root: Path) -> None:
    found = list(salicon.samples(root))
    assert [samples.subject for samples in found] == ["w01", "w02"] * 2
    assert len(found[0]) == 4
    assert round(found[0].screen.pixels_per_degree, 1) == 46.9  # CSS: a pixel is 0.0213 degrees
    assert found[0].screen.width_cm / found[0].screen.height_cm == pytest.approx(640 / 480)  # pixels are square


def test_an_edition_beside_the_other_is_read_by_its_name(root: Path) -> None:
    (root / "fixations").rename(root / "fixations_2017")
    assert len(list(salicon.read(root, edition="2017"))) == 2
    assert list(salicon.splits(root, "2017")) == ["train", "val"]
    with pytest.raises(TableError, match=r"fixations: no train/\*\.mat"):
        salicon.read(root)


def test_files_that_a_macintosh_leaves_on_a_drive_are_passed_over(root: Path) -> None:
    (root / "fixations" / "train" / f"._{TRAIN}.mat").write_bytes(b"Mac OS X")
    (root / "images" / "train" / f"._{TRAIN}.jpg").write_bytes(b"Mac OS X")
    assert salicon.splits(root) == {"train": [f"{TRAIN}.jpg"], "val": [f"{VAL}.jpg"]}


def test_fixations_without_their_picture_are_refused(root: Path) -> None:
    (root / "images" / "val" / f"{VAL}.jpg").unlink()
    with pytest.raises(TableError, match=rf"{VAL}\.jpg: the picture is missing"):
        list(salicon.read(root))


def test_a_file_in_both_splits_is_refused(root: Path) -> None:
    content = (root / "fixations" / "train" / f"{TRAIN}.mat").read_bytes()
    (root / "fixations" / "val" / f"{TRAIN}.mat").write_bytes(content)
    with pytest.raises(TableError, match="the picture is in train and in val"):
        salicon.splits(root)


def test_a_picture_of_another_size_is_refused(root: Path) -> None:
    tiny.picture(root / "images" / "train" / f"{TRAIN}.jpg", 320, 240)
    with pytest.raises(TableError, match="not 640 x 480 pixels"):
        list(salicon.read(root))


def test_another_form_is_refused(root: Path) -> None:
    for gaze, problem in (
        (np.zeros((3, 2)), "gaze has not the form of the release"),
        (tiny.workers(([[1, 1, 1]], [[1]], [[1, 1]])), "location has the shape 1 x 3, not n x 2"),
        (tiny.workers(([[1, 1]], [[1], [2]], [[1, 1]])), "1 places for 2 times"),
        (tiny.workers(([[1, math.nan]], [[1]], [[1, 1]])), "a coordinate is not finite"),
        (tiny.workers(("abc", [[1]], [[1, 1]])), "location is no matrix of numbers"),
    ):
        rewrite(root, gaze)
        with pytest.raises(TableError, match=problem):
            list(salicon.read(root))


def test_other_units_are_named(root: Path) -> None:
    random = np.random.default_rng(1)
    points = random.uniform(1, (640, 480), (200, 2))
    times = np.linspace(0, 5000, 200)[:, None]
    for gaze, problem in (
        (crowd_of(points / (640, 480), times), r"all coordinates lie in 0 to 1; multiply"),
        (crowd_of(points[:, ::-1], times), "y seems to come before x"),
        (crowd_of(points, times / 1000), "timestamp seems to be in seconds"),
        (crowd_of(points * 1e9, times), "coordinates that are no pixels"),
        (tiny.workers((points[:, ::-1], times, points)), "y seems to come before x"),
        (tiny.workers((points, times, points[:, ::-1])), "y seems to come before x"),
    ):
        rewrite(root, gaze)
        with pytest.raises(TableError, match=problem):
            list(salicon.read(root))
