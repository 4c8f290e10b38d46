"""The sample is drawn as documented, and numbers are written as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecgml.exploration.survey import LEAST_PER_RHYTHM, NO_FILE, counted, draw_rows, listed, out_of
from ecgml.records.rhythms import RHYTHM_CODES
from tests.exploration.surveys import make_signals, make_survey, make_waveforms


def test_the_sample_fills_up_rare_rhythms_and_keeps_the_proportions_of_the_rest() -> None:
    survey = make_survey(["SB"] * 3000 + ["SR"] * 1000 + ["AVRT"] * 8 + [""] * 92)
    rows = draw_rows(survey, 500, seed=1)
    drawn = survey.rhythms[rows]
    assert len(set(rows.tolist())) == 500
    assert (drawn == RHYTHM_CODES.index("AVRT")).sum() == 8
    assert (drawn == -1).sum() >= LEAST_PER_RHYTHM
    assert (drawn == 0).sum() == pytest.approx(3 * (drawn == 1).sum(), rel=0.25)
    np.testing.assert_array_equal(rows, draw_rows(survey, 500, seed=1))
    assert not np.array_equal(rows, draw_rows(survey, 500, seed=2))


def test_only_usable_rows_are_drawn() -> None:
    survey = make_survey(["SB"] * 20)
    survey = replace(survey, states=np.where(np.arange(20) < 5, survey.states, NO_FILE))
    assert draw_rows(survey, 100, seed=0).tolist() == [0, 1, 2, 3, 4]
    assert len(draw_rows(survey, 2, seed=0)) == 2


def test_a_signal_without_a_lead_or_cut_short_is_not_whole() -> None:
    waveforms = make_waveforms(3)
    waveforms[1, 6] = 0
    signals = make_signals(make_survey(["SR"] * 3), waveforms)
    signals.n_valid[2] = 600
    assert signals.whole.tolist() == [True, False, False]


def test_numbers_and_lists_in_prose() -> None:
    assert (counted(1, "row"), counted(2000, "row"), counted(0, "row")) == ("1 row", "2,000 rows", "0 rows")
    assert (listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == (
        "",
        "a",
        "a and b",
        "a, b and c",
    )
    assert listed(list("abcdef"), 4) == "a, b, c and 3 more"
    assert (out_of(3, 3, "signal"), out_of(1, 1, "signal"), out_of(2, 3, "signal")) == (
        "all 3 signals", "the only signal", "2 of 3 signals",
    )  # fmt: skip
