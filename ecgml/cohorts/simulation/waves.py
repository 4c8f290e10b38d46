"""Asymmetric Gaussian waves of the heart's dipole.

The heart is one current dipole that turns and swells; each wave is a Gaussian in time along a fixed direction (McSharry
et al., A dynamical model for generating synthetic electrocardiogram signals, 2003, 10.1109/TBME.2003.808805, in the
three-dimensional form of Sameni et al. 2007, 10.1155/2007/43407). We differ in that a wave may rise and fall at
different speeds, as T waves do, and in that beats are placed in time rather than integrated around a limit cycle.

Directions are those of Frank's leads: x to the left, y to the feet, z to the back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.torso import LEADS_FROM_ELECTRODES, electrode_field

_REACH = 4.0
"""Standard deviations after which a Gaussian is left off: 3e-4 of its peak, 0.3 µV of a wave of 1 mV."""

_IN_LEADS = LEADS_FROM_ELECTRODES @ electrode_field()

_FLOOR = 0.05
"""Share of the peak magnitude that counts as the start and the end of a complex."""


@dataclass(frozen=True, eq=False)
class Waves:
    """A set of waves.

    Parameters
    ----------
    peak_s : ndarray, shape (n_waves,)
        Time of the peak, s.
    rise_s, fall_s : ndarray, shape (n_waves,)
        Standard deviation before and after the peak, s.
    vector_mv : ndarray, shape (n_waves, 3)
        Dipole at the peak, mV in Frank's leads.
    """

    peak_s: NDArray[np.float64]
    rise_s: NDArray[np.float64]
    fall_s: NDArray[np.float64]
    vector_mv: NDArray[np.float64]

    @classmethod
    def table(cls, *rows: tuple[float, float, float, tuple[float, float, float]]) -> Waves:
        """Build waves from rows of (peak ms, rise ms, fall ms, (x, y, z) mV)."""
        times_s = np.array([row[:3] for row in rows], dtype=np.float64).reshape(-1, 3) / 1000
        vectors = np.array([row[3] for row in rows], dtype=np.float64).reshape(-1, 3)
        peak_s, rise_s, fall_s = times_s.T
        return cls(peak_s, rise_s, fall_s, vectors)

    def __add__(self, other: Waves) -> Waves:
        """Return both sets together."""
        return join([self, other])

    def scaled(self, gain: float | NDArray[np.float64]) -> Waves:
        """Return the waves with their vectors multiplied by a gain (a number or one per wave)."""
        return replace(self, vector_mv=self.vector_mv * np.asarray(gain, dtype=np.float64).reshape(-1, 1))

    def turned(self, rotation: NDArray[np.float64]) -> Waves:
        """Return the waves with their vectors turned by a matrix of shape (3, 3)."""
        return replace(self, vector_mv=self.vector_mv @ rotation.T)

    def stretched(self, factor: float) -> Waves:
        """Return the waves with their times multiplied by a factor."""
        return replace(self, peak_s=self.peak_s * factor, rise_s=self.rise_s * factor, fall_s=self.fall_s * factor)

    def moved(self, shift_s: float) -> Waves:
        """Return the waves later by a shift."""
        return replace(self, peak_s=self.peak_s + shift_s)

    def at(
        self,
        times_s: NDArray[np.float64],
        gains: NDArray[np.float64] | float = 1.0,
        stretch: NDArray[np.float64] | float = 1.0,
    ) -> Waves:
        """Return a copy of the waves at each time.

        Parameters
        ----------
        times_s : ndarray, shape (n_events,)
            Where the waves' time zero goes.
        gains, stretch : ndarray, shape (n_events,), or float
            Factor of the vectors and of the times, event by event.
        """
        gains, stretch = (np.broadcast_to(value, times_s.shape)[:, None] for value in (gains, stretch))
        return Waves(
            (times_s[:, None] + stretch * self.peak_s).ravel(),
            (stretch * self.rise_s).ravel(),
            (stretch * self.fall_s).ravel(),
            (gains[:, :, None] * self.vector_mv).reshape(-1, 3),
        )

    def area(self) -> NDArray[np.float64]:
        """Return the integral of the dipole over time, shape (3,), mV·s."""
        return np.sqrt(np.pi / 2) * (self.rise_s + self.fall_s) @ self.vector_mv

    def dipole(self, fs: float, n_times: int, start_s: float = 0.0) -> NDArray[np.float64]:
        """Return the dipole over time.

        Parameters
        ----------
        fs : float
            Sampling frequency, Hz.
        n_times : int
            Time points, the first at `start_s`.
        start_s : float
            In s.

        Returns
        -------
        dipole : ndarray, shape (3, n_times)
            In mV.
        """
        dipole = np.zeros((3, n_times))
        times_s = start_s + np.arange(n_times) / fs
        first = np.ceil((self.peak_s - _REACH * self.rise_s - start_s) * fs).clip(0, n_times).astype(int).tolist()
        last = np.floor((self.peak_s + _REACH * self.fall_s - start_s) * fs + 1).clip(0, n_times).astype(int).tolist()
        for wave, (start, stop) in enumerate(zip(first, last, strict=True)):
            if start < stop:
                after_s = times_s[start:stop] - self.peak_s[wave]
                width_s = np.where(after_s < 0, self.rise_s[wave], self.fall_s[wave])
                dipole[:, start:stop] += self.vector_mv[wave][:, None] * np.exp(-0.5 * (after_s / width_s) ** 2)
        return dipole

    def fitted(self, duration_s: float) -> Waves:
        """Return the complex stretched to last `duration_s`, its greatest magnitude at time zero.

        It lasts from where its magnitude over the leads first exceeds 5 % of its peak to where it last does.
        """
        onset_s, peak_s, offset_s = self.span_s()
        return self.moved(-peak_s).stretched(duration_s / (offset_s - onset_s))

    def span_s(self) -> tuple[float, float, float]:
        """Return (onset, time of the greatest magnitude, offset) of the complex over the twelve leads, s, to 0.5 ms."""
        start_s = float((self.peak_s - _REACH * self.rise_s).min())
        stop_s = float((self.peak_s + _REACH * self.fall_s).max())
        dipole = self.dipole(2000.0, int((stop_s - start_s) * 2000) + 1, start_s)
        magnitude = np.linalg.norm(_IN_LEADS @ dipole, axis=0)
        above = np.flatnonzero(magnitude > _FLOOR * magnitude.max())
        onset, peak, offset = start_s + np.array([above[0], magnitude.argmax(), above[-1]]) / 2000
        return float(onset), float(peak), float(offset)


def join(parts: list[Waves]) -> Waves:
    """Return several sets of waves as one."""
    return Waves(
        np.concatenate([part.peak_s for part in parts]),
        np.concatenate([part.rise_s for part in parts]),
        np.concatenate([part.fall_s for part in parts]),
        np.concatenate([part.vector_mv for part in parts]),
    )
