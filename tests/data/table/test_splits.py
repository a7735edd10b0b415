from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import GazeError
from data.gaze import Objects, Picture, Scanpath
from data.synthetic import layouts
from data.table import scenes
from data.table.read import read_objects, read_splits, read_table
from data.table.splits import Item, split
from data.table.splits import layouts as layouts_of
from data.table.splits import scenes as scenes_of

ONE = np.zeros((1, 2)), np.zeros(1), np.zeros(1)


def item(name: str, *trials: tuple[str, str]) -> Item:
    """A picture and its trials, each a viewer and a target."""
    return Picture(name, 10, 10), tuple(Scanpath(who, *ONE, "search" if what else "free", what) for who, what in trials)


TRIALS = st.tuples(st.sampled_from("abcdefg"), st.sampled_from(["", *"pqrstuvw"]))
ITEMS = st.dictionaries(
    st.text("0123456789", min_size=1, max_size=3), st.sets(TRIALS, min_size=1, max_size=4), min_size=3, max_size=20
).map(lambda found: [item(name, *sorted(trials)) for name, trials in found.items()])
SEEDS = st.integers(0, 5)
SHARES = st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (0.34, 0.33, 0.33), (0.9, 0.0, 0.1), (1.0, 0.0, 0.0)])


def names(found: dict[str, list[Item]]) -> dict[str, list[str]]:
    return {part: [picture.name for picture, _ in items] for part, items in found.items()}


def attempt(*arguments: Any, **options: Any) -> dict[str, list[Item]] | None:
    """A split, or None where there are too few groups for one."""
    try:
        return split(*arguments, **options)
    except GazeError as error:
        if "splits cannot be made of" not in str(error):
            raise
        return None


@given(ITEMS, SEEDS, SHARES)
def test_no_picture_is_on_two_sides_and_none_is_lost(items: list[Item], seed: int, shares: tuple[float, ...]) -> None:
    found = split(items, shares=shares, seed=seed)
    assert list(found) == ["train", "val", "test"]
    everyone = [name for part in names(found).values() for name in part]
    assert sorted(everyone) == sorted(picture.name for picture, _ in items)
    for part, share in zip(found.values(), shares, strict=True):
        assert abs(len(part) - share * len(items)) <= (1 if len(items) >= 10 else 2)
        assert bool(part) == (share > 0)
    trials = {picture.name: paths for picture, paths in items}
    assert all(trials[picture.name] == paths for part in found.values() for picture, paths in part)


@given(ITEMS, SEEDS, SHARES)
def test_no_target_is_on_two_sides(items: list[Item], seed: int, shares: tuple[float, ...]) -> None:
    found = attempt(items, "target", shares, seed)
    if found is None:
        return
    sides = [{s.target for _, paths in part for s in paths if s.target} for part in found.values()]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert sorted(name for part in names(found).values() for name in part) == sorted(p.name for p, _ in items)
    assert all(bool(part) == (share > 0) for part, share in zip(found.values(), shares, strict=True))


@given(ITEMS, SEEDS)
def test_no_viewer_is_on_two_sides(items: list[Item], seed: int) -> None:
    found = attempt(items, "observer", seed=seed)
    if found is None:
        return
    sides = [{s.subject for _, paths in part for s in paths} for part in found.values()]
    assert all(sides)
    assert sum(map(len, sides)) == len(set.union(*sides))
    pieces = [(p.name, s.subject, s.target) for part in found.values() for p, paths in part for s in paths]
    assert sorted(pieces) == sorted((p.name, s.subject, s.target) for p, paths in items for s in paths)
    assert all(paths for part in found.values() for _, paths in part)


@given(ITEMS, SEEDS, st.booleans())
def test_no_layout_is_on_two_sides(items: list[Item], seed: int, called: bool) -> None:
    key: dict[str, int] = {picture.name: int(picture.name) % 5 for picture, _ in items}
    layout: dict[str, int] | Callable[[str], int] = key.__getitem__ if called else key
    found = attempt(items, "layout", seed=seed, layout=layout)
    if found is None:
        assert len(set(key.values())) < 3
        return
    sides = [{key[name] for name in part} for part in names(found).values()]
    assert all(sides)
    assert sum(map(len, sides)) == len(set.union(*sides))


@given(ITEMS, SEEDS, st.sampled_from(["picture", "target", "observer", "layout"]), st.randoms(use_true_random=False))
def test_the_order_of_the_items_does_not_matter(items: list[Item], seed: int, by: str, chance: Any) -> None:
    shuffled = list(items)
    chance.shuffle(shuffled)
    one, other = (attempt(some, by, seed=seed, layout=lambda name: name[:1]) for some in (items, iter(shuffled)))
    assert (one is None) == (other is None)
    assert one is None or other is None or names(one) == names(other)


def test_another_seed_gives_another_split() -> None:
    items = [item(f"{i:02d}", ("a", "")) for i in range(40)]
    found = [names(split(items, seed=seed))["test"] for seed in range(5)]
    assert len({tuple(part) for part in found}) == 5
    assert found[0] == sorted(found[0])


def test_shares_are_met_to_the_picture() -> None:
    items = [item(f"{i:03d}", ("a", "")) for i in range(100)]
    assert {part: len(found) for part, found in split(items).items()} == {"train": 80, "val": 10, "test": 10}


def test_targets_that_share_a_picture_stay_together() -> None:
    items = [item("1", ("a", "p"), ("b", "q")), item("2", ("a", "q")), item("3", ("a", "r")), item("4", ("a", ""))]
    for seed in range(20):
        parts = names(split(items, "target", seed=seed)).values()
        assert any({"1", "2"} <= set(part) for part in parts)


def test_named_splits_are_taken_and_the_rest_is_left_out() -> None:
    items = [item(name, ("a", "")) for name in "cbad"]
    found = split(items, named={"train": ["b", "a"], "val": ["c"], "extra": ["x"]})
    assert names(found) == {"train": ["a", "b"], "val": ["c"], "test": [], "extra": []}
    assert names(split(items, named={})) == names(split(items))
    with pytest.raises(GazeError, match="'b' is in 'train' and in 'val'; keep it in one split"):
        split(items, named={"train": ["b"], "val": ["b"]})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"by": "colour"}, "cannot be split by 'colour'; choose picture, target"),
        ({"shares": (0.5, 0.5)}, "give three numbers"),
        ({"shares": (0.5, 0.6, -0.1)}, "give three numbers"),
        ({"shares": (0.5, 0.1, 0.1)}, "that sum to 1"),
        ({"by": "layout"}, "needs the layout of each picture"),
        ({"by": "layout", "layout": {"a": 1}}, "'b' has no layout"),
        ({"by": "target"}, "3 splits cannot be made of 1 group of one target"),
        ({"by": "observer"}, "3 splits cannot be made of 1 group of one observer"),
    ],
)
def test_what_cannot_be_split_is_said(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(GazeError, match=problem):
        split([item("a", ("s", "cup")), item("b", ("s", "cup")), item("c", ("s", "cup"))], **options)
    with pytest.raises(GazeError, match="'a' is there twice"):
        split([item("a"), item("a")])


def test_nothing_is_split_into_nothing() -> None:
    for by in ("picture", "target", "observer", "layout"):
        assert split([], by, layout={}) == {"train": [], "val": [], "test": []}


@pytest.mark.parametrize("by", ["picture", "target", "observer", "layout"])
def test_a_split_of_pictures_carries_over_to_their_scenes(tmp_path: Path, by: str) -> None:
    layouts.write(tmp_path / "set", 12, viewers=5)
    parts = split(read_table(tmp_path / "set"), by, layout=layouts_of(read_objects(tmp_path / "set")))
    everything = scenes.scenes(tmp_path / "set")
    found = scenes_of(parts, iter(everything))
    for part, items in parts.items():
        trials = [(picture.name, s.subject) for picture, paths in items for s in paths]
        assert sorted((s.picture.name, p.subject) for s, paths in found[part] for p in paths) == sorted(trials)
        assert all(paths for _, paths in found[part])
    assert sum(len(paths) for some in found.values() for _, paths in some) == 12 * 5


def boxes(*rows: tuple[float, float, float, float]) -> Objects:
    return Objects(np.array(rows, float).reshape(-1, 4))


def test_pictures_with_the_same_boxes_are_one_layout() -> None:
    one, two = (1, 2, 3, 4), (5, 6, 7, 8)
    found = layouts_of({"c": boxes(two, one), "a": boxes(one, two), "b": boxes(one), "e": boxes(), "d": boxes()})
    assert found == {"a": "a", "b": "b", "c": "a", "d": "d", "e": "d"}


def test_boxes_may_agree_within_some_pixels() -> None:
    near = {"a": boxes((1, 2, 3, 4), (9, 9, 1, 1)), "b": boxes((1, 3, 3, 4), (8, 9, 1, 1)), "c": boxes((1, 2, 3, 4))}
    assert layouts_of(near) == {"a": "a", "b": "b", "c": "c"}
    assert layouts_of(near, within=1) == {"a": "a", "b": "a", "c": "c"}
    both = {"a": boxes((0, 0, 1, 1), (1, 0, 1, 1)), "b": boxes((0, 0, 1, 1), (0, 0, 1, 1))}
    assert layouts_of(both, within=1) == {"a": "a", "b": "b"}  # two boxes of b have one partner
    with pytest.raises(GazeError, match="within -1 pixels"):
        layouts_of({}, within=-1)


def test_the_same_arrangement_with_other_categories_is_the_same_layout() -> None:
    (scene, _), (other, _) = layouts.layouts(2)
    twin = replace(scene.objects, categories=tuple("x" for _ in scene.objects.categories))
    assert layouts_of({"1": scene.objects, "2": twin, "3": other.objects}) == {"1": "1", "2": "1", "3": "3"}


def test_the_covers_of_a_real_set_are_one_layout_within_the_error_of_their_grid(shared: Path) -> None:
    root = shared / "amazon_covers"
    if not root.is_dir():
        pytest.skip(f"no data set {root}")
    covers = read_objects(root)
    assert len(set(layouts_of(covers).values())) == 100  # each has its own drawn box
    assert len(set(layouts_of(covers, within=25).values())) == 1
    items = list(read_table(root))
    targets = [{s.target for _, paths in part for s in paths} for part in split(items, "target").values()]
    assert sorted(map(len, targets)) == [1, 1, 3]
    assert names(split(items, named=read_splits(root)))["test"] == sorted(read_splits(root)["test"])
