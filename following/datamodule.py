"""Batches of `following.dataset`: people of one or several sets."""

from pathlib import Path
from typing import Literal

from data.errors import GazeError
from data.following.people import Person
from data.following.sets import open_set
from data.table.splits import NAMES
from following.augment import FollowingAugment
from following.dataset import PersonDataset, Render
from training.datamodule import SplitFolders, check


class PeopleData(SplitFolders):
    """One or several sets of people whose gaze is known (`data.following.sets`).

    Args:
        root: folders, each in a layout of `data.following.sets`.
        layout: of the folders, where it is not to be found by looking at them.
        canvas: height and width of the letterboxed pictures.
        stride: canvas pixels per cell of the maps that are compared.
        augment: moves a picture, a head and what it looks at together; null trains on them as they are.
        every: takes one person in so many of the train split, in the order of the set: frames of a video are alike.
        batch_size: people per step.
        workers: loader processes.
        seed: of order and augmentation.
        changed: "ok" resumes a run on other data than it began with; "no" says what changed and stops.
    """

    nothing = "nobody"

    def __init__(
        self,
        root: str | list[str],
        layout: str | None = None,
        canvas: tuple[int, int] = (288, 384),
        stride: int = 4,
        augment: FollowingAugment | None = None,
        every: int = 1,
        batch_size: int = 16,
        workers: int = 1,
        seed: int = 0,
        changed: Literal["no", "ok"] = "no",
    ) -> None:
        super().__init__()
        self.changed = changed
        self.roots = [Path(r) for r in ([root] if isinstance(root, str) else root)]
        self._check_names()
        check(
            {
                "canvas": (canvas, "two sides of at least 32 that are multiples of 4", _fits(canvas)),
                "stride": (stride, "1 or 4", stride in (1, 4)),
                "every": (every, "at least 1", every >= 1),
                "batch_size": (batch_size, "at least 1", batch_size >= 1),
            }
        )
        self.layout, self.canvas, self.stride, self.augment = layout, canvas, stride, augment
        self.every, self.batch_size, self.workers, self.seed = every, batch_size, workers, seed
        self.sets: dict[str, PersonDataset] = {}

    def setup(self, stage: str | None = None) -> None:
        """Opens the sets; pictures are decoded when they are needed.

        Raises:
            GazeError: A folder is no set of people, or nobody is left to train on.
        """
        if self.sets:
            return
        parts: dict[str, list[Person]] = {split: [] for split in NAMES}
        for root in self.roots:
            for split, people in open_set(root, self.layout).splits.items():
                if split in parts:
                    usable = [person for person in people if len(person.gaze) or person.in_frame is not None]
                    parts[split].extend(usable[:: self.every] if split == "train" else usable)
        if not parts["train"]:
            raise GazeError(f"{', '.join(map(str, self.roots))}: the train split holds nobody; name some to train on.")
        parts["val"] = parts["val"] or parts["train"]
        for split, people in parts.items():
            augment = self.augment if split == "train" else None
            self.sets[split] = PersonDataset(people, Render(self.canvas, self.stride, augment, self.seed))

    def _content(self) -> dict[str, list[tuple[str, tuple[()]]]]:
        """Of each split the names of its people."""
        self.setup()
        return {split: [(person.name, ()) for person in part.people] for split, part in self.sets.items()}


def _fits(canvas: tuple[int, int]) -> bool:
    return all(side >= 32 and side % 4 == 0 for side in canvas)
