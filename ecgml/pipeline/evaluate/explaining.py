"""Draw and explain evaluated records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Entry, read_entry
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.errors import RecordError
from ecgml.evaluation.predictions import Predictions
from ecgml.inference.explanations import Attributions, Explainer, Inputs, delete, likeness, randomised, smoothed
from ecgml.measurements.intervals import measure_intervals
from ecgml.preprocessing.preprocess import usable_waveform
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.marked_beat import MarkedBeat
from ecgml.report.explanations import ClinicalImportance, ExplainedRecord, ExplanationChecks
from ecgml.report.mistakes import MOST, DrawnRecord, most_confident_mistakes
from ecgml.training.checkpoint import Checkpoint
from ecgml.training.data import clinical_values

N_STEPS = 32
"""Steps of the integration path; on real records attributions then sum to within about 2 % of the output."""

RANDOMISED_RECORDS, RANDOMISED_STEPS = 4, 16
MASKED_SHARE = 0.15
DRAWN = 4
PERMUTED = 100


@dataclass(frozen=True, eq=False)
class Waveforms:
    """Access to the waveforms of evaluated records.

    Parameters
    ----------
    group : str
        What they are part of, in words.
    predictions : Predictions
    table : RecordTable
        The same records in the same order.
    store : WindowStore
    entries : mapping of str to Entry
        The files of the records, by ``cohort/record``: read again for those that are drawn.
    """

    group: str
    predictions: Predictions
    table: RecordTable
    store: WindowStore
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def inputs(self, rows: NDArray[np.int64]) -> Inputs:
        """Return the first window and the clinical row of records, all usable."""
        waveform, n_valid = self.store.take(self.table.first_window[rows])
        return Inputs(waveform.cpu().numpy(), n_valid.cpu().numpy(), clinical_values(self.table[rows]))

    def drawn(self, rows: NDArray[np.int64], fs: float) -> list[DrawnRecord]:
        """Return records ready to be drawn; missing leads are NaN."""
        if not len(rows):
            return []
        inputs, drawn = self.inputs(rows), []
        for row, waveform, n_valid in zip(rows.tolist(), inputs.waveform, inputs.n_valid.tolist(), strict=True):
            label, predicted = int(self.predictions.y_true[row]), int(self.predictions.y_pred[row])
            y_prob, classes = self.predictions.y_prob[row], self.predictions.classes
            missing = ~waveform.any(axis=1, keepdims=True)
            shown = np.where(missing, np.float32(np.nan), waveform)[:, :n_valid]
            drawn.append(
                DrawnRecord(
                    self.predictions.record_ids[row],
                    self.group,
                    classes[label],
                    classes[predicted],
                    float(y_prob[predicted]),
                    float(y_prob[label]),
                    shown,
                    fs,
                    str(self.table.rhythms[row]),
                    self._beat(self.predictions.record_ids[row]),
                )
            )
        return drawn

    def _beat(self, record_id: str) -> MarkedBeat | None:
        """Measure an original recording; None if its file is missing or unusable."""
        if (entry := self.entries.get(record_id)) is None:
            return None
        try:
            record = read_entry(entry)
            return measure_intervals(usable_waveform(record), record.fs).marked_beat
        except (RecordError, OSError):
            return None


def draw_mistakes(evaluated: Sequence[Waveforms], fs: float) -> list[DrawnRecord]:
    """Return the most confident mistakes over all sets of records."""
    mistakes = [
        mistake
        for waveforms in evaluated
        for mistake in waveforms.drawn(most_confident_mistakes(waveforms.predictions), fs)
    ]
    kinds: dict[tuple[str, str], int] = {}
    for mistake in sorted(mistakes, key=lambda mistake: -mistake.probability):
        kinds.setdefault((mistake.label, mistake.predicted), 0)
    turns = []
    for mistake in sorted(mistakes, key=lambda mistake: -mistake.probability):
        turns.append((kinds[mistake.label, mistake.predicted], -mistake.probability, len(turns), mistake))
        kinds[mistake.label, mistake.predicted] += 1
    return sorted((turn[-1] for turn in sorted(turns)[:MOST]), key=lambda mistake: -mistake.probability)


def explain_records(
    checkpoint: Checkpoint,
    waveforms: Waveforms,
    n_records: int,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[ExplainedRecord], ExplanationChecks, ClinicalImportance | None] | None:
    """Explain a sample of records, balanced by predicted class, and check the explanations.

    Parameters
    ----------
    checkpoint : Checkpoint
    waveforms : Waveforms
    n_records : int
        At most.
    seed : int
    on_progress : callable
        Called with (steps done, steps in all).

    Returns
    -------
    explained : list of ExplainedRecord
        A typical record of each class: correct, of median confidence.
    checks : ExplanationChecks
    columns : ClinicalImportance or None
        None for a model that ignores clinical values.
    """
    random = np.random.default_rng(seed)
    predictions, table = waveforms.predictions, waveforms.table
    predicted = predictions.y_pred
    can = (table.n_windows > 0) & predictions.scored
    rows = _balanced(predicted, can, n_records, random)
    if not len(rows):
        return None
    fs = checkpoint.preprocessing.fs
    explainer, inputs, labels = Explainer(checkpoint, waveforms.store.device), waveforms.inputs(rows), predicted[rows]
    n_steps, parts = len(rows) + 2 * RANDOMISED_RECORDS, []
    for place in range(len(rows)):
        batch = slice(place, place + 1)
        parts.append(explainer.attribute(inputs[batch], labels[batch], N_STEPS))
        on_progress(place + 1, n_steps)
    attributions = Attributions(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Attributions.__dataclass_fields__)
    )
    deletion = delete(explainer, inputs, labels, attributions, fs, MASKED_SHARE, seed=seed)
    on_progress(len(rows) + RANDOMISED_RECORDS, n_steps)
    few = np.unique(np.linspace(0, len(rows) - 1, min(RANDOMISED_RECORDS, len(rows))).round().astype(int))
    checks = ExplanationChecks(
        [predictions.classes[label] for label in labels.tolist()],
        attributions.residual / np.abs(attributions.log_odds - attributions.baseline).mean(),
        deletion.marked,
        deletion.at_random,
        deletion.loudest,
        MASKED_SHARE,
        _randomisation(explainer, inputs, labels, attributions, few, fs, seed),
        len(few),
    )
    on_progress(n_steps, n_steps)
    chosen = _typical(predictions, rows)
    explained = [
        ExplainedRecord(
            drawn,
            smoothed(attributions.waveform[place], fs)[:, : drawn.waveform.shape[1]],
            [
                (name, float(value))
                for name, value in zip(CLINICAL_NAMES, attributions.clinical[place], strict=True)
                if value
            ],
        )
        for place, drawn in zip(chosen, waveforms.drawn(rows[chosen], fs), strict=True)
    ]
    permuted = random.permutation(np.flatnonzero(can))[:PERMUTED]
    return explained, checks, _columns(explainer, waveforms, attributions, permuted, random)


def _balanced(
    predicted: NDArray[np.int64], is_eligible: NDArray[np.bool_], n_records: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Sample records of all predicted classes in turn, so that rare ones are included."""
    queues = [
        random.permutation(np.flatnonzero(is_eligible & (predicted == label)))
        for label in np.unique(predicted[is_eligible])
    ]
    turns = [(place, index, row) for index, queue in enumerate(queues) for place, row in enumerate(queue.tolist())]
    return np.array([row for *_, row in sorted(turns)[:n_records]], dtype=np.int64)


def _typical(predictions: Predictions, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places in `rows` of a correct record of median confidence for each class."""
    predicted, labels = predictions.y_pred[rows], predictions.y_true[rows]
    confidence = predictions.y_prob[rows, predicted]
    chosen = []
    for label in np.unique(predicted).tolist():
        right = np.flatnonzero((predicted == label) & (labels == label))
        if len(right):
            chosen.append(int(right[np.argsort(confidence[right], kind="stable")[len(right) // 2]]))
    return np.array(chosen[:DRAWN] or [0], dtype=np.int64)


def _randomisation(
    explainer: Explainer,
    inputs: Inputs,
    labels: NDArray[np.int64],
    attributions: Attributions,
    few: NDArray[np.int64],
    fs: float,
    seed: int,
) -> list[tuple[str, float, float]]:
    checks = []
    times = np.arange(inputs.waveform.shape[2])
    for name, randomised_explainer in randomised(explainer, seed):
        maps = smoothed(randomised_explainer.attribute(inputs[few], labels[few], RANDOMISED_STEPS).waveform, fs)
        alike = [
            likeness(
                smoothed(attributions.waveform[place], fs),
                attribution,
                inputs.waveform[place].any(axis=1, keepdims=True) & (times < inputs.n_valid[place]),
            )
            for place, attribution in zip(few.tolist(), maps, strict=True)
        ]
        signed, size = np.mean(alike, axis=0).tolist()
        checks.append((name, signed, size))
    return checks


def _columns(
    explainer: Explainer,
    waveforms: Waveforms,
    attributions: Attributions,
    rows: NDArray[np.int64],
    random: np.random.Generator,
) -> ClinicalImportance | None:
    size = np.abs(attributions.clinical).mean(axis=0, dtype=np.float64)
    if not size.any():
        return None
    # What training meant by the classes: a source's other wording would make the most useful column look harmful.
    inputs, labels = waveforms.inputs(rows), waveforms.table.y_harmonised[rows]

    def log_loss(clinical: NDArray[np.float32]) -> float:
        y_prob = explainer.probabilities(Inputs(inputs.waveform, inputs.n_valid, clinical))
        return float(-np.log(np.maximum(y_prob[np.arange(len(labels)), labels], 1e-15)).mean())

    baseline, names, kept, rises = log_loss(inputs.clinical), [], [], []
    for index, name in enumerate(CLINICAL_NAMES):
        if not np.isfinite(inputs.clinical[:, index]).any():
            continue
        exchanged = inputs.clinical.copy()
        exchanged[:, index] = random.permutation(exchanged[:, index])
        names.append(name)
        kept.append(size[index])
        rises.append(log_loss(exchanged) - baseline)
    attributed = np.abs(attributions.waveform.sum(axis=(1, 2), dtype=np.float64)).mean()
    return ClinicalImportance(
        names, np.array(kept), np.array(rises), len(attributions.log_odds), len(rows), float(attributed)
    )
