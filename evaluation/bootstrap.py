"""Confidence intervals of means by resampling pictures (the percentile bootstrap, Efron 1979)."""

import math

import numpy as np
from jaxtyping import Float


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
    means = [scored[generator.integers(0, scored.size, scored.size)].mean() for _ in range(draws)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(scored.mean()), float(low), float(high)
