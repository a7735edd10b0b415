"""What a map gives that knows only the centre bias: that people look at the middle of any picture.

A mixture of two Gaussians and an even spread over the picture, in shares of its sides, fitted to the fixations of the
1,190 training pictures of osie, crowd and scene.
"""

import numpy as np
from jaxtyping import Float

WEIGHTS = (0.5, 0.3, 0.2)  # of the narrow and the wide Gaussian, and of the even spread
MIDDLES = ((0.5, 0.48), (0.5, 0.5))  # x, y
DEVIATIONS = ((0.14, 0.14), (0.25, 0.22))  # of x and of y


def center_bias(cells: tuple[int, ...]) -> Float[np.ndarray, "g v"]:
    """The probability of each cell of a map with so many rows and columns.

    >>> round(float(center_bias((3, 3)).sum()), 6)
    1.0
    """
    rows, columns = cells
    y, x = (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns
    total = np.full((rows, columns), WEIGHTS[-1] / (rows * columns))
    for weight, middle, deviation in zip(WEIGHTS[:-1], MIDDLES, DEVIATIONS, strict=True):
        across = np.exp(-(((x - middle[0]) / deviation[0]) ** 2) / 2)
        down = np.exp(-(((y - middle[1]) / deviation[1]) ** 2) / 2)
        total += weight * np.outer(down / down.sum(), across / across.sum())
    return total
