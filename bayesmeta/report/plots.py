"""Plots of probabilities and densities, one function each; `report.canvas` turns them into bytes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesmeta.analysis.records.model import Panel
from bayesmeta.analysis.records.outcome import ConfoundingRecord
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.effects.display import Display
from bayesmeta.report.canvas import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    blank,
    density_axis,
    ratio_axis,
)
from bayesmeta.report.numbers import format_probability

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)


def probabilities(signals: Sequence[SignalRecord]) -> Figure:
    """Draw each signal on the line from 0 to 1: flat prior, stated priors, priors tried."""
    figure, ax = blank(4.9, 0.95 + 0.48 * len(signals))
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
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def density(signal: SignalRecord, *, display: Display, x_label: str) -> Figure:
    """Draw the posterior density of a signal with the claimed side shaded, and its prior as a dashed line.

    Ratios are drawn on a log axis, where the density of their logarithms belongs; on other scales that `display` changes,
    the density is that of what is shown.
    """
    curve = signal.density
    x = np.asarray(curve.x, float)
    shown = display.values(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.gradient(shown, x) if display.changes and not display.is_ratio else np.ones_like(x)
        posterior = np.where(slope > 0, np.asarray(curve.posterior, float) / slope, np.nan)
    figure, ax = blank(4.7, 2.6)
    ax.plot(shown, posterior, color=BLUE, linewidth=1.8, label="posterior")
    start, stop = curve.shade_from, curve.shade_to
    if start is not None or stop is not None:
        low, high = x[0] if start is None else max(start, x[0]), x[-1] if stop is None else min(stop, x[-1])
        claimed = np.unique(np.concatenate([[low, high], x[(x > low) & (x < high)]]))
        height = np.interp(claimed, x, posterior)
        text = f"probability {format_probability(signal.probability)}"
        ax.fill_between(display.values(claimed), height, color=SKY, alpha=0.55, linewidth=0, label=text)
    if curve.prior is not None:
        prior = np.where(slope > 0, np.asarray(curve.prior, float) / np.where(slope > 0, slope, 1), np.nan)
        ax.plot(shown, prior, color=VERMILION, linestyle="--", linewidth=1.5, label="prior")
    if display.null is not None:
        ax.axvline(display.null, color=BLACK, linewidth=0.8, linestyle=":")
    ax.set_xlim(shown[0], shown[-1])
    ax.set_xlabel(x_label)
    density_axis(ax)
    if display.is_ratio:
        ratio_axis(ax)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def prior_posterior(panel: Panel) -> Figure:
    """Draw prior (dashed) against posterior (solid) of one parameter, on the model's own scale."""
    figure, ax = blank(2.1, 1.5)
    x = np.asarray(panel.x, float)
    if panel.prior is not None:
        ax.plot(x, panel.prior, color=VERMILION, linestyle="--", linewidth=1.4)
    ax.plot(x, panel.posterior, color=BLUE, linewidth=1.7)
    ax.fill_between(x, np.asarray(panel.posterior, float), color=SKY, alpha=0.4, linewidth=0)
    ax.set_title(textwrap.fill(panel.parameter, 24))
    ax.set_xlim(x[0], x[-1])
    ax.locator_params(axis="x", nbins=4)
    density_axis(ax)
    return figure


def sensitivity(signal: SignalRecord) -> Figure:
    """Draw the probability of a signal by prior on its coefficient (rows) and on tau (shapes).

    Filled marks are fits of their own, hollow ones reweighted draws, the ring is the primary analysis.
    """
    cells = signal.sensitivity
    rows = list(dict.fromkeys(cell.beta_label or cell.beta for cell in cells))
    taus = list(dict.fromkeys(cell.tau_label or cell.tau for cell in cells))
    legend_rows = -(-(len(taus) + 2) // 2)
    figure, ax = blank(4.9, 0.9 + 0.62 * len(rows) + 0.22 * legend_rows)
    for cell in cells:
        tau = taus.index(cell.tau_label or cell.tau)
        row = rows.index(cell.beta_label or cell.beta)
        height = row + (tau - (len(taus) - 1) / 2) * 0.62 / max(1, len(taus))
        colour = _COLOURS[tau % len(_COLOURS)]
        face = "white" if cell.method == "reweighted" else colour
        style: dict[str, Any] = {
            "marker": _MARKERS[tau % len(_MARKERS)],
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
        for tau, colour, marker in zip(taus, cycle(_COLOURS), cycle(_MARKERS), strict=False)
    ]
    if any(cell.method == "primary" for cell in cells):
        handles.append(Line2D([], [], linestyle="none", marker="o", mfc="none", mec=BLACK, ms=11, label="primary"))
    if signal.flat_prior_probability is not None:
        handles.append(Line2D([], [], color=VERMILION, linestyle="-.", label="1 − P/2"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    return figure


def confounding(panel: ConfoundingRecord) -> Figure:
    """Draw the joint posterior of two coefficients that the trials cannot tell apart well."""
    points = np.asarray(panel.points, float).reshape(-1, 2)
    figure, ax = blank(4.2, 3.3)
    ax.plot(points[:, 0], points[:, 1], "o", color=BLUE, alpha=0.35, ms=4, mew=0)
    ax.locator_params(nbins=6)
    ax.axvline(0, color=BLACK, linewidth=0.8, linestyle=":")
    ax.axhline(0, color=BLACK, linewidth=0.8, linestyle=":")
    ax.set_xlabel(panel.x)
    ax.set_ylabel(panel.y)
    return figure
