"""What the page is made of: sections of figures and tables, each with words that say what to see."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

DPI = 130
"""A page holds forty pictures."""

FIGURES, TABLES = "figures", "tables"
"""Folders beside a page."""


@dataclass(frozen=True)
class Picture:
    """A figure with its words."""

    name: str
    """Of its file, without suffix."""
    title: str
    png: bytes
    alt: str
    """What a person who cannot see it should know."""
    basis: str
    """What it stands on: so many rows of tables, so many signals."""
    words: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file that holds it, relative to the page; also its anchor."""
        return f"{FIGURES}/{self.name}.png"


@dataclass(frozen=True)
class Listing:
    """A table with its words."""

    name: str
    title: str
    columns: Mapping[str, Sequence[object]]
    """Header -> cells."""
    words: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The file that holds it, relative to the page; also its anchor."""
        return f"{TABLES}/{self.name}.csv"

    @property
    def rows(self) -> Iterator[tuple[object, ...]]:
        """Its cells, row by row."""
        return zip(*self.columns.values(), strict=True)


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    key: str
    """Its anchor."""
    title: str
    words: tuple[str, ...] = ()
    """What is said before its pictures; also what is missing, and why."""
    parts: tuple[Picture | Listing, ...] = ()
    findings: tuple[str, ...] = ()
    """What deserves to be said on top of the page."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What a tracker keeps."""


def snake_case(text: str) -> str:
    """Return text as a part of a metric's name."""
    return re.sub(r"\W+", "_", text.lower()).strip("_")


def sentence(text: str) -> str:
    """Return text with its first letter upper case, the others as they are."""
    return text[:1].upper() + text[1:]


def picture(
    name: str, title: str, figure: Figure, *, alt: str, basis: str, words: Sequence[str], dpi: int = DPI
) -> Picture:
    """Render a figure at once, so that it need not be kept."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return Picture(name, title, buffer.getvalue(), alt, basis, tuple(word for word in words if word))


def pictures_of(sections: Sequence[Section]) -> Iterator[Picture]:
    """Give every picture, in the page's order."""
    return (part for section in sections for part in section.parts if isinstance(part, Picture))


def listings_of(sections: Sequence[Section]) -> Iterator[Listing]:
    """Give every table, in the page's order."""
    return (part for section in sections for part in section.parts if isinstance(part, Listing))
