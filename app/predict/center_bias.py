"""What a map gives that knows only the centre bias: that people look at the middle of a picture, whatever it shows.

A mixture of two Gaussians and an even spread over the picture, in shares of its sides. The numbers are fitted by
`tests/bench/center_bias.py` to the 187,923 fixations on the 1,190 training pictures of osie, crowd and scene, each set
with the same weight: photographs, on which people look a little above the middle.
"""

import numpy as np
from jaxtyping import Float

WEIGHTS = (0.59, 0.32, 0.09)  # of each Gaussian, and of the even spread
MIDDLES = ((0.515, 0.402), (0.513, 0.605))  # x, y
DEVIATIONS = ((0.21, 0.136), (0.208, 0.138))  # of x and of y


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
