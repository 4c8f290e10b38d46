"""Whole studies: what MLflow shows of them, what they see of the data, and how they go on."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import optuna
import pandas as pd
import pytest
import sqlalchemy
import torch
import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from ecgml.config import resolve
from ecgml.datasets.store import WindowStore
from ecgml.errors import ConfigError, EcgmlError, TrackingError, TuningError
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import load_data
from ecgml.pipeline.job.settings import TrainConfiguration
from tests.tuning import spaces
from tuning import objective as objectives
from tuning.counts import TrialCounts
from tuning.objective import Objective, make_repeats
from tuning.report import best_settings, best_yaml
from tuning.settings import StudyPlan, TuneConfiguration
from tuning.spaces import space_named
from tuning.study import StudyResult, tune

Children = Callable[[str], list[Run]]


def artifact(run_id: str, path: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/{path}"))


def running() -> list[str]:
    client = MlflowClient()
    experiments = [one.experiment_id for one in client.search_experiments()]
    return [run.info.run_id for run in client.search_runs(experiments, "attributes.status = 'RUNNING'")]


def test_every_trial_is_a_run_that_says_what_became_of_it(finished: StudyResult, children: Children) -> None:
    trials, runs = finished.study.trials, children(finished.run_id)
    assert [run.info.run_name for run in runs] == [f"trial {trial.number}" for trial in trials] != []
    status = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}
    client = MlflowClient()
    for trial, run in zip(trials, runs, strict=True):
        assert run.data.tags["ecgml.trial_state"] == trial.state.name
        assert run.info.status == status[trial.state.name]
        assert float(run.data.params["learning_rate"]) == trial.params["learning_rate"]
        assert run.data.params["batch_size"] == str(trial.params["batch_size"])
        points = client.get_metric_history(run.info.run_id, "val_macro_f1")
        assert {point.step - 1: point.value for point in points} == pytest.approx(trial.intermediate_values)
        assert run.data.metrics["duration_s"] > 0
        if trial.state == TrialState.COMPLETE:
            assert run.data.metrics["objective"] == pytest.approx(trial.value)
    assert running() == []


def test_study_run_shows_the_best_the_table_the_space_and_the_storage(finished: StudyResult) -> None:
    run, best = MlflowClient().get_run(finished.run_id), finished.study.best_trial
    assert run.info.status == "FINISHED"
    assert run.data.metrics["best_val_macro_f1"] == pytest.approx(best.value)
    assert float(run.data.tags["best_learning_rate"]) == pytest.approx(best.params["learning_rate"], rel=1e-3)
    assert run.data.tags["ecgml.storage"].endswith("studies/finished.journal")
    table = pd.read_csv(artifact(finished.run_id, "trials.csv"))
    assert table.state.tolist() == [trial.state.name for trial in finished.study.trials]
    space = json.loads(artifact(finished.run_id, "search_space.json").read_text())
    assert set(space["parameters"]) == {"learning_rate", "batch_size", "gru_width"}
    figures = {path.stem for path in artifact(finished.run_id, "figures").iterdir()}
    assert {"history", "intermediate", "slice", "parallel", "timeline"} <= figures
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith("*Simulated data: these figures say nothing about patients.*")
    assert f"Best: trial {best.number}" in note
    counts = str(TrialCounts.of(finished.study.trials))
    command = (
        f"mlflow run . --env-manager local --experiment-name ecg-rhythm -P config=runs:/{run.info.run_id}/best.yaml"
    )
    settings = artifact(finished.run_id, "best.yaml").read_text()
    assert f"8 of 8 trials done: {counts}" in note
    assert counts in settings
    assert command in note
    assert command in settings


def test_best_yaml_is_a_configuration_of_the_best_trial(finished: StudyResult) -> None:
    path = artifact(finished.run_id, "best.yaml")
    configuration = resolve_settings(TrainConfiguration, {}, f"runs:/{finished.run_id}/best.yaml")
    assert configuration.origins["learning_rate"] == "file"
    assert configuration.values_of(finished.study.best_params) == pytest.approx(finished.study.best_params)
    assert configuration.fit.epochs == 3
    assert configuration.job.models == ("fusion",)
    assert Path(yaml.safe_load(path.read_text())["data_dir"][0]).is_dir()


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("nothing.yaml", TrackingError, "config: runs:/{run}/nothing.yaml: cannot be fetched"),
        ("trials.csv", ConfigError, "runs:/{run}/trials.csv: must map names to values"),
    ],
)
def test_a_settings_file_in_mlflow_is_named_by_its_address(
    finished: StudyResult, name: str, error: type[EcgmlError], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message.format(run=finished.run_id))):
        resolve_settings(TrainConfiguration, {}, f"runs:/{finished.run_id}/{name}")


@pytest.mark.slow
def test_a_finished_study_goes_on_to_a_larger_total_in_the_same_run(
    finished: StudyResult, options: dict[str, str], children: Children
) -> None:
    before = [trial.params for trial in finished.study.trials]
    again = tune({**options, "study": "finished", "n_trials": str(len(before) + 1)}, Console(io.StringIO()))
    assert again.run_id == finished.run_id
    assert [trial.params for trial in again.study.trials][:-1] == before
    assert len(children(again.run_id)) == len(before) + 1
    stream = io.StringIO()
    tune({**options, "study": "finished", "n_trials": str(len(before) + 1)}, Console(stream))
    assert f"{len(before) + 1} of {len(before) + 1} trials done" in stream.getvalue()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "val_loss"}, "exists and goes to maximize val_macro_f1, not to minimize val_loss; give another"),
        ({"space": "tests.tuning.spaces:by_exponent"}, r"exists with another search space \(.*exponent.* differ\)"),
        ({"split_seed": "1"}, "exists on other data"),
        ({"epochs": "4"}, "exists with epochs 3, not 4"),
        ({"seeds": "2"}, "exists with seeds 1, not 2"),
    ],
)
def test_a_study_is_not_gone_on_with_as_another(
    finished: StudyResult, options: dict[str, str], changes: dict[str, str], message: str
) -> None:
    with pytest.raises(TuningError, match=f"study finished in .*finished.journal: {message}"):
        tune({**options, "study": "finished", **changes}, Console(io.StringIO()))
    assert running() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trunk_width": 16}, "exists with another search space (trunk_width None before, 16 now); give another"),
        ({"gru_width": 8}, "exists with another search space (gru_width "),
    ],
)
def test_a_study_whose_spaces_constants_were_edited_is_not_gone_on_with(
    finished: StudyResult,
    options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, int],
    message: str,
) -> None:
    before = spaces.small
    monkeypatch.setattr(spaces, "small", lambda trial: {**before(trial), **changes})
    with pytest.raises(TuningError, match=re.escape(f"finished.journal: {message}")):
        tune({**options, "study": "finished"}, Console(io.StringIO()))


def test_best_settings_are_those_that_the_trial_ran_with(
    finished: StudyResult, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the space makes of its parameters today."""
    best = finished.study.best_trial
    configuration = resolve(TuneConfiguration, {**options, "models": "fusion"})
    monkeypatch.setattr(spaces, "small", lambda trial: {"gru_width": 128})
    assert best_settings(best, configuration) == pytest.approx(best.params)
    plan = StudyPlan(configuration, "", "", MlflowClient().get_run(finished.run_id).info.experiment_id, finished.run_id)
    assert yaml.safe_load(best_yaml(finished.study, best, plan))["gru_width"] == best.params["gru_width"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampler": "tpee"}, r"sampler: 'tpee' is unknown, did you mean 'tpe'\?; one of tpe, gp, random, cmaes"),
        ({"pruner": "halvin"}, r"pruner: 'halvin' is unknown, did you mean 'halving'\?"),
        ({"metric": "val_macrof1"}, r"metric: 'val_macrof1' is unknown, did you mean 'val_macro_f1'\?"),
        ({"space": "wid"}, r"space: 'wid' is unknown, did you mean 'wide'\?"),
        ({"models": "fusion,baseline"}, "models: fusion,baseline; a study tunes one"),
        ({"init_from": "models:/m@a"}, "init_from: models:/m@a; trials of a study start untrained"),
        ({"models": "fusion", "n_trials": "0"}, "n_trials: 0"),  # what --help shows as the default may be given
        ({"pruner": "wilcoxon"}, "pruner: wilcoxon compares repeated trainings of a trial"),
        ({"seeds": "2", "folds": "2"}, "folds: 2 and seeds 2"),
        ({"n_trials": "0"}, "n_trials: 0 is too small"),
        ({"study": "a/b"}, "study: 'a/b' is not a valid name"),
        ({"learnin_rate": "1"}, "unknown setting 'learnin_rate', did you mean 'learning_rate'"),
    ],
)
def test_bad_options_are_one_line(options: dict[str, str], changes: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        tune({**options, **changes}, Console(io.StringIO()))
    assert "\n" not in str(caught.value)


class FixedStudyTrial(optuna.trial.FixedTrial):
    """A trial of given parameters that is never pruned and keeps what it is told."""

    def report(self, value: float, step: int) -> None:
        self.set_user_attr(f"report {step}", value)


def values_of(options: dict[str, str], job: object, **changes: str) -> list[float]:
    """Return what two configurations come to on a job's data."""
    configuration = resolve(TuneConfiguration, {**options, "models": "fusion", **changes})
    store = WindowStore(job.caches, torch.device("cpu"))
    repeats = make_repeats(configuration.tune, configuration, job, store)
    objective = Objective(configuration.tune, configuration, space_named(options["space"]), repeats)
    trials = [FixedStudyTrial({"learning_rate": rate, "batch_size": 16, "gru_width": 4}) for rate in (1e-2, 1e-3)]
    return [objective(trial, objective.parameters(trial)) for trial in trials] + [
        value for trial in trials for value in trial.user_attrs.values()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("folds", ["1", "2"])
def test_selection_never_sees_the_test_part(options: dict[str, str], folds: str) -> None:
    """Spoiled labels, clinical values and waveforms of the test part change not a bit of any value or report."""
    job = load_data(
        resolve(TrainConfiguration, {k: v for k, v in options.items() if k != "space"}), Console(io.StringIO())
    )
    table, held_out = job.table, np.isin(job.parts, ["test", "calibration"])
    windows = np.concatenate(
        [
            np.arange(first, first + n)
            for first, n in zip(table.first_window[held_out], table.n_windows[held_out], strict=True)
        ]
    )

    def spoiled(values: np.ndarray) -> np.ndarray:
        return np.where(held_out.reshape(-1, *[1] * (values.ndim - 1)), values[::-1] * 0 + 1, values)

    changed = {name: spoiled(getattr(table, name)) for name in ("y_written", "y_harmonised", "given", "measured")}
    waveforms = np.array(job.caches[0].windows)
    waveforms[windows] = 12345
    worse = replace(
        job, table=replace(table, **changed), caches=(replace(job.caches[0], windows=waveforms), *job.caches[1:])
    )
    assert held_out.sum() >= 6
    assert values_of(options, worse, folds=folds) == values_of(options, job, folds=folds)


@pytest.mark.slow
def test_several_trainings_of_a_trial_are_averaged_and_differ(options: dict[str, str]) -> None:
    job = load_data(
        resolve(TrainConfiguration, {k: v for k, v in options.items() if k != "space"}), Console(io.StringIO())
    )
    singles = [values_of(options, job, metric="val_loss", seed=str(seed))[:2] for seed in range(3)]
    means = values_of(options, job, metric="val_loss", seeds="3")[:2]
    assert means == pytest.approx(np.mean(singles, axis=0))
    assert len({pair[0] for pair in singles}) == 3


def test_hopeless_trials_of_several_trainings_are_pruned_between_them(
    options: dict[str, str], children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each later trial is worse than the best in all it has done: Wilcoxon's p for three of three is 1/8."""
    monkeypatch.setattr(objectives.Objective, "_train", lambda self, trial, configuration, index, *_: -trial.number)
    outcome = tune({**options, "study": "seeds", "seeds": "5", "n_trials": "3"}, Console(io.StringIO()))
    assert [trial.state.name for trial in outcome.study.trials] == ["COMPLETE", "PRUNED", "PRUNED"]
    assert [len(trial.intermediate_values) for trial in outcome.study.trials] == [5, 3, 3]
    pruned = children(outcome.run_id)[1]
    assert pruned.info.status == "KILLED"
    assert pruned.data.tags["ecgml.stopped"] == "pruned after 3 of 5 trainings"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 40.00 GiB"),
            "out of memory; reduce batch_size",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "out of memory"),
        (MemoryError(), "out of memory; .*MemoryError"),
        (ValueError("shapes do not fit"), "ValueError: shapes do not fit"),
    ],
)
def test_a_failed_trial_says_why_and_the_study_goes_on(
    options: dict[str, str],
    children: Children,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: str,
    tmp_path: Path,
) -> None:
    def fail_once(self: Objective, trial: optuna.Trial, *_: object) -> float:
        if trial.number == 0:
            raise error
        return 0.5

    monkeypatch.setattr(objectives.Objective, "_train", fail_once)
    settings = {**options, "study": "failing", "storage": str(tmp_path / "s.journal"), "n_trials": "2"}
    outcome = tune(settings, Console(io.StringIO()))
    failed, complete = children(outcome.run_id)
    assert (failed.info.status, complete.info.status) == ("FAILED", "FINISHED")
    assert failed.data.tags["ecgml.trial_state"] == "FAIL"
    assert re.match(reason, failed.data.tags["ecgml.error"])
    assert re.match(reason, outcome.study.trials[0].user_attrs["reason"])


@pytest.mark.slow
def test_a_diverging_trial_fails_with_its_reason(options: dict[str, str], children: Children, tmp_path: Path) -> None:
    settings = {
        **options, "space": "tests.tuning.spaces:diverging", "study": "diverging",
        "storage": str(tmp_path / "s.journal"), "n_trials": "4", "sampler": "random",
    }  # fmt: skip
    outcome = tune(settings, Console(io.StringIO()))
    ended = {(trial.params["weight_decay"], trial.state.name) for trial in outcome.study.trials}
    assert {state for decay, state in ended if decay == 10.0} == {"FAIL"}
    assert {state for decay, state in ended if decay == 0.05} <= {"COMPLETE", "PRUNED"}
    failed = [run for run in children(outcome.run_id) if run.info.status == "FAILED"]
    assert all("the loss became" in run.data.tags["ecgml.error"] for run in failed)
    assert len(failed) == sum(trial.state == TrialState.FAIL for trial in outcome.study.trials) > 0


@pytest.mark.parametrize(("n_trials", "n_tried"), [("50", 5), ("2", 2)])
def test_a_study_whose_trials_all_fail_stops_early_and_says_why(
    options: dict[str, str],
    children: Children,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    n_trials: str,
    n_tried: int,
) -> None:
    def fail(*_: object) -> float:
        raise ValueError("nothing works")

    monkeypatch.setattr(objectives.Objective, "_train", fail)
    settings = {**options, "study": "hopeless", "storage": str(tmp_path / "s.journal"), "n_trials": n_trials}
    with pytest.raises(TuningError, match=r"study hopeless: every trial failed, .* ValueError: nothing works"):
        tune(settings, Console(io.StringIO()))
    assert running() == []
    (failed,) = MlflowClient().search_runs(
        [MlflowClient().get_experiment_by_name("ecg-rhythm").experiment_id],
        "run_name = 'hopeless'", order_by=["attributes.start_time DESC"], max_results=1,
    )  # fmt: skip
    assert failed.info.status == "FAILED"
    assert len(children(failed.info.run_id)) == n_tried


def test_a_database_that_fails_on_the_way_is_one_line(
    options: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))

    monkeypatch.setattr("tuning.queue.Queue.claim", fail)
    with pytest.raises(TuningError, match="failed: server closed the connection; resume by the same command"):
        tune({**options, "study": "lost", "storage": f"sqlite:///{tmp_path}/s.db"}, Console(io.StringIO()))
    assert running() == []


def test_ctrl_c_closes_every_run_and_the_trial_is_done_again(
    options: dict[str, str], children: Children, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stop(self: Objective, trial: optuna.Trial, *_: object) -> float:
        if trial.number == 1:
            raise KeyboardInterrupt
        return 0.5

    monkeypatch.setattr(objectives.Objective, "_train", stop)
    settings = {**options, "study": "stopped", "storage": str(tmp_path / "s.journal"), "n_trials": "3"}
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        tune(settings, Console(stream))
    assert "to resume study stopped" in stream.getvalue()
    assert running() == []
    stream = io.StringIO()
    outcome = tune(settings, Console(stream))
    assert "1 of 3 trials done: 1 finished; 1 stopped and queued again" in stream.getvalue()
    trials = outcome.study.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert trials[2].params == trials[1].params
    assert str(TrialCounts.of(trials)) == "3 finished; 1 stopped and queued again"
    runs = children(outcome.run_id)
    assert [run.info.status for run in runs] == ["FINISHED", "KILLED", "FINISHED", "FINISHED"]
    assert runs[2].data.tags["ecgml.retry_of"] == "1"
    assert MlflowClient().get_run(outcome.run_id).data.metrics["trials_retried"] == 1


@pytest.mark.slow
def test_one_worker_repeats_its_study(options: dict[str, str], tmp_path: Path) -> None:
    outcomes = [
        tune(
            {**options, "study": "again", "storage": str(tmp_path / f"{turn}.journal"), "n_trials": "2"},
            Console(io.StringIO()),
        )
        for turn in range(2)
    ]
    first, second = ([(trial.params, trial.value) for trial in one.study.trials] for one in outcomes)
    assert first == second


def test_winner_is_tested_once_tagged_and_registered(
    options: dict[str, str], children: Children, tmp_path: Path
) -> None:
    settings = {
        **options, "study": "winner", "storage": str(tmp_path / "s.journal"), "n_trials": "2", "finalise": "2",
        "epochs": "1",
    }  # fmt: skip
    outcome = tune(settings, Console(io.StringIO()))
    client = MlflowClient()
    study_run = client.get_run(outcome.run_id)
    final = [run for run in children(outcome.run_id) if run.info.run_name.startswith("winner")]
    assert len(final) == 2
    tested = [run for run in final if "test_macro_f1" in run.data.metrics]
    assert [run.info.run_id for run in tested] == [study_run.data.tags["winner"]]
    kept = {run.info.run_id: run.data.params["seed"] for run in final}
    assert set(kept.values()) == {"0", "1"}
    low, mean, high = (study_run.data.metrics[f"winner_val_macro_f1_{end}"] for end in ("low", "mean", "high"))
    assert low <= mean <= high
    assert study_run.data.metrics["winner_test_macro_f1"] == tested[0].data.metrics["test_macro_f1"]
    version = client.get_model_version_by_alias("ecg-rhythm", "challenger")
    assert version.run_id == tested[0].info.run_id
    assert version.tags["study"] == "winner"
    # The same command again has nothing to do.
    tune(settings, Console(io.StringIO()))
    assert len(children(outcome.run_id)) == 4
    assert running() == []


def test_mlflows_own_database_is_refused_before_it_is_there(
    options: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"sqlite:///{tmp_path}/fresh.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(TuningError, match="it is MLflow's own database"):
        tune({**options, "study": "s", "storage": address}, Console(io.StringIO()))
    assert "studies" not in sqlalchemy.inspect(sqlalchemy.create_engine(address, poolclass=NullPool)).get_table_names()
