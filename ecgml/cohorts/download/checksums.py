"""Digests of files, and lists of them as sha256sum and PhysioNet write them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecgml.errors import DownloadError

SUMS = "SHA256SUMS.txt"
"""PhysioNet's name for the list of a data set's files; ours too, where the host has no such list."""

_LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(\S.*)")


@dataclass(frozen=True)
class Digest:
    """A digest, or its first digits where no more are known."""

    algorithm: str
    """``sha256`` or ``md5``."""
    digits: str
    """Hexadecimal, lower case."""

    @property
    def is_whole(self) -> bool:
        """Whether all digits are known."""
        return len(self.digits) == 2 * hashlib.new(self.algorithm, usedforsecurity=False).digest_size

    def agrees_with(self, other: Digest) -> bool:
        """Whether the digits that both have are the same."""
        n_known = min(len(self.digits), len(other.digits))
        return self.algorithm == other.algorithm and self.digits[:n_known] == other.digits[:n_known]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digits}"


def digest_of(path: Path, algorithm: str = "sha256") -> Digest:
    """Return a file's digest.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        made = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return Digest(algorithm, made.hexdigest())


def parse_sums(text: str, where: str) -> dict[str, Digest]:
    """Read a list of digests.

    Parameters
    ----------
    text : str
        Lines of 64 hexadecimal digits, blanks, a path. PhysioNet writes one blank, sha256sum two.
    where : str
        What messages call the list.

    Returns
    -------
    digests : dict
        By path.

    Raises
    ------
    DownloadError
        If a line is something else (a web page, a list cut short), or there is none.
    """
    digests = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            match = _LINE.fullmatch(line.rstrip())
            if match is None:
                raise DownloadError(
                    f"{where}: line {number} is no digest and path: {line[:60]!r}; is this the data set's address?"
                )
            digests[match[2]] = Digest("sha256", match[1].lower())
    if not digests:
        raise DownloadError(f"{where}: lists no file; is this the data set's address?")
    return digests


def format_sums(digests: Mapping[str, Digest]) -> str:
    """Return a list of SHA-256 digests that ``sha256sum -c`` reads."""
    return "".join(f"{digest.digits}  {name}\n" for name, digest in sorted(digests.items()))
