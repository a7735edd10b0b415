"""No cell of a table that leaves the house is a formula, and the tables of data sets come back as they were."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from data.gaze import Picture, Scanpath
from data.picture import save
from data.spreadsheet import cell, to_csv
from data.table.read import read_table
from data.table.write import write_table

FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://x","y")',
    "+cmd|' /C calc'!A0",
    "-2+3+cmd",
    "@SUM(1+1)",
    "\t=1",
    "\n=1",
    "-",
    "--5",
    "＝1",
]
PLAIN = ["", "a=b", "photo-1.jpg", "-5", "+5.", "-.5e-3", "1e9", "'quoted", "é", " =1"]


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_the_end_of_a_line_inside_a_cell_begins_no_row() -> None:
    for end in ("\r", "\n", "\r\n"):
        text = to_csv(["a"], [[f"x{end}=1"], [f"{end}=1"]])
        assert "\r" not in text
        assert list(csv.reader(io.StringIO(text, newline=""))) == [["a"], ["x\n=1"], ["'\n=1"]]


def test_what_is_no_unicode_is_escaped() -> None:
    assert cell("caf\udce9") == "caf\\xe9"
    assert to_csv(["a\ud800"], [["\udcff"]]).encode() == b"a\\ud800\n\\xff\n"


@pytest.mark.parametrize("text", PLAIN)
def test_anything_else_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


def test_a_table_comes_back_with_numbers_as_they_were() -> None:
    text = to_csv(["=name", "value"], [["@a", -1.5], ["b\r=c", float("nan")], ['say "x", y', 3]])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["'=name", "value"], ["'@a", "-1.5"], ["b\n=c", ""], ['say "x", y', "3"],
    ]  # fmt: skip


def cells(text: str) -> list[str]:
    return [value for row in csv.reader(io.StringIO(text, newline="")) for value in row]


def is_safe(text: str) -> bool:
    return all(value == cell(value) for value in cells(text))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "@SUM(1)", "-1+1", "+x"])
def test_the_objects_and_paths_of_a_picture_hold_no_formula(name: str, tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.full((60, 80, 3), 90, np.uint8))
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}],
        "categories": [{"id": 1, "name": name}],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": 1, "bbox": [20 * number, 5, 15, 20]} for number in (0, 1, 2)
        ],
    }
    (tmp_path / "objects.json").write_text(json.dumps(coco))
    words = ("--task", "scanpath", "--model", "walk", "--objects", tmp_path / "objects.json", "--format", "csv")
    assert gaze("predict", tmp_path / "a.png", "-o", tmp_path / "out", *words).exit_code == 0
    for ending in ("paths", "objects"):
        assert is_safe((tmp_path / "out" / f"a.{ending}.csv").read_text("utf-8"))
    assert f"'{name}" in cells((tmp_path / "out" / "a.objects.csv").read_text("utf-8"))


@pytest.mark.slow
def test_the_scores_of_each_picture_hold_no_formula_and_the_set_comes_back(tmp_path: Path, toy_model: Path) -> None:
    rng = np.random.default_rng(0)
    items = []
    for name in ("=1+1.png", "-a.png", "@b.png"):
        save(tmp_path / name, rng.integers(0, 255, (60, 80, 3), np.uint8))
        xy = rng.uniform((5, 5), (75, 55), (6, 2))
        paths = [Scanpath(who, xy, np.full(6, 200.0), np.arange(6) * 250.0) for who in ("=s", "-2", "@t")]
        items.append((Picture(name, 80, 60, tmp_path / name), paths))
    write_table(tmp_path / "set", items)
    back = {picture.name: {path.subject for path in paths} for picture, paths in read_table(tmp_path / "set")}
    assert back == {name: {"=s", "-2", "@t"} for name in ("=1+1.png", "-a.png", "@b.png")}
    report = tmp_path / "each.csv"
    words = (
        "--data",
        tmp_path / "set",
        "--no-baselines",
        "--model",
        toy_model,
        "--per-picture",
        report,
        "--format",
        "csv",
    )
    result = gaze("evaluate", "saliency", *words)
    assert result.exit_code == 0, result.output
    assert "'=1+1.png" in cells(report.read_text("utf-8"))
    assert is_safe(report.read_text("utf-8"))
    assert is_safe(result.stdout)
