"""A data set as scenes: which objects a picture has, which of them is looked for, and each viewer's path over them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import GazeError, TableError
from data.gaze import ObjectPath, Objects, Picture, Scanpath, Scene
from data.objects import assign, cells, check, grid, overlap, path
from data.table.read import read_objects as annotated
from data.table.read import read_table as table

NONE = Objects(np.zeros((0, 4)))
UNKNOWN = ("", "TBD")  # how data sets write that a thing has no category


def scene(picture: Picture, objects: Objects, scanpath: Scanpath, categories: Mapping[str, str] | None = None) -> Scene:
    """The picture as the viewer of this scanpath saw it: its objects, and what was looked for.

    The targets are the objects whose attribute `exemplar` is the target's name; else those with `is_target` = 1; else
    the one that shares more than half of the united area with the target's box; and on a grid the cell that holds the
    middle of that box. A target that is none of the objects leaves `targets` empty, and stays in `memory_set`.

    `categories` tells the category of every name (of exemplars and of categories), as far as this is known beyond the
    picture's own objects. A name that it lacks is tried without its trailing digits; if that fails, its category is "".
    """
    targets = _targets(objects, scanpath)
    category_of = category_names([objects]) if categories is None else categories
    names = scanpath.memory_set or ((scanpath.target,) if scanpath.target or scanpath.box else ())
    of_target = objects.categories[targets[0]] if targets and objects.categories else ""
    held = [_category(name, category_of) or (of_target if name == scanpath.target else "") for name in names]
    memory_set = tuple("" if category in UNKNOWN else category for category in held)
    x, y, width, height = objects.boxes[targets[0]].tolist() if targets else (0.0,) * 4
    box = scanpath.box or ((x, y, width, height) if targets else None)
    return Scene(picture, objects, targets, memory_set, scanpath.task, box)


def category_names(everything: Iterable[Objects]) -> dict[str, str]:
    """The category of every exemplar, and of every category itself."""
    category_of: dict[str, str] = {}
    for objects in everything:
        attributes = objects.attributes or ({},) * len(objects)
        for category, attribute in zip(objects.categories, attributes, strict=False):
            category_of.setdefault(category, category)
            if "exemplar" in attribute:
                category_of[str(attribute["exemplar"])] = category
    return category_of


def _category(name: str, category_of: Mapping[str, str]) -> str:
    return category_of.get(name) or category_of.get(name.rstrip("0123456789")) or ""


def _targets(objects: Objects, scanpath: Scanpath) -> tuple[int, ...]:
    if not (scanpath.target or scanpath.memory_set or scanpath.box) or not len(objects):
        return ()
    attributes = objects.attributes
    named = tuple(i for i, a in enumerate(attributes) if scanpath.target and a.get("exemplar") == scanpath.target)
    marked = named or tuple(i for i, a in enumerate(attributes) if a.get("is_target") == 1)
    if marked or scanpath.box is None:
        return marked
    box = np.array(scanpath.box)
    if attributes and all(a.get("from_grid") == 1 for a in attributes):
        cell = int(assign(box[None, :2] + box[None, 2:] / 2, objects)[0])
        return (cell,) if cell >= 0 else ()
    shared = overlap(objects.boxes, box[None])[:, 0]
    best = int(shared.argmax())
    return (best,) if shared[best] > 0.5 else ()


def scenes(
    root: Path | str, within: float = 0.0, merge: bool = False, source: str = "file"
) -> list[tuple[Scene, tuple[ObjectPath, ...]]]:
    """A data set in the table format as scenes, each with the paths of its viewers, in the order of the table.

    Trials on one picture with the same task, target (and its box) and memory set share a scene. `source` says where
    objects come from: "file" (objects.json), another .json file of its form, or "grid:ROWSxCOLUMNS". A picture for
    which the file names none is a scene of no objects, whose paths have length 0 and count every fixation as
    unassigned. Categories of what is looked for are known from all pictures of the set.
    """
    file = objects_file(root, source)
    return scenes_of(table(root), annotated(root, file), file, source, within, merge)


def _boxed(scanpath: Scanpath, objects: Objects) -> Scanpath:
    """The scanpath with the target's box as the annotated objects tell it, where it does not say so itself."""
    targets = () if scanpath.box else _targets(objects, scanpath)
    if not targets:
        return scanpath
    x, y, width, height = objects.boxes[targets[0]].tolist()
    return replace(scanpath, box=(x, y, width, height))


def objects_file(root: Path | str, source: str) -> Path:
    """The file that holds the annotated objects of a data set, for a source as `scenes` takes it.

    Raises:
        GazeError: The source is neither `file`, a .json file nor a grid.
    """
    if source != "file" and not source.endswith(".json") and not cells(source):
        raise GazeError(f"Objects cannot come from {source!r}; choose 'file', a .json file, or a grid as 'grid:6x8'.")
    return Path(source) if source.endswith(".json") else Path(root) / "objects.json"


def scenes_of(
    items: Iterable[tuple[Picture, Sequence[Scanpath]]],
    objects_of: Mapping[str, Objects],
    file: Path,
    source: str,
    within: float = 0.0,
    merge: bool = False,
) -> list[tuple[Scene, tuple[ObjectPath, ...]]]:
    """What `scenes` gives, of pictures and of objects (from `file`, named in errors) that have been read already.

    Raises:
        TableError: There are no objects, or those of a picture cannot be used.
    """
    on_grid = cells(source)
    if on_grid is None and not objects_of:
        raise TableError(f"{file}: there are no objects; add the file, or take the source grid:6x8.")
    categories = category_names(objects_of.values())
    scenes: list[tuple[Scene, tuple[ObjectPath, ...]]] = []
    for picture, scanpaths in items:
        objects = objects_of.get(picture.name, NONE)
        try:
            objects = check(objects, picture.width, picture.height)
        except GazeError as error:
            raise TableError(f"{file}, picture {picture.name!r}: {error}") from error
        groups: dict[Any, list[Scanpath]] = {}
        for s in scanpaths:
            groups.setdefault((s.task, s.target, s.box, tuple(sorted(s.memory_set))), []).append(s)
        on = objects if on_grid is None else grid(picture.width, picture.height, *on_grid)
        for group in groups.values():
            first = group[0] if on_grid is None else _boxed(group[0], objects)
            paths = tuple(path(s, on, within, merge) for s in group)
            scenes.append((scene(picture, on, first, categories), paths))
    return scenes
