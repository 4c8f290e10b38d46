"""Docstrings as Markdown: a room's map becomes a list, and Sphinx roles become links of the reference or code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

MAP_LINE = re.compile(r"(?P<names>[a-z]\w*/?(?:, [a-z]\w*/?)*)  +(?P<text>\S.*)")
ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`~?([^`]+)`")


def as_markdown(docstring: str) -> str:
    """Rewrite a docstring for Markdown.

    Parameters
    ----------
    docstring : str
        As the source has it, without its indentation.

    Returns
    -------
    markdown : str
        A paragraph whose lines all read ``name  what it is`` is a list; ``:func:`name``` is code.
    """
    paragraphs = []
    for paragraph in docstring.split("\n\n"):
        lines = paragraph.splitlines()
        matches = [MAP_LINE.fullmatch(line) for line in lines]
        if len(lines) > 1 and all(matches):
            paragraph = "\n".join(f"* `{match['names'].replace(', ', '`, `')}`: {match['text']}" for match in matches)
        paragraphs.append(paragraph)
    return ROLE.sub(r"`\1`", "\n\n".join(paragraphs))


class ForReaders(Extension):
    """Rewrites every docstring that griffe collects."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite one object's docstring in place."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
