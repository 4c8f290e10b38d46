"""A classifier on an untrained network's features, which training must beat."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.models.build import build_model
from ecgml.models.rhythm_model import RhythmModel
from ecgml.records.leads import LEADS
from ecgml.training.checkpoint import Checkpoint

BATCH = 64

SETTLING = 512
"""Training windows on which the running means of batch normalisation settle, unlabelled."""


def predict_by_random_encoder(
    checkpoint: Checkpoint, store: WindowStore, train: RecordTable, test: RecordTable, seed: int
) -> NDArray[np.float64]:
    """Fit a logistic regression to waveform features of the model's network with random weights.

    Parameters
    ----------
    checkpoint : Checkpoint
        Whose architecture it is; its weights are not used.
    store : WindowStore
    train : RecordTable
        Usable records, harmonised labels.
    test : RecordTable
    seed : int
        Of the weights.

    Returns
    -------
    y_prob : ndarray, shape (n_test, n_classes)
        NaN where a record has no window.
    """
    n_features, n_classes = checkpoint.encoder.n_out, len(checkpoint.classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model(checkpoint.model_name, len(LEADS), n_features, n_classes, checkpoint.model).to(store.device)
        _settle(model, store, train.first_window[:SETTLING], n_features)
    x = _features(model, store, train.first_window, n_features)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced"))
    classifier.fit(x, train.y_harmonised)
    y_prob = np.zeros((len(test), n_classes))
    has_window = test.n_windows > 0
    y_prob[np.ix_(has_window, classifier.classes_)] = classifier.predict_proba(
        _features(model, store, test.first_window[has_window], n_features)
    )
    y_prob[~has_window] = np.nan
    return y_prob


def _settle(model: nn.Module, store: WindowStore, windows: NDArray[np.int64], n_features: int) -> None:
    for layer in model.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.momentum = None  # the mean over all batches
    model.train()
    with torch.no_grad():
        for start in range(0, len(windows) - 1, BATCH):
            _forward(model, store, windows[start : start + BATCH], n_features)
    model.eval()


def _features(
    model: RhythmModel, store: WindowStore, windows: NDArray[np.int64], n_features: int
) -> NDArray[np.float32]:
    """Return the pooled features of each window, shape (n_windows, n_features)."""
    features: list[Tensor] = []
    hook = model.pooling.register_forward_hook(lambda module, inputs, output: features.append(output.float().cpu()))
    with torch.inference_mode():
        for start in range(0, len(windows), BATCH):
            _forward(model, store, windows[start : start + BATCH], n_features)
    hook.remove()
    return torch.cat(features).numpy()


def _forward(model: nn.Module, store: WindowStore, windows: NDArray[np.int64], n_features: int) -> None:
    waveform, n_valid = store.take(windows)
    mask = (torch.arange(waveform.shape[2], device=waveform.device) < n_valid[:, None]).float()
    model(waveform, mask, torch.zeros(len(waveform), n_features, device=waveform.device))
