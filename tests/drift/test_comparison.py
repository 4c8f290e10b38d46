"""PSI and KS against hand-worked tables, SciPy, and their stated rate of false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ecgml.drift.characteristics import Characteristic, characteristics
from ecgml.drift.comparison import FALSE_ALARM_RATE, LEAST_RECORDS, compare, ks, psi
from ecgml.drift.reference import Reference

CLASSES = ("AFIB", "GSVT", "SB", "SR")
RATE = Characteristic("ventricular_rate", "Ventricular rate", "/min", (60, 80, 100))


def test_psi_is_that_of_a_hand_worked_table() -> None:
    """Shares .5 and .5 against .25 and .75: (.5-.25) ln 2 + (.5-.75) ln(2/3) = 0.27465; half a record changes 1e-5."""
    n = 100_000
    assert psi(np.array([n, 3 * n]), np.array([2 * n, 2 * n])) == pytest.approx(0.27465, abs=1e-4)


def test_ks_of_bins_is_scipys_of_the_values() -> None:
    rng = np.random.default_rng(0)
    before, now = rng.integers(0, 4, 200), rng.integers(0, 4, 90)
    expected = stats.ks_2samp(before, now).statistic
    assert ks(np.bincount(before), np.bincount(now)) == pytest.approx(expected)


def drawn(rng: np.random.Generator, n: int, *, rate: float = 72.0) -> list[dict[str, float | str | None]]:
    """Return records of a made-up source whose characteristics depend on each other."""
    rates = rng.gamma(20, rate / 20, n)
    records = []
    for value in rates:
        fast = float(value > 100)
        records.append(
            {
                "usable_record": "unusable" if rng.random() < 0.01 else "usable",
                "usable_leads": "11" if rng.random() < 0.02 else "12",
                "unusable_lead": "V6" if rng.random() < 0.02 else "none",
                "amplitude": rng.lognormal(0, 0.3),
                "noise": rng.lognormal(1.5, 0.5),
                "ventricular_rate": value,
                "rr_cv": rng.lognormal(-3, 1) if value > 40 else float("nan"),
                "p_consistency": rng.uniform(-0.2, 1),
                "pr_interval": rng.normal(160, 25) if rng.random() < 0.8 else float("nan"),
                "qrs_duration": rng.normal(92, 14),
                "qt_corrected": rng.normal(420, 30) + 20 * fast,
                "age": rng.uniform(18, 95) if rng.random() < 0.5 else None,
                "sex": rng.choice(["male", "female"]),
                "rhythm": "GSVT" if fast else "SB" if value < 60 else str(rng.choice(["SR", "SR", "AFIB"])),
                "confidence": rng.beta(8, 1),
                "abstained": "abstained" if rng.random() < 0.05 else "answered",
            }
        )
    return records


def alarms(reference: Reference, records: list[dict[str, float | str | None]]) -> list[str]:
    """Return what drifted."""
    counts = Reference.of(reference.characteristics, records).counts
    return [one.characteristic.name for one in compare(reference, counts) if one.drifted]


@pytest.mark.slow
@pytest.mark.parametrize(("n_reference", "n_recent"), [(80, LEAST_RECORDS), (400, LEAST_RECORDS), (400, 400)])
def test_false_alarms_are_no_more_than_stated(n_reference: int, n_recent: int) -> None:
    """Of 60 judgements at 1 %, 4 or more false ones would come in 0.3 % of all tries (binomial)."""
    rng = np.random.default_rng(n_reference + n_recent)
    false = 0
    for _ in range(60):
        reference = Reference.of(characteristics(CLASSES), drawn(rng, n_reference))
        false += bool(alarms(reference, drawn(rng, n_recent)))
    assert stats.binom.sf(3, 60, FALSE_ALARM_RATE) < 0.004
    assert false <= 3


def test_the_same_source_is_no_drift_however_few_records_there_are() -> None:
    rng = np.random.default_rng(4)
    for n_recent in (LEAST_RECORDS, 150):
        reference = Reference.of(characteristics(CLASSES), drawn(rng, 80))
        assert alarms(reference, drawn(rng, n_recent)) == []


def test_a_faster_source_and_a_dead_lead_are_noticed() -> None:
    rng = np.random.default_rng(1)
    reference = Reference.of(characteristics(CLASSES), drawn(rng, 300))
    assert "ventricular_rate" in alarms(reference, drawn(rng, 60, rate=100))
    dead = [{**record, "usable_leads": "11", "unusable_lead": "V3"} for record in drawn(rng, 60)]
    assert {"usable_leads", "unusable_lead"} <= set(alarms(reference, dead))


def test_the_threshold_falls_as_records_come_in() -> None:
    rng = np.random.default_rng(2)
    reference = Reference.of((RATE,), drawn(rng, 500))
    thresholds = []
    for n in (50, 200, 2000):
        (difference,) = compare(reference, Reference.of((RATE,), drawn(rng, n)).counts)
        thresholds.append(difference.psi_threshold)
    assert thresholds == sorted(thresholds, reverse=True)


def test_a_certain_but_small_difference_is_none() -> None:
    before = Reference(100_000, (RATE,), np.array([25_000, 25_000, 25_000, 25_000]))
    (difference,) = compare(before, np.array([26_000, 24_000, 26_000, 24_000]))
    assert difference.psi > 0
    assert not difference.drifted


def test_few_records_are_not_judged() -> None:
    reference = Reference(100, (RATE,), np.array([100, 0, 0, 0]))
    assert compare(reference, np.array([0, 0, 0, LEAST_RECORDS - 1])) == []
    assert len(compare(reference, np.array([0, 0, 0, LEAST_RECORDS]))) == 1


def test_the_largest_change_is_said_in_words() -> None:
    (difference,) = compare(Reference(100, (RATE,), np.array([80, 20, 0, 0])), np.array([0, 10, 0, 90]))
    assert difference.text == "Ventricular rate, 100/min and above: 90 % now, 0 % in validation"
