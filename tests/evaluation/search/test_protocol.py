"""Does `gaze evaluate search` search every display once, sum up as it should, and tell it in every form?"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from app.cli.main import main
from data.errors import GazeError
from data.picture import read
from data.synthetic.asymmetry import PARADIGMS, SIDES, trial
from evaluation.search import figure, protocol, searchers
from evaluation.search.protocol import Asymmetry, Curve, SearchEvaluation, Settings, evaluate, look_for
from evaluation.search.report import record, render_text
from evaluation.search.searchers import Chance, Pixels, open_searcher


class Oracle:
    """Sees where ink is, and nothing of the target."""

    stride, paints = 10, False

    def __call__(self, picture: Any, target: Any) -> Any:
        rows, columns = (side // 10 for side in picture.shape[:2])
        ink = np.abs(picture[: rows * 10, : columns * 10, 0].astype(float) - picture[0, 0, 0])
        seen = np.zeros((-(-picture.shape[0] // 10), -(-picture.shape[1] // 10)))
        seen[:rows, :columns] = ink.reshape(rows, 10, columns, 10).mean((1, 3))
        return lambda gaze: seen


def made(
    easy: tuple[float, ...], hard: tuple[float, ...], *, seeds: tuple[float, ...] = (0.5, -0.1)
) -> SearchEvaluation:
    paradigm = PARADIGMS["letters"]
    curves: Any = {
        side: Curve(paradigm.set_sizes, saccades, (0.0, 0.25, 0.5))
        for side, saccades in zip(SIDES, (easy, hard), strict=True)
    }
    return SearchEvaluation("folder/mine.onnx", len(seeds), {"letters": Asymmetry(paradigm, curves, seeds)})


def test_slopes_and_index_follow_from_the_saccades() -> None:
    result = made((1, 2, 3), (1, 4, 7))
    found = result.found["letters"]
    assert found.curves["easy"].slope == pytest.approx(252.359 / 3)
    assert found.curves["hard"].slope == pytest.approx(252.359)
    assert result.index == found.index == pytest.approx(0.5)
    assert result.people_index == pytest.approx((33 - 14) / (33 + 14))
    assert (result.polarity, result.polarity_by_seed) == (1, (1, 0))
    assert result.correlation == pytest.approx(1)


def test_slopes_that_are_all_alike_correlate_with_nothing() -> None:
    result = made((1, 1, 1), (2, 2, 2))
    assert np.isnan(result.correlation)
    assert result.polarity == 0
    assert record(result)["correlation"] is None
    assert "by nothing" in render_text([result], "table")


def test_every_display_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []

    class Watched(Oracle):
        def __call__(self, picture: Any, target: Any) -> Any:
            searched.append(picture.tobytes())
            return super().__call__(picture, target)

    monkeypatch.setattr(protocol, "open_searcher", lambda name: Watched())
    [result] = evaluate(["x"], Settings(paradigm="tilt", seeds=2, trials=3))
    assert len(searched) == 2 * 4 * 2 * 3
    assert len(set(searched)) == len(searched)
    assert list(result.found) == ["tilt"]
    displays = [trial(PARADIGMS["tilt"], "hard", 8, seed, number) for seed in range(2) for number in range(3)]
    saccades = [look_for(Oracle(), display).saccades for display in displays]
    assert result.found["tilt"].curves["hard"].saccades[2] == np.mean(saccades)


def test_indices_by_seed_are_those_of_each_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "open_searcher", lambda name: Chance())
    [both] = evaluate(["x"], Settings(paradigm="mixed-tilt", seeds=2, trials=2))
    [first] = evaluate(["x"], Settings(paradigm="mixed-tilt", seeds=1, trials=2))
    assert both.found["mixed-tilt"].by_seed[0] == first.found["mixed-tilt"].index


@pytest.mark.slow  # two processes begin
def test_results_are_the_same_for_any_count_of_processes() -> None:
    one, two = (evaluate(["pixels"], Settings(paradigm="tilt", trials=2), workers=workers) for workers in (1, 2))
    assert record(one[0]) == record(two[0])


def test_the_pixels_of_a_target_find_it_at_once() -> None:
    for name in ("tilt", "mixed-tilt"):
        display = trial(PARADIGMS[name], "easy", 12, 0)
        assert look_for(Pixels(), display).saccades <= 1


@pytest.mark.parametrize("size", [(8, 8), (30, 61), (64, 64)], ids=str)
def test_a_map_of_pixels_has_a_cell_for_every_eight(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    seen = Pixels()(picture, picture[:5, :7])(np.zeros(2))
    assert seen.shape == (-(-size[0] // 8), -(-size[1] // 8))
    assert np.isfinite(Pixels()(np.zeros((20, 20, 3), np.uint8), np.zeros((5, 5, 3), np.uint8))(np.zeros(2))).all()


def test_a_searcher_that_paints_no_longer_sees_what_it_has_fixated() -> None:
    class Painter(Oracle):
        paints = True

    display = trial(PARADIGMS["tilt"], "hard", 12, 1)
    looks = look_for(Painter(), display)
    ends = [cell for xy in looks.xy for cell in np.flatnonzero(_inside(display.cells, xy))]
    assert len(ends) == len(set(ends))
    assert looks.found
    assert display.picture.tobytes() == trial(PARADIGMS["tilt"], "hard", 12, 1).picture.tobytes()


def _inside(cells: np.ndarray, xy: np.ndarray) -> np.ndarray:
    return np.asarray(((cells[:, :2] < xy) & (xy < cells[:, :2] + cells[:, 2:])).all(1))


def test_forms_hold_the_same_numbers() -> None:
    result = made((1, 2, 3), (1, 4, 7))
    lines = list(csv.DictReader(io.StringIO(render_text([result], "csv"))))
    assert [float(line["saccades"]) for line in lines] == [1, 2, 3, 1, 4, 7]
    assert {line["model"] for line in lines} == {"mine"}
    [told] = json.loads(render_text([result], "json"))
    assert told["index"] == result.index
    assert told["points"][5]["time_ms"] == pytest.approx(376.271 + 7 * 252.359)
    for form in ("table", "markdown"):
        text = render_text([result], form)
        assert "84.1" in text
        assert "252.4" in text
        assert "+0.50" in text
        assert "yes (1 of 2 seeds)" in text


def test_the_figure_has_a_panel_for_each_paradigm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure, "open_searcher", lambda name: Oracle())
    one = figure.figure(made((1, 2, 3), (1, 4, 7)))
    assert one.shape == (figure.PANEL[1] + 2 * figure.GAP, figure.PANEL[0] + 2 * figure.GAP, 3)
    colours = {tuple(colour) for colour in one.reshape(-1, 3).tolist()}
    assert set(figure.COLOURS.values()) <= colours


def test_an_unknown_paradigm_is_named() -> None:
    with pytest.raises(GazeError, match=r"no paradigm 'colour'; choose one of curvature.*or all"):
        evaluate(["chance"], Settings(paradigm="colour"))


def test_an_unknown_model_is_told_before_anything_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "share_out", lambda *_: pytest.fail("searched"))
    with pytest.raises(GazeError, match="no model 'nobody'"):
        evaluate(["nobody"], Settings())


def test_the_default_is_the_exported_file_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searchers, "named_file", lambda name: Path(name))
    assert searchers.default() == "eccnet"
    monkeypatch.setattr(searchers, "named_file", lambda name: None)
    assert searchers.default() == "eccnet-lite2"


@pytest.mark.parametrize("name", searchers.BASELINES)
def test_a_baseline_is_opened_by_its_name(name: str) -> None:
    assert open_searcher(name).stride == searchers.PIXEL_STRIDE


def test_the_command_prints_and_draws(tmp_path: Path) -> None:
    place = tmp_path / "search.png"
    told = ["evaluate", "search", "--paradigm", "tilt", "--model", "pixels", "--seeds", "1", "--trials", "1"]
    result = CliRunner().invoke(main, [*told, "--workers", "1", "--figure", str(place)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "pixels: as people in" in result.output
    assert read(place).shape[2] == 3


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        (["--paradigm", "x"], "no paradigm 'x'"),
        (["--figure", "/no/where.png"], "cannot be written"),
        (["--seeds", "0"], "0"),
    ],
    ids=["paradigm", "figure", "seeds"],
)
def test_what_cannot_be_is_told_in_a_sentence(option: list[str], problem: str) -> None:
    result = CliRunner().invoke(main, ["evaluate", "search", "--model", "chance", "--trials", "1", *option])
    assert result.exit_code == 2
    assert problem in result.output
    assert "Traceback" not in result.output


def test_the_group_lists_the_command() -> None:
    assert "search" in CliRunner().invoke(main, ["evaluate", "--help"]).output
