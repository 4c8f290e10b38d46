"""Script of a separate process: load a model as a server would and print its predictions.

Imports nothing of ecgml, so that the model runs on the code that it carries.

Arguments: the model's address, and an ``.npz`` file with ``waveform`` (n_records, 12, n_times), in mV, ``clinical``
(n_records, n_features), NaN where missing, and ``fs``, Hz. Prints a line of JSON: ``full`` and ``alone`` (the first
record with and without clinical values) and ``batch`` (all), each a list of probabilities by class name.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import mlflow
import numpy as np

PREFIX = "probability_"
"""Prefix of the probability columns of models that return a table."""


def probabilities_of(answer: Any) -> list[dict[str, float]]:
    """Return each record's probabilities from a model's answer."""
    rows = answer.to_dict("records") if hasattr(answer, "to_dict") else answer
    return [
        row["probabilities"]
        if "probabilities" in row
        else {name.removeprefix(PREFIX): value for name, value in row.items() if name.startswith(PREFIX)}
        for row in rows
    ]


def main(address: str, path: str) -> None:
    """Load, predict, print."""
    model = mlflow.pyfunc.load_model(address)
    with np.load(path) as given:
        waveform, clinical, fs = given["waveform"], given["clinical"], float(given["fs"])
    params = {"fs": fs, "unit": "mV"}
    inputs = {
        "full": {"waveform": waveform[:1], "clinical": clinical[:1]},
        # MLflow has no optional tensors: a missing value is NaN.
        "alone": {"waveform": waveform[:1], "clinical": np.full_like(clinical[:1], np.nan)},
        "batch": {"waveform": waveform, "clinical": clinical},
    }
    answers = {}
    for name, data in inputs.items():
        try:
            answers[name] = probabilities_of(model.predict(data, params=params))
        except Exception as error:
            # MLflow prints the data first and the reason last.
            text = " ".join(str(error).split())
            sys.exit(f"{name}: {type(error).__name__}: {text if len(text) < 250 else f'… {text[-200:]}'}")
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
