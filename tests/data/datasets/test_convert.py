import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data.datasets import READERS, catalog, convert
from data.errors import GazeError
from data.gaze import Objects, Picture, Scanpath, Screen

SCREEN = Screen(10, 10, 10.0, 10.0, 10.0)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What a reader that stands in for OSIE's was called with."""
    calls: dict[str, object] = {}
    module = types.ModuleType("toy")

    def read(
        root: Path,
        split: int = 1,
        rate: float = 2.0,
        initial: bool = False,
        times: str | None = "code",
        screen: Screen = SCREEN,
    ) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
        calls.update(root=root, split=split, rate=rate, initial=initial, times=times)
        return iter([])

    def splits(root: Path, split: int = 1) -> dict[str, list[str]]:
        return {f"train{split}": []}

    def objects(root: Path) -> dict[str, Objects]:
        return {"a.png": Objects(np.zeros((0, 4)))}

    for function in (read, splits, objects):
        function.__module__ = "toy"
        setattr(module, function.__name__, function)
    monkeypatch.setitem(sys.modules, "toy", module)
    monkeypatch.setattr(catalog, "readers", lambda: {"osie": "toy:read"})
    return calls


def test_options_reach_the_reader_in_its_own_types(calls: dict[str, object], tmp_path: Path) -> None:
    parts = convert.read("osie", tmp_path, ["split=2", "rate=1.5", "initial=yes", "times=none"])
    assert calls == {"root": tmp_path, "split": 2, "rate": 1.5, "initial": True, "times": None}
    assert parts.splits == {"train2": []}
    assert list(parts.objects) == ["a.png"]
    convert.read("osie", tmp_path, ["times=paper"])
    assert calls["times"] == "paper"
    assert calls["split"] == 1


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (
            "colour=red",
            "osie has no option 'colour=red'; write NAME=VALUE; it has: split, rate, initial, times, screen.",
        ),
        ("split", "osie has no option 'split'; write NAME=VALUE"),
        ("split=one", "osie: the option split is 'one'; write a number."),
        ("initial=perhaps", "osie: the option initial is 'perhaps'; write true or false."),
        ("screen=big", "osie: the option screen cannot be given here; call its reader from Python."),
    ],
)
def test_options_that_make_no_sense_are_refused(
    calls: dict[str, object], tmp_path: Path, word: str, sentence: str
) -> None:
    with pytest.raises(GazeError) as error:
        convert.read("osie", tmp_path, [word])
    assert str(error.value).startswith(sentence)
    assert not calls


def test_a_set_that_is_unknown_is_told_with_those_of_near_names(tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"There is no data set 'COCO-Search19'; choose one of: coco_search18"):
        convert.read("COCO-Search19", tmp_path)
    with pytest.raises(GazeError, match=r"There is no data set 'zzz'; choose one of: amazon, avimos, bdda, cat2000"):
        convert.read("zzz", tmp_path)
    with pytest.raises(GazeError, match="is what data sets are converted to"):
        convert.read("table", tmp_path)


@pytest.mark.parametrize("name", sorted(set(READERS) - {"table"}))
def test_the_folder_of_another_set_is_refused_by_every_reader(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(GazeError, match="; "):
        list(convert.read(name, tmp_path).items)
