"""Which pictures, or which people, train, validate and test.

    picture     the default: a picture is in one split, with all who looked at it
    target      no target is looked for in two splits: a model is tested on what it has never searched
    observer    the same pictures in every split, looked at by other people
    layout      pictures whose objects are at the same places are in one split

Only `observer` puts one picture on both sides. A split follows from the seed and from what is divided, not from the
order in which it comes.
"""

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import Defect, GazeError, Report
from data.gaze import ObjectPath, Objects, Picture, Scanpath, Scene
from data.picture import is_valid_name

Item = tuple[Picture, tuple[Scanpath, ...]]
Paths = tuple[Scene, tuple[ObjectPath, ...]]
Layout = Mapping[str, Hashable] | Callable[[str], Hashable]

NAMES = ("train", "val", "test")
KINDS = ("picture", "target", "observer", "layout")
MISNOMERS = ("training", "validation", "valid", "validate", "dev", "testing")  # what files call one of NAMES


def check_names(path: Path, named: Mapping[str, Sequence[str]], pictures: Collection[str], report: Report) -> None:
    """Report why no model could be trained on the splits in this file, of a set with fixations on these pictures.

    Names beside train, val and test are for `gaze evaluate --split`; not those that plainly stand for one of the three.
    An empty val is no defect: pictures of train take its place.
    """
    missing = [name for name in NAMES if name not in named]
    wrong = [name for name in named if name not in NAMES and (missing or name.strip().lower() in (*NAMES, *MISNOMERS))]
    problems = [f"there is no split {' or '.join(map(repr, missing))}"] if missing else []
    problems += (
        [f"{' and '.join(map(repr, wrong))} {'are no splits' if len(wrong) > 1 else 'is no split'}"] if wrong else []
    )
    if problems:
        report(Defect(str(path), None, " and ".join(problems), "it needs train, val and test"))
    for name in ("train", "val"):
        names = named.get(name)
        if names == [] and name == "train":
            report(Defect(str(path), None, "the split 'train' is empty", "name pictures to train on"))
        elif names and not any(picture in pictures for picture in names):
            problem = f"the split {name!r} holds no picture that has a fixation"
            report(Defect(str(path), None, problem, "name some that have, or mend the names"))
    split_of: dict[str, str] = {}
    for part, names in named.items():
        for picture in names:
            there = is_valid_name(picture) and (path.parent / "images" / picture).is_file()
            if picture not in pictures and not there:
                report(Defect(str(path), None, f"{part!r} names the unknown picture {picture!r}", "mend or remove it"))
            if picture in split_of:
                problem = f"picture {picture!r} is in {split_of[picture]!r} and again in {part!r}"
                report(Defect(str(path), None, problem, "keep it once"))
            split_of.setdefault(picture, part)


def split(
    items: Iterable[tuple[Picture, Sequence[Scanpath]]],
    by: str = "picture",
    shares: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    named: Mapping[str, Sequence[str]] | None = None,
    layout: Layout | None = None,
) -> dict[str, list[Item]]:
    """The items of the splits train, val and test, each sorted by the name of the picture.

    Shares are of pictures, and of people when divided by observer; groups stay whole, so they are met as nearly as
    these allow. A share of 0 gives an empty split, each other one gets at least one group.

    Args:
        items: What a reader yields; names of pictures must differ.
        by: What no two splits share: "picture", "target", "observer" or "layout". Divided by target, pictures that
            share one (also over a third picture) stay together, and a picture without any is by itself.
        shares: Of train, val and test; they sum to 1.
        seed: The same number gives the same splits.
        named: The names of the pictures of each split, as `table.splits` reads them. Taken when divided by picture,
            instead of the shares; a picture that none names is left out.
        layout: The layout of a picture by its name, such as `layouts` gives; needed when divided by layout.

    Raises:
        GazeError: The shares, the pictures or the options allow no such split.
    """
    everything = sorted(((picture, tuple(paths)) for picture, paths in items), key=lambda item: item[0].name)
    _check(everything, by, shares, layout)
    if by == "picture" and named:
        return _as_named(everything, named)
    if by == "observer":
        people = {s.subject: 1 for _, paths in everything for s in paths}
        split_of = _divide(people, shares, seed, by)
        return {
            name: _looked_at_by(everything, {who for who, i in split_of.items() if i == k}) for k, name in _numbered()
        }
    groups = _groups(everything, by, layout)
    counts: dict[str, int] = {}
    for group in groups.values():
        counts[group] = counts.get(group, 0) + 1
    split_of = _divide(counts, shares, seed, by)
    return {name: [it for it in everything if split_of[groups[it[0].name]] == k] for k, name in _numbered()}


def scenes(parts: Mapping[str, Sequence[Item]], items: Iterable[Paths]) -> dict[str, list[Paths]]:
    """A split of pictures, carried over to their scenes: the same pictures, and on each the same people.

    Scenes keep their order; one of which nobody's path is left is in no split.
    """
    everything = list(items)
    of_splits: dict[str, list[Paths]] = {}
    for part, pictures in parts.items():
        people = {picture.name: {s.subject for s in paths} for picture, paths in pictures}
        theirs = [
            (s, tuple(p for p in paths if p.subject in people.get(s.picture.name, ()))) for s, paths in everything
        ]
        of_splits[part] = [item for item in theirs if item[1]]
    return of_splits


def _numbered() -> list[tuple[int, str]]:
    return list(enumerate(NAMES))


def _check(items: list[Item], by: str, shares: Sequence[float], layout: Layout | None) -> None:
    if by not in KINDS:
        raise GazeError(f"A data set cannot be split by {by!r}; choose {', '.join(KINDS)}.")
    if len(shares) != len(NAMES) or not all(share >= 0 for share in shares) or not math.isclose(sum(shares), 1):
        raise GazeError(f"The shares are {tuple(shares)}; give three numbers of 0 or more for {NAMES} that sum to 1.")
    if by == "layout" and layout is None:
        raise GazeError("A split by layout needs the layout of each picture; give it, such as from split.layouts.")
    for (one, _), (other, _) in pairwise(items):
        if one.name == other.name:
            raise GazeError(f"{one.name!r} is there twice; give all scanpaths of a picture at once.")


def _as_named(items: list[Item], named: Mapping[str, Sequence[str]]) -> dict[str, list[Item]]:
    split_of: dict[str, str] = {}
    for part, names in named.items():
        for name in names:
            if split_of.setdefault(name, part) != part:
                raise GazeError(f"{name!r} is in {split_of[name]!r} and in {part!r}; keep it in one split.")
    return {
        part: [item for item in items if split_of.get(item[0].name) == part] for part in dict.fromkeys((*NAMES, *named))
    }


def _looked_at_by(items: list[Item], people: set[str]) -> list[Item]:
    theirs = [(picture, tuple(s for s in paths if s.subject in people)) for picture, paths in items]
    return [item for item in theirs if item[1]]


def _groups(items: list[Item], by: str, layout: Layout | None) -> dict[str, str]:
    """The group of each picture by name; a group is named after its first picture."""
    if by == "picture":
        return {picture.name: picture.name for picture, _ in items}
    same: dict[Hashable, list[str]] = {}
    for picture, paths in items:
        for key in _layout(picture.name, layout) if layout is not None and by == "layout" else _targets(paths):
            same.setdefault(key, []).append(picture.name)
    union = _Union([picture.name for picture, _ in items])
    for names in same.values():
        for name in names[1:]:
            union.join(names[0], name)
    return {picture.name: union.of(picture.name) for picture, _ in items}


def _targets(paths: tuple[Scanpath, ...]) -> set[Hashable]:
    return {s.target for s in paths if s.target}


def _layout(name: str, layout: Layout) -> list[Hashable]:
    if callable(layout):
        return [layout(name)]
    if name not in layout:
        raise GazeError(f"{name!r} has no layout; give one for every picture.")
    return [layout[name]]


@dataclass
class _Union:
    """Which names hang together; each group goes by the name of its first member."""

    names: list[str]
    above: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.above = {name: name for name in self.names}

    def of(self, name: str) -> str:
        while self.above[name] != name:
            self.above[name] = self.above[self.above[name]]
            name = self.above[name]
        return name

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.of(one), self.of(other)))
        self.above[high] = low


def _divide(sizes: Mapping[str, int], shares: Sequence[float], seed: int, by: str) -> dict[str, int]:
    """The number of the split of each group: at random, each to the split that lacks most."""
    keys = sorted(sizes)
    wanted = [k for k, share in enumerate(shares) if share > 0]
    if keys and len(keys) < len(wanted):
        parts = f"{len(keys)} group{'s' if len(keys) > 1 else ''} of one {by}"
        raise GazeError(f"{len(wanted)} splits cannot be made of {parts}; split by something else, or set shares to 0.")
    order = [keys[i] for i in np.random.default_rng(seed).permutation(len(keys))]
    lacks = np.array(shares, float) * sum(sizes.values())
    split_of: dict[str, int] = {}
    for key in order:
        split_of[key] = max(wanted, key=lambda k: lacks[k])
        lacks[split_of[key]] -= sizes[key]
    for k in wanted:
        if keys and k not in split_of.values():
            _give(k, split_of, sizes, order)
    return split_of


def _give(k: int, split_of: dict[str, int], sizes: Mapping[str, int], order: list[str]) -> None:
    """Move the smallest group of the split with most groups to the empty split `k`."""
    groups = list(split_of.values())
    most = max(set(groups), key=lambda i: (groups.count(i), -i))
    split_of[min((key for key in order if split_of[key] == most), key=lambda key: sizes[key])] = k


def layouts(objects: Mapping[str, Objects], within: float = 0.0) -> dict[str, str]:
    """The layout of each picture by its name: the first picture, in order of names, whose boxes are the same.

    Boxes are the same when each has a partner in the other picture that differs in x, y, width and height by at most
    `within` pixels, one for one; categories and the order of the boxes do not matter.

    Raises:
        GazeError: The distance is negative.
    """
    if not within >= 0:
        raise GazeError(f"Boxes cannot agree within {within:g} pixels; give 0 or more.")
    layout_of: dict[str, str] = {}
    exact: dict[bytes, str] = {}
    first: dict[int, list[str]] = {}  # by the number of boxes, the pictures that layouts are named after
    for name in sorted(objects):
        boxes = _sorted(objects[name].boxes)
        layout = exact.get(boxes.tobytes())
        if layout is None and within > 0:
            options = first.get(len(boxes), [])
            layout = next((o for o in options if _agree(boxes, _sorted(objects[o].boxes), within)), None)
        layout_of[name] = name if layout is None else layout
        exact.setdefault(boxes.tobytes(), layout_of[name])
        if layout is None:
            first.setdefault(len(boxes), []).append(name)
    return layout_of


def _sorted(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    boxes = boxes.astype(float) + 0.0  # no negative zero
    return boxes[np.lexsort(boxes.T[::-1])]


def _agree(one: Float[np.ndarray, "n 4"], other: Float[np.ndarray, "n 4"], within: float) -> bool:
    """Whether the nearest box of the other picture is near enough, and no two have the same."""
    apart = np.abs(one[:, None] - other[None]).max(2) if len(one) else np.zeros((0, 1))
    nearest = apart.argmin(1)
    return len(set(nearest.tolist())) == len(one) and bool((apart.min(1) <= within).all())
