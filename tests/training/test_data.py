"""What training sees of a table: harmonised labels, given values before measured ones, each record its own windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecgml.datasets.settings import AugmentationSettings
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.training.data import clinical_values, fit_encoder, training_batches
from ecgml.training.predict import windows_of
from tests.datasets.tables import make_table
from tests.training.test_fit import make_data

AGE, RATE = CLINICAL_NAMES.index("age"), CLINICAL_NAMES.index("ventricular_rate")
NOTHING = AugmentationSettings(
    augmentation=0, time_stretch=0, crop=0, lead_dropout=0, lead_exchange=0, clinical_dropout=0, clinical_absence=0,
    simulated_records=0,
)  # fmt: skip


def test_what_is_given_comes_before_what_is_measured() -> None:
    table = make_table([0, 1, 0])
    given, measured = table.given.copy(), table.measured.copy()
    given[:2, RATE], measured[1:, RATE] = (70, 71), (51, 52)
    table = replace(table, given=given, measured=measured)
    assert clinical_values(table)[:, RATE].tolist() == [70, 71, 52]
    withheld = clinical_values(table, np.zeros(3, dtype=bool))[:, RATE]
    np.testing.assert_array_equal(withheld, [np.nan, 51, 52])


def test_encoder_knows_the_training_records_alone() -> None:
    table = make_table([0, 1, 0])
    given = table.given.copy()
    given[:, AGE] = 20, 40, 90
    encoder = fit_encoder(replace(table, given=given)[:2])
    assert encoder.center[AGE] == 30
    assert encoder.scale[AGE] == pytest.approx(10)


def test_batches_carry_harmonised_labels_beside_their_own_waveforms() -> None:
    """Class 1 are sines of 5 Hz, class 0 of 2 Hz: the spectrum tells which record a row is."""
    data = make_data()
    data = replace(data, train=replace(data.train, y_written=np.zeros_like(data.train.y_written)))
    seen = []
    for batch in training_batches(data, NOTHING, 16, 1.0, np.random.default_rng(0)):
        waveform, _ = data.store.take(batch.windows)
        power = np.abs(np.fft.rfft(waveform.numpy().mean(axis=1))) ** 2
        is_fast = power[:, 20] > power[:, 8]  # 0.25 Hz a bin
        np.testing.assert_array_equal(batch.labels, is_fast.astype(int))
        seen += batch.labels.tolist()
    assert np.mean(seen) == pytest.approx(0.5)


def test_clinical_values_of_a_batch_are_those_of_its_records() -> None:
    data = make_data()
    given = data.train.given.copy()
    given[:, AGE] = 30 + 40 * data.train.y_harmonised
    data = replace(data, train=replace(data.train, given=given))
    for batch in training_batches(data, NOTHING, 16, 0.0, np.random.default_rng(0)):
        np.testing.assert_array_equal(batch.clinical[:, AGE], 30 + 40 * batch.labels)


def test_windows_are_numbered_by_record() -> None:
    windows, owner = windows_of(np.array([3, 10, 5]), np.array([2, 0, 3]))
    assert windows.tolist() == [3, 4, 5, 6, 7]
    assert owner.tolist() == [0, 0, 2, 2, 2]
