"""The six classical displays of search asymmetry, from a seed: finding A among B is easier than finding B among A.

    curvature     an arc among lines is easy, a line among arcs is hard                       Wolfe et al. 1992
    lighting      a disc lit from above among some lit from below; from the left, among right   Kleffner et al. 1992
    cross         two bars that do not cross among crosses; a cross among such                 Wolfe & DiMase 2003
    letters       a T among Ls; an L among Ts                                                  Wolfe & DiMase 2003
    tilt          a tilted bar among upright ones; an upright bar among tilted ones            Wolfe et al. 1992
    mixed-tilt    an upright bar among bars of many tilts; a tilted bar among them             Wolfe et al. 1992

Sizes and layouts are those that eccNET was compared with people on (Gupta et al. 2021, https://arxiv.org/abs/2106.02887),
in degrees of visual angle at 30 pixels each. Items stand in random cells of a grid, off its middle by chance. People's
reaction times are read off the figures of the experiments (milliseconds), for cross and letters off their lines.

Wolfe, Yee & Friedman-Hill 1992, https://doi.org/10.1068/p210465 (curvature); Kleffner & Ramachandran 1992,
https://doi.org/10.3758/BF03206757; Wolfe & DiMase 2003, https://doi.org/10.1068/p5042; Wolfe, Friedman-Hill, Stewart &
O'Connell 1992, https://doi.org/10.1037/0096-1523.18.1.34 (tilts).
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from data.errors import GazeError
from data.synthetic import search_items
from data.synthetic.search_items import Tile

PIXELS_PER_DEGREE = 30
Side = Literal["easy", "hard"]
SIDES: tuple[Side, Side] = ("easy", "hard")
Item = tuple[str, float]  # what it is, and its pose: degrees, or which of four
Arrange = Callable[[np.random.Generator, str, str, int], list[Item]]  # target, others, how many; the target comes first
Draw = Callable[[str, float, int], Tile]  # what, pose, pixels a degree -> grey levels 0 to 255, on its ground


@dataclass(frozen=True)
class Trial:
    """One display, and what is looked for in it."""

    picture: UInt8[np.ndarray, "h w 3"]
    target: UInt8[np.ndarray, "y x 3"]  # the target's picture, in the pose that it has in the display
    box: tuple[int, int, int, int]  # of the target: x, y, width, height in pixels
    items: Float[np.ndarray, "n 4"]  # boxes of all items, the target's among them
    cells: Float[np.ndarray, "n 4"]  # of the grid, where they stand
    set_size: int
    side: Side
    name: str  # paradigm, side, set size, seed and number


@dataclass(frozen=True)
class Paradigm:
    """A pair of searches with its displays, and how long people took."""

    name: str
    field: float  # degrees: side of the display
    grid: int  # cells a side
    ground: int  # grey level
    set_sizes: tuple[int, ...]
    trials: int  # for each set size, in the experiments with the model
    targets: Mapping[Side, str]  # what is looked for; the other one is what it stands among
    people: Mapping[Side, tuple[float, ...]]  # milliseconds for each set size
    source: str
    draw: Draw
    arrange: Arrange


def _in_turn(random: np.random.Generator, target: str, other: str, count: int) -> list[Item]:
    """Items of which the turn follows from their number; any of them is the target."""
    items = [(other, (45.0, 90.0, 135.0, 180.0)[number % 4]) for number in range(count)]
    chosen = int(random.integers(count))
    return [(target, items.pop(chosen)[1]), *items]


def _upright(random: np.random.Generator, target: str, other: str, count: int) -> list[Item]:
    return [(target, 0.0), *[(other, 0.0)] * (count - 1)]


def _any_pose(random: np.random.Generator, target: str, other: str, count: int) -> list[Item]:
    """As it is, flipped, transposed, or both."""
    return [(what, float(random.integers(4))) for what in (target, *[other] * (count - 1))]


def _same_tilt(random: np.random.Generator, target: str, other: str, count: int) -> list[Item]:
    return [(target, TILTS[target]), *[(other, TILTS[other])] * (count - 1)]


def _many_tilts(random: np.random.Generator, target: str, other: str, count: int) -> list[Item]:
    """Each of the tilts once before any comes again."""
    others = [*OTHER_TILTS, TILTS[other]]
    deck = [tilt for _ in range(-(-count // len(others))) for tilt in random.permutation(others).tolist()]
    return [(target, TILTS[target]), *[("bar", tilt) for tilt in deck[: count - 1]]]


TILTS = {"upright": 0.0, "tilted": 20.0}  # degrees, clockwise
OTHER_TILTS = (80.0, 60.0, 40.0, -20.0, -40.0, -60.0, -80.0)

PARADIGMS = {
    paradigm.name: paradigm
    for paradigm in (
        Paradigm(
            name="curvature",
            field=11.3,
            grid=6,
            ground=0,
            set_sizes=(8, 16, 32),
            trials=30,
            targets={"easy": "arc", "hard": "line"},
            people={"easy": (510.0, 516.4, 529.2), "hard": (565.0, 640.0, 750.0)},
            source="Wolfe et al. 1992",
            draw=search_items.curvature,
            arrange=_in_turn,
        ),
        Paradigm(
            name="lighting",
            field=6.6,
            grid=4,
            ground=27,
            set_sizes=(1, 6, 12),
            trials=30,
            targets={"easy": "top", "hard": "left"},
            people={"easy": (426.7, 432.0, 472.0), "hard": (488.0, 674.7, 754.7)},
            source="Kleffner & Ramachandran 1992",
            draw=search_items.lighting,
            arrange=_upright,
        ),
        Paradigm(
            name="cross",
            field=20.5,
            grid=3,
            ground=255,
            set_sizes=(3, 6, 9),
            trials=36,
            targets={"easy": "no crossing", "hard": "cross"},
            people={"easy": (645.0, 780.0, 915.0), "hard": (829.0, 1117.0, 1405.0)},
            source="Wolfe & DiMase 2003",
            draw=search_items.strokes,
            arrange=_any_pose,
        ),
        Paradigm(
            name="letters",
            field=20.5,
            grid=3,
            ground=255,
            set_sizes=(3, 6, 9),
            trials=36,
            targets={"easy": "T", "hard": "L"},
            people={"easy": (541.0, 583.0, 625.0), "hard": (573.0, 672.0, 771.0)},
            source="Wolfe & DiMase 2003",
            draw=search_items.strokes,
            arrange=_any_pose,
        ),
        Paradigm(
            name="tilt",
            field=11.3,
            grid=4,
            ground=255,
            set_sizes=(1, 4, 8, 12),
            trials=30,
            targets={"easy": "tilted", "hard": "upright"},
            people={"easy": (414.7, 437.9, 441.1, 444.2), "hard": (431.6, 547.4, 552.6, 557.9)},
            source="Wolfe et al. 1992",
            draw=search_items.tilted,
            arrange=_same_tilt,
        ),
        Paradigm(
            name="mixed-tilt",
            field=11.3,
            grid=4,
            ground=255,
            set_sizes=(1, 4, 8, 12),
            trials=30,
            targets={"easy": "upright", "hard": "tilted"},
            people={"easy": (431.6, 568.4, 633.7, 707.4), "hard": (526.3, 831.6, 1084.2, 1326.3)},
            source="Wolfe et al. 1992",
            draw=search_items.tilted,
            arrange=_many_tilts,
        ),
    )
}
OPPOSITE = {"top": "bottom", "left": "right"}  # what a disc stands among; elsewhere it is the target of the other side


def trials(name: str, seed: int, count: int | None = None) -> Iterator[Trial]:
    """The displays of a paradigm: `count` of each side and set size, by default as many as in the experiments.

    Raises:
        GazeError: There is no such paradigm.
    """
    if name not in PARADIGMS:
        raise GazeError(f"There is no paradigm {name!r}; choose one of {', '.join(PARADIGMS)}.")
    paradigm = PARADIGMS[name]
    for side in SIDES:
        for size in paradigm.set_sizes:
            for number in range(paradigm.trials if count is None else count):
                yield trial(paradigm, side, size, seed, number)


def trial(paradigm: Paradigm, side: Side, set_size: int, seed: int, number: int = 0) -> Trial:
    """One display of so many items."""
    key = (seed, zlib.crc32(paradigm.name.encode()), SIDES.index(side), set_size, number)
    random = np.random.default_rng(key)
    target = paradigm.targets[side]
    other = OPPOSITE.get(target) or paradigm.targets[SIDES[1 - SIDES.index(side)]]
    items = paradigm.arrange(random, target, other, set_size)
    extent = round(paradigm.field * PIXELS_PER_DEGREE)
    picture = np.full((extent, extent), float(paradigm.ground))
    edges = np.linspace(0, extent, paradigm.grid + 1).round().astype(int)
    boxes, first = [], None
    chosen = random.permutation(paradigm.grid**2)[:set_size]
    for (what, pose), cell in zip(items, chosen.tolist(), strict=True):
        tile = _tile(paradigm.draw, what, pose)
        first = tile if first is None else first
        row, column = divmod(cell, paradigm.grid)
        y, x = (int(random.integers(edges[i], edges[i + 1] - len(tile) + 1)) for i in (row, column))
        picture[y : y + len(tile), x : x + len(tile)] = tile
        boxes.append((x, y, len(tile), len(tile)))
    assert first is not None
    corners = np.array([(x, y, z - x, w - y) for y, w in _pairs(edges) for x, z in _pairs(edges)], np.float64)
    named = f"{paradigm.name} {side} {set_size} {seed} {number}"
    return Trial(_grey(picture), _grey(first), boxes[0], np.array(boxes, np.float64), corners, set_size, side, named)


@lru_cache(maxsize=64)
def _tile(draw: Draw, what: str, pose: float) -> Tile:
    tile = draw(what, pose, PIXELS_PER_DEGREE)
    tile.flags.writeable = False  # the same for all who ask
    return tile


def _pairs(edges: Int[np.ndarray, " n"]) -> list[tuple[int, int]]:
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _grey(levels: Tile) -> UInt8[np.ndarray, "y x 3"]:
    return np.repeat(levels.round().clip(0, 255).astype(np.uint8)[..., None], 3, 2)
