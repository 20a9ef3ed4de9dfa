"""Which changes of the priors, and which further studies, would take a probability across a level."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmeta.errors import SpecificationError
from bayesmeta.plots.canvas import BLUE, SKY, VERMILION, blank, legend
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import columns, dot, line, pitch, unit, wrapped
from bayesmeta.sensitivity.tipping_result import Tipping, TippingPoints
from bayesmeta.text.numbers import MISSING, format_number, format_probability


def plot_tipping(result: TippingPoints, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    """Draw how far each kind of change moves the probability of a claim, and at which value it crosses the level.

    A bar goes from the lowest to the highest probability over the values that were followed; the solid line is the
    probability in the model as given, the dashed one the level. A diamond marks a bar that crosses the level, and the
    column on the right says at which value of what is varied; a dash, that no value of it does.

    Parameters
    ----------
    result : TippingPoints
        From `tipping_point`.
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
        If no kind of change applies.

    References
    ----------
    Matthews (2018), Royal Society Open Science 5:171047, doi:10.1098/rsos.171047

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
    >>> print(bm.alt_text(bm.plot_tipping(bm.tipping_point(data, model, "mu < 0"))))
    Probability that mu < 0, >0.999 as given, crosses 0.95 with: standard deviation of a Normal(0, sd) prior on mu 0.14; ...
    """
    kinds = [kind for kind in result.kinds if not kind.reason]
    if not kinds:
        raise SpecificationError("plot_tipping: no kind of change applies to this model.")
    with drawing(width, ax) as inches:
        labels = [wrapped(kind.label, 24 if narrow(inches) else 44) for kind in kinds]
        ax = blank(inches, 1.25 * unit() + pitch(labels, 0.36) * (len(kinds) + 1), ax)
        ax.set_xlim(-0.02, 1.02)
        at = [row + 0.85 for row in range(len(kinds))]
        for place, kind in zip(at, kinds, strict=True):
            line(ax, place, *kind.extremes, color=SKY, linewidth=8 * unit(), solid_capstyle="butt", zorder=1)
            if kind.tips:
                dot(
                    ax,
                    place,
                    result.level,
                    marker="D",
                    color=VERMILION,
                    markersize=6.5 * unit(),
                    markeredgecolor="white",
                )
        ax.axvline(result.probability, color=BLUE, linewidth=1.6 * unit())
        ax.axvline(result.level, color=VERMILION, linewidth=1.2 * unit(), linestyle="--")
        columns(ax, [0.0, *at], ["What is varied", *labels], ["Tips at", *map(_values, kinds)])
        ax.set_xlabel(wrapped(f"probability that {result.claim}", 50))
        legend(ax, _key(), ncols=2 if narrow(inches) else 4)
    tips = [f"{kind.label} {_values(kind)}" for kind in kinds if kind.tips]
    crossing = (
        f"crosses {result.level:g} with: {'; '.join(tips)}"
        if tips
        else f"crosses {result.level:g} with no change tried"
    )
    return finished(
        ax, f"Probability that {result.claim}, {format_probability(result.probability)} as given, {crossing}."
    )


def _values(kind: Tipping) -> str:
    return ", ".join(format_number(tip.value) for tip in kind.tips) or MISSING


def _key() -> list[Line2D]:
    return [
        Line2D([], [], color=BLUE, lw=1.6 * unit(), label="as given"),
        Line2D([], [], color=VERMILION, lw=1.2 * unit(), ls="--", label="level"),
        Line2D([], [], color=SKY, lw=8 * unit(), label="range over its values"),
        Line2D([], [], color=VERMILION, marker="D", mec="white", ms=6.5 * unit(), lw=0, label="crosses the level"),
    ]
