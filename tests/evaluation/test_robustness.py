"""Robustness: paired drops, refused records, what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.errors import EvaluationError
from ecgml.evaluation.comparison import compare
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.robustness import Perturbed, judge_robustness
from ecgml.evaluation.scores import score
from ecgml.report.figures.robustness import robustness_figure
from ecgml.report.robustness import robustness_section
from ecgml.report.shortcuts import waveform_only_in_words

CLASSES = ("AFIB", "GSVT", "SB", "SR")
N = 80
Y_TRUE = np.arange(N) % 4


def condition(kind: str, strength: str, n_wrong: int, n_silent: int = 0, n_refused: int = 0) -> Perturbed:
    """The last records are called wrong, the first of them abstained on, the first of all refused."""
    y_prob = np.full((N, 4), 0.02)
    y_prob[np.arange(N), (Y_TRUE + (np.arange(N) >= N - n_wrong)) % 4] = 0.94
    y_prob[:n_refused] = np.nan
    abstained = np.arange(N) < max(n_silent, n_refused)
    ids = tuple(f"record {row}" for row in range(N))
    return Perturbed(kind, strength, Predictions(ids, CLASSES, Y_TRUE, y_prob), abstained)


def judged():
    return judge_robustness(
        condition("as recorded", "", 2),
        [
            condition("muscle", "24 dB", 2),
            condition("muscle", "6 dB", 30, n_silent=4),
            condition("leads missing by chance", "11 of 12", 0, n_refused=N),
            condition("gain", "×10", 2, n_refused=20),
        ],
        n_bootstrap=200,
    )


def test_drops_are_paired_and_refused_records_are_errors_and_silence() -> None:
    found = judged()
    same, muscle, gone, gain = found.cells
    assert same.drops["macro_f1"].value == same.drops["macro_f1"].low == same.drops["macro_f1"].high == 0
    expected = [score(condition("", "", n).predictions, n_bootstrap=0)["macro_f1"].value for n in (2, 30)]
    assert muscle.figures["macro_f1"].value == pytest.approx(expected[1])
    assert muscle.drops["macro_f1"].value == pytest.approx(expected[0] - expected[1])
    assert muscle.drops["macro_f1"].low > 0
    assert muscle.figures["abstained"].value == pytest.approx(4 / N)
    assert muscle.figures["answered_accuracy"].value == pytest.approx((N - 30 - 4) / (N - 4))
    assert gone.refused == gone.figures["abstained"].value == 1
    assert gone.figures["macro_f1"].value == 0
    assert np.isnan(gone.figures["answered_accuracy"].value)
    assert gain.refused == 0.25
    assert gain.figures["answered_accuracy"].value == pytest.approx((N - 20 - 2) / (N - 20))


def test_other_records_are_refused() -> None:
    other = condition("gain", "×2", 0)
    fewer = Perturbed("gain", "×2", other.predictions.take(range(10)), other.abstained[:10])
    with pytest.raises(EvaluationError, match="other records"):
        judge_robustness(condition("as recorded", "", 0), [fewer], n_bootstrap=10)


def test_the_table_has_every_condition() -> None:
    table = judged().table()
    assert table.perturbation.tolist() == ["as recorded", "muscle", "muscle", "leads missing by chance", "gain"]
    assert {"macro_f1", "macro_f1_low", "drop_macro_auroc_high", "abstained", "refused"} <= set(table)


def test_the_section_names_the_largest_drop_without_abstention() -> None:
    section = robustness_section(judged(), how="Made up.")
    assert "without abstention: muscle, 6 dB: macro-F1 0." in section.findings[0]
    text = " ".join(section.words)
    assert "Muscle: significant drop from 6 dB on" in text
    assert "Leads missing by chance: significant drop from 11 of 12 on" in text
    assert section.metrics["robustness_muscle_6_db_macro_f1"] == judged().cells[1].figures["macro_f1"].value
    assert [part.name for part in section.parts] == [
        "robustness", "robustness_macro_auroc", "robustness_abstained", "robustness",
    ]  # fmt: skip


def test_every_condition_is_a_cell_of_the_figure() -> None:
    texts = [text.get_text() for text in robustness_figure(judged()).axes[0].texts]
    assert {"24 dB", "6 dB", "11 of 12", "×10"} <= set(texts)
    assert sum("•" in text for text in texts) == 3


@pytest.mark.parametrize(
    ("n_wrong", "verdict"),
    [(2, "whole interval lies above -0.03"), (4, "larger gap cannot be ruled out"), (20, "more than 0.03 behind")],
)
def test_the_verdict_on_the_model_without_clinical_values_follows_the_interval(n_wrong: int, verdict: str) -> None:
    fusion, baseline = condition("", "", n_wrong).predictions, condition("", "", 2).predictions
    assert verdict in waveform_only_in_words("fusion", "baseline", compare(fusion, baseline, n_bootstrap=200))
