"""`explore`: survey and signals in, the page's sections out."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from matplotlib import rc_context
from threadpoolctl import threadpool_limits

from ecgml.exploration.settings import ExplorationSettings
from ecgml.exploration.signals.components import fit_components, median_beats, power_spectra, standardise
from ecgml.exploration.signals.exemplars import exemplars_section, feature_space
from ecgml.exploration.signals.filters import filters_section
from ecgml.exploration.signals.pca import pca_section
from ecgml.exploration.signals.quality import quality_section
from ecgml.exploration.survey import Signals, Survey, draw_rows
from ecgml.exploration.tables.classes import classes_section
from ecgml.exploration.tables.correlations import correlations_section
from ecgml.exploration.tables.dates import dates_section
from ecgml.exploration.tables.missing import missing_section
from ecgml.exploration.tables.patients import patients_section
from ecgml.exploration.tables.repeats import repeats_section
from ecgml.exploration.tables.values import values_section
from ecgml.page.sections import Section
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.record import Record

TABLE_STEPS, SIGNAL_STEPS = 8, 2


def explore(
    survey: Survey,
    signals: Signals,
    read: Callable[[int], Record | None],
    settings: ExplorationSettings,
    preprocessing: PreprocessingSettings,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Section]:
    """Make every section of the page; what the data do not allow is left out with a sentence.

    Parameters
    ----------
    survey : Survey
        Every row.
    signals : Signals
        A sample of the usable signals (:func:`~ecgml.exploration.survey.draw_rows`).
    read : callable
        Reads the recording of a row as its file has it; None where that fails.
    settings : ExplorationSettings
    preprocessing : PreprocessingSettings
        How the signals were preprocessed.
    on_progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    sections : list of Section
        In the page's order. The same data and settings give the same sections, to the byte.
    """
    filtered = draw_rows(survey, settings.filtered, settings.seed) if settings.filtered else np.zeros(0, dtype=np.int64)
    n_steps = TABLE_STEPS + len(survey.present(survey.usable)) + len(filtered) + SIGNAL_STEPS
    done = 0

    def step() -> None:
        nonlocal done
        done = min(done + 1, n_steps)
        if on_progress:
            on_progress(done, n_steps)

    def stepped(section: Section) -> Section:
        step()
        return section

    # Names of folders and records are no mathematics, and may be in any script. Linear algebra on one thread: of
    # matrices of this size more threads make more work (51 s of processor time became 32 on two busy cores).
    with rc_context({"text.parse_math": False}), warnings.catch_warnings(), threadpool_limits(1):
        warnings.filterwarnings("ignore", "Glyph")
        on_tables = [
            stepped(classes_section(survey, settings.seed)),
            stepped(dates_section(survey, settings.seed)),
            stepped(patients_section(survey)),
            stepped(values_section(survey)),
            stepped(missing_section(survey)),
            stepped(correlations_section(survey)),
            stepped(repeats_section(survey)),
            stepped(quality_section(survey)),
        ]
        beats, spectra = median_beats(signals), power_spectra(signals)
        given, measured = (standardise(survey, measured=flag) for flag in (False, True))
        shapes = fit_components(beats.features, beats.rows, settings.seed)
        step()
        exemplars = exemplars_section(survey, feature_space(measured, beats, shapes), read, step)
        filters = filters_section(survey, filtered, read, preprocessing, step)
        pca = stepped(pca_section(survey, signals, beats, shapes, spectra, [given, measured], settings.seed))
    return [*on_tables, exemplars, filters, pca]
