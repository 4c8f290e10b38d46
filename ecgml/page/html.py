"""The page: one HTML file without script or outside address, pictures within, read on paper, screen or phone."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from html import escape

from ecgml.page.sections import Listing, Picture, Section, artifact_path

NAME, LONG = 28, 60
"""Characters up to which a cell is not to be broken, and beyond which it is not to be squeezed into a narrow column."""

_FIGURE = re.compile(r"[-−+]?\d[\d.,]*( %)?( \([^()]{3,30}\))?")
"""A figure, with or without its interval, which is not to be broken."""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem 1.25rem 4rem; background: #fff; color: #222;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 1rem 0 .25rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .5rem; padding-top: .75rem; border-top: 2px solid #222; }
h3 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 52rem; }
a { color: #004488; }
nav ol { columns: 22rem; padding-left: 1.4rem; margin: .5rem 0; }
nav li { break-inside: avoid; margin-bottom: .5rem; }
nav ul { list-style: none; padding-left: 0; margin: 0; font-size: .9rem; }
.findings { padding-left: 1.2rem; max-width: 52rem; }
.findings li { margin-bottom: .4rem; }
figure { margin: 0 0 1rem; }
.wide { overflow-x: auto; -webkit-overflow-scrolling: touch; }
.wide img { display: block; width: 100%; min-width: 40rem; height: auto; border: 1px solid #e4e4e4; }
.basis { color: #5c5c5c; font-size: .9rem; }
.caution { border-left: 4px solid #D55E00; background: #fdf3ec; padding: .5rem .75rem; font-weight: 600; }
figcaption .caution { font-size: .9rem; padding: .2rem .6rem; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #e4e4e4;
  overflow-wrap: normal; }
th { white-space: nowrap; }
td.figure { white-space: nowrap; }
td.long { min-width: 16rem; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
footer { margin-top: 3rem; color: #5c5c5c; font-size: .9rem; }
@media print { h2 { break-before: page; } figure, table { break-inside: avoid; } .wide img { min-width: 0; } }
"""


def render_page(
    title: str,
    summary: str,
    sections: Sequence[Section],
    *,
    caution: str = "",
    footer: str = "",
    has_files: bool = True,
) -> str:
    """Put the page together.

    Parameters
    ----------
    title : str
    summary : str
        What there is; the sections' findings follow it.
    sections : sequence of Section
    caution : str
        What a reader of any figure must know; said on top and under every figure.
    footer : str
        How the page was made.
    has_files : bool
        Whether pictures and tables lie beside the page as files, whose names it then says.

    Returns
    -------
    html : str
        A whole document; all text is escaped, so nothing of the data can be markup.
    """
    warning = f'<p class="caution">{escape(caution)}</p>' if caution else ""
    findings = "".join(f"<li>{escape(found)}</li>" for section in sections for found in section.findings if found)
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        # Nothing is fetched, whatever a browser thinks it finds.
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<header><h1>{escape(title)}</h1>{warning}{_paragraphs([summary])}",
        f'<h2>What stands out</h2><ul class="findings">{findings}</ul></header>' if findings else "</header>",
        f'<nav aria-label="Contents"><h2>Contents</h2><ol>{"".join(map(_entry, sections))}</ol></nav><main>',
    ]
    for section in sections:
        lines.append(
            f'<section id="{escape(section.key)}"><h2>{escape(section.title)}</h2>{_paragraphs(section.words)}'
        )
        for part in section.parts:
            artifact = _artifact(part) if has_files else ""
            lines.append(_picture(part, warning, artifact) if isinstance(part, Picture) else _listing(part, artifact))
        lines.append("</section>")
    lines.append(f"</main><footer>{_paragraphs([footer])}</footer></body></html>\n")
    return "\n".join(lines)


def _entry(section: Section) -> str:
    parts = "".join(f'<li><a href="#{_anchor(part)}">{escape(part.title)}</a></li>' for part in section.parts)
    return (
        f'<li><a href="#{escape(section.key)}">{escape(section.title)}</a>{f"<ul>{parts}</ul>" if parts else ""}</li>'
    )


def _anchor(part: Picture | Listing) -> str:
    return escape(f"{'figure' if isinstance(part, Picture) else 'table'}-{part.name}")


def _paragraphs(words: Sequence[str]) -> str:
    return "".join(f"<p>{escape(word)}</p>" for word in words if word)


def _picture(part: Picture, warning: str, artifact: str) -> str:
    data = base64.b64encode(part.png).decode()
    return (
        f'<figure id="{_anchor(part)}"><h3>{escape(part.title)}</h3>'
        f'<div class="wide" tabindex="0"><img alt="{escape(part.alt)}" src="data:image/png;base64,{data}"></div>'
        f'<figcaption>{_paragraphs(part.words)}<p class="basis">Based on: {escape(part.basis)}.{artifact}</p>'
        f"{warning}"
        "</figcaption></figure>"
    )


def _listing(part: Listing, artifact: str) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in part.columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in zip(*part.columns.values(), strict=True))
    return (
        f'<div id="{_anchor(part)}"><h3>{escape(part.title)}</h3><div class="wide" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{_paragraphs(part.words)}"
        f'<p class="basis">{artifact.strip()}</p></div>'
    )


def _artifact(part: Picture | Listing) -> str:
    """Say which file holds a part, in a folder of the page and in a run's artifacts."""
    return f" Artifact: {escape(artifact_path(part))}"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    text = str(value)
    if _FIGURE.fullmatch(text) or len(text) <= NAME:
        return f'<td class="figure">{escape(text)}</td>'
    kind = ' class="long"' if len(text) > LONG else ""
    return f"<td{kind}>{escape(text)}</td>"


def pictures_of(sections: Sequence[Section]) -> Iterator[Picture]:
    """Give every picture, in the page's order."""
    return (part for section in sections for part in section.parts if isinstance(part, Picture))


def listings_of(sections: Sequence[Section]) -> Iterator[Listing]:
    """Give every table, in the page's order."""
    return (part for section in sections for part in section.parts if isinstance(part, Listing))
