"""Correlations of two measurements in one sample."""

from __future__ import annotations

import numpy as np

from bayesmeta.effects._arms import Arms, Floats
from bayesmeta.effects._formula import Effects, of_columns

_LARGE, _TERMS = 50.0, 30  # from c = 50, thirty terms leave out less than 1e-20


def _check(arms: Arms, least: int = 4) -> None:
    arms.check_correlation("r")
    arms.check_sizes("n", least=least)


def _check_five(arms: Arms) -> None:
    """Check samples whose correlation has a mean without bias."""
    _check(arms, least=5)


@of_columns("r", "n", check=_check)
def fisher_z(arms: Arms) -> Effects:
    """Fisher's z, the inverse hyperbolic tangent of a correlation.

    References
    ----------
    Fisher (1921), Metron 1:3-32; Hotelling (1953), J. R. Stat. Soc. B 15:193-232,
    doi:10.1111/j.2517-6161.1953.tb00135.x

    Examples
    --------
    >>> y, se = fisher_z([0.3], [40])
    >>> y.round(4), se.round(4)
    (array([0.3095]), array([0.1644]))
    """
    return np.arctanh(arms["r"]), 1 / np.sqrt(arms["n"] - 3)


@of_columns("r", "n", check=_check)
def correlation(arms: Arms) -> Effects:
    """Correlation as it is, with its large-sample standard error.

    References
    ----------
    Hotelling (1953), J. R. Stat. Soc. B 15:193-232, doi:10.1111/j.2517-6161.1953.tb00135.x

    Examples
    --------
    >>> y, se = correlation([0.3], [40])
    >>> y.round(4), se.round(4)
    (array([0.3]), array([0.1457]))
    """
    return arms["r"].copy(), (1 - arms["r"] ** 2) / np.sqrt(arms["n"] - 1)


@of_columns("r", "n", check=_check_five)
def unbiased_correlation(arms: Arms) -> Effects:
    """Correlation without its bias in small samples, exact for normal data, which needs at least 5 participants.

    References
    ----------
    Olkin & Pratt (1958), Ann. Math. Stat. 29:201-211, doi:10.1214/aoms/1177706717

    Examples
    --------
    >>> y, se = unbiased_correlation([0.3], [40])
    >>> y.round(4), se.round(4)
    (array([0.3038]), array([0.1453]))
    """
    y = arms["r"] * _olkin_pratt(arms["n"] / 2 - 1, 1 - arms["r"] ** 2)
    return y, (1 - y**2) / np.sqrt(arms["n"] - 1)


def _olkin_pratt(c: Floats, x: Floats) -> Floats:
    """Return the hypergeometric function F(1/2, 1/2; c; x) for c > 1 and x from 0 to 1.

    SciPy's overflows for large c, where the first terms of the series have every digit.
    """
    from scipy.special import hyp2f1

    large = np.maximum(c, _LARGE)
    series = term = np.ones(c.shape)
    for k in range(_TERMS):
        term = term * (k + 0.5) ** 2 / ((large + k) * (k + 1)) * x
        series = series + term
    return np.asarray(np.where(c > _LARGE, series, hyp2f1(0.5, 0.5, np.minimum(c, _LARGE), x)), dtype=np.float64)
