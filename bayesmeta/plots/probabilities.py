"""A strip of probabilities, one for each signal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmeta.plots.canvas import BLUE, GREY, VERMILION, blank, legend


class Shown(Protocol):
    """What a row of the strip needs; a record of a signal has it."""

    @property
    def name(self) -> str:
        """What the probability is of."""

    @property
    def probability(self) -> float:
        """Under the stated priors."""

    @property
    def probability_range(self) -> Sequence[float]:
        """Over the priors tried."""

    @property
    def flat_prior_probability(self) -> float | None:
        """What a published P value means under a flat prior."""


@dataclass(frozen=True, slots=True)
class Probability:
    """A probability with a name, which needs no signal."""

    name: str
    probability: float
    probability_range: Sequence[float] = field(default=())
    flat_prior_probability: float | None = None


def probabilities(signals: Sequence[Shown], ax: Axes | None = None) -> Axes:
    """Draw each signal on the line from 0 to 1: flat prior, stated priors, priors tried."""
    ax = blank(4.9, 0.95 + 0.48 * len(signals), ax)
    for row, signal in enumerate(signals):
        if signal.probability_range:
            ax.plot(signal.probability_range, [row, row], color=BLUE, linewidth=6, alpha=0.35, solid_capstyle="butt")
        if signal.flat_prior_probability is not None:
            ax.plot([signal.flat_prior_probability], [row], "D", color="white", mec=VERMILION, mew=1.5, ms=6)
        ax.plot([signal.probability], [row], "o", color=BLUE, ms=8)
    ax.set_yticks(range(len(signals)), labels=[textwrap.fill(s.name, 25) for s in signals])
    ax.set_ylim(len(signals) - 0.4, -0.6)
    ax.set_xlim(-0.02, 1.02)
    ax.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("probability")
    handles = [Line2D([], [], marker="o", color=BLUE, linestyle="none", ms=8, label="stated priors")]
    if any(signal.probability_range for signal in signals):
        handles.append(Line2D([], [], color=BLUE, linewidth=6, alpha=0.35, label="priors tried"))
    if any(signal.flat_prior_probability is not None for signal in signals):
        handles.append(
            Line2D([], [], marker="D", color="white", mec=VERMILION, mew=1.5, linestyle="none", label="1 − P/2")
        )
    if len(handles) > 1:
        legend(ax, handles, ncols=3)
    return ax
