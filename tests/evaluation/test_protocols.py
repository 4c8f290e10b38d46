"""Protocols: folds are pooled whole, the drop is paired where the records are the same, too few is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from ecgml.errors import EvaluationError
from ecgml.evaluation.comparison import compare
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.protocols import ProtocolScores, judge_protocols, pool, protocol_table
from ecgml.evaluation.scores import score
from ecgml.evaluation.subgroups import score_subgroups
from ecgml.page.html import render_page
from ecgml.report.evaluated import Evaluated
from ecgml.report.protocols import protocols_section
from ecgml.report.subgroups import subgroups_section

PNG = b"\x89PNG\r\n\x1a\n"


def folds_of(predictions: Predictions, n_folds: int = 3) -> list[ProtocolScores]:
    number = np.arange(predictions.n_records) % n_folds
    return [ProtocolScores(f"{k + 1} of {n_folds}", 200, predictions.subset(number == k)) for k in range(n_folds)]


def elsewhere(predictions: Predictions, name: str = "other") -> Predictions:
    ids = tuple(f"{name} {row}" for row in range(predictions.n_records))
    return replace(predictions, record_ids=ids, groups=ids, sources=(name,) * len(ids))


def test_folds_are_scored_together_as_one_set(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(300)
    pooled = pool(folds_of(predictions))
    assert sorted(pooled.record_ids) == sorted(predictions.record_ids)
    ours, theirs = score(pooled, n_bootstrap=0), score(predictions, n_bootstrap=0)
    for name in ("accuracy", "macro_f1", "macro_auroc", "ece"):
        assert ours[name].value == pytest.approx(theirs[name].value, abs=1e-12)


def test_a_record_tested_twice_is_refused(simulate: Callable[..., Predictions]) -> None:
    once = ProtocolScores("1 of 2", 10, simulate(50))
    with pytest.raises(EvaluationError, match="is there twice"):
        pool([once, once])


def test_where_the_records_are_the_same_the_drop_is_paired(simulate: Callable[..., Predictions]) -> None:
    """The default part is 100 of the 300 records: the drop is that of the paired comparison on those."""
    default, everything = simulate(300, skill=2.5).take(range(100)), simulate(300, skill=1.5, seed=1)
    outcomes = {"default": [ProtocolScores("test part", 200, default)], "kfold": folds_of(everything)}
    found = judge_protocols(outcomes, n_bootstrap=200, seed=4)[1]
    expected = compare(default, everything.take(range(100)), n_bootstrap=200, seed=4).differences["macro_f1"]
    assert found.drop["macro_f1"] == expected
    assert found.basis == "paired, on the 100 records of the default test part"
    assert found.scores.n_records == 300


def test_on_other_patients_it_is_not_called_paired(simulate: Callable[..., Predictions]) -> None:
    default, other = simulate(300, skill=2.5), elsewhere(simulate(200, skill=0.5, seed=1))
    outcomes = {
        "default": [ProtocolScores("test part", 1, default)],
        "external": [ProtocolScores("external cohort", 1, other)],
    }
    found = judge_protocols(outcomes, n_bootstrap=200)[1]
    assert found.basis == "not paired: other patients"
    ours = found.drop["accuracy"]
    assert ours.value == pytest.approx(
        (default.y_pred == default.y_true).mean() - (other.y_pred == other.y_true).mean()
    )
    assert ours.low > 0


def test_a_source_of_few_patients_is_too_few_to_tell(simulate: Callable[..., Predictions]) -> None:
    big, small = elsewhere(simulate(200), "big"), elsewhere(simulate(12, seed=2), "small")
    outcomes = {
        "default": [ProtocolScores("test part", 100, simulate(100))],
        "source": [
            ProtocolScores("big", 12, big),
            ProtocolScores("small", 100, small),
            ProtocolScores("tiny", 0, None, "one class"),
        ],
    }
    found = judge_protocols(outcomes, n_bootstrap=50)[1]
    assert [fold.note for fold in found.folds] == [
        "trained on 12 records alone, the default split on 100", "too few to tell", "one class",
    ]  # fmt: skip
    assert found.note == ""
    assert found.notes == ("tiny: one class",)
    table = protocol_table(judge_protocols(outcomes, n_bootstrap=50)).set_index(["protocol", "held_out"])
    assert table.loc[("source", "small"), "note"] == "too few to tell"
    assert table.loc[("source", ""), "n_records"] == 212
    assert np.isnan(table.loc[("source", "tiny"), "macro_f1"])


def test_a_protocol_that_nothing_could_be_trained_for_has_no_figures(simulate: Callable[..., Predictions]) -> None:
    outcomes = {
        "default": [ProtocolScores("test part", 1, simulate())],
        "date": [ProtocolScores("1 of 2", 0, None, "no")],
    }
    assert [one.name for one in judge_protocols(outcomes, n_bootstrap=20)] == ["default"]


def evaluated(predictions: Predictions, attributes: Mapping[str, Sequence[str]]) -> Evaluated:
    scores = score(predictions, n_bootstrap=0)
    subgroups = score_subgroups(predictions, attributes, n_bootstrap=50)
    return Evaluated("test", "test part", predictions, scores, subgroups=subgroups)


def test_the_sections_have_text_figures_and_tables(simulate: Callable[..., Predictions]) -> None:
    default, everything = simulate(300, skill=3.0).take(range(100)), simulate(300, skill=0.5, seed=1)
    protocols = judge_protocols(
        {"default": [ProtocolScores("test part", 200, default)], "kfold": folds_of(everything)}, n_bootstrap=100
    )
    section = protocols_section(protocols, impossible={"date": ["no record has a date"]}, note="Simulated data")
    assert "Not possible: acquisition days held out, pooled: no record has a date." in section.words
    assert section.parts[0].png.startswith(PNG)
    assert "a significant drop" in section.findings[0]
    here, before = (score(one, n_bootstrap=0)["macro_f1"].value for one in (everything.take(range(100)), default))
    assert f"{here:.3f} against {before:.3f}" in section.findings[0]
    drop = protocols[1].drop["macro_f1"]
    assert section.metrics["protocol_kfold_drop_macro_f1"] == drop.value
    assert section.metrics["protocol_default_macro_f1"] == protocols[0].scores["macro_f1"].value
    ward = {"ward": ["<b>a</b>" if row % 2 else "b" for row in range(300)]}
    by_ward = subgroups_section([evaluated(everything, ward)])
    assert by_ward is not None
    assert by_ward.parts[0].png.startswith(PNG)
    html = render_page("Title", "", [section, by_ward])
    assert "<b>a</b>" not in html
    assert "ward &lt;b&gt;a&lt;/b&gt;" in html


def test_unknown_attributes_are_counted(simulate: Callable[..., Predictions]) -> None:
    section = subgroups_section([evaluated(simulate(), {"sex": [""] * 300})])
    assert section is not None
    assert section.parts == ()
    assert "sex 300" in section.words[-1]
    assert "unknown" in section.words[-1]
