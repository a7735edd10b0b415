"""FIGRIM: 630 target pictures of 21 kinds of scenes, and more than 2,000 fillers, looked at to be remembered.

    Targets/<category>/<filename>, Fillers/<category>/<filename>    optional: 1000 x 1000 pixels
    targetData/allImages_release.mat, fillerData/allImages_fillers.mat      either, here or beside the pictures:
        allImages(i).filename, .category, .userdata(j).fixations.enc, .rec, .rec2 (each n x 2: x, y)

People pressed a key when a picture came again, so it is not quite free viewing. A target came three times: enc is the
first time, rec and rec2 are the repetitions; a filler came once. Viewer j is the same person in both files, as far as
the authors' notes say. The authors' own maps use round(x) as a column from 1 to the width: 1 is the centre of the first
pixel, which is 0.5 for us, so we subtract 0.5; like them we leave out what is no number. Since the pictures are square,
nothing would show that x and y were exchanged. Neither durations nor onsets are published; keypresses (SDT) and the
objects' outlines are not read. Six pairs of targets are duplicates (named in the authors' notes): keep each in one
split. Bylinskii, Isola, Bainbridge, Torralba and Oliva 2015, https://doi.org/10.1016/j.visres.2015.03.005;
http://figrim.mit.edu/index_eyetracking.html; https://github.com/cvzoya/figrim.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data.datasets import _matlab, _release
from data.datasets.catalog import File, Published
from data.errors import TableError
from data.gaze import Picture, Scanpath

CATALOG = {
    "figrim": Published(
        title="FIGRIM",
        what="630 target scenes and fillers, more than 2,700 in all, looked at to be remembered",
        licence="unknown; the photographs are those of SUN",
        commercial="unclear",
        url="http://figrim.mit.edu/index_eyetracking.html",
        citation="Bylinskii et al. 2015, Intrinsic and Extrinsic Effects on Image Memorability, Vision Research",
        files=(
            File("http://figrim.mit.edu/Targets.zip", md5="2ad3a42ebc377efe4b39064405568201"),
            File("http://figrim.mit.edu/Fillers.zip", md5="dc0bc9561b5bc90e158ec32074dd1060"),
            File(
                "https://github.com/cvzoya/figrim/raw/master/targetData/allImages_release.mat",
                "targetData",
                md5="c72843b05e95ab27594c1d11c849c897",
            ),
            File(
                "https://github.com/cvzoya/figrim/raw/master/fillerData/allImages_fillers.mat",
                "fillerData",
                md5="ce4f8b4961005d62f7a21191a64cab5e",
            ),
        ),
    ),
}

SIZE = (1000, 1000)  # width, height in pixels of every picture
FILES = {"Targets": "targetData/allImages_release.mat", "Fillers": "fillerData/allImages_fillers.mat"}
PHASES = ("enc", "rec", "rec2")

Viewed = dict[str, tuple[Scanpath, ...]]  # by the picture's name


def read(root: Path | str, phase: str = "enc") -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture of the files that are there, with who looked at it in that phase, in the order of the release.

    Names are Targets/<category>/<filename> and Fillers/<category>/<filename>; viewers are s01, s02, ...

    Args:
        root: The folder of the release.
        phase: When: enc (the first time), rec (the second) or rec2 (the third).

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    root = Path(root)
    if phase not in PHASES:
        raise TableError(f"FIGRIM has no phase {phase!r}; choose one of {', '.join(PHASES)}.")
    options = {group: (root / file, root / Path(file).name) for group, file in FILES.items()}
    paths = {group: path for group, candidates in options.items() for path in candidates[::-1] if path.is_file()}
    if not paths:
        raise TableError(f"{root / FILES['Targets']}: the file is missing; give the folder of FIGRIM.")
    viewed: Viewed = {}
    for group, path in paths.items():
        viewed |= _viewed(path, group, phase)
    return _items(root, viewed)


def _viewed(path: Path, group: str, phase: str) -> Viewed:
    viewed: Viewed = {}
    for number, entry in enumerate(_matlab.load(path, "allImages").ravel(), 1):
        with _release.parse_errors(path, f"allImages({number})"):
            category, filename = (str(_matlab.field(entry, key).ravel()[0]) for key in ("category", "filename"))
            people = enumerate(_matlab.field(entry, "userdata").ravel(), 1)
            scanpaths = [_scanpath(f"s{j:02d}", person, phase) for j, person in people]
        name = f"{group}/{category}/{filename}"
        if name in viewed:
            raise TableError(f"{path}: the picture {name} is there twice; download it again.")
        viewed[name] = tuple(scanpath for scanpath in scanpaths if len(scanpath))
        if viewed[name]:
            _release.pixels(path, np.concatenate([scanpath.xy for scanpath in viewed[name]]) + 0.5, *SIZE)
    return viewed


def _scanpath(subject: str, person: Any, phase: str) -> Scanpath:
    xy = _fixations(_matlab.field(person, "fixations"), phase) - 0.5
    return Scanpath(subject, xy, np.full(len(xy), np.nan), np.full(len(xy), np.nan))


def _fixations(struct: np.ndarray, phase: str) -> Float[np.ndarray, "l 2"]:
    """The places of one phase; none where the person did not see the picture, or was not recorded."""
    if not struct.size or (struct.dtype.names and phase not in struct.dtype.names):
        return np.empty((0, 2))
    points = _release.array(_matlab.field(struct, phase), phase, 2)
    return np.asarray(points[np.isfinite(points).all(1)])


def _items(root: Path, viewed: Viewed) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    for name, scanpaths in viewed.items():
        there = (root / Path(name).parts[0]).is_dir()
        yield _release.picture(root / name, name, "FIGRIM", SIZE) if there else Picture(name, *SIZE), scanpaths
