"""A posterior for each of several sets of studies, one row each: what leave-one-out and cumulative plots share."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmeta.effects.display import Display
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.plots.canvas import BLUE, SKY, blank, legend, null_line, ratio_axis
from bayesmeta.plots.page import narrow
from bayesmeta.plots.rows import bracket, columns, dot, ends, line, pitch, unit, wrapped

SHOWN = ("median", "lower", "upper")  # quantiles, which are the same numbers on the scale of a ratio


def series(
    table: pd.DataFrame,
    names: Sequence[str],
    parameter: str,
    *,
    display: Display,
    heading: str,
    everything: Sequence[float] | None,
    inches: float,
    ax: Axes | None,
) -> Axes:
    """Draw median and interval of a parameter, a row each, with those of all studies as a line and a band if they are given."""
    rows = table[[f"{parameter}_{key}" for key in SHOWN]].to_numpy(float)
    labels = [wrapped(name, 18 if narrow(inches) else 34) for name in names]
    shown = display.values(rows)
    ax = blank(inches, (0.95 if everything is None else 1.25) * unit() + pitch(labels, 0.34) * len(rows), ax)
    ends_of = [*rows.ravel().tolist(), *([] if display.null is None else [0.0]), *(everything or [])]
    low, high = min(ends_of), max(ends_of)
    pad = 0.06 * ((high - low) or 1.0)
    ax.set_xlim(*ends(low - pad, high + pad, display))
    if everything is not None:
        centre, *band = display.values(list(everything)).tolist()
        ax.axvspan(*band, color=SKY, alpha=0.25, lw=0)
        ax.axvline(centre, color=BLUE, lw=unit())
    at = [i + 0.85 for i in range(len(rows))]
    for place, (median, lower, upper) in zip(at, shown.tolist(), strict=True):
        line(ax, place, lower, upper, color=BLUE, linewidth=1.6 * unit())
        dot(ax, place, median, marker="D", color=BLUE, markersize=5.5 * unit())
    null_line(ax, display.null)
    columns(ax, [0.0, *at], [heading, *labels], ["Median [interval]", *(bracket(*one) for one in shown.tolist())])
    ax.set_xlabel(f"{parameter}, {display.label}" if display.changes else f"{parameter}, {display.analysis}")
    if display.is_ratio:
        ratio_axis(ax, most=4 if narrow(inches) else 6)
    if everything is not None:
        both = [
            Line2D([], [], color=BLUE, lw=unit(), label="all studies: median"),
            Patch(facecolor=SKY, alpha=0.25, label="interval"),
        ]
        legend(ax, both)
    return ax


def drawn_as(table: pd.DataFrame, parameter: str, display: Display) -> Display:
    """How a parameter of such a table is read: the mean effect as the measure is, others as they are analysed.

    Raises
    ------
    SpecificationError
        If the table has no such parameter.
    """
    known = [str(name).removesuffix("_mean") for name in table.columns if str(name).endswith("_mean")]
    if parameter not in known:
        raise SpecificationError(
            f"parameter={parameter!r}: there is no such parameter.{did_you_mean(parameter, known)} It has {', '.join(known)}."
        )
    if parameter == "mu":
        return display
    return Display(display.analysis, display.analysis, "identity", None if parameter.startswith("tau") else 0.0)
