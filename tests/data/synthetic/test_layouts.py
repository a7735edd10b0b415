from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import objects
from data.errors import GazeError
from data.gaze import ObjectPath, Scene
from data.synthetic import layouts
from data.table import scenes
from data.table.read import read_splits, read_table
from data.table.validate import check_table


def same(one: tuple[Scene, tuple[ObjectPath, ...]], other: tuple[Scene, tuple[ObjectPath, ...]]) -> bool:
    """Whether two scenes and the paths over them agree."""
    (a, x), (b, y) = one, other
    told = all(getattr(a, k) == getattr(b, k) for k in ("targets", "memory_set", "task", "box"))
    told &= np.array_equal(a.objects.boxes, b.objects.boxes) and a.objects.categories == b.objects.categories
    told &= a.objects.attributes == b.objects.attributes and len(x) == len(y)
    keys = ("order", "duration", "xy")
    return told and all(
        all(np.array_equal(getattr(p, k), getattr(q, k)) for k in keys)
        and (p.subject, p.ended, p.unassigned) == (q.subject, q.ended, q.unassigned)
        for p, q in zip(x, y, strict=True)
    )


def test_a_scene_follows_from_the_seed_and_its_number() -> None:
    few, many, again = (list(layouts.layouts(count, seed=3)) for count in (2, 4, 2))
    assert all(same(*pair) for pair in zip(few, many[:2], strict=True))
    assert all(same(*pair) for pair in zip(few, again, strict=True))
    (other,) = layouts.layouts(1, seed=4)
    assert not same(few[0], other)


@pytest.mark.parametrize("arrangement", layouts.ARRANGEMENTS)
@pytest.mark.parametrize("size", [(96, 96), (192, 256), (300, 97)])
def test_boxes_are_whole_pixels_on_the_picture_and_do_not_touch(arrangement: str, size: tuple[int, int]) -> None:
    for scene, _ in layouts.layouts(20, 1, arrangement=arrangement, size=size, viewers=1):
        boxes = scene.objects.boxes
        assert len(boxes) >= 6
        low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
        assert (boxes == boxes.round()).all()
        assert (low >= 0).all()
        assert (high <= (size[1], size[0])).all()
        assert (boxes[:, 2:] >= 8).all()
        apart = ((low[:, None] >= high[None]) | (high[:, None] <= low[None])).any(2)
        assert apart.sum() == len(boxes) * (len(boxes) - 1)


def test_a_shelf_is_a_full_grid_and_a_free_arrangement_is_none() -> None:
    for arrangement, full in (("shelf", True), ("free", False)):
        for scene, _ in layouts.layouts(10, 2, arrangement=arrangement, viewers=1):
            x, y = (set(values) for values in scene.objects.boxes[:, :2].T.tolist())
            assert (len(x) * len(y) == len(scene.objects)) == full


def test_every_object_is_another_thing_and_the_target_is_one_of_them() -> None:
    for scene, paths in layouts.layouts(30, 5, memory=3):
        exemplars = [known["exemplar"] for known in scene.objects.attributes]
        assert len(set(exemplars)) == len(exemplars)
        assert scene.task == "search"
        (target,) = scene.targets
        assert scene.memory_set[0] == scene.objects.categories[target]
        assert len(scene.memory_set) == 3
        assert [path.subject for path in paths] == [f"s{i:02d}" for i in range(1, 9)]


def test_a_search_ends_on_the_target_and_nowhere_before() -> None:
    paths = [(scene.targets[0], path) for scene, paths in layouts.layouts(60, 6) for path in paths]
    for target, path in paths:
        assert path.ended == (path.order[-1] == target)
        assert target not in path.order[:-1]
        assert path.ended or len(path) == layouts.LIMIT
    assert 0.9 < np.mean([path.ended for _, path in paths]) < 1


def test_fixations_lie_on_their_objects() -> None:
    for task in layouts.TASKS:
        for scene, paths in layouts.layouts(10, 7, task):
            for path in paths:
                assert objects.assign(path.xy, scene.objects).tolist() == path.order.tolist()


def test_a_searcher_prefers_what_is_alike_and_near_and_seldom_goes_back() -> None:
    alike, share, back, looked, steps, usual = [], [], 0, 0, [], []
    for scene, paths in layouts.layouts(200, 8):
        kind = np.array([category in scene.memory_set for category in scene.objects.categories])
        centres = scene.objects.centres
        apart = np.hypot(*(centres[:, None] - centres[None]).T)
        for path in paths:
            first = path.order[0]
            alike.append(kind[first])
            share.append(kind.mean())
            looked += len(path)
            back += len(path) - len(set(path.order.tolist()))
            steps += [apart[i, j] for i, j in pairwise(path.order)]
            usual += [apart[i][np.arange(len(apart)) != i].mean() for i in path.order[:-1]]
    assert np.mean(alike) > 1.5 * np.mean(share)
    assert np.mean(steps) < 0.8 * np.mean(usual)
    assert back / looked < 0.1


def test_a_free_viewer_prefers_certain_categories_until_the_time_is_over() -> None:
    counts = dict.fromkeys(layouts.PULL, 0)
    there = dict.fromkeys(layouts.PULL, 0)
    for scene, paths in layouts.layouts(200, 9, "free", seconds=2):
        assert (scene.task, scene.targets, scene.memory_set) == ("free", (), ())
        for path in paths:
            assert path.ended
            assert (path.duration + layouts.SACCADE).sum() <= 2000
            for name in scene.objects.categories:
                there[name] += 1
            for thing in path.order:
                counts[scene.objects.categories[thing]] += 1
    rates = [counts[name] / there[name] for name in layouts.PULL]  # PULL goes from strong to weak
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 4 * rates[-1]


def test_durations_are_log_normal_and_longer_on_what_is_preferred() -> None:
    long: list[float] = []
    short: list[float] = []
    for scene, paths in layouts.layouts(200, 10):
        for path in paths:
            for thing, duration in zip(path.order, path.duration, strict=True):
                (long if scene.objects.categories[thing] in scene.memory_set else short).append(np.log(duration))
    for logarithms, median in ((long, layouts.LONGER * layouts.MEDIAN), (short, layouts.MEDIAN)):
        error = layouts.SPREAD / np.sqrt(len(logarithms))
        assert abs(np.mean(logarithms) - np.log(median)) < 4 * error
        assert abs(np.std(logarithms) - layouts.SPREAD) < 4 * error
        skew = np.mean(((logarithms - np.mean(logarithms)) / np.std(logarithms)) ** 3)
        assert abs(skew) < 4 * np.sqrt(6 / len(logarithms))


def test_a_picture_shows_each_category_in_its_shape() -> None:
    scene, _ = next(layouts.layouts(1, 11))
    image = layouts.paint(scene)
    assert image.shape == (192, 256, 3)
    assert image.dtype == np.uint8
    ground = image == 205
    inked = (~ground).any(2)
    for i, (x, y, width, height) in enumerate(scene.objects.boxes.astype(int).tolist()):
        inside = inked[y : y + height, x : x + width]
        assert 0.2 < inside.mean() < 0.9
        shade = image[y : y + height, x : x + width][inside]
        assert (shade == shade[0]).all(), i
    outside = inked.copy()
    for x, y, width, height in scene.objects.boxes.astype(int).tolist():
        outside[y : y + height, x : x + width] = False
    assert not outside.any()


def test_exemplars_of_a_category_look_different() -> None:
    shades = set()
    for scene, _ in layouts.layouts(60, 12, viewers=0):
        image = layouts.paint(scene)
        for (x, y, width, height), known in zip(
            scene.objects.boxes.astype(int).tolist(), scene.objects.attributes, strict=True
        ):
            piece = image[y : y + height, x : x + width].reshape(-1, 3)
            ((shade),) = {tuple(pixel) for pixel in piece.tolist()} - {(205, 205, 205)}
            shades.add((known["exemplar"], shade))
    assert len(shades) == len({name for name, _ in shades}) == len({shade for _, shade in shades})


@pytest.mark.parametrize(("task", "memory"), [("search", 1), ("search", 3), ("free", 1)])
def test_what_is_written_reads_back_as_the_same_scenes(tmp_path: Path, task: str, memory: int) -> None:
    root = tmp_path / "set"
    layouts.write(root, 10, 13, task, memory=memory)
    assert check_table(root) == []
    assert (root / "trials.csv").exists() == (task == "search")
    expected = list(layouts.layouts(10, 13, task, memory=memory))
    found = scenes.scenes(root)
    assert len(found) == 10
    assert all(same(*pair) for pair in zip(found, expected, strict=True))
    assert {part: len(names) for part, names in read_splits(root).items()} == {"train": 6, "val": 2, "test": 2}
    (_, (scanpath, *_)), *_ = read_table(root)
    assert len(scanpath.memory_set) == (memory if task == "search" else 0)
    assert (scanpath.found is None) == (task == "free")
    assert (np.diff(scanpath.onset) > 0).all()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"task": "dream"}, "tasks are search, free"),
        ({"arrangement": "pile"}, "arrangements mixed, shelf, free"),
        ({"size": (95, 200)}, "ask for 96 x 96 pixels or more"),
        ({"memory": 0}, "for 1 to 12 things"),
        ({"memory": 13}, "for 1 to 12 things"),
    ],
)
def test_what_cannot_be_made_is_said(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(GazeError, match=problem):
        list(layouts.layouts(1, **options))
