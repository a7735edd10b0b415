"""Work shared out to processes of one thread each: every number is the same for any count of them."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

import cv2

from data.errors import GazeError

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Result_co = TypeVar("Result_co", covariant=True)


class Work(Protocol[Result_co]):
    """What travels to every process, and is opened there once."""

    def open(self) -> Callable[[int], Result_co]:
        """Opens every model, and gives the function that does a piece by its number."""


def share_out(work: Work[Result_co], count: int, workers: int) -> Iterator[Result_co]:
    """The results of so many pieces of work, in order, from as many processes as `workers` (1: this one).

    Raises:
        GazeError: A process was ended from outside.
    """
    if min(workers, count) <= 1:
        with _one_thread():
            yield from map(work.open(), range(count))
        return
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, count), spawned, _start_worker, (work,)) as pool:
        try:
            with _environment(dict.fromkeys(THREADS, "1")):
                results = pool.map(_do, range(count))  # starts the processes
            yield from results
        except BrokenProcessPool as error:
            raise GazeError(
                "A process was ended from outside, perhaps for its memory; take fewer --workers."
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """What processes that begin now find in their environment: NumPy reads it when it is imported, and never again."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]
        os.environ.update(before)


_piece: Callable[[int], Any]  # of this process


def _start_worker(work: Work[Any]) -> None:
    """A process of the pool opens everything once."""
    global _piece
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that shares out
    cv2.setNumThreads(1)
    _piece = work.open()


def _do(number: int) -> Any:
    return _piece(number)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV's sums by several threads differ in their last digits from those by one; networks see to their own."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
