"""What experiments of visual search are told by: reaction times, slopes over the set size, and their asymmetry.

    slope           of the line of least squares through the mean reaction times over the set sizes, ms an item
    index           (hard - easy) / (hard + easy), negative slopes counted as 0; 0 where both are

The easy search is the one in which people are faster. The index is 1 where only the hard one grows with the set size, 0
where both grow alike, below 0 where the model finds easy what is hard for people. The index is the one by which eccNET
was compared with people: Gupta et al. 2021, https://arxiv.org/abs/2106.02887.
"""

from collections.abc import Sequence

import numpy as np

LEAST = 1e-9  # milliseconds an item: what is less comes of rounding


def slope(set_sizes: Sequence[int], times: Sequence[float]) -> float:
    """Milliseconds for each further item.

    >>> round(slope((1, 6, 12), (426.7, 432.0, 472.0)), 1)
    4.2
    """
    size = np.asarray(set_sizes, np.float64)
    size = size - size.mean()
    return float(size @ np.asarray(times, np.float64) / (size @ size))


def asymmetry_index(easy: float, hard: float) -> float:
    """From -1 to 1, of two slopes; above 0 the asymmetry is that of people.

    >>> asymmetry_index(10.0, 30.0), asymmetry_index(-5.0, 1.0), asymmetry_index(-1.0, 0.0)
    (0.5, 1.0, 0.0)
    """
    easy, hard = max(0.0, easy), max(0.0, hard)
    return (hard - easy) / (hard + easy) if hard + easy > LEAST else 0.0
