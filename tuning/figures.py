"""A study in figures: history, intermediate values, importances, slices, parallel coordinates, timeline.

Optuna draws these too, with pyplot's global state and a style of its own; here they look like the project's others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullLocator
from optuna.trial import FrozenTrial, TrialState

from ecgml.figures import FAINT, GREY, INK, PALETTE, bare, new_figure
from ecgml.report.figures.style import MODEL_COLOURS

STATE_COLOURS = {
    TrialState.COMPLETE: MODEL_COLOURS[0],
    TrialState.PRUNED: PALETTE[4],
    TrialState.FAIL: MODEL_COLOURS[1],
    TrialState.RUNNING: FAINT,
}

WORDS = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}

COLOURS = "viridis_r"

TIME_UNITS = (("h", 3600.0), ("min", 60.0), ("s", 1.0))


def history(trials: Sequence[FrozenTrial], metric: str, direction: str, *, note: str = "") -> Figure:
    """Draw the value of every complete trial, and the best so far.

    Parameters
    ----------
    trials : sequence of FrozenTrial
    metric : str
    direction : str
        ``"maximize"`` or ``"minimize"``.
    note : str
        Below the figure.
    """
    figure = new_figure(8, 4.2, "Optimisation history", note)
    axes = bare(figure.subplots(), xlabel="Trial", ylabel=metric)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    done = _complete(trials)
    numbers, values = [trial.number for trial in done], [trial.value for trial in done]
    best = (np.maximum if direction == "maximize" else np.minimum).accumulate(values)
    axes.step(numbers, best, where="post", color=MODEL_COLOURS[1], linewidth=1.6, label="best so far")
    axes.plot(numbers, values, "o", color=MODEL_COLOURS[0], markersize=5, label="complete")
    low = min(values) - 0.06 * (np.ptp(values) or 1)
    ended = [trial.number for trial in trials if trial.state in (TrialState.PRUNED, TrialState.FAIL)]
    # Their values are of other epochs, or none: they are marked at the foot, not among the others.
    axes.plot(ended, [low] * len(ended), "|", color=GREY, markersize=9, label="pruned or failed")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend(frameon=False, fontsize=9, loc="best")
    return figure


def intermediate(trials: Sequence[FrozenTrial], metric: str, *, note: str = "") -> Figure:
    """Draw what every trial reported, step by step: complete ones on top of pruned ones."""
    figure = new_figure(8, 4.6, "Intermediate values", note, _legend((TrialState.COMPLETE, TrialState.PRUNED)))
    axes = bare(figure.subplots(), xlabel="Report (epoch, or training of a trial)", ylabel=metric)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    order = {TrialState.FAIL: 0, TrialState.PRUNED: 1, TrialState.COMPLETE: 2}
    for trial in sorted(trials, key=lambda one: order.get(one.state, 0)):
        points = sorted(trial.intermediate_values.items())
        if not points or trial.state not in order:
            continue
        steps, values = zip(*points, strict=True)
        colour, is_pruned = STATE_COLOURS[trial.state], trial.state == TrialState.PRUNED
        axes.plot(np.add(steps, 1), values, color=colour, linewidth=1.2, alpha=0.75)
        if is_pruned or len(points) == 1:
            axes.plot(steps[-1] + 1, values[-1], "o", color=colour, markersize=4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def importances(shares: Mapping[str, float], metric: str, *, note: str = "") -> Figure:
    """Draw each parameter's share of what the metric varies by."""
    names = sorted(shares, key=lambda name: shares[name])
    figure = new_figure(7, 1.4 + 0.42 * len(names), f"Importance for {metric}", note)
    axes = bare(figure.subplots(), xlabel="Share of the variance among complete trials (fANOVA)")
    bars = axes.barh(names, [shares[name] for name in names], color=MODEL_COLOURS[0], height=0.62)
    axes.bar_label(bars, fmt="%.2f", padding=4, fontsize=9, color=INK)
    axes.set_xlim(0, 1.12 * max(shares.values()))
    axes.tick_params(axis="y", length=0)
    return figure


def slices(trials: Sequence[FrozenTrial], metric: str, *, note: str = "") -> Figure:
    """Draw the value over each parameter, coloured by trial: late trials show where the sampler went."""
    done = _complete(trials)
    names = sorted({name for trial in done for name in trial.params})
    n_columns = min(4, len(names))
    n_rows = -(-len(names) // n_columns)
    figure = new_figure(2.7 * n_columns + 1.2, 3.1 * n_rows + 0.7, "Slices", note)
    panels = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
    drawn = None
    for index, axes in enumerate(panels.flat):
        if index >= len(names):
            axes.set_axis_off()
            continue
        name = names[index]
        bare(axes, xlabel=name, ylabel=metric if index % n_columns == 0 else "")
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        own = [trial for trial in done if name in trial.params]
        drawn = axes.scatter(
            [_plain(trial.params[name]) for trial in own],
            [trial.value for trial in own],
            c=[trial.number for trial in own], cmap=COLOURS, s=26, edgecolors="white", linewidths=0.4,
            vmin=0, vmax=max(1, max(trial.number for trial in done)),
        )  # fmt: skip
        if _is_log(own[0], name):
            _log_axis(axes, [trial.params[name] for trial in own])
    whole = MaxNLocator(integer=True, min_n_ticks=1)
    figure.colorbar(drawn, ax=panels, label="Trial", shrink=0.85, aspect=30, ticks=whole)
    return figure


def parallel(trials: Sequence[FrozenTrial], metric: str, direction: str, *, note: str = "") -> Figure:
    """Draw every complete trial as a line through its parameters to its value."""
    done = sorted(_complete(trials), key=lambda trial: trial.value, reverse=direction == "minimize")
    names = sorted({name for trial in done for name in trial.params})
    done = [trial for trial in done if set(names) <= trial.params.keys()] or done
    names = [name for name in names if all(name in trial.params for trial in done)]
    figure = new_figure(2.0 * (len(names) + 1) + 1.4, 4.6, "Parallel coordinates", note)
    axes = bare(figure.subplots())
    axes.set(xlim=(-0.15, len(names) + 0.4), ylim=(-0.04, 1.04), yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks(range(len(names) + 1), [*names, metric])
    axes.tick_params(axis="x", length=0)
    scaled = [_scaled([trial.params[name] for trial in done], _is_log(done[0], name)) for name in names]
    scaled.append(_scaled([trial.value for trial in done], False))
    values = np.array([trial.value for trial in done])
    low, high = values.min(), values.max()
    norm = Normalize(low, high if high > low else low + 1e-9)
    colours = colormaps[COLOURS if direction == "maximize" else "viridis"]
    for index, value in enumerate(values):
        heights = [column[0][index] for column in scaled]
        axes.plot(range(len(heights)), heights, color=colours(norm(value)), linewidth=1.4, alpha=0.85)
    for place, (_, marks) in enumerate(scaled):
        axes.axvline(place, color=GREY, linewidth=0.8)
        for height, text in marks:
            axes.text(place + 0.03, height, text, fontsize=8, color=INK, va="center", backgroundcolor="#ffffffb0")
    figure.colorbar(ScalarMappable(norm, colours), ax=axes, label=metric, shrink=0.85, aspect=30)
    return figure


def timeline(trials: Sequence[FrozenTrial], *, note: str = "") -> Figure:
    """Draw when each trial ran and what came of it."""
    states = tuple(STATE_COLOURS)[:3]
    ran = [trial for trial in trials if trial.datetime_start and trial.datetime_complete]
    figure = new_figure(8, min(9, 1.8 + 0.16 * len(ran)), "Timeline", note, _legend(states, patches=True))
    began = min(trial.datetime_start for trial in ran)
    last_s = max((trial.datetime_complete - began).total_seconds() for trial in ran)
    unit, unit_s = next((pair for pair in TIME_UNITS if last_s > 3 * pair[1]), TIME_UNITS[-1])
    axes = bare(figure.subplots(), xlabel=f"Time since {began:%Y-%m-%d %H:%M}, {unit}", ylabel="Trial")
    for trial in ran:
        start, length = trial.datetime_start - began, trial.datetime_complete - trial.datetime_start
        axes.barh(
            trial.number,
            length.total_seconds() / unit_s,
            left=start.total_seconds() / unit_s,
            height=0.8,
            color=STATE_COLOURS[trial.state],
        )
    axes.invert_yaxis()
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def _complete(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [trial for trial in trials if trial.state == TrialState.COMPLETE]


def _legend(states: Sequence[TrialState], *, patches: bool = False) -> list[Line2D | Patch]:
    if patches:
        return [Patch(color=STATE_COLOURS[state], label=WORDS[state]) for state in states]
    return [Line2D([], [], color=STATE_COLOURS[state], label=WORDS[state]) for state in states]


def _is_log(trial: FrozenTrial, name: str) -> bool:
    return bool(getattr(trial.distributions[name], "log", False))


def _log_axis(axes: Axes, values: Sequence[float]) -> None:
    """Make the x axis logarithmic with three ticks that are numbers, not powers."""
    axes.set_xscale("log")
    low, high = min(values), max(values)
    ticks = [low, (low * high) ** 0.5, high] if high > low else [low]
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks] if high < 10 else [f"{tick:.0f}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())


def _plain(value: object) -> object:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _scaled(values: Sequence[object], is_log: bool) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Return values between 0 and 1, and heights with the words to write there."""
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        kinds = sorted({str(value) for value in values})
        heights = {kind: index / max(1, len(kinds) - 1) for index, kind in enumerate(kinds)}
        return np.array([heights[str(value)] for value in values]), [(height, kind) for kind, height in heights.items()]
    numbers = np.array(values, dtype=float)
    low, high = numbers.min(), numbers.max()
    if low == high:
        return np.full(len(numbers), 0.5), [(0.5, f"{low:.3g}")]
    forward = np.log if is_log else np.asarray
    scaled = (forward(numbers) - forward(low)) / (forward(high) - forward(low))
    marks = [low * (high / low) ** share if is_log else low + share * (high - low) for share in (0, 1 / 3, 2 / 3, 1)]
    return scaled, [(index / 3, f"{mark:.3g}") for index, mark in enumerate(marks)]
