"""Is a computed property kept, the same for all threads, and computed for several instances at once?"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from export.runtime.computed import computed


@dataclass(frozen=True)
class Pair:
    meeting: threading.Barrier

    @computed
    def met(self) -> object:
        """Waits until another thread computes, too."""
        self.meeting.wait(10)
        return object()

    @computed
    def counted(self) -> list[int]:
        """A new list."""
        return []


def test_instances_do_not_wait_for_each_other() -> None:
    both = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda pair: pair.met, [Pair(both), Pair(both)])
    assert first is not second


def test_threads_that_ask_at_once_get_the_same_value_and_it_is_kept() -> None:
    pair = Pair(threading.Barrier(2))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: pair.met, range(2))
    assert first is second is pair.met
    assert pair.counted is pair.counted
    assert Pair.counted.__doc__ == "A new list."
