from pathlib import Path

import numpy as np
import pytest

from data import maps
from data.datasets import scene
from data.errors import TableError
from data.picture import picture_size
from data.table.read import read_table
from tests.data.datasets import tiny

pytest.importorskip("scipy.io")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.scene(tmp_path)
    return tmp_path


def rewrite(root: Path, *rows: list[object]) -> None:
    trials = np.empty((len(rows), len(rows[0])), object)
    trials[:] = rows
    tiny.savemat(root / "data" / "tidy" / "fixations.mat", {"fixations": trials})


def test_the_release_reads_as_pictures_and_scanpaths(root: Path) -> None:
    items = list(scene.read(str(root)))
    assert [(p.name, p.width, p.height) for p, _ in items] == [("001.jpg", 480, 300), ("002.jpg", 256, 400)]
    assert [[scanpath.subject for scanpath in scanpaths] for _, scanpaths in items] == [["s01"], ["s01", "s02"]]


def test_y_comes_before_x_and_seconds_become_milliseconds(root: Path) -> None:
    _, (scanpath,) = next(scene.read(root))
    np.testing.assert_allclose(scanpath.xy, [[470.25, 150.5], [20, 10]], rtol=1e-15)
    np.testing.assert_allclose(scanpath.onset, [334, 493])
    np.testing.assert_allclose(scanpath.duration, [134, 367])


def test_trials_that_are_not_those_of_the_pictures_are_refused(root: Path) -> None:
    tiny.picture(root / "data" / "stimuli" / "003.jpg", 100, 100)
    with pytest.raises(TableError, match="2 x 2 trials cannot be those of 3 pictures"):
        scene.read(root)
    for path in (root / "data" / "stimuli").iterdir():
        path.unlink()
    with pytest.raises(TableError, match="2 x 2 trials cannot be those of 0 pictures"):
        scene.read(root)
    with pytest.raises(TableError, match="give the folder of the Scene release"):
        scene.read(root / "data")


def test_pictures_in_columns_and_viewers_in_rows_are_refused(root: Path) -> None:
    trial = np.array([[10.0, 20.0, 0.2, 0.3]])
    rewrite(root, [trial, trial], [trial, trial], [trial, trial])
    with pytest.raises(TableError, match="3 x 2 trials cannot be those of 2 pictures"):
        scene.read(root)
    tiny.savemat(root / "data" / "tidy" / "fixations.mat", {"fixations": np.empty((2, 0), object)})
    with pytest.raises(TableError, match="2 x 0 trials cannot be"):
        scene.read(root)


def test_files_that_a_macintosh_leaves_on_a_drive_are_no_pictures(root: Path) -> None:
    (root / "data" / "stimuli" / "._001.jpg").write_bytes(b"Mac OS X")
    assert [picture.name for picture, _ in scene.read(root)] == ["001.jpg", "002.jpg"]


def test_what_lies_on_an_edge_is_in_the_pixel_in_which_the_authors_show_it(root: Path) -> None:
    width, height = 256, 400
    xy = np.array([[1.0, 1.0], [0.25, 0.5], [0.1, 400.0], [256.0, 400.0], [20.0, 10.5], [20.5, 11.0], [1.5, 256.0]])
    trial = np.column_stack([xy[:, ::-1], np.arange(7), np.full(7, 0.2)])
    rewrite(root, [trial[-1:]], [trial])
    _, (scanpath,) = list(scene.read(root))[1]
    assert maps.on(scanpath.xy, (height, width)).all()
    np.testing.assert_array_equal(np.floor(scanpath.xy), np.ceil(xy) - 1)
    np.testing.assert_allclose(scanpath.xy, xy, rtol=1e-15)
    assert scanpath.xy[1].tolist() == [0.25, 0.5]


@pytest.mark.parametrize("place", [(0.0, 10.0), (10.0, 0.0), (256.1, 10.0), (10.0, 400.1)])
def test_what_the_authors_do_not_keep_is_beside_the_picture(root: Path, place: tuple[float, float]) -> None:
    rewrite(root, [np.array([[9.0, 9, 0.2, 0.3]])], [np.array([[*place[::-1], 0.2, 0.3]])])
    with pytest.raises(TableError, match=rf"002\.jpg: a fixation at \({place[0]:g}, {place[1]:g}\) is beside it"):
        list(scene.read(root))


def test_a_trial_of_another_form_is_refused(root: Path) -> None:
    good = np.array([[10.0, 20.0, 0.2, 0.3]])
    for trial, problem in (
        (np.zeros((2, 3)), "the shape 2 x 3, not n x 4"),
        ("eye", "no matrix of numbers"),
        (np.array([[np.nan, 1, 1, 1]]), "not finite"),
    ):
        rewrite(root, [good, good], [good, trial])
        with pytest.raises(TableError, match=rf"fixations\{{2, :\}} has not the form of the release .*{problem}"):
            list(scene.read(root))


def test_other_units_and_other_columns_are_named(root: Path) -> None:
    random = np.random.default_rng(2)
    right = np.column_stack([random.uniform(0, (300, 480), (40, 2)), np.linspace(0, 4, 40), np.full(40, 0.2)])
    tall = np.array([[300.0, 20.0, 0.2, 0.3]])
    for trial, problem in (
        (right * (1 / 300, 1 / 480, 1, 1), "all coordinates lie in 0 to 1"),
        (right[:, [1, 0, 2, 3]], "y seems to come before x"),
        (right * (1, 1, 1000, 1000), "the times seem to be in milliseconds"),
        (right * (1, 1, 1, 1000), "the times seem to be in milliseconds"),
        (right * (1, 1, 1, -1), r"a start or a duration of -0\.2 s"),
        (right * (1, 1, -1, 1), r"a start or a duration of -4 s"),
        (right + np.array([0, 30, 0, 0]), r"001\.jpg: a fixation at .* is beside it, for it has 480 x 300 pixels"),
    ):
        rewrite(root, [trial, trial], [tall, tall])
        with pytest.raises(TableError, match=problem):
            list(scene.read(root))


def test_real_fixations_written_as_the_authors_do_read_back(shared: Path, tmp_path: Path) -> None:
    """The published numbers, scaled with their pictures by whoever re-encoded them, pass every check."""
    items = list(read_table(shared / "scene"))[:25]
    rows: list[list[object]] = []
    subjects = sorted({scanpath.subject for _, scanpaths in items for scanpath in scanpaths})
    for picture, scanpaths in items:
        assert picture.path
        tiny.picture(tmp_path / "data" / "stimuli" / picture.name, *picture_size(picture.path))
        trials = {s.subject: np.column_stack([s.xy[:, ::-1], s.onset / 1000, s.duration / 1000]) for s in scanpaths}
        rows.append([trials.get(subject, np.zeros((0, 0))) for subject in subjects])
    rewrite(tmp_path, *rows)
    for (picture, scanpaths), (_, found) in zip(items, scene.read(tmp_path), strict=True):
        assert len(scanpaths) == len(found), picture.name
        for one, other in zip(scanpaths, found, strict=True):
            np.testing.assert_allclose(one.xy, other.xy)
            np.testing.assert_allclose(one.onset, other.onset)
