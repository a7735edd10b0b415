from pathlib import Path

import numpy as np
import pytest

from data.datasets import cat2000
from data.errors import TableError
from tests.data.datasets import tiny

pytest.importorskip("scipy.io")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.cat2000(tmp_path)
    return tmp_path


def rewrite(root: Path, values: object, name: str = "fixLocs") -> None:
    tiny.savemat(root / "trainSet" / "FIXATIONLOCS" / "Action" / "001.mat", {name: values})


def test_pictures_are_named_by_their_category_and_those_to_test_are_left_out(root: Path) -> None:
    tiny.picture(root / "trainSet" / "Stimuli" / "Action" / "Output" / "001_SaliencyMap.jpg", 192, 108)
    items = list(cat2000.read(str(root)))
    assert [picture.name for picture, _ in items] == ["Action/001.jpg", "Social/001.jpg"]
    assert items[0][0].path == root / "trainSet" / "Stimuli" / "Action" / "001.jpg"


def test_all_viewers_are_one_whose_fixations_are_the_centres_of_pixels(root: Path) -> None:
    _, (scanpath,) = next(cat2000.read(root))
    assert scanpath.subject == "all"
    np.testing.assert_array_equal(scanpath.xy, [[0.5, 0.5], [960.5, 540.5], [1919.5, 1079.5]])
    assert np.isnan(scanpath.onset).all()
    assert np.isnan(scanpath.duration).all()


def test_a_picture_that_nobody_looked_at_has_no_scanpath(root: Path) -> None:
    rewrite(root, np.zeros((1080, 1920), bool))
    assert next(cat2000.read(root))[1] == ()


def test_files_that_a_macintosh_leaves_on_a_drive_are_passed_over(root: Path) -> None:
    for part, suffix in (("Stimuli", ".jpg"), ("FIXATIONLOCS", ".mat")):
        for folder in ("Action", ".Trashes"):
            (root / "trainSet" / part / folder).mkdir(exist_ok=True)
            (root / "trainSet" / part / folder / f"._001{suffix}").write_bytes(b"Mac OS X")
        (root / "trainSet" / part / ".Trashes" / f"001{suffix}").write_bytes(b"Mac OS X")
    assert [picture.name for picture, _ in cat2000.read(root)] == ["Action/001.jpg", "Social/001.jpg"]


def test_a_picture_or_its_fixations_that_are_missing_are_named(root: Path) -> None:
    (root / "trainSet" / "Stimuli" / "Social" / "001.jpg").unlink()
    with pytest.raises(TableError, match=r"Social/001\.jpg: the picture is missing"):
        list(cat2000.read(root))
    (root / "trainSet" / "FIXATIONLOCS" / "Action" / "001.mat").unlink()
    with pytest.raises(TableError, match=r"Action/001\.jpg: its fixations are missing"):
        cat2000.read(root)
    with pytest.raises(TableError, match="the folder that holds CAT2000's trainSet"):
        cat2000.read(root / "trainSet")


def test_another_form_is_refused(root: Path) -> None:
    for values, problem in (
        (np.zeros((10, 2)), "not 1080 x 1920 numbers"),
        (np.zeros((1920, 1080)), "not 1080 x 1920 numbers"),
        ("map", "not 1080 x 1920 numbers"),
        (np.full((1080, 1920), 0.5), "not 0 and 1 alone"),
    ):
        rewrite(root, values)
        with pytest.raises(TableError, match=f"fixLocs has not the form of the release .{problem}"):
            list(cat2000.read(root))
    rewrite(root, np.zeros((1080, 1920)), "fixations")
    with pytest.raises(TableError, match="no variable fixLocs"):
        list(cat2000.read(root))


def test_a_picture_of_another_size_is_refused(root: Path) -> None:
    tiny.picture(root / "trainSet" / "Stimuli" / "Action" / "001.jpg", 960, 540)
    with pytest.raises(TableError, match="not 1920 x 1080 pixels"):
        list(cat2000.read(root))
