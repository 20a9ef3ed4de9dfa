"""Joint draws of two coefficients."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from bayesmeta.analysis.records.outcome import ConfoundingRecord
from bayesmeta.plots.canvas import BLACK, BLUE, blank


def confounding(panel: ConfoundingRecord, ax: Axes | None = None) -> Axes:
    """Draw the joint posterior of two coefficients that the trials cannot tell apart well."""
    points = np.asarray(panel.points, float).reshape(-1, 2)
    ax = blank(4.2, 3.3, ax)
    ax.plot(points[:, 0], points[:, 1], "o", color=BLUE, alpha=0.35, ms=4, mew=0)
    ax.locator_params(nbins=6)
    ax.axvline(0, color=BLACK, linewidth=0.8, linestyle=":")
    ax.axhline(0, color=BLACK, linewidth=0.8, linestyle=":")
    ax.set_xlabel(panel.x)
    ax.set_ylabel(panel.y)
    return ax
