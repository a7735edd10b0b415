"""Tiny sets of people whose gaze is known, each in exactly the layout that its authors publish."""

from pathlib import Path

import cv2
import numpy as np

SIZE = (40, 80)  # height, width of every picture


def picture(path: Path, size: tuple[int, int] = SIZE) -> Path:
    """A grey picture with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((*size, 3), 90, np.uint8))
    return path


def train_row(path: str, idx: int = 1, *, eye: str = "0.25,0.5", gaze: str = "0.5,0.25", **other: object) -> str:
    """A row of GazeFollow's train list; `head` are corners in pixels, `inout` is 1, 0 or -1."""
    head, inout = other.get("head", "10,10,30,30"), other.get("inout", "1")
    return f"{path},{idx},5,5,40,30,{eye},{gaze},{head},{inout},source,meta\n"


def row_of_test(
    path: str, idx: int = 1, *, eye: str = "0.25,0.5", gaze: str = "0.5,0.25", head: str = "10,10,30,30"
) -> str:
    """A row of its test list: without inout."""
    return f"{path},{idx},5,5,40,30,{eye},{gaze},{head},source,meta\n"


def gazefollow(root: Path, train: str | None = None, test: str | None = None) -> Path:
    """Twenty-one pictures of train with a person each, and one of test with three annotators."""
    for number in range(21):
        picture(root / f"train/00000000/{number:08d}.jpg")
    picture(root / "test2/00000000/00000001.jpg")
    rows = "".join(train_row(f"train/00000000/{number:08d}.jpg") for number in range(21))
    three = "".join(
        row_of_test("test2/00000000/00000001.jpg", k, gaze=gaze)
        for k, gaze in enumerate(("0.5,0.5", "0.6,0.5", "-1,-1"))
    )
    mark = "\ufeff"
    (root / "train_annotations_release.txt").write_text(mark + (rows if train is None else train), "utf-8")
    (root / "test_annotations_release.txt").write_text(mark + (three if test is None else test), "utf-8")
    return root


def video_attention_target(root: Path, shows: int = 9, frames: int = 13, rows: str | None = None) -> Path:
    """Shows of one clip with one person; the head moves one pixel a frame to the right, the gaze is 40, 20."""
    for number in range(shows + 1):
        split, show = ("test", "Last") if number == shows else ("train", f"Show{number}")
        for frame in range(frames):
            picture(root / "images" / show / "0_120" / f"{frame:08d}.jpg")
        told = "".join(f"{frame:08d}.jpg,{10 + frame},5,{20 + frame},15,40,20\n" for frame in range(frames))
        track = root / "annotations" / split / show / "0_120" / "s00.txt"
        track.parent.mkdir(parents=True, exist_ok=True)
        track.write_text(told if rows is None else rows)
    return root
