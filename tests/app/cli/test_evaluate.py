"""Do `gaze evaluate saliency` and `gaze evaluate scanpath` parse, call once and print?"""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from data.errors import GazeError
from data.synthetic import layouts
from data.synthetic import scenes as synthetic_scenes
from tests import toy_model as toy


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, words)], catch_exceptions=False)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "osie"
    synthetic_scenes.write(folder, 20, seed=1)
    return folder


@pytest.mark.slow
def test_a_table_names_rows_and_the_worst_pictures(root: Path, toy_model: Path) -> None:
    result = gaze("saliency", "--data", root, "--model", toy_model, "--sigma", 4, "--workers", 1)
    assert result.exit_code == 0
    assert result.stdout.startswith("osie, test: 4 pictures, sigma 4 pixels, convention tuebingen; below: 95 %")
    for words in ("uniform", "Itti-Koch", "graph-based", "explained", "toy: worst on ", "half of the observers"):
        assert words in result.stdout
    fewer = gaze("saliency", "--data", root, "--model", "none", "--no-baselines", "--workers", 1)
    assert "Itti-Koch" not in fewer.stdout
    assert "toy" not in fewer.stdout


def test_without_a_name_every_shipped_saliency_model_is_scored(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.write(tmp_path / "toy.onnx")
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    result = gaze("saliency", "--data", root, "--no-baselines", "--workers", 1, "--format", "csv")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert {row["row"] for row in rows} == {
        "uniform", "centre bias", "toy", "half of the observers", "leave one observer out",
    }  # fmt: skip
    assert list(rows[0]) == ["period", "row", "score", "mean", "low", "high", "pictures"]


def test_one_run_writes_the_page_the_table_of_pictures_and_json(root: Path, toy_model: Path, tmp_path: Path) -> None:
    page, table = tmp_path / "report.html", tmp_path / "pictures.csv"
    result = gaze(
        "saliency", "--data", root, "--model", toy_model, "--no-baselines", "--slices", "--workers", 1, "--limit", 3,
        "--format", "json", "--html", page, "--per-picture", table, "--against", "centre bias", "--worst", 1,
    )  # fmt: skip
    record = json.loads(result.stdout)
    assert record["protocol"]["pictures"] == 3
    assert len(record["extremes"]["rows"]["toy"]["worst"]) == 1
    assert set(record["paired"]["rows"]) == {"uniform", "toy", "half of the observers", "leave one observer out"}
    assert record["per_picture"][0].keys() >= {"picture", "period", "row", "ig"}
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert table.read_text().startswith("picture,period,row,cc,")


@pytest.mark.slow
def test_paths_are_written_by_the_same_options(tmp_path: Path) -> None:
    layouts.write(tmp_path / "search", 10, 0, "search")
    page, table = tmp_path / "report.html", tmp_path / "pictures.csv"
    command = ("scanpath", "--data", tmp_path / "search", "--model", "none", "--observers", 3)
    result = gaze(*command, "--html", page, "--per-picture", table, "--against", "markov", "--format", "markdown")
    assert "**Difference from markov, 95 % interval, p, share of pictures won**" in result.stdout
    assert "nan" not in result.stdout
    assert "In which order people look" in page.read_text("utf-8")
    names = {row["picture"] for row in csv.DictReader(table.read_text().splitlines())}
    assert len(names) == json.loads(gaze(*command, "--format", "json").stdout)["protocol"]["pictures"]
    wrong = gaze(*command, "--against", "nobody")
    assert wrong.exit_code == 2
    assert "There is no model 'nobody'" in wrong.stderr


def test_a_file_that_cannot_be_written_is_said_before_the_work(root: Path, tmp_path: Path) -> None:
    for option in ("--html", "--per-picture"):
        for place in (tmp_path / "none" / "x.html", tmp_path):
            result = gaze("saliency", "--data", root, option, place)
            assert result.exit_code == 2
            assert result.stderr.endswith("cannot be written there; name a file in a folder that exists.\n")


def test_a_viewing_lasts_more_than_nothing_and_at_most_a_minute(root: Path) -> None:
    for option, value in (("--seconds", 0), ("--seconds", 61), ("--seconds", "nan"), ("--sigma", "nan")):
        result = gaze("saliency", "--data", root, option, value)
        assert (result.exit_code, option in result.stderr) == (2, True), (option, value)


def test_who_asks_a_model_of_paths_for_maps_is_told_the_command(root: Path) -> None:
    result = gaze("saliency", "--data", root, "--model", "oat-free", "--workers", 1)
    assert result.exit_code == 2
    assert "ask for its own task (gaze predict --task scanpath, gaze evaluate scanpath)" in result.stderr


def test_help_says_what_a_model_can_be() -> None:
    shown = gaze("saliency", "--help").stdout
    for words in ("NAME|FILE.onnx|FOLDER_OF_MAPS", "--against", "--html", "--per-picture", "--workers", "markdown"):
        assert words in shown


@pytest.mark.parametrize(("flag", "warned"), [("--target-known", False), ("--told", True)])
def test_the_old_name_of_an_option_works_and_says_the_new_one(
    flag: str, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(root: Path, models: Any, settings: Any, **_: Any) -> None:
        raise GazeError(f"target_known is {settings.target_known}.")

    monkeypatch.setattr("evaluation.scanpath.protocol.evaluate", asked)
    result = CliRunner().invoke(main, ["evaluate", "scanpath", "--data", str(tmp_path), flag])
    assert "target_known is True" in result.stderr
    assert ("--told is now called --target-known" in result.stderr) == warned
