"""`ecgml evaluate`: a trained model on any cohort that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import ecgml
from ecgml.config import resolve
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable, build_table
from ecgml.errors import ConfigError, EvaluationError, TrackingError
from ecgml.evaluation.scores import Scores, score
from ecgml.evaluation.summary import summary_text
from ecgml.pipeline.console import Console
from ecgml.pipeline.data import fill_caches, load_cohorts
from ecgml.pipeline.reporting import SIMULATED, environment, git_commit, report_scores
from ecgml.pipeline.scoring import predict_checkpoint
from ecgml.pipeline.settings import EVALUATE_SECTIONS
from ecgml.records.schemes import scheme_named
from ecgml.service.models import fetch_checkpoint, pinned
from ecgml.service.runs import close_abandoned, ended_by_signal, noted_failure, open_run
from ecgml.service.store import connect
from ecgml.service.tracker import Tracker, fetch_artifact
from ecgml.training.checkpoint import Checkpoint, load_checkpoint
from ecgml.training.device import choose_device

LEARNT_FROM = ("train", "val", "calibration")
"""Parts of a split that a model has seen in one way or another."""


def evaluate(model: str, options: Mapping[str, Any], console: Console, *, config: str = "") -> str:
    """Score a trained model on cohorts, labels as their sources wrote them first; log it as a run of its own.

    Records that the model was trained, selected or calibrated on are left out, and those of the same patients.

    Parameters
    ----------
    model : str
        A checkpoint folder, ``runs:/<run id>``, ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
    options : mapping
        Settings of `ecgml.pipeline.settings.EVALUATE_SECTIONS` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings; options beat it.

    Returns
    -------
    said : str
        The figures in words.

    Raises
    ------
    EcgmlError
        If model, settings, folders or store do not allow it, or no record is left; no run is left open.
    """
    with ended_by_signal(), noted_failure():
        configuration = resolve(EVALUATE_SECTIONS, options, config)
        data, settings = configuration["data"], configuration["evaluation"]
        if not model:
            raise ConfigError("evaluate: no model given; name a checkpoint folder, runs:/… or models:/… first")
        if not (data.data_dir or data.external_dir):
            raise ConfigError("evaluate: no data given; name one or more folders after the model")
        device = choose_device(settings.device)
        experiment = connect()
        address, version = pinned(model)
        checkpoint = _load(address)
        for run_id in close_abandoned():
            console.say(f"closed run {run_id}: whatever worked on it is gone")
        cohorts = [cohort for group in load_cohorts(data, console) for cohort in group]
        caches = fill_caches(cohorts, data, checkpoint.preprocessing, console)
        table, left_out = build_table(cohorts, caches, scheme_named(checkpoint.scheme), data.harmonise)
        seen = _seen(table, checkpoint, console)
        table = table[~seen]
        if not table.usable.any():
            raise EvaluationError(
                f"evaluate: no usable record with a class of the scheme {checkpoint.scheme!r} is left of these data "
                f"({int(seen.sum()):,} left out because the model learnt from them or their patients)"
            )
        store = WindowStore(caches, device)
        written = predict_checkpoint(checkpoint, table, store)
        scores = score(written, n_bootstrap=settings.bootstrap, seed=settings.seed)
        note = SIMULATED if any(cohort.simulated for cohort in cohorts) or checkpoint.facts.get("simulated") else ""
        name = "+".join(cohort.name for cohort in cohorts)
        excluded = {"record": [one.record_id for one in left_out], "reason": [one.reason for one in left_out]}
        with open_run(experiment, f"evaluate {checkpoint.model_name} on {name}") as run:
            tracker = Tracker(run.info.run_id)
            tracker.params({"model": model, **configuration.values()})
            tracker.json(configuration.to_json(), "config.json")
            tracker.text(environment(), "environment.txt")
            tracker.table(excluded, "left_out.csv")
            report_scores(tracker, "evaluation", written, scores, note)
            said = [summary_text(scores, f"{checkpoint.model_name} on {name}, labels as written", note)]
            if (table.y_written != table.y_harmonised).any():
                harmonised = predict_checkpoint(checkpoint, table, store, harmonised=True)
                ruled = score(harmonised, n_bootstrap=settings.bootstrap, seed=settings.seed)
                tracker.metrics(ruled.flat("evaluation_harmonised_"))
                said.append(summary_text(ruled, f"{checkpoint.model_name} on {name}, labels harmonised", note))
            sources = _by_source(written, settings.bootstrap, settings.seed)
            if len(sources) > 1:
                tracker.text(_source_table(sources).to_csv(), "sources.csv")
                said.append(_source_text(sources))
            tags = {
                "ecgml.command": "evaluate",
                "ecgml.model": model,
                "ecgml.model_version": version or "",
                "ecgml.model_run": str(checkpoint.facts.get("run_id", "")),
                "ecgml.version": ecgml.__version__,
                "ecgml.git_commit": git_commit(),
                "ecgml.simulated": "true" if note else "",
            }
            tracker.tags({key: value for key, value in tags.items() if value})
            tracker.describe("\n\n".join(said))
    return "\n".join([*said, f"run {run.info.run_id}; look at it with: mlflow ui"])


def _load(address: str) -> Checkpoint:
    if ":/" not in address:
        return load_checkpoint(Path(address).expanduser())
    with TemporaryDirectory(prefix="ecgml-") as folder:
        return load_checkpoint(fetch_checkpoint(address, Path(folder)))


def _seen(table: RecordTable, checkpoint: Checkpoint, console: Console) -> np.ndarray:
    """Return which records the model learnt from, and the others of their patients; told by source and name.

    Returns
    -------
    seen : ndarray of bool, shape (n_records,)
    """
    nothing = np.zeros(len(table), dtype=bool)
    run_id = checkpoint.facts.get("run_id", "")
    try:
        with TemporaryDirectory(prefix="ecgml-") as folder:
            split = pd.read_csv(fetch_artifact(f"runs:/{run_id}/split.csv", Path(folder)), keep_default_na=False)
    except TrackingError:
        console.warn(
            f"the model's own run {run_id or '(unknown)'} is not in this tracking store: whether it was trained on "
            "some of these records cannot be told"
        )
        return nothing
    learnt = split[split.part.isin(LEARNT_FROM)]
    own = {
        (source, _bare(name)) for source, name in zip(learnt.source.astype(str), learnt.record.astype(str), strict=True)
    }
    here = zip(table.sources.tolist(), map(_bare, table.record_ids.tolist()), strict=True)
    direct = np.array([one in own for one in here])
    seen = np.isin(table.patients, table.patients[direct]) if direct.any() else nothing
    if seen.any():
        console.say(
            f"{int(seen.sum()):,} of {len(table):,} records left out: the model learnt from them or their patients"
        )
    return seen


def _bare(record_id: str) -> str:
    """Return a record's name without its cohort's, which is that of a folder."""
    return record_id.rpartition("/")[2]


def _by_source(predictions: Any, n_bootstrap: int, seed: int) -> dict[str, Scores]:
    sources = np.array(predictions.sources)
    return {
        str(source): score(predictions.subset(sources == source), n_bootstrap=n_bootstrap, seed=seed)
        for source in np.unique(sources)
    }


def _source_table(sources: Mapping[str, Scores]) -> pd.DataFrame:
    rows = []
    for source, scores in sources.items():
        row: dict[str, object] = {"source": source, "n_records": scores.n_records}
        for name in ("accuracy", "macro_f1", "macro_auroc", "ece"):
            estimate = scores[name]
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        rows.append(row)
    return pd.DataFrame(rows).set_index("source")


def _source_text(sources: Mapping[str, Scores]) -> str:
    lines = ["| source | records | accuracy | macro-F1 | |", "|---|---|---|---|---|"]
    for source, scores in sources.items():
        accuracy, f1 = scores["accuracy"], scores["macro_f1"]
        caution = "too few to tell" if scores.n_groups < 30 else ""
        lines.append(
            f"| {source} | {scores.n_records:,} | {accuracy.value:.3f} ({accuracy.low:.3f}–{accuracy.high:.3f}) | "
            f"{f1.value:.3f} ({f1.low:.3f}–{f1.high:.3f}) | {caution} |"
        )
    return "\n".join(lines) + "\n"
