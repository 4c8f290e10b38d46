"""When atria and ventricles are activated, and from where: what a rhythm is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SINUS, ECTOPIC, RETROGRADE = np.eye(3)
"""Where a P wave starts, as weights of three shapes: sinus node, an atrial focus, the AV node upwards."""

LEAD_IN_S = 3.0
"""Rhythms begin this long before the recording, which so starts at any moment of a beat, its T waves included."""

LEAD_OUT_S = 1.5
"""And go on this long after it, whose P waves and complexes may reach into it."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """Activations from before the recording until after it.

    Parameters
    ----------
    beat_s : ndarray, shape (n_beats,)
        Times of the QRS complexes, s, ascending; zero is the recording's start.
    beat_kind : tuple of str
        ``"usual"``, ``"aberrant"`` (a bundle branch still refractory) or ``"ventricular"`` of each.
    p_s : ndarray, shape (n_p,)
        Times of the peaks of discrete P waves, s.
    p_origin : ndarray, shape (n_p, 3)
        Weights of :data:`SINUS`, :data:`ECTOPIC`, :data:`RETROGRADE` of each.
    atrial_bpm : float
        Atrial rate; that of fibrillation or flutter where there are no P waves.
    codes : frozenset of str
        Conditions that belong to the rhythm, by the codes of the data set's Beat column.
    flutter_s : ndarray, shape (n_cycles,)
        Times of flutter cycles, s; none in other rhythms.
    fibrillates : bool
        Whether the atria fibrillate at `atrial_bpm`.
    """

    beat_s: NDArray[np.float64]
    beat_kind: tuple[str, ...]
    p_s: NDArray[np.float64]
    p_origin: NDArray[np.float64]
    atrial_bpm: float
    codes: frozenset[str] = frozenset()
    flutter_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    fibrillates: bool = False


class TimelineBuilder:
    """Collects activations in any order."""

    def __init__(self) -> None:
        self.codes: set[str] = set()
        self._beats: list[tuple[float, str]] = []
        self._p_waves: list[tuple[float, NDArray[np.float64]]] = []

    def beat(self, time_s: float, kind: str = "usual") -> None:
        """Add a QRS complex."""
        self._beats.append((time_s, kind))

    def p_wave(self, time_s: float, origin: NDArray[np.float64]) -> None:
        """Add a P wave."""
        self._p_waves.append((time_s, origin))

    def build(self, atrial_bpm: float, **atria: Any) -> Timeline:
        """Return the timeline; keywords are the remaining fields of :class:`Timeline`."""
        beats = sorted(self._beats)
        p_s = np.array([time for time, _ in self._p_waves])
        order = np.argsort(p_s)
        origins = np.array([origin for _, origin in self._p_waves]).reshape(-1, 3)
        return Timeline(
            np.array([time for time, _ in beats]),
            tuple(kind for _, kind in beats),
            p_s[order],
            origins[order],
            atrial_bpm,
            frozenset(self.codes),
            **atria,
        )
