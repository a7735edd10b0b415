import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotation import camera, finders, fixated, views
from annotation.boxes import Frames
from annotation.project import Project
from annotation.recording import Recording
from data.errors import GazeError
from data.table.scenes import scenes
from data.table.validate import check_table
from tests.annotation import made


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Path]]:
    """A project with two labels, and the folder of its results."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finders, "Finder", made.Squares)
        project = Project.create(folder / "P", made.film(folder / "walk.mp4"), made.gaze(folder / "anna.csv"))
    project.label(0, "red")
    project.label(1, "blue")
    project.results(project.train()).write(folder / "out")
    yield project, folder / "out"
    project.close()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_every_fixation_has_its_object_and_box(written: tuple[Project, Path]) -> None:
    found = rows(written[1] / "fixations.csv")
    assert {row["object"] for row in found} == {"red", "blue"}
    assert [row["object"] for row in found] == sorted((row["object"] for row in found), reverse=True)
    for row in found:
        x, y, left, top, width, height = (
            float(row[name]) for name in ("x", "y", "box_x", "box_y", "box_width", "box_height")
        )
        assert top - 1 <= y <= top + height + 1
        assert left - 20 <= x <= left + width + 20  # a fixation's mean on a square that moved meanwhile


def test_dwell_is_the_sum_of_the_fixations_on_an_object(written: tuple[Project, Path]) -> None:
    fixations, areas = (rows(written[1] / name) for name in ("fixations.csv", "areas.csv"))
    for area in areas:
        own = [float(row["duration_ms"]) for row in fixations if row["object"] == area["object"]]
        assert float(area["dwell_ms"]) == pytest.approx(sum(own), abs=0.1)
        assert (int(area["fixations"]), area["visits"]) == (len(own), "1")
    assert sum(float(area["share"]) for area in areas) == pytest.approx(1, abs=1e-3)


def test_boxes_and_coco_hold_every_box_of_interest(written: tuple[Project, Path]) -> None:
    project, out = written
    assert len(rows(out / "boxes.csv")) == len(project.boxes)
    coco = json.loads((out / "objects.json").read_text())
    assert len(coco["images"]) == len(project.frames)
    assert len(coco["annotations"]) == len(project.boxes)
    assert {each["name"] for each in coco["categories"]} == {"red", "blue"}


def test_the_set_is_one_without_defects_and_its_paths_go_over_the_objects(written: tuple[Project, Path]) -> None:
    root = written[1] / "set"
    assert check_table(root) == []
    found = [(scene, path) for scene, paths in scenes(root) for path in paths]
    assert {path.subject for _, path in found} == {"anna"}
    named = [scene.objects.categories[number] for scene, path in found for number in path.order]
    assert set(named) == {"red", "blue"}
    assert sum(path.unassigned for _, path in found) == 0


@pytest.mark.slow
def test_the_set_is_read_by_what_trains_oat_once_lightning_is_imported(written: tuple[Project, Path]) -> None:
    from scanpath.datamodule import SceneData

    data = SceneData(str(written[1] / "set"))
    data.setup()
    assert data.categories == ["blue", "red"]
    assert sum(len(part) for part in data.sets.values()) == len(scenes(written[1] / "set"))


def test_results_replace_those_of_an_earlier_round_and_nothing_else(written: tuple[Project, Path]) -> None:
    project, out = written
    project.label(0, "rot")
    project.results(project.train()).write(out)
    assert {row["object"] for row in rows(out / "areas.csv")} == {"rot", "blue"}
    assert check_table(out / "set") == []
    project.undo()
    with pytest.raises(GazeError, match="holds other files; give a new folder"):
        project.results(project.train()).write(project.folder)


def test_what_is_of_no_interest_is_looked_through(written: tuple[Project, Path]) -> None:
    project, _ = written
    project.label(1, "")
    found = project.results(project.train())
    project.undo()
    assert {each.name for each in found.fixations or ()} == {"red", ""}
    assert [area.name for area in found.areas] == ["red"]


def still(count: int, seconds: float = 0.2, size: tuple[int, int] = (100, 200)) -> Frames:
    return Frames(np.arange(count) * seconds, np.tile(camera.STILL, (count, 1, 1)), np.zeros(count, bool), size)


def test_of_boxes_around_a_gaze_the_smallest_is_looked_at_and_near_misses_count() -> None:
    boxes = made.boxes_of([0, 0], [[0, 0, 100, 100], [40, 40, 20, 20]], np.eye(2))
    xy = np.array([[50.0, 50], [10, 10], [101, 50], [130, 50], [np.nan, 5]])
    on = fixated.on_boxes(still(1), boxes, np.zeros(5, np.int64), xy, np.ones(2, bool))
    assert on.tolist() == [1, 0, 0, -1, -1]


def test_a_fixation_is_on_what_most_of_its_frames_say() -> None:
    frames = still(5)
    boxes = made.boxes_of(range(5), [[0, 0, 50, 50]] * 3 + [[120, 0, 50, 50]] * 2, np.ones((5, 1)))
    gaze = Recording(
        "a",
        np.arange(0, 1, 0.02),
        np.tile([25.0, 25], (50, 1)),
        np.array([0.0]),
        np.array([1.0]),
        np.array([[25.0, 25]]),
    )
    names = np.array(["cup"] * 3 + ["pen"] * 2, object)
    (found,) = fixated.fixated(frames, boxes, names, np.full(5, 0.9), gaze)
    assert (found.name, found.frame, found.probability) == ("cup", 2, 0.9)


def test_moments_beside_the_video_fall_on_no_frame() -> None:
    assert fixated.frame_at(still(3), np.array([-1.0, 0.0, 0.29, 0.31, 0.55, 3.0])).tolist() == [-1, 0, 1, 2, 2, -1]


def test_views_end_where_the_head_turns_at_cuts_and_after_five_seconds() -> None:
    frames = still(60)
    motion, cut = frames.motion.copy(), frames.cut.copy()
    motion[10, 0, 2] = 70.0  # a third of the frame
    cut[20] = True
    motion[25] = np.nan
    found = views.views(replace(frames, motion=motion, cut=cut))
    assert [view.start for view in found] == [0, 10, 20, 25, 50]
    assert found[-1].stop == 60


@pytest.mark.parametrize("reference", [0, 4])
def test_a_fixation_moves_into_the_picture_of_its_view_as_the_head_did(reference: int) -> None:
    frames = still(5)
    motion = frames.motion.copy()
    motion[1:, 0, 2] = 5.0
    look = fixated.Fixated(0.4, 0.2, (60.0, 30.0), 2, -1, "", np.nan)
    boxes = made.boxes_of([], [], [])
    xy = views._in_picture(look, reference, replace(frames, motion=motion), boxes)
    np.testing.assert_allclose(xy, (60 + 5 * (reference - 2), 30))


def test_a_fixation_on_a_thing_stays_on_it_in_the_picture_of_the_view() -> None:
    boxes = made.boxes_of([0, 2], [[10, 10, 40, 20], [100, 50, 80, 40]], np.ones((2, 1)), track=[7, 7])
    look = fixated.Fixated(0.0, 0.2, (20.0, 15.0), 0, 0, "cup", 0.9)
    np.testing.assert_allclose(views._in_picture(look, 2, still(3), boxes), (120, 60))
