"""The command line of `python -m tuning`."""

from __future__ import annotations

import click

from ecgml.cli import CONTEXT, SettingsCommand, job_options, settings_options, shown_errors

HELP = """Tune a model with an Optuna study; each trial is a tracked training.

The same command resumes a study that was stopped, and joins it from another host. Every setting of `ecgml train` but
--init-from may be given too and holds for every trial."""

EXAMPLES = (
    "python -m tuning --n-trials 20 --demo-records 300 --epochs 8 --jobs 2",
    "python -m tuning --study mine --data-dir /data/mine --finalise 5",
    "python -m tuning --n-trials 200 --storage postgresql://me@db/optuna",
)


def _run(config: str, **options: str) -> None:
    from ecgml.config import resolve
    from tuning.settings import TuneConfiguration
    from tuning.spaces import space_named

    with shown_errors():
        # First, so that a mistake is reported before torch and MLflow are imported.
        space_named(resolve(TuneConfiguration, options, "" if ":/" in config else config).tune.space)
        from ecgml.pipeline.job.console import Console
        from tuning.study import tune

        click.echo(tune(options, Console(), config=config).run_id)


def main() -> None:
    """Build the command and run it."""
    from tuning.settings import TuneConfiguration

    options = [*job_options(), *settings_options(TuneConfiguration)]
    for option in options:
        # Taken in order to be refused with its reason.
        option.hidden = option.name == "init_from"
    SettingsCommand(
        "tuning", callback=_run, params=options, help=HELP, examples=EXAMPLES, context_settings=CONTEXT
    ).main(prog_name="python -m tuning")
