"""Readers on real recordings."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.errors import RecordError
from ecgml.records.reading import read_record

pytestmark = pytest.mark.real

LEAST = {"cinc2021": 98, "ecg-arrhythmia": 4, "ptbxl": 1732}
"""Headers of each folder that the tests were written with; more may come."""


def test_every_wfdb_record_reads_and_its_checksums_fit(real_data):
    counts = {folder: len(list((real_data / folder).rglob("*.hea"))) for folder in LEAST}
    assert {folder: min(count, LEAST[folder]) for folder, count in counts.items()} == LEAST
    for header in sorted(real_data.rglob("*.hea")):
        record = read_record(header)
        assert np.isfinite(record.waveform).all()
        assert record.fs in (100, 500)
        assert 5 < record.duration_s < 60


@pytest.mark.filterwarnings("ignore")  # The package uses what pandas deprecates.
@pytest.mark.parametrize("folder", ["cinc2021/cpsc", "ecg-arrhythmia", "ptbxl/records100/01000"])
def test_records_read_as_the_wfdb_package_reads_them(wfdb, real_data, folder):
    for header in sorted((real_data / folder).rglob("*.hea"))[:20]:
        expected = wfdb.rdrecord(str(header.with_suffix(""))).p_signal.T.astype(np.float32)
        np.testing.assert_array_equal(read_record(header).waveform, expected)


def test_georgias_headers_read_although_their_dates_and_names_are_foreign(real_data):
    header = real_data / "cinc2021" / "georgia" / "E00271.hea"
    assert header.read_text().startswith("E00271.mat 12 500 ")
    record = read_record(header)
    assert len(record.statements) > 0
    assert record.fs == 500


def test_the_raw_and_the_denoised_edition_of_one_ecg_are_the_same_ecg(real_data):
    """JS00008 is row 8 of Diagnostics: MUSE_20180209_172046_21000. Gains, units and lead order must all be right."""
    raw = read_record(real_data / "cinc2021" / "chapman_ningbo" / "JS00008.hea").waveform
    denoised = read_record(
        real_data / "chapman" / "ECGDataDenoised" / "MUSE_20180209_172046_21000.csv", fs=500, unit="uV"
    ).waveform
    # Differences over 20 ms leave the QRS complexes, which denoising keeps, and drop the baseline, which it takes away.
    rise, kept = (one[:, 10:] - one[:, :-10] for one in (raw, denoised))
    correlation = np.corrcoef(rise, kept)[:12, 12:]
    assert (correlation.argmax(axis=1) == np.arange(12)).all()
    assert (correlation.diagonal() > 0.9).all()
    slopes = (rise * kept).sum(axis=1) / (rise**2).sum(axis=1)
    # Within the noise of the small leads: a wrong unit or gain would be off by far more.
    np.testing.assert_allclose(slopes, 1, atol=0.25)


def test_a_cell_of_text_in_a_real_file_is_found(real_data, tmp_path):
    text = next((real_data / "chapman" / "ECGDataDenoised").glob("*.csv")).read_text().splitlines()
    text[4321] = text[4321].replace(",", ",x", 1)
    (tmp_path / "bad.csv").write_text("\n".join(text))
    with pytest.raises(RecordError, match=r"bad\.csv: line 4322, column 2 \(II\): 'x"):
        read_record(tmp_path / "bad.csv", fs=500, unit="uV")
