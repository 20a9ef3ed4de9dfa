"""Observed numbers, and what the fitted model would have had observed in their place."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmeta.analysis.reader import FitReader
from bayesmeta.effects.display import Display
from bayesmeta.errors import SpecificationError
from bayesmeta.plots.canvas import BLACK, BLUE, VERMILION, blank, legend, null_line, ratio_axis
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import columns, dot, ends, line, pitch, unit, wrapped
from bayesmeta.results.meta_result import MetaResult

_LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)


def plot_predictive(result: MetaResult, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    """Draw each observed number on the interval of its replicates: a posterior predictive check.

    A replicate is what a new study with the same standard error would report, its true effect drawn anew. Thin and thick bars
    hold 95% and 50% of the replicates; a dot is what was observed, a cross where it is outside the 95%. The model was fitted to
    the same numbers, so that this shows gross misfit only. Of a published review the numbers that it printed are drawn as well,
    each in standard deviations from the mean of its replicates.

    Parameters
    ----------
    result : MetaResult
    ax : Axes, optional
        Where to draw; a new figure by default.
    width : float, default 170
        Of a new figure, in millimetres.

    Returns
    -------
    Axes

    Raises
    ------
    SpecificationError
        If the model has no replicates of anything observed.

    References
    ----------
    Gelman, Meng and Stern (1996), Posterior predictive assessment of model fitness via realized discrepancies, Stat. Sin.
    6:733-807

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> print(bm.alt_text(bm.plot_predictive(result)))
    Posterior predictive check, risk ratio: 13 of 13 observed numbers lie in the 95% interval of their replicates.
    """
    rows = result.prepared.family.replicates(FitReader("", result)).rows
    if not rows:
        raise SpecificationError("plot_predictive: this family has no replicates of observed effects to compare.")
    display, observed, quantiles = _values(result, rows)
    inside = (quantiles[:, 0] <= observed) & (observed <= quantiles[:, -1])
    with drawing(width, ax) as inches:
        names = [wrapped(name, 18 if narrow(inches) else 34) for name, *_ in rows]
        ax = blank(inches, 0.95 * unit() + pitch(names, 0.3) * len(rows), ax)
        low, high = min(quantiles.min(), observed.min()), max(quantiles.max(), observed.max())
        ax.set_xlim(*ends(low - 0.04 * (high - low), high + 0.04 * (high - low), display))
        for at, (value, row, within) in enumerate(zip(observed, display.values(quantiles), inside, strict=True)):
            line(ax, at, row[0], row[4], color=BLUE, linewidth=1.2 * unit())
            line(ax, at, row[1], row[3], color=BLUE, linewidth=5 * unit(), alpha=0.45, solid_capstyle="butt")
            style = {"marker": "o", "color": BLACK} if within else {"marker": "X", "color": VERMILION}
            dot(ax, at, float(display.values(value)), markersize=6 * unit(), markeredgecolor="white", **style)
        null_line(ax, display.null)
        columns(ax, range(len(rows)), names)
        ax.set_xlabel(display.label)
        if display.is_ratio:
            ratio_axis(ax, most=4 if narrow(inches) else 6)
        legend(ax, _key(bool(inside.all())), ncols=2 if narrow(inches) else 4)
    return finished(
        ax,
        f"Posterior predictive check, {display.label}: {int(inside.sum())} of {len(rows)} observed numbers lie in the 95% "
        "interval of their replicates.",
    )


def _values(result: MetaResult, rows: list[tuple[str, float, np.ndarray]]) -> tuple[Display, np.ndarray, np.ndarray]:
    """Observed numbers and quantiles of their replicates: effects as they are, printed numbers of any kind standardised."""
    observed = np.array([value for _, value, _ in rows])
    quantiles = np.array([np.quantile(draws, _LEVELS) for *_, draws in rows])
    if {name for name, *_ in rows} <= set(result.data.study):
        return result.display, observed, quantiles
    mean = np.array([draws.mean() for *_, draws in rows])
    sd = np.array([draws.std() or 1.0 for *_, draws in rows])
    display = Display("SDs from the mean of replicates", "SDs from the mean of replicates")
    return display, (observed - mean) / sd, (quantiles - mean[:, None]) / sd[:, None]


def _key(all_inside: bool) -> list[Line2D]:
    handles = [
        Line2D([], [], marker="o", color=BLACK, lw=0, ms=6 * unit(), mec="white", label="observed"),
        Line2D([], [], color=BLUE, lw=5 * unit(), alpha=0.45, label="50% of replicates"),
        Line2D([], [], color=BLUE, lw=1.2 * unit(), label="95%"),
    ]
    if not all_inside:
        outside = Line2D(
            [], [], marker="X", color=VERMILION, lw=0, ms=6 * unit(), mec="white", label="observed, outside"
        )
        handles.insert(1, outside)
    return handles
