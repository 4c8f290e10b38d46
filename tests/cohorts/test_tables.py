"""Spreadsheets by column name, whatever wrote them."""

from __future__ import annotations

import pytest

from ecgml.cohorts.tables import find_table, parse_fold, read_table
from ecgml.errors import CohortError

HEADER, ROWS = ("Name", "Value", "Note"), (("a", "1", "x, y"), ("b", "-2", "NONE"))


@pytest.mark.parametrize(("name", "delimiter"), [("t.csv", ";"), ("t.csv", "\t"), ("t.xlsx", "")])
def test_delimiters_and_formats_give_the_same_table(tmp_path, table, name, delimiter):
    read = read_table(table(tmp_path / name, HEADER, ROWS, delimiter), ("Name", "Value"), ("Note", "Absent"))
    assert read.columns == {"Name": ["a", "b"], "Value": ["1", "-2"], "Note": ["x, y", "NONE"]}
    assert read.where(1) == f"{name}, row 3"


def test_quotes_byte_order_mark_blank_rows_and_case_do_not_matter(tmp_path):
    (tmp_path / "t.csv").write_bytes('\ufeff NAME ,value\r\n\r\n"a, b",1\r\n,\r\n'.encode())
    read = read_table(tmp_path / "t.csv", ("Name", "Value"))
    assert read.columns == {"Name": ["a, b"], "Value": ["1"]}
    assert read.numbers == (3,)


def test_latin_1_is_understood(tmp_path):
    (tmp_path / "t.csv").write_bytes("Name\nZürich\n".encode("latin-1"))
    assert read_table(tmp_path / "t.csv", ("Name",)).columns["Name"] == ["Zürich"]


def test_columns_that_are_not_asked_for_are_dropped_and_named(tmp_path, table):
    read = read_table(table(tmp_path / "t.csv", HEADER, (("a", "1", "x"),)), ("Name",))
    assert list(read.columns) == ["Name"]
    assert read.unknown == ("Value", "Note")


def test_short_rows_end_in_empty_cells(tmp_path):
    (tmp_path / "t.csv").write_text("Name,Value\na\n")
    assert read_table(tmp_path / "t.csv", ("Name", "Value")).columns["Value"] == [""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"columns Name, Value missing \(found: nothing\)"),
        (b"Name\n", r"column Value missing \(found: Name\)"),
        (b"Name,Value,name\n", "column 'Name' is there twice"),
        (b"Name,Value\na,1,2\n", "row 2: 3 cells, the header has 2"),
        (b"\0\1\2", "is no text"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(CohortError, match=rf"t\.csv.*{message}"):
        read_table(tmp_path / "t.csv", ("Name", "Value"))


@pytest.mark.parametrize("content", [b"", b"Name,Value\n", b"PK\3\4 and no more"])
def test_what_is_no_spreadsheet_is_refused(tmp_path, content):
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(CohortError, match=r"t\.xlsx: is no readable spreadsheet"):
        read_table(tmp_path / "t.xlsx", ("Name",))


def test_a_table_is_a_file_or_a_folder_of_its_name(tmp_path, table):
    assert find_table(tmp_path, "RhythmNames") is None
    held = table(tmp_path / "a" / "RhythmNames.csv" / "part-0.csv", HEADER, ROWS)
    assert find_table(tmp_path / "a", "RhythmNames") == held
    held = table(tmp_path / "b" / "RhythmNames" / "x.xlsx", HEADER, ROWS)
    assert find_table(tmp_path / "b", "RhythmNames") == held
    held = table(tmp_path / "c" / "RhythmNames.xlsx", HEADER, ROWS)
    assert find_table(tmp_path / "c", "RhythmNames") == held


def test_folds_are_whole_numbers():
    assert parse_fold("3.0", "x") == 3
    assert parse_fold("", "x") is None
    for cell in ("one", "1.5", "nan"):
        with pytest.raises(CohortError, match=f"x: fold '{cell}' is not a whole number"):
            parse_fold(cell, "x")
