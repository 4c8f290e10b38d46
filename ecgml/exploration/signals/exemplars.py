"""A typical and an atypical recording of each rhythm, on ECG paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecgml.exploration.signals.components import Beats, Components, Standardised
from ecgml.exploration.signals.quality import without_remarks
from ecgml.exploration.survey import Survey, listed, rhythm_name
from ecgml.page.sections import Picture, Section, picture, sentence
from ecgml.paper import page as paper
from ecgml.paper.grid import WIDTH_MM
from ecgml.records.record import Record
from ecgml.records.rhythms import RHYTHMS

N_SHAPES = 8
"""Components of the median beat that count, beside the measurements."""

FARTHEST = 10.0
"""Features are clipped at so many robust standard deviations from the median, so that a single outlier does not
dominate."""

TYPICAL, ATYPICAL = "typical", "odd"

TITLES = {TYPICAL: "typical", ATYPICAL: "atypical"}
"""What figures call the kinds, whose names begin their files'."""

SHAPE = "beat shape"

PAGE_DPI = 110
"""A page of ECG paper is large, and there are up to twenty-two of them."""

MM_PER_IN = 25.4


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """Recordings as points: near points are similar recordings.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_records,)
        Rows of the survey.
    features : ndarray, shape (n_records, n_features)
        In robust standard deviations about the median of all.
    names : tuple of str
    """

    rows: NDArray[np.int64]
    features: NDArray[np.float64]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Exemplar:
    """A recording and its position within its rhythm."""

    row: int
    rhythm: int
    kind: str
    """:data:`TYPICAL` or :data:`ATYPICAL`."""
    distance: float
    """From the rhythm's centre, root mean square over the features, robust standard deviations."""
    n_records: int
    """Candidates of the rhythm."""
    standing_out: tuple[str, ...]
    """The features furthest from the centre, with their distance."""


def feature_space(measured: Standardised, beats: Beats, shapes: Components | None) -> FeatureSpace | None:
    """Join measurements from the waveform and the shape of the median beat.

    Returns
    -------
    space : FeatureSpace or None
        Of the recordings that have both; None where there are none.
    """
    if shapes is None or not measured.names:
        return None
    rows, left, right = np.intersect1d(measured.rows, beats.rows, return_indices=True)
    if not len(rows):
        return None
    scores = shapes.scores[right, :N_SHAPES]
    # A component weighs by what it explains: the eighth is no measurement of equal rank.
    scores = scores / max(float(scores[:, 0].std()), 1e-12)
    features = np.column_stack([_robust(measured.features[left]), FARTHEST * np.tanh(scores / FARTHEST)])
    names = (*measured.names, *(f"{SHAPE} {place + 1}" for place in range(scores.shape[1])))
    return FeatureSpace(rows, features, names)


def _robust(values: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = np.median(values, axis=0)
    # Of a normal distribution 1.4826 median absolute deviations are a standard deviation.
    spread = 1.4826 * np.median(np.abs(values - middle), axis=0)
    spread = np.where(spread > 1e-9, spread, np.maximum(values.std(axis=0), 1e-9))
    return np.clip((values - middle) / spread, -FARTHEST, FARTHEST)


def choose_exemplars(survey: Survey, space: FeatureSpace) -> list[Exemplar]:
    """Choose for each rhythm the recording nearest to its centre and the one furthest from it.

    The centre is the median of each feature over the rhythm. Only recordings without a remark are chosen. Of a lone
    recording there is a typical one only.
    """
    chosen = []
    clean = without_remarks(survey)[space.rows]
    for rhythm in survey.present(space.rows):
        here = np.flatnonzero(clean & (survey.rhythms[space.rows] == rhythm))
        if not len(here):
            continue
        offsets = space.features[here] - np.median(space.features[here], axis=0)
        distances = np.sqrt(np.square(offsets).mean(axis=1))
        order = np.argsort(distances, kind="stable")
        kinds = [(TYPICAL, order[0])] + ([(ATYPICAL, order[-1])] if len(here) > 1 else [])
        for kind, place in kinds:
            largest = np.argsort(-np.abs(offsets[place]))[:3]
            standing_out = tuple(
                f"{space.names[feature]} ({offsets[place, feature]:+.1f})".replace("-", "−")
                for feature in largest
                if abs(offsets[place, feature]) > 1
            )
            row = int(space.rows[here[place]])
            chosen.append(Exemplar(row, rhythm, kind, float(distances[place]), len(here), standing_out))
    return chosen


def exemplars_section(
    survey: Survey, space: FeatureSpace | None, read: Callable[[int], Record | None], on_done: Callable[[], None]
) -> Section:
    """Draw the typical and the atypical recording of each rhythm.

    Parameters
    ----------
    survey : Survey
    space : FeatureSpace or None
    read : callable
        Reads the recording of a row as its file has it, before any filter; None where that fails.
    on_done : callable
        Called after each rhythm.
    """
    title = "Typical and atypical recordings"
    if space is None:
        return Section("exemplars", title, ("Too few recordings could be measured to select a typical one.",))
    n_shapes = sum(name.startswith(SHAPE) for name in space.names)
    words = [
        "Recordings as their files have them, before any filter, on ECG paper: 25 mm/s, 10 mm/mV (5 where stated), "
        "three rows of four leads and lead II below. Typical: nearest to the centre of its rhythm in the sample. "
        "Atypical: furthest from it, among recordings without a remark on their quality. Distances are computed from "
        f"{len(space.names)} features: measurements from the waveform, in robust standard deviations, and the first "
        f"{n_shapes} components of the median beat. An atypical recording may be mislabelled, or simply rare.",
    ]
    chosen = choose_exemplars(survey, space)
    shown = {exemplar.rhythm for exemplar in chosen}
    absent = [rhythm_name(kind) for kind in survey.present() if kind not in shown]
    if absent:
        words.append(f"Without a measured signal free of remarks in the sample: {listed(absent, 11)}.")
    if not chosen:
        words.append("No recording has a known rhythm.")
    pictures = []
    for exemplar in chosen:
        record = read(exemplar.row)
        if record is not None and record.waveform.shape[1] >= 4:
            pictures.append(_page(survey, exemplar, record))
        if exemplar.kind == TYPICAL:
            on_done()
    return Section("exemplars", title, tuple(words), tuple(pictures))


def _page(survey: Survey, exemplar: Exemplar, record: Record) -> Picture:
    code = rhythm_name(exemplar.rhythm)
    name = f"{survey.cohorts[exemplar.row]}/{survey.record_ids[exemplar.row]}"
    figure = Figure(figsize=(WIDTH_MM / MM_PER_IN, paper.HEIGHT_MM / MM_PER_IN), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    caution = f"   {survey.caution}" if survey.caution else ""
    paper.draw(axes, record.waveform, record.fs, title=f"{code}, {TITLES[exemplar.kind]}: {name}{caution}")
    facts = _facts(survey, exemplar.row)
    if exemplar.n_records == 1:
        place = f"The only measured {code} without a remark in the sample."
    else:
        rank = "nearest to" if exemplar.kind == TYPICAL else "furthest from"
        place = (
            f"Of {exemplar.n_records:,} {code} in the sample, {rank} the centre, at {exemplar.distance:.2f} robust "
            "standard deviations."
        )
    outstanding = ""
    if exemplar.kind == ATYPICAL and exemplar.standing_out:
        outstanding = (
            f"Furthest from the {code} median: {listed(exemplar.standing_out)}, in robust standard deviations."
        )
    return picture(
        f"{exemplar.kind}_{code}",
        f"{RHYTHMS[exemplar.rhythm].name} ({code}), {TITLES[exemplar.kind]}",
        figure,
        alt=f"12-lead ECG of record {name}, {RHYTHMS[exemplar.rhythm].name}.",
        basis=f"record {name}, {record.fs:g} Hz, {record.duration_s:.3g} s",
        words=(f"{place} {facts}", outstanding),
        dpi=PAGE_DPI,
    )


def _facts(survey: Survey, row: int) -> str:
    """Return age, sex and rate of a record, where known."""
    known = []
    for name, measured, text in (
        ("age", False, "{:.0f} years"),
        ("sex", False, ""),
        ("ventricular_rate", False, "ventricular rate {:.0f}/min"),
        ("ventricular_rate", True, "measured rate {:.0f}/min"),
    ):
        values = survey.column(name, measured=measured)
        if values is not None and np.isfinite(values[row]):
            known.append(text.format(values[row]) if text else "female" if values[row] else "male")
    return f"{sentence(', '.join(known))}." if known else ""
