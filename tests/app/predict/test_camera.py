"""A camera: recorded until Ctrl-C, with whatever can go wrong."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli import interrupt
from app.cli.main import main
from app.predict import camera
from data.video.read import VideoFile
from tests import videos


class Camera:
    """A camera that gives some frames, then what it is told to."""

    def __init__(self, frames: int, then: str = "nothing", size: tuple[int, int] = (48, 64)) -> None:
        self.left, self.then, self.size, self.count, self.released = frames, then, size, 0, False

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def set(self, *anything: Any) -> bool:
        return True

    def get(self, *anything: Any) -> float:
        return -1.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.count == self.left:
            if self.then.startswith("ctrl-c"):
                os.kill(os.getpid(), signal.SIGINT)
            if self.then in ("nothing", "ctrl-c in the dark"):
                return False, None
        self.count += 1
        size = (24, 32) if self.then == "smaller" and self.count > self.left else self.size
        return True, videos.square(self.count, size)[..., ::-1].copy()

    def release(self) -> None:
        self.released = True


def record(monkeypatch: pytest.MonkeyPatch, fake: Camera, out: Path, toy: Path, *words: object) -> Result:
    monkeypatch.setattr(camera.cv2, "VideoCapture", lambda number: fake)
    arguments = ["predict", "--camera", "0", "-o", out, "--model", toy, *words]
    return CliRunner().invoke(main, [str(word) for word in arguments], catch_exceptions=False)


def made(out: Path) -> tuple[int, int]:
    """How many frames the overlay has, and how many lines there are."""
    with VideoFile(next(out.glob("camera-*.overlay.mp4"))) as clip:
        frames = len(list(clip.frames()))
    lines = [json.loads(line) for line in next(out.glob("camera-*.frames.jsonl")).read_text().splitlines()]
    assert all("video" not in line for line in lines)
    times = [line["time_s"] for line in lines]
    assert times == sorted(times)
    return frames, len(lines)


def test_ctrl_c_ends_the_recording_and_all_files_are_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toy_model: Path
) -> None:
    fake, before = Camera(5, "ctrl-c"), signal.getsignal(signal.SIGINT)
    result = record(monkeypatch, fake, tmp_path, toy_model)
    assert result.exit_code == 0
    assert result.stdout.startswith("6 frames; ")
    assert made(tmp_path) == (6, 6)
    assert fake.released
    assert signal.getsignal(signal.SIGINT) is before


def test_a_camera_that_is_pulled_out_ends_the_recording(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toy_model: Path
) -> None:
    result = record(monkeypatch, Camera(4), tmp_path, toy_model, "--every", 2)
    assert result.exit_code == 0
    assert made(tmp_path) == (4, 2)


def test_a_camera_that_changes_its_size_ends_the_recording(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toy_model: Path
) -> None:
    assert record(monkeypatch, Camera(4, "smaller"), tmp_path, toy_model).exit_code == 0
    assert made(tmp_path) == (4, 4)


def test_a_camera_that_gives_nothing_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toy_model: Path
) -> None:
    result = record(monkeypatch, Camera(0), tmp_path, toy_model)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "Error: The camera 0 gives no frame; check that nothing else uses it."
    assert list(tmp_path.iterdir()) == []


def test_a_camera_that_is_not_there_is_one_sentence(tmp_path: Path, toy_model: Path) -> None:
    arguments = [
        "predict",
        "--camera",
        str(tmp_path / "gone.mp4"),
        "-o",
        str(tmp_path / "out"),
        "--model",
        str(toy_model),
    ]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "There is no camera" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_may_stand_for_a_camera(tmp_path: Path, toy_model: Path) -> None:
    path = videos.write(tmp_path / "a.avi", 5)
    arguments = ["predict", "--camera", str(path), "-o", str(tmp_path / "out"), "--model", str(toy_model)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert made(tmp_path / "out") == (5, 5)


def test_a_second_ctrl_c_is_an_exception_as_ever() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupt.asked() as pressed:
        assert not pressed()
        os.kill(os.getpid(), signal.SIGINT)
        assert pressed()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_without_sources_and_camera_the_command_says_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["predict", "-o", str(tmp_path)])
    assert result.exit_code == 2
    assert "Missing argument 'PICTURE|VIDEO|FOLDER|GLOB...'" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--engine", "ray"),
        ("--address", "auto"),
        ("--overwrite",),
        ("--accept-damaged",),
        ("--objects", "found"),
        ("--range", "1-2"),
        ("--seed", "3"),
    ],
)
def test_what_means_nothing_to_a_camera_is_refused(words: tuple[str, ...], tmp_path: Path, toy_model: Path) -> None:
    arguments = ["predict", "--camera", "0", "-o", str(tmp_path / "out"), "--model", str(toy_model), *words]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 2
    assert f"{words[0]} is not for --camera; leave one of them out." in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_camera_is_not_recorded_to_an_object_store(toy_model: Path) -> None:
    arguments = ["predict", "--camera", "0", "-o", "s3://bucket/out", "--model", str(toy_model)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 2
    assert "s3://bucket/out is no path" in result.stderr


def test_ctrl_c_before_the_first_frame_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toy_model: Path
) -> None:
    result = record(monkeypatch, Camera(0, "ctrl-c in the dark"), tmp_path, toy_model)
    assert result.exit_code == 130
    assert "Stopped before anything of camera 0 was recorded; nothing is written." in result.stderr
    assert list(tmp_path.iterdir()) == []
