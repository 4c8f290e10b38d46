"""The most confident errors, drawn as ECGs on paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecgml.evaluation.predictions import NOT_SCORED, Predictions
from ecgml.page.sections import Section, picture
from ecgml.paper import HEIGHT_MM, WIDTH_MM, draw
from ecgml.report.confusions import consequence

MOST = 6
MM_PER_IN = 25.4
DPI = 100


@dataclass(frozen=True, eq=False)
class Drawn:
    """One record to draw.

    Parameters
    ----------
    record_id, group : str
        The record, and what it was part of.
    label, said : str
        Class as written by the source, and the model's.
    probability, own_probability : float
        Of what was said, and of the label.
    waveform : ndarray, shape (n_leads, n_times)
        As the model saw it, mV; NaN where a lead is missing.
    fs : float
        Hz.
    rhythm : str
        As the source wrote it; may be empty.
    """

    record_id: str
    group: str
    label: str
    said: str
    probability: float
    own_probability: float
    waveform: NDArray[np.float32]
    fs: float
    rhythm: str = ""


def most_confident_mistakes(predictions: Predictions, most: int = MOST) -> NDArray[np.int64]:
    """Return the rows of the wrong answers with the highest probability, most confident first; all kinds in turn.

    The first of every kind (a class called another), then the second of each, so that one frequent kind does not hide
    the others.
    """
    said = predictions.y_pred
    wrong = np.flatnonzero((said != predictions.y_true) & (said != NOT_SCORED))
    confidence = predictions.y_prob[wrong, said[wrong]]
    order = wrong[np.argsort(-confidence, kind="stable")]
    seen: Counter[tuple[int, int]] = Counter()
    turns = []
    for row in order.tolist():
        kind = int(predictions.y_true[row]), int(said[row])
        turns.append(seen[kind])
        seen[kind] += 1
    chosen = np.sort(np.argsort(turns, kind="stable")[:most])
    return order[chosen]


def paper_figure() -> Figure:
    """Return an empty page of a 12-lead ECG, true to size, one axes filling it."""
    figure = Figure(figsize=(WIDTH_MM / MM_PER_IN, HEIGHT_MM / MM_PER_IN), facecolor="white")
    figure.add_axes((0, 0, 1, 1))
    return figure


def mistakes_section(drawn: Sequence[Drawn], missing: str = "") -> Section:
    """Draw typical errors.

    Parameters
    ----------
    drawn : sequence of Drawn
        Most confident first.
    missing : str
        Why there are none.
    """
    parts = []
    for place, one in enumerate(drawn, start=1):
        figure = paper_figure()
        draw(figure.axes[0], one.waveform, one.fs, title=f"{one.record_id}   label {one.label}, model says {one.said}")
        meaning = consequence(one.label, one.said)
        written = f" (source: {one.rhythm})" if one.rhythm and one.rhythm != one.label else ""
        said = (
            f"The model says {one.said} with probability {one.probability:.2f}; the label is {one.label}{written}, to "
            f"which it gives {one.own_probability:.2f}."
        )
        parts.append(
            picture(
                f"mistake_{place}",
                f"{place}. {one.label} called {one.said}",
                figure,
                alt=f"12-lead ECG of record {one.record_id}. {said}",
                basis=f"record {one.record_id} of the {one.group}, as the model saw it at {one.fs:g} Hz",
                words=(said, f"If it stood: {meaning}." if meaning else ""),
                dpi=DPI,
            )
        )
    words = [
        "The wrong answers that the model was surest of, of each kind of confusion in turn. "
        "Some are the model's errors, some the label's: look before "
        "you judge."
    ]
    if not drawn:
        words = [missing or "No record was called wrong."]
    return Section("mistakes", "Typical errors", tuple(words), tuple(parts))
