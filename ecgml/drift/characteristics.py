"""What is compared of a record and its answer, and the bins it is counted in.

Everything is taken from what both the cache and the server have: the model's windows, measurements of the waveform,
the clinical row, the answer. Bins are fixed limits of clinical practice, not quantiles: a quantile is somebody's value.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.preprocessing.amplitude import amplitude_mv
from ecgml.preprocessing.preprocess import STEP_MV, to_mv
from ecgml.preprocessing.quality import noise_mv
from ecgml.records.leads import LEADS

NONE, SEVERAL = "none", "several"
LEAD_COUNTS = ("6 or fewer", "7", "8", "9", "10", "11", "12")
SEXES = ("male", "female")
USABLE = ("usable", "unusable")
ANSWERED = ("answered", "abstained")


@dataclass(frozen=True)
class Characteristic:
    """One property that is compared.

    Parameters
    ----------
    name, title, unit : str
    edges : tuple of float
        Inner limits of the bins of a number, ascending; a value on a limit belongs to the bin above.
    categories : tuple of str
        Of a property that is no number.
    missing : bool
        Whether "not measured" is a bin of its own; else a record without the value is left out.
    """

    name: str
    title: str
    unit: str = ""
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    missing: bool = False

    @property
    def is_ordered(self) -> bool:
        """Whether it is a number."""
        return bool(self.edges)

    @property
    def n_bins(self) -> int:
        """Bins, with that of what was not measured."""
        return len(self.edges) + 1 + self.missing if self.is_ordered else len(self.categories)

    def words(self, place: int) -> str:
        """Return a bin in words, with its unit."""
        if not self.is_ordered:
            return self.categories[place]
        if place > len(self.edges):
            return "not measured"
        unit = self.unit if self.unit in ("", "°", "/min") else f" {self.unit}"
        if place == 0:
            return f"below {self.edges[0]:g}{unit}"
        if place == len(self.edges):
            return f"{self.edges[-1]:g}{unit} and above"
        return f"{self.edges[place - 1]:g} to {self.edges[place]:g}{unit}"

    def bin_of(self, value: float | str | None) -> int | None:
        """Return the bin of a value, or None where it is not counted."""
        if isinstance(value, str):
            return self.categories.index(value) if value in self.categories else None
        if value is None or math.isnan(value):
            return len(self.edges) + 1 if self.missing else None
        return int(np.searchsorted(self.edges, value, side="right"))


def characteristics(classes: Collection[str]) -> tuple[Characteristic, ...]:
    """Return what is compared of a model with these classes."""
    return (
        Characteristic("usable_record", "Usable record", categories=USABLE),
        Characteristic("usable_leads", "Usable leads", categories=LEAD_COUNTS),
        Characteristic("unusable_lead", "Lead without a usable signal", categories=(NONE, *LEADS, SEVERAL)),
        Characteristic("amplitude", "Amplitude", "mV", (0.35, 0.5, 0.65, 0.8, 0.95, 1.1, 1.3, 1.6, 2.0, 2.7)),
        Characteristic("noise", "Noise above 20 Hz", "µV", (1, 2, 3, 4, 6, 8, 12, 20, 50)),
        Characteristic(
            "ventricular_rate", "Ventricular rate", "/min", (40, 50, 60, 70, 80, 90, 100, 110, 120, 140, 160), (), True
        ),
        Characteristic(
            "rr_cv", "Irregularity of RR intervals", "", (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.16, 0.2, 0.3), (), True
        ),
        Characteristic("p_consistency", "Likeness of P waves", "", (0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), (), True),
        Characteristic("flutter_share", "Flutter waves", "", (0.05, 0.1, 0.15, 0.2, 0.3, 0.4), (), True),
        Characteristic("r_axis", "QRS axis", "°", (-90, -60, -30, 0, 30, 60, 90, 120), (), True),
        Characteristic("pr_interval", "PR interval", "ms", (120, 140, 160, 180, 200, 220, 240), (), True),
        Characteristic("qrs_duration", "QRS duration", "ms", (70, 80, 90, 100, 110, 120, 140), (), True),
        Characteristic("qt_corrected", "QTc (Bazett)", "ms", (360, 380, 400, 420, 440, 460, 480, 500), (), True),
        Characteristic("age", "Age", "years", (10, 20, 30, 40, 50, 60, 70, 80)),
        Characteristic("sex", "Sex", categories=SEXES),
        Characteristic("rhythm", "Predicted class", categories=tuple(classes)),
        Characteristic("confidence", "Probability of the predicted class", "", (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)),
        Characteristic("abstained", "Abstention", categories=ANSWERED),
    )


UNUSABLE_RECORD: Mapping[str, float | str | None] = {"usable_record": USABLE[1]}
"""What is counted of a record that cannot be used."""

_MEASURED = ("ventricular_rate", "rr_cv", "p_consistency", "flutter_share", "r_axis")
_INTERVALS = ("pr_interval", "qrs_duration", "qt_corrected")


def of_input(
    window: NDArray[np.int16],
    n_valid: int,
    fs: float,
    measured: Mapping[str, float],
    intervals: Mapping[str, float],
    age: float | None,
    sex: float | None,
) -> dict[str, float | str | None]:
    """Return the characteristics of a record as the model is fed it.

    Parameters
    ----------
    window : ndarray of int16, shape (12, n_times)
        Its first window, in steps of `ecgml.preprocessing.preprocess.STEP_MV`.
    n_valid : int
        Time points of it that were recorded.
    fs : float
        Hz.
    measured, intervals : mapping of str to float
        What the waveform shows, whatever was given beside it: by `ecgml.measurements.measure`, and by
        `ecgml.measurements.intervals`. NaN or absent where not measured.
    age, sex : float or None
        As given; NaN or None where not.
    """
    window = window[:, :n_valid]
    used = window.any(axis=1)
    lost = np.flatnonzero(~used)
    noise = noise_mv(to_mv(window[used]), fs) if used.any() else np.full(1, np.nan)
    axis = measured.get("r_axis", math.nan)
    return {
        "usable_record": USABLE[0],
        "usable_leads": LEAD_COUNTS[max(0, int(used.sum()) - 6)],
        "unusable_lead": NONE if not len(lost) else LEADS[lost[0]] if len(lost) == 1 else SEVERAL,
        "amplitude": amplitude_mv(window, STEP_MV),
        "noise": 1000 * float(np.median(noise)),
        **{name: measured.get(name, math.nan) for name in _MEASURED},
        "r_axis": (axis + 180) % 360 - 180,
        **{name: intervals.get(name, math.nan) for name in _INTERVALS},
        "age": age,
        "sex": None if sex is None or math.isnan(sex) else SEXES[int(sex)],
    }


def of_answer(rhythm: str, confidence: float, abstained: bool) -> dict[str, float | str | None]:
    """Return the characteristics of a model's answer."""
    return {"rhythm": rhythm, "confidence": confidence, "abstained": ANSWERED[abstained]}
