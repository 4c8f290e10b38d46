"""Explain answers for a client; loads captum, so it is imported on the first such request."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ecgml.inference.explanations import Explainer, Inputs, smoothed
from ecgml.inference.predictor import Predictor, PredictorInput
from ecgml.preprocessing.preprocess import to_mv
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.leads import LEADS

N_STEPS = 32
"""Steps of the integration path; on real records attributions then sum to within about 2 % of the output."""

SENT_HZ = 50.0
"""Sampling frequency of the attributions sent, which are smoothed over 80 ms, Hz."""


@lru_cache(maxsize=2)
def _explainer(predictor: Predictor) -> Explainer:
    return Explainer(predictor.checkpoint, predictor.device)


def explain(predictor: Predictor, prepared: PredictorInput, rhythm: str) -> dict[str, Any]:
    """Attribute an answer to waveform and clinical row (integrated gradients; `ecgml.inference.explanations`).

    Returns
    -------
    explanation : dict
        ``rhythm``; ``fs`` (Hz) and ``waveform`` (by lead: what raised, positive, or lowered the log-odds of the rhythm
        at each time of the first window); ``clinical`` (by column, those with a value); ``residual``: what the sum
        misses of the whole.
    """
    checkpoint = predictor.checkpoint
    inputs = Inputs(to_mv(prepared.windows[:1]), prepared.n_valid[:1].astype(np.int64), prepared.clinical[None])
    attributions = _explainer(predictor).attribute(
        inputs, np.array([checkpoint.classes.index(rhythm)]), n_steps=N_STEPS
    )
    fs = checkpoint.preprocessing.fs
    step = max(1, round(fs / SENT_HZ))
    drawn = smoothed(attributions.waveform, fs)[0, :, : int(prepared.n_valid[0]) : step]
    return {
        "rhythm": rhythm,
        "fs": fs / step,
        "waveform": {lead: np.round(row, 6).tolist() for lead, row in zip(LEADS, drawn, strict=True)},
        "clinical": {
            name: round(float(share), 6)
            for name, share, value in zip(CLINICAL_NAMES, attributions.clinical[0], prepared.clinical, strict=True)
            if np.isfinite(value)
        },
        "residual": round(float(attributions.residual[0]), 6),
    }
