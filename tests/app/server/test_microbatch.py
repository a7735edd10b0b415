"""What is asked for together is run together, and nobody gets what is another's."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from app.server.accept import choose
from app.server.microbatch import MicroBatches


def test_each_gets_its_own_answer_in_batches_of_its_key() -> None:
    ran: list[tuple[str, int]] = []

    def run(key: str, items: Sequence[int]) -> list[str]:
        return [f"{key}{item}" for item in items]

    async def ask() -> list[str]:
        batches = MicroBatches(run, 4, 0.02, 2, lambda key, size: ran.append((key, size)))
        asked = [batches.ask("ab"[number % 2], number) for number in range(20)]
        answers = await asyncio.gather(*asked)
        assert len(batches) == 0
        batches.close()
        return answers

    assert asyncio.run(ask()) == [f"{'ab'[number % 2]}{number}" for number in range(20)]
    assert sorted(ran) == [("a", 2), ("a", 4), ("a", 4), ("b", 2), ("b", 4), ("b", 4)]


def test_the_first_of_a_batch_waits_no_longer_than_told() -> None:
    async def ask() -> float:
        batches: MicroBatches[str, int, int] = MicroBatches(lambda key, items: items, 100, 0.05)
        start = time.perf_counter()
        assert await batches.ask("a", 1) == 1
        batches.close()
        return time.perf_counter() - start

    assert 0.045 < asyncio.run(ask()) < 2


def test_what_fails_in_company_is_tried_alone() -> None:
    def run(key: str, items: Sequence[int]) -> list[int]:
        if 3 in items:
            raise ValueError(f"not {items}")
        return [item * 10 for item in items]

    async def ask() -> list[int | BaseException]:
        batches: MicroBatches[str, int, int] = MicroBatches(run, 8, 0.01)
        answers = await asyncio.gather(*(batches.ask("a", item) for item in range(5)), return_exceptions=True)
        batches.close()
        return answers

    answers = asyncio.run(ask())
    assert [answer for answer in answers if not isinstance(answer, BaseException)] == [0, 10, 20, 40]
    assert str(answers[3]) == "not [3]"


def test_what_is_not_wanted_any_more_is_not_run() -> None:
    seen: list[int] = []
    go = threading.Event()

    def run(key: str, items: Sequence[int]) -> Sequence[int]:
        assert go.wait(20)
        seen.extend(items)
        return items

    async def ask() -> None:
        batches: MicroBatches[str, int, int] = MicroBatches(run, 1, 0.0)
        first = asyncio.ensure_future(batches.ask("a", 1))
        await asyncio.sleep(0.01)
        others = [asyncio.ensure_future(batches.ask("a", item, lambda item=item: item == 3)) for item in (2, 3)]  # type: ignore[misc]
        await asyncio.sleep(0.01)
        assert len(batches) == 2
        go.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        assert [answers[0], type(answers[1]), answers[2]] == [1, TimeoutError, 3]
        batches.close()

    asyncio.run(ask())
    assert seen == [1, 3]


OFFERS = ("application/json", "image/png", "application/x-npy")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("IMAGE/PNG", "image/png"),
        ("image/*;q=0.9,*/*;q=0.1", "image/png"),
        ("application/*, application/json;q=0.1", "application/x-npy"),
        ("application/json;q=0, */*", "image/png"),
        ("text/html, image/png;q=0.001", "image/png"),
        ("image/png; charset=utf-8; q=0.5, application/json;q=0.4", "image/png"),
        ("*/png", None),
        ("image/png;q=2", None),
        ("image/png;q=nan", None),
        ("nonsense", None),
        (";,;,", None),
        ("a" * 10_000, None),
    ],
)
def test_the_form_that_is_wanted_most_is_chosen(accept: str | None, chosen: str | None) -> None:
    assert choose(accept, OFFERS) == chosen
