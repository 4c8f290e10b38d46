"""Check that a registered version loads and predicts in a separate process."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
from numpy.typing import NDArray

from ecgml.errors import PromotionError
from ecgml.service.registry import REGISTERED_MODEL

TIMEOUT_S = 300.0
"""Loading takes seconds; a model that has not answered within this time has failed, s."""

TOLERANCE = 1e-5
"""Largest difference allowed between a record's probabilities alone and in a batch."""

REQUESTS = {"full": "with clinical values", "alone": "of a waveform alone", "batch": "of a batch"}


def check_serving(
    version: str,
    classes: Sequence[str],
    waveform: NDArray[np.float32],
    clinical: NDArray[np.float32],
    fs: float,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Load a version in a fresh process, without pickle, and check its answers to three requests.

    Parameters
    ----------
    version : str
        Of the registered model.
    classes : sequence of str
        Classes expected in its answers; if empty, those of the first answer.
    waveform : ndarray, shape (n_records, 12, n_times)
        In mV; two records or more.
    clinical : ndarray, shape (n_records, n_features)
        NaN where missing.
    fs : float
        Sampling frequency, Hz.
    timeout_s : float

    Raises
    ------
    PromotionError
        If it does not load, does not answer in time, or its answers are not probabilities of these classes or
        differ between a batch and single records.
    """
    what = f"version {version} of {REGISTERED_MODEL}"
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_RUN_ID"} | {
        "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(),
        "MLFLOW_REGISTRY_URI": mlflow.get_registry_uri(),
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    script = Path(__file__).with_name("fresh_process.py")
    with TemporaryDirectory(prefix="ecgml-") as folder:
        given = Path(folder) / "given.npz"
        np.savez(given, waveform=waveform, clinical=clinical, fs=fs)
        # -P: modules in the script's folder would otherwise shadow others of the same name.
        words = [sys.executable, "-P", str(script), f"models:/{REGISTERED_MODEL}/{version}", str(given)]
        try:
            done = subprocess.run(
                words, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise PromotionError(
                f"{what} did not load and answer within {timeout_s:g} s; it cannot be served"
            ) from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith(" ")]
        reason = lines[-1] if lines else f"exit code {done.returncode}"
        raise PromotionError(f"{what} fails in a separate process: {reason[:300]}")
    try:
        answers = json.loads(done.stdout.splitlines()[-1])
        classes = classes or list(answers["full"][0])
        counts = {"full": 1, "alone": 1, "batch": len(waveform)}
        for name, count in counts.items():
            if len(answers[name]) != count:
                raise PromotionError(
                    f"{what}, request {REQUESTS[name]}: {len(answers[name])} answers for {count} records"
                )
            for row in answers[name]:
                _check_row(what, name, row, classes)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PromotionError(f"{what} returns no probabilities ({error!r})") from None
    first, same = answers["full"][0], answers["batch"][0]
    if (gap := max(abs(first[name] - same[name]) for name in classes)) > TOLERANCE:
        raise PromotionError(f"{what}: a record's probabilities differ by {gap:.2g} between alone and in a batch")


def _check_row(what: str, name: str, row: dict[str, float], classes: Sequence[str]) -> None:
    if set(row) != set(classes):
        raise PromotionError(
            f"{what}, request {REQUESTS[name]}: probabilities of {', '.join(sorted(row)) or 'nothing'}, expected "
            f"{', '.join(sorted(classes))}"
        )
    values = [float(value) for value in row.values()]
    if not all(math.isfinite(value) and 0 <= value <= 1 for value in values) or abs(sum(values) - 1) > 1e-4:
        raise PromotionError(f"{what}, request {REQUESTS[name]}: {values} are not probabilities")
