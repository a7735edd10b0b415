"""DR(eye)VE: 74 drives of five minutes, and where the drivers looked, as its authors publish it.

    01/video_garmin.avi                 7500 frames of the camera on the roof, 1920 x 1080, 25 a second; or, extracted,
    01/frames/000000.jpg ...            counted from 0
    01/saliency_fix/000001.png ...      the maps of 2018, counted from 1 by the script that makes them; or
    01/video_saliency.avi               the maps that come with the videos
    01/etg_samples.txt                  the driver's gaze in the video of the glasses; or etg/01_samples_cropped.txt

A map gathers the gaze of a second, moved to its frame, as the greatest of Gaussians of 31.6 pixels. The authors' own
training pairs a frame with the map of its number, hence of the frame before; here a map that is counted from 1 belongs
to the frame that it was made for. Places on the frames are not published: gaze is in pixels of the glasses' video.
Tables with X_gar and Y_gar, as SCOUT corrects them (https://github.com/ykotseruba/SCOUT), in gaze_data/01.txt, are
read: of each row the place of a fixation on frame frame_gar. Drives 1 to 37 train, but for frames 3500 to 3999 of
each, which validate; 38 to 74 test.
Palazzi, Abati, Calderara, Solera and Cucchiara 2018, https://arxiv.org/abs/1705.03854.
"""

import functools
import math
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.datasets.catalog import Published
from data.errors import TableError, read_text, refuse
from data.video.clips import GazeClip
from data.video.maps import MapPictures, Maps, MapVideo, listing
from data.video.recorded import Gaze, Part, RecordedClip, not_beyond
from data.video.sources import PictureSource, Source, VideoSource, counted

CATALOG = {
    "dreyeve": Published(
        title="DR(eye)VE",
        what="drives of five minutes with the gaze of who drove; maps of one person over a second",
        pictures=74,
        people=8,
        seconds=300,
        licence="academic and not commercial, by its authors' terms",
        commercial="no",
        url="https://aimagelab.ing.unimore.it/imagelab/page.asp?IdPage=8",
        citation="Palazzi and others 2018, Predicting the Driver's Focus of Attention, IEEE TPAMI",
        access="ask for it at that page",
    ),
}

LAST_TRAIN, LAST = 37, 74  # drives
VAL = (3500, 4000)  # frames of a drive to train on that validate
RATE = 25.0  # frames a second
SIGMA = math.sqrt(1000)  # pixels by which the authors blur
KINDS = (".jpg", ".png")
PLACES = ("frame_gar", "X_gar", "Y_gar")


def sniff(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return bool(_drives(root))


def clips(root: Path | str) -> dict[str, list[GazeClip]]:
    """The drives that are there by the authors' splits; those to train on are two parts to train and one to validate.

    Raises:
        TableError: The folder is not as the authors publish it.
    """
    root = Path(root)
    drives = _drives(root)
    if not drives:
        raise TableError(f"{root}: no drive 01/frames or 01/video_garmin.avi is there; give the folder of DR(eye)VE.")
    parts: dict[str, list[GazeClip]] = {"train": [], "val": [], "test": []}
    for number, folder in drives:
        whole = _clip(root, folder)
        if number > LAST_TRAIN:
            parts["test"].append(whole)
            continue
        start, stop = VAL
        parts["train"].append(Part(f"{folder.name}-0", whole, 0, start))
        parts["val"].append(Part(f"{folder.name}-{start}", whole, start, stop))
        parts["train"].append(Part(f"{folder.name}-{stop}", whole, stop))
    return parts


def _drives(root: Path) -> list[tuple[int, Path]]:
    folders = [(number, root / f"{number:02d}") for number in range(1, LAST + 1)]
    return [(n, path) for n, path in folders if (path / "frames").is_dir() or (path / "video_garmin.avi").is_file()]


def _clip(root: Path, folder: Path) -> RecordedClip:
    frames = folder / "frames" if (folder / "frames").is_dir() else None
    source: Source = VideoSource(folder / "video_garmin.avi")
    if frames is not None:
        source = PictureSource(str(frames), functools.partial(counted, frames, KINDS, RATE))
    pictures = next((folder / name for name in ("saliency_fix", "saliency") if (folder / name).is_dir()), None)
    maps: Maps = MapVideo(folder / "video_saliency.avi")
    if pictures is not None:
        maps = MapPictures(pictures, functools.partial(listing, pictures, (".png",), frames, KINDS))
    table = root / "gaze_data" / f"{folder.name}.txt"
    return RecordedClip(folder.name, source, DriverGaze(table) if table.is_file() else None, maps, SIGMA)


class DriverGaze(Gaze):
    """The fixations of a table with X_gar and Y_gar."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @functools.cached_property
    def _rows(self) -> Float[np.ndarray, "n 3"]:
        """Frame, x and y of each fixation on the scene, by frames."""
        lines = read_text(self.path, refuse).splitlines()
        mark = "\t" if lines and "\t" in lines[0] else None
        header = [name.strip() for name in lines[0].split(mark)] if lines else []
        missing = [name for name in (*PLACES, "event_type") if name not in header]
        if missing:
            raise TableError(f"{self.path}: no column {', '.join(missing)}; give the tables that SCOUT publishes.")
        event, columns = header.index("event_type"), [header.index(name) for name in PLACES]
        rows: list[list[float]] = []
        for number, line in enumerate(lines[1:], 2):
            cells = [cell.strip() for cell in line.split(mark)]
            if len(cells) <= max(event, *columns) or cells[event].lower() != "fixation":
                continue
            try:
                rows.append([float(cells[column] or "nan") for column in columns])
            except ValueError:
                raise TableError(f"{self.path}, line {number}: no numbers in it; download the table again.") from None
        found = np.array(rows, float).reshape(-1, 3)
        found = found[np.isfinite(found).all(1)]
        return np.asarray(found[np.argsort(found[:, 0], kind="stable")])

    def at(self, index: int, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> Float[np.ndarray, "k 2"]:
        """Pixels where the driver looked while a frame was recorded."""
        start, end = np.searchsorted(self._rows[:, 0], (index, index + 1))
        return np.asarray(self._rows[start:end, 1:])

    def check(self, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> None:
        """Refuse gaze of a longer drive."""
        if len(self._rows):
            not_beyond(int(min(self._rows[-1, 0], 1e9)) + 1, times, str(self.path))
