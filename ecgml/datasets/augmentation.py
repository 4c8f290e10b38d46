"""What training does to a batch that serving never does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ecgml.datasets.batch import Batch
from ecgml.datasets.settings import AugmentationSettings
from ecgml.perturbations.leads import LIMB_MIRRORS, LIMB_REVERSALS, exchange_matrix
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES
from ecgml.records.schemes import BRADYCARDIA_BPM, TACHYCARDIA_BPM

SHORTEST_S = 4.0
"""A crop keeps at least so much of a recording, s: rhythm needs several beats."""

_TIME_POWERS = np.array([column.time_power or 0.0 for column in CLINICAL_COLUMNS])
_NOT_STRETCHABLE = np.array([column.time_power is None for column in CLINICAL_COLUMNS])
_HARDLY_STRETCHED = 0.1
"""Within this share of 1 a factor leaves even those values nearly as they are."""

EXCHANGES = (*LIMB_REVERSALS, "V1–V2", "V2–V3", "V3–V4")
"""Electrodes that training may exchange, each as often."""

_MATRICES = np.stack([exchange_matrix(name) for name in EXCHANGES])
_AXES = [CLINICAL_NAMES.index("r_axis"), CLINICAL_NAMES.index("t_axis")]
_P_AMPLITUDE = CLINICAL_NAMES.index("p_amplitude")


@dataclass(frozen=True, eq=False)
class RateLabels:
    """What a record may become when it is played faster or slower.

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

    def __getitem__(self, rows: NDArray[Any]) -> RateLabels:
        return RateLabels(self.rates[rows], self.low[rows], self.high[rows], self.y_by_band[rows])


SINUS_BPM = (38.0, 165.0)
FIBRILLATION_BPM = (40.0, 200.0)
TACHYCARDIA_RANGE_BPM = (TACHYCARDIA_BPM + 1, 240.0)
"""Rates to which a sinus rhythm, atrial fibrillation or flutter, and any other tachycardia may be stretched."""


def rate_labels(
    rates: NDArray[np.float32], rhythms: NDArray[np.str_], sinus: NDArray[np.bool_], y_by_band: NDArray[np.int64]
) -> RateLabels:
    """Say for each record between which rates it may be stretched.

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
    slow, fast = rates < BRADYCARDIA_BPM, rates > TACHYCARDIA_BPM
    low = np.where(as_written & fast, TACHYCARDIA_BPM, np.where(as_written & ~slow, BRADYCARDIA_BPM, low))
    high = np.where(as_written & slow, BRADYCARDIA_BPM, np.where(as_written & ~fast, TACHYCARDIA_BPM, high))
    return RateLabels(rates, np.minimum(low, rates), np.maximum(high, rates), y_by_band)


def augment(
    batch: Batch, labels: RateLabels, fs: float, settings: AugmentationSettings, rng: np.random.Generator
) -> Batch:
    """Stretch, crop, scale, soil, exchange and thin out a batch.

    Parameters
    ----------
    batch : Batch
        Clinical values given or measured.
    labels : RateLabels
        Of the batch's records.
    fs : float
        Hz.
    settings : AugmentationSettings
    rng : numpy.random.Generator
        Everything that is drawn comes from it.
    """
    factor = _stretch_factors(labels, settings.time_stretch, rng)
    waveform, n_valid = _warp(batch, factor, fs, settings.crop, rng)
    noise = torch.Generator(waveform.device).manual_seed(int(rng.integers(2**62)))
    if settings.augmentation:
        waveform = _soil(waveform, fs, settings.augmentation, noise)
    clinical = batch.clinical
    if settings.lead_exchange:
        hit = rng.random(len(waveform)) < settings.lead_exchange
        which = np.where(hit, rng.integers(len(EXCHANGES), size=len(waveform)), -1)
        waveform, clinical = _exchange(waveform, clinical, which)
    if settings.lead_dropout:
        waveform = waveform * _kept_leads(waveform, settings.lead_dropout, noise)
    stretched = replace(batch, waveform=waveform, n_valid=n_valid)
    return replace(
        stretched,
        waveform=waveform * stretched.mask[:, None],
        clinical=_stretch_and_withhold(clinical, factor, settings, rng),
        labels=_relabel(batch.labels, labels, factor),
    )


def _stretch_factors(labels: RateLabels, strength: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw how many times as fast each record is played; one in five stays as it is."""
    drawn = np.exp(strength * rng.uniform(-1, 1, len(labels.rates)))
    drawn[rng.random(len(drawn)) < 0.2] = 1.0
    if not strength:
        return drawn
    limited = np.clip(drawn, labels.low / labels.rates, labels.high / labels.rates)
    return np.where(np.isfinite(limited), limited, 1.0)


def _relabel(y: NDArray[np.int64], labels: RateLabels, factor: NDArray[np.float64]) -> NDArray[np.int64]:
    rate = labels.rates * factor
    band = np.where(rate < BRADYCARDIA_BPM, 0, np.where(rate > TACHYCARDIA_BPM, 2, 1))
    # A record that was not stretched keeps its label, which may follow a given rate that the measured one contradicts.
    return np.where(factor == 1.0, y, labels.y_by_band[np.arange(len(y)), band])


def _warp(
    batch: Batch, factor: NDArray[np.float64], fs: float, crop: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Play each record `factor` times as fast from a random start; return waveforms and their valid lengths."""
    n_records, _, n_times = batch.waveform.shape
    available = np.minimum(batch.n_valid.cpu().numpy() / factor, n_times)
    share = np.where(rng.random(n_records) < crop, rng.uniform(0.6, 1.0, n_records), 1.0)
    kept = np.clip(available * share, np.minimum(SHORTEST_S * fs, available), available).astype(np.int64)
    start = rng.random(n_records) * (batch.n_valid.cpu().numpy() - kept * factor)
    positions = start[:, None] + factor[:, None] * np.arange(n_times)
    device = batch.waveform.device
    grid = torch.zeros(n_records, 1, n_times, 2, device=device)
    grid[:, 0, :, 0] = torch.from_numpy(positions * 2 / (n_times - 1) - 1).to(device)
    warped = functional.grid_sample(batch.waveform.unsqueeze(2), grid, align_corners=True).squeeze(2)
    return warped, torch.from_numpy(kept).to(device)


def _soil(waveform: Tensor, fs: float, strength: float, generator: torch.Generator) -> Tensor:
    """Add what electrodes, muscles and breathing add: gain, polarity of the cables, noise, baseline wander."""
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


def _exchange(
    waveform: Tensor, clinical: NDArray[np.float32], which: NDArray[np.int64]
) -> tuple[Tensor, NDArray[np.float32]]:
    """Exchange electrodes: `which` of :data:`EXCHANGES`, -1 for none; axes and P wave are measured accordingly."""
    rows = np.flatnonzero(which >= 0)
    exchanged, turned = waveform.clone(), clinical.copy()
    matrices = torch.from_numpy(_MATRICES[which[rows]]).to(waveform)
    chosen = torch.from_numpy(rows).to(waveform.device)
    exchanged[chosen] = torch.bmm(matrices, waveform[chosen])
    for row in rows:
        if mirror := LIMB_MIRRORS.get(EXCHANGES[which[row]]):
            turned[row, _AXES] = mirror[0] - turned[row, _AXES]
            turned[row, _P_AMPLITUDE] *= mirror[1]
    return exchanged, turned


def _kept_leads(waveform: Tensor, share: float, generator: torch.Generator) -> Tensor:
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
