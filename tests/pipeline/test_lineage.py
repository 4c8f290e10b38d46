"""A fine-tuned model has learnt from its ancestors' records too: nowhere are they taken for unseen."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.config import resolve
from ecgml.errors import CheckpointError, TrainingError
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.pipeline.compare.compare import as_json, as_text, compare_models
from ecgml.pipeline.evaluate.evaluate import evaluate
from ecgml.pipeline.evaluate.protocols import evaluate_protocols
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.fitting import fit_model
from ecgml.pipeline.job.lineage import (
    ANCESTORS,
    Ancestor,
    Learnt,
    Lineage,
    ancestors_of,
    ancestors_of_run,
    descent,
)
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.settings import PromotionSettings, TrainConfiguration
from ecgml.pipeline.job.start import Start, initial_model
from ecgml.pipeline.promote.comparison_input import gather
from ecgml.pipeline.train.resume import Interrupted
from ecgml.pipeline.train.train import train
from ecgml.service.models import fetch_checkpoint, read_checkpoint
from ecgml.service.registry import RegisteredVersion
from ecgml.training.checkpoint import load_checkpoint
from tests.datasets.tables import make_table
from tests.pipeline.conftest import SMALL, Job
from tests.pipeline.test_evaluate import artifact, options_of, run_of
from tests.registries import made_up, make_run

LEARNT = ("train", "val", "calibration")


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned baseline's run, and what its job printed."""

    run: Run
    printed: str

    @property
    def address(self) -> str:
        return f"runs:/{self.run.info.run_id}"


def fine_tune(start: str, cache: Path, data: Path, **more: str) -> Tuned:
    stream = io.StringIO()
    options = {**SMALL, "epochs": "1", "models": "baseline", "cache_dir": str(cache), "data_dir": str(data)}
    parent = train({**options, "init_from": start, **more}, Console(stream))
    experiment = MlflowClient().get_run(parent).info.experiment_id
    children = MlflowClient().search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    return Tuned(next(run for run in children if run.info.run_name == "baseline"), stream.getvalue())


def split_of(run: Run) -> pd.DataFrame:
    return pd.read_csv(artifact(run, "split.csv"), keep_default_na=False)


def own_test(job: Job) -> set[str]:
    """Return the records of the first model's cohort that it did not learn from."""
    split = split_of(job.children["baseline"])
    return set(split.record[split.part == "test"])


@pytest.fixture(scope="module")
def start(job: Job) -> str:
    """Return the first model: it learnt from the demo cohort."""
    return f"runs:/{job.children['baseline'].info.run_id}"


@pytest.fixture(scope="module")
def child(start: str, cache: Path, external: Path) -> Tuned:
    """Return a model that was started from the first, on the other cohort."""
    return fine_tune(start, cache, external)


@pytest.fixture(scope="module")
def grandchild(child: Tuned, cache: Path, external: Path, demo: Path) -> Tuned:
    """Return a model started from that one, with the first model's cohort as the external one."""
    return fine_tune(f"{child.address}/checkpoint", cache, external, external_dir=str(demo))


@pytest.mark.parametrize("part", LEARNT)
def test_a_record_is_matched_by_name_waveform_or_patient(part: str) -> None:
    """Of one record learnt from: itself, a copy of another name, another ECG of its patient; no namesake elsewhere."""
    split = pd.DataFrame(
        {"record": ["old/a", "old/z"], "part": [part, "test"], "source": "ward", "identity": ["w1 | row a", "w2"]}
    )
    ids = np.array(["new/a", "new/b", "new/c", "far/a", "new/z"])
    table = make_table(
        np.zeros(5, int),
        record_ids=ids,
        sources=np.array(["ward", "ward", "ward", "elsewhere", "ward"]),
        patients=np.array([0, 1, 1, 2, 3]),
    )
    identity_of = {"new/a": ["w9"], "new/b": ["w1"], "new/c": ["w8"], "far/a": ["w7"], "new/z": ["w2"]}
    seen = Lineage((), (Learnt(split, True),)).seen(table, identity_of)
    assert ids[seen].tolist() == ["new/a", "new/b", "new/c"]


def test_every_generation_names_all_before_it(job: Job, child: Tuned, grandchild: Tuned, start: str) -> None:
    first = Ancestor(start, job.children["baseline"].info.run_id)
    second = Ancestor(f"{child.address}/checkpoint", child.run.info.run_id)
    for model, expected in ((child, (first,)), (grandchild, (second, first))):
        assert ancestors_of_run(model.run.info.run_id) == expected
        assert ancestors_of(read_checkpoint(model.address)) == expected
    assert ancestors_of(read_checkpoint(start)) == ()


def test_what_an_ancestor_learnt_from_is_not_evaluated_on(job: Job, child: Tuned, demo: Path, cache: Path) -> None:
    stream = io.StringIO()
    run = run_of(evaluate(child.address, options_of(cache, demo), Console(stream)))
    assert set(read_predictions(artifact(run, "evaluation_predictions.csv")).record_ids) == own_test(job)
    assert "of these through earlier models" in stream.getvalue()
    left_out = pd.read_csv(artifact(run, "tables/left_out.csv"))
    assert left_out.reason.str.contains("a model that this one was started from learnt from it").any()


def test_an_external_cohort_is_less_what_the_whole_chain_learnt_from(job: Job, grandchild: Tuned) -> None:
    tested = set(read_predictions(artifact(grandchild.run, "external_predictions.csv")).record_ids)
    assert tested == own_test(job)
    assert "of the external cohort" in grandchild.printed
    left_out = pd.read_csv(artifact(grandchild.run, "left_out.csv"))
    assert left_out.reason.str.startswith("a model that this one was started from").sum() > 0


@pytest.mark.slow
def test_its_own_records_divided_otherwise_are_not_tested_nor_selected_by(
    job: Job, start: str, demo: Path, cache: Path
) -> None:
    tuned = fine_tune(start, cache, demo, split_seed="1", test_fraction="0.4")
    before, after = split_of(job.children["baseline"]), split_of(tuned.run)
    learnt, trained = set(before.record[before.part.isin(LEARNT)]), set(before.record[before.part == "train"])
    assert not learnt & set(after.record[after.part == "test"])
    assert not trained & set(after.record[after.part.isin(["val", "calibration"])])
    assert learnt & set(after.record[after.part == "train"])
    assert "of the test part" in tuned.printed
    parent = MlflowClient().get_run(tuned.run.data.tags["mlflow.parentRunId"])
    assert "Records left out" in parent.data.tags["mlflow.note.content"]


@pytest.mark.slow
def test_divided_as_it_was_nothing_is_left_out(job: Job, start: str, demo: Path, cache: Path) -> None:
    tuned = fine_tune(start, cache, demo, external_dir=job.options["external_dir"])
    assert tuned.run.data.tags["ecgml.data_digest"] == job.parent.data.tags["ecgml.data_digest"]
    assert "records left out, " not in tuned.printed


def test_nothing_left_to_test_on_is_said(
    child: Tuned, cache: Path, external: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecgml.pipeline.job.data.LEARNT_FROM", (*LEARNT, "test"))
    with pytest.raises(TrainingError, match=r"learnt from all \d+ records of the external cohort or their patients"):
        fine_tune(child.address, cache, external, external_dir=str(demo))


@pytest.mark.slow
def test_a_copied_model_still_names_its_ancestors_and_what_cannot_be_told(
    job: Job, child: Tuned, demo: Path, cache: Path, tmp_path: Path
) -> None:
    """Its own run is not in the store; then its ancestor's is not either."""
    folder = fetch_checkpoint(child.address, tmp_path)
    description = json.loads((folder / "checkpoint.json").read_text())
    description["facts"]["run_id"] = "0" * 32
    (folder / "checkpoint.json").write_text(json.dumps(description))
    stream = io.StringIO()
    run = run_of(evaluate(str(folder), options_of(cache, demo), Console(stream)))
    assert set(read_predictions(artifact(run, "evaluation_predictions.csv")).record_ids) == own_test(job)
    assert "the model's own run 00000000000000000000000000000000 is not in this tracking store" in stream.getvalue()
    description["facts"]["ancestors"][0]["run_id"] = "1" * 32
    (folder / "checkpoint.json").write_text(json.dumps(description))
    stream = io.StringIO()
    evaluate(str(folder), options_of(cache, demo), Console(stream), out=str(tmp_path / "out"))
    doubt = "which the model was started from: its run 11111111111111111111111111111111 is not in this tracking store"
    page = (tmp_path / "out" / "report.html").read_text()
    for text in (stream.getvalue(), page, (tmp_path / "out" / "model_card.md").read_text()):
        assert doubt in text


def test_a_run_of_earlier_versions_is_followed_by_its_settings(
    job: Job, child: Tuned, grandchild: Tuned, tmp_path: Path
) -> None:
    client, first = MlflowClient(), job.children["baseline"].info.run_id
    tags = {run.info.run_id: run.data.tags[ANCESTORS] for run in (child.run, grandchild.run)}
    expected = ancestors_of_run(grandchild.run.info.run_id)
    register_as(child, "moved", "champion")
    older = client.create_run(child.run.info.experiment_id)
    client.log_param(older.info.run_id, "init_from", "models:/moved@champion")
    try:
        for run_id in tags:
            client.delete_tag(run_id, ANCESTORS)
        assert ancestors_of_run(grandchild.run.info.run_id) == expected
        assert expected[-1].run_id == first
    finally:
        for run_id, value in tags.items():
            client.set_tag(run_id, ANCESTORS, value)
    # An alias may have moved since: which model it was then is not known.
    lineage = ModelRun.of(older.info.run_id).lineage
    client.set_terminated(older.info.run_id)
    assert lineage.ancestors == (Ancestor("models:/moved@champion", ""),)
    assert any("models:/moved@champion, which the model was started from: the run that made it is unknown" in doubt
               for doubt in lineage.doubts)  # fmt: skip


def test_a_folder_written_again_by_what_it_gave_rise_to_ends_the_search(
    child: Tuned, tmp_path: Path, store: Path
) -> None:
    client = MlflowClient()
    run_id = client.create_run(child.run.info.experiment_id).info.run_id
    folder = fetch_checkpoint(child.address, tmp_path)
    description = json.loads((folder / "checkpoint.json").read_text())
    del description["facts"]["ancestors"]
    description["facts"]["run_id"] = run_id
    (folder / "checkpoint.json").write_text(json.dumps(description))
    client.log_param(run_id, "init_from", str(folder))
    assert [one.run_id for one in ancestors_of_run(run_id)] == [run_id]
    client.set_terminated(run_id)


def candidate_of(tuned: Tuned) -> RegisteredVersion:
    models = MlflowClient().search_logged_models(
        [tuned.run.info.experiment_id], f"source_run_id = '{tuned.run.info.run_id}'"
    )
    return RegisteredVersion(tuned.run.info.run_id, models[0].model_id, "1")


def register_as(tuned: Tuned, name: str, alias: str) -> None:
    """Register a model by a name, with an alias that leads to it."""
    client, candidate = MlflowClient(), candidate_of(tuned)
    client.create_registered_model(name)
    version = client.create_model_version(
        name, f"models:/{candidate.model_id}", candidate.run_id, model_id=candidate.model_id
    )
    client.set_registered_model_alias(name, alias, version.version)


def test_promotion_on_a_cohort_leaves_out_what_ancestors_learnt_from(
    job: Job, child: Tuned, demo: Path, cache: Path
) -> None:
    settings = PromotionSettings(on=str(demo), cache_dir=str(cache), jobs=1, device="cpu")
    evidence = gather(candidate_of(child), None, settings, (), Console(io.StringIO()))
    assert set(evidence.challenger.record_ids) == own_test(job)


@pytest.mark.slow
def test_a_fine_tuned_challengers_test_part_is_found_again_and_spares_the_champions_ancestors(
    job: Job, child: Tuned, start: str, demo: Path, cache: Path
) -> None:
    challenger = fine_tune(start, cache, demo, split_seed="1", test_fraction="0.4")
    settings = PromotionSettings(cache_dir=str(cache), jobs=1, device="cpu")
    evidence = gather(candidate_of(challenger), candidate_of(child), settings, (), Console(io.StringIO()))
    after = split_of(challenger.run)
    assert set(evidence.challenger.record_ids) == set(after.record[after.part == "test"])
    assert evidence.champion.record_ids == evidence.challenger.record_ids


@pytest.fixture
def older(store: Path, tmp_path: Path) -> tuple[str, str]:
    """Return runs of one test part, of which the first was started from a model that learnt from 40 of 160 records."""
    client, runs = MlflowClient(), [make_run(made_up(sharp), tmp_path) for sharp in (3.0, 2.0, 1.0)]
    earlier = pd.DataFrame(
        {"record": [f"cohort/{number}" for number in range(40)], "part": "train", "source": "here", "identity": ""}
    )
    client.log_text(runs[2], earlier.to_csv(index=False), "split.csv")
    client.set_tag(runs[0], ANCESTORS, json.dumps([{"address": f"runs:/{runs[2]}", "run_id": runs[2]}]))
    return runs[0], runs[1]


def test_stored_predictions_of_what_an_ancestor_learnt_from_do_not_count_in_promotion(older: tuple[str, str]) -> None:
    """Runs of earlier versions did not leave them out."""
    evidence = gather(
        RegisteredVersion(older[1], ""),
        RegisteredVersion(older[0], ""),
        PromotionSettings(),
        (),
        Console(io.StringIO()),
    )
    assert evidence.challenger.record_ids == tuple(f"cohort/{number}" for number in range(40, 160))
    assert evidence.champion.record_ids == evidence.challenger.record_ids
    assert "less 40 records" in evidence.how
    # The same records serve for a decision, whoever they are compared with.
    assert (
        evidence.digest
        == gather(RegisteredVersion(older[1], ""), None, PromotionSettings(), (), Console(io.StringIO())).digest
    )


def test_comparing_says_what_was_not_unseen(older: tuple[str, str], tmp_path: Path) -> None:
    compared = compare_models(*older, n_bootstrap=100)
    assert "Caution: 40 of the 160 records of the test part are of patients that a model which run" in as_text(compared)
    assert any("were not unseen" in caution for caution in json.loads(as_json(compared))["cautions"])
    assert "cautions" not in json.loads(
        as_json(compare_models(older[1], make_run(made_up(1.0), tmp_path), n_bootstrap=100))
    )


@pytest.mark.slow
def test_settings_of_a_fine_tuned_model_are_tried_from_the_start_and_so_is_the_default_split(
    start: str, demo: Path, cache: Path
) -> None:
    tuned = fine_tune(start, cache, demo)
    stream = io.StringIO()
    options = {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "folds": "2"}
    judged = evaluate_protocols(tuned.address, {**options, "splits": "kfold"}, Console(stream))
    assert "3 models to train" in stream.getvalue()
    assert f"was started from {start}; each model here is trained from the start" in judged.caution
    assert f"was started from {start}" in stream.getvalue()
    parent = run_of(judged.said).info
    folds = MlflowClient().search_runs([parent.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.run_id}'")
    default = next(run for run in folds if run.info.run_name == "default test part")
    assert json.loads(default.data.tags[ANCESTORS]) == []


def test_a_model_beside_the_one_started_from_has_its_own_encoder(
    job: Job, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, fitted = read_checkpoint(start), object()
    begun: dict[str, tuple] = {}

    class Begun(Exception):
        pass

    def begin(name: str, configuration: object, encoder: object, data: object, earlier: object) -> None:
        begun[name] = (encoder, earlier)
        raise Begun

    monkeypatch.setattr("ecgml.pipeline.job.fitting.training_data", lambda *_: SimpleNamespace(train=()))
    monkeypatch.setattr("ecgml.pipeline.job.fitting.report_job", lambda *_: None)
    monkeypatch.setattr("ecgml.pipeline.job.fitting.fit_encoder", lambda _: fitted)
    monkeypatch.setattr("ecgml.pipeline.job.fitting.initial_model", begin)
    tags: dict[str, str] = {}
    tracker = SimpleNamespace(tags=tags.update, params=lambda _: None)
    data = SimpleNamespace(scheme=SimpleNamespace(classes=checkpoint.classes))
    for name, n_ancestors in (("baseline", 1), ("fusion", 0)):
        earlier = Start(start, checkpoint, descent(checkpoint, start))
        with pytest.raises(Begun):
            fit_model(name, resolve(TrainConfiguration, SMALL), data, None, earlier, tracker, Console(io.StringIO()))
        assert len(json.loads(tags[ANCESTORS])) == n_ancestors
    assert begun == {"baseline": (checkpoint.encoder, checkpoint), "fusion": (fitted, None)}


def test_a_job_goes_on_from_the_model_that_it_began_with_alone() -> None:
    first, other = Ancestor("models:/m@best", "1" * 32), Ancestor("models:/m@best", "2" * 32)
    own = Interrupted("own", "0", {}, resolve(TrainConfiguration, {}), "digest", 1, (first,))
    own.check_start((first,))
    for ancestors in ((other,), (first, other), ()):
        with pytest.raises(TrainingError, match="models:/m@best is not the model that run own started from any more"):
            own.check_start(ancestors)
    replace(own, ancestors=None).check_start((other,))  # of an earlier version, which did not note them


@pytest.mark.slow
def test_another_architecture_takes_nothing_over_and_has_no_ancestors(start: str, external: Path, cache: Path) -> None:
    stream = io.StringIO()
    options = {**SMALL, "epochs": "1", "cache_dir": str(cache), "data_dir": str(external)}
    fresh = train({**options, "models": "fusion"}, Console(io.StringIO()))
    tuned = train({**options, "init_from": start}, Console(stream))
    client = MlflowClient()
    experiment = client.get_run(tuned).info.experiment_id
    models = {
        (parent, run.info.run_name): load_checkpoint(
            Path(download_artifacts(artifact_uri=f"runs:/{run.info.run_id}/checkpoint"))
        )
        for parent in (fresh, tuned)
        for run in client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    }
    own, alone, earlier = models[tuned, "fusion"], models[fresh, "fusion"], read_checkpoint(start)
    assert own.encoder == alone.encoder != earlier.encoder
    assert all(torch.equal(own.weights[key], alone.weights[key]) for key in alone.weights)
    assert models[tuned, "baseline"].encoder == earlier.encoder
    assert own.facts["ancestors"] == []
    assert [one["address"] for one in models[tuned, "baseline"].facts["ancestors"]] == [start]
    assert (
        f"fusion: starts from random weights, with a new clinical encoder: {start} is a baseline" in stream.getvalue()
    )
    assert f"baseline: starts from {start}: its weights and clinical encoder, its classifier of" in stream.getvalue()
    assert ancestors_of_run(own.facts["run_id"]) == ()


def test_a_model_of_which_nothing_is_taken_is_refused(start: str, external: Path, cache: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is a baseline, of which fusion would take nothing"):
        fine_tune(start, cache, external, models="fusion")


@pytest.mark.parametrize("order", [1, -1])
def test_the_head_is_kept_for_the_same_classes_in_the_same_order_alone(start: str, order: int) -> None:
    checkpoint = read_checkpoint(start)
    checkpoint = replace(checkpoint, classes=checkpoint.classes[::order])
    configuration = resolve(TrainConfiguration, SMALL)
    data = SimpleNamespace(n_classes=len(checkpoint.classes))
    weights = initial_model("baseline", configuration, checkpoint.encoder, data, checkpoint).state_dict()
    afresh = initial_model("baseline", configuration, checkpoint.encoder, data, None).state_dict()
    for key, value in weights.items():
        expected = afresh if order == -1 and key.startswith("head.") else checkpoint.weights
        np.testing.assert_array_equal(value.numpy(), expected[key].numpy(), err_msg=key)


@pytest.mark.slow
def test_an_alias_is_pinned_and_a_folder_is_found_from_anywhere(
    child: Tuned, external: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_as(child, "pinned", "best")
    tuned = fine_tune("models:/pinned@best", cache, external)
    assert tuned.run.data.params["init_from"] == "models:/pinned/1"
    assert ancestors_of_run(tuned.run.info.run_id)[0] == Ancestor("models:/pinned/1", child.run.info.run_id)
    monkeypatch.chdir(tmp_path)
    assert resolve(TrainConfiguration, {"init_from": "model"}).job.init_from == str(tmp_path / "model")
