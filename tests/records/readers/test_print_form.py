"""Leads of a print, recorded one after the other in channels of the whole length, are not taken for simultaneous."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.records.leads import LEADS
from ecgml.records.readers.print_form import mask_print

FS = 500.0
WAVES = np.random.default_rng(5).normal(size=(12, 5000)).astype(np.float32)
WAVES[:, 1] = WAVES[:, 0]  # as a moment's rest is no still end


def printed(n_columns: int, fill: float, strip: int | None = None) -> np.ndarray:
    """Return 12 leads of which each moves in its column only, and a strip throughout."""
    width, n_rows = 5000 // n_columns, 12 // n_columns
    channels = np.full_like(WAVES, fill)
    for row in range(12):
        column = slice(width * (row // n_rows), width * (row // n_rows + 1))
        channels[row, column] = WAVES[row, column]
    if strip is not None:
        channels[strip] = WAVES[strip]
    return channels


@pytest.mark.parametrize("n_columns", [2, 4])
@pytest.mark.parametrize("fill", [0.0, 1.5, np.nan])
def test_what_stands_still_is_missing_and_the_leads_are_named(n_columns, fill):
    masked, note = mask_print(printed(n_columns, fill, strip=1), LEADS, FS)
    width, n_rows = 5000 // n_columns, 12 // n_columns
    for row in range(12):
        start = width * (row // n_rows)
        within = slice(0, 5000) if row == 1 else slice(start + 2, start + width - 2)
        np.testing.assert_array_equal(masked[row, within], WAVES[row, within])
        assert np.isfinite(masked[row]).sum() <= (5000 if row == 1 else width + 2)
    assert note.startswith("leads recorded one after the other, as on a print: I ")
    assert ("V4 V5 V6 7.5 to 10.0 s" if n_columns == 4 else "V4 V5 V6 5.0 to 10.0 s") in note


def with_still(row: int, still: slice, channels: np.ndarray = WAVES) -> np.ndarray:
    changed = channels.copy()
    changed[row, still] = 0.25
    return changed


@pytest.mark.parametrize(
    "channels",
    [
        WAVES,
        np.zeros((12, 5000), np.float32),
        np.full((12, 5000), np.nan, np.float32),
        WAVES[:, :1],
        WAVES[:, :0],
        with_still(3, slice(None)),  # no electrode
        with_still(3, slice(0, 3000)),  # an electrode that came late
        with_still(3, slice(0, 2000), with_still(4, slice(3500, None))),  # ... while the other was there
        np.pad(WAVES, ((0, 0), (900, 900))),  # all leads begin and end together
    ],
)
def test_leads_of_the_same_time_are_left_as_they_are(channels):
    masked, note = mask_print(channels, LEADS, FS)
    assert masked is channels
    assert note == ""
