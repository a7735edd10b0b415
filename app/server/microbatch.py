"""Micro-batches: what is asked for at nearly the same time is computed together.

Who asks first waits a few milliseconds for others who ask with the same key. A batch is run as soon as it is full, or
that time is over and a runner is free; while all runners are busy, batches grow by themselves. What fails in company is
tried alone, so that nobody gets an error that is another's.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass
class _Waiting(Generic[Item, Answer]):
    """What somebody asked for."""

    item: Item
    is_wanted: Callable[[], bool]
    answer: "asyncio.Future[Answer]"
    since: float = field(default=0.0)


class MicroBatches(Generic[Key, Item, Answer]):
    """Gathers what is asked for and runs it in threads.

    Args:
        run: Computes the answers to several items of one key, in their order.
        most: Items in a batch.
        wait: Seconds that the first of a batch waits for others.
        runners: Batches that run at the same time.
        ran: Is told the key and the size of each batch.
    """

    def __init__(
        self,
        run: Callable[[Key, Sequence[Item]], Sequence[Answer]],
        most: int,
        wait: float,
        runners: int = 1,
        ran: Callable[[Key, int], None] = lambda key, size: None,
    ) -> None:
        self._run, self._most, self._wait, self._ran = run, most, wait, ran
        self._free = runners
        self._pool = ThreadPoolExecutor(runners, "model")
        self._waiting: dict[Key, deque[_Waiting[Item, Answer]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many items wait."""
        return sum(map(len, self._waiting.values()))

    async def ask(self, key: Key, item: Item, is_wanted: Callable[[], bool] = lambda: True) -> Answer:
        """The answer to one item; what is not wanted any more when its turn comes is left out.

        Raises:
            TimeoutError: It was not wanted any more.
        """
        loop = asyncio.get_running_loop()
        asked: _Waiting[Item, Answer] = _Waiting(item, is_wanted, loop.create_future(), loop.time())
        self._waiting.setdefault(key, deque()).append(asked)
        if len(self._waiting[key]) < self._most:
            loop.call_later(self._wait, self._start)
        else:
            self._start()
        return await asked.answer

    def close(self) -> None:
        """Forget the threads; nothing may be asked for any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        """Run what is due, as far as runners are free."""
        while self._free and (key := self._due()) is not None:
            batch = self._taken(key)
            if batch:
                self._free -= 1
                task = asyncio.get_running_loop().create_task(self._answer(key, batch))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    def _due(self) -> Key | None:
        """The key that has waited longest among those with a full batch, or with one that has waited enough."""
        due = asyncio.get_running_loop().time() - self._wait
        ready = [
            key
            for key, waiting in self._waiting.items()
            if len(waiting) >= self._most or waiting[0].since <= due + 1e-4  # clocks of loops are coarse
        ]
        return min(ready, key=lambda key: self._waiting[key][0].since, default=None)

    def _taken(self, key: Key) -> list[_Waiting[Item, Answer]]:
        """The next batch of a key, without what is not wanted any more."""
        waiting, batch = self._waiting[key], list[_Waiting[Item, Answer]]()
        while waiting and len(batch) < self._most:
            one = waiting.popleft()
            if one.is_wanted():
                batch.append(one)
            elif not one.answer.done():
                one.answer.set_exception(TimeoutError())
        if not waiting:
            del self._waiting[key]
        return batch

    async def _answer(self, key: Key, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        """Run a batch and hand out the answers."""
        try:
            await self._run_batch(key, batch)
        finally:
            self._free += 1
            self._start()

    async def _run_batch(self, key: Key, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._pool, self._run, key, [one.item for one in batch])
        except Exception as error:
            logger.debug("a batch of %d failed; of several each is tried alone", len(batch), exc_info=True)
            if len(batch) > 1:
                for one in batch:
                    await self._run_batch(key, [one])
            elif not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return
        self._ran(key, len(batch))
        for one, answer in zip(batch, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)
