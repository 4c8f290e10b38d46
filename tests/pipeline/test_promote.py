"""Promotion from end to end: the gate, who may pass it, the record, the way back, two at once."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient

from ecgml.cli import main
from ecgml.errors import ConfigError, PromotionError, TrackingError
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.promote import promote as module
from ecgml.pipeline.promote.promote import history, promote, rollback
from ecgml.service.promotions import RECORD, read_registry
from ecgml.service.registry import REGISTERED_MODEL
from tests.conftest import ROOT
from tests.registries import made_up, make_run, make_versions, registry, tracking_store

__all__ = ["registry", "tracking_store"]

OPTIONS = {"bootstrap": "200", "floor_f1": "0.5", "floor_auroc": "0.7", "max_ece": "1"}


def call(what: str, **words: object) -> tuple[str, str]:
    stream = io.StringIO()
    return promote(what, OPTIONS, Console(stream), **words), stream.getvalue()


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take it that versions load: a process each would take seconds."""
    monkeypatch.setattr(module, "_served", lambda *words: "")


def test_promoted_refused_forced_and_rolled_back_are_all_in_the_log(
    registry: MlflowClient, tmp_path: Path, loads: None
) -> None:
    good = make_run(made_up(3.0), tmp_path, tags={"ecgml.simulated": "true"})
    poor = make_run(made_up(1.0), tmp_path)
    summary, said = call(good)
    assert summary == "promoted version 1 as the first champion"
    assert said.count("; rule: ") == said.count("\nmet: ") > 3
    assert "Simulated data" in said
    stream = io.StringIO()
    with pytest.raises(
        PromotionError, match=r"refused version 2 over version 1: NOT MET: macro-F1: 0\.\d+ against 0"
    ) as refusal:
        promote(poor, OPTIONS, Console(stream))
    # What is not met is printed once, by whoever shows the error.
    assert "NOT MET" not in stream.getvalue()
    assert str(refusal.value).count("; rule: ") == str(refusal.value).count("NOT MET: ")
    assert read_registry().aliases == {"champion": "1", "challenger": "2"}
    with pytest.raises(ConfigError, match="--why"):
        call("2", force=True)
    summary, said = call("challenger", force=True, why="to try it")
    assert summary.startswith("forced version 2 over version 1, against NOT MET")
    assert "used for 3 decisions" in said
    assert read_registry().aliases == {"champion": "2", "previous": "1", "challenger": "2"}
    assert rollback(Console(io.StringIO()), why="worse") == "rolled back from version 2 to version 1"
    assert read_registry().aliases == {"champion": "1", "challenger": "2"}
    with pytest.raises(PromotionError, match="nothing to go back to: version 1 is the first champion"):
        rollback(Console(io.StringIO()))
    rows, text = history(Console(io.StringIO()))
    assert [row["decision"] for row in rows] == ["promoted", "refused", "forced", "rolled back"]
    assert [row["test_uses"] for row in rows] == [1, 2, 3, 0]
    assert text.splitlines()[-1] == f"{REGISTERED_MODEL}: challenger version 2, champion version 1"

    tags = registry.get_model_version(REGISTERED_MODEL, "2").tags
    assert tags[f"{RECORD}decision"] == "forced"
    assert tags[f"{RECORD}why"] == "to try it"
    assert tags[f"{RECORD}run"] == rows[2]["run_id"]
    # A rollback adds itself to both versions; what their own promotions said stays.
    for version, name in (("1", "rolled_back_to"), ("2", "rolled_back_from")):
        said = registry.get_model_version(REGISTERED_MODEL, version).tags
        assert said[f"{RECORD}{name}"].startswith("log entry 4, ")
        assert said[f"{RECORD}{name}"].endswith(": worse")
        assert f"{RECORD}macro_f1" in said
    record = json.loads(mlflow.artifacts.load_text(f"runs:/{rows[1]['run_id']}/promotion.json"))
    figures = {check["name"]: check for check in record["judgement"]["checks"]}
    f1 = figures["macro_f1"]
    shown = registry.get_run(rows[1]["run_id"]).data.metrics
    assert shown["difference_macro_f1"] == f1["difference"]["value"]
    assert f1["difference"]["value"] == pytest.approx(f1["challenger"]["value"] - f1["champion"]["value"])
    assert {one["subgroup"] for one in record["judgement"]["subgroups"]} >= {"sex male", "sex female"}
    assert record["settings"]["gate"]["margin"] == 0.02


@pytest.mark.slow
def test_a_version_that_does_not_answer_is_refused_even_by_force(registry: MlflowClient, tmp_path: Path) -> None:
    code = "raise RuntimeError('no such thing')"
    sound = make_run(made_up(3.0), tmp_path)
    call(sound)
    # What cannot be run cannot be logged either: the file is spoilt afterwards.
    broken = make_run(made_up(3.0), tmp_path)
    model = registry.get_logged_model(registry.get_run(broken).outputs.model_outputs[0].model_id)
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{model.model_id}", dst_path=str(tmp_path / "m")))
    script = next(folder.glob("*.py"))
    script.write_text(code)
    registry.log_model_artifacts(model.model_id, str(folder))
    with pytest.raises(PromotionError, match=r"fails in a separate process: .*no such thing"):
        call(broken, force=True, why="hope")
    assert read_registry().champion == "1"
    assert read_registry().entries[-1].decision == "refused"


def test_a_deleted_champion_is_said_and_rollback_goes_on_from_there(
    registry: MlflowClient, tmp_path: Path, loads: None
) -> None:
    make_versions([3.0, 3.0], tmp_path)
    call("1")
    call("2")
    registry.delete_model_version(REGISTERED_MODEL, "2")
    stream = io.StringIO()
    history(Console(stream))
    assert "version 2 was deleted from the registry; go back to version 1 with ecgml rollback" in stream.getvalue()
    assert rollback(Console(io.StringIO())) == "rolled back from version (deleted) to version 1"
    assert read_registry().champion == "1"


def test_over_a_champion_whose_run_is_gone_a_version_is_refused_in_the_log_and_can_be_forced(
    registry: MlflowClient, tracking_store: str, tmp_path: Path, loads: None
) -> None:
    """Its version stays when its run is deleted for good, as `mlflow gc` does."""
    if not tracking_store.startswith("sqlite:"):
        pytest.skip("a client cannot delete a run for good on a server")
    champion, candidate = (make_run(made_up(3.0), tmp_path) for _ in range(2))
    call(champion)
    registry.delete_run(champion)
    registry._tracking_client.store._hard_delete_run(champion)
    with pytest.raises(PromotionError, match=f"it cannot be compared: run '{champion}' does not exist .*log entry 2"):
        call(candidate)
    summary, _ = call(candidate, force=True, why="the champion's run is gone")
    assert summary.startswith("forced version 2 over version 1")
    assert read_registry().champion == "2"


def test_a_version_registered_by_hand_is_refused(registry: MlflowClient, tmp_path: Path, loads: None) -> None:
    run_id, other = (make_run(made_up(3.0), tmp_path) for _ in range(2))
    model_id = registry.get_run(run_id).outputs.model_outputs[0].model_id
    registry.create_registered_model(REGISTERED_MODEL)
    registry.create_model_version(REGISTERED_MODEL, f"models:/{model_id}", other, model_id=model_id)
    with pytest.raises(PromotionError, match="was not registered from the run"):
        call("1")


def test_what_leads_nowhere_is_said(registry: MlflowClient, tmp_path: Path) -> None:
    for what, message in {"nobody": "is no alias", "7": "has no version 7", "0" * 32: "does not exist"}.items():
        with pytest.raises(TrackingError, match=message):
            call(what)


def test_a_study_leads_to_its_winner_and_a_job_names_its_models(
    registry: MlflowClient, tmp_path: Path, loads: None
) -> None:
    winner = make_run(made_up(3.0), tmp_path)
    experiment = registry.get_run(winner).info.experiment_id
    job = registry.create_run(experiment).info.run_id
    registry.set_tag(winner, "mlflow.parentRunId", job)
    with pytest.raises(PromotionError, match=f"job of several models.* {winner}"):
        call(job)
    registry.set_tag(job, "winner", winner)
    assert call(job)[0].startswith("promoted version 1")


@pytest.mark.slow
def test_of_two_promoters_one_wins_and_the_other_is_told(registry: MlflowClient, tmp_path: Path) -> None:
    make_versions([3.0, 3.0], tmp_path)
    words = [word for key, value in OPTIONS.items() for word in (f"--{key.replace('_', '-')}", value)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "ecgml", "promote", version, *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for version in "12"
    ]
    outcomes = sorted((one.wait(timeout=120), one.stderr.read()) for one in both)
    for one in both:
        one.stdout.close()
        one.stderr.close()
    assert [code for code, _ in outcomes] == [0, 1]
    last = outcomes[1][1].splitlines()[-1]
    assert "error: ecg-rhythm: " in last
    assert "holds the lock since" in last or "took the lock first" in last
    assert [entry.decision for entry in read_registry().entries] == ["promoted"]


def test_history_of_nothing_and_as_json(registry: MlflowClient) -> None:
    result = CliRunner().invoke(main, ["history"])
    assert result.output.splitlines() == ["no promotion yet", f"{REGISTERED_MODEL}: no aliases"]
    assert json.loads(CliRunner().invoke(main, ["history", "--json"]).output) == []
