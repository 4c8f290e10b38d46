"""What a model's validation looked like, by which a server notices drift."""

from __future__ import annotations

import math

import numpy as np
from torch import nn

from ecgml.calibration.calibration import Calibration
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.drift.characteristics import UNUSABLE_RECORD, characteristics, of_answer, of_input
from ecgml.drift.reference import Reference
from ecgml.measurements.intervals import INTERVALS
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.scoring import answers_of, window_logits
from ecgml.records.clinical import CLINICAL_NAMES

_AGE, _SEX = CLINICAL_NAMES.index("age"), CLINICAL_NAMES.index("sex")


def drift_reference(
    model: nn.Module, store: WindowStore, encoder: ClinicalEncoder, job: JobData, calibration: Calibration, fs: float
) -> Reference:
    """Count the validation and calibration records and the model's answers to them: the weights were not fitted to any.

    Parameters
    ----------
    model : Module
        Fitted, in evaluation mode.
    store : WindowStore
    encoder : ClinicalEncoder
    job : JobData
    calibration : Calibration
    fs : float
        Of the windows, Hz.
    """
    classes = job.scheme.classes
    records: list[dict[str, float | str | None]] = []
    for part in ("val", "calibration"):
        table = job.part(part)
        records += [dict(UNUSABLE_RECORD)] * (len(job.part(part, usable=False)) - len(table))
        if not len(table):
            continue
        said = window_logits(model, store, table, encoder, len(classes))
        y_prob = said.y_prob(calibration)
        reasons = answers_of(said, calibration, store, table).reasons
        inputs = _inputs(store, job, table, fs)
        for values, row, reason in zip(inputs, y_prob, reasons, strict=True):
            records.append({**values, **of_answer(classes[int(row.argmax())], float(row.max()), bool(reason))})
    return Reference.of(characteristics(classes), records)


def _inputs(store: WindowStore, job: JobData, table: RecordTable, fs: float) -> list[dict[str, float | str | None]]:
    intervals = _intervals(job)
    inputs = []
    for row in range(len(table)):
        number = table.first_window[row]
        measured = dict(zip(CLINICAL_NAMES, table.measured[row].tolist(), strict=True))
        inputs.append(
            of_input(
                store.steps(np.array([number]))[0],
                int(store.n_valid[number]),
                fs,
                {name: value for name, value in measured.items() if not math.isnan(value)},
                intervals[table.record_ids[row]],
                float(table.given[row, _AGE]),
                float(table.given[row, _SEX]),
            )
        )
    return inputs


def _intervals(job: JobData) -> dict[str, dict[str, float]]:
    return {
        f"{cohort.name}/{record_id}": dict(zip(INTERVALS, row.tolist(), strict=True))
        for cohort, cached in zip(job.cohorts, job.caches, strict=True)
        for record_id, row in zip(cached.record_ids, cached.intervals, strict=True)
    }
