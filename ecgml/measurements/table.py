"""What is measured: the one table of names, units, meanings and plausible ranges."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One value that is measured."""

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
    heading: str = ""
    """Of a table's column, of those that an electrocardiograph prints."""


MEASUREMENTS = (
    Measurement(
        "ventricular_rate", "1/min", "Ventricular rate, by the mean RR interval", 10, 400, time_power=1, heading="rate"
    ),
    Measurement("rr_cv", "1", "Standard deviation of RR intervals over their mean", 0, 2),
    Measurement("rr_jump", "1", "Median change from one RR interval to the next, over their mean", 0, 2),
    Measurement("rr_concordance", "1", "Share of pairs of RR intervals that are the same within 5 %", 0, 1),
    Measurement("rr_shortest", "1", "Shortest RR interval over the median one", 0, 1),
    Measurement("p_consistency", "1", "Likeness of the signal before each beat to that before the others", -1, 1),
    Measurement("p_amplitude", "mV", "Height of the P wave towards I + II - aVR", -1, 1),
    Measurement("flutter_share", "1", "Share of the power between beats that lies at 4 to 6.5 Hz", 0, 1),
    Measurement("r_axis", "degrees", "Axis of the QRS complex", -180, 360, circular=True, heading="QRS axis"),
    Measurement("t_axis", "degrees", "Axis of the T wave", -180, 360, circular=True, heading="T axis"),
)
"""In the order in which `ecgml.measurements.measure` finds them."""

INTERVAL_MEASUREMENTS = (
    MEASUREMENTS[0],
    Measurement("pr_interval", "ms", "PR interval", 60, 600, time_power=-1, heading="PR"),
    Measurement("p_duration", "ms", "Duration of the P wave", 20, 300, time_power=-1, heading="P"),
    Measurement("qrs_duration", "ms", "QRS duration", 20, 400, time_power=-1, heading="QRS"),
    Measurement("qt_interval", "ms", "QT interval", 100, 900, time_power=-1, heading="QT"),
    Measurement("qt_corrected", "ms", "QT interval corrected by Bazett", 100, 900, time_power=-0.5, heading="QTc"),
    Measurement("p_axis", "degrees", "Axis of the P wave", -180, 360, circular=True, heading="P axis"),
    *MEASUREMENTS[-2:],
)
"""In the order in which `ecgml.measurements.intervals` finds them, on the recording as it was made; its rate and axes
are of the representative beat, those of `measure` of what the model sees."""
