"""Boxes as maps of their centres: what a network that finds objects is trained on.

After CenterNet (Zhou et al. 2019, https://arxiv.org/abs/1904.07850), with a bump as wide as its box (Liu et al. 2020,
https://arxiv.org/abs/1909.00700). Shapes: `n` boxes, `k` kinds, `g v` cells.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from data.annotations import EntryError, box_of, identity, mapping
from data.coco import Coco
from data.errors import TableError, read_json, refuse

SPREAD = 0.09  # of a box's side: the bump's standard deviation
SMALLEST = 0.6  # cells: no bump is narrower
UNCERTAIN = "uncertain_annotations"  # boxes of objects.json that may be wrong: neither objects nor background
NEAR = 0.5  # of a bump: cells from there on know the box
SEEN = 0.4  # of a box that was cut by the picture's edge: with less left it is uncertain


@dataclass(frozen=True)
class Boxes:
    """What is annotated on a picture: corners in its pixels, the kind of each, and whether it may be wrong."""

    corners: Float[np.ndarray, "n 4"]
    kind: Int64[np.ndarray, " n"]
    uncertain: Bool[np.ndarray, " n"]

    @classmethod
    def none(cls) -> "Boxes":
        """No box at all."""
        return cls(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool))

    def moved(self, matrix: Float[np.ndarray, "2 3"], size: tuple[int, int]) -> "Boxes":
        """The boxes after the picture was moved by an affine matrix, cut at its edges (`size`: height and width).

        A turned box becomes the one that touches its four turned side centres; what shows less than a part of its area
        is uncertain, what shows nothing is gone.
        """
        x0, y0, x1, y1 = self.corners.T
        middle = np.stack([x0 + x1, y0 + y1], 1) / 2
        spans = np.stack([x1 - x0, y1 - y0], 1) / 2
        middle = middle @ matrix[:, :2].T + matrix[:, 2]
        spans = np.maximum(np.abs(spans[:, :1] * matrix[:, 0]), np.abs(spans[:, 1:] * matrix[:, 1]))
        low, high = middle - spans, middle + spans
        cut_low, cut_high = (np.clip(corner, 0, size[::-1]) for corner in (low, high))
        left = (cut_high - cut_low).prod(1) / np.maximum((high - low).prod(1), 1e-9)
        kept = left > 0
        corners = np.hstack([cut_low, cut_high])[kept]
        return Boxes(corners, self.kind[kept], (self.uncertain | (left < SEEN))[kept])


def read(path: Path, kinds: tuple[str, ...]) -> dict[str, Boxes]:
    """The boxes of every picture of an objects.json; a category that is no kind counts as the first kind.

    Raises:
        TableError: The file is no COCO file, or has a defect.
    """
    annotated = Coco(path, refuse).boxes
    content = read_json(path, refuse)
    names = {identity(entry["id"]): entry["file_name"] for entry in content["images"]}
    uncertain: dict[str, list[list[float]]] = {}
    for position, entry in enumerate(content.get(UNCERTAIN) or []):
        place = f"{UNCERTAIN}[{position}]"
        try:
            box, name = box_of(mapping(entry), None), names.get(identity(entry.get("image_id")))
        except EntryError as error:
            raise TableError(f"{path}: {place} is no box ({error}); mend or remove it.") from error
        if name is None:
            raise TableError(f"{path}: {place} is on none of its pictures; mend or remove it.")
        uncertain.setdefault(name, []).append(list(box))
    found = {}
    for name, objects in annotated.items():
        doubted = uncertain.get(name, [])
        boxes = np.array([box for box, _, _ in objects] + doubted, np.float64).reshape(-1, 4)
        kind = [kinds.index(category) if category in kinds else 0 for _, category, _ in objects]
        found[name] = Boxes(
            np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]),
            np.array([*kind, *[0] * len(doubted)], np.int64),
            np.arange(len(boxes)) >= len(objects),
        )
    return found


def center_maps(
    boxes: Boxes, grid: tuple[int, int], annotated: Bool[np.ndarray, " k"]
) -> tuple[Float32[np.ndarray, "k g v"], Float32[np.ndarray, "k 4 g v"], Bool[np.ndarray, "k g v"]]:
    """The bumps, the boxes near their centres and which cells are known.

    Corners of `boxes` are in cells. A box is log width, log height, and x and y from the cell's corner to its centre;
    it stands where its bump is at least `NEAR`, and where two do the smaller one has the cell.
    """
    kinds = len(annotated)
    bumps = np.zeros((kinds, *grid), np.float32)
    goals = np.zeros((kinds, 4, *grid), np.float32)
    known = np.broadcast_to(annotated[:, None, None], bumps.shape).copy()
    y, x = (np.arange(side) for side in grid)
    sides = boxes.corners[:, 2:] - boxes.corners[:, :2]
    for i in np.argsort(-sides.prod(1), kind="stable"):
        kind, (x0, y0, x1, y1) = boxes.kind[i], boxes.corners[i]
        if boxes.uncertain[i]:
            known[kind, int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = False
            continue
        centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
        column, row = (int(min(c, side - 1)) for c, side in zip(centre, grid[::-1], strict=True))
        wide, high = np.maximum(SPREAD * sides[i], SMALLEST)
        across = np.exp(-(((x - column) / wide) ** 2) / 2)
        down = np.exp(-(((y - row) / high) ** 2) / 2)
        bump = down[:, None] * across
        bumps[kind] = np.maximum(bumps[kind], bump)
        near, (wide, high) = bump >= NEAR, np.log(np.maximum(sides[i], 0.1))
        there = np.broadcast_arrays(wide, high, centre[0] - x, centre[1] - y[:, None], bump)[:4]
        goals[kind][:, near] = np.stack(there)[:, near]
    centred = bumps == 1
    return bumps, goals, known | (centred & annotated[:, None, None])
