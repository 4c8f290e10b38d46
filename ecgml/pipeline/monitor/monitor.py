"""`ecgml monitor`: ask a server now and then how its inputs and answers drift, and log it in a run."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from ecgml.config import Configuration, setting, validate
from ecgml.errors import ServerError
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.service.pages import where_to_look
from ecgml.service.tracker import Tracker

TIMEOUT_S = 30.0

ANSWER = "drift.json"
"""Artifact: the last answer of /v1/drift."""

_COUNTERS = ("records", "abstentions", "unusable_records", "requests", "refused_versions")


@dataclass(frozen=True)
class MonitorSettings:
    """Which server, how often."""

    url: str = setting("http://127.0.0.1:8000", "Address of the server")
    every_s: float = setting(60.0, "How often it is asked, s", low=1, high=86_400)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True, kw_only=True)
class MonitorConfiguration(Configuration):
    """The settings of `ecgml monitor`."""

    monitoring: MonitorSettings


def monitor(options: Mapping[str, Any], console: Console, *, once: bool = False) -> str:
    """Log a server's figures until Ctrl-C or SIGTERM; return where they are.

    Parameters
    ----------
    options : mapping
        Settings by flat name.
    console : Console
    once : bool
        Ask once.

    Raises
    ------
    ServerError
        If it does not answer when it is asked first; later this is a line, and it is asked again.
    TrackingError
        If the store cannot be used.
    """
    configuration = resolve_settings(MonitorConfiguration, options)
    settings = configuration.monitoring
    url = settings.url.rstrip("/")
    url = url if "://" in url else f"http://{url}"
    figures = ask(url)
    with command("monitor", console) as running:
        running.connect()
        with running.run(f"monitor {url.partition('://')[2]}", configuration, {}) as tracker:
            try:
                _follow(figures, url, settings.every_s, tracker, console, once=once)
            except KeyboardInterrupt:
                console.say("stopped")
    return f"run {tracker.run_id}: {where_to_look(running.experiment, tracker.run_id, ANSWER)}"


def ask(url: str) -> dict[str, Any]:
    """Return what a server tells of itself: ``drift``, ``feedback`` (empty where it keeps none) and ``counts``.

    Raises
    ------
    ServerError
        If it does not answer, or is no server of ecgml.
    """
    answer, kept = _get(url, "/v1/drift"), _get(url, "/v1/feedback", missing=True)
    text, counts = _get(url, "/metrics").text, {}
    try:
        drift, feedback = answer.json(), kept.json() if kept.status_code == 200 else {}
        for family in text_string_to_metric_families(text):
            name = family.name.removeprefix("ecgml_")
            if name in _COUNTERS:
                counts[name] = sum(sample.value for sample in family.samples if sample.name.endswith("_total"))
    except ValueError:
        raise ServerError(f"{url} is no server of ecgml: its answers cannot be read") from None
    return {"drift": drift, "feedback": feedback, "counts": counts}


def metrics_of(figures: Mapping[str, Any]) -> list[dict[str, float]]:
    """Return the metrics of one answer, a group a source: ``all/psi_ventricular_rate``, ``feedback/agreement`` …"""
    groups: list[dict[str, float]] = [{f"server/{name}": value for name, value in figures["counts"].items()}]
    feedback = figures["feedback"]
    if feedback.get("records"):
        groups.append({f"feedback/{name}": feedback[name] for name in ("records", "agreement")})
    for source in figures["drift"]["sources"]:
        name = source["source"]
        values = {f"{name}/records": source["records"]}
        if source["drift"] is not None:
            values[f"{name}/drift"] = float(source["drift"])
        for one in source["characteristics"]:
            values[f"{name}/psi_{one['name']}"] = one["psi"]
            if one["ks"] is not None:
                values[f"{name}/ks_{one['name']}"] = one["ks"]
        groups.append(values)
    return groups


def _follow(
    figures: dict[str, Any] | None, url: str, every_s: float, tracker: Tracker, console: Console, *, once: bool
) -> None:
    """Log figures, ask for the next, for ever or once; what has changed is a line."""
    step, said, fault = 0, "", ""
    while True:
        if figures is not None:
            step += 1
            for group in metrics_of(figures):
                tracker.metrics(group, step=step)
            tracker.json(figures["drift"], ANSWER)
            tracker.tags({"ecgml.served": str(figures["drift"]["model"]["address"])})
            if (line := _line(figures)) != said:
                console.say(line)
                said = line
        if once:
            return
        time.sleep(every_s)
        try:
            figures, fault = ask(url), ""
        except ServerError as error:
            figures = None
            if str(error) != fault:
                fault = str(error)
                console.warn(f"{fault}; asked again every {every_s:g} s")


def _line(figures: Mapping[str, Any]) -> str:
    drift = figures["drift"]
    told = [f"{source['source']}: {source['text']}" for source in drift["sources"] if source["drift"]]
    words = " ".join(told) or drift["text"] or "no drift is known"
    return f"{drift['model']['address']}: {words}"


def _get(url: str, path: str, *, missing: bool = False) -> requests.Response:
    token = os.environ.get("ECGML_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        response = requests.get(url + path, headers=headers, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        reason = "refuses the connection" if "refused" in str(error) else f"does not answer ({type(error).__name__})"
        raise ServerError(f"{url} {reason}; is `ecgml serve` running there?") from None
    if response.status_code == 401:
        raise ServerError(f"{url} asks for a token: set ECGML_TOKEN to the server's")
    if response.status_code != 200 and not (missing and response.status_code == 404):
        raise ServerError(f"{url}{path} answers with status {response.status_code}; is it a server of this version?")
    return response
