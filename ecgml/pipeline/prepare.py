"""`ecgml prepare`: fill the cache, say what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecgml.cohorts.cohort import Cohort
from ecgml.config import resolve
from ecgml.datasets.cache import CachedCohort
from ecgml.pipeline.console import Console
from ecgml.pipeline.data import fill_caches, load_cohorts
from ecgml.pipeline.export import export_denoised
from ecgml.pipeline.settings import PREPARE_SECTIONS
from ecgml.records.schemes import Scheme, scheme_named


def prepare(options: Mapping[str, Any], console: Console, *, config: str = "", export: str = "") -> str:
    """Read, check and preprocess cohorts into the cache; do nothing where they are there.

    Parameters
    ----------
    options : mapping
        Settings of `ecgml.pipeline.settings.PREPARE_SECTIONS` by name.
    console : Console
    config : str
        A YAML file of settings.
    export : str
        A folder to write the denoised recordings to, in the data set's layout.

    Returns
    -------
    summary : str
        What a person wants to know of the data.

    Raises
    ------
    EcgmlError
        If settings, folders or cache do not allow it.
    """
    configuration = resolve(PREPARE_SECTIONS, options, config)
    data, preprocessing = configuration["data"], configuration["preprocessing"]
    inner, outer = load_cohorts(data, console)
    cohorts = [*inner, *outer]
    caches = fill_caches(cohorts, data, preprocessing, console)
    scheme = scheme_named(data.scheme)
    lines = [line for cohort, cached in zip(cohorts, caches, strict=True) for line in _summary(cohort, cached, scheme)]
    if export:
        lines.append(export_denoised(cohorts, preprocessing, Path(export).expanduser(), data.n_jobs, console))
    return "\n".join([*lines, f"cache: {data.cache_path / preprocessing.digest()}"])


def _summary(cohort: Cohort, cached: CachedCohort, scheme: Scheme) -> list[str]:
    named = [scheme.class_of(entry.rhythms)[0] for entry in cohort.entries]
    counts = Counter(name for name in named if name)
    class_of = dict(zip((entry.record_id for entry in cohort.entries), named, strict=True))
    lines = [
        f"{cohort.name} ({cohort.kind}{', simulated' if cohort.simulated else ''}): {len(cohort.entries):,} files, "
        f"{len(cached.record_ids):,} usable in {len(cached.windows):,} windows",
        f"  {scheme.name}: {', '.join(f'{name} {counts[name]:,}' for name in scheme.classes)}; "
        f"no class {named.count(None):,}",
    ]
    mended = sum(bool(note) for note in cached.notes)
    if mended:
        lines.append(f"  {mended:,} used without some of their leads, or clipped")
    if cohort.rows_without_file:
        lines.append(f"  {cohort.rows_without_file:,} rows of the table have no file here")
    by_reason: dict[str, list[str]] = {}
    for bad in cached.quarantined:
        by_reason.setdefault(bad.reason, []).append(bad.record_id)
    for reason, record_ids in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        classes = Counter(class_of[record_id] or "no class" for record_id in record_ids)
        listed = ", ".join(f"{name} {count}" for name, count in classes.most_common())
        shown = ", ".join(record_ids[:3]) + (", …" if len(record_ids) > 3 else "")
        lines.append(f"  quarantined, {reason}: {len(record_ids):,} ({listed}): {shown}")
    return lines
