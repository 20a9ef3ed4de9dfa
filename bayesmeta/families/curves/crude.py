"""Estimates of studies by their own counts, which figures take; where a likelihood curve is looked for; binomial coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]


def log_ratio(above: Floats, below: Floats, added: float = 0.0) -> tuple[Floats, Floats]:
    """Log of the product of some cells over that of others, and its standard error (delta method); nan where a cell is zero.

    Parameters
    ----------
    above, below : ndarray, shape (study, cell)
    added : float
        To every cell, so that there always is a value: where a curve is looked for, and not what it is.

    Examples
    --------
    >>> y, se = log_ratio(np.array([[12.0, 76.0]]), np.array([[88.0, 24.0]]))
    >>> y.round(4), se.round(4)
    (array([-0.8398]), array([0.3867]))
    """
    zero = ((above + added == 0).any(axis=1) | (below + added == 0).any(axis=1))[:, None]
    over, under = (np.where(zero, np.nan, cells + added) for cells in (above, below))
    errors = np.sqrt((1 / np.concatenate([over, under], axis=1)).sum(axis=1))
    return np.log(over.prod(axis=1) / under.prod(axis=1)), errors


def log_choose(events: Floats, others: Floats) -> Floats:
    """Log of the number of ways to choose the participants with the event."""
    return np.asarray(gammaln(events + others + 1) - gammaln(events + 1) - gammaln(others + 1))
