"""Counters and timings of a server in Prometheus' format, without values of inputs."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable: folder through which processes share their metrics."""

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Monitor:
    """Metrics of a server process; several processes share a folder (``PROMETHEUS_MULTIPROC_DIR``)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        make = {"registry": self.registry}
        self.requests = Counter("ecgml_requests", "Requests by route and status", ["route", "status"], **make)
        self.seconds = Histogram(
            "ecgml_request_seconds", "Time from request to answer, s", ["route"], buckets=_SECONDS, **make
        )
        self.stage_seconds = Histogram(
            "ecgml_stage_seconds",
            "Time in reading, preprocessing, queue and model, s",
            ["stage"],
            buckets=_SECONDS,
            **make,
        )
        self.records = Counter("ecgml_records", "Records answered, by predicted class", ["rhythm"], **make)
        self.abstentions = Counter("ecgml_abstentions", "Records on which the model abstained", **make)
        self.unusable = Counter(
            "ecgml_unusable_records", "Records that could not be used, by reason", ["reason"], **make
        )
        self.batch_records = Histogram(
            "ecgml_batch_records", "Records per batch", buckets=(1, 2, 4, 8, 16, 32, 64, 128), **make
        )
        self.waiting = Gauge(
            "ecgml_waiting_records", "Records waiting for the model", multiprocess_mode="livesum", **make
        )
        self.model = Gauge(
            "ecgml_model_info",
            "1 for the current model",
            ["address", "version"],
            multiprocess_mode="livemax",
            **make,
        )
        self.refused_versions = Counter("ecgml_refused_versions", "Versions that failed to load or answer", **make)
        self.unreachable = Gauge(
            "ecgml_registry_unreachable", "1 while the registry is unreachable", multiprocess_mode="livemax", **make
        )

        self._shared: list[Collector] = []

    def add(self, collector: Collector) -> None:
        """Add metrics that are equal in all processes."""
        self._shared.append(collector)

    def text(self) -> bytes:
        """Return the metrics of all processes in Prometheus' format."""
        registry = CollectorRegistry()
        if MULTIPROCESS in os.environ:
            MultiProcessCollector(registry)
        else:
            registry.register(self.registry)
        for collector in self._shared:
            registry.register(collector)
        return generate_latest(registry)
