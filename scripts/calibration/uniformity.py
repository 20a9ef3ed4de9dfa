"""Are numbers uniform on (0, 1)? Chi-squared over bins, Kolmogorov and Smirnov's test, and a simultaneous band about the ECDF."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.stats import binom, chisquare, kstest

BINS, POINTS, SIMULATED, SEED = 20, 100, 4000, 1


def counts(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """How many fall in each of so many equal bins."""
    return np.histogram(values, bins=bins, range=(0, 1))[0]


def p_values(values: np.ndarray) -> dict[str, float]:
    """P values of the three tests that the numbers are independent and uniform."""
    n = values.size
    return {
        "chi2": float(chisquare(counts(values)).pvalue),
        "ks": float(kstest(values, "uniform").pvalue),
        "band": float(np.mean(_extremes(n) <= extreme(values))),
    }


def extreme(values: np.ndarray) -> float:
    """The smallest two-sided binomial probability of the ECDF over a grid of points.

    The ECDF stays within its simultaneous band of level 1 - a where this is above the quantile a that uniform numbers give.

    References
    ----------
    Säilynoja, Bürkner & Vehtari (2022), Stat. Comput. 32:32, doi:10.1007/s11222-022-10090-6
    """
    points = np.arange(1, POINTS) / POINTS
    below = np.searchsorted(np.sort(values), points, side="right")
    n = values.size
    tails = 2 * np.minimum(binom.cdf(below, n, points), binom.sf(below - 1, n, points))
    return float(tails.min())


@lru_cache(maxsize=8)
def _extremes(n: int) -> np.ndarray:
    rng = np.random.default_rng(SEED)
    return np.array([extreme(rng.random(n)) for _ in range(SIMULATED)])
