from pathlib import Path

import numpy as np
import pytest

from data import TableError, scene, table
from data.check import size
from tests.data import tiny

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
    np.testing.assert_array_equal(scanpath.xy, [[470.25, 150.5], [20, 10]])
    np.testing.assert_allclose(scanpath.onset, [334, 493])
    np.testing.assert_allclose(scanpath.duration, [134, 367])


def test_trials_that_are_not_those_of_the_pictures_are_refused(root: Path) -> None:
    tiny.picture(root / "data" / "stimuli" / "003.jpg", 100, 100)
    with pytest.raises(TableError, match="4 trials cannot be those of 3 pictures"):
        scene.read(root)
    for path in (root / "data" / "stimuli").iterdir():
        path.unlink()
    with pytest.raises(TableError, match="4 trials cannot be those of 0 pictures"):
        scene.read(root)
    with pytest.raises(TableError, match="give the folder of the Scene release"):
        scene.read(root / "data")


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
        (right * (1, 1, 1000, 1000), "onsets seem to be in milliseconds"),
        (right + np.array([0, 30, 0, 0]), r"001\.jpg: a fixation at .* is beside it, for it has 480 x 300 pixels"),
    ):
        rewrite(root, [trial, trial], [tall, tall])
        with pytest.raises(TableError, match=problem):
            list(scene.read(root))


def test_real_fixations_written_as_the_authors_do_read_back(shared: Path, tmp_path: Path) -> None:
    """The published numbers, scaled with their pictures by whoever re-encoded them, pass every check."""
    items = list(table.read(shared / "scene"))[:25]
    rows: list[list[object]] = []
    subjects = sorted({scanpath.subject for _, scanpaths in items for scanpath in scanpaths})
    for picture, scanpaths in items:
        assert picture.path
        tiny.picture(tmp_path / "data" / "stimuli" / picture.name, *size(picture.path))
        trials = {s.subject: np.column_stack([s.xy[:, ::-1], s.onset / 1000, s.duration / 1000]) for s in scanpaths}
        rows.append([trials.get(subject, np.zeros((0, 0))) for subject in subjects])
    rewrite(tmp_path, *rows)
    for (picture, scanpaths), (_, found) in zip(items, scene.read(tmp_path), strict=True):
        assert len(scanpaths) == len(found), picture.name
        for one, other in zip(scanpaths, found, strict=True):
            np.testing.assert_allclose(one.xy, other.xy)
            np.testing.assert_allclose(one.onset, other.onset)
