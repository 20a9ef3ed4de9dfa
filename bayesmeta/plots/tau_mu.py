"""The joint posterior of the mean effect and the heterogeneity."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from bayesmeta.errors import SpecificationError
from bayesmeta.plots.canvas import BLUE, VERMILION, blank, legend, null_line, ratio_axis
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.prior_posterior import as_read
from bayesmeta.plots.rows import bracket, unit
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.quadrature_result import QuadratureResult

Floats = NDArray[np.float64]
_PROBABILITIES = (0.95, 0.8, 0.5)
_SHADES = ("#deebf7", "#9ecae1", "#4292c6")
_GRID = 121


def plot_tau_mu(result: MetaResult, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    """Draw the smallest regions that hold 50%, 80% and 95% of the joint posterior of the mean effect and of tau.

    The cross is at the two posterior medians. A region that widens upwards says that a larger heterogeneity makes the mean
    less certain. Where the posterior is exact so is the density; from draws it is a kernel estimate.

    Parameters
    ----------
    result : MetaResult
        Of a model with `mu`.
    ax : Axes, optional
        Where to draw; a new figure by default.
    width : float, default 170
        Of a new figure, in millimetres.

    Returns
    -------
    Axes
        The mean as it is read, on a logarithmic axis for ratios; tau on the scale of the analysis.

    Raises
    ------
    SpecificationError
        If the model has no `mu`, or a prior has a point mass, so that there is no joint density.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> print(bm.alt_text(bm.plot_tau_mu(result)))
    Joint posterior of mu, risk ratio, 0.495 [0.339, 0.710], and tau, 0.55 [0.35, 0.90]: regions of 50%, 80% and 95%.
    """
    if "mu" not in result.parameters:
        raise SpecificationError(f"plot_tau_mu: the formula {result.model.base.formula!r} has no mu.")
    mu, tau = result.marginal("mu"), result.marginal("tau")
    display, label = as_read(result, "mu")
    x = np.linspace(float(mu.ppf(0.001)), float(mu.ppf(0.999)), _GRID)
    y = np.linspace(max(0.0, float(tau.ppf(0.001)) * 0.5), float(tau.ppf(0.999)), _GRID)
    density, levels = _density(result, x, y)
    with drawing(width, ax) as inches:
        ax = blank(inches, (0.85 if narrow(inches) else 0.6) * inches, ax)
        shown = display.values(x)
        ax.contourf(shown, y, density, levels=[*levels, max(float(density.max()), levels[-1]) * 1.01], colors=_SHADES)
        ax.contour(shown, y, density, levels=levels, colors=BLUE, linewidths=0.8 * unit())
        ax.plot(*display.values([mu.median()]), tau.median(), "P", color=VERMILION, mec="white", ms=8 * unit())
        null_line(ax, display.null)
        ax.set_xlim(shown[0], shown[-1])
        ax.set_ylim(0, y[-1])
        ax.set_xlabel(label)
        ax.set_ylabel("tau, SD of true effects")
        if display.is_ratio:
            ratio_axis(ax)
        handles = [
            Line2D([], [], color=c, lw=6, label=f"{p:.0%}") for c, p in zip(_SHADES, _PROBABILITIES, strict=True)
        ]
        handles.append(Line2D([], [], marker="P", color=VERMILION, mec="white", ms=8 * unit(), lw=0, label="medians"))
        legend(ax, handles, ncols=4)
    one, two = (
        bracket(*scale([m.median(), *m.interval(0.95, "eti")]))
        for m, scale in ((mu, lambda v: display.values(v).tolist()), (tau, list))
    )
    return finished(ax, f"Joint posterior of {label}, {one}, and tau, {two}: regions of 50%, 80% and 95%.")


def _density(result: MetaResult, x: Floats, y: Floats) -> tuple[Floats, list[float]]:
    """Joint density at (y, x), and the height at the edge of each region."""
    if isinstance(result, QuadratureResult) and result.fit.problem.second is None:
        joint = result.joint_density(x, y)
        return joint.density, [joint.level(p) for p in _PROBABILITIES]
    draws = np.stack([result.draws("mu").ravel(), result.draws("tau").ravel()])
    kernel = gaussian_kde(draws[:, :: max(draws.shape[1] // 4000, 1)])
    at = np.stack(np.meshgrid(x, y)).reshape(2, -1)
    density = (kernel(at) + kernel(at * np.array([[1.0], [-1.0]]))).reshape(y.size, x.size)  # tau is at least zero
    ordered = np.sort(density, axis=None)[::-1]
    share = np.cumsum(ordered) / ordered.sum()
    return density, [float(ordered[np.searchsorted(share, p)]) for p in _PROBABILITIES]
