"""Batches of scenes with people's paths over their objects, from one or several sets.

A batch holds what `scanpath.inputs` makes of each scene, padded to the most objects, and

    order     int64 (b, p, l)   the fixated objects of each person; -1 after the end
    duration  float (b, p, l)   milliseconds; NaN where unknown
    ended     bool (b, p)       whether the person ended the path
    key       int64 (b)         the scene as it lies: 4 x its number + the flip

A flip turns boxes, picture and crops together; what a frozen saliency network sees of a scene in one flip is computed
when it is first drawn, and kept. The order of an epoch depends on (seed, epoch) alone, what chance does
to a scene on (seed, epoch, scene) alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from data.errors import ModelError, TableError
from data.gaze import ObjectPath, Scene
from data.picture import read
from data.table.read import read_objects, read_table
from data.table.scenes import scenes
from data.table.splits import KINDS, layouts
from data.table.splits import scenes as carried
from data.table.splits import split as divided
from saliency import MODELS
from saliency.datamodule import letterboxed
from saliency.models.tempsal import TempSAL
from scanpath.inputs import APPEARANCES, MAX_STEPS, InputSpec, looks_at
from scanpath.object_features import FeatureSizes, Look
from training import weights
from training.datamodule import Folders, Order, check, divide

Item = tuple[Scene, tuple[ObjectPath, ...]]
Looker = Callable[[UInt8[np.ndarray, "h w 3"]], Look]
FLIPS = {"": 1, "x": 2, "xy": 4}  # in how many ways a scene lies: as it is, turned left and right, up and down as well
PADS = {"order": -1, "duration": np.nan}  # what pads an array; zero elsewhere


class Scenes(Dataset[dict[str, np.ndarray]]):
    """Scenes of one split with the paths over them."""

    def __init__(
        self,
        items: Sequence[Item],
        conditions: Sequence[int],
        spec: InputSpec,
        *,
        flip: str = "",
        target_known_share: float = 0.0,
        any_share: float = 0.0,
        limit: int = 20,
        seed: int = 0,
        look: Looker | None = None,
    ) -> None:
        pairs = [(item, c) for item, c in zip(items, conditions, strict=True) if len(item[0].objects)]
        self.items = [(scene, [p for p in paths if len(p)]) for (scene, paths), _ in pairs]
        self.conditions = [condition for _, condition in pairs]
        self.spec, self.flip, self.target_known_share, self.any_share = spec, flip, target_known_share, any_share
        self.limit, self.seed, self.look = limit, seed, look
        self._fed: dict[int, dict[str, np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.items)

    def scene(self, key: int) -> dict[str, np.ndarray]:
        """The arrays of a scene in one flip (4 x its number + the flip's), under its own condition, no target known."""
        if key not in self._fed:
            index, way = divmod(key, 4)
            scene, pixels = _flipped(self.items[index][0], way, self.spec.appearance != "none")
            seen = self.look(pixels) if self.look is not None and pixels is not None else None
            self._fed[key] = self.spec.inputs(scene, self.conditions[index], False, pixels, look=seen)
        return self._fed[key]

    def __getitem__(self, at: tuple[int, int]) -> dict[str, np.ndarray]:
        epoch, index = at
        rng = np.random.default_rng((self.seed, epoch, index))
        way = int(rng.integers(FLIPS[self.flip]))
        arrays = dict(self.scene(4 * index + way))
        scene, paths = self.items[index]
        if scene.targets:
            arrays["told"] = np.array(rng.random() < self.target_known_share)
        if rng.random() < self.any_share:
            arrays["condition"] = np.array(0, np.int64)
        length = min(self.limit, max((len(path) for path in paths), default=1))
        order = np.full((len(paths), length), -1, np.int64)
        duration = np.full((len(paths), length), np.nan, np.float32)
        for row, path in enumerate(paths):
            count = min(len(path), length)
            order[row, :count], duration[row, :count] = path.order[:count], path.duration[:count]
        ended = np.array([path.ended and len(path) <= self.limit for path in paths], bool)
        return {**arrays, "order": order, "duration": duration, "ended": ended, "key": np.array(4 * index + way)}


def _flipped(scene: Scene, way: int, seen: bool) -> tuple[Scene, UInt8[np.ndarray, "h w 3"] | None]:
    """The scene turned over: `way` 1 left and right, 2 up and down, 3 both; and its picture, if that is to be seen."""
    pixels = read(scene.picture.path) if seen and scene.picture.path else None
    if not way:
        return scene, pixels
    boxes = scene.objects.boxes.copy()
    box = None if scene.box is None else np.array(scene.box)
    for axis, side in ((0, scene.picture.width), (1, scene.picture.height)):
        if way & (1 << axis):
            boxes[:, axis] = side - boxes[:, axis] - boxes[:, axis + 2]
            pixels = None if pixels is None else np.flip(pixels, 1 - axis)
            if box is not None:
                box[axis] = side - box[axis] - box[axis + 2]
    pixels = None if pixels is None else np.ascontiguousarray(pixels)
    turned = None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    return replace(scene, objects=replace(scene.objects, boxes=boxes, masks=None), box=turned), pixels


def collate(samples: Sequence[dict[str, np.ndarray]]) -> dict[str, Tensor]:
    """One batch: every array padded to the largest."""
    batch = {}
    for name in samples[0]:
        arrays = [sample[name] for sample in samples]
        shape = tuple(max(sizes) for sizes in zip(*(a.shape for a in arrays), strict=True))
        joined = np.full((len(arrays), *shape), PADS.get(name, 0), arrays[0].dtype)
        for row, array in enumerate(arrays):
            part: np.ndarray = joined[row : row + 1]
            part[(slice(None), *map(slice, array.shape))] = array
        batch[name] = torch.from_numpy(joined)
    return batch


class Eyes:
    """A trained saliency network, frozen: a picture in, what a scanpath model reads of it out.

    Raises:
        ModelError: The file is missing or damaged, or its network gives no features.
    """

    def __init__(self, path: Path) -> None:
        network = weights.load(path, MODELS)
        if not isinstance(network, TempSAL):
            raise ModelError(f"{path}: {type(network).__name__} gives no features of objects; take a tempsal.")
        self.network: TempSAL = network.requires_grad_(False)
        maps = 1 + self.network.slices
        self.sizes = FeatureSizes(maps, len(self.network.kinds), self.network.fine, self.network.width)

    @torch.inference_mode()
    def __call__(self, pixels: UInt8[np.ndarray, "h w 3"]) -> Look:
        """What it gives for one picture, under the viewing condition "any"."""
        box, picture, content = letterboxed(pixels, self.network.canvas)
        found = {
            name: v[0] for name, v in self.network.outputs(picture, content, torch.zeros(1, dtype=torch.int64)).items()
        }
        density = torch.cat([found["density"][None], found["slices"]]).numpy()
        scores = found["objects"][:, 0] if "objects" in found else found["fine"][:0]
        return Look(density, found["fine"].numpy(), found["coarse"].numpy(), scores.numpy(), box)


class SceneData(Folders):
    """One or several sets in the table format, each its own viewing condition.

    Args:
        root: folders in the table format; the folder's name names the viewing condition.
        by: what no two splits share: "picture" (as splits.json says), "target", "observer" or "layout".
        source: where a set's objects come from: "file", "grid:ROWSxCOLUMNS", or a COCO file; one, or one a set.
        within: how far from a box's edge a fixation may lie to belong to it, in pixels; one number or one a set.
        merge: successive fixations on one object are one; one answer or one a set.
        appearance: what the model looks at: "none", "crops", "saliency", or both, "crops+saliency", where some sets
            have no pictures.
        saliency: .safetensors or .ckpt of the model whose outputs are read, where that is looked at.
        crop: side of a crop in pixels.
        flip: turns training scenes over: "", "x" (left and right) or "xy".
        target_known_share: share of training scenes in which the model knows which object is the target.
        any_share: share of training scenes under the condition "any", the one used for unknown scenes.
        limit: fixations of a path that count.
        first_duration: whether the first fixation's duration counts: not where it began before the picture came.
        batch_size: scenes per step.
        seed: of order and flips.
        changed: "ok" resumes a run on other data than it began with; "no" says what changed and stops.
    """

    def __init__(  # noqa: PLR0913 - the options of a command line
        self,
        root: str | list[str],
        by: str = "picture",
        source: str | list[str] = "file",
        within: float | list[float] = 0.0,
        merge: bool | list[bool] = False,
        appearance: str = "none",
        saliency: str = "export/weights/tempsal.safetensors",
        crop: int = 32,
        flip: str = "",
        target_known_share: float = 0.0,
        any_share: float = 0.3,
        limit: int = 20,
        first_duration: bool | list[bool] = True,
        batch_size: int = 16,
        seed: int = 0,
        changed: Literal["no", "ok"] = "no",
    ) -> None:
        super().__init__()
        self.changed = changed
        self.roots = [Path(r) for r in ([root] if isinstance(root, str) else root)]
        self._check_names()
        _check(by, appearance, crop, flip, target_known_share, any_share, limit, batch_size)
        self.by = by
        self.source, self.within = self._each("source", source), self._each("within", within)
        self.merge, self.first_duration = self._each("merge", merge), self._each("first_duration", first_duration)
        self.appearance, self.crop = appearance, crop
        self.eyes = Eyes(Path(saliency)) if looks_at(appearance, "saliency") else None
        self.flip, self.target_known_share, self.any_share = flip, target_known_share, any_share
        self.limit, self.batch_size, self.seed = limit, batch_size, seed
        self._items: list[list[Item]] = []
        self.sets: dict[str, Scenes] = {}

    @property
    def categories(self) -> list[str]:
        """Every category of the sets' objects, by name."""
        known = {c for items in self._read() for scene, _ in items for c in scene.objects.categories}
        return sorted(known - {"", "object", "TBD"})

    @property
    def features(self) -> list[int]:
        """How many maps, kinds of objects, fine and coarse features the saliency model gives."""
        return [] if self.eyes is None else [*vars(self.eyes.sizes).values()]

    @property
    def fingerprint(self) -> str:
        """`training.weights.fingerprint` of the saliency model; "" where none is read."""
        return "" if self.eyes is None else weights.fingerprint(self.eyes.network)

    def _read(self) -> list[list[Item]]:
        if not self._items:
            for root, source, within, merge, first in zip(
                self.roots, self.source, self.within, self.merge, self.first_duration, strict=True
            ):
                items = scenes(root, within, merge, source)
                self._items.append(items if first else [(s, tuple(map(_without_first, ps))) for s, ps in items])
        return self._items

    def setup(self, stage: str | None = None) -> None:
        """Reads the tables."""
        if self.sets:
            return
        total = 0 if self.eyes is None else self.eyes.sizes.total
        spec = InputSpec(tuple(self.categories), self.appearance, self.crop, total)
        parts = [self._divided(root, items) for root, items in zip(self.roots, self._read(), strict=True)]
        for split in ("train", "val", "test"):
            chosen = [(item, number) for number, part in enumerate(parts, 1) for item in part[split]]
            train = split == "train"
            self.sets[split] = Scenes(
                [item for item, _ in chosen],
                [number for _, number in chosen],
                spec,
                flip=self.flip if train else "",
                target_known_share=self.target_known_share if train or self.target_known_share == 1 else 0.0,
                any_share=self.any_share if train else 0.0,
                limit=self.limit,
                seed=self.seed,
                look=self.eyes,
            )

    def _content(self) -> dict[str, list[tuple[str, list[ObjectPath]]]]:
        return {
            split: [
                (f"{condition - 1}/{scene.picture.name}", paths)
                for (scene, paths), condition in zip(part.items, part.conditions, strict=True)
            ]
            for split, part in self.sets.items()
        }

    def _divided(self, root: Path, items: list[Item]) -> dict[str, list[Item]]:
        """The scenes of each split of a set."""
        if self.by == "picture":
            names = divide(root, (scene.picture.name for scene, _ in items))
            return {split: [item for item in items if item[0].picture.name in some] for split, some in names.items()}
        layout = layouts(read_objects(root)) if self.by == "layout" else None
        return carried(divided(read_table(root), self.by, layout=layout), items)

    def _loader(self, split: str, order: Order) -> DataLoader[dict[str, np.ndarray]]:
        if not len(self.sets[split]):
            where = ", ".join(map(str, self.roots))
            raise TableError(f"{where}: the {split} split holds no scene with objects; name some in splits.json.")
        return DataLoader(self.sets[split], self.batch_size, sampler=order, collate_fn=collate)

    def train_dataloader(self) -> DataLoader[dict[str, np.ndarray]]:
        """Shuffled; after a resume in the middle of an epoch it starts where the run stopped."""
        return self._loader("train", self._order(len(self.sets["train"]), self.seed))

    def val_dataloader(self) -> DataLoader[dict[str, np.ndarray]]:
        """In order."""
        return self._loader("val", Order(len(self.sets["val"]), None))

    def test_dataloader(self) -> DataLoader[dict[str, np.ndarray]]:
        """In order."""
        return self._loader("test", Order(len(self.sets["test"]), None))


def _without_first(path: ObjectPath) -> ObjectPath:
    duration = path.duration.copy()
    duration[:1] = np.nan
    return replace(path, duration=duration)


def _check(  # each option by its name
    by: str,
    appearance: str,
    crop: int,
    flip: str,
    target_known_share: float,
    any_share: float,
    limit: int,
    batch_size: int,
) -> None:
    check(
        {
            "by": (by, "one of " + ", ".join(KINDS), by in KINDS),
            "appearance": (appearance, "one of " + ", ".join(APPEARANCES), appearance in APPEARANCES),
            "crop": (crop, "at least 12 pixels", crop >= 12),
            "flip": (repr(flip), "one of " + ", ".join(map(repr, FLIPS)), flip in FLIPS),
            "target_known_share": (target_known_share, "between 0 and 1", 0 <= target_known_share <= 1),
            "any_share": (any_share, "between 0 and 1", 0 <= any_share <= 1),
            "limit": (limit, f"between 1 and {MAX_STEPS - 1}", 1 <= limit < MAX_STEPS),
            "batch_size": (batch_size, "at least 1", batch_size >= 1),
        }
    )
