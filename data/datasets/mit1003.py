"""MIT1003, 1003 pictures looked at for three seconds by 15 people, as its authors publish it.

    ALLSTIMULI/<name>.jpeg             of many sizes, at most 1024 pixels wide and high
    DATA/<viewer>/<name>.mat           <name>.DATA(1).eyeData: x, y for each sample of 240 Hz; negative in a blink

Only samples are published; `fixations` finds what the authors' checkFixations.m finds in them. MATLAB cuts the name of
the variable after 63 letters. The authors plot eyeData over the picture, where 1 is the centre of the first pixel: we
subtract 0.5. We assume that the picture came with the first sample. As in the authors' maps, what the eye tracker puts
beside the picture, blinks above all, is no fixation. ALLFIXATIONMAPS/ is not read.
Judd, Ehinger, Durand and Torralba 2009, https://doi.org/10.1109/ICCV.2009.5459462;
http://people.csail.mit.edu/tjudd/WherePeopleLook/.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.datasets import _matlab, _release
from data.datasets.catalog import File, Published
from data.errors import TableError
from data.gaze import Picture, Scanpath

ARCHIVES = "http://people.csail.mit.edu/tjudd/WherePeopleLook/"
CATALOG = {
    "mit1003": Published(
        title="MIT1003",
        what="photographs from Flickr and LabelMe, free viewing",
        pictures=1003,
        people=15,
        seconds=3,
        licence="unknown",
        commercial="unclear",
        url="https://people.csail.mit.edu/tjudd/WherePeopleLook/",
        citation="Judd, Ehinger, Durand, Torralba 2009, Learning to Predict Where Humans Look, ICCV",
        files=(
            File(ARCHIVES + "ALLSTIMULI.zip", md5="0d7df8b954ecba69b6796e77b9afe4b6"),
            File(ARCHIVES + "DATA.zip", md5="ea19d74ad0a0144428c53e9d75c2d71c"),
        ),
    ),
}

RATE = 240  # samples per second
LIMIT = 6 * 34  # pixels per second by which the speed changes in a saccade: 6 degrees of 34 pixels
WINDOW = 4  # samples over which the speed is averaged
SHORTEST = 12  # samples; what is as short between two saccades, or after the last, belongs to them
SEARCH = 25  # samples within which a saccade must slow down
OTHER = {"shuff_stimnames", "CalibrationData"}  # the files beside the recordings


def read(root: Path | str, initial: bool = False) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, by the names; viewers have the authors' initials.

    Args:
        root: The folder that holds ALLSTIMULI/ and DATA/.
        initial: Whether to keep each trial's first fixation, which was under way on the cross when the picture came. A
            blink with which the trial begins is none; the authors (2:end) leave out the blink and keep the cross.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    root = Path(root)
    viewers = sorted(path for path in (root / "DATA").glob("[!._]*") if path.is_dir())
    names = sorted({path.stem for viewer in viewers for path in viewer.glob("[!.]*.mat")} - OTHER)
    if not names:
        raise TableError(f"{root / 'DATA'}: no recordings are there; give the folder of the MIT1003 release.")
    return (_item(root, viewers, name, 0 if initial else 1) for name in names)


def fixations(xy: Float[np.ndarray, "n 2"]) -> list[tuple[int, int]]:
    """The first sample of each fixation, and the first after it, by the rule of the authors' checkFixations.m.

    A saccade begins with three or more samples that speed up by more than LIMIT, and ends with the last one that slows
    down by more; one that does not slow down is none, unless it is the only one and the recording ends with it. What
    is no saccade is a fixation. The speed is measured over WINDOW samples, and compared with that of the next ones.
    """
    count = len(xy)
    if count <= WINDOW + 2:
        return [(0, count)] if count else []
    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    speed = np.convolve(step, np.full(WINDOW, 1 / WINDOW))[:count]
    change = np.zeros(count)
    change[1 : count - WINDOW - 1] = (speed[WINDOW + 2 :] - speed[1 : count - WINDOW - 1]) * (RATE / WINDOW)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], change > LIMIT, [False]]).astype(int)))
    rises = [(begin, end - 1) for begin, end in edges.reshape(-1, 2).tolist() if end - begin >= 3]
    slows = change < -LIMIT
    ends = np.flatnonzero(slows & ~np.append(slows[1:], False))
    last = int(np.flatnonzero(change)[-1]) if change.any() else -1
    saccades: list[tuple[int, int]] = []
    for begin, end in rises:
        stops = ends[(ends > end) & (ends <= end + SEARCH)]
        if not len(stops) and not (len(rises) == 1 and end == last):
            continue
        stop = int(stops[0]) if len(stops) else count - 1
        if saccades and begin - saccades[-1][1] <= SHORTEST:
            begin = saccades.pop()[0]
        saccades.append((begin, stop))
    if saccades and count - 1 - saccades[-1][1] <= SHORTEST:
        saccades[-1] = (saccades[-1][0], count - 1)
    bounds = [(0, -1), *saccades, (count, count)]
    return [(before[1] + 1, after[0]) for before, after in pairwise(bounds) if before[1] + 1 < after[0]]


def _item(root: Path, viewers: list[Path], name: str, skip: int) -> tuple[Picture, tuple[Scanpath, ...]]:
    file = f"{name}.jpeg"
    picture = _release.picture(root / "ALLSTIMULI" / file, file, "MIT1003")
    recordings = [_recording(viewer / f"{name}.mat", picture, skip) for viewer in viewers]
    _release.exchanged(
        viewers[0] / f"{name}.mat", np.concatenate([xy for xy, _ in recordings]), picture.width, picture.height
    )
    scanpaths = [
        _scanpath(viewer.name, *recording, picture) for viewer, recording in zip(viewers, recordings, strict=True)
    ]
    return picture, tuple(scanpath for scanpath in scanpaths if len(scanpath))


def _recording(path: Path, picture: Picture, skip: int) -> tuple[Float[np.ndarray, "l 2"], Float[np.ndarray, "l 2"]]:
    """Where one viewer's fixations are, on the picture or beside it, and their first and last sample."""
    struct = _matlab.load(path, path.stem[:63])
    with _release.parse_errors(path):
        samples = _release.array(_matlab.field(_matlab.field(struct, "DATA"), "eyeData"), "eyeData", 2)
    samples = np.clip(samples, -_release.MAX_COORDINATE, _release.MAX_COORDINATE)  # whatever number stands for a blink
    tracked = (samples >= 0).all(1)
    _release.shares(path, samples[tracked], picture.width, picture.height)
    spans = [(begin, end) for begin, end in fixations(samples) if tracked[begin:end].any()][skip:]
    xy = np.array([np.nanmedian(samples[begin:end], 0) for begin, end in spans]).reshape(-1, 2) - 0.5
    return xy, np.array(spans, float).reshape(-1, 2)


def _scanpath(
    subject: str, xy: Float[np.ndarray, "l 2"], spans: Float[np.ndarray, "l 2"], picture: Picture
) -> Scanpath:
    kept = ((xy >= 0) & (xy < (picture.width, picture.height))).all(1)
    begin, end = spans[kept].T * (1000 / RATE)
    return Scanpath(subject, xy[kept], begin, end - begin)
