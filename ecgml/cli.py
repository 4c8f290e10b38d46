"""The command line: parses, calls the pipeline, prints.

Nothing heavy is imported before a command runs, so that ``--help`` is instant. Options are the settings' names with
hyphens; their values are parsed and checked by `ecgml.config`, the same way as a file's and as `mlflow run`'s.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ecgml import __version__
from ecgml.errors import EcgmlError
from ecgml.service.address import full_address, is_local, pin

if TYPE_CHECKING:
    from ecgml.config import Configuration
    from ecgml.records.readers.options import ReadOptions

SETTINGS_COMMANDS = {
    "train": "Train fusion model and baseline: from ECG files to compared, tracked runs.",
    "prepare": "Read, check and preprocess DATA into the cache; say what was found.",
    "audit": "What DATA's tables alone would reach, what the ECG adds in MODEL, and which perturbations break it.",
    "evaluate": "Report on MODEL (a checkpoint folder, runs:/… or models:/…): on DATA, or on its own test part.",
    "explore": "Look at DATA before training: one page of distributions, dates, filters, principal components.",
    "serve": "Answer over HTTP: ECG files or arrays in, calibrated answers of MODEL out.",
    "promote": "Make WHAT (a model's or study's run, a version, an alias) champion if it passes the gate.",
}
"""Commands whose options are settings, and their help: their modules are imported only when one is called."""

EXAMPLES = {
    "train": (
        "ecgml train --epochs 50",
        "ecgml train --demo-records 300 --models fusion --epochs 8 --batch-size 32 --learning-rate 0.005",
        "ecgml train --data-dir /data/ptb-xl,/data/mine --external-dir /data/chapman --seed 1",
        "ecgml train --resume last",
    ),
    "prepare": ("ecgml prepare /data/mine", "ecgml prepare /data/mine --collect unusable"),
    "explore": ("ecgml explore /data/mine --out explored",),
    "evaluate": (
        "ecgml evaluate runs:/RUN_ID --out report",
        "ecgml evaluate models:/ecg-rhythm@champion /data/other-hospital --out report",
    ),
    "audit": ("ecgml audit runs:/RUN_ID --out audited", "ecgml audit /data/mine --parts shortcuts"),
    "promote": ("ecgml promote RUN_ID", "ecgml promote challenger --on /data/other-hospital"),
}
"""Ends the help of these commands."""

DATA_HELP = {
    "prepare": {
        "data_dir": "Folders to read, comma-separated, beside DATA; by default the simulated demo cohort",
        "external_dir": "Further folders to read, as if given as DATA",
    },
    "explore": {
        "data_dir": "Folders to look at, comma-separated, beside DATA; by default the simulated demo cohort",
        "external_dir": "Further folders to look at, as if given as DATA",
    },
    "evaluate": {
        "data_dir": "Folders to score MODEL on, comma-separated, beside DATA; by default its own test part",
        "external_dir": "Further folders to score MODEL on, as if given as DATA",
    },
    "audit": {
        "data_dir": "Folders to audit, comma-separated, beside DATA; by default those that MODEL was trained on, "
        "without a MODEL the simulated demo cohort",
        "external_dir": "Further folders to audit, as if given as DATA",
    },
}
"""What these settings mean where nothing is trained on them."""


class Commands(click.Group):
    """Adds the options of a command when it is asked for, and turns errors into one line and an exit code."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command; one with settings is put together here."""
        maker = _MAKERS.get(name)
        return maker() if maker else super().get_command(ctx, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed; offer the nearest for one that is not there."""
        from ecgml.config import nearest

        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"unknown command {name!r}{nearest(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *SETTINGS_COMMANDS})

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing what they need."""
        own = {name: command.get_short_help_str(limit=200) for name, command in self.commands.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted({**own, **SETTINGS_COMMANDS}.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours is one line for a person."""
        with shown_errors():
            return super().invoke(ctx)


@contextmanager
def shown_errors() -> Iterator[None]:
    """Turn an error of ours into one line and an exit code, Ctrl-C into a word and 130."""
    try:
        yield
    except EcgmlError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(130)


# `mlflow run` hands a parameter that MLproject does not declare over as --name_of_it.
CONTEXT = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 120,
    "token_normalize_func": lambda token: token.replace("_", "-"),
}


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="ecgml")
def main() -> None:
    """Train, compare and trust rhythm classifiers of 12-lead ECGs."""


def experiment_option() -> click.Option:
    """Return the option that names the experiment of a command's runs; it stands for MLFLOW_EXPERIMENT_NAME."""

    def choose(ctx: click.Context, parameter: click.Parameter, name: str) -> None:
        if not name:
            return
        if os.environ.get("MLFLOW_RUN_ID"):
            raise click.UsageError(
                f"--experiment {name}: under mlflow run the launch decides; give it as mlflow run --experiment-name"
            )
        os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
        os.environ["MLFLOW_EXPERIMENT_NAME"] = name

    return click.Option(
        ["--experiment"],
        default="",
        metavar="NAME",
        expose_value=False,
        callback=choose,
        help="MLflow experiment of the run; by default MLFLOW_EXPERIMENT_NAME, else that of the model or job named, "
        "else ecg-rhythm.",
    )


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--records", default=1000, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Same seed, same records.")
@click.option(
    "--layout",
    default="chapman",
    show_default=True,
    type=click.Choice(["chapman", "wfdb"]),
    help="Chapman-Shaoxing's or PhysioNet's.",
)
def simulate(out: Path, records: int, seed: int, layout: str) -> None:
    """Write a simulated demo cohort into the folder OUT, in the layout of Chapman-Shaoxing or of PhysioNet."""
    from ecgml.cohorts.simulation.demo import write_demo
    from ecgml.pipeline.job.console import Console

    with Console().progress("simulating", "records") as show:
        write_demo(out, n_records=records, seed=seed, layout=layout, progress=show)
    click.echo(f"{out}: {records:,} simulated records")


@main.command()
@click.argument("data_set", type=click.Choice(["chapman", "ecg-arrhythmia", "ptb-xl"]))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="PART",
    help="What of it, may be given several times: raw (default) or denoised of chapman, records500 (default) or "
    "records100 of ptb-xl.",
)
@click.option("--base-url", default="", metavar="URL", help="A mirror's folder that holds the files under their names.")
@click.option("--jobs", default=8, show_default=True, type=click.IntRange(1, 64), help="Connections at a time.")
def download(data_set: str, out: Path, parts: tuple[str, ...], base_url: str, jobs: int) -> None:
    """Fetch a public data set into the folder OUT and check every file.

    If it is stopped, run the same command again to continue; on a complete data set it checks every file again. Proxies
    come from HTTPS_PROXY.
    """
    from ecgml.pipeline.job.console import Console
    from ecgml.pipeline.prepare.download import download_data_set

    click.echo(download_data_set(data_set, out, Console(), parts=parts, base_url=base_url, n_jobs=jobs))


@main.command()
@click.argument("settings", nargs=-1, metavar="[NAME=VALUE]...")
def doctor(settings: tuple[str, ...]) -> None:
    """Say what this machine and environment can and cannot do, with the remedy.

    Settings of the job to come, e.g. data_dir=… cache_dir=…, are checked with it.
    """
    from ecgml.config import resolve
    from ecgml.doctor import examine
    from ecgml.pipeline.job.settings import TrainConfiguration

    configuration = resolve(TrainConfiguration, dict(pair.partition("=")[::2] for pair in settings))
    data = configuration.data
    has_fault = False
    for finding in examine([*data.data_dir, *data.external_dir], data.cache_path, configuration.fit.device):
        click.echo(finding.line())
        has_fault |= finding.is_fatal
    sys.exit(has_fault)


def _read_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options for files that do not tell what they hold, as one argument ``options``."""

    @click.option(
        "--fs",
        type=click.FloatRange(min=1),
        metavar="HZ",
        help="Sampling frequency of files that do not tell theirs; what a file states stands.",
    )
    @click.option("--unit", metavar="UNIT", help="V, mV, uV or nV, of files that do not tell theirs; likewise.")
    @click.option(
        "--leads",
        metavar="I,II,…",
        help="Leads of files that do not name theirs, in the order of their columns; likewise.",
    )
    @functools.wraps(command)
    def with_options(*, fs: float | None, unit: str | None, leads: str | None, **rest: object) -> object:
        from ecgml.records.readers.options import ReadOptions

        names = tuple(name.strip() for name in leads.split(",")) if leads else None
        return command(options=ReadOptions(fs, unit, names), **rest)

    return with_options


@main.command()
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@_read_options
@click.option(
    "--min-leads",
    type=click.IntRange(1, 12),
    metavar="N",
    help="Measured leads that a record needs, instead of the model's setting; derived ones do not count.",
)
@click.option("--json", "is_json", is_flag=True, help="One line of JSON a file.")
@click.option("--device", default="auto", metavar="DEVICE", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
def predict(
    model: str,
    files: tuple[Path, ...],
    options: ReadOptions,
    min_leads: int | None,
    is_json: bool,
    device: str,
) -> None:
    """Classify ECG files by MODEL (a checkpoint folder, runs:/… or models:/…).

    FILE is a recording or a folder, which is searched with its subfolders; tables and other files are skipped. A file
    that cannot be used is reported, the others are classified, and the exit code is 1. The table shows probabilities,
    rate (1/min) and intervals (ms); --json adds the origin of each value, and why one is missing.
    """
    from ecgml.pipeline.predict.predict import as_json, as_row, load_predictor, predict_files, table_head

    address, version = pin(model)
    predictor = load_predictor(address, device, min_leads)
    classes = predictor.checkpoint.classes
    outcomes = predict_files(predictor, files, options, partial(click.echo, err=True), with_spread=is_json)
    if not is_json:
        if version and address != model:
            click.echo(f"{model} is version {version}", err=True)
        click.echo(table_head(classes))
    failed = False
    for path, outcome in outcomes:
        failed |= isinstance(outcome, EcgmlError)
        click.echo(as_json(path, outcome, version) if is_json else as_row(path, outcome, classes))
    sys.exit(failed)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@_read_options
@click.option(
    "--qtc",
    default="bazett",
    show_default=True,
    type=click.Choice(["bazett", "fridericia", "framingham", "hodges"]),
    help="Formula that corrects QT for the rate.",
)
@click.option("--json", "is_json", is_flag=True, help="One line of JSON a file.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="PAGE.html", help="Write a page that shows the marks.")
def measure(files: tuple[Path, ...], options: ReadOptions, qtc: str, is_json: bool, plot: Path | None) -> None:
    """Measure rate, PR, QRS, QT, QTc (ms) and axes (degrees) of ECGs.

    FILE is a recording or a folder, which is searched with its subfolders; tables and other files are skipped. A value
    that cannot be measured is missing, with the reason. A file that cannot be used is reported, the others are
    measured, and the exit code is 1.
    """
    from ecgml.pipeline.measure.measure import as_json, as_row, measure_files, table_head

    outcomes = measure_files(files, options, qtc, partial(click.echo, err=True))
    if not is_json:
        click.echo(table_head())
    page = None
    if plot:
        from ecgml.pipeline.measure.interval_page import IntervalPage

        page = IntervalPage()
    failed = False
    for path, outcome in outcomes:
        failed |= isinstance(outcome, EcgmlError)
        click.echo(as_json(path, outcome) if is_json else as_row(path, outcome))
        if page and not isinstance(outcome, EcgmlError):
            page.add(path, outcome)
    if page and plot:
        click.echo(page.write(plot), err=True)
    sys.exit(failed)


@main.command()
@click.argument("url", metavar="URL")
@click.option("--every", default=60.0, show_default=True, metavar="SECONDS", help="How often the server is asked.")
@click.option("--once", is_flag=True, help="Ask once.")
def monitor(url: str, every: float, once: bool) -> None:
    """Log the drift of a running server to MLflow: inputs and answers beside those of the model's validation.

    URL is the address of `ecgml serve`. Reviews and counts are logged, too; what changes is a line here. Ctrl-C ends
    it. A server that asks for a token takes that of the environment variable ECGML_TOKEN.
    """
    from ecgml.pipeline.job.console import Console
    from ecgml.pipeline.monitor.monitor import monitor as follow

    click.echo(follow({"url": url, "every_s": str(every)}, Console(), once=once))


monitor.params.append(experiment_option())


@main.command("compare")
@click.argument("a", metavar="RUN")
@click.argument("b", metavar="RUN")
@click.option("--json", "is_json", is_flag=True, help="JSON instead of tables.")
@click.option("--bootstrap", default=2000, show_default=True, type=click.IntRange(min=1), help="Draws of patients.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of the draws.")
def compare_runs(a: str, b: str, is_json: bool, bootstrap: int, seed: int) -> None:
    """Compare two models on the records that both were tested on: paired bootstrap and McNemar's test.

    RUN is the run of a model (a job's runs within it), or a file predictions.csv.
    """
    from ecgml.pipeline.compare.compare import as_json, as_text, compare_models

    compared = compare_models(a, b, n_bootstrap=bootstrap, seed=seed)
    click.echo(as_json(compared) if is_json else as_text(compared))


@main.command()
@click.option("--why", default="", metavar="TEXT", help="A reason; recorded.")
def rollback(why: str) -> None:
    """Make the champion before this one champion again; a second rollback goes one further back."""
    from ecgml.pipeline.job.console import Console
    from ecgml.pipeline.promote.promote import rollback

    click.echo(rollback(Console(), why=why))


@main.command()
@click.option("--json", "is_json", is_flag=True, help="The log as JSON.")
def history(is_json: bool) -> None:
    """List promotions, refusals and rollbacks, and which versions stand."""
    import json

    from ecgml.pipeline.job.console import Console
    from ecgml.pipeline.promote.promote import history

    rows, text = history(Console())
    click.echo(json.dumps(rows, indent=1) if is_json else text)


def _train() -> click.Command:
    def run(config: str, resume: str, **options: str) -> None:
        from ecgml.pipeline.job.console import Console
        from ecgml.pipeline.train.train import train

        click.echo(train(options, Console(), config=config, resume=resume))

    from ecgml.pipeline.job.settings import TrainConfiguration

    extra = [
        *job_options(),
        click.Option(["--resume"], default="", metavar="RUN_ID", help="Go on with a stopped job; last: the newest."),
    ]
    return _command("train", run, TrainConfiguration, extra)


def _gathered(data: Iterable[str], options: Mapping[str, str], *, is_trained: bool = False) -> dict[str, str]:
    """Return options with the folders given as arguments; external ones alone are the data, if nothing is trained."""
    folders = [*data, *filter(None, [options["data_dir"]])]
    if folders or is_trained or not options["external_dir"]:
        return {**options, "data_dir": ",".join(folders)}
    return {**options, "data_dir": options["external_dir"], "external_dir": ""}


def _prepare() -> click.Command:
    def run(data: tuple[str, ...], config: str, export: str, collect: str, **options: str) -> None:
        from ecgml.pipeline.job.console import Console
        from ecgml.pipeline.prepare.prepare import prepare

        options = _gathered(data, options)
        prepared = prepare(options, Console(), config=config, export=export, collect=collect)
        click.echo(prepared.summary)
        if prepared.failure:
            raise prepared.failure

    from ecgml.pipeline.job.settings import PrepareConfiguration

    extra = [
        click.Argument(["data"], nargs=-1),
        *job_options(),
        click.Option(
            ["--export"],
            default="",
            metavar="DIR",
            help="Write denoised CSV files here, as the data set has them (Chapman-Shaoxing only).",
        ),
        click.Option(
            ["--collect"], default="", metavar="DIR", help="Copy unusable files here, by reason, with a list of them."
        ),
    ]
    return _command("prepare", run, PrepareConfiguration, extra)


def _explore() -> click.Command:
    def run(data: tuple[str, ...], config: str, out: str, **options: str) -> None:
        from ecgml.pipeline.explore.explore import explore
        from ecgml.pipeline.job.console import Console

        options = _gathered(data, options)
        click.echo(explore(options, Console(), config=config, out=out))

    from ecgml.pipeline.job.settings import ExploreConfiguration

    extra = [
        click.Argument(["data"], nargs=-1),
        click.Option(
            ["--out"],
            default="",
            metavar="DIR",
            help="Write page, figures and tables here, beside the run's artifacts.",
        ),
        *job_options(),
    ]
    return _command("explore", run, ExploreConfiguration, extra)


def _audit() -> click.Command:
    def run(what: tuple[str, ...], config: str, model: str, out: str, **options: str) -> None:
        from ecgml.pipeline.audit.audit import audit
        from ecgml.pipeline.job.console import Console

        if what and not model and _is_model(what[0]):
            model, what = what[0], what[1:]
        options = _gathered(what, options)
        click.echo(audit(options, Console(), model=model, config=config, out=out))

    from ecgml.pipeline.job.settings import AuditConfiguration

    extra = [
        click.Argument(["what"], nargs=-1, metavar="[MODEL] [DATA]..."),
        click.Option(
            ["--model"],
            default="",
            metavar="MODEL",
            help="A model (run, runs:/…, models:/… or checkpoint folder); its own data are audited if none are given.",
        ),
        click.Option(["--out"], default="", metavar="DIR", help="Folder for the page, its figures and tables."),
        *job_options(),
    ]
    return _command("audit", run, AuditConfiguration, extra)


def _evaluate() -> click.Command:
    def run(what: tuple[str, ...], config: str, model: str, out: str, **options: str) -> None:
        from ecgml.config import fields_of
        from ecgml.pipeline.evaluate.evaluate import evaluate
        from ecgml.pipeline.evaluate.protocols import evaluate_protocols
        from ecgml.pipeline.job.console import Console
        from ecgml.pipeline.job.settings import ProtocolSettings

        if what and not model:
            model, what = what[0], what[1:]
        model = full_address(model)
        options = _gathered(what, options, is_trained=bool(options["splits"]))
        judged = None
        if options["splits"]:
            judged = evaluate_protocols(model, options, Console(), config=config)
            click.echo(judged.said)
            if options["data_dir"]:  # the model's settings on those data; the model itself is not judged
                return
        for name in fields_of(ProtocolSettings):
            if options.pop(name) and not judged:
                raise click.UsageError(f"--{name.replace('_', '-')}: only with --splits")
        click.echo(evaluate(model, options, Console(), config=config, out=out, judged=judged))

    from ecgml.pipeline.job.settings import ProtocolConfiguration

    extra = [
        click.Argument(["what"], nargs=-1, metavar="MODEL [DATA]..."),
        click.Option(["--model"], default="", metavar="MODEL", help="Instead of the first argument."),
        click.Option(["--out"], default="", metavar="DIR", help="Folder for the page, its figures and tables."),
        *job_options(),
    ]
    return _command("evaluate", run, ProtocolConfiguration, extra)


def _is_model(what: str) -> bool:
    """Whether it names a model: a run, an address in MLflow, or a checkpoint folder."""
    return not is_local(full_address(what)) or (Path(what) / "checkpoint.json").is_file()


def _promote() -> click.Command:
    def run(what: str, config: str, force: bool, why: str, **options: str) -> None:
        from ecgml.pipeline.job.console import Console
        from ecgml.pipeline.promote.promote import promote

        click.echo(promote(what, options, Console(), config=config, force=force, why=why))

    from ecgml.pipeline.job.settings import PromoteConfiguration

    extra = [
        click.Argument(["what"]),
        click.Option(["--force"], is_flag=True, help="Promote whatever the gate says; needs --why."),
        click.Option(["--why"], default="", metavar="TEXT", help="A reason; recorded."),
        *job_options(),
    ]
    return _command("promote", run, PromoteConfiguration, extra)


def _serve() -> click.Command:
    def run(model: str, config: str, **options: str) -> None:
        from ecgml.config import resolve
        from ecgml.server.running import serve
        from ecgml.server.settings import ServeConfiguration

        serve(model, resolve(ServeConfiguration, options, config).server, partial(click.echo, err=True))

    from ecgml.server.settings import ServeConfiguration

    extra = [
        click.Argument(["model"]),
        click.Option(["--config"], default="", metavar="FILE", help="YAML file of settings; options beat it."),
    ]
    return _command("serve", run, ServeConfiguration, extra)


_MAKERS: dict[str, Callable[[], click.Command]] = {
    "train": _train,
    "prepare": _prepare,
    "explore": _explore,
    "audit": _audit,
    "evaluate": _evaluate,
    "promote": _promote,
    "serve": _serve,
}


def job_options() -> list[click.Option]:
    """Return the options of every command that makes a run."""
    return [
        click.Option(
            ["--config"],
            default="",
            metavar="FILE",
            help="YAML file of settings, or a run's as runs:/ID/best.yaml; options beat it.",
        ),
        experiment_option(),
    ]


class SettingsCommand(click.Command):
    """A command whose help shows its settings in groups, one a section, and ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self._examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write options by group, then examples."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)):
                groups.setdefault(getattr(parameter, "group", "Options"), []).append(record)
        for title in sorted(groups, key="Options".__ne__):
            with formatter.section(title):
                formatter.write_dl(groups[title])
        if self._examples:
            with formatter.section("Examples"):
                for line in self._examples:
                    formatter.write_text(line)


class SettingOption(click.Option):
    """The option of a setting; its group is that of the setting's section."""

    group = ""


def _command(
    name: str, run: Callable[..., None], kind: type[Configuration], extra: Sequence[click.Parameter]
) -> click.Command:
    """Make a command whose options are its settings."""
    options = settings_options(kind, DATA_HELP.get(name, {}))

    def checked(**values: Any) -> None:
        from ecgml.config import resolve

        # A bad value is answered before anything heavy is imported.
        resolve(kind, {option.name: values[option.name] for option in options if option.name})
        run(**values)

    texts = {"help": SETTINGS_COMMANDS[name], "examples": EXAMPLES.get(name, ())}
    return SettingsCommand(name, callback=checked, params=[*extra, *options], **texts)


def settings_options(kind: type[Configuration], helps: Mapping[str, str] | None = None) -> list[click.Option]:
    """Return an option a setting; one that two sections share is there once.

    Parameters
    ----------
    kind : type of Configuration
        The command's.
    helps : mapping of str to str, optional
        What to say of a setting, instead of its own words.
    """
    from ecgml.config import fields_of, placeholder

    options: dict[str, click.Option] = {}
    for section_name, section in kind.section_types().items():
        for name, (field, hint) in fields_of(section).items():
            if name in options:
                continue
            option = SettingOption(
                [f"--{name.replace('_', '-')}"],
                default="",
                metavar=placeholder(field, hint),
                help=f"{(helps or {}).get(name, field.metadata['doc'])}.{_shown(field.default)}",
            )
            summary = (section.__doc__ or "").partition("\n")[0].rstrip(".")
            option.group = f"{section_name.capitalize()} ({summary[:1].lower()}{summary[1:]})"
            options[name] = option
    return list(options.values())


def _shown(default: Any) -> str:
    """Return a default in brackets; where there is no value, the help itself says what happens by default."""
    if default in (None, "", ()):
        return ""
    if isinstance(default, tuple):
        return f" [default: {','.join(map(str, default))}]"
    return f" [default: {default:g}]" if isinstance(default, float) else f" [default: {default}]"
