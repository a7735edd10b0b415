"""BDD-A (Berkeley DeepDrive Attention): people watch 1232 short drives as if they drove, as its authors publish it.

    training/camera_videos/ID.mp4               ten seconds, 1280 x 720; likewise validation/ and test/
    training/gazemap_videos/ID_pure_hm.mp4      a map a frame, 1024 x 768: the drive is its middle 1024 x 576

Only blurred maps of everybody together are published. Both videos have their own rate: a map belongs to the frame that
is on the screen when it is.
Xia, Zhang, Kim, Nakayama, Zipser and Whitney 2018, https://arxiv.org/abs/1711.06406; https://deepdrive.berkeley.edu.
"""

from pathlib import Path

from data.datasets.catalog import Published
from data.errors import TableError
from data.video.maps import MapVideo
from data.video.read import is_video
from data.video.recorded import RecordedClip
from data.video.sources import VideoSource

CATALOG = {
    "bdda": Published(
        title="BDD-A",
        what="short videos of driving in which somebody brakes, watched in a laboratory; maps alone",
        pictures=1232,
        people=45,
        seconds=10,
        licence="unknown",
        commercial="unclear",
        url="https://deepdrive.berkeley.edu",
        citation="Xia and others 2018, Predicting Driver Attention in Critical Situations, ACCV",
        access="download it from that page, after you have registered",
    ),
}

SPLITS = {"training": "train", "validation": "val", "test": "test"}  # by the names of folders
CAMERA, MAPS, ENDING = "camera_videos", "gazemap_videos", "_pure_hm"


def sniff(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return any((root / folder / CAMERA).is_dir() for folder in SPLITS)


def clips(root: Path | str) -> dict[str, list[RecordedClip]]:
    """The clips of train, val and test; what lacks its maps is found to be broken when it is used.

    Raises:
        TableError: The folder is not as the authors publish it.
    """
    root = Path(root)
    if not sniff(root):
        raise TableError(f"{root}: no folder training/{CAMERA} is there; give the folder of BDD-A.")
    return {split: [*map(_clip, _videos(root / folder / CAMERA))] for folder, split in SPLITS.items()}


def _videos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if is_video(path) and not path.name.startswith("."))


def _clip(path: Path) -> RecordedClip:
    folder = path.parents[1] / MAPS
    plain = folder / path.name
    maps = plain if plain.is_file() else folder / f"{path.stem}{ENDING}{path.suffix}"
    return RecordedClip(path.stem, VideoSource(path), None, MapVideo(maps, timed=True))
