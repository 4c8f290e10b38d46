"""The untrained network: of its seed alone, and it sees what is plain to see."""

from __future__ import annotations

import numpy as np
import torch

from ecgml.pipeline.audit.random_encoder import predict_by_random_encoder
from ecgml.records.leads import LEADS
from tests.datasets.tables import make_table
from tests.untrained import untrained_checkpoint


class Spikes:
    """A store of spike trains, of as many spikes as the label says."""

    device = torch.device("cpu")

    def __init__(self, labels: np.ndarray) -> None:
        self._waveform = 0.05 * torch.randn(len(labels), len(LEADS), 500, generator=torch.Generator().manual_seed(0))
        for row, label in enumerate(labels):
            self._waveform[row, :, :: 250 // (1 + 4 * int(label))] += 2.0

    def take(self, windows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        return self._waveform[windows], torch.full((len(windows),), 500)


def test_it_is_of_its_seed_and_tells_spike_trains_apart() -> None:
    labels = np.arange(120) % 2
    table, store = make_table(labels), Spikes(labels)
    train, test = table[np.arange(80)], table[np.arange(80, 120)]
    model = untrained_checkpoint()
    before = torch.get_rng_state()
    first, again = (predict_by_random_encoder(model, store, train, test, 3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first.argmax(axis=1) == test.y_harmonised).mean() > 0.8  # chance: 0.5
    assert first.shape == (40, 4)
    assert not first[:, 2:].any()
    assert torch.equal(before, torch.get_rng_state())


def test_a_record_without_windows_has_no_probabilities() -> None:
    labels = np.arange(60) % 2
    table = make_table(labels, n_windows=np.where(np.arange(60) == 59, 0, 1))
    found = predict_by_random_encoder(
        untrained_checkpoint(), Spikes(labels), table[np.arange(50)], table[np.arange(50, 60)], 0
    )
    assert np.isnan(found[-1]).all()
    assert np.isfinite(found[:-1]).all()
