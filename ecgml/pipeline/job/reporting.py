"""Log what the runs of a model and of a job show in MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

import ecgml
from ecgml.config import Configuration
from ecgml.datasets.quarantine import as_columns
from ecgml.evaluation.answer_files import answers_csv
from ecgml.evaluation.answers import Answers, AnswerScores, score_answers
from ecgml.evaluation.comparison import compare
from ecgml.evaluation.metric_table import names_of, titles_of
from ecgml.evaluation.prediction_files import write_predictions
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import Scores
from ecgml.evaluation.summary import summary_text
from ecgml.page.sections import sentence
from ecgml.pipeline.job.artifacts import (
    CONFIG,
    ENVIRONMENT,
    IDENTITY,
    LEFT_OUT,
    QUARANTINE,
    SEPARATOR,
    SPLIT,
    TITLES,
)
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.environment import environment, git_commit
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.report.evaluated import answers_file, caption, predictions_file
from ecgml.report.figures.comparison import comparison_figure
from ecgml.report.figures.confusion import confusion_figure
from ecgml.report.figures.pr import pr_figure
from ecgml.report.figures.roc import overlaid_roc, roc_figure
from ecgml.report.figures.style import NO_COLOURS, save_figure
from ecgml.report.figures.training import training_curves
from ecgml.service.tracker import Tracker

SIMULATED = "Simulated data: these figures say nothing about patients."

THREADS = "ecgml.threads"
"""Tag of a run: CPU threads of its arithmetic. Sums are grouped by them, so another number gives other last bits."""


@dataclass(frozen=True)
class Scored:
    """One model's predictions and scores on the test part (``"test"``) and the external cohort, if any."""

    predictions: dict[str, Predictions] = field(default_factory=dict)
    scores: dict[str, Scores] = field(default_factory=dict)


def report_job(tracker: Tracker, configuration: Configuration, job: JobData) -> None:
    """Log what all models of a job share: settings, data, split, records left out, environment."""
    tracker.json(configuration.to_json(), CONFIG)
    tracker.text(environment(), ENVIRONMENT)
    columns = {
        "record": job.table.record_ids.tolist(),
        "part": job.parts.tolist(),
        "label": [job.scheme.classes[label] for label in job.table.y_written],
        "label_harmonised": [job.scheme.classes[label] for label in job.table.y_harmonised],
        "source": job.table.sources.tolist(),
        "patient": job.table.patients.tolist(),
        "usable": job.table.usable.tolist(),
        # What promotion and subgroups divide the test part by.
        "date": job.table.dates.tolist(),
        "rate": job.table.rates.tolist(),
        **{name: job.table.given[:, CLINICAL_NAMES.index(name)].tolist() for name in ("age", "sex")},
        # By which it is matched in other data, under any name and file format.
        IDENTITY: [SEPARATOR.join(job.identity_of[record_id]) for record_id in job.table.record_ids.tolist()],
    }
    tracker.table(columns, SPLIT)
    tracker.table(as_columns(job.cohorts, job.caches), QUARANTINE)
    tracker.table(
        {"record": [record.record_id for record in job.left_out], "reason": [record.reason for record in job.left_out]},
        LEFT_OUT,
    )
    real = [cohort for cohort in job.cohorts if cohort.kind != "pool"]
    addresses = [str(cohort.root) for cohort in real]
    tracker.dataset(job.name, job.digest, addresses, "training")
    tags = {
        "ecgml.data_digest": job.digest,
        "ecgml.version": ecgml.__version__,
        "ecgml.git_commit": git_commit(),
        THREADS: str(torch.get_num_threads()),
    }
    if job.simulated:
        tags["ecgml.simulated"] = "true"
    tracker.tags({name: value for name, value in tags.items() if value})


def report_history(
    tracker: Tracker, name: str, history: Sequence[Mapping[str, float]], best_epoch: int, job: JobData
) -> None:
    """Log the training curves of a model."""
    title = caption("Training curves", name, "", job.part("train").sources.tolist())
    figure = training_curves(history, best_epoch=best_epoch + 1, title=title, note=note_of(job))
    tracker.figure(figure, "figures/curves.png", save_figure)


def report_scores(
    tracker: Tracker,
    name: str,
    what: str,
    predictions: Predictions,
    scores: Scores,
    note: str,
    model_id: str | None = None,
    colours: Mapping[str, str] = NO_COLOURS,
) -> None:
    """Log metrics, figures, table and predictions of one set of records.

    Parameters
    ----------
    tracker : Tracker
    name : str
        Of the model.
    what : str
        ``"test"`` or ``"external"``.
    predictions : Predictions
    scores : Scores
        Of these predictions.
    note : str
        Below every figure.
    model_id : str, optional
        The LoggedModel that made them.
    colours : mapping of str to str, optional
        Of classes that have one of their own.
    """
    tracker.metrics(scores.flat(f"{what}_"), model_id=model_id)
    prefix = "" if what == "test" else f"{what}_"
    with tracker.folder(predictions_file(what)) as path:
        write_predictions(predictions, path)
    tracker.text(scores.table().to_csv(), f"{prefix}classes.csv")
    confusion, roc, pr = (
        caption(figure, name, TITLES[what], predictions.sources)
        for figure in ("Confusion matrix", "ROC curves", "Precision-recall curves")
    )
    figures = {
        "confusion": confusion_figure(predictions, title=confusion, note=note),
        "roc": roc_figure(predictions, title=roc, note=note, colours=colours),
        "pr": pr_figure(predictions, title=pr, note=note, colours=colours),
    }
    for file, figure in figures.items():
        tracker.figure(figure, f"figures/{prefix}{file}.png", save_figure)


def report_answers(
    tracker: Tracker,
    what: str,
    predictions: Predictions,
    answers: Answers,
    n_bootstrap: int,
    model_id: str | None = None,
) -> AnswerScores:
    """Log coverage, scores of the answered records and their table; arguments as :func:`report_scores`."""
    scores = score_answers(predictions, answers, n_bootstrap=n_bootstrap)
    tracker.metrics(scores.flat(predictions.classes, f"{what}_"), model_id=model_id)
    with tracker.folder(answers_file(what)) as path:
        path.write_bytes(answers_csv(predictions, answers))
    return scores


def describe_model(name: str, scored: Scored, job: JobData) -> str:
    """Return the description of a model's run."""
    note = SIMULATED if job.simulated else ""
    blocks = [
        summary_text(scores, f"{name} on the {TITLES[what]}, labels as written", note)
        for what, scores in scored.scores.items()
    ]
    return "\n".join(blocks)


def report_comparison(tracker: Tracker, models: Mapping[str, Scored], n_bootstrap: int, job: JobData) -> list[str]:
    """Log the comparison of the first two models and return the verdicts, one a set of records."""
    verdicts = []
    (name_a, a), (name_b, b) = list(models.items())[:2]
    for what in a.predictions:
        prefix = "comparison/" if what == "test" else f"comparison/{what}_"
        comparison = compare(a.predictions[what], b.predictions[what], n_bootstrap=n_bootstrap)
        verdict = comparison.verdict(name_a, name_b)
        verdicts.append(f"{TITLES[what].capitalize()}: {verdict}")
        table = comparison.table().rename(columns={"a": name_a, "b": name_b})
        tracker.text(table.to_csv(), f"{prefix}table.csv")
        title = caption(f"{name_a} against {name_b}", "", TITLES[what], a.predictions[what].sources)
        figure = comparison_figure(comparison, name_a, name_b, title=title, note=note_of(job))
        tracker.figure(figure, f"{prefix}differences.png", save_figure)
        curves = overlaid_roc(
            {name: scored.predictions[what] for name, scored in models.items()}, title=title, note=note_of(job)
        )
        tracker.figure(curves, f"{prefix}roc.png", save_figure)
        differences = {
            f"difference_{what}_{metric}{suffix}": value
            for metric in names_of("overview")
            for suffix, value in (
                ("", comparison.differences[metric].value),
                ("_low", comparison.differences[metric].low),
                ("_high", comparison.differences[metric].high),
            )
        }
        tracker.metrics(differences)
    return verdicts


def describe_job(models: Mapping[str, Scored], verdicts: Sequence[str], job: JobData, links: Sequence[str]) -> str:
    """Return the description of the job's run: verdict of the comparison, then scores."""
    lines = [f"*{SIMULATED}*"] if job.simulated else []
    lines += verdicts
    lines += links
    lines += [f"{sentence(note)}." for note in job.notes]
    if "SR" in job.scheme.classes and (job.table.y_written != job.table.y_harmonised).any():
        changed = int((job.table.y_written != job.table.y_harmonised).sum())
        lines.append(
            f"Sinus rhythms were called by rate in training and validation ({changed:,} labels changed); test figures "
            "stand on the labels as their sources wrote them, so a source that names them otherwise costs accuracy "
            "here: see the metrics `test_harmonised_…` beside `test_…`."
        )
    lines += [describe_model(name, scored, job) for name, scored in models.items()]
    return "\n\n".join(lines)


def note_of(job: JobData) -> str:
    """Return the note below every figure."""
    return SIMULATED if job.simulated else ""


def one_line(scores: Scores) -> str:
    """Return the headline in one line for the console."""
    parts = [
        f"{title} {scores[name].value:.3f} ({scores[name].low:.3f}–{scores[name].high:.3f})"
        for name, title in titles_of("overview").items()
        if np.isfinite(scores[name].value)
    ]
    covered = f", coverage {scores.coverage:.1%}" if scores.coverage < 1 else ""
    return f"{', '.join(parts)} on {scores.n_records:,} records{covered}"
