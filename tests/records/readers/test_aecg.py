"""HL7 aECG: digits come back to the last step; what defines entities is refused; what is damaged is one line."""

from __future__ import annotations

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
        (("<digits>", "<digits>17 "), "leads of different lengths"),
        (('<scale value="1.0"', '<scale value="0"'), "lead I has scale 0"),
        (('<scale value="1.0" unit="uV"', '<scale value="1.0" unit="mm"'), "unit 'mm' is no voltage"),
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
