"""Samples: what a saliency network is trained on, drawn one by one.

A sample is a dictionary:

    picture    uint8 (h, w, 3)      letterboxed
    content    float (4)            where the picture lies on its canvas: x0, y0, x1, y1
    condition  int                  viewing condition: 0 is "any", k is the k-th set
    counts     float (1 + t, g, g') fixations per cell: all, then second by second
    density    float (1 + t, g, g') the same, blurred, each summing to one (or all zero: nobody looked);
                                    a changed copy has a density without fixations
    valid      bool (1 + t)         which of the maps this viewing supervises
    centres    float (k, g, g')     where boxes of the k kinds of objects are asked for: bumps at their centres,
    boxes      float (k, 4, g, g')      the boxes at the centres, and
    known      bool (k, g, g')          which cells are annotated (`data.center_maps`), at a quarter of the canvas

Where a `teacher` is given, its densities are mixed into the true ones: people's fixations on one picture are few.

Cells are `stride` pixels wide. The order of an epoch depends on (seed, epoch) alone, what chance does to a picture on
(seed, epoch, picture) alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from torch.utils.data import Dataset

from data import center_maps, maps
from data.center_maps import Boxes
from data.errors import TableError
from data.gaze import Picture
from data.picture import Letterbox, read
from data.synthetic.graphics import Graphic, graphic
from data.table.fixation_array import FixationArray
from saliency.layers.object_head import STRIDE
from saliency.teacher import VARIANTS, Teacher, mixed, normalised, variants
from training.augment import Augment, Moved

Sample = dict[str, Any]
SHOWN = 4  # pictures on a drawn graphic, at most
GRAPHICS = 10_000  # the first seed of drawn graphics: smaller ones are for `saliency.media` and tests


class DecodedPictures:
    """Pictures as their files say, kept in memory until so many bytes are full.

    What came first stays: in an order that is shuffled anew in each epoch, dropping one for another gains nothing.
    """

    def __init__(self, limit: float) -> None:
        self.limit, self.used = limit, 0
        self.known: dict[Path, UInt8[np.ndarray, "h w 3"]] = {}

    def __call__(self, path: Path) -> UInt8[np.ndarray, "h w 3"]:
        """The picture in this file."""
        if path in self.known:
            return self.known[path]
        picture = read(path)
        if self.used + picture.nbytes <= self.limit:
            self.known[path] = picture
            self.used += picture.nbytes
        return picture


@dataclass(frozen=True)
class Render:
    """How a sample of some set is drawn."""

    canvas: tuple[int, int]
    stride: int
    slices: int
    sigma: float
    condition: int
    augment: Augment | None = None
    seed: int = 0
    any_share: float = 0.0
    boxes: dict[str, Boxes] | None = None  # of each picture, where they are asked for
    annotated: tuple[bool, ...] = ()  # which kinds of them the set knows
    teacher: Teacher | None = None


class GazeDataset(Dataset[Sample]):
    """Samples of some pictures of one set; densities are rendered as they are drawn."""

    def __init__(self, gathered: FixationArray, decoded: DecodedPictures, render: Render) -> None:
        self.gathered, self.decoded, self.render = gathered, decoded, render

    def __len__(self) -> int:
        return len(self.gathered.pictures)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        render, name = self.render, self.gathered.pictures[index].name
        image, fixations = self.decoded(path_of(self.gathered.pictures[index])), self.gathered[index]
        xy, when = fixations[:, :2], fixations[:, 2]
        shown = maps.on(xy, image.shape[:2])
        xy, when = xy[shown], when[shown]
        condition, moved = self._moved(image, xy, (render.seed, epoch, index, render.condition))
        when = when[moved.which]
        box = Letterbox.fit(moved.image.shape[:2], render.canvas)
        cells = box.points(moved.points) / render.stride
        zoom = 1.0 if moved.matrix is None else math.sqrt(abs(np.linalg.det(moved.matrix[:, :2])))
        sigma = render.sigma * zoom * box.content[2] / moved.image.shape[0] / render.stride
        parts = [cells, *(cells[when == s] for s in range(render.slices))]
        inside = box.cells(render.stride)
        counts = np.stack([maps.counts(part, inside.shape) for part in parts]) * inside
        density = maps.density(counts, sigma, inside)
        if render.teacher is not None and moved.matrix is not None:
            density = mixed(density, self._told(render.teacher, name, image, moved, box), render.teacher.share)
        return {
            "picture": box.apply(moved.image),
            "content": box.box,
            "condition": condition,
            "counts": counts,
            "density": density,
            "valid": self._supervised & (counts.sum((1, 2)) > 0),
            **(self._objects(name, moved, box) if render.boxes is not None else {}),
        }

    def _moved(
        self, image: UInt8[np.ndarray, "h w 3"], xy: Float[np.ndarray, "k 2"], seed: tuple[int, ...]
    ) -> tuple[int, Moved]:
        """The viewing condition under which a picture is shown, and what chance does to it."""
        rng = np.random.default_rng(seed)
        condition = 0 if rng.random() < self.render.any_share else self.render.condition
        if self.render.augment is None:
            return condition, Moved(image, xy, np.arange(len(xy)), np.eye(2, 3))
        return condition, Moved(*self.render.augment(image, xy, int(rng.integers(2**31))))

    def _told(
        self, teacher: Teacher, name: str, image: UInt8[np.ndarray, "h w 3"], moved: Moved, box: Letterbox
    ) -> Float[np.ndarray, "m g v"]:
        """What a teacher says of a picture, on the cells of where it was moved to."""
        inside = box.cells(self.render.stride)
        matrix = _to_canvas(box, np.eye(2, 3) if moved.matrix is None else moved.matrix) / self.render.stride
        told: Float[np.ndarray, "m g v"] = teacher.maps(name, image.shape[:2], matrix, inside.shape) * inside
        return told

    @property
    def _supervised(self) -> Bool[np.ndarray, " m"]:
        """Which maps this viewing supervises: it may have been shorter than the model's."""
        return np.array([True, *(s < self.gathered.seconds for s in range(self.render.slices))])

    def _objects(self, name: str, moved: Moved, box: Letterbox) -> Sample:
        """The maps of the picture's objects; none is known where it is not annotated."""
        boxes = (self.render.boxes or {}).get(name)
        annotated = np.array(self.render.annotated)
        return self._unknown_objects(moved, box) if boxes is None else self._box_maps(boxes, moved, box, annotated)

    def _unknown_objects(self, moved: Moved, box: Letterbox) -> Sample:
        """The same of a picture of which nobody said what is on it."""
        return self._box_maps(Boxes.none(), moved, box, np.zeros(len(self.render.annotated), bool))

    def _box_maps(self, boxes: Boxes, moved: Moved, box: Letterbox, annotated: Bool[np.ndarray, " k"]) -> Sample:
        """The maps of some boxes on the canvas; none is known where the picture was moved who knows how."""
        grid = (self.render.canvas[0] // STRIDE, self.render.canvas[1] // STRIDE)
        if moved.matrix is None:
            boxes, annotated = Boxes.none(), annotated & False
        else:
            boxes = boxes.moved(moved.matrix, moved.image.shape[:2])
        corners = box.points(boxes.corners.reshape(-1, 2)).reshape(-1, 4) / STRIDE
        bumps, goals, known = center_maps.center_maps(replace(boxes, corners=corners), grid, annotated)
        return {"centres": bumps, "boxes": goals, "known": known & box.cells(STRIDE)}


def _to_canvas(box: Letterbox, matrix: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "2 3"]:
    """The affine matrix from a picture's pixels, moved by `matrix`, to its canvas."""
    top, left, height, width = box.content
    scale = np.array([[width / box.size[1]], [height / box.size[0]]])
    return np.asarray(matrix * scale + [[0, 0, left], [0, 0, top]])


class ChangedCopies(GazeDataset):
    """Of each picture one changed copy an epoch, by turns, told by a teacher alone: nobody looked at it.

    It has a density and no fixations, so that losses that need some (NSS) are learned from the pictures alone.
    """

    def __init__(self, gathered: FixationArray, decoded: DecodedPictures, render: Render, folder: Path) -> None:
        super().__init__(gathered, decoded, render)
        self.teacher = Teacher(folder / VARIANTS, 1.0)
        self.count = variants(folder, [picture.name for picture in gathered.pictures])

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        name = f"{self.gathered.pictures[index].name}.{epoch % self.count}"
        image = self.decoded(self.teacher.folder / f"{name}.jpg")
        seed = (self.render.seed, epoch, index, self.render.condition, 1)
        condition, moved = self._moved(image, np.zeros((0, 2)), seed)
        box = Letterbox.fit(moved.image.shape[:2], self.render.canvas)
        density, there = normalised(self._told(self.teacher, name, image, moved, box))
        return {
            "picture": box.apply(moved.image),
            "content": box.box,
            "condition": condition,
            "counts": np.zeros_like(density),
            "density": density,
            "valid": self._supervised & there,
            **(self._unknown_objects(moved, box) if self.render.boxes is not None else {}),
        }


class DrawnGraphics(GazeDataset):
    """Drawn screens and graphics that show pictures of other data sets: their objects are known, nobody looked at them.

    Whether a shown picture has faces is unknown; elsewhere on a graphic there are none.
    """

    def __init__(self, shown: Sequence[GazeDataset], count: int, kinds: Sequence[str]) -> None:
        first = shown[0]
        super().__init__(first.gathered, first.decoded, first.render)
        self.pictures = [path_of(picture) for each in shown for picture in each.gathered.pictures]
        self.count, self.kinds = count, list(kinds)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        rng = np.random.default_rng((self.render.seed, epoch, index, 2))
        shown = [self.decoded(self.pictures[number]) for number in rng.integers(len(self.pictures), size=SHOWN)]
        drawn = graphic(GRAPHICS + int(rng.integers(2**31)), shown)
        condition, moved = self._moved(drawn.pixels, np.zeros((0, 2)), (self.render.seed, epoch, index, 3))
        box = Letterbox.fit(moved.image.shape[:2], self.render.canvas)
        nobody = np.zeros((1 + self.render.slices, *box.cells(self.render.stride).shape), np.float32)
        return {
            "picture": box.apply(moved.image),
            "content": box.box,
            "condition": condition,
            "counts": nobody,
            "density": nobody,
            "valid": np.zeros(len(nobody), bool),
            **self._box_maps(self._boxes(drawn), moved, box, np.ones(len(self.kinds), bool)),
        }

    def _boxes(self, drawn: Graphic) -> Boxes:
        parts = {"object": (drawn.things, False), "face": (drawn.photographs, True)}
        found = [(self.kinds.index(kind), *parts[kind]) for kind in self.kinds]
        return Boxes(
            np.concatenate([boxes for _, boxes, _ in found]),
            np.concatenate([np.full(len(boxes), kind) for kind, boxes, _ in found]),
            np.concatenate([np.full(len(boxes), uncertain) for _, boxes, uncertain in found]),
        )


def path_of(picture: Picture) -> Path:
    """The picture's file.

    Raises:
        TableError: There is none.
    """
    if picture.path is None:
        raise TableError(f"{picture.name}: there is no such picture in images/; add it, training needs it.")
    return picture.path


class Joined(Dataset[Sample]):
    """Several sets one after the other."""

    def __init__(self, sets: Sequence[GazeDataset]) -> None:
        self.sets = sets
        self.ends = np.cumsum([len(s) for s in sets])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        which = int(np.searchsorted(self.ends, index, side="right"))
        return self.sets[which][epoch, index - (int(self.ends[which - 1]) if which else 0)]
