"""Estimates of studies by their own counts, which only figures take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import Counts

Floats = NDArray[np.float64]


def crude(data: Counts) -> tuple[Floats, Floats]:
    """Log odds ratio of each study by itself, and its standard error by Woolf; nan where a cell is zero."""
    a, b, c, d = np.where(data.zero_cell[:, None], np.nan, data.cells).T
    return np.log(a * d / (b * c)), np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
