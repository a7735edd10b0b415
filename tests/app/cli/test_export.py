"""`gaze export` with many models and forms: what may be asked for, what is told, what fails and what goes on."""

import json
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result

from app import export_forms
from app.cli.main import main
from data import checksums
from export.runtime.registry import STEP, contract_in
from saliency.models.center_bias import CenterBias
from tests import scanpath_toy
from tests.video import networks as video_networks
from training import weights


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name a model or its weights, or give --all for every model."),
        (["--all", "tempsal", "-o", "x"], "Name models, or give --all for every model, but not both."),
        (["--all"], "Give the folder for the files with -o, as in -o dist."),
        (["a", "b"], "Give the folder for the files with -o"),
        (["--all", "-o", "x", "--licence", "MIT"], "--licence is for one model in one form"),
        (["a", "b", "-o", "x", "--evaluation", "e.json"], "--evaluation is for one model in one form"),
        (["a", "-o", "x", "--precision", "int4"], "There is no precision 'int4'; name some of fp32, fp16, int8."),
        (["a", "-o", "x", "--canvas", "big"], "'big' is no canvas; give HEIGHTxWIDTH in pixels"),
        (["a", "-o", "x", "--opset", "17"], "17 is not in the range 18<=x<=23"),
        (["a", "-o", "x", "--jobs", "0"], "0 is not in the range"),
        (["a", "-o", "x", "--pictures", "nowhere"], "No pictures found in nowhere"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [[], pytest.param(["--jobs", "2"], marks=pytest.mark.slow)])
def test_a_source_that_is_none_is_named_and_the_status_says_so(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "text.safetensors").write_text("no weights")
    result = run("nowhere", tmp_path / "text.safetensors", "-o", tmp_path / "out", "--precision", "int8", *options)
    assert result.exit_code == 3
    assert "Error: nowhere: " in result.output
    assert "Error: text: " in result.output
    assert result.output.count("failed") == 2


def test_models_of_one_form_are_not_among_all_and_say_so_when_they_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights.save(scanpath_toy.network(), tmp_path / "paths.safetensors")
    weights.save(video_networks.network(), tmp_path / "clips.safetensors")
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    monkeypatch.setattr(export_forms, "WEIGHTS", tmp_path)
    assert export_forms.every_model() == ["paths"]
    lacking = export_forms.without_weights(["paths"])
    assert "oat" not in lacking
    assert "tempsal" in lacking
    assert "tempsal_video" not in lacking
    result = run("clips", "-o", tmp_path / "out", "--precision", "fp16")
    assert result.exit_code == 3
    assert "clips has one form alone; export it by itself, without options of form." in " ".join(result.output.split())
    result = run("eccnet", "-o", tmp_path / "out", "--precision", "fp16")
    assert result.exit_code == 3
    assert "eccnet needs no training, and comes in one form at most: gaze export eccnet." in " ".join(
        result.output.split()
    )


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    result = run("a/same.ckpt", "b/same.safetensors", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "would both become same.onnx; rename one of them." in " ".join(result.output.split())
    result = run("a", "a.int8", "-o", tmp_path / "out", "--precision", "fp32,int8")
    assert "a and a.int8 would both become a.int8.onnx" in " ".join(result.output.split())


def test_a_folder_with_another_program_s_manifest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"start_url": "/"}')
    result = run("tempsal", "-o", tmp_path, "--precision", "fp16")
    assert result.exit_code == 2
    assert "is no manifest of gaze" in result.output
    assert (tmp_path / "manifest.json").read_text() == '{"start_url": "/"}'


@pytest.mark.slow
def test_models_become_files_in_every_form_a_manifest_and_a_triton_repository(tmp_path: Path) -> None:
    centre = CenterBias(("one",), slices=2)
    weights.save(centre, tmp_path / "centre.safetensors")
    weights.save(scanpath_toy.network(), tmp_path / "paths.safetensors")
    sources = [tmp_path / "centre.safetensors", tmp_path / "paths.safetensors", tmp_path / "gone.ckpt"]
    options = ["--precision", "fp32,fp16,int8", "--canvas", "dynamic,64x96", "--jobs", "2", "--layout", "triton"]
    result = run(*sources, "-o", tmp_path / "out", *options)
    assert result.exit_code == 3, result.output  # of what is gone
    assert "Error: gone: " in result.output
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    forms = {entry["name"]: entry for entry in manifest["models"]}
    kinds = ["", ".fp16", ".int8"]
    names = [f"centre{kind}{size}" for kind in kinds for size in ("", ".64x96")]
    assert {*forms} == {*names, *(f"paths{kind}" for kind in kinds)}
    for name, entry in forms.items():
        assert len(entry["files"]) == (2 if entry["task"] == "scanpath" else 1)
        for file in entry["files"]:
            path = tmp_path / "out" / file["file"]
            assert checksums.of_file(path) == file["sha256"]
            assert contract_in(path).name == name
            onnx.checker.check_model(path, full_check=True)
    assert (tmp_path / "out" / f"paths.int8{STEP}").is_file()
    repository = {path.name for path in (tmp_path / "out" / "triton").iterdir()}
    assert {"centre", "centre_int8_64x96", "paths", "paths_step"} <= repository
    again = run(*sources[:2], "-o", tmp_path / "out", *options)
    assert (again.exit_code, again.output.count("was there")) == (0, 9)
