"""Drift of recent records from the model's validation part: GET /v1/drift, and its metrics for /metrics.

A comparison is renewed after 50 more records, not on request: frequent requests raise no false alarms.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from fastapi import APIRouter, Request
from numpy.typing import NDArray
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ecgml.drift.comparison import FALSE_ALARM_RATE, LEAST_RECORDS, Difference, compare
from ecgml.drift.rolling import ALL, OTHER, WINDOW_RECORDS, RollingCounts
from ecgml.saving import write_whole
from ecgml.server.guard import Refused
from ecgml.server.loading import ServedModel

router = APIRouter()

SOURCE_HEADER = "ecg-source"
NO_REFERENCE = (
    "This model has no drift reference: it was trained by an earlier version of ecgml. Retrain it to get one."
)
_RENEWED_RECORDS = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judgement:
    """The last comparison of a source.

    Parameters
    ----------
    seen : int
        Records counted in total at that time.
    n_records : int
        Number of compared records.
    differences : tuple of Difference
    """

    seen: int
    n_records: int
    differences: tuple[Difference, ...]

    @property
    def drifted(self) -> list[Difference]:
        """Significant differences, the largest index first."""
        return sorted((one for one in self.differences if one.drifted), key=lambda one: -one.psi)


class DriftWatch(Collector):
    """Counts records of the current model, and compares them with its reference.

    Parameters
    ----------
    folder : Path or None
        Folder through which server processes share their counts; None for a single process.
    n_workers : int
        Those processes: each keeps its part of the window.
    """

    def __init__(self, folder: Path | None = None, n_workers: int = 1) -> None:
        self._folder, self._n_workers = folder, n_workers
        self._lock = threading.Lock()
        self._judgements: dict[str, Judgement] = {}
        self._sizes: dict[str, int] = {}
        self._model: ServedModel | None = None

    def follow(self, model: ServedModel) -> None:
        """Start counting for another model, with its classes and reference."""
        reference = model.predictor.checkpoint.reference
        if reference is None:
            _log.warning("%s: %s", model.pinned, NO_REFERENCE)
        with self._lock:
            self._model, self._reference = model, reference
            self._rolling = (
                RollingCounts(len(reference.counts), WINDOW_RECORDS // self._n_workers) if reference else None
            )
            self._judgements, self._sizes = {}, {}

    def count(self, model: ServedModel, source: str, values: Mapping[str, float | str | None]) -> None:
        """Count a record and its answer."""
        with self._lock:
            if self._rolling and self._reference and model is self._model:
                self._rolling.add(source, self._reference.places(values))

    def share(self) -> None:
        """Share this process's counts with the others."""
        if self._folder is None or self._model is None:
            return
        with self._lock:
            content = {"model": self._model.pinned, "sources": self._own()}
        write_whole(self._folder / f"drift-{os.getpid()}.json", json.dumps(content).encode())

    def look(self) -> None:
        """Compare every source with enough new records since its last comparison."""
        self.share()
        with self._lock:
            reference, judgements = self._reference, self._judgements
            windows = self._windows() if reference else {}
            self._sizes = {source: n_records for source, (_, n_records, _) in windows.items()}
        for source, (seen, n_records, counts) in windows.items():
            last = judgements.get(source)
            is_due = last is None or abs(seen - last.seen) >= _RENEWED_RECORDS
            if reference and n_records >= LEAST_RECORDS and is_due:
                judgements[source] = Judgement(seen, n_records, tuple(compare(reference, counts)))

    def to_json(self) -> dict[str, Any]:
        """Return the result of the last :meth:`look`."""
        model, reference = self._model, self._reference
        return {
            "model": {"address": model.pinned, "version": model.version} if model else None,
            "reference": {"records": reference.n_records} if reference else None,
            "text": "" if reference else NO_REFERENCE,
            "false_alarm_rate": FALSE_ALARM_RATE,
            "least_records": LEAST_RECORDS,
            "sources": [
                _source(source, n_records, self._judgements.get(source)) for source, n_records in self._sizes.items()
            ],
        }

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics for Prometheus."""
        names = ["source", "characteristic"]
        psi = GaugeMetricFamily("ecgml_drift_psi", "Population stability index", labels=names)
        psi_limit = GaugeMetricFamily(
            "ecgml_drift_psi_threshold", "Threshold above which a difference is a drift", labels=names
        )
        ks = GaugeMetricFamily("ecgml_drift_ks", "Kolmogorov-Smirnov distance", labels=names)
        ks_limit = GaugeMetricFamily(
            "ecgml_drift_ks_threshold", "Threshold above which a difference is a drift", labels=names
        )
        drift = GaugeMetricFamily("ecgml_drift", "1 if a source differs from validation", labels=["source"])
        records = GaugeMetricFamily("ecgml_drift_records", "Records compared", labels=["source"])
        reference = GaugeMetricFamily("ecgml_drift_reference_records", "Records of the reference; 0: no reference")
        reference.add_metric([], self._reference.n_records if self._reference else 0)
        for source, n_records in list(self._sizes.items()):
            records.add_metric([source], n_records)
            if (judgement := self._judgements.get(source)) is None:
                continue
            drift.add_metric([source], bool(judgement.drifted))
            for one in judgement.differences:
                labels = [source, one.characteristic.name]
                psi.add_metric(labels, one.psi)
                psi_limit.add_metric(labels, one.psi_threshold)
                if one.ks is not None and one.ks_threshold is not None:
                    ks.add_metric(labels, one.ks)
                    ks_limit.add_metric(labels, one.ks_threshold)
        yield from (psi, psi_limit, ks, ks_limit, drift, records, reference)

    def _own(self) -> dict[str, tuple[int, int, list[int]]]:
        if not self._rolling:
            return {}
        windows = {source: self._rolling.window(source) for source in self._rolling.sources}
        return {source: (seen, n_records, counts.tolist()) for source, (seen, n_records, counts) in windows.items()}

    def _windows(self) -> dict[str, tuple[int, int, NDArray[np.int64]]]:
        """Return the merged windows of all live processes."""
        shared = [self._own()]
        for path in self._folder.glob("drift-*.json") if self._folder else ():
            pid = int(path.stem.removeprefix("drift-"))
            if pid == os.getpid() or not psutil.pid_exists(pid):
                continue
            with contextlib.suppress(OSError, ValueError):
                content = json.loads(path.read_bytes())
                if self._model and content["model"] == self._model.pinned:
                    shared.append(content["sources"])
        total: dict[str, tuple[int, int, NDArray[np.int64]]] = {}
        for source, (seen, n_records, counts) in (item for own in shared for item in own.items()):
            before = total.get(source, (0, 0, np.zeros(len(counts), np.int64)))
            total[source] = (before[0] + seen, before[1] + n_records, before[2] + np.array(counts, np.int64))
        return total


def source_of(request: Request) -> str:
    """Return the source in the header ``ECG-Source``; empty without one.

    Raises
    ------
    Refused
        If it is not a short name.
    """
    source = request.headers.get(SOURCE_HEADER, "")
    if source and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", source):
        raise Refused(
            400,
            "ECG-Source: up to 40 letters, digits, dots, dashes, underscores; name a ward or device, never a patient",
        )
    if source in (ALL, OTHER):
        raise Refused(400, f"ECG-Source: {source} is reserved; give another name")
    return source


@router.get("/v1/drift", summary="Compare recent records with the model's validation part")
async def drift(request: Request) -> dict[str, Any]:
    """Compare quality, measurements and answers of the last 1,000 records of each source with validation."""
    watch: DriftWatch = request.app.state.watch
    await request.app.state.answering.in_thread(watch.look)
    return watch.to_json()


def _source(source: str, n_records: int, judgement: Judgement | None) -> dict[str, Any]:
    if judgement is None:
        text = f"{n_records:,} of the {LEAST_RECORDS} records needed for a comparison have arrived."
        return {"source": source, "records": n_records, "judged": 0, "drift": None, "text": text, "characteristics": []}
    drifted = judgement.drifted
    what = f"The last {judgement.n_records:,} records"
    text = f"{what} resemble those of the model's validation."
    if drifted:
        text = f"{what} differ from those of the model's validation: {'; '.join(one.text for one in drifted[:3])}."
    return {
        "source": source,
        "records": n_records,
        "judged": judgement.n_records,
        "drift": bool(drifted),
        "text": text,
        "characteristics": [
            {
                "name": one.characteristic.name,
                "title": one.characteristic.title,
                "unit": one.characteristic.unit,
                "drift": one.drifted,
                "psi": _rounded(one.psi),
                "psi_threshold": _rounded(one.psi_threshold),
                "ks": _rounded(one.ks),
                "ks_threshold": _rounded(one.ks_threshold),
                "change": one.change,
                "text": one.text,
            }
            for one in judgement.differences
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
