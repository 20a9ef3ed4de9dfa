"""Kullback-Leibler divergences between posteriors: brute-force integration, closed forms, and where they are infinite."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import bernoulli, entropy

import bayesmeta as bm
from bayesmeta.sensitivity.divergence import coin, coin_divergence

DATA = bm.Estimates(y=[0.1, 0.9, 0.4, -0.2], se=[0.2, 0.3, 0.25, 0.4])
PRIMARY = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))


def brute(one: bm.NormalNormal, other: bm.NormalNormal) -> float:
    """KL by summing over a fine grid of (mu, tau), from densities written out here."""
    mu = np.linspace(-5, 5, 501)[:, None]
    u = np.linspace(-18, 4.5, 401)[None, :]
    tau = np.exp(u)

    def log_joint(model: bm.NormalNormal):
        total = model.mu.logpdf(mu) + model.tau.logpdf(tau) + u
        for y, v in zip(DATA.y, DATA.v, strict=True):
            total = total - 0.5 * np.log(2 * np.pi * (v + tau**2)) - 0.5 * (y - mu) ** 2 / (v + tau**2)
        return total - np.log(np.exp(total).sum())

    p, q = log_joint(one), log_joint(other)
    return float((np.exp(p) * (p - q)).sum())


@pytest.mark.parametrize("tau", [bm.HalfNormal(0.2), bm.HalfCauchy(0.5), bm.LogNormal(-1, 0.5), bm.Exponential(3)])
@pytest.mark.parametrize("mu", [bm.Normal(0, 1), bm.Normal(0.5, 0.3), bm.StudentT(4, 0, 0.5)])
def test_both_directions_against_a_brute_grid(tau, mu) -> None:
    found = bm.prior_sensitivity(DATA, PRIMARY, "mu > 0", tau=[tau], mu=[mu]).table().iloc[0]
    other = bm.NormalNormal(mu=mu, tau=tau)
    np.testing.assert_allclose(found["kl"], brute(other, PRIMARY), rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose(found["kl_reverse"], brute(PRIMARY, other), rtol=2e-5, atol=1e-7)


def test_closed_form_between_normals_when_tau_is_known() -> None:
    tau = bm.PointMass(0.3)
    priors = [bm.Normal(0, 1), bm.Normal(1, 0.2), bm.Normal(0, 0.05), bm.Flat()]
    found = bm.prior_sensitivity(DATA, bm.NormalNormal(mu=priors[0], tau=tau), "mu > 0", mu=priors).table()
    w = 1 / (DATA.v + 0.09)
    precision = w.sum() + np.array([1, 25, 400, 0.0])
    mean = (w @ DATA.y + np.array([0, 25, 0, 0.0])) / precision
    ratio = precision[0] / precision
    want = 0.5 * (ratio - 1 - np.log(ratio) + precision[0] * (mean - mean[0]) ** 2)
    back = 0.5 * (1 / ratio - 1 + np.log(ratio) + precision * (mean - mean[0]) ** 2)
    np.testing.assert_allclose(found["kl"], want, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["kl_reverse"], back, rtol=1e-9, atol=1e-12)


def test_the_primary_prior_is_at_no_distance_and_has_factor_one() -> None:
    model = bm.NormalNormal(mu=bm.Mixture([(1, bm.PointMass(0)), (1, bm.Normal(0, 1))]), tau=PRIMARY.tau)
    row = bm.prior_sensitivity(DATA, model, "mu > 0", tau=[PRIMARY.tau], mu=[model.mu]).table().iloc[0]
    np.testing.assert_allclose([row["kl"], row["kl_reverse"], row["bayes_factor"] - 1], 0.0, atol=1e-10)


def test_mixtures_that_share_a_point_mass() -> None:
    """Spike and slab with other weights: the divergence is that of two coins, since the parts stay the same."""

    def model(weight: float) -> bm.Mixture:
        return bm.Mixture([(weight, bm.PointMass(0)), (1 - weight, bm.Normal(0, 1))])

    primary = bm.NormalNormal(mu=model(0.5), tau=PRIMARY.tau)
    row = bm.prior_sensitivity(DATA, primary, "mu > 0", mu=[model(0.9)]).table().iloc[0]
    spike = [
        bm.fit(DATA, bm.NormalNormal(mu=m, tau=PRIMARY.tau)).probability("mu >= 0 and mu <= 0")
        for m in (model(0.9), model(0.5))
    ]
    a, b = ([p, 1 - p] for p in spike)
    np.testing.assert_allclose([row["kl"], row["kl_reverse"]], [entropy(a, b), entropy(b, a)], rtol=1e-8)


@pytest.mark.parametrize(
    ("primary", "other", "forwards", "backwards"),
    [
        (bm.Uniform(0, 1), bm.HalfNormal(0.5), math.inf, None),
        (bm.HalfNormal(0.5), bm.Uniform(0, 1), None, math.inf),
        (bm.Uniform(0, 1), bm.Uniform(1, 2), math.inf, math.inf),
        (bm.HalfNormal(0.5), bm.PointMass(0), math.inf, math.inf),
        (bm.Mixture([(1, bm.PointMass(0)), (1, bm.HalfNormal(1))]), bm.PointMass(0), None, math.inf),
    ],
)
def test_infinite_where_one_has_mass_and_the_other_none(primary, other, forwards, backwards) -> None:
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=primary)
    row = bm.prior_sensitivity(DATA, model, "mu > 0", tau=[other]).table().iloc[0]
    for value, want in ((row["kl"], forwards), (row["kl_reverse"], backwards)):
        assert value == want if want is not None else 0 < value < 5


def test_infinite_where_an_expectation_diverges() -> None:
    """With two studies and a half-Cauchy prior the second moment of tau, in log HalfNormal, does not exist."""
    data = bm.Estimates(y=[0.1, 0.4], se=[0.2, 0.3])
    model = bm.NormalNormal(tau=bm.HalfNormal(0.5))
    row = bm.prior_sensitivity(data, model, "mu > 0", tau=[bm.HalfCauchy(0.5)]).table().iloc[0]
    assert row["kl"] == math.inf
    assert 0 < row["kl_reverse"] < 1


def test_infinite_where_an_expectation_diverges_at_zero() -> None:
    """The log of InvGamma(1, s) holds s / tau, whose mean is infinite where tau has a density above zero at zero."""
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.InvGamma(1, 0.15))
    taus = [bm.HalfNormal(1), bm.Gamma(1.6, 2), bm.Gamma(2, 2)]
    found = bm.prior_sensitivity(DATA, model, "mu > 0", tau=taus).table()
    assert found["kl"][0] == math.inf
    other = [bm.NormalNormal(mu=bm.Normal(0, 1), tau=tau) for tau in taus]
    np.testing.assert_allclose(
        found["kl"][1:], [brute(one, model) for one in other[1:]], rtol=1e-3
    )  # its line ends at -18
    np.testing.assert_allclose(found["kl_reverse"], [brute(model, one) for one in other], rtol=1e-4)


def test_a_fit_gives_the_same_divergence_as_the_table() -> None:
    from bayesmeta.sensitivity.divergence import divergence

    other = bm.NormalNormal(mu=bm.StudentT(3, 0, 1), tau=bm.HalfCauchy(0.3))
    row = bm.prior_sensitivity(DATA, PRIMARY, "mu > 0", tau=[other.tau], mu=[other.mu]).table().iloc[0]
    pair = [bm.fit(DATA, model).fit for model in (other, PRIMARY)]
    np.testing.assert_allclose(row["kl"], divergence(*pair), rtol=1e-8)
    np.testing.assert_allclose(row["kl_reverse"], divergence(*pair[::-1]), rtol=1e-8)


def test_the_coin_is_the_one_whose_divergence_from_a_fair_coin_is_given() -> None:
    for bias in (0.5, 0.6, 0.75, 0.99):
        fair, other = (bernoulli(p).pmf([0, 1]) for p in (0.5, bias))
        assert abs(entropy(fair, other) - coin_divergence(bias)) < 1e-12
        np.testing.assert_allclose(coin(entropy(fair, other)), bias, rtol=1e-9)


def test_robustness_against_a_threshold() -> None:
    tried = bm.prior_grid(bm.HalfNormal, scale=[0.05, 0.4, 0.5, 0.6, 20])
    found = bm.prior_sensitivity(DATA, PRIMARY, "mu > 0", tau=tried)
    result = found.robustness(0.75)
    kl = np.array([brute(bm.NormalNormal(mu=PRIMARY.mu, tau=tau), PRIMARY) for tau in tried])
    assert result.worst == {"tau": tried[int(kl.argmax())]}
    assert abs(result.largest - kl.max()) < 1e-4
    assert abs(result.bias - coin(kl.max())) < 1e-4
    assert result.share == np.mean(coin(kl) <= 0.75)
    assert result.passed == (result.share == 1)
    assert f"a coin of bias {result.bias:.3f} is from a fair one" in result.sentence
    with pytest.raises(bm.SpecificationError, match="threshold=0.5"):
        found.robustness(0.5)
