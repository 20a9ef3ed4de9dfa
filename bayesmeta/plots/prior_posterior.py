"""Prior and posterior of a parameter."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from bayesmeta.analysis.marginals import curve
from bayesmeta.analysis.records.model import Panel
from bayesmeta.effects.display import Display, reading
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.plots.canvas import BLUE, SKY, VERMILION, blank, density_axis, legend, null_line, ratio_axis
from bayesmeta.plots.page import WIDE, drawing, finished
from bayesmeta.plots.rows import bracket, wrapped
from bayesmeta.priors import Prior
from bayesmeta.results.meta_result import MetaResult


def prior_posterior(panel: Panel, ax: Axes | None = None) -> Axes:
    """Draw prior (dashed) versus posterior (solid) of one parameter, on the model's own scale: a small picture of a report."""
    ax = blank(2.1, 1.5, ax)
    x = np.asarray(panel.x, float)
    _densities(ax, x, panel.posterior, panel.prior)
    ax.set_title(textwrap.fill(panel.parameter, 24))
    ax.set_xlim(x[0], x[-1])
    ax.locator_params(axis="x", nbins=4)
    density_axis(ax)
    return ax


def _densities(ax: Axes, x: ArrayLike, posterior: ArrayLike, prior: ArrayLike | None) -> None:
    if prior is not None:
        ax.plot(x, prior, color=VERMILION, linestyle="--", linewidth=1.4, label="prior")
    ax.plot(x, posterior, color=BLUE, linewidth=1.7, label="posterior")
    ax.fill_between(np.asarray(x), np.asarray(posterior, float), color=SKY, alpha=0.4, linewidth=0)


def plot_prior_posterior(
    result: MetaResult, parameter: str = "mu", *, ax: Axes | None = None, width: float = WIDE
) -> Axes:
    """Draw the prior of a parameter, dashed, and its posterior, solid.

    Ratios are on a logarithmic axis, with the densities of their logarithms. A prior without a density, such as a flat
    one, is not drawn.

    Parameters
    ----------
    result : MetaResult
    parameter : str, default "mu"
        Of those that have a prior: mu, tau, a coefficient.
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
        If there is no such parameter.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> print(bm.alt_text(bm.plot_prior_posterior(result, "tau")))
    Prior HalfNormal(0.5) and posterior of tau. Posterior median 0.55 [0.35, 0.90].
    """
    known = result.prepared.parameters
    if parameter not in known:
        raise SpecificationError(
            f"parameter={parameter!r}: no such parameter has a prior.{did_you_mean(parameter, known)} "
            f"Parameters: {', '.join(known)}."
        )
    display, label = as_read(result, parameter)
    prior, marginal = known[parameter].prior, result.marginal(parameter)
    points, posterior = curve(marginal)
    x = np.asarray(points)
    with drawing(width, ax) as inches:
        ax = blank(inches, 0.5 * inches, ax)
        _densities(ax, display.values(x), posterior, _density(prior, x))
        null_line(ax, display.null if known[parameter].role == "effect" else None)
        ax.set_xlim(*display.values(x[[0, -1]]))
        ax.set_xlabel(wrapped(label, 60))
        density_axis(ax)
        if display.is_ratio:
            ratio_axis(ax)
        legend(ax, [], above=True)
    shown = display.values([marginal.median(), *marginal.interval(0.95, "eti")])
    drawn = f"Prior {prior} and posterior" if _density(prior, x) is not None else "Posterior"
    return finished(ax, f"{drawn} of {label}. Posterior median {bracket(*shown.tolist())}.")


def _density(prior: Prior, x: np.ndarray) -> np.ndarray | None:
    """Of a prior at `x`; None where it has none."""
    if not (prior.is_proper and prior.has_density):
        return None
    return np.where(np.isfinite(density := np.asarray(prior.pdf(x), float)), density, np.nan)


def as_read(result: MetaResult, parameter: str) -> tuple[Display, str]:
    """How a parameter is read where its measure is a ratio, or else as it is analysed; and what it is called then."""
    display = result.display
    said = reading(parameter, display, result.coefficients, "mu" in result.parameters)
    if said and said == display.label and display.is_ratio:
        return display, f"{parameter}, {said}"
    if said and display.is_ratio:
        return Display(said, f"log {said}", "exp", 1.0), f"{parameter}, {said}"
    known = result.prepared.parameters.get(parameter)
    effect = known is None or known.role == "effect"
    analysis = f", {display.analysis}" if effect and display.label != "effect" else ""
    return Display(display.analysis, display.analysis, "identity", 0.0), f"{parameter}{analysis}"
