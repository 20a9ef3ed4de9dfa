"""Batches: bit for bit what each meta-analysis gives alone, and within the bound what `fit` gives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm

RNG = np.random.default_rng(0)
B, K = 90, 7
SE = np.exp(RNG.normal(-1, 0.6, (B, K)))
Y = RNG.normal(0.3, np.hypot(SE, 0.4))
X = RNG.normal(size=(B, K))
LEVELS = [0.025, 0.5, 0.975]
FAMILIES = [
    bm.HalfNormal(0.5), bm.HalfStudentT(4, 0.3), bm.HalfCauchy(0.3), bm.HalfLogistic(0.2), bm.Rayleigh(0.3),
    bm.Uniform(0, 1), bm.Exponential(2), bm.Gamma(2, 4), bm.InvGamma(2, 0.3), bm.LogNormal(-1.3, 0.9),
    bm.LogStudentT(5, -1.7, 1.3), bm.Lomax(6, 3), bm.OnVariance(bm.InvGamma(1, 0.15)), bm.ImproperUniform(),
]  # fmt: skip


@pytest.mark.parametrize("tau", FAMILIES, ids=str)
def test_equals_one_by_one_to_the_last_bit(tau):
    whole = bm.fit_batch(Y, SE, mu=bm.Normal(0, 4), tau=tau, quantiles=LEVELS)
    for i in range(0, B, 13):
        alone = bm.fit_batch(Y[i], SE[i], mu=bm.Normal(0, 4), tau=tau, quantiles=LEVELS)
        for name in whole:
            np.testing.assert_array_equal(alone[name], whole[name][i], err_msg=name)


@pytest.mark.parametrize("tau", FAMILIES, ids=str)
def test_equals_fit(tau):
    whole = bm.fit_batch(Y[:3], SE[:3], mu=bm.Normal(0, 4), tau=tau, quantiles=LEVELS)
    assert (whole["error_bound"] < 1e-8).all()
    for i in range(3):
        result = bm.fit(bm.Estimates(Y[i], SE[i]), bm.NormalNormal(mu=bm.Normal(0, 4), tau=tau))
        summary = result.summary(ci_prob=0.95, ci_kind="eti").loc[whole["parameter"].to_numpy()]
        assert_allclose(whole["mean"][i], summary["mean"], rtol=1e-9)
        assert_allclose(whole["sd"][i], summary["sd"], rtol=1e-8)
        assert_allclose(whole["quantiles"][i], summary[["lower", "median", "upper"]], rtol=1e-8, atol=1e-9)
        want = [result.probability(f"{name} < 0") for name in ("mu", "tau", "theta_new")]
        assert_allclose(whole["probability_below_zero"][i], want, atol=1e-10)
        evidence = result.log_marginal_likelihood
        assert_allclose(whole["log_marginal_likelihood"][i], np.nan if evidence is None else evidence, rtol=1e-10)


def test_workers_and_neighbours_do_not_matter():
    arguments = {"mu": bm.Flat(), "tau": bm.HalfNormal(0.5), "covariates": {"x": X}, "beta": {"x": bm.Normal(0, 1)}}
    one = bm.fit_batch(Y, SE, workers=1, **arguments)
    two = bm.fit_batch(Y, SE, workers=2, **arguments)
    part = bm.fit_batch(Y[5:11], SE[5:11], **arguments | {"covariates": {"x": X[5:11]}})
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
        np.testing.assert_array_equal(one[name][5:11], part[name])


def test_covariates_and_scale_mixtures_equal_fit():
    prior = bm.StudentT(3, 0, 0.5)
    whole = bm.fit_batch(
        Y[:2], SE[:2], mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), covariates={"x": X[:2]}, beta={"x": prior}
    )
    data = bm.Estimates(Y[1], SE[1], covariates={"x": X[1]})
    model = bm.NormalNormal(formula="1 + x", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={"x": prior})
    result = bm.fit(data, model)
    summary = result.summary().loc[whole["parameter"].to_numpy()]
    assert_allclose(whole["mean"][1], summary["mean"], rtol=1e-8)
    assert_allclose(whole["sd"][1], summary["sd"], rtol=1e-8)
    assert_allclose(whole["log_marginal_likelihood"][1], result.log_marginal_likelihood, rtol=1e-9)


def test_a_grid_of_priors_on_one_data_set():
    scales, sds = np.linspace(0.05, 2, 40), np.linspace(0.2, 5, 40)
    taus, mus = [bm.HalfNormal(s) for s in scales], [bm.Normal(0.1, s) for s in sds]
    grid = bm.fit_batch(Y[0], SE[0], mu=mus, tau=taus)
    for i in (0, 17, 39):
        result = bm.fit(bm.Estimates(Y[0], SE[0]), bm.NormalNormal(mu=mus[i], tau=taus[i]))
        assert_allclose(grid["mean"][i], result.summary()["mean"], rtol=1e-9)
        assert_allclose(grid["log_marginal_likelihood"][i], result.log_marginal_likelihood, rtol=1e-10)


def test_leading_dimensions_keep_their_shape():
    found = bm.fit_batch(Y[:6].reshape(2, 3, K), SE[0], mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))
    assert found["mean"].dims == ("batch_0", "batch_1", "parameter")
    flat = bm.fit_batch(Y[:6], SE[0], mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))
    np.testing.assert_array_equal(found["mean"].to_numpy().reshape(6, -1), flat["mean"])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"se": 0.0 * SE}, bm.DataError, "se must be positive"),
        ({"y": np.where(X > 2, np.nan, Y)}, bm.DataError, "y must be finite"),
        ({"se": SE[:, :3]}, bm.DataError, "its last dimension must be the studies"),
        ({"se": SE[:4]}, bm.DataError, "do not fit"),
        ({"tau": bm.Normal(0, 1)}, bm.SpecificationError, "mass below zero"),
        ({"tau": bm.Jeffreys()}, bm.SpecificationError, "needs the same se in the whole batch"),
        ({"mu": bm.Mixture([(1, bm.PointMass(0)), (1, bm.Normal(0, 1))])}, bm.SpecificationError, "no point masses"),
        ({"beta": {"dose": bm.Normal(0, 1)}}, bm.SpecificationError, "no such covariate"),
        ({"y": Y[:, :2], "se": SE[:, :2], "mu": None, "tau": bm.ImproperUniform()}, bm.InferenceError, "improper"),
    ],
)
def test_what_cannot_be_right_is_refused(change, error, message):
    arguments = {"y": Y, "se": SE, "mu": bm.Normal(0, 1), "tau": bm.HalfNormal(1)} | change
    y, se = arguments.pop("y"), arguments.pop("se")
    with pytest.raises(error, match=message):
        bm.fit_batch(y, se, **arguments)


def test_other_array_libraries_give_the_same_numbers():
    xp = pytest.importorskip("array_api_strict")
    plain = bm.fit_batch(Y[:5], SE[:5], mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))
    other = bm.fit_batch(xp.asarray(Y[:5]), xp.asarray(SE[:5]), mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))
    for name in plain:
        assert_allclose(other[name], plain[name], rtol=1e-11, atol=1e-12)


def test_quantiles_of_a_heavy_tail_are_where_the_distribution_says():
    """One study under a log-t prior: a new study's effect has no standard deviation to take steps by."""
    model = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.LogStudentT(5, -1.7, 1.3))
    marginal = bm.fit(bm.Estimates(Y[0, :1], SE[0, :1]), model).marginal("theta_new")
    levels = np.array([1e-6, 0.001, 0.025, 0.5, 0.975, 0.999])
    assert_allclose(marginal.cdf(marginal.ppf(levels)), levels, rtol=1e-11, atol=1e-14)  # where Newton stops
    together = bm.fit_batch(Y[0, :1], SE[0, :1], mu=model.mu, tau=model.tau, quantiles=levels)
    assert_allclose(together["quantiles"].sel(parameter="theta_new"), marginal.ppf(levels), rtol=1e-8)
