"""`python -m tuning`: parses, calls the study, prints."""

from __future__ import annotations

from typing import Any

import click

from ecgml.cli import CONTEXT, settings_options, shown_errors


class _Command(click.Command):
    def invoke(self, ctx: click.Context) -> Any:
        """Run it; an error of ours is one line for a person."""
        with shown_errors():
            return super().invoke(ctx)


def _run(config: str, **options: str) -> None:
    from ecgml.config import resolve
    from tuning.settings import TuneConfiguration
    from tuning.spaces import space_named

    # First, so that a mistake is answered before torch and MLflow are imported.
    space_named(resolve(TuneConfiguration, options, "" if ":/" in config else config).tune.space)
    from ecgml.pipeline.job.console import Console
    from tuning.study import tune

    click.echo(tune(options, Console(), config=config).run_id)


def main() -> None:
    """Put the command together and run it."""
    from tuning.settings import TuneConfiguration

    extra = [click.Option(["--config"], default="", help="YAML file of settings; options beat it.")]
    _Command(
        "tuning",
        callback=_run,
        params=[*extra, *settings_options(TuneConfiguration)],
        help="Tune a model: an Optuna study, tracked trial by trial. The same command goes on with a study that was "
        "stopped, or joins in from another host. Every setting of `ecgml train` may be given too.",
        context_settings=CONTEXT,
    )(prog_name="python -m tuning")
