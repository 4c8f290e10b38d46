"""From the heart's dipole to electrodes, and from electrodes to the twelve leads.

The lead vectors are those of Dower, Machado and Osborne (On deriving the electrocardiogram from vectorcardiographic
leads, Clin Cardiol 3:87, 1980), whose inverse is that of Edenbrandt and Pahlm (J Electrocardiol 21:361, 1988). We go
through electrode potentials, so that a loose electrode shows in every lead that it takes part in and
Einthoven's and Goldberger's laws hold by construction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")

_LEAD_VECTORS = np.array(
    [
        [0.632, -0.235, 0.059],  # I
        [0.235, 1.066, -0.132],  # II
        [-0.515, 0.157, -0.917],  # V1
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],  # V6
    ]
)

# Electrodes -> leads, in the order I II III aVR aVL aVF V1-V6: Einthoven, Goldberger, Wilson's terminal.
_LIMB = np.array(
    [[-1, 1, 0], [-1, 0, 1], [0, -1, 1], [1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]],
    dtype=np.float64,
)
LEADS_FROM_ELECTRODES = np.block([[_LIMB, np.zeros((6, 6))], [np.full((6, 3), -1 / 3), np.eye(6)]])
"""Shape (12, 9)."""


def electrode_field(rng: np.random.Generator | None = None) -> NDArray[np.float64]:
    """Return how strongly each electrode sees the dipole.

    Parameters
    ----------
    rng : Generator, optional
        Draws a body and electrodes placed by hand: chest electrodes up to a third of the way toward a neighbour, gains
        that vary by 5 % (limbs) and 12 % (chest). Without it the field is Dower's.

    Returns
    -------
    field : ndarray, shape (9, 3)
        Potential against Wilson's terminal by unit dipole.
    """
    one, two, chest = _LEAD_VECTORS[0], _LEAD_VECTORS[1], _LEAD_VECTORS[2:]
    right_arm = -(one + two) / 3
    limbs = np.array([right_arm, right_arm + one, right_arm + two])
    if rng is not None:
        neighbours = np.vstack((chest[:1], chest, chest[-1:]))
        shift = rng.uniform(-0.33, 0.33, 6)[:, None]
        chest = chest + shift.clip(0) * (neighbours[2:] - chest) - shift.clip(None, 0) * (neighbours[:-2] - chest)
        limbs = limbs * rng.normal(1.0, 0.05, (3, 1))
        chest = chest * np.exp(rng.normal(0.0, 0.12, (6, 1)))
    return np.vstack((limbs, chest))


def frontal_axis_deg(vector: NDArray[np.float64], field: NDArray[np.float64]) -> float:
    """Return the axis in the frontal plane of a dipole, as leads I and aVF show it.

    Parameters
    ----------
    vector : ndarray, shape (3,)
        Dipole, or its area over a wave.
    field : ndarray, shape (9, 3)
        As :func:`electrode_field` gives it.

    Returns
    -------
    float
        Degrees in (-90, 270], the range of the data set's RAxis and TAxis.
    """
    leads = LEADS_FROM_ELECTRODES @ field @ vector
    # An augmented lead is sqrt(3)/2 as sensitive as a bipolar one.
    axis = float(np.degrees(np.arctan2(2 / np.sqrt(3) * leads[5], leads[0])))
    return axis + 360 if axis <= -90 else axis


def rotation_to_axis(waves_area: NDArray[np.float64], axis_deg: float) -> NDArray[np.float64]:
    """Return the rotation about the z axis that gives a complex an axis in the frontal plane.

    Parameters
    ----------
    waves_area : ndarray, shape (3,)
        Area of the complex.
    axis_deg : float
        Axis wanted with Dower's lead vectors, degrees.

    Returns
    -------
    rotation : ndarray, shape (3, 3)
    """
    frontal = (LEADS_FROM_ELECTRODES @ electrode_field())[[0, 5], :2]
    wanted = np.linalg.solve(frontal, [np.cos(np.radians(axis_deg)), np.sqrt(3) / 2 * np.sin(np.radians(axis_deg))])
    return rotation_about("z", float(np.arctan2(wanted[1], wanted[0]) - np.arctan2(waves_area[1], waves_area[0])))


def rotation_about(axis: str, angle_rad: float) -> NDArray[np.float64]:
    """Return the rotation matrix about ``"y"`` or ``"z"``, shape (3, 3)."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    if axis == "z":
        return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
