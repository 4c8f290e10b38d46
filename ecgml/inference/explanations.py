"""What a model's answer rests on: integrated gradients over waveform and clinical row, and whether to believe them.

Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365; captum's) divide a difference of the model's output
among its inputs. Output: the log-odds of a class after calibration, which unlike a probability does not saturate.
Baseline: nothing known, that is a waveform of zeros, which is what a missing lead is in training, and every clinical
value missing. Both are inputs that the model knows, so their difference means "what this record told".

Where we differ: the path begins behind the model's `normalise`. Scaling a record does not change what the model
sees, so along a path of growing amplitude all of the change would fall into its first steps.

What zero-baseline gradients cannot show: they are a product with the signal, so a stretch where nothing is seen (no P
wave) gets little, however much it tells.

Imported by the pipeline alone: serving must not load captum.

B batch, L leads, T time, F encoded clinical numbers, K classes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.stats import spearmanr
from torch import Tensor, nn

from ecgml.models.rhythm_model import RhythmModel
from ecgml.training.checkpoint import Checkpoint
from ecgml.training.device import one_thread

N_STEPS = 64
"""Points of the path; on real records the sum of attributions then misses the difference by about a percent."""

SMOOTHING_MS = 80.0
"""Full width at half maximum of what is drawn and masked: a QRS complex; a single time point means nothing."""

BATCH = 64
"""Points of the path in one pass."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Windows and clinical rows to explain, one a record.

    Parameters
    ----------
    waveform : ndarray of float32, shape (n_records, n_leads, n_times)
        In mV, zero where a lead is missing and behind the recording's end.
    n_valid : ndarray of int64, shape (n_records,)
        Time points recorded.
    clinical : ndarray of float32, shape (n_records, n_features)
        Not encoded; NaN where missing.
    """

    waveform: NDArray[np.float32]
    n_valid: NDArray[np.int64]
    clinical: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.waveform)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Inputs:
        return Inputs(self.waveform[rows], self.n_valid[rows], self.clinical[rows])


@dataclass(frozen=True, eq=False)
class Attributions:
    """How much each input raised the log-odds of a class; natural logarithm.

    Parameters
    ----------
    waveform : ndarray of float32, shape (n_records, n_leads, n_times)
    clinical : ndarray of float32, shape (n_records, n_features)
    log_odds, baseline : ndarray, shape (n_records,)
        Of the class, for the record and for nothing known.
    """

    waveform: NDArray[np.float32]
    clinical: NDArray[np.float32]
    log_odds: NDArray[np.float64]
    baseline: NDArray[np.float64]

    @property
    def residual(self) -> NDArray[np.float64]:
        """What the sum of attributions misses of ``log_odds - baseline``, shape (n_records,)."""
        total = self.waveform.sum(axis=(1, 2), dtype=np.float64) + self.clinical.sum(axis=1, dtype=np.float64)
        return total - (self.log_odds - self.baseline)


class Explainer:
    """A model whose answers can be explained.

    Parameters
    ----------
    checkpoint : Checkpoint
    device : torch.device or str
    model : RhythmModel, optional
        Instead of the checkpoint's own, in evaluation mode: for :func:`randomised`.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device | str = "cpu", model: RhythmModel | None = None):
        self.checkpoint = checkpoint
        self.device = torch.device(device)
        self.model = checkpoint.build(self.device) if model is None else model
        self.model.requires_grad_(False)
        scaling = checkpoint.calibration.scaling
        self._scale, self._bias = (
            torch.tensor(values, dtype=torch.float32, device=self.device) for values in (scaling.scale, scaling.bias)
        )

    def probabilities(self, inputs: Inputs) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n_records, n_classes)."""
        batches = []
        for start in range(0, len(inputs), BATCH):
            waveform, mask, clinical = self._tensors(inputs[start : start + BATCH])
            with torch.inference_mode(), one_thread():
                logits = self._logits(waveform, mask, clinical)
            batches.append(logits.double().softmax(dim=1).cpu().numpy())
        return np.concatenate(batches)

    def attribute(self, inputs: Inputs, labels: NDArray[np.int64], n_steps: int = N_STEPS) -> Attributions:
        """Return what raised the log-odds of a class, by integrated gradients.

        Parameters
        ----------
        inputs : Inputs
        labels : ndarray of int64, shape (n_records,)
            The class to explain of each.
        n_steps : int
            Points of the path (Gauss-Legendre).
        """
        with one_thread():
            parts = [
                self._attribute_one(inputs[row : row + 1], int(labels[row]), n_steps) for row in range(len(inputs))
            ]
        waveform, encoded, log_odds, baseline = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        owners = self.checkpoint.encoder.owners
        clinical = np.zeros((len(inputs), inputs.clinical.shape[1]), dtype=np.float32)
        np.add.at(clinical.T, owners, encoded.T)  # a value, or an angle's two, and its flag
        return Attributions(waveform, clinical, log_odds.astype(np.float64), baseline.astype(np.float64))

    def _attribute_one(self, inputs: Inputs, label: int, n_steps: int) -> tuple[NDArray[np.float32], ...]:
        waveform, mask, clinical = self._tensors(inputs)
        nothing = torch.zeros_like(waveform), self._encode(np.full_like(inputs.clinical, np.nan))

        def log_odds(waveform: Tensor, clinical: Tensor, mask: Tensor) -> Tensor:
            logits = self._logits(waveform, mask, clinical)
            rest = torch.arange(logits.shape[1], device=logits.device) != label
            # A model of the waveform leaves the clinical row alone; a gradient is asked for all the same.
            return logits[:, label] - logits[:, rest].logsumexp(dim=1) + 0 * clinical.sum(dim=1)

        # cuDNN's recurrence has no backward pass in evaluation mode.
        with torch.backends.cudnn.flags(enabled=False):
            attributions = IntegratedGradients(log_odds).attribute(
                (waveform, clinical),
                baselines=nothing,
                additional_forward_args=(mask,),
                n_steps=n_steps,
                internal_batch_size=BATCH,
            )
        with torch.inference_mode():
            ends = log_odds(waveform, clinical, mask), log_odds(*nothing, mask)
        return tuple(tensor.detach().cpu().float().numpy() for tensor in (*attributions, *ends))

    def _logits(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        """Return calibrated logits (B, K)."""
        return self.model.from_normalised(waveform, mask, clinical) * self._scale + self._bias

    def _tensors(self, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
        """Return waveform (B, L, T) as the network gets it, mask (B, T) and encoded row (B, F)."""
        waveform = torch.from_numpy(inputs.waveform).to(self.device)
        times = np.arange(inputs.waveform.shape[2]) < inputs.n_valid[:, None]
        mask = torch.from_numpy(times.astype(np.float32)).to(self.device)
        return self.model.normalise(waveform, mask), mask, self._encode(inputs.clinical)

    def _encode(self, clinical: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(self.checkpoint.encoder.encode(clinical)).to(self.device)


def smoothed(attribution: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """Smooth attributions in time to :data:`SMOOTHING_MS`; the last axis is time, fs in Hz."""
    return gaussian_filter1d(attribution, SMOOTHING_MS / 1000 * fs / 2.355, axis=-1, mode="constant")


def randomised(explainer: Explainer, seed: int = 0) -> Iterator[tuple[str, Explainer]]:
    """Give the model with ever more of its layers made random, from the output backwards.

    Cascading randomisation of Adebayo et al. 2018 (arXiv 1810.03292). Running means of batch normalisation stay, so
    that activations keep their size.

    Yields
    ------
    name : str
        The part that was made random last.
    explainer : Explainer
    """
    model = copy.deepcopy(explainer.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, modules in model.parts():
            for layer in (layer for module in modules for layer in module.modules()):
                reset = getattr(layer, "reset_parameters", None)
                if reset is not None and not isinstance(layer, nn.modules.batchnorm._BatchNorm):
                    reset()
            yield name, Explainer(explainer.checkpoint, explainer.device, copy.deepcopy(model).eval())


def likeness(a: NDArray[np.float32], b: NDArray[np.float32], present: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the rank correlation of two maps with their signs, and of their sizes alone.

    Parameters
    ----------
    a, b : ndarray, shape (n_leads, n_times)
        Smoothed.
    present : ndarray of bool, shape (n_leads, n_times)
        Where there is a signal: what is zero in both would look alike.

    Returns
    -------
    signed, size : float
        Spearman's; 0 where a map is the same everywhere.
    """
    first, second = a[present], b[present]
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0, 0.0
    return float(spearmanr(first, second)[0]), float(spearmanr(np.abs(first), np.abs(second))[0])


SEGMENT_MS = 100.0
"""Length of the stretches that are masked."""


@dataclass(frozen=True, eq=False)
class Deletion:
    """By how much the class's probability fell when stretches of all leads were masked; shape (n_records,) each."""

    marked: NDArray[np.float64]
    """Those that the explanation marks most."""
    at_random: NDArray[np.float64]
    """As many at random, mean of several draws."""
    loudest: NDArray[np.float64]
    """As many of the highest signal power: what an explanation that only follows the signal's size would mark."""


def delete(
    explainer: Explainer,
    inputs: Inputs,
    labels: NDArray[np.int64],
    attributions: Attributions,
    fs: float,
    share: float = 0.15,
    n_draws: int = 8,
    seed: int = 0,
) -> Deletion:
    """Mask what explanations mark, and as much at random, and see what it does to the probability.

    Stretches are set to zero in all leads, as a lead that is missing.

    Parameters
    ----------
    explainer : Explainer
    inputs : Inputs
    labels : ndarray of int64, shape (n_records,)
        The class that was explained.
    attributions : Attributions
        Of these inputs and labels.
    fs : float
        Hz.
    share : float
        Of the recorded time.
    n_draws : int
        Of stretches at random.
    seed : int
    """
    random = np.random.default_rng(seed)
    length = max(1, round(SEGMENT_MS / 1000 * fs))
    whole = explainer.probabilities(inputs)
    rows = np.arange(len(inputs))
    falls = []
    for row in rows:
        n_segments = int(inputs.n_valid[row]) // length
        n_masked = max(1, round(share * n_segments))
        times = slice(0, n_segments * length)
        strength = attributions.waveform[row, :, times].reshape(-1, n_segments, length).sum(axis=(0, 2))
        power = np.square(inputs.waveform[row, :, times]).reshape(-1, n_segments, length).sum(axis=(0, 2))
        chosen = [np.argsort(-strength)[:n_masked], np.argsort(-power)[:n_masked]]
        chosen += [random.choice(n_segments, n_masked, replace=False) for _ in range(n_draws)]
        masked = np.repeat(inputs.waveform[row : row + 1], len(chosen), axis=0)
        for record, segments in zip(masked, chosen, strict=True):
            hidden = np.zeros(inputs.waveform.shape[2], dtype=bool)
            hidden[times] = np.repeat(np.isin(np.arange(n_segments), segments), length)
            record[:, hidden] = 0
        again = Inputs(masked, np.repeat(inputs.n_valid[row], len(chosen)), inputs.clinical[[row] * len(chosen)])
        left = explainer.probabilities(again)[:, labels[row]]
        falls.append(whole[row, labels[row]] - np.array([left[0], left[1], left[2:].mean()]))
    marked, loudest, at_random = np.array(falls).T
    return Deletion(marked, at_random, loudest)
