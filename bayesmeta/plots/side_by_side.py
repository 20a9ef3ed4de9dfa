"""Estimators and posteriors of both schools beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmeta.analysis.records.outcome import SchoolRow
from bayesmeta.effects.display import Display
from bayesmeta.plots.canvas import BLACK, BLUE, GREY, SKY, blank, legend, null_line, ratio_axis
from bayesmeta.plots.rows import arrows, bracket, columns, dot, ends, line, pitch, unit, wrapped


def side_by_side(
    rows: Sequence[SchoolRow],
    *,
    display: Display,
    x_label: str,
    width: float = 6.6,
    letters: int = 25,
    ticks: int = 6,
    ax: Axes | None = None,
) -> Axes:
    """Estimators and priors of both schools, one row each, from the same data.

    Parameters
    ----------
    rows : sequence of SchoolRow
        On the scale of the analysis.
    display : Display
        How the values are read; ratios are drawn on a log axis.
    x_label : str
        Measure and unit.
    width : float
        Of a figure of our own, in inches.
    letters : int
        Of a line of a name.
    ticks : int
        At most, of a log axis.
    ax : Axes, optional

    Returns
    -------
    Axes
        Black squares: frequentist estimates. Blue diamonds: posterior medians. Lines: their intervals. Pale bars with
        ends: a new study.
    """
    shown = [[display.value(one) for one in (row.estimate, row.lower, row.upper)] for row in rows]
    names = [wrapped(row.name, letters) for row in rows]
    ax = blank(width, 1.35 * unit() + pitch(names, 0.36) * len(rows), ax)
    ax.set_xlim(*_window(rows, display))
    for at, (row, (estimate, lower, upper)) in enumerate(zip(rows, shown, strict=True)):
        bayesian = row.school == "Bayesian"
        colour = BLUE if bayesian else BLACK
        new = (display.value(row.prediction_lower), display.value(row.prediction_upper))
        line(ax, at, *new, color=SKY if bayesian else GREY, linewidth=7, alpha=0.35, solid_capstyle="butt")
        line(ax, at, lower, upper, color=colour, linewidth=1.8, solid_capstyle="butt")
        arrows(ax, at, *new, colour)
        for end in new:
            dot(ax, at, end, marker="|", color=colour, markersize=7)
        shape = {"marker": "D", "markersize": 6.5} if bayesian else {"marker": "s", "markersize": 6}
        dot(ax, at, estimate, color=colour, **shape)
    null_line(ax, display.null)
    columns(ax, list(range(len(rows))), names, [bracket(*values) for values in shown])
    ax.set_xlabel(x_label)
    if display.is_ratio:
        ratio_axis(ax, most=ticks)
    handles = {
        "frequentist": Line2D([], [], marker="s", ms=6, color=BLACK, linewidth=1.8, label="frequentist"),
        "Bayesian": Line2D([], [], marker="D", ms=6.5, color=BLUE, linewidth=1.8, label="Bayesian"),
        "new": Line2D([], [], marker="|", ms=7, mec=BLACK, color=GREY, linewidth=7, alpha=0.35, label="new study"),
    }
    marks = side_by_side_marks(rows, display)
    drawn = [handle for mark, handle in handles.items() if mark in marks]
    legend(ax, drawn, ncols=3, handlelength=2.4)
    return ax


def side_by_side_marks(rows: Sequence[SchoolRow], display: Display) -> set[str]:
    """Marks that `side_by_side` draws: the two schools, new, and arrow where a new study's interval goes on."""
    low, high = _window(rows, display)
    marks: set[str] = {row.school for row in rows}
    for row in rows:
        lower, upper = display.value(row.prediction_lower), display.value(row.prediction_upper)
        if lower is not None or upper is not None:
            marks.add("new")
        if (lower is not None and lower < low) or (upper is not None and upper > high):
            marks.add("arrow")
    return marks


def _window(rows: Sequence[SchoolRow], display: Display) -> tuple[float, float]:
    """Room for every interval of an estimate and for no effect; one of a new study may run out of the picture."""
    near = [one for row in rows for one in (row.estimate, row.lower, row.upper) if one is not None]
    near += [] if display.null is None else [0.0]
    span = (max(near) - min(near)) or 1.0
    far = [one for row in rows for one in (row.prediction_lower, row.prediction_upper) if one is not None]
    low = max(min([*near, *far]), min(near) - 1.5 * span) - 0.06 * span
    high = min(max([*near, *far]), max(near) + 1.5 * span) + 0.06 * span
    return ends(low, high, display)
