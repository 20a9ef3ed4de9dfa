"""Prior and posterior probabilities of what the models of an ensemble have."""

from __future__ import annotations

from matplotlib.axes import Axes

from bayesmeta.plots.canvas import BLUE, GREY, blank, legend
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import unit
from bayesmeta.sensitivity.robust.result import RobustAverage
from bayesmeta.text.numbers import format_probability


def plot_model_probabilities(ensemble: RobustAverage, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    """Draw the probability of an effect, of heterogeneity, and of each way of bias, before and after the data.

    Hollow marks are prior probabilities, filled ones posterior; the ways of bias, no bias among them, sum to one.

    Parameters
    ----------
    ensemble : RobustAverage
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
        If the width is none of a page.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(y=[0.5, 0.4, 0.6, 0.3, 0.9], se=[0.24, 0.19, 0.28, 0.15, 0.41])
    >>> print(bm.alt_text(bm.plot_model_probabilities(bm.robust_average(data))))
    Probabilities of 36 models of 5 studies: effect 0.39, heterogeneity 0.32, publication bias 0.98.
    """
    rows = _rows(ensemble)
    with drawing(width, ax) as inches:
        ax = blank(inches, (0.95 if narrow(inches) else 0.55) * inches, ax)
        for row, (_, prior, posterior) in enumerate(rows):
            ax.plot([prior, posterior], [row, row], color=GREY, lw=unit(), zorder=1)
        prior_marks = [prior for _, prior, _ in rows]
        posterior_marks = [posterior for _, _, posterior in rows]
        ax.plot(prior_marks, range(len(rows)), "o", mfc="white", mec=BLUE, ms=6 * unit(), label="prior")
        ax.plot(posterior_marks, range(len(rows)), "o", color=BLUE, ms=6 * unit(), label="posterior")
        ax.axhline(1.5, color=GREY, linewidth=0.8, linestyle=":")
        ax.set_yticks(range(len(rows)), labels=[label for label, *_ in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlim(-0.02, 1.02)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel("probability")
        legend(ax, [], ncols=2)
    effect, heterogeneity = rows[0][2], rows[1][2]
    bias = 1 - sum(posterior for label, _, posterior in rows[2:] if label == "no bias")
    return finished(
        ax,
        f"Probabilities of {len(ensemble.members)} models of {ensemble.data.n_studies} studies: effect "
        f"{format_probability(effect)}, heterogeneity {format_probability(heterogeneity)}, "
        f"publication bias {format_probability(bias)}.",
    )


def _rows(ensemble: RobustAverage) -> list[tuple[str, float, float]]:
    """What a model may have, with its prior and posterior probability."""
    models = ensemble.models
    chances = ["prior_probability", "posterior_probability"]
    rows = [(name, *models.loc[models[name], chances].sum()) for name in ("effect", "heterogeneity")]
    for bias in ensemble.bias:
        label = "none" if bias is None else bias.label
        rows.append(("no bias" if bias is None else label, *models.loc[models["bias"] == label, chances].sum()))
    return rows
