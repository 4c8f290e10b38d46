"""Which architectures there are: ours, and those of other installed packages.

A model's name is that of its runs and checkpoints. Names cost no import: the settings list them.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from ecgml.config import nearest
from ecgml.errors import ConfigError
from ecgml.plugins import added, load, package_of

if TYPE_CHECKING:
    from ecgml.models.rhythm_model import RhythmModel

GROUP = "ecgml.models"

OURS = (
    EntryPoint("fusion", "ecgml.models.fusion:FusionModel", GROUP),
    EntryPoint("baseline", "ecgml.models.baseline:BaselineModel", GROUP),
)
"""A line an architecture: its name and its class."""

DEFAULT_MODELS = ("fusion", "baseline")
"""What a job trains where nothing else is asked for."""


def model_entries() -> dict[str, EntryPoint]:
    """Return where the classes of all architectures are, by name, ours first."""
    ours = {entry.name: entry for entry in OURS}
    return ours | added(GROUP, tuple(ours))


def model_names() -> tuple[str, ...]:
    """Return the names of all architectures."""
    return tuple(model_entries())


def model_entry(name: str) -> EntryPoint:
    """Return where an architecture's class is.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    try:
        return model_entries()[name]
    except KeyError:
        raise ConfigError(
            f"models: {name!r} is unknown{nearest(name, model_names())}; one of {', '.join(model_names())}"
        ) from None


def model_package(name: str) -> str:
    """Return the package that adds an architecture and its version, or ``""`` for one of ours."""
    return package_of(model_entry(name))


def model_class(name: str) -> type[RhythmModel]:
    """Return an architecture's class.

    Raises
    ------
    ConfigError
        If there is none of that name, it cannot be imported, or is no `RhythmModel`.
    """
    from ecgml.models.rhythm_model import RhythmModel  # only here: torch

    entry = model_entry(name)
    found = load(entry)
    if not (isinstance(found, type) and issubclass(found, RhythmModel)):
        raise ConfigError(f"models: {name}, {entry.value}, is no class derived from ecgml's RhythmModel")
    return found


def waveform_only(names: Collection[str]) -> str | None:
    """Return the first architecture among some that does not use the clinical row, or None."""
    return next((name for name in model_names() if name in names and not model_class(name).uses_clinical), None)
