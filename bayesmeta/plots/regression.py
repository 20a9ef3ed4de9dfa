"""Effects along a covariate, with the regression line of the posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.plots.canvas import BLACK, BLUE, SKY, blank, legend, ratio_axis
from bayesmeta.plots.effects import known_effects
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import bracket, unit, wrapped
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.formula import model_matrix, names_in

Floats = NDArray[np.float64]
_POINTS = 61


@dataclass(frozen=True, slots=True)
class Line:
    """The mean effect along a covariate: median, lower and upper of the 95% credible interval at each `x`."""

    x: Floats
    shown: Floats


def plot_regression(
    result: MetaResult, covariate: str | None = None, *, ax: Axes | None = None, width: float = WIDE
) -> Axes:
    """Draw effects along a covariate as bubbles, with the posterior median of the mean effect and its 95% credible band.

    The area of a bubble is the study's precision, 1 / (se^2 + tau^2) at the posterior median of tau. Other covariates of the
    formula are held at their means, or at the most frequent of their levels, for the line; bubbles are the observed effects.

    Parameters
    ----------
    result : MetaResult
        Of a formula with a covariate of numbers.
    covariate : str, optional
        Which one, by its column; by default the only one there is.
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
        If there is no such covariate of numbers, several and none is named, or the formula has a term, as ``center(x)`` or
        a spline, whose values depend on which studies there are.

    References
    ----------
    Thompson and Higgins (2002), How should meta-regression analyses be undertaken and interpreted?, Stat. Med. 21:1559-1573,
    doi:10.1002/sim.1187

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> model = bm.NormalNormal(formula="1 + latitude", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
    >>> print(bm.alt_text(bm.plot_regression(bm.fit(data, model))))
    Bubble plot of 13 studies, risk ratio along latitude: 0.89 [0.57, 1.27] at 13, 0.262 [0.165, 0.413] at 55.
    """
    name, values = _covariate(result, covariate)
    effects, display = known_effects(result, "plot_regression"), result.display
    known = values[[list(result.data.study).index(study) for study in effects.study]]
    line = regression_line(result, name)
    share = 1 / (effects.se**2 + result.marginal("tau").median() ** 2)
    with drawing(width, ax) as inches:
        ax = blank(inches, (0.9 if narrow(inches) else 0.6) * inches, ax)
        middle, lower, upper = (display.values(line.shown[:, j]) for j in range(3))
        ax.fill_between(line.x, lower, upper, color=SKY, alpha=0.35, linewidth=0)
        ax.plot(line.x, middle, color=BLUE, linewidth=1.8 * unit())
        area = 190 * unit() ** 2 * share / share.max()
        ax.scatter(
            known, display.values(effects.y), s=area, facecolors="none", edgecolors=BLACK, linewidths=unit(), zorder=3
        )
        if display.null is not None:
            ax.axhline(display.null, color=BLACK, linewidth=0.8, linestyle=":")
        ax.set_xlabel(wrapped(name, 60))
        ax.set_ylabel(display.label)
        if display.is_ratio:
            ratio_axis(ax, "y")
        handles = [
            Line2D([], [], marker="o", mfc="none", mec=BLACK, ms=6 * unit(), lw=0, label="study, by precision"),
            Line2D([], [], color=BLUE, lw=1.8 * unit(), label="mean effect"),
            Patch(facecolor=SKY, alpha=0.35, label="95% credible band"),
        ]
        legend(ax, handles, ncols=2 if narrow(inches) else 3)
    said = [f"{bracket(*display.values(line.shown[at]).tolist())} at {line.x[at]:.4g}" for at in (0, -1)]
    return finished(ax, f"Bubble plot of {effects.said}, {display.label} along {name}: {', '.join(said)}.")


def regression_line(result: MetaResult, name: str) -> Line:
    """The mean effect along a covariate, the others held at their means or most frequent levels.

    Raises
    ------
    SpecificationError
        If terms of the formula depend on which studies there are.
    """
    import pandas as pd

    data: Any = result.data
    design, frame, formula = result.prepared.design, data.covariates, result.model.base.formula
    x = np.linspace(frame[name].min(), frame[name].max(), _POINTS)
    held = {
        column: frame[column].mean() if _is_number(frame[column]) else frame[column].mode().iloc[0]
        for column in frame.columns
    }
    both = model_matrix(formula, pd.concat([frame, pd.DataFrame({**held, name: x}, columns=frame.columns)]))
    if not np.allclose(both.values[: len(frame)], design.base[0]):
        raise SpecificationError(
            f"plot_regression: formula {formula!r} has a term whose values depend on which studies there are. Put the "
            "centred or transformed column into the data."
        )
    columns = list(design.columns)
    rows = []
    for values in both.values[len(frame) :]:
        terms = ["mu"] if design.intercept else []
        terms += [f"{value!r} * {column}" for value, column in zip(values.tolist(), columns, strict=True)]
        marginal = result.marginal(" + ".join(terms))
        rows.append([marginal.median(), *marginal.interval(0.95, "eti")])
    return Line(x, np.array(rows))


def _covariate(result: MetaResult, given: str | None) -> tuple[str, Floats]:
    """The covariate to draw along, and its values."""
    formula, frame = result.model.base.formula, getattr(result.data, "covariates", None)
    if frame is None:
        raise SpecificationError("plot_regression needs studies whose covariates are known as numbers.")
    numbers = [name for name in names_in(formula) if name in frame.columns and _is_number(frame[name])]
    if given is not None and given not in numbers:
        raise SpecificationError(
            f"covariate={given!r}: the formula {formula!r} has no such covariate of numbers.{did_you_mean(given, numbers)} "
            f"It has {', '.join(numbers) or 'none'}."
        )
    if given is None and len(numbers) != 1:
        raise SpecificationError(
            f"plot_regression: the formula {formula!r} has {', '.join(numbers) or 'no covariate of numbers'}. "
            + ("Say along which: covariate=..." if numbers else "Fit one with a covariate: formula='1 + dose'.")
        )
    name = numbers[0] if given is None else given
    return name, frame[name].to_numpy(float)


def _is_number(column: object) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column))
