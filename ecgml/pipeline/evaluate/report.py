"""The sections of an evaluation report, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ecgml.evaluation.protocols import Protocol
from ecgml.evaluation.scores import Scores
from ecgml.page.sections import Section
from ecgml.pipeline.evaluate.explaining import Waveforms
from ecgml.pipeline.job.model_card import LIMITS
from ecgml.records.schemes import scheme_named
from ecgml.report.abstention import abstention_section
from ecgml.report.calibration import calibration_section
from ecgml.report.classes import classes_section
from ecgml.report.confusions import confusions_section
from ecgml.report.evaluated import Evaluated, caption
from ecgml.report.explanations import ClinicalImportance, ExplainedRecord, ExplanationChecks, explanations_section
from ecgml.report.mistakes import DrawnRecord, mistakes_section
from ecgml.report.overview import overview_section
from ecgml.report.protocols import TITLE, protocols_section
from ecgml.report.sources import sources_section
from ecgml.report.subgroups import subgroups_section
from ecgml.report.trust import trust_section
from ecgml.training.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class ReportInput:
    """Input of the sections.

    Parameters
    ----------
    checkpoint : Checkpoint
    evaluated : sequence of Evaluated
    waveforms : mapping of str to Waveforms
        Of the evaluated records, by `Evaluated.key`; empty where the recordings are unavailable.
    sources : mapping of str to mapping
        By `Evaluated.key`: scores of each source.
    note : str
        Below every figure; empty for none.
    mistakes : sequence of DrawnRecord
    explained : tuple or None
    missing : str
        Why there are no waveforms, or no explanations.
    protocols : sequence of Protocol
        Several divisions of the records, the default split first; one alone is not shown.
    impossible : mapping of str to sequence of str
        Protocols without figures, and why.
    protocols_caution : str
        How their trainings differ from the model's own.
    n_bootstrap : int
    """

    checkpoint: Checkpoint
    evaluated: Sequence[Evaluated]
    waveforms: Mapping[str, Waveforms]
    sources: Mapping[str, Mapping[str, Scores]]
    note: str = ""
    mistakes: Sequence[DrawnRecord] = ()
    explained: tuple[Sequence[ExplainedRecord], ExplanationChecks, ClinicalImportance | None] | None = None
    missing: str = ""
    protocols: Sequence[Protocol] = ()
    impossible: Mapping[str, Sequence[str]] = field(default_factory=dict)
    protocols_caution: str = ""
    n_bootstrap: int = 2000


def _calibration(report_input: ReportInput) -> Section:
    scaling = report_input.checkpoint.calibration.scaling
    how = (
        f"Logits are divided by the temperature {scaling.temperature:.2f}"
        if scaling.is_temperature
        else "Logits are scaled and shifted, class by class"
    )
    return calibration_section(
        report_input.evaluated, how=f"{how}, fitted to the validation part.", note=report_input.note
    )


def _abstention(report_input: ReportInput) -> Section | None:
    conformal = report_input.checkpoint.calibration.conformal
    return abstention_section(
        report_input.evaluated,
        promised=conformal.coverage if conformal else None,
        n_bootstrap=report_input.n_bootstrap,
        note=report_input.note,
    )


def _protocols(report_input: ReportInput) -> Section | None:
    if len(report_input.protocols) < 2:
        return None
    return protocols_section(
        report_input.protocols,
        impossible=report_input.impossible,
        title=caption(TITLE, report_input.checkpoint.model_name, "", report_input.evaluated[0].predictions.sources),
        caution=report_input.protocols_caution,
        note=report_input.note,
    )


def _sources(report_input: ReportInput) -> Section | None:
    several = {
        evaluated.key: (evaluated, report_input.sources[evaluated.key])
        for evaluated in report_input.evaluated
        if len(report_input.sources[evaluated.key]) > 1
    }
    return sources_section(several) if several else None


def _mistakes(report_input: ReportInput) -> Section:
    n_wrong = sum(
        int((evaluated.predictions.y_pred != evaluated.predictions.y_true).sum())
        for evaluated in report_input.evaluated
    )
    scheme = scheme_named(report_input.checkpoint.scheme)
    return mistakes_section(report_input.mistakes, report_input.missing if n_wrong else "", scheme)


def _explanations(report_input: ReportInput) -> Section:
    explained, checks, importance = report_input.explained or ((), None, None)
    return explanations_section(explained, checks, importance, report_input.missing)


SECTIONS: tuple[Callable[[ReportInput], Section | None], ...] = (
    lambda report_input: overview_section(report_input.evaluated),
    lambda report_input: confusions_section(report_input.evaluated, report_input.note),
    lambda report_input: trust_section(report_input.evaluated, LIMITS),
    lambda report_input: classes_section(report_input.evaluated, report_input.note),
    _calibration,
    _abstention,
    lambda report_input: subgroups_section(report_input.evaluated, note=report_input.note),
    _sources,
    _protocols,
    _mistakes,
    _explanations,
)
"""Functions of the sections in order; None for an empty section."""


def make_sections(
    report_input: ReportInput, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Section]:
    """Return the sections of the report, in order.

    Parameters
    ----------
    report_input : ReportInput
    on_progress : callable
        Called with (sections done, sections in all).
    """
    sections = []
    for place, make in enumerate(SECTIONS, start=1):
        sections.append(make(report_input))
        on_progress(place, len(SECTIONS))
    return [section for section in sections if section is not None]
