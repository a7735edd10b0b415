"""What this machine gives: how busy it is with other things, and how quick two simple computations are on it."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from export.runtime.records import Record
from export.runtime.session import cores

BUSY = 0.1  # of all cores, from which figures are not to be trusted
SIDE = 1024  # of the matrices
PLANES, HEIGHT, WIDTH, KERNEL = 192, 48, 64, 3  # of the depth-wise convolution, as in the middle of a small network


class Yardsticks(Record):
    """Billions of operations a second of two computations in float32, the best of many runs."""

    matmul: float  # a product of two matrices of 1024 x 1024, by NumPy
    depthwise: float  # 192 planes of 48 x 64, each with a kernel of 3 x 3, by OpenCV


def busy(seconds: float = 0.3) -> float | None:
    """The share of all cores that other processes use meanwhile, 0 to 1; None where the system does not tell.

    On Linux it is measured; elsewhere it is the load of the last minute.
    """
    before = _ticks()
    if before is None:
        return min(1.0, os.getloadavg()[0] / cores()) if hasattr(os, "getloadavg") else None
    own = time.process_time()
    time.sleep(seconds)
    after = _ticks()
    total = (after or before)[0] - before[0]
    used = (after or before)[1] - before[1] - (time.process_time() - own) * os.sysconf("SC_CLK_TCK")
    return min(1.0, max(0.0, used / total)) if total else 0.0


def _ticks() -> tuple[int, int] | None:
    """Of all cores since the system was started: ticks of the clock, and those in which something ran."""
    try:
        first, *numbers = Path("/proc/stat").read_text("ascii").partition("\n")[0].split()
    except OSError:
        return None
    counts = [int(number) for number in numbers[:8]]  # what follows is contained in these
    if first != "cpu" or len(counts) < 8:
        return None
    return sum(counts), sum(counts) - counts[3] - counts[4]  # idle, and waiting for a disk


def processor() -> str:
    """The name of the processor; "unknown" where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    import platform

    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or "unknown"


def yardsticks(threads: int, seconds: float = 1.0) -> Yardsticks:
    """Measures both; how many threads NumPy takes is decided by its environment when it is loaded."""
    random = np.random.default_rng(0)
    left, right = random.random((2, SIDE, SIDE), np.float32)
    result = np.empty_like(left)
    planes = random.random((PLANES, HEIGHT, WIDTH), np.float32)
    kernel = random.random((KERNEL, KERNEL), np.float32)
    filtered = np.empty_like(planes)

    def convolve(part: slice) -> None:
        for plane, out in zip(planes[part], filtered[part], strict=True):
            cv2.filter2D(plane, -1, kernel, out, borderType=cv2.BORDER_CONSTANT)

    cv2.setNumThreads(1)
    with ThreadPoolExecutor(threads) as pool:
        parts = [slice(number, None, threads) for number in range(threads)]
        return Yardsticks(
            matmul=_rate(lambda: np.matmul(left, right, result), 2 * SIDE**3, seconds),
            depthwise=_rate(lambda: list(pool.map(convolve, parts)), 2 * KERNEL**2 * planes.size, seconds),
        )


def _rate(run: Callable[[], object], operations: int, seconds: float) -> float:
    """Billions of operations a second in the quickest of the runs in this time."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end or best == float("inf"):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return operations / best / 1e9
