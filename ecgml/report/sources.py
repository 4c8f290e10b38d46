"""Performance by data source."""

from __future__ import annotations

from collections.abc import Mapping

from ecgml.evaluation.cautions import FEW_GROUPS
from ecgml.evaluation.metric_table import names_of, titles_of
from ecgml.evaluation.scores import Scores
from ecgml.page.sections import Listing, Section, sentence
from ecgml.report.evaluated import Evaluated
from ecgml.report.overview import cell


def sources_section(sources: Mapping[str, tuple[Evaluated, Mapping[str, Scores]]]) -> Section:
    """Show the metrics of each data source.

    Parameters
    ----------
    sources : mapping of str to tuple
        By what was evaluated (``test``): it, and the scores of each of its sources.
    """
    rows, findings = [], []
    for item, by_source in sources.values():
        for source, scores in by_source.items():
            few = "too few patients" if scores.n_groups < FEW_GROUPS else ""
            figures = (cell(scores[name]) for name in names_of("overview"))
            rows.append((item.title, source or "unknown", scores.n_records, *figures, few))
        large = {name: scores for name, scores in by_source.items() if scores.n_groups >= FEW_GROUPS}
        if len(large) > 1:
            ordered = sorted(large, key=lambda name: large[name]["accuracy"].value)
            worst, best = (large[name]["accuracy"].value for name in (ordered[0], ordered[-1]))
            findings.append(
                f"{sentence(item.title)}: accuracy by data source ranges from {worst:.3f} ({ordered[0]}) to "
                f"{best:.3f} ({ordered[-1]})."
            )
    header = ("set", "source", "records", *titles_of("overview").values(), "note")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    words = ("A model may do better on the devices and labels of one hospital than on those of another.",)
    listing = Listing("sources", "Performance by data source", columns)
    return Section("sources", "Data sources", words, (listing,), tuple(findings))
