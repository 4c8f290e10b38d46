"""Figures: what they draw is what was scored, and they leave nothing behind."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.metrics import auc

from ecgml.errors import EvaluationError
from ecgml.evaluation.comparison import compare
from ecgml.evaluation.curves import macro_roc, roc_curves
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score
from ecgml.figures import new_figure
from ecgml.records.rhythms import RHYTHM_CODES
from ecgml.report.evaluated import caption
from ecgml.report.figures.comparison import comparison_figure
from ecgml.report.figures.confusion import confusion_figure
from ecgml.report.figures.pr import pr_figure
from ecgml.report.figures.roc import overlaid_roc, roc_figure
from ecgml.report.figures.style import class_style, save_figure
from ecgml.report.figures.training import training_curves

HISTORY = [
    {
        "train_loss": 1 / epoch,
        "val_loss": 1.2 / epoch,
        "train_accuracy": 1 - 0.5 / epoch,
        "val_accuracy": 1 - 0.6 / epoch,
        "val_macro_f1": 1 - 0.7 / epoch,
        "val_macro_auroc": 1 - 0.2 / epoch,
        "learning_rate": 1e-3 / epoch,
    }
    for epoch in range(1, 6)
]


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_the_macro_curve_has_the_macro_auroc_under_it(simulate: Callable[..., Predictions]) -> None:
    """Exactly, with ties and unscored records: no corner is cut."""
    for predictions in (simulate(80, decimals=1), simulate(300, RHYTHM_CODES, n_unscored=11), simulate(65, skill=5)):
        expected = score(predictions, n_bootstrap=0)["macro_auroc"].value
        assert auc(*macro_roc(roc_curves(predictions))) == pytest.approx(expected, abs=1e-12)


def test_the_confusion_figure_shows_every_record_once(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(120, n_unscored=7)
    counts, percent = confusion_figure(predictions).axes
    shown = np.array(texts(counts), dtype=int).reshape(4, 5)
    assert shown.sum() == 120
    assert shown[:, 4].sum() == 7
    assert np.trace(shown) == (predictions.y_pred == predictions.y_true).sum()
    assert [label.get_text() for label in percent.get_xticklabels()] == [*predictions.classes, "not scored"]
    # Five whole percentages are each off by half at most.
    shown_percent = np.array([0.5 if text == "<1" else float(text) for text in texts(percent)]).reshape(4, 5)
    np.testing.assert_allclose(shown_percent.sum(axis=1), 100, atol=2.5)


def shown_at(axes: Axes) -> dict[tuple[str, str], str]:
    """Return the numbers of a confusion matrix by (name beside their row, name below their column)."""
    rows = [label.get_text().partition(" ")[0] for label in axes.get_yticklabels()]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    return {
        (rows[round(y)], columns[round(x)]): text.get_text() for text in axes.texts for x, y in [text.get_position()]
    }


def test_a_confusion_stands_in_the_row_of_the_true_class(by_hand: Predictions) -> None:
    """True A A A B B C, predicted A A B B - A; by number and by percent, and the axes say so."""
    counts, percent = confusion_figure(by_hand).axes
    assert {cell: text for cell, text in shown_at(counts).items() if text != "0"} == {
        ("A", "A"): "2", ("A", "B"): "1", ("B", "B"): "1", ("B", "not scored"): "1", ("C", "A"): "1",
    }  # fmt: skip
    assert shown_at(percent)["A", "B"] == "33"
    assert shown_at(percent)["C", "A"] == "100"
    assert counts.get_ylabel().startswith("True class")
    assert {axes.get_xlabel() for axes in (counts, percent)} == {"Predicted class"}
    # Coloured by the same numbers.
    np.testing.assert_allclose(np.asarray(percent.get_images()[0].get_array())[0], [200 / 3, 100 / 3, 0, 0])


def test_a_roc_curve_rises_over_the_false_positive_rate() -> None:
    """Scores of A 0.9+ 0.8- 0.6+ 0.3-: half the positives are found before any false one."""
    y_prob = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    predictions = Predictions(tuple("abcd"), ("A", "B"), np.array([0, 1, 0, 1]), y_prob)
    for figure in (roc_figure(predictions), overlaid_roc({"a": predictions})):
        axes = next(one for one in figure.axes if one.get_title(loc="left") in ("", "A"))
        line = next(one for one in axes.get_lines() if len(one.get_xdata()) > 2)
        points = list(zip(*line.get_data(), strict=True))
        assert points == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]
        assert axes.get_xlabel().startswith("False positive rate")
        assert next(one.get_ylabel() for one in figure.axes if one.get_ylabel()).startswith("True positive rate")


def test_a_precision_recall_curve_starts_at_full_recall(by_hand: Predictions) -> None:
    """B is found second of six: at full recall its unscored record is last, 2 of 6."""
    axes = pr_figure(by_hand).axes[0]
    assert axes.get_xlabel().startswith("Recall")
    assert axes.get_ylabel().startswith("Precision")
    line = next(one for one in axes.get_lines() if one.get_label().startswith("B "))
    recall, precision = line.get_data()
    assert (recall[0], precision[0]) == (1, pytest.approx(2 / 6))
    assert recall[-1] == 0


def test_almost_all_is_not_written_as_all() -> None:
    """999 of 1,000 right and one wrong."""
    y_prob = np.tile([1.0, 0.0], (1000, 1))
    y_prob[0] = [0.0, 1.0]
    predictions = Predictions(tuple(map(str, range(1000))), ("SB", "SR"), np.zeros(1000, dtype=int), y_prob)
    assert texts(confusion_figure(predictions).axes[1]) == [">99", "<1", "", ""]


def test_curves_carry_the_areas_that_were_scored(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(150, n_unscored=6)
    scores = score(predictions, n_bootstrap=0)
    roc, pr = legend_of(roc_figure(predictions)), legend_of(pr_figure(predictions))
    assert roc[0] == f"macro average  {scores['macro_auroc'].value:.3f}"
    assert pr[0] == f"macro average  {scores['macro_auprc'].value:.3f}"
    for k, name in enumerate(predictions.classes):
        n_records = scores.support[k]
        assert roc[k + 1] == f"{name}  {scores[f'auroc_{name.lower()}'].value:.3f}  (n = {n_records})"
        assert pr[k + 1] == f"{name}  {scores[f'auprc_{name.lower()}'].value:.3f}  (n = {n_records})"


def test_an_absent_class_is_said_and_changes_no_colour(simulate: Callable[..., Predictions]) -> None:
    figure = roc_figure(simulate(100, shares=(0.5, 0.0, 0.3, 0.2)))
    assert "GSVT  no curve  (n = 0)" in legend_of(figure)
    colours = {line.get_label().split()[0]: line.get_color() for line in figure.axes[0].get_lines()}
    assert colours["SB"] == class_style(2)["color"]
    assert colours["SR"] == class_style(3)["color"]


def test_eleven_classes_have_eleven_looks() -> None:
    assert len({(style["color"], str(style["linestyle"])) for style in map(class_style, range(11))}) == 11


def test_models_overlaid_have_a_panel_for_each_class_and_one_for_all(simulate: Callable[..., Predictions]) -> None:
    models = {"fusion": simulate(100, skill=2), "baseline": simulate(100, seed=1)}
    panels = [axes for axes in overlaid_roc(models).axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == ["macro average", "AFIB", "GSVT", "SB", "SR"]
    expected = [f"AUC {score(model, n_bootstrap=0)['macro_auroc'].value:.3f}" for model in models.values()]
    assert texts(panels[0]) == expected


def test_models_of_other_classes_are_not_overlaid(simulate: Callable[..., Predictions]) -> None:
    with pytest.raises(EvaluationError, match="baseline has classes SB, SR, SA"):
        overlaid_roc({"fusion": simulate(50), "baseline": simulate(50, RHYTHM_CODES)})
    with pytest.raises(EvaluationError, match="no models"):
        overlaid_roc({})


def test_right_of_zero_is_always_better(simulate: Callable[..., Predictions]) -> None:
    """A model far ahead has every dot to the right, also where lower is better, and filled."""
    comparison = compare(simulate(300, skill=6), simulate(300, skill=0.5, seed=1), n_bootstrap=100)
    dots = [line for line in comparison_figure(comparison, "a", "b").axes[1].get_lines() if line.get_marker() == "o"]
    assert len(dots) == 10  # six overall, F1 of four classes
    ahead = [dot for dot in dots if dot.get_xdata()[0] > 0]
    assert len(ahead) >= 9  # calibration error alone may go the other way
    assert all(dot.get_markerfacecolor() == dot.get_color() for dot in ahead[:4])


def test_the_kept_epoch_is_marked_where_it_is() -> None:
    figure = training_curves(HISTORY, best_epoch=4)
    for axes in figure.axes:
        assert [line.get_xdata()[0] for line in axes.get_lines() if line.get_linestyle() == "--"] == [4]
    assert "kept: epoch 4" in legend_of(figure)


def test_training_curves_do_with_what_the_history_has() -> None:
    one_epoch = [{"epoch": 7, "train_loss": 0.3, "learning_rate": 0.0}]
    loss, accuracy, *_ = training_curves(one_epoch).axes
    assert loss.get_lines()[0].get_xdata().tolist() == [7]
    assert loss.get_lines()[0].get_marker() == "o"
    assert not accuracy.get_lines()
    with pytest.raises(EvaluationError, match="no epochs in the history"):
        training_curves([])


def test_every_figure_says_the_note_it_is_given(simulate: Callable[..., Predictions]) -> None:
    a, b = simulate(60), simulate(60, seed=1)
    note = "Simulated data"
    for figure in (
        roc_figure(a, note=note),
        pr_figure(a, note=note),
        confusion_figure(a, note=note),
        overlaid_roc({"a": a, "b": b}, note=note),
        comparison_figure(compare(a, b, n_bootstrap=20), "a", "b", note=note),
        training_curves(HISTORY, note=note),
    ):
        assert figure.get_supxlabel() == note


@pytest.mark.parametrize("case", ["eleven classes", "one class alone", "nothing scored"])
def test_odd_predictions_can_be_drawn(case: str, simulate: Callable[..., Predictions], tmp_path: Path) -> None:
    predictions = {
        "eleven classes": simulate(65, RHYTHM_CODES, n_unscored=2),
        "one class alone": simulate(20, shares=(1.0, 0.0, 0.0, 0.0)),
        "nothing scored": simulate(20, n_unscored=20),
    }[case]
    for draw in (roc_figure, pr_figure, confusion_figure, lambda p: overlaid_roc({"a": p})):
        save_figure(draw(predictions), tmp_path / "figure.png")


def test_a_figure_is_saved_at_150_dots_an_inch(simulate: Callable[..., Predictions], tmp_path: Path) -> None:
    figure = roc_figure(simulate(60))
    content = save_figure(figure, tmp_path / "figures" / "roc.png").read_bytes()
    width, height = struct.unpack(">II", content[16:24])  # of the PNG's header
    assert (width, height) == tuple(int(150 * side) for side in figure.get_size_inches())
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["roc.png"]


@pytest.mark.slow
def test_scoring_needs_no_matplotlib_and_drawing_no_pyplot() -> None:
    """Serving may score; figures must work in threads and without a display."""
    code = (
        "import sys, ecgml.evaluation.scores, ecgml.evaluation.comparison, ecgml.evaluation.summary\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import ecgml.report.figures.roc, ecgml.report.figures.training\n"
        "assert not {'matplotlib.pyplot', 'torch', 'mlflow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[2])


@pytest.mark.parametrize("n_letters", [20, 90, 150])
def test_title_and_legend_stay_inside_the_figure_and_apart(n_letters: int) -> None:
    title = ("cohort " * n_letters)[:n_letters]
    handles = [Line2D([], [], label=f"rhythm {place}") for place in range(8)]
    figure = new_figure(7.6, 5.4, title, legend=handles, legend_columns=5)
    figure.subplots().set_title("panel")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    legend, suptitle = figure.legends[0], figure._suptitle
    assert suptitle.get_window_extent(renderer).x1 <= figure.bbox.x1
    n_lines = len(suptitle.get_text().rstrip("\n").splitlines())
    assert legend.get_window_extent(renderer).y1 <= figure.bbox.y1 - n_lines * 0.2 * figure.dpi
    assert legend.get_window_extent(renderer).y0 >= figure.axes[0].title.get_window_extent(renderer).y1
    columns = {round(text.get_window_extent(renderer).x0) for text in legend.get_texts()}
    assert len(columns) == 4  # eight in two rows of four, not of five and three


def test_titles_name_figure_model_and_data() -> None:
    assert caption("ROC curves", "fusion", "test part", ("b", "a", "", "a")) == "ROC curves: fusion, test part (a, b)"
    assert caption("Training curves", "fusion", "", "dcba") == "Training curves: fusion (a, b, c, …)"
    assert caption("a against b", "", "", ()) == "a against b"
