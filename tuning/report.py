"""What the study's run shows: the best trial, all trials as a table, the search space, six figures, in words on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState

from ecgml.config import Configuration
from ecgml.figures import save_figure
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.reporting import note_of
from ecgml.service.tracker import Tracker
from tuning.counts import TrialCounts
from tuning.figures import draw_study
from tuning.queue import REASON, RETRY_OF, RUN_ID, SETTINGS
from tuning.settings import TuneSettings
from tuning.spaces import plain_settings, settings_of, space_named

NOT_TRAINING = {
    "study",
    "n_trials",
    "space",
    "metric",
    "sampler",
    "pruner",
    "storage",
    "jobs",
    "seeds",
    "folds",
    "finalise",
}
"""Settings of a study that no training has."""


def report_study(
    tracker: Tracker,
    study: optuna.Study,
    configuration: Configuration,
    facts: Mapping[str, Any],
    address: str,
    job: JobData,
    train_command: str,
) -> None:
    """Log a study as it is now in its run; may be called again when it has gone on.

    Parameters
    ----------
    tracker : Tracker
        Of the study's run.
    study : Study
    configuration : Configuration
    facts : mapping
        See `tuning.study.facts_of`.
    address : str
        The storage's, without a password.
    job : JobData
    train_command : str
        What a person types to train with the best trial's settings.
    """
    asked = configuration["tune"]
    trials = study.get_trials(deepcopy=False)
    tracker.metrics(TrialCounts.of(trials).metrics())
    tracker.json(
        {"space": asked.space, "parameters": {name: yaml.safe_load(text) for name, text in facts["space"].items()}},
        "search_space.json",
    )
    tracker.table(trial_columns(trials, asked.metric), "trials.csv")
    best = best_of(study)
    if best is not None:
        tracker.metrics({f"best_{asked.metric}": best.value, "best_trial": best.number})
        # Tags, not parameters: these MLflow never changes, and a study that goes on may find better.
        tracker.tags({f"best_{name}": _short(value) for name, value in best.params.items()})
        tracker.text(best_yaml(study, best, configuration, train_command), "best.yaml")
        with tracker.folder("figures") as folder:
            folder.mkdir()
            for name, figure in draw_study(study, asked.metric, note_of(job)):
                save_figure(figure, folder / f"{name}.png")
    tracker.describe(describe_study(study, best, asked, address, job, train_command))


def best_of(study: optuna.Study) -> FrozenTrial | None:
    """Return the best complete trial, or None."""
    try:
        return study.best_trial
    except ValueError:
        return None


def best_settings(best: FrozenTrial, configuration: Configuration) -> dict[str, Any]:
    """Return the settings that a trial ran with; made anew from its parameters where an older study kept none."""
    if SETTINGS in best.user_attrs:
        return dict(best.user_attrs[SETTINGS])
    return plain_settings(configuration, settings_of(space_named(configuration["tune"].space), best.params))


def trial_columns(trials: list[FrozenTrial], metric: str) -> dict[str, list]:
    """Return the trials as columns."""
    names = sorted({name for trial in trials for name in trial.params})

    def seconds(trial: FrozenTrial) -> float | None:
        return trial.duration.total_seconds() if trial.duration else None

    return {
        "trial": [trial.number for trial in trials],
        "state": [trial.state.name for trial in trials],
        metric: [trial.value if trial.state == TrialState.COMPLETE else None for trial in trials],
        **{name: [trial.params.get(name) for trial in trials] for name in names},
        "reports": [len(trial.intermediate_values) for trial in trials],
        "last_report": [trial.intermediate_values.get(trial.last_step) for trial in trials],
        "started": [trial.datetime_start for trial in trials],
        "duration_s": [seconds(trial) for trial in trials],
        "retry_of": [trial.user_attrs.get(RETRY_OF) for trial in trials],
        "reason": [trial.user_attrs.get(REASON, "") for trial in trials],
        "run": [trial.user_attrs.get(RUN_ID, "") for trial in trials],
    }


def best_yaml(study: optuna.Study, best: FrozenTrial, configuration: Configuration, train_command: str) -> str:
    """Return the settings file that trains the winner: the study's own settings, and the best trial's."""
    values = configuration.values()
    given = {
        name: list(values[name]) if isinstance(values[name], tuple) else values[name]
        for name, origin in configuration.origins.items()
        if name not in NOT_TRAINING and (origin != "default" or name == "models") and values[name] not in ("", ())
    }
    asked = configuration["tune"]
    head = (
        f"# The best trial of study {study.study_name}: number {best.number}, {asked.metric} {best.value:.4f} on the "
        f"validation part.\n# Trials: {TrialCounts.of(study.get_trials(deepcopy=False))}.\n# {train_command}\n"
    )
    return head + yaml.safe_dump({**given, **best_settings(best, configuration)}, sort_keys=False)


def describe_study(
    study: optuna.Study,
    best: FrozenTrial | None,
    asked: TuneSettings,
    address: str,
    job: JobData,
    train_command: str,
) -> str:
    """Return the text that the MLflow UI shows on top of the study's run."""
    lines = [f"*{note_of(job)}*"] if note_of(job) else []
    progress = TrialCounts.of(study.get_trials(deepcopy=False)).progress(asked.n_trials)
    lines.append(f"Study **{study.study_name}**: {progress}; sampler {asked.sampler}, pruner {asked.pruner_name}.")
    if best is not None:
        table = "\n".join(f"| {name} | {_short(value)} |" for name, value in best.params.items())
        lines.append(f"Best: trial {best.number}, {asked.metric} {best.value:.4f} on the validation part.")
        lines.append(f"| setting | best |\n|---|---|\n{table}")
        lines.append(f"Train with it: `{train_command}`")
    lines.append(f"Kept in `{address}`: `optuna-dashboard {address}` shows it.")
    return "\n\n".join(lines)


def say_best(study: optuna.Study, asked: TuneSettings, train_command: str, console: Console) -> None:
    """Print the counts of the trials, the best one, and the command that trains with its settings."""
    best, counts = best_of(study), TrialCounts.of(study.get_trials(deepcopy=False))
    if best is None:
        console.warn(f"study {asked.study}: {counts}; no trial finished, so there is no best")
        return
    chosen = ", ".join(f"{name} {_short(value)}" for name, value in best.params.items())
    console.say(f"study {asked.study}: {counts}; best trial {best.number}, {asked.metric} {best.value:.4f}: {chosen}")
    console.say(f"train with it: {train_command}")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
