"""What challenger and champion are compared on: stored predictions where they do, else both models' scores."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Cohort
from ecgml.cohorts.opening import open_cohort
from ecgml.config import Configuration, from_json
from ecgml.datasets.duplicates import patient_groups
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable, build_table
from ecgml.errors import EcgmlError, PromotionError
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.evaluation.predictions import Predictions
from ecgml.pipeline.attributes import attributes_of, attributes_of_split
from ecgml.pipeline.console import Console
from ecgml.pipeline.data import DataSettings, fill_caches, load_cohorts, load_data
from ecgml.pipeline.scoring import predict_table, to_predictions
from ecgml.pipeline.settings import TRAIN_SECTIONS, PromotionSettings
from ecgml.records.schemes import scheme_named
from ecgml.service.models import fetch_checkpoint
from ecgml.service.registry import Candidate
from ecgml.service.runs import read_run
from ecgml.service.tracker import fetch_artifact
from ecgml.training.checkpoint import Checkpoint, load_checkpoint
from ecgml.training.device import choose_device


@dataclass(frozen=True, eq=False)
class Evidence:
    """Two models' predictions of the same records.

    Parameters
    ----------
    challenger : Predictions
    champion : Predictions or None
        None where there is no champion.
    attributes : mapping of str to sequence of str, length n_records
        Sex, age band and source of the challenger's records; ``""`` where unknown.
    how : str
        Where the predictions come from, in words.
    digest : str
        Of the records and labels before any was left out: what makes two test parts the same.
    notes : tuple of str
        What a reader of the comparison must know.
    """

    challenger: Predictions
    champion: Predictions | None
    attributes: Mapping[str, Sequence[str]]
    how: str
    digest: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PastJob:
    """A model's run, read back: its settings and what became of each record."""

    run_id: str
    digest: str
    """Of the data."""
    configuration: Configuration
    split: pd.DataFrame
    predictions: Predictions


def read_past_job(run_id: str) -> PastJob:
    """Read what a model's run says of its data.

    Raises
    ------
    PromotionError
        If the run was not made by ``ecgml train`` or a study, or lacks a file.
    """
    run = read_run(run_id)
    if "ecgml.data_digest" not in run.data.tags:
        raise PromotionError(f"run {run_id} says nothing of its data (no tag ecgml.data_digest): train it with ecgml")
    with TemporaryDirectory(prefix="ecgml-") as temporary:
        files = {
            name: fetch_artifact(f"runs:/{run_id}/{name}", Path(temporary))
            for name in ("config.json", "split.csv", "predictions.csv")
        }
        try:
            settings = json.loads(files["config.json"].read_text())
            sections = {
                name: from_json(section, settings["settings"].get(name, {}), f"config.json of run {run_id}")
                for name, section in TRAIN_SECTIONS.items()
            }
            split = pd.read_csv(files["split.csv"], dtype={"record": str, "part": str, "source": str})
            if missing := {"record", "part", "source"} - set(split):
                raise PromotionError(f"split.csv of run {run_id} has no column {', '.join(sorted(missing))}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PromotionError(f"config.json or split.csv of run {run_id} is damaged: {error}") from None
        predictions = read_predictions(files["predictions.csv"])
    configuration = Configuration(sections, settings.get("origins", {}))
    return PastJob(run_id, run.data.tags["ecgml.data_digest"], configuration, split, predictions)


def digest_of(predictions: Predictions) -> str:
    """Return a digest of records and labels, in whatever order: what makes two test parts the same."""
    rows = sorted(zip(predictions.record_ids, predictions.y_true.tolist(), strict=True))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def gather(
    challenger: Candidate,
    champion: Candidate | None,
    settings: PromotionSettings,
    age_bands: Sequence[int],
    console: Console,
) -> Evidence:
    """Find, or make, predictions of both models on the same records.

    Parameters
    ----------
    challenger : Candidate
    champion : Candidate or None
    settings : PromotionSettings
    age_bands : sequence of int
        Lower borders of the bands after the first, years.
    console : Console

    Raises
    ------
    PromotionError
        If the two cannot be compared: other classes, data that are gone or changed, no records left.
    EcgmlError
        If data or models cannot be read.
    """
    job = read_past_job(challenger.run_id)
    if settings.on:
        return _on_cohort(challenger, champion, job, settings, age_bands, console)
    digest = digest_of(job.predictions)
    if champion is None:
        attributes = _judged(attributes_of_split(job.split, job.predictions, age_bands))
        return Evidence(job.predictions, None, attributes, "the challenger's stored predictions", digest)
    other = read_past_job(champion.run_id)
    if other.digest == job.digest:
        attributes = _judged(attributes_of_split(job.split, job.predictions, age_bands))
        how = "stored predictions of both on the same test part"
        return Evidence(job.predictions, other.predictions, attributes, how, digest)
    return _on_test_part(champion, job, other, settings, age_bands, console)


def _on_test_part(
    champion: Candidate,
    job: PastJob,
    other: PastJob,
    settings: PromotionSettings,
    age_bands: Sequence[int],
    console: Console,
) -> Evidence:
    """Score the champion on the challenger's test part, less the patients that the champion was made with."""
    console.say("data or split differ: the champion is scored on the challenger's test part")
    configuration = job.configuration.changed(_machine(settings))
    data = load_data(configuration, console)
    if data.digest != job.digest:
        raise PromotionError(
            f"the data of run {job.run_id} are not those it was trained on any more (files, labels or split differ): "
            "its test part cannot be scored again; compare on a data set, --on DIR"
        )
    table = data.part("test", usable=False)
    names = set(np.char.partition(table.record_ids, "/")[:, 0])
    cohorts = [cohort for cohort in data.cohorts if cohort.name in names]
    seen, notes = _records_seen([other], cohorts, configuration, console)
    kept = ~np.isin(table.record_ids, sorted(seen))
    _some_left(kept, "the challenger's test part", "the champion")
    table = table[kept]
    scored = _score(champion, table, cohorts, configuration, settings, console)
    stored = {record_id: row for row, record_id in enumerate(job.predictions.record_ids)}
    challenger = job.predictions.take([stored[record_id] for record_id in table.record_ids.tolist()])
    left_out = f"less {int((~kept).sum()):,} records of patients that the champion was made with"
    how = f"the champion scored on the challenger's test part, {left_out}"
    return Evidence(
        challenger, scored, _judged(attributes_of(table, age_bands)), how, digest_of(job.predictions), tuple(notes)
    )


def _on_cohort(
    challenger: Candidate,
    champion: Candidate | None,
    job: PastJob,
    settings: PromotionSettings,
    age_bands: Sequence[int],
    console: Console,
) -> Evidence:
    """Score both on a data set, less the patients that either was made with."""
    configuration = job.configuration.changed({**_machine(settings), "data_dir": settings.on, "external_dir": ()})
    cohorts = [open_cohort(settings.on)]
    for warning in cohorts[0].warnings:
        console.warn(f"{cohorts[0].name}: {warning}")
    caches = fill_caches(cohorts, configuration["data"], configuration["preprocessing"], console)
    scheme = scheme_named(configuration["data"].scheme)
    table, _ = build_table(cohorts, caches, scheme, configuration["data"].harmonise)
    if not len(table):
        raise PromotionError(f"{settings.on}: none of its records has a class of the scheme {scheme.name!r}")
    made = [job, *([read_past_job(champion.run_id)] if champion else [])]
    digest = digest_of(to_predictions(table, np.full((len(table), len(scheme.classes)), np.nan), scheme.classes))
    seen, notes = _records_seen(made, cohorts, configuration, console)
    kept = ~np.isin(table.record_ids, sorted(seen))
    _some_left(kept, settings.on, "challenger or champion")
    table = table[kept]
    own = _score(challenger, table, cohorts, configuration, settings, console)
    others = _score(champion, table, cohorts, configuration, settings, console) if champion else None
    if cohorts[0].simulated:
        notes.append(f"{settings.on} is simulated: the comparison says nothing about patients")
    how = f"scored on {cohorts[0].root}, less {int((~kept).sum()):,} records of patients that either was made with"
    return Evidence(own, others, _judged(attributes_of(table, age_bands)), how, digest, tuple(notes))


def _machine(settings: PromotionSettings) -> dict[str, object]:
    """Return the settings of a past job that another machine or moment changes."""
    changed: dict[str, object] = {"jobs": settings.jobs}
    return changed | ({"cache_dir": settings.cache_dir} if settings.cache_dir else {})


def _some_left(kept: NDArray[np.bool_], where: str, whose: str) -> None:
    if not kept.any():
        raise PromotionError(
            f"{where}: all {len(kept):,} records are of patients that {whose} was made with; compare on another data "
            "set, --on DIR"
        )


def _score(
    model: Candidate,
    table: RecordTable,
    cohorts: Sequence[Cohort],
    configuration: Configuration,
    settings: PromotionSettings,
    console: Console,
) -> Predictions:
    """Predict a table's records with a model and its own preprocessing."""
    checkpoint = _checkpoint_of(model)
    scheme = scheme_named(configuration["data"].scheme)
    if checkpoint.classes != scheme.classes:
        raise PromotionError(
            f"version {model.version} tells {', '.join(checkpoint.classes)} apart, the challenger's scheme "
            f"{', '.join(scheme.classes)}: they cannot be compared"
        )
    device = choose_device(settings.device)
    caches = fill_caches(cohorts, configuration["data"], checkpoint.preprocessing, console)
    own, _ = build_table(cohorts, caches, scheme, configuration["data"].harmonise)
    rows = {record_id: row for row, record_id in enumerate(own.record_ids.tolist())}
    # Of an ECG in two forms another one may have stayed: it is not scored then, and counts as an error.
    found = np.array([rows.get(record_id, -1) for record_id in table.record_ids.tolist()])
    y_prob = np.full((len(table), len(scheme.classes)), np.nan)
    store = WindowStore(caches, device)
    with_windows = found >= 0
    y_prob[with_windows] = predict_table(
        checkpoint.build(device), store, own[found[with_windows]], checkpoint.encoder, checkpoint.calibration.scaling
    )
    return to_predictions(table, y_prob, scheme.classes)


def _checkpoint_of(model: Candidate) -> Checkpoint:
    with TemporaryDirectory(prefix="ecgml-") as folder:
        return load_checkpoint(fetch_checkpoint(f"models:/{model.model_id}", Path(folder)))


def _records_seen(
    jobs: Sequence[PastJob], cohorts: Sequence[Cohort], configuration: Configuration, console: Console
) -> tuple[set[str], list[str]]:
    """Return which records of cohorts are of patients that models were made with, and what could not be told.

    Everything but a model's test part made it: trained on, selected by, calibrated with. Patients are matched across
    data sets by their ids, by other names of the same ECG and by the waveforms themselves.
    """
    notes: list[str] = []
    pool: dict[Path, Cohort] = {cohort.root: cohort for cohort in cohorts}
    used: set[str] = set()
    for job in jobs:
        names: dict[str, str] = {}
        try:
            for cohort in _cohorts_of(job):
                if cohort.root not in pool:
                    pool[cohort.root] = replace(cohort, name=f"made with {len(pool)}")
                names[cohort.name] = pool[cohort.root].name
        except EcgmlError as error:
            notes.append(f"patients of run {job.run_id} are told by their records' names alone: {error}")
        if start := job.configuration["job"].init_from:
            notes.append(f"run {job.run_id} started from {start}, whose patients are not left out")
        for record_id in job.split["record"][job.split["part"] != "test"]:
            name, _, own = record_id.partition("/")
            used.add(f"{names.get(name, name)}/{own}")
    everything = list(pool.values())
    caches = fill_caches(everything, configuration["data"], configuration["preprocessing"], console, check=False)
    entries = []
    for cohort, cached in zip(everything, caches, strict=True):
        prints = dict(zip(cached.record_ids, cached.fingerprints, strict=True))
        entries += [
            (f"{cohort.name}/{entry.record_id}", cohort.name, entry, prints.get(entry.record_id))
            for entry in cohort.entries
        ]
    groups = patient_groups(entries)
    record_ids = np.array([name for name, *_ in entries])
    made = np.unique(groups[np.isin(record_ids, sorted(used))])
    return set(record_ids[np.isin(groups, made)].tolist()), notes


def _cohorts_of(job: PastJob) -> list[Cohort]:
    """Open the cohorts of a past job under the names it gave them."""
    data: DataSettings = job.configuration["data"]
    inner, outer = load_cohorts(data, Console(io.StringIO()))  # its warnings were shown when it was trained
    return [*inner, *outer]


def _judged(attributes: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return what the gate judges by: the rest depends on the ECG or its day, and its rule was fixed beforehand."""
    return {name: attributes[name] for name in ("sex", "age", "source")}
