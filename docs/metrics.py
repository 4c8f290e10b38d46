"""The table of metrics in the docs: ``python -m docs.metrics`` writes it into ``docs/evaluation.md``.

A test fails when the two differ.
"""

from __future__ import annotations

from docs.layers import ROOT
from ecgml.evaluation.metric_table import OURS, USES
from ecgml.saving import write_whole

PAGE = ROOT / "docs" / "evaluation.md"

BEGIN, END = "<!-- python -m docs.metrics -->\n", "<!-- end -->\n"


def table() -> str:
    """Return the table of metrics, and that of their uses, in Markdown."""
    lines = ["| metric | name | better | used in, beside full tables |", "|---|---|---|---|"]
    for row in OURS:
        name = f"{row.name}_<class>" if row.by_class else row.name
        better = "lower" if row.lower_is_better else "higher"
        lines.append(f"| {row.title} | `{name}` | {better} | {', '.join(row.uses)} |")
    lines += ["", "| used in | that is |", "|---|---|", *(f"| {use} | {where} |" for use, where in USES.items())]
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the page with the table as it is now."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    write_whole(PAGE, page().encode())
    print(PAGE.relative_to(ROOT))
