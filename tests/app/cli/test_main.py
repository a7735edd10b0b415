import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from data.picture import read, save
from export.runtime import registry
from tests import toy_model as toy

ROOT = Path(__file__).parents[3]


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of five pictures of different sizes, each with one bright place."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        picture = np.zeros((100 + number, 150, 3), np.uint8)
        picture[40:60, 100:120] = 200
        save(folder / f"{number}.jpg", picture)
    return folder


def test_help_names_the_commands() -> None:
    result = gaze("--help")
    assert result.exit_code == 0
    assert all(command in result.output for command in ("predict", "models", "data"))


def test_a_picture_becomes_heat_slices_densities_and_numbers(photos: Path, tmp_path: Path, toy_model: Path) -> None:
    out = tmp_path / "out"
    result = gaze("predict", photos / "3.jpg", "-o", out, "--model", toy_model, "--format", "png,npy,json")
    assert result.exit_code == 0
    assert result.stdout.startswith("1 done; ")
    assert result.stderr == ""
    assert sorted(file.name for file in out.iterdir()) == [
        ".gaze.jsonl", "3.density.npy", "3.heat.png", "3.json", "3.slices.npy", "3.slices.png",
    ]  # fmt: skip
    assert read(out / "3.heat.png").shape == (103, 150, 3)
    density, slices = np.load(out / "3.density.npy"), np.load(out / "3.slices.npy")
    assert density.dtype == slices.dtype == np.float32
    assert density.shape == (103, 150)
    assert slices.shape == (2, 103, 150)
    assert np.exp(density, dtype=np.float64).sum() == pytest.approx(1, abs=1e-5)
    record = json.loads((out / "3.json").read_text())
    jsonschema.validate(record, json.loads((ROOT / "export" / "schema.json").read_text()))
    assert record["picture"] == str(photos / "3.jpg")
    y, x = np.unravel_index(density.argmax(), density.shape)
    assert record["peak"] == {"x": x + 0.5, "y": y + 0.5}
    assert 95 < x < 125


def test_the_same_command_again_does_nothing_and_overwrite_does_it_anew(
    photos: Path, tmp_path: Path, toy_model: Path
) -> None:
    command = ("predict", photos, "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert gaze(*command).stdout.startswith("5 done; ")
    (tmp_path / "out" / "2.json").unlink()
    before = (tmp_path / "out" / "1.json").stat().st_mtime_ns
    assert gaze(*command).stdout.startswith("1 done, 4 skipped that were there (--overwrite writes them anew); ")
    assert (tmp_path / "out" / "1.json").stat().st_mtime_ns == before
    assert gaze(*command, "--overwrite").stdout.startswith("5 done; ")
    assert (tmp_path / "out" / "1.json").stat().st_mtime_ns > before


def test_broken_pictures_are_named_and_the_rest_is_done(photos: Path, tmp_path: Path, toy_model: Path) -> None:
    (photos / "1.jpg").write_bytes(b"")
    (photos / "x.png").write_bytes(b"not a picture")
    (photos / "[odd] name.jpg").write_bytes((photos / "2.jpg").read_bytes()[:300])
    result = gaze("predict", photos, "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert result.exit_code == 3
    assert result.stdout.startswith("4 done, 3 broken; ")
    lines = sorted(result.stderr.splitlines())
    assert len(lines) == 3
    assert lines[0].startswith(f"{photos / '1.jpg'}: the file is empty")
    assert lines[1].startswith(f"{photos / '[odd] name.jpg'}: the picture is damaged or cut off")
    assert lines[2].startswith(f"{photos / 'x.png'}: this is not a picture")
    assert len(list((tmp_path / "out").glob("*.json"))) == 4


def test_pictures_of_the_same_name_do_not_overwrite_each_other(photos: Path, tmp_path: Path, toy_model: Path) -> None:
    twin = tmp_path / "more" / "3.png"
    twin.parent.mkdir()
    save(twin, np.zeros((30, 40, 3), np.uint8))
    out = tmp_path / "out"
    assert gaze("predict", photos, twin, "-o", out, "--model", toy_model, "--format", "json").exit_code == 0
    assert len(list(out.glob("*.json"))) == 6
    assert json.loads((out / "3.jpg.json").read_text())["height"] == 103
    assert json.loads((out / "3.png.json").read_text())["height"] == 30


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere/*.jpg"], "No pictures found in nowhere/*.jpg"),
        (["{photos}", "--model", "nova"], "There is no model 'nova'"),
        (["{photos}", "--condition", "cinema"], "no viewing condition 'cinema'; choose one of: any, osie, uniform"),
        (["{photos}", "--palette", "mud"], "no palette 'mud'"),
        (["{photos}", "--format", "png,gif"], "no format 'gif'"),
        (["{photos}", "--opacity", "2"], "2"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    words: list[str], sentence: str, photos: Path, tmp_path: Path, toy_model: Path
) -> None:
    model = [] if "--model" in words else ["--model", str(toy_model)]
    arguments = [word.replace("{photos}", str(photos)) for word in words]
    result = gaze("predict", *arguments, *model, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert sentence in result.stderr
    assert not (tmp_path / "out").exists()


def test_models_lists_what_the_contracts_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path)
    empty = gaze("models")
    assert empty.exit_code == 2
    assert "no models yet; make one with `gaze export`" in empty.stderr
    toy.write(tmp_path / "toy.onnx")
    result = gaze("models")
    assert result.exit_code == 0
    for word in ("toy", "Looks at what is bright.", "CC0-1.0", "osie: cc 0.1 nss 0.2"):
        assert word in result.output
    assert "train it yourself: gaze train fblnet --data.root FOLDER" in " ".join(result.output.split())
    assert "FBLNet: where drivers look" in result.output
    toy.write(tmp_path / "fblnet.onnx")
    assert "gaze train fblnet" not in gaze("models").output
    (tmp_path / "fblnet.onnx").unlink()
    (tmp_path / "broken.onnx").write_bytes(b"x")
    result = gaze("models")
    assert result.exit_code == 3
    assert "Looks at what is bright." in result.stdout
    assert "broken.onnx is not a model" in result.stderr


def test_broken_models_are_listed_beside_the_sound_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    broken = toy.spoil(tmp_path)
    only = gaze("models")
    assert (only.exit_code, only.stdout, len(only.stderr.splitlines())) == (3, "", len(broken))
    toy.write(tmp_path / "sound.onnx", toy.CONTRACT.model_copy(update={"description": "Looks [/at] [bright] things."}))
    result = gaze("models")
    assert result.exit_code == 3
    assert "Looks [/at] [bright] things." in result.stdout
    lines = result.stderr.splitlines()
    assert len(lines) == len(broken)
    assert all(line.startswith("Error: ") and line.endswith(".") for line in lines)
    assert all(any(words in line for line in lines) for words in broken.values())


def test_data_check_of_a_sound_set_is_silent_but_for_a_line(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    save(tmp_path / "images" / "a.png", np.zeros((60, 80, 3), np.uint8))
    header = "image,subject,index,x,y,duration_ms,start_ms\n"
    (tmp_path / "fixations.csv").write_text(header + "a.png,s1,0,10,20,200,0\na.png,s1,1,30,20,200,250\n")
    result = gaze("data", "check", tmp_path)
    assert (result.exit_code, result.output) == (0, f"{tmp_path}: no defects\n")


def test_data_check_names_every_defect_and_counts_them(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    save(tmp_path / "images" / "a.png", np.zeros((60, 80, 3), np.uint8))
    header = "image,subject,index,x,y,duration_ms,start_ms\n"
    (tmp_path / "fixations.csv").write_text(header + "a.png,s1,0,10,20,-5,0\na.png,s1,1,900,20,200,250\n")
    result = gaze("data", "check", tmp_path)
    assert result.exit_code == 1
    *defects, counts = result.stdout.splitlines()
    assert len(defects) == 2
    assert all("fixations.csv, line " in line for line in defects)
    assert counts == f"{tmp_path}: 2 defects; 2 in fixations.csv"


def _listen() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_leaves_whole_files_only_and_the_next_run_goes_on(tmp_path: Path, toy_model: Path) -> None:
    (tmp_path / "in").mkdir()
    picture = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    for number in range(100):
        save(tmp_path / "in" / f"{number}.jpg", picture)
    command = [sys.executable, "-c", "from app.cli.main import main; main()", "predict", str(tmp_path / "in")]
    command += ["-o", str(tmp_path / "out"), "--model", str(toy_model), "--format", "npy"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # who runs the tests in the background of a shell has SIGINT ignored, and so would the process
    with subprocess.Popen(command, cwd=ROOT, text=True, preexec_fn=_listen, **pipes) as process:
        while not list((tmp_path / "out").glob("*.slices.npy")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "Error: Stopped; the same command goes on from here.\n"
    files = [file for file in (tmp_path / "out").iterdir() if file.name != ".gaze.jsonl"]
    assert 0 < len(files) < 200
    for file in files:
        assert np.load(file).shape[-2:] == (300, 400)
    again = gaze("predict", tmp_path / "in", "-o", tmp_path / "out", "--model", toy_model, "--format", "npy")
    assert again.exit_code == 0
    assert " skipped that were there" in again.stdout
    assert len(list((tmp_path / "out").glob("*.npy"))) == 200


def test_a_hundred_real_pictures_with_three_broken_ones(shared: Path, tmp_path: Path, toy_model: Path) -> None:
    source = sorted((shared / "crowd" / "images").glob("*.jpg"))[:100]
    (tmp_path / "in").mkdir()
    for number, path in enumerate(source):
        data = path.read_bytes()
        spoilt = {10: b"", 20: data[: len(data) // 2], 30: b"<html>"}.get(number, data)
        (tmp_path / "in" / path.name).write_bytes(spoilt)
    result = gaze("predict", tmp_path / "in", "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert (result.exit_code, result.stdout.split(";")[0]) == (3, "97 done, 3 broken")
    assert sorted(Path(line.split(": ")[0]).name for line in result.stderr.splitlines()) == [
        source[number].name for number in (10, 20, 30)
    ]
    assert len(list((tmp_path / "out").glob("*.json"))) == 97
