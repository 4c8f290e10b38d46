"""The page, its pictures and tables as files: whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ecgml.errors import OutputError
from ecgml.exploration.page import listings_of, pictures_of
from ecgml.exploration.sections import Section
from ecgml.saving import write_whole

PAGE, FIGURES, TABLES = "exploration.html", "figures", "tables"


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written or holds anything but an earlier exploration.

    Raises
    ------
    OutputError
        If it does, or is a file, or nothing can be written there.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / PAGE).is_file():
        raise OutputError(f"{folder}: is not empty and holds no {PAGE}; give a folder of its own")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # What is written comes beside the folder first.
        with TemporaryDirectory(prefix=f".{folder.name}.partial-", dir=folder.parent):
            pass
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}; choose another place") from error


def write_exploration(
    folder: Path, html: str, sections: Sequence[Section], tables: Mapping[str, Mapping[str, Sequence]]
) -> None:
    """Write page, pictures (``figures/*.png``) and tables (``tables/*.csv``), in place of an earlier exploration.

    Everything is written beside its place first, so that a folder with a page is a whole one.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    html : str
        The page.
    sections : sequence of Section
        Whose pictures and tables are written.
    tables : mapping of str to mapping
        Further tables: name -> column -> cells.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    check_folder(folder)
    partial = folder.parent / f".{folder.name}.partial-{os.getpid()}"
    try:
        for part in pictures_of(sections):
            write_whole(partial / FIGURES / f"{part.name}.png", part.png)
        for name, columns in {**{part.name: part.columns for part in listings_of(sections)}, **tables}.items():
            content = pd.DataFrame(dict(columns)).to_csv(index=False, lineterminator="\n")
            write_whole(partial / TABLES / f"{name}.csv", content.encode())
        write_whole(partial / PAGE, html.encode())
        _take_place(partial, folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}; choose another place") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _take_place(partial: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Without its page a folder is no exploration: what a kill leaves here is not taken for one.
    (folder / PAGE).unlink(missing_ok=True)
    for name in (FIGURES, TABLES):
        shutil.rmtree(folder / name, ignore_errors=True)
        if (partial / name).is_dir():
            os.replace(partial / name, folder / name)
    os.replace(partial / PAGE, folder / PAGE)
