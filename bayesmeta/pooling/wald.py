"""Wald tests and intervals of coefficients, alike for every model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesmeta.pooling.arrays import critical, two_sided_p
from bayesmeta.pooling.result import StatisticalTest

Floats = NDArray[np.float64]
Row = tuple[float, float, float, float, float, float]


def coefficient_row(estimate: float, se: float, df: float, level: float) -> Row:
    """Estimate, standard error, statistic, P value, lower and upper; `df` is infinite for a normal reference."""
    statistic = estimate / se if se > 0 else math.nan
    half = critical(level, df) * se
    return estimate, se, statistic, float(two_sided_p(np.array(statistic), df)), estimate - half, estimate + half


def coefficient_rows(
    names: Sequence[str], beta: Floats, covariance: Floats, df: float, level: float
) -> tuple[tuple[str, Row], ...]:
    """Return the row of each coefficient, by name."""
    errors = np.sqrt(np.diag(covariance))
    pairs = zip(names, beta, errors, strict=True)
    return tuple((name, coefficient_row(float(b), float(s), df, level)) for name, b, s in pairs)


def without_mean(names: Sequence[str]) -> list[int]:
    """Return the places of all coefficients but the intercept."""
    return [i for i, name in enumerate(names) if name != "mu"]


def omnibus_test(tested: Sequence[int], beta: Floats, covariance: Floats, df: float) -> StatisticalTest | None:
    """Test that the coefficients `tested` are zero: chi-square where `df` is infinite, else F with `df` in its denominator."""
    if len(tested) == 0:
        return None
    some, covariance = beta[tested], covariance[np.ix_(tested, tested)]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt(np.diag(covariance))
        root = some / scale
    correlation = covariance / np.outer(scale, scale) if scale.all() else None
    without = math.inf if some.any() else math.nan  # standard errors of zero
    statistic = without if correlation is None else float(root @ np.linalg.solve(correlation, root))
    m = len(tested)
    if math.isinf(df):
        return StatisticalTest(statistic, (m,), float(stats.chi2.sf(statistic, m)))
    return StatisticalTest(statistic / m, (m, df), float(stats.f.sf(statistic / m, m, df)) if df > 0 else math.nan)
