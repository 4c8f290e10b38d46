"""`ecgml explore`: describe cohorts before training."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import ecgml
from ecgml.cohorts.cohort import Cohort, read_entry
from ecgml.datasets.cache import CachedCohort
from ecgml.errors import RecordError
from ecgml.exploration.explore import explore as make_sections
from ecgml.exploration.survey import NO_FILE, QUARANTINED, Survey, counted, draw_rows, listed, rhythm_name
from ecgml.page.html import render_page
from ecgml.page.sections import Section
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.publishing import page_folder, publish_page
from ecgml.pipeline.job.settings import ExploreConfiguration
from ecgml.pipeline.job.surveying import gather_signals, open_tables, survey_cohorts
from ecgml.records.record import Record
from ecgml.records.schemes import scheme_named

PAGE = "exploration.html"


def explore(options: Mapping[str, Any], console: Console, *, config: str = "", out: str = "") -> str:
    """Describe cohorts on one page of figures and tables; bad files do not stop it.

    Parameters
    ----------
    options : mapping
        Settings of `ecgml.pipeline.job.settings.ExploreConfiguration` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings; options override it.
    out : str
        Folder for the page, its figures and tables; without it only the run has them.

    Returns
    -------
    said : str
        The location of the page.

    Raises
    ------
    EcgmlError
        If settings, folders, cache, store or `out` are unsuitable; no run is left open.
    """
    with command("explore", console) as running, page_folder(out, PAGE) as folder:
        configuration = resolve_settings(ExploreConfiguration, options, config)
        running.connect()
        data = configuration.data
        cohorts, caches = open_tables(data, configuration.preprocessing, console)
        survey = survey_cohorts(cohorts, caches, scheme_named(data.scheme), data.max_quarantined)
        name = "+".join(cohort.name for cohort in cohorts)
        digest = _digest(survey, caches)
        tags = {"ecgml.data_digest": digest}
        with running.run(f"explore {name}", configuration, tags, is_simulated=bool(survey.caution)) as tracker:
            sections = _sections(survey, cohorts, caches, configuration, console)
            html = render_page(
                f"Exploration of {listed([cohort.name for cohort in cohorts])}",
                _summary(survey),
                sections,
                caution=survey.caution,
                footer=_footer(configuration),
            )
            publish_page(tracker, folder, PAGE, html, sections, _tables(survey))
            addresses = [str(cohort.root) for cohort in cohorts]
            tracker.dataset("+".join(survey.cohort_names), digest, addresses, "exploration")
            tracker.describe(_description(survey, sections))
    return "\n".join(running.said(tracker.run_id, PAGE, folder if out else None))


def _sections(
    survey: Survey,
    cohorts: Sequence[Cohort],
    caches: Mapping[str, CachedCohort],
    configuration: ExploreConfiguration,
    console: Console,
) -> list[Section]:
    settings, preprocessing = configuration.exploration, configuration.preprocessing
    entries = [entry for cohort in cohorts for entry in (*cohort.entries, *cohort.absent)]

    def read(row: int) -> Record | None:
        try:
            return read_entry(entries[row])
        except RecordError:
            return None

    rows = draw_rows(survey, settings.signals, settings.seed)
    signals = gather_signals(survey, cohorts, caches, rows, preprocessing)
    console.say(
        f"{counted(len(survey), 'row')} of tables, {counted(int(survey.usable.sum()), 'usable signal')}, "
        f"{len(rows):,} of them drawn for what looks at waveforms"
    )
    with console.progress("exploring", "steps") as show:
        return make_sections(survey, signals, read, settings, preprocessing, show)


def _summary(survey: Survey) -> str:
    """Return the paragraph at the top of the page."""
    n_files, n_usable = int((survey.states != NO_FILE).sum()), int(survey.usable.sum())
    return (
        f"{counted(len(survey), 'table row')} in {counted(len(survey.facts), 'cohort')}, "
        f"{counted(n_files, 'signal file')} ({n_usable:,} usable). Labels are the original ones; classes are those of "
        f"the scheme “{survey.scheme.name}”. Figures of table values use every row, with or without a recording; "
        "figures of signals use the usable ones or a sample of them, as stated below each figure."
    )


def _footer(configuration: ExploreConfiguration) -> str:
    data, settings, preprocessing = configuration.data, configuration.exploration, configuration.preprocessing
    folders = listed(data.data_dir + data.external_dir, 20) or "none given: the simulated demo cohort"
    return (
        f"Made by ecgml {ecgml.__version__} from {folders}; scheme {data.scheme}, seed {settings.seed}, at most "
        f"{settings.signals:,} signals drawn, filters compared on at most {settings.filtered}; preprocessing "
        f"{preprocessing.fs:g} Hz, {preprocessing.highpass_hz:g} to {preprocessing.lowpass_hz:g} Hz, denoise "
        f"{preprocessing.denoise}."
    )


def _tables(survey: Survey) -> dict[str, dict[str, list[Any]]]:
    """Return tables of the counts by cohort and rhythm, and of quarantined records and remarks."""
    counts: dict[str, list[Any]] = {name: [] for name in ("cohort", "rhythm", "rows", "usable", "quarantined")}
    for cohort in survey.cohort_names:
        in_cohort = survey.cohorts == cohort
        for kind in np.unique(survey.rhythms[in_cohort]).tolist():
            of_rhythm = in_cohort & (survey.rhythms == kind)
            n_bad = (of_rhythm & (survey.states == QUARANTINED)).sum()
            cells = (cohort, rhythm_name(kind), of_rhythm.sum(), (of_rhythm & survey.usable).sum(), n_bad)
            for column, cell in zip(counts.values(), cells, strict=True):
                column.append(cell)
    rows = np.flatnonzero((survey.states == QUARANTINED) | (survey.notes != ""))
    quarantine = {
        "record": [f"{survey.cohorts[row]}/{survey.record_ids[row]}" for row in rows],
        "rhythm": [rhythm_name(int(survey.rhythms[row])) for row in rows],
        "used": survey.usable[rows].tolist(),
        "reason": survey.reasons[rows].tolist(),
        "message": survey.notes[rows].tolist(),
    }
    return {"counts": counts, "quarantine": quarantine}


def _description(survey: Survey, sections: Sequence[Section]) -> str:
    """Return the run's description."""
    caution = [f"*{survey.caution}*"] if survey.caution else []
    findings = [f"* {finding}" for section in sections for finding in section.findings]
    paragraphs = [*caution, _summary(survey), "\n".join(findings), f"Full page: artifact `{PAGE}`."]
    return "\n\n".join(paragraphs)


def _digest(survey: Survey, caches: Mapping[str, CachedCohort]) -> str:
    digest = hashlib.sha256()
    for part in (survey.record_ids, survey.cohorts, survey.rhythms, survey.dates, survey.values):
        digest.update(np.ascontiguousarray(part).tobytes())
    for cached in caches.values():
        digest.update(cached.digest.encode())
    return digest.hexdigest()
