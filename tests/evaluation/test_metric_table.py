"""One row a metric: everything that shows, compares or demands a metric follows from it."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from ecgml.config import resolve
from ecgml.errors import ConfigError, EvaluationError
from ecgml.evaluation import metric_table
from ecgml.evaluation.comparison import compare
from ecgml.evaluation.gate import judge
from ecgml.evaluation.metric_table import Metric, class_metric, metric_rows, monitors, names_of
from ecgml.evaluation.metrics import WeightedPredictions
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score
from ecgml.evaluation.settings import GateSettings
from ecgml.evaluation.subgroups import score_subgroups
from ecgml.evaluation.summary import summary_text
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.training.fit import validation_metrics

CLASSES = ("A", "B", "C")
EVERYWHERE = ("overview", "summary", "comparison", "validation", "subgroups", "robustness", "gate")


def made_up(skill: float) -> Predictions:
    random = np.random.default_rng(0)
    y_true = np.arange(300) % 3
    logits = random.normal(size=(300, 3))
    logits[np.arange(300), y_true] += skill
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predictions(tuple(map(str, range(300))), CLASSES, y_true, y_prob)


def error_rate(at: WeightedPredictions) -> np.ndarray:
    return at.mean(at.y_pred != at.y_true)


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> Metric:
    """Add the error rate, of which lower is better, and each class's share of the records."""
    row = Metric("error_rate", "error rate", error_rate, lower_is_better=True, uses=EVERYWHERE)
    share = Metric("share", "share", lambda at: at.confusion.sum(axis=2) / at.total[:, None], by_class=True)
    monkeypatch.setattr(metric_table, "OURS", (*metric_table.OURS, share, row))
    return row


def test_a_row_more_is_scored_with_its_interval_and_changes_no_other_figure(request: pytest.FixtureRequest) -> None:
    predictions = made_up(2)
    before = score(predictions, n_bootstrap=100)
    request.getfixturevalue("errors")
    scores = score(predictions, n_bootstrap=100)
    assert {name: scores.estimates[name] for name in before.estimates} == before.estimates
    wrong, right = scores["error_rate"], scores["accuracy"]
    assert (wrong.value, wrong.low, wrong.high) == pytest.approx((1 - right.value, 1 - right.high, 1 - right.low))
    logged = scores.flat("test_")
    assert {"test_error_rate", "test_error_rate_low", "test_error_rate_high", "test_share_a"} <= logged.keys()
    assert scores[class_metric("share", "B")].value == pytest.approx(1 / 3)
    assert "| error rate, lower is better | 0." in summary_text(scores, "model on the test part")
    assert "| share of A | 0.333" in summary_text(scores, "model on the test part")


def test_direction_of_a_row_decides_who_is_better(errors: Metric) -> None:
    good, poor = made_up(3), made_up(1)
    assert compare(good, poor, n_bootstrap=100).table().loc["error_rate", "better"] == "lower"
    settings = GateSettings(bootstrap=100)
    for challenger, champion, passed in ((good, poor, True), (poor, good, False)):
        checks = {check.name: check for check in judge(challenger, champion, {}, settings).checks}
        assert checks["error_rate"].passed is passed
        assert "must lie below 0.02" in checks["error_rate"].line()
    halves = np.where(np.arange(300) < 150, "first", "second")
    worse = Predictions(good.record_ids, CLASSES, good.y_true, np.where(halves[:, None] == "first", good.y_prob, 1 / 3))
    gap = score_subgroups(worse, {"half": halves.tolist()}, n_bootstrap=100).widest("error_rate")
    assert gap is not None
    assert (gap.better, gap.worse) == ("first", "second")
    assert gap.size.value > 0.3


def test_what_is_validated_may_be_monitored_and_is_minimised_where_lower_is_better(errors: Metric) -> None:
    assert monitors() == {
        "val_accuracy": False, "val_macro_f1": False, "val_macro_auroc": False,
        "val_error_rate": True, "val_loss": True,
    }  # fmt: skip
    assert resolve(TrainConfiguration, {"monitor": "val_error_rate"}).fit.monitor == "val_error_rate"
    predictions = made_up(2)
    figures = validation_metrics(predictions.y_true, predictions.y_prob)
    assert list(figures) == ["val_loss", "val_accuracy", "val_macro_f1", "val_macro_auroc", "val_error_rate"]
    assert figures["val_error_rate"] == pytest.approx(1 - figures["val_accuracy"])


def test_validation_and_scores_agree() -> None:
    """Validation rounds as scikit-learn does, scores as the bootstrap does: apart by less than 1e-12."""
    predictions = made_up(1)
    scores = score(predictions, n_bootstrap=0)
    figures = validation_metrics(predictions.y_true, predictions.y_prob)
    for name in names_of("validation"):
        assert figures[f"val_{name}"] == pytest.approx(scores[name].value, abs=1e-12)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"name": "Error rate"}, "'Error rate' is no name; lower-case letters"),
        ({"name": "error_rate", "uses": ("card",)}, "error_rate: is not of each class and cannot be used in card"),
        ({"name": "hits", "by_class": True, "uses": ("gate", "summary")}, "hits: is of each class and cannot .* gate"),
        ({"name": "error_rate", "uses": ("summaries",)}, "used in 'summaries', which is none of overview, summary"),
    ],
)
def test_a_row_that_cannot_be_is_refused(words: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Metric(title="error rate", function=error_rate, **words)


def test_a_function_of_another_shape_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Metric("mean_hit", "mean hit", lambda at: at.total[0])
    monkeypatch.setattr(metric_table, "OURS", (*metric_table.OURS, wrong))
    with pytest.raises(EvaluationError, match=r"mean_hit: its function returns .* shape \(\), expected \(1,\)"):
        score(made_up(1), n_bootstrap=0)


@pytest.mark.parametrize("value", ["ecgml.evaluation.confusion:accuracy", "ecgml.evaluation.metric_table:GROUP"])
def test_what_a_package_adds_must_be_a_metric_of_the_entry_points_name(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = EntryPoint("mine", value, metric_table.GROUP)
    monkeypatch.setattr(metric_table, "added", lambda group, taken: {"mine": entry})
    with pytest.raises(ConfigError, match=f"'mine' of ecgml.metrics: {value} is no Metric of that name"):
        metric_rows()
