"""The demo cohort on disk: the real set's layouts, the same for the same seed, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from ecgml import saving
from ecgml.cohorts.places import SIMULATED
from ecgml.cohorts.simulation import demo
from ecgml.cohorts.simulation.admission import admit
from ecgml.cohorts.simulation.cardiograph import DIAGNOSTICS_COLUMNS
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.cohorts.simulation.roster import admissions
from ecgml.cohorts.simulation.wfdb_files import write_wfdb
from ecgml.errors import CohortError
from ecgml.records.leads import LEADS
from ecgml.records.rhythms import RHYTHM_CODES, rhythm_of

SEED = 3


@pytest.fixture(scope="module")
def chapman(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "chapman"
    write_demo(out, n_records=16, seed=SEED)
    return out


@pytest.fixture(scope="module")
def physionet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "physionet"
    write_demo(out, n_records=16, seed=SEED, layout="wfdb")
    return out


def diagnostics(folder: Path) -> pd.DataFrame:
    return pd.read_excel(folder / "Diagnostics.xlsx", keep_default_na=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_chapman_layout_is_the_published_one(chapman: Path) -> None:
    tables = {"AttributesDictionary.xlsx", "ConditionNames.xlsx", "Diagnostics.xlsx", "RhythmNames.xlsx"}
    assert {path.name for path in chapman.iterdir()} == tables | {"ECGData", "SIMULATED.json"}
    table = diagnostics(chapman)
    assert tuple(table.columns) == DIAGNOSTICS_COLUMNS
    assert {path.stem for path in (chapman / "ECGData").iterdir()} == set(table.FileName)
    assert all(re.fullmatch(r"MUSE_201\d{5}_[01]\d[0-5]\d[0-5]\d_\d{5}", name) for name in table.FileName)
    assert set(table.Rhythm) == set(RHYTHM_CODES)
    assert set(table.Gender) <= {"MALE", "FEMALE"}


def test_a_csv_is_a_header_and_5000_rows_of_whole_steps_of_the_converter(chapman: Path) -> None:
    for name in diagnostics(chapman).FileName[:4]:
        lines = (chapman / "ECGData" / f"{name}.csv").read_text().splitlines()
        assert lines[0] == ",".join(LEADS)
        assert len(lines) == 5001
        microvolts = np.loadtxt(lines[1:], delimiter=",")
        assert microvolts.shape == (5000, 12)
        np.testing.assert_allclose(microvolts, 4.88 * np.rint(microvolts / 4.88), atol=1e-9)


def test_files_hold_what_was_simulated(chapman: Path) -> None:
    """To half a step of 4.88 µV."""
    for admission in list(admissions(16, SEED))[:3]:
        waveform, row = admit(admission, SEED)
        microvolts = np.loadtxt(chapman / "ECGData" / f"{admission.name}.csv", delimiter=",", skiprows=1)
        np.testing.assert_allclose(microvolts, 1000 * waveform.T, atol=2.45)
        stated = diagnostics(chapman).set_index("FileName").loc[admission.name]
        assert {name: str(value) for name, value in row.items() if name != "FileName"} == stated.astype(str).to_dict()


def test_tables_have_the_published_oddities(chapman: Path) -> None:
    """RhythmNames writes SI where Diagnostics writes SA and pads its codes; ages are text; Beat says NONE."""
    rhythms = pd.read_excel(chapman / "RhythmNames.xlsx")
    assert set(map(str.strip, rhythms["Acronym Name"])) == set(RHYTHM_CODES) - {"SA"} | {"SI"}
    assert any(code != code.strip() for code in rhythms["Acronym Name"])
    assert all(rhythm_of(code) for code in rhythms["Acronym Name"])
    table = diagnostics(chapman)
    assert (table.Beat != "").all()
    # pandas would turn ages into numbers on its own.
    sheet = load_workbook(chapman / "Diagnostics.xlsx").active
    kinds = {cell.value: type(below.value) for cell, below in zip(sheet[1], sheet[2], strict=True)}
    assert kinds["PatientAge"] is str
    assert kinds["VentricularRate"] is int
    conditions = pd.read_excel(chapman / "ConditionNames.xlsx", keep_default_na=False)
    stated = set(" ".join(table.Beat).split()) - {"NONE"}
    assert stated <= set(conditions["Acronym Name"])


def test_wfdb_reads_the_physionet_layout_and_finds_the_same_ecgs(chapman: Path, physionet: Path) -> None:
    """To half a µV of rounding; row n of Diagnostics is record JSn."""
    wfdb = pytest.importorskip("wfdb")
    table = diagnostics(physionet)
    pd.testing.assert_frame_equal(table, diagnostics(chapman))
    for number, row in table.head(4).iterrows():
        record = wfdb.rdrecord(str(physionet / "WFDBRecords" / "01" / "010" / f"JS{number + 1:05d}"))
        assert (record.fs, tuple(record.sig_name), set(record.units)) == (500, LEADS, {"mV"})
        microvolts = np.loadtxt(chapman / "ECGData" / f"{row.FileName}.csv", delimiter=",", skiprows=1)
        np.testing.assert_allclose(1000 * record.p_signal, microvolts, atol=0.501)
        checksums = (1000 * record.p_signal).round().sum(axis=0).astype(np.int64).astype(np.int16)
        np.testing.assert_array_equal(checksums, np.array(record.checksum).astype(np.int16))
        assert record.comments[0] == f"Age: {row.PatientAge}"
        assert record.comments[1] == f"Sex: {row.Gender.title()}"
        statements = record.comments[2].removeprefix("Dx: ").split(",")
        assert rhythm_of(statements[0]) == row.Rhythm
        assert len(statements) >= 1 + (row.Beat != "NONE")


def test_folders_of_the_physionet_layout_hold_a_hundred_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As published: JS00001 lies in 01/010, JS00101 in 01/011, JS01001 in 02/020, JS45551 in 46/465."""
    row = {"Rhythm": "SR", "Beat": "NONE", "PatientAge": 50, "Gender": "MALE"}
    for number, place in ((0, "01/010"), (100, "01/011"), (1000, "02/020"), (45_550, "46/465")):
        file = write_wfdb(tmp_path, number, np.zeros((12, 10), np.float32), row)
        assert file == tmp_path / "WFDBRecords" / place / f"JS{number + 1:05d}.mat"


def test_the_marker_says_that_all_is_simulated(chapman: Path) -> None:
    marker = json.loads((chapman / SIMULATED).read_text())
    assert marker == {
        "simulated": True,
        "version": demo.GENERATOR_VERSION,
        "seed": 3,
        "n_records": 16,
        "layout": "chapman",
    }


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(chapman: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "again", n_records=16, seed=SEED)
    write_demo(tmp_path / "other", n_records=2, seed=SEED + 1)
    assert contents(tmp_path / "again") == contents(chapman)
    assert not set(diagnostics(tmp_path / "other").FileName) & set(diagnostics(chapman).FileName)


def test_a_larger_demo_begins_with_a_smaller_one(chapman: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "small", n_records=5, seed=SEED)
    small, large = contents(tmp_path / "small"), contents(chapman)
    recordings = [name for name in small if name.endswith(".csv")]
    assert len(recordings) == 5
    assert all(small[name] == large[name] for name in recordings)


def test_progress_is_told_after_each_record(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_demo(tmp_path / "demo", n_records=3, progress=lambda n_done, n_total: told.append((n_done, n_total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    precious = tmp_path / "data" / "precious.csv"
    precious.parent.mkdir()
    precious.write_text("1")
    with pytest.raises(CohortError, match="data: exists and is not empty; choose another folder"):
        write_demo(precious.parent, n_records=1)
    with pytest.raises(CohortError, match=r"precious\.csv: exists"):
        write_demo(precious, n_records=1)
    assert contents(tmp_path) == {"data/precious.csv": b"1"}


def test_an_empty_folder_may_be_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_demo(tmp_path / "empty", n_records=1)
    assert (tmp_path / "empty" / SIMULATED).exists()
    write_demo(tmp_path / "deeper" / "new", n_records=1)
    assert (tmp_path / "deeper" / "new" / SIMULATED).exists()


@pytest.mark.parametrize("step", ["demo.write_csv", "demo.write_tables", "saving.flush"])
def test_a_full_disk_leaves_nothing_and_is_one_line(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    module, _, name = step.partition(".")
    monkeypatch.setattr({"demo": demo, "saving": saving}[module], name, full)
    with pytest.raises(
        CohortError, match=r"demo: the demo cohort cannot be written: No space left on device"
    ) as caught:
        write_demo(tmp_path / "demo", n_records=2)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(n_done: int, n_total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path / "demo", n_records=2, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_leaves_does_not_look_whole(tmp_path: Path) -> None:
    """Until the last moment the name is another and the tables and the marker are missing."""
    seen: list[set[str]] = []

    def look(n_done: int, n_total: int) -> None:
        (partial,) = tmp_path.iterdir()
        assert (partial.name[:6], partial.suffix) == (".demo.", ".partial")
        seen.append({path.name for path in partial.iterdir()})

    write_demo(tmp_path / "demo", n_records=2, progress=look)
    assert seen == [{"ECGData"}, {"ECGData"}]


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="layout: 'chapmen' is unknown, did you mean 'chapman'"):
        write_demo(tmp_path / "demo", layout="chapmen")
    for arguments in ({"n_records": 0}, {"seed": -1}):
        with pytest.raises(CohortError, match="at least one and no negative seed are needed"):
            write_demo(tmp_path / "demo", **arguments)
    assert list(tmp_path.iterdir()) == []
