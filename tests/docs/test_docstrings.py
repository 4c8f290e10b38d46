"""Docstrings read as Markdown."""

from __future__ import annotations

from docs.docstrings import as_markdown


def test_a_rooms_map_becomes_a_list() -> None:
    docstring = "One ECG.\n\nleads, units  twelve leads\nreaders/      CSV files\n\nNothing else."
    assert (
        as_markdown(docstring)
        == "One ECG.\n\n* `leads`, `units`: twelve leads\n* `readers/`: CSV files\n\nNothing else."
    )


def test_prose_and_sections_stay_as_they_are() -> None:
    docstring = "Return it.\n\nParameters\n----------\nfs : float\n    In Hz.\n\nlower  case words\nin a paragraph."
    assert as_markdown(docstring) == docstring


def test_sphinx_roles_become_code() -> None:
    assert (
        as_markdown("See :func:`~ecgml.paper.page.draw` and :data:`LEADS`.")
        == "See `ecgml.paper.page.draw` and `LEADS`."
    )
