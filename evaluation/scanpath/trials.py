"""The trials that scanpath models are scored on: a data set read, put on objects and divided under one protocol.

A trained model takes at most `MAX_STEPS` steps: longer paths are cut to `MAX_STEPS` - 1 fixations for all rows and
scores, and count as cut by the protocol.
"""

import math
import tempfile
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from data.coco import Coco
from data.errors import TableError, refuse
from data.gaze import ObjectPath, Objects, Picture, Scanpath, Scene
from data.plain_text import visible
from data.table import scenes as table_scenes
from data.table import splits as table_splits
from data.table.read import read_objects, read_splits, read_table
from evaluation.results import DRAWS, SEED
from export.runtime.dataset_objects import DENSITY, write_objects
from export.runtime.scene_objects import FOUND, SOURCES
from scanpath.inputs import MAX_STEPS

Trials = list[tuple[Scene, tuple[ObjectPath, ...]]]


@dataclass(frozen=True)
class Settings:
    """How a data set is read, divided and asked for."""

    split: str = "test"  # or "all"
    by: str = "picture"  # "picture" as splits.json says; "target", "observer" or "layout" as `data.table.splits` does
    objects: str | None = None  # "file", "found", "proto", a .json file, a grid as "grid:6x8"; None: as `_source` says
    within: float | None = None  # pixels from a box; None: 0, but any in a search that has most fixations beside boxes
    merge: bool | None = None  # repeats of one object are one fixation; None: in free viewing
    observers: int = 15  # sampled for each scene
    limit: int | None = None  # fixations; None: the longest path of the split "train"
    seed: int = SEED
    target_known: bool = False  # models know which object is the target
    condition: str | None = None  # None: the set's name, or "free" or "search", where the model knows it; else "any"


@dataclass(frozen=True)
class Trial:
    """A person's path, and which picture and scene of the evaluation it is on."""

    scene: Scene
    path: ObjectPath
    picture: int
    number: int  # of the scene


@dataclass(frozen=True)
class TrialSet:
    """The trials that are evaluated, those that chance learns from, and everybody's."""

    trials: list[Trial]
    scenes: list[Scene]  # by the trials' number
    train: Trials
    everyone: Trials
    merged: bool
    task: str
    facts: dict[str, Any]

    @property
    def search(self) -> bool:
        """Whether something is looked for among the objects."""
        return any(scene.targets for scene in self.scenes)


class _Files:
    """The files of a data set in the table format, each read once, and only if it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def items(self) -> list[tuple[Picture, tuple[Scanpath, ...]]]:
        """Every picture with its scanpaths."""
        return list(read_table(self.root, lambda: self._coco.sizes))

    @cached_property
    def _coco(self) -> Coco:
        return Coco(self.root / "objects.json", refuse)

    @cached_property
    def objects(self) -> dict[str, Objects]:
        """The objects of objects.json."""
        return read_objects(self.root, coco=self._coco)

    @cached_property
    def splits(self) -> dict[str, list[str]]:
        """The names of the pictures of each split."""
        return read_splits(self.root)

    def objects_of(self, file: Path) -> dict[str, Objects]:
        """The objects of objects.json, or of another file of its form."""
        return self.objects if file == self.root / "objects.json" else read_objects(self.root, file)


def _divide(files: _Files, trials: Trials, by: str) -> dict[str, Trials]:
    """The trials of each split; {} where nothing says how a set is split by picture."""
    named = files.splits
    if by == "picture" and not named:
        return {}
    layout = table_splits.layouts(files.objects) if by == "layout" else None
    parts = table_splits.split(files.items, by, named=named, layout=layout)
    divided = table_splits.scenes(parts, trials)
    return {name: part for name, part in divided.items() if by != "picture" or name in named}


def _caution(by: str, name: str) -> str:
    """What may make models look better than they are; "" where they were kept from what is evaluated."""
    if by != "picture":
        return f"Models were trained on other splits, and may know these trials, unless trained with --data.by {by}."
    return (
        "" if name != "all" else "This is no split of splits.json: models trained on this set know what is evaluated."
    )


def read(root: Path, settings: Settings) -> TrialSet:
    """The trials of a data set in the table format, under a protocol.

    Raises:
        TableError: There is no such split, or nobody in it fixates an object.
    """
    files = _Files(root)
    within, source = settings.within or 0.0, _source(files, settings.objects)
    with tempfile.TemporaryDirectory() as folder:
        location = source
        if source in SOURCES:
            location = str(Path(folder) / f"{source}.json")
            write_objects(root, Path(location), DENSITY, [picture for picture, _ in files.items], source=source)
        return _read(files, settings, within, source, location)


def _source(files: _Files, asked: str | None) -> str:
    """Where objects come from if nobody says: objects.json where it names several a picture, else a grid or regions.

    A set that names the target alone is a search among the cells of a grid; in free viewing without objects, people
    look at what is found.
    """
    if asked:
        return asked
    counts = [len(objects) for objects in files.objects.values()]
    if counts and sum(counts) >= 2 * len(counts):
        return "file"
    _, scanpaths = next(iter(files.items), (None, ()))
    return FOUND if all(scanpath.task == "free" for scanpath in scanpaths) else "grid:6x8"


def _read(files: _Files, settings: Settings, within: float, source: str, location: str) -> TrialSet:
    root, file = files.root, table_scenes.objects_file(files.root, location)
    assign = partial(table_scenes.scenes_of, files.items, files.objects_of(file), file, location)
    unmerged = assign(within, False)
    search = any(scene.task != "free" for scene, _ in unmerged)
    if settings.within is None and search and _unassigned(unmerged) > 0.5:
        within = math.inf
        unmerged = assign(within, False)
    merged = not search if settings.merge is None else settings.merge
    everyone = assign(within, True) if merged else unmerged
    splits = _divide(files, everyone, settings.by)
    if splits and settings.split not in (*splits, "all"):
        raise TableError(f"{root}: no split {settings.split!r}; choose one of: {', '.join([*splits, 'all'])}.")
    chosen = splits.get(settings.split, everyone)
    train = splits.get("train", []) if settings.split not in ("train", "all") else []
    name = settings.split if splits else "all"
    trials, scenes = _trials(chosen)
    if not trials:
        raise TableError(f"{root}: nobody in the split {settings.split!r} fixates an object; choose another one.")
    facts = {
        "data": visible(root.resolve().name),
        "split": name,
        "by": settings.by,
        "caution": _caution(settings.by, name),
        "pictures": len({trial.picture for trial in trials}),
        "scenes": len(scenes),
        "trials": len(trials),
        "trials_without_objects": sum(len(paths) for _, paths in chosen) - len(trials),
        "trials_cut_to_longest": sum(len(path) >= MAX_STEPS for _, paths in chosen for path in paths),
        "fixations": sum(len(trial.path) for trial in trials),
        "objects": source,
        "within_pixels": within if math.isfinite(within) else "any distance",
        "unassigned": _unassigned(unmerged),
        "merged": merged,
        "chance_fitted_to": "train" if train else "what is evaluated",
        "interval": {"percent": 95, "over": "pictures", "draws": DRAWS, "seed": SEED},
    }
    return TrialSet(trials, scenes, train or chosen, everyone, merged, trials[0].scene.task, facts)


def _unassigned(trials: Trials) -> float:
    """The share of fixations on no object."""
    paths = [path for _, of_scene in trials for path in of_scene]
    off = sum(path.unassigned for path in paths)
    return off / max(1, off + sum(map(len, paths)))


def _cut(path: ObjectPath) -> ObjectPath:
    if len(path) < MAX_STEPS:
        return path
    order, duration, xy = (values[: MAX_STEPS - 1] for values in (path.order, path.duration, path.xy))
    return replace(path, order=order, duration=duration, xy=xy, ended=False)


def _trials(chosen: Trials) -> tuple[list[Trial], list[Scene]]:
    """Paths with a fixation, and the scenes that have one; pictures are numbered in their order."""
    fixated = [(scene, [path for path in paths if len(path)]) for scene, paths in chosen]
    fixated = [(scene, paths) for scene, paths in fixated if paths]
    names = dict.fromkeys(scene.picture.name for scene, _ in fixated)
    pictures = {name: number for number, name in enumerate(names)}
    trials = [
        Trial(scene, _cut(path), pictures[scene.picture.name], number)
        for number, (scene, paths) in enumerate(fixated)
        for path in paths
    ]
    return trials, [scene for scene, _ in fixated]
