"""Results of grids, against exact fits where a model has one, and draws of a grid against its curves."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import kstest, lognorm, norm

import bayesmeta as bm
from bayesmeta.errors import SpecificationError
from bayesmeta.families.arm_changes.grid import fit_change_grid
from bayesmeta.families.prepared import prepare
from bayesmeta.inference.restore import point_of
from bayesmeta.quadrature.curves import curves

NAN = float("nan")
BASE = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
FIVE = {
    "n_t": [20, 9, 15, 40, 12], "mean_pre_t": [5.2, 6.4, 5.5, 6.0, 5.8], "sd_pre_t": [2.1, 1.4, 2.3, 2.0, 2.2],
    "mean_post_t": [3.1, 3.2, 4.6, 3.9, 3.6], "sd_post_t": [2.0, 2.2, 2.4, 2.1, 2.3],
    "n_c": [20, 10, 15, 41, 13], "mean_pre_c": [5.3, 5.0, 5.9, 6.1, 5.1], "sd_pre_c": [2.0, 2.1, 2.2, 1.9, 2.4],
    "mean_post_c": [5.0, 5.1, 5.2, 5.4, 4.7], "sd_post_c": [2.2, 2.0, 2.3, 2.2, 2.5],
}  # fmt: skip
CHANGES = bm.ArmChanges(**FIVE, correlation=[0.75, NAN, NAN, 0.6, NAN])
SIX = bm.ArmMeans(
    n_t=[12, 20, 9, 31, 15, 6], mean_t=[3.1, 2.2, 4.9, 3.6, 1.5, 2.9], sd_t=[2.0, NAN, 1.4, 2.9, NAN, 1.1],
    n_c=[14, 19, 9, 30, 16, 5], mean_c=[4.6, 3.0, 4.1, 4.9, 4.2, 3.3], sd_c=[2.4, NAN, 1.9, 2.6, NAN, NAN],
    spread=["sd", "sd", "sd", "sd", "se", "sd_or_se"],
)  # fmt: skip
SMD = bm.ArmNormal(
    base=BASE, typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3), measure="smd",
    equal_variances=True, sd_probability=0.8,
)  # fmt: skip
VARYING = bm.ChangeNormal(base=BASE, correlation=bm.Uniform(-1, 1), correlation_variation=bm.HalfNormal(0.5))
ONE = dataclasses.replace(VARYING, correlation=bm.PointMass(0.6), correlation_variation=bm.PointMass(0))


@pytest.fixture(scope="module")
def known():
    """A known correlation, where the grid has the posterior of the effect sizes with it: both results."""
    effects = bm.effect_sizes({"study": list("ABCDE"), **FIVE}, measure="md_change", correlation=0.6)
    return bm.fit(bm.ArmChanges(**FIVE, study=list("ABCDE")), ONE, "quadrature"), bm.fit(effects, BASE)


@pytest.fixture(scope="module")
def arms():
    return bm.fit(SIX, SMD, "quadrature", seed=1)


@pytest.fixture(scope="module")
def changes():
    return bm.fit(CHANGES, VARYING, "quadrature", seed=2)


@pytest.mark.parametrize("name", ["mu", "tau", "theta_new"])
def test_marginals_are_those_of_the_exact_fit(known, name):
    """Within the bound that the grid states, and by far."""
    grid, exact = known
    found, want = grid.marginal(name), exact.marginal(name)
    at = want.ppf(np.linspace(0.001, 0.999, 400))
    assert np.abs(found.cdf(at) - want.cdf(at)).max() < min(grid.error_bound, 3e-4)
    assert grid.error_bound < 0.003
    assert_allclose([found.mean(), found.sd()], [want.mean(), want.sd()], atol=1e-4)
    assert_allclose(found.ppf([0.025, 0.5, 0.975]), want.ppf([0.025, 0.5, 0.975]), atol=2e-3)
    assert_allclose(found.cdf(found.ppf([0.01, 0.3, 0.999])), [0.01, 0.3, 0.999], atol=1e-9)
    inner = want.ppf([0.1, 0.5, 0.8])
    assert_allclose(found.pdf(inner), want.pdf(inner), rtol=3e-3)
    assert_allclose(found.hdi(0.9), want.hdi(0.9), atol=0.01)
    assert found.mode() == pytest.approx(want.mode(), abs=0.01)
    assert (found.ppf(0), found.ppf(1)) == (want.ppf(0), want.ppf(1))


@pytest.mark.parametrize(
    "claim",
    ["mu < -1", "abs(mu) < 0.9", "exp(mu) < 0.2", "tau < 0.4 or tau > 1", "theta_new > 0", "mu = 0", "not mu < -1"],
)
def test_claims_about_one_parameter_are_exact_to_the_bound(known, claim):
    grid, exact = known
    assert grid.probability(claim) == pytest.approx(exact.probability(claim), abs=min(grid.error_bound, 3e-4))
    assert grid.probability_mcse(claim) == 0


@pytest.mark.parametrize(
    "claim", ["mu < -1 and tau < 0.7", "theta_new < mu - 1", "mu + tau < 0", "theta_new < 0 and tau > 1"]
)
def test_claims_about_several_are_simulated_and_said_to_be(known, claim):
    grid, exact = known
    mcse = grid.probability_mcse(claim)
    assert 0 < mcse < 0.003
    assert exact.probability_mcse(claim) == 0
    assert grid.probability(claim) == pytest.approx(exact.probability(claim), abs=4 * mcse)


def test_a_known_parameter_is_a_point_mass(known):
    grid, _ = known
    found = grid.marginal("correlation")
    assert (found.mean(), found.sd(), found.median(), found.mode()) == (0.6, 0, 0.6, 0.6)
    assert (found.cdf(0.59), found.cdf(0.6), found.pdf(0.5), found.pdf(0.6)) == (0, 1, 0, math.inf)
    assert found.interval(0.95, "eti") == found.hdi(0.95) == (0.6, 0.6)
    assert grid.probability("correlation = 0.6") == grid.probability("correlation > 0.5") == 1
    assert grid.probability("correlation < 0.6") == 0
    assert np.ptp(grid.draws("correlation")) == 0


def test_a_new_study_where_many_studies_differ_widely():
    """Of fifty studies the mean is known to a seventh of tau: a sum over it in steps of tau / 2 was off by 0.045."""
    names = [f"{letter}{i}" for i in range(10) for letter in "ABCDE"]
    columns = {name: np.tile(values, 10) for name, values in FIVE.items()}
    base = dataclasses.replace(BASE, tau=bm.PointMass(6.0))
    grid = bm.fit(bm.ArmChanges(**columns, study=names), dataclasses.replace(ONE, base=base), "quadrature")
    effects = bm.effect_sizes({"study": names, **columns}, measure="md_change", correlation=0.6)
    v, prior = effects.se**2 + 36, 1 / 16
    precision = (1 / v).sum() + prior
    want = norm((effects.y / v).sum() / precision, np.sqrt(36 + 1 / precision))
    found, at = grid.marginal("theta_new"), want.ppf(np.linspace(0.001, 0.999, 200))
    assert np.abs(found.cdf(at) - want.cdf(at)).max() < 1e-6
    assert_allclose(found.pdf(at), want.pdf(at), rtol=1e-4)


def test_marginal_likelihood_and_bayes_factors_are_those_of_the_exact_fit(known):
    """Nothing was printed beside the means, so that the density of the data is that of the effect sizes."""
    grid, exact = known
    assert grid.log_marginal_likelihood == pytest.approx(exact.log_marginal_likelihood, abs=1e-4)
    for hypothesis in ("mu = 0", "mu = -1.5", "tau = 0", "tau = 0.5", "mu < 0", "-1 < mu < 1", "tau < 0.3"):
        assert grid.bayes_factor(hypothesis) == pytest.approx(exact.bayes_factor(hypothesis), rel=3e-3), hypothesis


def test_bayes_factors_of_the_familys_own_parameters(changes):
    """By two fits: a marginal likelihood is the mean of those at known values over the prior."""
    x, w = np.polynomial.legendre.leggauss(14)
    found = [changes.bayes_factor(f"correlation = {float(at)!r}") for at in x]
    assert w @ found / 2 == pytest.approx(1, abs=5e-3)
    no_variation = bm.fit(CHANGES, dataclasses.replace(VARYING, correlation_variation=bm.PointMass(0)), "quadrature")
    ratio = no_variation.log_marginal_likelihood - changes.log_marginal_likelihood
    assert changes.bayes_factor("correlation_variation = 0") == pytest.approx(math.exp(ratio))


@pytest.mark.parametrize(
    ("hypothesis", "said"),
    [
        ("rho = 0", "no parameter 'rho'"),
        ("mu < 0 and tau < 1", "a region is about one parameter: mu, tau, correlation, correlation_variation"),
        ("theta_new < 0", "a region is about one parameter"),
        ("tau > -1", "its prior probability is 1"),
        ("mu = 40", "the posterior density there is below what the grid resolves"),
        ("mu", "write a parameter and a number"),
    ],
)
def test_hypotheses_without_an_answer_are_rejected(changes, hypothesis, said):
    with pytest.raises(SpecificationError, match=said):
        changes.bayes_factor(hypothesis)


def test_under_a_flat_prior_there_is_no_marginal_likelihood():
    flat = bm.fit(CHANGES, dataclasses.replace(ONE, base=bm.NormalNormal(tau=bm.HalfNormal(1))), "quadrature")
    assert flat.log_marginal_likelihood is None
    for hypothesis in ("mu = 0", "mu < 0"):
        with pytest.raises(SpecificationError, match="the prior of mu is Flat.*, which is improper"):
            flat.bayes_factor(hypothesis)
    with pytest.raises(SpecificationError, match="the prior of correlation is PointMass.* is a point mass"):
        flat.bayes_factor("correlation = 0.5")


@pytest.mark.parametrize("which", ["arms", "changes"])
def test_densities_are_slopes_of_distribution_functions(request, which):
    result = request.getfixturevalue(which)
    for name in result.parameters:
        marginal = result.marginal(name)
        at, step = marginal.ppf([0.05, 0.3, 0.6, 0.95]), 1e-3 * marginal.sd()
        slope = (marginal.cdf(at + step) - marginal.cdf(at - step)) / (2 * step)
        assert_allclose(marginal.pdf(at), slope, rtol=2e-3, err_msg=name)


@pytest.mark.parametrize("which", ["arms", "changes"])
def test_draws_are_independent_draws_of_the_curves(request, which):
    result = request.getfixturevalue(which)
    for name in result.parameters:
        marginal = result.marginal(name)
        assert kstest(marginal.cdf(result.draws(name).ravel()), "uniform").pvalue > 1e-3, name
        assert marginal.mean() == pytest.approx(result.draws(name).mean(), abs=4 * marginal.sd() / np.sqrt(4000))
    again = bm.fit(result.data, result.model, "quadrature", seed=result.seed)
    assert np.array_equal(again.draws("mu"), result.draws("mu"))


@pytest.mark.parametrize("which", ["arms", "changes"])
def test_the_joint_distribution_of_draws_is_that_of_the_nodes(request, which):
    """Correlations of all pairs of parameters, from the masses of the nodes."""
    result = request.getfixturevalue(which)
    grid, sample = result.grid, result._many_draws
    variation = next(name for name in grid.scales if name != "tau")
    for name, own in grid.own.items():
        mass = np.exp(own.log_mass - grid.log_marginal_likelihood)
        values = {
            name: own.value(own.places.at(np.arange(own.places.n)[:, None], own.places.lower, own.places.upper))[
                ..., None, None
            ],
            variation: grid.others[variation][:, None, None],
            "tau": grid.tau[:, None],
            "mu": grid.mu,
        }
        table = np.stack([np.broadcast_to(value, mass.shape).ravel() for value in values.values()])
        want = np.corrcoef(np.stack([sample[key] for key in values]))
        spread = table - (table @ mass.ravel())[:, None]
        cov = spread @ (mass.ravel()[:, None] * spread.T)
        assert_allclose(cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov))), want, atol=4 / np.sqrt(40_000) * 1.5)


def test_typical_sd_is_a_marginal_of_its_own(arms):
    """A prior so narrow that data say nothing: the posterior is the prior."""
    narrow = dataclasses.replace(SMD, typical_sd=bm.LogNormal(0.7, 0.01))
    found = bm.fit(SIX, narrow, "quadrature").marginal("typical_sd[outcome]")
    want = lognorm(0.01, scale=np.exp(0.7))
    assert_allclose([found.mean(), found.sd()], [want.mean(), want.std()], rtol=0.02)
    assert arms.probability("typical_sd[outcome] < 2.4") == pytest.approx(
        (arms.draws("typical_sd[outcome]") < 2.4).mean(), abs=4 * 0.5 / np.sqrt(4000)
    )
    assert 0 < arms.choice_probabilities()["study 6"]["sd"] < 1


@pytest.mark.parametrize("two", [False, True], ids=["one sigma", "two sigmas"])
def test_sigmas_are_drawn_from_their_conditional_given_the_top_level(two):
    """At one point of the top level: moments of log sigma by sums over the density, against draws; readings too."""
    model = dataclasses.replace(SMD, measure="md", equal_variances=not two)
    ready, n = prepare(SIX, model), 4000 if two else 40_000
    top = {"mu": -0.5, "tau": 0.7, "typical_sd[outcome]": 2.2, "sd_variation": 0.4}
    at = point_of(ready, {name: np.full((1, n), value) for name, value in top.items()})
    likelihood = ready.likelihood
    z = likelihood.draw_latents(at, np.random.default_rng(3))["z"][0]
    nodes = np.arange(-8, 12, 0.05)
    for slot, study in ((0, 0), (1, 1), (2, 2)):
        shape = (nodes.size, nodes.size, 2) if two else (nodes.size, 1)
        grid = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1) if two else nodes[:, None]
        log_sigma, terms = likelihood.arrays.spread(np.log(2.2), 0.4, grid, np, slot)
        arms = log_sigma[..., 0], log_sigma[..., -1]
        log_density = (terms - grid**2 / 2).sum(axis=-1) + likelihood.arrays.effect(*arms, -0.5, 0.7, "md", np, slot)
        mass = np.exp(log_density - log_density.max())
        mass /= mass.sum()
        assert grid.shape == shape
        flat = grid.reshape(-1, grid.shape[-1])
        mean = mass.ravel() @ flat
        cov = (flat - mean).T @ (mass.reshape(-1, 1) * (flat - mean))
        assert_allclose(z[:, study].mean(axis=0), mean, atol=4 * np.sqrt(np.diag(cov).max() / n))
        assert_allclose(np.cov(z[:, study].T), cov if two else cov[0, 0], atol=6 * cov.max() / np.sqrt(n))


def test_effects_of_studies_are_restored(known):
    """At a known correlation: the exact posterior of each theta_i, within the error of 4,000 draws."""
    grid, exact = known
    found, want = grid.shrinkage(), exact.shrinkage()
    assert_allclose(found["mean"], want["mean"], atol=4 * want["sd"].max() / np.sqrt(4000))
    assert_allclose(found["sd"], want["sd"], rtol=4 / np.sqrt(8000))
    assert_allclose(found[["y", "se"]], want[["y", "se"]], rtol=1e-9)
    theta = grid.marginal("theta[C]")
    assert theta.mean() == pytest.approx(found.loc["C", "mean"])
    with pytest.raises(SpecificationError, match="no such study"):
        grid.marginal("theta[F]")


def test_groups_are_those_of_nuts(arms):
    """As `test_groups_and_names` of test_nuts_arms.py has them."""
    tree = arms.datatree
    top = {"mu", "tau", "typical_sd[outcome]", "sd_variation"}
    assert set(tree["log_prior"].data_vars) == top
    assert set(tree["posterior"].data_vars) == top | {
        "theta_new", "theta", "y", "se", "sigma_t", "sigma_c", "sd_probability"
    }  # fmt: skip
    assert tree["log_likelihood"]["evidence"].dims == ("chain", "draw", "study")
    assert tree.attrs["error_bound"] == arms.error_bound
    assert float(tree["posterior"]["sd_probability"].mean()) == pytest.approx(
        arms.choice_probabilities()["study 6"]["sd"], abs=4 * 0.5 / np.sqrt(4000)
    )
    assert arms.shrinkage()["known"].tolist() == [True, False, True, True, False, False]


def test_auto_samples_these_models():
    for data, model in ((SIX, SMD), (CHANGES, VARYING)):
        assert not prepare(data, model).exact.by_default


@pytest.mark.parametrize(
    "changed",
    [
        {"base": bm.NormalNormal(mu=bm.Flat(), tau=bm.LogNormal(-1, 0.5)), "correlation_variation": bm.PointMass(0.2)},
        {"base": bm.NormalNormal(mu=bm.StudentT(4, 0, 1), tau=bm.Exponential(1)), "correlation": bm.Uniform(0, 1)},
        {"base": bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.Uniform(0, 2)), "correlation": bm.PointMass(0.5)},
    ],
    ids=["log-normal", "exponential", "uniform"],
)
def test_more_nodes_move_no_probability_by_more_than_the_bound(changed):
    model = dataclasses.replace(VARYING, **changed)
    result = bm.fit(CHANGES, model, "quadrature")
    assert result.error_bound < result.error_limit
    finer = curves(fit_change_grid(CHANGES, model, 1.7))
    for name, curve in finer.items():
        assert np.abs(result.marginal(name).cdf(curve.x) - curve.below).max() < result.error_bound, name


def test_a_spike_in_the_prior_on_mu_is_resolved_or_said_not_to_be():
    """With a known correlation the exact fit has the same prior: a narrow component beside a wide one."""
    spike = bm.Mixture([(0.5, bm.Normal(-1, 0.1)), (0.5, bm.Normal(0, 2))])
    base = bm.NormalNormal(mu=spike, tau=bm.HalfNormal(0.5))
    effects = bm.effect_sizes({"study": list("ABCDE"), **FIVE}, measure="md_change", correlation=0.6)
    exact = bm.fit(effects, base)
    (found,) = bm.fit_many(bm.ArmChanges(**FIVE), {"m": dataclasses.replace(ONE, base=base)}, "quadrature").values()
    at = np.linspace(-3, 1, 300)
    off = np.abs(found.marginal("mu").cdf(at) - exact.marginal("mu").cdf(at)).max()
    assert off < found.error_bound
    assert exact.probability("abs(mu + 1) < 0.2") > 0.1
    assert found.log_marginal_likelihood == pytest.approx(exact.log_marginal_likelihood, abs=found.error_bound)
