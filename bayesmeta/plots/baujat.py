"""The Baujat plot: what each study adds to heterogeneity, and what it does to the pooled effect."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.plots.canvas import BLUE, blank, figure_of
from bayesmeta.plots.effects import known_effects
from bayesmeta.plots.fonts import quiet_about_glyphs
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import unit, wrapped
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.text.numbers import format_number

Floats = NDArray[np.float64]
_NAMED = 5
_PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))  # right and up of a point


def plot_baujat(result: MetaResult, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    r"""Draw each study's contribution to Cochran's Q, and how far the common-effect estimate moves without it.

    With weights w = 1 / se^2 and the estimate m = sum(w y) / sum(w), a study stands at x = w (y - m)^2, which sum to Q, and
    at the squared change of m when it is left out over the variance of m without it, 1 / (sum(w) - w). Studies on the right
    are heterogeneous, those on top matter; the ones that are furthest out are named, where there is room. Both are of the
    estimates alone and depend on no prior, as `baujat` of R's metafor for a common-effect model.

    Parameters
    ----------
    result : MetaResult
        Its data are drawn: a mean without covariates; latent studies are left out.
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
        If the model has covariates, or fewer than two studies a known effect.

    References
    ----------
    Baujat et al. (2002), A graphical method for exploring heterogeneity in meta-analyses, Stat. Med. 21:2641-2652,
    doi:10.1002/sim.1221

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> print(bm.alt_text(bm.plot_baujat(result)))
    Baujat plot of 13 studies: Q 152, most of it from Hart & Sutherland 1977 (51.1); the estimate moves most without TPT Madras
    1980.
    """
    if result.coefficients:
        raise SpecificationError("plot_baujat needs a mean without covariates, from which the studies deviate.")
    effects = known_effects(result, "plot_baujat", 2)
    x, y = baujat(effects.y, effects.se)
    with drawing(width, ax) as inches:
        ax = blank(inches, (0.85 if narrow(inches) else 0.6) * inches, ax)
        ax.plot(x, y, "o", mfc=BLUE, mec="white", mew=0.6, ms=6 * unit())
        right, top = float(x.max()) or 1.0, float(y.max()) or 1.0  # zero where all effects are equal
        ax.set_xlim(-0.04 * right, 1.06 * right)
        ax.set_ylim(-0.06 * top, 1.12 * top)
        ax.set_xlabel("contribution to Q")
        ax.set_ylabel("influence on the estimate")
        with quiet_about_glyphs():
            figure_of(ax).draw_without_rendering()  # where there is room is known once the axes have their place
            _name(ax, x, y, [(i, wrapped(effects.study[i], 26)) for i in _furthest(x, y)])
    most, moved = int(x.argmax()), int(y.argmax())
    return finished(
        ax,
        f"Baujat plot of {effects.said}: Q {format_number(float(x.sum()))}, most of it from {effects.study[most]} "
        f"({format_number(float(x[most]))}); the estimate moves most without {effects.study[moved]}.",
    )


def baujat(y: Floats, se: Floats) -> tuple[Floats, Floats]:
    """Contributions to Q, and squared changes of the common-effect estimate without a study over its variance then.

    Examples
    --------
    >>> q, influence = baujat(np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    >>> q, influence
    (array([0.25, 0.25]), array([0.25, 0.25]))
    """
    weight = 1 / se**2
    total = weight.sum()
    mean = (weight * y).sum() / total
    without = (total * mean - weight * y) / (total - weight)
    return weight * (y - mean) ** 2, (mean - without) ** 2 * (total - weight)


def _name(ax: Axes, x: Floats, y: Floats, names: list[tuple[int, str]]) -> None:
    """Names beside their points, the first ones first, each where it covers no point and no other name, or not at all."""
    size, inner = 4 * unit() * figure_of(ax).dpi / 72, ax.get_window_extent()
    points = ax.transData.transform(np.column_stack([x, y]))
    taken = [Bbox.from_extents(px - size, py - size, px + size, py + size) for px, py in points.tolist()]
    for i, name in names:
        for right, up in _PLACES:
            text = ax.annotate(
                name,
                (x[i], y[i]),
                xytext=(7 * unit() * right, 7 * unit() * up),
                textcoords="offset points",
                ha=("right", "center", "left")[right + 1],
                va=("top", "center", "bottom")[up + 1],
                parse_math=False,
            )
            box = text.get_window_extent()
            outside = box.x0 < inner.x0 or box.x1 > inner.x1 or box.y0 < inner.y0 or box.y1 > inner.y1
            if not outside and not any(box.overlaps(one) for one in taken):
                taken.append(box)
                break
            text.remove()


def _furthest(x: Floats, y: Floats) -> list[int]:
    """Places of the points that are furthest from the origin, in shares of the largest."""
    distance = np.hypot(x / (x.max() or 1.0), y / (y.max() or 1.0))
    return [int(i) for i in np.argsort(-distance, kind="stable")[:_NAMED]]
