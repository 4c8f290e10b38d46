"""One model's settings under several protocols, and how far each falls behind the default split."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metric_table import titles_of
from ecgml.evaluation.protocols import Protocol
from ecgml.page.sections import sentence
from ecgml.report.figures.style import FAINT, GREY, INK, bare, model_style, new_figure


def protocols_figure(protocols: Sequence[Protocol], *, title: str = "", note: str = "") -> Figure:
    """Draw each protocol's figures and its drop in macro-F1, with 95 % intervals; held-out sources below theirs.

    What is too few to tell is drawn hollow.

    Parameters
    ----------
    protocols : sequence of Protocol
        From top to bottom.
    title, note : str
        Above and below the figure.
    """
    rows: list[tuple[str, bool, dict[str, Estimate], Estimate | None, bool]] = []
    for protocol in protocols:
        drop = protocol.drop["macro_f1"] if protocol.drop else None
        n_records = f"{protocol.scores.n_records:,} records"
        if protocol.name in ("default", "published"):
            n_records += f", trained on {protocol.folds[0].n_train:,}"
        rows.append(
            (
                f"{_wrapped(protocol.title)}\n{n_records}",
                True,
                dict(protocol.scores.estimates),
                drop,
                bool(protocol.note),
            )
        )
        if protocol.name == "source":
            for fold in protocol.folds:
                estimates_of_fold = dict(fold.scores.estimates) if fold.scores else {}
                size = f"{fold.scores.n_records:,} records" if fold.scores else "not possible"
                rows.append(
                    (
                        f"{fold.name}, {size},\ntrained on {fold.n_train:,}",
                        False,
                        estimates_of_fold,
                        None,
                        bool(fold.note),
                    )
                )
    figure = new_figure(11.5, 0.58 * len(rows) + 1.6, title, note)
    shown = titles_of("overview")
    *panels, last = figure.subplots(1, len(shown) + 1, sharey=True)
    main, held_out = str(model_style(0)["color"]), GREY
    for axes, (name, label) in zip(panels, shown.items(), strict=True):
        for row, (_, is_pooled, estimates, _, few) in enumerate(rows):
            if name in estimates:
                _draw(axes, estimates[name], row, main if is_pooled else held_out, hollow=few)
        _finish(axes, sentence(label), rows)
    for row, (_, _, _, drop, few) in enumerate(rows):
        if drop:
            _draw(last, drop, row, INK, hollow=few or not drop.excludes_zero, sign=True)
    _finish(last, "Drop in macro-F1", rows)
    last.axvline(0, color=GREY, linewidth=1)
    last.set_xlabel("default split − this →", fontsize=9, color=INK)
    panels[0].set_yticks(range(len(rows)), [label for label, *_ in rows])
    return figure


def _draw(axes: Axes, estimate: Estimate, row: int, colour: str, *, hollow: bool, sign: bool = False) -> None:
    axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=1.8, solid_capstyle="butt")
    face = "white" if hollow else colour
    axes.plot(estimate.value, row, "o", color=colour, markersize=6, markerfacecolor=face)
    axes.annotate(
        f"{estimate.value:+.3f}" if sign else f"{estimate.value:.3f}", (estimate.value, row), (0, 6),
        textcoords="offset points", ha="center", fontsize=8.5, color=colour,
    )  # fmt: skip


def _finish(axes: Axes, label: str, rows: Sequence[object]) -> None:
    bare(axes, label)
    axes.margins(x=0.15)
    axes.set_ylim(len(rows) - 0.5, -0.7)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _wrapped(title: str) -> str:
    return title.replace(" (", "\n(")
