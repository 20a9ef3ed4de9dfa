"""Plots of prior sensitivity: contours of a probability over two priors, and how far each prior moves it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior
from bayesmeta.priors.plain import plain
from bayesmeta.report.canvas import BLACK, BLUE, GREY, SKY, VERMILION, blank, ratio_axis
from bayesmeta.sensitivity.result import SensitivityResult
from bayesmeta.sensitivity.wording import one_parameter_families

_LEVELS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999)
_NUMBERS = {"sd": "SD", "scale": "scale", "rate": "rate", "mean": "mean"}


def contour(
    result: SensitivityResult,
    claim: str | None = None,
    points: Mapping[str, tuple[Prior, Prior]] | None = None,
) -> Figure:
    """Draw the probability of a claim over two parameters of priors as labelled contours.

    Parameters
    ----------
    result : SensitivityResult
        Two parameters were varied, each over one family in one of its numbers.
    claim : str, optional
        The first by default.
    points : mapping of str to tuple of Prior, optional
        Named pairs of priors to mark, of the same families: published priors, for instance.

    Raises
    ------
    SpecificationError
        If the result has no two such dimensions, or a point is of another family.
    """
    place = result.place(claim)
    axes = [_axis(name, priors) for name, priors in result.priors.items()]
    if len(axes) != 2:
        raise SpecificationError(f"a contour plot needs two parameters whose priors vary; this result has {len(axes)}.")
    (x_name, x_key, x_order), (y_name, y_key, y_order) = axes
    (x_label, x_priors), (y_label, y_priors) = result.priors.items()
    x = np.array([getattr(x_priors[i], x_key) for i in x_order])
    y = np.array([getattr(y_priors[i], y_key) for i in y_order])
    values = result.probability[..., place][np.ix_(x_order, y_order)]
    levels = [level for level in _LEVELS if values.min() < level < values.max()]
    figure, ax = blank(4.9, 3.9)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    if x[0] > 0:
        ratio_axis(ax)
    if y[0] > 0:
        ratio_axis(ax, "y")
    if levels:
        ax.contourf(x, y, values.T, levels=[0.0, *levels, 1.0], cmap="cividis", alpha=0.45)
        lines = ax.contour(x, y, values.T, levels=levels, colors=BLACK, linewidths=0.9)
        ax.clabel(lines, fmt=lambda level: f"{level:g}", fontsize=9)
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
            fontsize=9,
        )
    ax.set_xlabel(x_name)
    ax.set_ylabel(y_name)
    ax.set_title(f"probability that {result.claims[place]}")
    return figure


def tornado(result: SensitivityResult, claim: str | None = None) -> Figure:
    """Draw how far the priors on each parameter move the probability of a claim, widest first.

    A bar goes from the smallest to the largest probability over the priors on one parameter; those on the others are of the
    combination whose posterior is nearest to the primary one.

    Parameters
    ----------
    result : SensitivityResult
    claim : str, optional
        The first by default.
    """
    place = result.place(claim)
    rows = tornado_rows(result, place)
    figure, ax = blank(4.9, 1.35 + 0.55 * len(rows))
    for height, (_, low, high, low_text, high_text) in enumerate(rows):
        ax.plot([low, high], [height, height], color=SKY, linewidth=13, solid_capstyle="butt")
        for value, text, side in ((low, low_text, "right"), (high, high_text, "left")):
            ax.annotate(
                textwrap.fill(text, 22), (value, height), xytext=(-4 if side == "right" else 4, 0),
                textcoords="offset points", ha=side, va="center", fontsize=9,
            )  # fmt: skip
    primary = result.primary[f"P({result.claims[place]})"]
    ax.axvline(primary, color=BLUE, linewidth=1.5)
    ax.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    ax.set_yticks(range(len(rows)), labels=[f"prior on {row[0]}" for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    low, high = min(row[1] for row in rows), max(row[2] for row in rows)
    room = 0.75 * max(high - low, 0.02)
    ax.set_xlim(low - room, high + room)
    ax.set_xticks([tick for tick in ax.get_xticks() if 0 <= tick <= 1 and low - room <= tick <= high + room])
    ax.set_xlabel(f"probability that {result.claims[place]}")
    handles = [
        Line2D([], [], color=SKY, linewidth=9, label="range over the priors"),
        Line2D([], [], color=BLUE, label="primary priors"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    return figure


def tornado_rows(result: SensitivityResult, place: int) -> list[tuple[str, float, float, str, str]]:
    """For each parameter, widest first: its name, the range of the probability, and the priors at its ends.

    The priors on the other parameters are those of the combination whose posterior is nearest to the primary one.
    """
    nearest = np.unravel_index(int(np.argmin(result.arrays["kl"])), result.shape)
    rows = []
    for axis, (name, priors) in enumerate(result.priors.items()):
        at = tuple(slice(None) if i == axis else k for i, k in enumerate(nearest))
        values = result.probability[..., place][at]
        low, high = int(np.argmin(values)), int(np.argmax(values))
        rows.append((name, float(values[low]), float(values[high]), _short(priors[low]), _short(priors[high])))
    return sorted(rows, key=lambda row: row[1] - row[2])


def _axis(name: str, priors: tuple[Prior, ...]) -> tuple[str, str, list[int]]:
    found = one_parameter_families(priors)
    if len(found) != 1 or len(found[0][2]) < len(priors):
        raise SpecificationError(
            f"a contour plot needs priors on {name} of one family that differ in one number; see prior_grid."
        )
    family, key, ordered = found[0]
    where = {id(prior): i for i, prior in enumerate(priors)}
    return f"{_NUMBERS.get(key, key)} of the {family.__name__} prior on {name}", key, [where[id(p)] for p in ordered]


def _short(prior: Prior) -> str:
    """A prior's text with numbers of three digits."""
    from bayesmeta.priors._parameters import parameter_names

    values = [getattr(prior, name) for name in parameter_names(type(prior))]
    if not all(isinstance(value, float) for value in values):
        return str(prior)
    return f"{type(prior).__name__}({', '.join(f'{value:.3g}' for value in values)})"
