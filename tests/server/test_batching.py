"""Records of many requests become batches; none is lost, mixed up or answered by another model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from ecgml.server.batching import Batcher, QueueFull
from ecgml.server.monitoring import Monitor


class Slow:
    """A model that answers with its own name beside what it was asked, one batch at a time when it is let."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.batches: list[list[Any]] = []
        self.may_answer = threading.Event()
        self.predictor = SimpleNamespace(describe=self.describe)

    def describe(self, names: Sequence[str], prepared: Sequence[Any]) -> list[tuple[str, Any]]:
        """Answer a batch."""
        self.may_answer.wait(10)
        self.batches.append(list(prepared))
        if "poison" in prepared:
            raise ValueError("poison")
        return [(self.name, one) for one in prepared]


def run(test: Any) -> None:
    """Run a test with a batcher at work."""

    async def body() -> None:
        batcher = Batcher(8, 4, Monitor())
        worker = asyncio.create_task(batcher.run())
        try:
            await asyncio.wait_for(test(batcher), 20)
        finally:
            worker.cancel()
            batcher.close()

    asyncio.run(body())


async def asked(batcher: Batcher, model: Slow, *requests: Sequence[Any]) -> list[asyncio.Task]:
    """Ask for answers, one request after the other."""
    tasks = []
    for request in requests:
        tasks.append(asyncio.create_task(batcher.answer(model, request)))
        await asyncio.sleep(0.01)
    return tasks


def test_what_arrives_meanwhile_is_the_next_batch() -> None:
    async def test(batcher: Batcher) -> None:
        model = Slow("a")
        tasks = await asked(batcher, model, [1], [2], [3, 4], [5], [6])
        model.may_answer.set()
        answers = [(await task)[0] for task in tasks]
        assert answers == [[("a", 1)], [("a", 2)], [("a", 3), ("a", 4)], [("a", 5)], [("a", 6)]]
        assert model.batches == [[1], [2, 3, 4, 5], [6]]

    run(test)


def test_a_swap_mixes_no_batch_and_loses_no_request() -> None:
    async def test(batcher: Batcher) -> None:
        old, new = Slow("old"), Slow("new")
        tasks = await asked(batcher, old, [1], [2]) + await asked(batcher, new, [3]) + await asked(batcher, old, [4])
        old.may_answer.set()
        new.may_answer.set()
        assert [(await task)[0] for task in tasks] == [[("old", 1)], [("old", 2)], [("new", 3)], [("old", 4)]]
        assert new.batches == [[3]]

    run(test)


def test_one_poisonous_request_fails_alone() -> None:
    async def test(batcher: Batcher) -> None:
        model = Slow("a")
        tasks = await asked(batcher, model, [1], [2], ["poison"], [3])
        model.may_answer.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [answers[place][0] for place in (0, 1, 3)] == [[("a", 1)], [("a", 2)], [("a", 3)]]
        assert isinstance(answers[2], ValueError)

    run(test)


def test_a_full_queue_refuses_and_recovers() -> None:
    async def test(batcher: Batcher) -> None:
        model = Slow("a")
        with batcher.admitted(20), pytest.raises(QueueFull), batcher.admitted(1):
            pass
        with batcher.admitted(3), batcher.admitted(5):
            with pytest.raises(QueueFull), batcher.admitted(1):
                pass
            tasks = await asked(batcher, model, [0], [1])
            model.may_answer.set()
            await asyncio.gather(*tasks)
        with batcher.admitted(8):
            assert (await batcher.answer(model, [9]))[0] == [("a", 9)]

    run(test)


def test_whose_client_has_gone_is_not_computed() -> None:
    async def test(batcher: Batcher) -> None:
        model = Slow("a")
        tasks = await asked(batcher, model, [1], [2], [3])
        tasks[1].cancel()
        await asyncio.sleep(0.01)
        model.may_answer.set()
        assert (await tasks[2])[0] == [("a", 3)]
        assert model.batches == [[1], [3]]

    run(test)
