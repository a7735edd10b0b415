import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.datasets import coco_freeview
from data.errors import TableError
from tests.data.datasets import tiny

LIST = "COCOFreeView_fixations_trainval.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.coco_freeview(tmp_path)
    return tmp_path


def trials(root: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((root / LIST).read_text())
    return found


def save(root: Path, found: list[dict[str, Any]]) -> None:
    (root / LIST).write_text(json.dumps(found))


def test_the_release_reads_as_pictures_and_scanpaths(root: Path) -> None:
    items = list(coco_freeview.read(str(root)))
    assert [picture.name for picture, _ in items] == ["000000000009.jpg", "000000000025.jpg"]
    picture, (one, ten) = items[0]
    assert (picture.width, picture.height) == (1680, 1050)
    assert picture.path == root / "COCOSearch18-images-TP" / "images" / "bottle" / "000000000009.jpg"
    assert (one.subject, ten.subject, one.task, one.target) == ("s01", "s10", "free", "")
    assert one.xy.tolist() == [[412.5, 300.0], [1200.25, 77.5]]
    assert one.duration.tolist() == [240, 431]
    assert np.isnan(one.onset).all()


def test_the_fixation_under_way_is_left_out_unless_wanted(root: Path) -> None:
    save(root, [trials(root)[0], trials(root)[1] | {"X": [840.0], "Y": [525.0], "T": [99], "length": 1}])
    ((_, paths),) = coco_freeview.read(root)
    assert [(path.subject, len(path)) for path in paths] == [("s01", 2)]
    ((_, paths),) = coco_freeview.read(root, initial=True)
    assert [(path.subject, len(path)) for path in paths] == [("s01", 3), ("s10", 1)]


def test_the_splits_are_the_authors(root: Path) -> None:
    assert coco_freeview.splits(root) == {"train": ["000000000009.jpg"], "val": ["000000000025.jpg"], "test": []}
    save(root, [trials(root)[0] | {"split": "holdout"}])
    with pytest.raises(TableError, match="trial 0 has the unknown split 'holdout'"):
        coco_freeview.splits(root)


def test_pictures_are_optional_but_all_or_none(root: Path) -> None:
    (root / "coco_search18_images_TA" / "car" / "000000000025.jpg").unlink()
    with pytest.raises(TableError, match=r"000000000025\.jpg: the picture is missing; give all pictures"):
        list(coco_freeview.read(root))
    tiny.picture(root / "images" / "000000000025.jpg", 512, 320)
    with pytest.raises(TableError, match=r"000000000025\.jpg: not 1680 x 1050 pixels"):
        list(coco_freeview.read(root))


def test_a_list_without_pictures_tells_their_size(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    bare = tmp_path_factory.mktemp("bare")
    (root / LIST).rename(bare / "coco_freeview_fixations_all.json")
    assert {(p.width, p.height, p.path) for p, _ in coco_freeview.read(bare)} == {(1680, 1050, None)}


def test_a_list_of_scaled_coordinates_is_refused(root: Path) -> None:
    (root / LIST).rename(root / "coco_freeview_fixations_512x320.json")
    with pytest.raises(TableError, match="its coordinates are scaled to 512x320 pixels; give the original"):
        coco_freeview.read(root)
    rng = np.random.default_rng(0)
    small = [t | {"name": f"{i}.jpg"} for i in range(80) for t in trials_of(rng)]
    save(root, small)
    with pytest.raises(TableError, match=r"all fixations lie within 5.. x 3.. of the pictures' 1680 x 1050"):
        coco_freeview.read(root)


def trials_of(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Two people's trials within 512 x 320 pixels."""
    x, y = (rng.uniform(20, high, (2, 9)).tolist() for high in (512, 320))
    one = {"name": "", "T": [200] * 9, "length": 9, "split": "train"}
    return [one | {"subject": who + 1, "X": x[who], "Y": y[who]} for who in range(2)]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"X": [0.5, 0.2, 0.3], "Y": [0.5, 0.9, 0.1]}, "all coordinates lie in 0 to 1; multiply them"),
        ({"X": [5, 300, 600], "Y": [5, 1400, 1500]}, "y seems to come before x"),
        ({"T": [0.2, 0.25, 1.4]}, "T seems to be in seconds; multiply"),
        ({"X": [5, 1e12, 600]}, "no pixels"),
    ],
)
def test_other_units_are_told(root: Path, change: dict[str, Any], problem: str) -> None:
    save(root, [trials(root)[0] | change])
    with pytest.raises(TableError, match=rf"trainval\.json: .*{problem}"):
        list(coco_freeview.read(root))


def test_a_large_file_with_y_before_x_is_told_though_some_gaze_leaves_the_screen(root: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(840, 300, (90, 9)), rng.normal(525, 200, (90, 9))
    one = {"T": [200] * 9, "length": 9, "split": "train", "subject": 1}
    save(root, [one | {"name": f"{i}.jpg", "X": x[i].tolist(), "Y": y[i].tolist()} for i in range(90)])
    assert (y > 1050).any()
    with pytest.raises(TableError, match=r"0\.jpg: the picture is missing"):  # all else is well
        list(coco_freeview.read(root))
    save(root, [one | {"name": f"{i}.jpg", "X": y[i].tolist(), "Y": x[i].tolist()} for i in range(90)])
    with pytest.raises(TableError, match="y seems to come before x"):
        coco_freeview.read(root)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda t: t.pop("T"), "no T"),
        (lambda t: t.update(X=[1.0]), "1 X, 3 Y and 3 T for length 3"),
        (lambda t: t.update(T=[1, 2, -3]), "T is -3"),
        (lambda t: t.update(Y=[1, 2, None]), "Y is not a list of numbers"),
        (lambda t: t.update(subject="anna"), "invalid literal"),
        (lambda t: t.update(condition="present"), "the condition 'present'"),
    ],
)
def test_a_trial_of_another_form_is_named(root: Path, spoil: Callable[[Any], Any], problem: str) -> None:
    found = trials(root)
    spoil(found[1])
    save(root, found)
    with pytest.raises(TableError, match=rf"trainval\.json: trial 1 .*{problem}.*; download it again\.$"):
        list(coco_freeview.read(root))


def test_entries_beside_the_needed_ones_are_passed_over(root: Path) -> None:
    needed = ("name", "subject", "X", "Y", "T", "length", "split")
    save(root, [{key: trial[key] for key in needed} | {"fixOnTarget": True} for trial in trials(root)])
    assert len(list(coco_freeview.read(root))) == 2


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b"[3]", b"[[[[", '[{"name": "\u00e9"}]'.encode("latin-1")])
def test_another_file_is_refused(root: Path, content: bytes) -> None:
    (root / LIST).write_bytes(content)
    with pytest.raises(TableError, match=r"trainval\.json.*; "):
        coco_freeview.read(root)


def test_two_copies_of_a_list_are_refused(root: Path) -> None:
    (root / "more").mkdir()
    (root / "more" / LIST).write_bytes((root / LIST).read_bytes())
    with pytest.raises(TableError, match=r"000000000009\.jpg 1\) is there twice; keep one copy"):
        coco_freeview.read(root)


def test_a_folder_without_the_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="give the folder of COCO-FreeView"):
        coco_freeview.read(tmp_path)
