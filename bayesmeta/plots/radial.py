"""The radial plot: effects in units of their errors by their precision, so that a slope is an effect."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from bayesmeta.errors import SpecificationError
from bayesmeta.plots.canvas import BLACK, BLUE, SKY, blank, legend
from bayesmeta.plots.effects import known_effects
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import bracket, unit
from bayesmeta.results.meta_result import MetaResult

_Z = 1.959964


def plot_radial(result: MetaResult, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    r"""Draw each effect in units of its standard deviation by its precision: a radial, or Galbraith, plot.

    With v = se^2 + tau^2, at the posterior median of tau, a study stands at x = 1 / sqrt(v) and z = y / sqrt(v): the slope of
    a line from the origin is an effect, that of the solid line the posterior median of the mean effect. The band is 1.96
    above and below: studies outside are further from the mean than chance and tau explain. As `radial` of R's metafor for
    a random-effects model.

    Parameters
    ----------
    result : MetaResult
        Of a mean without covariates; latent studies are left out.
    ax : Axes, optional
        Where to draw; a new figure by default.
    width : float, default 170
        Of a new figure, in millimetres.

    Returns
    -------
    Axes
        On the scale of the analysis: log odds ratios, for instance.

    Raises
    ------
    SpecificationError
        If the model has covariates, or no study a known effect.

    References
    ----------
    Galbraith (1988), A note on graphical presentation of estimated odds ratios from several clinical trials,
    Stat. Med. 7:889-894, doi:10.1002/sim.4780070807

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> print(bm.alt_text(bm.plot_radial(result)))
    Radial plot of 13 studies, log risk ratio: 0 outside the band around the mean effect −0.70 [−1.08, −0.34].
    """
    if result.coefficients or "mu" not in result.parameters:
        raise SpecificationError("plot_radial needs a mean without covariates, from whose line the studies deviate.")
    effects, mu = known_effects(result, "plot_radial"), result.marginal("mu")
    sd = np.sqrt(effects.se**2 + result.marginal("tau").median() ** 2)
    x, z, slope = 1 / sd, effects.y / sd, mu.median()
    line = np.array([0.0, 1.08 * float(x.max())])
    with drawing(width, ax) as inches:
        ax = blank(inches, (0.85 if narrow(inches) else 0.55) * inches, ax)
        ax.fill_between(line, slope * line - _Z, slope * line + _Z, color=SKY, alpha=0.35, lw=0, label="± 1.96")
        ax.plot(line, slope * line, color=BLUE, lw=1.5 * unit(), label="slope: mean effect")
        ax.plot(x, z, "o", mfc=BLACK, mec="white", mew=0.6, ms=5.5 * unit(), label="study")
        ax.axhline(0, color=BLACK, linewidth=0.8, linestyle=":")
        ax.set_xlim(0, float(line[1]))
        ax.set_xlabel("1 / √(SE² + tau²)")
        ax.set_ylabel(f"{result.display.analysis} / √(SE² + tau²)")
        legend(ax, [], ncols=3)
    outside = int((np.abs(z - slope * x) > _Z).sum())
    shown = bracket(slope, *mu.interval(0.95, "eti"))
    return finished(
        ax,
        f"Radial plot of {effects.said}, {result.display.analysis}: {outside} outside the band around the mean effect {shown}.",
    )
