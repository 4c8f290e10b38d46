"""Choose the blocks of channels that make up the recording: DICOM's multiplex groups, the sequences of an aECG.

A file may hold the rhythm beside a median beat, the leads in several blocks of the same time, or the form of a print:
four blocks of 2.5 s of three leads each, and a strip of lead II.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS

STRIP_S = 5.0
"""What lasts this long can be a rhythm strip, s; a median beat lasts 0.6 to 1.2, a part of a print 2.5."""

MAX_BLOCKS = 1000
"""DICOM allows 5 groups, an aECG has a sequence a lead; each block is compared with the others."""

_SAME = 0.9
"""Blocks are of the same time if they share this much of the longer one: a sample more or less does not matter."""

_FS_TOLERANCE = 1e-6
_LIMB = LEADS[:6]


@dataclass(frozen=True, eq=False)
class Block:
    """Channels of a file that were sampled together."""

    leads: tuple[str, ...]
    """Those of its channels that are leads, by their canonical names."""
    n_times: int
    fs: float | None
    """Hz; None where the file does not tell it."""
    start_s: float | None
    """When it begins, on any clock that the file's blocks share; None where unknown: with the others."""
    content: Any
    """What the reader makes samples of."""
    is_original: bool = True
    """False if the file says that it was derived from other channels."""
    is_beat: bool = False
    """True if the file calls it a beat made of many, such as a median."""
    part: int = 0
    """Blocks of different parts of a file are of different recordings."""

    @property
    def duration_s(self) -> float:
        """Length, s; at 1 Hz where the sampling frequency is unknown."""
        return self.n_times / (self.fs or 1.0)


Recording = list[Block]
"""Blocks of the same time."""


def choose_recording(blocks: Sequence[Block], where: str) -> tuple[Recording, tuple[str, ...]]:
    """Choose the blocks that make up the rhythm.

    Of what lasts long enough for a rhythm strip it is the recording of most leads, the longest of these, and the
    original before the derived; where nothing does, the original, of most leads, the longest.

    Parameters
    ----------
    blocks : sequence of Block
        At least one, in the file's order.
    where : str
        The file, for the message.

    Returns
    -------
    recording : list of Block
    notes : tuple of str
        What else the file holds that is more than an excerpt of the recording, such as a median beat.

    Raises
    ------
    RecordError
        If there are more than :data:`MAX_BLOCKS`.
    """
    if len(blocks) > MAX_BLOCKS:
        raise RecordError(
            f"{where}: {len(blocks):,} blocks of leads, at most {MAX_BLOCKS:,} are read; export one ECG a file",
            "format",
        )
    recordings: list[Recording] = []
    for block in blocks:
        fitting = (one for one in recordings if all(_are_together(block, other) for other in one))
        if (recording := next(fitting, None)) is not None:
            recording.append(block)
        else:
            recordings.append([block])
    strips = [one for one in recordings if _duration_s(one) >= STRIP_S and not _is_beat(one)]
    if strips:
        most = max(map(_n_leads, strips))
        strips = [one for one in strips if _n_leads(one) == most]
        longest = max(map(_duration_s, strips))
        strips = [one for one in strips if _duration_s(one) >= _SAME * longest]
        chosen = max(strips, key=lambda one: (_is_original(one), _duration_s(one)))
    else:
        chosen = max(
            recordings, key=lambda one: (not _is_beat(one), _is_original(one), _n_leads(one), _duration_s(one))
        )
    return chosen, tuple(_notes(chosen, [one for one in recordings if one is not chosen]))


def common_spans(recording: Recording) -> list[slice]:
    """Return which samples of each block are of the time that all of them share."""
    starts = [block.start_s for block in recording if block.start_s is not None]
    begin = max(starts, default=0.0)
    late = [0 if block.start_s is None else round((begin - block.start_s) * (block.fs or 1.0)) for block in recording]
    n_times = min(block.n_times - skipped for block, skipped in zip(recording, late, strict=True))
    return [slice(skipped, skipped + n_times) for skipped in late]


def _are_together(one: Block, other: Block) -> bool:
    """Whether two blocks are different leads of the same time, part and sampling frequency."""
    if one.part != other.part or set(one.leads) & set(other.leads):
        return False
    if one.fs and other.fs and abs(one.fs - other.fs) > _FS_TOLERANCE * one.fs:
        return False
    starts = (0.0, 0.0) if one.start_s is None or other.start_s is None else (one.start_s, other.start_s)
    ends = [start + block.duration_s for start, block in zip(starts, (one, other), strict=True)]
    return min(ends) - max(starts) >= _SAME * max(one.duration_s, other.duration_s)


def _duration_s(recording: Recording) -> float:
    return min(block.duration_s for block in recording)


def _is_original(recording: Recording) -> bool:
    return all(block.is_original for block in recording)


def _is_beat(recording: Recording) -> bool:
    return any(block.is_beat for block in recording)


def _n_leads(recording: Recording) -> int:
    """Return how many leads a recording tells, with those that follow from two limb leads."""
    leads = {lead for block in recording for lead in block.leads}
    return len(leads | set(_LIMB)) if len(leads & {"I", "II", "III"}) >= 2 else len(leads)


def _notes(chosen: Recording, others: Sequence[Recording]) -> list[str]:
    leads = {lead for block in chosen for lead in block.leads}
    apart = [
        f"{_named(one)} ({_duration_s(one):.3g} s)"
        for one in others
        if (_duration_s(one) >= STRIP_S and not _is_beat(one))
        or not {lead for block in one for lead in block.leads} <= leads
    ]
    notes = [f"not taken, as recorded apart from {_named(chosen)} ({_duration_s(chosen):.3g} s): {', '.join(apart)}"]
    spans = common_spans(chosen)
    lengths = [block.n_times for block in chosen]
    if any(span.stop - span.start < n_times for span, n_times in zip(spans, lengths, strict=True)):
        shortest = spans[0].stop - spans[0].start
        notes.append(f"leads of {min(lengths):,} to {max(lengths):,} samples cut to the {shortest:,} that they share")
    return notes if apart else notes[1:]


def _named(recording: Recording) -> str:
    leads = [lead for lead in LEADS if any(lead in block.leads for block in recording)]
    return " ".join(leads) if len(leads) < len(LEADS) else f"{len(LEADS)} leads"
