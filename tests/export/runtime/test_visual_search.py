"""Does an exported searcher find what it looks for, in pixels of the picture, and answer whatever it is given?"""

from pathlib import Path

import numpy as np
import onnx
import pytest

from data.errors import GazeError, ModelError
from export.runtime.registry import STEP
from export.runtime.visual_search import Sight, VisualSearcher, cut
from tests import toy_model, toy_searcher

RED, BOX = (230, 20, 30), (260.0, 40.0, 24.0, 20.0)


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> VisualSearcher:
    return VisualSearcher(toy_searcher.write(tmp_path_factory.mktemp("w") / "toy-search.onnx"), threads=1)


def scene(width: int = 400, height: int = 300) -> np.ndarray:
    """Grey noise with a red patch in `BOX`."""
    pixels = np.random.default_rng(0).integers(90, 160, (height, width, 3)).astype(np.uint8)
    x, y, wide, high = map(int, BOX)
    pixels[y : y + high, x : x + wide] = RED
    return pixels


def test_the_target_is_found_and_places_are_pixels_of_the_picture(searcher: VisualSearcher) -> None:
    found = searcher.search(scene(), cut(scene(), BOX), BOX)
    assert found.found
    assert found.saccades == 1
    np.testing.assert_allclose(found.xy[0], (200, 150))
    assert BOX[0] - 40 <= found.xy[1, 0] <= BOX[0] + BOX[2] + 40
    assert BOX[1] - 40 <= found.xy[1, 1] <= BOX[1] + BOX[3] + 40


@pytest.mark.parametrize(("degrees", "grid"), [(20.0, (19, 25)), (40.0, (38, 50)), (8.0, (8, 10))])
def test_the_picture_is_brought_to_the_models_pixels_per_degree(
    searcher: VisualSearcher, degrees: float, grid: tuple[int, int]
) -> None:
    sight = searcher.look(scene(), cut(scene(), BOX), degrees)
    assert sight.size == (round(7.5 * degrees), round(10 * degrees))
    assert sight.grid == grid
    assert sight.attention(np.array([5.0, 5.0])).shape == grid


def test_features_are_computed_once_for_many_starts(searcher: VisualSearcher, monkeypatch: pytest.MonkeyPatch) -> None:
    sight = searcher.look(scene(), cut(scene(), BOX))
    monkeypatch.setattr(searcher, "_scene", None)
    ends = {tuple(sight.search(BOX, start=start).xy[-1]) for start in ((0, 0), (399, 299), (10.5, 250))}
    assert len(ends) == 1


def test_without_a_known_place_the_search_goes_on_to_its_limit(searcher: VisualSearcher) -> None:
    found = searcher.search(scene(), cut(scene(), BOX), None, limit=7)
    assert found.found is None
    assert found.saccades == len(found.maps) == 7
    assert len({tuple(at) for at in found.xy}) == 8  # nothing is fixated twice


def test_a_start_on_the_target_needs_no_fixation(searcher: VisualSearcher) -> None:
    found = searcher.search(scene(), cut(scene(), BOX), BOX, start=(270, 50))
    assert (found.found, found.saccades) == (True, 0)


def test_a_target_that_is_as_large_as_the_picture_is_looked_for(searcher: VisualSearcher) -> None:
    assert searcher.search(scene(), scene(), (0, 0, 400, 300)).saccades == 0


REFUSED = {
    "wider": (scene(), scene(401, 20), 20.0, "The target of 401 x 20 pixels is larger than the picture of 400 x 300;"),
    "higher": (scene(), scene(30, 301), 20.0, "The target of 30 x 301 pixels is larger than the picture"),
    "thin": (scene(), scene()[:300, :3], 5.0, "shows a target of 0.38 x 38 of the model's pixels, which is too small"),
    "flat": (np.full((6, 4000, 3), 9, np.uint8), np.full((2, 9, 3), 9, np.uint8), 20.0, "see it wider (--degrees)."),
    "tall": (
        np.zeros((9000, 20, 3), np.uint8),
        np.zeros((9, 9, 3), np.uint8),
        30.0,
        "more than 4,000,000; see it narrower",
    ),
    "narrow": (scene(), scene()[:50, :50], 0.5, "The picture is 0.5 degrees wide; give a width from 1 to 120"),
    "no angle": (scene(), scene()[:50, :50], float("nan"), "The picture is nan degrees wide;"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_searched_is_one_sentence(
    searcher: VisualSearcher, case: tuple[np.ndarray, np.ndarray, float, str]
) -> None:
    pixels, target, degrees, words = case
    with pytest.raises(GazeError) as told:
        searcher.look(pixels, target, degrees)
    assert words in str(told.value)
    assert "\n" not in str(told.value)


BOXES = {
    "outside": ((500.0, 10, 20, 20), "lies outside of the picture of 400 x 300 pixels"),
    "empty": ((10.0, 10, 0, 20), "has no area"),
    "no number": ((10.0, 10, float("nan"), 20), "holds what is not a number"),
    "larger": ((0.0, 0, 9999, 20), "its box of 9999 x 20 pixels is larger than the picture of 400 x 300"),
    "endless": ((10.0, 10, float("inf"), 20), "holds what is not a number"),
}


@pytest.mark.parametrize(("box", "words"), BOXES.values(), ids=BOXES)
def test_a_wrong_box_of_the_target_is_named(
    searcher: VisualSearcher, box: tuple[float, float, float, float], words: str
) -> None:
    for call in (lambda: cut(scene(), box), lambda: searcher.search(scene(), scene()[:30, :30], box)):
        with pytest.raises(GazeError, match="The target cannot be looked for") as told:
            call()
        assert words in str(told.value)


def test_a_start_outside_of_the_picture_is_named(searcher: VisualSearcher) -> None:
    with pytest.raises(GazeError, match="outside of the picture"):
        searcher.search(scene(), scene()[:30, :30], start=(-3, 0))


def test_other_models_search_no_places(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="toy does not search a picture place by place"):
        VisualSearcher(toy_model.write(tmp_path / "toy.onnx"))


def test_a_searcher_without_its_step_is_named(tmp_path: Path) -> None:
    path = toy_searcher.write(tmp_path / "mine.onnx")
    (tmp_path / f"mine{STEP}").unlink()
    with pytest.raises(ModelError, match=r"mine\.step\.onnx is missing beside mine\.onnx"):
        VisualSearcher(path)


def test_a_step_of_another_model_is_named(tmp_path: Path) -> None:
    path, other = toy_searcher.write(tmp_path / "a.onnx"), tmp_path / "b.onnx"
    toy_searcher.write(other, toy_searcher.contract(version="9"))
    (tmp_path / f"a{STEP}").write_bytes((tmp_path / f"b{STEP}").read_bytes())
    with pytest.raises(ModelError, match="was exported with another"):
        VisualSearcher(path)


def test_a_graph_without_what_its_contract_promises_is_named(tmp_path: Path) -> None:
    path = toy_searcher.write(tmp_path / "a.onnx")
    model = onnx.load(path)
    model.graph.output[0].name = model.graph.node[2].output[0] = "other"
    onnx.save(model, path)
    with pytest.raises(ModelError, match="the graph lacks other"):
        VisualSearcher(path)


@pytest.mark.parametrize("spoilt", ["nan", "small"])
def test_an_attention_map_that_is_none_is_named(tmp_path: Path, spoilt: str) -> None:
    searcher = VisualSearcher(toy_searcher.write(tmp_path / "a.onnx", spoilt=spoilt))
    with pytest.raises(ModelError, match="gave an attention map that is none; export the model again"):
        searcher.search(scene(), scene()[:30, :30])


def test_tensorrt_is_refused_before_anything_is_compiled(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="take the provider 'cuda'"):
        VisualSearcher(toy_searcher.write(tmp_path / "a.onnx"), provider="tensorrt")


def test_a_sight_knows_how_large_its_cells_are(searcher: VisualSearcher) -> None:
    sight = searcher.look(scene(), scene()[:30, :30], 10.0)
    assert isinstance(sight, Sight)
    np.testing.assert_allclose(sight.stride / sight.scale, (32, 32))
