"""Batches of prepared records from many requests.

A batch is whatever arrived while the model was busy; no timer waits for more. So the wait is bounded by
one batch and zero when the model is idle.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from ecgml.errors import EcgmlError
from ecgml.inference.predictor import Prediction, PredictorInput
from ecgml.server.loading import ServedModel
from ecgml.server.monitoring import Monitor

T = TypeVar("T")


class QueueFull(EcgmlError):
    """Raised when the queue is full."""


@dataclass(eq=False)
class _Waiting:
    model: ServedModel
    prepared: Sequence[PredictorInput]
    result: asyncio.Future[tuple[list[Prediction], float, float]]
    since: float


class Batcher:
    """Runs a model on batches of records in one thread.

    Parameters
    ----------
    n_waiting : int
        Records that may wait, those being prepared included.
    max_batch : int
        Records of a batch; a larger request is a batch by itself.
    monitor : Monitor
    """

    def __init__(self, n_waiting: int, max_batch: int, monitor: Monitor) -> None:
        self._n_allowed, self._max_batch, self._monitor = n_waiting, max_batch, monitor
        self._queue: deque[_Waiting] = deque()
        self._n_waiting = 0
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    @contextlib.contextmanager
    def admitted(self, n_records: int) -> Iterator[None]:
        """Count records as waiting during a ``with`` block, from before preparation until they are answered.

        Raises
        ------
        QueueFull
            If too many wait; a request larger than the queue is accepted when nothing else waits.
        """
        if self._n_waiting and self._n_waiting + n_records > self._n_allowed:
            raise QueueFull("too many records are waiting; try again in a second")
        self._count(n_records)
        try:
            yield
        finally:
            self._count(-n_records)

    async def answer(
        self, model: ServedModel, prepared: Sequence[PredictorInput]
    ) -> tuple[list[Prediction], float, float]:
        """Return the model's answers, and their waiting and computing time, s."""
        if not prepared:
            return [], 0.0, 0.0
        waiting = _Waiting(model, prepared, asyncio.get_running_loop().create_future(), perf_counter())
        self._queue.append(waiting)
        self._arrived.set()
        return await waiting.result

    async def run(self) -> None:
        """Answer arriving records until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                batch = self._take()
                if batch:
                    await self._compute(batch)

    async def in_model_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function that uses torch, between two batches: torch's number of threads is set per process."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def close(self) -> None:
        """Stop the model's thread after its current batch."""
        self._thread.shutdown(wait=False)

    def _take(self) -> list[_Waiting]:
        """Take the next batch, for one model, without records of disconnected clients."""
        batch: list[_Waiting] = []
        n_records = 0
        while self._queue:
            first = self._queue[0]
            fits = not batch or (first.model is batch[0].model and n_records + len(first.prepared) <= self._max_batch)
            if not fits:
                break
            self._queue.popleft()
            if not first.result.cancelled():
                batch.append(first)
                n_records += len(first.prepared)
        return batch

    async def _compute(self, batch: list[_Waiting]) -> None:
        started = perf_counter()
        prepared = [record for waiting in batch for record in waiting.prepared]
        predictor = batch[0].model.predictor
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._thread, predictor.describe, [""] * len(prepared), prepared)
        except Exception as error:
            if len(batch) > 1:  # one record is at fault: answer the others
                for waiting in batch:
                    await self._compute([waiting])
                return
            with contextlib.suppress(asyncio.InvalidStateError):
                batch[0].result.set_exception(error)
            return
        seconds = perf_counter() - started
        self._monitor.batch_records.observe(len(prepared))
        place = 0
        for waiting in batch:
            own = answers[place : place + len(waiting.prepared)]
            place += len(waiting.prepared)
            if not waiting.result.done():
                waiting.result.set_result((own, started - waiting.since, seconds))

    def _count(self, n_records: int) -> None:
        self._n_waiting += n_records
        self._monitor.waiting.set(self._n_waiting)
