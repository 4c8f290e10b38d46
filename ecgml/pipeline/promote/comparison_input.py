"""Predictions of challenger and champion on the same records, stored or made now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Cohort
from ecgml.cohorts.opening import open_cohort
from ecgml.datasets.duplicates import identities
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable, build_table
from ecgml.errors import PromotionError
from ecgml.evaluation.predictions import Predictions
from ecgml.pipeline.job.attributes import attributes_of, attributes_of_split
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import fill_caches, load_data
from ecgml.pipeline.job.lineage import Lineage
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.scoring import predict_table, to_predictions
from ecgml.pipeline.job.settings import PromotionSettings, TrainConfiguration
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.schemes import scheme_named
from ecgml.service.models import read_checkpoint
from ecgml.service.registry import RegisteredVersion
from ecgml.training.checkpoint import Checkpoint
from ecgml.training.device import choose_device


@dataclass(frozen=True, eq=False)
class ComparisonInput:
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
        Of the records and labels before any was left out; identifies a test part.
    notes : tuple of str
        Notes for a reader of the comparison.
    """

    challenger: Predictions
    champion: Predictions | None
    attributes: Mapping[str, Sequence[str]]
    how: str
    digest: str
    notes: tuple[str, ...] = ()


def digest_of(predictions: Predictions) -> str:
    """Return a digest of records and labels in any order, which identifies a test part."""
    rows = sorted(zip(predictions.record_ids, predictions.y_true.tolist(), strict=True))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def gather(
    challenger: RegisteredVersion,
    champion: RegisteredVersion | None,
    settings: PromotionSettings,
    age_bands: Sequence[int],
    console: Console,
) -> ComparisonInput:
    """Read or make predictions of both models on the same records.

    Parameters
    ----------
    challenger : RegisteredVersion
    champion : RegisteredVersion or None
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
    job = ModelRun.of(challenger.run_id)
    if settings.on:
        return _on_cohort(challenger, champion, job, settings, age_bands, console)
    digest = digest_of(job.predictions["test"])
    champion_run = ModelRun.of(champion.run_id) if champion else None
    if champion_run and champion_run.data_digest != job.data_digest:
        return _on_test_part(champion, job, champion_run, settings, age_bands, console)
    how = "stored predictions of both on the same test part" if champion_run else "the challenger's stored predictions"
    stored = job.predictions["test"]
    started = [model.start_lineage for model in (job, champion_run) if model]
    seen = np.any([lineage.seen_of(stored, job.split) for lineage in started], axis=0)
    if seen.any():
        _some_left(~seen, "the challenger's test part", "a model, from which one was started,")
        how += f", less {int(seen.sum()):,} records of patients that a model which one was started from was made with"
    challenger_predictions = stored.subset(~seen)
    champion_predictions = None
    if champion_run:
        champion_predictions = champion_run.predictions["test"].subset(
            np.isin(champion_run.predictions["test"].record_ids, challenger_predictions.record_ids)
        )
    attributes = _judged(attributes_of_split(job.split, challenger_predictions, age_bands))
    doubts = tuple(doubt for lineage in started for doubt in lineage.doubts)
    return ComparisonInput(challenger_predictions, champion_predictions, attributes, how, digest, doubts)


def _on_test_part(
    champion: RegisteredVersion,
    job: ModelRun,
    other: ModelRun,
    settings: PromotionSettings,
    age_bands: Sequence[int],
    console: Console,
) -> ComparisonInput:
    """Score the champion on the challenger's test part, without patients the champion learnt from."""
    console.say("data or split differ: the champion is scored on the challenger's test part")
    configuration = job.configuration.changed(_machine(settings))
    data = load_data(configuration, console, job.job_lineage)
    if data.digest != job.data_digest:
        raise PromotionError(
            f"the data of run {job.run_id} are not those it was trained on any more (files, labels or split differ): "
            "its test part cannot be scored again; compare on a data set, --on DIR"
        )
    table = data.part("test", usable=False)
    names = set(np.char.partition(table.record_ids, "/")[:, 0])
    cohorts = [cohort for cohort in data.cohorts if cohort.name in names]
    checkpoint = read_checkpoint(f"models:/{champion.model_id}")
    lineages = [
        (other.lineage, checkpoint.preprocessing),
        (job.start_lineage, configuration.preprocessing),
    ]
    kept, notes = _unseen(table, lineages, cohorts, configuration, console)
    _some_left(kept, "the challenger's test part", "the champion or an earlier model")
    table = table[kept]
    scored = _score(champion, checkpoint, table, cohorts, configuration, settings, console)
    stored = job.predictions["test"]
    row_of = {record_id: row for row, record_id in enumerate(stored.record_ids)}
    challenger = stored.take([row_of[record_id] for record_id in table.record_ids.tolist()])
    left_out = (
        f"less {int((~kept).sum()):,} records of patients that the champion, or a model which either was started from, "
        "was made with"
    )
    how = f"the champion scored on the challenger's test part, {left_out}"
    return ComparisonInput(
        challenger, scored, _judged(attributes_of(table, age_bands)), how, digest_of(stored), tuple(notes)
    )


def _on_cohort(
    challenger: RegisteredVersion,
    champion: RegisteredVersion | None,
    job: ModelRun,
    settings: PromotionSettings,
    age_bands: Sequence[int],
    console: Console,
) -> ComparisonInput:
    """Score both on a data set, without patients that either learnt from."""
    configuration = job.configuration.changed({**_machine(settings), "data_dir": settings.on, "external_dir": ()})
    cohorts = [open_cohort(settings.on)]
    for warning in cohorts[0].warnings:
        console.warn(f"{cohorts[0].name}: {warning}")
    caches = fill_caches(cohorts, configuration.data, configuration.preprocessing, console)
    scheme = scheme_named(configuration.data.scheme)
    table, _ = build_table(cohorts, caches, scheme, configuration.data.harmonise)
    if not len(table):
        raise PromotionError(f"{settings.on}: none of its records has a class of the scheme {scheme.name!r}")
    models = [version for version in (challenger, champion) if version]
    checkpoints = [read_checkpoint(f"models:/{version.model_id}") for version in models]
    digest = digest_of(to_predictions(table, np.full((len(table), len(scheme.classes)), np.nan), scheme.classes))
    lineages = [
        (ModelRun.of(version.run_id).lineage, checkpoint.preprocessing)
        for version, checkpoint in zip(models, checkpoints, strict=True)
    ]
    kept, notes = _unseen(table, lineages, cohorts, configuration, console)
    _some_left(kept, settings.on, "challenger, champion or a model which one was started from")
    table = table[kept]
    scored = [
        _score(version, checkpoint, table, cohorts, configuration, settings, console)
        for version, checkpoint in zip(models, checkpoints, strict=True)
    ]
    challenger_predictions, champion_predictions = scored[0], scored[1] if champion else None
    if cohorts[0].simulated:
        notes.append(f"{settings.on} is simulated: the comparison is not evidence about patients")
    how = (
        f"scored on {cohorts[0].root}, less {int((~kept).sum()):,} records of patients that either, or a model which "
        "it was started from, was made with"
    )
    return ComparisonInput(
        challenger_predictions,
        champion_predictions,
        _judged(attributes_of(table, age_bands)),
        how,
        digest,
        tuple(notes),
    )


def _machine(settings: PromotionSettings) -> dict[str, object]:
    """Return the settings of a past job that depend on machine or time."""
    changed: dict[str, object] = {"jobs": settings.jobs}
    return changed | ({"cache_dir": settings.cache_dir} if settings.cache_dir else {})


def _some_left(kept: NDArray[np.bool_], where: str, whose: str) -> None:
    if not kept.any():
        raise PromotionError(
            f"{where}: all {len(kept):,} records are of patients that {whose} was made with; compare on another data "
            "set, --on DIR"
        )


def _score(
    model: RegisteredVersion,
    checkpoint: Checkpoint,
    table: RecordTable,
    cohorts: Sequence[Cohort],
    configuration: TrainConfiguration,
    settings: PromotionSettings,
    console: Console,
) -> Predictions:
    """Predict a table's records with a model and its preprocessing."""
    scheme = scheme_named(configuration.data.scheme)
    if not scheme_named(checkpoint.scheme).same_labels(scheme):
        difference = "other rhythms in them" if checkpoint.classes == scheme.classes else ", ".join(scheme.classes)
        raise PromotionError(
            f"version {model.version} tells {', '.join(checkpoint.classes)} apart, the challenger's scheme "
            f"{difference}: they cannot be compared"
        )
    device = choose_device(settings.device)
    caches = fill_caches(cohorts, configuration.data, checkpoint.preprocessing, console)
    usable, _ = build_table(cohorts, caches, scheme, configuration.data.harmonise)
    rows = {record_id: row for row, record_id in enumerate(usable.record_ids.tolist())}
    # The other copy of a duplicated ECG may be in the table; then it is not scored and counts as an error.
    places = np.array([rows.get(record_id, -1) for record_id in table.record_ids.tolist()])
    y_prob = np.full((len(table), len(scheme.classes)), np.nan)
    store = WindowStore(caches, device)
    with_windows = places >= 0
    y_prob[with_windows] = predict_table(
        checkpoint.build(device),
        store,
        usable[places[with_windows]],
        checkpoint.encoder,
        checkpoint.calibration,
    )
    return to_predictions(table, y_prob, scheme.classes)


def _unseen(
    table: RecordTable,
    lineages: Sequence[tuple[Lineage, PreprocessingSettings]],
    cohorts: Sequence[Cohort],
    configuration: TrainConfiguration,
    console: Console,
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which records neither the models nor their ancestors learnt from, and notes on unknowns.

    Each lineage knows waveforms by its own preprocessing.
    """
    kept, notes = np.ones(len(table), dtype=bool), []
    for lineage, preprocessing in lineages:
        caches = fill_caches(cohorts, configuration.data, preprocessing, console, check=False)
        kept &= ~lineage.seen(table, identities(cohorts, caches))
        notes += [doubt for doubt in lineage.doubts if doubt not in notes]
    return kept, notes


def _judged(attributes: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return the attributes that the gate uses; the others depend on the ECG or its date."""
    return {name: attributes[name] for name in ("sex", "age", "source")}
