"""predictions.csv: read back bit for bit, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecgml.errors import EvaluationError, OutputError
from ecgml.evaluation.prediction_files import read_predictions, write_predictions
from ecgml.evaluation.predictions import Predictions


def test_probabilities_come_back_bit_for_bit(simulate: Callable[..., Predictions], tmp_path: Path) -> None:
    predictions = simulate(500, decimals=17, n_unscored=3)
    again = read_predictions(write_predictions(predictions, tmp_path / "new" / "predictions.csv"))
    np.testing.assert_array_equal(again.y_prob, predictions.y_prob)
    np.testing.assert_array_equal(again.y_true, predictions.y_true)
    assert again.classes == predictions.classes


def test_awkward_names_come_back_as_written(tmp_path: Path) -> None:
    """Ids that look like numbers or missing values, notes with commas, quotes and umlauts."""
    predictions = Predictions(
        ("00123", "NA", "1e5"),
        ("Sinus, slow", "SR"),
        np.array([0, 1, 0]),
        np.array([[0.25, 0.75], [1.0, 0.0], [np.nan, np.nan]]),
        groups=("007", "nan", ""),
        sources=("", "St. Jürgen", "b"),
        notes=("", 'said "flat", twice', "lead V1: 0 mV"),
    )
    again = read_predictions(write_predictions(predictions, tmp_path / "predictions.csv"))
    for field in ("record_ids", "classes", "groups", "sources", "notes"):
        assert getattr(again, field) == getattr(predictions, field)


def test_the_file_says_what_was_true_and_what_was_predicted(by_hand: Predictions, tmp_path: Path) -> None:
    table = pd.read_csv(write_predictions(by_hand, tmp_path / "predictions.csv"), keep_default_na=False)
    columns = "record_id group source y_true y_pred scored prob_A prob_B prob_C note"
    assert list(table) == columns.split()
    assert table.y_true.tolist() == list("AAABBC")
    assert table.y_pred.tolist() == ["A", "A", "B", "B", "", "A"]
    assert table.scored.tolist() == [True] * 4 + [False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "record_id,y_true,prob_SB,prob_SR\na,SBB,1,0\n",
            "record a has y_true 'SBB', did you mean 'SB'.*one of SB, SR",
        ),
        ("record_id,y_true,prob_SB,prob_SR\na,SB,one,0\n", "record a has 'one' for prob_SB, expected a number"),
        ("record_id,y_true,prob_SB,prob_SR\na,SB,0.5,0\n", "predictions.csv: predictions: .*sum to 0.5"),
        ("id,y_true,prob_SB,prob_SR\na,SB,1,0\n", "no column 'record_id' among id, y_true"),
        ("record_id,y_true\na,SB\n", "y_true 'SB'"),
        ("", "cannot be read as CSV"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=message):
        read_predictions(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="does not exist"):
        read_predictions(tmp_path / "predictions.csv")


def test_a_write_that_fails_leaves_what_was_there(
    by_hand: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text("before")

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OutputError, match=r"predictions\.csv: cannot be written: No space left on device"):
        write_predictions(by_hand, path)
    assert [file.name for file in tmp_path.iterdir()] == ["predictions.csv"]
    assert path.read_text() == "before"


def test_a_place_that_cannot_be_is_refused(by_hand: Predictions, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_predictions(by_hand, tmp_path / "file" / "predictions.csv")
