"""Files predicted several at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.errors import RecordError
from ecgml.inference.predictor import Prediction, Predictor
from ecgml.pipeline.predict import predict
from ecgml.records.readers.options import ReadOptions
from ecgml.records.reading import read_record
from tests.untrained import untrained_checkpoint


def test_each_file_has_its_own_answer_in_the_order_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three at once, of seven files: one unreadable, one too short, and an end that is not full."""
    paths = []
    for index in range(7):
        waveform = simulate_record(("SR", "AFIB")[index % 2], np.random.default_rng(index)).waveform
        paths.append(tmp_path / f"{index}.npy")
        np.save(paths[-1], waveform[:, :100] if index == 4 else waveform)
    paths[2].write_bytes(b"no waveform")
    predictor = Predictor(untrained_checkpoint())
    monkeypatch.setattr(predict, "FILES_AT_ONCE", 3)
    outcomes = list(predict.predict_files(predictor, paths, ReadOptions(500.0, "mV", None), print))
    assert [path for path, _ in outcomes] == paths
    for index, (path, outcome) in enumerate(outcomes):
        if index in (2, 4):
            assert isinstance(outcome, RecordError)
            continue
        assert isinstance(outcome, Prediction)
        alone = predictor.predict([read_record(path, fs=500.0, unit="mV")])[0]
        assert outcome.name == path.name
        assert outcome.probabilities == pytest.approx(alone.probabilities, abs=1e-6)
        assert outcome.intervals == alone.intervals
        assert outcome.notes == alone.notes
