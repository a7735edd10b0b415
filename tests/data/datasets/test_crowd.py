from pathlib import Path

import numpy as np
import pytest

from data.datasets import crowd
from data.errors import TableError
from tests.data.datasets import tiny

pytest.importorskip("scipy.io")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.crowd(tmp_path)
    return tmp_path


def rewrite(root: Path, x: object, y: object, duration: object, name: str = "001.jpg") -> None:
    viewer = {"fix_x": x, "fix_y": y, "fix_duration": duration}
    entries: list[object] = [{"img": name, "subjects": tiny.cell([viewer])}]
    tiny.savemat(root / "data" / "eye" / "fixations.mat", {"fixations": tiny.cell(entries)})


def test_the_release_reads_as_pictures_and_scanpaths(root: Path) -> None:
    items = list(crowd.read(root))
    assert [(p.name, p.width, p.height) for p, _ in items] == [("001.jpg", 1024, 768), ("002.jpg", 1024, 768)]
    assert [scanpath.subject for scanpath in items[0][1]] == ["s01", "s02"]
    np.testing.assert_allclose(items[0][1][0].xy, [[0.5, 0.5], [512.1, 383.7], [1023.5, 767.5]])
    np.testing.assert_array_equal(items[0][1][0].duration, [200, 246, 136])
    assert np.isnan(items[0][1][0].onset).all()


def test_pictures_of_another_size_are_refused(root: Path) -> None:
    tiny.picture(root / "data" / "stimuli" / "002.jpg", 800, 600)
    with pytest.raises(TableError, match=r"002\.jpg: not 1024 x 768"):
        list(crowd.read(root))


def test_a_missing_file_and_a_missing_picture_are_named(root: Path) -> None:
    (root / "data" / "stimuli" / "002.jpg").unlink()
    with pytest.raises(TableError, match="give the whole Saliency in Crowd release"):
        list(crowd.read(root))
    with pytest.raises(TableError, match="give the folder of the Saliency in Crowd release"):
        crowd.read(root / "data")


def test_a_name_that_leaves_the_folder_and_one_that_is_there_twice_are_refused(root: Path) -> None:
    rewrite(root, [1.0], [1.0], [1.0], "../eye/fixations.mat")
    with pytest.raises(TableError, match="the picture is missing"):
        list(crowd.read(root))
    viewer = {"fix_x": [9.0], "fix_y": [9.0], "fix_duration": [90.0]}
    entries: list[object] = [{"img": "001.jpg", "subjects": tiny.cell([viewer])}] * 2
    tiny.savemat(root / "data" / "eye" / "fixations.mat", {"fixations": tiny.cell(entries)})
    with pytest.raises(TableError, match=r"the picture 001\.jpg is there twice"):
        list(crowd.read(root))


def test_other_units_are_named(root: Path) -> None:
    x, y = np.random.default_rng(3).uniform(1, (1024, 768), (50, 2)).T
    duration = np.full(50, 250.0)
    for columns, problem in (
        ((x / 1024, y / 768, duration), "all coordinates lie in 0 to 1"),
        ((y, x, duration), "y seems to come before x"),
        ((x, y, duration / 1000), "fix_duration seems to be in seconds"),
        ((x, y, duration * np.inf), "fix_duration is not finite"),
        ((x, y, -duration), "fix_duration is -250"),
    ):
        rewrite(root, *columns)
        with pytest.raises(TableError, match=problem):
            list(crowd.read(root))
