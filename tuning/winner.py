"""The winner: trained on several seeds, the best of them tested once, and handed to the registry."""

from __future__ import annotations

import numpy as np
import optuna
import torch

from ecgml.config import Configuration
from ecgml.datasets.store import WindowStore
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.fitting import Trained, fit_model
from ecgml.pipeline.job.judging import judge_model
from ecgml.pipeline.job.settings import TRAIN_SECTIONS
from ecgml.service.registry import CHALLENGER, REGISTERED_MODEL, register
from ecgml.service.runs import open_run, read_run
from ecgml.service.tracker import Tracker
from ecgml.training.state import remove_state
from tuning.report import best_of, best_settings

WINNER = "winner"
"""Tag of the study's run: the run of the model that the study hands over. Promotion reads it."""

WINNER_TRIAL = "ecgml.winner_trial"


def finalise(
    study: optuna.Study,
    configuration: Configuration,
    job: JobData,
    device: torch.device,
    experiment: str,
    run_id: str,
    console: Console,
) -> None:
    """Train the best trial's settings on several seeds; test the best of them once; register it as challenger.

    The best is chosen by the study's metric on the validation part; the others never see the test part. What was done
    already for the same trial is not done again.

    Parameters
    ----------
    study : Study
    configuration : Configuration
    job : JobData
    device : device
    experiment, run_id : str
        Of the study's run.
    console : Console
    """
    asked = configuration["tune"]
    best = best_of(study)
    if best is None:
        return
    done = read_run(run_id).data.tags
    if done.get(WINNER_TRIAL) == f"{best.number} on {asked.finalise} seeds":
        console.say(f"winner: trial {best.number} was trained and registered before, run {done[WINNER]}")
        return
    found = best_settings(best, configuration)
    training = Configuration({name: configuration[name] for name in TRAIN_SECTIONS}, configuration.origins)
    store = WindowStore(job.caches, device)
    name = configuration["job"].models[0]
    trained: list[tuple[Trained, str, Configuration]] = []
    for offset in range(asked.finalise):
        own = training.changed({**found, "seed": training["fit"].seed + offset})
        tags = {"ecgml.study": asked.study, "ecgml.trial": str(best.number)}
        with open_run(experiment, f"winner, seed {own['fit'].seed}", parent_id=run_id, tags=tags) as run:
            fitted, state_path = fit_model(name, own, job, store, None, Tracker(run.info.run_id), console)
            remove_state(state_path)
        trained.append((fitted, run.info.run_id, own))

    sign = 1 if asked.direction == "maximize" else -1
    values = np.array([one.kept[asked.metric] for one, _, _ in trained])
    chosen, winner_id, own = trained[int(np.nanargmax(sign * values))]
    spread = {
        f"winner_{asked.metric}_mean": float(values.mean()),
        f"winner_{asked.metric}_low": float(values.min()),
        f"winner_{asked.metric}_high": float(values.max()),
    }
    if len(values) > 1:
        spread[f"winner_{asked.metric}_sd"] = float(values.std(ddof=1))
    tracker = Tracker(run_id)
    tracker.metrics(spread)
    with open_run(experiment, None, parent_id=run_id, run_id=winner_id):
        scored, model_id = judge_model(chosen, own, job, Tracker(winner_id), console)
    tracker.metrics(scored.scores["test"].flat("winner_test_"))
    version = register(model_id, winner_id, {"study": asked.study, "study_run": run_id, "trial": str(best.number)})
    tracker.tags(
        {
            WINNER: winner_id,
            WINNER_TRIAL: f"{best.number} on {asked.finalise} seeds",
            "ecgml.version_registered": version,
        }
    )
    console.say(
        f"winner: {asked.metric} {values.mean():.4f} ({values.min():.4f} to {values.max():.4f}) over {len(values)} "
        f"seeds; run {winner_id}, {REGISTERED_MODEL} version {version}, alias {CHALLENGER}"
    )
