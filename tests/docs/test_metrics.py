"""The docs show the table of metrics."""

from __future__ import annotations

from docs.metrics import PAGE, page


def test_the_page_has_the_table_as_it_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m docs.metrics"
