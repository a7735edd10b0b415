"""What people in a picture look at, drawn: their heads, cones of view, and where their gaze most likely lands.

Each person has a colour and a number: a frame around the head, a wedge in the direction of the nose (a ring around the
head where it is not known), a veil of the colour where the person may look, and the number again at the most likely
place. Of a person who more likely looks at something outside only head, cone and a faint veil are drawn.

Shapes: `h w` picture, `g v` a map's own cells, which cover the picture. Pictures are RGB uint8; places are pixels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.draw._canvas import INK, WHITE, grain, veiled
from data.draw.heatmap import relative_density
from data.draw.scanpath import BADGE, _badge, _disc, _fixed, _line, _ring, _seats, _stamp
from data.draw.scanpath import SHIFT as SHIFT

COLOURS = (  # Okabe and Ito's, which also people who see no red or green tell apart; black left out
    (213, 94, 0),
    (0, 114, 178),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
    (148, 103, 189),
    (140, 86, 75),
)
VEILED = 6  # people whose maps are laid over the picture: of more, the first
SPREAD, WIDEST = 23.0, 80.0  # degrees: half of a wedge of a nose that is seen from the side, and of any
LONG = 0.16  # of the picture's diagonal: a wedge of a nose that is seen from the side
PEAKED = 0.7  # exponent of a map over its maximum, so that half as likely a place shows


@dataclass(frozen=True)
class Person:
    """One person as drawn."""

    head: Float[np.ndarray, "4"]  # x, y, width, height in pixels
    axis: tuple[float, float] | None  # the nose in the picture, right and down, at most 1 long; None: not known
    density: Float[np.ndarray, "g v"]  # natural-log density
    place: tuple[float, float]  # most likely
    in_frame: float  # probability
    doubt: float = 0.0  # degrees by which the nose may point elsewhere


def following(
    picture: UInt8[np.ndarray, "h w 3"], people: Sequence[Person], opacity: float = 0.6, veil: float = 0.2
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with what each person looks at; a map covers at most `opacity`, and only those of the first few."""
    drawn = veiled(picture, veil)
    unit = grain(picture.shape)
    colours = [COLOURS[number % len(COLOURS)] for number in range(len(people))]
    for person, colour in reversed([*zip(people, colours, strict=True)][:VEILED]):
        _veil(drawn, person, colour, opacity if person.in_frame >= 0.5 else 0.5 * opacity)
    for person, colour in zip(people, colours, strict=True):
        _cone(drawn, person, colour, unit)
    for person, colour in zip(people, colours, strict=True):
        _head(drawn, person.head, colour, unit)
        if person.in_frame >= 0.5:
            _dashes(drawn, _middle(person), np.array(person.place), colour, unit)
    _badges(drawn, people, colours, unit)
    return drawn


def _middle(person: Person) -> Float[np.ndarray, "2"]:
    return np.asarray(person.head[:2] + person.head[2:] / 2, np.float64)


def _veil(canvas: UInt8[np.ndarray, "h w 3"], person: Person, colour: tuple[int, int, int], opacity: float) -> None:
    """The person's colour, denser where the person looks more likely."""
    share = relative_density(person.density, None) ** PEAKED
    height, width = canvas.shape[:2]
    alpha = cv2.resize(share * opacity, (width, height), interpolation=cv2.INTER_LINEAR)
    for channel in range(3):
        plane = canvas[..., channel]
        plane[:] = np.round(plane * (1 - alpha) + colour[channel] * alpha).astype(np.uint8)


def _cone(canvas: UInt8[np.ndarray, "h w 3"], person: Person, colour: tuple[int, int, int], unit: float) -> None:
    """A translucent wedge from the head in the direction of the nose; a ring where there is none."""
    middle, radius = _middle(person), float(max(person.head[2:])) / 2
    length = 0.0 if person.axis is None else math.hypot(*person.axis)
    if person.axis is None or length < 1e-3:
        _ring(canvas, middle, 1.5 * radius, colour, max(1, round(1.5 * unit)))
        return
    turn = math.atan2(person.axis[1], person.axis[0])
    far = radius + LONG * math.hypot(*canvas.shape[:2]) * min(1.0, length)
    half = min(WIDEST, math.hypot(SPREAD, person.doubt) / length)  # one standard deviation of the cone
    off = turn + np.radians(np.linspace(-half, half, 25))
    corners = np.vstack([middle, middle + far * np.stack([np.cos(off), np.sin(off)], 1)])
    fixed = np.array([_fixed(corner) for corner in corners], np.int32)
    cover = canvas.copy()
    cv2.fillPoly(cover, [fixed], colour, cv2.LINE_AA, SHIFT)
    canvas[:] = cv2.addWeighted(cover, 0.4, canvas, 0.6, 0)
    cv2.polylines(canvas, [fixed], True, colour, max(1, round(1.2 * unit)), cv2.LINE_AA, SHIFT)


def _head(
    canvas: UInt8[np.ndarray, "h w 3"], head: Float[np.ndarray, "4"], colour: tuple[int, int, int], unit: float
) -> None:
    """A frame of the colour on a white casing."""
    thin = max(1, round(2 * unit))
    corners = _fixed(head[:2] + 0.5), _fixed(head[:2] + head[2:] - 0.5)
    cv2.rectangle(canvas, *corners, WHITE, thin + 2 * max(1, round(unit)), cv2.LINE_AA, SHIFT)
    cv2.rectangle(canvas, *corners, colour, thin, cv2.LINE_AA, SHIFT)


def _dashes(
    canvas: UInt8[np.ndarray, "h w 3"],
    start: Float[np.ndarray, "2"],
    end: Float[np.ndarray, "2"],
    colour: tuple[int, int, int],
    unit: float,
) -> None:
    """A dashed line on a white casing."""
    thin, step = max(1, round(1.6 * unit)), 9 * unit
    count = max(1, round(float(np.hypot(*(end - start))) / (2 * step)))
    at = np.linspace(0, 1, 2 * count)
    for wide, ink in ((thin + 2, WHITE), (thin, colour)):
        for first, last in zip(at[::2], at[1::2], strict=True):
            _line(canvas, start + first * (end - start), start + last * (end - start), ink, wide)


def _badges(
    canvas: UInt8[np.ndarray, "h w 3"],
    people: Sequence[Person],
    colours: Sequence[tuple[int, int, int]],
    unit: float,
) -> None:
    """The number of each person at the upper left corner of the head, and at the place; none covers another."""
    landed = [number for number, person in enumerate(people) if person.in_frame >= 0.5]
    numbers = [*landed, *range(len(people))]
    places = np.array([people[n].place for n in landed] + [tuple(person.head[:2]) for person in people], np.float64)
    radius = 0.75 * BADGE * unit
    seats = _seats(places, radius, canvas.shape) if len(people) else places
    for at, number in reversed([*enumerate(numbers)]):
        seat, colour = seats[at], colours[number]
        if at < len(landed) and np.hypot(*(places[at] - seat)) > 1:
            _line(canvas, places[at], seat, INK, max(1, round(unit)))
            _disc(canvas, places[at], 3.5 * unit, WHITE)
            _disc(canvas, places[at], 2.5 * unit, colour)
        _stamp(canvas, _badge(str(number + 1), colour, radius), seat)
