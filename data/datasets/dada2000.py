"""DADA-2000: people watch 2000 videos of accidents as if they drove; the half of them that its authors publish.

    1/001/images/0001.png                   the frames of the first video of the first category, 1584 x 660
    1/001/maps/0001.png                     a blurred map a frame
    1/001/fixation/maps/0001.mat            the places as the matrix I; may be missing
    train_file.json, val_file.json,         [[["1", "001"], "0001"], ...]: category, video, and what
    test_file.json                          split_dataset.py calls it in the folders train, val and test

After that script the videos lie in train/0001/images and so on, without lists. The rate, 30 frames a second, is that of
the article; the files do not tell it. What is cut out as `semantic` is not read.
Fang, Yan, Qiao, Xue and Yu 2021, https://doi.org/10.1109/TITS.2020.3044678; https://github.com/JWFangit/LOTVS-DADA.
"""

import functools
from pathlib import Path

from data.datasets import _release
from data.datasets._marked_pixels import MarkedPixels
from data.datasets.catalog import Published
from data.errors import TableError, read_document, refuse
from data.picture import is_valid_name
from data.video.maps import MapPictures, listing
from data.video.recorded import RecordedClip
from data.video.sources import PictureSource, counted

CATALOG = {
    "dada2000": Published(
        title="DADA-2000",
        what="videos of traffic accidents, watched in a laboratory; half of the 2,000 are published",
        pictures=1018,
        people=20,
        licence="research alone, by its authors' page",
        commercial="no",
        url="https://github.com/JWFangit/LOTVS-DADA",
        citation="Fang and others 2021, DADA: Driver Attention Prediction in Driving Accident Scenarios, IEEE T-ITS",
        size=53000,
        access="download it from Baidu, to which that page links",
    ),
}

SPLITS = ("train", "val", "test")
KINDS = (".png", ".jpg")
RATE = 30.0  # frames a second


def sniff(root: Path) -> bool:
    """Whether a folder is of this layout."""
    listed = any((root / f"{split}_file.json").is_file() for split in SPLITS)
    return listed or any(next((root / split).glob("*/images"), None) for split in SPLITS)


def clips(root: Path | str) -> dict[str, list[RecordedClip]]:
    """The clips of train, val and test; those of the lists that are not there are left out.

    Raises:
        TableError: The folder is not as the authors publish it.
    """
    root = Path(root)
    if not sniff(root):
        raise TableError(f"{root}: no list train_file.json and no folder train is there; give the folder of DADA-2000.")
    parts = {split: [_clip(name, folder) for name, folder in _folders(root, split)] for split in SPLITS}
    if not any(parts.values()):
        raise TableError(f"{root}: no folder of frames such as 1/001/images is there; extract the videos.")
    return parts


def _folders(root: Path, split: str) -> list[tuple[str, Path]]:
    """The videos of a split with their names."""
    path = root / f"{split}_file.json"
    if not path.is_file():
        return [(folder.parent.name, folder.parent) for folder in sorted((root / split).glob("*/images"))]
    rows = read_document(path, refuse)
    found: list[tuple[str, Path]] = []
    with _release.parse_errors(path):
        for (category, video), _ in rows:
            name = f"{category}/{video}"
            if not is_valid_name(name):
                raise ValueError(f"{name!r} is no category and video")
            if (root / name / "images").is_dir():
                found.append((name, root / name))
    return found


def _clip(name: str, folder: Path) -> RecordedClip:
    frames, maps, places = folder / "images", folder / "maps", folder / "fixation" / "maps"
    source = PictureSource(str(frames), functools.partial(counted, frames, KINDS, RATE))
    gaze = (
        MarkedPixels(places, functools.partial(listing, places, (".mat",), frames, KINDS)) if places.is_dir() else None
    )
    return RecordedClip(name, source, gaze, MapPictures(maps, functools.partial(listing, maps, KINDS, frames, KINDS)))
