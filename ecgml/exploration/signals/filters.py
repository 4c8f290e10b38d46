"""Every denoiser on the same recordings: what it leaves, what it takes, and the spectra of both."""

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
"""Below lies the baseline's wander, above the heart's slowest waves."""

NOISE_HZ = 45.0
"""Above lies next to nothing of the heart, but muscles and the mains."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

RAW, FILTERED, TAKEN = "#9a9a9a", "#0072B2", "#D55E00"


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
        What a filter could not do at this sampling rate.
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
    skipped = {name: "; ".join(note for note in one.notes if note not in raw.notes) for name, one in by_filter.items()}
    return Filtered(
        row, record.name, record.fs, leads, raw.waveform,
        {name: one.waveform for name, one in by_filter.items()},
        {name: note for name, note in skipped.items() if note},
    )  # fmt: skip


@dataclass(frozen=True)
class FilterFigures:
    """What a filter does to a recording, over its leads."""

    taken_uv: float
    """Root mean square of what it takes away, µV."""
    height: float
    """Height of the QRS complexes after over before."""
    drift_left: float
    """Power below :data:`DRIFT_HZ` after over before; NaN where there was none."""
    noise_left: float
    """Power above :data:`NOISE_HZ` after over before; NaN where there was none, or below four times that rate."""
    einthoven_uv: float
    """Root mean square of I + III − II afterwards, µV: 0 in the body; NaN without these leads."""


def filter_figures(filtered: Filtered, name: str) -> FilterFigures:
    """Measure what a filter did to a recording; ``"none"`` is the recording itself."""
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
    # At 100 Hz what lies above 45 is the edge of the recorder's own filter.
    bands = (frequencies < DRIFT_HZ, (frequencies > NOISE_HZ) & (fs >= 4 * NOISE_HZ))
    left = [
        float(np.median(after_power[:, band].sum(axis=1) / before_power[:, band].sum(axis=1)))
        if band.any() and (before_power[:, band].sum(axis=1) > 0).all()
        else float("nan")
        for band in bands
    ]
    limb = [filtered.leads.index(lead) for lead in ("I", "III", "II") if lead in filtered.leads]
    einthoven = after[limb[0]] + after[limb[1]] - after[limb[2]] if len(limb) == 3 else np.array([np.nan])
    return FilterFigures(
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
    title = "Filters"
    compared = []
    for row in rows:
        record = read(row)
        filtered = filter_record(row, record, settings) if record else None
        if filtered:
            compared.append(filtered)
        on_done()
    if not compared:
        is_wanted = len(rows) or not survey.usable.any()
        said = "There is no usable signal to filter." if is_wanted else "Left out (filtered=0)."
        return Section("filters", title, (said,))
    figures = {name: [filter_figures(one, name) for one in compared] for name in FILTERS}
    taken = np.array([one.taken_uv for one in figures["bandpass"]])
    order = np.argsort(taken, kind="stable")
    shown = {"ordinary": int(order[(len(order) - 1) // 2])} | ({"noisiest": int(order[-1])} if len(order) > 1 else {})
    pictures = [_picture(survey, compared, figures, place, which) for which, place in shown.items()]
    which = sentence(out_of(len(compared), int(survey.usable.sum()), "usable recording"))
    words = [
        f"{which}, filtered at the sampling rate of the file, before the model's own band ({settings.highpass_hz:g} to "
        f"{settings.lowpass_hz:g} Hz) follows. The setting `denoise` chooses one filter; what each does is in "
        "docs/denoising.md.",
        *(
            f"The recordings of {one.name} were denoised by those who published them: what is called raw here is not."
            for one in survey.facts
            if one.denoised
        ),
    ]
    metrics = {
        f"filter_{name.replace('-', '_')}_taken_uv": float(np.median([one.taken_uv for one in ones]))
        for name, ones in figures.items()
    }
    unfiltered = {"none": [filter_figures(one, "none") for one in compared]}
    parts = (*pictures, _listing(unfiltered | figures, len(compared)))
    return Section("filters", title, tuple(words), parts, metrics=metrics)


def _picture(
    survey: Survey, compared: Sequence[Filtered], figures: dict[str, list[FilterFigures]], place: int, which: str
) -> Picture:
    one = compared[place]
    own = {name: ones[place] for name, ones in figures.items()}
    lead = PREFERRED_LEAD if PREFERRED_LEAD in one.leads else one.leads[0]
    name = f"{survey.cohorts[one.row]}/{survey.record_ids[one.row]}"
    loudest = max(own, key=lambda name: own[name].taken_uv)
    height = ""
    if known := [name for name in own if np.isfinite(own[name].height)]:
        lowest = min(known, key=lambda name: own[name].height)
        height = f" {lowest} leaves the QRS complexes the lowest, at {own[lowest].height:.0%} of their height."
    skipped = [f"{name}: {note}" for name, note in one.skipped.items()]
    rank = ""
    if len(compared) > 1:
        amount = "most" if which == "noisiest" else "the median"
        rank = f"; of {len(compared)} the one from which bandpass takes {amount}"
    return picture(
        f"filters_{which}",
        f"Raw against every filter: {'the most to take away' if which == 'noisiest' else 'an ordinary recording'}",
        _draw(one, lead, survey.caution),
        alt=f"Lead {lead} of {name} before and after {len(FILTERS)} filters, what each takes away, and spectra.",
        basis=f"record {name}, {rhythm_name(int(survey.rhythms[one.row]))}, {one.fs:g} Hz{rank}",
        words=(
            f"Left: lead {lead} before (grey) and after (blue). Middle: what the filter took away, raw minus filtered; "
            "where the heart beat shows in it, the filter took some of the ECG. Right: power before and after; 50 and "
            "60 Hz are dotted.",
            f"{loudest} takes most here, {own[loudest].taken_uv:.0f} µV root mean square over the leads.{height}",
            f"Not possible at this sampling rate: {listed(skipped)}." if skipped else "",
        ),
    )


def _draw(one: Filtered, lead: str, caution: str) -> Figure:
    place, fs = one.leads.index(lead), one.fs
    n_shown = min(one.raw.shape[1], round(SHOWN_S * fs))
    start = (one.raw.shape[1] - n_shown) // 2
    seconds = np.arange(start, start + n_shown) / fs
    raw = one.raw[place] - np.median(one.raw[place])
    figure = new_figure(11, 1.65 * len(FILTERS) + 0.8, "", caution)
    grid = figure.subplots(len(FILTERS), 3, width_ratios=(2.1, 1.6, 1.2), sharex="col", sharey="col")
    frequencies, before = _spectrum(raw[None], fs)
    for line, name in enumerate(FILTERS):
        after = one.by_filter[name][place] - np.median(one.by_filter[name][place])
        left, middle, right = grid[line]
        last = line == len(FILTERS) - 1
        bare(left, name, "s" if last else "", "mV")
        left.plot(seconds, raw[start : start + n_shown], color=RAW, linewidth=0.9)
        left.plot(seconds, after[start : start + n_shown], color=FILTERED, linewidth=0.9)
        bare(middle, "taken away" if line == 0 else "", "s" if last else "", "mV")
        middle.plot(seconds, (raw - after)[start : start + n_shown], color=TAKEN, linewidth=0.8)
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
    """Label logarithmic axes without mathematics in the labels; mark the mains."""
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


def _listing(figures: dict[str, list[FilterFigures]], n: int) -> Listing:
    def median(ones: list[FilterFigures], attribute: str, shape: str) -> str:
        values = np.array([getattr(one, attribute) for one in ones])
        return shape.format(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else "–"

    columns = {
        "filter": list(figures),
        "taken away, µV RMS": [median(ones, "taken_uv", "{:.0f}") for ones in figures.values()],
        "QRS height left": [median(ones, "height", "{:.1%}") for ones in figures.values()],
        f"power left below {DRIFT_HZ:g} Hz": [median(ones, "drift_left", "{:.1%}") for ones in figures.values()],
        f"power left above {NOISE_HZ:g} Hz": [median(ones, "noise_left", "{:.1%}") for ones in figures.values()],
        "I + III − II, µV RMS": [median(ones, "einthoven_uv", "{:.1f}") for ones in figures.values()],
    }
    words = (
        f"Medians over {counted(n, 'recording')}. I + III − II is zero in the body: a filter that treats each lead by "
        "itself may break that.",
    )
    return Listing("filters", "What the filters do", columns, words)
