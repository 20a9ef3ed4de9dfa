"""The posterior density of a signal."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.effects.display import Display
from bayesmeta.plots.canvas import BLUE, SKY, VERMILION, blank, density_axis, legend, null_line, ratio_axis
from bayesmeta.text.numbers import format_probability


def density(signal: SignalRecord, *, display: Display, x_label: str, ax: Axes | None = None) -> Axes:
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
    ax = blank(4.7, 2.6, ax)
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
    null_line(ax, display.null)
    ax.set_xlim(shown[0], shown[-1])
    ax.set_xlabel(x_label)
    density_axis(ax)
    if display.is_ratio:
        ratio_axis(ax)
    legend(ax, [], ncols=3, above=True)
    return ax
