"""`gaze bench` measures what there is, names what is broken, and warns when its figures do not hold."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import bench
from app.cli.main import main
from export.runtime.bench import fresh, machine, measure
from tests import scanpath_toy, toy_searcher
from tests.contracts import glowing
from tests.toy_model import spoil, write

ROOT = Path(__file__).parents[3]
ROUND = ("--seconds", "0", "--threads", "1", "--provider", "cpu")


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, words), *ROUND], catch_exceptions=False)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing else to do; fresh processes are those of `tests/export/runtime/bench`."""

    def ask(threads: int, *model: str) -> dict[str, Any]:
        if not model:
            return {"matmul": 100.0, "depthwise": 10.0}
        return {"import_s": 0.5, "load_s": 0.25, "first_s": 0.125, "peak_mb": 123.4}

    monkeypatch.setattr(fresh, "ask", ask)
    monkeypatch.setattr(measure, "busy", lambda: 0.0)


def test_a_model_is_measured_for_each_number_of_pictures(toy_model: Path) -> None:
    result = gaze(toy_model, "--batch", "1,3", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert told["machine"]["threads"] == 1
    (model,) = told["models"]
    assert (model["model"], model["provider"], model["canvas"]) == ("toy", "cpu", [96, 128])
    assert model["file_mb"] == round(toy_model.stat().st_size / 1e6, 2)
    assert model["cold"]["peak_mb"] == 123.4
    assert [(run["graph"], run["batch"]) for run in model["runs"]] == [("saliency", 1), ("saliency", 3)]
    for run in model["runs"]:
        assert 0 < run["latency"]["p50_ms"] <= run["latency"]["p95_ms"]
        assert run["latency"]["runs"] == 3
        assert run["per_second"] == pytest.approx(1e3 * run["batch"] / run["latency"]["p50_ms"], rel=0.01)
        assert run["gflop"] == {"dense": 0.0, "depthwise": 0.0}  # the toy neither convolves nor multiplies matrices


def test_the_table_has_a_line_for_each_run_and_the_columns_of_the_help(toy_model: Path) -> None:
    lines = gaze(toy_model, "--batch", "1,3").stdout.splitlines()
    assert "matrix product 100 and depth-wise convolution 10.0 GFLOP a second" in lines[0]
    head, *rows = (line for line in lines[1:] if line.strip())
    assert head.split("  ")[0].strip() == "model"
    assert len(rows) == 2
    assert rows[0].split()[:4] == ["toy", "cpu", "saliency", "1"]
    assert rows[0].split()[-3:-1] == ["0.88", "123"]
    assert rows[1].split()[:2] == ["saliency", "3"]
    words = CliRunner().invoke(main, ["bench", "--help"]).stdout
    for column in ("p50, p95", "a second", "GFLOP", "peak %", "cold s", "peak MB", "file MB"):
        assert column in words
        assert all(part.strip() in head for part in column.split(","))


def test_a_scanpath_model_has_a_scene_and_a_step(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = scanpath_toy.exported(tmp_path_factory.getbasetemp())[0]
    (model,) = json.loads(gaze(made, "--format", "json").stdout)["models"]
    assert [(run["graph"], run["batch"]) for run in model["runs"]] == [("scene", 1), ("step", 20)]
    assert all(run["gflop"]["dense"] > 0 for run in model["runs"])
    share = model["runs"][0]["gflop"]["dense"] / 100 / (model["runs"][0]["latency"]["p50_ms"] / 1e3)
    assert model["runs"][0]["peak_share"] == pytest.approx(share, abs=1e-4)


def test_a_searcher_of_places_has_a_scene_and_a_step(tmp_path: Path) -> None:
    made = toy_searcher.write(tmp_path / "toy-search.onnx")
    (model,) = json.loads(gaze(made, "--format", "json").stdout)["models"]
    assert [(run["graph"], run["batch"]) for run in model["runs"]] == [("scene", 1), ("step", 1)]
    assert model["canvas"] is None


def test_a_model_of_videos_is_measured_for_each_number_of_videos_at_once(tmp_path: Path) -> None:
    made = write(tmp_path / "toy-video.onnx", glowing())
    (model,) = json.loads(gaze(made, "--batch", "1,2", "--format", "json").stdout)["models"]
    assert (model["model"], model["canvas"]) == ("toy-video", [96, 128])
    assert [(run["graph"], run["batch"]) for run in model["runs"]] == [("video", 1), ("video", 2)]


def test_broken_models_are_named_and_the_rest_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = spoil(tmp_path)
    write(tmp_path / "sound.onnx")
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    result = CliRunner().invoke(main, ["bench", "--batch", "1", "--format", "json", *ROUND], catch_exceptions=False)
    assert result.exit_code == 3
    assert [Path(model["file"]).stem for model in json.loads(result.stdout)["models"]] == ["sound"]
    errors = result.stderr.splitlines()
    assert len(errors) == len(reasons)
    assert all(any(reason in line for line in errors) for reason in reasons.values())


def test_a_model_that_is_not_there_does_not_stop_the_others(toy_model: Path) -> None:
    result = gaze("nova", toy_model, "--batch", "1")
    assert result.exit_code == 3
    assert "There is no model 'nova'" in result.stderr
    assert "toy" in result.stdout
    alone = gaze("nova")
    assert (alone.exit_code, alone.stdout) == (3, "")


def test_a_busy_machine_is_warned_of(toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for share, warned in ((machine.BUSY, False), (0.62, True), (None, False)):
        monkeypatch.setattr(measure, "busy", lambda share=share: share)
        result = gaze(toy_model, "--batch", "1", "--format", "json")
        assert ("Other processes use 62% of this machine, so no figure here holds" in result.stderr) == warned
        assert json.loads(result.stdout)["machine"]["busy"] == share


@pytest.mark.parametrize("batch", ["0", "a", "1,,2", "1,1025", "-1", "1.5", ","])
def test_numbers_of_pictures_that_cannot_be_are_refused(batch: str, toy_model: Path) -> None:
    result = gaze(toy_model, "--batch", batch)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: The batch is {batch!r}, but should be numbers from 1 to 1024")


def test_a_provider_that_is_not_here_is_refused_before_anything_is_measured(toy_model: Path) -> None:
    words = ["bench", str(toy_model), "--provider", "directml" if sys.platform != "win32" else "coreml"]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "alone; take the provider 'auto'" in result.stderr


def test_an_empty_folder_of_models_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    result = gaze()
    assert result.exit_code == 2
    assert "There are no models yet" in result.stderr


def test_numbers_are_read_once_each() -> None:
    assert bench.numbers("8, 1,8") == (8, 1)


@pytest.mark.slow
def test_what_ships_is_measured_without_torch() -> None:
    code = (
        "import sys\nfrom app.cli.main import main\n"
        "try:\n    main(['bench', 'tempsal-fast', 'oat-free', '--seconds', '0', '--batch', '1', '--format', 'json'])\n"
        "finally:\n    print('torch' in sys.modules, 'onnx' in sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "False False"
    fast, free = json.loads(done.stdout)["models"]
    assert fast["runs"][0]["gflop"]["dense"] + fast["runs"][0]["gflop"]["depthwise"] == pytest.approx(1.6, abs=0.1)
    assert free["cold"]["peak_mb"] > 50
