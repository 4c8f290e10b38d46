"""`ecgml audit`: shortcuts without an ECG, and robustness to perturbations."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import ecgml
from ecgml.cohorts.cohort import Cohort
from ecgml.datasets.cache import CachedCohort
from ecgml.errors import ConfigError, EcgmlError, EvaluationError
from ecgml.evaluation.metric_table import names_of, titles_of
from ecgml.evaluation.robustness import judge_robustness
from ecgml.evaluation.summary import interval_text
from ecgml.exploration.survey import Survey
from ecgml.page.html import render_page
from ecgml.page.sections import Section, sentence
from ecgml.pipeline.audit.audited_model import find_audited_model, model_parts
from ecgml.pipeline.audit.robustness import perturbation_tasks, predict_perturbed, seconds_per_record
from ecgml.pipeline.audit.shortcut_scores import score_shortcuts
from ecgml.pipeline.audit.shortcuts import predict_unseen, shortcuts_beside
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.publishing import page_folder, publish_page
from ecgml.pipeline.job.settings import AuditConfiguration, AuditSettings, DataSettings
from ecgml.pipeline.job.surveying import open_tables, survey_cohorts
from ecgml.records.schemes import scheme_named
from ecgml.report.robustness import robustness_section
from ecgml.report.shortcuts import PLACES, ShortcutScores

LEAST_RECORDS = 50

PAGE = "audit.html"

LABELLED_DATA = ("data_dir", "scheme", "harmonise", "demo_records")
"""Settings of a model's data and labels."""

SHORTCUTS_TABLE, ROBUSTNESS_TABLE = "audit.csv", "robustness.csv"
"""Beside the page, each where its part was audited."""


def audit(options: Mapping[str, Any], console: Console, *, model: str = "", config: str = "", out: str = "") -> str:
    """Score shortcuts without an ECG, and a model without clinical values and under perturbations.

    Shortcuts are learned by folds on every row of the tables that has a class, with a file or without, and scored
    pooled. With a model all are scored on its test part, too, and that part's records are perturbed; nothing is
    selected by any of it.

    Parameters
    ----------
    options : mapping
        Settings of `ecgml.pipeline.job.settings.AuditConfiguration` by name; ``None`` and ``""`` mean "not given".
    console : Console
    model : str
        A model's run, ``models:/…`` or checkpoint folder, or nothing. Its data are audited where `options` name none.
    config : str
        A YAML file of settings; options override it.
    out : str
        Folder for the page, its figures and tables; without it only the run has them.

    Returns
    -------
    said : str
        The audit as text.

    Raises
    ------
    EcgmlError
        If settings, folders, run, store or `out` are unsuitable; no run is left open.
    """
    with (
        command("audit", console) as running,
        page_folder(out, PAGE) as folder,
        TemporaryDirectory(prefix="ecgml-") as temporary,
    ):
        subject = find_audited_model(model, Path(temporary)) if model else None
        running.connect(beside=subject.run_id if subject else "")
        has_own_data = subject is not None and not options.get("data_dir")
        if has_own_data:
            model_data = vars(subject.configuration.data)
            options = {**options, **{name: model_data[name] for name in LABELLED_DATA if model_data[name]}}
        configuration = resolve_settings(AuditConfiguration, options, config)
        data, settings = configuration.data, configuration.audit
        cautions = subject.cautions if subject else ()
        for caution in cautions:
            console.warn(caution)
        if not subject and "shortcuts" not in settings.parts:
            raise ConfigError("parts: robustness needs a model; name one first")
        preprocessing = subject.checkpoint.preprocessing if subject else configuration.preprocessing
        try:
            cohorts, caches = open_tables(data, preprocessing, console)
        except EcgmlError as error:
            if not has_own_data:
                raise
            raise EvaluationError(
                f"audit: the model's data were moved ({error}); give their folder after the model"
            ) from error
        survey, rows = _rows(cohorts, caches, data)
        caution = " ".join(filter(None, [survey.caution, *(f"{sentence(caution)}." for caution in cautions)]))
        parts = model_parts(subject, cohorts, caches, data) if subject else None
        tasks = []
        if subject and parts and "robustness" in settings.parts:
            entries = {f"{cohort.name}/{entry.record_id}": entry for cohort in cohorts for entry in cohort.entries}
            places, tasks = perturbation_tasks(
                parts.test, entries, Path(subject.address), settings.perturbed, settings.seed
            )
        _announce_time(survey, rows, subject, tasks, settings, data.n_jobs, console)
        name = "+".join(cohort.name for cohort in cohorts)
        with running.run(
            f"audit {name}", configuration, {"ecgml.model": model}, is_simulated=bool(survey.caution)
        ) as tracker:
            sections: list[Section] = []
            scores: dict[str, list[ShortcutScores]] = {}
            tables: dict[str, pd.DataFrame] = {}
            if "shortcuts" in settings.parts:
                scores, sections = score_shortcuts(subject, parts, survey, rows, settings, data.n_jobs, console)
            if subject and parts and tasks:
                with console.progress("perturbing", "records") as show:
                    reference, perturbed = predict_perturbed(
                        parts.test[places],
                        tasks,
                        subject.checkpoint.classes,
                        data.n_jobs,
                        lambda done: show(done, len(tasks), ""),
                    )
                robustness = judge_robustness(reference, perturbed, n_bootstrap=settings.bootstrap, seed=settings.seed)
                how = (
                    f"{len(tasks):,} of the {len(parts.test):,} records of the model's test part, of all classes in "
                    "turn, by harmonised labels: what training meant by the classes."
                )
                tested = f"{subject.name}, test part ({name})"
                sections.append(robustness_section(robustness, data=tested, note=survey.caution, how=how))
                tables[ROBUSTNESS_TABLE] = robustness.table()
            if scores:
                tables[SHORTCUTS_TABLE] = _table(scores)
            text = _as_text(scores, sections, caution)
            html = render_page(
                f"Audit of {f'{subject.name} ({model})' if subject else name}",
                "Shortcuts: scores from tables alone, the gain from the ECG, and robustness to perturbations.",
                sections,
                caution=caution,
                footer=f"Made by ecgml {ecgml.__version__}, run {tracker.run_id}.",
            )
            files = {name: table.to_csv(index=False).encode() for name, table in tables.items()}
            files["audit.txt"] = f"{text}\n".encode()
            publish_page(tracker, folder, PAGE, html, sections, {}, files, (SHORTCUTS_TABLE, ROBUSTNESS_TABLE))
            stands_out = [finding for section in sections for finding in section.findings]
            shown = [*([caution] if caution else []), *stands_out, f"Artifact `{PAGE}` has all of it."]
            tracker.describe("\n\n".join(shown))
    return "\n".join([text, "", *running.said(tracker.run_id, PAGE, folder if out else None)])


def _rows(
    cohorts: Sequence[Cohort], caches: Mapping[str, CachedCohort], data: DataSettings
) -> tuple[Survey, np.ndarray]:
    """Return the tables' rows and the indices of those with a class."""
    survey = survey_cohorts(cohorts, caches, scheme_named(data.scheme), data.max_quarantined)
    rows = np.flatnonzero(survey.classes >= 0)
    if len(rows) < LEAST_RECORDS or len(np.unique(survey.classes[rows])) < 2:
        raise EvaluationError(
            f"audit: {len(rows)} rows with a class, of {len(np.unique(survey.classes[rows]))} classes; at least "
            f"{LEAST_RECORDS} rows of two classes are needed"
        )
    return survey, rows


def _announce_time(
    survey: Survey,
    rows: np.ndarray,
    subject: ModelRun | None,
    tasks: Sequence[Any],
    settings: AuditSettings,
    n_jobs: int,
    console: Console,
) -> None:
    """Time a small piece of the work and print an estimate of the total."""
    seconds, notes = 0.0, []
    if "shortcuts" in settings.parts:
        shortcuts = shortcuts_beside(subject.checkpoint if subject else None)
        slow = [shortcut for shortcut in shortcuts if shortcut.is_slow]
        start = time.perf_counter()
        for shortcut in slow[:2]:
            predict_unseen(shortcut, survey, rows, 2, settings.seed, n_jobs)
        # Two folds of half the rows each; a further fold takes about as long as one of them.
        seconds += (time.perf_counter() - start) / 2 / 2 * settings.folds * len(slow)
        notes.append(f"{len(rows):,} rows with a class, {len(shortcuts)} shortcuts on {settings.folds} folds")
    if tasks:
        seconds += seconds_per_record(tasks) * len(tasks) / min(n_jobs, len(tasks))
        notes.append(f"{len(tasks):,} records perturbed in every way")
    console.say(f"{'; '.join(notes)}: about {seconds / 60:.1f} min")


def _as_text(scores: Mapping[str, Sequence[ShortcutScores]], sections: Sequence[Section], caution: str) -> str:
    """Return the audit as text: main findings, then the scores on each set of records."""
    blocks = [caution] if caution else []
    blocks += [finding for section in sections for finding in section.findings]
    for what, part_scores in scores.items():
        shown = titles_of("overview")
        cells = [("", *shown.values())]
        cells += [
            (shortcut.title, *(interval_text(shortcut.scores[name]) for name in shown)) for shortcut in part_scores
        ]
        widths = [max(len(row[column]) for row in cells) for column in range(1 + len(shown))]
        lines = [f"{PLACES[what]} ({part_scores[0].scores.n_records:,} records)", ""]
        lines += [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _table(scores: Mapping[str, Sequence[ShortcutScores]]) -> pd.DataFrame:
    """Return every score with its interval, a row for each model and set of records."""
    rows = []
    for what, part_scores in scores.items():
        for shortcut in part_scores:
            row: dict[str, object] = {
                "records": what,
                "model": shortcut.name,
                "title": shortcut.title,
                "n": shortcut.scores.n_records,
            }
            for name in names_of("audit"):
                estimate = shortcut.scores[name]
                row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            rows.append(row)
    return pd.DataFrame(rows)
