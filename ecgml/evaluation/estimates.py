"""Estimates: figures with their intervals, made of point figures and bootstrap draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.evaluation.bootstrap import percentile_interval


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval; NaN where undefined."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes zero; False without an interval."""
        return self.low > 0 or self.high < 0


def estimates_of(names: Sequence[str], point: NDArray[np.float64], draws: NDArray[np.float64]) -> dict[str, Estimate]:
    """Make estimates of point figures and their bootstrap draws.

    Parameters
    ----------
    names : sequence of str, length n_metrics
    point : ndarray, shape (n_metrics,)
    draws : ndarray, shape (n_draws, n_metrics)

    Returns
    -------
    estimates : dict of str to Estimate
    """
    low, high = percentile_interval(draws)
    # Of a figure that is undefined on the records themselves an interval would mean nothing.
    low, high = (np.where(np.isnan(point), np.nan, bound) for bound in (low, high))
    return {name: Estimate(*map(float, figures)) for name, *figures in zip(names, point, low, high, strict=True)}


def centre_calibration_error(
    names: Sequence[str], point: NDArray[np.float64], draws: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the draws with those of the calibration error moved so that their mean is the point figure.

    Binned calibration error is biased upwards and a draw adds the bias once more. Plain percentiles left the estimate
    itself out of its own interval in 13 to 16 % of simulated samples of a well-calibrated model; of an underconfident
    one (error 0.10) at 65 records they held the truth in 16 % of samples, moved ones in 73 %. The estimate's own bias
    stays: the error of a well-calibrated model is overestimated, interval and all.

    Parameters
    ----------
    names : sequence of str, length n_metrics
    point : ndarray, shape (n_metrics,)
    draws : ndarray, shape (n_draws, n_metrics)

    Returns
    -------
    centred : ndarray, shape (n_draws, n_metrics)
    """
    column = names.index("ece")
    error = draws[:, column]
    defined = error[~np.isnan(error)]
    if not defined.size:
        return draws
    centred = draws.copy()
    centred[:, column] = np.maximum(0.0, error - defined.mean() + point[column])
    return centred


def signed_text(value: float) -> str:
    """Return a difference with its sign, to three digits; one that rounds to zero has none."""
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text


def signed(estimate: Estimate) -> str:
    """Return ``+0.052 (+0.011 to +0.094)``, or the figure alone where there is no interval."""
    if estimate.low != estimate.low:
        return signed_text(estimate.value)
    return f"{signed_text(estimate.value)} ({signed_text(estimate.low)} to {signed_text(estimate.high)})"
