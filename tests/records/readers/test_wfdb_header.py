"""WFDB headers as the manual has them and as published sets write them."""

from __future__ import annotations

import math

import pytest

from ecgml.errors import RecordError
from ecgml.records.readers.wfdb_header import comments_of, decode_header, parse_comments, parse_header

GEORGIA = """E00271.mat 12 500 4999 05-May-2020 14:50:55
E00271.mat 16+24 1000/mV 16 0 136 -28477 0 I
E00271.mat 16+24 1000/mV 16 0 87 545 0 II
#Age: NaN
#Sex: Female
#Dx: 426783006,164934002
""".replace(" 12 500", " 2 500")


def test_a_challenge_header_is_read_with_its_foreign_date_and_suffixed_name():
    header = parse_header(GEORGIA, "E00271.hea")
    assert (header.fs, header.n_times) == (500.0, 4999)
    first, second = header.signals
    assert first.file_name == "E00271.mat"
    assert (first.format, first.byte_offset, first.gain, first.baseline, first.unit) == (16, 24, 1000.0, 0, "mV")
    assert (first.checksum, second.checksum) == (-28477, 545)
    assert (first.name, second.name) == ("I", "II")


@pytest.mark.parametrize(
    ("word", "gain", "baseline", "unit"),
    [
        ("1000/mV", 1000, 0, "mV"),
        ("1000.0(0)/mV", 1000, 0, "mV"),
        ("204.8(-12)/uV", 204.8, -12, "uV"),
        ("200", 200, 0, None),
        ("0/mV", 200, 0, "mV"),  # 0: uncalibrated, the manual's default of 200
        ("0", 200, 0, None),
        ("(5)/mV", 200, 5, "mV"),
        ("1e3/mV", 1000, 0, "mV"),
        ("-1000/mV", -1000, 0, "mV"),
    ],
)
def test_gain_baseline_and_unit_are_told_apart(word, gain, baseline, unit):
    signal = parse_header(f"x 1 500 10\nx.dat 16 {word} 16 0 0 0 0 I", "x").signals[0]
    assert (signal.gain, signal.baseline, signal.unit) == (gain, baseline, unit)


def test_the_baseline_is_the_adc_zero_unless_stated():
    signal = parse_header("x 1 500 10\nx.dat 16 200/mV 12 1024 0 0 0 I", "x").signals[0]
    assert signal.baseline == 1024
    signal = parse_header("x 1 500 10\nx.dat 16 200(7)/mV 12 1024 0 0 0 I", "x").signals[0]
    assert signal.baseline == 7


@pytest.mark.parametrize(
    ("word", "expected"),
    [("16", (16, 1, 0, 0)), ("16+24", (16, 1, 0, 24)), ("16x1+24", (16, 1, 0, 24)), ("212x4:3+512", (212, 4, 3, 512))],
)
def test_format_frame_skew_and_offset_are_told_apart(word, expected):
    signal = parse_header(f"x 1 500 10\nx.dat {word} 200", "x").signals[0]
    assert (signal.format, signal.frame_samples, signal.skew, signal.byte_offset) == expected


def test_fields_that_the_manual_lets_out_are_unknown():
    header = parse_header("x 1\nx.dat 16", "x")
    assert (header.fs, header.n_times) == (None, None)
    assert (header.signals[0].checksum, header.signals[0].name, header.signals[0].unit) == (None, None, None)


def test_a_counter_frequency_is_not_the_sampling_frequency():
    assert parse_header("x 1 360/24.5(10) 10\nx.dat 16", "x").fs == 360


def test_a_description_may_have_blanks():
    assert parse_header("x 1 500 10\nx.dat 16 200 16 0 0 0 0 ECG lead II", "x").signals[0].name == "ECG lead II"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\n\n"])
def test_line_ends_and_blank_lines_do_not_matter(newline):
    assert parse_header(GEORGIA.replace("\n", newline), "x") == parse_header(GEORGIA, "x")


def test_comments_may_stand_anywhere():
    assert parse_header("# made by hand\n" + GEORGIA, "x").signals == parse_header(GEORGIA, "x").signals


def test_latin_1_and_a_byte_order_mark_are_understood():
    assert decode_header("#Ort: Zürich".encode("latin-1")) == "#Ort: Zürich"
    assert decode_header("\N{BYTE ORDER MARK}x 1".encode()) == "x 1"


@pytest.mark.parametrize(
    "record_line",
    [
        # As PhysioNet's ecg-arrhythmia has it in JS01052: "5000 <date>\nJS01052.mat 16+24 10" is lost.
        "JS01052 2 500 500000/mV 16 0 15 31255 0 I",
        "JS01052 2 500 5000 JS01052.mat 16+24 1000/mV 16 0 15 31255 0 I",
    ],
)
def test_a_record_line_that_swallowed_the_first_signal_line_is_taken_apart(record_line):
    header = parse_header(f"{record_line}\nJS01052.mat 16+24 1000/mV 16 0 34 -2 0 II\n", "JS01052.hea")
    first, second = header.signals
    assert header.fs == 500
    assert header.n_times in (None, 5000)
    assert (first.file_name, first.format, first.byte_offset, first.gain) == ("JS01052.mat", 16, 24, 1000.0)
    assert (first.checksum, first.name) == (31255, "I")
    assert (second.checksum, second.name) == (-2, "II")


@pytest.mark.parametrize(
    ("comments", "statements", "given"),
    [
        (("Age: 59", "Sex: Female", "Dx: 426177001,164934002"), ("426177001", "164934002"), {"age": 59.0, "sex": 1.0}),
        (("Age: NaN", "Sex: Unknown", "Dx: Unknown"), (), {}),
        (("Dx : 1, 2 ,1",), ("1", "2"), {}),
        (("DX: 1;2",), ("1", "2"), {}),
        (("Rx: Unknown", "no colon", ""), (), {}),
        (("<age>: 51", "<sex>: F", "<diagnoses>:"), (), {"age": 51.0, "sex": 1.0}),  # LUDB
        (("<age>: 65 <sex>: M <diagnoses> Acute MI",), (), {"age": 65.0, "sex": 0.0}),  # St Petersburg (INCART)
        (("Age: 045Y", "Gender: m"), (), {"age": 45.0, "sex": 0.0}),
    ],
)
def test_diagnoses_age_and_sex_are_found_in_the_comments(comments, statements, given):
    assert parse_comments(comments) == (statements, given, ())


@pytest.mark.parametrize(
    ("comments", "given", "note"),
    [
        (("Age: >89",), {"age": 90.0}, "age '>89' counts as 90 years"),
        (("Age: 90+",), {"age": 90.0}, "age '90+' counts as 90 years"),
        (("Age: 300",), {}, "age '300' is not understood or implausible, so missing; accepted: 0 to 120 years"),
        (("Sex: 7",), {}, "sex '7' is neither male nor female, so missing"),
    ],
)
def test_an_age_that_is_not_plain_is_noted(comments, given, note):
    assert parse_comments(comments) == ((), given, (note,))


def test_comment_signs_are_stripped_with_or_without_blanks():
    assert comments_of("#Dx: 1\n # Dx: 2\n##Age: 3\nx 1 500") == ("Dx: 1", "Dx: 2", "Age: 3")


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        ("", "header", "no record line"),
        ("# only a comment", "header", "no record line"),
        ("x", "header", "lacks its number of signals"),
        ("x two 500 10", "header", "number of signals 'two' is not a whole number"),
        ("x -2 500 10", "header", "number of signals '-2' is negative"),
        ("x 0 500 10", "no leads", "lists no signals"),
        ("x/3 12 500 10", "format", "several segments"),
        ("x 2 500 10\nx.dat 16 200", "header", "2 signals announced, 1 signal lines found"),
        ("x 1 500 10\nx.dat 16\nx.dat 16", "header", "1 signals announced, 2 signal lines found"),
        ("x 1 fast 10\nx.dat 16", "header", "sampling frequency 'fast' is not a positive number"),
        ("x 1 0 10\nx.dat 16", "header", "sampling frequency '0' is not a positive number"),
        ("x 1 500 ten\nx.dat 16", "header", "number of samples 'ten'"),
        ("x 1 500 999999999999\nx.dat 16", "header", "number of samples '999999999999' is not a whole number in range"),
        ("x 1 500 " + "9" * 5000 + "\nx.dat 16", "header", "is not a whole number in range"),
        ("x 1 500 10\nx.dat", "header", "lacks its format"),
        ("x 1 500 10\nx.dat sixteen", "header", "signal format 'sixteen' is not understood"),
        ("x 1 500 10\nx.dat 16 much/mV", "header", "gain 'much/mV' is not understood"),
        ("x 1 500 10\nx.dat 16 1e999/mV", "header", "gain '1e999/mV' is not understood"),
        ("x 1 500 10\nx.dat 16 1.2.3/mV", "header", "gain '1.2.3/mV' is not understood"),
        ("x 1 500 10\nx.dat 16 200 16 0 0 sum 0 I", "header", "checksum 'sum' is not a whole number"),
    ],
)
def test_a_header_that_cannot_be_understood_says_what_is_wrong(text, reason, message):
    with pytest.raises(RecordError, match=rf"x\.hea: .*{message}") as caught:
        parse_header(text, "x.hea")
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)


def test_a_header_without_sampling_frequency_is_not_taken_for_250_hz():
    assert parse_header("x 1\nx.dat 16", "x").fs is None
    assert not math.isnan(parse_header("x 1 250\nx.dat 16", "x").fs)
