"""Batches of scenes: flips turn everything together, padding is told from what is there, and chance has a seed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from data.errors import GazeError, TableError
from data.gaze import ObjectPath, Objects, Picture, Scene
from data.synthetic import layouts
from export.scanpath_onnx import random_look
from scanpath.datamodule import SceneData, Scenes, _flipped, collate
from scanpath.inputs import InputSpec
from scanpath.object_features import Look

NAMES = ("ball", "book")


def path(*order: int, ended: bool = True) -> ObjectPath:
    count = len(order)
    return ObjectPath("s", np.array(order, np.int64), 100.0 + np.arange(count), np.zeros((count, 2)), ended=ended)


def scene(count: int, targets: tuple[int, ...] = (0,), picture: Picture | None = None) -> Scene:
    corner = np.arange(count)[:, None] * [6.0, 3.0] + 1
    boxes = np.hstack([corner, np.full((count, 2), 4.0) + np.arange(count)[:, None] * [0.5, 0.25]])
    box = (corner[0, 0], corner[0, 1], 4.0, 4.0) if targets else None
    memory_set = ("ball",) if targets else ()
    objects = Objects(boxes, NAMES * (count // 2) + NAMES[: count % 2])
    return Scene(picture or Picture(f"{count}.png", 60, 40), objects, targets, memory_set, "search", box)


def some(**options: Any) -> Scenes:
    items = [
        (scene(4), (path(0, 1, 2), path(3), path())),
        (scene(6, ()), (path(5, 5, 1, 0, 2, ended=False), path(1, 2, 3, 4, 5))),
        (scene(2, (1,)), ()),
    ]
    return Scenes(items, [1, 2, 1], InputSpec(NAMES), **options)


@pytest.fixture
def drawn(tmp_path: Path) -> Scene:
    """A scene whose picture has another colour at every pixel."""
    y, x = np.indices((40, 60))
    pixels = np.stack([x * 4, y * 6, (x + y) % 256], -1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    return scene(5, (0,), Picture("p.png", 60, 40, tmp_path / "p.png"))


@pytest.mark.parametrize("way", [1, 2, 3])
def test_a_scene_flipped_twice_is_as_it_was(drawn: Scene, way: int) -> None:
    _, pixels = _flipped(drawn, 0, True)
    once, mirrored = _flipped(drawn, way, True)
    twice, _ = _flipped(once, way, True)
    np.testing.assert_allclose(twice.objects.boxes, drawn.objects.boxes)
    assert twice.box == pytest.approx(drawn.box)
    assert not np.array_equal(once.objects.boxes, drawn.objects.boxes)
    assert pixels is not None
    assert mirrored is not None
    again = mirrored[:, ::-1] if way & 1 else mirrored
    np.testing.assert_array_equal(again[::-1] if way & 2 else again, pixels)
    assert once.objects.categories == drawn.objects.categories
    assert once.targets == drawn.targets


@pytest.mark.parametrize("way", [1, 2, 3])
def test_every_box_still_shows_its_object_after_a_flip(drawn: Scene, way: int) -> None:
    """The crops of the flipped scene are the flipped crops; the target's crop, too."""
    items = [(drawn, (path(0),))]
    scenes = Scenes(items, [1], InputSpec(NAMES, "crops", 4), flip="xy")
    whole = replace(drawn, objects=Objects(np.round(drawn.objects.boxes), drawn.objects.categories))
    scenes.items = [(whole, [path(0)])]
    plain, turned = scenes.scene(0), scenes.scene(way)
    for name in ("crops", "sought_crops"):
        expected = plain[name][:, :, ::-1] if way & 1 else plain[name]
        expected = expected[:, ::-1] if way & 2 else expected
        np.testing.assert_allclose(turned[name].astype(int), expected.astype(int), atol=1)
    assert not np.array_equal(turned["crops"], plain["crops"])
    for axis, side in ((0, 60), (1, 40)):
        low = plain["boxes"][:, axis]
        mirrored = side - low - plain["boxes"][:, axis + 2]
        np.testing.assert_allclose(turned["boxes"][:, axis], mirrored if way & (1 << axis) else low)


def test_a_scene_without_a_picture_or_a_target_can_be_flipped() -> None:
    turned, pixels = _flipped(scene(3, ()), 3, True)
    assert pixels is None
    assert turned.box is None
    assert len(turned.objects) == 3


def test_flips_happen_equally_often_and_only_in_the_ways_asked_for() -> None:
    for flip, ways in (("", {0}), ("x", {0, 1}), ("xy", {0, 1, 2, 3})):
        scenes = some(flip=flip, seed=1)
        seen = [int(scenes[epoch, 0]["key"]) for epoch in range(200)]
        assert set(seen) == ways
        assert min(seen.count(way) for way in ways) > 130 / len(ways)


def test_paths_stand_beside_their_scene() -> None:
    sample = some()[0, 1]
    assert sample["order"].tolist() == [[5, 5, 1, 0, 2], [1, 2, 3, 4, 5]]
    assert sample["duration"].tolist() == [[100, 101, 102, 103, 104]] * 2
    assert sample["ended"].tolist() == [False, True]
    short = some()[0, 0]
    assert short["order"].tolist() == [[0, 1, 2], [3, -1, -1]]  # a path without fixations is none
    assert np.isnan(short["duration"][1, 1:]).all()
    assert short["ended"].tolist() == [True, True]


def test_beyond_the_limit_a_path_is_cut_and_did_not_end() -> None:
    sample = some(limit=3)[0, 1]
    assert sample["order"].tolist() == [[5, 5, 1], [1, 2, 3]]
    assert sample["ended"].tolist() == [False, False]
    just = some(limit=5)[0, 1]
    assert just["ended"].tolist() == [False, True]


@pytest.mark.parametrize(("share", "expected"), [(0.0, {False}), (1.0, {True}), (0.5, {False, True})])
def test_the_target_is_told_in_its_share_of_scenes_that_have_one(share: float, expected: set[bool]) -> None:
    scenes = some(target_known_share=share)
    seen = [bool(scenes[epoch, 0]["told"]) for epoch in range(100)]
    assert set(seen) == expected
    assert share != 0.5 or 30 < sum(seen) < 70
    assert not any(scenes[epoch, 1]["told"] for epoch in range(50))  # free viewing


def test_the_condition_any_comes_in_its_share() -> None:
    scenes = some(any_share=0.3)
    seen = [int(scenes[epoch, 1]["condition"]) for epoch in range(400)]
    assert set(seen) == {0, 2}
    assert 80 < seen.count(0) < 160
    assert {int(some()[epoch, 1]["condition"]) for epoch in range(50)} == {2}


def test_the_same_seed_epoch_and_scene_give_the_same_sample() -> None:
    options = {"flip": "xy", "target_known_share": 0.5, "any_share": 0.5}
    one, other = some(seed=4, **options), some(seed=4, **options)
    for at in [(7, 0), (2, 1), (0, 0)]:  # in any order
        for name, value in one[at].items():
            np.testing.assert_array_equal(value, other[at][name])
    keys = [[int(scenes[epoch, 0]["key"]) for epoch in range(20)] for scenes in (one, some(seed=5, **options))]
    assert keys[0] != keys[1]


def test_a_sample_may_be_changed_without_changing_the_next() -> None:
    scenes = some(target_known_share=1.0)
    scenes[0, 0]["told"][...] = False
    assert scenes[0, 0]["told"]
    assert not scenes.scene(0)["told"]


def test_scenes_without_objects_are_left_out() -> None:
    empty = (Scene(Picture("e.png", 9, 9), Objects(np.zeros((0, 4)))), (path(),))
    scenes = Scenes([empty, (scene(2), (path(1),))], [1, 2], InputSpec())
    assert len(scenes) == 1
    assert scenes[0, 0]["condition"] == 2


def test_each_scene_is_looked_at_once_in_each_flip(drawn: Scene) -> None:
    seen: list[np.ndarray] = []

    def look(pixels: np.ndarray) -> Look:
        seen.append(pixels)
        return random_look((2, 1, 3, 4), len(seen))

    scenes = Scenes([(drawn, (path(0),))], [1], InputSpec(NAMES, "saliency"), flip="x", look=look)
    samples = [scenes[epoch, 0] for epoch in range(12)]
    assert len(seen) == 2
    np.testing.assert_array_equal(seen[0], seen[1][:, ::-1])
    assert {sample["features"].shape for sample in samples} == {(len(drawn.objects), 12)}
    assert "picture" not in samples[0]


def test_a_batch_is_padded_with_what_is_not_there() -> None:
    scenes = some()
    samples = [scenes[0, i] for i in range(3)]
    batch = collate(samples)
    assert batch["boxes"].shape == (3, 6, 4)
    assert batch["present"].sum(1).tolist() == [4, 6, 2]
    assert batch["order"].shape == (3, 2, 5)
    assert batch["told"].shape == batch["key"].shape == (3,)
    for row, sample in enumerate(samples):
        count, (paths, length) = len(sample["boxes"]), sample["order"].shape
        np.testing.assert_array_equal(batch["boxes"][row, :count], sample["boxes"])
        np.testing.assert_array_equal(batch["order"][row, :paths, :length], sample["order"])
        assert (batch["order"][row, paths:] == -1).all()
        assert (batch["order"][row, :, length:] == -1).all()
        assert torch.isnan(batch["duration"][row, paths:]).all()
        assert not batch["ended"][row, paths:].any()
        assert not batch["target"][row, count:].any()
    assert batch["order"].dtype == torch.int64
    assert batch["boxes"].dtype == torch.float32


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "toyset"
    layouts.write(folder, 10, 1, size=(96, 96), viewers=2)
    return folder


def test_a_set_in_the_table_format_becomes_batches(root: Path) -> None:
    data = SceneData(str(root), appearance="crops", crop=12, batch_size=4)
    data.setup()
    assert {split: len(scenes) for split, scenes in data.sets.items()} == {"train": 6, "val": 2, "test": 2}
    assert data.conditions == ["toyset"]
    assert data.categories == sorted(layouts.HUES)
    batches = list(data.train_dataloader())
    assert [len(batch["key"]) for batch in batches] == [4, 2]
    assert batches[0]["crops"].shape[2:] == (12, 12, 3)
    assert batches[0]["crops"].amax((2, 3, 4))[batches[0]["present"]].min() > 0
    assert set(torch.cat([batch["condition"] for batch in data.val_dataloader()]).tolist()) == {1}


def test_a_picture_is_on_one_side_only(root: Path) -> None:
    data = SceneData(str(root))
    data.setup()
    names = {split: {item[0].picture.name for item in scenes.items} for split, scenes in data.sets.items()}
    assert len(set.union(*names.values())) == sum(map(len, names.values())) == 10


def test_the_order_of_an_epoch_follows_from_the_seed_and_the_epoch(root: Path) -> None:
    def order(seed: int, epoch: int) -> list[int]:
        data = SceneData(str(root), seed=seed, batch_size=2, any_share=0.0)
        data.setup()
        loader = data.train_dataloader()
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        return [int(key) for batch in loader for key in batch["key"]]

    assert order(3, 1) == order(3, 1)
    assert order(3, 1) != order(3, 2)
    assert order(3, 1) != order(4, 1)
    assert sorted(order(3, 1)) == sorted(order(4, 2))
    data = SceneData(str(root), batch_size=2)
    data.setup()
    assert [int(key) for batch in data.val_dataloader() for key in batch["key"]] == [0, 4]


def test_only_training_scenes_are_flipped_told_and_of_any_condition(root: Path) -> None:
    data = SceneData(str(root), flip="xy", target_known_share=0.5, any_share=0.5)
    data.setup()
    for split in ("val", "test"):
        samples = [data.sets[split][epoch, 0] for epoch in range(30)]
        assert {(int(s["key"]), bool(s["told"]), int(s["condition"])) for s in samples} == {(0, False, 1)}
    assert len({(int(s["key"]), bool(s["told"])) for s in (data.sets["train"][e, 0] for e in range(60))}) == 8
    oracle = SceneData(str(root), target_known_share=1.0)
    oracle.setup()
    assert oracle.sets["val"][0, 0]["told"]


def test_where_pictures_have_no_split_every_eighth_is_for_validation(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unsplit"
    layouts.write(folder, 16, 1, size=(96, 96), viewers=1)
    (folder / "splits.json").unlink()
    data = SceneData(str(folder))
    data.setup()
    names = {split: [item[0].picture.name for item in scenes.items] for split, scenes in data.sets.items()}
    assert names["val"] == ["0007.png", "0015.png"]
    assert names["test"] == ["0008.png", "0016.png"]
    assert len(names["train"]) == 12


def test_two_sets_are_two_conditions_with_options_of_their_own(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "free"
    layouts.write(other, 5, 2, "free", size=(96, 96), viewers=2)
    data = SceneData([str(root), str(other)], source=["file", "grid:2x3"], first_duration=[True, False], any_share=0.0)
    data.setup()
    train = data.sets["train"]
    assert [train[0, i]["condition"].item() for i in range(9)] == [1] * 6 + [2] * 3
    assert len(train[0, 8]["boxes"]) == 6
    assert np.isfinite(train[0, 0]["duration"][:, 0]).all()
    assert np.isnan(train[0, 8]["duration"][:, 0]).all()
    assert np.isfinite(train[0, 8]["duration"][:, 1]).any()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"root": []}, "no folder is given; name at least one"),
        ({"root": ["a/x", "b/x"]}, r"two folders share a name \(x, x\); rename one"),
        ({"flip": "y"}, "data.flip is 'y'; it must be one of '', 'x', 'xy'"),
        ({"within": [1.0, 2.0]}, "data.within: 2 values for 1 folders"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(GazeError, match=problem):
        SceneData(**({"root": "a"} | options))


def test_a_split_without_scenes_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    layouts.write(folder, 3, 1, size=(96, 96), viewers=1)
    data = SceneData(str(folder))
    data.setup()
    with pytest.raises(TableError, match=r"small.*: the test split holds no scene with objects; name some in splits"):
        data.test_dataloader()
    (folder / "splits.json").write_text('{"train": ["0001.png"]}')
    with pytest.raises(
        TableError, match=r"splits\.json: there is no split 'val' or 'test'; it needs train, val and test"
    ):
        SceneData(str(folder)).setup()
