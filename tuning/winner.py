"""Train the best trial's settings on several seeds; test and register the best model."""

from __future__ import annotations

import numpy as np
import optuna
import torch
from optuna.trial import FrozenTrial

from ecgml.datasets.store import WindowStore
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.fitting import Trained, fit_model
from ecgml.pipeline.job.judging import judge_model
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.saving import remove_whole
from ecgml.service.registry import CHALLENGER, REGISTERED_MODEL, register
from ecgml.service.runs import open_run, read_run
from ecgml.service.tracker import Tracker
from tuning.report import best_of, best_settings
from tuning.settings import StudyPlan

WINNER = "winner"
"""Tag of the study's run: the run of its final model. Promotion reads it."""

WINNER_TRIAL = "ecgml.winner_trial"


def finalise(study: optuna.Study, plan: StudyPlan, job: JobData, device: torch.device, console: Console) -> None:
    """Train the best trial's settings on several seeds; test the best of them once; register it as challenger.

    The best is chosen by the study's metric on the validation part; the others are never tested. A winner that
    was trained before on as many seeds is not trained again.
    """
    tune, best = plan.tune, best_of(study)
    if best is None:
        return
    recipe = f"{best.number} on {tune.finalise} seeds"
    before = read_run(plan.run_id).data.tags
    if before.get(WINNER_TRIAL) == recipe:
        console.say(f"winner: trial {best.number} is already trained and registered, run {before[WINNER]}")
        return
    winners = train_winners(best, plan, job, device, console)
    sign = 1 if tune.direction == "maximize" else -1
    values = np.array([trained.kept[tune.metric] for trained, _, _ in winners])
    chosen, winner_id, configuration = winners[int(np.nanargmax(sign * values))]
    tracker = Tracker(plan.run_id)
    spread = {"mean": values.mean(), "low": values.min(), "high": values.max()}
    if len(values) > 1:
        spread["sd"] = values.std(ddof=1)
    tracker.metrics({f"winner_{tune.metric}_{name}": float(value) for name, value in spread.items()})
    with open_run(plan.experiment_id, None, parent_id=plan.run_id, run_id=winner_id):
        scored, model_id = judge_model(chosen, configuration, job, Tracker(winner_id), console)
    tracker.metrics(scored.scores["test"].flat("winner_test_"))
    tags = {"study": tune.study, "study_run": plan.run_id, "trial": str(best.number)}
    version = register(model_id, winner_id, tags)
    tracker.tags({WINNER: winner_id, WINNER_TRIAL: recipe, "ecgml.version_registered": version})
    console.say(
        f"winner: {tune.metric} {values.mean():.4f} ({values.min():.4f} to {values.max():.4f}) over {len(values)} "
        f"seeds; run {winner_id}, {REGISTERED_MODEL} version {version}, alias {CHALLENGER}"
    )


def train_winners(
    best: FrozenTrial, plan: StudyPlan, job: JobData, device: torch.device, console: Console
) -> list[tuple[Trained, str, TrainConfiguration]]:
    """Train a trial's settings on each seed; yield fitted model, run and configuration."""
    training = plan.configuration.only(TrainConfiguration).changed(best_settings(best, plan.configuration))
    store, seed, model = WindowStore(job.caches, device), training.fit.seed, training.job.models[0]
    tags = {"ecgml.study": plan.tune.study, "ecgml.trial": str(best.number)}
    winners: list[tuple[Trained, str, TrainConfiguration]] = []
    for offset in range(plan.tune.finalise):
        configuration = training.changed({"seed": seed + offset})
        with open_run(plan.experiment_id, f"winner, seed {seed + offset}", parent_id=plan.run_id, tags=tags) as run:
            tracker = Tracker(run.info.run_id)
            trained, state_path = fit_model(model, configuration, job, store, None, tracker, console)
            remove_whole(state_path)
        winners.append((trained, run.info.run_id, configuration))
    return winners
