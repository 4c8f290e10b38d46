"""Parity: evaluation, Predictor, the registered model and `mlflow models serve` say the same of the same ECGs."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray

from ecgml.cli import main
from ecgml.cohorts.cohort import Entry, read_entry
from ecgml.cohorts.opening import open_cohorts
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.evaluation.predictions import Predictions
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.predict.predict import load_predictor
from ecgml.pipeline.train.train import train
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.reading import read_record
from ecgml.records.record import Record
from ecgml.service.model_card import fetch_card
from ecgml.service.registry import REGISTERED_MODEL, register
from tests.conftest import ROOT
from tests.pipeline.conftest import SMALL, Job
from tests.servers import model_server, post, tracking_server

pytestmark = pytest.mark.slow

CHAMPION = f"models:/{REGISTERED_MODEL}@champion"

TOLERANCE = 1e-5
"""Of a probability. Other batches group the sums of float32 arithmetic otherwise: 1e-7."""


@dataclass(frozen=True)
class Champion:
    """A trained, registered model and what evaluation said of the records that it never saw."""

    address: str
    """By its alias."""
    version: str
    model_id: str
    predictions: Predictions
    entries: dict[str, Entry]
    """By record id, those that were scored."""


def champion_of(run_id: str, folders: list[Path], name: str = "fusion", alias: str = "champion") -> Champion:
    client = MlflowClient()
    parent = client.get_run(run_id)
    children = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    child = next(run.info for run in children if run.info.run_name == name)
    model = client.search_logged_models([child.experiment_id], f"source_run_id = '{child.run_id}'")[0]
    version = register(model.model_id, child.run_id, {}, alias)
    path = mlflow.artifacts.download_artifacts(f"runs:/{child.run_id}/external_predictions.csv")
    predictions = read_predictions(path)
    there = set(np.array(predictions.record_ids)[predictions.scored])
    entries = {
        f"{cohort.name}/{entry.record_id}": entry for cohort in open_cohorts(folders) for entry in cohort.entries
    }
    address = f"models:/{REGISTERED_MODEL}@{alias}"
    return Champion(address, version, model.model_id, predictions, {name: entries[name] for name in sorted(there)})


def body_of(records: list[Record], entries: list[Entry]) -> dict:
    """Return a request about records of one sampling rate; shorter ones are padded with null."""
    n_times = max(record.waveform.shape[1] for record in records)
    waveforms = [
        np.pad(one.waveform, ((0, 0), (0, n_times - one.waveform.shape[1])), constant_values=np.nan) for one in records
    ]
    clinical = [[entry.given.get(name, np.nan) for name in CLINICAL_NAMES] for entry in entries]
    return {
        "inputs": {"waveform": with_nulls(np.stack(waveforms)), "clinical": with_nulls(np.array(clinical))},
        "params": {"fs": records[0].fs, "unit": "mV"},
    }


def with_nulls(values: NDArray) -> list:
    return np.where(np.isnan(values), None, values.astype(object)).tolist()


def as_arrays(body: dict) -> dict[str, NDArray]:
    return {name: np.array(values, dtype=np.float32) for name, values in body["inputs"].items()}


def rows(answers: list[dict], classes: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([[answer["probabilities"][name] for name in classes] for answer in answers])


def without_probabilities(answer: dict) -> dict:
    return {key: value for key, value in answer.items() if key != "probabilities"}


def check_parity(champion: Champion, log: Path) -> None:
    """Compare the four ways over every scored record, in batches of one sampling rate."""
    predictions = champion.predictions
    classes = predictions.classes
    predictor = load_predictor(champion.address, "cpu")
    served = mlflow.pyfunc.load_model(f"models:/{REGISTERED_MODEL}/{champion.version}")
    records = {name: read_entry(entry) for name, entry in champion.entries.items()}
    by_rate: dict[float, list[str]] = {}
    for name, record in records.items():
        by_rate.setdefault(record.fs, []).append(name)
    n_compared = 0
    with model_server(champion.address, log) as address:
        for names in by_rate.values():
            for start in range(0, len(names), 7):
                some = names[start : start + 7]
                entries = [champion.entries[name] for name in some]
                body = body_of([records[name] for name in some], entries)
                evaluated = predictions.y_prob[[predictions.record_ids.index(name) for name in some]]
                direct = predictor.predict([records[name] for name in some], [entry.given for entry in entries])
                loaded = served.predict(as_arrays(body), params=body["params"])
                status, text = post(address, body)
                assert status == 200, text
                answered = json.loads(text)["predictions"]
                for answers in ([one.to_json() for one in direct], loaded, answered):
                    np.testing.assert_allclose(rows(answers, classes), evaluated, atol=TOLERANCE)
                    assert [answer["rhythm"] for answer in answers] == [classes[k] for k in evaluated.argmax(axis=1)]
                assert {answer["model_version"] for answer in (*loaded, *answered)} == {champion.version}
                # The server's sums may run on more threads: the last digits of a probability are its own.
                assert [without_probabilities(one) for one in answered] == [
                    without_probabilities(one) for one in loaded
                ]
                n_compared += len(some)
    assert n_compared == len(champion.entries) == int(predictions.scored.sum())


@pytest.fixture(scope="module")
def champion(job: Job, external: Path) -> Champion:
    return champion_of(job.parent.info.run_id, [external])


def test_simulated_records_are_served_as_they_were_evaluated(champion: Champion, tmp_path: Path) -> None:
    check_parity(champion, tmp_path / "log")


@pytest.mark.real
def test_real_records_are_served_as_they_were_evaluated(
    store: Path, cache: Path, real_data: Path, tmp_path: Path
) -> None:
    """500 and 100 Hz, 10 to 48 s, sex and most ages given: as the sources have them."""
    folders = [real_data / "cinc2021" / name for name in ("georgia", "cpsc")]
    folders.append(part_of_ptbxl(real_data / "ptbxl", tmp_path / "ptbxl", 20))
    options = {
        **SMALL, "epochs": "1", "models": "fusion", "data_dir": str(real_data / "cinc2021" / "chapman_ningbo"),
        "external_dir": ",".join(map(str, folders)), "cache_dir": str(cache), "simulated_records": "0",
    }  # fmt: skip
    champion = champion_of(train(options, Console(io.StringIO())), folders, alias="challenger")
    assert {read_entry(entry).fs for entry in champion.entries.values()} == {100.0, 500.0}
    assert len(champion.entries) > 40
    check_parity(champion, tmp_path / "log")


def part_of_ptbxl(whole: Path, part: Path, n_records: int) -> Path:
    """Copy the first records of PTB-XL, with the table of all."""
    for header in sorted(whole.rglob("*.hea"))[:n_records]:
        for path in (header, header.with_suffix(".dat")):
            target = part / path.relative_to(whole)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(whole / "labels.csv", part / "labels.csv")
    return part


@pytest.fixture(scope="module")
def address(champion: Champion, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with model_server(CHAMPION, tmp_path_factory.mktemp("serve") / "log") as address:
        yield address


@pytest.fixture(scope="module")
def body(champion: Champion) -> dict:
    entry = next(iter(champion.entries.values()))
    return body_of([read_entry(entry)], [entry])


def changed(body: dict, waveform: NDArray | None = None, **params: object) -> dict:
    inputs = body["inputs"] if waveform is None else {**body["inputs"], "waveform": with_nulls(waveform)}
    return {"inputs": inputs, "params": {**body["params"], **params}}


def test_refusal_over_http_is_one_line_without_waveform_path_or_stack(address: str, body: dict) -> None:
    waveform = np.array(body["inputs"]["waveform"], dtype=float)
    requests = {
        "about 1,000 times too large": changed(body, 1000 * waveform),
        "record 0: holds no value at all": changed(body, np.full_like(waveform, np.nan)),
        "record 0: 0 usable leads": changed(body, 0 * waveform),
        "2 s; at least 5 s are needed": changed(body, waveform[:, :, :1000]),
        "beside 2 waveforms": changed(body, np.repeat(waveform, 2, axis=0)),
        "unit 'furlong' is not a voltage": changed(body, unit="furlong"),
        "fs: 0; a sampling frequency": changed(body, fs=0),
        "fs: -500;": changed(body, fs=-500),
    }
    for expected, request in requests.items():
        status, text = post(address, request)
        answer = json.loads(text)
        assert status == 400
        assert expected in answer["message"]
        assert set(answer) == {"error_code", "message", "sqlstate", "error_class"}
        assert not any(word in text for word in ("array", "Traceback", "/", "\\n", ".py")), text


def test_what_mlflow_answers_itself_is_a_400(address: str, body: dict) -> None:
    """As docs/serving.md lists it; a later MLflow may say it otherwise."""
    waveform = np.array(body["inputs"]["waveform"], dtype=float)
    clinical = body["inputs"]["clinical"]
    for request, expected in (
        (changed(body, waveform[:, :11]), "does not match expected shape"),
        ({"inputs": {"waveform": body["inputs"]["waveform"]}}, "missing inputs"),
        ({"inputs": {"waveform": [[["a"] * 5000] * 12], "clinical": clinical}}, "could not convert string to float"),
        ({"inputs": {"waveform": [], "clinical": clinical}}, "does not match expected shape"),
        (b"no JSON", "valid JSON"),
        (changed(body, fs="fast"), "Invalid parameters found"),
    ):
        status, text = post(address, request)
        assert status == 400
        assert expected in text


def test_several_clients_at_once_get_their_own_answers(address: str, champion: Champion) -> None:
    entries = list(champion.entries.values())[:6]
    bodies = [body_of([read_entry(entry)], [entry]) for entry in entries]
    alone = [post(address, body) for body in bodies]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda body: post(address, body), bodies * 4))
    assert together == alone * 4
    assert len({text for _, text in alone}) == len(entries)


def test_mlflow_models_predict_says_the_same(address: str, body: dict, tmp_path: Path) -> None:
    (tmp_path / "ecg.json").write_text(json.dumps(body))
    done = subprocess.run(
        ["mlflow", "models", "predict", "-m", CHAMPION, "--env-manager", "local", "-i", tmp_path / "ecg.json"],
        capture_output=True, text=True, check=False, env={**os.environ, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == json.loads(post(address, body)[1])


def test_dockerfile_carries_the_model_and_its_version(champion: Champion, tmp_path: Path) -> None:
    words = ["mlflow", "models", "generate-dockerfile", "-m", CHAMPION, "-d", str(tmp_path / "image")]
    subprocess.run(words, capture_output=True, check=True)
    assert "COPY model_dir /opt/ml/model" in (tmp_path / "image" / "Dockerfile").read_text()
    model = tmp_path / "image" / "model_dir"
    assert (model / "artifacts" / "checkpoint" / "model.safetensors").is_file()
    assert f"model_version: {champion.version}\n" in (model / "registered_model_meta").read_text()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_readme_serves_and_asks_as_printed(champion: Champion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = re.search(r"```bash\n(mlflow models serve [^`]*)```\n\n[^`]*```bash\n([^`]*curl [^`]*)```", README)
    serve, ask = block.groups()
    port = re.search(r"--port (\d+)", serve)[1]
    assert f"http://127.0.0.1:{port}/invocations" in ask
    with model_server(serve.split(" -m ")[1].split()[0], tmp_path / "log") as address:
        simulate = re.search(r"^ecgml simulate .*$", README, re.MULTILINE)[0]
        ask = f"{simulate}\n{ask.replace(f'http://127.0.0.1:{port}/invocations', address)}"
        done = subprocess.run(["bash", "-ec", ask], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])["predictions"][0]
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["model_version"] == champion.version


README = (ROOT / "README.md").read_text()


def test_predict_by_alias_answers_every_file_and_names_the_version(
    champion: Champion, external: Path, demo: Path, tmp_path: Path
) -> None:
    zero = min((demo / "ECGData").glob("*.csv"))  # zero throughout
    words = ["predict", CHAMPION, str(external), str(zero), str(tmp_path / "absent.hea"), "--fs", "500", "--unit", "uV"]
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 1
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert {answer["model_version"] for answer in answers} == {champion.version}
    assert [Path(answer["file"]).name for answer in answers if "error" in answer] == [zero.name, "absent.hea"]
    predictor = load_predictor(CHAMPION, "cpu")
    good = [answer for answer in answers if "error" not in answer]
    direct = predictor.predict([read_record(answer["file"]) for answer in good])
    for answer, one in zip(good, direct, strict=True):
        assert answer["rhythm"] == one.rhythm
        assert answer["probabilities"] == pytest.approx(one.probabilities, abs=TOLERANCE)
    assert len(good) == len(champion.entries)
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert f"{CHAMPION} is version {champion.version}" in result.stderr
    assert len(result.stdout.splitlines()) == len(answers) + 1


def test_tracking_server_over_http_with_proxied_artifacts(
    options: dict[str, str], external: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracking_server(tmp_path) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        run_id = train({**options, "models": "baseline", "epochs": "1"}, Console(io.StringIO()))
        champion = champion_of(run_id, [external], "baseline")
        assert fetch_card(champion.model_id).startswith("**Simulated data")
        result = CliRunner().invoke(main, ["predict", CHAMPION, str(external), "--json"])
        assert result.exit_code == 0, result.output
        assert len(result.stdout.splitlines()) == 40
        check_parity(champion, tmp_path / "log")
