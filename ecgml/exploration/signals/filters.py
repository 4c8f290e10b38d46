"""Comparison of denoising filters on the same recordings: output, removed part, and spectra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator
from numpy.typing import NDArray
from scipy import signal

from ecgml.errors import RecordError
from ecgml.exploration.survey import Survey, counted, listed, out_of, rhythm_name
from ecgml.figures import FAINT, GREY, INK, bare, new_figure
from ecgml.measurements.beats import detect_beats
from ecgml.page.sections import Listing, Picture, Section, picture, sentence
from ecgml.preprocessing.denoising import MAINS_HZ
from ecgml.preprocessing.preprocess import denoise_record
from ecgml.preprocessing.settings import DENOISERS, PreprocessingSettings
from ecgml.records.leads import LEADS
from ecgml.records.record import Record

FILTERS = tuple(name for name in DENOISERS if name != "none")

SHOWN_S = 4.0
PREFERRED_LEAD = "II"
QRS_HALF_S = 0.06

DRIFT_HZ = 0.5
"""Baseline wander lies below, the ECG's slowest waves above."""

NOISE_HZ = 45.0
"""Above, there is little ECG, but muscle and mains noise."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

RAW, FILTERED, REMOVED = "#9a9a9a", "#0072B2", "#D55E00"


@dataclass(frozen=True, eq=False)
class Filtered:
    """A recording before and after every filter, at its own sampling rate.

    Parameters
    ----------
    row : int
        Of the survey.
    name : str
    fs : float
        Hz.
    leads : tuple of str
        The usable leads.
    raw : ndarray, shape (n_leads, n_times)
        In mV.
    by_filter : dict of str to ndarray
        The same shape, by the filter's name.
    skipped : dict of str to str
        Steps of a filter that are impossible at this sampling rate.
    """

    row: int
    name: str
    fs: float
    leads: tuple[str, ...]
    raw: NDArray[np.float64]
    by_filter: dict[str, NDArray[np.float64]]
    skipped: dict[str, str]


def filter_record(row: int, record: Record, settings: PreprocessingSettings) -> Filtered | None:
    """Apply every filter to a recording; None where preprocessing would refuse it."""
    try:
        raw = denoise_record(record, replace(settings, denoise="none"))
        by_filter = {name: denoise_record(record, replace(settings, denoise=name)) for name in FILTERS}
    except RecordError:
        return None
    leads = tuple(lead for lead, usable in zip(LEADS, raw.usable, strict=True) if usable)
    skipped = {
        name: "; ".join(note for note in filtered.notes if note not in raw.notes)
        for name, filtered in by_filter.items()
    }
    return Filtered(
        row, record.name, record.fs, leads, raw.waveform,
        {name: filtered.waveform for name, filtered in by_filter.items()},
        {name: note for name, note in skipped.items() if note},
    )  # fmt: skip


@dataclass(frozen=True)
class FilterEffect:
    """Effect of a filter on a recording, over its leads."""

    taken_uv: float
    """Root mean square of the removed part, µV."""
    height: float
    """Height of the QRS complexes, after / before."""
    drift_left: float
    """Power below :data:`DRIFT_HZ`, after / before; NaN where there was none."""
    noise_left: float
    """Power above :data:`NOISE_HZ`, after / before; NaN where there was none, or fs is below four times that."""
    einthoven_uv: float
    """Root mean square of I + III − II after filtering, µV: 0 by Einthoven's law; NaN without these leads."""


def filter_effect(filtered: Filtered, name: str) -> FilterEffect:
    """Measure the effect of a filter on a recording; ``"none"`` is the recording itself."""
    raw, fs = filtered.raw, filtered.fs
    after = filtered.by_filter.get(name, raw)
    middle = np.median(raw, axis=1, keepdims=True)
    taken = raw - middle - after + np.median(after, axis=1, keepdims=True)
    beats = np.rint(detect_beats(raw, fs).positions).astype(int)
    half = max(1, round(QRS_HALF_S * fs))
    heights = [
        np.ptp(after[:, beat - half : beat + half + 1], axis=1) / np.ptp(raw[:, beat - half : beat + half + 1], axis=1)
        for beat in beats
        if beat >= half
        and beat + half < raw.shape[1]
        and (np.ptp(raw[:, beat - half : beat + half + 1], axis=1) > 0).all()
    ]
    frequencies, before_power = _spectrum(raw - raw.mean(axis=1, keepdims=True), fs)
    _, after_power = _spectrum(after - after.mean(axis=1, keepdims=True), fs)
    # At 100 Hz, power above 45 Hz is the edge of the recorder's own filter.
    bands = (frequencies < DRIFT_HZ, (frequencies > NOISE_HZ) & (fs >= 4 * NOISE_HZ))
    left = [
        float(np.median(after_power[:, band].sum(axis=1) / before_power[:, band].sum(axis=1)))
        if band.any() and (before_power[:, band].sum(axis=1) > 0).all()
        else float("nan")
        for band in bands
    ]
    limb = [filtered.leads.index(lead) for lead in ("I", "III", "II") if lead in filtered.leads]
    einthoven = after[limb[0]] + after[limb[1]] - after[limb[2]] if len(limb) == 3 else np.array([np.nan])
    return FilterEffect(
        1000 * float(np.sqrt(np.square(taken).mean())),
        float(np.median(heights)) if heights else float("nan"),
        *left,
        1000 * float(np.sqrt(np.square(einthoven - np.median(einthoven)).mean())),
    )


def filters_section(
    survey: Survey,
    rows: Sequence[int],
    read: Callable[[int], Record | None],
    settings: PreprocessingSettings,
    on_done: Callable[[], None],
) -> Section:
    """Compare all filters on some recordings.

    Parameters
    ----------
    survey : Survey
    rows : sequence of int
        The recordings, by row.
    read : callable
        Reads the recording of a row as its file has it; None where that fails.
    settings : PreprocessingSettings
    on_done : callable
        Called after each recording.
    """
    title = "Denoising filters"
    compared = []
    for row in rows:
        record = read(row)
        filtered = filter_record(row, record, settings) if record else None
        if filtered:
            compared.append(filtered)
        on_done()
    if not compared:
        is_wanted = len(rows) or not survey.usable.any()
        text = (
            "There is no usable signal to filter." if is_wanted else "Left out because filtered is 0; set --filtered 8."
        )
        return Section("filters", title, (text,))
    figures = {name: [filter_effect(item, name) for item in compared] for name in FILTERS}
    taken = np.array([item.taken_uv for item in figures["bandpass"]])
    order = np.argsort(taken, kind="stable")
    shown = {"ordinary": int(order[(len(order) - 1) // 2])} | ({"noisiest": int(order[-1])} if len(order) > 1 else {})
    pictures = [_picture(survey, compared, figures, place, which) for which, place in shown.items()]
    which = sentence(out_of(len(compared), int(survey.usable.sum()), "usable recording"))
    words = [
        f"{which}, filtered at the file's sampling rate, before the model's band-pass ({settings.highpass_hz:g} to "
        f"{settings.lowpass_hz:g} Hz). The setting `denoise` selects a filter; `docs/denoising.md` describes each.",
        *(
            f'The recordings of {item.name} were denoised before publication, so "raw" here is not the original signal.'
            for item in survey.facts
            if item.denoised
        ),
    ]
    metrics = {
        f"filter_{name.replace('-', '_')}_taken_uv": float(np.median([item.taken_uv for item in effects]))
        for name, effects in figures.items()
    }
    unfiltered = {"none": [filter_effect(item, "none") for item in compared]}
    parts = (*pictures, _listing(unfiltered | figures, len(compared)))
    return Section("filters", title, tuple(words), parts, metrics=metrics)


def _picture(
    survey: Survey, compared: Sequence[Filtered], figures: dict[str, list[FilterEffect]], place: int, which: str
) -> Picture:
    filtered = compared[place]
    by_filter = {name: effects[place] for name, effects in figures.items()}
    lead = PREFERRED_LEAD if PREFERRED_LEAD in filtered.leads else filtered.leads[0]
    name = f"{survey.cohorts[filtered.row]}/{survey.record_ids[filtered.row]}"
    loudest = max(by_filter, key=lambda name: by_filter[name].taken_uv)
    height = ""
    if known := [name for name in by_filter if np.isfinite(by_filter[name].height)]:
        lowest = min(known, key=lambda name: by_filter[name].height)
        height = f" {lowest} reduces the QRS complexes most, to {by_filter[lowest].height:.0%} of their height."
    skipped = [f"{name}: {note}" for name, note in filtered.skipped.items()]
    rank = ""
    if len(compared) > 1:
        amount = "most" if which == "noisiest" else "the median amount"
        rank = f"; of {len(compared)} recordings, bandpass removes {amount} from this"
    return picture(
        f"filters_{which}",
        f"Denoising filters: {'the noisiest recording' if which == 'noisiest' else 'a recording of median noise'}",
        _draw(filtered, lead, f"Denoising filters: record {name}", survey.caution),
        alt=f"Lead {lead} of {name} before and after {len(FILTERS)} filters, the part that each removes, and spectra.",
        basis=f"record {name}, {rhythm_name(int(survey.rhythms[filtered.row]))}, {filtered.fs:g} Hz{rank}",
        words=(
            f"Left: lead {lead} before (grey) and after (blue). Middle: the removed part, raw minus filtered; if "
            "beats are visible in it, the filter removed some of the ECG. Right: power before and after; dotted "
            "lines at 50 and 60 Hz.",
            f"{loudest} removes most here, {by_filter[loudest].taken_uv:.0f} µV RMS over the leads.{height}",
            f"Not possible at this sampling rate: {listed(skipped)}." if skipped else "",
        ),
    )


def _draw(filtered: Filtered, lead: str, title: str, caution: str) -> Figure:
    place, fs = filtered.leads.index(lead), filtered.fs
    n_shown = min(filtered.raw.shape[1], round(SHOWN_S * fs))
    start = (filtered.raw.shape[1] - n_shown) // 2
    seconds = np.arange(start, start + n_shown) / fs
    raw = filtered.raw[place] - np.median(filtered.raw[place])
    figure = new_figure(11, 1.65 * len(FILTERS) + 1.1, title, caution)
    grid = figure.subplots(len(FILTERS), 3, width_ratios=(2.1, 1.6, 1.2), sharex="col", sharey="col")
    frequencies, before = _spectrum(raw[None], fs)
    for line, name in enumerate(FILTERS):
        after = filtered.by_filter[name][place] - np.median(filtered.by_filter[name][place])
        left, middle, right = grid[line]
        last = line == len(FILTERS) - 1
        bare(left, name, "s" if last else "", "mV")
        left.plot(seconds, raw[start : start + n_shown], color=RAW, linewidth=0.9)
        left.plot(seconds, after[start : start + n_shown], color=FILTERED, linewidth=0.9)
        bare(middle, "removed" if line == 0 else "", "s" if last else "", "mV")
        middle.plot(seconds, (raw - after)[start : start + n_shown], color=REMOVED, linewidth=0.8)
        middle.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
        bare(right, "power, mV²/Hz" if line == 0 else "", "Hz" if last else "")
        shown = (frequencies >= 0.2) & (frequencies <= 0.98 * fs / 2)
        _, power = _spectrum(after[None], fs)
        right.loglog(frequencies[shown], np.maximum(before[0, shown], 1e-12), color=RAW, linewidth=0.9)
        right.loglog(frequencies[shown], np.maximum(power[0, shown], 1e-12), color=FILTERED, linewidth=0.9)
        right.set_ylim(max(1e-10, 0.02 * before[0, shown].min()), 3 * max(before[0, shown].max(), 1e-9))
        _decades(right, fs)
        for axes in (left, middle):
            axes.set_xlim(seconds[0], seconds[-1])
    grid[0, 0].plot([], [], color=RAW, label="raw")
    grid[0, 0].plot([], [], color=FILTERED, label="filtered")
    grid[0, 0].legend(frameon=False, fontsize=8, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.22), labelcolor=INK)
    return figure


def _decades(axes: Axes, fs: float) -> None:
    """Label logarithmic axes without mathematical notation; mark the mains frequencies."""
    axes.set_xlim(0.2, fs / 2)
    axes.set_xticks([hz for hz in (0.5, 5, 50, 500) if hz < fs / 2])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    low, high = np.log10(axes.get_ylim())
    axes.set_yticks([10.0**power for power in range(int(np.ceil(low)), int(np.floor(high)) + 1) if power % 2 == 0])
    axes.yaxis.set_major_formatter(lambda y, _: f"10{f'{np.log10(y):.0f}'.translate(_RAISED)}")
    axes.yaxis.set_minor_locator(NullLocator())
    for mains in MAINS_HZ:
        if mains < fs / 2:
            axes.axvline(mains, color=GREY, linewidth=0.6, linestyle=(0, (2, 3)), zorder=0)


def _spectrum(leads: NDArray[np.float64], fs: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequencies, Hz, and power, mV²/Hz, shape (n_leads, n_frequencies)."""
    return signal.welch(leads, fs, nperseg=min(leads.shape[1], round(5 * fs)), axis=-1, detrend=False)


def _listing(figures: dict[str, list[FilterEffect]], n: int) -> Listing:
    def median(effects: list[FilterEffect], attribute: str, shape: str) -> str:
        values = np.array([getattr(item, attribute) for item in effects])
        return shape.format(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else "–"

    columns = {
        "filter": list(figures),
        "removed, µV RMS": [median(effects, "taken_uv", "{:.0f}") for effects in figures.values()],
        "QRS height kept": [median(effects, "height", "{:.1%}") for effects in figures.values()],
        f"power kept below {DRIFT_HZ:g} Hz": [median(effects, "drift_left", "{:.1%}") for effects in figures.values()],
        f"power kept above {NOISE_HZ:g} Hz": [median(effects, "noise_left", "{:.1%}") for effects in figures.values()],
        "I + III − II, µV RMS": [median(effects, "einthoven_uv", "{:.1f}") for effects in figures.values()],
    }
    words = (
        f"Medians over {counted(n, 'recording')}. I + III − II is zero by Einthoven's law; a filter that treats each "
        "lead separately may violate it.",
    )
    return Listing("filters", "Denoising filters: effect on recordings", columns, words)
