"""Scores of shortcuts without an ECG, by cross-validation, beside the model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import EvaluationError
from ecgml.evaluation.comparison import compare
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score
from ecgml.exploration.survey import Survey
from ecgml.page.sections import Section
from ecgml.pipeline.audit.audited_model import ModelParts, waveform_only_sibling
from ecgml.pipeline.audit.random_encoder import predict_by_random_encoder
from ecgml.pipeline.audit.shortcuts import predict_unseen, shortcuts_beside
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.scoring import predict_checkpoint, to_predictions
from ecgml.pipeline.job.settings import AuditSettings
from ecgml.report.shortcuts import (
    ALL,
    TEST,
    ShortcutScores,
    ecg_adds_in_words,
    no_ecg_in_words,
    shortcuts_section,
    waveform_only_in_words,
)
from ecgml.training.data import clinical_values


def score_shortcuts(
    subject: ModelRun | None,
    parts: ModelParts | None,
    survey: Survey,
    rows: NDArray[np.int64],
    settings: AuditSettings,
    n_jobs: int,
    console: Console,
) -> tuple[dict[str, list[ShortcutScores]], list[Section]]:
    """Score shortcuts without an ECG, and the model beside them; nothing is selected by these scores.

    Parameters
    ----------
    subject, parts : ModelRun, ModelParts, or None
        The model, and its own records.
    survey : Survey
    rows : ndarray of int64, shape (n_records,)
        Rows of the survey that have a class.
    settings : AuditSettings
    n_jobs : int
        Processes.
    console : Console

    Returns
    -------
    found : dict of str to list of ShortcutScores
        By set of records: every row out of fold, the model's test part.
    sections : list of Section
        One a set of records.

    Raises
    ------
    EvaluationError
        If there is neither a model nor a usable table column.
    """
    unseen: dict[str, Predictions] = {}
    shortcuts = shortcuts_beside(subject.checkpoint if subject else None)
    with console.progress("auditing", "folds") as show:
        n_done = 0

        def on_fold() -> None:
            nonlocal n_done
            n_done += 1
            show(n_done, len(shortcuts) * settings.folds, "")

        for shortcut in shortcuts:
            predictions = predict_unseen(shortcut, survey, rows, settings.folds, settings.seed, n_jobs, on_fold)
            if predictions is not None:
                unseen[shortcut.name] = predictions
            else:
                console.warn(f"{shortcut.title}: not in the tables; left out")
    titles = {shortcut.name: shortcut.title for shortcut in shortcuts}
    if not unseen and not subject:
        raise EvaluationError("audit: the tables have neither clinical values nor dates: there is no shortcut to learn")
    scores: dict[str, list[ShortcutScores]] = {}
    sections: list[Section] = []
    cohorts = "+".join(dict.fromkeys(survey.cohorts.tolist()))
    if unseen:
        scores[ALL] = [
            ShortcutScores(name, titles[name], predictions_of, score(predictions_of, n_bootstrap=settings.bootstrap))
            for name, predictions_of in unseen.items()
        ]
        summary = no_ecg_in_words(scores[ALL])
        sections.append(shortcuts_section(ALL, scores[ALL], (summary,), (summary,), data=cohorts, note=survey.caution))
    if subject and parts:
        tested = f"{subject.name}, test part ({cohorts})"
        scores[TEST], words = _on_test_part(subject, parts, unseen, titles, settings)
        sections.append(shortcuts_section(TEST, scores[TEST], words, words, data=tested, note=survey.caution))
    return scores, sections


def _on_test_part(
    subject: ModelRun,
    parts: ModelParts,
    unseen: Mapping[str, Predictions],
    titles: Mapping[str, str],
    settings: AuditSettings,
) -> tuple[list[ShortcutScores], list[str]]:
    """Score model and shortcuts on the model's test part, and describe the gain from the ECG.

    Labels are as written. The model is run as trained, without what the table gives, and without any clinical value.
    """
    checkpoint, table, store = subject.checkpoint, parts.test, parts.store
    nothing_given = clinical_values(table, np.zeros(len(table), dtype=bool))
    inputs = {
        "as_trained": (clinical_values(table), "as trained"),
        "table_withheld": (nothing_given, "table withheld (measured values kept)"),
        "clinical_withheld": (np.full_like(nothing_given, np.nan), "all clinical values withheld"),
    }
    model_predictions = {
        name: predict_checkpoint(checkpoint, table, store, values) for name, (values, _) in inputs.items()
    }
    shown = [
        (name, f"{subject.name}, {inputs[name][1]}", predictions, True)
        for name, predictions in model_predictions.items()
    ]
    reference = model_predictions["as_trained"]
    if sibling := waveform_only_sibling(subject):
        sibling_predictions = _same_records(reference, sibling.predictions["test"])
        if sibling_predictions:
            shown.append(("waveform_only", f"{sibling.name}: a model of the waveform alone", sibling_predictions, True))
    y_prob = predict_by_random_encoder(checkpoint, store, parts.train, table, settings.seed)
    untrained = to_predictions(table, y_prob, checkpoint.classes)
    shown.append(("random_encoder", f"{subject.name}'s network untrained, with a linear classifier", untrained, True))
    for name, predictions in unseen.items():
        if test_predictions := _same_records(reference, predictions):
            shown.append((name, titles[name], test_predictions, False))
    test_scores = [
        ShortcutScores(name, title, predictions, score(predictions, n_bootstrap=settings.bootstrap), sees)
        for name, title, predictions, sees in shown
    ]
    by_name = {shortcut.name: shortcut for shortcut in test_scores}
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
    if sibling and (sibling_predictions := by_name.get("waveform_only")):
        comparison = compare(model_predictions["clinical_withheld"], sibling_predictions.predictions, **draws)
        words.append(waveform_only_in_words(subject.name, sibling.name, comparison))
    return test_scores, words


def _same_records(reference: Predictions, predictions: Predictions) -> Predictions | None:
    """Return predictions of the reference's records beside its labels; None where they lack one."""
    place_of = {record_id: place for place, record_id in enumerate(predictions.record_ids)}
    places = [place_of.get(record_id, -1) for record_id in reference.record_ids]
    if min(places) < 0 or predictions.classes != reference.classes:
        return None
    return replace(reference, y_prob=predictions.take(places).y_prob)
