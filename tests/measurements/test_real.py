"""Real recordings: rates and axes against the electrocardiograph's, fibrillation against cardiologists' statements."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ecgml.cohorts.cohort import Entry, read_entry
from ecgml.cohorts.diagnostics import read_diagnostics
from ecgml.cohorts.opening import open_cohort
from ecgml.preprocessing.preprocess import preprocess
from ecgml.preprocessing.settings import PreprocessingSettings

pytestmark = pytest.mark.real


def measured(entry: Entry, fs: float = 100) -> Mapping[str, float]:
    return preprocess(read_entry(entry), PreprocessingSettings(fs=fs)).measured


@pytest.fixture(scope="module")
def chapman(real_data: Path) -> list[tuple[str, Mapping[str, float], Mapping[str, float]]]:
    """Return (id, given, measured) of every recording, of any edition of the set, that Diagnostics has a row for."""
    diagnostics = read_diagnostics(real_data / "chapman")
    given = {alias: row.given for row in diagnostics.rows for alias in row.aliases}
    folders = [real_data / folder for folder in ("chapman", "ecg-arrhythmia", "cinc2021/chapman_ningbo")]
    entries = [entry for folder in folders if folder.is_dir() for entry in open_cohort(folder).entries]
    return [(entry.record_id, given[entry.record_id], measured(entry)) for entry in entries if entry.record_id in given]


def test_rates_are_those_of_the_electrocardiograph_in_every_rhythm(chapman) -> None:
    """Within 1.5/min, fibrillation too: it states whole numbers, and may count a beat that an end of the file cuts."""
    assert len(chapman) > 10
    for record_id, given, values in chapman:
        assert values["ventricular_rate"] == pytest.approx(given["ventricular_rate"], abs=1.5), record_id


@pytest.mark.parametrize(("name", "median_degrees"), [("r_axis", 5), ("t_axis", 8)])
def test_axes_are_near_those_of_the_electrocardiograph(chapman, name: str, median_degrees: float) -> None:
    """It measures its own median beat between its own marks; 5 and 8 degrees are twice what was found."""
    apart = [abs((values[name] - given[name] + 180) % 360 - 180) for _, given, values in chapman if name in values]
    assert len(apart) > len(chapman) / 2
    assert np.median(apart) < median_degrees


def test_sampling_frequency_changes_no_rate_and_hardly_a_value(real_data: Path) -> None:
    # Most of it is the resampler's doing; of the P wave the last digit is noise.
    for entry in open_cohort(real_data / "cinc2021" / "georgia").entries[:12]:
        at_100, at_500 = measured(entry), measured(entry, 500)
        for name, tolerance in {
            "ventricular_rate": 0.05,
            "rr_cv": 0.002,
            "rr_jump": 0.002,
            "p_consistency": 0.1,
        }.items():
            assert at_500[name] == pytest.approx(at_100[name], abs=tolerance), (entry.record_id, name)


def test_p_waves_and_rr_intervals_tell_fibrillation_from_sinus_rhythm(real_data: Path) -> None:
    """Each value alone, on every AFIB of the folder and the first 150 sinus rhythms; 0.99 and 0.96 were found."""
    entries = open_cohort(real_data / "ptbxl").entries
    fibrillation = [measured(entry) for entry in entries if entry.rhythms == ("AFIB",)]
    sinus = [measured(entry) for entry in [entry for entry in entries if entry.rhythms in (("SR",), ("SA",))][:150]]
    y_true = np.repeat([1, 0], [len(fibrillation), len(sinus)])
    for name, sign, least in (("p_consistency", -1, 0.97), ("rr_concordance", -1, 0.94), ("rr_jump", 1, 0.92)):
        scores = [sign * values[name] for values in (*fibrillation, *sinus)]
        assert roc_auc_score(y_true, scores) > least, name
