"""The report's sections: words that follow the figures, nothing of the data as markup, errors of every kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecgml.evaluation.answers import Answers
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score
from ecgml.page.html import render_page
from ecgml.page.sections import Listing, listings_of
from ecgml.records.schemes import SCHEMES
from ecgml.report.abstention import abstention_section
from ecgml.report.calibration import calibration_section
from ecgml.report.classes import classes_section
from ecgml.report.confusions import confusions_section, consequence
from ecgml.report.evaluated import Evaluated
from ecgml.report.explanations import ClinicalImportance, ExplainedRecord, ExplanationChecks, explanations_section
from ecgml.report.mistakes import DrawnRecord, mistakes_section, most_confident_mistakes
from ecgml.report.overview import overview_section
from ecgml.report.sources import sources_section
from ecgml.report.trust import limits_of, trust_section

NASTY = "<script>alert(1)</script> $x$ & \"'"
CLASSES = ("AFIB", "GSVT", "SB", "SR")


def predictions(y_true: list[int], y_pred: list[int], confidence: list[float]) -> Predictions:
    y_prob = np.zeros((len(y_true), 4))
    for row, (predicted, sure) in enumerate(zip(y_pred, confidence, strict=True)):
        y_prob[row] = (1 - sure) / 3
        y_prob[row, predicted] = sure
    ids = tuple(f"{NASTY}/{row}" for row in range(len(y_true)))
    return Predictions(ids, CLASSES, np.array(y_true), y_prob, sources=(NASTY,) * len(y_true))


def evaluated(found: Predictions) -> Evaluated:
    return Evaluated("test", "test part", found, score(found, n_bootstrap=100), people=NASTY)


def listing(section: object, name: str) -> Listing:
    return next(part for part in listings_of([section]) if part.name == name)


MIXED = predictions(
    [0] * 10 + [1] * 10 + [2] * 10 + [3] * 10,
    [0] * 7 + [3] * 3 + [1] * 9 + [0] + [2] * 10 + [3] * 10,
    [0.9] * 40,
)


def test_errors_are_counted_by_kind_with_their_possible_consequence() -> None:
    table = listing(confusions_section([evaluated(MIXED)]), "test_confusions")
    assert table.columns["label"] == ["AFIB", "GSVT"]
    assert table.columns["predicted"] == ["SR", "AFIB"]
    assert table.columns["records"] == [3, 1]
    assert table.columns["share of the label"] == ["30.0%", "10.0%"]
    assert "missed" in table.columns["possible consequence"][0]
    assert "anticoagulation" in table.columns["possible consequence"][1]
    findings = " ".join(confusions_section([evaluated(MIXED)]).findings)
    assert "AFIB missed in 3 of 10 records" in findings


def test_every_confusion_of_every_scheme_has_a_consequence() -> None:
    for scheme in SCHEMES.values():
        for label in scheme.classes:
            for predicted in scheme.classes:
                assert bool(consequence(label, predicted)) == (label != predicted), (scheme.name, label, predicted)


def test_a_class_that_may_be_missed_is_a_limitation() -> None:
    table = listing(trust_section([evaluated(MIXED)], ["It never abstains."]), "limits").columns["limitation"]
    assert "AFIB may be missed" in table[0]
    assert "sensitivity 0.700" in table[0]
    # Ten records without error prove a sensitivity of 0.72 (Wilson), forty of 0.91.
    assert any("SB may be missed" in line for line in table)
    forty = predictions([2] * 40 + [3] * 40, [2] * 40 + [3] * 40, [0.9] * 80)
    assert not any("missed" in line for line in limits_of([evaluated(forty)], []))
    assert table[-1] == "It never abstains."


def test_a_rare_class_is_noted_as_too_rare() -> None:
    found = predictions([3] * 40 + [0] * 2, [3] * 40 + [0] * 2, [0.9] * 42)
    table = listing(classes_section([evaluated(found)]), "test_classes")
    assert any("AFIB (2)" in text and "too rare" in text for text in table.words)
    assert any("No record of GSVT, SB" in text for text in table.words)
    assert table.columns["sensitivity"][1] == "–"


def test_headline_in_words_follows_the_scores() -> None:
    section = overview_section([evaluated(MIXED)])
    assert "about 90 of 100 records" in section.findings[0]
    assert f"{score(MIXED)['macro_f1'].value:.3f}" in section.findings[0]


def test_mistakes_show_each_kind_before_a_kind_again() -> None:
    found = predictions([3, 3, 3, 0, 1, 2], [2, 2, 2, 3, 1, 2], [0.99, 0.98, 0.97, 0.5, 0.9, 0.9])
    assert most_confident_mistakes(found, 2).tolist() == [0, 3]
    assert most_confident_mistakes(found, 3).tolist() == [0, 1, 3]
    assert most_confident_mistakes(found).tolist() == [0, 1, 2, 3]


def drawn(duration_s: float = 10) -> DrawnRecord:
    times = np.arange(int(100 * duration_s)) / 100
    waveform = np.tile(np.sin(2 * np.pi * times), (12, 1)).astype(np.float32)
    waveform[3] = np.nan
    return DrawnRecord(NASTY, NASTY, "AFIB", "SR", 0.9, 0.05, waveform, 100.0, NASTY)


def test_text_of_tables_never_becomes_markup() -> None:
    one = evaluated(MIXED)
    random = np.random.default_rng(0)
    checks = ExplanationChecks(
        ["SR"] * 5, random.normal(size=5) / 50, np.ones(5), np.zeros(5), np.ones(5), 0.15, [("all", 0, 0)], 2
    )
    columns = ClinicalImportance((NASTY,), np.ones(1), np.ones(1), 5, 5, 2.0)
    sections = [
        overview_section([one]),
        confusions_section([one]),
        sources_section({"test": (one, {NASTY: one.scores})}),
        mistakes_section([drawn()]),
        explanations_section(
            [ExplainedRecord(drawn(6), np.zeros((12, 600), dtype=np.float32), [(NASTY, 1.0)])], checks, columns
        ),
    ]
    html = render_page(NASTY, NASTY, sections)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 10


def test_explanations_that_mark_no_better_than_chance_are_not_to_be_relied_on() -> None:
    values = np.linspace(-0.1, 0.1, 20)
    checks = ExplanationChecks(["SR"] * 20, np.zeros(20), values, np.zeros(20), values, 0.15, [("all", 0, 0)], 2)
    explained = [ExplainedRecord(drawn(), np.ones((12, 1000), dtype=np.float32), [])]
    assert "do not rely on the explanations" in explanations_section(explained, checks, None).findings[0]
    better = ExplanationChecks(["SR"] * 20, np.zeros(20), values + 0.3, np.zeros(20), values, 0.15, [("all", 0, 0)], 2)
    assert "matter to the model" in explanations_section(explained, better, None).findings[0]


def test_abstentions_have_reasons_and_sets_are_scored_by_original_and_harmonised_labels() -> None:
    n = MIXED.n_records
    reasons = tuple(NASTY if row < 4 else "" for row in range(n))
    sets = np.eye(4, dtype=bool)[MIXED.y_pred]
    answers = Answers(reasons, np.linspace(0, 1, n), sets)
    own = replace(evaluated(MIXED), answers=answers, outside={"paced": (10, 9)}, y_harmonised=MIXED.y_pred)
    section = abstention_section([own], promised=0.9, n_bootstrap=50)
    assert section is not None
    assert listing(section, "test_abstentions").columns == {"reason": [NASTY], "records": [4]}
    assert listing(section, "test_outside").columns["abstained on"] == [9]
    table = listing(section, "test_sets")
    assert table.columns["coverage (95 % CI)"][0].startswith("0.700")
    assert {cell.partition(" ")[0] for cell in table.columns["coverage, harmonised labels"]} == {"1.000"}
    assert section.metrics["test_answered"] == 0.9
    assert abstention_section([evaluated(MIXED)]) is None
    assert "<script>" not in render_page("Title", "", [section])


def test_an_overconfident_model_is_named_with_confidence_and_accuracy() -> None:
    sure = predictions([0] * 20 + [1] * 20, [0] * 30 + [1] * 10, [0.99] * 40)
    section = calibration_section([evaluated(sure)], how="Not at all.")
    (finding,) = section.findings
    assert all(text in finding for text in ("99.0%", "75.0%", "overconfident"))
    bins = listing(section, "test_reliability").columns
    assert [
        n for name, n in zip(bins["probability of"], bins["records"], strict=True) if name == "most probable class"
    ] == [40]
