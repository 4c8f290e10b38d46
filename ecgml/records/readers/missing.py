"""Values by which files mark a missing sample without declaring it.

Of whole numbers the smallest that 16, 24, 32 or 64 bits hold stands for *no value* in the formats that define one (WFDB
signal(5); MFER's NULL is 0x8000); devices write it into DICOM, HL7 aECG and arrays, too, where nothing declares it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOWEST = tuple(-(2.0 ** (bits - 1)) for bits in (16, 24, 32, 64))


def is_missing(steps: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which samples hold a number that marks a missing one.

    Parameters
    ----------
    steps : ndarray, any shape
        As the file holds them, before gain and offset.

    Returns
    -------
    missing : ndarray of bool, of that shape, or None
        None where none is missing. The smallest number of a signed type always is. In a wider type, or a floating one,
        the smallest of 16, 24 or 32 bits is if there is no smaller one: then no more bits were in use. Of unsigned
        numbers it is 0x8000 (of 16 bits), or all bits set, if the rest stays in the lower half below it: 0x8000 is
        also the zero of data that are centred there.
    """
    if not steps.size or steps.dtype.kind not in "iuf":
        return None
    if steps.dtype.kind == "u":
        return _is_marked_unsigned(steps)
    lowest = np.fmin.reduce(steps, axis=None)
    narrowest = np.iinfo(steps.dtype).min if steps.dtype.kind == "i" else None
    return steps == lowest if lowest == narrowest or float(lowest) in _LOWEST else None


def _is_marked_unsigned(steps: NDArray[np.unsignedinteger]) -> NDArray[np.bool_] | None:
    top = int(steps.max())
    ones = int(np.iinfo(steps.dtype).max)
    if top not in (ones, ones // 2 + 1):
        return None
    marked = steps == top
    rest = steps[~marked]
    return marked if rest.size and int(rest.max()) < top // 2 else None
