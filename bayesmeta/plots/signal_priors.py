"""The probability of a signal under each prior that a report tried."""

from __future__ import annotations

import textwrap
from itertools import cycle
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.plots.canvas import BLACK, COLOURS, GREY, MARKERS, VERMILION, blank, legend


def signal_priors(signal: SignalRecord, ax: Axes | None = None) -> Axes:
    """Draw the probability of a signal by prior on its coefficient (rows) and on tau (shapes).

    Filled marks are fits of their own, hollow ones reweighted draws, the ring is the primary analysis.
    """
    cells = signal.sensitivity
    rows = list(dict.fromkeys(cell.beta_label or cell.beta for cell in cells))
    taus = list(dict.fromkeys(cell.tau_label or cell.tau for cell in cells))
    legend_rows = -(-(len(taus) + 2) // 2)
    ax = blank(4.9, 0.9 + 0.62 * len(rows) + 0.22 * legend_rows, ax)
    for cell in cells:
        tau = taus.index(cell.tau_label or cell.tau)
        row = rows.index(cell.beta_label or cell.beta)
        height = row + (tau - (len(taus) - 1) / 2) * 0.62 / max(1, len(taus))
        colour = COLOURS[tau % len(COLOURS)]
        face = "white" if cell.method == "reweighted" else colour
        style: dict[str, Any] = {
            "marker": MARKERS[tau % len(MARKERS)],
            "markeredgecolor": colour,
            "markerfacecolor": face,
        }
        ax.plot([cell.probability], [height], ms=6, mew=1.4, linestyle="none", **style)
        if cell.method == "primary":
            ax.plot([cell.probability], [height], "o", mfc="none", mec=BLACK, ms=12, mew=1.3)
    for row in range(1, len(rows)):
        ax.axhline(row - 0.5, color="#dddddd", linewidth=0.8)
    if signal.flat_prior_probability is not None:
        ax.axvline(signal.flat_prior_probability, color=VERMILION, linewidth=1.2, linestyle="-.")
    ax.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    ax.set_yticks(range(len(rows)), labels=[textwrap.fill(text, 22) for text in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("probability")
    low = min([0.5, *(cell.probability for cell in cells)])
    ax.set_xlim(max(0.0, low - 0.05), 1.01)
    handles = [
        Line2D([], [], linestyle="none", color=colour, marker=marker, label=f"τ: {tau}")
        for tau, colour, marker in zip(taus, cycle(COLOURS), cycle(MARKERS), strict=False)
    ]
    if any(cell.method == "primary" for cell in cells):
        handles.append(Line2D([], [], linestyle="none", marker="o", mfc="none", mec=BLACK, ms=11, label="primary"))
    if signal.flat_prior_probability is not None:
        handles.append(Line2D([], [], color=VERMILION, linestyle="-.", label="1 − P/2"))
    legend(ax, handles)
    return ax
