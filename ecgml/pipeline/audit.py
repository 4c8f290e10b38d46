"""`ecgml audit`: how much of a score needs no ECG, and what breaks a model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import ecgml
from ecgml.cohorts.cohort import Cohort
from ecgml.config import Configuration, resolve
from ecgml.datasets.cache import CachedCohort
from ecgml.errors import ConfigError, EcgmlError, EvaluationError
from ecgml.evaluation.comparison import compare
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.report.robustness import robustness_section
from ecgml.evaluation.report.shortcuts import (
    ALL,
    PLACES,
    SHOWN,
    TEST,
    Finding,
    ecg_adds_in_words,
    no_ecg_in_words,
    shortcuts_section,
    waveform_only_in_words,
)
from ecgml.evaluation.robustness import judge_robustness
from ecgml.evaluation.scores import score
from ecgml.evaluation.summary import interval_text
from ecgml.exploration.survey import Survey
from ecgml.page.html import render_page
from ecgml.page.sections import Section
from ecgml.page.writing import FIGURES, TABLES, check_folder, write_page
from ecgml.pipeline.console import Console
from ecgml.pipeline.data import fill_caches, load_cohorts
from ecgml.pipeline.random_encoder import predict_by_random_encoder
from ecgml.pipeline.reporting import environment, git_commit
from ecgml.pipeline.robustness import perturbation_tasks, predict_perturbed, seconds_per_record
from ecgml.pipeline.scoring import predict_checkpoint, to_predictions
from ecgml.pipeline.settings import AUDIT_SECTIONS, AuditSettings, DataSettings
from ecgml.pipeline.shortcuts import SHORTCUTS, predict_unseen
from ecgml.pipeline.subject import ModelParts, Subject, data_of, find_subject, model_parts
from ecgml.pipeline.surveying import survey_cohorts
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.schemes import scheme_named
from ecgml.service.runs import close_abandoned, ended_by_signal, noted_failure, open_run
from ecgml.service.store import connect
from ecgml.service.tracker import Tracker
from ecgml.training.data import clinical_values

LEAST_RECORDS = 50

PAGE = "audit.html"

SHORTCUTS_TABLE, ROBUSTNESS_TABLE = "audit.csv", "robustness.csv"
"""Beside the page, each where its part was audited."""


def audit(options: Mapping[str, Any], console: Console, *, model: str = "", config: str = "", out: str = "") -> str:
    """Score what needs no ECG beside a model, the model without its clinical values, and under perturbations.

    Shortcuts are learned by folds on every row of the tables that has a class, with a file or without, and scored
    pooled. With a model all are scored on its test part, too, and that part's records are perturbed; nothing is
    selected by any of it.

    Parameters
    ----------
    options : mapping
        Settings of `ecgml.pipeline.settings.AUDIT_SECTIONS` by name; ``None`` and ``""`` mean "not given".
    console : Console
    model : str
        A model's run, ``models:/…`` or checkpoint folder, or nothing. Its data are audited where `options` name none.
    config : str
        A YAML file of settings; options beat it.
    out : str
        Folder for the page, its figures and tables; without it only the run has them.

    Returns
    -------
    said : str
        The audit in words and figures.

    Raises
    ------
    EcgmlError
        If settings, folders, run, store or `out` do not allow it; no run is left open.
    """
    with ended_by_signal(), noted_failure(), TemporaryDirectory(prefix="ecgml-") as temporary:
        folder = Path(out).expanduser().absolute() if out else Path(temporary) / "audit"
        check_folder(folder, PAGE)
        experiment = connect()
        subject = find_subject(model, Path(temporary)) if model else None
        own_data = subject is not None and not options.get("data_dir")
        if own_data:
            options = {**options, **data_of(subject.run_id)}
        configuration = resolve(AUDIT_SECTIONS, options, config)
        for run_id in close_abandoned():
            console.say(f"closed run {run_id}: whatever worked on it is gone")
        data, settings = configuration["data"], configuration["audit"]
        if not subject and "shortcuts" not in settings.parts:
            raise ConfigError("parts: robustness is that of a model; name one first")
        preprocessing = subject.checkpoint.preprocessing if subject else configuration["preprocessing"]
        try:
            cohorts, caches = _open(data, preprocessing, console)
        except EcgmlError as error:
            if not own_data:
                raise
            raise EvaluationError(
                f"audit: the model's own data are not where its run says ({error}); name where they are after the model"
            ) from error
        survey, rows = _rows(cohorts, caches, data)
        parts = model_parts(subject, cohorts, caches, data) if subject else None
        tasks = []
        if subject and parts and "robustness" in settings.parts:
            entries = {f"{cohort.name}/{one.record_id}": one for cohort in cohorts for one in cohort.entries}
            places, tasks = perturbation_tasks(parts.test, entries, subject.folder, settings.perturbed, settings.seed)
        _say_time(survey, rows, tasks, settings, data.n_jobs, console)
        name = "+".join(cohort.name for cohort in cohorts)
        with open_run(experiment, f"audit {name}") as run:
            sections: list[Section] = []
            found: dict[str, list[Finding]] = {}
            tables: dict[str, pd.DataFrame] = {}
            if "shortcuts" in settings.parts:
                found, sections = _shortcuts(subject, parts, survey, rows, settings, data.n_jobs, console)
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
                sections.append(robustness_section(robustness, note=survey.caution, how=how))
                tables[ROBUSTNESS_TABLE] = robustness.table()
            if found:
                tables[SHORTCUTS_TABLE] = _table(found)
            said = _in_words(found, sections, survey.caution)
            html = render_page(
                f"Audit of {f'{subject.name} ({model})' if subject else name}",
                "What a score rests on: what the tables alone reach, what the ECG adds, and what breaks the model.",
                sections,
                caution=survey.caution,
                footer=f"Made by ecgml {ecgml.__version__}, run {run.info.run_id}.",
            )
            files = {name: table.to_csv(index=False).encode() for name, table in tables.items()}
            files["audit.txt"] = f"{said}\n".encode()
            write_page(folder, PAGE, html, sections, {}, files, (SHORTCUTS_TABLE, ROBUSTNESS_TABLE))
            tracker = Tracker(run.info.run_id)
            for one in (PAGE, FIGURES, TABLES, *files):
                tracker.copy(folder / one, one)
            _log(tracker, configuration, sections, survey.caution, model)
    page = [f"page: {folder / PAGE}"] if out else []
    return "\n".join([said, "", *page, f"run {run.info.run_id}; look at it with: mlflow ui (artifact {PAGE})"])


def _open(
    data: DataSettings, preprocessing: PreprocessingSettings, console: Console
) -> tuple[list[Cohort], dict[str, CachedCohort]]:
    inner, outer = load_cohorts(data, console, need_files=False)
    cohorts = [*inner, *outer]
    with_files = [cohort for cohort in cohorts if cohort.entries]
    filled = fill_caches(with_files, data, preprocessing, console, check=False)
    return cohorts, {cohort.name: cached for cohort, cached in zip(with_files, filled, strict=True)}


def _rows(
    cohorts: Sequence[Cohort], caches: Mapping[str, CachedCohort], data: DataSettings
) -> tuple[Survey, np.ndarray]:
    """Return the tables' rows, and which of them have a class."""
    survey = survey_cohorts(cohorts, caches, scheme_named(data.scheme), data.max_quarantined)
    rows = np.flatnonzero(survey.classes >= 0)
    if len(rows) < LEAST_RECORDS or len(np.unique(survey.classes[rows])) < 2:
        raise EvaluationError(
            f"audit: {len(rows)} rows with a class, of {len(np.unique(survey.classes[rows]))} classes; at least "
            f"{LEAST_RECORDS} rows of two classes are needed"
        )
    return survey, rows


def _say_time(
    survey: Survey, rows: np.ndarray, tasks: Sequence, settings: AuditSettings, n_jobs: int, console: Console
) -> None:
    """Time a small piece of everything that is to be done, and say how long all of it will take."""
    seconds, said = 0.0, []
    if "shortcuts" in settings.parts:
        slow = [one for one in SHORTCUTS if one.is_slow]
        start = time.perf_counter()
        for one in slow[:2]:
            predict_unseen(one, survey, rows, 2, settings.seed, n_jobs)
        # Two folds of half the rows each, so a further fold takes about as long as one of these on its process.
        seconds += (time.perf_counter() - start) / 2 / 2 * settings.folds * len(slow)
        said.append(f"{len(rows):,} rows with a class, {len(SHORTCUTS)} shortcuts on {settings.folds} folds")
    if tasks:
        seconds += seconds_per_record(tasks) * len(tasks) / min(n_jobs, len(tasks))
        said.append(f"{len(tasks):,} records perturbed in every way")
    console.say(f"{'; '.join(said)}: about {seconds / 60:.1f} min")


def _shortcuts(
    subject: Subject | None,
    parts: ModelParts | None,
    survey: Survey,
    rows: np.ndarray,
    settings: AuditSettings,
    n_jobs: int,
    console: Console,
) -> tuple[dict[str, list[Finding]], list[Section]]:
    """Score what needs no ECG, and the model beside it; return the findings and a section for each set of records."""
    unseen: dict[str, Predictions] = {}
    with console.progress("auditing", "folds") as show:
        n_done = 0

        def on_fold() -> None:
            nonlocal n_done
            n_done += 1
            show(n_done, len(SHORTCUTS) * settings.folds, "")

        for shortcut in SHORTCUTS:
            predictions = predict_unseen(shortcut, survey, rows, settings.folds, settings.seed, n_jobs, on_fold)
            if predictions is not None:
                unseen[shortcut.name] = predictions
            else:
                console.warn(f"{shortcut.title}: the tables have none; left out")
    titles = {shortcut.name: shortcut.title for shortcut in SHORTCUTS}
    if not unseen and not subject:
        raise EvaluationError("audit: the tables have neither clinical values nor dates: there is no shortcut to learn")
    found: dict[str, list[Finding]] = {}
    sections: list[Section] = []
    if unseen:
        found[ALL] = [
            Finding(name, titles[name], own, score(own, n_bootstrap=settings.bootstrap)) for name, own in unseen.items()
        ]
        summary = no_ecg_in_words(found[ALL])
        sections.append(shortcuts_section(ALL, found[ALL], (summary,), (summary,), note=survey.caution))
    if subject and parts:
        found[TEST], words = _on_test_part(subject, parts, unseen, titles, settings)
        sections.append(shortcuts_section(TEST, found[TEST], words, words, note=survey.caution))
    return found, sections


def _on_test_part(
    subject: Subject,
    parts: ModelParts,
    unseen: Mapping[str, Predictions],
    titles: Mapping[str, str],
    settings: AuditSettings,
) -> tuple[list[Finding], list[str]]:
    """Score everything on the model's test part, and say what the ECG adds.

    Labels are as written. The model is run as trained, without what the table gives, and without any clinical value.
    """
    checkpoint, table, store = subject.checkpoint, parts.test, parts.store
    nothing_given = clinical_values(table, np.zeros(len(table), dtype=bool))
    inputs = {
        "as_trained": (clinical_values(table), "as trained"),
        "table_withheld": (nothing_given, "table withheld (measured values kept)"),
        "clinical_withheld": (np.full_like(nothing_given, np.nan), "all clinical values withheld"),
    }
    own = {name: predict_checkpoint(checkpoint, table, store, values) for name, (values, _) in inputs.items()}
    shown = [(name, f"{subject.name}, {inputs[name][1]}", one, True) for name, one in own.items()]
    reference = own["as_trained"]
    if subject.waveform_only and "test part" in subject.waveform_only.predictions:
        other = _same_records(reference, subject.waveform_only.predictions["test part"])
        if other:
            shown.append(("waveform_only", f"{subject.waveform_only.name}: a model of the waveform alone", other, True))
    y_prob = predict_by_random_encoder(checkpoint, store, parts.train, table, settings.seed)
    untrained = to_predictions(table, y_prob, checkpoint.classes)
    shown.append(("random_encoder", f"{subject.name}'s network untrained, with a linear classifier", untrained, True))
    for name, predictions in unseen.items():
        if here := _same_records(reference, predictions):
            shown.append((name, titles[name], here, False))
    found = [
        Finding(name, title, one, score(one, n_bootstrap=settings.bootstrap), sees) for name, title, one, sees in shown
    ]
    by_name = {one.name: one for one in found}
    draws = {"n_bootstrap": settings.bootstrap}
    words = []
    if table_alone := by_name.get("clinical_only"):
        words.append(
            ecg_adds_in_words(
                subject.name,
                compare(reference, table_alone.predictions, **draws),
                by_name["clinical_withheld"].scores,
                by_name["random_encoder"].scores,
            )
        )
    if other := by_name.get("waveform_only"):
        comparison = compare(own["clinical_withheld"], other.predictions, **draws)
        words.append(waveform_only_in_words(subject.name, subject.waveform_only.name, comparison))
    return found, words


def _same_records(reference: Predictions, predictions: Predictions) -> Predictions | None:
    """Return predictions of the reference's records beside its labels; None where they lack one."""
    place_of = {record_id: place for place, record_id in enumerate(predictions.record_ids)}
    places = [place_of.get(record_id, -1) for record_id in reference.record_ids]
    if min(places) < 0 or predictions.classes != reference.classes:
        return None
    return replace(reference, y_prob=predictions.take(places).y_prob)


def _in_words(found: Mapping[str, Sequence[Finding]], sections: Sequence[Section], caution: str) -> str:
    """Return the audit as text: what stands out, then the figures of each set of records."""
    blocks = [caution] if caution else []
    blocks += [one for section in sections for one in section.findings]
    for what, own in found.items():
        cells = [("", "accuracy", "macro-F1", "macro AUROC")]
        cells += [
            (one.title, *(interval_text(one.scores[name]) for name in ("accuracy", "macro_f1", "macro_auroc")))
            for one in own
        ]
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        lines = [f"{PLACES[what]} ({own[0].scores.n_records:,} records)", ""]
        lines += [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _table(found: Mapping[str, Sequence[Finding]]) -> pd.DataFrame:
    """Return every figure with its interval, a row a model and set of records."""
    rows = []
    for what, own in found.items():
        for one in own:
            row: dict[str, object] = {"records": what, "model": one.name, "title": one.title, "n": one.scores.n_records}
            for name in SHOWN:
                estimate = one.scores[name]
                row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            rows.append(row)
    return pd.DataFrame(rows)


def _log(tracker: Tracker, configuration: Configuration, sections: Sequence[Section], caution: str, model: str) -> None:
    """Log what is not in a file of the page."""
    tracker.params(configuration.values() | ({"model": model} if model else {}))
    tracker.json(configuration.to_json(), "config.json")
    tracker.text(environment(), "environment.txt")
    tracker.metrics({name: value for section in sections for name, value in section.metrics.items()})
    tags = {
        "ecgml.command": "audit",
        "ecgml.model": model,
        "ecgml.version": ecgml.__version__,
        "ecgml.git_commit": git_commit(),
        "ecgml.simulated": "true" if caution else "",
    }
    tracker.tags({name: value for name, value in tags.items() if value})
    stands_out = [one for section in sections for one in section.findings]
    tracker.describe("\n\n".join([*([caution] if caution else []), *stands_out, f"Artifact `{PAGE}` has all of it."]))
