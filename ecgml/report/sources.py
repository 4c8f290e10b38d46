"""Where the records come from: each source's own figures."""

from __future__ import annotations

from collections.abc import Mapping

from ecgml.evaluation.cautions import FEW_GROUPS
from ecgml.evaluation.metric_table import names_of, titles_of
from ecgml.evaluation.scores import Scores
from ecgml.page.sections import Listing, Section
from ecgml.report.evaluated import Evaluated
from ecgml.report.overview import cell


def sources_section(sources: Mapping[str, tuple[Evaluated, Mapping[str, Scores]]]) -> Section:
    """Show figures by source.

    Parameters
    ----------
    sources : mapping of str to tuple
        By what was evaluated (``test``): it, and the scores of each of its sources.
    """
    rows, findings = [], []
    for one, by_source in sources.values():
        for source, scores in by_source.items():
            few = "too few to tell" if scores.n_groups < FEW_GROUPS else ""
            figures = (cell(scores[name]) for name in names_of("overview"))
            rows.append((one.title, source or "unknown", scores.n_records, *figures, few))
        told = {name: scores for name, scores in by_source.items() if scores.n_groups >= FEW_GROUPS}
        if len(told) > 1:
            ordered = sorted(told, key=lambda name: told[name]["accuracy"].value)
            worst, best = (told[name]["accuracy"].value for name in (ordered[0], ordered[-1]))
            findings.append(
                f"{one.title.capitalize()}: by source, accuracy goes from {worst:.3f} ({ordered[0]}) to {best:.3f} "
                f"({ordered[-1]})."
            )
    header = ("records of", "source", "records", *titles_of("overview").values(), "note")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    words = ("A model may know one hospital's machines and labels better than another's.",)
    return Section("sources", "By source", words, (Listing("sources", "By source", columns),), tuple(findings))
