"""The weight function of an ensemble: how likely studies are to be seen, by their P values."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from bayesmeta.plots.canvas import BLACK, BLUE, SKY, blank, legend
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import unit
from bayesmeta.sensitivity.robust.result import RobustAverage


def plot_weight_function(ensemble: RobustAverage, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    """Draw the relative probability of being seen in each interval of one-sided P values, averaged over models.

    The interval of the smallest P values has weight 1. Steps are posterior means, the band has 95% of the posterior in each
    interval; models without selection are in the average, with weight 1 everywhere. Ticks at the foot are the studies.
    Intervals are drawn equally wide.

    Parameters
    ----------
    ensemble : RobustAverage
        With models of selection.
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
        If the width is none of a page.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(y=[0.5, 0.4, 0.6, 0.3, 0.9], se=[0.24, 0.19, 0.28, 0.15, 0.41])
    >>> ensemble = bm.robust_average(data, bias={None: 0.5, bm.Selection(steps=[0.025, 0.5]): 0.5})
    >>> print(bm.alt_text(bm.plot_weight_function(ensemble)))
    Weight function of 5 studies, averaged over 8 models: lowest mean 0.09 [0.00, 1.00] for P from 0.5 to 1.
    """
    table = ensemble.weight_function()
    edges = [*table["p_lower"], 1.0]
    places = np.arange(len(edges))
    with drawing(width, ax) as inches:
        ax = blank(inches, (0.75 if narrow(inches) else 0.45) * inches, ax)
        band = {key: np.append(table[key], table[key].iloc[-1]) for key in ("mean", "lower", "upper")}
        ax.fill_between(places, band["lower"], band["upper"], step="post", color=SKY, alpha=0.35, lw=0, label="95%")
        ax.step(places, band["mean"], where="post", color=BLUE, lw=1.5 * unit(), label="mean weight")
        p = np.sort(ensemble.p_values)
        ax.plot(
            np.interp(p, edges, places), np.zeros(p.size), "|", color=BLACK, ms=9 * unit(), clip_on=False, label="study"
        )
        ax.set_xticks(places, labels=[f"{edge:g}" for edge in edges])
        ax.set_xlim(0, float(places[-1]))
        ax.set_ylim(0, max(1.05, 1.05 * float(band["upper"].max())))
        ax.set_xlabel(f"one-sided P value, of a {ensemble.direction} effect")
        ax.set_ylabel("relative probability of being seen")
        legend(ax, [], ncols=3)
    worst = table.loc[table["mean"].idxmin()]
    shown = f"{worst['mean']:.2f} [{worst['lower']:.2f}, {worst['upper']:.2f}]"
    return finished(
        ax,
        f"Weight function of {ensemble.data.n_studies} studies, averaged over {len(ensemble.members)} models: lowest mean "
        f"{shown} for P from {worst['p_lower']:g} to {worst['p_upper']:g}.",
    )
