import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data.datasets import coco_search18
from data.errors import TableError
from tests.data.datasets import tiny
from tests.data.datasets.tiny import trial

TRAIN = "coco_search18_fixations_TP_train_split1.json"
VALID = "coco_search18_fixations_TP_validation_split1.json"
ABSENT = "coco_search18_fixations_TA_trainval.json"


def absent(**other: Any) -> dict[str, Any]:
    found = trial(condition="absent", task="potted plant", **other)
    del found["bbox"], found["RT"]
    return found


def save(root: Path, **files: Any) -> Path:
    for name, trials in files.items():
        path = root / {"train": TRAIN, "valid": VALID, "absent": ABSENT}.get(name, f"{name}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(trials))
    return root


def test_trials_of_both_conditions_read_as_pictures_and_scanpaths(tmp_path: Path) -> None:
    save(
        tmp_path,
        train=[trial(), trial(subject=10, correct=0), trial("b.jpg", fixOnTarget=True)],
        absent=[absent(correct=1), absent(subject=3, correct=0)],
    )
    items = {picture.name: (picture, paths) for picture, paths in coco_search18.read(str(tmp_path))}
    assert sorted(items) == ["000000000009.jpg", "b.jpg"]
    picture, paths = items["000000000009.jpg"]
    assert (picture.width, picture.height, picture.path) == (1680, 1050, None)
    told = {(p.subject, p.target): (p.found, p.box) for p in paths}
    assert told == {
        ("s02", "bottle"): (True, (377, 0, 288, 213)),
        ("s10", "bottle"): (False, (377, 0, 288, 213)),
        ("s02", "potted plant"): (None, None),
        ("s03", "potted plant"): (None, None),
    }
    assert {path.task for path in paths} == {"search"}


def test_the_release_reads_with_its_pictures(tmp_path: Path) -> None:
    tiny.coco_search18(tmp_path)
    items = {picture.name: (picture, paths) for picture, paths in coco_search18.read(tmp_path)}
    picture, paths = items["000000000009.jpg"]
    assert picture.path == tmp_path / "COCOSearch18-images-TP" / "images" / "bottle" / "000000000009.jpg"
    assert [(path.subject, path.target) for path in paths] == [("s02", "car"), ("s02", "bottle"), ("s10", "bottle")]
    assert coco_search18.splits(tmp_path)["val"] == ["000000000025.jpg"]


def test_the_fixation_on_the_cross_is_left_out_unless_wanted(tmp_path: Path) -> None:
    save(tmp_path, train=[trial(), trial(subject=3, X=[840.0], Y=[525.0], T=[99], length=1)])
    ((_, (path,)),) = coco_search18.read(tmp_path)
    assert path.xy.tolist() == [[738.5, 360.3], [520.5, 45.6]]
    assert path.duration.tolist() == [157, 643]
    assert np.isnan(path.onset).all()
    ((_, (whole, short)),) = coco_search18.read(tmp_path, initial=True)
    assert whole.duration.tolist() == [168, 157, 643]
    assert len(short) == 1


def test_one_of_the_two_divisions_is_read(tmp_path: Path) -> None:
    other = TRAIN.removesuffix("1.json") + "2"
    save(tmp_path, train=[trial("a.jpg")], **{other: [trial("a.jpg"), trial("b.jpg")]})
    assert [picture.name for picture, _ in coco_search18.read(tmp_path)] == ["a.jpg"]
    assert [picture.name for picture, _ in coco_search18.read(tmp_path, split=2)] == ["a.jpg", "b.jpg"]
    with pytest.raises(TableError, match=r"no file coco_search18_fixations_\*\.json of split 3"):
        list(coco_search18.read(tmp_path, split=3))


def test_files_may_lie_in_the_folders_of_their_archives(tmp_path: Path) -> None:
    inner = tmp_path / "COCOSearch18-fixations-TA" / "coco_search18_fixations_TA"
    save(tmp_path / "COCOSearch18-fixations-TP", train=[trial()])
    save(inner, absent=[absent()])
    ((_, paths),) = coco_search18.read(tmp_path)
    assert [path.target for path in paths] == ["bottle", "potted plant"]


def test_pictures_are_found_in_the_folders_of_their_tasks(tmp_path: Path) -> None:
    save(tmp_path, train=[trial("a.jpg")], absent=[absent(name="b.jpg")])
    present = tmp_path / "COCOSearch18-images-TP" / "images" / "bottle" / "a.jpg"
    missing = tmp_path / "coco_search18_images_TA" / "potted plant" / "b.jpg"
    for path in (present, missing):
        path.parent.mkdir(parents=True)
        Image.new("L", (1680, 1050)).save(path)
    assert {picture.path for picture, _ in coco_search18.read(tmp_path)} == {present, missing}
    Image.new("L", (512, 320)).save(missing)
    with pytest.raises(TableError, match=r"b\.jpg: not 1680 x 1050 pixels"):
        list(coco_search18.read(tmp_path))
    missing.unlink()
    with pytest.raises(TableError, match=r"potted plant.b\.jpg: the picture is missing; give all"):
        list(coco_search18.read(tmp_path))


def test_the_splits_of_the_authors_never_share_a_picture(tmp_path: Path) -> None:
    save(
        tmp_path,
        train=[trial("a.jpg"), trial("b.jpg")],
        valid=[trial("c.jpg", split="valid")],
        absent=[absent(name="b.jpg", split="valid"), absent(name="d.jpg", split="test")],
    )
    found = coco_search18.splits(tmp_path)
    assert {part: set(names) for part, names in found.items()} == {
        "train": {"a.jpg", "b.jpg"},
        "val": {"c.jpg"},
        "test": {"d.jpg"},
    }
    assert sum(map(len, found.values())) == 4
    save(tmp_path, train=[trial(split=["train"])])
    with pytest.raises(TableError, match="trial 0 has the unknown split"):
        coco_search18.splits(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda t: t.pop("T"), "no T"),
        (lambda t: (t.pop("X"), t.pop("Y")), "no X, Y"),
        (lambda t: t.update(scanpath=[]), "the unknown scanpath"),
        (lambda t: t.pop("bbox"), "no 'bbox'"),
        (lambda t: t.update(bbox=[1, 2, 3]), "not enough values"),
        (lambda t: t.update(bbox=[1, 2, 0, 4]), r"bbox is \[1, 2, 0, 4\]"),
        (lambda t: t.update(X=[1.0, 2.0]), "2 X, 3 Y and 3 T for length 3"),
        (lambda t: t.update(length=4), "for length 4"),
        (lambda t: t.update(Y=[1.0, 2.0, None]), "Y is not a list of numbers|float"),
        (lambda t: t.update(T=[[1], [2], [3]]), "T is not a list of numbers"),
        (lambda t: t.update(X="abc"), "could not convert"),
        (lambda t: t.update(condition="freeview"), "the condition 'freeview'"),
        (lambda t: t.update(correct=2), "correct is 2"),
        (lambda t: t.update(subject="anna"), "invalid literal"),
    ],
)
def test_a_trial_of_another_form_is_named(tmp_path: Path, spoil: Callable[[Any], Any], problem: str) -> None:
    broken = trial(subject=5)
    spoil(broken)
    save(tmp_path, train=[trial(), broken])
    with pytest.raises(TableError, match=rf"split1\.json: trial 1 .*({problem}).*; download it again\.$") as caught:
        list(coco_search18.read(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{}", "[", "[3]", "[null]", "[" * 100_000, "9" * 5000])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / TRAIN).write_text(text)
    with pytest.raises(TableError, match=r"split1\.json: .*; ") as caught:
        list(coco_search18.read(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_trial_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    save(tmp_path, train=[trial()], valid=[trial()])
    with pytest.raises(TableError, match=r"trial 0 .*bottle present.* is there twice; keep one copy"):
        list(coco_search18.read(tmp_path))


def test_a_folder_without_the_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="give the folder of COCO-Search18"):
        list(coco_search18.read(tmp_path))
