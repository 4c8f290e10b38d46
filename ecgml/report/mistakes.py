"""The most confident errors, drawn on ECG paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecgml.evaluation.predictions import NOT_SCORED, Predictions
from ecgml.page.sections import Section, picture
from ecgml.paper.beat import BEAT_HEIGHT_MM, draw_beat
from ecgml.paper.grid import MM_PER_IN, WIDTH_MM
from ecgml.paper.page import HEIGHT_MM, draw
from ecgml.records.marked_beat import MarkedBeat
from ecgml.records.schemes import Scheme
from ecgml.report.confusions import consequence

MOST = 6
DPI = 100


@dataclass(frozen=True, eq=False)
class DrawnRecord:
    """A record to be drawn, and its classification.

    Parameters
    ----------
    record_id, group : str
        The record, and the set that it is part of.
    label, predicted : str
        Original label and predicted class.
    probability, label_probability : float
        Of the predicted class, and of the label.
    waveform : ndarray, shape (n_leads, n_times)
        Preprocessed, mV; NaN where a lead is missing.
    fs : float
        Hz.
    rhythm : str
        Original rhythm statement; may be empty.
    beat : MarkedBeat or None
        The representative beat of the recording as it was made, with its onsets and offsets; None where it is not at
        hand or was not measured.
    """

    record_id: str
    group: str
    label: str
    predicted: str
    probability: float
    label_probability: float
    waveform: NDArray[np.float32]
    fs: float
    rhythm: str = ""
    beat: MarkedBeat | None = None

    @property
    def title(self) -> str:
        """Heading of its page of ECG paper."""
        return f"{self.record_id}   label {self.label}, predicted {self.predicted} ({self.probability:.2f})"

    @property
    def basis(self) -> str:
        """The record, and how it was processed before it was drawn."""
        return f"record {self.record_id} of the {self.group}, preprocessed, at {self.fs:g} Hz"


def most_confident_mistakes(predictions: Predictions, most: int = MOST) -> NDArray[np.int64]:
    """Return the rows of the most confident errors, most confident first, all kinds in turn.

    The first of every kind (a class called another), then the second of each, so that one frequent kind does not hide
    the others.
    """
    predicted = predictions.y_pred
    wrong = np.flatnonzero((predicted != predictions.y_true) & (predicted != NOT_SCORED))
    confidence = predictions.y_prob[wrong, predicted[wrong]]
    order = wrong[np.argsort(-confidence, kind="stable")]
    seen: Counter[tuple[int, int]] = Counter()
    turns = []
    for row in order.tolist():
        kind = int(predictions.y_true[row]), int(predicted[row])
        turns.append(seen[kind])
        seen[kind] += 1
    chosen = np.sort(np.argsort(turns, kind="stable")[:most])
    return order[chosen]


def paper_figure(record: DrawnRecord) -> Figure:
    """Return a page of a 12-lead ECG, true to size, in its first axes, with the representative beat below it."""
    height_mm = HEIGHT_MM + (BEAT_HEIGHT_MM if record.beat else 0)
    figure = Figure(figsize=(WIDTH_MM / MM_PER_IN, height_mm / MM_PER_IN), facecolor="white")
    share = HEIGHT_MM / height_mm
    draw(figure.add_axes((0, 1 - share, 1, share)), record.waveform, record.fs, title=record.title)
    if record.beat:
        draw_beat(figure.add_axes((0, 0, 1, 1 - share)), record.beat)
    return figure


def mistakes_section(records: Sequence[DrawnRecord], missing: str = "", scheme: Scheme | None = None) -> Section:
    """Draw the most confident errors on ECG paper.

    Parameters
    ----------
    records : sequence of DrawnRecord
        Most confident first.
    missing : str
        Why there are none.
    scheme : Scheme, optional
        Of the labels.
    """
    parts = []
    for place, record in enumerate(records, start=1):
        figure = paper_figure(record)
        meaning = consequence(record.label, record.predicted, scheme)
        original = f" (source: {record.rhythm})" if record.rhythm and record.rhythm != record.label else ""
        text = (
            f"Predicted {record.predicted} with probability {record.probability:.2f}; the label is "
            f"{record.label}{original}, with probability {record.label_probability:.2f}."
        )
        parts.append(
            picture(
                f"mistake_{place}",
                f"{place}. {record.label} called {record.predicted}",
                figure,
                alt=f"12-lead ECG of record {record.record_id}. {text}",
                basis=record.basis,
                words=(text, f"Possible consequence: {meaning}." if meaning else ""),
                dpi=DPI,
            )
        )
    words = (
        "The wrong predictions with the highest probability, each kind of error in turn. Some are errors of the model, "
        "others of the label: read the ECG before you judge."
    )
    if not records:
        words = missing or "No record was misclassified."
    return Section("mistakes", "Most confident errors", (words,), tuple(parts))
