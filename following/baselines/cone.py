"""A cone of view from a head, times where people look anyway: what works without training.

    weight = exp(kappa (cos phi - 1))       phi in the picture, from the axis of the cone; kappa = (length / spread)^2
           x exp(-r / reach)                r pixels from the head's middle
           x 1 - exp(-q^2 / 2)              q from the head's middle, in heads
           x saliency                       where people look in the picture anyway

The axis is the nose's direction in the picture. It is as long as the sine of the angle between nose and camera axis.
What a gaze deviates from the nose by (`SPREAD`, and the doubt about where the nose points) is the wider in the picture
the shorter the axis is, so a head that faces the camera, or looks straight away from it, has a disc instead of a cone,
as has one whose direction is not known. The head itself is left out, and so is, more and more softly, what is near to
it: there people look because of this head.

The product of a person's direction and the picture's saliency is of Recasens et al. 2015 (Where are they looking?,
NeurIPS), the axis that of FSA-Net and WHENet (https://arxiv.org/abs/2005.10353), the cone is after the one by which
ViTGaze's authors augment their data (https://arxiv.org/abs/2403.12778: cos phi within 75 degrees); ours is narrower
where the head is seen from the side, as theirs leaves most of the choice to the saliency. `SPREAD`, `REACH`, `FLOOR`
and `in_frame` are rules of thumb, fitted to nothing. The cone knows the head and no eyes, and neither depth nor what
hides what.

Shapes: `h w` picture. Angles are degrees: yaw above 0 turns the nose to the picture's left, pitch above 0 up.
"""

import math

import numpy as np
from jaxtyping import Float, Float32

SPREAD = 0.4  # radians, 23 degrees: by how much a gaze deviates from the nose, of a head that is seen from the side
FLAT = 0.2  # length of an axis below which it is no direction
REACH = 0.5  # of the picture's diagonal: the mean distance of what is looked at by a head that is seen from the side
FLOOR = 1e-3  # of the largest weight: no place is impossible
ASIDE = 0.1  # how often, at least, who faces the camera looks at something in the picture
RAYS = 120  # directions in which `in_frame` measures the picture

Direction = tuple[float, float]  # yaw and pitch in degrees


def axis(yaw: float, pitch: float) -> tuple[float, float, float]:
    """Where the nose points: right and down in the picture, and towards the camera; of length one.

    >>> [round(value, 3) for value in axis(90, 0)], [round(value, 3) for value in axis(0, 30)]
    ([-1.0, -0.0, 0.0], [-0.0, -0.5, 0.866])
    """
    turn, lift = math.radians(yaw), math.radians(pitch)
    return -math.sin(turn), -math.cos(turn) * math.sin(lift), math.cos(turn) * math.cos(lift)


def angles(right: float, down: float, towards: float) -> Direction:
    """The yaw and pitch whose `axis` this is; the pitch lies within 90 degrees, the yaw may be any.

    >>> [round(value, 3) + 0 for value in angles(*axis(150, -20))]
    [150.0, -20.0]
    """
    side = 1.0 if towards >= 0 else -1.0
    yaw = math.atan2(-right, side * math.hypot(down, towards))
    return math.degrees(yaw), math.degrees(math.atan2(-down * side, towards * side))


def cone(
    log_density: Float[np.ndarray, "h w"],
    head: Float[np.ndarray, "4"],
    direction: Direction | None = None,
    doubt: float = 0.0,
) -> Float32[np.ndarray, "h w"]:
    """Where the person with this head looks: the natural logarithm of a density that sums to one over the pixels.

    Args:
        log_density: Where people look in the picture, as a natural-log density or up to a constant.
        head: The head's box: x, y, width, height in pixels of the map; it may reach over its edge.
        direction: Yaw and pitch; None: not known.
        doubt: By how many degrees the direction may be wrong.

    Raises:
        ValueError: The map or the head holds what is no number, or the head has no area.

    >>> map_ = np.zeros((40, 60))                      # nothing stands out
    >>> looked = cone(map_, np.array([25, 15, 10, 10]), (90, 0))
    >>> y, x = np.unravel_index(looked.argmax(), looked.shape)
    >>> bool(x < 25), round(float(np.exp(looked).sum()), 4)
    (True, 1.0)
    """
    box = np.asarray(head, np.float64)
    if not np.isfinite(box).all() or (box[2:] <= 0).any() or np.isnan(log_density).any():
        raise ValueError(f"A cone needs a map of numbers and a head with an area, but the head is {box.tolist()}.")
    weight = view(log_density.shape, box, direction, doubt)
    logits = np.asarray(log_density, np.float64) + np.log(np.maximum(weight, FLOOR * weight.max()) + 1e-30)
    logits -= logits.max()
    return np.asarray(logits - np.log(np.exp(logits).sum()), np.float32)


def view(
    shape: tuple[int, ...], head: Float[np.ndarray, "4"], direction: Direction | None = None, doubt: float = 0.0
) -> Float[np.ndarray, "h w"]:
    """The cone alone, 0 to 1 by pixel: what the person could see, whatever is there."""
    height, width = shape[:2]
    right, down, length = _flat_axis(direction)
    x = (np.arange(width) + 0.5 - head[0] - head[2] / 2)[None]
    y = (np.arange(height) + 0.5 - head[1] - head[3] / 2)[:, None]
    away = np.maximum(np.hypot(x, y), 1e-6)
    weight = np.exp(-away / _reach(shape, length))
    if length >= FLAT:
        weight *= np.exp(_kappa(length, doubt) * ((x * right + y * down) / (away * length) - 1))
    weight *= 1 - np.exp(-0.5 * ((x / head[2]) ** 2 + (y / head[3]) ** 2))
    in_head = (np.abs(x) < head[2] / 2) & (np.abs(y) < head[3] / 2)
    return np.asarray(np.where(in_head, 0, weight))


def in_frame(
    shape: tuple[int, ...],
    head: Float[np.ndarray, "4"],
    direction: Direction | None = None,
    doubt: float = 0.0,
    log_density: Float[np.ndarray, "h w"] | None = None,
) -> float:
    """How likely what is looked at lies in the picture, as a rule of thumb: the cone's share that is in the picture.

    Measured along rays from the head to the picture's edge. With a saliency map, of the size `shape`, what lies in the
    picture counts by how salient it is, and outside everything is as salient as the picture is on average: of made
    people who look in and out that raises the AUC from .83 to .91 (`tests/bench/cone.py`). Who faces the camera
    looks, most likely, into it: the shorter such an axis is, the less likely anything in the picture is looked at.

    >>> middle, left = np.array([45, 45, 10, 10]), np.array([0, 45, 10, 10])
    >>> to_the_right, to_the_left = in_frame((100, 100), left, (-90, 0)), in_frame((100, 100), left, (90, 0))
    >>> to_the_right > 0.6, to_the_left < 0.1, in_frame((100, 100), middle, (0, 0)) < 0.1
    (True, True, True)
    """
    height, width = shape[:2]
    right, down, length = _flat_axis(direction)
    off = np.linspace(-math.pi, math.pi, RAYS + 1)[1:]
    weight = np.exp(_kappa(length, doubt) * (np.cos(off) - 1))
    turn = math.atan2(down, right) + off
    middle = np.clip([head[0] + head[2] / 2, head[1] + head[3] / 2], 0, (width, height))
    steps = np.stack([np.cos(turn), np.sin(turn)], 1)
    room = np.where(steps > 0, np.array([width, height]) - middle, middle) / np.maximum(np.abs(steps), 1e-9)
    far = room.min(1) / _reach(shape, length)
    share = float(weight @ (1 - np.exp(-far) * (1 + far)) / weight.sum())
    if log_density is not None:
        seen = view(shape, head, direction, doubt)
        density = np.exp(log_density - np.float64(log_density.max()))
        lift = float((seen * density).sum() / seen.sum() / density.mean()) if seen.any() else 1.0
        share = share * lift / (share * lift + 1 - share)
    towards = 0.0 if direction is None else axis(*direction)[2]
    return share * min(1.0, max(ASIDE, length / (2 * FLAT))) if towards > 0 else share


def _flat_axis(direction: Direction | None) -> tuple[float, float, float]:
    """The axis in the picture and its length; where it is not known the length is 0."""
    if direction is None:
        return 0.0, 0.0, 0.0
    right, down, _ = axis(*direction)
    return right, down, math.hypot(right, down)


def _kappa(length: float, doubt: float) -> float:
    """How narrow a cone is, as the concentration of a von Mises distribution; 0 is a disc."""
    return length**2 / (SPREAD**2 + math.radians(doubt) ** 2) if length >= FLAT else 0.0


def _reach(shape: tuple[int, ...], length: float) -> float:
    """Pixels over which the weight falls to 1 / e; of a disc as of an axis of middle length."""
    diagonal = math.hypot(*shape[:2])
    return REACH / 2 * diagonal * (length if length >= FLAT else 0.5)
