"""MultivariateNormal: against scipy.stats, as text, and what it refuses."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    Mixture,
    MultivariateNormal,
    Normal,
    OnVariance,
    parse_prior,
    require_proper,
    require_scale_prior,
)

MEAN, COV = [1.0, -2.0, 0.5], [[9.0, 1.0, -0.3], [1.0, 2.0, 0.4], [-0.3, 0.4, 0.5]]
PRIOR = MultivariateNormal(MEAN, COV)
TEXT = "MultivariateNormal([0, 0], [[9, 1], [1, 2]])"


def test_log_density_matches_scipy():
    x = np.random.default_rng(1).normal(size=(5, 4, 3))
    np.testing.assert_allclose(PRIOR.logpdf(x), stats.multivariate_normal(MEAN, COV).logpdf(x), rtol=1e-12)
    np.testing.assert_allclose(PRIOR.pdf(MEAN), stats.multivariate_normal(MEAN, COV).pdf(MEAN), rtol=1e-12)
    with pytest.raises(SpecificationError, match="x must end in 3 coefficients; got shape"):
        PRIOR.logpdf([1.0, 2.0])


def test_draws_have_the_moments():
    draws = PRIOR.rvs((50, 400), seed=4)
    assert draws.shape == (50, 400, 3)
    assert PRIOR.rvs(None, seed=4).shape == (3,)
    assert PRIOR.rvs(7, seed=4).shape == (7, 3)
    flat = draws.reshape(-1, 3)
    sd = np.sqrt(np.diag(COV))
    np.testing.assert_allclose((flat.mean(axis=0) - MEAN) / sd, 0, atol=4 / np.sqrt(20_000))
    correlation = np.array(COV) / np.outer(sd, sd)
    np.testing.assert_allclose(np.corrcoef(flat.T), correlation, atol=4 / np.sqrt(20_000))


def test_marginals_and_size():
    assert PRIOR.dim == 3
    assert [PRIOR.marginal(i) for i in range(3)] == [Normal(1, 3), Normal(-2, 2**0.5), Normal(0.5, 0.5**0.5)]


def test_is_a_value():
    assert MultivariateNormal(np.array(MEAN), np.array(COV)) == PRIOR
    assert copy.deepcopy(PRIOR) == PRIOR == pickle.loads(pickle.dumps(PRIOR))
    assert hash(MultivariateNormal(MEAN, COV)) == hash(PRIOR)
    assert MultivariateNormal([1, -2, 0], COV) != PRIOR
    with pytest.raises(AttributeError):
        PRIOR.mean = (0.0,)


def test_prints_and_reads_back():
    assert str(MultivariateNormal([0, 0], [[9, 1], [1, 2]])) == TEXT
    assert parse_prior(TEXT) == MultivariateNormal([0, 0], [[9, 1], [1, 2]])
    assert parse_prior("MultivariateNormal(cov=((3**2, 1), (1, 2)), mean=(0, -1/2))") == MultivariateNormal(
        [0, -0.5], [[9, 1], [1, 2]]
    )


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6), st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=2))
def test_any_one_reads_back(numbers, extra):
    factor = np.array([[numbers[0], 0], [numbers[1], numbers[2]]])
    cov = factor @ factor.T + np.diag(extra) * (1 + np.abs(factor).max() ** 2)
    prior = MultivariateNormal(numbers[3:5], cov)
    assert parse_prior(str(prior)) == prior


@pytest.mark.parametrize(
    ("mean", "cov", "reason"),
    [
        ([0, 0], [[1, 0]], "mean has shape (2,) and cov (1, 2); give one mean, one row and one column"),
        ([], [[]], "mean has shape (0,) and cov (1, 0)"),
        ([0, 0], [[1, 2], [0, 1]], "cov must be symmetric; got 2 and 0 for coefficients 1 and 2."),
        ([0, 0], [[1, 2], [2, 1]], "cov is not positive definite"),
        ([0, 0], [[1, 1], [1, 1]], "cov is not positive definite"),
        ([0, 0], [[1, 0], [0, -4]], "the diagonal of cov holds variances, which must be positive; got -4."),
    ],
)
def test_refused_values(mean, cov, reason):
    with pytest.raises(SpecificationError) as refused:
        MultivariateNormal(mean, cov)
    assert str(refused.value).startswith(f"MultivariateNormal: {reason}")


@pytest.mark.parametrize("value", [1.0, [1, np.nan], [[0, 0]], ["a", 1], None])
def test_refused_means(value):
    with pytest.raises(
        SpecificationError, match=r"^MultivariateNormal.*mean must (be a list of finite numbers|hold numbers only)"
    ):
        MultivariateNormal(value, [[1, 0], [0, 1]])


@pytest.mark.parametrize("value", [1.0, [1, 1], [[1, 0], [0]], [[1, 0], [0, np.inf]], [[[1]]]])
def test_refused_covariances(value):
    with pytest.raises(
        SpecificationError, match=r"^MultivariateNormal.*cov must (be a square table of finite|hold numbers only)"
    ):
        MultivariateNormal([0, 0], value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("MultivariateNormal([0], 1)", "1 must be a list; write MultivariateNormal([mean, ...], [[variance, "),
        ("MultivariateNormal(0, [[1]])", "0 must be a list; write MultivariateNormal("),
        ("MultivariateNormal([0], [1])", "1 must be a list; write MultivariateNormal("),
        ("MultivariateNormal([x], [[1]])", "MultivariateNormal: mean is x; give a number"),
        (
            "MultivariateNormal([0])",
            "write MultivariateNormal([mean, ...], [[variance, covariance, ...], ...]); cov missing",
        ),
        ("MultivariateNormal", "the parameters are missing; write MultivariateNormal("),
    ],
)
def test_refused_texts(text, reason):
    with pytest.raises(SpecificationError) as refused:
        parse_prior(text)
    assert str(refused.value).startswith(f"prior {text!r}: {reason}")


def test_is_no_prior_for_one_parameter():
    for call in (PRIOR.cdf, PRIOR.ppf):
        with pytest.raises(SpecificationError, match=r"defined for one coefficient only; use .marginal\(i\)"):
            call(0.5)
    with pytest.raises(SpecificationError, match="defined for one coefficient only"):
        PRIOR.moments()
    for require in (require_proper, require_scale_prior):
        with pytest.raises(SpecificationError, match="which is for 3 coefficients together. Give it under their names"):
            require(PRIOR)
    with pytest.raises(SpecificationError, match="is joint; mixtures are of one coefficient"):
        Mixture([(1, PRIOR)])
    with pytest.raises(SpecificationError, match=r"must lie on \[0, inf\)"):
        OnVariance(PRIOR)
