"""Wald tests and intervals of coefficients, alike for every model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesmeta.pooling.arrays import critical, two_sided_p
from bayesmeta.pooling.result import StatisticalTest
from bayesmeta.spec.levels import Factor, Pair

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


class LevelContrasts(NamedTuple):
    """Of each factor the test that its levels do not differ, and the row of each pair of levels."""

    tests: dict[str, StatisticalTest]
    rows: tuple[tuple[Pair, Row], ...]


def level_contrasts(
    factors: Sequence[Factor], names: Sequence[str], beta: Floats, covariance: Floats, df: float, level: float
) -> LevelContrasts:
    """Compare the levels of factors: all of them together, and every pair."""
    tests, rows = {}, []
    for factor in factors:
        pairs = list(factor.pairs)
        L = np.array([[pair.weights.get(name, 0.0) for name in names] for pair in pairs])
        values, errors = L @ beta, np.sqrt(np.einsum("ij,jk,ik->i", L, covariance, L))
        rows += [
            (pair, coefficient_row(float(b), float(s), df, level))
            for pair, b, s in zip(pairs, values, errors, strict=True)
        ]
        first = L[[i for i, pair in enumerate(pairs) if pair.versus == pairs[0].versus]]
        test = omnibus_test(range(len(first)), first @ beta, first @ covariance @ first.T, df)
        assert test is not None
        tests[f"levels of {factor.name}"] = test
    return LevelContrasts(tests, tuple(rows))


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
