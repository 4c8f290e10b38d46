"""Remarks on records, and a class that bears more than its share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.datasets.cache import CachedCohort, Quarantined
from ecgml.datasets.quarantine import as_columns, losses_by_reason, remarks_on, unequal_losses
from ecgml.records.schemes import scheme_named

RHYTHMS = scheme_named("rhythms")


def cohort_of(counts: dict[str, tuple[int, int]]) -> tuple[Cohort, CachedCohort]:
    """Return a cohort with so many records and unusable ones of each rhythm."""
    entries, bad = [], []
    for rhythm, (n, n_bad) in counts.items():
        for index in range(n):
            entries.append(Entry(f"{rhythm}{index}", Path(f"/d/{rhythm}{index}.csv"), (rhythm,) if rhythm else ()))
            if index < n_bad:
                bad.append(Quarantined(f"{rhythm}{index}", "flat", "zero"))
    ids = tuple(one.record_id for one in entries if one.record_id not in {record.record_id for record in bad})
    nothing = np.zeros(0)
    cached = CachedCohort(
        nothing, nothing, ids, nothing, nothing, ("",) * len(ids), ("",) * len(ids), tuple(bad), "digest"
    )
    return Cohort("c", "chapman", Path("/d"), tuple(entries)), cached


def test_the_real_sets_forty_empty_svt_files_are_a_warning() -> None:
    """All 40 all-zero files are SVT (587 records); of the others some ten cannot be read."""
    cohort, cached = cohort_of({"SB": (3889, 4), "SR": (1826, 2), "AFIB": (1780, 3), "ST": (1568, 1), "SVT": (587, 40)})
    (warning,) = unequal_losses(cohort, cached, RHYTHMS)
    assert warning.startswith(
        "SVT loses 40 of 587 records (6.8%) to the quarantine, the other classes 10 of 9,063 (0.1%)"
    )


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param({"SB": (3889, 40), "SR": (1826, 19), "SVT": (587, 8)}, id="an equal share"),
        pytest.param({"SB": (100, 0), "SVT": (100, 2)}, id="two records"),
        pytest.param({"SVT": (100, 40)}, id="one class"),
        pytest.param({"SB": (10, 10), "SVT": (10, 10)}, id="everything"),
        pytest.param({"SB": (0, 0), "": (50, 9)}, id="no class"),
    ],
)
def test_what_chance_or_equality_explains_is_no_warning(counts: dict[str, tuple[int, int]]) -> None:
    assert unequal_losses(*cohort_of(counts), RHYTHMS) == []


def test_losses_are_counted_by_reason_and_class() -> None:
    cohort, cached = cohort_of({"SB": (9, 1), "SVT": (9, 3), "": (2, 1)})
    assert losses_by_reason(cohort, cached, RHYTHMS) == {"flat": {"SVT": 3, "SB": 1, "no class": 1}}


def test_a_mended_record_that_is_suspect_too_has_two_remarks() -> None:
    cohort, cached = cohort_of({"SB": (2, 1)})
    cached = CachedCohort(**{**vars(cached), "notes": ("V1 left out: flat; suspect: aVL inverted; V2 left out: flat",)})
    assert [(one.record_id, one.used, one.reason, one.message) for one in remarks_on(cached)] == [
        ("SB0", False, "flat", "zero"),
        ("SB1", True, "mended", "V1 left out: flat; V2 left out: flat"),
        ("SB1", True, "suspect", "aVL inverted"),
    ]
    columns = as_columns([cohort], [cached])
    assert columns["file"] == ["SB0.csv", "SB1.csv", "SB1.csv"]
    assert columns["rhythms"] == ["SB"] * 3
