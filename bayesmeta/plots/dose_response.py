"""The dose-response plot: the effect over the dose with its bands, and what studies observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from bayesmeta.errors import SpecificationError
from bayesmeta.plots.canvas import BLACK, BLUE, GREY, SKY, blank, legend
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import bracket, unit
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.shaped_result import ShapedResult
from bayesmeta.sensitivity.dose_posterior import DoseAverage, one_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACES = 60  # doses at which the curve is drawn
_Z = 1.959964


def plot_dose_response(
    result: MetaResult | DoseAverage,
    *,
    doses: Sequence[float] | None = None,
    ax: Axes | None = None,
    width: float = WIDE,
) -> Axes:
    r"""Draw the effect over the dose with its 95% interval, and dashed that of the effect in a new study.

    Contrasts with no dose stand where they were observed, with 95% intervals; those with another reference dose start from the
    height of the curve there.

    Parameters
    ----------
    result : MetaResult or DoseAverage
        A fit of a `DoseResponse` by quadrature, or what `dose_average` returns.
    doses : sequence of float, optional
        Where to draw the curve; from none to the largest dose of the data by default. Beyond that it is grey.
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
        If the result is not of a curve over doses that was solved by quadrature.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(
    ...     [0.3, 0.5, 0.6, 0.2], [0.1, 0.1, 0.12, 0.1], covariates={"dose": [2.0, 5, 10, 1]}, measure="smd"
    ... )
    >>> model = bm.DoseResponse("emax", bm.Normal(0, 1), bm.HalfNormal(0.2), ed50=bm.LogNormal(1, 1))
    >>> print(bm.alt_text(bm.plot_dose_response(bm.fit(data, model))))
    Dose-response plot of 4 contrasts, standardised mean difference. At dose 10: 0.59 [0.37, 0.80].
    """
    average = one_shape(result) if isinstance(result, ShapedResult) else result
    if not isinstance(average, DoseAverage):
        raise SpecificationError(
            "plot_dose_response takes a fit of a DoseResponse by quadrature, or a dose_average: a curve over doses."
        )
    largest = average.largest_dose
    wanted = np.linspace(0, largest, _PLACES) if doses is None else np.unique(np.asarray(doses, float))
    frame, display = average.curve(wanted.tolist()), next(iter(average.results.values())).display
    x = frame.index.to_numpy(float)
    with drawing(width, ax) as inches:
        ax = blank(inches, (0.85 if narrow(inches) else 0.55) * inches, ax)
        ax.fill_between(x, frame["lower"], frame["upper"], color=SKY, alpha=0.35, lw=0, label="95% interval")
        for i, end in enumerate(("new_lower", "new_upper")):
            ax.plot(x[x > 0], frame[end][x > 0], color=BLUE, lw=0.8, ls="--", label="" if i else "new study")
        ax.plot(x, frame["median"], color=BLUE, lw=1.5 * unit(), label="median")
        if x.max() > largest:
            ax.axvspan(largest, x.max(), color=GREY, alpha=0.15, lw=0, label="beyond the data")
        known, data = average.doses, average.data
        start = np.array([0.0 if r == 0 else average.effect(r).mean() for r in known.reference])
        ax.errorbar(
            known.dose, start + data.y, _Z * data.se, fmt="o", mfc=BLACK, mec="white", mew=0.6, ms=5 * unit(), ecolor=GREY,
            elinewidth=0.8, label="contrast",
        )  # fmt: skip
        ax.axhline(0, color=BLACK, linewidth=0.8, linestyle=":")
        ax.set_xlabel("dose")
        ax.set_ylabel(display.analysis)
        legend(ax, [], ncols=2 if narrow(inches) else 5)
    last = average.curve([min(largest, float(x.max()))]).iloc[0]
    shown = bracket(float(last["median"]), float(last["lower"]), float(last["upper"]))
    return finished(
        ax,
        f"Dose-response plot of {data.n_studies} contrasts, {display.analysis}. At dose {min(largest, float(x.max())):g}: "
        f"{shown}.",
    )
