"""Prepare, predict and describe records, for every protocol of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from ecgml.datasets.parallel import n_cores
from ecgml.drift.characteristics import UNUSABLE_RECORD, of_answer, of_input
from ecgml.errors import RecordError
from ecgml.inference.predictor import Prediction, PredictorInput
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.record import Record
from ecgml.server.batching import Batcher
from ecgml.server.drift import DriftWatch
from ecgml.server.loading import ServedModel
from ecgml.server.monitoring import Monitor

T = TypeVar("T")


@dataclass
class Timings:
    """Time spent on a request by stage, s."""

    stages: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, seconds: float) -> None:
        """Add time to a stage: ``read``, ``preprocess``, ``queue`` or ``model``."""
        self.stages[stage] = self.stages.get(stage, 0.0) + seconds

    def header(self) -> str:
        """Return the value of ``Server-Timing``, ms."""
        return ", ".join(f"{stage};dur={seconds * 1000:.2f}" for stage, seconds in self.stages.items())


class Answering:
    """A replaceable model, threads that prepare its inputs, and its queue."""

    def __init__(self, model: ServedModel, batcher: Batcher, monitor: Monitor, watch: DriftWatch) -> None:
        self.batcher, self.monitor, self.watch = batcher, monitor, watch
        self._threads = ThreadPoolExecutor(n_cores(), thread_name_prefix="prepare")
        self.swap(model)

    def swap(self, model: ServedModel) -> None:
        """Replace the model; records already prepared are answered by the former one."""
        if getattr(self, "model", None):
            self.monitor.model.labels(self.model.pinned, self.model.version or "").set(0)
        self.model = model
        self.watch.follow(model)
        self.monitor.model.labels(model.pinned, model.version or "").set(1)

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def answer(
        self,
        model: ServedModel,
        records: Sequence[Record | RecordError],
        given: Sequence[Mapping[str, float]],
        timings: Timings,
        source: str = "",
    ) -> list[tuple[PredictorInput, Prediction] | RecordError]:
        """Answer the records of a source; an unusable record has its own error.

        Raises
        ------
        QueueFull
            If too many records wait.
        """
        with self.batcher.admitted(len(records)):
            started = perf_counter()
            prepared = await asyncio.gather(
                *(
                    self.in_thread(_prepare, model, record, values)
                    for record, values in zip(records, given, strict=True)
                )
            )
            timings.add("preprocess", perf_counter() - started)
            usable = [outcome[0] for outcome in prepared if not isinstance(outcome, RecordError)]
            answers, queued, computed = await self.batcher.answer(model, usable)
            timings.add("queue", queued)
            timings.add("model", computed)
        predictions = iter(answers)
        outcomes: list[tuple[PredictorInput, Prediction] | RecordError] = []
        for outcome in prepared:
            if isinstance(outcome, RecordError):
                self.monitor.unusable.labels(outcome.reason).inc()
                self.watch.count(model, source, UNUSABLE_RECORD)
                outcomes.append(outcome)
            else:
                prediction = next(predictions)
                self.monitor.records.labels(prediction.rhythm).inc()
                self.monitor.abstentions.inc(prediction.abstained)
                confidence = prediction.probabilities[prediction.rhythm]
                answer = of_answer(prediction.rhythm, confidence, prediction.abstained)
                self.watch.count(model, source, {**outcome[1], **answer})
                outcomes.append((outcome[0], prediction))
        for stage, seconds in timings.stages.items():
            self.monitor.stage_seconds.labels(stage).observe(seconds)
        return outcomes

    def close(self) -> None:
        """Stop the threads after their current work."""
        self._threads.shutdown(wait=False)
        self.batcher.close()


def described(prepared: PredictorInput, prediction: Prediction) -> dict[str, Any]:
    """Return an answer as JSON: prediction, quality by lead, suspected electrode faults, measurements."""
    answer = prediction.to_json()
    clinical, origins, intervals = answer.pop("clinical"), answer.pop("origins"), answer.pop("intervals")
    seen = {
        column.name: {"value": clinical.get(column.name), "unit": column.unit, "origin": origins[column.name]}
        for column in CLINICAL_COLUMNS
        if column.name not in intervals
    }
    return {
        **answer,
        "measurements": {**intervals, **seen},
        "quality": {lead: fault or "usable" for lead, fault in zip(LEADS, prepared.faults, strict=True)},
        "suspicions": list(prepared.suspicions),
    }


def _prepare(
    model: ServedModel, record: Record | RecordError, given: Mapping[str, float]
) -> tuple[PredictorInput, dict[str, float | str | None]] | RecordError:
    """Return a record ready for the model, and its values for drift detection."""
    if isinstance(record, RecordError):
        return record
    try:
        prepared = model.predictor.prepare(record, given)
    except RecordError as error:
        return error
    checkpoint = model.predictor.checkpoint
    return prepared, compared(prepared, checkpoint.preprocessing.fs) if checkpoint.reference else {}


def compared(prepared: PredictorInput, fs: float) -> dict[str, float | str | None]:
    """Return a record's values for drift detection.

    Parameters
    ----------
    prepared : PredictorInput
    fs : float
        Of its windows, Hz.
    """
    stated = dict(zip(CLINICAL_NAMES, prepared.clinical.tolist(), strict=True))  # age and sex cannot be measured
    intervals = prepared.measured.values if prepared.measured else {}
    window, n_valid = prepared.windows[0], int(prepared.n_valid[0])
    return of_input(window, n_valid, fs, prepared.found, intervals, stated["age"], stated["sex"])
