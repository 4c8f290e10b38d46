"""Which blocks of a file make up the rhythm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS
from ecgml.records.readers.recording import MAX_BLOCKS, Block, choose_recording, common_spans

ECG = Block(LEADS, 5000, 500.0, 0.0, "ecg")
BEAT = Block(LEADS, 600, 500.0, 0.0, "beat")
STRIP = Block(("II",), 5000, 500.0, 0.0, "strip")
PRINT = [Block(LEADS[3 * place : 3 * place + 3], 1250, 500.0, 2.5 * place, f"part {place}") for place in range(4)]


def chosen(*blocks: Block) -> list[str]:
    return [block.content for block in choose_recording(blocks, "x")[0]]


@pytest.mark.parametrize("ecg_is_original", [True, False])
@pytest.mark.parametrize("beat_is_original", [True, False])
def test_what_can_be_a_rhythm_strip_beats_a_median_beat_however_they_are_flagged(ecg_is_original, beat_is_original):
    ecg, beat = replace(ECG, is_original=ecg_is_original), replace(BEAT, is_original=beat_is_original)
    assert chosen(beat, ecg) == chosen(ecg, beat) == ["ecg"]
    assert choose_recording([beat, ecg], "x")[1] == (), "a median beat is no loss"


def test_most_leads_come_before_length_and_the_rest_is_named():
    long_strip = replace(STRIP, n_times=30_000)
    recording, notes = choose_recording([long_strip, ECG], "x")
    assert recording == [ECG]
    assert notes == ("not taken, as recorded apart from 12 leads (10 s): II (60 s)",)


def test_leads_that_follow_from_others_count():
    eight = replace(ECG, leads=("I", "II", *LEADS[6:]), content="eight")
    derived = replace(ECG, is_original=False)
    assert chosen(derived, eight) == ["eight"]


def test_the_longest_of_equal_leads_and_of_about_equal_length_the_original():
    longer = replace(ECG, n_times=15_000, content="longer", is_original=False)
    assert chosen(ECG, longer) == ["longer"]
    hardly = replace(ECG, n_times=5100, content="hardly", is_original=False)
    assert chosen(hardly, ECG) == ["ecg"]


def test_where_nothing_is_long_enough_the_original_is_taken():
    short = replace(ECG, n_times=1000)
    assert chosen(replace(BEAT, n_times=1500, is_original=False), short) == ["ecg"]


@pytest.mark.parametrize(
    ("change", "spans"),
    [
        ({}, [(0, 5000), (0, 5000)]),
        ({"n_times": 4999}, [(0, 4999), (0, 4999)]),
        ({"start_s": 0.01}, [(5, 5000), (0, 4995)]),
        ({"start_s": None}, [(0, 5000), (0, 5000)]),
        ({"fs": None, "n_times": 4600}, None),
        ({"n_times": 4400}, None),
        ({"fs": 250.0, "n_times": 2500}, None),
        ({"start_s": 10.0}, None),
        ({"part": 1}, None),
    ],
)
def test_blocks_of_one_time_are_joined_and_cut_to_what_they_share(change, spans):
    limb = replace(ECG, leads=LEADS[:6], content="limb")
    chest = replace(ECG, leads=LEADS[6:], content="chest", **change)
    recording, notes = choose_recording([limb, chest], "x")
    if spans is None:
        assert len(recording) == 1
        assert "recorded apart" in notes[0]
        return
    assert recording == [limb, chest]
    assert [(span.start, span.stop) for span in common_spans(recording)] == spans
    is_cut = spans != [(0, 5000), (0, 5000)]
    assert len(notes) == is_cut
    assert not is_cut or f"cut to the {spans[0][1] - spans[0][0]:,} that they share" in notes[0]


def test_of_a_print_the_strip_is_taken_and_the_rest_is_said():
    recording, notes = choose_recording([*PRINT, STRIP], "x")
    assert recording == [STRIP]
    assert notes == (
        "not taken, as recorded apart from II (10 s): I II III (2.5 s), aVR aVL aVF (2.5 s), V1 V2 V3 (2.5 s), "
        "V4 V5 V6 (2.5 s)",
    )


def test_so_many_blocks_that_comparing_them_would_take_for_ever_are_refused():
    with pytest.raises(RecordError, match="1,001 blocks of leads, at most 1,000 are read"):
        choose_recording([ECG] * (MAX_BLOCKS + 1), "x")
