"""Sections on signals: physics, and the choice of typical and atypical recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecgml.exploration.signals.components import (
    fit_components,
    median_beats,
    power_spectra,
    standardise,
)
from ecgml.exploration.signals.exemplars import (
    ATYPICAL,
    TYPICAL,
    FeatureSpace,
    choose_exemplars,
    exemplars_section,
    feature_space,
)
from ecgml.exploration.signals.filters import FILTERS, filter_effect, filter_record, filters_section
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.record import Record
from tests.exploration.surveys import FS, beat, make_record, make_signals, make_survey, make_waveforms

RNG = np.random.default_rng(0)


def test_components_are_those_of_the_covariance() -> None:
    """Three directions of known variance: shares 9:4:1 of 14, to the sampling error of 20,000 records."""
    features = RNG.normal(size=(20_000, 3)) * [3, 2, 1] + 5
    found = fit_components(features, np.arange(20_000), seed=0)
    assert found is not None
    np.testing.assert_allclose(found.explained, np.array([9, 4, 1]) / 14, atol=0.01)
    np.testing.assert_allclose(np.abs(found.directions), np.eye(3), atol=0.05)
    assert (found.for_share(0.6), found.for_share(0.9), found.for_share(1)) == (1, 2, 3)


@pytest.mark.parametrize("features", [np.zeros((0, 5)), np.ones((50, 5)), RNG.normal(size=(3, 5)), np.ones((50, 1))])
def test_nothing_to_decompose_is_none(features: np.ndarray) -> None:
    assert fit_components(features, np.arange(len(features)), seed=0) is None


def test_the_median_beat_is_the_beat() -> None:
    """Beats at equal distances, noise of 10 µV: the median is within a third of that, and its peak is at 0 s."""
    lead = beat(rate_bpm=72)
    waveforms = np.tile(lead, (1, 12, 1)) + RNG.normal(0, 0.01, (1, 12, 1000))
    beats = median_beats(make_signals(make_survey(["SR"]), waveforms.astype(np.float32)))
    assert beats.rows.tolist() == [0]
    peak = beats.waveforms[0, 0].argmax()
    assert beats.times[peak] == pytest.approx(0, abs=0.011)
    assert beats.waveforms[0, 0, peak] == pytest.approx(1, abs=0.08)
    assert np.abs(beats.waveforms[0] - beats.waveforms[0].mean(axis=0)).mean() < 0.0067


def test_signals_without_beats_or_leads_have_no_beat_and_no_spectrum() -> None:
    waveforms = make_waveforms(3)
    waveforms[0] = RNG.normal(0, 0.1, (12, 1000))
    waveforms[1, 4] = 0
    signals = make_signals(make_survey(["SR"] * 3), waveforms)
    assert median_beats(signals).rows.tolist() == [2]
    assert power_spectra(signals).rows.tolist() == [0, 2]


def test_a_spectrum_peaks_where_the_sine_is_and_ignores_loudness() -> None:
    times = np.arange(1000) / FS
    sine = np.sin(2 * np.pi * 12 * times) + RNG.normal(0, 0.01, (12, 1000))
    signals = make_signals(make_survey(["SR"] * 2), np.stack([sine, 7 * sine]).astype(np.float32))
    spectra = power_spectra(signals)
    assert spectra.frequencies[spectra.level_db[0].argmax()] == pytest.approx(12)
    np.testing.assert_allclose(spectra.level_db[0], spectra.level_db[1], atol=1e-3)
    assert spectra.frequencies[0] >= 0.5
    assert spectra.frequencies[-1] <= 40


def test_angles_are_neighbours_across_the_cut_and_gaps_are_filled() -> None:
    survey = make_survey(["SR"] * 20)
    survey.values[:2, 3] = [269, -89]  # two degrees apart
    survey.values[0, 0] = np.nan
    survey.values[5, :4] = np.nan
    given = standardise(survey, measured=False)
    assert given.names == ("Age", "Gender", "Ventricular rate", "R axis, cosine", "R axis, sine")
    assert 5 not in given.rows
    assert given.n_filled == 1
    np.testing.assert_allclose(given.features[0, 3:], given.features[1, 3:], atol=0.1)
    np.testing.assert_allclose(given.features.std(axis=0), 1)
    measured = standardise(survey, measured=True)
    assert measured.names == ("ventricular_rate", "rr_cv", "t_axis, cosine", "t_axis, sine")


def test_the_typical_recording_is_the_middle_one_and_the_odd_one_is_far_out() -> None:
    survey = make_survey(["SR"] * 11 + ["AFIB"] * 5 + ["SB"])
    features = RNG.normal(0, 0.1, (17, 4))
    features[4] = 0
    features[7, 2] = -5
    features[2, 1] = 9  # further, but with a remark
    features[11:16] += 10
    notes = survey.notes.copy()
    notes[2] = "V1 left out: flat"
    space = FeatureSpace(np.arange(17), features, ("a", "b", "c", "d"))
    chosen = choose_exemplars(replace(survey, notes=notes), space)
    by_kind = {(one.rhythm, one.kind): one for one in chosen}
    assert by_kind[1, ATYPICAL].row == 7
    assert by_kind[1, ATYPICAL].standing_out == ("c (−5.0)",)
    assert by_kind[1, TYPICAL].n_records == 10
    assert by_kind[1, TYPICAL].distance < 0.1
    assert (0, TYPICAL) in by_kind
    assert (0, ATYPICAL) not in by_kind, "a lone recording is typical, not atypical"
    assert by_kind[3, TYPICAL].distance < 1, "near to its own rhythm, not to all"


def test_exemplars_are_drawn_from_their_files_and_unreadable_ones_left_out() -> None:
    survey = make_survey(["SR"] * 8 + ["AFIB"] * 8)
    signals = make_signals(survey)
    beats = median_beats(signals)
    shapes = fit_components(beats.features, beats.rows, seed=0)
    space = feature_space(standardise(survey, measured=True), beats, shapes)
    read: list[int] = []

    def reader(row: int) -> Record | None:
        read.append(row)
        return make_record(row) if survey.rhythms[row] == 1 else None

    section = exemplars_section(survey, space, reader, lambda: None)
    assert len(read) == 4
    assert [part.name for part in section.parts] == ["typical_SR", "odd_SR"]
    assert "500 Hz, 10 s" in section.parts[0].basis
    assert "years" in section.parts[0].words[0]


def test_filters_take_what_they_are_for() -> None:
    """A drift of 0.2 Hz and mains of 50 Hz on a clean ECG."""
    filtered = filter_record(0, make_record(), PreprocessingSettings())
    assert filtered is not None
    none = filter_effect(filtered, "none")
    assert (none.taken_uv, none.height, none.drift_left, none.noise_left) == pytest.approx((0, 1, 1, 1))
    assert none.einthoven_uv < 1
    for name in FILTERS:
        figures = filter_effect(filtered, name)
        assert 0.7 < figures.height < 1.1, name
        assert figures.taken_uv > 10, name
        if name != "notch":
            assert figures.drift_left < 0.05, name
        if name != "wavelet":
            assert figures.noise_left < 0.4, name
    assert filter_effect(filtered, "notch").drift_left == pytest.approx(1, abs=0.01)


def test_filters_are_compared_and_what_cannot_be_is_said() -> None:
    survey = make_survey(["SR", "SB"])

    def read(row: int) -> Record | None:
        slow = make_record(row).waveform[:, ::5]
        return Record(slow, 100.0, "slow") if row else Record(slow[:, :300], 100.0, "short")

    section = filters_section(survey, [0, 1], read, PreprocessingSettings(), lambda: None)
    assert [part.name for part in section.parts] == ["filters_ordinary", "filters"], "one of two is too short"
    assert "no notch at 50 Hz" in " ".join(section.parts[0].words)
    assert section.parts[1].columns["filter"] == ["none", *FILTERS]
    assert section.parts[1].columns["power kept above 45 Hz"][0] == "–"
    left_out = filters_section(survey, [], read, PreprocessingSettings(), lambda: None)
    assert left_out.words == ("Left out because filtered is 0; set --filtered 8.",)


@pytest.mark.slow
def test_recordings_that_were_denoised_before_are_said_to_be() -> None:
    survey = make_survey(["SR"])
    survey = replace(survey, facts=(replace(survey.facts[0], denoised=True),))
    section = filters_section(survey, [0], make_record, PreprocessingSettings(), lambda: None)
    assert "were denoised before publication" in " ".join(section.words)
