"""The page, its pictures and tables as files: whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from ecgml.errors import OutputError
from ecgml.page.sections import FIGURES, TABLES, Section, listings_of, pictures_of
from ecgml.saving import write_whole

__all__ = ["FIGURES", "TABLES", "check_folder", "write_page"]


def check_folder(folder: Path, page: str) -> None:
    """Refuse a folder that cannot be written or holds anything but an earlier page of that name.

    Raises
    ------
    OutputError
        If it does, or is a file, or nothing can be written there.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / page).is_file():
        raise OutputError(f"{folder}: is not empty and holds no {page}; give a folder of its own")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # What is written comes beside the folder first.
        with TemporaryDirectory(prefix=f".{folder.name}.partial-", dir=folder.parent):
            pass
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}; choose another place") from error


def write_page(
    folder: Path,
    page: str,
    html: str,
    sections: Sequence[Section],
    tables: Mapping[str, Mapping[str, Sequence[Any]]],
    files: Mapping[str, bytes] | None = None,
    replaced: Collection[str] = (),
) -> None:
    """Write a page, its pictures (``figures/*.png``) and tables (``tables/*.csv``), in place of earlier ones.

    Everything is written beside its place first, so that a folder with a page is a whole one.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    page : str
        The page's file name.
    html : str
    sections : sequence of Section
        Whose pictures and tables are written.
    tables : mapping of str to mapping
        Further tables: name -> column -> cells.
    files : mapping of str to bytes, optional
        Further files beside the page: name -> content.
    replaced : collection of str
        Names of files that an earlier page may have had beside it: those that this one does not have are taken away.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    check_folder(folder, page)
    partial = folder.parent / f".{folder.name}.partial-{os.getpid()}"
    try:
        for part in pictures_of(sections):
            write_whole(partial / part.path, part.png)
        for name, columns in {**{part.name: part.columns for part in listings_of(sections)}, **tables}.items():
            text = pd.DataFrame(dict(columns)).to_csv(index=False, lineterminator="\n")
            write_whole(partial / TABLES / f"{name}.csv", text.encode())
        for name, content in (files or {}).items():
            write_whole(partial / name, content)
        write_whole(partial / page, html.encode())
        _take_place(partial, folder, page, list(files or {}), replaced)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}; choose another place") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _take_place(partial: Path, folder: Path, page: str, files: Sequence[str], replaced: Collection[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Without its page a folder is no whole one: what a kill leaves here is not taken for one.
    (folder / page).unlink(missing_ok=True)
    for name in (FIGURES, TABLES):
        shutil.rmtree(folder / name, ignore_errors=True)
        if (partial / name).is_dir():
            os.replace(partial / name, folder / name)
    for name in set(replaced) - {*files}:
        (folder / name).unlink(missing_ok=True)
    for name in (*files, page):
        os.replace(partial / name, folder / name)
