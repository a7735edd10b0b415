"""Heads in a picture: those that a saliency model finds, or the faces of a person's detector grown to heads; no torch.

What tempsal calls a face is a whole head, as people have framed them in Saliency in Crowd: on 270 frontal ones its
boxes are theirs but for 2 % of a side (median). A detector's face goes from brow to chin; how much smaller YuNet's are
than the same people's heads is `GROWN` (345 of them; `tests/bench/head_pose.py` prints both).
"""

from typing import Final

import numpy as np
from jaxtyping import Float, UInt8

from data.errors import GazeError, ModelError
from data.gaze import Objects
from export.runtime.detector import Detector, thin

GROWN: Final = (0.27, 0.43, 1.55, 1.55)  # of a face's sides: how far its head begins to the left and above, its sides
KINDS = ("face", "head")  # of objects that are heads or faces
SMALLEST = 4.0  # pixels of a head's sides: no direction is told in less
SHARED = 0.5  # of the united area: boxes that share more are one head
MOST = 64  # heads of a picture: of more the surest


def head_of(face: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
    """The box of the head around a face from brow to chin; it may reach over the picture's edge.

    >>> head_of(np.array([100.0, 100, 20, 20])).tolist()
    [94.6, 91.4, 31.0, 31.0]
    """
    left, above, wide, high = GROWN
    width, height = face[..., 2], face[..., 3]
    return np.stack([face[..., 0] - left * width, face[..., 1] - above * height, wide * width, high * height], -1)


def heads(objects: Objects | None, size: tuple[int, int], grow: bool = False) -> Objects:
    """The heads among what was found in a picture of this height and width, the surest first; there may be none.

    With `grow` faces end at brow and chin, and are grown to their heads. All are cut at the picture's edge.
    """
    if objects is None or not len(objects):
        return Objects(np.zeros((0, 4)), ())
    kinds = [_kind(objects, number) for number in range(len(objects))]
    chosen = np.array([kind in KINDS for kind in kinds], bool)
    faces = np.array([grow and kind == "face" for kind in kinds], bool)
    boxes = np.where(faces[:, None], head_of(objects.boxes.astype(np.float64)), objects.boxes)
    scores = np.ones(len(objects)) if objects.confidences is None else objects.confidences
    boxes = inside(boxes, size)
    chosen &= (boxes[:, 2:] >= SMALLEST).all(1)
    order = np.flatnonzero(chosen)[np.argsort(-scores[chosen], kind="stable")]
    kept = order[thin(boxes[order], np.zeros(len(order), np.int64), SHARED)][:MOST]
    return Objects(boxes[kept], tuple(f"head {number}" for number in range(1, len(kept) + 1)), (), scores[kept])


def inside(boxes: Float[np.ndarray, "n 4"], size: tuple[int, int]) -> Float[np.ndarray, "n 4"]:
    """The parts of boxes that lie in a picture of this height and width."""
    low = np.clip(boxes[:, :2], 0, size[::-1])
    return np.hstack([low, np.clip(boxes[:, :2] + boxes[:, 2:], 0, size[::-1]) - low])


def _kind(objects: Objects, number: int) -> str:
    """What an object is: its attribute `kind`, or else its category."""
    told = objects.attributes[number].get("kind") if objects.attributes else None
    return str(told or objects.categories[number]).lower()


class HeadDetector:
    """A person's detector of faces or heads, such as YuNet, in any layout of `export.runtime.detector_layouts`.

    Raises:
        ModelError: There is no such file, it is no detector, or it finds neither faces nor heads.
    """

    def __init__(self, detector: Detector) -> None:
        known = {name.lower() for name in detector.names.values()}
        if known and not known & {*KINDS}:
            told = ", ".join(sorted(known)[:3])
            raise ModelError(
                f"{detector.path}: the detector finds {told}{', ...' * (len(known) > 3)}, but neither faces nor heads; "
                "give one of faces, such as YuNet, or the heads with --head."
            )
        self.detector, self._named = detector, bool(known)

    def __call__(self, pixels: UInt8[np.ndarray, "h w 3"]) -> Objects:
        """The heads in a picture, the surest first."""
        found = self.detector.objects(pixels, confidence=0.5)
        if not self._named:  # one class without a name: what else would be given here
            found = Objects(found.boxes, ("face",) * len(found), (), found.confidences)
        return heads(found, pixels.shape[:2], grow=True)


def check_head(box: Float[np.ndarray, "4"], size: tuple[int, int], where: str = "The picture") -> None:
    """Refuse a box that cannot be a head of a picture of this height and width; `where` names the picture.

    Raises:
        GazeError: It holds what is no number, has no area, or lies outside.
    """
    words = ", ".join(f"{value:g}" for value in np.asarray(box, np.float64).tolist())
    if not np.isfinite(box).all():
        raise GazeError(f"{where}: the head {words} holds what is not a number; give x,y,width,height in pixels.")
    if (box[2:] <= 0).any():
        raise GazeError(f"{where}: the head {words} has no area; give x,y,width,height in pixels.")
    height, width = size
    if (box[:2] + box[2:] <= 0).any() or (box[:2] >= (width, height)).any():
        raise GazeError(f"{where}: the head {words} lies outside of the picture of {width} x {height} pixels; move it.")
