"""`gaze evaluate following`: rows, numbers that were counted by hand, and what is left out."""

import csv
import json
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from jaxtyping import Float, UInt8

from app.cli.main import main
from data.errors import GazeError, ModelError
from data.following.people import Person
from data.following.sets import PeopleSet
from data.synthetic import onlookers
from evaluation.following import entries, priors, protocol, scoring
from evaluation.following.entries import Entry, Told
from evaluation.following.protocol import FollowingEvaluation, Settings, evaluate
from evaluation.following.run import by_picture

SIZE = (64, 128)


def person(
    folder: Path, name: str = "a:1", picture: str = "a", gaze: Any = ((96.0, 16.0),), in_frame: bool | None = True
) -> Person:
    path = folder / f"{picture}.png"
    if not path.exists():
        assert cv2.imwrite(str(path), np.full((*SIZE, 3), 60, np.uint8))
    points = np.array(gaze, np.float64).reshape(-1, 2)
    return Person(path, SIZE, np.array([16.0, 24, 16, 16]), None, points, in_frame, name)


def corner(pixels: UInt8[np.ndarray, "h w 3"], heads: Float[np.ndarray, "k 4"]) -> Told:
    """Everybody looks at one cell: the 49th of 64 columns, the 17th of 64 rows; surely into the frame."""
    maps = np.full((len(heads), 64, 64), -9.0, np.float32)
    maps[:, 16, 48] = 0
    return Told(maps, np.linspace(0.9, 0.6, len(heads)))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, list[Person]]:
    """The people of a set that stands for every one, and one row that looks at one cell."""
    people = {
        "train": [person(tmp_path, f"t:{k}", gaze=((96.0, 16.0),)) for k in range(3)],
        "test": [
            person(tmp_path, "a:1"),
            person(tmp_path, "a:2", gaze=((32.0, 48.0), (32.0, 32.0), (64.0, 32.0))),
            person(tmp_path, "b:1", "b", gaze=(), in_frame=False),
        ],
    }
    monkeypatch.setattr(protocol, "open_set", lambda root, layout: PeopleSet("toys", "toy", people))
    monkeypatch.setattr(entries, "collect", lambda models, head_pose, also: [Entry("corner", "follows", "corner")])
    monkeypatch.setattr(Entry, "open", lambda self: corner)
    return people


def mean(found: FollowingEvaluation, row: str, score: str) -> float:
    return found.scores(row)[score]["mean"]


def test_scores_of_a_row_are_those_that_were_counted_by_hand(opened: Any, tmp_path: Path) -> None:
    found = evaluate(tmp_path)
    values = found.values["whole"]["corner"]
    np.testing.assert_allclose(values["avg_dist"][0], 0, atol=1e-6)  # 96 / 128 and 16 / 64 are that cell
    second = np.hypot(0.75 - (0.25 + 0.25 + 0.5) / 3, 0.25 - (0.75 + 0.5 + 0.5) / 3)
    np.testing.assert_allclose(values["avg_dist"][1], second)
    np.testing.assert_allclose(values["min_dist"][1], np.hypot(0.25, 0.25))
    assert np.isnan(values["avg_dist"][2])
    assert values["auc_cells"][0] > 0.5
    assert np.isnan(values["auc_cells"][1])  # three annotators: it is that of one
    assert values["auc"][0] == pytest.approx(1, abs=1e-3)


def test_in_or_out_is_of_all_heads_together(opened: Any, tmp_path: Path) -> None:
    """In, in, out by 0.9, 0.6, 0.9: two of three at 0.9 and above... one hit of two, then two of three."""
    found = evaluate(tmp_path)
    assert mean(found, "corner", "ap") == pytest.approx(0.5 * 1 / 2 + 0.5 * 2 / 3)
    assert mean(found, "chance", "ap") == pytest.approx(2 / 3)
    assert "ap" not in found.scores("annotators")


def test_chance_is_a_place_drawn_at_random(opened: Any, tmp_path: Path) -> None:
    found = evaluate(tmp_path)
    assert mean(found, "chance", "auc") == 0.5
    drawn = np.random.default_rng(0).integers(0, 64, (200_000, 2)) / 64
    away = np.hypot(*(drawn - (0.75, 0.25)).T).mean()
    assert found.values["whole"]["chance"]["avg_dist"][0] == pytest.approx(away, rel=1e-2)


def test_annotators_predict_each_other_and_a_single_one_nobody(opened: Any, tmp_path: Path) -> None:
    values = evaluate(tmp_path).values["whole"]["annotators"]
    assert np.isnan(values["auc"][0])
    shares = np.array([[0.25, 0.75], [0.25, 0.5], [0.5, 0.5]])
    want = np.mean([np.hypot(*(own - np.delete(shares, k, 0).mean(0))) for k, own in enumerate(shares)])
    nearest = np.mean([np.hypot(*(own - np.delete(shares, k, 0)).T).min() for k, own in enumerate(shares)])
    np.testing.assert_allclose(values["avg_dist"][1], want)
    np.testing.assert_allclose(values["min_dist"][1], nearest)
    assert 0.5 < values["auc"][1] < 1


def test_the_prior_around_the_head_looks_where_trained_people_looked_from_theirs(tmp_path: Path) -> None:
    """They look at 96, 16 from 24, 32; a head 16 pixels lower looks 16 lower, too."""
    fitted = priors.fit([person(tmp_path, str(k)) for k in range(4)])
    lower = person(tmp_path, "z")
    moved = Person(lower.path, SIZE, lower.head + np.array([0, 16, 0, 0]), None, lower.gaze, True, "z")
    for who, row in ((lower, 16), (moved, 32)):
        density = fitted.from_head(who)
        assert density is not None
        assert density.sum() == pytest.approx(1, rel=1e-4)
        assert np.unravel_index(density.argmax(), density.shape) == (
            pytest.approx(row, abs=1),
            pytest.approx(48, abs=1),
        )


def test_without_a_train_split_the_centre_is_a_gaussian_and_there_is_no_prior(opened: Any, tmp_path: Path) -> None:
    opened["train"] = []
    found = evaluate(tmp_path)
    assert "prior around the head" not in found.values["whole"]
    assert "centre" in found.values["whole"]
    assert found.protocol["prior"] == 0
    centre = priors.fit([]).centre
    assert np.unravel_index(centre.argmax(), centre.shape) in [(31, 31), (31, 32), (32, 31), (32, 32)]


def test_a_picture_that_breaks_is_named_and_the_others_are_scored(
    opened: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "b.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING):
        found = evaluate(tmp_path)
    assert found.pictures == ("a:1", "a:2")
    assert "Its heads are left out" in caplog.text
    assert found.protocol["left_out"]
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(GazeError, match="none of the 2 pictures can be used"):
        evaluate(tmp_path)


def test_a_picture_of_another_size_is_named(opened: Any, tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "b.png"), np.zeros((10, 10, 3), np.uint8))
    assert "10 x 10 pixels, but b:1 is of 128 x 64" in evaluate(tmp_path).protocol["left_out"][0]


def test_people_of_one_picture_are_scored_together(opened: dict[str, list[Person]]) -> None:
    assert [[each.name for each in group] for group in by_picture(opened["test"])] == [["a:1", "a:2"], ["b:1"]]


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"split": "hard"}, "no split 'hard'"), ({"split": "val"}, "holds nobody"), ({"limit": 0}, "--limit")],
    ids=["unknown", "empty", "none"],
)
def test_a_split_that_cannot_be_is_refused(
    opened: dict[str, list[Person]], tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    opened["val"] = []
    with pytest.raises(GazeError, match=told):
        evaluate(tmp_path, settings=Settings(**settings))


def test_a_limit_spreads_over_the_split(opened: Any, tmp_path: Path) -> None:
    found = evaluate(tmp_path, settings=Settings(limit=2))
    assert found.pictures == ("a:1", "a:2")
    assert found.protocol["pictures_of_split"] == 3


def test_the_report_shows_a_head_its_map_and_the_points(opened: Any, tmp_path: Path) -> None:
    found = evaluate(tmp_path)
    assert found.draw_panels is not None
    ((title, picture),) = found.draw_panels("corner", "a:2")
    assert title == "corner: annotators' points are ringed"
    assert picture.shape == (*SIZE, 3)
    assert found.draw_panels("chance", "a:2") == []


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", "following", *map(str, words)], catch_exceptions=False)


def test_the_command_prints_json_and_writes_the_page_and_the_table(opened: Any, tmp_path: Path) -> None:
    page, table = tmp_path / "report.html", tmp_path / "heads.csv"
    done = gaze(
        "--data", tmp_path, "--workers", 1, "--against", "centre", "--format", "json", "--html", page,
        "--per-picture", table,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert (record["protocol"]["pictures"], record["protocol"]["images"]) == (3, 2)
    assert set(record["scores"]["whole"]) == {"chance", "centre", "prior around the head", "corner", "annotators"}
    assert {row["picture"] for row in csv.DictReader(table.read_text().splitlines())} == {"a:1", "a:2", "b:1"}
    assert "What people in pictures look at" in page.read_text("utf-8")


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_numbers_are_the_same_for_any_count_of_processes(tmp_path: Path, toy_model: Path, workers: int) -> None:
    onlookers.write(tmp_path / "rooms", 5, seed=1, size=(96, 128))
    found = evaluate(tmp_path / "rooms", [str(toy_model)], Settings(split="all"), workers=workers)
    assert set(found.values["whole"]) == {"chance", "centre", "prior around the head", "toy, no head", "annotators"}
    assert mean(found, "toy, no head", "auc") == pytest.approx(0.7, abs=0.3)
    for row, scores in found.values["whole"].items():
        for score, values in scores.items():
            KNOWN.setdefault((row, score), values)
            np.testing.assert_array_equal(values, KNOWN[row, score])


KNOWN: dict[tuple[str, str], np.ndarray] = {}


def test_models_of_other_tasks_and_models_that_are_not_there_are_refused() -> None:
    with pytest.raises(ModelError, match="oat-free is a model of scanpath; give cone, or one of following or saliency"):
        entries.collect(["oat-free"], (), None)
    with pytest.raises(ModelError, match="nowhere"):
        entries.collect(["nowhere"], (), None)


def test_a_map_larger_than_the_cells_is_averaged_and_a_flat_one_scores_half(tmp_path: Path) -> None:
    flat = scoring.scores(np.zeros((200, 300), np.float32), person(tmp_path), 1024)
    assert flat["auc"] == 0.5
    assert scoring.scores(np.zeros((2, 3), np.float32), person(tmp_path, gaze=()), 1024) == {}
