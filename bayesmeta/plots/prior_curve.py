"""A probability, or a Bayes factor, along the number that varies in a prior."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmeta.families.prepared import prepare
from bayesmeta.plots.canvas import BLACK, BLUE, GREY, VERMILION, blank, legend, ratio_axis
from bayesmeta.plots.page import narrow
from bayesmeta.plots.rows import unit, wrapped
from bayesmeta.plots.surface import prior_axis
from bayesmeta.priors.plain import plain
from bayesmeta.sensitivity.hypotheses import BayesFactorCurve
from bayesmeta.sensitivity.result import SensitivityResult


def probability_curve(result: SensitivityResult, claim: str | None, inches: float, ax: Axes | None) -> Axes:
    """Draw the probability of a claim along the one number that varies in the priors on one parameter."""
    ((name, priors),) = result.priors.items()
    label, key, order = prior_axis(name, priors)
    place = result.place(claim)
    x = np.array([getattr(plain(priors[i]), key) for i in order])
    y = result.probability[order, place]
    ax = blank(inches, (0.8 if narrow(inches) else 0.5) * inches, ax)
    ax.plot(x, y, color=BLUE, linewidth=1.8 * unit(), marker="o", markersize=3 * unit(), clip_on=False)
    stated = plain(prepare(result.data, result.model).priors[str(result.keys[0])])
    if type(stated) is type(plain(priors[0])):
        at = float(getattr(stated, key)), result.primary[f"P({result.claims[place]})"]
        ax.plot(*at, "o", mfc="white", mec=VERMILION, mew=1.6 * unit(), ms=7 * unit(), zorder=5)
        primary = Line2D([], [], marker="o", mfc="white", mec=VERMILION, mew=1.6 * unit(), lw=0, label="primary prior")
        legend(ax, [primary])
    for level in (0.5, 0.95):
        if y.min() - 0.02 < level < y.max() + 0.02:
            ax.axhline(level, color=GREY, linewidth=0.8, linestyle=":")
    pad = 0.08 * max(float(np.ptp(y)), 0.01)
    ax.set_ylim(max(0.0, float(y.min()) - pad), min(1.0, float(y.max()) + pad))
    ax.set_xlim(x[0], x[-1])
    if x[0] > 0:
        ratio_axis(ax)
    ax.set_xlabel(label)
    ax.set_ylabel(wrapped(f"probability that {result.claims[place]}", 40))
    return ax


def bayes_factor_line(found: BayesFactorCurve, inches: float, ax: Axes | None) -> Axes:
    """Draw a Bayes factor along multiples of a prior's scale, or prior by prior where they were listed."""
    scales, factors = found.table["scale"].to_numpy(float), found.table["bayes_factor"].to_numpy(float)
    listed = bool(np.isnan(scales).any())
    ax = blank(inches, (0.8 if narrow(inches) else 0.5) * inches, ax)
    x = np.arange(len(scales)) if listed else scales
    style: dict[str, Any] = (
        {"lw": 0, "markersize": 6 * unit()} if listed else {"lw": 1.8 * unit(), "markersize": 3 * unit()}
    )
    ax.plot(x, factors, color=BLUE, marker="o", clip_on=False, **style)
    ax.axhline(1, color=BLACK, linewidth=0.8, linestyle=":")
    low, high = (float(np.clip(one, 1e-12, 1e12)) for one in (min(factors.min(), 0.9), max(factors.max(), 1.1)))
    ax.set_ylim(low / 1.3, high * 1.3)
    ratio_axis(ax, "y")
    if listed:
        ax.set_xticks(x, labels=[wrapped(text, 16) for text in found.table["prior"]])
    else:
        least = found.least.scale, found.least.bayes_factor
        ax.plot(*least, "v", color=VERMILION, ms=7 * unit(), label="least", clip_on=False, zorder=5)
        ax.set_xlim(x[0], x[-1])
        ratio_axis(ax)
        legend(ax, [])
    ax.set_xlabel(
        f"prior on {found.parameter}" if listed else f"multiple of the scale of the prior on {found.parameter}"
    )
    ax.set_ylabel(wrapped(f"Bayes factor for {found.hypothesis}", 40))
    return ax
