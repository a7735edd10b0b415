"""The maps of two versions on one scale, and what changes between them, on the screen and at full size.

Both are divided by the same number: the higher of the two peaks, each counted against looks that are spread evenly over
its own picture. So a colour means the same in both, also where the pictures have different sizes.

Shapes: `h w` picture, `g v` cells of a map.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from app.web import predictions
from app.web.predictions import View
from app.web.widgets import NOTE
from app.web.workspace import StoredPicture
from data import picture as pictures
from data.draw.difference import difference, difference_legend
from data.draw.heatmap import heatmap
from data.draw.legend import legend
from data.draw.palettes import DEFAULT
from data.draw.side_by_side import side_by_side
from export.runtime.saliency import Predictor

ALIKE = 0.01  # part by which the shapes of two pictures may differ and still lie on each other
OPACITY = 0.7
LARGER = 1.7  # labels, because a page shows a picture smaller than it is


def scale(views: Sequence[View], moment: int) -> float:
    """The natural logarithm of the highest peak of all, where looks that are spread evenly have 0."""
    return max(float(view.maps[moment].max()) + math.log(view.maps[moment].size) for view in views)


def heat(view: View, moment: int, top: float) -> bytes:
    """A map as an 8-bit grey PNG on its own cells, relative to the common peak."""
    plane = view.maps[moment]
    relative = np.exp(np.minimum(plane + math.log(plane.size) - top, 0))
    return pictures.encode(np.repeat(np.rint(255 * relative).astype(np.uint8)[..., None], 3, 2))


def same_shape(a: StoredPicture, b: StoredPicture) -> bool:
    """Whether one picture lies on the other without being squeezed."""
    return abs(math.log((a.size[0] / a.size[1]) / (b.size[0] / b.size[1]))) <= ALIKE


def on(view: View, moment: int, size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    """The log density of a moment over a picture of this width and height."""
    wide = cv2.resize(view.maps[moment], size, interpolation=cv2.INTER_LINEAR)
    wide -= wide.max()
    return np.asarray(wide - np.log(np.exp(wide).sum(dtype=np.float64)), np.float32)


def moved(a: View, b: View, moment: int) -> float:
    """The share of looks that go elsewhere in B: half of the summed differences; 0 to 1."""
    size = a.maps.shape[2], a.maps.shape[1]
    one, other = (np.exp(on(view, moment, size), dtype=np.float64) for view in (a, b))
    return float(np.abs(one - other).sum() / 2)


def changed(a: View, b: View, moment: int) -> UInt8[np.ndarray, "h w 3"]:
    """B's picture as it is shown, with what changes against A."""
    return difference(b.image, on(a, moment, b.shown), on(b, moment, b.shown), size=LARGER)


def changed_full(a: View, b: View, stored: StoredPicture, moment: int) -> UInt8[np.ndarray, "h w 3"]:
    """The same at B's full size, with its legend below."""
    image = pictures.read(stored.content, stored.name)
    size = image.shape[1], image.shape[0]
    drawn = difference(image, on(a, moment, size), on(b, moment, size))
    return side_by_side(
        [drawn], [f"{a.name} (A) and {b.name} (B)"], difference_legend(max(240, min(900, size[0]))), NOTE
    )


def side_by_side_full(
    model: Predictor, both: Sequence[StoredPicture], views: Sequence[View], moment: int
) -> UInt8[np.ndarray, "h w 3"]:
    """Both heat maps at full size on one scale, made anew, with a legend."""
    made = []
    for stored, view in zip(both, views, strict=True):
        image, prediction = predictions.full(model, stored, view.condition)
        plane = prediction.density if moment == 0 else list(prediction.each_slice())[moment - 1]
        made.append((image, np.array(plane)))
    top = max(float(plane.max()) + math.log(plane.size) for _, plane in made)
    drawn = [heatmap(image, plane, OPACITY, DEFAULT, top - math.log(plane.size)) for image, plane in made]
    names = [f"{letter}: {view.name}" for letter, view in zip("AB", views, strict=True)]
    return side_by_side(drawn, names, legend(480, DEFAULT, opacity=OPACITY), f"One scale for both. {NOTE}")
