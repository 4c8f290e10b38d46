"""The job's data: opened or simulated, preprocessed, labelled, split."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from ecgml.cohorts.chapman import is_denoised
from ecgml.cohorts.cohort import Cohort
from ecgml.cohorts.opening import open_cohorts
from ecgml.cohorts.pool import simulated_pool
from ecgml.datasets.cache import CachedCohort, check_quarantine, explain_faults, open_or_fill
from ecgml.datasets.duplicates import identities
from ecgml.datasets.quarantine import common_faults, suspect_amplitudes, unequal_losses
from ecgml.datasets.splits import describe, split_records
from ecgml.datasets.table import LeftOut, RecordTable, build_table
from ecgml.errors import ConfigError, TrainingError
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.lineage import LEARNT_FROM, Lineage
from ecgml.pipeline.job.settings import DataSettings, TrainConfiguration
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.schemes import Scheme, applicable_rule, scheme_named

DEMO_SEED = 0

POOL_SHARE, POOL_RECORDS = 2.4, 6000
"""Simulated records prepared: by those that an epoch sees, so that epochs differ (2,500 of 6,000); and at most."""

LEARNT_EARLIER = "a model that this one was started from learnt from it or its patient"
"""Reason for which a record is left out of an evaluation."""


@dataclass(frozen=True, eq=False)
class JobData:
    """Data that a job trains, selects and tests on.

    Parameters
    ----------
    cohorts, caches : tuple
        External ones first: windows are numbered through all caches in this order.
    table : RecordTable
        The records to train on and to test on.
    parts : ndarray of str, shape (n_records,)
        The part of each.
    external : RecordTable
        Records that are only ever tested on; empty where there are none.
    pool : RecordTable
        Simulated records to train on beside the real ones; empty where there are none.
    scheme : Scheme
    left_out : tuple of LeftOut
        Records without a class of the scheme, second forms of an ECG, patients of the external cohort, records that an
        earlier model learnt from and that this one would be judged by.
    digest : str
        SHA-256 over waveforms, labels and parts: two jobs that share it were trained and tested on the same.
    lineage : Lineage
        What the earlier model that the job starts from learnt from.
    notes : tuple of str
        What that means for its tests, and what cannot be told.
    identity_of : mapping of str to sequence of str
        By record id, what a record can be told by in other data, see `ecgml.datasets.duplicates.identities`.
    """

    cohorts: tuple[Cohort, ...]
    caches: tuple[CachedCohort, ...]
    table: RecordTable
    parts: NDArray[np.str_]
    external: RecordTable
    pool: RecordTable
    scheme: Scheme
    left_out: tuple[LeftOut, ...]
    digest: str
    lineage: Lineage = field(default_factory=Lineage)
    notes: tuple[str, ...] = ()
    identity_of: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def part(self, name: str, *, usable: bool = True) -> RecordTable:
        """Return the records of a part; quarantined ones only on request."""
        rows = self.parts == name
        return self.table[rows & self.table.usable] if usable else self.table[rows]

    def divided(self, parts: NDArray[np.str_]) -> JobData:
        """Return the job with another split and without the external cohort.

        Parameters
        ----------
        parts : ndarray of str, shape (n_records,)
            ``""`` for a record that has no part.
        """
        none = self.external[:0]
        digest = _digest(self.caches, self.table, parts, none)
        return replace(self, parts=parts, external=none, digest=digest)

    @property
    def name(self) -> str:
        """The cohorts trained on."""
        present = set(np.char.partition(self.table.record_ids, "/")[:, 0])
        return "+".join(cohort.name for cohort in self.cohorts if cohort.name in present)

    @property
    def simulated(self) -> bool:
        """Whether any scored record is simulated."""
        return any(cohort.simulated and cohort.kind != "pool" for cohort in self.cohorts)


def load_cohorts(data: DataSettings, console: Console, *, need_files: bool = True) -> tuple[list[Cohort], list[Cohort]]:
    """Open the training cohorts (by default the simulated demo) and the external ones.

    Parameters
    ----------
    data : DataSettings
    console : Console
    need_files : bool
        False: a table without any of its recordings will do.

    Raises
    ------
    CohortError
        If a folder is missing or of no known kind.
    ConfigError
        If a folder is given on both sides.
    """
    folders = [Path(folder).expanduser() for folder in data.data_dir] or [demo_folder(data, console)]
    external = [Path(folder).expanduser() for folder in data.external_dir]
    for folder in {path.resolve() for path in folders} & {path.resolve() for path in external}:
        raise ConfigError(f"external_dir: {folder} is also in data_dir; an external cohort is never trained on")
    opened = open_cohorts([*folders, *external], need_files=need_files)
    for cohort in opened:
        for warning in cohort.warnings:
            console.warn(f"{cohort.name}: {warning}")
    return opened[: len(folders)], opened[len(folders) :]


def demo_folder(data: DataSettings, console: Console) -> Path:
    """Return the folder of the simulated demo cohort, creating it if needed.

    Raises
    ------
    CacheError
        If it cannot be written into the cache.
    """
    from ecgml.cohorts.simulation.demo import GENERATOR_VERSION, write_demo

    folder = data.cache_path / f"demo-{data.demo_records}-v{GENERATOR_VERSION}"
    with explain_faults(data.cache_path):
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"), console.progress("simulating", "records") as show:
                if not folder.exists():
                    console.say(f"no data given: simulating {data.demo_records:,} records into {folder}")
                    write_demo(folder, n_records=data.demo_records, seed=DEMO_SEED, progress=show)
    return folder


def fill_caches(
    cohorts: Sequence[Cohort],
    data: DataSettings,
    preprocessing: PreprocessingSettings,
    console: Console,
    *,
    check: bool = True,
) -> list[CachedCohort]:
    """Open the cache of each cohort, filling it first where needed; say what was quarantined, and of which class,
    and what is wrong with a cohort as a whole.

    Parameters
    ----------
    cohorts : sequence of Cohort
    data : DataSettings
    preprocessing : PreprocessingSettings
    console : Console
    check : bool
        Whether to stop where too much is unusable.

    Raises
    ------
    CacheError
        If the cache cannot be written.
    CohortError
        If too much of a cohort is unusable.
    """
    caches = []
    for cohort in cohorts:
        if preprocessing.denoise != "none" and is_denoised(cohort):
            console.warn(f"{cohort.name}: already denoised by its publishers, now denoised again")
        with console.progress(f"preparing {cohort.name}", "records") as show:
            cached = open_or_fill(
                cohort,
                preprocessing,
                data.cache_path,
                n_jobs=data.n_jobs,
                backend=data.backend,
                on_progress=show,
            )
        if cached.quarantined:
            counts = Counter(bad.reason for bad in cached.quarantined)
            listed = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
            console.warn(
                f"{cohort.name}: {len(cached.quarantined)} of {len(cohort.entries)} files quarantined ({listed})"
            )
        for warning in unequal_losses(cohort, cached, scheme_named("rhythms")):
            console.warn(f"{cohort.name}: {warning}")
        for warning in common_faults(cohort, cached):
            console.warn(f"{cohort.name}: {warning}")
        if odd := suspect_amplitudes(cached):
            console.say(
                f"{cohort.name}: {len(odd):,} of {len(cached.record_ids):,} records with suspect amplitude are used: "
                f"{', '.join(odd[:3])}{', …' * (len(odd) > 3)}"
            )
        if check:
            check_quarantine(cohort, cached, data.max_quarantined)
        caches.append(cached)
    return caches


def load_data(configuration: TrainConfiguration, console: Console, lineage: Lineage | None = None) -> JobData:
    """Open, preprocess, label and split the data of a job.

    Parameters
    ----------
    configuration : TrainConfiguration
    console : Console
    lineage : Lineage, optional
        Of the earlier model that the job starts from: what that learnt from is not tested on, and what it was trained
        on is neither selected nor calibrated by.

    Raises
    ------
    CohortError, CacheError, ConfigError
        As :func:`load_cohorts` and :func:`fill_caches`.
    TrainingError
        If there are too few records to train on.
    """
    data, preprocessing = configuration.data, configuration.preprocessing
    scheme = scheme_named(data.scheme)
    if reason := applicable_rule(scheme, data.harmonise)[1]:
        console.warn(reason)
    inner, outer = load_cohorts(data, console)
    pool = []
    n_simulated = configuration.augmentation.simulated_records
    if n_simulated and not all(cohort.simulated for cohort in inner):
        n_prepared = min(POOL_RECORDS, math.ceil(POOL_SHARE * n_simulated))
        pool = [simulated_pool(n_prepared)]
        console.say(
            f"each epoch trains on {n_simulated:,} simulated records beside the real ones, drawn from {n_prepared:,}, "
            "as real sets are short of the rhythms that are hard to tell apart; --simulated-records 0 leaves them out"
        )
    cohorts = [*outer, *inner, *pool]
    caches = fill_caches(cohorts, data, preprocessing, console)
    joint, left_out = build_table(cohorts, caches, scheme, data.harmonise)
    lineage = lineage or Lineage()
    for doubt in lineage.doubts:
        console.warn(doubt)
    identity_of = identities(cohorts, caches)
    learnt, trained = (lineage.seen(joint, identity_of, parts) for parts in (LEARNT_FROM, ("train",)))
    is_outer, is_inner, is_pool = (_of_cohorts(joint, group) for group in (outer, inner, pool))
    known_outer = is_outer & learnt
    is_outer &= ~learnt
    leaked = is_inner & np.isin(joint.patients, joint.patients[is_outer])
    left_out += [LeftOut(name, "its patient is in the external cohort") for name in joint.record_ids[leaked]]
    table, external, simulated = joint[is_inner & ~leaked], joint[is_outer], joint[is_pool]
    if outer and len(external) == 0:
        _check_left("external cohort", int(known_outer.sum()), 0, lineage)
        raise TrainingError(f"external_dir: none of its records has a class of the scheme {scheme.name!r}")

    parts = split_records(table, configuration.split)
    stays, notes = _unknown(parts, learnt[is_inner & ~leaked], trained[is_inner & ~leaked], known_outer, lineage)
    excluded = [*joint.record_ids[known_outer].tolist(), *table.record_ids[~stays].tolist()]
    left_out += [LeftOut(name, LEARNT_EARLIER) for name in excluded]
    table, parts = table[stays], parts[stays]
    for note in notes:
        console.say(note)
    _warn_of_absent_classes(table, parts, scheme, console)
    console.say(
        f"{len(table):,} labelled records in {len(inner)} cohort{'s' * (len(inner) != 1)}; left out: {len(left_out):,}"
    )
    for line in describe(table, parts, scheme.classes):
        console.say(f"  {line}")
    if len(external):
        counts = np.bincount(external.y_written, minlength=len(scheme.classes))
        listed = ", ".join(f"{name} {count}" for name, count in zip(scheme.classes, counts, strict=True))
        console.say(f"  external {len(external)}: {listed} (labels as written)")
    digest = _digest(caches, table, parts, external)
    return JobData(
        tuple(cohorts),
        tuple(caches),
        table,
        parts,
        external,
        simulated,
        scheme,
        tuple(left_out),
        digest,
        lineage,
        (*notes, *lineage.doubts),
        identity_of,
    )


def _unknown(
    parts: NDArray[np.str_],
    learnt: NDArray[np.bool_],
    trained: NDArray[np.bool_],
    known_outer: NDArray[np.bool_],
    lineage: Lineage,
) -> tuple[NDArray[np.bool_], list[str]]:
    """Tell which records stay where an earlier model is gone on from, and what is left out, in words.

    What it learnt from is not tested on. What its weights were fitted to is not selected or calibrated by: its own
    validation and calibration parts may be, as they may where it is divided as it was.
    """
    excluded = np.where(parts == "test", learnt, trained & (parts != "train"))
    counts = {"external cohort": int(known_outer.sum())}
    for part in ("test", "val", "calibration"):
        in_part = parts == part
        counts[f"{part} part"] = int((in_part & excluded).sum())
        _check_left(f"{part} part", counts[f"{part} part"], int((in_part & ~excluded).sum()), lineage)
    listed = ", ".join(f"{count:,} of the {where}" for where, count in counts.items() if count)
    if not listed:
        return ~excluded, []
    return ~excluded, [
        f"records left out, {listed}: {lineage.ancestors[0].address}, which this model starts from, or one before it "
        "learnt from them or their patients"
    ]


def _check_left(where: str, n_known: int, n_left: int, lineage: Lineage) -> None:
    if n_known and not n_left:
        raise TrainingError(
            f"init_from: {lineage.ancestors[0].address} or a model before it learnt from all {n_known:,} records of "
            f"the {where} or their patients; start from another model, give other data, or divide them as it did (its "
            "seed and split settings)"
        )


def _of_cohorts(table: RecordTable, cohorts: Sequence[Cohort]) -> NDArray[np.bool_]:
    return np.isin(np.char.partition(table.record_ids, "/")[:, 0], [cohort.name for cohort in cohorts])


def _warn_of_absent_classes(table: RecordTable, parts: NDArray[np.str_], scheme: Scheme, console: Console) -> None:
    for part in ("train", "val", "test"):
        rows = (parts == part) & table.usable
        absent = [name for label, name in enumerate(scheme.classes) if not (table.y_harmonised[rows] == label).any()]
        if absent:
            console.warn(f"the {part} part has no record of {', '.join(absent)}")
        if part == "val" and len(absent) == len(scheme.classes) - 1:
            console.warn(
                "the val part has a single class: its AUROC is undefined (nan) and no epoch can be selected: "
                "no early stopping, the last epoch is kept; give more records, or a larger --val-fraction"
            )
        n_usable = int(rows.sum())
        if part != "train" and n_usable < 100:
            noun = "record" if n_usable == 1 else "records"
            console.warn(f"the {part} part has only {n_usable} usable {noun}: its scores are imprecise")


def _digest(caches: Sequence[CachedCohort], table: RecordTable, parts: NDArray[np.str_], external: RecordTable) -> str:
    digest = hashlib.sha256()
    for cached in caches:
        digest.update(cached.digest.encode())
    for part in (table.record_ids, table.y_written, table.y_harmonised, parts, external.record_ids, external.y_written):
        digest.update("\n".join(map(str, part)).encode())
    return digest.hexdigest()
