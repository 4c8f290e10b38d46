"""The page: one HTML file without script or outside address, pictures within, read on paper, screen or phone."""

from __future__ import annotations

from collections.abc import Sequence

from ecgml.page.rendering import template
from ecgml.page.sections import Section

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


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
        A whole document; all text is escaped, so nothing of the data can be markup. In sentences, what stands in
        backticks is code.
    """
    return template("page.html").render(
        policy=_POLICY,
        title=title,
        summary=summary,
        sections=sections,
        findings=[text for section in sections for text in section.findings if text],
        caution=caution,
        footer=footer,
        has_files=has_files,
    )
