"""Does `gaze evaluate video` parse, call once and print?"""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from data.video.sets import VideoSet
from evaluation.video import protocol
from tests.evaluation.video.toy_clip import ToyClip, together


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", "video", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str | None]]:
    """Two clips stand for every set; which folders and layouts were asked for."""
    asked: list[tuple[Path, str | None]] = []

    def open_set(root: Path, layout: str | None) -> VideoSet:
        asked.append((root, layout))
        return VideoSet("toys", "toy", {"test": [ToyClip(name, together(6)) for name in ("one", "two")]})

    monkeypatch.setattr(protocol, "open_set", open_set)
    return asked


def test_one_run_prints_json_and_writes_the_page_and_the_table_of_clips(
    opened: list[Any], toy_model: Path, tmp_path: Path
) -> None:
    page, table = tmp_path / "report.html", tmp_path / "clips.csv"
    result = gaze(
        "--data", tmp_path, "--layout", "toy", "--model", toy_model, "--every", 3, "--against", "centre",
        "--workers", 1, "--format", "json", "--html", page, "--per-picture", table, "--worst", 1, "--challenge",
    )  # fmt: skip
    assert result.exit_code == 0
    assert opened == [(tmp_path, "toy")]
    record = json.loads(result.stdout)
    assert (record["protocol"]["pictures"], record["protocol"]["frames"]) == (2, 4)
    assert record["protocol"]["convention"] == "challenge"
    assert set(record["paired"]["rows"]) == {
        "toy", "toy (carried)", "people, one map a clip", "people at the same instant",
    }  # fmt: skip
    assert record["scores"]["whole"]["toy"]["rank"]["mean"] == pytest.approx(1.5, abs=0.5)
    assert {row["picture"] for row in csv.DictReader(table.read_text().splitlines())} == {"one", "two"}
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_a_table_names_rows_clips_and_the_time_since_cuts(opened: list[Any], tmp_path: Path) -> None:
    result = gaze("--data", tmp_path, "--model", "none", "--workers", 1)
    assert result.stdout.startswith(f"{tmp_path.name}, test: 2 clips, 4 frames, convention tuebingen; below: 95 %")
    for words in ("intervals over clips", "centre", "people, one map a clip", "nss 0-0.5 s", "rank"):
        assert words in result.stdout


def test_without_a_name_the_fast_model_of_pictures_and_every_video_model_is_scored(
    opened: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def named(name: str, *_: Any) -> list[Any]:
        seen.append(name)
        return []

    monkeypatch.setattr("evaluation.video.entries._named", named)
    gaze("--data", tmp_path, "--workers", 1)
    assert seen[0] == "tempsal-fast"
    assert "oat-free" not in seen
    assert "tempsal" not in seen


def test_mistakes_are_one_sentence(opened: list[Any], tmp_path: Path) -> None:
    common = ("--data", tmp_path, "--workers", 1)
    for words, said in (
        (("--split", "dev"), "no split 'dev'; choose one of: test, all."),
        (("--model", "oat-free"), "oat-free is a model of scanpath"),
        (("--model", "nobody"), "There is no model 'nobody'"),
        (("--html", tmp_path), "cannot be written there; name a file in a folder that exists."),
        (("--every", 0), "--every"),
        (("--side", 3), "--side"),
    ):
        result = gaze(*common, *words)
        assert (result.exit_code, said in result.stderr) == (2, True), (words, result.stderr)


def test_help_says_what_a_set_and_a_model_can_be() -> None:
    shown = " ".join(gaze("--help").stdout.split())
    for words in ("any layout that gaze reads", "clips are made", "--challenge", "--limit CLIPS", "slips and all"):
        assert words in shown
