"""Which canvas suits a picture: a few sizes with about as many pixels as the model's own, from upright to wide.

A portrait fills half of a canvas of 4:3, and the rest is bars. On a canvas of its own shape it is larger, at the price
of a scale that the model has not learned: `Predictor` says what that is worth.
"""

import math

from data.picture import Letterbox

Canvas = tuple[int, int]  # height, width in pixels

FILLED = 2 / 3  # of its own canvas from which a model keeps to it; a square fills .73 of 256 x 352
RATIOS = (9 / 20, 9 / 16, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 16 / 9, 20 / 9)  # width by height


def buckets(own: Canvas, multiple: int) -> tuple[Canvas, ...]:
    """The canvases of a model, its own first; sides are multiples of `multiple`.

    None has more than a tenth more pixels than the model's own, so that none takes much longer.

    >>> buckets((192, 256), 32)
    ((192, 256), (320, 160), (288, 160), (256, 192), (160, 320))
    """
    if not multiple:
        return (own,)
    area, found = own[0] * own[1], dict.fromkeys((own,))
    for ratio in (ratio for ratio in RATIOS if _filled(own, ratio) < FILLED * area):
        height, width = (round(side / multiple) for side in (math.sqrt(area / ratio), math.sqrt(area * ratio)))
        near = [(h, w) for h in range(height - 1, height + 2) for w in range(width - 1, width + 2)]
        sizes = [(h * multiple, w * multiple) for h, w in near if h > 0 and w > 0]
        fitting = [size for size in sizes if size[0] * size[1] <= 1.1 * area] or [own]
        found[max(fitting, key=lambda size: _filled(size, ratio))] = None
    return tuple(found)


def bucket(size: Canvas, canvases: tuple[Canvas, ...]) -> Canvas:
    """The canvas for a picture of this height and width: the first if it is well filled, else where it is largest.

    Of equals it is the smallest, then the first.

    >>> bucket((256, 256), ((192, 256), (224, 224))), bucket((512, 384), ((192, 256), (224, 224), (256, 192)))
    ((192, 256), (256, 192))
    """
    if _content(size, canvases[0]) >= FILLED * canvases[0][0] * canvases[0][1]:
        return canvases[0]
    return max(canvases, key=lambda canvas: (_content(size, canvas), -canvas[0] * canvas[1]))


def _content(size: Canvas, canvas: Canvas) -> int:
    *_, height, width = Letterbox.fit(size, canvas).content
    return height * width


def _filled(canvas: Canvas, ratio: float) -> float:
    """How many pixels a picture of this ratio has on a canvas."""
    height = min(canvas[0], canvas[1] / ratio)
    return height * height * ratio
