from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.datasets import osie
from data.errors import TableError

savemat = pytest.importorskip("scipy.io").savemat

X, Y, DURATION = [1.0, 400.6, 800.0], [1.0, 300.2, 600.0], [200.0, 246.0, 136.0]


def cell(items: list[dict[str, object]]) -> np.ndarray:
    """A column of a MATLAB cell array."""
    column = np.empty((len(items), 1), object)
    column[:, 0] = items
    return column


def viewer(x: list[float], y: list[float], duration: list[float]) -> dict[str, object]:
    return {"fix_x": np.array([x]), "fix_y": np.array([y]), "fix_duration": np.array([duration])}


def release(root: Path, names: tuple[str, ...] = ("1001.jpg", "1002.jpg"), size: tuple[int, int] = (800, 600)) -> Path:
    """The layout of the release: two pictures, three viewers, one of whom never looked at anything."""
    (root / "data" / "stimuli").mkdir(parents=True)
    (root / "data" / "eye").mkdir()
    people = [viewer(X, Y, DURATION), viewer([10.0], [20.0], [300.0]), viewer([], [], [])]
    for name in names:
        Image.new("RGB", size, "grey").save(root / "data" / "stimuli" / name)
    entries = [{"img": name, "subjects": cell(people)} for name in names]
    savemat(root / "data" / "eye" / "fixations.mat", {"fixations": cell(entries)}, do_compression=True)
    return root


def test_the_release_reads_as_pictures_and_scanpaths(tmp_path: Path) -> None:
    items = list(osie.read(release(tmp_path)))
    assert [picture.name for picture, _ in items] == ["1001.jpg", "1002.jpg"]
    picture, scanpaths = items[0]
    assert (picture.width, picture.height) == (800, 600)
    assert picture.path == tmp_path / "data" / "stimuli" / "1001.jpg"
    assert [scanpath.subject for scanpath in scanpaths] == ["s01", "s02"]
    np.testing.assert_array_equal(scanpaths[0].duration, DURATION)
    assert np.isnan(scanpaths[0].onset).all()


def test_the_first_pixel_of_matlab_is_half_a_pixel_in(tmp_path: Path) -> None:
    _, scanpaths = next(osie.read(str(release(tmp_path))))
    np.testing.assert_allclose(scanpaths[0].xy, [[0.5, 0.5], [400.1, 299.7], [799.5, 599.5]])


@pytest.mark.parametrize("kept", [0, 60, 127, 200, 0.5, 0.9, -1])
def test_a_file_that_was_cut_off_is_named(tmp_path: Path, kept: float) -> None:
    path = release(tmp_path) / "data" / "eye" / "fixations.mat"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    with pytest.raises(TableError, match=r"fixations\.mat: .*download"):
        list(osie.read(tmp_path))


def test_another_matlab_file_is_refused(tmp_path: Path) -> None:
    path = release(tmp_path) / "data" / "eye" / "fixations.mat"
    savemat(path, {"other": np.zeros(3)})
    with pytest.raises(TableError, match="no variable fixations"):
        osie.read(tmp_path)
    savemat(path, {"fixations": np.zeros(3)})
    with pytest.raises(TableError, match=r"fixations\{1\} has not the form of the release"):
        list(osie.read(tmp_path))
    savemat(path, {"fixations": cell([{"img": "1001.jpg", "subjects": cell([viewer([1.0, 2.0], [1.0], [1.0])])}])})
    with pytest.raises(TableError, match="2 fix_x, 1 fix_y"):
        list(osie.read(tmp_path))


def test_a_folder_without_the_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="give the folder of the OSIE release"):
        osie.read(tmp_path)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    (release(tmp_path) / "data" / "stimuli" / "1002.jpg").unlink()
    with pytest.raises(TableError, match=r"1002\.jpg: the picture is missing"):
        list(osie.read(tmp_path))


def test_pictures_of_another_size_are_refused_since_fixations_would_be_misplaced(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"1001\.jpg: not 800 x 600"):
        list(osie.read(release(tmp_path, size=(512, 384))))
