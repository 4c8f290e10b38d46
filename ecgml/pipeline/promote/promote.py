"""`ecgml promote`, `ecgml rollback`, `ecgml history`: change the champion version, and record why."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.config import to_json
from ecgml.errors import ConfigError, EvaluationError, PromotionError, TrackingError
from ecgml.evaluation.estimates import signed
from ecgml.evaluation.gate import Check, Judgement, judge
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.lineage import Ancestor
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.reporting import SIMULATED
from ecgml.pipeline.job.settings import PromoteConfiguration
from ecgml.pipeline.promote.comparison_input import ComparisonInput, gather
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.service.lock import Lock, login
from ecgml.service.promotions import (
    DONE,
    FORCED,
    PROMOTED,
    RECORD,
    REFUSED,
    ROLLED_BACK,
    Entry,
    PromotionLog,
    Registry,
    read_registry,
    registry_errors,
)
from ecgml.service.record_run import open_record
from ecgml.service.registry import REGISTERED_MODEL, RegisteredVersion, find_candidate, register_candidate
from ecgml.service.serving_check import check_serving
from ecgml.service.store import connect
from ecgml.service.tracker import Tracker

PROBE_FS = 500.0
"""Sampling frequency of the simulated records that test a version, Hz."""


def promote(
    what: str, options: Mapping[str, Any], console: Console, *, config: str = "", force: bool = False, why: str = ""
) -> str:
    """Make a model champion if it passes the gate; record the decision either way.

    Parameters
    ----------
    what : str
        A run of a model or study, a version's number, or an alias.
    options : mapping
        Settings of `ecgml.pipeline.job.settings.PromoteConfiguration` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings; options override it.
    force : bool
        Promote in spite of the gate; the version must still load and predict.
    why : str
        Recorded; needed with ``force``.

    Returns
    -------
    summary : str
        What was done, for a person.

    Raises
    ------
    ConfigError
        If a setting is invalid, or it is forced without a reason.
    PromotionError
        If the gate refuses (recorded), another promotion is running, or the model cannot be served.
    """
    if force and not why.strip():
        raise ConfigError("--force: say why, --why TEXT; it is recorded")
    with command("promote", console) as running:
        configuration = resolve_settings(PromoteConfiguration, options, config)
        experiment = running.connect()
        if (on := configuration.promotion.on) and not Path(on).expanduser().exists():
            raise ConfigError(f"--on: {on} does not exist; give a folder of records")
        candidate = find_candidate(what)
        with promotion_lock(console) as (log, lock):
            if not candidate.version:
                candidate = register_candidate(candidate)
                console.say(f"registered as version {candidate.version} of {REGISTERED_MODEL}, challenger")
            registry = read_registry()
            if registry.champion == candidate.version:
                raise PromotionError(f"version {candidate.version} is the champion already")
            for complaint in registry.complaints():
                console.warn(complaint)
            return _decide(candidate, registry, configuration, experiment, log, lock, console, force, why.strip())


def _decide(
    candidate: RegisteredVersion,
    registry: Registry,
    configuration: PromoteConfiguration,
    experiment: str,
    log: PromotionLog,
    lock: Lock,
    console: Console,
    force: bool,
    why: str,
) -> str:
    model = ModelRun.of(candidate.run_id)
    classes = model.predictions["test"].classes
    if model.is_simulated:
        console.warn(SIMULATED)
    console.say(f"version {candidate.version}: loading it in a separate process")
    served = _served(candidate.version, classes)
    evidence, judgement, reasons = None, None, [served] if served else []
    if not served:
        try:
            champion = find_candidate(registry.champion) if registry.champion else None
            evidence = gather(candidate, champion, configuration.promotion, configuration.gate.age_bands, console)
            judgement = judge(evidence.challenger, evidence.champion, evidence.attributes, configuration.gate)
        except (PromotionError, EvaluationError, TrackingError) as error:
            reasons = [f"it cannot be compared: {error}"]
        else:
            reasons = [check.line() for check in judgement.checks if not check.passed]
            for check in judgement.checks:
                if check.passed:  # unmet conditions are in the error that ends the command
                    console.say(check.line())
    decision = PROMOTED if not reasons else FORCED if force and not served else REFUSED
    moves = decision != REFUSED
    digest = evidence.digest if evidence else ""
    uses = 1 + sum(entry.test_digest == digest for entry in registry.entries) if digest else 0
    remaining = [version for version in (registry.champion, registry.previous) if version in registry.versions]
    entry = _entry(
        registry,
        lock,
        decision,
        candidate.version,
        champion_after=candidate.version if moves else registry.champion,
        previous_after=(remaining[0] if remaining else "") if moves else registry.previous,
        why=why,
        test_digest=digest,
        test_uses=uses,
        summary=_summary(decision, candidate.version, registry.champion, judgement, reasons),
        notes=(
            *registry.complaints(),
            *_past(candidate.version, registry),
            *_start(model.ancestors),
            *(evidence.notes if evidence else ()),
            *([SIMULATED] if model.is_simulated else []),
        ),
    )
    _record(entry, evidence, judgement, reasons, configuration, experiment, log)
    if decision == REFUSED:
        raise PromotionError(f"{entry.summary}; log entry {entry.number}")
    if uses > 1:
        console.say(
            f"these test records have now been used for {uses} decisions; each use makes the next less reliable"
        )
    return _headline(decision, candidate.version, registry.champion, reasons)


def rollback(console: Console, *, why: str = "") -> str:
    """Restore the previous champion; a second rollback goes one further back.

    Parameters
    ----------
    console : Console
    why : str
        Recorded.

    Returns
    -------
    summary : str

    Raises
    ------
    PromotionError
        If there is nothing to go back to, the version does not load, or somebody else is at it.
    """
    with command("rollback", console) as running:
        experiment = running.connect()
        with promotion_lock(console) as (log, lock):
            registry = read_registry()
            for complaint in registry.complaints():
                console.warn(complaint)
            back = registry.earlier()
            if not back:
                first = (
                    f"version {registry.champion} is the first champion"
                    if registry.champion
                    else "there is no champion"
                )
                raise PromotionError(f"nothing to go back to: {first}, or those before it were deleted")
            console.say(f"version {back[0]}: loading it in a separate process")
            if served := _served(back[0]):
                raise PromotionError(f"{served}; promote another version")
            entry = _entry(
                registry,
                lock,
                ROLLED_BACK,
                back[0],
                champion_after=back[0],
                previous_after=back[1] if len(back) > 1 else "",
                why=why.strip(),
                summary=f"rolled back from version {registry.champion or '(deleted)'} to version {back[0]}",
                notes=tuple(registry.complaints()),
            )
            _record(entry, None, None, [], None, experiment, log)
            return entry.summary


def _entry(registry: Registry, lock: Lock, decision: str, version: str, **further: Any) -> Entry:
    """Return a decision made now, by who is logged in, on the registry as it is."""
    return Entry(
        number=lock.number,
        decision=decision,
        version=version,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        by=f"{login()}@{socket.gethostname()}",
        run_id="",
        champion_before=registry.champion,
        previous_before=registry.previous,
        **further,
    )


def history(console: Console) -> tuple[list[dict[str, Any]], str]:
    """Return the log and the aliases; complete an interrupted move first.

    Parameters
    ----------
    console : Console
        Shows what was completed, and disagreements.

    Returns
    -------
    rows : list of dict
        The entries, oldest first, ready for ``json.dump``.
    text : str
        The same as a table, and the aliases below it.
    """
    connect()
    registry = read_registry()
    if pending := registry.pending:
        try:
            with promotion_lock(console):
                registry = read_registry()
        except PromotionError as error:
            console.say(f"log entry {pending.number} is being carried out: {error}")
    for complaint in registry.complaints():
        console.warn(complaint)
    aliases = (
        ", ".join(f"{name} version {version}" for name, version in sorted(registry.aliases.items())) or "no aliases"
    )
    return [asdict(entry) for entry in registry.entries], "\n".join(
        [*_table(registry.entries), f"{REGISTERED_MODEL}: {aliases}"]
    )


@contextlib.contextmanager
def promotion_lock(console: Console) -> Iterator[tuple[PromotionLog, Lock]]:
    """Hold the lock; complete an interrupted move first."""
    with contextlib.ExitStack() as stack:
        with registry_errors():
            lock = stack.enter_context(Lock(REGISTERED_MODEL, above=read_registry().last_number))
        log = PromotionLog(lock.check)
        while repaired := log.repair():
            console.say(repaired)
        yield log, lock


def _past(version: str, registry: Registry) -> Iterator[str]:
    """Return notes on earlier rollbacks from a version."""
    for entry in registry.entries:
        if entry.decision == ROLLED_BACK and entry.state == DONE and entry.champion_before == version:
            why = f": {entry.why}" if entry.why else ""
            yield f"version {version} was rolled back from before, log entry {entry.number}{why}"


def _start(ancestors: Sequence[Ancestor]) -> Iterator[str]:
    """Return a note on the model that a model was fine-tuned from."""
    if ancestors:
        yield (
            f"it was started from {ancestors[0].address}: what that one and those before it learnt from is left out of "
            "the comparison"
        )


def _served(version: str, classes: Sequence[str] = ()) -> str:
    """Test a version in a separate process; return its fault, or ``""``."""
    records = [simulate_record(rhythm, np.random.default_rng(7), fs=PROBE_FS) for rhythm in ("SR", "AFIB", "ST")]
    clinical = np.full((len(records), len(CLINICAL_NAMES)), np.nan, dtype=np.float32)
    clinical[0, [CLINICAL_NAMES.index(name) for name in ("age", "sex")]] = 60, 1
    try:
        check_serving(version, classes, np.stack([record.waveform for record in records]), clinical, PROBE_FS)
    except PromotionError as error:
        return str(error)
    return ""


def _headline(decision: str, version: str, champion: str, reasons: Sequence[str]) -> str:
    """Return the decision with its reasons."""
    over = f"over version {champion}" if champion else "as the first champion"
    but = {REFUSED: f": {'; '.join(reasons)}", FORCED: f", against {'; '.join(reasons)}"}
    return f"{decision} version {version} {over}{but.get(decision, '') if reasons else ''}"


def _summary(decision: str, version: str, champion: str, judgement: Judgement | None, reasons: Sequence[str]) -> str:
    """Return the headline with its numbers, for the log."""
    numbers = "; ".join(check.line() for check in judgement.checks if check.challenger) if judgement else ""
    return f"{_headline(decision, version, champion, reasons)}{f' ({numbers})' if numbers and not reasons else ''}"


def _record(
    entry: Entry,
    evidence: ComparisonInput | None,
    judgement: Judgement | None,
    reasons: Sequence[str],
    configuration: PromoteConfiguration | None,
    experiment: str,
    log: PromotionLog,
) -> None:
    """Write the record as a run with an artifact, then carry the entry out."""
    content: dict[str, Any] = {**asdict(entry), "reasons": list(reasons)}
    if evidence:
        content |= {"compared_on": evidence.how, "notes": list(entry.notes)}
    if configuration:
        content["settings"] = {name: to_json(section) for name, section in configuration.sections.items()}
    if judgement:
        content["judgement"] = judgement.to_json()
    tags = {f"{RECORD}{name}": value for name, value in _tags(entry, evidence, judgement).items() if value}
    name = f"{entry.decision} version {entry.version}"
    with open_record(experiment, name, tags, _page(entry, evidence, judgement, reasons)) as (run_id, save):
        content["run_id"] = run_id
        content.pop("state")
        save(content)
        if judgement:
            Tracker(run_id).metrics(_metrics(judgement))
        log.carry_out(replace(entry, run_id=run_id))


def _metrics(judgement: Judgement) -> dict[str, float]:
    """Return the numbers of the comparison as metrics of the record's run."""
    metrics = {"n_records": float(judgement.n_records)}
    for check in judgement.checks:
        for name in ("challenger", "champion", "difference"):
            if estimate := getattr(check, name):
                key = f"{name}_{check.name}"
                metrics |= {key: estimate.value, f"{key}_low": estimate.low, f"{key}_high": estimate.high}
    return metrics


def _tags(entry: Entry, evidence: ComparisonInput | None, judgement: Judgement | None) -> dict[str, str]:
    tags = {
        "decision": entry.decision,
        "version": entry.version,
        "when": entry.when,
        "by": entry.by,
        "champion_before": entry.champion_before,
        "why": entry.why,
        "log_entry": str(entry.number),
        "test_uses": str(entry.test_uses or ""),
        "test_digest": entry.test_digest,
        "compared_on": evidence.how if evidence else "",
        "notes": "; ".join(entry.notes),
    }
    return tags | ({check.name: check.line() for check in judgement.checks} if judgement else {})


def _page(entry: Entry, evidence: ComparisonInput | None, judgement: Judgement | None, reasons: Sequence[str]) -> str:
    """Return the record as Markdown, for the run's description."""
    over = f"champion before: version {entry.champion_before}" if entry.champion_before else "no champion before"
    lines = [
        f"**{entry.decision.capitalize()}: version {entry.version}** of {REGISTERED_MODEL}; {over}. By {entry.by}, "
        f"{entry.when}, log entry {entry.number}.{f' Why: {entry.why}' if entry.why else ''}",
        "",
    ]
    # The table first: the page shows the beginning of this and folds the rest away.
    if evidence and judgement:
        lines += [
            "| condition | challenger | champion | difference (95 %) | rule | met |",
            "|---|---|---|---|---|---|",
            *(_row(check) for check in judgement.checks),
            "",
            f"Compared on {judgement.n_records:,} records of {judgement.n_groups:,} patients: {evidence.how}. "
            f"Decisions based on these test records, including this one: {entry.test_uses}.",
        ]
    else:
        lines += reasons
    lines += ["", *(f"- {note}" for note in entry.notes)] if entry.notes else []
    return "\n".join(lines) + "\n"


def _row(check: Check) -> str:
    challenger = f"{check.challenger.value:.3f}" if check.challenger else check.found
    if check.challenger and not check.difference:
        challenger += f" ({check.challenger.low:.3f} to {check.challenger.high:.3f})"
    champion = f"{check.champion.value:.3f}" if check.champion else ""
    gap = check.difference
    difference = signed(gap) if gap else ""
    title = f"{check.title}: {check.found}" if check.challenger and check.found else check.title
    return (
        f"| {title} | {challenger} | {champion} | {difference} | {check.rule} | {'yes' if check.passed else '**no**'} |"
    )


def _table(entries: Sequence[Entry]) -> list[str]:
    """Return the log as lines of aligned columns."""
    if not entries:
        return ["no promotion yet"]
    rows = [("entry", "when", "by", "decision", "version", "champion", "test use", "why")]
    rows += [
        (
            str(entry.number),
            entry.when.removesuffix("+00:00").replace("T", " "),
            entry.by,
            entry.decision if entry.state == "done" else f"{entry.decision} ({entry.state})",
            entry.version,
            f"{entry.champion_before or '-'} -> {entry.champion_after or '-'}",
            str(entry.test_uses or ""),
            entry.why,
        )
        for entry in entries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
