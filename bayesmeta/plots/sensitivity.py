"""A probability under other priors: a surface, a curve or a tornado, whichever the priors that were tried are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from matplotlib.axes import Axes

from bayesmeta.errors import SpecificationError
from bayesmeta.plots.page import WIDE, drawing, finished
from bayesmeta.plots.prior_curve import bayes_factor_line, probability_curve
from bayesmeta.plots.surface import contour, prior_axis
from bayesmeta.plots.tornado import tornado
from bayesmeta.priors import Prior
from bayesmeta.sensitivity.hypotheses import BayesFactorCurve
from bayesmeta.sensitivity.result import SensitivityResult
from bayesmeta.text.numbers import format_factor, format_probability


def plot_sensitivity(
    result: SensitivityResult | BayesFactorCurve,
    claim: str | None = None,
    points: Mapping[str, tuple[Prior, Prior]] | None = None,
    *,
    kind: Literal["surface", "curve", "tornado"] | None = None,
    ax: Axes | None = None,
    width: float = WIDE,
) -> Axes:
    """Draw the probability of a claim under other priors, or a Bayes factor along them.

    Priors of one family that differ in one number make an axis: two of them a surface with labelled contours, one a curve.
    Other priors make a tornado, a bar for each parameter from the lowest to the highest probability over its priors, the others
    being those nearest to the primary ones.

    Parameters
    ----------
    result : SensitivityResult or BayesFactorCurve
        From `prior_sensitivity` or `bayes_factor_curve`.
    claim : str, optional
        The first by default.
    points : mapping of str to tuple of Prior, optional
        On a surface, named pairs of priors to mark, of the same families: published priors, for instance.
    kind : {"surface", "curve", "tornado"}, optional
        By default whichever the priors are.
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
        If the claim was not asked for, the priors do not make the axes of `kind`, or a point is of another family.

    References
    ----------
    McCulloch (1989), Local model influence, J. Am. Stat. Assoc. 84:473-478, doi:10.1080/01621459.1989.10478793

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
    >>> tried = bm.prior_sensitivity(data, model, "mu < -0.5", tau=bm.prior_grid(bm.HalfNormal, scale=[0.1, 0.5, 2]))
    >>> print(bm.alt_text(bm.plot_sensitivity(tried)))
    Probability that mu < -0.5 along the scale of the HalfNormal prior on tau: 0.86 to 0.92 over 3 priors, 0.87 under the
    primary ones.
    """
    if isinstance(result, BayesFactorCurve):
        with drawing(width, ax) as inches:
            ax = bayes_factor_line(result, inches, ax)
        factors = [format_factor(one.log_bayes_factor) for one in (result.least, result.largest)]
        return finished(
            ax, f"Bayes factor for {result.hypothesis} along priors on {result.parameter}: {' to '.join(factors)}."
        )
    shape = kind or _shape(result)
    with drawing(width, ax) as inches:
        if shape == "surface":
            ax = contour(result, claim, points, width=inches, ax=ax)
        elif shape == "curve":
            if len(result.priors) != 1:
                raise SpecificationError("kind='curve' needs priors on one parameter that differ in one number.")
            ax = probability_curve(result, claim, inches, ax)
        elif shape == "tornado":
            ax = tornado(result, claim, width=inches, ax=ax)
        else:
            raise SpecificationError(f"kind={kind!r}: choose surface, curve or tornado.")
    chosen = result.claims[result.place(claim)]
    low, high = map(format_probability, result.range(chosen))
    primary = format_probability(result.primary[f"P({chosen})"])
    return finished(
        ax,
        f"Probability that {chosen} along {_along(result, shape)}: {low} to {high} over {result.probability[..., 0].size} "
        f"priors, {primary} under the primary ones.",
    )


def _shape(result: SensitivityResult) -> str:
    """A surface or a curve where every parameter's priors are an axis, and there are two or one; else a tornado."""
    try:
        axes = [prior_axis(name, priors) for name, priors in result.priors.items()]
    except SpecificationError:
        return "tornado"
    return {1: "curve", 2: "surface"}.get(len(axes), "tornado")


def _along(result: SensitivityResult, shape: str) -> str:
    if shape == "tornado":
        return f"the priors on {' and '.join(result.priors)}"
    return " and ".join(f"the {prior_axis(name, priors)[0]}" for name, priors in result.priors.items())
