"""Is a model that searches places scored as the others are, on whatever objects, and refused where it cannot be?"""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from app.cli.main import main
from data.errors import GazeError
from data.gaze import Objects, Picture, Scanpath
from data.picture import save
from data.table.write import write_table
from evaluation.scanpath import human_ceiling
from evaluation.scanpath.places import Row
from evaluation.scanpath.protocol import evaluate
from evaluation.scanpath.response import Request
from evaluation.scanpath.trials import Settings, read
from tests import toy_searcher

WIDTH, HEIGHT, SIDE = 160, 120, 20
RED = (230, 20, 30)
CELLS = [(x, y) for y, x in itertools.product(range(0, HEIGHT, 40), range(0, WIDTH, 40))]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "weights"))
    return toy_searcher.write(tmp_path / "weights" / "toy-search.onnx")


def searches(root: Path, pictures: bool = True, named: int = 1, task: str = "search") -> Path:
    """Six pictures with one red thing each, and three people who go there by the first cell."""
    rng, items, known, seen = np.random.default_rng(0), [], {}, {}
    for number in range(6):
        corner = np.array(CELLS[2 * number]) + 10.0
        box = (*corner.tolist(), SIDE, SIDE)
        xy = np.array([(60.0, 100.0), (20.0, 20.0), corner + SIDE / 2])
        clock = np.full(3, 200.0)
        what = {"target": "thing", "box": box} if task == "search" else {}
        paths = tuple(Scanpath(f"s{k}", xy, clock.cumsum(), clock, task, **what) for k in range(3))  # type: ignore[arg-type]
        picture = Picture(f"{number}.png", WIDTH, HEIGHT)
        items.append((picture, paths))
        known[picture.name] = Objects(np.array([box, *[(5.0 + 30 * k, 90.0, 9.0, 9.0) for k in range(named - 1)]]))
        if pictures:
            pixels = rng.integers(90, 160, (HEIGHT, WIDTH, 3)).astype(np.uint8)
            x, y = corner.astype(int)
            pixels[y : y + SIDE, x : x + SIDE] = RED
            seen[picture.name] = pixels
    names = [picture.name for picture, _ in items]
    write_table(root, items, {"train": names[:3], "test": names[3:]}, known)
    for name, pixels in seen.items():
        (root / "images").mkdir(exist_ok=True)
        save(root / "images" / name, pixels)
    return root


def test_its_searches_are_scored_on_the_cells_of_a_grid(tmp_path: Path, model: Path) -> None:
    result = evaluate(searches(tmp_path / "set"), ["toy-search"], Settings(objects="grid:3x4", observers=6))
    scores = result.scores("toy-search")
    assert scores["finds_target"]["mean"] == 1
    assert scores["to_target"]["mean"] == pytest.approx(2)  # people start in one place, and it goes straight there
    assert scores["ends_on_target"]["mean"] == 1
    assert scores["tfp_auc"]["mean"] == pytest.approx(19)
    assert result.scores(human_ceiling.ROW)["to_target"]["mean"] == pytest.approx(3)
    assert "bits" not in scores or not scores["bits"]["pictures"]
    assert 0 < scores["ss"]["mean"] < 1
    facts = result.protocol["models"]["toy-search"]
    assert (facts["condition"], facts["degrees"]) == ("any", 20.0)


def test_fixations_on_no_object_are_left_out_as_peoples_are(tmp_path: Path, model: Path) -> None:
    data = read(searches(tmp_path / "set", named=3), Settings(objects="file", within=0))
    row = Row.of("toy-search", data)
    [first, *_] = row.respond(data.scenes[0], [np.array([0])], Request(4, 0, 5))
    assert [guess.tolist() for guess in first.guesses] == [[0]] * 4  # the start is on none
    assert first.log_p is None


def test_starts_are_those_of_people_of_the_train_split(tmp_path: Path, model: Path) -> None:
    data = read(searches(tmp_path / "set"), Settings(objects="grid:3x4"))
    row = Row.of("toy-search", data)
    np.testing.assert_allclose(row.starts, np.tile([60 / WIDTH, 100 / HEIGHT], (9, 1)))


def test_guesses_that_never_end_are_as_long_as_the_person_was(tmp_path: Path, model: Path) -> None:
    data = read(searches(tmp_path / "set"), Settings(objects="grid:3x4"))
    order = np.array([0, 1, 2, 3, 4, 5])
    [found] = Row.of("toy-search", data).respond(data.scenes[0], [order], Request(3, 1, 9))
    assert [len(path) for path in found.unterminated] == [6, 6, 6]


def test_a_set_without_pictures_is_named(tmp_path: Path, model: Path) -> None:
    root = searches(tmp_path / "set", pictures=False)
    with pytest.raises(GazeError) as told:
        evaluate(root, ["toy-search"], Settings(objects="grid:3x4"))
    assert str(told.value) == (
        "images/3.png: the picture is missing, but the model toy-search sees it; add it, or leave toy-search out."
    )


def test_a_set_of_free_viewing_is_named(tmp_path: Path, model: Path) -> None:
    root = searches(tmp_path / "set", task="free")
    with pytest.raises(
        GazeError, match=r"no box tells where the target is in 3\.png, which the model toy-search needs"
    ):
        evaluate(root, [str(model)], Settings(objects="grid:3x4"))


def test_a_picture_that_is_not_as_large_as_the_table_says_is_named(tmp_path: Path, model: Path) -> None:
    root = searches(tmp_path / "set")
    data = read(root, Settings(objects="grid:3x4"))
    row = Row.of("toy-search", data)
    outside = replace(data.scenes[0], box=(500.0, 0.0, 9.0, 9.0))
    with pytest.raises(GazeError, match=r"images/3\.png: The target cannot be looked for"):
        row.respond(outside, [np.array([0])], Request(2, 0, 5))


@pytest.mark.slow
def test_the_command_scores_it(tmp_path: Path, model: Path) -> None:
    root = searches(tmp_path / "set")
    command = ["evaluate", "scanpath", "--data", str(root), "--model", "toy-search", "--objects", "grid:3x4"]
    result = CliRunner().invoke(main, [*command, "--observers", "2", "--format", "csv"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "toy-search" in result.stdout
