"""`ecgml compare`: paired tests of two trained models on the same records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ecgml.errors import EvaluationError, TrackingError
from ecgml.evaluation.comparison import Comparison, compare
from ecgml.evaluation.estimates import signed
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.summary import interval_text, metric_title
from ecgml.pipeline.job.artifacts import TITLES
from ecgml.pipeline.job.model_run import ModelRun


@dataclass(frozen=True)
class ScoredModel:
    """A model to compare: name, predictions by set of records, and cautions about them."""

    name: str
    predictions: Mapping[str, Predictions]
    cautions: Sequence[str]
    identity: str
    """Of its run, or file of predictions."""

    @property
    def short_identity(self) -> str:
        """A short id that distinguishes models of the same name."""
        path = Path(self.identity)
        return str(path.parent) if path.suffix == ".csv" else self.identity[:8]


@dataclass(frozen=True)
class Compared:
    """Comparisons of two models on each set of records (differences are a minus b), and their limits."""

    a: str
    b: str
    comparisons: Mapping[str, Comparison]
    cautions: Sequence[str] = ()


def compare_models(a: str, b: str, *, n_bootstrap: int = 2000, seed: int = 0) -> Compared:
    """Compare two models on every set of records on which both were scored.

    Parameters
    ----------
    a, b : str
        A model's run id, ``runs:/…``, ``models:/…``, checkpoint folder, or a file of predictions.
    n_bootstrap : int
        Draws of patients.
    seed : int

    Raises
    ------
    EcgmlError
        If a run or file does not exist or holds no predictions, the two were not scored on the same records, or are one
        and the same.
    """
    model_a, model_b = scored_model(a), scored_model(b)
    if model_a.identity == model_b.identity:
        raise EvaluationError(f"compare: {a} with itself; name two models")
    common = [name for name in model_a.predictions if name in model_b.predictions]
    if not common:
        raise EvaluationError(
            f"compare: {a} was scored on the {', '.join(model_a.predictions)}, {b} on the "
            f"{', '.join(model_b.predictions)}; score both models on one set"
        )
    names = [model_a.name, model_b.name]
    if model_a.name == model_b.name:
        names = [f"{model.name} {model.short_identity}" for model in (model_a, model_b)]
    return Compared(
        *names,
        {
            name: compare(model_a.predictions[name], model_b.predictions[name], n_bootstrap=n_bootstrap, seed=seed)
            for name in common
        },
        [*model_a.cautions, *model_b.cautions],
    )


def scored_model(address: str) -> ScoredModel:
    """Return a model's predictions.

    Parameters
    ----------
    address : str
        Of `ecgml.pipeline.job.model_run.ModelRun`, or a file of predictions.

    Raises
    ------
    TrackingError
        If there is no such run or file, it is a job's run (its models are named), or it holds no predictions.
    EvaluationError
        If a file of predictions is damaged.
    """
    path = Path(address).expanduser()
    if path.suffix == ".csv":
        if not path.is_file():
            raise TrackingError(f"{address}: no such file; give a file of predictions or a run id")
        predictions = {TITLES["test"]: read_predictions(path)}
        return ScoredModel(path.parent.name or path.stem, predictions, (), str(path.resolve()))
    model = ModelRun.open(address)
    return ScoredModel(
        model.name, {TITLES[what]: stored for what, stored in model.predictions.items()}, model.cautions, model.run_id
    )


def as_text(compared: Compared) -> str:
    """Return the comparisons as text: tables and verdicts."""
    blocks = []
    for what, comparison in compared.comparisons.items():
        table = comparison.table()
        rows = [("", compared.a, compared.b, "difference (95 %)", "p")]
        for metric in table.index:
            difference = comparison.differences[metric]
            rows.append(
                (
                    metric_title(metric, comparison.classes),
                    interval_text(comparison.a[metric]),
                    interval_text(comparison.b[metric]),
                    signed(difference),
                    _p(comparison.p_values[metric]),
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        test = comparison.mcnemar
        blocks.append(
            "\n".join(
                [
                    f"{what}: {comparison.n_records:,} records of {comparison.n_groups:,} patients",
                    "",
                    *lines,
                    "",
                    f"McNemar: {compared.a} alone right on {test.only_a_right:,}, {compared.b} alone on "
                    f"{test.only_b_right:,} records, {_p(test.p_value)}",
                    comparison.verdict(compared.a, compared.b),
                ]
            )
        )
    blocks += [f"Caution: {caution}." for caution in compared.cautions]
    return "\n\n".join(blocks)


def as_json(compared: Compared) -> str:
    """Return the comparisons as JSON; what is undefined is null."""
    report = {}
    for what, comparison in compared.comparisons.items():
        figures = json.loads(comparison.table().to_json(orient="index", double_precision=15))
        report[what] = {
            "n_records": comparison.n_records,
            "n_groups": comparison.n_groups,
            "metrics": figures,
            "mcnemar": asdict(comparison.mcnemar),
            "verdict": comparison.verdict(compared.a, compared.b),
        }
    cautions = {"cautions": list(compared.cautions)} if compared.cautions else {}
    return json.dumps({"a": compared.a, "b": compared.b, **report, **cautions})


def _p(value: float) -> str:
    if value != value:
        return ""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
