"""Does the interval hold the mean, and say how far it can be trusted?"""

import math

import numpy as np
import pytest

from evaluation.bootstrap import bootstrap


def test_the_interval_holds_the_mean_skips_nan_and_shrinks_with_pictures() -> None:
    values = np.random.default_rng(0).normal(2, 1, 400)
    mean, low, high = bootstrap(np.append(values, np.nan))
    assert mean == pytest.approx(values.mean())
    assert low < mean < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1)
    assert bootstrap(values, seed=1) != bootstrap(values, seed=2)
    assert all(math.isnan(v) for v in bootstrap(np.array([np.nan])))


def test_a_seed_gives_the_interval_that_it_always_gave() -> None:
    expected = (4.5, 2.7, 6.2)
    assert bootstrap(np.arange(10.0), seed=3) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("count", [1, 2, 9, 130, 700])
def test_the_interval_is_that_of_a_loop_over_draws(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    generator = np.random.default_rng(5)
    means = [values[generator.integers(0, count, count)].mean() for _ in range(250)]
    assert bootstrap(values, seed=5, draws=250)[1:] == tuple(np.percentile(means, (2.5, 97.5)))
