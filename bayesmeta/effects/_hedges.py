"""Hedges' factor, which takes the bias out of a standardised difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LARGE = 1000  # degrees of freedom from which the series has more digits than the logarithms


def hedges_factor(df: ArrayLike) -> NDArray[np.float64]:
    """Return the exact factor, Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2)) for `df` m of 2 or more.

    References
    ----------
    Hedges (1981), J. Educ. Stat. 6:107-128, doi:10.3102/10769986006002107

    Examples
    --------
    >>> hedges_factor([2, 18, 98]).round(6)
    array([0.56419 , 0.957646, 0.992324])
    """
    from scipy.special import gammaln

    m = np.asarray(df, dtype=np.float64)
    z = (np.maximum(m, _LARGE) - 1) / 2  # Gamma(z + 1/2) / Gamma(z) as a series in 1 / z
    series = np.sqrt((m - 1) / m) * (1 - 1 / (8 * z) + 1 / (128 * z**2) + 5 / (1024 * z**3))
    small = np.minimum(m, _LARGE)
    direct = np.exp(gammaln(small / 2) - gammaln((small - 1) / 2)) / np.sqrt(small / 2)
    return np.asarray(np.where(m > _LARGE, series, direct), dtype=np.float64)
