"""Confidence intervals of means by resampling pictures (the percentile bootstrap, Efron 1979)."""

import math

import numpy as np
from jaxtyping import Float

BLOCK = 100  # draws at a time, so that a large set needs little memory


def bootstrap(values: Float[np.ndarray, " n"], seed: int = 0, draws: int = 1000) -> tuple[float, float, float]:
    """Mean over pictures and its 95 % interval (2.5th and 97.5th percentile of resampled means); NaN is left out.

    >>> bootstrap(np.array([1.0, 1.0, np.nan]))
    (1.0, 1.0, 1.0)
    """
    scored = np.asarray(values, np.float64)
    scored = scored[~np.isnan(scored)]
    if not scored.size:
        return math.nan, math.nan, math.nan
    generator = np.random.default_rng(seed)
    blocks = [min(BLOCK, draws - start) for start in range(0, draws, BLOCK)]
    means = [scored[generator.integers(0, scored.size, (rows, scored.size))].mean(1) for rows in blocks]
    low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
    return float(scored.mean()), float(low), float(high)
