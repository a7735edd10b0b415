"""Proto-objects: regions of any picture that are worth a look, from its colours and a predicted density; no detector.

The picture, at most 192 pixels long, falls into some hundred pieces along its edges (mean shift on the colours, then a
watershed from a grid of seeds, each at the calmest place of its cell). Neighbouring pieces merge two by two, always
those whose colour and log density differ least (Ward's criterion), until one is left. That tree holds thousands of
ways to divide the picture; the proto-objects are the one of the greatest value, found exactly from the leaves up:

    value = sum over the regions r of  mass(r)^0.8 - price * area(box(r)) - 0.04

The mass is the probability of looking into the region, areas are shares of the picture. The power lets two objects be
worth more than the blob that holds both, 0.04 is what one more object costs, and the price of area is the least at
which the boxes together fit into the share of the picture that is allowed.
Measured on OSIE by tests/bench/bench_objects.py, which prints what share of human fixations the boxes hold.

Mean shift: Comaniciu & Meer 2002, https://doi.org/10.1109/34.1000236; watershed: Meyer 1992; merging: Ward 1963,
https://doi.org/10.1080/01621459.1963.10500845.
Shapes: `h w` picture, `y x` small picture, `k` pieces, `m` = 2 k - 1 regions of the tree, `n` objects.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from data.errors import GazeError
from data.gaze import Objects

SIDE = 192  # pixels: the longest side of the picture that is cut into pieces
STEP = 8  # small pixels between the seeds of the pieces
COLOURS = 8, 16  # mean shift: radius in small pixels and in levels of colour
LOOKS = 5.0  # levels of Lab colour (of 255) that weigh as much as one unit of log density
FLOOR = -6.0  # log density below the maximum: all that is quieter is equally quiet
POWER, EACH = 0.8, 0.04  # of the value above
SMALLEST = 0.002  # of the picture: no smaller box is worth a look
LARGEST = 0.75  # of the share that is allowed: a larger box would be no object but the scene


def proto_objects(
    pixels: UInt8[np.ndarray, "h w 3"], log_density: Float[np.ndarray, "h w"], most: int = 12, share: float = 0.4
) -> Objects:
    """At most `most` objects, whose boxes together cover at most `share` of the picture; the most looked at first.

    A box holds its region (in `masks`) tightly; its confidence is the probability of looking into the region. Under a
    flat density colours alone decide, in a picture of one colour the density alone. Where both are flat, as in a
    picture of one pixel, nothing stands out and there is no object. The same input always gives the same answer.
    """
    _check(pixels, log_density, most, share)
    height, width = log_density.shape
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    relative = np.exp(log_density - log_density.max())
    looks = cv2.resize(relative.astype(np.float32), size, interpolation=cv2.INTER_AREA).astype(np.float64)
    looks /= looks.sum()
    small = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    quiet = np.maximum(np.log(np.maximum(looks / looks.max(), 1e-9)), FLOOR)
    planes = np.dstack([small, LOOKS * quiet])
    if np.ptp(planes, (0, 1)).max() < 1e-2:
        return Objects(np.zeros((0, 4)), (), (), np.zeros(0), np.zeros((0, height, width), bool))
    piece = _pieces(small)
    tree = _Tree.grow(piece, planes, looks)
    chosen = tree.cut(most, share)
    boxes = tree.boxes[chosen] * np.tile([width / size[0], height / size[1]], 2)
    masks = [
        cv2.resize(tree.mask(i).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) for i in chosen
    ]
    shaped = np.array(masks, bool).reshape(-1, height, width)
    return Objects(boxes, ("",) * len(chosen), (), tree.mass[chosen], shaped)


def _check(pixels: UInt8[np.ndarray, "h w 3"], log_density: Float[np.ndarray, "h w"], most: int, share: float) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(f"A picture must be uint8 (h, w, 3), but this one is {pixels.dtype} {pixels.shape}.")
    if log_density.shape != pixels.shape[:2]:
        raise ValueError(f"A density of shape {log_density.shape} does not fit a picture of shape {pixels.shape}.")
    if np.isnan(log_density).any() or not np.isfinite(log_density.max()):
        raise ValueError("A log density must have a finite maximum and no NaN.")
    if most < 1 or not 0 < share <= 1:
        raise GazeError(
            f"Proto-objects: at most {most} on {share:g} of the picture cannot be; allow 1 or more, on a share above 0 "
            "and at most 1."
        )


def _pieces(small: UInt8[np.ndarray, "y x 3"]) -> Int64[np.ndarray, "y x"]:
    """The number of the piece of each pixel, from 0; pieces are connected and end where colours change."""
    calm = cv2.pyrMeanShiftFiltering(small, *COLOURS) if min(small.shape[:2]) > 2 else small
    edges = cv2.morphologyEx(calm, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(2).astype(np.float64)
    seeds = np.zeros(edges.shape, np.int32)
    for top in range(0, edges.shape[0], STEP):
        for left in range(0, edges.shape[1], STEP):
            cell = edges[top : top + STEP, left : left + STEP]
            y, x = np.indices(cell.shape)
            from_middle = np.hypot(y - cell.shape[0] / 2, x - cell.shape[1] / 2) / 100  # only breaks ties
            y, x = np.unravel_index(int((cell + from_middle).argmin()), cell.shape)
            seeds[top + y, left + x] = seeds.max() + 1
    grown = np.where(seeds > 0, seeds, cv2.watershed(calm, seeds.copy()))
    while (grown < 1).any():  # the lines between the pieces, and the rim
        wider = cv2.dilate(grown.astype(np.float32), np.ones((3, 3), np.uint8))
        grown = np.where(grown < 1, wider.astype(np.int32), grown)
    return grown.astype(np.int64) - 1


@dataclass(frozen=True)
class _Tree:
    """Regions: first the pieces, then every merge of two regions, the whole picture last."""

    piece: Int64[np.ndarray, "y x"]
    children: Sequence[tuple[int, ...]]  # of each region; () for a piece
    boxes: Float[np.ndarray, "m 4"]  # x, y, width, height in small pixels
    mass: Float[np.ndarray, " m"]  # probability

    @classmethod
    def grow(
        cls, piece: Int64[np.ndarray, "y x"], planes: Float[np.ndarray, "y x f"], looks: Float[np.ndarray, "y x"]
    ) -> "_Tree":
        """Merge the pieces by their mean in `planes`; `looks` is the probability of each pixel."""
        flat, count = piece.ravel(), int(piece.max()) + 1
        sizes = np.bincount(flat, minlength=count).astype(np.float64)
        means = np.stack([np.bincount(flat, plane.ravel(), count) for plane in np.moveaxis(planes, 2, 0)], 1)
        merges = _merges(means / sizes[:, None], sizes, _neighbours(piece))
        y, x = np.indices(piece.shape).reshape(2, -1)
        corners = np.tile([np.inf, np.inf, -np.inf, -np.inf], (count + len(merges), 1))
        for column, values, extreme in (
            (0, x, np.minimum),
            (1, y, np.minimum),
            (2, x + 1, np.maximum),
            (3, y + 1, np.maximum),
        ):
            extreme.at(corners[:, column], flat, values)
        mass = np.concatenate([np.bincount(flat, looks.ravel(), count), np.zeros(len(merges))])
        for i, (a, b) in enumerate(merges, count):
            corners[i, :2] = np.minimum(corners[a, :2], corners[b, :2])
            corners[i, 2:] = np.maximum(corners[a, 2:], corners[b, 2:])
            mass[i] = mass[a] + mass[b]
        boxes = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
        return cls(piece, [*[()] * count, *merges], boxes, mass)

    def cut(self, most: int, share: float) -> list[int]:
        """The best division within the limits, the regions of most mass first.

        Bisection finds the two prices, next to each other, at which the boxes are just too much and fit. Of the regions
        of either as many are kept as fit, the dearest first, and the better of both is taken.
        """
        low, high, largest = 0.0, 3 / share, LARGEST * share
        for _ in range(12):
            price = (low + high) / 2
            chosen = self._best(price, largest)[0]
            low, high = (low, price) if len(chosen) <= most and self._cover(chosen) <= share else (price, high)
        kept = [self._fitting(*self._best(price, largest), most, share) for price in (high, low)]
        better = max(kept, key=lambda regions: float(np.sum(self.mass[regions] ** POWER - EACH)))
        return sorted(better, key=lambda i: (-self.mass[i], i))

    def _fitting(self, regions: list[int], values: Float[np.ndarray, " m"], most: int, share: float) -> list[int]:
        kept: list[int] = []
        for region in sorted(regions, key=lambda i: (-values[i], i)):
            if len(kept) < most and self._cover([*kept, region]) <= share:
                kept.append(region)
        return kept

    def _best(self, price: float, largest: float) -> tuple[list[int], Float[np.ndarray, " m"]]:
        """The regions of the division of the greatest value at this price of area, and the value of every region.

        No region whose box is larger than the share `largest` of the picture, or too small, is worth anything.
        """
        area = self.boxes[:, 2] * self.boxes[:, 3] / self.piece.size
        values = np.where((area < SMALLEST) | (area > largest), -1.0, self.mass**POWER - price * area - EACH)
        best = np.maximum(values, 0).tolist()
        for i, children in enumerate(self.children):
            best[i] = max(best[i], sum(best[child] for child in children))
        chosen, open_regions = [], [len(best) - 1]
        while open_regions:
            i = open_regions.pop()
            if best[i] > 0 and values[i] >= best[i]:
                chosen.append(i)
            elif best[i] > 0:
                open_regions.extend(self.children[i])
        return chosen, values

    def _cover(self, regions: Sequence[int]) -> float:
        """The share of the picture that the boxes of these regions cover together."""
        covered = np.zeros(self.piece.shape, bool)
        for x, y, width, height in self.boxes[list(regions)].astype(int):
            covered[y : y + height, x : x + width] = True
        return float(covered.mean())

    def mask(self, region: int) -> Bool[np.ndarray, "y x"]:
        """The region's pixels."""
        pieces, open_regions = [], [region]
        while open_regions:
            i = open_regions.pop()
            pieces.extend([] if self.children[i] else [i])
            open_regions.extend(self.children[i])
        return np.isin(self.piece, pieces)


def _neighbours(piece: Int64[np.ndarray, "y x"]) -> list[tuple[int, int]]:
    """Every two pieces that share an edge of a pixel, the lower number first."""
    pairs = np.concatenate(
        [np.stack([a.ravel(), b.ravel()], 1) for a, b in ((piece[:, :-1], piece[:, 1:]), (piece[:-1], piece[1:]))]
    )
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], 1)
    return [(a, b) for a, b in np.unique(pairs, axis=0).tolist()]


def _merges(
    means: Float[np.ndarray, "k f"], sizes: Float[np.ndarray, " k"], pairs: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Which two regions become the next region, until one is left: always the two that raise the variance least."""
    mean, size = list(means), sizes.tolist()
    near: list[set[int]] = [set() for _ in size]
    for a, b in pairs:
        near[a].add(b)
        near[b].add(a)

    def cost(a: int, b: int) -> float:
        apart = mean[a] - mean[b]
        return float(np.dot(apart, apart)) * float(size[a] * size[b] / (size[a] + size[b]))

    waiting = [(cost(a, b), a, b) for a, b in pairs]
    heapq.heapify(waiting)
    merges: list[tuple[int, int]] = []
    while waiting:
        _, a, b = heapq.heappop(waiting)
        if not (near[a] and near[b]):  # one of them has been merged
            continue
        new = len(mean)
        merges.append((a, b))
        mean.append((mean[a] * size[a] + mean[b] * size[b]) / (size[a] + size[b]))
        size.append(size[a] + size[b])
        near.append((near[a] | near[b]) - {a, b})
        near[a], near[b] = set(), set()
        for other in sorted(near[new]):
            near[other] -= {a, b}
            near[other].add(new)
            heapq.heappush(waiting, (cost(other, new), other, new))
    return merges
