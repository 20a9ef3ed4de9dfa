"""The answer as studies came in."""

from __future__ import annotations

from matplotlib.axes import Axes

from bayesmeta.diagnostics.cumulative import Cumulative
from bayesmeta.plots.page import WIDE, drawing, finished
from bayesmeta.plots.rows import bracket
from bayesmeta.plots.series import SHOWN, drawn_as, series
from bayesmeta.text.numbers import count_of


def plot_cumulative(result: Cumulative, parameter: str = "mu", *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    """Draw the posterior of a parameter after each study, the first one on top.

    A diamond is the posterior median given the study that is named and all above it, with its interval; the last row has all
    studies.

    Parameters
    ----------
    result : Cumulative
        From `cumulative`.
    parameter : str, default "mu"
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

    References
    ----------
    Lau et al. (1992), N. Engl. J. Med. 327:248-254, doi:10.1056/NEJM199207233270406

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> found = bm.cumulative(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)), "year")
    >>> print(bm.alt_text(bm.plot_cumulative(found)))
    mu as 13 studies came in by year, risk ratio: 0.45 [0.12, 1.85] after the first row, 0.495 [0.339, 0.710]
    after the last.
    """
    display, studies = drawn_as(result.table, parameter, result.display), list(map(str, result.table.index))
    with drawing(width, ax) as inches:
        ax = series(
            result.table,
            [f"+ {name}" for name in studies],
            parameter,
            display=display,
            heading="Studies so far",
            everything=None,
            inches=inches,
            ax=ax,
        )
    rows = result.table[[f"{parameter}_{key}" for key in SHOWN]].to_numpy(float)
    first, last = (bracket(*display.values(rows[at]).tolist()) for at in (0, -1))
    by = f" by {result.order}" if result.order else ""
    number = count_of(int(result.table["n_studies"].iloc[-1]), "study")
    return finished(
        ax,
        f"{parameter} as {number} came in{by}, {display.label}: {first} after the first row, {last} after the last.",
    )
