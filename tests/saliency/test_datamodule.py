"""What the loaders give: shapes, sums, which maps are supervised, an order that is the same in every run."""

import json
import math
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from data import maps
from data.errors import GazeError, PictureError, TableError
from data.gaze import Picture, Scanpath
from data.picture import FILL, Letterbox, read
from data.synthetic import scenes as synthetic_scenes
from data.table import cache
from data.table.read import read_splits, read_table
from data.table.write import write_table
from saliency.datamodule import GazeData, Order
from saliency.dataset import Sample
from training.augment import Natural

SIZE = (36, 64)  # of the synthetic pictures: wider than the canvas
CANVAS = (64, 96)
SMALL: dict[str, Any] = {"canvas": CANVAS, "batch_size": 4, "workers": 0, "sigma": 3.0}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "first"
    synthetic_scenes.write(folder, count=20, size=SIZE, viewers=3)
    return folder


@pytest.fixture(scope="module")
def second(root: Path) -> Path:
    folder = root.parent / "second"
    synthetic_scenes.write(folder, count=10, seed=1, size=(40, 40), viewers=3, seconds=2.0)
    return folder


def ready(root: Path | list[Path], **arguments: Any) -> GazeData:
    folders = [str(folder) for folder in root] if isinstance(root, list) else str(root)
    data = GazeData(folders, **(SMALL | arguments))
    data.setup("fit")
    return data


def copy(root: Path, target: Path) -> Path:
    return Path(shutil.copytree(root, target))


def same(one: Iterable[Sample], other: Iterable[Sample]) -> None:
    for a, b in zip(one, other, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            torch.testing.assert_close(a[key], b[key], rtol=0, atol=0)


def test_a_batch_has_the_shapes_and_types_that_the_docstring_promises(root: Path) -> None:
    batch = next(iter(ready(root).train_dataloader()))
    grid = (CANVAS[0] // 4, CANVAS[1] // 4)
    assert {key: (tuple(value.shape), value.dtype) for key, value in batch.items()} == {
        "picture": ((4, *CANVAS, 3), torch.uint8),
        "content": ((4, 4), torch.float32),
        "condition": ((4,), torch.int64),
        "counts": ((4, 6, *grid), torch.float32),
        "density": ((4, 6, *grid), torch.float32),
        "valid": ((4, 6), torch.bool),
    }
    assert batch["content"][0].tolist() == [0, 5, 96, 59]  # 64 x 36 pixels become 96 x 54


def test_a_sample_is_what_its_files_say(root: Path) -> None:
    data = ready(root, any_share=0.0)
    items = [item for item in read_table(root) if item[0].name in read_splits(root)["val"]]
    batch = next(iter(data.val_dataloader()))
    for sample, (picture, paths) in enumerate(items[:4]):
        assert picture.path is not None
        box = Letterbox.fit(SIZE, CANVAS)
        np.testing.assert_array_equal(batch["picture"][sample].numpy(), box.apply(read(picture.path)))
        expected = np.zeros((6, CANVAS[0] // 4, CANVAS[1] // 4))
        for path in paths:
            for (x, y), onset in zip(path.xy, path.onset, strict=True):
                column, row = int(x * 1.5 / 4), int((y * 1.5 + 5) / 4)
                if 5 <= 4 * row + 2 < 59:  # the cell's centre lies on the picture
                    expected[0, row, column] += 1
                    expected[1 + min(2, int(onset // 1000)), row, column] += 1
        np.testing.assert_array_equal(batch["counts"][sample].numpy(), expected)
        density = maps.density(expected[0].astype(np.float32), 3.0 * 1.5 / 4, box.cells(4))
        np.testing.assert_allclose(batch["density"][sample, 0].numpy(), density, atol=1e-7)
    assert (batch["picture"][:, :5] == FILL).all()


def formerly(path: Path, paths: Iterable[Scanpath], seconds: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts and densities one map at a time, from the scanpaths themselves, blurred by OpenCV one by one."""
    picture = read(path)
    rows = [np.column_stack([p.xy, maps.second(maps.onsets(p, seconds), seconds)]) for p in paths]
    xy, when = np.split(np.concatenate(rows), [2], 1)
    box = Letterbox.fit(picture.shape[:2], CANVAS)
    shown = maps.on(xy, picture.shape[:2])
    cells, when = box.points(xy[shown]) / 4, when[shown, 0]
    inside = box.cells(4)
    parts = [cells, *(cells[when == s] for s in range(5))]
    counted = np.stack([maps.counts(part, inside.shape) for part in parts]) * inside
    sigma = sigma * box.content[2] / picture.shape[0] / 4
    width = (2 * max(1, math.ceil(4 * sigma)) + 1,) * 2
    blurred = [cv2.GaussianBlur(c, width, sigma, borderType=cv2.BORDER_CONSTANT) * inside for c in counted]
    return counted, np.stack([b / max(b.sum(dtype=float), 1e-30) for b in blurred])


@pytest.mark.parametrize("cached", [False, True])
def test_counts_and_densities_are_those_of_every_map_by_itself(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    monkeypatch.setattr(cache, "MIN_TABLE_BYTES", 1 if cached else 1 << 60)
    data = ready(copy(root, tmp_path / "set"), any_share=0.0)
    items = [item for item in read_table(root) if item[0].name in read_splits(root)["train"]]
    for index, (picture, paths) in enumerate(items):
        assert picture.path is not None
        sample = data.sets["train"][0, index]
        counted, density = formerly(picture.path, paths, 3.0, 3.0)
        np.testing.assert_array_equal(sample["counts"], counted)
        np.testing.assert_allclose(sample["density"], density, rtol=0, atol=1e-6 * density.max())


def test_densities_sum_to_one_on_the_picture_and_nothing_lies_in_the_bars(root: Path) -> None:
    for batch in ready(root, augment=Natural()).train_dataloader():
        total = batch["density"].sum((2, 3))
        torch.testing.assert_close(total, batch["valid"].float(), rtol=0, atol=1e-5)
        bars = torch.ones(16, 24, dtype=torch.bool)
        bars[1:15] = False  # the picture lies at 5 to 59 of 64 pixels: cell 1 (centre 6) to cell 14 (centre 58)
        assert batch["density"][..., bars].abs().max() == 0
        assert batch["counts"][..., bars].abs().max() == 0
        assert batch["counts"][:, 0].sum() == batch["counts"][:, 1:].sum()


def test_only_the_seconds_of_the_viewing_are_supervised(root: Path, second: Path) -> None:
    data = ready([root, second], seconds=[3.0, 2.0], any_share=0.0)
    seen = {1: torch.zeros(6, dtype=torch.bool), 2: torch.zeros(6, dtype=torch.bool)}
    for batch in data.train_dataloader():
        for condition, valid in zip(batch["condition"].tolist(), batch["valid"], strict=True):
            seen[condition] |= valid
    assert seen[1].tolist() == [True, True, True, True, False, False]
    assert seen[2].tolist() == [True, True, True, False, False, False]


def test_a_longer_viewing_than_the_model_tells_apart_supervises_what_there_is(root: Path) -> None:
    batch = next(iter(ready(root, slices=2).val_dataloader()))
    assert batch["valid"].tolist() == [[True, True, True]] * 4
    assert batch["counts"][:, 0].sum() > batch["counts"][:, 1:].sum()  # the third second is in the whole only


def test_a_slice_in_which_nobody_looked_is_not_supervised(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / "dark.png")
    early = Scanpath("s1", np.array([[20.0, 20.0]]), np.array([100.0]), np.array([200.0]))
    items = [(Picture(f"{i}.png", SIZE[1], SIZE[0], tmp_path / "dark.png"), (early,)) for i in range(8)]
    write_table(tmp_path / "set", items)
    data = ready(tmp_path / "set", batch_size=2)
    batch = next(iter(data.train_dataloader()))
    assert batch["valid"].tolist() == [[True, True, False, False, False, False]] * 2
    assert batch["density"][:, 2:].abs().max() == 0


def test_some_training_pictures_are_shown_as_any_and_none_of_the_others(root: Path, second: Path) -> None:
    data = ready([root, second], any_share=0.3)
    drawn = [data.sets["train"][epoch, index]["condition"] for epoch in range(25) for index in range(18)]
    share = np.mean([condition == 0 for condition in drawn])
    assert abs(share - 0.3) < 4 * (0.3 * 0.7 / len(drawn)) ** 0.5
    assert set(drawn) == {0, 1, 2}
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert torch.cat([batch["condition"] for batch in loader]).tolist() == [1, 1, 1, 1, 2, 2]
    assert data.conditions == ["first", "second"]


def test_each_set_has_its_own_blur(root: Path) -> None:
    twin = copy(root, root.parent / "twin")
    data = ready([root, twin], sigma=[1.0, 6.0])
    sharp, soft = (data.sets["val"][0, index]["density"][0] for index in (0, 4))
    assert sharp.max() > 2 * soft.max()
    counts = data.sets["val"][0, 0]["counts"][0]
    inside = Letterbox.fit(SIZE, CANVAS).cells(4)
    np.testing.assert_array_equal(soft, maps.density(counts, 6.0 * 1.5 / 4, inside))


def test_order_and_samples_follow_from_seed_and_epoch_alone(root: Path) -> None:
    orders = {}
    for seed in (0, 1):
        for epoch in (0, 1):
            order = Order(10, seed)
            order.set_epoch(epoch)
            orders[seed, epoch] = list(order)
            assert sorted(orders[seed, epoch]) == [(epoch, i) for i in range(10)]
            again = Order(10, seed)
            again.set_epoch(epoch)
            assert list(again) == orders[seed, epoch]
    assert len({tuple(i for _, i in value) for value in orders.values()}) == 4
    assert list(Order(4, None)) == [(0, 0), (0, 1), (0, 2), (0, 3)]
    one, other = ready(root, augment=Natural()), ready(root, augment=Natural())
    other.sets["train"][0, 5]  # what was asked before does not matter
    for key in ((0, 3), (1, 3), (7, 0)):
        a, b = one.sets["train"][key], other.sets["train"][key]
        assert all(np.array_equal(a[name], b[name]) for name in a)
    assert (one.sets["train"][0, 3]["picture"] != one.sets["train"][1, 3]["picture"]).any()


@pytest.mark.parametrize(("length", "world"), [(10, 2), (11, 2), (7, 3)])
def test_processes_share_an_epoch_without_overlap(monkeypatch: pytest.MonkeyPatch, length: int, world: int) -> None:
    shares = []
    for rank in range(world):
        monkeypatch.setattr(Order, "_share", staticmethod(lambda rank=rank: (rank, world)))
        order = Order(length, seed=3)
        shares.append([index for _, index in order])
        assert len(shares[-1]) == len(order) == -(-length // world)
    together = [index for share in shares for index in share]
    assert set(together) == set(range(length))
    assert len(together) - length < world  # the last round is filled up from the start


def test_a_resumed_epoch_goes_on_where_it_stopped_and_the_next_one_is_whole(root: Path) -> None:
    loader = ready(root, augment=Natural()).train_dataloader()
    assert isinstance(loader.sampler, Order)
    loader.sampler.set_epoch(5)
    whole = list(loader)
    data = ready(root, augment=Natural())
    assert data.state_dict() == {"epoch": 0, "used": 0}  # no run, nothing used
    data.load_state_dict({"epoch": 5, "used": 1})
    resumed = data.train_dataloader()
    same(resumed, whole[1:])
    assert isinstance(resumed.sampler, Order)
    for order in (loader.sampler, resumed.sampler):
        order.set_epoch(6)
    assert len(whole) == 3
    same(resumed, loader)


def test_a_worker_process_changes_nothing(root: Path) -> None:
    alone, helped = (ready(root, augment=Natural(), workers=workers) for workers in (0, 1))
    for epoch in range(2):
        loaders = [data.train_dataloader() for data in (alone, helped)]
        for loader in loaders:
            assert isinstance(loader.sampler, Order)
            loader.sampler.set_epoch(epoch)
        same(*loaders)


def test_without_splits_every_eighth_picture_is_for_val_and_every_eighth_for_test(root: Path, tmp_path: Path) -> None:
    folder = copy(root, tmp_path / "set")
    (folder / "splits.json").unlink()
    data = ready(folder)
    names = {
        split: [picture.name for s in joined.sets for picture in s.gathered.pictures]
        for split, joined in data.sets.items()
    }
    everything = [picture.name for picture, _ in read_table(folder)]
    assert names["val"] == everything[6::8]
    assert names["test"] == everything[7::8]
    assert sorted(name for split in names.values() for name in split) == sorted(everything)


def test_splits_are_those_of_the_file(root: Path) -> None:
    data, named = ready(root), read_splits(root)
    for split, joined in data.sets.items():
        assert [picture.name for s in joined.sets for picture in s.gathered.pictures] == named[split]


def refused(kind: type[GazeError], *words: str, **arguments: Any) -> None:
    with pytest.raises(kind) as caught:
        GazeData(**(SMALL | arguments)).setup()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert message.endswith(".")


def test_options_that_cannot_be_are_refused_in_one_sentence(root: Path, second: Path) -> None:
    both = [str(root), str(second)]
    refused(GazeError, "data.root", "first, first", "rename", root=[str(root), f"{root}/../first"])
    refused(GazeError, "data.seconds", "1 values for 2 folders", root=both, seconds=[3.0])
    refused(GazeError, "data.sigma", "3 values for 2 folders", root=both, sigma=[1.0, 2.0, 3.0])
    refused(GazeError, "data.seconds", "0", root=both, seconds=[3.0, 0.0])
    refused(GazeError, "data.sigma", "-1", root=str(root), sigma=-1.0)
    refused(TableError, "nowhere", "fixations.csv", root="nowhere")
    refused(GazeError, "data.root", "folder", root=[])


@pytest.mark.parametrize("name", ["any", "uniform"])
def test_a_folder_must_not_be_named_like_a_built_in_condition(root: Path, tmp_path: Path, name: str) -> None:
    refused(GazeError, "data.root", name, "rename", root=str(copy(root, tmp_path / name)))


def test_a_splits_file_without_all_three_is_refused(root: Path, tmp_path: Path) -> None:
    folder = copy(root, tmp_path / "set")
    (folder / "splits.json").write_text(json.dumps({"train": ["0001.png"], "test": ["0002.png"]}))
    refused(TableError, "splits.json", "'val'", "needs train, val and test", root=str(folder))


def test_a_split_without_pictures_is_refused_when_it_is_needed(root: Path, tmp_path: Path) -> None:
    folder = copy(root, tmp_path / "set")
    (folder / "splits.json").write_text(json.dumps({"train": ["0001.png"], "val": ["0002.png"], "test": []}))
    with pytest.raises(TableError, match=r"the test split holds no picture; .*splits.json"):
        ready(folder).test_dataloader()


def test_a_picture_that_is_missing_is_named_before_training(root: Path, tmp_path: Path) -> None:
    folder = copy(root, tmp_path / "set")
    (folder / "images" / "0001.png").unlink()  # objects.json still knows its size
    refused(TableError, "0001.png", "images", "training needs it", root=str(folder))


def test_a_broken_picture_is_named(root: Path, tmp_path: Path) -> None:
    folder = copy(root, tmp_path / "set")
    data = ready(folder)
    path = folder / "images" / read_splits(folder)["val"][0]
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(PictureError, match=path.name):
        next(iter(data.val_dataloader()))
