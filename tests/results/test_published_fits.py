"""Fits under published priors: R's numbers, the same as under the bare distribution, and the same by both engines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate
from scipy import stats

import bayesmeta as bm
from bayesmeta.diagnostics.weights import Draws
from bayesmeta.families.prepared import prepare
from bayesmeta.inference.graphs import skeleton_of

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "published_priors.json").read_text())
FITS = GOLDEN["fits"]
TURNER = bm.published_prior("turner2015", outcome="any", comparison="any")
MU = bm.published_prior("bartos2023", measure="log_or", parameter="mu", field="Cochrane")
TAU = bm.published_prior("bartos2023", measure="log_or", parameter="tau", field="Cochrane")
CRINS = bm.load_dataset("crins2014")


@pytest.mark.parametrize("golden", FITS, ids=[f"{fit['name']}, {fit['published']['outcome']}" for fit in FITS])
def test_fits_agree_with_r(golden):
    """`exact` is a quadrature in R that shares nothing with ours; `peer` is R's bayesmeta at delta 1e-5, epsilon 1e-7."""
    keys = dict(golden["published"])
    model = bm.NormalNormal(tau=bm.published_prior(keys.pop("source"), **keys))
    measure = "smd" if golden["name"] == "normand1999" else "log_or"
    result = bm.fit(bm.Estimates(y=golden["y"], se=golden["se"], measure=measure), model)
    summary = result.summary(ci_prob=0.95, ci_kind="eti")
    for name, expected in golden["exact"].items():
        row = summary.loc[name]
        for column in ("mean", "sd", "median"):
            assert row[column] == pytest.approx(expected[column], rel=1e-8), (name, column)
        np.testing.assert_allclose([row["lower"], row["upper"]], expected["central"], rtol=1e-8)
        for column, value in golden.get("peer", {}).get(name, {}).items():
            assert row[column] == pytest.approx(value, rel=1e-5), (name, column)
    shortest = result.summary(ci_prob=0.95, ci_kind="hdi").loc["tau", ["lower", "upper"]]
    np.testing.assert_allclose(shortest.to_numpy(float), golden["exact"]["tau"]["shortest"], rtol=1e-5)


def test_it_is_the_fit_under_the_bare_distributions():
    published = bm.fit(CRINS, bm.NormalNormal(mu=MU, tau=TAU))
    bare = bm.fit(CRINS, bm.NormalNormal(mu=MU.prior, tau=TAU.prior))
    assert published.summary().equals(bare.summary())
    assert published.log_marginal_likelihood == bare.log_marginal_likelihood
    assert published.bayes_factor("mu = 0") == bare.bayes_factor("mu = 0")
    assert published.bayes_factor("tau = 0") == bare.bayes_factor("tau = 0")
    np.testing.assert_array_equal(published.draws("theta_new"), bare.draws("theta_new"))
    for group in ("log_prior", "prior"):
        assert published.datatree[group].to_dataset().equals(bare.datatree[group].to_dataset())
    other = prepare(CRINS, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1)))
    np.testing.assert_array_equal(Draws(published).log_ratio(other), Draws(bare).log_ratio(other))


def test_posterior_under_two_published_priors_is_that_of_plain_integration():
    """Means of mu and tau by a product rule over both, with SciPy's densities."""
    node, weight = np.polynomial.legendre.leggauss(240)
    mu, mu_weight = -1.3 + 0.3 * np.sinh(7 * node), 0.3 * np.cosh(7 * node) * 7 * weight  # to 160 on both sides
    tau, tau_weight = np.exp(0.5 + 5.5 * node), np.exp(0.5 + 5.5 * node) * 5.5 * weight  # from 0.007 to 400
    spread = np.sqrt(CRINS.se**2 + tau[:, None, None] ** 2)
    likelihood = stats.norm.pdf(CRINS.y, mu[None, :, None], spread).prod(axis=-1)
    prior = stats.t(4, 0, 0.58).pdf(mu) * stats.invgamma(1.77, scale=0.55).pdf(tau)[:, None]
    mass = likelihood * prior * tau_weight[:, None] * mu_weight
    expected = [(mass * mu).sum() / mass.sum(), (mass * tau[:, None]).sum() / mass.sum()]
    result = bm.fit(CRINS, bm.NormalNormal(mu=MU, tau=TAU))
    np.testing.assert_allclose(result.summary().loc[["mu", "tau"], "mean"], expected, rtol=1e-8)
    assert result.log_marginal_likelihood == pytest.approx(np.log(mass.sum()), abs=1e-8)


def test_batch_and_mixtures_take_them():
    y, se = np.stack([CRINS.y, CRINS.y + 1]), CRINS.se
    found = bm.fit_batch(y, se, tau=TAU, mu=MU)
    bare = bm.fit_batch(y, se, tau=TAU.prior, mu=MU.prior)
    assert found.equals(bare)
    normal = bm.published_prior("gunhan2020", parameter="mu")
    many = bm.fit_batch(y, se, tau=[TURNER, TURNER], mu=[normal, bm.Normal(0, 1)])
    assert many.equals(bm.fit_batch(y, se, tau=[TURNER.prior] * 2, mu=[normal.prior, bm.Normal(0, 1)]))
    robust = bm.Mixture([(0.8, TURNER), (0.2, bm.HalfCauchy(1))])
    bare_robust = bm.Mixture([(0.8, TURNER.prior), (0.2, bm.HalfCauchy(1))])
    mixed = bm.fit(CRINS, bm.NormalNormal(tau=robust))
    assert mixed.summary().equals(bm.fit(CRINS, bm.NormalNormal(tau=bare_robust)).summary())
    spike = bm.Mixture([(0.5, bm.PointMass(0)), (0.5, MU)])
    found = bm.fit(CRINS, bm.NormalNormal(mu=spike, tau=TAU))
    assert found.bayes_factor("mu = 0") == pytest.approx(
        bm.fit(CRINS, bm.NormalNormal(mu=MU, tau=TAU)).bayes_factor("mu = 0"), rel=1e-8
    )


def test_diagnostics_take_them():
    published, bare = bm.NormalNormal(mu=MU, tau=TAU), bm.NormalNormal(mu=MU.prior, tau=TAU.prior)
    assert bm.leave_one_out(CRINS, published).table.equals(bm.leave_one_out(CRINS, bare).table)
    fits = [bm.fit(CRINS, model) for model in (published, bare)]
    values = [bm.predictive_p_value(fit, "q", draws=500, seed=1) for fit in fits]
    assert values[0] == values[1]
    other = {"turner": bm.NormalNormal(mu=MU, tau=TURNER)}
    bare_other = {"turner": bm.NormalNormal(mu=MU.prior, tau=TURNER.prior)}
    found = [
        bm.claim_sensitivity(fit, "mu < -1", models) for fit, models in zip(fits, (other, bare_other), strict=True)
    ]
    assert found[0] == found[1]


def test_calibration_takes_them():
    model = bm.NormalNormal(mu=bm.published_prior("gunhan2020", parameter="mu"), tau=TURNER)
    bare = bm.NormalNormal(mu=bm.Normal(0, 2.82), tau=TURNER.prior)
    se = [0.3, 0.4, 0.6]
    found = bm.simulation_based_calibration(model, se, replications=100)
    assert found.equals(bm.simulation_based_calibration(bare, se, replications=100))


@pytest.mark.parametrize("tau", [TAU, TURNER, bm.published_prior("friede2017", variant="HalfNormal(0.5)")])
def test_the_sampler_sees_the_bare_distributions(tau):
    """What a graph is made of; `tests/inference/test_pymc_priors.py` holds the densities of graphs to ours."""
    skeleton = skeleton_of(prepare(CRINS, bm.NormalNormal(mu=MU, tau=tau)))
    assert {**skeleton.top, **skeleton.beta} == {"tau": tau.prior, "mu": MU.prior}


@pytest.mark.slow
def test_both_engines_agree(assert_rarely_diverges):
    tau = TURNER  # log-normal on tau2
    model = bm.NormalNormal(mu=MU, tau=tau)
    exact = bm.fit(CRINS, model, "quadrature")
    drawn = bm.fit(CRINS, model, "nuts", seed=4, draws=2500, target_accept=0.99)
    assert_rarely_diverges(drawn)
    for claim in ("mu < -1.5", "tau < 0.3", "tau < 0.8", "theta_new < -1"):
        error = 4 * drawn.probability_mcse(claim)
        assert error < 0.08
        assert drawn.probability(claim) == pytest.approx(exact.probability(claim), abs=error)
    assert drawn.model.tau is tau
    assert float(drawn.datatree["log_prior"]["tau"].mean()) == pytest.approx(
        float(np.mean(tau.prior.logpdf(drawn.draws("tau")))), rel=1e-12
    )


@pytest.mark.slow
def test_nuts_takes_the_elicited_prior(assert_rarely_diverges):
    """t(0.35, 0.102, 3) on positive effects: posterior of mu by integrating the exact marginal of a wide fit's likelihood."""
    prior = bm.published_prior("gronau2017", variant="elicited from Oosterwijk")
    y, se = np.array([0.1, 0.5, 0.3]), np.array([0.15, 0.2, 0.25])
    model = bm.NormalNormal(mu=prior, tau=bm.HalfNormal(0.3))
    drawn = bm.fit(
        bm.Estimates(y=y, se=se, measure="smd"), model, engine="nuts", seed=2, draws=4000, target_accept=0.99
    )
    assert_rarely_diverges(drawn)

    tau = 1.5 * (_NODES + 1) / 2
    weight, spread = 0.75 * _WEIGHTS * stats.halfnorm.pdf(tau, scale=0.3), np.sqrt(se**2 + tau[:, None] ** 2)

    def density(mu):
        return weight @ stats.norm.pdf(y, mu, spread).prod(axis=1) * stats.t.pdf(mu, 3, 0.35, 0.102)

    total = scipy.integrate.quad(density, 0, 1.5, epsabs=1e-10)[0]
    for point in (0.2, 0.35, 0.45):
        expected = scipy.integrate.quad(density, point, 1.5, epsabs=1e-10)[0] / total
        error = 4 * drawn.probability_mcse(f"mu > {point}")
        assert error < 0.06
        assert drawn.probability(f"mu > {point}") == pytest.approx(expected, abs=error)


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(60)
