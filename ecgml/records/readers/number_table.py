"""A plain table of numbers in text -> float32, compiled.

Only what recordings are made of: optional sign, digits, a decimal sign, an exponent; delimiters; line ends. Whatever
else stands there (blanks, quotes, words, empty cells) is left to the tolerant parsers behind.

Nearly every cell of a recording fits into eight bytes with its end, and is parsed eight bytes at once (Lemire 2021,
10.1002/spe.2984, and the folklore before it): looking at it byte by byte costs twice the time, most of it for branches
that no processor can foretell.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_POWERS = 10.0 ** np.arange(23)
"""Powers of ten that are exact in float64."""

_MAX_DIGITS = 15
"""A mantissa of so many digits is exact in float64; divided by or times an exact power of ten it gives the nearest
float64 (Clinger 1990, 10.1145/93542.93557)."""

_WORD = 8
_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_ZEROS = np.uint64(0x3030303030303030)
_SIXES = np.uint64(0x0606060606060606)
_TENS = np.uint64(0xF0F0F0F0F0F0F0F0)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_U0, _U1, _U8, _U16, _U32, _U56, _U64 = (np.uint64(number) for number in (0, 1, 8, 16, 32, 56, 64))
_OCTET = np.uint64(255)
_PAIRS, _FOURS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_BY_10, _BY_100, _BY_10000 = np.uint64(2561), np.uint64(6553601), np.uint64(42949672960001)

_MINUS, _PLUS, _LINE_FEED, _RETURN = 45, 43, 10, 13


def parse_table(
    data: bytes, delimiter: str, decimal: str, n_columns: int, columns: list[int], start: int
) -> NDArray[np.float32] | None:
    """Parse some columns of a table of numbers.

    Parameters
    ----------
    data : bytes
        The whole file.
    delimiter, decimal : str
        One ASCII character each.
    n_columns : int
        Cells of a row.
    columns : list of int
        Those wanted.
    start : int
        Where the first row of numbers begins.

    Returns
    -------
    values : ndarray of float32, shape (len(columns), n_rows), or None
        None where anything is not as plain as said above, or there is no row.
    """
    octets = np.frombuffer(data, dtype=np.uint8)
    words = np.ndarray((max(0, len(data) - _WORD + 1),), dtype="<u8", buffer=data, strides=(1,))
    target = np.full(n_columns, -1, dtype=np.int64)
    target[columns] = np.arange(len(columns))
    # Room for rows of one digit a cell: memory that is never written to is never taken, and lines need not be counted.
    most = (len(data) - start + 1) // (2 * n_columns)
    values = np.empty((len(columns), most), dtype=np.float32)
    n_rows = _parse(octets, words, start, np.uint64(ord(delimiter)), np.uint64(ord(decimal)), target, values, _POWERS)
    return values[:, :n_rows] if n_rows else None


@njit(cache=True, nogil=True)
def _parse(
    octets: NDArray[np.uint8],
    words: NDArray[np.uint64],
    at: int | np.int64,
    delimiter: np.uint64,
    decimal: np.uint64,
    target: NDArray[np.int64],
    values: NDArray[np.float32],
    powers: NDArray[np.floating],
) -> int:
    """Fill values row by row; return how many rows there are, 0 if anything is not plain."""
    n, last, row = octets.size, target.size - 1, 0
    while at < n:
        if row == values.shape[1]:
            return 0
        for column in range(target.size):
            end = delimiter if column < last else np.uint64(_LINE_FEED)
            length: int | np.int64 = 0
            if at < words.size:
                value, length = _short_cell(words[at], end, decimal, powers)
            if length:
                at += length + 1
            else:
                value, length = _long_cell(octets, at, decimal, powers)
                at += length
                if column == last and at < n and octets[at] == _RETURN:
                    at += 1
                is_end = octets[at] == end if at < n else column == last
                if length == 0 or not is_end:
                    return 0
                at += 1
            if target[column] >= 0:
                values[target[column], row] = value
        row += 1
    return row


@njit(inline="always")
def _first(word: np.uint64, octet: np.uint64) -> np.uint64:
    """Return how many bytes stand before the first that equals an octet, 8 if none does."""
    differs = word ^ (octet * _ONES)
    found = (differs - _ONES) & ~differs & _HIGHS
    below = (found & (~found + _U1)) - _U1  # ones below the lowest flag
    return ((below & _ONES) * _ONES >> _U56) - _U1 if found else _U8


@njit(inline="always")
def _short_cell(
    word: np.uint64, end: np.uint64, decimal: np.uint64, powers: NDArray[np.floating]
) -> tuple[float, int | np.int64]:
    """Return the number that a word begins with and its length; length 0 if it is not plain digits up to the end."""
    length = _first(word, end)
    is_negative = word & _OCTET == np.uint64(_MINUS)
    sign = _U1 if is_negative else _U0
    word >>= _U8 * sign
    n_digits = length - sign
    # Also where there is no sign and no end: the length is 8 then.
    if length == _U8 or n_digits == _U0:
        return 0.0, 0
    point, n_decimals = _first(word, decimal), _U0
    if point < n_digits:
        before = word & ((_U1 << (_U8 * point)) - _U1)
        after = (word >> (_U8 * point)) >> _U8 << (_U8 * point)
        word = before | after
        n_digits -= _U1
        n_decimals = n_digits - point
        if n_digits == _U0:
            return 0.0, 0
    # The last digit to the top: digits before the first are zeros.
    shift = _U64 - _U8 * n_digits
    digits = (word << shift) ^ (_ZEROS << shift)
    if ((digits + _SIXES) | digits) & _TENS:
        return 0.0, 0
    digits = digits * _BY_10 >> _U8
    digits = (digits & _PAIRS) * _BY_100 >> _U16
    digits = (digits & _FOURS) * _BY_10000 >> _U32
    value = np.float64(digits) / powers[n_decimals]
    return (-value if is_negative else value), np.int64(length)


@njit()
def _long_cell(
    octets: NDArray[np.uint8], at: int | np.int64, decimal: np.uint64, powers: NDArray[np.floating]
) -> tuple[float, int | np.int64]:
    """Return the number that begins at a byte and its length, or length 0 if it is none or not exact this way."""
    n, first = octets.size, at
    negative = at < n and octets[at] == _MINUS
    at += negative or (at < n and octets[at] == _PLUS)
    mantissa: int | np.int64 = 0
    n_digits = n_decimals = 0
    seen = in_decimals = False
    while at < n:
        digit = np.int64(octets[at]) - 48
        if 0 <= digit <= 9:
            seen = True
            n_digits += 1 if mantissa or digit else 0
            mantissa = mantissa * 10 + digit
            n_decimals += in_decimals
        elif octets[at] == decimal and not in_decimals:
            in_decimals = True
        else:
            break
        if n_digits > _MAX_DIGITS:
            return 0.0, 0
        at += 1
    if not seen:
        return 0.0, 0
    power: int | np.int64 = 0
    if at < n and (octets[at] == 101 or octets[at] == 69):
        at += 1
        minus = at < n and octets[at] == _MINUS
        at += minus or (at < n and octets[at] == _PLUS)
        digits_from = at
        while at < n and 48 <= octets[at] <= 57 and at - digits_from < 4:
            power = power * 10 + np.int64(octets[at]) - 48
            at += 1
        if at == digits_from:
            return 0.0, 0
        power = -power if minus else power
    power -= n_decimals
    if not -22 <= power <= 22:
        return 0.0, 0
    value = mantissa * powers[power] if power >= 0 else mantissa / powers[-power]
    return (-value if negative else value), at - first
