"""Counters and timings of a server, in Prometheus' format: of inputs only kinds are counted, never values."""

from __future__ import annotations

import os
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Monitor:
    """The figures of one server process; several processes share a folder (``PROMETHEUS_MULTIPROC_DIR``)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        make: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("ecgml_requests", "Requests by route and status", ["route", "status"], **make)
        self.seconds = Histogram(
            "ecgml_request_seconds", "Time from request to answer, s", ["route"], buckets=_SECONDS, **make
        )
        self.stage_seconds = Histogram(
            "ecgml_stage_seconds",
            "Time in reading, preprocessing, queue, model, s",
            ["stage"],
            buckets=_SECONDS,
            **make,
        )
        self.records = Counter("ecgml_records", "Records answered, by predicted class", ["rhythm"], **make)
        self.abstentions = Counter("ecgml_abstentions", "Records that the model does not answer", **make)
        self.unusable = Counter(
            "ecgml_unusable_records", "Records that could not be used, by reason", ["reason"], **make
        )
        self.batch_records = Histogram(
            "ecgml_batch_records", "Records in a batch of the model", buckets=(1, 2, 4, 8, 16, 32, 64, 128), **make
        )
        self.waiting = Gauge(
            "ecgml_waiting_records", "Records that wait for the model", multiprocess_mode="livesum", **make
        )
        self.model = Gauge(
            "ecgml_model_info",
            "1 for the model that answers",
            ["address", "version"],
            multiprocess_mode="livemax",
            **make,
        )
        self.refused_versions = Counter("ecgml_refused_versions", "Versions that did not load and answer", **make)
        self.unreachable = Gauge(
            "ecgml_registry_unreachable", "1 while the registry cannot be reached", multiprocess_mode="livemax", **make
        )

    def text(self) -> bytes:
        """Return the figures as Prometheus reads them: of all processes where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
            return generate_latest(registry)
        return generate_latest(self.registry)
