"""A model that was never trained: enough where only the way through it is looked at."""

from __future__ import annotations

import numpy as np
import torch

from ecgml.calibration.calibration import Calibration
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.models.build import build_model
from ecgml.models.settings import ModelSettings
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.schemes import scheme_named
from ecgml.training.checkpoint import Checkpoint


def untrained_checkpoint(name: str = "fusion", scheme: str = "groups") -> Checkpoint:
    """Return a small model with weights as they are drawn."""
    encoder = ClinicalEncoder.fit(np.full((3, len(CLINICAL_NAMES)), np.nan, dtype=np.float32))
    settings = ModelSettings(trunk_width=8, gru_width=4, clinical_width=4)
    classes = scheme_named(scheme).classes
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = build_model(name, 12, encoder.n_out, len(classes), settings).state_dict()
    facts = {"data_digest": "0" * 64, "simulated": True}
    calibration = Calibration.none(len(classes))
    return Checkpoint(name, settings, PreprocessingSettings(), scheme, classes, encoder, weights, calibration, facts)
