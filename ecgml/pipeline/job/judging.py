"""Score a fitted model once on the test part and the external cohort, and log it with its figures."""

from __future__ import annotations

import ecgml
from ecgml.calibration.calibration import Calibration
from ecgml.drift.reference import Reference
from ecgml.evaluation.scores import score
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.drift_reference import drift_reference
from ecgml.pipeline.job.environment import git_commit
from ecgml.pipeline.job.fitting import Trained
from ecgml.pipeline.job.lineage import as_facts
from ecgml.pipeline.job.model_card import model_card
from ecgml.pipeline.job.reporting import (
    Scored,
    describe_model,
    note_of,
    one_line,
    report_answers,
    report_scores,
)
from ecgml.pipeline.job.scoring import answers_of, calibrate, to_predictions, window_logits
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.service.logged_model import log_model
from ecgml.service.pyfunc import CHECKPOINT
from ecgml.service.tracker import Tracker
from ecgml.training.checkpoint import Checkpoint, save_checkpoint


def judge_model(
    trained: Trained, configuration: TrainConfiguration, job: JobData, tracker: Tracker, console: Console
) -> tuple[Scored, str]:
    """Score a fitted model once on the test part and the external cohort; log it in the active run.

    Returns
    -------
    scored : Scored
    model_id : str
        The LoggedModel.
    """
    name, model, encoder, store = trained.name, trained.model, trained.encoder, trained.data.store
    n_bootstrap = configuration.job.bootstrap
    n_classes = len(job.scheme.classes)
    calibration = calibrate(
        model,
        store,
        encoder,
        (trained.data.train, trained.data.val, job.part("calibration")),
        n_classes,
        configuration.calibration,
    )
    tracker.metrics({"temperature": calibration.scaling.temperature})
    scored, harmonised, answers = Scored(), {}, {}
    tables = {"test": job.part("test", usable=False)} | ({"external": job.external} if len(job.external) else {})
    for what, table in tables.items():
        logits = window_logits(model, store, table, encoder, n_classes)
        y_prob = logits.y_prob(calibration)
        answers[what] = answers_of(logits, calibration, store, table)
        scored.predictions[what] = to_predictions(table, y_prob, job.scheme.classes)
        scored.scores[what] = score(scored.predictions[what], n_bootstrap=n_bootstrap)
        if configuration.data.harmonise != "none":
            labelled = to_predictions(table, y_prob, job.scheme.classes, harmonised=True)
            harmonised[what] = score(labelled, n_bootstrap=n_bootstrap)
    # The card needs the scores, so they come first; then they are logged as that model's.
    card = model_card(
        name, configuration, job, scored.scores, tracker.run_id, git_commit(), ancestors=trained.ancestors
    )
    reference = drift_reference(model, store, encoder, job, calibration, configuration.preprocessing.fs)
    model_id = log_checkpoint(trained, configuration, job, calibration, reference, tracker, card)
    for what, scores in scored.scores.items():
        report_scores(tracker, name, what, scored.predictions[what], scores, note_of(job), model_id, job.scheme.colours)
        report_answers(tracker, what, scored.predictions[what], answers[what], n_bootstrap, model_id)
        if what in harmonised:
            tracker.metrics(harmonised[what].flat(f"{what}_harmonised_"), model_id=model_id)
        console.say(f"{name}, {what}: {one_line(scores)}")
    tracker.describe(describe_model(name, scored, job))
    return scored, model_id


def log_checkpoint(
    trained: Trained,
    configuration: TrainConfiguration,
    job: JobData,
    calibration: Calibration,
    reference: Reference,
    tracker: Tracker,
    card: str,
) -> str:
    """Log the checkpoint as an artifact and, with the card, as a LoggedModel; return the latter's id."""
    checkpoint = Checkpoint(
        trained.name,
        configuration.model,
        configuration.preprocessing,
        job.scheme.text,
        job.scheme.classes,
        trained.encoder,
        {key: value.cpu() for key, value in trained.model.state_dict().items()},
        calibration,
        {
            "run_id": tracker.run_id,
            "data_digest": job.digest,
            "simulated": job.simulated,
            "ecgml": ecgml.__version__,
            "best_epoch": trained.fitted.best_epoch + 1,
            "ancestors": as_facts(trained.ancestors),
        },
        reference,
    )
    with tracker.folder(CHECKPOINT) as path:
        save_checkpoint(checkpoint, path)
    return log_model(checkpoint, card, trained.fitted.best_epoch + 1)
