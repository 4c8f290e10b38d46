"""Paths inside a data set's folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ecgml.errors import CohortError

MANIFEST = "manifest.csv"

SIMULATED = "SIMULATED.json"
"""The file by which a simulated data set says so."""


def paths_inside(root: Path, names: Sequence[str], where: Callable[[int], str]) -> list[Path]:
    """Return the paths of files that a table names, which must lie inside the data set's folder.

    Parameters
    ----------
    root : Path
        The folder, resolved.
    names : sequence of str
        As the table writes them, one a row.
    where : callable
        Row -> what messages call it.

    Raises
    ------
    CohortError
        If one leads outside, by ``..``, as an absolute path or through a link.
    """
    # The files of a table share few folders: each is resolved once.
    resolved: dict[str, str] = {}
    paths = []
    for row, name in enumerate(names):
        folder, base = os.path.split(os.path.join(root, name))
        try:
            if folder not in resolved:
                resolved[folder] = os.path.realpath(folder)
            path = os.path.join(resolved[folder], base)
            if base in ("", "..") or os.path.islink(path):
                path = os.path.realpath(path)
        except (OSError, ValueError):
            raise CohortError(f"{where(row)}: path {name!r} is not understood") from None
        if not path.startswith(os.path.join(root, "")):
            raise CohortError(f"{where(row)}: path {name!r} leads outside {root}; name files inside it")
        paths.append(Path(path))
    return paths


def data_set_folder(root: Path) -> Path:
    """Return the folder that holds a data set's tables: around WFDBRecords when that or a part of it is given."""
    parts = root.parts
    return Path(*parts[: parts.index("WFDBRecords")]) if "WFDBRecords" in parts[1:] else root


def is_simulated(folder: Path) -> bool:
    """Whether a data set was made by the project's simulator."""
    return (folder / SIMULATED).is_file()
