"""HL7 aECG: digits come back to the last step; what defines entities is refused; what is damaged is one line."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS
from ecgml.records.reading import find_records, read_record
from tests.records.hospital import aecg


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_digits_come_back_in_mv_with_age_and_sex(tmp_path: Path, steps: np.ndarray) -> None:
    record = read_record(write(tmp_path / "x.xml", aecg(steps, 500.0, scale=4.88, origin=10.0)))
    np.testing.assert_allclose(record.waveform, (4.88 * steps + 10) / 1000, rtol=1e-5)
    assert (record.fs, record.unit) == (500.0, "uV")
    assert record.given["sex"] == 1
    assert record.given["age"] == 54  # whole years, as people are asked for them


def test_origin_is_read_in_its_own_unit(tmp_path: Path, steps: np.ndarray) -> None:
    """An origin of 0.5 mV beside digits of 2 µV each."""
    text = aecg(steps, 500.0, scale=2.0, origin=0.5)
    text = text.replace('<origin value="0.5" unit="uV"/>', '<origin value="0.5" unit="mV"/>')
    record = read_record(write(tmp_path / "x.xml", text))
    np.testing.assert_allclose(record.waveform, 0.5 + 0.002 * steps, rtol=1e-5)


@pytest.mark.parametrize(
    ("increment", "fs"),
    [
        ('<increment value="2" unit="ms"/>', 500.0),
        ('<increment value="0.001" unit="s"/>', 1000.0),
        ('<increment value="4000" unit="us"/>', 250.0),
    ],
)
def test_increment_of_time_is_read_in_its_unit(tmp_path: Path, steps: np.ndarray, increment: str, fs: float) -> None:
    assert read_record(write(tmp_path / "x.xml", aecg(steps, 1.0, increment=increment))).fs == fs


@pytest.mark.parametrize(("unit", "in_mv"), [("mV", 1.0), ("uV", 1e-3), ("nV", 1e-6)])
def test_unit_is_the_files(tmp_path: Path, steps: np.ndarray, unit: str, in_mv: float) -> None:
    record = read_record(write(tmp_path / "x.xml", aecg(steps, 500.0, unit=unit, scale=0.5)))
    np.testing.assert_allclose(record.waveform, 0.5 * in_mv * steps, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_encoding_does_not_matter(tmp_path: Path, steps: np.ndarray, encoding: str) -> None:
    declared = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "iso-8859-1": "ISO-8859-1"}[encoding]
    text = aecg(steps, 500.0, before="<!-- é -->").replace('encoding="UTF-8"', f'encoding="{declared}"')
    path = write(tmp_path / "x.xml", text, encoding)
    np.testing.assert_allclose(read_record(path).waveform, steps / 1000, rtol=1e-6)


def test_prefix_of_names_does_not_matter_and_other_xml_is_no_record(tmp_path: Path, steps: np.ndarray) -> None:
    path = write(tmp_path / "x.xml", aecg(steps, 500.0, prefix="hl7"))
    other = write(tmp_path / "y.xml", "<settings/>")
    np.testing.assert_allclose(read_record(path).waveform, steps / 1000, rtol=1e-6)
    assert find_records(tmp_path) == ([path], [other])


def test_eight_leads_are_enough(tmp_path: Path, steps: np.ndarray) -> None:
    rows = [0, 1, *range(6, 12)]
    record = read_record(write(tmp_path / "x.xml", aecg(steps[rows], 500.0, names=[LEADS[row] for row in rows])))
    np.testing.assert_allclose(record.waveform[3], -(steps[0].astype(float) + steps[1]) / 2000, atol=1e-6)


BOMB = (
    "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>"
    + "".join(f"<!ENTITY {'abcdefghij'[k]} '{('&' + 'abcdefghij'[k - 1] + ';') * 10}'>" for k in range(1, 10))
    + "]>"
)


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (BOMB, ("<digits>", "<digits>&j;")),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd">', ("", "")),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', ("<digits>", "<digits>&e;")),
    ],
    ids=["bomb", "external type", "external entity"],
)
def test_entities_are_never_read(tmp_path: Path, steps: np.ndarray, before: str, change: tuple[str, str]) -> None:
    path = write(tmp_path / "x.aecg", aecg(steps, 500.0, before=before).replace(*change, 1))
    started = time.process_time()
    with pytest.raises(RecordError, match="defines a document type or entities, which are never read"):
        read_record(path)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("</AnnotatedECG>", ""), "no well-formed XML"),
        (("<AnnotatedECG ", "<ClinicalDocument "), "mismatched tag"),
        (("<digits>", "<digits>1,5 "), "digits of lead I: could not convert string to float"),
        (('<scale value="1.0"', '<scale value="0"'), "lead I has scale 0"),
        (('<scale value="1.0" unit="uV"', '<scale value="1.0" unit="mm"'), "unit 'mm' is not a voltage"),
        (("<increment ", "<decrement "), "does not tell its sampling frequency"),
        (('unit="s"', 'unit="weeks"'), "an increment of 0.002 weeks"),
        (("MDC_ECG_LEAD_I", "MDC_PRESS"), None),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, steps: np.ndarray, change, message: str | None) -> None:
    path = write(tmp_path / "x.aecg", aecg(steps, 500.0).replace(*change, 1))
    if message is None:
        assert np.isfinite(read_record(path).waveform[0]).all()  # I follows from II and III
        return
    with pytest.raises(RecordError, match=message) as caught:
        read_record(path)
    assert "\n" not in str(caught.value)


def noise(n_times: int = 3000) -> np.ndarray:
    """Return steps of 12 leads for 6 s at 500 Hz, shape (12, n_times)."""
    return np.random.default_rng(3).integers(-900, 900, (12, n_times))


def one_set_a_lead(text: str) -> str:
    """Give every sequence of a lead a sequence set of its own, with the times of the first."""
    series, derivation, rest = text.partition("<derivation>")
    time = re.search(r'<component><sequence><code code="TIME_.*?</component>', series)[0]
    lead = '<component><sequence><code code="MDC'
    between = f"</sequenceSet></component><component><sequenceSet>{time}"
    return series.replace(f"</component>{lead}", f"</component>{between}{lead}") + derivation + rest


def test_one_sequence_set_a_lead_is_one_recording(tmp_path: Path) -> None:
    steps = noise()
    text = one_set_a_lead(aecg(steps, 500.0))
    assert text.count("<sequenceSet>") == 1 + 12 + 1
    record = read_record(write(tmp_path / "x.aecg", text))
    np.testing.assert_allclose(record.waveform, steps / 1000, rtol=1e-6)
    assert (record.fs, record.notes) == (500.0, ())


def test_of_several_sets_one_may_tell_the_increment_for_all(tmp_path: Path) -> None:
    steps = noise()
    text = one_set_a_lead(aecg(steps, 500.0))
    head, mark, rest = text.partition("</sequenceSet>")
    rest = re.sub(r"<increment [^>]*/>", "", rest.partition("<derivation>")[0]) + text[text.index("<derivation>") :]
    record = read_record(write(tmp_path / "x.aecg", head + mark + rest))
    np.testing.assert_allclose(record.waveform, steps / 1000, rtol=1e-6)


def test_of_sets_that_differ_none_tells_the_increment_for_the_rest(tmp_path: Path) -> None:
    first, second, *rest = re.split("(?<=</sequenceSet>)", one_set_a_lead(aecg(noise(), 500.0)))
    second = second.replace('<increment value="0.002"', '<increment value="0.004"')
    rest = [re.sub(r"<increment [^>]*/>", "", one) for one in rest]
    path = write(tmp_path / "x.aecg", "".join([first, second, *rest]))
    with pytest.raises(RecordError, match="sampling frequency") as caught:
        read_record(path)
    assert caught.value.reason == "no fs"
    assert read_record(path, fs=500).notes[0].startswith("not taken, as recorded apart")


@pytest.mark.parametrize(
    ("head", "late"),
    [('value="20180209172046.020"', 10), ('value="20180209172046"', 0), ('value="20180209172056"', None)],
)
def test_sets_are_joined_by_their_times(tmp_path: Path, head: str, late: int | None) -> None:
    """The chest leads begin at the time of day in `head`, the limb leads at 17:20:46."""
    steps = noise()
    stated = 'value="20180209172046.000"'
    *limb, v1, v2, v3, v4, v5, v6, derived = one_set_a_lead(aecg(steps, 500.0)).split(stated)
    text = head.join([stated.join(limb), v1, v2, v3, v4, v5, v6]) + stated + derived
    record = read_record(write(tmp_path / "x.aecg", text))
    if late is None:
        np.testing.assert_allclose(record.waveform[:6], steps[:6] / 1000, rtol=1e-6)
        assert np.isnan(record.waveform[6:]).all()
        assert record.notes == (
            "not taken, as recorded apart from I II III aVR aVL aVF (6 s): V1 V2 V3 V4 V5 V6 (6 s)",
        )
        return
    expected = np.concatenate([steps[:6, late:], steps[6:, : 3000 - late]])
    np.testing.assert_allclose(record.waveform, expected / 1000, rtol=1e-6)


def test_a_lead_that_is_a_sample_short_is_cut_to(tmp_path: Path) -> None:
    steps = noise()
    last = " ".join(map(str, steps[4, -2:]))
    text = aecg(steps, 500.0).replace(f"{last}</digits>", f"{steps[4, -2]}</digits>", 1)
    record = read_record(write(tmp_path / "x.aecg", text))
    np.testing.assert_allclose(record.waveform, steps[:, :-1] / 1000, rtol=1e-6)
    assert record.notes == ("leads of 2,999 to 3,000 samples cut to the 2,999 that they share",)


@pytest.mark.parametrize(
    ("value", "note"),
    [
        ("<digits></digits>", "not taken: V2, which has no digits"),
        ("", "not taken: V2, which has no digits"),
        ("<digits>1 2 3</digits>", "not taken, as recorded apart from I II III aVR aVL aVF V1 V3 V4 V5 V6 (6 s): V2"),
    ],
)
def test_a_lead_without_its_digits_costs_that_lead_alone(tmp_path: Path, value: str, note: str) -> None:
    steps = noise()
    digits = " ".join(map(str, steps[7].tolist()))
    record = read_record(write(tmp_path / "x.aecg", aecg(steps, 500.0).replace(f"<digits>{digits}</digits>", value)))
    rows = [row for row in range(12) if row != 7]
    np.testing.assert_allclose(record.waveform[rows], steps[rows] / 1000, rtol=1e-6)
    assert np.isnan(record.waveform[7]).all()
    assert len(record.notes) == 1
    assert record.notes[0].startswith(note)


def test_a_lead_twice_in_a_set_is_refused(tmp_path: Path) -> None:
    text = aecg(noise(), 500.0).replace("MDC_ECG_LEAD_V2", "MDC_ECG_LEAD_V1", 1)
    with pytest.raises(RecordError, match="lead V1 is there twice"):
        read_record(write(tmp_path / "x.aecg", text))


def test_of_two_series_one_is_read_and_the_other_is_named(tmp_path: Path) -> None:
    first, second = noise(), noise(5000)
    text = aecg(first, 500.0).partition("<derivation>")[0] + "</series></component>"
    series = aecg(second, 500.0)
    series = series[series.index("<component><series>") :]
    record = read_record(write(tmp_path / "x.aecg", text + series))
    np.testing.assert_allclose(record.waveform, second / 1000, rtol=1e-6)
    assert record.notes == ("not taken, as recorded apart from 12 leads (10 s): 12 leads (6 s)",)


def test_a_lead_is_never_borrowed_from_another_series(tmp_path: Path) -> None:
    """Neither series tells its time, and each lacks a lead that the other has."""
    first, second = noise(), -noise()
    texts = [
        re.sub(r'<head value="\d{14}.000"/>', "", aecg(steps, 500.0))
        .partition("<derivation>")[0]
        .replace(lead, "MDC_X")
        for steps, lead in ((first, "MDC_ECG_LEAD_V6"), (second, "MDC_ECG_LEAD_V1"))
    ]
    series = texts[1][texts[1].index("<component><series>") :]
    text = f"{texts[0]}</series></component>{series}</series></component></AnnotatedECG>"
    record = read_record(write(tmp_path / "x.aecg", text))
    np.testing.assert_allclose(record.waveform[:11], first[:11] / 1000, rtol=1e-6)
    assert np.isnan(record.waveform[11]).all()
    assert record.notes == (
        "not taken, as none of the twelve leads: MDC_X",
        "not taken, as recorded apart from I II III aVR aVL aVF V1 V2 V3 V4 V5 (6 s): "
        "I II III aVR aVL aVF V2 V3 V4 V5 V6 (6 s)",
    )


@pytest.mark.parametrize("mark", [-(2**15), -(2**31)])
def test_a_digit_that_marks_a_missing_sample_is_missing(tmp_path: Path, mark: int) -> None:
    steps = noise()
    steps[5, 10:13] = mark
    record = read_record(write(tmp_path / "x.aecg", aecg(steps, 500.0, scale=2.5)))
    assert np.argwhere(np.isnan(record.waveform)).tolist() == [[5, 10], [5, 11], [5, 12]]
    assert np.nanmax(np.abs(record.waveform)) < 2.5


def test_an_increment_in_hertz_is_the_sampling_frequency(tmp_path: Path, steps: np.ndarray) -> None:
    text = aecg(steps, 1.0, increment='<increment value="500" unit="Hz"/>')
    assert read_record(write(tmp_path / "x.aecg", text)).fs == 500


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("blanks", ["", "\n", " \r\n\t"])
def test_blanks_before_the_declaration_do_not_matter(
    tmp_path: Path, steps: np.ndarray, encoding: str, blanks: str
) -> None:
    declared = "UTF-16" if "16" in encoding else "UTF-8"
    text = blanks + aecg(steps, 500.0).replace('encoding="UTF-8"', f'encoding="{declared}"')
    np.testing.assert_allclose(read_record(write(tmp_path / "x.xml", text, encoding)).waveform, steps / 1000, rtol=1e-6)


@pytest.mark.parametrize("comment", ["<!-- " + "a, b; c\t" * 500 + "-->", "<?style x?>\n" * 200])
def test_the_root_may_stand_far_below_a_comment(tmp_path: Path, steps: np.ndarray, comment: str) -> None:
    path = write(tmp_path / "x.xml", aecg(steps, 500.0, before=comment))
    other = write(tmp_path / "y.xml", f'<?xml version="1.0"?>{comment}<settings>AnnotatedECG</settings>')
    assert find_records(tmp_path)[0] == [path]
    assert other in find_records(tmp_path)[1]
    np.testing.assert_allclose(read_record(path).waveform, steps / 1000, rtol=1e-6)


def test_many_comments_without_a_root_are_passed_over_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "x.xml", "<?xml version='1.0'?>" + "<!-- -->" * 100_000)
    started = time.process_time()
    assert find_records(tmp_path) == ([], [path])
    assert time.process_time() - started < 5


@pytest.mark.parametrize(("born", "age"), [("19640101", 54), ("1964", 53), ("196403", 53), ("19000101", 118)])
def test_a_birth_may_tell_its_year_alone(tmp_path: Path, steps: np.ndarray, born: str, age: int) -> None:
    text = aecg(steps, 500.0).replace('birthTime value="19640101"', f'birthTime value="{born}"')
    assert read_record(write(tmp_path / "x.xml", text)).given["age"] == age


def test_what_is_not_understood_of_the_subject_is_noted(tmp_path: Path, steps: np.ndarray) -> None:
    text = aecg(steps, 500.0).replace("19640101", "18640101").replace('Code code="F"', 'Code code="7"')
    record = read_record(write(tmp_path / "x.xml", text))
    assert record.given == {}
    assert record.notes[0].startswith("age '154' is not understood or implausible")
    assert record.notes[1] == "sex '7' is neither male nor female, so missing"


def test_sequences_that_are_no_lead_are_named(tmp_path: Path, steps: np.ndarray) -> None:
    text = aecg(steps, 500.0).replace("MDC_ECG_LEAD_V6", "MDC_PULS_OXIM", 1)
    record = read_record(write(tmp_path / "x.xml", text))
    assert record.notes == ("not taken, as none of the twelve leads: MDC_PULS_OXIM",)


def test_no_leads_is_said(tmp_path: Path, steps: np.ndarray) -> None:
    path = write(tmp_path / "x.aecg", aecg(steps, 500.0).replace("MDC_ECG_LEAD_", "MDC_PRESS_X"))
    with pytest.raises(RecordError, match="none of the twelve leads among its sequences"):
        read_record(path)


@pytest.mark.real
@pytest.mark.parametrize("name", ["cinc2021/georgia/E00271", "cinc2021/chapman_ningbo/JS00008"])
def test_real_recordings_come_back_within_a_step(real_data: Path, tmp_path: Path, name: str) -> None:
    record = read_record(real_data / f"{name}.hea")
    steps = np.rint(record.waveform / 0.001).astype(int)
    again = read_record(write(tmp_path / "x.xml", aecg(steps, record.fs)))
    assert again.fs == record.fs
    np.testing.assert_allclose(again.waveform, record.waveform, atol=0.001)
