"""The binary formats of WFDB signal files.

Source: WFDB Applications Guide, signal(5), https://physionet.org/physiotools/wag/signal-5.htm. Formats 16, 24, 32, 61,
80 and 212 hold 12-lead ECGs in practice; MATLAB's v4 files are format 16 behind a header of 24 bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

INVALID = {16: -(2**15), 24: -(2**23), 32: -(2**31), 61: -(2**15), 80: -(2**7), 212: -(2**11)}
"""The value by which each format marks a missing sample; its keys are the formats that are read."""

_BITS = {16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 212: 12}


def n_bytes(code: int, n_values: int) -> int:
    """Return how many bytes a number of samples takes."""
    return (_BITS[code] * n_values + 7) // 8


def n_values(code: int, size: int) -> int:
    """Return how many whole samples a number of bytes holds."""
    return size * 8 // _BITS[code]


def decode(data: bytes, code: int, count: int) -> NDArray[np.integer]:
    """Decode the samples of a signal file.

    Parameters
    ----------
    data : bytes
        At least ``n_bytes(code, count)`` of them.
    code : int
        One of :data:`INVALID`.
    count : int
        Samples wanted.

    Returns
    -------
    samples : ndarray of int16 or int32, shape (count,)
        In steps of the converter, of which :data:`INVALID` marks missing ones.
    """
    if code in (16, 61):
        return np.frombuffer(data, dtype="<i2" if code == 16 else ">i2", count=count)
    if code == 32:
        return np.frombuffer(data, dtype="<i4", count=count)
    octets = np.frombuffer(data, dtype=np.uint8, count=n_bytes(code, count))
    if code == 80:
        return octets.astype(np.int16) - np.int16(128)
    if code == 24:
        low, middle, high = octets.reshape(-1, 3).T.astype(np.int32)  # (3, count)
        return low | middle << 8 | high.astype(np.uint8).view(np.int8).astype(np.int32) << 16
    return _decode_212(octets, count)


def _decode_212(octets: NDArray[np.uint8], count: int) -> NDArray[np.int16]:
    """Two samples of 12 bits in three bytes: the middle byte holds the upper four bits of each, the first one's low."""
    padded = np.zeros(-(-count // 2) * 3, dtype=np.int16)
    padded[: octets.size] = octets
    first, middle, second = padded.reshape(-1, 3).T  # (3, n_pairs)
    pairs = np.stack([first | (middle & 0x0F) << 8, second | (middle & 0xF0) << 4], axis=1)  # (n_pairs, 2)
    # Shifted up and down again, the sign bit of 12 becomes that of 16.
    return (pairs.ravel()[:count] << 4) >> 4
