from pathlib import Path

import numpy as np
import pytest

from annotation import appearance
from annotation.finders import MOST, BoxTable, Finder, kept
from data.errors import GazeError, ModelError, RecordingError
from data.gaze import Objects

TABLE = (
    "time_ms,x,y,width,height,kind,confidence\n0,10,20,30,40,cup,0.9\n0,50,60,20,20,pen,0.4\n200,12,20,30,40,cup,0.8\n"
)


def quiet(sentence: str) -> None:
    del sentence


def test_boxes_are_cut_at_the_edge_and_what_cannot_be_looked_at_is_left_out() -> None:
    boxes = np.array(
        [[-10, -10, 40, 30], [5, 5, 1, 1], [300, 0, 9, 9], [0, 0, np.nan, 5], [0, 0, np.inf, 50], [1, 2, 30, 40]]
    )
    found = kept(Objects(boxes, (), (), np.array([0.2, 1, 1, 1, 0.9, 0.5])), 100, 200)
    assert found.boxes.tolist() == [[1, 2, 30, 40], [0, 0, 30, 20]]
    assert found.categories == ("object", "object")


def test_of_too_many_boxes_the_surest_are_kept() -> None:
    sure = np.linspace(0, 1, 200)
    found = kept(Objects(np.tile([0.0, 0, 10, 10], (200, 1)), (), (), sure), 50, 50)
    np.testing.assert_array_equal(found.confidences, sure[::-1][:MOST])


@pytest.mark.parametrize(("time", "count"), [(0.0, 2), (0.04, 2), (0.15, 1), (0.29, 1), (0.5, 0)])
def test_a_frame_has_the_boxes_of_the_nearest_moment_of_a_table(tmp_path: Path, time: float, count: int) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(TABLE)
    assert len(BoxTable(path, 0.1, quiet).at(time)) == count


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("x,y,width,height\n1,2,3,4\n")
    with pytest.raises(RecordingError, match="no table of boxes; give one with the columns time_ms"):
        BoxTable(path, 0.1, quiet)


def test_a_source_that_is_none_is_refused() -> None:
    with pytest.raises(GazeError, match=r"Objects cannot come from 'a.txt'"):
        Finder("a.txt")
    with pytest.raises(ModelError, match=r"none.onnx"):
        Finder("none.onnx")


def test_the_shipped_model_finds_and_describes_the_boxes_of_a_large_frame(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(TABLE.replace("10,20,30,40", "900,500,200,100"))
    pixels = np.random.default_rng(0).integers(0, 256, (720, 1280, 3)).astype(np.uint8)
    found, features = Finder(str(path), model="tempsal-fast", provider="cpu", tell=quiet)(0.0, pixels)
    assert found.boxes[0].tolist() == [900, 500, 200, 100]
    assert found.categories == ("cup", "pen")
    assert features.shape[0] == 2
    assert features.shape[1] > appearance.COUNT
    assert np.isfinite(features).all()
    nothing, empty = Finder("found", model="tempsal-fast", provider="cpu")(9.0, np.full((40, 60, 3), 128, np.uint8))
    assert len(nothing) == len(empty)


def test_a_model_without_features_is_refused(toy_model: Path) -> None:
    with pytest.raises(ModelError, match="gives no features"):
        Finder("found", model=str(toy_model), provider="cpu")


def test_what_is_in_a_box_tells_colours_and_their_places_apart() -> None:
    pixels = np.full((60, 200, 3), 120, np.uint8)
    pixels[10:50, 10:50] = (200, 30, 30)
    pixels[10:50, 60:100] = (200, 30, 30)
    pixels[10:50, 110:150] = (30, 30, 200)
    pixels[10:30, 160:200] = (200, 30, 30)
    one, same, other, half = appearance.descriptors(
        pixels, np.array([[x, 10, 40, 40] for x in (10, 60, 110, 160)], float)
    )
    assert np.linalg.norm(one - same) < 1e-5
    assert np.linalg.norm(one - other) > 0.5
    assert np.linalg.norm(one - half) > 0.3
    assert appearance.descriptors(pixels, np.zeros((0, 4))).shape == (0, appearance.COUNT)
