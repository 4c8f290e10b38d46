"""CSV files: header or none, delimiters, decimal signs, lead order, and what is wrong with the bad ones."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS
from ecgml.records.reading import read_record

CHAPMAN = {"fs": 500.0, "unit": "uV"}


@pytest.fixture
def microvolts() -> np.ndarray:
    """Values with five significant digits, as the denoised files have them, shape (300, 12)."""
    values = np.random.default_rng(3).normal(0, 200, size=(300, 12))
    return np.array([[float(f"{value:.5g}") for value in row] for row in values])


def test_raw_files_with_a_header_and_denoised_ones_without_read_the_same(microvolts, write_csv):
    raw = read_record(write_csv(microvolts, "raw.csv", header=LEADS), **CHAPMAN)
    denoised = read_record(write_csv(microvolts, "denoised.csv"), **CHAPMAN)
    np.testing.assert_array_equal(raw.waveform, denoised.waveform)


def test_values_are_exact_to_float32(tmp_path):
    """Python's own float() is correctly rounded; every cell must agree with it, in every notation."""
    rng = np.random.default_rng(0)
    cells = [
        *(f"{value:.5g}" for value in rng.normal(0, 300, 3000)),
        *(f"{value:.5g}" for value in 10.0 ** rng.uniform(-30, 30, 1500)),
        *(repr(float(value)) for value in rng.normal(0, 1, 1490)),
        *("0", "-0", "+5", ".5", "5.", "1e5", "1E-3", "-1.5e+2", "007", "1e-44"),
    ]
    rows = np.array(cells).reshape(-1, 12)
    path = tmp_path / "cells.csv"
    path.write_text("\n".join(",".join(row) for row in rows))
    expected = np.array([[np.float32(float(cell)) for cell in row] for row in rows]).T
    np.testing.assert_array_equal(read_record(path, fs=500, unit="mV").waveform, expected)


@pytest.mark.parametrize(("delimiter", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ",")])
@pytest.mark.parametrize("header", [None, LEADS])
def test_delimiter_and_decimal_sign_are_recognised(microvolts, write_csv, delimiter, decimal, header):
    path = write_csv(microvolts, header=header, delimiter=delimiter, decimal=decimal)
    expected = read_record(write_csv(microvolts, "plain.csv"), **CHAPMAN).waveform
    np.testing.assert_array_equal(read_record(path, **CHAPMAN).waveform, expected)


def test_a_decimal_comma_may_first_come_late(tmp_path):
    rows = [";".join("0" * 12)] * 50 + [";".join(["1,5"] * 12)]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    assert read_record(tmp_path / "x.csv", fs=500, unit="mV").waveform[0, -1] == 1.5


def test_the_header_decides_the_order_of_leads(microvolts, write_csv):
    order = np.random.default_rng(1).permutation(12)
    shuffled = write_csv(microvolts[:, order], "shuffled.csv", header=[LEADS[index].upper() for index in order])
    plain = write_csv(microvolts, "plain.csv")
    np.testing.assert_array_equal(read_record(shuffled, **CHAPMAN).waveform, read_record(plain, **CHAPMAN).waveform)


def test_a_time_column_is_known_by_its_name_whatever_it_holds(microvolts, tmp_path):
    lines = [",".join(["time", *LEADS])]
    lines += [f"00:00:0{row / 500:.3f}," + ",".join(map(str, values)) for row, values in enumerate(microvolts)]
    (tmp_path / "timed.csv").write_text("\n".join(lines))
    record = read_record(tmp_path / "timed.csv", **CHAPMAN)
    np.testing.assert_allclose(record.waveform, microvolts.T / 1000, rtol=2e-7)


def test_some_leads_are_enough_and_the_others_follow_or_are_missing(microvolts, write_csv):
    record = read_record(write_csv(microvolts[:, :2], header=["I", "II"]), **CHAPMAN)
    np.testing.assert_allclose(record.waveform[2], record.waveform[1] - record.waveform[0], atol=1e-6)
    assert np.isnan(record.waveform[6:]).all()


def test_leads_can_be_named_by_the_caller(microvolts, write_csv):
    path = write_csv(microvolts[:, :3])
    record = read_record(path, **CHAPMAN, leads=["V1", "II", "V5"])
    np.testing.assert_allclose(record.waveform[6], microvolts[:, 0] / 1000, rtol=2e-7)


@pytest.mark.parametrize("empty", ["", "NaN", "nan", "NA", "null", "  "])
def test_empty_cells_become_missing_values(tmp_path, empty):
    rows = [",".join(["1"] * 12), ",".join([empty, *["2"] * 11]), ",".join(["3"] * 12)]
    (tmp_path / "gap.csv").write_text("\n".join(rows) + "\n")
    waveform = read_record(tmp_path / "gap.csv", fs=500, unit="mV").waveform
    np.testing.assert_array_equal(waveform[0], [1, np.nan, 3])
    assert not np.isnan(waveform[1:]).any()


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\N{BYTE ORDER MARK}" + text,
        lambda text: "\n\n" + text + "\n\n",
        lambda text: text.rstrip("\n"),
        lambda text: text.replace(",", " , "),
        lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
    ],
    ids=["CRLF", "CR", "BOM", "blank lines", "no last newline", "blanks", "quotes"],
)
@pytest.mark.parametrize("header", [None, LEADS])
def test_what_editors_do_to_a_file_does_not_matter(microvolts, write_csv, rewrite, header):
    path = write_csv(microvolts, header=header)
    expected = read_record(path, **CHAPMAN).waveform
    path.write_bytes(rewrite(path.read_text()).encode())
    np.testing.assert_array_equal(read_record(path, **CHAPMAN).waveform, expected)


def _set_cell(row: int, column: int, cell: str):
    def damage(lines: list[str]) -> list[str]:
        cells = lines[row].split(",")
        cells[column] = cell
        return [*lines[:row], ",".join(cells), *lines[row + 1 :]]

    return damage


def _insert(row: int, line: str):
    return lambda lines: [*lines[:row], line, *lines[row:]]


def _without_last_column(lines: list[str]) -> list[str]:
    return [line[: line.rindex(",")] for line in lines]


def _one_cell_moved_up(lines: list[str]) -> list[str]:
    """One row too long, the next one too short: the number of cells in the file is right."""
    return [*lines[:9], lines[9] + ",0", *_without_last_column(lines[10:11]), *lines[11:]]


@pytest.mark.parametrize(
    ("damage", "reason", "message"),
    [
        (lambda lines: [], "empty", "the file is empty"),
        (lambda lines: [" ", ""], "empty", "nothing but blanks"),
        (_insert(300, "1,2,3"), "truncated", "line 301 has 3 columns, 12 expected; the file is truncated"),
        (_insert(9, "1,2,3"), "wrong columns", "line 10 has 3 columns, 12 expected; correct"),
        (_insert(9, "1" + ",2" * 12), "wrong columns", "line 10 has 13 columns"),
        (_one_cell_moved_up, "wrong columns", "line 10 has 13 columns"),
        (_without_last_column, "wrong columns", r"11 columns, expected 12 \(I II III"),
        (lambda lines: [f"0,{line}" for line in lines], "wrong columns", "13 columns, expected 12"),
        (_set_cell(16, 3, "abc"), "not a number", r"line 17, column 4 \(aVR\): 'abc' is not a number"),
        (_set_cell(0, 3, "abc"), "not a number", r"line 1, column 4 \(aVR\): 'abc' is not a number"),
        (_set_cell(299, 11, "1.2.3"), "not a number", r"line 300, column 12 \(V6\): '1.2.3' is not a number"),
        (_set_cell(5, 0, "inf"), "not a number", "'inf' is not a number"),
        (_set_cell(5, 0, "1e39"), "not a number", "'1e39' is not a number"),
        (_set_cell(5, 0, "0x10"), "not a number", "'0x10' is not a number"),
        (_set_cell(5, 0, "1_000"), "not a number", "'1_000' is not a number"),
        (_insert(0, ",".join(["I", "II", "II", *LEADS[3:]])), "duplicate lead", "lead II is there twice"),
        (_insert(0, ",".join("abcdefghjklm")), "no leads", "none of the twelve leads among the channels"),
        (lambda lines: [",".join([""] * 12)] * 20, "empty", "holds no value at all"),
        (lambda lines: [",".join(LEADS)], "empty", "holds no value at all"),
        (_insert(0, "\0\1\2"), "format", "is no text"),
    ],
)
def test_a_damaged_file_is_refused_with_place_value_and_reason(microvolts, tmp_path, damage, reason, message):
    path = tmp_path / "damaged.csv"
    path.write_text("\n".join(damage([",".join(map(str, row.tolist())) for row in microvolts])))
    with pytest.raises(RecordError, match=rf"damaged\.csv: .*{message}") as caught:
        read_record(path, **CHAPMAN)
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)


def test_an_all_zero_file_is_read_and_left_to_the_quality_check(write_csv):
    assert not read_record(write_csv(np.zeros((100, 12))), **CHAPMAN).waveform.any()


@pytest.mark.parametrize(
    ("options", "reason", "message"),
    [
        ({"unit": "uV"}, "no fs", r"does not tell its sampling frequency \(Hz\); give fs"),
        ({"fs": 500}, "no unit", r"does not tell its unit \(V, mV, uV, nV\); give unit"),
        ({"fs": 500, "unit": "mmHg"}, "unit", "unit 'mmHg' is not a voltage"),
        ({"fs": 500, "unit": "uV", "leads": ["I", "II"]}, "wrong columns", "12 columns, 2 leads are named"),
    ],
)
def test_what_the_file_does_not_tell_must_be_given(microvolts, write_csv, options, reason, message):
    with pytest.raises(RecordError, match=message) as caught:
        read_record(write_csv(microvolts), **options)
    assert caught.value.reason == reason


def test_a_caller_that_contradicts_the_header_is_refused(microvolts, write_csv):
    path = write_csv(microvolts, header=LEADS)
    assert read_record(path, **CHAPMAN, leads=LEADS).waveform.shape == (12, 300)
    with pytest.raises(RecordError, match=r"the file's leads are 'I II .* leads II I .* was given") as caught:
        read_record(path, **CHAPMAN, leads=["II", "I", *LEADS[2:]])
    assert caught.value.reason == "contradiction"


@pytest.mark.parametrize("spelling", ["{} (uV)", "{} [µV]", "{} / uV", "{}/uV", "{}_uV", "ECG {} (microvolts)"])
def test_a_header_row_may_tell_the_unit(microvolts, write_csv, spelling):
    path = write_csv(microvolts, header=[spelling.format(lead) for lead in LEADS])
    record = read_record(path, fs=500)
    np.testing.assert_array_equal(record.waveform, read_record(write_csv(microvolts, "plain.csv"), **CHAPMAN).waveform)
    assert read_record(path, **CHAPMAN).unit == record.unit
    with pytest.raises(RecordError, match=r"the file says .*, unit mV was given; leave it out") as caught:
        read_record(path, fs=500, unit="mV")
    assert caught.value.reason == "contradiction"


def test_latin_1_has_a_micro_sign_too(microvolts, write_csv):
    path = write_csv(microvolts, header=[f"{lead} (µV)" for lead in LEADS])
    path.write_bytes(path.read_text().encode("latin-1"))
    np.testing.assert_allclose(read_record(path, fs=500).waveform, microvolts.T / 1000, rtol=2e-7)


def test_columns_of_different_units_are_brought_to_one(microvolts, write_csv):
    mixed = microvolts.copy()
    mixed[:, 0] /= 1000
    record = read_record(write_csv(mixed, header=["I (mV)", *(f"{lead} (uV)" for lead in LEADS[1:])]), fs=500)
    np.testing.assert_allclose(record.waveform, microvolts.T / 1000, rtol=1e-4)
    assert record.unit is None


def test_a_unit_is_needed_for_the_columns_that_do_not_tell_theirs(microvolts, write_csv):
    path = write_csv(microvolts, header=["I (uV)", *LEADS[1:]])
    with pytest.raises(RecordError, match="does not tell its unit"):
        read_record(path, fs=500)
    np.testing.assert_allclose(read_record(path, **CHAPMAN).waveform, microvolts.T / 1000, rtol=2e-7)


def test_what_is_no_voltage_stays_part_of_a_name(microvolts, write_csv):
    with pytest.raises(RecordError, match=r"none of the twelve leads among the channels \('I \(mmHg\)"):
        read_record(write_csv(microvolts, header=[f"{lead} (mmHg)" for lead in LEADS]), **CHAPMAN)
