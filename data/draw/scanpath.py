"""Scanpaths drawn: a picture in, a new picture with numbered fixations out.

Each fixation is a numbered badge on a halo whose area is its duration; colours run from the first (warm) to the last
(cool). Everything scales with the picture, from 200 pixels to 4000, and nothing here writes to the caller's arrays.

Shapes: `h w` picture, `l` fixations. Pictures are RGB uint8; places are pixels from the top-left corner.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from data.draw._canvas import INK, WHITE, grain, part, veiled

RAMP = np.array([(214, 40, 57), (240, 113, 36), (244, 180, 44), (38, 158, 138), (36, 98, 188)], np.float64)
TYPICAL = 250.0  # milliseconds: a fixation that lasts so long has a halo twice as wide as its badge
BADGE = 15.0  # pixels: the radius of a badge on a picture of 1000 pixels
FINE = 4  # badges are drawn so many times larger, and then shrunk
SHIFT = 4  # OpenCV's fixed-point coordinates: sixteenths of a pixel


def scanpath(
    picture: UInt8[np.ndarray, "h w 3"],
    xy: Float[np.ndarray, "l 2"],
    duration: Float[np.ndarray, " l"] | None = None,
    veil: float = 0.25,
    size: float = 1.0,
    avoid: Float[np.ndarray, "n 4"] | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with the fixations numbered in their order and joined by lines.

    A badge that would cover another one moves aside, and a thin line leads to its place. A duration that is unknown
    (NaN, or None for all) has no halo. `veil` lays so much white over the picture, so that the path stands out. `size`
    makes the marks larger, for a picture that will be shown smaller. `avoid` holds boxes (x, y, width, height) that
    badges stand beside and not on, as far as there is room.
    """
    drawn = veiled(picture, veil)
    if not len(xy):
        return drawn
    unit = size * grain(picture.shape)
    colours = ramp(len(xy))
    _halos(drawn, xy, duration, colours, unit)
    _lines(drawn, xy, colours, unit)
    radius = BADGE * unit
    seats = _seats(xy, radius, picture.shape) if avoid is None else _beside(xy, radius, picture.shape, avoid)
    for place, seat in zip(xy, seats, strict=True):
        if np.hypot(*(place - seat)) > 1:
            _line(drawn, place, seat, INK, max(1, round(1.2 * unit)))
    for number in reversed(range(len(xy))):
        if np.hypot(*(xy[number] - seats[number])) > 1:
            _disc(drawn, xy[number], 4.5 * unit, WHITE)
            _disc(drawn, xy[number], 3.2 * unit, colours[number])
    for number in reversed(range(len(xy))):
        _stamp(drawn, _badge(str(number + 1), colours[number], BADGE * unit), seats[number])
    return drawn


def ramp(count: int) -> list[tuple[int, int, int]]:
    """So many colours from warm to cool; a single one is warm.

    >>> ramp(2)
    [(214, 40, 57), (36, 98, 188)]
    """
    at = np.linspace(0, len(RAMP) - 1, count) if count > 1 else np.zeros(count)
    channels = [np.interp(at, range(len(RAMP)), channel) for channel in RAMP.T]
    return [(round(r), round(g), round(b)) for r, g, b in zip(*channels, strict=True)]


def _halos(
    canvas: UInt8[np.ndarray, "h w 3"],
    xy: Float[np.ndarray, "l 2"],
    duration: Float[np.ndarray, " l"] | None,
    colours: Sequence[tuple[int, int, int]],
    unit: float,
) -> None:
    """Translucent discs with an area in proportion to the duration; the longest first."""
    if duration is None:
        return
    radii = 2 * BADGE * unit * np.sqrt(np.minimum(np.nan_to_num(duration), 16 * TYPICAL) / TYPICAL)
    for number in np.argsort(-radii, kind="stable"):
        if radii[number] > 0:
            room, corner = part(canvas, xy[number] - radii[number], xy[number] + radii[number])
            cover = room.copy()
            _disc(cover, xy[number] - corner, radii[number], colours[number])
            room[:] = cv2.addWeighted(cover, 0.35, room, 0.65, 0)
            _ring(canvas, xy[number], radii[number], colours[number], max(1, round(1.5 * unit)))


def _lines(
    canvas: UInt8[np.ndarray, "h w 3"],
    xy: Float[np.ndarray, "l 2"],
    colours: Sequence[tuple[int, int, int]],
    unit: float,
) -> None:
    """Lines from fixation to fixation in the colour of the one they leave, each on a white casing; the first on top."""
    thin = max(1, round(2.1 * unit))
    for number in reversed(range(len(xy) - 1)):
        _line(canvas, xy[number], xy[number + 1], WHITE, thin + 2 * max(1, round(1.2 * unit)))
        _line(canvas, xy[number], xy[number + 1], colours[number], thin)


def _seats(xy: Float[np.ndarray, "l 2"], radius: float, shape: tuple[int, ...]) -> Float[np.ndarray, "l 2"]:
    """Where the badges sit: on their fixations, or nearby where another badge is or where the picture ends.

    Around a taken place, rings of places are tried from near to far; of the free places on a ring, the one farthest
    from all fixations and badges wins. Where none is free, badges overlap.
    """
    low, high = np.full(2, radius), np.maximum(np.array(shape[1::-1]) - radius, radius)
    angles = np.arange(24) * (2 * np.pi / 24)
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    seats = np.empty_like(xy)
    for number, place in enumerate(np.clip(xy, low, high)):
        others = seats[:number]
        seats[number] = place
        if number and np.hypot(*(others - place).T).min() < 2 * radius:
            for distance in np.arange(1.2, 8, 0.6) * radius:
                ring = place + distance * circle
                inside = ((ring >= low) & (ring <= high)).all(1)
                gaps = np.linalg.norm(ring[:, None] - others, axis=2).min(1)
                free = inside & (gaps >= 2.05 * radius)
                if free.any():
                    distances = np.linalg.norm(ring[:, None] - np.delete(xy, number, 0), axis=2).min(1)
                    seats[number] = ring[np.where(free, np.minimum(distances, gaps), -1).argmax()]
                    break
    return seats


def _beside(
    xy: Float[np.ndarray, "l 2"], radius: float, shape: tuple[int, ...], avoid: Float[np.ndarray, "n 4"]
) -> Float[np.ndarray, "l 2"]:
    """Where badges sit beside boxes: of rings of places around each fixation, the one that costs least.

    Cost, in radii: the distance, 10 for a badge that lies wholly on a box, 40 for one on another badge, 4 on another
    fixation, 60 outside of the picture. Boxes of a quarter of the picture or more are ground, not things.
    `app/web/path_player/player.js` does the same.
    """
    height, width = shape[:2]
    boxes = avoid[avoid[:, 2] * avoid[:, 3] < 0.25 * height * width]
    far = np.concatenate([[0], np.repeat(1.4 + 0.6 * np.arange(17), 24)]) * radius
    angle = np.concatenate([[0], np.tile(np.arange(24) * (2 * np.pi / 24) - np.pi / 2, 17)])
    ring = far[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    seats = np.empty_like(xy)
    for number, place in enumerate(xy):
        at = place + ring
        outside = ((at < radius) | (at > np.array([width, height]) - radius)).any(1)
        on_badge = (np.linalg.norm(at[:, None] - seats[:number], axis=2) < 2.15 * radius).sum(1)
        others = np.delete(xy, number, 0)
        on_look = (np.linalg.norm(at[:, None] - others, axis=2) < 1.4 * radius).sum(1)
        low = np.maximum(at[:, None] - radius, boxes[:, :2])
        high = np.minimum(at[:, None] + radius, boxes[:, :2] + boxes[:, 2:])
        covered = np.maximum(high - low, 0).prod(2).max(1, initial=0) / (2 * radius) ** 2
        cost = far / radius + 60 * outside + 40 * on_badge + 4 * on_look + 10 * covered
        seats[number] = at[cost.argmin()]
    return seats


def _badge(words: str, colour: tuple[int, int, int], radius: float) -> UInt8[np.ndarray, "bh bw 4"]:
    """A disc with a white rim and a number in it, RGBA."""
    side = 2 * round(radius) + 3
    image = Image.new("RGBA", (side * FINE, side * FINE), (*WHITE, 0))
    pen = ImageDraw.Draw(image)
    middle = side * FINE / 2
    for reach, ink in ((radius + 1, INK), (radius, WHITE), (radius * 0.88, colour)):
        edge = reach * FINE
        pen.ellipse((middle - edge, middle - edge, middle + edge, middle + edge), (*ink, 90 if ink == INK else 255))
    size = radius * FINE * (1.25, 1.15, 0.85, 0.65)[min(len(words), 4) - 1]
    ink = WHITE if np.dot(colour, (0.299, 0.587, 0.114)) < 165 else INK
    pen.text((middle, middle), words, (*ink, 255), ImageFont.load_default(size), anchor="mm", stroke_width=FINE // 4)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))


def _stamp(canvas: UInt8[np.ndarray, "h w 3"], patch: UInt8[np.ndarray, "ph pw 4"], at: Float[np.ndarray, "2"]) -> None:
    """Lay a patch with its middle on a place, as far as it fits."""
    left, top = (round(float(at[axis]) - patch.shape[1 - axis] / 2) for axis in (0, 1))
    cut = patch[max(0, -top) :, max(0, -left) :]
    room = canvas[max(0, top) : max(0, top + patch.shape[0]), max(0, left) : max(0, left + patch.shape[1])]
    cut = cut[: room.shape[0], : room.shape[1]]
    alpha = cut[..., 3:].astype(np.float32) / 255
    room[:] = np.round(room * (1 - alpha) + cut[..., :3] * alpha).astype(np.uint8)


def _fixed(place: Float[np.ndarray, "2"]) -> tuple[int, int]:
    """A place for OpenCV, for which the middle of the first pixel is 0."""
    return round(float(place[0] - 0.5) * 2**SHIFT), round(float(place[1] - 0.5) * 2**SHIFT)


def _disc(
    canvas: UInt8[np.ndarray, "h w 3"], at: Float[np.ndarray, "2"], radius: float, colour: tuple[int, int, int]
) -> None:
    cv2.circle(canvas, _fixed(at), round(radius * 2**SHIFT), colour, -1, cv2.LINE_AA, SHIFT)


def _ring(
    canvas: UInt8[np.ndarray, "h w 3"],
    at: Float[np.ndarray, "2"],
    radius: float,
    colour: tuple[int, int, int],
    width: int,
) -> None:
    cv2.circle(canvas, _fixed(at), round(radius * 2**SHIFT), colour, width, cv2.LINE_AA, SHIFT)


def _line(
    canvas: UInt8[np.ndarray, "h w 3"],
    start: Float[np.ndarray, "2"],
    end: Float[np.ndarray, "2"],
    colour: tuple[int, int, int],
    width: int,
) -> None:
    cv2.line(canvas, _fixed(start), _fixed(end), colour, width, cv2.LINE_AA, SHIFT)
