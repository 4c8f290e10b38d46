"""The Predictor says of a record what evaluation says of it, however long it is, and heeds what the client gives."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ecgml.calibration.abstention import ODDITIES, Abstention, Distribution
from ecgml.calibration.calibration import Calibration
from ecgml.calibration.conformal import ConformalSets
from ecgml.calibration.rate_bands import RateBands
from ecgml.calibration.scaling import Scaling
from ecgml.cohorts.simulation.record import simulate_record
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.store import WindowStore
from ecgml.datasets.windows import cut_windows
from ecgml.inference.predictor import Predictor
from ecgml.pipeline.job.scoring import answers_of, window_logits
from ecgml.preprocessing.preprocess import preprocess
from ecgml.preprocessing.shapes import window_shapes
from ecgml.records.clinical import CLINICAL_NAMES, clinical_row
from ecgml.records.record import Record
from ecgml.training.checkpoint import Checkpoint
from tests.datasets.tables import make_table
from tests.untrained import untrained_checkpoint

SCALING = Scaling((0.5, 3.0, 1.5, 0.8), (0.4, -0.3, 0.2, 0.0))
RATE_BANDS = RateBands((None, (False, False, True), (True, False, False), (False, True, False)))
ENDLESS = Distribution((-1e9, 1e9), (1.0, 0.01))
ABSTENTION = Abstention(0.95, 0.9, (ENDLESS,) * len(ODDITIES))


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    """Return an untrained model with an encoder, a scaling, sets and an abstention that all show."""
    rows = np.random.default_rng(0).normal(0.5, 0.3, (40, len(CLINICAL_NAMES))).astype(np.float32)
    rows[:, 0] *= 100
    made = untrained_checkpoint()
    conformal = ConformalSets(0.9, (0.72, 0.75, 0.77, 0.8), (20, 20, 20, 20))
    calibration = Calibration(SCALING, conformal, ABSTENTION, RATE_BANDS)
    return replace(made, encoder=ClinicalEncoder.fit(rows), calibration=calibration)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Return records of 6, 10 and 25 s: padded, just one window, and three of them."""
    made = simulate_record("SR", np.random.default_rng(1)).waveform
    af = simulate_record("AFIB", np.random.default_rng(2)).waveform
    long = np.concatenate([af, made, af[:, :2500]], axis=1)
    given = {"age": 71.0, "sex": 1.0}
    return [Record(one, 500.0, f"r{n}", given=given) for n, one in enumerate((made[:, :3000], af, long))]


def test_windows_are_those_of_the_cache_to_the_last_step(checkpoint: Checkpoint, records: list[Record]) -> None:
    for record in records:
        prepared = Predictor(checkpoint).prepare(record)
        windows, n_valid = cut_windows(preprocess(record, checkpoint.preprocessing).waveform, 1000)
        assert prepared.windows.dtype == np.int16
        np.testing.assert_array_equal(prepared.windows, windows)
        np.testing.assert_array_equal(prepared.n_valid, n_valid)


def test_answers_are_those_of_the_evaluation(checkpoint: Checkpoint, records: list[Record]) -> None:
    """Through cache, store, table and scoring: probabilities, sets, abstention and reasons."""
    ready = [preprocess(record, checkpoint.preprocessing) for record in records]
    cut = [cut_windows(one.waveform, 1000) for one in ready]
    windows, n_valid = (np.concatenate(parts) for parts in zip(*cut, strict=True))
    shapes, n_leads = window_shapes(windows, n_valid, checkpoint.preprocessing.fs)
    cache = SimpleNamespace(windows=windows, n_valid=n_valid, shapes=shapes, n_leads=n_leads)
    counts = np.array([len(windows) for windows, _ in cut])
    table = make_table(
        [0, 1, 2],
        given=np.stack([clinical_row(record.given, {})[0] for record in records]),
        measured=np.stack([clinical_row({}, one.measured)[0] for one in ready]),
        first_window=np.cumsum(counts) - counts,
        n_windows=counts,
    )
    store = WindowStore([cache], torch.device("cpu"))
    model = checkpoint.build()
    said = window_logits(model, store, table, checkpoint.encoder, 4)
    answers = answers_of(said, checkpoint.calibration, store, table)
    predictor = Predictor(checkpoint)
    predicted = predictor.predict(records)
    y_prob = np.array([list(one.probabilities.values()) for one in predicted])
    np.testing.assert_allclose(y_prob, said.y_prob(checkpoint.calibration), atol=1e-6)
    np.testing.assert_allclose(predictor.probabilities([predictor.prepare(one) for one in records]), y_prob, atol=1e-9)
    assert [one.rhythm for one in predicted] == [checkpoint.classes[label] for label in y_prob.argmax(axis=1)]
    sets = [tuple(np.array(checkpoint.classes)[row]) for row in answers.sets]
    assert [one.rhythm_set for one in predicted] == sets
    assert [one.reason for one in predicted] == list(answers.reasons)
    assert [one.abstained for one in predicted] == answers.abstained.tolist()
    assert answers.abstained.any()


def test_length_of_a_padded_record_is_told_to_the_model(checkpoint: Checkpoint, records: list[Record]) -> None:
    """What was padded is no silence that was recorded: worked out again with the mask of 6 of 10 s."""
    predictor, record = Predictor(checkpoint), records[0]
    prepared = predictor.prepare(record)
    model, encoder = checkpoint.build(), checkpoint.encoder
    waveform = torch.from_numpy(prepared.windows.astype(np.float32) / 1000)
    clinical = torch.from_numpy(encoder.encode(prepared.clinical[None]))

    def probabilities(n_valid: int) -> np.ndarray:
        with torch.inference_mode():
            logits = model(waveform, (torch.arange(1000) < n_valid).float()[None], clinical).double().numpy()
        powers = np.exp(logits * SCALING.scale + SCALING.bias)
        return RATE_BANDS(powers / powers.sum(), np.array([prepared.rate]))

    found = predictor.probabilities([prepared])
    np.testing.assert_allclose(found, probabilities(600), atol=1e-6)
    assert np.abs(found - probabilities(1000)).max() > 1e-4


def test_what_the_client_gives_beats_what_the_record_brings(checkpoint: Checkpoint, records: list[Record]) -> None:
    (answer,) = Predictor(checkpoint).predict(records[:1], [{"age": 40.0, "ventricular_rate": 88.0}])
    assert (answer.clinical["age"], answer.clinical["sex"], answer.clinical["ventricular_rate"]) == (40, 1, 88)
    assert [answer.origins[name] for name in ("age", "sex", "ventricular_rate", "r_axis")] == [
        "given", "given", "given", "measured",
    ]  # fmt: skip
