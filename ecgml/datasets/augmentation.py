"""Augmentation of training batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ecgml.datasets.batch import recorded
from ecgml.datasets.settings import AugmentationSettings
from ecgml.perturbations.leads import LIMB_MIRRORS, LIMB_REVERSALS, exchange_matrix
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.schemes import BRADYCARDIA_BPM, TACHYCARDIA_BPM, rate_band

SHORTEST_S = 4.0
"""A crop keeps at least so much of a recording, s: rhythm needs several beats."""

_TIME_POWERS = np.array([column.time_power or 0.0 for column in CLINICAL_COLUMNS])
_NOT_STRETCHABLE = np.array([column.time_power is None for column in CLINICAL_COLUMNS])
_HARDLY_STRETCHED = 0.1
"""Within this share of 1 a factor leaves even those values nearly as they are."""

EXCHANGES = (*LIMB_REVERSALS, "V1–V2", "V2–V3", "V3–V4")
"""Electrodes that training may exchange, each as often."""

_MATRICES = np.stack([*(exchange_matrix(name) for name in EXCHANGES), np.eye(len(LEADS))]).astype(np.float32)
"""The last exchanges nothing."""
_AXES = [CLINICAL_NAMES.index("r_axis"), CLINICAL_NAMES.index("t_axis")]
_P_AMPLITUDE = CLINICAL_NAMES.index("p_amplitude")


@dataclass(frozen=True, eq=False)
class RateLabels:
    """Limits of a record's time stretching, and its label by rate.

    Parameters
    ----------
    rates : ndarray of float32, shape (n_records,)
        Ventricular rate, 1/min; NaN where unknown: such a record is not stretched.
    low, high : ndarray of float32, shape (n_records,)
        Rates between which the record stays what its labels by band say it is.
    y_by_band : ndarray of int64, shape (n_records, 3)
        Label at a rate below 60, from 60 to 100, above 100/min.
    """

    rates: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    y_by_band: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[Any] | slice) -> RateLabels:
        return RateLabels(self.rates[rows], self.low[rows], self.high[rows], self.y_by_band[rows])


SINUS_BPM = (38.0, 165.0)
FIBRILLATION_BPM = (40.0, 200.0)
TACHYCARDIA_RANGE_BPM = (TACHYCARDIA_BPM + 1, 240.0)
"""Rates to which a sinus rhythm, atrial fibrillation or flutter, and any other tachycardia may be stretched."""


def rate_labels(
    rates: NDArray[np.float32], rhythms: NDArray[np.str_], sinus: NDArray[np.bool_], y_by_band: NDArray[np.int64]
) -> RateLabels:
    """Return the rates between which each record may be stretched.

    A sinus rhythm may become any sinus rhythm where labels follow the rate, and stays within its band where they do
    not. A record that is already outside its range is not stretched.

    Parameters
    ----------
    rates : ndarray, shape (n_records,)
        1/min.
    rhythms : ndarray of str, shape (n_records,)
        As written, joined by ``+``.
    sinus : ndarray of bool, shape (n_records,)
    y_by_band : ndarray of int64, shape (n_records, 3)
    """
    fibrillation = np.array([bool({"AFIB", "AF"} & set(names.split("+"))) for names in rhythms], dtype=bool)
    low = np.where(sinus, SINUS_BPM[0], np.where(fibrillation, FIBRILLATION_BPM[0], TACHYCARDIA_RANGE_BPM[0]))
    high = np.where(sinus, SINUS_BPM[1], np.where(fibrillation, FIBRILLATION_BPM[1], TACHYCARDIA_RANGE_BPM[1]))
    as_written = sinus & (y_by_band[:, 0] == y_by_band[:, 2])
    slow, fast = rate_band(rates) == 0, rate_band(rates) == 2
    low = np.where(as_written & fast, TACHYCARDIA_BPM, np.where(as_written & ~slow, BRADYCARDIA_BPM, low))
    high = np.where(as_written & slow, BRADYCARDIA_BPM, np.where(as_written & ~fast, TACHYCARDIA_BPM, high))
    return RateLabels(rates, np.minimum(low, rates), np.maximum(high, rates), y_by_band)


@dataclass(frozen=True, eq=False)
class AugmentedBatch:
    """A batch as augmentation drew it on the host: everything but noise and the waveforms themselves.

    Parameters
    ----------
    windows : ndarray of int64, shape (B,)
        Numbers of the windows, see :class:`ecgml.datasets.store.WindowStore`.
    timing : ndarray of float64, shape (2, B)
        Where a record is entered, in time points, and how many times as fast it is played.
    n_valid : ndarray of int64, shape (B,)
        Time points that are kept.
    exchange : ndarray of float32, shape (B, L, L), or None
        What exchanged electrodes make of the leads; None where none are ever exchanged.
    clinical : ndarray of float32, shape (B, n_features)
    labels : ndarray of int64, shape (B,)
    seed : int
        Of noise and lost leads.
    """

    windows: NDArray[np.int64]
    timing: NDArray[np.float64]
    n_valid: NDArray[np.int64]
    exchange: NDArray[np.float32] | None
    clinical: NDArray[np.float32]
    labels: NDArray[np.int64]
    seed: int


def draw_augmentation(
    windows: NDArray[np.int64],
    n_valid: NDArray[np.int64],
    clinical: NDArray[np.float32],
    labels: NDArray[np.int64],
    rates: RateLabels,
    n_times: int,
    fs: float,
    settings: AugmentationSettings,
    rng: np.random.Generator,
) -> AugmentedBatch:
    """Draw how a batch is stretched, cropped and exchanged; its clinical values and labels follow.

    Parameters
    ----------
    windows, n_valid : ndarray of int64, shape (B,)
        Numbers and recorded time points of the windows.
    clinical : ndarray of float32, shape (B, n_features)
        Given or measured.
    labels : ndarray of int64, shape (B,)
    rates : RateLabels
        Of the batch's records.
    n_times : int
        Time points of a window.
    fs : float
        Hz.
    settings : AugmentationSettings
    rng : numpy.random.Generator
        Everything that is drawn comes from it.
    """
    factor = _stretch_factors(rates, settings.time_stretch, rng)
    start, kept = _crop(n_valid, factor, n_times, fs, settings.crop, rng)
    seed = int(rng.integers(2**62))
    exchange = None
    if settings.lead_exchange:
        hit = rng.random(len(labels)) < settings.lead_exchange
        which = np.where(hit, rng.integers(len(EXCHANGES), size=len(labels)), len(EXCHANGES))
        exchange, clinical = _MATRICES[which], _exchanged(clinical, which)
    clinical = _stretch_and_withhold(clinical, factor, settings, rng)
    return AugmentedBatch(
        windows, np.stack([start, factor]), kept, exchange, clinical, _relabel(labels, rates, factor), seed
    )


def augment(
    waveform: Tensor,
    timing: Tensor,
    n_valid: Tensor,
    exchange: Tensor | None,
    fs: float,
    settings: AugmentationSettings,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor]:
    """Stretch, crop and scale waveforms, add noise, exchange electrodes and drop leads.

    Parameters
    ----------
    waveform : Tensor, shape (B, L, T)
        In mV.
    timing, n_valid, exchange : Tensor
        See :class:`AugmentedBatch`, on the waveform's device.
    fs : float
        Hz.
    settings : AugmentationSettings
    generator : torch.Generator, optional
        Of noise and lost leads; by default the device's own.

    Returns
    -------
    waveform : Tensor, shape (B, L, T)
    mask : Tensor, shape (B, T)
        1 where the recording is, 0 behind its end.
    """
    waveform = _warp(waveform, timing)
    if settings.augmentation:
        waveform = _add_artefacts(waveform, fs, settings.augmentation, generator)
    if exchange is not None:
        waveform = torch.bmm(exchange, waveform)
    if settings.lead_dropout:
        waveform = waveform * _kept_leads(waveform, settings.lead_dropout, generator)
    mask = recorded(n_valid, waveform.shape[2])
    return waveform * mask[:, None], mask


def _stretch_factors(labels: RateLabels, strength: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw how many times as fast each record is played; one in five stays as it is."""
    drawn = np.exp(strength * rng.uniform(-1, 1, len(labels.rates)))
    drawn[rng.random(len(drawn)) < 0.2] = 1.0
    if not strength:
        return drawn
    limited = np.clip(drawn, labels.low / labels.rates, labels.high / labels.rates)
    return np.where(np.isfinite(limited), limited, 1.0)


def _relabel(y: NDArray[np.int64], labels: RateLabels, factor: NDArray[np.float64]) -> NDArray[np.int64]:
    band = rate_band(labels.rates * factor)
    # A record that was not stretched keeps its label, which may follow a given rate that the measured one contradicts.
    return np.where(factor == 1.0, y, labels.y_by_band[np.arange(len(y)), band])


def _crop(
    n_valid: NDArray[np.int64],
    factor: NDArray[np.float64],
    n_times: int,
    fs: float,
    share: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw where each record is entered, and how many time points of it are kept when it is played by its factor."""
    available = np.minimum(n_valid / factor, n_times)
    shares = np.where(rng.random(len(factor)) < share, rng.uniform(0.6, 1.0, len(factor)), 1.0)
    kept = np.clip(available * shares, np.minimum(SHORTEST_S * fs, available), available).astype(np.int64)
    return rng.random(len(factor)) * (n_valid - kept * factor), kept


def _warp(waveform: Tensor, timing: Tensor) -> Tensor:
    """Play each record from its start by its factor."""
    n_records, _, n_times = waveform.shape
    start, factor = timing[:, :, None]
    positions = start + factor * torch.arange(n_times, device=waveform.device)
    grid = torch.zeros(n_records, 1, n_times, 2, device=waveform.device)
    grid[:, 0, :, 0] = positions * 2 / (n_times - 1) - 1
    return functional.grid_sample(waveform.unsqueeze(2), grid, align_corners=True).squeeze(2)


def _add_artefacts(waveform: Tensor, fs: float, strength: float, generator: torch.Generator | None) -> Tensor:
    """Change gain and polarity, and add noise and baseline wander."""
    n_records, n_leads, n_times = waveform.shape
    device = waveform.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=device)

    gain = torch.exp(
        strength * (0.3 * (2 * uniform(n_records, 1, 1) - 1) + 0.15 * (2 * uniform(n_records, n_leads, 1) - 1))
    )
    noise = torch.randn(n_records, n_leads, n_times, generator=generator, device=device)
    times = torch.arange(n_times, device=device) / fs
    phase = 2 * torch.pi * (uniform(n_records, 1, 1) + 0.5) * times + 2 * torch.pi * uniform(n_records, n_leads, 1)
    wander = 0.1 * strength * uniform(n_records, n_leads, 1) * torch.sin(phase)
    return waveform * gain + 0.03 * strength * uniform(n_records, 1, 1) * noise + wander


def _exchanged(clinical: NDArray[np.float32], which: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return axes and P wave as they are measured under `which` of :data:`EXCHANGES`; beyond them, none."""
    turned = clinical.copy()
    for row in np.flatnonzero(which < len(EXCHANGES)):
        if mirror := LIMB_MIRRORS.get(EXCHANGES[which[row]]):
            turned[row, _AXES] = mirror[0] - turned[row, _AXES]
            turned[row, _P_AMPLITUDE] *= mirror[1]
    return turned


def _kept_leads(waveform: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Draw which leads stay, shape (B, L, 1): of a share of records each loses up to half."""
    n_records, n_leads, _ = waveform.shape
    device = waveform.device
    hit = torch.rand(n_records, 1, 1, generator=generator, device=device) < share
    loss = 0.5 * torch.rand(n_records, 1, 1, generator=generator, device=device) * hit
    return (torch.rand(n_records, n_leads, 1, generator=generator, device=device) >= loss).float()


def _stretch_and_withhold(
    clinical: NDArray[np.float32], factor: NDArray[np.float64], settings: AugmentationSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    stretched = (clinical * factor[:, None] ** _TIME_POWERS).astype(np.float32)
    stretched[_NOT_STRETCHABLE & (np.abs(factor - 1) > _HARDLY_STRETCHED)[:, None]] = np.nan
    stretched[rng.random(stretched.shape) < settings.clinical_dropout] = np.nan
    stretched[rng.random(len(stretched)) < settings.clinical_absence] = np.nan
    return stretched
