"""Videos with a model of videos: the same files as with one of pictures, whichever task is named."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from app.cli.main import main
from app.predict import camera
from data.picture import save
from data.video.read import VideoFile
from export.runtime.video import VideoPredictor
from tests import toy_model as toy
from tests import videos
from tests.app.predict.test_camera import Camera
from tests.contracts import glowing

ROOT = Path(__file__).parents[3]


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def lines(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("*.frames.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def glow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write(tmp_path_factory.mktemp("weights") / "toy-video.onnx", glowing())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return videos.write(tmp_path_factory.mktemp("in") / "clip.mp4", 8)


@pytest.fixture
def clip(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "clip.mp4"))


@pytest.mark.parametrize("task", [(), ("--task", "video")], ids=["by its model", "by its task"])
def test_a_model_of_videos_writes_all_formats(task: tuple[str, ...], clip: Path, glow: Path) -> None:
    out = clip.parent / "out"
    result = gaze("predict", clip, "-o", out, "--model", glow, "--format", "mp4,jsonl,parquet,npz", *task)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("1 done")
    assert "(toy-video on cpu)" in result.stdout
    seen, told = list(VideoPredictor(glow).frames(clip)), lines(out)
    schema = json.loads((ROOT / "export" / "schema_video.json").read_text())
    for line, each in zip(told, seen, strict=True):
        jsonschema.validate(line, schema)
        assert line["model"] == "toy-video"
        assert (line["peak"]["x"], line["peak"]["y"]) == pytest.approx(each.peak, abs=0.01)
        assert line["entropy_bits"] == pytest.approx(each.entropy, abs=1e-3)
    table = parquet.read_table(out / "clip.frames.parquet").to_pylist()
    assert [row["peak_x"] for row in table] == [line["peak"]["x"] for line in told]
    with np.load(out / "clip.densities.npz") as arrays:
        assert arrays["times"].tolist() == [line["time_s"] for line in told]
        assert arrays["densities"].shape == (8, 24, 32)
    with VideoFile(out / "clip.overlay.mp4") as overlay:
        assert len(list(overlay.frames())) == 8


def test_either_command_goes_on_where_the_other_was(clip: Path, glow: Path, toy_model: Path) -> None:
    words = ("predict", clip, "-o", clip.parent / "out", "--format", "jsonl")
    assert gaze(*words, "--model", glow).stdout.startswith("1 done")
    assert gaze(*words, "--model", glow, "--task", "video").stdout.startswith("0 done, 1 skipped")
    assert gaze(*words, "--model", glow, "--task", "video", "--every", 2).stdout.startswith("1 done")
    assert gaze(*words, "--model", toy_model).stdout.startswith("1 done")
    assert gaze(*words, "--model", toy_model, "--task", "video").stdout.startswith("0 done, 1 skipped")


def test_each_video_of_a_folder_begins_with_an_empty_memory(clip: Path, glow: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip, folder / name)
    assert gaze("predict", folder, "-o", tmp_path / "out", "--model", glow, "--format", "jsonl").exit_code == 0
    one, other = ((tmp_path / "out" / f"{name}.frames.jsonl").read_text() for name in "ab")
    assert one.replace("a.mp4", "b.mp4") == other


def test_a_model_of_videos_is_named_by_what_it_is_called(
    clip: Path, glow: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "models"))
    toy.write(tmp_path / "models" / "tempsal-video.onnx", glowing(name="tempsal-video"))
    result = gaze("predict", clip, "-o", clip.parent / "out", "--task", "video", "--format", "jsonl")
    assert "(tempsal-video on cpu)" in result.stdout
    assert "tempsal-video" in gaze("models").stdout


def test_a_picture_is_told_which_model_to_take(clip: Path, glow: Path, caplog: pytest.LogCaptureFixture) -> None:
    photo = clip.parent / "photo.png"
    save(photo, videos.square(3))
    alone = gaze("predict", photo, "-o", clip.parent / "out", "--model", glow)
    assert alone.exit_code == 2
    assert f"{photo} is a picture, but {glow} is a model of videos; take tempsal for pictures." in alone.stderr
    asked = gaze("predict", photo, "-o", clip.parent / "out", "--model", glow, "--task", "video")
    assert asked.exit_code == 2
    assert f"{photo} is a picture, and --task video is for videos; leave out one of them." in asked.stderr
    assert not (clip.parent / "out").exists()
    beside = gaze("predict", clip.parent, "-o", clip.parent / "out", "--model", glow, "--format", "png,jsonl")
    assert (beside.exit_code, beside.stdout.split(";")[0]) == (0, "1 done")
    said = (*beside.stderr.splitlines(), *(record.getMessage() for record in caplog.records))
    assert f"1 picture left out: {glow} is a model of videos; take tempsal for pictures." in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "png"), "There is no format 'png' for this task; name some of mp4, jsonl, parquet, npz"),
        (("--observers", "3"), "--observers is for --task scanpath"),
        (("--condition", "asleep"), "knows no viewing condition 'asleep'"),
        (("--range", "2s-1s"), "ends before it begins"),
        (("--palette", "rainbow"), "There is no palette 'rainbow'"),
        (("--engine", "ray"), "leave out --engine ray for --task video"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(words: tuple[str, ...], said: str, clip: Path, glow: Path) -> None:
    result = gaze("predict", clip, "-o", clip.parent / "out", "--task", "video", "--model", glow, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (clip.parent / "out").exists()


def test_a_folder_without_videos_says_so(tmp_path: Path, glow: Path) -> None:
    (tmp_path / "in").mkdir()
    result = gaze("predict", tmp_path / "in", "-o", tmp_path / "out", "--task", "video", "--model", glow)
    assert result.exit_code == 2
    assert f"No videos found in {tmp_path / 'in'}; give videos, folders or a pattern such as 'clips/*.mp4'." in (
        result.stderr
    )


@pytest.mark.parametrize("task", [(), ("--task", "video")], ids=["by its model", "by its task"])
def test_a_camera_is_recorded_with_a_model_of_videos(
    task: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, glow: Path
) -> None:
    monkeypatch.setattr(camera.cv2, "VideoCapture", lambda number: Camera(5))
    result = gaze("predict", "--camera", "0", "-o", tmp_path / "out", "--model", glow, *task)
    assert result.exit_code == 0
    assert result.stdout.startswith("5 frames; ")
    assert [line["model"] for line in lines(tmp_path / "out")] == ["toy-video"] * 5
