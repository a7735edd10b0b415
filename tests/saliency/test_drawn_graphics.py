"""Drawn graphics teach what objects are, and a part of a network is trained without moving the rest."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer

from data.errors import GazeError
from data.synthetic import scenes
from data.synthetic.graphics import graphic
from saliency.datamodule import GazeData
from saliency.models.tempsal import TempSAL
from saliency.task import SaliencyTask
from training.augment import Natural

CANVAS = (64, 96)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "first"
    scenes.write(folder, count=12, size=(36, 64), viewers=3)
    return folder


def data(root: Path, **options: object) -> GazeData:
    module = GazeData(
        str(root),
        canvas=CANVAS,
        batch_size=4,
        workers=0,
        sigma=3.0,
        slices=2,
        objects=True,
        **options,  # type: ignore[arg-type]
    )
    module.setup("fit")
    return module


@pytest.mark.parametrize("seed", range(6))
def test_things_lie_on_the_graphic_where_something_is_drawn(seed: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    drawn = graphic(seed, [noise])
    height, width = drawn.pixels.shape[:2]
    assert len(drawn.things)
    for left, top, right, bottom in drawn.things:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        part = drawn.pixels[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))]
        assert part.reshape(-1, 3).std(0).max() > 0.5  # it is not one flat colour
    shown = {tuple(box) for box in drawn.photographs.tolist()}
    assert shown <= {tuple(box) for box in drawn.things.tolist()}
    assert not len(graphic(seed).photographs)


def test_an_epoch_holds_so_many_graphics_and_nobody_looked_at_them(root: Path) -> None:
    plain, more = data(root), data(root, graphics=5, augment=Natural())
    count = len(plain.sets["train"])
    assert len(more.sets["train"]) == count + 5
    assert len(more.sets["val"]) == len(plain.sets["val"])
    first, again = more.sets["train"][0, count], more.sets["train"][0, count]
    np.testing.assert_array_equal(first["picture"], again["picture"])
    assert not np.array_equal(first["picture"], more.sets["train"][1, count]["picture"])  # another one each epoch
    other = data(root, graphics=5, augment=Natural(), seed=1)
    assert not np.array_equal(first["picture"], other.sets["train"][0, count]["picture"])
    assert not first["valid"].any()
    assert not first["counts"].any()
    assert (first["centres"][0] == 1).any()
    assert not first["centres"][1].any()  # nobody says that a graphic has no face on the photographs that it shows
    assert first["known"][0].sum() > first["known"][1].sum() > 0
    batch = next(iter(more.train_dataloader()))
    assert batch["known"].shape[1] == 2


def test_graphics_alone_make_a_network_find_objects(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "second"
    scenes.write(folder, count=8, size=(36, 64), viewers=3)
    (folder / "objects.json").unlink()
    assert data(folder, graphics=2).kinds == ["object"]
    with pytest.raises(GazeError, match=r"data\.graphics: graphics teach what objects are"):
        GazeData(str(folder), graphics=2)
    with pytest.raises(GazeError, match=r"data\.graphics"):
        data(folder, graphics=-1)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Lightning warns of its own dependencies
def test_only_the_part_that_is_named_is_trained(root: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = TempSAL(("first",), slices=2, width=8, fine=4, blocks=1, heads=2, kinds=("object", "face"), canvas=CANVAS)
    task = SaliencyTask(network, only="objects")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    Trainer(max_epochs=2, default_root_dir=tmp_path, **options).fit(task, data(root, graphics=4))  # type: ignore[arg-type]
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert {name.split(".")[0] for name in changed} == {"objects"}  # no norm of another part has moved either
    with pytest.raises(GazeError, match="no part 'nose'"):
        SaliencyTask(network, only="nose")
