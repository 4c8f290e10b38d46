"""Write a command's page to the output folder and log it in its run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ecgml.page.sections import Section
from ecgml.page.writing import FIGURES, TABLES, check_folder, write_page
from ecgml.service.tracker import Tracker


@contextmanager
def page_folder(out: str, page: str) -> Iterator[Path]:
    """Yield the folder for a page: the output folder, or a temporary one.

    Raises
    ------
    OutputError
        If it holds something else.
    """
    with TemporaryDirectory(prefix="ecgml-") as temporary:
        folder = Path(out).expanduser().absolute() if out else Path(temporary) / "page"
        check_folder(folder, page)
        yield folder


def publish_page(
    tracker: Tracker,
    folder: Path,
    page: str,
    html: str,
    sections: Sequence[Section],
    tables: Mapping[str, Mapping[str, Sequence[Any]]] | None = None,
    files: Mapping[str, bytes] | None = None,
    replaced: Collection[str] = (),
) -> None:
    """Write a page with its pictures and tables, log them under the same names, and the sections' metrics.

    Arguments and errors are those of `ecgml.page.writing.write_page`.
    """
    write_page(folder, page, html, sections, tables or {}, files, replaced)
    for name in (page, FIGURES, TABLES, *(files or {})):
        if (folder / name).exists():
            tracker.copy(folder / name, name)
    tracker.metrics({name: value for section in sections for name, value in section.metrics.items()})
