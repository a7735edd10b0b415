"""The boxes of a video's sampled frames as arrays, and the files that they are kept in.

    blocks/00000.npz ...    found so far, `BLOCK` frames a file; detection goes on behind the last whole one
    boxes.npz               all of them with their tracks, once detection is done

Arrays are read without pickle. Shapes: `t` sampled frames, `n` boxes, `k` kinds, `f` numbers a box.
"""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int64

from data.atomic import atomic_write
from data.errors import GazeError

BLOCK = 50  # frames a file
FILE, BLOCKS = "boxes.npz", "blocks"
LARGEST = 8 << 30  # bytes of a file of boxes
DAMAGE = (ValueError, KeyError, TypeError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Frames:
    """The sampled frames: when each is shown, and how the camera moved since the one before."""

    times: Float[np.ndarray, " t"]  # seconds from the first frame of the video
    motion: Float32[np.ndarray, "t 2 3"]  # pixels of the frame before -> pixels of this one; NaN: not known
    cut: np.ndarray  # bool (t,): a new shot begins here
    size: tuple[int, int]  # height and width in pixels

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True)
class Boxes:
    """All boxes of a project by number, in the order of their frames."""

    frame: Int64[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]
    box: Float[np.ndarray, "n 4"]  # x, y, width, height in pixels
    track: Int64[np.ndarray, " n"]  # boxes of one thing have one number
    link: Float32[np.ndarray, " n"]  # how sure a box is of the same thing as the one before in its track; 1 for a first
    sureness: Float32[np.ndarray, " n"]  # of the detector, 0 to 1
    kind: Int64[np.ndarray, " n"]  # the detector's class, among `kinds`
    features: Float32[np.ndarray, "n f"]
    kinds: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def centres(self) -> Float[np.ndarray, "n 2"]:
        """Pixels."""
        return self.box[:, :2] + self.box[:, 2:] / 2

    def of_frame(self, frame: int) -> slice:
        """The numbers of the boxes of a sampled frame."""
        first, after = np.searchsorted(self.frame, [frame, frame + 1]).tolist()
        return slice(first, after)


@dataclass(frozen=True)
class Found:
    """The boxes of one frame as they are found."""

    time_s: float
    box: Float[np.ndarray, "n 4"]
    sureness: Float32[np.ndarray, " n"]
    kinds: tuple[str, ...]  # one a box
    features: Float32[np.ndarray, "n f"]
    motion: Float32[np.ndarray, "2 3"]
    cut: bool
    size: tuple[int, int]  # height and width of the frame in pixels


def write_block(folder: Path, number: int, found: Sequence[Found]) -> None:
    """Keep the boxes of some frames as the block of a number."""
    (folder / BLOCKS).mkdir(exist_ok=True)
    names = sorted({kind for each in found for kind in each.kinds})
    place = {name: at for at, name in enumerate(names)}
    _save(
        folder / BLOCKS / f"{number:05}.npz",
        {
            "times": np.array([each.time_s for each in found]),
            "count": np.array([len(each.box) for each in found], np.int64),
            "motion": np.stack([each.motion for each in found]),
            "cut": np.array([each.cut for each in found]),
            "box": np.concatenate([each.box for each in found]),
            "sureness": np.concatenate([each.sureness for each in found]),
            "kind": np.array([place[kind] for each in found for kind in each.kinds], np.int64),
            "features": np.concatenate([each.features for each in found]).astype(np.float16),
            "kinds": np.array(names, np.str_),
            "size": np.array(found[0].size),
        },
    )


def read_blocks(folder: Path) -> list[dict[str, np.ndarray]]:
    """The blocks from the first to the last before one that is missing or damaged."""
    blocks: list[dict[str, np.ndarray]] = []
    while (path := folder / BLOCKS / f"{len(blocks):05}.npz").is_file():
        try:
            block = _load(path)
            _check_block(block)
        except (OSError, *DAMAGE):
            break
        blocks.append(block)
    return blocks


def _check_block(block: Mapping[str, np.ndarray]) -> None:
    frames, boxes = len(block["times"]), int(block["count"].sum())
    shapes = {name: block[name].shape for name in ("count", "cut", "motion", "box", "sureness", "kind")}
    wanted = {"count": (frames,), "cut": (frames,), "motion": (frames, 2, 3)}
    wanted |= {"box": (boxes, 4), "sureness": (boxes,), "kind": (boxes,)}
    if (
        block["size"].shape != (2,)
        or block["kinds"].ndim != 1
        or (boxes and block["kind"].max() >= len(block["kinds"]))
    ):
        raise ValueError("its arrays are others")
    if shapes != wanted or not frames or block["features"].shape[:1] != (boxes,) or block["features"].ndim != 2:
        raise ValueError("its arrays do not fit each other")


def joined(blocks: Sequence[Mapping[str, np.ndarray]]) -> tuple[Frames, Boxes]:
    """All blocks as one; each box is a track of its own still."""
    whole = {name: np.concatenate([block[name] for block in blocks]) for name in ("times", "count", "motion", "cut")}
    whole |= {name: np.concatenate([block[name] for block in blocks]) for name in ("box", "sureness", "features")}
    names = sorted({str(name) for block in blocks for name in block["kinds"]})
    kind = [np.searchsorted(names, block["kinds"])[block["kind"]] for block in blocks if len(block["kind"])]
    frame = np.repeat(np.arange(len(whole["times"])), whole["count"])
    count = len(frame)
    boxes = Boxes(
        frame,
        whole["times"][frame],
        whole["box"].astype(np.float64),
        np.arange(count),
        np.ones(count, np.float32),
        whole["sureness"].astype(np.float32),
        np.concatenate([np.zeros(0, np.int64), *kind]).astype(np.int64),
        whole["features"].astype(np.float32),
        tuple(names),
    )
    height, width = blocks[0]["size"].tolist()
    return Frames(whole["times"], whole["motion"], whole["cut"], (height, width)), boxes


def write(folder: Path, frames: Frames, boxes: Boxes) -> None:
    """Keep all boxes with their tracks."""
    arrays = {name: getattr(boxes, name) for name in ("frame", "box", "track", "link", "sureness", "kind")}
    arrays |= {"features": boxes.features.astype(np.float16), "kinds": np.array(boxes.kinds, np.str_)}
    arrays |= {"times": frames.times, "motion": frames.motion, "cut": frames.cut, "size": np.array(frames.size)}
    _save(folder / FILE, arrays)


def read(folder: Path) -> tuple[Frames, Boxes]:
    """What `write` kept.

    Raises:
        GazeError: It is missing or damaged.
    """
    path = folder / FILE
    try:
        arrays = _load(path)
        times, size = arrays["times"].astype(np.float64), arrays["size"].astype(int).tolist()
        frame, kinds = arrays["frame"].astype(np.int64), tuple(map(str, arrays["kinds"]))
        frames = Frames(times, arrays["motion"].astype(np.float32), arrays["cut"].astype(bool), (size[0], size[1]))
        names = ("track", "link", "sureness", "kind", "features")
        track, link, sureness, kind, features = (arrays[name] for name in names)
        boxes = Boxes(
            frame, times[frame], arrays["box"].astype(np.float64), track, link, sureness, kind, features, kinds
        )
        _check(frames, boxes)
    except OSError as error:
        raise GazeError(
            f"{folder}: its boxes cannot be read ({error.strerror}); run gaze annotate with the video to go on."
        ) from error
    except (*DAMAGE, IndexError) as error:
        raise GazeError(f"{path}: damaged; remove it and run gaze annotate with the video again.") from error
    return frames, Boxes(**{**vars(boxes), "features": features.astype(np.float32)})


def _check(frames: Frames, boxes: Boxes) -> None:
    count, total = len(boxes), len(frames)
    flat = (boxes.track, boxes.link, boxes.sureness, boxes.kind)
    right = all(each.shape == (count,) for each in flat) and boxes.box.shape == (count, 4)
    right &= boxes.features.ndim == 2 and len(boxes.features) == count
    right &= frames.motion.shape == (total, 2, 3) and frames.cut.shape == (total,) and min(frames.size) > 0
    right &= all(each.dtype.kind == "i" for each in (boxes.track, boxes.kind))
    if not right:
        raise ValueError("its arrays do not fit each other")
    numbers = (frames.times, boxes.box, boxes.link, boxes.sureness, boxes.features)
    right = all(np.isfinite(each).all() for each in numbers) and bool((np.diff(frames.times) > 0).all())
    right &= bool((np.diff(boxes.frame) >= 0).all()) and bool((boxes.frame >= 0).all())
    right &= bool((boxes.box[:, 2:] > 0).all()) and bool((boxes.track >= 0).all())
    right &= not count or bool((boxes.kind >= 0).all() and (boxes.kind < max(1, len(boxes.kinds))).all())
    if not right:
        raise ValueError("it holds numbers that cannot be")


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    try:
        with atomic_write(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise GazeError(f"{path}: cannot be written ({error.strerror}); make room and go on.") from error


def _load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that is not packed, so that it holds no more than its bytes.

    Raises:
        ValueError: It is packed, or larger than any file of boxes.
    """
    with zipfile.ZipFile(path) as archive:
        if any(entry.file_size > entry.compress_size for entry in archive.infolist()):
            raise ValueError("it is packed")
    if path.stat().st_size > LARGEST:
        raise ValueError("it is too large")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
