"""Abstention: poor signal, a rhythm outside the scheme, or low confidence.

What is odd about a record is measured by a few numbers, larger is odder. Each is held against its distribution in
records of the scheme: the share of these that are at least as odd. A record is abstained on when the smallest of its
shares is below a threshold, chosen so that a given share of the validation records is answered. Nothing is learnt from
records outside the scheme, so that no kind of them has to be at hand, and figures on any of them are honest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

REASONS = {
    "uncertainty": "low confidence",
    "unfamiliarity": "outside the scheme: unlike the records the model learnt from",
    "qrs_width": "outside the scheme: wide QRS complexes, as of paced or ventricular beats",
    "odd_beats": "outside the scheme: beats of different shapes, as of ventricular ectopy",
}
"""What can be odd about a record, and what is said of one that is too odd."""

NO_BEATS = "outside the scheme: no regular heartbeat found"
POOR_SIGNAL = "poor signal: {n} of 12 leads usable"

ODDITIES = tuple(REASONS)

MIN_LEADS = 8
"""Fewer usable leads are poor signal."""

KNOTS = 200
"""Of a distribution, closest together where it is thin."""


def oddities(
    shapes: NDArray[np.float64],
    n_leads: NDArray[np.int64],
    owner: NDArray[np.int64],
    logits: NDArray[np.float64],
    y_prob: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Measure what may be odd about records.

    Parameters
    ----------
    shapes : ndarray, shape (n_windows, 2)
        QRS width and share of odd beats of each window, see `ecgml.preprocessing.shapes`.
    n_leads : ndarray of int64, shape (n_windows,)
        Its usable leads.
    owner : ndarray of int64, shape (n_windows,)
        The record of each window.
    logits : ndarray, shape (n_windows, n_classes)
        As the model gives them.
    y_prob : ndarray, shape (n_records, n_classes)
        Calibrated.

    Returns
    -------
    values : ndarray, shape (n_records, n_oddities)
        In the order of :data:`ODDITIES`, averaged over a record's windows; NaN where a record shows no beats or has no
        window.
    n_leads : ndarray of int64, shape (n_records,)
        Usable leads.
    """
    n_records = len(y_prob)
    leads = np.zeros(n_records, dtype=np.int64)
    np.maximum.at(leads, owner, n_leads)
    top = logits.max(axis=1, initial=-np.inf)
    # The energy of Liu et al. (2020, arXiv 2010.03759).
    energy = -(top + np.log(np.exp(logits - top[:, None]).sum(axis=1)))
    values = np.zeros((n_records, len(ODDITIES)))
    with np.errstate(invalid="ignore"):
        counts = np.bincount(owner, minlength=n_records)
        values[:, 0] = 1 - y_prob.max(axis=1)
        for column, column_shape in enumerate((energy, *shapes.T), start=1):
            values[:, column] = np.bincount(owner, weights=column_shape, minlength=n_records) / counts
    return values, leads


@dataclass(frozen=True)
class Distribution:
    """How often a value is at least so large: straight lines between knots."""

    values: tuple[float, ...]
    """Ascending."""
    shares: tuple[float, ...]

    @classmethod
    def of(cls, sample: NDArray[np.float64]) -> Distribution:
        """Describe a sample, shape (n,), n at least 1."""
        ordered = np.sort(sample)
        # Counted as if one more had been as odd as can be: never 0.
        values, first = np.unique(ordered, return_index=True)
        shares = (len(ordered) - first + 1) / (len(ordered) + 1)
        if len(values) > KNOTS:
            kept = np.unique(np.searchsorted(-shares, -np.geomspace(1, shares[-1], KNOTS)).clip(0, len(values) - 1))
            values, shares = values[kept], shares[kept]
        return cls(tuple(values.tolist()), tuple(shares.tolist()))

    def share(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return for each value which share of the sample is at least so large; NaN for NaN."""
        return np.interp(values, self.values, self.shares)


@dataclass(frozen=True)
class Verdict:
    """Whether a record is abstained on, and why."""

    abstained: bool
    reason: str
    """Empty where it is not."""


@dataclass(frozen=True)
class Abstention:
    """When nothing is said.

    Parameters
    ----------
    coverage : float
        Share of the validation records that is answered.
    threshold : float
        A record whose smallest share is below it is abstained on.
    distributions : tuple of Distribution
        In the order of :data:`ODDITIES`.
    """

    coverage: float
    threshold: float
    distributions: tuple[Distribution, ...]

    def shares(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of scheme records at least as odd, shape (n_records, n_oddities); 0 where no beat is."""
        shares = np.column_stack(
            [distribution.share(column) for distribution, column in zip(self.distributions, values.T, strict=True)]
        )
        return np.where(np.isnan(shares), 0.0, shares)

    def judge(self, values: NDArray[np.float64], n_leads: NDArray[np.int64]) -> list[Verdict]:
        """Say of each record whether it is abstained on.

        Parameters
        ----------
        values : ndarray, shape (n_records, n_oddities)
        n_leads : ndarray of int64, shape (n_records,)
        """
        verdicts = []
        for row, record_shares, leads in zip(values, self.shares(values), n_leads.tolist(), strict=True):
            if leads < MIN_LEADS:
                verdicts.append(Verdict(True, POOR_SIGNAL.format(n=leads)))
            elif np.isnan(row).any():
                verdicts.append(Verdict(True, NO_BEATS))
            elif record_shares.min() < self.threshold:
                verdicts.append(Verdict(True, REASONS[ODDITIES[int(record_shares.argmin())]]))
            else:
                verdicts.append(Verdict(False, ""))
        return verdicts

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "coverage": self.coverage,
            "threshold": self.threshold,
            "distributions": {
                name: {"values": list(distribution.values), "shares": list(distribution.shares)}
                for name, distribution in zip(ODDITIES, self.distributions, strict=True)
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Abstention:
        """Rebuild from :meth:`to_json`."""
        stored: Sequence[Mapping[str, Any]] = [values["distributions"][name] for name in ODDITIES]
        return cls(
            float(values["coverage"]),
            float(values["threshold"]),
            tuple(Distribution(tuple(item["values"]), tuple(item["shares"])) for item in stored),
        )


def fit_abstention(
    val: NDArray[np.float64], n_leads: NDArray[np.int64], shapes: NDArray[np.float64], coverage: float
) -> Abstention | None:
    """Fit distributions and threshold.

    Parameters
    ----------
    val : ndarray, shape (n_records, n_oddities)
        Of the validation records.
    n_leads : ndarray of int64, shape (n_records,)
        Their usable leads.
    shapes : ndarray, shape (n_others, 2)
        The beats' shape in further records of the scheme: the model has no part in it, so training records serve.
    coverage : float
        Share of the validation records to answer; those with poor signal or without beats count as not answered.

    Returns
    -------
    abstention : Abstention or None
        None where no validation record shows beats.
    """
    whole = ~np.isnan(val).any(axis=1)
    if not whole.any():
        return None
    others = shapes[~np.isnan(shapes).any(axis=1)]
    samples = [val[whole, 0], val[whole, 1]] + [np.concatenate([val[whole, 2 + k], others[:, k]]) for k in range(2)]
    fitted = Abstention(coverage, 0.0, tuple(map(Distribution.of, samples)))
    smallest = np.where(whole & (n_leads >= MIN_LEADS), fitted.shares(val).min(axis=1), 0.0)
    # So many of all may stay below the threshold.
    place = int(len(smallest) * (1 - coverage) + 1e-9)
    return Abstention(coverage, float(np.sort(smallest)[place]), fitted.distributions)
