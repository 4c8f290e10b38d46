"""How often a model abstains: on records of its scheme that it was not fitted to, and on those outside, by kind.

    python -m benchmarks.abstention MODEL DATA…

MODEL is a checkpoint folder whose run is in the tracking store, or runs:/…; the records are its own training data.
Models of earlier versions, which carry no calibration, are given one as training would.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from ecgml.calibration.settings import CalibrationSettings
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import build_table
from ecgml.evaluation.answers import score_answers
from ecgml.evaluation.summary import interval_text
from ecgml.pipeline.evaluate.outside import outside_table
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import fill_caches, load_cohorts
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.scoring import answer_checkpoint, calibrate
from ecgml.pipeline.job.settings import DataSettings
from ecgml.records.schemes import scheme_named
from ecgml.training.device import choose_device


def main(model: str, folders: list[str]) -> None:
    """Print the figures."""
    data, console = DataSettings(data_dir=tuple(folders)), Console()
    subject = ModelRun.open(model)
    checkpoint, split = subject.checkpoint, subject.split
    cohorts = load_cohorts(data, console)[0]
    caches = fill_caches(cohorts, data, checkpoint.preprocessing, console)
    scheme = scheme_named(checkpoint.scheme)
    table, _ = build_table(cohorts, caches, scheme, data.harmonise)
    store = WindowStore(caches, choose_device("auto"))
    part_of = dict(zip(split.record, split.part, strict=True))
    parts = np.array([part_of.get(record_id, "") for record_id in table.record_ids.tolist()])
    by_part = {name: table[(parts == name) & table.usable] for name in ("train", "val", "calibration", "test")}
    if not checkpoint.calibration.abstention:
        own = calibrate(
            checkpoint.build(store.device),
            store,
            checkpoint.encoder,
            (by_part["train"], by_part["val"], by_part["calibration"]),
            len(scheme.classes),
            CalibrationSettings(),
        )
        checkpoint = replace(checkpoint, calibration=own)
    for name in ("val", "calibration"):
        predictions, answers = answer_checkpoint(checkpoint, by_part[name], store, harmonised=True)
        scores = score_answers(predictions, answers)
        accuracy = np.mean(predictions.y_pred == predictions.y_true)
        print(
            f"{name}, of the scheme: abstained on {answers.abstained.sum()} of {predictions.n_records}; accuracy "
            f"{accuracy:.3f} -> {interval_text(scores.accuracy)} of those answered"
        )
    outside, kinds = outside_table(cohorts, caches, scheme)
    answers = answer_checkpoint(checkpoint, outside, store)[1]
    for kind in np.unique(kinds):
        here = kinds == kind
        print(f"{kind}: abstained on {answers.abstained[here].sum()} of {here.sum()}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
