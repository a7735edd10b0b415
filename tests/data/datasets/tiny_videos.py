"""Tiny sets of videos, each in exactly the layout that its authors publish: one function a set, and their table."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import Float

from tests import videos
from tests.data.datasets import tiny

COUNT, SIZE = 6, (48, 64)  # frames of a clip; their height and width


def peak(index: int, size: tuple[int, int] = SIZE) -> tuple[int, int]:
    """Row and column where everybody looks at a frame."""
    return size[0] // 4 + index, size[1] // 4 + 2 * index


def blurred(index: int, size: tuple[int, int] = SIZE) -> Float[np.ndarray, "h w"]:
    """A map, 0 to 1, of that place."""
    row, column = peak(index, size)
    y, x = np.mgrid[: size[0], : size[1]]
    return np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 3.0**2))


def grey_video(path: Path, maps: list[Float[np.ndarray, "h w"]], rate: int = 30, deep: bool = False) -> None:
    """Maps as a video, lossless; of ten bits where they are deep."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "0", "preset": "ultrafast"})
        stream.height, stream.width = maps[0].shape
        stream.pix_fmt = "yuv420p10le" if deep else "yuv420p"
        stream.codec_context.time_base = Fraction(1, rate)
        for number, grey in enumerate(maps):
            wide = np.repeat(np.rint(grey * 65535).astype(np.uint16)[..., None], 3, 2)
            frame = av.VideoFrame.from_ndarray(wide, "rgb48le").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def grey_picture(path: Path, grey: Float[np.ndarray, "h w"]) -> None:
    """A map as a PNG of eight bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.rint(255 * grey).astype(np.uint8))


def video(path: Path, count: int = COUNT, **other: object) -> Path:
    """A video with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return videos.write(path, count, **{"rate": 30, "size": SIZE, **other})  # type: ignore[arg-type]


def avimos(root: Path) -> None:
    """A video of each split, with maps; the second also has the binary maps of 2026, which are not read."""
    (root / "TrainTestSplit.json").write_text(
        json.dumps({"train": ["a"], "public_test": ["b"], "private_test": ["c", "not_there"]})
    )
    for name, part in (("a", "Train"), ("b", "Test"), ("c", "Test")):
        video(root / "Videos" / f"{name}.mp4")
        places = [[list(peak(index)), [47, 63]] if index else [] for index in range(COUNT)]
        folder = root / f"Fixations{part}" / part / name
        folder.mkdir(parents=True)
        (folder / "fixations.json").write_text(json.dumps(places))
        grey_video(root / f"Saliency{part}" / part / f"{name}.mp4", [blurred(n) for n in range(COUNT)], deep=True)
    grey_picture(root / "FixationsTest" / "Test" / "b" / "fixations_maps" / "001.png", blurred(0))


def dreyeve(root: Path) -> None:
    """A drive to train on as frames with the maps of 2018, and one to test on as videos."""
    for index in range(COUNT):
        tiny.picture(root / "01" / "frames" / f"{index:06d}.jpg", SIZE[1], SIZE[0])
        grey_picture(root / "01" / "saliency_fix" / f"{index + 1:06d}.png", blurred(index))
    video(root / "38" / "video_garmin.avi", rate=25)
    grey_video(root / "38" / "video_saliency.avi", [blurred(n) for n in range(COUNT)], 25)
    for number in ("01", "38"):
        lines = ["frame_etg frame_gar X Y event_type code", "0 0 500.5 300.25 Fixation 1", "1 0 - - Blink 2"]
        (root / number / "etg_samples.txt").write_text("\n".join(lines) + "\n")


def bdda(root: Path) -> None:
    """A drive of each split; the maps are higher than the frames by bars, and come at another rate."""
    for number, folder in enumerate(("training", "validation", "test")):
        video(root / folder / "camera_videos" / f"{number + 1}.mp4")
        maps = [np.pad(blurred(2 * n), ((8, 8), (0, 0)), constant_values=1.0) for n in range(COUNT // 2)]
        grey_video(root / folder / "gazemap_videos" / f"{number + 1}_pure_hm.mp4", maps, 15)


def dada2000(root: Path) -> None:
    """A video of each split; of the last one no places are published."""
    for split, category, name in (("train", "1", "001"), ("val", "1", "002"), ("test", "10", "001")):
        folder = root / category / name
        for index in range(COUNT):
            tiny.picture(folder / "images" / f"{index + 1:04d}.png", SIZE[1], SIZE[0])
            grey_picture(folder / "maps" / f"{index + 1:04d}.png", blurred(index))
            if split != "test":
                marked = np.zeros(SIZE)
                marked[peak(index)] = 1
                tiny.savemat(folder / "fixation" / "maps" / f"{index + 1:04d}.mat", {"I": marked})
        rows = [[[category, name], "0001"], [["7", "404"], "0002"]]
        (root / f"{split}_file.json").write_text(json.dumps(rows))


def dhf1k(root: Path) -> None:
    """The frames of a training video, and a video to validate on."""
    tiny.dhf1k(root)
    video(root / "video" / "601.AVI", 1, size=(36, 64))
    for path in sorted((root / "frames" / "0601").iterdir()):
        path.unlink()
    (root / "frames" / "0601").rmdir()


def table(root: Path) -> None:
    """Our own format: three videos, one of them of frames; samples and a fixation."""
    for name in ("a", "b"):
        video(root / "videos" / f"{name}.mp4", rate=25)
    for index in range(4):
        tiny.picture(root / "frames" / "c" / f"f{index}.jpg", SIZE[1], SIZE[0])
    rows = "".join(f"c,f{index}.jpg,{time}\n" for index, time in enumerate((0, 40, 100, 140)))
    (root / "frames.csv").write_text("video,frame,time_ms\n" + rows)
    (root / "gaze.csv").write_text(
        "video,viewer,time_ms,x,y,duration_ms\n"
        "a.mp4,anna,0,10,20,\na.mp4,anna,45,11.5,21,\na.mp4,ben,39,30,40,50\na.mp4,anna,60,,,\n"
        "b,anna,0,5,6,\nb,ben,20,7,8,\nc,anna,50,32,24,\nc,anna,120,500,24,\n"
    )
    (root / "splits.json").write_text(json.dumps({"train": ["a.mp4"], "val": ["b"], "test": ["c"]}))


WRITERS: dict[str, Callable[[Path], None]] = {
    "video": table,
    "avimos": avimos,
    "bdda": bdda,
    "dada2000": dada2000,
    "dhf1k": dhf1k,
    "dreyeve": dreyeve,
}
