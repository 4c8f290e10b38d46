"""Explanations: complete, where the signal is, of the trained model and no other; serving does without them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from ecgml.calibration.calibration import Calibration
from ecgml.calibration.scaling import Scaling
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.inference.explanations import Explainer, Inputs, delete, likeness, randomised, smoothed
from ecgml.models.build import build_model
from ecgml.models.rhythm_model import RhythmModel
from ecgml.models.settings import ModelSettings
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.schemes import scheme_named
from ecgml.training.checkpoint import Checkpoint

FS, N_TIMES = 100.0, 500
MODEL = ModelSettings(trunk_width=8, gru_width=4, clinical_width=4)


def checkpoint(name: str = "fusion") -> Checkpoint:
    rows = np.random.default_rng(0).normal(50, 10, size=(40, len(CLINICAL_NAMES))).astype(np.float32)
    encoder, classes = ClinicalEncoder.fit(rows), scheme_named("groups").classes
    torch.manual_seed(0)
    model = build_model(name, len(LEADS), encoder.n_out, len(classes), MODEL)
    # Not one number for all classes: what explains must scale as what answers.
    calibration = Calibration(Scaling((0.7, 0.6, 0.9, 0.5), (0.2, 0.0, -0.3, 0.1)))
    return Checkpoint(name, MODEL, PreprocessingSettings(), "groups", classes, encoder, model.state_dict(), calibration)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    random = np.random.default_rng(1)
    waveform = random.normal(0, 0.2, size=(3, len(LEADS), N_TIMES)).astype(np.float32)
    waveform[1, 4] = 0
    waveform[2, :, 400:] = 0
    clinical = random.normal(50, 10, size=(3, len(CLINICAL_NAMES))).astype(np.float32)
    clinical[:, 3] = np.nan
    return Inputs(waveform, np.array([N_TIMES, N_TIMES, 400]), clinical)


@pytest.mark.parametrize("name", ["fusion", "baseline"])
def test_attributions_add_up_to_what_they_explain(name: str, inputs: Inputs) -> None:
    """Completeness (Sundararajan et al. 2017): up to the error of the integral, which finer steps make smaller."""
    explainer, labels = Explainer(checkpoint(name)), np.array([0, 1, 3])
    found = explainer.attribute(inputs, labels, 256)
    assert np.abs(found.residual).max() < 0.02 * np.abs(found.log_odds - found.baseline).max() + 1e-3
    y_prob = explainer.probabilities(inputs)[np.arange(3), labels]
    np.testing.assert_allclose(found.log_odds, np.log(y_prob / (1 - y_prob)), atol=1e-4)


def test_what_is_not_there_explains_nothing(inputs: Inputs) -> None:
    found = Explainer(checkpoint()).attribute(inputs, np.zeros(3, dtype=int), 8)
    assert not found.waveform[1, 4].any(), "a missing lead"
    assert not found.waveform[2, :, 400:].any(), "behind the end"
    assert not found.clinical[:, 3].any(), "a missing value"
    assert found.clinical[:, 0].all()


def test_a_baseline_model_owes_nothing_to_clinical_values(inputs: Inputs) -> None:
    assert not Explainer(checkpoint("baseline")).attribute(inputs, np.zeros(3, dtype=int), 8).clinical.any()


def test_the_scale_of_a_record_changes_neither_answer_nor_explanation(inputs: Inputs) -> None:
    explainer, labels = Explainer(checkpoint()), np.zeros(3, dtype=int)
    louder = Inputs(3 * inputs.waveform, inputs.n_valid, inputs.clinical)
    once, again = (explainer.attribute(one, labels, 8) for one in (inputs, louder))
    np.testing.assert_allclose(once.waveform, again.waveform, atol=1e-5)


def test_randomisation_cascades_to_maps_that_share_nothing(inputs: Inputs) -> None:
    explainer, labels = Explainer(checkpoint()), np.zeros(3, dtype=int)
    before = {name: one.clone() for name, one in explainer.model.state_dict().items()}
    own = smoothed(explainer.attribute(inputs, labels, 8).waveform, FS)
    present = np.ones(own[0].shape, dtype=bool)
    assert likeness(own[0], own[0], present) == pytest.approx((1.0, 1.0))
    names, last = [], None
    for name, other in randomised(explainer):
        names.append(name)
        last = other
    assert names == ["classifier", "clinical MLP", "pooling", "GRU", "deeper half of the CNN", "whole CNN"]
    maps = smoothed(last.attribute(inputs, labels, 8).waveform, FS)
    assert np.mean([abs(likeness(a, b, present)[0]) for a, b in zip(own, maps, strict=True)]) < 0.5
    after, random = explainer.model.state_dict(), last.model.state_dict()
    assert all(torch.equal(before[name], one) for name, one in after.items()), "the model itself is left alone"
    unchanged = [name for name, one in random.items() if one.ndim > 1 and torch.equal(one, before[name])]
    assert unchanged == [], "every layer was made random"


class Listener(RhythmModel):
    """A model that hears one stretch of lead I alone: its class 0 rises with the power between 2 and 2.5 s."""

    def from_normalised(self, waveform: torch.Tensor, mask: torch.Tensor, clinical: torch.Tensor) -> torch.Tensor:
        heard = waveform[:, 0, 200:250].square().mean(dim=1)
        return torch.stack([heard, *3 * [torch.zeros_like(heard)]], dim=1)


def test_masking_what_is_marked_hurts_and_masking_at_random_does_not(inputs: Inputs) -> None:
    """The truth is known here: all of the answer is in half a second of lead I."""
    explainer, labels = Explainer(checkpoint(), model=Listener(12, 3, 4, MODEL)), np.zeros(3, dtype=int)
    found = explainer.attribute(inputs, labels, 16)
    inside = found.waveform[:, 0, 200:250].sum()
    assert inside == pytest.approx(found.waveform.sum(), rel=1e-4)
    fallen = delete(explainer, inputs, labels, found, FS, share=0.1)
    assert (fallen.marked > 0.1).all()
    assert (fallen.marked > 3 * fallen.at_random).all()


def test_numbers_of_an_encoded_row_have_owners() -> None:
    """An angle has two numbers; each column has a flag behind all values."""
    owners = checkpoint().encoder.owners
    n_angles = sum(column.circular for column in CLINICAL_COLUMNS)
    assert len(owners) == 2 * len(CLINICAL_COLUMNS) + n_angles == checkpoint().encoder.n_out
    expected = [3 if column.circular else 2 for column in CLINICAL_COLUMNS]
    assert np.bincount(owners).tolist() == expected
    rows = np.full((2, len(CLINICAL_COLUMNS)), 40, dtype=np.float32)
    for index, column in enumerate(CLINICAL_COLUMNS):
        changed = rows.copy()
        changed[1, index] = np.nan
        encoded = checkpoint().encoder.encode(changed)
        assert set(owners[encoded[0] != encoded[1]].tolist()) == {index}, column.name


def test_smoothing_keeps_sums_and_stays_in_place() -> None:
    spike = np.zeros((1, 201), dtype=np.float32)
    spike[0, 100] = 1
    found = smoothed(spike, FS)[0]
    assert found.sum() == pytest.approx(1, abs=1e-4)
    assert found.argmax() == 100
    np.testing.assert_allclose(found[[96, 104]] / found.max(), 0.5, atol=0.01)  # 80 ms at half height


@pytest.mark.slow
def test_serving_does_not_load_captum() -> None:
    code = "import sys, ecgml.inference.predictor, ecgml.service.pyfunc; print('captum' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
