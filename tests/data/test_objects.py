"""Fixations on objects against loops and hand examples, data sets as scenes, and everything boxes can have wrong."""

import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import GazeError, TableError
from data.gaze import Objects, Picture, Scanpath
from data.objects import assign, check, crops, grid, overlap, path
from data.table.read import read_objects
from data.table.scenes import NONE, category_names, scene, scenes
from data.table.write import write_table

PICTURE = Picture("a.jpg", 100, 80)
DESK = Objects(  # a desk, a plate on it, and a cup beside
    np.array([[0.0, 0, 60, 60], [10, 10, 20, 20], [70, 10, 10, 10]]),
    ("desk", "plate", "cup"),
    ({"exemplar": "desk1"}, {"exemplar": "plate7"}, {"exemplar": "cup3"}),
)


def looks(*xy: tuple[float, float], **known: Any) -> Scanpath:
    places = np.array(xy, float).reshape(-1, 2)
    return Scanpath("s", places, np.full(len(xy), np.nan), 100.0 * (np.arange(len(xy)) + 1), **known)


def slowly(x: float, y: float, boxes: np.ndarray, within: float) -> int:
    """The rule as a student would write it."""
    inside = [(w * h, i) for i, (x0, y0, w, h) in enumerate(boxes) if x0 <= x < x0 + w and y0 <= y < y0 + h]
    if inside:
        return min(inside)[1]
    away = [
        (math.hypot(max(x0 - x, 0, x - x0 - w), max(y0 - y, 0, y - y0 - h)), w * h, i)
        for i, (x0, y0, w, h) in enumerate(boxes)
    ]
    return min(away)[2] if within > 0 and away and min(away)[0] <= within else -1


BOXES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=8
)
POINTS = st.lists(st.tuples(st.integers(-8, 70), st.integers(-8, 70)), max_size=20)


@given(BOXES, POINTS, st.sampled_from([0.0, 2.5, math.inf]))
def test_a_fixation_belongs_to_the_smallest_box_around_it_else_to_the_nearest(
    boxes: list[tuple[int, ...]], points: list[tuple[int, int]], within: float
) -> None:
    known, xy = np.array(boxes, float), np.array(points, float).reshape(-1, 2) / 2
    expected = [slowly(x, y, known, within) for x, y in xy]
    assert assign(xy, Objects(known), within).tolist() == expected


def test_a_box_holds_its_left_and_upper_edge_and_not_the_others() -> None:
    box = Objects(np.array([[10.0, 10, 5, 5]]))
    xy = np.array([[10.0, 10], [14.99, 14.99], [15, 12], [12, 15], [9.99, 12]])
    assert assign(xy, box).tolist() == [0, 0, -1, -1, -1]
    assert assign(xy, box, within=0.5).tolist() == [0, 0, 0, 0, 0]


def test_a_mask_counts_and_not_the_box_around_it() -> None:
    masks = np.zeros((2, 8, 8), bool)
    masks[0, :, :4] = True
    masks[1, 2:4, 2:6] = True
    shaped = Objects(np.array([[0.0, 0, 4, 8], [2, 2, 4, 2]]), masks=masks)
    xy = np.array([[3.5, 3.5], [3.5, 5.5], [6.5, 3.5], [-1.0, 3.5], [9.0, 3.5]])
    assert assign(xy, shaped).tolist() == [1, 0, -1, -1, -1]
    assert assign(xy, shaped, within=math.inf).tolist() == [1, 0, 1, 0, 1]


def test_what_is_no_place_is_background_even_when_every_fixation_has_a_nearest_box() -> None:
    xy = np.array([[np.nan, 5.0], [5.0, np.nan], [5.0, 5.0]])
    assert assign(xy, DESK, math.inf).tolist() == [-1, -1, 0]


def test_without_objects_every_fixation_is_background() -> None:
    assert assign(np.zeros((3, 2)), NONE, math.inf).tolist() == [-1, -1, -1]
    assert assign(np.zeros((0, 2)), DESK).shape == (0,)
    assert len(path(looks((5, 5), (9, 9)), NONE)) == 0
    assert path(looks((5, 5), (9, 9)), NONE).unassigned == 2


@pytest.mark.parametrize("within", [-1.0, math.nan])
def test_a_distance_below_zero_is_refused(within: float) -> None:
    with pytest.raises(GazeError, match="must be 0 or more"):
        assign(np.zeros((1, 2)), DESK, within)


def test_five_thousand_objects_are_as_good_as_one() -> None:
    many = check(grid(1000, 1000, 50, 100), 1000, 1000)
    xy = np.random.default_rng(0).uniform(0, 1000, (50, 2))
    expected = (xy[:, 1] // 20 * 100 + xy[:, 0] // 10).astype(int)
    assert len(many) == 5000
    assert assign(xy, many, math.inf).tolist() == expected.tolist()
    assert crops(np.zeros((1000, 1000, 3), np.uint8), many.boxes, 2).shape == (5000, 2, 2, 3)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((np.nan, 0, 1, 1), "not a number"),
        ((0, 0, np.inf, 1), "not a number"),
        ((5, 5, 0, 4), "no area"),
        ((5, 5, 4, -4), "no area"),
        ((100, 5, 4, 4), "outside of the picture of 100 x 80 pixels"),
        ((5, -4, 4, 4), "outside of the picture"),
    ],
)
def test_a_box_that_is_none_is_named_and_refused(box: tuple[float, ...], words: str) -> None:
    with pytest.raises(GazeError, match=rf"Object 1 of 2 .*{words}.*; mend or remove it\.$"):
        check(Objects(np.array([[0.0, 0, 1, 1], box])), 100, 80)


def test_what_sticks_out_of_the_picture_is_cut_off() -> None:
    got = check(Objects(np.array([[-5.0, 70, 20, 20], [0, 0, 100, 80]]), ("a", "b")), 100, 80)
    assert got.boxes.tolist() == [[0, 70, 15, 10], [0, 0, 100, 80]]
    assert got.categories == ("a", "b")
    assert len(check(NONE, 100, 80)) == 0


def test_a_path_leaves_out_the_background_and_counts_it() -> None:
    got = path(looks((15, 15), (99, 79), (16, 16), (75, 15), (2, 2)), DESK)
    assert got.order.tolist() == [1, 1, 2, 0]
    assert got.duration.tolist() == [100, 300, 400, 500]
    assert got.unassigned == 1


def test_merged_repeats_last_as_long_as_all_of_them_and_are_where_the_first_was() -> None:
    got = path(looks((15, 15), (99, 79), (16, 16), (75, 15), (12, 12)), DESK, merge=True)
    assert got.order.tolist() == [1, 2, 1]
    assert got.duration.tolist() == [400, 400, 500]
    assert got.xy.tolist() == [[15, 15], [75, 15], [12, 12]]


@pytest.mark.parametrize("merge", [False, True])
def test_paths_of_no_and_of_one_fixation_are_paths(merge: bool) -> None:
    assert len(path(looks(), DESK, merge=merge)) == 0
    assert path(looks((75, 15)), DESK, merge=merge).order.tolist() == [2]


def test_an_unknown_duration_stays_unknown_when_it_is_merged() -> None:
    one = Scanpath("s", np.full((2, 2), 15.0), np.zeros(2), np.array([100.0, np.nan]))
    assert np.isnan(path(one, DESK, merge=True).duration).all()


@pytest.mark.parametrize(("found", "ended"), [(None, True), (True, True), (False, False)])
def test_only_a_search_that_found_nothing_was_not_ended_by_the_viewer(found: bool | None, ended: bool) -> None:
    assert path(looks((15, 15), found=found), DESK).ended == ended


def test_targets_are_the_exemplars_of_that_name() -> None:
    got = scene(PICTURE, DESK, looks(task="search", target="cup3", memory_set=("cup3", "plate12", "lion4")))
    assert got.targets == (2,)
    assert got.memory_set == ("cup", "plate", "")
    assert got.task == "search"
    assert got.box == (70, 10, 10, 10)


def test_a_target_that_is_not_there_is_still_sought() -> None:
    got = scene(PICTURE, DESK, looks(task="search", target="plate9"))
    assert got.targets == ()
    assert got.memory_set == ("plate",)


def test_in_free_viewing_nothing_is_sought() -> None:
    marked = Objects(DESK.boxes, DESK.categories, ({"is_target": 1}, {}, {}))
    assert scene(PICTURE, marked, looks()).targets == ()
    assert scene(PICTURE, marked, looks()).memory_set == ()


def test_without_exemplars_a_mark_or_the_box_tells_the_target() -> None:
    marked = Objects(DESK.boxes, DESK.categories, ({"is_target": 0}, {"is_target": 1}, {"is_target": 0}))
    assert scene(PICTURE, marked, looks(target="target_0")).targets == (1,)
    assert scene(PICTURE, marked, looks(target="target_0")).memory_set == ("plate",)
    plain = Objects(DESK.boxes)
    assert scene(PICTURE, plain, looks(target="x", box=(12.0, 10.0, 20.0, 20.0))).targets == (1,)
    beside = scene(PICTURE, plain, looks(target="x", box=(25.0, 10.0, 20.0, 20.0)))
    assert beside.targets == ()
    assert beside.box == (25.0, 10.0, 20.0, 20.0)
    assert scene(PICTURE, NONE, looks(target="x", box=(12.0, 10.0, 20.0, 20.0))).memory_set == ("",)


def test_a_category_that_says_nothing_is_unknown() -> None:
    vague = Objects(np.array([[0.0, 0, 5, 5]]), ("TBD",), ({"is_target": 1},))
    assert scene(PICTURE, vague, looks(target="TBD")).memory_set == ("",)


def test_on_a_grid_the_target_is_the_cell_with_the_middle_of_its_box() -> None:
    cells = grid(100, 80, 4, 5)
    assert scene(PICTURE, cells, looks(target="x", box=(39.0, 19.0, 10.0, 10.0))).targets == (7,)
    assert scene(PICTURE, cells, looks(target="x", box=(139.0, 19.0, 10.0, 10.0))).targets == ()


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 300), st.integers(1, 300))
def test_a_grid_covers_the_picture_once(rows: int, columns: int, width: int, height: int) -> None:
    cells = grid(width, height, rows, columns)
    assert len(cells) == rows * columns
    assert cells.boxes[:, 2:].prod(1).sum() == pytest.approx(width * height)
    assert assign(cells.centres, cells).tolist() == list(range(rows * columns))
    assert cells.attributes[-1] == {"row": rows - 1, "col": columns - 1, "from_grid": 1}


def test_a_grid_without_cells_is_refused() -> None:
    with pytest.raises(GazeError, match="has no cell"):
        grid(100, 80, 0, 5)


def test_overlap_is_the_shared_share_of_pixels() -> None:
    chance = np.random.default_rng(1)
    boxes = np.hstack([chance.integers(0, 20, (12, 2)), chance.integers(0, 15, (12, 2))]).astype(float)
    drawn = np.zeros((12, 40, 40), bool)
    for mask, (x, y, w, h) in zip(drawn, boxes.astype(int), strict=True):
        mask[y : y + h, x : x + w] = True
    for i, row in enumerate(overlap(boxes, boxes)):
        united = (drawn[i] | drawn).sum((1, 2))
        np.testing.assert_allclose(row, (drawn[i] & drawn).sum((1, 2)) / np.maximum(united, 1))


def test_crops_are_the_stretched_pixels_of_their_boxes() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    got = crops(pixels, np.array([[10.0, 20, 8, 8], [10.2, 20.4, 7.6, 7.5], [2, 4, 16, 32]]), 8)
    np.testing.assert_array_equal(got[0], pixels[20:28, 10:18])
    np.testing.assert_array_equal(got[1], got[0])
    means = pixels[4:36, 2:18].reshape(8, 4, 8, 2, 3).mean((1, 3))
    np.testing.assert_allclose(got[2], means, atol=0.51)


def test_a_crop_of_one_pixel_or_beyond_the_border_is_a_crop() -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[3, 5], pixels[0, 0] = (9, 8, 7), (1, 2, 3)
    boxes = np.array([[5.0, 3, 1, 1], [5.5, 3.5, 40, 40], [80, 80, 3, 3], [-9, -9, 3, 3], [0.5, 0.5, 0, 0]])
    got = crops(pixels, boxes, 5)
    assert got.dtype == np.uint8
    assert (got[:3] == (9, 8, 7)).all()
    assert (got[3:] == (1, 2, 3)).all()
    assert crops(pixels[:1, :1], np.array([[0.0, 0, 1, 1]]), 3).tolist() == [[[[1, 2, 3]] * 3] * 3]
    assert crops(pixels, np.zeros((0, 4)), 5).shape == (0, 5, 5, 3)


def test_a_crop_of_no_place_is_refused() -> None:
    with pytest.raises(GazeError, match="not a number"):
        crops(np.zeros((4, 4, 3), np.uint8), np.array([[np.nan, 0, 1, 1]]), 5)


def write(root: Path) -> Path:
    """A data set of two pictures: one searched for two things, the other without objects."""
    free = (looks((15, 15)), looks((75, 15), (1, 1)))
    pair = tuple(replace(s, subject=f"s{i}", task="search", target="cup3") for i, s in enumerate(free))
    other = replace(free[0], task="search", target="lamp2")
    items = [(PICTURE, (*pair, other)), (Picture("b.jpg", 50, 50), (free[1],))]
    write_table(root, items, objects={"a.jpg": DESK})
    return root


def test_trials_for_one_target_on_one_picture_share_a_scene(tmp_path: Path) -> None:
    cup, lamp, bare = scenes(write(tmp_path / "set"))
    assert (cup[0].targets, cup[0].memory_set, [p.order.tolist() for p in cup[1]]) == ((2,), ("cup",), [[1], [2, 0]])
    assert (lamp[0].targets, lamp[0].memory_set, len(lamp[1])) == ((), ("",), 1)
    assert len(bare[0].objects) == 0
    assert (len(bare[1][0]), bare[1][0].unassigned) == (0, 2)


def test_on_a_grid_the_annotated_box_tells_the_targets_cell(tmp_path: Path) -> None:
    cup, lamp, bare = scenes(write(tmp_path / "set"), source="grid:4x5")
    assert (cup[0].targets, cup[0].memory_set) == ((3,), ("cup",))  # its middle is at (75, 15)
    assert lamp[0].targets == ()
    assert len(bare[0].objects) == 20
    assert bare[1][0].unassigned == 1  # (75, 15) is not on a picture of 50 x 50


def test_a_data_set_without_objects_is_refused_and_not_on_a_grid(tmp_path: Path) -> None:
    root = write(tmp_path / "set")
    objects = json.loads((root / "objects.json").read_text())
    (root / "objects.json").write_text(json.dumps(objects | {"annotations": [], "images": objects["images"]}))
    assert all(len(found.objects) == 0 for found, _ in scenes(root))
    objects["annotations"][1]["bbox"] = [500, 500, 5, 5]
    (root / "objects.json").write_text(json.dumps(objects))
    with pytest.raises(TableError, match=r"objects\.json, picture 'a\.jpg': Object 1 of 3 .* outside"):
        scenes(root)
    (root / "objects.json").unlink()
    with pytest.raises(TableError):
        scenes(root)


@pytest.mark.parametrize("source", ["grid", "grid:0x5", "grid:4x", "grid:4x5x6", "boxes", "grid:-1x5"])
def test_a_source_of_objects_that_does_not_exist_is_refused(source: str) -> None:
    with pytest.raises(GazeError, match=r"choose 'file', a \.json file, or a grid as 'grid:6x8'"):
        scenes(Path("anywhere"), source=source)


def test_exemplars_know_their_category_and_so_does_each_category() -> None:
    assert category_names([DESK]) == {"desk": "desk", "desk1": "desk", "plate": "plate", "plate7": "plate"} | {
        "cup": "cup",
        "cup3": "cup",
    }


@pytest.mark.slow
def test_nine_tenths_of_the_fixations_of_osie_are_on_an_object(shared: Path) -> None:
    found = scenes(shared / "osie")
    paths = [p for _, each in found for p in each]
    kept, lost = sum(map(len, paths)), sum(p.unassigned for p in paths)
    assert 0.90 < kept / (kept + lost) < 0.92
    assert all(not each.targets and not each.memory_set and each.task == "free" for each, _ in found)


@pytest.mark.slow
def test_hsem_is_read_within_seconds_and_every_target_is_an_object(shared: Path) -> None:
    start = time.perf_counter()
    found = scenes(shared / "hsem", within=math.inf)
    assert time.perf_counter() - start < 15
    assert sum(len(paths) for _, paths in found) > 3500
    assert all(len(each.objects) == 16 and each.targets for each, _ in found)
    categories = [category for each, _ in found for category in each.memory_set]
    assert categories.count("") < 0.01 * len(categories)
    assert sum(p.unassigned for _, paths in found for p in paths) == 0


def test_interiors_on_a_grid_has_the_target_in_the_cell_of_its_box(shared: Path) -> None:
    known = read_objects(shared / "interiors")
    found = scenes(shared / "interiors", source="grid:6x8")
    assert len(found) > 100
    for each, _ in found:
        (target,), (box,) = each.targets, known[each.picture.name].boxes.tolist()
        x, y, width, height = each.objects.boxes[target]
        assert x <= box[0] + box[2] / 2 < x + width
        assert y <= box[1] + box[3] / 2 < y + height
