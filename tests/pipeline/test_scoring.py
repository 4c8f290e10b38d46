"""Which part each figure after training is fitted to, and what predictions carry of their records."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ecgml.calibration.abstention import ODDITIES, Abstention, Distribution
from ecgml.calibration.calibration import Calibration
from ecgml.calibration.conformal import fit_conformal
from ecgml.calibration.scaling import Scaling, fit_scaling
from ecgml.calibration.settings import CalibrationSettings
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.pipeline.job.scoring import answers_of, calibrate, to_predictions, window_logits
from ecgml.preprocessing.shapes import window_shapes
from ecgml.records.clinical import CLINICAL_NAMES
from tests.datasets.tables import make_table

N_TIMES, FS = 200, 50.0
ENCODER = ClinicalEncoder.fit(np.full((3, len(CLINICAL_NAMES)), np.nan, dtype=np.float32))


class Reader(nn.Module):
    """A model whose logits stand in the waveform: the mean of the first two leads, in mV."""

    def forward(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        return waveform[:, :2].mean(dim=2)


def parts_of(seed: int) -> tuple[WindowStore, RecordTable, RecordTable, RecordTable]:
    """Return a store and tables of 40 train, 60 val and 80 calibration records; val's logits are three times too sure.

    Of val a third is of class 1, of calibration a half.
    """
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(40) % 2, np.arange(60) % 3 == 0, np.arange(80) % 2]).astype(int)
    logits = 1.5 * rng.normal(size=(180, 2))
    logits[np.arange(180), labels] += 1.5
    logits[40:100] *= 3
    windows = np.zeros((180, 12, N_TIMES), dtype=np.int16)
    windows[:, :2] = np.rint(1000 * logits)[:, :, None]
    n_valid = np.full(180, N_TIMES, dtype=np.int32)
    shapes, n_leads = window_shapes(windows, n_valid, FS)
    cache = SimpleNamespace(windows=windows, n_valid=n_valid, shapes=shapes, n_leads=n_leads)
    table = make_table(labels)
    return WindowStore([cache], torch.device("cpu")), table[:40], table[40:100], table[100:]


def test_scaling_is_of_validation_and_sets_are_of_calibration() -> None:
    store, train, val, held_out = parts_of(0)
    found = calibrate(Reader(), store, ENCODER, (train, val, held_out), 2, CalibrationSettings())
    logits = {name: store.steps(part.first_window)[:, :2, 0] / 1000 for name, part in (("val", val), ("cal", held_out))}
    scaling = fit_scaling(logits["val"].astype(np.float64), val.y_harmonised, np.arange(60))
    np.testing.assert_allclose(found.scaling.scale, scaling.scale, rtol=1e-4)
    powers = np.exp(scaling(logits["cal"]))
    expected = fit_conformal(powers / powers.sum(axis=1, keepdims=True), held_out.y_harmonised, 0.9)
    assert found.conformal.n_records == (40, 40)
    np.testing.assert_allclose(found.conformal.thresholds, expected.thresholds, atol=1e-4)
    assert max(found.conformal.thresholds) < 1


def test_each_fit_heeds_its_own_part_alone() -> None:
    """Other labels in one part: only what is fitted to that part may change."""
    store, train, val, held_out = parts_of(1)

    def turned(table: RecordTable) -> RecordTable:
        return replace(table, y_harmonised=1 - table.y_harmonised)

    def fitted(*parts: RecordTable) -> tuple[Scaling, object]:
        found = calibrate(Reader(), store, ENCODER, parts, 2, CalibrationSettings())
        return found.scaling, found.conformal

    scaling, conformal = fitted(train, val, held_out)
    assert fitted(turned(train), val, held_out) == (scaling, conformal)
    other_scaling, other_conformal = fitted(train, val, turned(held_out))
    assert other_scaling == scaling
    assert other_conformal != conformal
    assert fitted(train, turned(val), held_out)[0] != scaling
    written = [replace(one, y_written=1 - one.y_written) for one in (train, val, held_out)]
    assert fitted(*written) == (scaling, conformal)


def test_predictions_carry_written_labels_unless_harmonised_ones_are_asked_for() -> None:
    table = make_table([0, 1, 0], y_harmonised=np.array([1, 1, 0]))
    y_prob = np.full((3, 2), 0.5)
    assert to_predictions(table, y_prob, ("A", "B")).y_true.tolist() == [0, 1, 0]
    assert to_predictions(table, y_prob, ("A", "B"), harmonised=True).y_true.tolist() == [1, 1, 0]


def test_records_of_one_patient_are_one_group_of_the_bootstrap() -> None:
    """Not every record alone, nor what a source keeps together without naming a patient."""
    table = make_table([0, 1, 0, 1], patients=np.array([5, 5, 6, 7]), blocks=np.array([1, 1, 2, 2]))
    groups = to_predictions(table, np.full((4, 2), 0.5), ("A", "B")).groups
    assert groups[0] == groups[1]
    assert len(set(groups)) == 3


def test_an_unusable_record_is_neither_answered_nor_left_out() -> None:
    store, _, val, _ = parts_of(2)
    table = replace(val[:3], n_windows=np.array([1, 0, 1]), usable=np.array([True, False, True]))
    said = window_logits(Reader(), store, table, ENCODER, 2)
    y_prob = said.y_prob(Calibration.none(2))
    assert np.isnan(y_prob).any(axis=1).tolist() == [False, True, False]
    calibration = calibrate(Reader(), store, ENCODER, (val, val, val), 2, CalibrationSettings())
    endless = Distribution((-1e9, 1e9), (1.0, 0.01))
    abstention = Abstention(0.95, 0.1, (endless,) * len(ODDITIES))
    answers = answers_of(said, replace(calibration, abstention=abstention), store, table)
    assert answers.reasons[1] == "could not be used"
    assert answers.sets[1].all()
    assert answers.certainty[1] == 0


@pytest.mark.parametrize("n_windows", [1, 3])
def test_a_records_windows_are_averaged_as_probabilities(n_windows: int) -> None:
    store, _, val, _ = parts_of(3)
    table = replace(val[:1], n_windows=np.array([n_windows]))
    logits = store.steps(val.first_window[:n_windows])[:, :2, 0] / 1000
    powers = np.exp(logits)
    expected = (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0)
    y_prob = window_logits(Reader(), store, table, ENCODER, 2).y_prob(Calibration.none(2))
    np.testing.assert_allclose(y_prob[0], expected, atol=1e-6)
