"""`ecgml audit`: how much of a score needs no ECG."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import ecgml
from ecgml.cohorts.cohort import Cohort
from ecgml.config import resolve
from ecgml.datasets.cache import CachedCohort
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import build_table
from ecgml.errors import EvaluationError
from ecgml.evaluation.comparison import Comparison, compare
from ecgml.evaluation.figures.shortcuts import Line, shortcuts_figure
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import Scores, score
from ecgml.evaluation.summary import interval_text
from ecgml.figures import save_figure
from ecgml.pipeline.compare import Candidate, candidate
from ecgml.pipeline.console import Console
from ecgml.pipeline.data import fill_caches, load_cohorts
from ecgml.pipeline.reporting import environment, git_commit
from ecgml.pipeline.scoring import predict_checkpoint
from ecgml.pipeline.settings import AUDIT_SECTIONS, DataSettings
from ecgml.pipeline.shortcuts import SHORTCUTS, predict_unseen
from ecgml.pipeline.surveying import survey_cohorts
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.schemes import scheme_named
from ecgml.service.models import fetch_checkpoint
from ecgml.service.runs import close_abandoned, ended_by_signal, noted_failure, open_run, read_run
from ecgml.service.store import connect
from ecgml.service.tracker import Tracker
from ecgml.training.checkpoint import Checkpoint, load_checkpoint
from ecgml.training.data import clinical_values
from ecgml.training.device import choose_device

LEAST_RECORDS = 50

ALL, TEST = "all", "test"


@dataclass(frozen=True, eq=False)
class Finding:
    """What one model, with or without an ECG, reaches on some records."""

    name: str
    title: str
    predictions: Predictions
    scores: Scores


def audit(options: Mapping[str, Any], console: Console, *, model: str = "", config: str = "") -> str:
    """Score what needs no ECG beside a model, and the model without its clinical values.

    Shortcuts are learned by folds on every row of the tables that has a class, with a file or without, and scored
    pooled. With a model all are scored on its test part, too; nothing is selected by any of it.

    Parameters
    ----------
    options : mapping
        Settings of `ecgml.pipeline.settings.AUDIT_SECTIONS` by name; ``None`` and ``""`` mean "not given".
    console : Console
    model : str
        The run of a model, or nothing. Its data are audited where `options` name none.
    config : str
        A YAML file of settings; options beat it.

    Returns
    -------
    said : str
        The audit in words and figures.

    Raises
    ------
    EcgmlError
        If settings, folders, run or store do not allow it; no run is left open.
    """
    with ended_by_signal(), noted_failure():
        experiment = connect()
        subject = candidate(model) if model else None
        if model and not options.get("data_dir"):
            options = {**options, **_data_of(model)}
        configuration = resolve(AUDIT_SECTIONS, options, config)
        for run_id in close_abandoned():
            console.say(f"closed run {run_id}: whatever worked on it is gone")
        data, settings = configuration["data"], configuration["audit"]
        checkpoint = _checkpoint_of(model) if model else None
        preprocessing = checkpoint.preprocessing if checkpoint else configuration["preprocessing"]
        cohorts, caches = _open(data, preprocessing, console)
        survey = survey_cohorts(cohorts, caches, scheme_named(data.scheme), data.max_quarantined)
        rows = np.flatnonzero(survey.classes >= 0)
        if len(rows) < LEAST_RECORDS or len(np.unique(survey.classes[rows])) < 2:
            raise EvaluationError(
                f"audit: {len(rows)} rows with a class, of {len(np.unique(survey.classes[rows]))} classes; at least "
                f"{LEAST_RECORDS} rows of two classes are needed"
            )
        own = _of_model(subject, checkpoint, cohorts, caches, data) if subject and checkpoint else {}
        start = time.perf_counter()
        predict_unseen(SHORTCUTS[0], survey, rows, 2, settings.seed, data.n_jobs)
        seconds = (time.perf_counter() - start) / 2 * settings.folds * sum(one.is_slow for one in SHORTCUTS)
        console.say(
            f"{len(rows):,} rows with a class; {len(SHORTCUTS)} shortcuts on {settings.folds} folds: about "
            f"{seconds / 60:.1f} min"
        )
        with open_run(experiment, f"audit {'+'.join(cohort.name for cohort in cohorts)}") as run:
            unseen: dict[str, Predictions] = {}
            with console.progress("auditing", "folds") as show:
                n_done = 0

                def on_fold() -> None:
                    nonlocal n_done
                    n_done += 1
                    show(n_done, len(SHORTCUTS) * settings.folds, "")

                for shortcut in SHORTCUTS:
                    predictions = predict_unseen(
                        shortcut, survey, rows, settings.folds, settings.seed, data.n_jobs, on_fold
                    )
                    if predictions is not None:
                        unseen[shortcut.name] = predictions
                    else:
                        console.warn(f"{shortcut.title}: the tables have none; left out")
            titles = {shortcut.name: shortcut.title for shortcut in SHORTCUTS}
            findings = {
                ALL: [
                    Finding(name, titles[name], own, score(own, n_bootstrap=settings.bootstrap))
                    for name, own in unseen.items()
                ]
            }
            comparison = None
            if subject:
                findings[TEST], comparison = _on_test_part(subject, own, unseen, titles, settings.bootstrap)
            said = _in_words(findings, comparison, subject, survey.caution)
            _log(Tracker(run.info.run_id), configuration, findings, said, survey.caution, model)
    return f"{said}\n\nrun {run.info.run_id}; look at it with: mlflow ui"


def _open(
    data: DataSettings, preprocessing: PreprocessingSettings, console: Console
) -> tuple[list[Cohort], dict[str, CachedCohort]]:
    inner, outer = load_cohorts(data, console, need_files=False)
    cohorts = [*inner, *outer]
    with_files = [cohort for cohort in cohorts if cohort.entries]
    filled = fill_caches(with_files, data, preprocessing, console, check=False)
    return cohorts, {cohort.name: cached for cohort, cached in zip(with_files, filled, strict=True)}


def _data_of(model: str) -> dict[str, str]:
    """Return where a model's data lie, and how they were labelled."""
    params = read_run(model.removeprefix("runs:/").strip("/")).data.params
    return {name: params[name] for name in ("data_dir", "scheme", "harmonise", "demo_records") if name in params}


def _checkpoint_of(model: str) -> Checkpoint:
    with TemporaryDirectory(prefix="ecgml-") as folder:
        return load_checkpoint(fetch_checkpoint(f"runs:/{model.removeprefix('runs:/').strip('/')}", Path(folder)))


def _of_model(
    subject: Candidate,
    checkpoint: Checkpoint,
    cohorts: Sequence[Cohort],
    caches: Mapping[str, CachedCohort],
    data: DataSettings,
) -> dict[str, Predictions]:
    """Predict the model's test part as trained, without what the table gives, and without any clinical value.

    Raises
    ------
    EvaluationError
        If the data are not those of the model.
    """
    with_files = [cohort for cohort in cohorts if cohort.name in caches]
    scheme = scheme_named(checkpoint.scheme)
    table, _ = build_table(with_files, list(caches.values()), scheme, data.harmonise)
    stored = subject.predictions["test part"]
    place_of = {record_id: place for place, record_id in enumerate(table.record_ids.tolist())}
    missing = [record_id for record_id in stored.record_ids if record_id not in place_of]
    if missing:
        raise EvaluationError(
            f"audit: {len(missing):,} of the model's {stored.n_records:,} test records are not in these data (first "
            f"{missing[0]}); give the data that it was trained on"
        )
    table = table[np.array([place_of[record_id] for record_id in stored.record_ids])]
    store = WindowStore(list(caches.values()), choose_device("auto"))
    nothing_given = clinical_values(table, np.zeros(len(table), dtype=bool))
    inputs = {
        "as_trained": clinical_values(table),
        "table_withheld": nothing_given,
        "clinical_withheld": np.full_like(nothing_given, np.nan),
    }
    return {name: predict_checkpoint(checkpoint, table, store, clinical) for name, clinical in inputs.items()}


def _on_test_part(
    subject: Candidate,
    own: Mapping[str, Predictions],
    unseen: Mapping[str, Predictions],
    titles: Mapping[str, str],
    n_bootstrap: int,
) -> tuple[list[Finding], Comparison | None]:
    """Score everything on the model's test part; compare the model with what sees the whole table."""
    model_titles = {
        "as_trained": f"{subject.name}, as trained",
        "table_withheld": f"{subject.name}, table withheld (measured values kept)",
        "clinical_withheld": f"{subject.name}, all clinical values withheld",
    }
    found = [Finding(name, model_titles[name], one, score(one, n_bootstrap=n_bootstrap)) for name, one in own.items()]
    reference = own["as_trained"]
    comparison = None
    for name, predictions in unseen.items():
        place_of = {record_id: place for place, record_id in enumerate(predictions.record_ids)}
        places = [place_of.get(record_id, -1) for record_id in reference.record_ids]
        if min(places) < 0 or predictions.classes != reference.classes:
            continue
        here = predictions.take(places)
        same = Predictions(
            reference.record_ids, here.classes, reference.y_true, here.y_prob, reference.groups, reference.sources,
            reference.notes,
        )  # fmt: skip
        found.append(Finding(name, titles[name], same, score(same, n_bootstrap=n_bootstrap)))
        if name == "clinical_only":
            comparison = compare(reference, same, n_bootstrap=n_bootstrap)
    return found, comparison


def _in_words(
    findings: Mapping[str, Sequence[Finding]],
    comparison: Comparison | None,
    subject: Candidate | None,
    caution: str,
) -> str:
    """Return the audit as text: what needs no ECG, and how much the ECG adds."""
    blocks = [caution] if caution else []
    best = max(findings[ALL], key=lambda one: one.scores["macro_f1"].value)
    worth = best.scores
    blocks.append(
        f"Without any ECG, {best.title} reaches accuracy {interval_text(worth['accuracy'])} and macro-F1 "
        f"{interval_text(worth['macro_f1'])} on {worth.n_records:,} records that it did not see: a model that uses "
        "these values and is no better has learnt nothing from the ECG."
    )
    if comparison and subject:
        difference = comparison.differences["macro_f1"]
        alone = next(one.scores for one in findings[TEST] if one.name == "clinical_withheld")
        adds = (
            "adds to the table"
            if difference.low > 0
            else "is worse than the table alone"
            if difference.high < 0
            else "cannot be told from the table alone"
        )
        blocks.append(
            f"How much the ECG adds: on the {comparison.n_records:,} records of its test part {subject.name} {adds}: "
            f"macro-F1 {comparison.a['macro_f1'].value:.3f} against {comparison.b['macro_f1'].value:.3f}, difference "
            f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f}). From the waveform alone, all "
            f"clinical values withheld, it reaches {interval_text(alone['macro_f1'])}."
        )
    for what, found in findings.items():
        n_records = found[0].scores.n_records
        place = "every row with a class, out of fold" if what == ALL else "the model's test part"
        lines = [f"{place} ({n_records:,} records)", ""]
        cells = [("", "accuracy", "macro-F1", "macro AUROC")]
        cells += [
            (one.title, *(interval_text(one.scores[name]) for name in ("accuracy", "macro_f1", "macro_auroc")))
            for one in found
        ]
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        lines += [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _log(
    tracker: Tracker,
    configuration: Any,
    findings: Mapping[str, Sequence[Finding]],
    said: str,
    caution: str,
    model: str,
) -> None:
    tracker.params(configuration.values())
    tracker.json(configuration.to_json(), "config.json")
    tracker.text(environment(), "environment.txt")
    tracker.text(said + "\n", "audit.txt")
    rows = []
    for what, found in findings.items():
        for one in found:
            tracker.metrics(one.scores.flat(f"{what}_{one.name}_"))
            row: dict[str, object] = {"records": what, "model": one.name, "title": one.title, "n": one.scores.n_records}
            for name in ("accuracy", "macro_f1", "macro_auroc", "ece"):
                estimate = one.scores[name]
                row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            rows.append(row)
        lines = [Line(one.title, one.scores, is_model=one.name not in {s.name for s in SHORTCUTS}) for one in found]
        title = "What needs no ECG" if what == ALL else "The model and what needs no ECG, on its test part"
        tracker.figure(shortcuts_figure(lines, title=title, note=caution), f"figures/audit_{what}.png", save_figure)
    tracker.text(pd.DataFrame(rows).to_csv(index=False), "audit.csv")
    tags = {
        "ecgml.command": "audit",
        "ecgml.model": model,
        "ecgml.version": ecgml.__version__,
        "ecgml.git_commit": git_commit(),
        "ecgml.simulated": "true" if caution else "",
    }
    tracker.tags({name: value for name, value in tags.items() if value})
    tracker.describe("\n\n".join(said.split("\n\n")[: 3 if caution else 2]))
