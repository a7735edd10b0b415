"""Time and peak memory of calls that take turns, on a CPU or a GPU."""

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

SECONDS = 5.0  # that the rounds of one comparison are to take on a CPU; there are three at least
SLOW = 0.3  # seconds from which one call is enough to warm up

Call = Callable[[], Any]


def allocator() -> Any:
    """glibc, whose allocator can be told to give memory back; else None."""
    try:
        return ctypes.CDLL("libc.so.6") if sys.platform == "linux" else None
    except OSError:
        return None


LIBC = allocator()


def give_back(at_once: bool) -> None:
    """Whether freed memory goes back to the system: so that peaks are seen, or as it does in a long run."""
    if LIBC is not None:
        LIBC.mallopt(-3, 2**16 if at_once else 2**25)  # M_MMAP_THRESHOLD
        LIBC.mallopt(-1, 2**16 if at_once else 2**26)  # M_TRIM_THRESHOLD
        LIBC.malloc_trim(0)


def now() -> float:
    """Seconds; with one thread those that the process had: on a busy machine the clock on the wall runs on."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def resident(name: str) -> int:
    """Bytes of VmRSS or VmHWM, now and at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))


def peak(call: Call, device: str) -> tuple[int | None, float]:
    """Bytes at most above what was there before, where that can be known, and seconds."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before, 0.0
    if LIBC is None:
        start = now()
        call()
        return None, now() - start
    LIBC.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    start = now()
    call()
    took = now() - start
    return max(0, resident("VmHWM") - before), took


def peaks(calls: dict[Any, Call], device: str) -> tuple[dict[Any, int | None], dict[Any, float]]:
    """Of every call: the least peak of a few, and its time."""
    give_back(True)
    bytes_, seconds = {}, {}
    for key, call in calls.items():
        tries = [peak(call, device)]
        if tries[0][1] < SLOW or device == "cuda":
            tries += [peak(call, device) for _ in range(2)]
        bytes_[key] = min((b for b, _ in tries if b is not None), default=None)
        seconds[key] = min(s for _, s in tries)
    give_back(False)
    return bytes_, seconds


def times(calls: dict[Any, Call], first: dict[Any, float], device: str) -> dict[Any, float]:
    """Median milliseconds of every call; the calls take turns, short ones several times in a row."""
    found: dict[Any, list[float]] = {key: [] for key in calls}
    if device == "cuda":
        from triton.testing import do_bench

        for _ in range(3):
            for key, call in calls.items():
                found[key].append(do_bench(call, warmup=10, rep=60, return_mode="median"))
        return {key: median(each) for key, each in found.items()}
    bursts = {key: max(1, min(50, int(0.005 / first[key]))) for key in calls}
    rounds = max(3, min(25, int(SECONDS / sum(first[key] * bursts[key] for key in calls))))
    for key, call in calls.items():
        if first[key] < SLOW:
            call()
    for _ in range(rounds):
        for key, call in calls.items():
            start = now()
            for _ in range(bursts[key]):
                call()
            found[key].append(1e3 * (now() - start) / bursts[key])
    return {key: median(each) for key, each in found.items()}


def floors(dtype: torch.dtype) -> tuple[float, float]:
    """Bytes and operations in a millisecond that this GPU reaches in a copy and in a product of matrices."""
    from triton.testing import do_bench

    a = torch.empty(2**28, dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    x = torch.randn(8192, 8192, device="cuda", dtype=dtype)
    copied, multiplied = (do_bench(call, return_mode="median") for call in (lambda: b.copy_(a), lambda: x @ x))
    return 2 * a.numel() / copied, 2 * 8192**3 / multiplied
