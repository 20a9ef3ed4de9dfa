"""Both schools on the same data."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from bayesmeta.analysis.derived import plain_row
from bayesmeta.analysis.records.outcome import SchoolRow
from bayesmeta.effects.display import Display
from bayesmeta.errors import SpecificationError
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import bracket
from bayesmeta.plots.side_by_side import side_by_side


def plot_comparison(table: pd.DataFrame, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    """Draw frequentist estimates and posterior medians of the same data, a row each, with their intervals.

    Black squares are frequentist estimates with confidence intervals, blue diamonds posterior medians with credible
    intervals, pale bars with ends prediction intervals; an arrow says that one goes on.

    Parameters
    ----------
    table : DataFrame
        From `compare`.
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
        If the table is not one of `compare`.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> table = bm.compare(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)), ["reml hksj"])
    >>> print(bm.alt_text(bm.plot_comparison(table)))
    mu, risk ratio, 95% intervals. reml hksj: 0.489 [0.330, 0.726]. Bayes: 0.495 [0.339, 0.710].
    """
    if not isinstance(table, pd.DataFrame) or "scale" not in table.attrs:
        raise SpecificationError(
            "plot_comparison: give the table that bm.compare returns, whose attrs say what it compares."
        )
    display = Display(**table.attrs["scale"])
    rows = [SchoolRow(name=str(name), **plain_row(row)) for name, row in table.iterrows()]
    label = f"{table.attrs['parameter']}, {display.label} ({100 * table.attrs['level']:g}% intervals)"
    with drawing(width, ax) as inches:
        ax = side_by_side(
            rows, display=display, x_label=label, width=inches, letters=17 if narrow(inches) else 34, ax=ax
        )
    said = [
        f"{row.name}: {bracket(*(display.value(one) for one in (row.estimate, row.lower, row.upper)))}." for row in rows
    ]
    head = f"{table.attrs['parameter']}, {display.label}, {100 * table.attrs['level']:g}% intervals."
    return finished(ax, " ".join([head, *said]))
