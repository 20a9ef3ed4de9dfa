"""How far the priors on each parameter move a probability."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmeta.plots.canvas import BLUE, GREY, SKY, blank, legend
from bayesmeta.plots.rows import unit
from bayesmeta.priors import Prior
from bayesmeta.priors._parameters import parameter_names
from bayesmeta.sensitivity.result import SensitivityResult


def tornado(result: SensitivityResult, claim: str | None = None, *, width: float = 4.9, ax: Axes | None = None) -> Axes:
    """Draw how far the priors on each parameter move the probability of a claim, widest first.

    A bar goes from the smallest to the largest probability over the priors on one parameter; those on the others are of the
    combination whose posterior is nearest to the primary one.

    Parameters
    ----------
    result : SensitivityResult
    claim : str, optional
        The first by default.
    width : float
        Of a figure of our own, in inches.
    ax : Axes, optional
    """
    place = result.place(claim)
    rows = tornado_rows(result, place)
    ax = blank(width, unit() * (1.35 + 0.55 * len(rows)), ax)
    for height, (_, low, high, low_text, high_text) in enumerate(rows):
        ax.plot([low, high], [height, height], color=SKY, linewidth=13 * unit(), solid_capstyle="butt")
        for value, text, side in ((low, low_text, "right"), (high, high_text, "left")):
            ax.annotate(
                textwrap.fill(text, 22), (value, height), xytext=(-4 if side == "right" else 4, 0),
                textcoords="offset points", ha=side, va="center",
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
        Line2D([], [], color=SKY, linewidth=9 * unit(), label="range over the priors"),
        Line2D([], [], color=BLUE, label="primary priors"),
    ]
    legend(ax, handles)
    return ax


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


def _short(prior: Prior) -> str:
    """A prior's text with numbers of three digits."""
    values = [getattr(prior, name) for name in parameter_names(type(prior))]
    if not all(isinstance(value, float) for value in values):
        return str(prior)
    return f"{type(prior).__name__}({', '.join(f'{value:.3g}' for value in values)})"
