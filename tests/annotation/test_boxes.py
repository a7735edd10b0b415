from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotation import boxes as files
from annotation import camera
from annotation.boxes import Boxes, Found, Frames
from data.errors import GazeError
from tests.annotation import made


def found(time_s: float, count: int) -> Found:
    box = np.tile([1.0, 2, 10, 20], (count, 1)) + np.arange(count)[:, None]
    sure = np.full(count, 0.5, np.float32)
    kinds = ("face", "object")[:count]
    return Found(time_s, box, sure, kinds, np.ones((count, 3), np.float32), camera.STILL, False, (48, 64))


def write(folder: Path) -> tuple[Frames, Boxes]:
    frames, boxes, _ = made.desk(5)
    files.write(folder, frames, boxes)
    return frames, boxes


def test_boxes_come_back_as_they_were_written(tmp_path: Path) -> None:
    frames, boxes = write(tmp_path)
    read_frames, read_boxes = files.read(tmp_path)
    assert (read_frames.size, read_boxes.kinds) == (frames.size, boxes.kinds)
    for name in ("frame", "box", "track", "link", "sureness", "kind"):
        np.testing.assert_array_equal(getattr(read_boxes, name), getattr(boxes, name))
    np.testing.assert_allclose(read_boxes.features, boxes.features, rtol=1e-3)  # half precision: 11 bits
    np.testing.assert_array_equal(read_frames.motion, frames.motion)


def test_blocks_are_joined_with_the_kinds_of_all(tmp_path: Path) -> None:
    files.write_block(tmp_path, 0, [found(0, 2), found(0.2, 0)])
    files.write_block(tmp_path, 1, [found(0.4, 1)])
    frames, boxes = files.joined(files.read_blocks(tmp_path))
    assert (len(frames), frames.size, boxes.frame.tolist()) == (3, (48, 64), [0, 0, 2])
    assert [boxes.kinds[kind] for kind in boxes.kind] == ["face", "object", "face"]
    assert boxes.of_frame(1) == slice(2, 2)


def test_a_video_without_any_box_is_one_too(tmp_path: Path) -> None:
    files.write_block(tmp_path, 0, [found(0, 0)])
    frames, boxes = files.joined(files.read_blocks(tmp_path))
    files.write(tmp_path, frames, boxes)
    assert len(files.read(tmp_path)[1]) == 0


@pytest.mark.parametrize("cut", [0, 10, 200, 900])
def test_detection_goes_on_at_a_block_that_was_cut_off(tmp_path: Path, cut: int) -> None:
    for number in range(3):
        files.write_block(tmp_path, number, [found(number, 2)])
    path = tmp_path / "blocks" / "00001.npz"
    path.write_bytes(path.read_bytes()[:cut])
    assert len(files.read_blocks(tmp_path)) == 1


@pytest.mark.parametrize("cut", [0, 30, 500, 3000])
def test_a_file_that_was_cut_off_ends_in_one_sentence(tmp_path: Path, cut: int) -> None:
    write(tmp_path)
    path = tmp_path / "boxes.npz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(GazeError, match=r"boxes.npz: damaged; remove it and run gaze annotate"):
        files.read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"box": np.full((20, 4), np.nan)},
        {"box": np.zeros((20, 4))},
        {"frame": np.arange(20)[::-1]},
        {"frame": np.full(20, 7)},
        {"track": np.full(20, -1)},
        {"track": np.zeros(20)},
        {"kind": np.full(20, 5)},
        {"link": np.zeros(3, np.float32)},
        {"features": np.zeros(20, np.float32)},
    ],
    ids=lambda change: f"{next(iter(change))}-{next(iter(change.values())).ravel()[0]}",
)
def test_numbers_that_cannot_be_end_in_one_sentence(tmp_path: Path, change: dict[str, np.ndarray]) -> None:
    frames, boxes = write(tmp_path)
    files.write(tmp_path, frames, replace(boxes, **change))
    with pytest.raises(GazeError, match="damaged"):
        files.read(tmp_path)


def test_nothing_is_unpickled_and_nothing_unpacked(tmp_path: Path) -> None:
    write(tmp_path)
    np.savez(tmp_path / "boxes.npz", times=np.array([{}], object), size=np.array([1, 1]))
    with pytest.raises(GazeError, match="damaged"):
        files.read(tmp_path)
    np.savez_compressed(tmp_path / "boxes.npz", times=np.zeros(1 << 20))
    with pytest.raises(GazeError, match="damaged"):
        files.read(tmp_path)


def test_missing_boxes_are_named() -> None:
    with pytest.raises(GazeError, match="its boxes cannot be read"):
        files.read(Path("nowhere"))
