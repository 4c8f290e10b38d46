"""Median beats and spectra of signals, and principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from sklearn.decomposition import PCA

from ecgml.exploration.survey import Signals, Survey
from ecgml.measurements.beat_stack import stack_beats
from ecgml.measurements.beats import detect_beats
from ecgml.measurements.measure import LEAST_BEATS, LEAST_SIMILARITY

BEAT_S = (-0.25, 0.45)
"""Window around a QRS complex: P wave to T wave; from 130/min on it includes the next beat's P wave."""

SEGMENT_S = 4.0
"""Spectra are averaged over segments of this length: lines 0.25 Hz apart."""

N_COMPONENTS = 20

SMALL = 200
"""With so few records, or features, computing all components is as fast as the first ones."""

LEAST_RECORDS = 4
"""Two components describe three records completely, so they would show nothing."""


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components (Pearson 1901, 10.1080/14786440109462720) of some rows.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_records,)
        Rows of the survey.
    scores : ndarray, shape (n_records, n_components)
    explained : ndarray, shape (n_components,)
        Share of the whole variance.
    directions : ndarray, shape (n_components, n_features)
        Unit vectors.
    mean : ndarray, shape (n_features,)
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    explained: NDArray[np.float64]
    directions: NDArray[np.float64]
    mean: NDArray[np.float64]

    def for_share(self, share: float) -> int | None:
        """Return how many components explain a share of the variance; None where those computed do not."""
        reached = np.flatnonzero(np.cumsum(self.explained) >= share - 1e-9)
        return int(reached[0]) + 1 if len(reached) else None


def fit_components(features: NDArray[np.floating], rows: NDArray[np.int64], seed: int) -> Components | None:
    """Find the principal components of features.

    Parameters
    ----------
    features : ndarray, shape (n_records, n_features)
        Finite.
    rows : ndarray of int64, shape (n_records,)
    seed : int
        Of the randomised decomposition.

    Returns
    -------
    components : Components or None
        None with fewer than :data:`LEAST_RECORDS` records or without variance.
    """
    if len(features) < LEAST_RECORDS or features.shape[1] < 2 or not np.ptp(features, axis=0).max() > 0:
        return None
    n_components = min(N_COMPONENTS, len(features) - 1, features.shape[1])
    # Randomised with the defaults, the last component of waveforms comes out 2 % too small.
    solver = "full" if min(features.shape) <= SMALL else "randomized"
    fitted = PCA(n_components, svd_solver=solver, iterated_power=7, n_oversamples=40, random_state=seed)
    scores = fitted.fit_transform(features)
    return Components(rows, scores, fitted.explained_variance_ratio_, fitted.components_, fitted.mean_)


@dataclass(frozen=True, eq=False)
class Beats:
    """The median beat of signals.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_records,)
        Rows of the survey.
    waveforms : ndarray of float32, shape (n_records, 12, n_times)
        mV.
    times : ndarray, shape (n_times,)
        s after the QRS complex.
    """

    rows: NDArray[np.int64]
    waveforms: NDArray[np.float32]
    times: NDArray[np.float64]

    @property
    def features(self) -> NDArray[np.float32]:
        """All leads behind each other, shape (n_records, 12 * n_times)."""
        n_records, n_leads, n_times = self.waveforms.shape
        return self.waveforms.reshape(n_records, n_leads * n_times)


def median_beats(signals: Signals) -> Beats:
    """Return every signal's median beat; signals with a missing lead or without three similar beats are left out."""
    rows, medians = [], []
    times = np.arange(round(BEAT_S[0] * signals.fs), round(BEAT_S[1] * signals.fs) + 1) / signals.fs
    for place in np.flatnonzero(signals.whole):
        waveform = signals.waveforms[place]
        beats = detect_beats(waveform, signals.fs)
        if len(beats) < LEAST_BEATS or np.median(beats.similarity) < LEAST_SIMILARITY:
            continue
        stack, _ = stack_beats(waveform, beats, *BEAT_S)
        if len(stack) >= LEAST_BEATS:
            medians.append(np.median(stack, axis=0).astype(np.float32))
            rows.append(signals.rows[place])
    shape = (len(rows), signals.waveforms.shape[1], len(times))
    return Beats(np.array(rows, dtype=np.int64), np.array(medians, dtype=np.float32).reshape(shape), times)


@dataclass(frozen=True, eq=False)
class Spectra:
    """The power spectrum of signals.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_records,)
        Rows of the survey.
    level_db : ndarray, shape (n_records, n_frequencies)
        Power averaged over leads, in dB relative to the record's mean, so that amplitude does not matter.
    frequencies : ndarray, shape (n_frequencies,)
        Hz, within the model's band.
    """

    rows: NDArray[np.int64]
    level_db: NDArray[np.float64]
    frequencies: NDArray[np.floating]


def power_spectra(signals: Signals) -> Spectra:
    """Estimate every signal's spectrum (Welch 1967, 10.1109/TAU.1967.1161901); incomplete signals are left out."""
    whole = np.flatnonzero(signals.whole)
    n_segment = min(round(SEGMENT_S * signals.fs), signals.waveforms.shape[2])
    frequencies = np.fft.rfftfreq(n_segment, 1 / signals.fs)
    inside = (frequencies >= signals.band_hz[0]) & (frequencies <= signals.band_hz[1])
    level_db = np.empty((len(whole), int(inside.sum())))
    for start in range(0, len(whole), 128):
        part = signals.waveforms[whole[start : start + 128]]
        _, power = signal.welch(part, signals.fs, nperseg=n_segment, axis=-1)
        level = 10 * np.log10(np.maximum(power[:, :, inside], 1e-12)).mean(axis=1)
        level_db[start : start + 128] = level - level.mean(axis=1, keepdims=True)
    return Spectra(signals.rows[whole], level_db, frequencies[inside])


@dataclass(frozen=True, eq=False)
class Standardised:
    """Variables of some rows as features of equal weight.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_records,)
        Rows of the survey with at least half of the values.
    features : ndarray, shape (n_records, n_features)
        Mean 0, standard deviation 1; angles as cosine and sine; a missing value is its feature's median.
    names : tuple of str
    measured : bool
        Whether they were measured from the waveforms.
    n_filled : int
        How many values were missing.
    """

    rows: NDArray[np.int64]
    features: NDArray[np.float64]
    names: tuple[str, ...]
    measured: bool
    n_filled: int


def standardise(survey: Survey, *, measured: bool) -> Standardised:
    """Standardise the variables from the tables, or those measured from the waveforms."""
    columns, names = [], []
    for place, variable in enumerate(survey.variables):
        if variable.measured != measured:
            continue
        name = variable.name if measured else variable.label
        if variable.circular:
            angle = np.deg2rad(survey.values[:, place])
            columns += [np.cos(angle), np.sin(angle)]
            names += [f"{name}, cosine", f"{name}, sine"]
        else:
            columns.append(survey.values[:, place])
            names.append(name)
    values = np.array(columns).reshape(len(columns), len(survey)).T
    rows = np.flatnonzero(np.isfinite(values).mean(axis=1) >= 0.5) if columns else np.zeros(0, dtype=np.int64)
    values = values[rows]
    varies = [len(rows) > 0 and len(np.unique(column[np.isfinite(column)])) > 1 for column in values.T]
    values, names = values[:, varies], [name for name, kept in zip(names, varies, strict=True) if kept]
    missing = np.isnan(values)
    if values.size:
        values = np.where(missing, np.nanmedian(values, axis=0), values)
        values = (values - values.mean(axis=0)) / values.std(axis=0)
    return Standardised(rows, values, tuple(names), measured, int(missing.sum()))
