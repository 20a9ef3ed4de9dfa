"""Effects over the times of follow-up: each study's, the mean, and what a new study's may be."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmeta.errors import SpecificationError
from bayesmeta.families.time_course.follow_ups import follow_ups
from bayesmeta.families.time_course.heights import has_every_time
from bayesmeta.numbers import is_between
from bayesmeta.plots.canvas import BLACK, BLUE, SKY, blank, legend, ratio_axis
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import bracket, unit, wrapped
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.time_course import time_course
from bayesmeta.text.numbers import count_of

_POINTS = 41
_SHOWN = ["median", "lower", "upper", "new_lower", "new_upper"]


def plot_time_course(
    result: MetaResult, until: float | None = None, *, ax: Axes | None = None, width: float = WIDE
) -> Axes:
    """Draw the mean effect over time with its 95% credible band, the 95% prediction band of a new study, and each study.

    The estimates of a study are joined by a thin line. With one mean for each time there is a bar in place of a band.

    Parameters
    ----------
    result : MetaResult
        Of a `TimeCourse`.
    until : float, optional
        A time beyond the last follow-up to which the curve is drawn; a dotted line stands where it is extrapolated from.
    ax : Axes, optional
        Where to draw; a new figure by default.
    width : float, default 170
        Of a new figure, in millimetres.

    Returns
    -------
    Axes
        Ratios on a logarithmic axis.

    Raises
    ------
    SpecificationError
        If the result is of another model, or `until` is not beyond the last follow-up or the model has no mean there.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(
    ...     y=[-3.0, -1.6, -2.4, -1.5], se=[0.4, 0.5, 0.3, 0.4],
    ...     covariates={"trial": ["A", "A", "B", "B"], "time": [1, 6, 2, 6]},
    ... )
    >>> model = bm.TimeCourse(formula="1 + time", mu=bm.Normal(0, 5), tau=bm.HalfNormal(1), rho=0.8, rho_within=0.7)
    >>> print(bm.alt_text(bm.plot_time_course(bm.fit(data, model))))
    Effect over time of 4 estimates of 2 studies: mean −2.78 [−3.76, −1.74] at time 1, −1.53 [−2.55, −0.46] at time 6.
    """
    table = time_course(result).table  # which says what is wrong with the result
    data: Any = result.data
    model: Any = result.model
    display = result.display
    rows = follow_ups(data, model)
    first, last = float(table.index[0]), float(table.index[-1])
    continuous = has_every_time(result.prepared) and (last > first or until is not None)
    if until is not None and not (is_between(until, last, np.inf) and continuous):
        raise SpecificationError(
            f"until={until!r}: give a time beyond the last follow-up, {last:g}, of a model with a mean at every time."
        )
    if continuous:
        table = time_course(result, np.linspace(first, last if until is None else until, _POINTS).tolist()).table
    x = table.index.to_numpy(float)
    middle, low, high, new_low, new_high = (display.values(table[name].to_numpy(float)) for name in _SHOWN)
    with drawing(width, ax) as inches:
        ax = blank(inches, (0.9 if narrow(inches) else 0.6) * inches, ax)
        for study in rows.studies:
            order = study[np.argsort(rows.time[study])]
            ax.plot(
                rows.time[order], display.values(data.y[order]), color=BLACK, alpha=0.45, lw=0.6 * unit(), marker="o",
                ms=2.2 * unit(),
            )  # fmt: skip
        if continuous:
            ax.fill_between(x, new_low, new_high, color=SKY, alpha=0.18, lw=0)
            ax.fill_between(x, low, high, color=SKY, alpha=0.5, lw=0)
            ax.plot(x, middle, color=BLUE, lw=1.8 * unit())
        else:
            ax.vlines(x, new_low, new_high, color=SKY, lw=1.2 * unit())
            ax.vlines(x, low, high, color=BLUE, lw=3 * unit())
            ax.plot(x, middle, "D", color=BLUE, ms=5 * unit())
        if until is not None:
            ax.axvline(last, color=BLACK, lw=0.8, ls=":")
        if display.null is not None:
            ax.axhline(display.null, color=BLACK, lw=0.8, ls=":")
        ax.set_xlabel(wrapped(model.time, 60))
        ax.set_ylabel(display.label)
        if display.is_ratio:
            ratio_axis(ax, "y")
        bands = [(BLUE, "mean effect, 95% interval"), (SKY, "new study, 95% prediction interval")]
        handles = [
            Line2D([], [], color=BLACK, alpha=0.45, marker="o", ms=2.2 * unit(), lw=0.6 * unit(), label="study"),
            *(Patch(facecolor=colour, alpha=0.6, label=label) for colour, label in bands),
        ]
        legend(ax, handles, ncols=1 if narrow(inches) else 3)
    said = [
        f"{bracket(float(middle[i]), float(low[i]), float(high[i]))} at {model.time} {x[i]:.4g}"
        for i in dict.fromkeys((0, len(x) - 1))
    ]
    beyond = "" if until is None else f"; extrapolated beyond {last:g}"
    number = f"{count_of(len(data), 'estimate')} of {count_of(len(rows.studies), 'study')}"
    return finished(ax, f"Effect over time of {number}: mean {', '.join(said)}{beyond}.")
