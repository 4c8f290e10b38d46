"""`ecgml prepare`: fill the cache and report on the files."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgml.cohorts.cohort import Cohort
from ecgml.datasets.cache import CachedCohort, check_quarantine
from ecgml.datasets.duplicates import repeated
from ecgml.datasets.quarantine import losses_by_reason, remarks_on
from ecgml.errors import CohortError
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import fill_caches, load_cohorts
from ecgml.pipeline.job.settings import PrepareConfiguration
from ecgml.pipeline.prepare.collect import LIST, collect_quarantined, write_list
from ecgml.pipeline.prepare.export import check_exportable, export_denoised
from ecgml.records.schemes import Scheme, scheme_named


@dataclass(frozen=True)
class PreparationResult:
    """A report on prepared cohorts, and whether a job may use them."""

    summary: str
    failure: CohortError | None = None
    """Too much of a cohort is unusable."""


def prepare(
    options: Mapping[str, Any], console: Console, *, config: str = "", export: str = "", collect: str = ""
) -> PreparationResult:
    """Read, check and preprocess cohorts into the cache, unless they are already there.

    Parameters
    ----------
    options : mapping
        Settings of `ecgml.pipeline.job.settings.PrepareConfiguration` by name.
    console : Console
    config : str
        A YAML file of settings.
    export : str
        A folder to write the denoised recordings to, in the data set's layout.
    collect : str
        A folder to copy unusable files to.

    Returns
    -------
    prepared : PreparationResult

    Raises
    ------
    EcgmlError
        If settings, folders or cache are unsuitable.
    """
    with command("prepare", console):
        return _prepare(resolve_settings(PrepareConfiguration, options, config), console, export, collect)


def _prepare(configuration: PrepareConfiguration, console: Console, export: str, collect: str) -> PreparationResult:
    data, preprocessing = configuration.data, configuration.preprocessing
    inner, outer = load_cohorts(data, console)
    cohorts = [*inner, *outer]
    if export:
        check_exportable(cohorts, preprocessing)
    caches = fill_caches(cohorts, data, preprocessing, console, check=False)
    scheme = scheme_named(data.scheme)
    lines = [line for cohort, cached in zip(cohorts, caches, strict=True) for line in _summary(cohort, cached, scheme)]
    if collect:
        lines.append(collect_quarantined(cohorts, caches, Path(collect).expanduser()))
    failure = None
    try:
        for cohort, cached in zip(cohorts, caches, strict=True):
            check_quarantine(cohort, cached, data.max_quarantined)
    except CohortError as error:
        failure = error
    if export and not failure:
        to = Path(export).expanduser()
        lines.append(export_denoised(cohorts, preprocessing, to, data.n_jobs, console, data.backend))
    cache = data.cache_path / preprocessing.digest()
    write_list(cohorts, caches, cache / LIST)
    return PreparationResult("\n".join([*lines, f"cache: {cache}, remarks on records: {LIST} in it"]), failure)


def _summary(cohort: Cohort, cached: CachedCohort, scheme: Scheme) -> list[str]:
    named = [scheme.class_of(entry.rhythms)[0] for entry in cohort.entries]
    counts = Counter(name for name in named if name)
    lines = [
        f"{cohort.name} ({cohort.kind}{', simulated' if cohort.simulated else ''}): {len(cohort.entries):,} files, "
        f"{len(cached.record_ids):,} usable in {len(cached.windows):,} windows",
        f"  {scheme.name}: {', '.join(f'{name} {counts[name]:,}' for name in scheme.classes)}; "
        f"no class {named.count(None):,}",
    ]
    if cohort.rows_without_file:
        lines.append(f"  {cohort.rows_without_file:,} rows of the table have no file here")
    remarks = list(remarks_on(cached))
    for reason, by_class in losses_by_reason(cohort, cached, scheme).items():
        listed = ", ".join(f"{name} {count:,}" for name, count in by_class.items())
        bad = (remark.record_id for remark in remarks if remark.reason == reason)
        lines.append(f"  quarantined, {reason}: {sum(by_class.values()):,} ({listed}): {_some(bad)}")
    for reason, what in (
        ("mended", "used without some leads, or clipped"),
        ("suspect", "suspect leads, electrodes or amplitudes"),
    ):
        if count := sum(remark.used and remark.reason == reason for remark in remarks):
            lines.append(
                f"  {what}: {count:,}: {_some(remark.record_id for remark in remarks if remark.reason == reason)}"
            )
    if groups := repeated(cached):
        count = sum(map(len, groups)) - len(groups)
        rhythms = {entry.record_id: entry.rhythms for entry in cohort.entries}
        n_disagree = sum(len({rhythms[record_id] for record_id in ids}) > 1 for ids in groups)
        differ = f"; in {n_disagree:,} the rhythms differ" if n_disagree else ""
        lines.append(f"  identical to another, used once: {count:,}: {_some(map(' = '.join, groups))}{differ}")
    return lines


def _some(names: Iterable[str]) -> str:
    """Name the first few."""
    first = list(itertools.islice(names, 4))
    return ", ".join(first[:3]) + (", …" if len(first) > 3 else "")
