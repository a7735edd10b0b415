"""What changes between two maps of where people look: more looks in one colour, fewer in another, over a picture.

The colours are blue and orange, which people with any of the usual colour deficiencies tell apart, and every place that
changes much carries its sign and share, so that nothing hangs on colour alone. A difference of zero leaves the picture
as it is, and swapping the maps swaps the colours.

Shapes: `h w` picture. Pictures are RGB uint8; a density is a natural-log density per pixel whose exponential sums to 1.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from data.draw._canvas import INK, WHITE, grain, overlap, paste
from data.draw._text import render_text, tag
from data.draw.heatmap import check_shapes

MORE, FEWER = (217, 95, 2), (5, 88, 175)  # orange and blue
FLOOR = 0.2  # of the common peak: a difference below it never takes the full colour, however small all others are
REGION = 0.3  # of the strongest difference: where a place that carries a label ends
LEAST = 0.005  # share of looks from which on a place carries a label
LABELS = 3  # of each sign, at most


@dataclass(frozen=True)
class Change:
    """A place whose share of looks changes: by how much, and where its strongest pixel lies."""

    share: float  # more than 0: more looks in the second map
    at: tuple[int, int]  # column, row


def difference(
    picture: UInt8[np.ndarray, "h w 3"],
    a: Float[np.ndarray, "h w"],
    b: Float[np.ndarray, "h w"],
    opacity: float = 0.85,
    labels: bool = True,
    size: float = 1.0,
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture under orange where `b` has more looks than `a`, and under blue where it has fewer.

    The full colour belongs to the largest difference, or to `FLOOR` of the higher peak where all are smaller. `size`
    makes labels larger, for a picture that will be shown smaller.

    Raises:
        ValueError: The maps do not have the picture's size.
    """
    check_shapes(picture, a)
    check_shapes(picture, b)
    change = relative_change(a, b)
    drawn = np.empty(picture.shape, np.uint8)
    for top in range(0, len(picture), 256):  # bands: little memory on large pictures
        band = slice(top, top + 256)
        alpha = (np.float32(opacity) * np.sqrt(np.abs(change[band])) * _fade(change[band]))[..., None]
        ink = np.where(change[band][..., None] > 0, np.array(MORE, np.float32), np.array(FEWER, np.float32))
        drawn[band] = np.rint(picture[band] * (1 - alpha) + ink * alpha)
    if labels:
        _outline(drawn, a, b)
        _label(drawn, changes(a, b), size * grain(picture.shape))
    return drawn


def relative_change(a: Float[np.ndarray, "h w"], b: Float[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Where looks are won (above 0) and lost (below), from -1 to 1; antisymmetric in its arguments."""
    one, other = np.exp(a, dtype=np.float32), np.exp(b, dtype=np.float32)
    delta = other - one
    top = max(float(np.abs(delta).max()), FLOOR * max(float(one.max()), float(other.max())))
    return np.asarray(delta / np.float32(top), np.float32)


def _fade(change: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """From 0 at no change to 1: what hardly changes stays bare instead of lying under a veil."""
    return np.asarray(np.clip((np.abs(change) - 0.04) / 0.12, 0, 1), np.float32)


def changes(a: Float[np.ndarray, "h w"], b: Float[np.ndarray, "h w"]) -> tuple[Change, ...]:
    """The places that win or lose most looks, `LABELS` of each sign at most, the strongest first."""
    delta = np.exp(b, dtype=np.float64) - np.exp(a, dtype=np.float64)
    strongest = float(np.abs(delta).max())
    found: list[Change] = []
    for sign in (1, -1):
        signed = sign * delta
        inside = (signed > REGION * strongest).astype(np.uint8)
        count, owner = cv2.connectedComponents(inside)
        shares = np.bincount(owner.ravel(), signed.ravel(), count)
        some = [n for n in 1 + np.argsort(-shares[1:], kind="stable")[:LABELS] if shares[n] >= LEAST]
        for number in some:
            row, column = divmod(int(np.where(owner == number, signed, -1).argmax()), delta.shape[1])
            found.append(Change(sign * float(shares[number]), (column, row)))
    return tuple(sorted(found, key=lambda change: -abs(change.share)))


def _outline(canvas: UInt8[np.ndarray, "h w 3"], a: Float[np.ndarray, "h w"], b: Float[np.ndarray, "h w"]) -> None:
    """A line around each place that changes much, since its colour may be that of the picture."""
    delta = np.exp(b, dtype=np.float32) - np.exp(a, dtype=np.float32)
    strongest = float(np.abs(delta).max())
    if not changes(a, b):
        return
    unit = grain(canvas.shape)
    for sign, ink in ((1, MORE), (-1, FEWER)):
        inside = (sign * delta > REGION * strongest).astype(np.uint8)
        lines = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        cv2.drawContours(canvas, lines, -1, WHITE, max(2, round(4 * unit)), cv2.LINE_AA)
        cv2.drawContours(canvas, lines, -1, ink, max(1, round(2 * unit)), cv2.LINE_AA)


def signed_share(share: float) -> str:
    """A change as people read it, with a sign that is as wide as the plus.

    >>> signed_share(0.031), signed_share(-0.2)
    ('+3.1 %', '−20 %')
    """
    size = abs(100 * share)
    return f"{'+' if share > 0 else '−'}{size:.1f} %" if size < 10 else f"{'+' if share > 0 else '−'}{size:.0f} %"


def _label(canvas: UInt8[np.ndarray, "h w 3"], found: tuple[Change, ...], unit: float) -> None:
    """The sign and the share of each place, beside its strongest pixel; what would cover another is left out."""
    rows, columns = canvas.shape[:2]
    taken: list[tuple[int, int, int, int]] = []
    for change in found:
        label = tag(signed_share(change.share).replace("−", "-"), unit)
        height, width = label.shape[:2]
        if height > rows // 3 or width > columns // 2:
            continue
        left = min(max(change.at[0] - width // 2, 0), columns - width)
        top = min(max(change.at[1] - height // 2, 0), rows - height)
        box = (left, top, left + width, top + height)
        if not any(overlap(box, other) for other in taken):
            taken.append(box)
            paste(canvas, label, (left, top))


def difference_legend(
    width: int, words: tuple[str, str] = ("fewer looks in B", "more looks in B")
) -> UInt8[np.ndarray, "lh width 3"]:
    """The two colours as a bar of this many pixels with their words; the middle, no change, is white."""
    unit = min(2.5, max(0.75, width / 420))
    height = round(20 * unit)
    canvas = np.full((height, max(1, width), 3), 255, np.uint8)
    texts = [render_text(word, 13 * unit, INK, WHITE) for word in words]
    ends = [text.shape[1] for text in texts]
    if sum(ends) > 0.8 * width:
        ends, texts = [0, 0], []
    bar = max(1, width - sum(ends))
    steps = np.linspace(-1, 1, bar, dtype=np.float32)[:, None]
    alpha = np.sqrt(np.abs(steps)) * _fade(steps)
    colours = np.rint(255 * (1 - alpha) + np.where(steps > 0, MORE, FEWER) * alpha).astype(np.uint8)
    thick = max(4, height * 2 // 3)
    paste(canvas, np.broadcast_to(colours, (thick, bar, 3)), (ends[0], (height - thick) // 2))
    for text, left in zip(texts, (0, width - ends[1]), strict=False):
        paste(canvas, text, (left, (height - text.shape[0]) // 2))
    return canvas
