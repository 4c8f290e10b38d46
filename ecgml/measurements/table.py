"""What is measured: the one table of names, units, meanings and plausible ranges."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One value that `ecgml.measurements.measure` finds."""

    name: str
    unit: str
    description: str
    low: float
    high: float
    """Plausible range, inclusive."""
    time_power: float = 0.0
    """How it scales when the recording is played f times as fast: value * f**time_power. Of the P wave and flutter
    values only nearly so, for their windows and bands stay where they are: for f within about 10 % of 1."""
    circular: bool = False
    """An angle in degrees."""


MEASUREMENTS = (
    Measurement("ventricular_rate", "1/min", "Ventricular rate, by the mean RR interval", 10, 400, time_power=1),
    Measurement("rr_cv", "1", "Standard deviation of RR intervals over their mean", 0, 2),
    Measurement("rr_jump", "1", "Median change from one RR interval to the next, over their mean", 0, 2),
    Measurement("rr_concordance", "1", "Share of pairs of RR intervals that are the same within 5 %", 0, 1),
    Measurement("rr_shortest", "1", "Shortest RR interval over the median one", 0, 1),
    Measurement("p_consistency", "1", "Likeness of the signal before each beat to that before the others", -1, 1),
    Measurement("p_amplitude", "mV", "Height of the P wave towards I + II - aVR", -1, 1),
    Measurement("flutter_share", "1", "Share of the power between beats that lies at 4 to 6.5 Hz", 0, 1),
    Measurement("r_axis", "degrees", "Axis of the QRS complex", -180, 360, circular=True),
    Measurement("t_axis", "degrees", "Axis of the T wave", -180, 360, circular=True),
)
"""In the order in which `measure` finds them."""
