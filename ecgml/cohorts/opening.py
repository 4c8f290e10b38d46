"""`open_cohort`: a data set on disk, its kind recognised from its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ecgml.cohorts.chapman import is_chapman, open_chapman
from ecgml.cohorts.cohort import Cohort
from ecgml.cohorts.download.receipt import refuse_unfinished
from ecgml.cohorts.ludb import is_ludb, open_ludb
from ecgml.cohorts.manifest import is_manifest, open_manifest
from ecgml.cohorts.physionet import is_physionet, open_physionet
from ecgml.cohorts.places import MANIFEST
from ecgml.cohorts.ptbxl import is_ptbxl, open_ptbxl
from ecgml.cohorts.suggestion import suggest_manifest
from ecgml.errors import CohortError


@dataclass(frozen=True)
class Kind:
    """A kind of data set."""

    mark: str
    """Content of a folder of this kind."""
    recognises: Callable[[Path], bool]
    open: Callable[..., Cohort]


# In this order: a manifest is someone's word, and a table says more than headers do.
TABLE_KINDS = (
    Kind(MANIFEST, is_manifest, open_manifest),
    Kind("ptbxl_database.csv", is_ptbxl, open_ptbxl),
    Kind("ludb.csv", is_ludb, open_ludb),
    Kind("Diagnostics.csv or Diagnostics.xlsx", is_chapman, open_chapman),
)
HEADER_KIND = Kind("WFDB headers (.hea)", is_physionet, open_physionet)


def open_cohort(path: str | Path, *, need_files: bool = True) -> Cohort:
    """Open a data set.

    Parameters
    ----------
    path : path
        Its folder.
    need_files : bool
        False: a table without any of its recordings will do.

    Raises
    ------
    CohortError
        If the folder is missing, of no known kind, a download that was stopped, or its tables are wrong.
    """
    folder = Path(path).expanduser().resolve()
    if not folder.exists():
        raise CohortError(f"{path} does not exist; give the folder of a data set")
    if not folder.is_dir():
        raise CohortError(f"{path} is a file; give the folder that holds it")
    refuse_unfinished(folder)
    try:
        kind = _kind_of(folder)
        # Headers are files of the recordings themselves.
        return kind.open(folder) if kind is HEADER_KIND else kind.open(folder, need_files=need_files)
    except OSError as error:
        raise CohortError(f"{error.filename or path}: cannot be read: {error.strerror}") from None


def _kind_of(folder: Path) -> Kind:
    if found := _table_kind_of(folder):
        return found
    folders = [child for child in sorted(folder.iterdir()) if child.is_dir()]
    if any(map(_table_kind_of, folders)):
        # Headers deeper down would otherwise be opened without the tables that label them.
        nested = [child.name for child in folders if _table_kind_of(child) or HEADER_KIND.recognises(child)]
        raise CohortError(
            f"{folder}: is not a data set but contains {', '.join(nested)}; give their folders, comma-separated"
        )
    if HEADER_KIND.recognises(folder):
        return HEADER_KIND
    looked = ", ".join(kind.mark for kind in (*TABLE_KINDS, HEADER_KIND))
    raise CohortError(
        f"{folder}: no known kind of data set; looked for {looked}; found {_content(folder)}{suggest_manifest(folder)}"
    )


def _table_kind_of(folder: Path) -> Kind | None:
    return next((kind for kind in TABLE_KINDS if kind.recognises(folder)), None)


def open_cohorts(paths: Sequence[str | Path], *, need_files: bool = True) -> list[Cohort]:
    """Open several data sets and give each a name of its own; as :func:`open_cohort`.

    Raises
    ------
    CohortError
        As :func:`open_cohort`; also if a folder is given twice.
    """
    cohorts = [open_cohort(path, need_files=need_files) for path in paths]
    folders = Counter(Path(path).expanduser().resolve() for path in paths)
    for folder, count in folders.items():
        if count > 1:
            raise CohortError(f"{folder} is given {count} times; give it once")
    return _with_own_names(cohorts)


def _with_own_names(cohorts: list[Cohort]) -> list[Cohort]:
    """Tell cohorts of one name apart by the folder around them, and if that fails by number."""
    counts = Counter(cohort.name for cohort in cohorts)
    named, taken = [], set()
    for cohort in cohorts:
        name = cohort.name if counts[cohort.name] == 1 else f"{cohort.root.parent.name}-{cohort.name}"
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(unique)
        named.append(cohort if unique == cohort.name else replace(cohort, name=unique))
    return named


def _content(folder: Path) -> str:
    children = sorted(folder.iterdir())
    suffixes = Counter(path.suffix.lower() or "no suffix" for path in children if path.is_file())
    n_folders = sum(path.is_dir() for path in children)
    listed = [f"{count:,} files ({suffix})" for suffix, count in suffixes.most_common(3)]
    return ", ".join([*([f"{n_folders:,} folders"] if n_folders else []), *listed]) or "nothing"
