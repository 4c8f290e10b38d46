"""The command line: instant help, one line an error, the right exit code."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from mlflow.tracking import MlflowClient

from ecgml.cli import EXAMPLES, main
from ecgml.records.leads import LEADS
from tests.conftest import ROOT


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


COMMANDS = ("train", "prepare", "explore", "audit", "compare", "evaluate", "promote", "predict", "measure", "simulate")
COMMANDS += ("download", "doctor", "rollback", "history")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--help"], [f"  {command} " for command in COMMANDS]),
        (["train", "--help"], ["--learning-rate", "Examples:"]),
        (["trian"], ["did you mean 'train'?"]),
        (["train", "--epocs", "3"], ["--epochs"]),
        (["train", "--epochs", "many"], ["epochs: 'many' is not a whole number"]),
        (["evaluate", "runs:/x", "--bootstrap", "1"], ["bootstrap: 1 is too small"]),
    ],
    ids=" ".join,
)
def test_help_and_typos_are_answered_before_anything_heavy_is_imported(words: list[str], shown: list[str]) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from ecgml.cli import main; "
        f"print(CliRunner().invoke(main, {words}).output); "
        "heavy = {'torch', 'mlflow', 'pandas', 'sklearn', 'matplotlib', 'numba'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for words_shown in shown:
        assert words_shown in done.stdout


def test_examples_in_the_help_name_options_that_there_are() -> None:
    for name, examples in EXAMPLES.items():
        known = {word for parameter in main.get_command(None, name).params for word in parameter.opts}
        for example in examples:
            assert example.startswith(f"ecgml {name} ")
            assert set(re.findall(r"--[a-z-]+", example)) <= known


@pytest.mark.parametrize("name", ["prepare", "explore", "evaluate", "audit"])
def test_help_of_what_trains_nothing_does_not_speak_of_training_on_folders(name: str) -> None:
    output = " ".join(call(name, "--help").output.split())
    assert "--data-dir" in output
    assert "to train on" not in output.replace("was trained on", "")


def test_experiment_of_a_command_is_the_one_named_but_not_under_mlflow_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "by variable")
    assert call("explore", str(tmp_path / "nowhere"), "--experiment", "by option").exit_code == 1
    assert MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_experiments()[0].name == "by option"
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    refused = call("explore", "--experiment", "by option")
    assert refused.exit_code == 2
    assert "mlflow run --experiment-name" in refused.output


def test_help_of_train_says_unit_and_default_of_every_setting() -> None:
    output = " ".join(call("train", "--help").output.split())
    assert "--learning-rate" in output
    assert "Peak learning rate of AdamW. [default: 0.002]" in output
    for shown in (
        "--max-quarantined NUMBER ",
        "--epochs INTEGER ",
        "--data-dir DIR[,…] ",
        "--models fusion|baseline[,…] ",
    ):
        assert shown in output
    # The one setting of which none is a value.
    assert re.findall(r"--(\S+) \S+ [^[]*\[default: none\]", output) == ["denoise"]


def test_a_name_may_be_written_as_mlflow_run_hands_it_over(tmp_path: Path) -> None:
    """`mlflow run . -P trunk_width=8` becomes --trunk_width 8: MLproject does not declare every setting."""
    result = call("train", "--trunk_width", "no number")
    assert result.exit_code == 2
    assert "trunk_width: 'no number' is not a whole number" in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--epochs", "0"], "epochs: 0 is too small"),
        (["train", "--learning-rate", "fast"], "learning_rate: 'fast' is not a number"),
        (["prepare", "--fs", "10"], "fs: 10.0 is too small"),
        (["explore", "--signals", "0"], "signals: 0 is too small"),
        (["doctor", "epoch=3"], "unknown setting 'epoch', did you mean 'epochs'"),
    ],
)
def test_bad_setting_is_one_line_and_exit_code_2(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(*words)
    assert result.exit_code == 2
    assert result.output.startswith("error: ")
    assert message in result.output
    assert result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    result = call("prepare", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "nowhere does not exist" in result.output


def test_simulated_cohort_is_prepared_and_summarised(tmp_path: Path) -> None:
    assert call("simulate", str(tmp_path / "demo"), "--records", "40").exit_code == 0
    result = call("prepare", str(tmp_path / "demo"), "--cache-dir", str(tmp_path / "cache"), "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "demo (chapman, simulated): 40 files" in result.output
    assert "groups: AFIB" in result.output


def test_external_folder_alone_is_the_data_where_nothing_is_trained(tmp_path: Path) -> None:
    """No simulated demo cohort joins it."""
    call("simulate", str(tmp_path / "demo"), "--records", "40")
    result = call(
        "prepare", "--external-dir", str(tmp_path / "demo"), "--cache-dir", str(tmp_path / "c"), "--jobs", "1"
    )
    assert result.exit_code == 0, result.output
    assert re.findall(r"^\S+ \(chapman, simulated\)", result.output, flags=re.M) == ["demo (chapman, simulated)"]


def test_refuses_to_overwrite(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = call("simulate", str(tmp_path), "--records", "40")
    assert result.exit_code == 1
    assert result.output.startswith("error: ")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint of an untrained model."""
    from ecgml.training.checkpoint import save_checkpoint
    from tests.untrained import untrained_checkpoint

    folder = tmp_path_factory.mktemp("model") / "checkpoint"
    save_checkpoint(untrained_checkpoint(), folder)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two WFDB records, one of them damaged."""
    from ecgml.cohorts.simulation.demo import write_demo

    folder = tmp_path_factory.mktemp("files")
    write_demo(folder / "demo", n_records=2, layout="wfdb")
    headers = sorted((folder / "demo").rglob("*.hea"))
    headers[1].with_suffix(".mat").write_bytes(b"too short")
    return headers[0].parent


def test_prediction_is_a_table_and_one_bad_file_does_not_stop_the_rest(checkpoint: Path, files: Path) -> None:
    result = call("predict", str(checkpoint), str(files))
    assert result.exit_code == 1
    head, *lines = result.output.rstrip("\n").splitlines()
    intervals = ["rate", "PR", "P", "QRS", "QT", "QTc"]
    assert head.split() == ["rhythm", "AFIB", "GSVT", "SB", "SR", *intervals, "file"]
    assert sorted(line.split()[0] == "error" for line in lines) == [False, True]
    good = next(line for line in lines if not line.startswith("error"))
    probabilities = dict(zip(head.split()[1:5], map(float, good.split()[1:5]), strict=True))
    assert sum(probabilities.values()) == pytest.approx(1, abs=0.002)
    assert good.split()[0] == max(probabilities, key=probabilities.get)
    shown = json.loads(call("predict", str(checkpoint), str(files), "--json").output.splitlines()[lines.index(good)])
    for name, cell in zip(("ventricular_rate", "qrs_duration", "qt_interval"), (0, 3, 4), strict=True):
        assert float(good.split()[5 + cell]) == pytest.approx(shown["intervals"][name]["value"], abs=0.6), name
    # Columns stand below each other whatever a line says.
    assert {line.index(str(files)) for line in lines} == {head.index("file")}


def test_two_leads_are_answered_only_on_request_and_the_answer_names_them(checkpoint: Path, tmp_path: Path) -> None:
    from ecgml.cohorts.simulation.record import simulate_record

    path = tmp_path / "two.npz"
    waveform = simulate_record("SR", np.random.default_rng(1)).waveform
    np.savez(path, waveform=waveform[:2], fs=500.0, unit="mV", leads=["I", "II"])
    refused = call("predict", str(checkpoint), str(path), "--json")
    assert refused.exit_code == 1
    assert "2 usable measured leads (I, II), 6 needed" in json.loads(refused.output)["error"]
    assert "--min-leads" in refused.output
    answer = json.loads(call("predict", str(checkpoint), str(path), "--json", "--min-leads", "2").output)
    assert answer["notes"][:3] == [
        "measured leads: I, II",
        "derived: III, aVR, aVL, aVF",
        "missing: V1, V2, V3, V4, V5, V6",
    ]


def test_a_model_is_predicted_with_by_its_runs_id_alone(
    checkpoint: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    run_id = client.create_run("0").info.run_id
    client.log_artifacts(run_id, str(checkpoint), "checkpoint")
    shown = [call("predict", model, str(sorted(files.glob("*.hea"))[0])) for model in (run_id, str(checkpoint))]
    assert shown[0].exit_code == 0, shown[0].output
    assert shown[0].stdout == shown[1].stdout
    assert "is version" not in shown[0].stderr


@pytest.mark.parametrize("command", ["predict", "measure"])
def test_numbered_columns_are_leads_only_when_their_order_is_given(
    checkpoint: Path, tmp_path: Path, command: str
) -> None:
    """R's V1 to V12 hold the chest leads first here: the order given is followed, names in a file stand."""
    from ecgml.cohorts.simulation.record import simulate_record

    waveform = simulate_record("SR", np.random.default_rng(1)).waveform
    turned = np.roll(waveform, 6, axis=0)
    order = "V1,V2,V3,V4,V5,V6,I,II,III,aVR,aVL,aVF"
    for name, rows, header in (
        ("r.csv", turned, [f"V{number}" for number in range(1, 13)]),
        ("named.csv", waveform, LEADS),
    ):
        np.savetxt(tmp_path / name, rows.T, delimiter=",", header=",".join(header), comments="", fmt="%.6f")
    words = [*([str(checkpoint)] if command == "predict" else []), "--json", "--fs", "500", "--unit", "mV"]
    refused = call(command, *words, str(tmp_path / "r.csv"))
    assert refused.exit_code == 1
    assert "--leads I,II" in json.loads(refused.output)["error"]
    one, other = (
        json.loads(call(command, *words, "--leads", order, str(path)).output)
        for path in (tmp_path / "r.csv", tmp_path / "named.csv")
    )
    assert one.pop("file") != other.pop("file")
    assert one == other
    assert call(command, *words, "--leads", "a,b", str(tmp_path / "r.csv")).output.startswith("error: --leads: 'a,b'")


def test_answer_says_that_an_amplitude_is_implausible(checkpoint: Path, tmp_path: Path) -> None:
    from ecgml.cohorts.simulation.record import simulate_record

    waveform = simulate_record("SR", np.random.default_rng(1)).waveform
    said = []
    for factor in (1, 1 / 5):
        path = tmp_path / "one.npz"
        np.savez(path, waveform=factor * waveform, fs=500.0, unit="mV", leads=LEADS)
        notes = json.loads(call("predict", str(checkpoint), str(path), "--json").output)["notes"]
        said.append([note for note in notes if note.startswith("suspect: amplitude ")])
    assert [len(one) for one in said] == [0, 1]
    assert "too small for a usual ECG" in said[1][0]


def test_prediction_as_json_says_what_was_given_measured_and_missing(checkpoint: Path, files: Path) -> None:
    good = min(files.glob("*.hea"))
    result = call("predict", str(checkpoint), str(good), "--json")
    assert result.exit_code == 0
    answer = json.loads(result.output)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["rhythm"] in answer["probabilities"]
    assert set(answer["origins"].values()) == {"given", "measured", "missing"}
    assert answer["origins"]["age"] == "given"
    assert answer["snomed"]
    assert answer["model_version"] is None


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one ECG in three forms, one a folder deeper, beside tables and notes.

    The header says 500 Hz and mV, the table (µV) and the array (mV) tell neither.
    """
    import numpy as np

    from ecgml.cohorts.simulation.demo import write_demo
    from ecgml.records.reading import read_record

    folder = tmp_path_factory.mktemp("mixed")
    demo = tmp_path_factory.mktemp("demo")
    write_demo(demo / "one", n_records=1, layout="wfdb")
    header = next(demo.rglob("*.hea"))
    waveform = read_record(header).waveform
    shutil.copytree(header.parent, folder / "a")
    (folder / "b").mkdir()
    np.savetxt(folder / "b" / "table.csv", 1000 * waveform.T, fmt="%.0f", delimiter=",")
    np.save(folder / "array.npy", waveform)
    (folder / "manifest.csv").write_text("path,rhythm\nb/table.csv,SR\n")
    (folder / "labels.yaml").write_text("VHF: AFIB\n")
    return folder


def test_given_options_are_for_files_that_do_not_tell_and_a_folder_may_mix_both(checkpoint: Path, mixed: Path) -> None:
    result = call("predict", str(checkpoint), str(mixed / "a"), str(mixed / "b"), "--fs", "500", "--unit", "uV")
    assert result.exit_code == 0, result.output
    _, of_header, of_table = result.stdout.splitlines()
    assert of_header.endswith("(the file says mV: --unit uV not used)")
    # The table is rounded to 1 µV, as the model's waveform is.
    assert of_header.split()[:5] == of_table.split()[:5]
    result = call("predict", str(checkpoint), str(mixed / "a"), "--fs", "250", "--unit", "mV")
    assert result.exit_code == 0
    assert result.stdout.rstrip().endswith("(the file says 500 Hz: --fs 250 not used)")


def test_folder_is_searched_and_what_is_no_ecg_passed_over_aloud(checkpoint: Path, mixed: Path) -> None:
    result = call("predict", str(checkpoint), str(mixed), "--fs", "500", "--unit", "mV")
    lines = result.stdout.splitlines()[1:]
    assert [Path(line.split()[11]).suffix for line in lines] == [".hea", ".npy", ".csv"]
    assert result.stderr == f"{mixed}: 2 files skipped, not an ECG: labels.yaml, manifest.csv\n"


@pytest.mark.parametrize(
    ("file", "options", "remedy"),
    [
        ("array.npy", ["--fs", "500", "--unit", "uV"], r"\(taken for uV; mV would fit\): check --unit"),
        ("b/table.csv", ["--fs", "500", "--unit", "mV"], r"\(taken for mV; uV would fit\): check --unit"),
        ("b/table.csv", ["--unit", "uV"], "does not tell its sampling frequency .*: --fs 500$"),
        ("b/table.csv", ["--fs", "500"], "does not tell its unit .*: --unit uV$"),
        ("b/table.csv", ["--fs", "5000", "--unit", "uV"], "5,000 samples at 5000 Hz are 1 s; at least 5 s are needed$"),
    ],
)
def test_refused_file_is_answered_with_options_of_this_command(
    checkpoint: Path, mixed: Path, file: str, options: list[str], remedy: str
) -> None:
    result = call("predict", str(checkpoint), str(mixed / file), *options)
    assert result.exit_code == 1
    assert re.search(remedy, result.output.rstrip()), result.output
    assert result.output.count("\n") == 2


def test_folder_without_an_ecg_is_an_error(checkpoint: Path, tmp_path: Path) -> None:
    result = call("predict", str(checkpoint), str(tmp_path))
    assert result.exit_code == 1
    line = result.output.splitlines()[1]
    assert line.startswith("error")
    assert f"{tmp_path}  no ECG in this folder or below; looked for .aecg .csv .dat .dcm" in line


def test_unit_that_is_no_voltage_is_a_bad_option(checkpoint: Path, mixed: Path) -> None:
    result = call("predict", str(checkpoint), str(mixed), "--unit", "mmHg")
    assert (result.exit_code, result.output) == (2, "error: --unit: 'mmHg' is not a voltage; one of V, mV, uV, nV\n")


def test_prediction_with_a_missing_model_is_one_line(files: Path, tmp_path: Path) -> None:
    result = call("predict", str(tmp_path), str(files))
    assert result.exit_code == 1
    assert "no checkpoint" in result.output
    assert result.output.count("\n") == 1


def test_doctor_finds_this_environment_able(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("doctor", f"cache_dir={tmp_path}")
    assert result.exit_code == 0, result.output
    assert "trains on" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["/proc/foo", "/dev/null/foo", "file/foo", "file"])
def test_doctor_and_job_agree_that_a_cache_folder_cannot_be(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also for root, to whom everything seems writable."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    result = call("doctor", f"cache_dir={place}")
    assert result.exit_code == 1
    faults = [line for line in result.output.splitlines() if line.startswith("fault")]
    assert len(faults) == 1
    assert f"{place}: nothing can be written in " in faults[0]
    result = call("prepare", "--cache-dir", place)
    assert result.exit_code == 1
    assert f"{place}: the cache cannot be used: " in result.output
    assert result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_doctor_names_what_would_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("doctor", f"data_dir={tmp_path}/nowhere", "device=cuda:9")
    assert result.exit_code == 1
    assert "nowhere does not exist" in result.output
    assert "'cuda:9' is not available" in result.output


def test_options_of_splits_are_refused_without_them() -> None:
    result = call("evaluate", "runs:/x", "data", "--folds", "3")
    assert result.exit_code == 2
    assert "--folds: only with --splits" in result.output
