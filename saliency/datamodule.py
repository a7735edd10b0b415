"""Batches of `saliency.dataset`: pictures with their fixations on a grid, from one or several sets."""

import functools
import logging
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import DataLoader

from data import center_maps
from data.center_maps import Boxes
from data.errors import GazeError, TableError
from data.gaze import Picture, Scanpath
from data.picture import Letterbox
from data.table.fixation_array import FixationArray, load
from data.table.read import scanpaths
from data.table.splits import NAMES
from saliency.dataset import ChangedCopies, DecodedPictures, DrawnGraphics, GazeDataset, Joined, Render, Sample, path_of
from saliency.layers.object_head import KINDS
from saliency.teacher import Teacher, signature
from training import data_state
from training.augment import Augment, Natural
from training.datamodule import Folders, Order, check, divide, loader

logger = logging.getLogger(__name__)


class GazeData(Folders):
    """One or several sets in the table format, each its own viewing condition.

    Args:
        root: folders in the table format; the folder's name names the viewing condition.
        seconds: how long a picture was shown, one number or one a set.
        sigma: the blur of the true densities in pixels of the set's pictures, one number or one a set. 15.36 is one
            degree of visual angle in OSIE at 512 pixels of width.
        canvas: height and width of the letterboxed picture.
        stride: pixels per cell of the training maps.
        slices: how many seconds the model tells apart, 0 for none; a set viewed for less supervises only its own.
        augment: moves pictures and fixations together; null trains on the pictures as they are.
        objects: whether boxes are trained, too: of each folder with an objects.json those of the kinds `object` and
            `face` (category "face"; all others count as objects).
        graphics: drawn screens and graphics an epoch (`data.synthetic.graphics`), whose objects are trained beside
            those of the folders: nobody looked at them. The training pictures are shown on them.
        teacher: folder of densities to distil, as `gaze distill` writes them; one subfolder for each set.
        teacher_share: of each training density, the part that the teacher gives.
        variants: whether an epoch has one changed copy of each picture, as `gaze distill --variants` wrote them:
            "none", "added" to the pictures, or "only" those, told by the teacher alone.
        any_share: share of training samples shown as condition "any", the one used for unknown pictures.
        batch_size: pictures per step.
        workers: loader processes.
        memory: megabytes of decoded pictures that each loader process keeps; others are decoded again.
        seed: of order and augmentation.
        changed: "ok" resumes a run on other data than it began with; "no" says what changed and stops.
    """

    def __init__(  # noqa: PLR0913 - the options of a command line
        self,
        root: str | list[str],
        seconds: float | list[float] = 3.0,
        sigma: float | list[float] = 15.36,
        canvas: tuple[int, int] = (192, 256),
        stride: int = 4,
        slices: int = 5,
        augment: Augment | None = None,
        objects: bool = False,
        graphics: int = 0,
        teacher: str | None = None,
        teacher_share: float = 0.5,
        variants: Literal["none", "added", "only"] = "none",
        any_share: float = 0.3,
        batch_size: int = 16,
        workers: int = 1,
        memory: int = 600,
        seed: int = 0,
        changed: Literal["no", "ok"] = "no",
    ) -> None:
        super().__init__()
        self.changed = changed
        self.roots = [Path(r) for r in ([root] if isinstance(root, str) else root)]
        self._check_names()
        self.seconds = self._above_zero("seconds", seconds)
        self.sigma = self._above_zero("sigma", sigma)
        _check(canvas, stride, slices, any_share, batch_size, teacher_share, graphics)
        if graphics and not objects:
            raise GazeError("data.graphics: graphics teach what objects are; give --data.objects true, too.")
        self.canvas, self.stride, self.slices = canvas, stride, slices
        self.augment, self.any_share = augment, any_share
        self.objects, self.graphics, self.teacher, self.teacher_share = objects, graphics, teacher, teacher_share
        if variants != "none" and teacher is None:
            raise GazeError("data.variants: changed copies are a teacher's; give its folder as data.teacher.")
        self.variants = variants
        self.batch_size, self.workers, self.memory, self.seed = batch_size, workers, memory, seed
        self.sets: dict[str, Joined] = {}

    @functools.cached_property
    def kinds(self) -> list[str]:
        """The kinds of objects whose boxes are trained: those that any of the folders annotates."""
        if not self.objects:
            return []
        there = {int(kind) for pictures in self._annotated for each in pictures.values() for kind in each.kind}
        there |= {KINDS.index("object")} if self.graphics else set()
        if not there:
            logger.warning("data.objects: no folder has boxes in an objects.json; the network will find no objects.")
        return [name for number, name in enumerate(KINDS) if number in there]

    @functools.cached_property
    def _annotated(self) -> list[dict[str, Boxes]]:
        """The boxes of every folder's pictures, with their numbers in `KINDS`."""
        paths = [root / "objects.json" for root in self.roots]
        return [center_maps.read(path, KINDS) if path.exists() else {} for path in paths]

    def _above_zero(self, name: str, value: float | list[float]) -> list[float]:
        values = self._each(name, value)
        if min(values) <= 0:
            raise GazeError(f"data.{name}: {min(values)} is not above zero.")
        return values

    def setup(self, stage: str | None = None) -> None:
        """Reads the tables; pictures are read when they are first needed."""
        if self.sets:
            return
        parts: dict[str, list[GazeDataset]] = {"train": [], "val": [], "test": []}
        decoded = DecodedPictures(1e6 * self.memory)
        for number, root in enumerate(self.roots):
            gathered = load(root, self.seconds[number])
            names = [picture.name for picture in gathered.pictures]
            divided = divide(root, names)
            for split, sets in parts.items():
                chosen = gathered.only([place for place, name in enumerate(names) if name in divided[split]])
                sets.append(self._set(number, split, chosen, decoded))
                if self.variants != "none" and split == "train" and chosen.pictures:
                    sets.append(self._copies(sets[-1], number))
        if self.variants == "only":
            parts["train"] = [each for each in parts["train"] if isinstance(each, ChangedCopies)]
        if self.graphics:
            parts["train"].append(DrawnGraphics(parts["train"], self.graphics, self.kinds))
        self.sets = {split: Joined(sets) for split, sets in parts.items()}

    @functools.cached_property
    def data_state(self) -> data_state.State:
        """What the data is, in a few numbers, and what its teacher is."""
        content = self._content()
        found = data_state.state(content)
        if self.teacher is not None:
            parts = [
                signature(
                    Path(self.teacher) / folder,
                    [name.partition("/")[2] for name, _ in content["train"] if name.startswith(f"{number}/")],
                    self.variants != "none",
                )
                for number, folder in enumerate(self.conditions)
            ]
            found["train"]["teacher"] = " ".join(parts)
        return found

    def _content(self) -> dict[str, list[tuple[str, tuple[Scanpath, ...]]]]:
        content: dict[str, list[tuple[str, tuple[Scanpath, ...]]]] = {split: [] for split in NAMES}
        for number, root in enumerate(self.roots):  # which may have been moved
            paths_of = dict(scanpaths(root))
            for split, names in divide(root, paths_of).items():
                content.setdefault(split, []).extend(
                    (f"{number}/{name}", paths) for name, paths in paths_of.items() if name in names
                )
        return content

    def _set(self, number: int, split: str, gathered: FixationArray, decoded: DecodedPictures) -> GazeDataset:
        for picture in gathered.pictures:
            path_of(picture)
        train = split == "train"
        boxes, annotated = self._boxes(number)
        render = Render(
            canvas=self.canvas,
            stride=self.stride,
            slices=self.slices,
            sigma=self.sigma[number],
            condition=number + 1,
            augment=self.augment if train else None,
            seed=self.seed,
            any_share=self.any_share if train else 0.0,
            boxes=boxes,
            annotated=annotated,
            teacher=self._teacher(number, gathered) if train else None,
        )
        return GazeDataset(gathered, decoded, render)

    def _copies(self, pictures: GazeDataset, number: int) -> ChangedCopies:
        """The changed copies of a set's training pictures: mirrored and in other light, but where they are."""
        render = replace(pictures.render, augment=Natural(motion=0), teacher=None)
        folder = Path(self.teacher or "") / self.conditions[number]
        return ChangedCopies(pictures.gathered, pictures.decoded, render, folder)

    def _boxes(self, number: int) -> tuple[dict[str, Boxes] | None, tuple[bool, ...]]:
        """The boxes of a set's pictures, where they are asked for, and which kinds it annotates."""
        if not self.kinds:
            return None, ()
        kinds = [KINDS.index(name) for name in self.kinds]
        boxes = {
            name: replace(each, kind=np.searchsorted(kinds, each.kind))
            for name, each in self._annotated[number].items()
        }
        there = {int(kind) for each in boxes.values() for kind in each.kind}
        return boxes, tuple(kind in there for kind in range(len(kinds)))

    def _teacher(self, number: int, gathered: FixationArray) -> Teacher | None:
        """What the teacher says of a set's pictures, all of which it must know."""
        if self.teacher is None:
            return None
        teacher = Teacher(Path(self.teacher) / self.conditions[number], self.teacher_share)
        teacher.check([picture.name for picture in gathered.pictures], self.slices)
        return teacher

    def _loader(self, split: str, order: Order, batch: int) -> DataLoader[Sample]:
        if len(self.sets[split]) == 0:
            where = ", ".join(map(str, self.roots))
            raise TableError(f"{where}: the {split} split holds no picture; name some in splits.json.")
        return loader(self.sets[split], order, batch, self.workers, train=split == "train")

    def train_dataloader(self) -> DataLoader[Sample]:
        """Shuffled; after a resume in the middle of an epoch it starts where the run stopped."""
        order = self._order(len(self.sets["train"]), self.seed)
        return self._loader("train", order, self.batch_size)

    def val_dataloader(self) -> DataLoader[Sample]:
        """In order."""
        return self._loader("val", Order(len(self.sets["val"]), None), self.batch_size)

    def test_dataloader(self) -> DataLoader[Sample]:
        """In order."""
        return self._loader("test", Order(len(self.sets["test"]), None), self.batch_size)


def _check(
    canvas: tuple[int, int],
    stride: int,
    slices: int,
    any_share: float,
    batch_size: int,
    teacher_share: float,
    graphics: int,
) -> None:
    check(
        {
            "canvas": (canvas, "of two sides that are multiples of 32", all(s > 0 and s % 32 == 0 for s in canvas)),
            "stride": (stride, "1, 2 or 4", stride in (1, 2, 4)),
            "slices": (slices, "at least 0", slices >= 0),
            "any_share": (any_share, "between 0 and 1", 0 <= any_share <= 1),
            "batch_size": (batch_size, "at least 1", batch_size >= 1),
            "graphics": (graphics, "at least 0", graphics >= 0),
            "teacher_share": (teacher_share, "between 0 and 1", 0 <= teacher_share <= 1),
        }
    )


def training_pictures(root: Path) -> list[Picture]:
    """The pictures of a set that are trained on.

    Raises:
        TableError: The folder holds no set, or its splits.json is wrong.
    """
    pictures = load(root, 1.0).pictures
    chosen = divide(root, [picture.name for picture in pictures])["train"]
    return [picture for picture in pictures if picture.name in chosen]


def letterboxed(
    pixels: UInt8[np.ndarray, "h w 3"], canvas: tuple[int, int]
) -> tuple[Letterbox, UInt8[Tensor, "1 ch cw 3"], Float[Tensor, "1 4"]]:
    """Where one picture lies on its canvas, and what a network is given of it: picture and content."""
    box = Letterbox.fit(pixels.shape[:2], canvas)
    return box, torch.from_numpy(box.apply(pixels))[None], torch.from_numpy(box.box)[None]
