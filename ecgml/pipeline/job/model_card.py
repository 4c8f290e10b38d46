"""The model card (Mitchell et al. 2019, 10.1145/3287560.3287596): intended use, data, scores and limits of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import ecgml
from ecgml.datasets.splits import PARTS
from ecgml.datasets.table import RecordTable
from ecgml.evaluation.metric_table import names_of
from ecgml.evaluation.scores import Scores
from ecgml.evaluation.summary import interval_text, metric_title
from ecgml.page.sections import sentence
from ecgml.pipeline.job.artifacts import TITLES
from ecgml.pipeline.job.attributes import people_of
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.lineage import Ancestor
from ecgml.pipeline.job.reporting import SIMULATED
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.preprocessing.preprocess import DEFAULT_MIN_DURATION_S
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.rhythms import RHYTHM_NAMES
from ecgml.records.schemes import Scheme, scheme_named
from ecgml.report.evaluated import Evaluated
from ecgml.report.trust import limits_of
from ecgml.training.checkpoint import Checkpoint

INTENDED_USE = (
    "## Intended use\n\nResearch on resting 12-lead ECGs. **Not a medical device**: not for diagnosis, triage or "
    "monitoring, and no substitute for a reading by a physician."
)

LIMITS = (
    "It knows its classes and nothing else: a junctional rhythm or an AV block is given one of them, however wrong. On "
    "wide or varying beats, as of paced or ventricular rhythms, on what it is unsure of and on poor signals it "
    "abstains, though not always, and says why: its answers are among the artifacts.",
    "Its probabilities were calibrated on records like those it was trained on; elsewhere they may be overconfident.",
    "Rates and intervals measured from the waveform depend on a beat detector that miscounts ventricular tachycardia.",
)


def model_card(
    name: str,
    configuration: TrainConfiguration,
    job: JobData,
    scores: Mapping[str, Scores],
    run_id: str,
    commit: str,
    *,
    ancestors: Sequence[Ancestor] = (),
) -> str:
    """Return a model's card.

    Parameters
    ----------
    name : str
        Of `ecgml.models.registry`.
    configuration : TrainConfiguration
    job : JobData
    scores : mapping
        Of the test part (``"test"``) and, where there is one, the external cohort.
    run_id : str
        The model's run.
    commit : str
        Of the code; ``""`` where unknown.
    ancestors : sequence of Ancestor
        What it was started from, nearest first.

    Returns
    -------
    card : str
        Markdown; where any figure stands on simulated records, the first line says so.
    """
    blocks = [
        f"**{SIMULATED}**" if job.simulated else "",
        f"# {name.capitalize()} model: rhythm of a 12-lead ECG",
        _classes(job.scheme),
        INTENDED_USE,
        f"## Data\n\n{_data(configuration, job, ancestors)}",
        f"## Split\n\n{_split(configuration, job)}",
        f"## Figures\n\n{_figures(configuration, job, scores)}",
        f"## Limits\n\n{_limits(configuration, job, scores)}",
        f"## Made by\n\nRun `{run_id}`, ecgml {ecgml.__version__}{_commit(commit)}, seed "
        f"{configuration.fit.seed}. Input: waveform in mV at its own sampling frequency, and "
        f"{len(CLINICAL_NAMES)} clinical values of which any may be missing.",
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def evaluated_card(
    checkpoint: Checkpoint, own_card: str | None, evaluated: Sequence[Evaluated], what: str, note: str = ""
) -> str:
    """Return the card of an evaluated model: its own card, extended by the evaluation.

    Parameters
    ----------
    checkpoint : Checkpoint
    own_card : str or None
        What it was logged with; None where that is unavailable.
    evaluated : sequence of Evaluated
    what : str
        The run and the data, in words.
    note : str
        Such as that records are simulated.

    Returns
    -------
    card : str
        Markdown.
    """
    if own_card is None:
        settings = checkpoint.preprocessing
        facts = [f"{name}: {value}" for name, value in checkpoint.facts.items()]
        own_card = "\n\n".join(
            [
                f"# {checkpoint.model_name.capitalize()} model: rhythm of a 12-lead ECG",
                _classes(scheme_named(checkpoint.scheme)),
                INTENDED_USE,
                "## Data\n\nThe card logged with this model is unavailable: its training data are not "
                f"described here.\n\n* The model sees {settings.fs:g} Hz, {settings.highpass_hz:g} to "
                f"{settings.lowpass_hz:g} Hz, windows of {settings.window_s:g} s; denoiser: {settings.denoise}.\n"
                + "\n".join(f"* {fact}" for fact in facts),
            ]
        )
    warning = f"**{note}**\n\n" if note and note not in own_card else ""
    classes = evaluated[0].scores.classes
    titles = [f"{evaluation.title} ({evaluation.scores.n_records:,})" for evaluation in evaluated]
    lines = [f"| | {' | '.join(titles)} |", "|---" * (1 + len(titles)) + "|"]
    for metric in (*names_of("summary"), *names_of("card", classes)):
        cells = [
            interval_text(evaluation.scores[metric]) if np.isfinite(evaluation.scores[metric].value) else "–"
            for evaluation in evaluated
        ]
        lines.append(f"| {metric_title(metric, classes)} | {' | '.join(cells)} |")
    people = [f"{evaluation.title.capitalize()}: {evaluation.people}" for evaluation in evaluated if evaluation.people]
    limits = "\n".join(f"* {line}" for line in limits_of(evaluated, LIMITS))
    blocks = [
        warning + own_card.strip(),
        f"## Evaluated\n\n{what}",
        *people,
        "\n".join(lines),
        "95 % intervals by bootstrap over patients; labels as written; a record that cannot be used counts as an "
        "error. The full report is the artifact `report.html`.",
        f"## Limits found\n\n{limits}",
    ]
    return "\n\n".join(blocks) + "\n"


def _commit(commit: str) -> str:
    changed = " with changes" if commit.endswith("+") else ""
    return f", commit `{commit[:12]}`{changed}" if commit else ""


def _classes(scheme: Scheme) -> str:
    lines = [
        f"* {name}: {', '.join(RHYTHM_NAMES[code] for code in members)}" for name, members in scheme.members.items()
    ]
    return "\n".join([f"{scheme.description}:", "", *lines])


def _data(configuration: TrainConfiguration, job: JobData, ancestors: Sequence[Ancestor]) -> str:
    settings = configuration.preprocessing
    lines = [f"{_cohorts(job.table, 'trained and tested on')}."]
    if len(job.external):
        lines.append(f"{_cohorts(job.external, 'only tested on (external)')}.")
    if len(job.pool):
        lines.append(
            f"{configuration.augmentation.simulated_records:,} simulated records an epoch beside them in training; "
            "none in any figure."
        )
    if ancestors:
        chain = ", that from ".join(
            f"`{ancestor.address}` (run `{ancestor.run_id or 'unknown'}`)" for ancestor in ancestors
        )
        lines.append(f"Started from the weights of {chain}; it has indirectly learnt from their training data, too.")
    elif start := configuration.job.init_from:
        lines.append(f"Trained from random weights; another model of its job started from `{start}`.")
    if job.lineage.ancestors:
        lines += [f"{sentence(note)}." for note in job.notes]
    lines.append(f"{people_of(job.table)}.")
    rule = configuration.data.harmonise
    if rule != "none":
        lines.append(f"Labels harmonised for training and validation (`{rule}`), as written in the figures.")
    lines.append(
        f"The model sees {settings.fs:g} Hz, {settings.highpass_hz:g} to {settings.lowpass_hz:g} Hz, windows of "
        f"{settings.window_s:g} s; denoiser: {settings.denoise}."
    )
    lines.append(f"Digest over waveforms, labels and split: `{job.digest}`.")
    return "\n".join(f"* {line}" for line in lines)


def _cohorts(table: RecordTable, role: str) -> str:
    names, counts = np.unique(np.char.partition(table.record_ids, "/")[:, 0], return_counts=True)
    listed = ", ".join(f"{name} ({count:,})" for name, count in zip(names.tolist(), counts.tolist(), strict=True))
    unusable = int((~table.usable).sum())
    return f"{listed}, {role}" + (f"; {unusable:,} of them unusable" if unusable else "")


def _split(configuration: TrainConfiguration, job: JobData) -> str:
    classes = job.scheme.classes
    lines = [
        f"By {configuration.split.split_by}; no patient and no ECG is in two parts. Counts by label as written.",
        "",
        f"| part | records | {' | '.join(classes)} |",
        "|---" * (2 + len(classes)) + "|",
    ]
    rows = {part: job.table[job.parts == part] for part in PARTS} | (
        {"external": job.external} if len(job.external) else {}
    )
    for part, table in rows.items():
        counts = np.bincount(table.y_written, minlength=len(classes)).tolist()
        lines.append(f"| {part} | {len(table):,} | {' | '.join(f'{count:,}' for count in counts)} |")
    return "\n".join(lines)


def _figures(configuration: TrainConfiguration, job: JobData, scores: Mapping[str, Scores]) -> str:
    classes = job.scheme.classes
    titles = [f"{TITLES[what]} ({scored.n_records:,})" for what, scored in scores.items()]
    lines = [f"| | {' | '.join(titles)} |", "|---" * (1 + len(titles)) + "|"]
    for metric in names_of("summary", classes):
        cells = [
            interval_text(scored[metric]) if np.isfinite(scored[metric].value) else "–" for scored in scores.values()
        ]
        lines.append(f"| {metric_title(metric, classes)} | {' | '.join(cells)} |")
    lines.append(
        f"\n95 % intervals by bootstrap over patients ({configuration.job.bootstrap:,} draws). A record that cannot "
        "be used counts as an error."
    )
    return "\n".join(lines)


def _limits(configuration: TrainConfiguration, job: JobData, scores: Mapping[str, Scores]) -> str:
    settings = configuration.preprocessing
    least = settings.min_duration_s or DEFAULT_MIN_DURATION_S
    lines = [
        f"{TITLES[what].capitalize()}: {caution}" for what, scored in scores.items() for caution in scored.cautions
    ]
    if "external" not in scores:
        lines.append("No external cohort: performance on ECGs of another hospital is unknown.")
    lines += LIMITS
    lines.append(
        f"Records under {least:g} s or with fewer than {settings.min_leads} usable measured leads are refused."
    )
    return "\n".join(f"* {line}" for line in lines)
