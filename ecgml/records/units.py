"""Units of voltage, and what they are in mV."""

from __future__ import annotations

from ecgml.errors import RecordError

_MV_PER_UNIT = {"v": 1e3, "mv": 1.0, "uv": 1e-3, "nv": 1e-6}
# Micro is written u, µ (U+00B5) or μ (U+03BC); some files spell the word out.
_SPELLINGS = {"volt": "v", "millivolt": "mv", "microvolt": "uv", "nanovolt": "nv"}


def mv_per_unit(unit: str, where: str) -> float:
    """Return how many mV one unit is; case does not matter.

    Parameters
    ----------
    unit : str
        V, mV, uV (or µV) or nV, or the word in full.
    where : str
        The file, for the message.

    Raises
    ------
    RecordError
        If it is none of them.
    """
    word = unit.strip().lower().replace("µ", "u").replace("μ", "u")
    word = _SPELLINGS.get(word.removesuffix("s"), word)
    if word not in _MV_PER_UNIT:
        raise RecordError(f"{where}: unit {unit!r} is no voltage; one of V, mV, uV, nV", "unit")
    return _MV_PER_UNIT[word]
