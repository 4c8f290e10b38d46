"""Differences between two sets of records: paired where they share patients, independent where they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ecgml.errors import EvaluationError
from ecgml.evaluation.comparison import compare
from ecgml.evaluation.contrast import contrast
from ecgml.evaluation.predictions import Predictions


def test_on_the_same_records_it_is_the_paired_comparison(simulate: Callable[..., Predictions]) -> None:
    a, b = simulate(300, skill=2.0), simulate(300, seed=1)
    ours, theirs = contrast(a, b, n_bootstrap=500, seed=3), compare(a, b, n_bootstrap=500, seed=3).differences
    for name in ("accuracy", "macro_f1", "macro_auroc", "ece"):
        assert ours[name] == theirs[name]


def test_on_other_patients_variances_add(simulate: Callable[..., Predictions]) -> None:
    """Of two independent accuracies the difference's interval is sqrt(2) times as wide as one's, as binomials go.

    Within 15 %: 2,000 draws give an interval's width to about 5 %.
    """
    a = simulate(400, skill=1.0)
    other = tuple(f"other {row}" for row in range(400))
    b = replace(simulate(400, skill=1.0, seed=1), record_ids=other, groups=other)
    difference = contrast(a, b)["accuracy"]
    spread = [p * (1 - p) / 400 for p in ((one.y_pred == one.y_true).mean() for one in (a, b))]
    assert difference.high - difference.low == pytest.approx(2 * 1.96 * np.sqrt(sum(spread)), rel=0.15)


def test_shared_patients_narrow_the_interval(simulate: Callable[..., Predictions]) -> None:
    """A part of a set against the whole: what they share moves both."""
    whole = simulate(400, skill=1.0)
    part = whole.take(range(300))
    renamed = tuple(f"other {row}" for row in range(300))
    together, apart = contrast(part, whole), contrast(replace(part, record_ids=renamed, groups=renamed), whole)
    width = [one["accuracy"].high - one["accuracy"].low for one in (together, apart)]
    assert width[0] < 0.6 * width[1]


def test_other_classes_are_refused(simulate: Callable[..., Predictions]) -> None:
    with pytest.raises(EvaluationError, match="one scheme"):
        contrast(simulate(), simulate(300, ("A", "B")))
