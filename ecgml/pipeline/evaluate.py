"""`ecgml evaluate`: a trained model judged, on its own test part or on any cohort that it was not trained on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

import ecgml
from ecgml.config import Configuration, resolve
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import LeftOut, RecordTable, build_table
from ecgml.errors import ConfigError, EcgmlError, EvaluationError, TrackingError
from ecgml.evaluation.answer_files import answers_csv, read_answers
from ecgml.evaluation.answers import Answers
from ecgml.evaluation.prediction_files import as_csv
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.protocols import Protocol, judge_protocols
from ecgml.evaluation.report.evaluated import Evaluated
from ecgml.evaluation.scores import Scores, score
from ecgml.evaluation.subgroups import Attributes, score_subgroups
from ecgml.evaluation.summary import summary_text
from ecgml.page.html import render_page
from ecgml.page.writing import FIGURES, TABLES, check_folder, write_page
from ecgml.pipeline.attributes import attributes_of, attributes_of_split
from ecgml.pipeline.console import Console
from ecgml.pipeline.data import fill_caches, load_cohorts
from ecgml.pipeline.evidence import PastJob, read_past_job
from ecgml.pipeline.explaining import Waveforms, draw_mistakes, explain_records
from ecgml.pipeline.model_card import evaluated_card
from ecgml.pipeline.outside import abstained_outside
from ecgml.pipeline.protocols import JudgedProtocols, own_outcomes
from ecgml.pipeline.report import Findings, make_sections, people_of
from ecgml.pipeline.reporting import SIMULATED, TITLES, environment, git_commit
from ecgml.pipeline.scoring import answer_checkpoint
from ecgml.pipeline.settings import EVALUATE_SECTIONS, DataSettings, EvaluationSettings
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.schemes import scheme_named
from ecgml.service.model_card import CARD, card_of_run
from ecgml.service.models import fetch_checkpoint, pinned
from ecgml.service.runs import close_abandoned, ended_by_signal, noted_failure, open_run
from ecgml.service.store import connect
from ecgml.service.tracker import Tracker, artifact_names, fetch_artifact
from ecgml.training.checkpoint import Checkpoint, load_checkpoint
from ecgml.training.device import choose_device

PAGE = "report.html"

LEARNT_FROM = ("train", "val", "calibration")
"""Parts of a split that a model has seen in one way or another."""


@dataclass(frozen=True, eq=False)
class Material:
    """What a model is judged on.

    Parameters
    ----------
    name : str
        Of the data, for the run and the title.
    evaluated : list of Evaluated
    waveforms : mapping of str to Waveforms
        By `Evaluated.key`; empty where recordings are not to be had.
    left_out : sequence of LeftOut
    simulated : bool
    missing : str
        Why there are no waveforms.
    how : str
        Where the predictions come from, in words.
    protocols : sequence of Protocol
        The model's own divisions of the records; empty of data that are not its own.
    """

    name: str
    evaluated: list[Evaluated]
    waveforms: Mapping[str, Waveforms]
    left_out: Sequence[LeftOut]
    simulated: bool
    missing: str
    how: str
    protocols: Sequence[Protocol] = ()


def evaluate(
    model: str,
    options: Mapping[str, Any],
    console: Console,
    *,
    config: str = "",
    out: str = "",
    judged: JudgedProtocols | None = None,
) -> str:
    """Judge a trained model and report it: one page, a model card, figures, tables, metrics in a run of its own.

    Given data, their records are scored, less those that the model was trained, selected or calibrated on, and those of
    the same patients. Without, the predictions that its own run stored are reported: of its test part and, where it
    had one, its external cohort. Labels are as their sources wrote them first.

    Parameters
    ----------
    model : str
        A checkpoint folder, ``runs:/<run id>``, ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
    options : mapping
        Settings of `ecgml.pipeline.settings.EVALUATE_SECTIONS` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings; options beat it.
    out : str
        Folder for the page, its figures and tables; without it only the run has them.
    judged : JudgedProtocols, optional
        The same model's settings on other splits, to be shown as well.

    Returns
    -------
    said : str
        The figures in words.

    Raises
    ------
    EcgmlError
        If model, settings, folders, store or `out` do not allow it, or no record is left; no run is left open.
    """
    with ended_by_signal(), noted_failure(), TemporaryDirectory(prefix="ecgml-") as temporary:
        configuration = resolve(EVALUATE_SECTIONS, options, config)
        data, settings = configuration["data"], configuration["evaluation"]
        if not model:
            raise ConfigError("evaluate: no model given; name a checkpoint folder, runs:/… or models:/… first")
        folder = Path(out).expanduser().absolute() if out else Path(temporary) / "report"
        check_folder(folder, PAGE)
        device = choose_device(settings.device)
        experiment = connect()
        address, version = pinned(model)
        checkpoint = _load(address)
        for run_id in close_abandoned():
            console.say(f"closed run {run_id}: whatever worked on it is gone")
        gather = _on_data if data.data_dir or data.external_dir else _on_own_data
        material = gather(checkpoint, configuration, device, console)
        note = SIMULATED if material.simulated else ""
        with open_run(experiment, f"evaluate {checkpoint.model_name} on {material.name}") as run:
            tracker = Tracker(run.info.run_id)
            sources = {one.key: _by_source(one.predictions, settings) for one in material.evaluated}
            found = _findings(checkpoint, material, sources, note, configuration, console, judged)
            sections = make_sections(found)
            html = render_page(
                f"Evaluation of {checkpoint.model_name} on {material.name}",
                _summary(checkpoint, model, version, material),
                sections,
                caution=note,
                footer=f"Made by ecgml {ecgml.__version__}, run {run.info.run_id}, seed {settings.seed}, "
                f"{settings.bootstrap:,} bootstrap draws.",
            )
            card = evaluated_card(checkpoint, _own_card(checkpoint), material.evaluated, material.how, note)
            predictions = {one.file: as_csv(one.predictions) for one in material.evaluated}
            answers = {
                one.answers_file: answers_csv(one.predictions, one.answers)
                for one in material.evaluated
                if one.answers is not None
            }
            files = {CARD: card.encode(), **predictions, **answers}
            write_page(folder, PAGE, html, sections, _tables(material), files)
            said = _said(checkpoint, material, sources, note)
            tracker.params({"model": model, **configuration.values()})
            tracker.json(configuration.to_json(), "config.json")
            tracker.text(environment(), "environment.txt")
            for name in (PAGE, FIGURES, TABLES, *files):
                tracker.copy(folder / name, name)
            metrics = {name: value for section in sections for name, value in section.metrics.items()}
            for one in material.evaluated:
                metrics |= one.scores.flat(f"{one.key}_")
                metrics |= one.harmonised.flat(f"{one.key}_harmonised_") if one.harmonised else {}
            tracker.metrics(metrics)
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
            tracker.describe("\n\n".join([*said, f"Artifact `{PAGE}` has the whole of it, `{CARD}` the model card."]))
    page = [f"page: {folder / PAGE}"] if out else []
    return "\n".join([*said, *page, f"run {run.info.run_id}; look at it with: mlflow ui (artifact {PAGE})"])


def _on_data(checkpoint: Checkpoint, configuration: Configuration, device: torch.device, console: Console) -> Material:
    """Score the records of cohorts, less what the model learnt from."""
    data, settings = configuration["data"], configuration["evaluation"]
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
    predictions, answers = answer_checkpoint(checkpoint, table, store)
    name = "+".join(cohort.name for cohort in cohorts)
    one = _evaluated("evaluation", predictions, table.y_harmonised, settings, table, attributes_of(table))
    one = replace(one, answers=answers, outside=abstained_outside(checkpoint, cohorts, caches, store))
    simulated = any(cohort.simulated for cohort in cohorts) or bool(checkpoint.facts.get("simulated"))
    waveforms = {one.key: Waveforms(one.title, predictions, table, store)}
    how = f"The model was run on {name}; {int(seen.sum()):,} records left out because the model learnt from them."
    return Material(name, [one], waveforms, left_out, simulated, "", how)


def _on_own_data(
    checkpoint: Checkpoint, configuration: Configuration, device: torch.device, console: Console
) -> Material:
    """Take what the model's own run stored of its test part and its external cohort."""
    settings, run_id = configuration["evaluation"], str(checkpoint.facts.get("run_id", ""))
    try:
        job, there = read_past_job(run_id), artifact_names(run_id)
    except EcgmlError as error:
        raise ConfigError(
            f"evaluate: no data given, and the model's own are not to be had ({error}); name one or more folders after "
            "the model"
        ) from None
    outcomes = own_outcomes(job)
    predictions = {"test": job.predictions}
    if "external" in outcomes:
        predictions["external"] = outcomes["external"][0].predictions
    tables: dict[str, RecordTable] = {}
    outside: dict[str, dict[str, tuple[int, int]]] = {}
    store, missing, simulated = None, "", bool(checkpoint.facts.get("simulated"))
    try:
        tables, store, outside = _own_tables(checkpoint, job, predictions, configuration["data"], device, console)
    except EcgmlError as error:
        missing = f"The recordings are not to be had: {error}."
        console.warn(f"the model's own recordings are not to be had, so no ECG is drawn or explained: {error}")
    evaluated = []
    for key, one in predictions.items():
        table = tables.get(key)
        attributes = attributes_of_split(job.split, one) if table is None else attributes_of(table)
        found = _evaluated(key, one, _harmonised(one, table, job.split), settings, table, attributes)
        answers = _own_answers(run_id, found, there)
        evaluated.append(replace(found, answers=answers, outside=outside.get(key, {})))
    protocols = judge_protocols(outcomes, n_bootstrap=settings.bootstrap, seed=settings.seed)
    waveforms = {
        one.key: Waveforms(one.title, one.predictions, tables[one.key], store)
        for one in evaluated
        if store is not None and one.key in tables
    }
    how = f"Predictions that the model's own run `{run_id}` stored, made once, after training."
    return Material("its own data", evaluated, waveforms, (), simulated, missing, how, protocols)


def _own_answers(run_id: str, one: Evaluated, there: Collection[str]) -> Answers | None:
    """Read which records of its own a model answered; None of a run of earlier versions, which did not say."""
    if one.answers_file not in there:
        return None
    with TemporaryDirectory(prefix="ecgml-") as folder:
        return read_answers(fetch_artifact(f"runs:/{run_id}/{one.answers_file}", Path(folder)), one.predictions)


def _own_tables(
    checkpoint: Checkpoint,
    job: PastJob,
    predictions: Mapping[str, Predictions],
    machine: DataSettings,
    device: torch.device,
    console: Console,
) -> tuple[dict[str, RecordTable], WindowStore, dict[str, dict[str, tuple[int, int]]]]:
    """Open a model's own recordings, find the records that were predicted, and answer some outside the scheme.

    Raises
    ------
    EcgmlError
        If folders are gone, or hold other records or labels than then.
    """
    changed = {"jobs": machine.jobs, "max_quarantined": machine.max_quarantined}
    data = job.configuration.changed({**changed, **({"cache_dir": machine.cache_dir} if machine.cache_dir else {})})
    inner, outer = load_cohorts(data["data"], console)
    cohorts = [*outer, *inner]
    caches = fill_caches(cohorts, data["data"], checkpoint.preprocessing, console, check=False)
    table, _ = build_table(cohorts, caches, scheme_named(checkpoint.scheme), data["data"].harmonise)
    place_of = {record_id: place for place, record_id in enumerate(table.record_ids.tolist())}
    tables = {}
    for key, one in predictions.items():
        places = np.array([place_of.get(record_id, -1) for record_id in one.record_ids])
        if (places < 0).any() or (table.y_written[places] != one.y_true).any():
            raise EvaluationError(f"records or labels of the {TITLES[key]} have changed since they were predicted")
        tables[key] = table[places]
    n_outer, outside = len(outer), {}
    for key, begin, end in (("external", 0, n_outer), ("test", n_outer, len(cohorts))):
        if key in predictions:
            own = WindowStore(caches[begin:end], device)
            outside[key] = abstained_outside(checkpoint, cohorts[begin:end], caches[begin:end], own)
    return tables, WindowStore(caches, device), outside


def _harmonised(predictions: Predictions, table: RecordTable | None, split: pd.DataFrame) -> NDArray[np.int64] | None:
    """Return harmonised labels of a table, or else of a run's ``split.csv``; None where neither has them."""
    if table is not None:
        return table.y_harmonised
    labels = split.drop_duplicates("record").set_index("record").get("label_harmonised")
    known = None if labels is None else labels.reindex(predictions.record_ids)
    if known is None or not known.isin(predictions.classes).all():
        return None
    return np.array([predictions.classes.index(name) for name in known], dtype=np.int64)


def _evaluated(
    key: str,
    predictions: Predictions,
    y_harmonised: NDArray[np.int64] | None,
    settings: EvaluationSettings,
    table: RecordTable | None,
    attributes: Attributes,
) -> Evaluated:
    draws = {"n_bootstrap": settings.bootstrap, "seed": settings.seed}
    differ = y_harmonised is not None and (y_harmonised != predictions.y_true).any()
    ruled = score(replace(predictions, y_true=y_harmonised), **draws) if differ else None
    people = ""
    if table is not None:
        ages, sexes = (table.given[:, CLINICAL_NAMES.index(name)] for name in ("age", "sex"))
        people = people_of(ages, sexes, len(np.unique(table.patients)))
    subgroups = score_subgroups(predictions, attributes, **draws)
    return Evaluated(
        key,
        TITLES[key],
        predictions,
        score(predictions, **draws),
        ruled,
        people,
        subgroups=subgroups,
        y_harmonised=y_harmonised if differ else None,
    )


def _findings(
    checkpoint: Checkpoint,
    material: Material,
    sources: Mapping[str, Mapping[str, Scores]],
    note: str,
    configuration: Configuration,
    console: Console,
    judged: JudgedProtocols | None,
) -> Findings:
    """Draw and explain records, where there are recordings."""
    settings, missing, explained = configuration["evaluation"], material.missing, None
    mistakes = draw_mistakes(list(material.waveforms.values()), checkpoint.preprocessing.fs)
    if material.waveforms and settings.explained:
        with console.progress("explaining", "steps") as show:
            first = next(iter(material.waveforms.values()))
            explained = explain_records(checkpoint, first, settings.explained, settings.seed, show)
    elif not settings.explained:
        missing = missing or "Nothing was explained: the setting explained is 0."
    return Findings(
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
        settings.bootstrap,
    )


def _summary(checkpoint: Checkpoint, model: str, version: str | None, material: Material) -> str:
    what = ", ".join(f"{one.scores.n_records:,} records of the {one.title}" for one in material.evaluated)
    of_version = f", version {version}" if version else ""
    return (
        f"Evaluated: the {checkpoint.model_name} model {model}{of_version}, which tells "
        f"{', '.join(checkpoint.classes)} apart, on {what}. {material.how.replace('`', '')} Every figure and table "
        "names the artifact that holds it; tables/…_scores.csv have every figure in full."
    )


def _tables(material: Material) -> dict[str, dict[str, list]]:
    """Return every score in full, and what was left out."""
    tables: dict[str, dict[str, list]] = {}
    for one in material.evaluated:
        for name, scores in (("scores", one.scores), ("harmonised_scores", one.harmonised)):
            if scores is None:
                continue
            estimates = scores.estimates
            tables[f"{one.key}_{name}"] = {
                "metric": list(estimates),
                **{part: [getattr(value, part) for value in estimates.values()] for part in ("value", "low", "high")},
            }
    if material.left_out:
        tables["left_out"] = {
            "record": [one.record_id for one in material.left_out],
            "reason": [one.reason for one in material.left_out],
        }
    return tables


def _said(
    checkpoint: Checkpoint, material: Material, sources: Mapping[str, Mapping[str, Scores]], note: str
) -> list[str]:
    said = []
    for one in material.evaluated:
        where = f"on {material.name}" if one.key == "evaluation" else f"on the {one.title}"
        said.append(summary_text(one.scores, f"{checkpoint.model_name} {where}, labels as written", note))
        if one.harmonised:
            said.append(summary_text(one.harmonised, f"{checkpoint.model_name} {where}, labels harmonised", note))
        if len(sources[one.key]) > 1:
            said.append(_source_text(sources[one.key]))
    return said


def _own_card(checkpoint: Checkpoint) -> str | None:
    try:
        return card_of_run(str(checkpoint.facts.get("run_id", "")))
    except TrackingError:
        return None


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
