"""Jinja2, escaping all that it is given: templates of this room, and of others that extend them."""

from __future__ import annotations

import base64
import functools
import re

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markdown_it import MarkdownIt
from markupsafe import Markup

NAME, LONG = 20, 60
"""Characters up to which a cell is not to be broken, and beyond which it is not to be squeezed into a narrow column."""

_FIGURE = re.compile(r"[-−+]?\d[\d.,]*( %)?( \([^()]{3,30}\))?")
"""A figure, with or without its interval, which is not to be broken."""

# Neither HTML, links nor images: nothing in a text can be markup of its own or fetch anything.
_PROSE = MarkdownIt("zero").enable("backticks")
_MARKDOWN = MarkdownIt("zero").enable(["backticks", "emphasis", "heading", "list", "table"])


def prose(text: str) -> Markup:
    """Return a sentence as HTML: escaped, and what stands in backticks as code."""
    return Markup(_PROSE.renderInline(text))


def markdown(text: str) -> Markup:
    """Return a Markdown text as HTML: headings, lists, tables, emphasis and code; anything else stays as written."""
    return Markup(_MARKDOWN.render(text))


def cell(value: object) -> tuple[str, str]:
    """Return how a table's cell is set (a class of the style sheet, or ``""``), and its text."""
    if isinstance(value, int):
        return "number", f"{value:,}"
    text = str(value)
    if _FIGURE.fullmatch(text) or len(text) <= NAME:
        return "short", text
    return "long" if len(text) > LONG else "", text


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@functools.cache
def template(name: str, package: str = "ecgml.page") -> Template:
    """Return a template of a package's folder ``templates``; it may extend and include those of this room."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("ecgml.page")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose, "cell": cell, "base64": _base64}
    return environment.get_template(name)
