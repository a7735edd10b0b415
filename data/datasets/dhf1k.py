"""DHF1K: 17 people watch 1000 videos; the fixations of every frame of the first 700 as maps, as its authors publish it.

    annotation/0001/fixation/0001.png       binary: where anybody looked at the first frame of the first video; or
    annotation/0001/fixation/maps/0001.mat  the same as the matrix I, as it was published first
    annotation/0001/maps/0001.png           the same, blurred: the maps of clips; of pictures only a size is read
    video/001.AVI                           the videos; frames extracted from them are found in frames/0001/0001.png
                                            (which `extract` makes), annotation/0001/images/ and video/0001/

A picture is a frame, named 0001/0001.png, or .jpg where frames are JPEG files. The maps do not tell people apart, so
each frame has one scanpath, of viewer `all`, whose fixations have neither order nor times: fit for maps, not for models
of scanpaths. A point is a pixel that a sample within a fixation was on; it is taken to be in the middle of that pixel.
By the authors' script (record_mapping.m) somebody with several samples in a frame marks all their rows crossed with all
their columns, so points are more than people. Videos 1 to 600 train, 601 to 700 validate and 701 to 1000, without
annotation, test.
Wang, Shen, Guo, Cheng and Borji 2018, https://doi.org/10.1109/CVPR.2018.00514; https://github.com/wenguanwang/DHF1K.
"""

import functools
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from data.datasets import _marked_pixels, _release
from data.datasets._marked_pixels import MarkedPixels
from data.datasets.catalog import Published
from data.errors import TableError
from data.gaze import Picture, Scanpath
from data.picture import encode, picture_size
from data.video.maps import MapPictures, listing
from data.video.recorded import RecordedClip
from data.video.sources import PictureSource, Source, VideoSource, counted

logger = logging.getLogger(__name__)

CATALOG = {
    "dhf1k": Published(
        title="DHF1K",
        what="videos of daily life and sports, free viewing; of 300 of the 1,000 the fixations are held back",
        pictures=1000,
        people=17,
        licence="unknown",
        commercial="unclear",
        url="https://github.com/wenguanwang/DHF1K",
        citation="Wang, Shen, Guo, Cheng, Borji 2018, Revisiting Video Saliency, CVPR",
        access="download it from Google Drive, to which that page links",
    ),
}

LAST = {"train": 600, "val": 700, "test": 1000}  # the last video of each split
FRAMES = ("frames/{}", "annotation/{}/images", "video/{}")  # where frames are looked for, in this order
SUFFIXES = (".png", ".jpg")
RATE = 30.0  # frames a second
SIGMA = 12.74  # pixels by which the authors blur


def read(root: Path | str, every: int = 1) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every `every`th frame of every annotated video with the places that people looked at; none, no scanpath.

    Without any extracted frames of a video only the sizes of its frames are known.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    root = Path(root)
    return (item for video in _annotated(root, every) for item in _frames(root, video, every))


def splits(root: Path | str, every: int = 1) -> dict[str, list[str]]:
    """The authors' splits train, val and test by names of frames that `read` yields, hence none to test on."""
    root = Path(root)
    frames: dict[str, list[str]] = {split: [] for split in LAST}
    for video in _annotated(root, every):
        _, suffix = _extracted(root, video)
        frames[_split(root, video)] += [f"{video}/{path.stem}{suffix}" for path in _marks(root, video)[::every]]
    return frames


def _split(root: Path, video: str) -> str:
    split = next((split for split, last in LAST.items() if video.isdecimal() and 0 < int(video) <= last), None)
    if split is None:
        raise TableError(f"{root}: {video} is none of the videos 0001 to 1000; remove it.")
    return split


def _annotated(root: Path, every: int) -> list[str]:
    if every < 1:
        raise TableError(f"every is {every}, but must be 1 or more; 30 is about one frame a second.")
    videos = sorted(path.parent.name for path in (root / "annotation").glob("*/fixation") if path.is_dir())
    if not videos:
        folder = root / "annotation" / "0001" / "fixation"
        raise TableError(f"{folder}: the folder is missing; give the folder of DHF1K, which holds annotation/.")
    return videos


def _extracted(root: Path, video: str) -> tuple[Path | None, str]:
    """The folder of a video's frames, where there are any, and the suffix of their names."""
    for pattern in FRAMES:
        folder = root / pattern.format(video)
        if there := _numbered(folder, SUFFIXES):
            return folder, there[0].suffix
    return None, SUFFIXES[0]


def _numbered(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files 0001, 0002, ... of a folder in order."""
    numbered = [path for path in folder.glob("*") if path.suffix in suffixes and path.stem.isdecimal()]
    return sorted(numbered, key=lambda path: int(path.stem))


def _marks(root: Path, video: str) -> list[Path]:
    """The files that tell the places, one a frame."""
    folder = root / "annotation" / video / "fixation"
    return _numbered(folder, (".png",)) or _numbered(folder / "maps", (".mat",))


def _frames(root: Path, video: str, every: int) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    _split(root, video)
    folder, suffix = _extracted(root, video)
    for path in _marks(root, video)[::every]:
        marked = _matrix(path) if path.suffix == ".mat" else _marked_pixels.picture(path)
        height, width = marked.shape
        name = f"{video}/{path.stem}{suffix}"
        picture = Picture(name, width, height)
        if folder is not None:
            picture = _frame(folder / Path(name).name, picture)
        xy = _marked_pixels.places(marked)
        unknown = np.full(len(xy), np.nan)
        scanpath = Scanpath("all", xy, unknown, unknown.copy())
        yield picture, (scanpath,) if len(scanpath) else ()


def _frame(path: Path, picture: Picture) -> Picture:
    if not path.is_file():
        raise TableError(
            f"{path}: the frame is missing; extract all with data.datasets.dhf1k.extract, or read every nth alone."
        )
    return _release.picture(path, picture.name, "DHF1K", (picture.width, picture.height))


def _matrix(path: Path) -> Bool[np.ndarray, "h w"]:
    width, height = picture_size(path.parents[2] / "maps" / f"{path.stem}.png")
    return _marked_pixels.matrix(path, (height, width))


def clips(root: Path | str) -> dict[str, list[RecordedClip]]:
    """The annotated videos by the authors' splits, hence none to test on; 30 frames a second where they are extracted.

    Raises:
        TableError: The folder is not as the authors publish it.
    """
    root = Path(root)
    parts: dict[str, list[RecordedClip]] = {split: [] for split in LAST}
    for video in _annotated(root, 1):
        parts[_split(root, video)].append(_clip(root, video))
    return parts


def sniff(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return next((root / "annotation").glob("*/fixation"), None) is not None


def _clip(root: Path, video: str) -> RecordedClip:
    folder = next((root / place.format(video) for place in FRAMES if _holds_frames(root / place.format(video))), None)
    number = video.lstrip("0").zfill(3)
    films = [root / "video" / f"{number}{suffix}" for suffix in (".AVI", ".avi", ".mp4")]
    film = next((path for path in films if path.is_file()), films[0])
    source: Source = VideoSource(film)
    if folder is not None:
        source = PictureSource(str(folder), functools.partial(counted, folder, SUFFIXES, RATE))
    where = root / "annotation" / video
    gaze = MarkedPixels(where / "fixation", functools.partial(_marked, where / "fixation", folder))
    maps = MapPictures(where / "maps", functools.partial(listing, where / "maps", (".png",), folder, SUFFIXES))
    return RecordedClip(video, source, gaze, maps, SIGMA)


def _holds_frames(folder: Path) -> bool:
    return any(path.suffix in SUFFIXES for path in folder.glob("*"))


def _marked(where: Path, frames: Path | None) -> dict[int, Path]:
    """The file of the places of each frame."""
    return listing(where, (".png",), frames, SUFFIXES) or listing(where / "maps", (".mat",), frames, SUFFIXES)


def extract(root: Path | str, every: int = 1, suffix: str = ".jpg") -> Iterator[Path]:
    """Decode the videos that are there: write frames/0001/0001.jpg and so on, and tell each folder when it is whole.

    A video whose folder is there is left out, so that a run that was stopped goes on where it was.

    Args:
        root: The folder of DHF1K.
        every: 1 for all frames, 30 for about one a second; what `read` is given must be this or a multiple of it.
        suffix: .jpg, of quality 95, or .png, which is exact and larger.

    Raises:
        TableError: There is no video, one cannot be decoded, or an option is none.
    """
    root = Path(root)
    videos = sorted(path for path in (root / "video").glob("*") if path.suffix.lower() == ".avi")
    if not videos:
        raise TableError(f"{root / 'video'}: no video 001.AVI is there; give the folder of DHF1K.")
    if every < 1 or suffix not in SUFFIXES:
        raise TableError(f"Frames are every 1, 2, ... th and of suffix {' or '.join(SUFFIXES)}; not {every}, {suffix}.")
    (root / "frames").mkdir(exist_ok=True)
    for path in videos:
        number = path.stem.zfill(4)
        _split(root, number)
        folder = root / "frames" / number
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(prefix=f".{number}.", dir=folder.parent) as beside:
                inner = Path(beside) / number
                inner.mkdir()
                for index, frame in enumerate(_decoded(path)):
                    if index % every == 0:
                        (inner / f"{index + 1:04d}{suffix}").write_bytes(encode(frame, suffix))
                os.replace(inner, folder)
        yield folder


def _decoded(path: Path) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # its messages name no file
    video = cv2.VideoCapture(str(path))
    promised = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    try:
        count = 0
        while True:
            there, frame = video.read()
            if not there:
                break
            count += 1
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    finally:
        video.release()
    if not count:
        raise TableError(f"{path}: no frame can be decoded; download the video again.")
    if count < promised:
        logger.warning("%s: only %d of its %d frames can be decoded; download the video again.", path, count, promised)
