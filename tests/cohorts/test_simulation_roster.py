"""The demo cohort's records: the real set's proportions, dates, wrong labels, defects and duplicates."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.simulation import demo
from ecgml.cohorts.simulation.admission import admit
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.cohorts.simulation.roster import Admission, admissions
from ecgml.records.rhythms import RHYTHM_CODES

THOUSAND = tuple(admissions(1000, 0))


def test_a_record_does_not_depend_on_the_others() -> None:
    """Simulated alone, in another order, in another process: only seed and number count."""
    forwards = [admit(admission, 9)[0] for admission in THOUSAND[:3]]
    backwards = [admit(admission, 9)[0] for admission in THOUSAND[2::-1]]
    np.testing.assert_array_equal(forwards, backwards[::-1])


def test_rhythms_come_in_the_real_proportions_but_none_is_missing() -> None:
    """Shares of Zheng et al. 2020 within a tenth of them; six of each at 1,000 and one of each at 40."""
    counts = Counter(admission.label for admission in THOUSAND)
    for rhythm, real in {"SB": 3889, "SR": 1826, "AFIB": 1780, "ST": 1568, "SVT": 587, "AF": 445, "SA": 399}.items():
        assert counts[rhythm] == pytest.approx(1000 * real / 10_646, rel=0.1)
    assert min(counts[rhythm] for rhythm in RHYTHM_CODES) >= 6
    assert {admission.label for admission in THOUSAND[:40]} == set(RHYTHM_CODES)


def test_some_labels_are_wrong() -> None:
    """2.5 % in the mean; of 1,000 between 1 and 4 % (four standard deviations of the binomial)."""
    wrong = [admission for admission in THOUSAND if admission.label != admission.rhythm]
    assert 0.01 < len(wrong) / 1000 < 0.04


def test_names_are_unique_and_their_dates_betray_the_rhythm_as_in_the_real_set() -> None:
    """Of the real SR 99.6 % were recorded on two days; half of SVT and flutter on 2018-07-12."""
    assert len({admission.name for admission in THOUSAND}) == 1000
    dates = {rhythm: Counter(a.name[5:13] for a in THOUSAND if a.label == rhythm) for rhythm in RHYTHM_CODES}
    assert (dates["SR"]["20180209"] + dates["SR"]["20180210"]) / dates["SR"].total() > 0.96
    assert not set(dates["SB"]) & {"20180209", "20180210", "20180712"}
    assert 0.35 < dates["SVT"]["20180712"] / dates["SVT"].total() < 0.75


def test_defects_come_as_in_the_real_set() -> None:
    """Files of zeros are all SVT of one day; at 1,000 records every defect is there."""
    defects = Counter(admission.defect for admission in THOUSAND)
    assert 3 <= defects["zeros"] <= 5
    assert (defects["nan"], defects["truncated"], defects["saturated"], defects["atrial rate"]) == (2, 1, 1, 1)
    zeros = [admission for admission in THOUSAND if admission.defect == "zeros"]
    assert {(admission.label, admission.name[5:13]) for admission in zeros} == {("SVT", "20181222")}


def first(defect: str) -> Admission:
    return next(admission for admission in THOUSAND if admission.defect == defect)


def test_defects_are_in_the_waveform_or_the_row() -> None:
    assert not admit(first("zeros"), 0)[0].any()
    missing = np.isnan(admit(first("nan"), 0)[0])
    assert missing.all(axis=0).sum() == missing.any(axis=0).sum() == 400
    saturated = np.abs(admit(first("saturated"), 0)[0]).max(axis=1) > 10
    assert saturated[:6].sum() == 0
    assert saturated.sum() == 1
    assert admit(first("atrial rate"), 0)[1]["AtrialRate"] == 0


def test_duplicates_share_all_measurements_and_the_label_and_differ_in_noise() -> None:
    twins = [admission for admission in THOUSAND if admission.patient_number != admission.number]
    assert len(twins) == 2
    for twin in twins:
        original = THOUSAND[twin.patient_number]
        (one, row), (two, twin_row) = admit(original, 0), admit(twin, 0)
        assert row.pop("FileName") != twin_row.pop("FileName")
        assert row == twin_row
        assert 0.003 < np.sqrt(np.mean((one - two) ** 2)) < 0.3  # mV


@pytest.mark.parametrize("layout", ["chapman", "wfdb"])
def test_files_of_spoilt_records_are_spoilt(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [first("zeros"), first("nan"), first("truncated")]
    monkeypatch.setattr(demo, "admissions", lambda n_records, seed: iter(chosen))
    write_demo(tmp_path / "demo", n_records=3, layout=layout)
    files = {}
    for admission in chosen:
        pattern = f"{admission.name}.csv" if layout == "chapman" else f"JS{admission.number + 1:05d}.mat"
        files[admission.defect] = next((tmp_path / "demo").rglob(pattern)).read_bytes()
    if layout == "chapman":
        assert set(files["zeros"].splitlines()[1].split(b",")) == {b"0.00"}
        assert files["nan"].count(b"NaN") == 12 * 400
        assert 2000 < files["truncated"].count(b"\n") < 4000
    else:
        assert not np.frombuffer(files["zeros"], "<i2", offset=24).any()
        assert (np.frombuffer(files["nan"], "<i2", offset=24) == -32768).sum() == 12 * 400
        assert len(files["truncated"]) == int(0.6 * (24 + 2 * 12 * 5000))
