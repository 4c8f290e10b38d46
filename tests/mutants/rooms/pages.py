"""Faults of pages: what is escaped, what is markup."""

from __future__ import annotations

from tests.mutants.fault import Fault

RENDERING = "ecgml/page/rendering.py"
TESTS = ("tests/page/test_page.py",)

FAULTS = (
    Fault(
        "pages/nothing-is-escaped",
        RENDERING,
        "autoescape=True",
        "autoescape=False",
        "a record's name is run as a script",
        TESTS,
    ),
    Fault(
        "pages/html-in-sentences",
        RENDERING,
        '_PROSE = MarkdownIt("zero").enable("backticks")',
        '_PROSE = MarkdownIt("zero", {"html": True}).enable(["backticks", "html_inline"])',
        "a record's name in a sentence is run as a script",
        TESTS,
    ),
    Fault(
        "pages/links-in-cards",
        RENDERING,
        '"emphasis", "heading"',
        '"emphasis", "image", "link", "heading"',
        "a card fetches a picture from elsewhere",
        TESTS,
    ),
)
