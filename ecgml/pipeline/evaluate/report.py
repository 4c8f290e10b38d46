"""The report of an evaluated model: which sections it has, in which order."""

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
from ecgml.report.evaluated import Evaluated
from ecgml.report.explanations import ClinicalImportance, ExplainedRecord, ExplanationChecks, explanations_section
from ecgml.report.mistakes import DrawnRecord, mistakes_section
from ecgml.report.overview import overview_section
from ecgml.report.protocols import protocols_section
from ecgml.report.sources import sources_section
from ecgml.report.subgroups import subgroups_section
from ecgml.report.trust import trust_section
from ecgml.training.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class ReportInput:
    """All that sections are made from; what a further section needs is a further field.

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


def _calibration(found: ReportInput) -> Section:
    scaling = found.checkpoint.calibration.scaling
    how = (
        f"Logits are divided by one temperature, {scaling.temperature:.2f}"
        if scaling.is_temperature
        else "Logits are scaled and shifted, class by class"
    )
    return calibration_section(found.evaluated, how=f"{how}, which validation records chose.", note=found.note)


def _abstention(found: ReportInput) -> Section | None:
    conformal = found.checkpoint.calibration.conformal
    return abstention_section(
        found.evaluated,
        promised=conformal.coverage if conformal else None,
        n_bootstrap=found.n_bootstrap,
        note=found.note,
    )


def _protocols(found: ReportInput) -> Section | None:
    if len(found.protocols) < 2:
        return None
    return protocols_section(
        found.protocols, impossible=found.impossible, caution=found.protocols_caution, note=found.note
    )


def _sources(found: ReportInput) -> Section | None:
    several = {one.key: (one, found.sources[one.key]) for one in found.evaluated if len(found.sources[one.key]) > 1}
    return sources_section(several) if several else None


def _mistakes(found: ReportInput) -> Section:
    n_wrong = sum(int((one.predictions.y_pred != one.predictions.y_true).sum()) for one in found.evaluated)
    scheme = scheme_named(found.checkpoint.scheme)
    return mistakes_section(found.mistakes, found.missing if n_wrong else "", scheme)


def _explanations(found: ReportInput) -> Section:
    explained, checks, importance = found.explained or ((), None, None)
    return explanations_section(explained, checks, importance, found.missing)


SECTIONS: tuple[Callable[[ReportInput], Section | None], ...] = (
    lambda found: overview_section(found.evaluated),
    lambda found: confusions_section(found.evaluated, found.note),
    lambda found: trust_section(found.evaluated, LIMITS),
    lambda found: classes_section(found.evaluated, found.note),
    _calibration,
    _abstention,
    lambda found: subgroups_section(found.evaluated, note=found.note),
    _sources,
    _protocols,
    _mistakes,
    _explanations,
)
"""The report, section by section; a line each. None where there is nothing to show."""


def make_sections(
    found: ReportInput, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Section]:
    """Return the sections of the report, in order.

    Parameters
    ----------
    found : ReportInput
    on_progress : callable
        Called with (sections done, sections in all).
    """
    sections = []
    for place, make in enumerate(SECTIONS, start=1):
        sections.append(make(found))
        on_progress(place, len(SECTIONS))
    return [section for section in sections if section is not None]
