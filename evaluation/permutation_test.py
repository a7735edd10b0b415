"""A paired test between two rows: is one really better, or were these pictures kind to it?

    d_i          score of one row on picture i less that of the other
    difference   mean of d_i over the pictures that both rows have, with its 95 % bootstrap interval over pictures
    p            share of random signs s that give |mean of s_i d_i| >= |mean of d_i|, two-sided; `FLIPS` seeded draws,
                 and the signs as they are counted as one more: p is never 0
    win_rate     share of pictures on which the one is better, ties half

If neither row is better, the sign of each d_i is a coin's: nothing else is assumed of how scores are distributed. With
few pictures p cannot be small: 5 of them give 0.06 at best. No correction is made for looking at many scores.
Ernst 2004, https://doi.org/10.1214/088342304000000396.
"""

import math

import numpy as np
from jaxtyping import Float

from evaluation.bootstrap import bootstrap

FLIPS = 10_000
BLOCK = 250  # draws at a time, so that a large set needs little memory
FACTS = {"test": "random signs of the differences, picture by picture, two-sided", "draws": FLIPS, "seed": 0}


def permutation_test(
    one: Float[np.ndarray, " n"], other: Float[np.ndarray, " n"], better: int, seed: int = 0, draws: int = 1000
) -> dict[str, float]:
    """The test of two rows' scores, picture by picture.

    Args:
        one: The scores of one row; NaN where there was nothing to score.
        other: Those of the other.
        better: 1 if higher is better, -1 if lower, 0 if neither: then there is no win rate.
        seed: Of the random signs and of the bootstrap.
        draws: Of the bootstrap.

    Returns:
        difference, low, high, p, win_rate, and the number of pictures that both rows have; NaN where there are none.

    >>> permutation_test(np.arange(6.0), np.arange(6.0) - 1, 1)["difference"]
    1.0
    """
    both = np.isfinite(one) & np.isfinite(other)
    difference = one[both] - other[both]
    mean, low, high = bootstrap(difference, seed, draws)
    win_rate = float(np.mean((np.sign(difference) * better + 1) / 2)) if better and both.any() else math.nan
    return {
        "difference": mean,
        "low": low,
        "high": high,
        "p": _p_value(difference, seed),
        "win_rate": win_rate,
        "pictures": int(both.sum()),
    }


def _p_value(difference: Float[np.ndarray, " n"], seed: int) -> float:
    if not len(difference):
        return math.nan
    generator = np.random.default_rng(seed)
    bound = abs(difference.sum()) - 1e-9 * np.abs(difference).sum()  # equal sums differ in their last digits
    extreme = 0
    for start in range(0, FLIPS, BLOCK):
        signs = generator.integers(0, 2, (min(BLOCK, FLIPS - start), len(difference)), np.int8) * 2 - 1
        extreme += int((np.abs(signs @ difference) >= bound).sum())
    return (1 + extreme) / (1 + FLIPS)
