"""`ecgml explore`: tables count without files, nothing stops at bad files, and MLflow has it all."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.cohorts.opening import open_cohorts
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.datasets.cache import open_or_fill
from ecgml.errors import CohortError, OutputError
from ecgml.exploration.survey import NO_FILE, QUARANTINED, USABLE, Survey
from ecgml.exploration.tables.correlations import correlations_section
from ecgml.exploration.tables.dates import dates_section
from ecgml.pipeline.explore.explore import explore
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.surveying import SIMULATED, gather_signals, survey_cohorts
from ecgml.preprocessing.preprocess import STEP_MV
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.schemes import SCHEMES
from ecgml.service.store import connect
from tests.cohorts.invented import COLUMNS, ROWS, write_table

SETTINGS = PreprocessingSettings()


@dataclass(frozen=True)
class Explored:
    """A finished exploration."""

    run: Run
    said: str
    out: Path


@pytest.fixture(scope="session")
def explored(store: Path, demo: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Explored:
    """Explore a partial copy of the simulated cohort: 20 of its 60 rows have no file, one file is zero throughout."""
    partial = tmp_path_factory.mktemp("partial") / "partial"
    shutil.copytree(demo, partial)
    for path in sorted((partial / "ECGData").glob("*.csv"))[40:]:
        path.unlink()
    out = tmp_path_factory.mktemp("explored") / "out"
    options = {"data_dir": str(partial), "cache_dir": str(cache), "jobs": "1", "filtered": "1", "signals": "30"}
    said = explore(options, Console(io.StringIO()), out=str(out))
    run_id = said.partition("run ")[2].partition(";")[0]
    return Explored(MlflowClient().get_run(run_id), said, out)


def artifacts(run: Run, path: str = "") -> set[str]:
    client, found = MlflowClient(), set()
    for entry in client.list_artifacts(run.info.run_id, path):
        found |= artifacts(run, entry.path) if entry.is_dir else {entry.path}
    return found


@pytest.mark.slow
def test_the_run_has_page_figures_tables_and_counts(explored: Explored) -> None:
    run = explored.run
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "explore partial"
    assert MlflowClient().get_experiment(run.info.experiment_id).name == "ecg-rhythm"
    assert run.data.metrics["records"] == 60
    assert run.data.metrics["files"] == 40
    assert run.data.metrics["signals"] + run.data.metrics["quarantined"] == 40
    assert run.data.metrics["quarantined_flat"] >= 1
    assert sum(run.data.metrics[f"class_{name}"] for name in (*SCHEMES["groups"].classes, "none")) == 60
    assert run.data.tags["ecgml.simulated"] == "true"
    assert run.data.params["signals"] == "30"
    assert run.inputs.dataset_inputs[0].dataset.name == "partial"
    assert SIMULATED in run.data.tags["mlflow.note.content"]
    paths = artifacts(run)
    assert {"exploration.html", "config.json", "environment.txt", "figures/dates.png", "tables/counts.csv"} <= paths
    local = {path.relative_to(explored.out).as_posix() for path in explored.out.rglob("*") if path.is_file()}
    assert local <= paths
    assert f"page: {explored.out}/exploration.html" in explored.said


@pytest.mark.slow
def test_the_page_says_what_it_stands_on_and_that_it_is_simulated(explored: Explored) -> None:
    page = (explored.out / "exploration.html").read_text()
    assert "60 table rows in 1 cohort, 40 signal files" in page
    assert "Based on: 60 table rows" in page
    n_figures = page.count("<figure")
    assert n_figures == len(list((explored.out / "figures").iterdir())) >= 15
    assert page.count(f'<p class="caution">{SIMULATED}</p>') == n_figures + 1
    assert "Ventricular rate" in page, "labels are those of AttributesDictionary"


@pytest.mark.slow
def test_the_tables_hold_every_row(explored: Explored) -> None:
    counts = pd.read_csv(explored.out / "tables" / "counts.csv")
    assert counts["rows"].sum() == 60
    assert counts["usable"].sum() + counts["quarantined"].sum() == 40
    measurements = pd.read_csv(explored.out / "tables" / "measurements.csv").set_index("measurement")
    assert measurements.loc["QRS count", "n"] == 60
    assert measurements.loc["QRS duration", "unit"] == "msec"
    quarantine = pd.read_csv(explored.out / "tables" / "quarantine.csv")
    assert (~quarantine["used"]).sum() == counts["quarantined"].sum()


def survey_of(*folders: Path, cache: Path, max_quarantined: float = 0.25) -> Survey:
    cohorts = open_cohorts(folders, need_files=False)
    caches = {cohort.name: open_or_fill(cohort, SETTINGS, cache) for cohort in cohorts if cohort.entries}
    return survey_cohorts(cohorts, caches, SCHEMES["groups"], max_quarantined)


def test_rows_keep_their_values_whether_they_have_a_file_or_not(tmp_path: Path) -> None:
    """Three invented rows of a Diagnostics table, one with a file, one with a file of zeros."""
    root = tmp_path / "set"
    write_table(root / "Diagnostics.csv", COLUMNS, ROWS)
    (root / "ECGData").mkdir()
    times = np.arange(5000) / 500
    lead = 1000 * np.exp(-((((times % 0.8) - 0.4) / 0.02) ** 2)) + np.random.default_rng(0).normal(0, 5, 5000)
    for row, waveform in ((ROWS[0], lead), (ROWS[1], 0 * lead)):
        table = np.tile(waveform[:, None], (1, 12)).round(2)
        np.savetxt(root / "ECGData" / f"{row[0]}.csv", table, delimiter=",", fmt="%.2f")
    survey = survey_of(root, cache=tmp_path / "cache")
    by_name = dict(zip(survey.record_ids.tolist(), range(3), strict=True))
    rows = [by_name[row[0]] for row in ROWS]
    assert survey.states[rows].tolist() == [USABLE, QUARANTINED, NO_FILE]
    assert survey.reasons[rows].tolist() == ["", "flat", ""]
    assert survey.dates[rows].astype(str).tolist() == ["2018-01-13", "2018-01-12", "2018-01-11"]
    assert survey.column("age")[rows].tolist() == [85, 59, 20]
    assert survey.column("QRSCount")[rows].tolist() == [19, 8, 11]
    assert survey.column("atrial_rate")[rows][:2].tolist() == [234, 52]
    assert np.isnan(survey.column("atrial_rate")[rows][2]), "0 is no atrial rate"
    measured = survey.column("ventricular_rate", measured=True)[rows]
    assert measured[0] == pytest.approx(75, abs=0.5)
    assert np.isnan(measured[1:]).all()
    assert survey.caution == ""


def test_the_same_ecg_twice_is_found_and_stays_on_one_side(demo: Path, cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo, copy)
    survey = survey_of(demo, copy, cache=cache)
    waveforms = next(one for one in survey.repeats if one.title == "the same waveform")
    n_usable = int(survey.usable.sum())
    assert len(np.unique(waveforms.groups[waveforms.groups >= 0])) <= n_usable // 2
    assert len(np.unique(survey.patients[survey.usable])) <= n_usable // 2
    assert (waveforms.groups[~survey.usable] == -1).all()
    patients = next(one for one in survey.repeats if one.title == "the same patient")
    assert (patients.groups == -1).all()


def test_signals_are_those_of_their_rows(demo: Path, external: Path, cache: Path) -> None:
    cohorts = open_cohorts([demo, external])
    caches = {cohort.name: open_or_fill(cohort, SETTINGS, cache) for cohort in cohorts}
    survey = survey_cohorts(cohorts, caches, SCHEMES["groups"], 0.25)
    rows = np.flatnonzero(survey.usable)[[3, -2]]
    signals = gather_signals(survey, cohorts, caches, rows, SETTINGS)
    for place, row in enumerate(rows):
        cached = caches[str(survey.cohorts[row])]
        window = cached.first_window[cached.record_ids.index(str(survey.record_ids[row]))]
        np.testing.assert_allclose(signals.waveforms[place], cached.windows[window] * STEP_MV, atol=1e-6)


def test_nothing_stops_at_unusable_files(
    store: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 24 files none is readable: training would stop, and the page says so."""
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, buffer, **_: buffer.write(b"PNG"))
    root = tmp_path / "broken"
    write_demo(root, n_records=24)
    for path in (root / "ECGData").glob("*.csv"):
        path.write_text("I,II\n")
    options = {"data_dir": str(root), "cache_dir": str(cache), "jobs": "1", "scheme": "rhythms"}
    explore(options, Console(io.StringIO()), out=str(tmp_path / "out"))
    page = (tmp_path / "out" / "exploration.html").read_text()
    assert "Training would stop here" in page
    assert "24 of 24 files are unusable" in page
    assert "24 table rows" in page
    shutil.rmtree(root / "ECGData")
    assert "run " in explore(options, Console(io.StringIO()))


def test_what_cannot_be_is_refused_before_a_run_is_opened(store: Path, demo: Path, cache: Path, tmp_path: Path) -> None:
    def n_runs() -> int:
        return len(mlflow.search_runs(experiment_names=["ecg-rhythm"], output_format="list"))

    connect()  # makes the experiment
    before = n_runs()
    (tmp_path / "mine.txt").touch()
    options = {"data_dir": str(demo), "cache_dir": str(cache)}
    with pytest.raises(OutputError, match="give a folder of its own"):
        explore(options, Console(io.StringIO()), out=str(tmp_path))
    with pytest.raises(CohortError, match="does not exist"):
        explore({**options, "data_dir": str(tmp_path / "nowhere")}, Console(io.StringIO()))
    assert n_runs() == before


@pytest.mark.slow
@pytest.mark.real
def test_the_real_table_shows_its_confounding(real_data: Path, tmp_path: Path) -> None:
    """The published Diagnostics table: counts, 13 days, and what its dates and QT give away."""
    survey = survey_of(real_data / "chapman", cache=tmp_path)
    assert len(survey) == 10_646
    assert np.bincount(survey.classes).tolist() == [2225, 2307, 3889, 2225]
    assert len(np.unique(survey.dates)) == 13
    twins = next(one for one in survey.repeats if one.title == "near-certain twins").groups
    assert (np.unique(twins, return_counts=True)[1] > 1).sum() == 14
    section = dates_section(survey, seed=0)
    assert section.metrics["date_macro_f1"] == pytest.approx(0.474, abs=0.005)
    assert "SR: 1,818 of 1,826 records (99.6%) were recorded on 2018-02-09 and 2018-02-10" in section.findings[0]
    assert "0.99999" in correlations_section(survey).findings[0]
    labels = {variable.name: variable.title for variable in survey.variables if not variable.measured}
    assert labels["qt_interval"] == "QT interval, msec"
    assert labels["TOffset"] == "T offset, samples"
