"""How long one run of something takes, measured again and again for a while."""

import time
from collections.abc import Callable

import numpy as np

from export.runtime.records import Record

LEAST = 3  # runs, also where one takes longer than the time that is given


class Latency(Record):
    """How long a run takes: half of the runs take at most `p50_ms` milliseconds, 95 of 100 at most `p95_ms`."""

    p50_ms: float
    p95_ms: float
    runs: int


def latency(run: Callable[[], object], seconds: float) -> Latency:
    """Calls `run` once to warm up, then for `seconds`, but `LEAST` times at least.

    >>> latency(lambda: None, 0).runs
    3
    """
    run()
    took: list[float] = []
    end = time.perf_counter() + seconds
    while len(took) < LEAST or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        took.append(1e3 * (time.perf_counter() - start))
    p50, p95 = np.percentile(took, (50, 95)).tolist()
    return Latency(p50_ms=round(p50, 3), p95_ms=round(p95, 3), runs=len(took))
