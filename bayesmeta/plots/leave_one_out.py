"""The answer without each study."""

from __future__ import annotations

from matplotlib.axes import Axes

from bayesmeta.diagnostics.leave_one_out import LeaveOneOut
from bayesmeta.plots.page import WIDE, drawing, finished
from bayesmeta.plots.rows import bracket
from bayesmeta.plots.series import SHOWN, drawn_as, series
from bayesmeta.text.numbers import count_of


def plot_leave_one_out(
    result: LeaveOneOut, parameter: str = "mu", *, ax: Axes | None = None, width: float = WIDE
) -> Axes:
    """Draw the posterior of a parameter without each study, beside that with all of them.

    A diamond is the posterior median without the study that is named, with its interval; line and band are those of all
    studies. A row that leaves the band, or crosses no effect, is a study that the answer hangs on.

    Parameters
    ----------
    result : LeaveOneOut
        From `leave_one_out`.
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
    Viechtbauer and Cheung (2010), Res. Synth. Methods 1:112-125, doi:10.1002/jrsm.11

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> found = bm.leave_one_out(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> print(bm.alt_text(bm.plot_leave_one_out(found)))
    mu without each of 13 studies, risk ratio: with all 0.495 [0.339, 0.710], from 0.46 without TPT Madras 1980 to 0.54
    without Hart & Sutherland 1977.
    """
    display, studies = drawn_as(result.table, parameter, result.display), list(map(str, result.table.index))
    everything = [float(result.all_studies[f"{parameter}_{key}"]) for key in SHOWN]
    with drawing(width, ax) as inches:
        ax = series(
            result.table,
            studies,
            parameter,
            display=display,
            heading="Without",
            everything=everything,
            inches=inches,
            ax=ax,
        )
    medians = result.table[f"{parameter}_median"].to_numpy(float)
    low, high = int(medians.argmin()), int(medians.argmax())
    texts = [bracket(float(display.values(medians[at])), None, None) for at in (low, high)]
    whole = bracket(*display.values(everything).tolist())
    return finished(
        ax,
        f"{parameter} without each of {count_of(len(studies), 'study')}, {display.label}: with all {whole}, "
        f"from {texts[0]} without {studies[low]} to {texts[1]} without {studies[high]}.",
    )
