"""The layouts in which head-pose models answer: what part of a head each is shown, and how its angles are read.

    layout     input      outputs                                       as in
    fsanet     64 x 64    (1, 3): yaw, pitch, roll in degrees           FSA-Net; its two files are averaged
    angles     any        (1, 3): yaw, pitch, roll in degrees, or in    small regressors
                          the order that the output's name tells
    named      any        (1, 1) each, named yaw, pitch, roll           the same
    rotation   any        (1, 3, 3): a rotation matrix                  6DRepNet, 6DRepNet360
    whenet     any        (1, 120), (1, 66), (1, 66): bins of 3         WHENet, also of heads from behind
                          degrees, yaw, pitch, roll
    hopenet    any        (1, 66) three times: bins of 3 degrees        Hopenet

Angles are as in `following.baselines.cone`; all of these follow the draw_axis of Hopenet, in which a yaw above 0 is to
the picture's left and a pitch above 0 is up. A model with other signs cannot be told from its file.
A crop is given as shares of the head's box, hair and chin included: left, top, right, bottom; FSA-Net's was measured
(`tests/bench/head_pose.py`), the others are about what their authors' demos cut. Channels may come first or last.

https://openaccess.thecvf.com/content_CVPR_2019/html/Yang_FSA-Net, https://github.com/omasaht/headpose-fsanet-pytorch,
https://arxiv.org/abs/2005.10353 (WHENet), https://arxiv.org/abs/2202.12555 (6DRepNet), https://arxiv.org/abs/1710.00925
(Hopenet)
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8

from following.baselines.cone import axis

NAMES = ("yaw", "pitch", "roll")
BIN = 3.0  # degrees of a bin
YAW_BINS, BINS = 120, 66
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of ImageNet, in levels of 0 to 255
MOST = 200.0  # degrees: no angle is larger
TURNED = 0.2  # how far a matrix may be from a rotation

Answers = Mapping[str, np.ndarray]
Angles = Float[np.ndarray, "3"]  # yaw, pitch, roll in degrees


@dataclass(frozen=True)
class Layout:
    """One row of the table."""

    decode: Callable[[Answers], Angles]
    crop: tuple[float, float, float, float]
    bgr: bool = False
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD

    def prepare(self, crop: UInt8[np.ndarray, "h w 3"], last: bool) -> Float32[np.ndarray, "1 _a _b _c"]:
        """The input for a crop that has the input's size; `last`: its channels come last."""
        channels = crop[..., ::-1] if self.bgr else crop
        mean, std = (np.asarray(three, np.float32) for three in (self.mean, self.std))
        scaled = (channels.astype(np.float32) - mean) / std
        return np.ascontiguousarray((scaled if last else scaled.transpose(2, 0, 1))[None])


def _ordered(found: Answers) -> list[np.ndarray]:
    """The answers for yaw, pitch and roll: by their names where these tell, else in the order of the file."""
    named = [[answer for name, answer in found.items() if angle in name.lower()] for angle in NAMES]
    return [each[0] for each in named] if all(len(each) == 1 for each in named) else list(found.values())


def _angles(found: Answers) -> Angles:
    ((name, answer),) = found.items()
    orders = ("_".join(order) for order in itertools.permutations(NAMES))
    order = next((order for order in orders if order in name.lower()), "_".join(NAMES)).split("_")
    return np.array([answer.ravel()[order.index(angle)] for angle in NAMES], np.float64)


def _named(found: Answers) -> Angles:
    return np.array([each.item() for each in _ordered(found)], np.float64)


def _rotation(found: Answers) -> Angles:
    """Angles of a matrix R = Rz(roll) Ry(yaw) Rx(pitch)."""
    (answer,) = found.values()
    r = answer.reshape(3, 3).astype(np.float64)
    if not np.abs(r @ r.T - np.eye(3)).max() < TURNED:
        return np.full(3, np.nan)
    yaw = np.arctan2(-r[2, 0], np.hypot(r[0, 0], r[1, 0]))
    return np.degrees([yaw, np.arctan2(r[2, 1], r[2, 2]), np.arctan2(r[1, 0], r[0, 0])])


def _bins(found: Answers) -> Angles:
    """The mean angle of each row of bins, which are logits or probabilities."""
    means = []
    for row in (each.ravel().astype(np.float64) for each in _ordered(found)):
        share = row if row.min() >= 0 and abs(row.sum() - 1) < 1e-2 else np.exp(row - row.max())
        start = -180.0 if len(row) == YAW_BINS else -99.0
        means.append(share @ (start + BIN * np.arange(len(row))) / share.sum())
    return np.array(means)


WHOLE = (0.0, 0.0, 1.0, 1.0)  # of a head's box
ROOMY = (-0.1, -0.1, 1.1, 1.1)  # of crops from 1 to 1.6 heads FSA-Net tells frontal from profile faces best in this one
LAYOUTS = {
    "fsanet": Layout(_angles, ROOMY, bgr=True, mean=(127.5,) * 3, std=(128.0,) * 3),
    "angles": Layout(_angles, WHOLE),
    "named": Layout(_named, WHOLE),
    "rotation": Layout(_rotation, WHOLE),
    "whenet": Layout(_bins, WHOLE),
    "hopenet": Layout(_bins, (-0.15, -0.1, 1.15, 1.1)),
}


def layout_of(found: Answers, side: int) -> str:
    """The layout that the answer to a grey picture fits, of a model whose input has such a side in pixels; "": none."""
    sizes = [answer.size for answer in found.values()]
    if len(found) == 1:
        (answer,) = found.values()
        if answer.shape in ((1, 3, 3), (1, 9)):
            return "rotation"
        return ("fsanet" if side == 64 else "angles") if answer.shape == (1, 3) else ""
    if len(found) != 3:
        return ""
    if sizes == [1, 1, 1]:
        return "named" if all(any(angle in name.lower() for name in found) for angle in NAMES) else ""
    if sorted(sizes) == [BINS, BINS, YAW_BINS]:
        return "whenet" if _ordered(found)[0].size == YAW_BINS else ""
    return "hopenet" if sizes == [BINS] * 3 else ""


def sound(angles: Angles) -> bool:
    """Whether these can be angles of a head."""
    return bool(np.isfinite(angles).all() and np.abs(angles).max() <= MOST)


def nose(angles: Angles, mirrored: bool = False) -> Float[np.ndarray, "3"]:
    """The `axis` of a head; of one that was seen in a mirror as it is without."""
    return np.array(axis(float(angles[0]), float(angles[1]))) * (-1.0 if mirrored else 1.0, 1.0, 1.0)
