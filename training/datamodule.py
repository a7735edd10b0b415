"""What data modules of several sets share: viewing conditions, options for each set, an order that can be resumed.

The order of an epoch depends on (seed, epoch) alone.
"""

import functools
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from data.errors import GazeError, refuse
from data.table.read import read_splits
from data.table.splits import check_names
from training import data_state

logger = logging.getLogger(__name__)
Sample = TypeVar("Sample")


class Order(Sampler[tuple[int, int]]):
    """(epoch, index) pairs: shuffled anew each epoch from the seed, shared out over processes, able to start midway."""

    def __init__(self, length: int, seed: int | None) -> None:
        self.length, self.seed = length, seed  # seed None: in order
        self.epoch = 0
        self.used = (0, 0)  # the epoch in which a resumed run begins, and how many of its samples were used

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    @staticmethod
    def _share() -> tuple[int, int]:
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        return (torch.distributed.get_rank(), torch.distributed.get_world_size()) if distributed else (0, 1)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rank, world = self._share()
        order = np.arange(self.length)
        if self.seed is not None:
            np.random.default_rng((self.seed, self.epoch)).shuffle(order)
        order = np.resize(order, math.ceil(self.length / world) * world)[rank::world]
        skip = self.used[1] if self.used[0] == self.epoch else 0
        return iter([(self.epoch, int(i)) for i in order[skip:]])

    def __len__(self) -> int:
        return math.ceil(self.length / self._share()[1])


class Folders(LightningDataModule):
    """What data modules of several sets share: the viewing conditions, values for each set, and where a run stopped."""

    roots: list[Path]
    batch_size: int
    changed = "no"  # whether a resumed run takes other data than it began with: "ok"
    has_changed = False  # whether it did
    _used = (0, 0)

    @property
    def conditions(self) -> list[str]:
        """The viewing conditions: the folders' names."""
        return [root.resolve().name for root in self.roots]

    def _check_names(self) -> None:
        if not self.roots:
            raise GazeError("data.root: no folder is given; name at least one in the table format.")
        if len(set(self.conditions)) < len(self.roots):
            raise GazeError(f"data.root: two folders share a name ({', '.join(self.conditions)}); rename one.")
        for root, name in zip(self.roots, self.conditions, strict=True):
            if name in ("any", "uniform"):
                raise GazeError(f"data.root: {root} is named like a condition that every model has; rename the folder.")

    def _each(self, name: str, value: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value] * len(self.roots)
        if len(values) != len(self.roots):
            raise GazeError(f"data.{name}: {len(values)} values for {len(self.roots)} folders; give one, or one each.")
        return values

    def _content(self) -> Mapping[str, Iterable[tuple[str, Sequence[data_state.Looks]]]]:
        """Of each split the names of its pictures with people's paths over them; none where nobody asks for them."""
        return {}

    @functools.cached_property
    def data_state(self) -> data_state.State:
        """What the data is, in a few numbers."""
        return data_state.state(self._content())

    def state_dict(self) -> dict[str, Any]:
        """In which epoch the next batch lies, how many of that epoch's batches have been used, and what the data is."""
        if self.trainer is None:
            return {"epoch": 0, "used": 0}
        done = self.trainer.fit_loop.epoch_loop.batch_progress.total.ready
        epoch, used = divmod(done, max(1, int(self.trainer.num_training_batches)))
        return {"epoch": epoch, "used": used, "data": self.data_state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """That epoch starts after the batches that were used.

        Raises:
            GazeError: The data is another one, and `changed` does not allow that.
        """
        self.has_changed = data_state.check(state_dict.get("data"), self.data_state, self.changed)
        self._used = (state_dict["epoch"], state_dict["used"] * self.batch_size)

    def _order(self, length: int, seed: int) -> Order:
        """A shuffled order; after a resume in the middle of an epoch it starts where the run stopped."""
        order = Order(length, seed)
        order.epoch, order.used = self._used[0], self._used  # Lightning takes the first iterator before `set_epoch`
        return order


class SplitFolders(Folders):
    """Those whose `setup` makes a data set of each split."""

    sets: Mapping[str, Any]  # train, val and test
    seed: int
    workers: int
    nothing: str  # what an empty split is said to hold

    def _loader(self, split: str, order: Order) -> DataLoader[Any]:
        if len(self.sets[split]) == 0:
            raise GazeError(f"{', '.join(map(str, self.roots))}: the {split} split holds {self.nothing}.")
        return loader(self.sets[split], order, self.batch_size, self.workers, train=split == "train")

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled; after a resume in the middle of an epoch it starts where the run stopped."""
        return self._loader("train", self._order(len(self.sets["train"]), self.seed))

    def val_dataloader(self) -> DataLoader[Any]:
        """In order, the same samples in each epoch."""
        return self._loader("val", Order(len(self.sets["val"]), None))

    def test_dataloader(self) -> DataLoader[Any]:
        """In order."""
        return self._loader("test", Order(len(self.sets["test"]), None))


def first_usable(
    index: int, count: int, broken: set[int], make: Callable[[int], Sample], left_out: str
) -> Sample | None:
    """The sample of that number, or of the next that can be made; None where none can.

    A number whose sample is broken is put among `broken`, is not tried again, and is told with the words `left_out`.
    """
    for step in range(count):
        at = (index + step) % count
        if at in broken:
            continue
        try:
            return make(at)
        except GazeError as error:
            broken.add(at)
            logger.warning("%s %s", error, left_out)
    return None


def loader(data: Dataset[Any], order: Order, batch: int, workers: int, *, train: bool) -> DataLoader[Any]:
    """Batches of a set in an order; other processes make those of training, whose last one is full where it can be."""
    if train and workers:
        cv2.setNumThreads(1)  # a worker that is forked while OpenCV has threads would wait for them for ever
    return DataLoader(
        data,
        batch_size=batch,
        sampler=order,
        num_workers=workers if train else 0,
        persistent_workers=train and workers > 0,
        drop_last=train and len(order) >= 2 * batch,
    )


def check(rules: Mapping[str, tuple[Any, str, bool]]) -> None:
    """Refuses the first option that is not as wanted; of each its value, what is wanted, and whether it is so."""
    for name, (value, wanted, good) in rules.items():
        if not good:
            raise GazeError(f"data.{name} is {value}; it must be {wanted}.")


def divide(root: Path, pictures: Iterable[str]) -> dict[str, set[str]]:
    """The pictures of train, val and test: as splits.json says, else every eighth for val and every eighth for test.

    Where splits.json leaves val empty, every eighth picture of train validates instead of being trained on.

    Raises:
        TableError: splits.json names other splits, or no picture to train on.
    """
    named, path, shown = read_splits(root), root / "splits.json", list(dict.fromkeys(pictures))
    if not named:
        return {"train": {*shown} - {*shown[6::8]} - {*shown[7::8]}, "val": {*shown[6::8]}, "test": {*shown[7::8]}}
    check_names(path, named, set(shown), refuse)
    found = {split: set(names) for split, names in named.items()}
    if not found["val"]:
        train = [name for name in shown if name in found["train"]]
        found["val"] = set(train[6::8] or train[-1:])
        both = len(train) == 1  # then it is trained on, too
        found["train"] -= set() if both else found["val"]
        words = f"{len(found['val'])} of the {len(train)} pictures of 'train'{', which is trained on too,' * both}"
        logger.warning("%s: the split 'val' is empty; %s validate instead.", path, words)
    return found
