"""Contours of a probability over two priors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet

from bayesmeta.errors import SpecificationError
from bayesmeta.plots.canvas import BLACK, VERMILION, blank, ratio_axis
from bayesmeta.priors import Prior
from bayesmeta.priors.plain import plain
from bayesmeta.sensitivity.result import SensitivityResult
from bayesmeta.sensitivity.wording import one_parameter_families

_LEVELS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999)
_NUMBERS = {"sd": "SD", "scale": "scale", "rate": "rate", "mean": "mean"}


def contour(
    result: SensitivityResult,
    claim: str | None = None,
    points: Mapping[str, tuple[Prior, Prior]] | None = None,
    *,
    width: float = 4.9,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability of a claim over two parameters of priors as labelled contours.

    Parameters
    ----------
    result : SensitivityResult
        Two parameters were varied, each over one family in one of its numbers.
    claim : str, optional
        The first by default.
    points : mapping of str to tuple of Prior, optional
        Named pairs of priors to mark, of the same families: published priors, for instance.
    width : float
        Of a figure of our own, in inches.
    ax : Axes, optional

    Raises
    ------
    SpecificationError
        If the result has no two such dimensions, or a point is of another family.
    """
    place = result.place(claim)
    axes = [prior_axis(name, priors) for name, priors in result.priors.items()]
    if len(axes) != 2:
        raise SpecificationError(f"a contour plot needs two parameters whose priors vary; this result has {len(axes)}.")
    (x_name, x_key, x_order), (y_name, y_key, y_order) = axes
    (x_label, x_priors), (y_label, y_priors) = result.priors.items()
    x = np.array([getattr(x_priors[i], x_key) for i in x_order])
    y = np.array([getattr(y_priors[i], y_key) for i in y_order])
    values = result.probability[..., place][np.ix_(x_order, y_order)]
    levels = [level for level in _LEVELS if values.min() < level < values.max()]
    ax = blank(width, 0.8 * width, ax)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    if x[0] > 0:
        ratio_axis(ax)
    if y[0] > 0:
        ratio_axis(ax, "y")
    if levels:
        ax.contourf(x, y, values.T, levels=[0.0, *levels, 1.0], cmap="cividis", alpha=0.45)
        lines = ax.contour(x, y, values.T, levels=levels, colors=BLACK, linewidths=0.9)
        if places := _inside(lines, ax):
            ax.clabel(lines, fmt=lambda level: f"{level:g}", manual=places)
    for name, given in (points or {}).items():
        pair = plain(given[0]), plain(given[1])
        for prior, priors, label in zip(pair, (x_priors, y_priors), (x_label, y_label), strict=True):
            if type(prior) is not type(priors[0]):
                raise SpecificationError(
                    f"points[{name!r}]: {prior} is no {type(priors[0]).__name__}, the family of the priors on {label}."
                )
        at = float(getattr(pair[0], x_key)), float(getattr(pair[1], y_key))
        ax.plot(*at, "o", mfc="white", mec=VERMILION, mew=1.6, ms=7, clip_on=False, zorder=5)
        left = x[0] > 0 and np.log(at[0] / x[0]) > 0.6 * np.log(x[-1] / x[0])
        ax.annotate(
            name,
            at,
            xytext=(-7 if left else 7, 5),
            textcoords="offset points",
            ha="right" if left else "left",
        )
    ax.set_xlabel(x_name)
    ax.set_ylabel(y_name)
    ax.set_title(f"Probability that {result.claims[place]}")
    return ax


def _inside(lines: ContourSet, ax: Axes) -> list[tuple[float, float]]:
    """A point of each contour for its label: away from the edges, which would cut it, and from those of its neighbours."""
    to_share, places = ax.transData - ax.transAxes, []
    for i, segments in enumerate(lines.allsegs):
        points = np.concatenate([*segments, np.empty((0, 2))])
        share = to_share.transform(points)
        inside = ((share > 0.07) & (share < 0.93)).all(axis=1)
        if inside.any():
            nearest = np.abs(share[inside, 0] - (0.75, 0.5, 0.25)[i % 3]).argmin()
            places.append(tuple(points[inside][nearest].tolist()))
    return places


def prior_axis(name: str, priors: tuple[Prior, ...]) -> tuple[str, str, list[int]]:
    """What varies along priors of one family that differ in one number: its name, its key, and their order by it.

    Raises
    ------
    SpecificationError
        If they are no such priors.
    """
    families = one_parameter_families(priors)
    if len(families) != 1 or len(families[0][2]) < len(priors):
        raise SpecificationError(
            f"a contour plot needs priors on {name} of one family that differ in one number; see prior_grid."
        )
    family, key, ordered = families[0]
    where = {id(prior): i for i, prior in enumerate(priors)}
    return f"{_NUMBERS.get(key, key)} of the {family.__name__} prior on {name}", key, [where[id(p)] for p in ordered]
