"""Input of an evaluation: unseen records of other cohorts, or the model's test part and external cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.datasets.duplicates import identities
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import LeftOut, RecordTable, build_table
from ecgml.errors import ConfigError, EcgmlError, EvaluationError
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.protocols import Protocol, judge_protocols
from ecgml.evaluation.scores import score
from ecgml.evaluation.subgroups import Attributes, score_subgroups
from ecgml.pipeline.evaluate.explaining import Waveforms
from ecgml.pipeline.evaluate.outside import abstained_outside
from ecgml.pipeline.evaluate.protocols import own_outcomes
from ecgml.pipeline.job.artifacts import TITLES
from ecgml.pipeline.job.attributes import attributes_of, attributes_of_split, people_of
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import LEARNT_EARLIER, fill_caches, load_cohorts
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.scoring import answer_checkpoint
from ecgml.pipeline.job.settings import DataSettings, EvaluateConfiguration, EvaluationSettings
from ecgml.records.schemes import scheme_named
from ecgml.report.evaluated import Evaluated


@dataclass(frozen=True, eq=False)
class EvaluationInput:
    """Records and predictions on which a model is evaluated.

    Parameters
    ----------
    name : str
        Of the data, for the run and the title.
    evaluated : list of Evaluated
    waveforms : mapping of str to Waveforms
        By `Evaluated.key`; empty where recordings are unavailable.
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


def on_data(
    model: ModelRun, configuration: EvaluateConfiguration, device: torch.device, console: Console
) -> EvaluationInput:
    """Score the records of cohorts from which the model did not learn."""
    checkpoint = model.checkpoint
    data, settings = configuration.data, configuration.evaluation
    cohorts = [cohort for group in load_cohorts(data, console) for cohort in group]
    caches = fill_caches(cohorts, data, checkpoint.preprocessing, console)
    table, left_out = build_table(cohorts, caches, scheme_named(checkpoint.scheme), data.harmonise)
    lineage, identity_of = model.lineage, identities(cohorts, caches)
    for doubt in lineage.doubts:
        console.warn(doubt)
    is_learnt, is_ancestral = lineage.seen(table, identity_of), lineage.earlier.seen(table, identity_of)
    if is_learnt.any():
        console.say(
            f"{int(is_learnt.sum()):,} of {len(table):,} records left out: the model learnt from them or their patients"
        )
    if is_ancestral.any():
        names = ", ".join(ancestor.address for ancestor in lineage.ancestors)
        console.say(f"  {int(is_ancestral.sum()):,} of these through earlier models ({names})")
    for row in np.flatnonzero(is_learnt):
        why = LEARNT_EARLIER if is_ancestral[row] else "the model learnt from it or its patient"
        left_out.append(LeftOut(str(table.record_ids[row]), why))
    table = table[~is_learnt]
    if not table.usable.any():
        raise EvaluationError(
            f"evaluate: no usable record with a class of the scheme {checkpoint.scheme!r} is left of these data "
            f"({int(is_learnt.sum()):,} left out because the model learnt from them or their patients)"
        )
    store = WindowStore(caches, device)
    predictions, answers = answer_checkpoint(checkpoint, table, store)
    name = "+".join(cohort.name for cohort in cohorts)
    evaluated = _evaluated("evaluation", predictions, table.y_harmonised, settings, table, attributes_of(table))
    outside = abstained_outside(checkpoint, cohorts, caches, store)
    evaluated = replace(
        evaluated, answers=answers, outside=outside, model=checkpoint.model_name, scheme=scheme_named(checkpoint.scheme)
    )
    simulated = any(cohort.simulated for cohort in cohorts)
    waveforms = {evaluated.key: Waveforms(evaluated.title, predictions, table, store, _entries(cohorts))}
    how = f"The model was run on {name}; {int(is_learnt.sum()):,} records left out because the model learnt from them."
    if is_ancestral.any():
        how += f" Of these, {int(is_ancestral.sum()):,} through earlier models."
    if lineage.doubts:
        left = f" {int(is_learnt.sum()):,} records left out." if is_learnt.any() else ""
        how = f"Caution: {'; '.join(lineage.doubts)}. The model was run on {name}.{left}"
    return EvaluationInput(name, [evaluated], waveforms, left_out, simulated, "", how)


def on_own_data(
    model: ModelRun, configuration: EvaluateConfiguration, device: torch.device, console: Console
) -> EvaluationInput:
    """Read the stored predictions of the model's test part and external cohort."""
    settings, checkpoint = configuration.evaluation, model.checkpoint
    try:
        predictions, split = model.predictions, model.split
    except EcgmlError as error:
        raise ConfigError(
            f"evaluate: no data given, and the model's own are unavailable ({error}); name one or more folders after "
            "the model"
        ) from None
    tables: dict[str, RecordTable] = {}
    outside: dict[str, dict[str, tuple[int, int]]] = {}
    store, entries, missing, simulated = None, {}, "", bool(checkpoint.facts.get("simulated"))
    try:
        tables, store, entries, outside = _own_tables(model, configuration.data, device, console)
    except EcgmlError as error:
        missing = f"The recordings are unavailable: {error}."
        console.warn(f"the model's own recordings are unavailable, so no ECG is drawn or explained: {error}")
    evaluated = []
    for key, stored in predictions.items():
        table = tables.get(key)
        attributes = attributes_of_split(split, stored) if table is None else attributes_of(table)
        evaluation = _evaluated(key, stored, _harmonised(stored, table, split), settings, table, attributes)
        evaluated.append(
            replace(
                evaluation,
                answers=model.answers(key),
                outside=outside.get(key, {}),
                model=checkpoint.model_name,
                scheme=scheme_named(checkpoint.scheme),
            )
        )
    protocols = judge_protocols(own_outcomes(model), n_bootstrap=settings.bootstrap, seed=settings.seed)
    waveforms = {
        stored.key: Waveforms(stored.title, stored.predictions, tables[stored.key], store, entries)
        for stored in evaluated
        if store is not None and stored.key in tables
    }
    how = f"Predictions stored by the model's run `{model.run_id}`, made once after training."
    if cautions := model.cautions:
        for caution in cautions:
            console.warn(caution)
        how = f"Caution: {'; '.join(cautions)}. {how}"
    return EvaluationInput("its own data", evaluated, waveforms, (), simulated, missing, how, protocols)


def _own_tables(
    model: ModelRun,
    machine: DataSettings,
    device: torch.device,
    console: Console,
) -> tuple[dict[str, RecordTable], WindowStore, dict[str, Entry], dict[str, dict[str, tuple[int, int]]]]:
    """Open a model's data, find the predicted records, and predict some outside the scheme.

    Raises
    ------
    EcgmlError
        If folders are missing, or records or labels have changed.
    """
    changed = {"jobs": machine.jobs, "max_quarantined": machine.max_quarantined}
    checkpoint, predictions = model.checkpoint, model.predictions
    changed |= {"cache_dir": machine.cache_dir} if machine.cache_dir else {}
    data = model.configuration.changed(changed).data
    inner, outer = load_cohorts(data, console)
    cohorts = [*outer, *inner]
    caches = fill_caches(cohorts, data, checkpoint.preprocessing, console, check=False)
    table, _ = build_table(cohorts, caches, scheme_named(checkpoint.scheme), data.harmonise)
    place_of = {record_id: place for place, record_id in enumerate(table.record_ids.tolist())}
    tables = {}
    for key, stored in predictions.items():
        places = np.array([place_of.get(record_id, -1) for record_id in stored.record_ids])
        if (places < 0).any() or (table.y_written[places] != stored.y_true).any():
            raise EvaluationError(f"records or labels of the {TITLES[key]} have changed since they were predicted")
        tables[key] = table[places]
    n_outer, outside = len(outer), {}
    for key, begin, end in (("external", 0, n_outer), ("test", n_outer, len(cohorts))):
        if key in predictions:
            own_store = WindowStore(caches[begin:end], device)
            outside[key] = abstained_outside(checkpoint, cohorts[begin:end], caches[begin:end], own_store)
    return tables, WindowStore(caches, device), _entries(cohorts), outside


def _entries(cohorts: Sequence[Cohort]) -> dict[str, Entry]:
    """Return entries by record id."""
    return {f"{cohort.name}/{entry.record_id}": entry for cohort in cohorts for entry in cohort.entries}


def _harmonised(predictions: Predictions, table: RecordTable | None, split: pd.DataFrame) -> NDArray[np.int64] | None:
    """Return harmonised labels from a table or a run's ``split.csv``; None if neither has them."""
    if table is not None:
        return table.y_harmonised
    labels = split.drop_duplicates("record").set_index("record").get("label_harmonised")
    matched = None if labels is None else labels.reindex(predictions.record_ids)
    if matched is None or not matched.isin(predictions.classes).all():
        return None
    return np.array([predictions.classes.index(name) for name in matched], dtype=np.int64)


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
    people = "" if table is None else f"{people_of(table)}."
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
