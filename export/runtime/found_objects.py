"""Objects and faces that a saliency model finds, from its maps of centres and boxes; no torch.

A cell whose score is the highest of its neighbours is an object (Zhou et al. 2019, https://arxiv.org/abs/1904.07850);
of two of one kind that share much of their area the less sure one goes.
Shapes: `k` kinds, `g v` cells, `n` objects.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32

from data.gaze import Objects
from data.picture import Letterbox
from export.runtime.detector import thin

MOST = 20  # objects of a picture
SURE = {"face": 0.4}  # the least score of a kind: three of four faces on val of crowd are faces, and few on graphics
ELSE = 0.1  # of every other
SHARED = 0.5  # of the united area: what shares more is the same object
SMALLEST = 4.0  # pixels of the canvas: what is narrower is a speck


def found_objects(
    maps: Float32[np.ndarray, "k 5 g v"], kinds: Sequence[str], box: Letterbox, most: int = MOST
) -> Objects:
    """What stands out in a picture that lies on its canvas as `box` says: at most `most`, the surest first.

    `maps` are the output `objects` of one picture. Each is named after its kind and its place in the list, "face 1",
    "object 2"; the attribute `kind` is its kind alone. Boxes are in the picture's pixels and cut at its edge.
    """
    top, left, height, width = box.content
    scale = np.array([box.size[1] / width, box.size[0] / height])
    low, high = np.array([left, top]), np.array([left + width, top + height])
    parts = []
    for number, kind in enumerate(kinds):
        score = maps[number, 0]
        peaks = (score >= SURE.get(kind, ELSE)) & (score >= cv2.dilate(score, np.ones((3, 3), np.uint8)))
        rows, columns = np.nonzero(peaks)
        corners = maps[number, 1:, rows, columns].astype(np.float64).reshape(-1, 4)
        corners = np.hstack([np.clip(corners[:, :2], low, high), np.clip(corners[:, 2:], low, high)])
        kept = (corners[:, 2:] - corners[:, :2] >= SMALLEST).all(1)
        parts.append((corners[kept], score[rows, columns][kept], np.full(kept.sum(), number)))
    corners, scores, classes = (np.concatenate(some) for some in zip(*parts, strict=True))
    order = np.argsort(-scores, kind="stable")
    corners, scores, classes = corners[order], scores[order], classes[order]
    boxes = np.hstack([(corners[:, :2] - low) * scale, (corners[:, 2:] - corners[:, :2]) * scale])
    chosen = thin(boxes, classes, SHARED)[:most]
    names = tuple(f"{kinds[classes[i]]} {place}" for place, i in enumerate(chosen, 1))
    known = tuple({"kind": kinds[classes[i]]} for i in chosen)
    return Objects(boxes[chosen], names, known, scores[chosen].astype(np.float64))
