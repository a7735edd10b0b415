from pathlib import Path

import numpy as np
import pytest

from data.datasets import figrim
from data.errors import TableError
from data.table.read import read_table
from data.table.validate import check_table
from data.table.write import write_table
from tests.data.datasets import tiny

TARGETS, FILLERS = "Targets/badlands/sun_targets.jpg", "Fillers/badlands/sun_fillers.jpg"
pytest.importorskip("scipy")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.figrim(tmp_path)
    return tmp_path


def people(root: Path, **options: str) -> dict[str, list[str]]:
    return {picture.name: [path.subject for path in paths] for picture, paths in figrim.read(root, **options)}


def spoilt(root: Path, enc: object) -> Path:
    """The release with these encoding fixations of its only viewer."""
    path = root / "targetData" / "allImages_release.mat"
    users = np.array([[(1, {"enc": enc})]], [("trial", object), ("fixations", object)])
    entry = ("sun_targets.jpg", "badlands", users)
    fields = [(name, object) for name in ("filename", "category", "userdata")]
    tiny.savemat(path, {"allImages": np.array([[entry]], fields)})
    return path


def test_the_release_reads_as_pictures_and_scanpaths(root: Path) -> None:
    items = {picture.name: (picture, paths) for picture, paths in figrim.read(str(root))}
    assert list(items) == [TARGETS, FILLERS]
    picture, paths = items[TARGETS]
    assert (picture.width, picture.height, picture.path) == (1000, 1000, root / TARGETS)
    assert [path.subject for path in paths] == ["s01", "s03"]  # the second saw no target
    assert np.isnan([paths[0].onset, paths[0].duration]).all()
    assert [path.subject for path in items[FILLERS][1]] == ["s03"]


def test_the_first_pixel_of_matlab_is_half_a_pixel_in(root: Path) -> None:
    _, (path, _) = next(figrim.read(root))
    np.testing.assert_allclose(path.xy, [[0.5, 0.5], [500.1, 249.7], [999.5, 999.5]])


def test_a_repetition_is_read_when_it_is_asked_for(root: Path) -> None:
    assert people(root, phase="rec") == {TARGETS: ["s01"], FILLERS: []}
    assert people(root, phase="rec2") == {TARGETS: [], FILLERS: []}
    with pytest.raises(TableError, match="no phase 'search'; choose one of enc, rec, rec2"):
        figrim.read(root, phase="search")


def test_either_file_is_read_alone_and_beside_the_pictures(root: Path) -> None:
    (root / "fillerData" / "allImages_fillers.mat").unlink()
    (root / "targetData" / "allImages_release.mat").rename(root / "allImages_release.mat")
    assert list(people(root)) == [TARGETS]
    (root / "allImages_release.mat").unlink()
    with pytest.raises(TableError, match=r"allImages_release\.mat: the file is missing; give the folder of FIGRIM"):
        figrim.read(root)


def test_without_their_folder_only_the_size_of_the_pictures_is_known(root: Path) -> None:
    (root / TARGETS).unlink()
    with pytest.raises(TableError, match=r"sun_targets\.jpg: the picture is missing"):
        list(figrim.read(root))
    (root / "Targets" / "badlands").rmdir()
    (root / "Targets").rmdir()
    picture, _ = next(figrim.read(root))
    assert (picture.width, picture.height, picture.path) == (1000, 1000, None)


def test_pictures_of_another_size_are_refused_since_fixations_would_be_misplaced(root: Path) -> None:
    tiny.picture(root / TARGETS, 500, 500)
    with pytest.raises(TableError, match=r"sun_targets\.jpg: not 1000 x 1000"):
        list(figrim.read(root))


@pytest.mark.parametrize("kept", [0, 60, 127, 200, 0.5, 0.9, -1])
def test_a_file_that_was_cut_off_is_named(root: Path, kept: float) -> None:
    path = root / "targetData" / "allImages_release.mat"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    with pytest.raises(TableError, match=r"allImages_release\.mat: .*download"):
        list(figrim.read(root))


@pytest.mark.parametrize(
    ("enc", "problem"),
    [
        (np.zeros((2, 3)), "enc has the shape 2 x 3"),
        (np.ones((1, 2, 2)), "enc has the shape 1 x 2 x 2"),
        ("abc", "enc is no matrix of numbers"),
        (np.array([[0.2, 0.3], [0.9, 0.5]]), "all coordinates lie in 0 to 1; multiply"),
        (np.array([[1e9, 3.0], [1.0, 2.0]]), "no pixels"),
    ],
)
def test_fixations_of_another_form_are_named(root: Path, enc: object, problem: str) -> None:
    spoilt(root, enc)
    with pytest.raises(TableError, match=rf"allImages_release\.mat: .*{problem}.*\.$"):
        list(figrim.read(root))


def test_a_viewer_may_have_one_fixation_and_what_is_no_number_is_left_out(root: Path) -> None:
    spoilt(root, np.array([[1.0, 1.0], [np.nan, 3.0]]))
    _, (path,) = next(figrim.read(root))
    np.testing.assert_array_equal(path.xy, [[0.5, 0.5]])


def test_another_matlab_file_is_refused(root: Path) -> None:
    path = root / "fillerData" / "allImages_fillers.mat"
    tiny.savemat(path, {"other": np.zeros(3)})
    with pytest.raises(TableError, match="no variable allImages"):
        figrim.read(root)
    tiny.savemat(path, {"allImages": np.zeros(3)})
    with pytest.raises(TableError, match=r"allImages\(1\) has not the form of the release"):
        figrim.read(root)


def test_two_entries_of_one_name_are_refused(root: Path) -> None:
    path = spoilt(root, np.array([[1.0, 1.0]]))
    from scipy.io import loadmat

    tiny.savemat(path, {"allImages": np.tile(loadmat(path)["allImages"], 2)})
    with pytest.raises(TableError, match=r"the picture Targets/badlands/sun_targets\.jpg is there twice"):
        figrim.read(root)


def test_the_set_becomes_a_table(root: Path) -> None:
    write_table(root / "table", figrim.read(root))
    assert check_table(root / "table") == []
    assert people(root) == {picture.name: [p.subject for p in paths] for picture, paths in read_table(root / "table")}
