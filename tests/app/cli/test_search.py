"""Does `gaze search` tell by how many fixations two versions differ, whatever is given?"""

import csv
import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from app.predict.search_comparison import COLUMNS, Question, Version, compare, starts
from app.predict.simulate import Target
from data.picture import read, save
from export.runtime.visual_search import VisualSearcher
from tests import toy_searcher

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "export" / "schema_search_comparison.json").read_text())
A_BOX, B_BOX = "120,20,24,20", "30,100,24,20"


def patterned(pixels: np.ndarray, x: int, y: int) -> None:
    pixels[y : y + 20, x : x + 24], pixels[y + 6 : y + 14, x + 4 : x + 16] = (230, 20, 30), (20, 200, 30)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A.png, where the target is found at once, and B.png, where two things are more like its mean colour."""
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "weights"))
    toy_searcher.write(tmp_path / "weights" / "eccnet.onnx")
    a = np.random.default_rng(0).integers(90, 160, (150, 200, 3)).astype(np.uint8)
    b = a[:, ::-1].copy()
    patterned(a, 120, 20)
    patterned(b, 30, 100)
    mean = a[20:40, 120:144].reshape(-1, 3).mean(0)
    b[16:24, 16:24], b[56:64, 136:144] = mean, mean
    save(tmp_path / "A.png", a)
    save(tmp_path / "B.png", b)
    return tmp_path / "A.png", tmp_path / "B.png"


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, ["search", *map(str, words)], catch_exceptions=False)


def test_the_difference_is_one_sentence_below_a_table(two: tuple[Path, Path]) -> None:
    result = gaze(*two, "--target", A_BOX, "--target-b", B_BOX)
    assert result.exit_code == 0
    last = result.stdout.splitlines()[-1]
    assert last == (
        "The target takes 2 more fixations to find in B.png than in A.png: 3 fixations against 1, means of 9 starts, "
        "from +2 to +2 by start."
    )
    assert result.stdout.splitlines()[1].split() == [
        *("A", "A.png", "120,", "20,", "24,", "20", "1", "1", "to", "1", "9", "of", "9", "0.6", "s"),
    ]


def test_json_holds_every_search_and_keeps_its_schema(two: tuple[Path, Path]) -> None:
    told = json.loads(gaze(*two, "--target", A_BOX, "--target-b", B_BOX, "--format", "json", "--starts", 4).stdout)
    jsonschema.validate(told, SCHEMA)
    assert told["difference"] == 2
    assert told["differences"] == [2, 2, 2, 2]
    for version in (told["a"], told["b"]):
        first = [each["fixations"][0] for each in version["searches"]]
        assert first[0] == {"x": 100.0, "y": 75.0}
        assert len({(at["x"], at["y"]) for at in first}) == 4
        counts = [len(each["fixations"]) - 1 for each in version["searches"]]
        assert version["mean_fixations"] == np.mean(counts)
    again = json.loads(gaze(*two, "--target", A_BOX, "--target-b", B_BOX, "--format", "json", "--starts", 4).stdout)
    assert again == told


def test_csv_has_a_line_a_search(two: tuple[Path, Path]) -> None:
    text = gaze(*two, "--target", A_BOX, "--target-b", B_BOX, "--format", "csv", "--starts", 3).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["version"] for row in rows] == ["A"] * 3 + ["B"] * 3
    assert [row["fixations"] for row in rows] == ["1"] * 3 + ["3"] * 3
    assert {row["found"] for row in rows} == {"true"}


def test_both_searches_are_drawn_side_by_side(two: tuple[Path, Path], tmp_path: Path) -> None:
    result = gaze(*two, "--target", A_BOX, "--target-b", B_BOX, "-o", tmp_path / "out")
    assert str(tmp_path / "out" / "search.png") in result.stdout
    drawn = read(tmp_path / "out" / "search.png")
    assert drawn.shape[1] > 2 * 200
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"search.png", "search.json", "search.csv"}
    jsonschema.validate(json.loads((tmp_path / "out" / "search.json").read_text()), SCHEMA)


def test_what_is_in_a_box_of_a_is_sought_in_b(two: tuple[Path, Path]) -> None:
    told = json.loads(gaze(*two, "--target", A_BOX, "--format", "json").stdout)
    assert told["b"]["target"] == {"x": 30.0, "y": 100.0, "width": 24.0, "height": 20.0}


def test_a_picture_of_the_target_is_sought_in_both(two: tuple[Path, Path], tmp_path: Path) -> None:
    save(tmp_path / "crop.png", read(two[0])[20:40, 120:144])
    told = json.loads(gaze(*two, "--target", tmp_path / "crop.png", "--format", "json").stdout)
    assert told["a"]["target"]["x"] == 120
    assert told["b"]["target"]["x"] == 30
    assert told["difference"] == 2


def test_a_target_that_one_version_lacks_has_no_difference(two: tuple[Path, Path], tmp_path: Path) -> None:
    save(tmp_path / "crop.png", read(two[0])[20:40, 120:144])
    save(two[1], read(two[0])[100:])
    result = gaze(*two, "--target", tmp_path / "crop.png", "--limit", 4)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == (
        "The target is nowhere in B.png, and in A.png it is found after 1 fixation, so that there is no difference to "
        "tell."
    )
    told = json.loads(gaze(*two, "--target", tmp_path / "crop.png", "--limit", 4, "--format", "json").stdout)
    jsonschema.validate(told, SCHEMA)
    assert (told["difference"], told["differences"], told["b"]["mean_fixations"]) == (None, [], None)


def test_searches_that_are_cut_off_make_the_difference_a_lower_bound(two: tuple[Path, Path]) -> None:
    result = gaze(*two, "--target", A_BOX, "--target-b", B_BOX, "--limit", 2)
    assert result.stdout.splitlines()[-1] == (
        "The target takes at least 1 more fixation to find in B.png than in A.png: at least 2 fixations against 1, "
        "means of 9 starts, from +1 to +1 by start; 9 of 9 not found in B.png within 2 fixations."
    )


def test_a_target_that_no_search_finds_has_no_difference(two: tuple[Path, Path]) -> None:
    result = gaze(two[1], two[1], "--target", B_BOX, "--limit", 2)
    assert result.stdout.splitlines()[-1] == (
        f"The target is found neither in {two[1]} nor in {two[1]} within 2 fixations; give a larger limit."
    )


def test_a_version_that_is_cut_off_bounds_the_difference_from_the_other_side_too(two: tuple[Path, Path]) -> None:
    result = gaze(*two[::-1], "--target", B_BOX, "--target-b", A_BOX, "--limit", 2)
    assert result.stdout.splitlines()[-1] == (
        "The target takes at least 1 fewer fixation to find in A.png than in B.png: 1 fixation against at least 2, "
        "means of 9 starts, from -1 to -1 by start; 9 of 9 not found in B.png within 2 fixations."
    )


def test_two_of_the_same_are_equal(two: tuple[Path, Path]) -> None:
    result = gaze(two[0], two[0], "--target", A_BOX, "--starts", 1)
    assert result.stdout.splitlines()[-1] == (
        f"The target takes as many fixations to find in {two[0]} as in {two[0]}: 1 fixation against 1, one search from "
        "the middle of each."
    )


MISTAKES = {
    "outside": (("--target", "500,20,24,20"), "A.png: The target cannot be looked for: Object 0 of 1"),
    "outside of b": (("--target", A_BOX, "--target-b", "0,500,9,9"), "B.png: The target cannot be looked for:"),
    "no target": (("--target", "lamp"), "The target 'lamp' is no box x,y,width,height, and no such file exists"),
    "another model": (("--target", A_BOX, "--model", "none"), "There is no model 'none'; available: eccnet."),
    "wide": (("--target", A_BOX, "--degrees", "500"), "500"),
}


@pytest.mark.parametrize(("words", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence(two: tuple[Path, Path], words: tuple[str, ...], sentence: str) -> None:
    result = gaze(*two, *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_a_target_of_a_that_is_nowhere_in_b_asks_where(two: tuple[Path, Path]) -> None:
    save(two[1], np.random.default_rng(8).integers(0, 256, (150, 200, 3)).astype(np.uint8))
    result = gaze(*two, "--target", A_BOX)
    assert "The target of A.png is nowhere in B.png; say where with --target-b x,y,width,height." in result.stderr


def test_a_target_larger_than_a_version_is_named(two: tuple[Path, Path], tmp_path: Path) -> None:
    save(tmp_path / "large.png", np.random.default_rng(2).integers(0, 256, (400, 400, 3)).astype(np.uint8))
    result = gaze(*two, "--target", tmp_path / "large.png")
    assert "A.png: The target of 400 x 400 pixels is larger than the picture of 200 x 150" in result.stderr


def test_a_broken_picture_is_named(two: tuple[Path, Path]) -> None:
    two[1].write_bytes(b"none")
    result = gaze(*two, "--target", A_BOX)
    assert result.exit_code == 2
    assert "B.png" in result.stderr


def test_what_varies_is_the_start_and_the_seed_says_where() -> None:
    np.testing.assert_array_equal(starts(1, 0), [[0.5, 0.5]])
    assert (starts(200, 1) == starts(200, 1)).all()
    assert (starts(200, 1) != starts(200, 2)).any()
    assert starts(5, 3).tolist() == starts(9, 3)[:5].tolist()
    assert ((starts(1000, 0) > 0) & (starts(1000, 0) < 1)).all()


def test_versions_of_other_sizes_are_compared(two: tuple[Path, Path]) -> None:
    a = read(two[0])
    large = np.kron(a, np.ones((2, 2, 1), np.uint8))
    searcher = VisualSearcher("eccnet")
    found = compare(
        searcher,
        Version("A", a, Target((120, 20, 24, 20))),
        Version("B", large, Target((240, 40, 48, 40))),
        Question(starts=5),
    )
    assert found.differences.tolist() == [0] * 5
    assert found.b.size == (300, 400)
