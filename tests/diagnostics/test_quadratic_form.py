"""Weighted sums of chi-squares: chi-square and exponential closed forms, Imhof's integral, simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import chi2

from bayesmeta.diagnostics.quadratic_form import heterogeneity_factors, quadratic_tail

ONE = np.ones(1)


@pytest.mark.parametrize("df", [1, 2, 7, 60, 150, 400])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_equal_factors(df, scale):
    for level in (1e-6, 0.1, 0.5, 0.999):
        q = scale * chi2(df).ppf(level)
        less, greater = quadratic_tail(q, np.full((1, df), scale), ONE)
        assert_allclose(
            [less, greater], [level, 1 - level], atol=1e-12 if df < 100 else 1e-10 if df < 200 else 1e-6, rtol=1e-9
        )


@pytest.mark.parametrize(("a", "b"), [(3.0, 1.0), (1e4, 1.0), (0.02, 0.5)])
def test_pairs_of_factors_are_exponential_sums(a, b):
    """a chi2(2) + b chi2(2) has the tail (a exp(-q / 2a) - b exp(-q / 2b)) / (a - b)."""
    for q in (0.01, 1.0, 5.0, 300.0):
        exact = (a * math.exp(-q / 2 / a) - b * math.exp(-q / 2 / b)) / (a - b)
        assert_allclose(quadratic_tail(q, np.array([[a, a, b, b]]), ONE)[1], exact, atol=2e-13)


def test_imhof():
    """Imhof's integral (1961), by adaptive quadrature."""
    factors = np.array([6.0, 3.0, 1.0, 0.4, 0.1])
    for q in (1.0, 8.0, 30.0):

        def integrand(u, q=q):
            theta = 0.5 * np.arctan(factors * u).sum() - 0.5 * q * u
            return math.sin(theta) / (u * math.exp(0.25 * np.log1p((factors * u) ** 2).sum()))

        tail = 0.5 + quad(integrand, 0, 400, limit=2000, epsabs=1e-11)[0] / math.pi
        assert_allclose(quadratic_tail(q, factors[None], ONE)[1], tail, atol=1e-6)


def test_a_mixture_is_the_mean_of_its_parts():
    factors, weights = np.array([[1.0, 2.0, 0.5], [30.0, 10.0, 4.0]]), np.array([0.3, 0.7])
    each = [quadratic_tail(9.0, row[None], ONE) for row in factors]
    assert_allclose(quadratic_tail(9.0, factors, weights), weights @ np.array(each), atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(
    factors=st.lists(st.floats(1e-4, 1e6), min_size=1, max_size=12),
    q=st.floats(1e-6, 1e8),
)
def test_tails_are_probabilities_that_sum_to_one(factors, q):
    less, greater = quadratic_tail(q, np.array([factors]), ONE)
    assert 0 <= less <= 1
    assert_allclose(less + greater, 1, atol=1e-12)
    assert quadratic_tail(2 * q, np.array([factors]), ONE)[0] >= less - 1e-12
    # the sum lies between those of its smallest and its largest factor, each that many times
    df = len(factors)
    assert chi2(df).cdf(q / max(factors)) - 1e-12 <= less <= chi2(df).cdf(q / min(factors)) + 1e-12


def test_nothing_is_below_zero():
    assert quadratic_tail(0.0, np.ones((1, 2)), ONE) == (0.0, 1.0)


@pytest.mark.parametrize("correlated", [False, True])
def test_q_and_its_moments(correlated):
    """Generalised least squares written out; mean and variance of Q in y ~ N(X beta, V + tau^2 G) by traces."""
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(6), [0, 1, 2, 0, 3, 1]])
    v = np.array([0.2, 0.1, 0.5, 0.3, 0.05, 0.4])
    V = np.diag(v) + (0.03 * (np.eye(6, k=1) + np.eye(6, k=-1)) if correlated else 0)
    G = np.eye(6) + (0.5 * (np.eye(6, k=1) * [[1], [0], [1], [0], [1], [0]]) if correlated else 0)
    G = (G + G.T) / 2 if correlated else G
    y, tau = rng.normal(size=6), 0.8
    W = np.linalg.inv(V)
    P = W - W @ X @ np.linalg.solve(X.T @ W @ X, X.T @ W)
    basis, slopes = heterogeneity_factors(X, V if correlated else v, G if correlated else np.ones(6))
    assert_allclose(((y @ basis) ** 2).sum(), y @ P @ y, rtol=1e-10)
    assert_allclose(basis.T @ X, 0, atol=1e-10)
    S = P @ (V + tau**2 * G)
    factors = 1 + tau**2 * slopes
    assert_allclose([factors.sum(), (factors**2).sum()], [np.trace(S), np.trace(S @ S)], rtol=1e-10)
