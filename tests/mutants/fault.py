"""One fault, and how it is put in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class DoesNotApply(Exception):
    """A fault whose original text is not in its file, or is there more than once."""


@dataclass(frozen=True)
class Fault:
    """A plausible fault.

    Parameters
    ----------
    name : str
        By which it is asked for.
    file : str
        Below the project's root.
    original, faulty : str
        The exact text, once in the file, and what takes its place.
    reason : str
        What would go wrong.
    tests : tuple of str
        Test files, or tests in them (``file::test``), that notice it.
    """

    name: str
    file: str
    original: str
    faulty: str
    reason: str
    tests: tuple[str, ...]

    def put_into(self, root: Path) -> str:
        """Put the fault into a tree; return the file's whole text, to be written back.

        Raises
        ------
        DoesNotApply
            If the original text is not there exactly once.
        """
        path = root / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if (count := text.count(self.original)) != 1:
            raise DoesNotApply(f"{self.name}: its original text is in {self.file} {count} times, once is needed")
        path.write_text(text.replace(self.original, self.faulty), encoding="utf-8")
        return text
