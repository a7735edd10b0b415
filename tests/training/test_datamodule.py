"""Which pictures train and validate: the validator and both trainings say the same of splits.json."""

import json
import shutil
from pathlib import Path

import pytest

from data.errors import TableError
from data.synthetic import scenes as synthetic_scenes
from data.table.read import read_splits
from data.table.validate import check_table
from saliency.datamodule import GazeData
from scanpath.datamodule import SceneData
from training.datamodule import divide


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "first"
    synthetic_scenes.write(folder, count=20, size=(36, 64), viewers=3)
    return folder


def copy(root: Path, folder: Path) -> Path:
    return Path(shutil.copytree(root, folder))


SPLITS: dict[str, tuple[dict[str, list[str]], str]] = {  # what splits.json says, and the defect
    "no val": ({"train": ["0001.png"], "test": ["0002.png"]}, "there is no split 'val'; it needs train, val and test"),
    "no train": ({"val": ["0001.png"], "test": []}, "there is no split 'train'; it needs train, val and test"),
    "train alone": ({"train": ["0001.png"]}, "there is no split 'val' or 'test'; it needs"),
    "another word": (
        {"train": ["0001.png"], "validation": ["0002.png"]},
        "there is no split 'val' or 'test' and 'validation' is no split; it needs train, val and test",
    ),
    "two other words": (
        {"Train": ["0001.png"], "val": [], "Test": []},
        "there is no split 'train' or 'test' and 'Train' and 'Test' are no splits; it needs",
    ),
    "both words": ({"train": ["0001.png"], "val": [], "validation": [], "test": []}, "'validation' is no split; it"),
    "none to train on": ({"train": [], "val": ["0001.png"], "test": []}, "the split 'train' is empty"),
    "none that is known": (
        {"train": ["0001.png"], "val": ["nobody.png"], "test": []},
        "the split 'val' holds no picture that has a fixation",
    ),
    "one that is unknown": (
        {"train": ["0001.png"], "val": ["0002.png", "nope.png"], "test": []},
        "'val' names the unknown picture 'nope.png'",
    ),
    "one in two": (
        {"train": ["0001.png", "0002.png"], "val": ["0002.png"], "test": []},
        "picture '0002.png' is in 'train' and again in 'val'",
    ),
    "one twice": (
        {"train": ["0001.png", "0001.png"], "val": ["0002.png"], "test": []},
        "picture '0001.png' is in 'train' and again in 'train'",
    ),
    "one in another too": (
        {"train": ["0001.png"], "val": ["0002.png"], "test": [], "extra": ["0001.png"]},
        "picture '0001.png' is in 'train' and again in 'extra'",
    ),
    "none that was looked at": (
        {"train": ["0001.png"], "val": ["unseen.png"], "test": []},
        "the split 'val' holds no picture that has a fixation",
    ),
}


@pytest.mark.parametrize(("named", "defect"), SPLITS.values(), ids=SPLITS)
def test_the_validator_and_training_say_the_same_of_splits(
    root: Path, tmp_path: Path, named: dict[str, list[str]], defect: str
) -> None:
    folder = copy(root, tmp_path / "set")
    shutil.copy(folder / "images" / "0001.png", folder / "images" / "unseen.png")
    (folder / "splits.json").write_text(json.dumps(named))
    found = [str(it) for it in check_table(folder) if defect in str(it)]
    assert len(found) == 1
    for kind in (GazeData, SceneData):
        with pytest.raises(TableError) as refusal:
            kind(str(folder)).setup()
        assert str(refusal.value) == found[0]


@pytest.mark.parametrize("count", [1, 2, 8])
def test_an_empty_val_is_made_of_pictures_of_train(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    folder = copy(root, tmp_path / "set")
    names = read_splits(folder)
    (folder / "splits.json").write_text(json.dumps({**names, "train": names["train"][:count], "val": []}))
    assert check_table(folder) == []
    parts = divide(folder, [name for part in names.values() for name in part])
    assert len(parts["train"]) == max(1, count - 1)
    assert len(parts["val"]) == 1
    assert parts["train"] | parts["val"] == set(names["train"][:count])
    assert parts["test"] == set(names["test"])
    assert f"the split 'val' is empty; 1 of the {count} pictures of 'train'" in caplog.text
