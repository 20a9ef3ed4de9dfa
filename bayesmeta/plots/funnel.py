"""The funnel plot: effects by their standard errors, with contours of significance."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import ndtri

from bayesmeta.effects.display import Display
from bayesmeta.plots.canvas import BLACK, BLUE, blank, legend, null_line, ratio_axis
from bayesmeta.plots.effects import Effects, known_effects
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import bracket, unit
from bayesmeta.results.meta_result import MetaResult

_LEVELS = (0.1, 0.05, 0.01)  # two-sided P values at which contours lie
_SHADES = ("#d9d9d9", "#bdbdbd", "#969696")  # outwards from each, told apart without colour
_POINTS = 41


def plot_funnel(result: MetaResult, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    """Draw effects by their standard errors, the most precise on top, with contours of their own P values.

    Shaded regions are where a study alone is significant: two-sided P below 0.1, 0.05 and 0.01, at 1.645, 1.960 and 2.576
    standard errors from no effect. The dashed lines are 1.96 standard errors from the posterior median of the mean effect,
    where 95% of studies would lie without heterogeneity. Missing studies where results are not significant speak for
    selective publication; asymmetry has other causes too. Measures without a value of no effect have no contours, and
    models with covariates no dashed lines.

    Parameters
    ----------
    result : MetaResult
        Latent studies are left out.
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
        If no study has a known effect.

    References
    ----------
    Peters et al. (2008), Contour-enhanced meta-analysis funnel plots, J. Clin. Epidemiol. 61:991-996,
    doi:10.1016/j.jclinepi.2007.11.010

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> print(bm.alt_text(bm.plot_funnel(result)))
    Funnel plot of 13 studies, risk ratio by standard error: 8 with P below 0.05. Mean effect 0.495 [0.339, 0.710].
    """
    effects, display = known_effects(result, "plot_funnel"), result.display
    centre = None if result.coefficients or "mu" not in result.parameters else result.marginal("mu")
    deepest = 1.05 * float(effects.se.max())
    with drawing(width, ax) as inches:
        ax = blank(inches, (0.95 if narrow(inches) else 0.6) * inches, ax)
        handles = _contours(ax, display, effects, deepest)
        if centre is not None:
            edges = centre.median() + 1.959964 * np.linspace(0, deepest, _POINTS) * np.array([[-1], [1]])
            for edge in (*edges, np.full(_POINTS, centre.median())):
                ax.plot(display.values(edge), np.linspace(0, deepest, _POINTS), color=BLUE, lw=unit(), ls="--")
            handles.append(Line2D([], [], color=BLUE, lw=unit(), ls="--", label="mean effect ± 1.96 SE"))
        ax.plot(display.values(effects.y), effects.se, "o", mfc=BLACK, mec="white", mew=0.6, ms=5.5 * unit(), zorder=4)
        ax.set_ylim(deepest, 0)
        null_line(ax, display.null)
        ax.set_xlabel(display.label)
        ax.set_ylabel("standard error" + (f" of {display.analysis}" if display.changes else ""))
        if display.is_ratio:
            ratio_axis(ax)
        legend(ax, handles, ncols=2 if narrow(inches) else 4)
    count = int((np.abs(effects.y / effects.se) > ndtri(0.975)).sum())
    significant = "" if display.null is None else f": {count} with P below 0.05"
    said = "" if centre is None else _mean(display, centre.median(), *centre.interval(0.95, "eti"))
    return finished(ax, f"Funnel plot of {effects.said}, {display.label} by standard error{significant}.{said}")


def _contours(ax: Axes, display: Display, effects: Effects, deepest: float) -> list[Artist]:
    """Regions of significance around no effect, if there is such a value; sets the limits of the x axis."""
    low, high = float(effects.y.min()) - 0.4 * deepest, float(effects.y.max()) + 0.4 * deepest
    if display.null is None:
        ax.set_xlim(*display.values([low, high]))
        return []
    low, high = min(low, -2 * deepest), max(high, 2 * deepest)
    ax.set_xlim(*display.values([low, high]))
    se, handles = np.linspace(0, deepest, _POINTS), list[Artist]()
    for level, shade in zip(_LEVELS, _SHADES, strict=True):
        edge = ndtri(1 - level / 2) * se
        for side, end in ((-1, min(low, -3 * deepest)), (1, max(high, 3 * deepest))):
            outer = display.values(np.full(_POINTS, end))
            ax.fill_betweenx(se, display.values(side * edge), outer, color=shade, linewidth=0, zorder=0)
        handles.append(Patch(facecolor=shade, label=f"P < {level:g}"))
    return handles


def _mean(display: Display, *values: float) -> str:
    return f" Mean effect {bracket(*display.values(values).tolist())}."
