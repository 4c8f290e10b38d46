"""Report a study in its MLflow run: best trial, table of trials, search space, figures, description."""

from __future__ import annotations

from typing import Any

import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState

from ecgml.config import fields_of
from ecgml.figures import save_figure
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.reporting import note_of, report_job
from ecgml.service.jobs import launch_command
from ecgml.service.tracker import Tracker
from ecgml.service.trials import close_dead, without_tag
from tuning.counts import TrialCounts
from tuning.figures import draw_study
from tuning.opening import IDENTITY
from tuning.queue import FINISHED, REASON, RETRY_OF, RUN_ID, SETTINGS
from tuning.settings import StudyPlan, TuneConfiguration, TuneSettings
from tuning.spaces import plain_settings, settings_of, space_named
from tuning.worker import STATE, STATUSES, outcome_tags


def begin_report(study: optuna.Study, plan: StudyPlan, job: JobData) -> None:
    """Log the study's settings and data in its run."""
    tracker, space = Tracker(plan.run_id), study.user_attrs[IDENTITY]["space"]
    report_job(tracker, plan.configuration, job)
    tracker.params({name: value for name, value in plan.configuration.values().items() if name not in space})
    tracker.tags({"ecgml.study": plan.tune.study, "ecgml.storage": plan.tune.storage})
    parameters = {name: yaml.safe_load(text) for name, text in space.items()}
    tracker.json({"space": plan.tune.space, "parameters": parameters}, "search_space.json")


def report_study(study: optuna.Study, plan: StudyPlan, job: JobData) -> None:
    """Log the current state of a study in its run; may be repeated."""
    trials, metric = study.get_trials(deepcopy=False), plan.tune.metric
    close_trials(trials, plan)
    tracker = Tracker(plan.run_id)
    tracker.metrics(TrialCounts.of(trials).metrics())
    tracker.table(trial_columns(trials, metric), "trials.csv")
    if (best := best_of(study)) is not None and best.value is not None:
        tracker.metrics({f"best_{metric}": best.value, "best_trial": best.number})
        # Tags, not parameters: those cannot change, and a resumed study may find a better trial.
        tracker.tags({f"best_{name}": _short(value) for name, value in best.params.items()})
        tracker.text(best_yaml(study, best, plan), "best.yaml")
        with tracker.folder("figures") as folder:
            folder.mkdir()
            for name, figure in draw_study(study, metric, note_of(job)):
                save_figure(figure, folder / f"{name}.png")
    tracker.describe(describe_study(study, plan, note_of(job)))


def close_trials(trials: list[FrozenTrial], plan: StudyPlan) -> None:
    """Close the runs of trials that ended in the study but whose worker died before it closed the run."""
    by_number = {str(trial.number): trial for trial in trials}
    for run_id, number in without_tag(plan.experiment_id, plan.run_id, STATE, "ecgml.trial").items():
        trial = by_number.get(number)
        if trial is not None and trial.state in FINISHED:
            # If the worker died right after creating the run, the study does not know the run.
            status = STATUSES[trial.state] if RUN_ID in trial.user_attrs else "KILLED"
            close_dead(run_id, status, outcome_tags(trial.state, trial.user_attrs.get(REASON, "")))


def best_of(study: optuna.Study) -> FrozenTrial | None:
    """Return the best finished trial, or None."""
    try:
        return study.best_trial
    except ValueError:
        return None


def best_settings(best: FrozenTrial, configuration: TuneConfiguration) -> dict[str, Any]:
    """Return the settings of a trial; recomputed from its parameters if an older study stored none."""
    if SETTINGS in best.user_attrs:
        return dict(best.user_attrs[SETTINGS])
    return plain_settings(configuration, settings_of(space_named(configuration.tune.space), best.params))


def trial_columns(trials: list[FrozenTrial], metric: str) -> dict[str, list[Any]]:
    """Return the trials as columns."""
    names = sorted({name for trial in trials for name in trial.params})
    return {
        "trial": [trial.number for trial in trials],
        "state": [trial.state.name for trial in trials],
        metric: [trial.value if trial.state == TrialState.COMPLETE else None for trial in trials],
        **{name: [trial.params.get(name) for trial in trials] for name in names},
        "reports": [len(trial.intermediate_values) for trial in trials],
        "last_report": [
            None if trial.last_step is None else trial.intermediate_values[trial.last_step] for trial in trials
        ],
        "started": [trial.datetime_start for trial in trials],
        "duration_s": [trial.duration.total_seconds() if trial.duration else None for trial in trials],
        "retry_of": [trial.user_attrs.get(RETRY_OF) for trial in trials],
        "reason": [trial.user_attrs.get(REASON, "") for trial in trials],
        "run": [trial.user_attrs.get(RUN_ID, "") for trial in trials],
    }


def train_command(plan: StudyPlan) -> str:
    """Return the command that trains with the best trial's settings."""
    return launch_command(plan.experiment_id, f"config=runs:/{plan.run_id}/best.yaml")


def best_yaml(study: optuna.Study, best: FrozenTrial, plan: StudyPlan) -> str:
    """Return the settings file that trains the winner: the study's settings and the best trial's."""
    values, not_training = plan.configuration.values(), fields_of(TuneSettings)
    given = {
        name: list(values[name]) if isinstance(values[name], tuple) else values[name]
        for name, origin in plan.configuration.origins.items()
        if name not in not_training and (origin != "default" or name == "models") and values[name] not in ("", ())
    }
    head = (
        f"# Study {study.study_name}, trial {best.number}: {plan.tune.metric} {best.value:.4f} (validation), best.\n"
        f"# Trials: {TrialCounts.of(study.get_trials(deepcopy=False))}.\n# {train_command(plan)}\n"
    )
    return head + yaml.safe_dump({**given, **best_settings(best, plan.configuration)}, sort_keys=False)


def describe_study(study: optuna.Study, plan: StudyPlan, note: str) -> str:
    """Return the description of the study's run, Markdown."""
    tune, best = plan.tune, best_of(study)
    progress = TrialCounts.of(study.get_trials(deepcopy=False)).progress(tune.n_trials)
    lines = [f"*{note}*"] if note else []
    lines.append(f"Study **{study.study_name}**: {progress}; sampler {tune.sampler}, pruner {tune.pruner_name}.")
    if best is not None:
        table = "\n".join(f"| {name} | {_short(value)} |" for name, value in best.params.items())
        lines.append(f"Best: trial {best.number}, {tune.metric} {best.value:.4f} on the validation part.")
        lines.append(f"| setting | best |\n|---|---|\n{table}")
        lines.append(f"Train with it: `{train_command(plan)}`")
    lines.append(f"Stored in `{tune.storage}`; view it with `optuna-dashboard {tune.storage}`.")
    return "\n\n".join(lines)


def print_best(study: optuna.Study, plan: StudyPlan, console: Console) -> None:
    """Print the counts of the trials, the best one, and the command that trains with its settings."""
    best, counts = best_of(study), TrialCounts.of(study.get_trials(deepcopy=False))
    if best is None:
        console.warn(f"study {study.study_name}: {counts}; no trial has finished")
        return
    chosen = ", ".join(f"{name} {_short(value)}" for name, value in best.params.items())
    console.say(
        f"study {study.study_name}: {counts}; best trial {best.number}, {plan.tune.metric} {best.value:.4f}: {chosen}"
    )
    console.say(f"train with it: {train_command(plan)}")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
