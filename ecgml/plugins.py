"""What other installed packages add to ecgml: entry points of the groups ``ecgml.models``, ``ecgml.metrics`` and
``ecgml.readers``.

A package names them in its pyproject.toml (docs/extending.md). Entry points are metadata of what is installed: every
process of an environment sees the same, and nothing is imported before it is used.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from ecgml.errors import ConfigError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@functools.cache
def added(group: str, taken: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Return what other packages add to a group, by name.

    Parameters
    ----------
    group : str
        Of entry points.
    taken : tuple of str
        Our own names.

    Raises
    ------
    ConfigError
        If a package gives an unusable name, or one that is taken.
    """
    entries: dict[str, EntryPoint] = {}
    for entry in importlib.metadata.entry_points(group=group):
        where = f"{package_of(entry)}, entry point {entry.name!r} of {group}"
        if not _NAME.fullmatch(entry.name):
            raise ConfigError(f"{where}: letters, digits, - and _ make a name; rename it")
        if entry.name in entries or entry.name in taken:
            owner = package_of(entries[entry.name]) if entry.name in entries else "ecgml"
            raise ConfigError(f"{where}: {owner} has one of that name; rename it, or uninstall one of them")
        entries[entry.name] = entry
    return entries


def package_of(entry: EntryPoint) -> str:
    """Return the package that an entry point belongs to and its version, or ``""`` for ours."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""


def load(entry: EntryPoint) -> Any:
    """Import what an entry point names.

    Raises
    ------
    ConfigError
        If it cannot be imported.
    """
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{entry.name}: {package_of(entry) or 'ecgml'} names {entry.value}, which cannot be imported ({error}); "
            "install what is missing, or uninstall the package"
        ) from None


def source_of(entry: EntryPoint) -> Path:
    """Return the module file or package folder at the top of what an entry point names."""
    spec = importlib.util.find_spec(entry.module.partition(".")[0])
    if spec is None or spec.origin is None:
        raise ConfigError(f"{entry.name}: {package_of(entry)} names {entry.value}, of which there is no source file")
    path = Path(spec.origin)
    return path.parent if path.name == "__init__.py" else path


def carried(entry: EntryPoint, folder: Path) -> list[Path]:
    """Return what a model that leaves this environment takes along, so that it is found there as it is here.

    That is the code, and a folder of metadata by which Python knows the entry point without an installation.

    Parameters
    ----------
    entry : EntryPoint
        Of another package.
    folder : Path
        Where the metadata may be written.
    """
    name, version = package_of(entry).split(" ")
    metadata = folder / f"{re.sub(r'[-_.]+', '_', name)}-{version}.dist-info"
    metadata.mkdir()
    named = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (metadata / "METADATA").write_text(named, encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[{entry.group}]\n{entry.name} = {entry.value}\n", encoding="utf-8")
    return [source_of(entry), metadata]
