"""What a checkpoint knows of the data: the same for the same data, and what changed in words."""

import json
from pathlib import Path

import pytest

from data.errors import GazeError
from data.synthetic import layouts
from saliency.datamodule import GazeData
from scanpath.datamodule import SceneData
from training import data_state


@pytest.fixture
def root(tmp_path: Path) -> Path:
    layouts.write(tmp_path / "set", 8, 1, size=(96, 96), viewers=2)
    return tmp_path / "set"


def state(kind: type, root: Path) -> data_state.State:
    data = kind(str(root))
    data.setup()
    found: data_state.State = data.data_state
    return found


@pytest.mark.parametrize("kind", [GazeData, SceneData])
def test_the_state_is_that_of_the_data_and_not_of_where_it_lies(kind: type, root: Path) -> None:
    before = state(kind, root)
    splits = json.loads((root / "splits.json").read_text())
    assert {name: found["pictures"] for name, found in before.items()} == {k: len(v) for k, v in splits.items()}
    assert before["train"]["people"] == 2
    assert json.loads(json.dumps(before)) == before  # a checkpoint holds plain values
    moved = root.rename(root.with_name("moved"))
    assert data_state.changes(before, state(kind, moved)) == []


@pytest.mark.parametrize("kind", [GazeData, SceneData])
def test_a_fixation_less_and_a_picture_in_another_split_are_told(kind: type, root: Path) -> None:
    before = state(kind, root)
    splits = json.loads((root / "splits.json").read_text())
    splits["test"], splits["train"] = [*splits["test"], splits["train"][-1]], splits["train"][:-1]
    (root / "splits.json").write_text(json.dumps(splits))
    told = data_state.changes(before, state(kind, root))
    assert told[0].startswith(f"train has {len(splits['train'])} pictures (was {len(splits['train']) + 1}), ")
    assert any(words.startswith("test has ") for words in told)
    with pytest.raises(GazeError, match=r"The data is not what this run began with: train has .*--data\.changed ok"):
        data_state.check(before, state(kind, root), "no")
    assert data_state.check(before, state(kind, root), "ok")
    assert not data_state.check(None, state(kind, root), "no")  # a checkpoint that tells nothing of its data
