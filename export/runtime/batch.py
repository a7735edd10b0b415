"""Many pictures, many workers: each worker reads, predicts and hands on one picture at a time.

Decoding, ONNX Runtime and OpenCV all let other threads run, so a few threads that each carry a picture through the
whole chain keep every core busy without any queue between stages. What is in hand is bounded by the number of workers
and by a budget of pixels, not by the number of pictures: a picture's share is taken from its header, before it is read.
"""

import contextlib
import ctypes
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from data.errors import PictureError
from data.picture import area, read, read_damaged
from export.runtime.saliency import Prediction, Predictor
from export.runtime.session import cores

WORKERS = min(8, cores() + 1)  # one more than cores, for while a file is waited for
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
PIXELS = 12_500_000  # in hand for each worker but one; one takes about 16 bytes on its way, with slices and drawings

Use = Callable[[Path, UInt8[np.ndarray, "h w 3"], Prediction], None]


def predict(
    predictor: Predictor,
    paths: Iterable[Path],
    use: Use,
    condition: str = "any",
    workers: int = WORKERS,
    accept_damaged: bool = False,
) -> Generator[tuple[Path, PictureError | None], None, None]:
    """Call `use(path, picture, prediction)` for each picture, in threads; yields each path when it is done.

    A picture that cannot be read comes with its error, and the rest goes on; any other error stops all. With
    `accept_damaged` what can be decoded of a damaged one is predicted, and the prediction says what is wrong. A
    predictor with `threads=1` suits best: each worker is a thread of its own.
    """
    budget = Budget(PIXELS * max(1, workers - 1))
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)  # each worker is a thread already

    def work(path: Path) -> tuple[Path, PictureError | None]:
        with budget.share(area(path)):
            try:
                picture, damage = read_damaged(path) if accept_damaged else (read(path), "")
            except PictureError as error:
                return path, error.with_traceback(None)  # which would hold what was read
            prediction = replace(predictor(picture, condition), damaged=damage)
            try:
                use(path, picture, prediction)
            except PictureError as error:
                return path, error.with_traceback(None)
            finally:
                del picture, prediction  # before others are let in
        return path, None

    pool = ThreadPoolExecutor(workers)
    try:
        waiting: set[Future[tuple[Path, PictureError | None]]] = set()
        for path in paths:
            waiting.add(pool.submit(work, path))
            if len(waiting) >= 2 * workers:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(before)


def keep_freed_memory() -> None:
    """Let this process keep the memory that large arrays have left, for the next ones, all in one place.

    For a process that does nothing else, such as that of a command: it holds for the whole process, whose memory then
    no longer shrinks. The GNU C library hands it back to the system instead, which clears each page before it gives it
    again: a tenth of the time of a picture. https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    _set_malloc((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, 1 << 30), (M_TRIM_THRESHOLD, 1 << 30))


def hand_back_freed_memory() -> None:
    """Let this process hand the memory of large arrays back to the system at once, whichever thread frees them.

    For a server whose threads come and go: each would keep a heap of its own otherwise.
    """
    _set_malloc((M_ARENA_MAX, 2), (M_MMAP_THRESHOLD, 1 << 18), (M_TRIM_THRESHOLD, 1 << 22))


def _set_malloc(*settings: tuple[int, int]) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:  # not so of other C libraries
        for setting, value in settings:
            mallopt(setting, value)


class Budget:
    """Lets threads in while the sum of what they hold stays within a limit; something too large goes in alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def share(self, amount: int) -> Iterator[None]:
        """Hold `amount` for a while; waits until there is room."""
        amount = min(amount, self._limit)
        with self._changed:
            self._changed.wait_for(lambda: self._held + amount <= self._limit)
            self._held += amount
        try:
            yield
        finally:
            with self._changed:
                self._held -= amount
                self._changed.notify_all()
