"""`ecgml evaluate`: score a trained model on its test part or on other cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import ecgml
from ecgml.errors import ConfigError, TrackingError
from ecgml.evaluation.answer_files import answers_csv
from ecgml.evaluation.prediction_files import as_csv
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import Scores, score
from ecgml.evaluation.summary import summary_text
from ecgml.page.html import render_page
from ecgml.pipeline.evaluate.evaluation_input import EvaluationInput, on_data, on_own_data
from ecgml.pipeline.evaluate.explaining import draw_mistakes, explain_records
from ecgml.pipeline.evaluate.protocols import JudgedProtocols
from ecgml.pipeline.evaluate.report import ReportInput, make_sections
from ecgml.pipeline.job.artifacts import TITLES
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.model_card import evaluated_card
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.publishing import page_folder, publish_page
from ecgml.pipeline.job.reporting import SIMULATED
from ecgml.pipeline.job.settings import EvaluateConfiguration, EvaluationSettings
from ecgml.records.rhythms import RHYTHM_NAMES
from ecgml.records.schemes import scheme_named
from ecgml.report.evaluated import answers_file, predictions_file
from ecgml.service.model_card import CARD
from ecgml.training.checkpoint import Checkpoint
from ecgml.training.device import choose_device

PAGE = "report.html"

LEARNT_SIMULATED = "The model learnt from simulated records alone"


def evaluate(
    model: str,
    options: Mapping[str, Any],
    console: Console,
    *,
    config: str = "",
    out: str = "",
    judged: JudgedProtocols | None = None,
) -> str:
    """Evaluate a trained model: a report, model card, figures, tables, and metrics in a separate run.

    Given data, their records are scored, less those that the model was trained, selected or calibrated on, and those of
    the same patients. Without, the predictions that its own run stored are reported: of its test part and, where it
    had one, its external cohort. Labels are as their sources wrote them first.

    Parameters
    ----------
    model : str
        A checkpoint folder, ``runs:/<run id>``, ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
    options : mapping
        Settings of `ecgml.pipeline.job.settings.EvaluateConfiguration` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings; options override it.
    out : str
        Folder for the page, its figures and tables; without it only the run has them.
    judged : JudgedProtocols, optional
        The same model's settings on other splits, to be shown as well.

    Returns
    -------
    said : str
        The scores as text.

    Raises
    ------
    EcgmlError
        If model, settings, folders, store or `out` are unsuitable, or no record is left; no run is left open.
    """
    with command("evaluate", console) as running, page_folder(out, PAGE) as folder:
        configuration = resolve_settings(EvaluateConfiguration, options, config)
        data, settings = configuration.data, configuration.evaluation
        if not model:
            raise ConfigError("evaluate: no model given; name a checkpoint folder, runs:/… or models:/… first")
        device = choose_device(settings.device)
        subject = ModelRun.open(model)
        checkpoint, version = subject.checkpoint, subject.version
        running.connect(beside=subject.run_id)
        gather = on_data if data.data_dir or data.external_dir else on_own_data
        material = gather(subject, configuration, device, console)
        note = SIMULATED if material.simulated else LEARNT_SIMULATED if checkpoint.facts.get("simulated") else ""
        title = f"{checkpoint.model_name} on {material.name}"
        tags = {"ecgml.model": model, "ecgml.model_version": version or "", "ecgml.model_run": subject.run_id}
        with running.run(f"evaluate {title}", configuration, tags, is_simulated=bool(note)) as tracker:
            sources = {evaluated.key: _by_source(evaluated.predictions, settings) for evaluated in material.evaluated}
            report_input = _report_input(checkpoint, material, sources, note, configuration, console, judged)
            sections = make_sections(report_input)
            html = render_page(
                f"Evaluation of {title}",
                _summary(checkpoint, model, version, material),
                sections,
                caution=note,
                footer=f"Made by ecgml {ecgml.__version__}, run {tracker.run_id}, seed {settings.seed}, "
                f"{settings.bootstrap:,} bootstrap draws.",
            )
            card = evaluated_card(checkpoint, _own_card(subject), material.evaluated, material.how, note)
            predictions = {evaluated.file: as_csv(evaluated.predictions) for evaluated in material.evaluated}
            answers = {
                evaluated.answers_file: answers_csv(evaluated.predictions, evaluated.answers)
                for evaluated in material.evaluated
                if evaluated.answers is not None
            }
            files = {CARD: card.encode(), **predictions, **answers}
            replaced = [name for key in TITLES for name in (predictions_file(key), answers_file(key))]
            publish_page(tracker, folder, PAGE, html, sections, _tables(material), files, replaced)
            lines = _summary_lines(checkpoint, material, sources, note)
            for evaluated in material.evaluated:
                tracker.metrics(evaluated.scores.flat(f"{evaluated.key}_"))
                tracker.metrics(
                    evaluated.harmonised.flat(f"{evaluated.key}_harmonised_") if evaluated.harmonised else {}
                )
            tracker.describe("\n\n".join([*lines, f"Full report: artifact `{PAGE}`; model card: `{CARD}`."]))
    return "\n".join([*lines, *running.said(tracker.run_id, PAGE, folder if out else None)])


def _report_input(
    checkpoint: Checkpoint,
    material: EvaluationInput,
    sources: Mapping[str, Mapping[str, Scores]],
    note: str,
    configuration: EvaluateConfiguration,
    console: Console,
    judged: JudgedProtocols | None,
) -> ReportInput:
    """Draw and explain records, if their recordings are available."""
    settings, missing, explained = configuration.evaluation, material.missing, None
    mistakes = draw_mistakes(list(material.waveforms.values()), checkpoint.preprocessing.fs)
    if material.waveforms and settings.explained:
        with console.progress("explaining", "steps") as show:
            first = next(iter(material.waveforms.values()))
            explained = explain_records(checkpoint, first, settings.explained, settings.seed, show)
    elif not settings.explained:
        missing = missing or "No record was explained: the setting explained is 0."
    return ReportInput(
        checkpoint,
        material.evaluated,
        material.waveforms,
        sources,
        note,
        mistakes,
        explained,
        missing,
        judged.protocols if judged else material.protocols,
        judged.impossible if judged else {},
        judged.caution if judged else "",
        settings.bootstrap,
    )


def _summary(checkpoint: Checkpoint, model: str, version: str | None, material: EvaluationInput) -> str:
    what = ", ".join(
        f"{evaluated.scores.n_records:,} records of the {evaluated.title}" for evaluated in material.evaluated
    )
    of_version = f", version {version}" if version else ""
    scheme = scheme_named(checkpoint.scheme)
    classes = "; ".join(
        f"{one} ({', '.join(RHYTHM_NAMES[code] for code in own)})" for one, own in scheme.members.items()
    )
    n = len(material.left_out)
    left_out = f"{n:,} records were left out for the reasons in `tables/left_out.csv`. " if n else ""
    return (
        f"Evaluated: the {checkpoint.model_name} model `{model}`{of_version}, which tells apart {classes}, on {what}. "
        f"{material.how} {left_out}Every figure and table names the artifact that holds it; "
        "`tables/…_scores.csv` have every figure in full."
    )


def _tables(material: EvaluationInput) -> dict[str, dict[str, list[Any]]]:
    """Return tables of all scores and of records left out."""
    tables: dict[str, dict[str, list[Any]]] = {}
    for evaluated in material.evaluated:
        for name, scores in (("scores", evaluated.scores), ("harmonised_scores", evaluated.harmonised)):
            if scores is None:
                continue
            estimates = scores.estimates
            tables[f"{evaluated.key}_{name}"] = {
                "metric": list(estimates),
                **{part: [getattr(value, part) for value in estimates.values()] for part in ("value", "low", "high")},
            }
    if material.left_out:
        tables["left_out"] = {
            "record": [evaluated.record_id for evaluated in material.left_out],
            "reason": [evaluated.reason for evaluated in material.left_out],
        }
    return tables


def _summary_lines(
    checkpoint: Checkpoint, material: EvaluationInput, sources: Mapping[str, Mapping[str, Scores]], note: str
) -> list[str]:
    lines = []
    for evaluated in material.evaluated:
        where = f"on {material.name}" if evaluated.key == "evaluation" else f"on the {evaluated.title}"
        lines.append(summary_text(evaluated.scores, f"{checkpoint.model_name} {where}, labels as written", note))
        if evaluated.harmonised:
            lines.append(
                summary_text(evaluated.harmonised, f"{checkpoint.model_name} {where}, labels harmonised", note)
            )
        if len(sources[evaluated.key]) > 1:
            lines.append(_source_text(sources[evaluated.key]))
    return lines


def _own_card(subject: ModelRun) -> str | None:
    try:
        return subject.card
    except TrackingError:
        return None


def _by_source(predictions: Predictions, settings: EvaluationSettings) -> dict[str, Scores]:
    sources = np.array(predictions.sources)
    return {
        str(source): score(predictions.subset(sources == source), n_bootstrap=settings.bootstrap, seed=settings.seed)
        for source in np.unique(sources)
    }


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
