"""How the head moved between two sampled frames: corners of one are found again in the other.

A similarity (shift, turn, scale) maps pixels of the frame before to pixels of this one, by RANSAC on matched ORB
features (Rublee et al. 2011, https://doi.org/10.1109/ICCV.2011.6126544). Where too few agree it is not known; a cut is
where also the colours are others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

SIDE = 400  # pixels: the longest side of the frames that are compared
SMALLEST = 64  # pixels of the shorter side of a small frame: less has no corners to compare
CORNERS = 500
AGREEING = 12  # matches that must agree on a motion
NEAR = 3.0  # pixels of the small frame within which they do
SCALES = (0.5, 2.0)  # of the motion of a head in a fraction of a second
COLOURS = 0.5  # correlation of the colours' histograms below which the scene is another


@dataclass(frozen=True)
class View:
    """What is kept of a frame to compare it with the next."""

    points: Float32[np.ndarray, "p 2"]  # pixels of the frame
    descriptors: UInt8[np.ndarray, "p 32"] | None
    colours: Float32[np.ndarray, " c"]
    scale: float  # pixels of the frame a pixel of the small one

    @classmethod
    def of(cls, pixels: UInt8[np.ndarray, "h w 3"]) -> "View":
        """A frame's corners and colours."""
        scale = max(1.0, max(pixels.shape[:2]) / SIDE)
        size = max(1, round(pixels.shape[1] / scale)), max(1, round(pixels.shape[0] / scale))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        corners: Sequence[cv2.KeyPoint] = ()
        descriptors = None
        if min(size) >= SMALLEST:
            orb = cv2.ORB.create(nfeatures=CORNERS, fastThreshold=10)
            corners, descriptors = orb.detectAndCompute(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), None)
        points = np.array([corner.pt for corner in corners], np.float32).reshape(-1, 2) * scale
        colours = cv2.calcHist([small], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel()
        return cls(points, descriptors if len(points) else None, np.sqrt(colours / max(1.0, colours.sum())), scale)


UNKNOWN = np.full((2, 3), np.nan, np.float32)
STILL = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


def motion(before: View, now: View) -> tuple[Float32[np.ndarray, "2 3"], bool]:
    """The similarity from one frame to the next (NaN: not known), and whether a new shot begins."""
    found = _similarity(before, now)
    if found is not None:
        return found, False
    alike = float(before.colours @ now.colours)  # Bhattacharyya's coefficient
    plain = before.descriptors is None and now.descriptors is None
    return (STILL.copy() if plain and alike > COLOURS else UNKNOWN.copy()), alike <= COLOURS


def _similarity(before: View, now: View) -> Float32[np.ndarray, "2 3"] | None:
    if before.descriptors is None or now.descriptors is None:
        return None
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(before.descriptors, now.descriptors)
    if len(matches) < AGREEING:
        return None
    old = before.points[[match.queryIdx for match in matches]]
    new = now.points[[match.trainIdx for match in matches]]
    found, agree = cv2.estimateAffinePartial2D(old, new, ransacReprojThreshold=NEAR * now.scale)
    if found is None or int(agree.sum()) < AGREEING or not np.isfinite(found).all():
        return None
    size = float(np.hypot(found[0, 0], found[1, 0]))
    return found.astype(np.float32) if SCALES[0] <= size <= SCALES[1] else None


def moved(xy: np.ndarray, by: Float32[np.ndarray, "2 3"]) -> np.ndarray:
    """Points after a motion."""
    return np.asarray(xy @ by[:, :2].T + by[:, 2])


def after(first: Float32[np.ndarray, "2 3"], then: Float32[np.ndarray, "2 3"]) -> Float32[np.ndarray, "2 3"]:
    """Two motions, one after the other, as one.

    >>> after(STILL, np.array([[1, 0, 3], [0, 1, 4]], np.float32))[:, 2].tolist()
    [3.0, 4.0]
    """
    turned = then[:, :2] @ first[:, :2]
    return np.hstack([turned, (then[:, :2] @ first[:, 2] + then[:, 2])[:, None]]).astype(np.float32)
