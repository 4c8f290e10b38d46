"""The text of a WFDB header (.hea): as the format's manual has it, and as real files write it.

Source: WFDB Applications Guide, header(5), https://physionet.org/physiotools/wag/header-5.htm. More lenient than the
manual where published sets need it: the record name may bear a suffix (``E00271.mat``, which wfdb 4.3.1 refuses), dates
are not looked at (``05-May-2020`` is none of the manual's), comments may stand anywhere, and a record line that
swallowed the first signal line is taken apart again. Stricter in one place: a header without sampling frequency is not
taken for 250 Hz.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

from ecgml.errors import RecordError
from ecgml.records.clinical import parse_number
from ecgml.records.subject import read_subject

MAX_HEADER_BYTES = 1_000_000
"""What is read of a header at most: one of 12 signals takes about 700."""

DEFAULT_GAIN = 200.0
"""Steps per unit where the header has none or 0 (the manual's default)."""

_FORMAT = re.compile(r"([0-9]{1,4})(?:x([0-9]+))?(?::([0-9]+))?(?:\+([0-9]+))?")
_GAIN = re.compile(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)?(?:\(([-+]?[0-9]+)\))?(?:/(\S+))?")
_GAIN_TAIL = re.compile(r"[0-9.]+(?:\([-+]?[0-9]+\))?/[A-Za-zµμ]+")
_MAX_DIGITS = 11
_UNKNOWN = frozenset({"", "unknown", "nan"})
_SUBJECT = {"age": "age", "sex": "sex", "gender": "sex"}
_BRACKETED = re.compile(r"<([^<>]*)>:?([^<]*)")


class SignalLine(NamedTuple):
    """One signal of a header."""

    file_name: str
    format: int
    frame_samples: int
    """Samples of this signal in a frame; more than 1 means a multiple of the record's sampling frequency."""
    skew: int
    byte_offset: int
    gain: float
    """Steps per unit."""
    baseline: int
    """The step that is 0 of the unit."""
    unit: str | None
    checksum: int | None
    """Sum of all samples modulo 2**16; None where the header has none."""
    name: str | None


class Header(NamedTuple):
    """What a header says."""

    fs: float | None
    """Hz."""
    n_times: int | None
    """None where the size of the signal file has to tell."""
    signals: tuple[SignalLine, ...]
    comments: tuple[str, ...]
    """Without their ``#``."""


def decode_header(data: bytes) -> str:
    """Return the text of a header: UTF-8, or Latin-1 where it is not."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def comments_of(text: str) -> tuple[str, ...]:
    """Return the comment lines of a header, without their ``#``."""
    return tuple(line.lstrip("#").lstrip() for line in _lines(text) if line[0] == "#")


def _lines(text: str) -> list[str]:
    # Not splitlines(): that also breaks at Latin-1's 0x85.
    return [line for raw in text.replace("\r", "\n").split("\n") if (line := raw.strip())]


class Comments(NamedTuple):
    """What PhysioNet's ECG headers say in their comments."""

    statements: tuple[str, ...]
    """Diagnostic statements of the ``Dx`` line as written, each once."""
    given: dict[str, float]
    """Age and sex, where known, by the names of `ecgml.records.clinical`."""
    notes: tuple[str, ...]
    """What of age and sex could not be read, or was read other than as written."""


def parse_comments(comments: tuple[str, ...]) -> Comments:
    """Return what PhysioNet's ECG headers say in their comments.

    Parameters
    ----------
    comments : tuple of str
        Such as ``Dx: 426177001,164934002`` and ``Age: 59``; LUDB writes ``<age>: 51``, and the St Petersburg database
        ``<age>: 65 <sex>: F`` in one line.
    """
    statements: dict[str, None] = {}
    said = dict.fromkeys(_SUBJECT.values(), "")
    for comment in comments:
        for key, value in _BRACKETED.findall(comment) or [comment.partition(":")[::2]]:
            key = key.strip().lower()
            if key == "dx":
                statements.update(
                    dict.fromkeys(word for word in re.split(r"[,;\s]+", value) if word.lower() not in _UNKNOWN)
                )
            elif key in _SUBJECT:
                said[_SUBJECT[key]] = value
    return Comments(tuple(statements), *read_subject(**said))


def signal_files(text: str) -> tuple[str, ...]:
    """Return the names of the signal files in a header, each once, whatever else of it cannot be understood."""
    lines = [line for line in _lines(text) if line[0] != "#"]
    words, signal_lines = _unmerge(lines[0].split(), lines[1:]) if lines else ([], [])
    # What a header of several segments names are records.
    is_single = bool(words) and "/" not in words[0]
    return tuple(dict.fromkeys(line.split(None, 1)[0] for line in signal_lines if is_single))


def parse_header(text: str, where: str) -> Header:
    """Parse a header.

    Parameters
    ----------
    text : str
        All of it.
    where : str
        The file, for the message.

    Raises
    ------
    RecordError
        If it is empty, has several segments, or a line cannot be understood.
    """
    lines = [line for line in _lines(text) if line[0] != "#"]
    if not lines:
        raise RecordError(f"{where}: the header has no record line; fetch it again", "header")
    words, signal_lines = _unmerge(lines[0].split(), lines[1:])
    if "/" in words[0]:
        raise RecordError(
            f"{where}: a record of several segments ({words[0][:80]!r}); give a segment's header", "format"
        )
    try:
        n_signals, fs, n_times = _parse_record_line(words)
        signals = tuple(_parse_signal(line) for line in signal_lines)
    except ValueError as fault:
        raise RecordError(f"{where}: {fault}; fetch the header again or correct it", "header") from None
    if n_signals == 0:
        raise RecordError(f"{where}: the header lists no signals", "no leads")
    if n_signals != len(signals):
        raise RecordError(
            f"{where}: {n_signals} signals announced, {len(signals)} signal lines found; fetch it again", "header"
        )
    return Header(fs, n_times, signals, comments_of(text))


def _unmerge(words: list[str], signal_lines: list[str]) -> tuple[list[str], list[str]]:
    """Take a record line apart that swallowed the first signal line.

    Two headers of PhysioNet's ecg-arrhythmia (JS01052, JS23074) lost the text between ``5000`` and the gain of lead I:
    ``JS01052 12 500 500000/mV 16 0 15 31255 0 I``. What was lost (file, format, gain) stands in the next line too, the
    length follows from the signal file, and the checksum proves the repair.
    """
    if len(words) > 4 and signal_lines and _GAIN_TAIL.fullmatch(words[3]):
        return words[:3], [" ".join([*signal_lines[0].split()[:3], *words[4:]]), *signal_lines]
    for index, word in enumerate(words[3:-1], start=3):
        if word.lower().endswith((".mat", ".dat")) and _FORMAT.fullmatch(words[index + 1]):
            return words[:index], [" ".join(words[index:]), *signal_lines]
    return words, signal_lines


def _parse_record_line(words: list[str]) -> tuple[int, float | None, int | None]:
    """Return number of signals, sampling frequency and number of samples."""
    if len(words) < 2:
        raise ValueError(f"record line {words[0][:80]!r} lacks its number of signals")
    # 360/360(0): counter frequency and base value follow the sampling frequency.
    fs = _positive(words[2].partition("/")[0], "sampling frequency") if len(words) > 2 else None
    n_times = _count(words[3], "number of samples") if len(words) > 3 else 0
    return _count(words[1], "number of signals"), fs, n_times or None


def _parse_signal(line: str) -> SignalLine:
    # file, format, gain, resolution, zero, first value, checksum, block size, description
    words = line.split(None, 8)
    if len(words) < 2:
        raise ValueError(f"signal line {line[:80]!r} lacks its format")
    code, frame_samples, skew, byte_offset = _parse_format(words[1])
    gain, baseline, unit = _parse_gain(words[2]) if len(words) > 2 else (DEFAULT_GAIN, None, None)
    if baseline is None:
        baseline = _whole(words[4], "ADC zero") if len(words) > 4 else 0
    checksum = _whole(words[6], "checksum") if len(words) > 6 else None
    name = words[8] if len(words) > 8 else None
    return SignalLine(words[0], code, frame_samples, skew, byte_offset, gain, baseline, unit, checksum, name)


# The lines of a header, and of a whole data set, repeat their format and gain.
@lru_cache(maxsize=256)
def _parse_format(word: str) -> tuple[int, int, int, int]:
    match = _FORMAT.fullmatch(word)
    if not match:
        raise ValueError(f"signal format {word[:80]!r} is not understood")
    code, frame_samples, skew, byte_offset = (_count(group or "0", "signal format") for group in match.groups())
    return code, frame_samples or 1, skew, byte_offset


@lru_cache(maxsize=256)
def _parse_gain(word: str) -> tuple[float, int | None, str | None]:
    match = _GAIN.fullmatch(word)
    gain = parse_number(match[1] or "0") if match else math.nan
    if not match or not math.isfinite(gain):
        raise ValueError(f"gain {word[:80]!r} is not understood")
    return gain or DEFAULT_GAIN, None if match[2] is None else _whole(match[2], "baseline"), match[3]


def _whole(word: str, what: str) -> int:
    # More digits are no number of anything here, and int() refuses thousands of them in words of its own.
    try:
        number = int(word) if len(word) <= _MAX_DIGITS else None
    except ValueError:
        number = None
    if number is None:
        raise ValueError(f"{what} {word[:80]!r} is not a whole number in range")
    return number


def _count(word: str, what: str) -> int:
    number = _whole(word, what)
    if number < 0:
        raise ValueError(f"{what} {word!r} is negative")
    return number


def _positive(word: str, what: str) -> float:
    number = parse_number(word)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{what} {word[:80]!r} is not a positive number")
    return number
