"""Which code runs: what was computed by other code is not taken for a result of this one."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent


@functools.cache
def code_digest(*rooms: str, package: Path = PACKAGE) -> str:
    """Return a digest of source files: it changes with any of them.

    Parameters
    ----------
    *rooms : str
        Folders or modules of the package, such as ``"records"`` or ``"config.py"``; none names all of it.
    package : Path
        Where the package lies.

    Returns
    -------
    digest : str
        64 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If a room has no source file.
    """
    digest = hashlib.sha256()
    for room in rooms or (".",):
        place = package / room
        paths = [place] if place.is_file() else sorted(place.rglob("*.py"))
        if not paths:
            raise FileNotFoundError(f"{place}: no source files")
        for path in paths:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
