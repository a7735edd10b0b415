"""Does `gaze predict` with a model that searches places write what its schema promises, and answer every mistake?"""

import csv
import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from app.cli.main import main
from app.predict.picture_search import COLUMNS
from app.predict.simulate import scene_model
from app.server.models import Models
from data.errors import ModelError
from data.picture import read, save
from tests import toy_searcher

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "export" / "schema_search.json").read_text())
BOX = "120,20,24,20"
ENDINGS = (".path.png", ".attention.png", ".fixations.csv", ".search.json", ".attention.npz")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "weights"))
    return toy_searcher.write(tmp_path / "weights" / "toy-search.onnx")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures of 200 x 150 pixels, each with a red and green thing at `BOX`."""
    (tmp_path / "photos").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(90, 160, (150, 200, 3)).astype(np.uint8)
        pixels[20:40, 120:144], pixels[26:34, 124:136] = (230, 20, 30), (20, 200, 30)
        save(tmp_path / "photos" / f"{number}.png", pixels)
    return tmp_path / "photos"


@pytest.fixture
def crop(tmp_path: Path, photos: Path) -> Path:
    save(tmp_path / "crop.png", read(photos / "0.png")[20:40, 120:144])
    return tmp_path / "crop.png"


def gaze(*words: object) -> Result:
    command = ["predict", "--task", "scanpath", "--model", "toy-search", *map(str, words)]
    return CliRunner().invoke(main, command, catch_exceptions=False)


def record(file: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(file.read_text())
    jsonschema.validate(found, SCHEMA)
    return found


def test_every_file_is_written_and_says_the_same(photos: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    result = gaze(photos / "0.png", "-o", out, "--target", BOX)
    assert (result.exit_code, result.stdout) == (0, f"1 done; {out} (toy-search on cpu)\n")
    assert {path.name for path in out.iterdir()} == {".gaze.jsonl", *("0" + ending for ending in ENDINGS)}
    told = record(out / "0.search.json")
    assert told["found"] is True
    assert told["fixations_to_target"] == len(told["fixations"]) - 1 == 1  # type: ignore[arg-type]
    assert told["target"] == {"x": 120.0, "y": 20.0, "width": 24.0, "height": 20.0}
    assert told["reaction_time_ms"] == pytest.approx(628.6)
    assert (told["given"], told["degrees"], told["picture"]) == ("box", 20.0, str(photos / "0.png"))
    rows = list(csv.DictReader(io.StringIO((out / "0.fixations.csv").read_text())))
    assert tuple(rows[0]) == COLUMNS
    assert [{"x": float(row["x"]), "y": float(row["y"])} for row in rows] == told["fixations"]
    assert [row["attention"] for row in rows] == ["", "1.0"]
    with np.load(out / "0.attention.npz") as arrays:
        assert arrays["attention"].shape == (1, 19, 25)
        np.testing.assert_allclose(arrays["cell"], (8, 8))
        np.testing.assert_allclose(arrays["xy"].round(2), [(row["x"], row["y"]) for row in told["fixations"]])
    assert read(out / "0.path.png").shape == (150, 200, 3)
    assert (read(out / "0.path.png")[21] != read(photos / "0.png")[21]).any()


def test_a_picture_of_the_target_is_found_where_it_is(photos: Path, tmp_path: Path, model: Path, crop: Path) -> None:
    assert gaze(photos, "-o", tmp_path / "out", "--target", crop, "--format", "json").exit_code == 0
    for number in range(3):
        told = record(tmp_path / "out" / f"{number}.search.json")
        assert told["target"] == {"x": 120.0, "y": 20.0, "width": 24.0, "height": 20.0}
        assert (told["given"], told["found"]) == ("picture", True)


def test_a_target_that_is_nowhere_is_looked_for_to_the_limit_and_that_is_said(
    photos: Path, tmp_path: Path, model: Path
) -> None:
    other = tmp_path / "other.png"
    save(other, np.random.default_rng(9).integers(0, 256, (20, 24, 3)).astype(np.uint8))
    result = gaze(photos / "1.png", "-o", tmp_path / "out", "--target", other, "--limit", 5)
    assert result.exit_code == 0
    assert f"{photos / '1.png'}: the target is nowhere in the picture; 5 fixations looked for it." in result.stderr
    told = record(tmp_path / "out" / "1.search.json")
    assert (told["found"], told["fixations_to_target"], told["target"]) == (None, None, None)
    assert len(told["fixations"]) == 6  # type: ignore[arg-type]


def test_a_search_that_does_not_end_in_time_says_so(photos: Path, tmp_path: Path, model: Path) -> None:
    pixels = read(photos / "0.png")
    pixels[100:130, 20:50] = pixels[20:40, 120:144].reshape(-1, 3).mean(0)  # still more like the target's mean
    save(photos / "0.png", pixels)
    result = gaze(photos / "0.png", "-o", tmp_path / "out", "--target", BOX, "--limit", 1)
    assert "the target is not found in 1 fixation; give a larger --limit." in result.stderr
    assert record(tmp_path / "out" / "0.search.json")["found"] is False


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_another_question_writes_anew(
    photos: Path, tmp_path: Path, model: Path, crop: Path
) -> None:
    words = (photos, "-o", tmp_path / "out", "--format", "json,csv")
    assert gaze(*words, "--target", BOX).stdout.startswith("3 done; ")
    assert gaze(*words, "--target", BOX).stdout.startswith("0 done, 3 skipped")
    (tmp_path / "out" / "1.search.json").unlink()
    assert gaze(*words, "--target", BOX).stdout.startswith("1 done, 2 skipped")
    assert gaze(*words, "--target", BOX, "--degrees", 12).stdout.startswith("3 done; ")
    assert gaze(*words, "--target", crop, "--degrees", 12).stdout.startswith("3 done; ")
    save(crop, read(photos / "1.png")[18:42, 118:146])
    assert gaze(*words, "--target", crop, "--degrees", 12).stdout.startswith("3 done; ")


def test_broken_pictures_and_boxes_stop_no_other(photos: Path, tmp_path: Path, model: Path) -> None:
    (photos / "1.png").write_bytes(b"no picture")
    save(photos / "2.png", np.zeros((30, 40, 3), np.uint8))
    result = gaze(photos, "-o", tmp_path / "out", "--target", BOX, "--format", "json")
    assert result.exit_code == 3
    assert result.stdout.startswith("1 done, 2 broken")
    assert "1.png" in result.stderr
    assert "2.png: The target cannot be looked for" in result.stderr
    assert (tmp_path / "out" / "0.search.json").is_file()


def test_a_damaged_picture_is_searched_where_that_is_accepted(photos: Path, tmp_path: Path, model: Path) -> None:
    Image.open(photos / "0.png").save(photos / "cut.jpg", quality=95)
    content = (photos / "cut.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(content[: int(0.8 * len(content))])
    words = (photos / "cut.jpg", "-o", tmp_path / "out", "--target", BOX, "--format", "json")
    assert gaze(*words).exit_code == 3
    assert gaze(*words, "--accept-damaged").exit_code == 0
    assert record(tmp_path / "out" / "cut.search.json")["damaged"]


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "no target": ((), "toy-search looks for a target; give a box x,y,width,height or a picture with --target."),
    "no file": (("--target", "none.png"), "The target 'none.png' is no box x,y,width,height, and no such file exists"),
    "observers": (
        ("--target", BOX, "--observers", "3"),
        "searches places, one observer and no objects; leave out --obs",
    ),
    "temperature": (("--target", BOX, "--temperature", "2"), "leave out --temperature."),
    "objects": (("--target", BOX, "--objects", "grid:2x2"), "leave out --objects."),
    "condition": (("--target", BOX, "--condition", "osie"), "toy-search knows no viewing condition 'osie'"),
    "format": (("--target", BOX, "--format", "npy"), "There is no format 'npy' for this task; name some of png, csv"),
}


@pytest.mark.parametrize(("words", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence(
    photos: Path, tmp_path: Path, model: Path, words: tuple[str, ...], sentence: str
) -> None:
    result = gaze(photos, "-o", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_degrees_mean_nothing_to_a_model_of_objects(photos: Path, tmp_path: Path, model: Path) -> None:
    command = ["predict", str(photos), "-o", str(tmp_path / "out"), "--task", "scanpath", "--model", "walk"]
    result = CliRunner().invoke(main, [*command, "--degrees", "20"], catch_exceptions=False)
    assert "--degrees is for a model that searches places; leave it out, or add --model eccnet." in result.stderr


def test_a_target_larger_than_the_scene_is_one_sentence(photos: Path, tmp_path: Path, model: Path) -> None:
    save(tmp_path / "large.png", np.random.default_rng(5).integers(0, 256, (400, 300, 3)).astype(np.uint8))
    result = gaze(photos / "0.png", "-o", tmp_path / "out", "--target", tmp_path / "large.png")
    assert result.exit_code == 3
    assert "The target of 300 x 400 pixels is larger than the picture of 200 x 150" in result.stderr


def test_a_model_of_objects_says_that_a_searcher_is_none(tmp_path: Path, model: Path) -> None:
    with pytest.raises(ModelError, match="toy-search searches the places of a picture, and looks at no objects"):
        scene_model("toy-search")


def test_a_server_says_that_a_searcher_is_none_of_its_models(model: Path) -> None:
    with pytest.raises(ModelError, match="use a model such as oat-search, or `gaze search`"):
        Models(["toy-search"])
