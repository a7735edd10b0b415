"""Does `gaze predict --task following` write what its schema and its help promise, and answer every mistake?"""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from data.picture import read, save
from export.runtime.registry import WEIGHTS
from tests import following_toy
from tests import toy_model as toy
from tests.export.runtime.heads.test_faces import answer
from tests.export.runtime.test_detector import write

SCHEMA = json.loads((Path(__file__).parents[3] / "export" / "schema_following.json").read_text("utf-8"))
HEAD = "70,40,20,20"


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """160 x 100 pixels with a bright place at the right and one at the left; tempsal is a tiny model here."""
    toy.write(tmp_path / "weights" / "tempsal.onnx")
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "weights"))
    pixels = np.zeros((100, 160, 3), np.uint8)
    pixels[40:60, 125:140], pixels[40:60, 25:40] = 220, 220
    (tmp_path / "photos").mkdir()
    save(tmp_path / "photos" / "photo.png", pixels)
    return tmp_path / "photos" / "photo.png"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def gaze(*words: object) -> Result:
    command = ["predict", "--task", "following", *map(str, words)]
    return CliRunner().invoke(main, command, catch_exceptions=False)


def record(path: Path) -> dict:  # type: ignore[type-arg]
    found = json.loads(path.read_text("utf-8"))
    jsonschema.validate(found, SCHEMA)
    return dict(found)


def pose(path: Path, yaw: float = 0.0) -> Path:
    return write(path, {"output": np.array([[yaw, 30, 0]], np.float32)}, shape=(1, 3, 64, 64))


@pytest.mark.parametrize("model", ["cone", "looker"])
def test_every_format_is_written_for_every_head(model: str, photo: Path, out: Path, tmp_path: Path) -> None:
    following_toy.write(tmp_path / "weights" / "looker.onnx")
    asked = (
        photo,
        "-o",
        out,
        "--model",
        model,
        "--head",
        HEAD,
        "--head",
        " 5, 5 ,20, 20",
        "--format",
        "png,json,npy,npz",
    )
    done = gaze(*asked, "--head-pose", pose(tmp_path / "pose.onnx"))
    assert done.exit_code == 0, done.output
    assert {path.name for path in out.iterdir()} == {
        *(f"photo.following.{kind}" for kind in ("png", "json", "npy", "npz")),
        ".gaze.jsonl",
    }
    assert read(out / "photo.following.png").shape == (100, 160, 3)
    planes = np.load(out / "photo.following.npy")
    assert planes.shape == (2, 100, 160)
    np.testing.assert_allclose(np.exp(planes.astype(np.float64)).sum((1, 2)), 1, atol=1e-4)
    with np.load(out / "photo.following.npz") as file:
        arrays = dict(file)
    told = record(out / "photo.following.json")
    assert told["model"] == model
    assert told["picture"] == str(photo)
    first, second = told["people"]
    assert first["head"] == {"x": 70, "y": 40, "width": 20, "height": 20}
    assert first["score"] is None
    assert first["pose"]["pitch"] == pytest.approx(30, abs=0.1)
    assert second["head"]["x"] == 5
    np.testing.assert_allclose(
        arrays["place"], [[p["place"]["x"], p["place"]["y"]] for p in (first, second)], atol=0.01
    )
    np.testing.assert_allclose(arrays["in_frame"], [p["in_frame"] for p in (first, second)], atol=1e-4)
    assert arrays["log_density"].shape[0] == 2


def test_the_same_command_goes_on_where_it_was_and_another_head_or_pose_does_not(
    photo: Path, out: Path, tmp_path: Path
) -> None:
    asked = (photo, "-o", out, "--head", HEAD)
    assert "1 done" in gaze(*asked).output
    assert "1 skipped" in gaze(*asked).output
    (out / "photo.following.png").unlink()
    assert "1 done" in gaze(*asked).output
    assert "1 done" in gaze(photo, "-o", out, "--head", "71,40,20,20").output
    assert record(out / "photo.following.json")["people"][0]["head"]["x"] == 71
    assert "1 done" in gaze(photo, "-o", out, "--head", "71,40,20,20", "--head-pose", pose(tmp_path / "p.onnx")).output
    before = (out / "photo.following.json").stat().st_mtime_ns
    drawn = gaze(photo, "-o", out, "--head", "71,40,20,20", "--head-pose", tmp_path / "p.onnx", "--opacity", "0.3")
    assert "1 done" in drawn.output
    assert (out / "photo.following.json").stat().st_mtime_ns == before


def test_a_detector_of_faces_finds_the_heads_of_a_folder_and_its_own_pictures_are_left_out(
    photo: Path, tmp_path: Path
) -> None:
    detector = write(tmp_path / "faces.onnx", answer(1), {"names": "{0: 'face'}"})
    for _ in range(2):  # the second time the folder holds what was drawn
        done = gaze(photo.parent, "-o", photo.parent, "--detector", detector, "--overwrite")
        assert "1 done" in done.output
    told = record(photo.parent / "photo.following.json")
    assert told["people"][0]["score"] == pytest.approx(0.9, abs=1e-3)
    assert told["people"][0]["pose"] is None


def test_a_picture_without_a_head_and_a_damaged_one_are_named_and_the_rest_is_done(
    photo: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = write(tmp_path / "none.onnx", {"output0": np.zeros((1, 5, 12), np.float32)}, {"names": "{0: 'face'}"})
    done = gaze(photo, "-o", out, "--detector", nothing)
    assert done.exit_code == 3
    assert "photo.png: no head is found in the picture; give one with --head" in done.output
    assert not (out / "photo.following.json").exists()
    content = photo.read_bytes()
    (photo.parent / "cut.png").write_bytes(content[: len(content) // 2])
    detector = write(tmp_path / "faces.onnx", answer(1), {"names": "{0: 'face'}"})
    done = gaze(photo.parent, "-o", out, "--detector", detector)
    assert done.exit_code == 3
    assert "1 done" in done.output
    assert "cut.png: the picture is damaged" in done.output
    done = gaze(photo.parent, "-o", out, "--detector", detector, "--accept-damaged")
    assert done.exit_code == 0, done.output
    assert record(out / "cut.following.json")["damaged"]


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (["--head", "170,40,20,20"], "photo.png: the head 170, 40, 20, 20 lies outside of the picture of 160 x 100", 3),
        (["--head", "70,40,0,20"], "photo.png: the head 70, 40, 0, 20 has no area", 3),
        (["--head", "70,40,20"], "The head '70,40,20' is no box; give --head x,y,width,height", 2),
        (["--head", "70,40,20,nan"], "is no box; give --head x,y,width,height", 2),
        (["--head", HEAD, "--head-pose", "nowhere.onnx"], "nowhere.onnx: there is no such file; give a head-pose", 2),
        (["--head", HEAD, "--detector", "nowhere.onnx"], "--head and --detector both say where heads are", 2),
        (["--detector", "nowhere.onnx"], "nowhere.onnx: there is no such file; give a detector", 2),
        (["--head", HEAD, "--condition", "dreaming"], "knows no viewing condition 'dreaming'", 2),
        (["--head", HEAD, "--model", "tempsal"], "is a model of saliency, not of following", 2),
        (["--head", HEAD, "--format", "mp4"], "There is no format 'mp4' for this task", 2),
        (["--head", HEAD, "--palette", "fog"], "--palette is for --task saliency", 2),
        ([], "finds no faces; give the heads with --head, or a detector of faces with --detector", 2),
    ],
    ids=lambda value: "-".join(value)[:30] if isinstance(value, list) else "",
)
def test_every_mistake_ends_in_one_sentence(words: list[str], sentence: str, code: int, photo: Path, out: Path) -> None:
    done = gaze(photo, "-o", out, *words)
    assert done.exit_code == code, done.output
    assert sentence in " ".join(done.output.split())
    assert not list(out.glob("*following*"))


def test_a_file_that_is_no_head_pose_model_and_one_head_for_several_pictures_are_refused(
    photo: Path, out: Path, tmp_path: Path
) -> None:
    wrong = write(tmp_path / "classes.onnx", {"logits": np.zeros((1, 10), np.float32)}, shape=(1, 3, 64, 64))
    done = gaze(photo, "-o", out, "--head", HEAD, "--head-pose", wrong)
    assert done.exit_code == 2
    assert "classes.onnx is no head-pose model that is known here" in " ".join(done.output.split())
    save(photo.parent / "other.png", read(photo))
    done = gaze(photo.parent, "-o", out, "--head", HEAD)
    assert done.exit_code == 2
    assert "--head is a place in one picture, but 2 are given" in " ".join(done.output.split())
    other = CliRunner().invoke(main, ["predict", str(photo), "-o", str(out), "--head", HEAD])
    assert "--head is for --task following" in " ".join(other.output.split())


def test_the_faces_of_the_model_that_ships_are_followed(
    shared: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GAZE_MODELS", raising=False)
    if not (WEIGHTS / "tempsal.onnx").is_file():
        pytest.skip("tempsal is not there")
    assert gaze(shared / "crowd" / "images" / "009.jpg", "-o", out).exit_code == 0
    told = record(out / "009.following.json")
    assert len(told["people"]) >= 8
    assert all(person["pose"] is None and person["score"] > 0.3 for person in told["people"])
