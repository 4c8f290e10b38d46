"""One recording as many programs write it: every file gives the same numbers, or one line of what it leaves open.

The waveform is made of whole microvolts, up to a few thousand, so that every text below holds it exactly.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS
from ecgml.records.readers.number_signs import decimal_and_thousands
from ecgml.records.readers.time_column import stated_fs
from ecgml.records.reading import read_record

FS = 250.0
N_TIMES = 200
UV = np.random.default_rng(5).normal(0, 900, size=(N_TIMES, 12)).round().astype(int)
"""Shape (n_times, 12), µV; about a quarter of its values are of four digits."""


def rows(delimiter: str = ",", cell: Callable[[int], str] = str, before: Callable[[int], str] | None = None) -> str:
    """Return the recording as text; `before` gives a first cell for each row."""
    lines = [[*([before(row)] if before else []), *map(cell, values)] for row, values in enumerate(UV.tolist())]
    return "\n".join(map(delimiter.join, lines)) + "\n"


def named(names: list[str] | tuple[str, ...] = LEADS, delimiter: str = ",") -> str:
    return delimiter.join(names) + "\n"


def first(n_columns: int) -> str:
    return "".join(",".join(line.split(",")[:n_columns]) + "\n" for line in rows().split())


def in_mv(value: int) -> str:
    return f"{value / 1000:.3f}"


def grouped(mark: str) -> Callable[[int], str]:
    return lambda value: f"{value:,}".replace(",", mark)


def clock(row: int) -> str:
    return f"0:{row / FS:06.3f}"


def from_r(names: list[str]) -> str:
    """R's write.csv: quoted names, quoted names of rows."""
    head = ",".join(f'"{name}"' for name in ["", *names])
    return head + "\n" + rows(before=lambda row: f'"{row + 1}"')


def quoted_thousands() -> str:
    return rows(cell=lambda value: f'"{value:,}"' if abs(value) > 999 else str(value))


UNIT, FS_UNIT, NOTHING = {"unit": "uV"}, {"fs": FS, "unit": "uV"}, {}
MILLI = {"fs": FS, "unit": "mV"}
ODD = ["DI", "D2", "Lead 3", "a-VR", "AVL", "MDC_ECG_LEAD_aVF", "C1", "V 2", "ECG.V3", "V4 lead", "LeadV5", "v_6"]
FRAME = pd.DataFrame(UV)
TIMED = pd.DataFrame(UV, columns=LEADS, index=np.arange(N_TIMES) / FS)
TURNED = "\n".join(",".join(map(str, lead)) for lead in UV.T.tolist()) + "\n"
ATM = (
    ",".join(f"'{name}'" for name in ["Elapsed time", *LEADS])
    + "\n'hh:mm:ss.mmm'"
    + ",'mV'" * 12
    + "\n"
    + rows(cell=in_mv, before=lambda row: f"'{clock(row)}'")
)
RDSAMP = (
    "\t".join(["       time", *(f"{name:>7}" for name in LEADS)])
    + "\n      (sec)"
    + "\t   (mV)" * 12
    + "\n"
    + rows("\t", lambda value: f"{value / 1000:7.3f}", lambda row: f"{row / FS:11.3f}")
)


def rdsamp(name: str, unit: str, time: Callable[[int], str]) -> str:
    """WFDB's rdsamp -v with -p, whose columns are tabs and names and units of time several words."""
    return (
        "\t".join([name, *(f"{lead:>7}" for lead in LEADS)])
        + f"\n{unit}"
        + "\t   (mV)" * 12
        + "\n"
        + rows("\t", lambda value: f"{value / 1000:7.3f}", lambda row: f"{time(row):>15}")
    )


RDSAMP_TIMES = {
    "seconds": (rdsamp("   Elapsed time", "      (seconds)", lambda row: f"{row / FS:.3f}"), {}),
    "minutes": (rdsamp("   Elapsed time", "      (minutes)", lambda row: f"{row / FS / 60:.5f}"), {"fs": FS}),
    "hours": (rdsamp("   Elapsed time", "        (hours)", lambda row: f"{row / FS / 3600:.7f}"), {"fs": FS}),
    "elapsed": (rdsamp("   Elapsed time", "   hh:mm:ss.mmm", clock), {}),
    "of day": (rdsamp("     Time", "(hh:mm:ss.mmm)", lambda row: f"[12:0{clock(row)}]"), {}),
    "and date": (
        rdsamp("      Time      Date    ", "(hh:mm:ss.mmm dd/mm/yyyy)", lambda row: f"[12:0{clock(row)} 01/02/2003]"),
        {},
    ),
    "samples": (rdsamp("sample interval", "    (0.004 sec)", str), {"fs": FS}),
}
BLANKS = "\n".join(" ".join(f"{value:8d}" for value in row) for row in UV.tolist()) + "\n"

READ: dict[str, tuple[str | bytes, dict[str, object]]] = {
    # Names that only number the columns.
    "pandas without names": (FRAME.to_csv(index=False), FS_UNIT),
    "pandas without names, with index": (FRAME.to_csv(), FS_UNIT),
    "pandas' Unnamed: 0": (named([f"Unnamed: {number}" for number in range(12)]) + rows(), FS_UNIT),
    "pandas' Unnamed: 0, with index": (
        named([f"Unnamed: {number}" for number in range(13)]) + rows(before=str), FS_UNIT),
    "0 to 12, with index": (named(list(map(str, range(13)))) + rows(before=str), FS_UNIT),
    "1 to 13, with index": (named(list(map(str, range(1, 14)))) + rows(before=str), FS_UNIT),
    "numbered from 1": (named(list(map(str, range(1, 13)))) + rows(), FS_UNIT),
    "numbered, semicolons": (FRAME.to_csv(index=False, sep=";"), FS_UNIT),
    "numbered by floats": (named([f"{number}.0" for number in range(12)]) + rows(), FS_UNIT),
    "numbered, quoted": (from_r(list(map(str, range(12)))), FS_UNIT),
    "X1 to X12": (from_r([f"X{number}" for number in range(1, 13)]), FS_UNIT),
    "lead_0 to lead_11": (named([f"lead_{number}" for number in range(12)]) + rows(), FS_UNIT),
    "V1 to V12, told": (from_r([f"V{number}" for number in range(1, 13)]), {**FS_UNIT, "leads": LEADS}),
    "index without a header": (rows(before=str), FS_UNIT),
    "times without a header": (rows(before=lambda row: f"{row / FS:.3f}"), UNIT),
    # Thousands.
    "1.234 between semicolons": (rows(";", grouped(".")), FS_UNIT),
    "1,234 between tabs": (named(delimiter="\t") + rows("\t", grouped(",")), FS_UNIT),
    "1,234 between semicolons": (named(delimiter=";") + rows(";", grouped(",")), FS_UNIT),
    "1.234 between commas": (rows(",", grouped(".")), FS_UNIT),
    "1'234": (rows(",", grouped("'")), FS_UNIT),
    "1 234": (rows(";", grouped(" ")), FS_UNIT),
    "1 234 with no-break spaces": (rows(";", grouped("\xa0")), FS_UNIT),
    "1 234 with narrow no-break spaces": (rows("\t", grouped("\u202f")), FS_UNIT),
    "1,234 quoted": (quoted_thousands(), FS_UNIT),
    "1,234 quoted, late": (
        "\n".join(",".join(["0"] * 12) for _ in range(2000)) + "\n" + quoted_thousands(), {**FS_UNIT, "skip": 2000}),
    "1.234,0": (rows(";", lambda value: grouped(".")(value) + ",0"), FS_UNIT),
    "1,234.0": (rows("\t", lambda value: grouped(",")(value) + ".0"), FS_UNIT),
    "1.234 beside a clock": (
        named(["time", *LEADS], ";") + rows(";", grouped("."), clock), UNIT),
    "decimal commas, three of them": (rows(";", lambda value: in_mv(value).replace(".", ",")), MILLI),
    "decimal commas, quoted": (rows(",", lambda value: f'"{in_mv(value)}"'.replace(".", ",")), MILLI),
    "decimal commas between blanks": (rows(" ", lambda value: in_mv(value).replace(".", ",")), MILLI),
    # Times.
    "time (s)": (TIMED.to_csv(index_label="time (s)"), UNIT),
    "time, no unit, milliseconds": (named(["time", *LEADS]) + rows(before=lambda row: f"{4 * row}"), UNIT),
    "t_ms": (named(["t_ms", *LEADS]) + rows(before=lambda row: f"{4 * row}"), UNIT),
    "microseconds": (named(["Time [µs]", *LEADS]) + rows(before=lambda row: f"{4000 * row}"), UNIT),
    "index of times": (TIMED.to_csv(), UNIT),
    "date and time": (
        named(["timestamp", *LEADS]) + rows(before=lambda row: f"2024-03-01 23:59:59.{4 * row:03d}"), UNIT),
    "a date and a clock": (
        named(["Date", "Time", *LEADS]) + rows(before=lambda row: f"2024-03-01,{clock(row)}"), UNIT),
    "a date with its time": (
        named(["Date", *LEADS]) + rows(before=lambda row: f"2024-03-01 {clock(row)}"), UNIT),
    "sample numbers": (named(["sample #", *LEADS]) + rows(before=str), FS_UNIT),
    "past midnight": (
        named(["time", *LEADS])
        + rows(before=lambda row: f"{(23 if row < 50 else 0):02d}:{(59 if row < 50 else 0):02d}:"
               f"{(59.8 + row / FS) if row < 50 else (row - 50) / FS:06.3f}"), UNIT),
    # Names of leads.
    "names of many kinds": (named(ODD) + rows(), FS_UNIT),
    "I in µV": (named([f"{lead} in µV" for lead in LEADS]) + rows(), {"fs": FS}),
    "DI DII DIII": (named(["DI", "DII", "DIII", *LEADS[3:]]) + rows(), FS_UNIT),
    "C1 to C6": (named([*LEADS[:6], *(f"C{number}" for number in range(1, 7))]) + rows(), FS_UNIT),
    # What programs write.
    "PhysioBank ATM": (ATM, NOTHING),
    "rdsamp -p -v": (RDSAMP, NOTHING),
    **{f"rdsamp -p -v, {kind}": variant for kind, variant in RDSAMP_TIMES.items()},
    **{f"rdsamp -p -v, {kind}, blanks": (text.expandtabs(), given) for kind, (text, given) in RDSAMP_TIMES.items()},
    "blanks": (BLANKS, FS_UNIT),
    "blanks with a header": (named(delimiter="   ") + BLANKS, FS_UNIT),
    "R's write.table": (named([f'"{lead}"' for lead in LEADS], " ") + rows(" ", before=lambda row: f'"{row + 1}"'),
                        FS_UNIT),
    "R's write.csv": (from_r(list(LEADS)), FS_UNIT),
    "numpy.savetxt with a header": ("# " + named() + rows(), FS_UNIT),
    "# leads: I II": ("# leads: " + " ".join(LEADS) + "\n" + rows(), FS_UNIT),
    "# fs and # unit": ("# fs: 250\n# unit: uV\n" + named() + rows(), NOTHING),
    "lines of words above": (
        "Patient;X\nSampling rate (Hz);250\nUnits;uV\nMains frequency;50 Hz\n\n" + named(delimiter=";") + rows(";"),
        NOTHING),
    "0.25 kHz": ("# sampling rate = 0.25 kHz\n" + rows(), UNIT),
    "a row of units": (named() + named(["uV"] * 12) + rows(), {"fs": FS}),
    "sep=": ("sep=;\r\n" + named(delimiter=";") + rows(";"), FS_UNIT),
    "UTF-16": ("\ufeff" + (named(delimiter="\t") + rows("\t")), {**FS_UNIT, "encoding": "utf-16-le"}),
    "UTF-16, big end first": ("\ufeff" + rows("\t"), {**FS_UNIT, "encoding": "utf-16-be"}),
    "UTF-16 without a mark": (rows(), {**FS_UNIT, "encoding": "utf-16-le"}),
    "UTF-8 with a mark": ("\ufeff" + named() + rows(), FS_UNIT),
    "Latin-1": (named([f"{lead} (µV)" for lead in LEADS]) + rows(), {"fs": FS, "encoding": "latin-1"}),
    "minus signs": (rows().replace("-", "\N{MINUS SIGN}"), FS_UNIT),
    "dashes for minus": (rows(";").replace("-", "\N{EN DASH}"), {**FS_UNIT, "encoding": "cp1252"}),
    "a comma behind each row": (named() + rows().replace("\n", ",\n"), FS_UNIT),
    "a comma behind each line": ((named() + rows()).replace("\n", ",\n"), FS_UNIT),
    "a comma behind each row, no header": (rows().replace("\n", ",\n"), FS_UNIT),
    "a row a lead": (TURNED, FS_UNIT),
    "a row a lead, named": (
        "".join(f"{lead},{line}\n" for lead, line in zip(LEADS, TURNED.split(), strict=True)), FS_UNIT),
    "a row a lead, any order": (
        "".join(f"{lead},{line}\n" for lead, line in reversed([*zip(LEADS, TURNED.split(), strict=True)])), FS_UNIT),
    "a row a lead, by pandas": (TIMED.T.to_csv(), UNIT),
    "a row a lead, numbered": (FRAME.T.to_csv(), FS_UNIT),
    "gzip": (gzip.compress((named() + rows()).encode()), {**FS_UNIT, "suffix": ".csv.gz"}),
    "gzip, text": (gzip.compress(RDSAMP.encode()), {"suffix": ".TXT.GZ"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "options"), READ.values(), ids=READ)
def test_every_way_to_write_a_recording_gives_its_numbers(tmp_path, text, options):
    options = dict(options)
    path = tmp_path / f"record{options.pop('suffix', '.csv')}"
    encoding = options.pop("encoding", "utf-8")
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    skipped = options.pop("skip", 0)
    record = read_record(path, **options)
    # One rounding of float32 between a product and a decimal.
    np.testing.assert_allclose(record.waveform[:, skipped:], UV.T / 1000, rtol=2e-7, atol=0)
    assert record.fs == FS
    assert record.notes == ()


REFUSED: dict[str, tuple[str, dict[str, object], str, str]] = {
    "V1 to V12": (from_r([f"V{n}" for n in range(1, 13)]), FS_UNIT, "no leads", "V1 to V12 are only numbered, as R"),
    "C1 to C6 alone": (
        named([f"C{n}" for n in range(1, 7)]) + first(6),
        FS_UNIT, "no leads", "C1 to C6 are only numbered"),
    "V1 to V9": (
        named([f"V{n}" for n in range(1, 10)]) + first(9),
        FS_UNIT, "no leads", "V1 to V9 are only numbered"),
    "three columns from 0": (
        "0,1,2\n" + first(3),
        {**FS_UNIT, "leads": ("I", "II", "V1")}, "header", "first row is 0 1 2: numbers of the columns or a sample"),
    "columns by ten": (
        named([str(10 * number) for number in range(12)]) + rows(), FS_UNIT, "header",
        "first row is 0 10 20 .* 110: numbers of the columns or a sample cannot be told"),
    "columns downwards": (
        named(list(map(str, range(12, 0, -1)))) + rows(), FS_UNIT, "header", "first row is 12 11 10 .* 1: numbers of"),
    "columns by ten, with index": (
        named(["", *(f"{10 * number}.0" for number in range(12))]) + rows(before=str), FS_UNIT, "header",
        "first row is 0.0 10.0 20.0"),
    "thousands or decimals": (
        "\n".join(";".join(f"{abs(value) + 1000:,}".replace(",", ".") for value in row) for row in UV.tolist()),
        FS_UNIT, "not a number", r"may be \d{4} or a number with three decimals, as every number"),
    "points and commas": (
        rows(";", lambda value: f"{value}.5" if value > 0 else f"{value},5"), FS_UNIT, "not a number",
        "numbers with a point and numbers with a comma"),
    "250 Hz in the times, 500 given": (
        TIMED.to_csv(index_label="time"), {"fs": 500, "unit": "uV"}, "contradiction", "the file says 250 Hz, fs 500"),
    "250 Hz on a clock, 500 given": (ATM, {"fs": 500}, "contradiction", "the file says 250 Hz, fs 500"),
    "250 Hz above, 500 given": (
        "# fs: 250\n" + rows(), {"fs": 500, "unit": "uV"}, "contradiction", "the file says 250 Hz, fs 500"),
    "250 Hz above, 500 in the times": (
        "# fs: 250\n" + named(["time", *LEADS]) + rows(before=lambda row: f"{row / 500:.3f}"), UNIT, "contradiction",
        "a line above the numbers says 250 Hz, the column of times 500"),
    "a gap in the times": (
        named(["time", *LEADS]) + rows(before=lambda row: f"{(row + 40 * (row > 99)) / FS:.3f}"), FS_UNIT,
        "contradiction", r"between lines 101 and 102 time goes from 0.396 to 0.560, elsewhere by 0.004"),
    "only row numbers": (named(["index", *LEADS]) + rows(before=str), UNIT, "no fs", "does not tell its sampling"),
    "a header of other length": (
        named(LEADS[:9]) + rows(), FS_UNIT, "wrong columns", "the header has 9 columns, the rows have 12"),
    "names further up": (
        named(LEADS[::-1]) + "gain,1\n" + rows(), FS_UNIT, "header", "names leads, but not one a column right above"),
    "names in words above": (
        "# Order: V6 V5 V4 V3 V2 V1 I II III\n" + rows(), FS_UNIT, "header", "names leads, but not one a column"),
    "a first row cut": (
        "1,2,5\n" + rows(), FS_UNIT, "wrong columns", "'1,2,5' has 3 columns, the rows below have more"),
    "a word among the numbers": (
        rows().replace("\n", "\nx", 1), FS_UNIT, "not a number", r"line 2, column 1 \(I\): 'x-?\d+' is not a number"),
    "a sign that is no minus": (
        rows(cell=lambda value: f"→{value}"), FS_UNIT, "no leads", "→"),
    "one strange sign": (
        rows().replace("\n", "\n\N{ALMOST EQUAL TO}", 1), FS_UNIT, "not a number", "line 2, column 1 .*'≈-?"),
    "a row a lead, cut": (
        TURNED[:-40], FS_UNIT, "truncated", r"line 12 has 19\d values, 200 expected \(a row is a lead\)"),
    "a row a lead, a word": (
        TURNED.replace("\n", ",\n").replace("\n", "\nx", 1), FS_UNIT, "not a number", r"line 2, column 1 \(II\): 'x"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "options", "reason", "message"), REFUSED.values(), ids=REFUSED)
def test_what_a_file_leaves_open_is_said_in_one_line(tmp_path, text, options, reason, message):
    path = tmp_path / "record.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=rf"record\.csv: .*{message}") as caught:
        read_record(path, **options)
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)


def test_times_that_are_rounded_agree_with_the_sampling_frequency_that_they_come_from(tmp_path):
    """1/360 s in whole milliseconds: 0, 3, 6, 8 … state 360 Hz; 250 is a contradiction all the same."""
    path = tmp_path / "record.csv"
    path.write_text(named(["time (ms)", *LEADS]) + rows(before=lambda row: f"{1000 * row / 360:.0f}"))
    assert read_record(path, unit="uV", fs=360).fs == 360
    with pytest.raises(RecordError, match=r"the file says 3\d\d"):
        read_record(path, unit="uV", fs=250)


def test_what_a_file_states_stands_where_the_caller_yields(tmp_path):
    path = tmp_path / "record.csv"
    path.write_text(TIMED.to_csv(index_label="time"))
    assert read_record(path, fs=500, unit="uV", yields=True).fs == FS


def test_a_first_sample_is_kept_whatever_it_is(tmp_path):
    """A recording may well begin with zeros, or count in its first three leads."""
    path = tmp_path / "record.csv"
    for first in ([0] * 12, [0, 1, 2, *[5] * 9], [11, *range(11)]):
        path.write_text(",".join(map(str, first)) + "\n" + rows())
        np.testing.assert_allclose(read_record(path, **FS_UNIT).waveform[:, 0], np.array(first) / 1000, rtol=2e-7)


def test_a_ramp_in_every_row_is_a_recording(tmp_path):
    """Steps of 7 µV from lead to lead, in each sample: no numbers of columns."""
    path = tmp_path / "record.csv"
    ramp = 3 + 7 * np.arange(12 * N_TIMES).reshape(N_TIMES, 12)
    np.savetxt(path, ramp, fmt="%d", delimiter=",")
    np.testing.assert_allclose(read_record(path, **FS_UNIT).waveform, ramp.T / 1000, rtol=2e-7)


@pytest.mark.parametrize("word", ["#N/A", "#NV", "<NA>", "-nan", "-"])
@pytest.mark.parametrize("header", [named(), ""], ids=["names", "no names"])
def test_a_word_for_no_value_is_missing(tmp_path, word, header):
    """What Excel (English, German), pandas, C and rdsamp write, in the first cell and elsewhere."""
    path = tmp_path / "record.csv"
    cells = UV.astype(object)
    cells[0, 0] = cells[100, 5] = word
    path.write_text(header + "\n".join(",".join(map(str, row)) for row in cells))
    waveform = read_record(path, **FS_UNIT).waveform
    assert np.argwhere(np.isnan(waveform)).tolist() == [[0, 0], [5, 100]]


def test_channels_that_are_no_leads_are_named_in_a_note(tmp_path):
    path = tmp_path / "record.csv"
    path.write_text(named(["time", *LEADS, "V7", "V3R", "Resp", "VR"]) + "".join(
        f"{row / FS:.3f},{line},1,2,3,4\n" for row, line in enumerate(rows().split())
    ))  # fmt: skip
    record = read_record(path, unit="uV")
    np.testing.assert_allclose(record.waveform, UV.T / 1000, rtol=2e-7)
    assert record.notes == ("not taken, as none of the twelve leads: V7, V3R, Resp, VR",)


def test_what_a_packed_text_unpacks_to_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("ecgml.records.readers.loading.MAX_FILE_BYTES", 100_000)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"0,0,0\n" * 1_000_000))
    with pytest.raises(RecordError, match=r"bomb\.csv\.gz: unpacks to more than 100,000 bytes") as caught:
        read_record(path, **FS_UNIT)
    assert caught.value.reason == "too large"


def test_a_damaged_packed_text_is_refused(tmp_path):
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(rows().encode())[:-20])
    with pytest.raises(RecordError, match=r"cut\.csv\.gz: cannot be unpacked") as caught:
        read_record(path, **FS_UNIT)
    assert caught.value.reason == "truncated"


def test_a_marker_of_missing_samples_is_no_voltage(tmp_path: Path) -> None:
    """−32768, the smallest number of a 16-bit converter, as exports of such files leave it."""
    marked = UV.copy()
    marked[40:50, 6] = -32768
    path = tmp_path / "ecg.csv"
    np.savetxt(path, marked, fmt="%d", delimiter=",", header=",".join(LEADS), comments="")
    waveform = read_record(path, fs=FS, unit="uV").waveform
    expected = np.where(marked == -32768, np.nan, marked / 1000).T
    np.testing.assert_allclose(waveform, expected, atol=1e-6)


@pytest.mark.parametrize(("rows", "signs"), [("1.234;12", (",", ".")), ("1.234;1500", (".", ""))])
def test_who_parts_thousands_parts_those_of_every_number(rows: str, signs: tuple[str, str]) -> None:
    """Beside a plain 1500 the point of 1.234 is a decimal one; beside 12 it parts thousands."""
    found = decimal_and_thousands(f"{rows}\n-1.200;7\n".encode(), 0, ";", [0, 1], "x.csv")
    assert found == signs


def test_rounded_times_leave_the_caller_its_word_and_coarse_ones_state_nothing() -> None:
    """49 steps of 1/360 s to a millisecond are 0.136 s: 357.7 to 363.0 Hz; whole seconds may be half or twice."""
    cells = [f"{number / 360:.3f}" for number in range(50)]
    assert stated_fs(cells, "s", 361.0, "x.csv", 1) == 361.0
    assert stated_fs(cells, "s", None, "x.csv", 1) is None
    assert stated_fs(["0", "1", "2", "3"], "s", None, "x.csv", 1) is None
