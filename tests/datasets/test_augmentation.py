"""Augmentation: time, labels and clinical values stretch together; nothing else changes what a record is."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from ecgml.datasets import augmentation
from ecgml.datasets.augmentation import EXCHANGES, RateLabels, draw_augmentation, rate_labels
from ecgml.datasets.settings import AugmentationSettings
from ecgml.perturbations.leads import LIMB_MIRRORS, exchange_matrix
from ecgml.records.clinical import CLINICAL_NAMES

FS = 100.0
N = 256
STRETCH_ONLY = AugmentationSettings(
    augmentation=0, time_stretch=0.5, crop=0, lead_dropout=0, clinical_dropout=0, clinical_absence=0
)
NONE = replace(STRETCH_ONLY, time_stretch=0)
SB, SR, ST = 0, 1, 2


class Batch(NamedTuple):
    waveform: torch.Tensor
    n_valid: torch.Tensor
    clinical: np.ndarray
    labels: np.ndarray


def augment(
    batch: Batch, rates: RateLabels, fs: float, settings: AugmentationSettings, rng: np.random.Generator
) -> Batch:
    """Draw and apply, as a training step does."""
    rows = np.arange(len(batch.labels))
    drawn = draw_augmentation(
        rows, batch.n_valid.numpy(), batch.clinical, batch.labels, rates, batch.waveform.shape[2], fs, settings, rng
    )
    exchange = None if drawn.exchange is None else torch.from_numpy(drawn.exchange)
    timing, n_valid = torch.from_numpy(drawn.timing), torch.from_numpy(drawn.n_valid)
    generator = torch.Generator().manual_seed(drawn.seed)
    waveform, mask = augmentation.augment(batch.waveform, timing, n_valid, exchange, fs, settings, generator)
    assert torch.equal(mask.sum(dim=1).long(), n_valid)
    return Batch(waveform, n_valid, drawn.clinical, drawn.labels)


def batch(hz: float = 2.0, n_valid: int = 1000) -> Batch:
    waveform = torch.sin(2 * torch.pi * hz * torch.arange(1000) / FS).repeat(N, 12, 1)
    waveform[:, :, n_valid:] = 0
    clinical = np.full((N, len(CLINICAL_NAMES)), np.nan, dtype=np.float32)
    clinical[:, CLINICAL_NAMES.index("ventricular_rate")] = 80
    clinical[:, CLINICAL_NAMES.index("qt_interval")] = 400
    clinical[:, CLINICAL_NAMES.index("age")] = 60
    return Batch(waveform, torch.full((N,), n_valid), clinical, np.full(N, SR))


def labels(rate: float = 80, rhythm: str = "SR", by_band: tuple[int, int, int] = (SB, SR, ST)) -> RateLabels:
    return rate_labels(
        np.full(N, rate, dtype=np.float32), np.full(N, rhythm), np.full(N, rhythm in ("SR", "SB", "ST")),
        np.tile(by_band, (N, 1)),
    )  # fmt: skip


def test_nothing_asked_for_changes_nothing() -> None:
    augmented = augment(batch(), labels(), FS, NONE, np.random.default_rng(0))
    torch.testing.assert_close(augmented.waveform, batch().waveform, atol=1e-4, rtol=0)
    np.testing.assert_array_equal(augmented.clinical, batch().clinical)
    assert (augmented.labels == SR).all()


def test_rate_in_the_waveform_and_in_the_clinical_row_stretch_alike() -> None:
    """A sine of 2 Hz played f times as fast has 2 f cycles a second; the clinical rate is 80 f."""
    augmented = augment(batch(), labels(), FS, STRETCH_ONLY, np.random.default_rng(0))
    factor = augmented.clinical[:, CLINICAL_NAMES.index("ventricular_rate")] / 80
    for row in range(0, N, 16):
        n_valid = int(augmented.n_valid[row])
        lead = augmented.waveform[row, 0, :n_valid].numpy()
        rising = np.flatnonzero((lead[:-1] < 0) & (lead[1:] >= 0))
        assert FS / np.diff(rising).mean() == pytest.approx(2 * factor[row], rel=0.02)
    np.testing.assert_allclose(augmented.clinical[:, CLINICAL_NAMES.index("qt_interval")], 400 / factor, rtol=1e-4)
    assert (augmented.clinical[:, CLINICAL_NAMES.index("age")] == 60).all()


def test_sinus_rhythm_is_relabelled_by_its_new_rate() -> None:
    augmented = augment(batch(), labels(), FS, STRETCH_ONLY, np.random.default_rng(0))
    rate = augmented.clinical[:, CLINICAL_NAMES.index("ventricular_rate")]
    np.testing.assert_array_equal(augmented.labels, np.where(rate < 59.5, SB, np.where(rate >= 100.5, ST, SR)))
    assert set(augmented.labels) == {SB, SR, ST}


def test_where_labels_do_not_follow_the_rate_a_sinus_rhythm_keeps_its_band() -> None:
    augmented = augment(batch(), labels(by_band=(SR, SR, SR)), FS, STRETCH_ONLY, np.random.default_rng(0))
    rate = augmented.clinical[:, CLINICAL_NAMES.index("ventricular_rate")]
    assert rate.min() >= 60 - 1e-3
    assert rate.max() <= 100 + 1e-3
    assert rate.std() > 5


def test_fibrillation_stays_fibrillation_at_any_rate() -> None:
    fibrillating = labels(80, "AFIB", (SR, SR, SR))
    augmented = augment(batch(), fibrillating, FS, STRETCH_ONLY, np.random.default_rng(0))
    assert (augmented.labels == SR).all()
    assert augmented.clinical[:, CLINICAL_NAMES.index("ventricular_rate")].std() > 5


def test_record_of_unknown_rate_is_not_stretched() -> None:
    augmented = augment(batch(), labels(np.nan), FS, STRETCH_ONLY, np.random.default_rng(0))
    torch.testing.assert_close(augmented.waveform, batch().waveform, atol=1e-4, rtol=0)


def test_crop_keeps_at_least_its_share_and_zeroes_the_rest() -> None:
    augmented = augment(batch(), labels(), FS, replace(NONE, crop=1.0), np.random.default_rng(0))
    assert 590 <= int(augmented.n_valid.min()) < 700
    beyond = torch.arange(1000) >= augmented.n_valid[:, None]
    assert not augmented.waveform[beyond[:, None].expand(-1, 12, -1)].any()


def test_lead_dropout_takes_whole_leads_and_never_all_at_its_default() -> None:
    augmented = augment(batch(), labels(), FS, replace(NONE, lead_dropout=1.0), np.random.default_rng(0))
    alive = augmented.waveform.abs().amax(dim=2) > 0
    assert 0.6 < float(alive.float().mean()) < 0.9
    assert bool(alive.any(dim=1).all())


def test_clinical_dropout_withholds_its_share() -> None:
    augmented = augment(batch(), labels(), FS, replace(NONE, clinical_dropout=0.3), np.random.default_rng(0))
    known = np.isfinite(batch().clinical)
    assert np.isnan(augmented.clinical[known]).mean() == pytest.approx(0.3, abs=0.05)


def test_clinical_absence_takes_whole_rows() -> None:
    augmented = augment(batch(), labels(), FS, replace(NONE, clinical_absence=0.3), np.random.default_rng(0))
    known, kept = np.isfinite(batch().clinical), np.isfinite(augmented.clinical)
    whole, absent = (kept == known).all(axis=1), ~kept.any(axis=1)
    assert (whole | absent).all()
    assert absent.mean() == pytest.approx(0.3, abs=0.08)


def test_same_seed_same_batch() -> None:
    first, again = (augment(batch(), labels(), FS, AugmentationSettings(), np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(first.waveform, again.waveform)
    np.testing.assert_array_equal(first.labels, again.labels)


def test_exchanged_electrodes_show_in_leads_and_axes_together() -> None:
    own = batch()
    waveform = own.waveform * torch.linspace(-1, 1.2, 12)[:, None]
    clinical = own.clinical.copy()
    clinical[:, CLINICAL_NAMES.index("r_axis")] = 40
    clinical[:, CLINICAL_NAMES.index("p_amplitude")] = 0.1
    own = own._replace(waveform=waveform, clinical=clinical)
    found = augment(own, labels(), FS, replace(NONE, lead_exchange=1.0), np.random.default_rng(0))
    seen = set()
    for row in range(N):
        apart = [
            float((torch.from_numpy(exchange_matrix(name)).float() @ waveform[row] - found.waveform[row]).abs().max())
            for name in EXCHANGES
        ]
        assert min(apart) < 1e-3
        name = EXCHANGES[int(np.argmin(apart))]
        seen.add(name)
        mirror, share = LIMB_MIRRORS.get(name, (80.0, 1.0))
        assert found.clinical[row, CLINICAL_NAMES.index("r_axis")] == pytest.approx(mirror - 40)
        assert found.clinical[row, CLINICAL_NAMES.index("p_amplitude")] == pytest.approx(0.1 * share)
    assert seen == set(EXCHANGES)
    assert (found.labels == SR).all()
    assert own.clinical[0, CLINICAL_NAMES.index("r_axis")] == 40


def test_the_share_asked_for_is_exchanged() -> None:
    found = augment(batch(), labels(), FS, replace(NONE, lead_exchange=0.25), np.random.default_rng(0))
    changed = (found.waveform - batch().waveform).abs().amax(dim=(1, 2)) > 1e-3
    # All leads of this batch are alike: an exchange of chest leads does not show, and that is half of them.
    assert 0.06 < changed.float().mean() < 0.19
