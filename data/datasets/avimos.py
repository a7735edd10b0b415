"""AViMoS: over 5000 people follow what they look at in 1500 or 2000 videos with a mouse (AIM 2024, NTIRE 2026).

    TrainTestSplit.json                          names of the videos to train on, and of the public and private test
    Videos*/**/NAME.mp4                          full HD, with sound
    Saliency*/**/NAME.mp4                        the authors' maps, one a frame; or a folder NAME of PNGs
    Fixations*/**/NAME/fixations.json            of each frame [[row, column], ...]: pixels from 0

A place is in the middle of its pixel. The mouse's paths were resampled to 100 Hz; neither which samples are a frame's
nor the sigma of the maps is published. The public test, which the challenges showed while they ran, validates here,
and the private one, by which they were decided, tests.
Moskalenko, Bryncev and others 2024, https://arxiv.org/abs/2409.14827; https://github.com/msu-video-group.
"""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int64

from data.datasets import _release
from data.datasets.catalog import Published
from data.errors import TableError, read_document, read_json, refuse
from data.video.maps import MapPictures, Maps, MapVideo, listing
from data.video.read import is_video
from data.video.recorded import Gaze, RecordedClip, not_beyond
from data.video.sources import VideoSource

CATALOG = {
    "avimos": Published(
        title="AViMoS",
        what="videos with sound of many kinds, watched with a mouse; the videos of AIM 2024 and NTIRE 2026",
        pictures=2000,
        people=5000,
        seconds=18,
        licence="CC BY",
        commercial="yes",
        url="https://github.com/msu-video-group/NTIRE26_Saliency_Prediction",
        citation="Moskalenko and others 2024, AIM 2024 Challenge on Video Saliency Prediction, ECCV Workshops",
        access="download it from Google Drive or Hugging Face, to which that page links",
    ),
}

SPLIT = "TrainTestSplit.json"
SPLITS = {"train": "train", "public_test": "val", "private_test": "test", "val": "val", "test": "test"}
MOST = 1 << 28  # bytes of a fixations.json


def sniff(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return (root / SPLIT).is_file()


def clips(root: Path | str) -> dict[str, list[RecordedClip]]:
    """The clips of train, val (the public test) and test (the private one); those without a video are left out.

    Raises:
        TableError: The folder is not as the authors publish it.
    """
    root = Path(root)
    videos = _found(root, "video", is_video)
    maps = _found(root, "saliency", lambda path: is_video(path) or path.is_dir())
    gaze = _found(root, "fixation", lambda path: (path / "fixations.json").is_file())
    named = read_json(root / SPLIT, refuse)
    parts: dict[str, list[RecordedClip]] = {"train": [], "val": [], "test": []}
    for key, names in named.items():
        part = SPLITS.get(key.strip().lower())
        if part is None or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TableError(f"{root / SPLIT}: {key!r} is no list of names of {', '.join(SPLITS)}; download it again.")
        for name in sorted({name.removesuffix(".mp4") for name in names} & videos.keys()):
            there = MouseGaze(gaze[name] / "fixations.json") if name in gaze else None
            parts[part].append(RecordedClip(name, VideoSource(videos[name]), there, _maps(maps.get(name))))
    if not any(parts.values()):
        raise TableError(f"{root}: no video that {SPLIT} names is in a folder Videos; unpack Videos.zip there.")
    return parts


def _maps(path: Path | None) -> Maps | None:
    if path is None:
        return None
    return MapPictures(path, functools.partial(listing, path, (".png",), None, ())) if path.is_dir() else MapVideo(path)


def _found(root: Path, start: str, wanted: Callable[[Path], bool]) -> dict[str, Path]:
    """What lies in the folders whose names start so, or in folders within them, by its name without an ending."""
    found: dict[str, Path] = {}
    tops = sorted(path for path in root.glob("*") if path.name.lower().startswith(start) and path.is_dir())
    for top in tops:
        inner = sorted(top.glob("*"))
        named = [path for path in inner if wanted(path) and not _holds(path, wanted)]
        for path in inner if not named else ():
            named += [each for each in sorted(path.glob("*")) if wanted(each)] if path.is_dir() else []
        found |= {path.stem if path.is_file() else path.name: path for path in named}
    return found


def _holds(folder: Path, wanted: Callable[[Path], bool]) -> bool:
    """Whether a folder is one of what is wanted, rather than that itself."""
    return folder.is_dir() and any(wanted(path) for path in itertools.islice(folder.iterdir(), 3))


class MouseGaze(Gaze):
    """The places of a fixations.json."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def at(self, index: int, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> Float[np.ndarray, "k 2"]:
        """Pixels where people looked while a frame was shown."""
        ends, xy = self._places()
        if index + 1 >= len(ends):
            return np.empty((0, 2))
        return xy[ends[index] : ends[index + 1]].astype(np.float64)

    def check(self, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> None:
        """Refuse places of other units, and those of another video.

        Raises:
            TableError: They are, or nobody looked at any frame.
        """
        ends, xy = self._places()
        not_beyond(len(ends) - 1, times, str(self.path))
        if not len(xy):
            raise TableError(f"{self.path}: nobody looked at any frame; download it again.")
        _release.pixels(self.path, xy - 0.5, size[1], size[0])  # as they are in the file

    def _places(self) -> tuple[Int64[np.ndarray, " _f"], Float32[np.ndarray, "k 2"]]:
        try:
            state = self.path.stat()
        except OSError as error:
            raise TableError(f"{self.path}: cannot be read ({error.strerror}); give the whole release.") from error
        if state.st_size > MOST:
            problem = f"{state.st_size / 2**20:.0f} MiB of places, which is no file of the release"
            raise TableError(f"{self.path}: {problem}; download it again.")
        return _parsed(self.path, state.st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _parsed(path: Path, _: int) -> tuple[Int64[np.ndarray, " _f"], Float32[np.ndarray, "k 2"]]:
    """Where the places of each frame begin, and where the last one's end; and the places of all frames."""
    frames = read_document(path, refuse)
    with _release.parse_errors(path):
        if not isinstance(frames, list):
            raise ValueError("no list of frames")
        parts = [_release.array(frame, f"frame {number}", 2) for number, frame in enumerate(frames)]
    ends = np.cumsum([0, *(len(part) for part in parts)])
    places = np.concatenate([np.empty((0, 2)), *parts])
    if not (np.abs(places) < _release.MAX_COORDINATE).all():
        raise TableError(f"{path}: coordinates that are no pixels; download it again.")
    return ends, (places[:, ::-1] + 0.5).astype(np.float32)
