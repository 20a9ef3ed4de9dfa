"""Reweighting a fit to another prior, against the closed form, with draws made from a known posterior."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import halfnorm, multivariate_normal, norm

import bayesmeta as bm
from bayesmeta.diagnostics.weights import Draws, Reweighted, claim_sensitivity, k_limit
from bayesmeta.families.prepared import prepare
from bayesmeta.results.draws_result import DrawsResult

DATA = bm.Estimates(y=[-0.6, -0.2], se=[0.3, 0.4])
TAU = bm.HalfNormal(1)


def posterior_of_mu(sd: float) -> tuple[float, float]:
    """Mean and sd of mu for tau = 0 under Normal(0, sd), in closed form."""
    weight = 1 / DATA.se**2
    precision = weight.sum() + sd**-2
    return float((weight * DATA.y).sum() / precision), float(precision**-0.5)


@pytest.fixture(scope="module")
def result() -> bm.MetaResult:
    """A result whose draws of mu come from the closed form under Normal(0, 1); tau is prior noise, independent."""
    rng = np.random.default_rng(1)
    mean, sd = posterior_of_mu(1.0)
    mu, tau = rng.normal(mean, sd, (4, 4000)), TAU.rvs((4, 4000), rng)
    dims = ("chain", "draw")
    tree = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"mu": (dims, mu), "tau": (dims, tau), "theta_new": (dims, mu)})}
    )
    return DrawsResult(tree, bm.NormalNormal(mu=bm.Normal(0, 1), tau=TAU), DATA, "nuts")


@pytest.mark.parametrize("sd", [0.3, 0.6, 1.0, 2.0])
def test_normal_prior_against_closed_form(result: bm.MetaResult, sd: float) -> None:
    mean, spread = posterior_of_mu(sd)
    found = claim_sensitivity(result, "mu < -0.3", {"other": bm.NormalNormal(mu=bm.Normal(0, sd), tau=TAU)})["other"]
    assert found.trusted
    assert found.mcse < 0.01
    assert abs(found.probability - norm.cdf((-0.3 - mean) / spread)) < 4 * found.mcse


def test_narrower_prior_on_tau_against_its_own_cdf(result: bm.MetaResult) -> None:
    narrow = bm.HalfNormal(0.5)
    found = claim_sensitivity(result, "tau < 0.5", {"n": bm.NormalNormal(mu=bm.Normal(0, 1), tau=narrow)})["n"]
    assert found.trusted
    assert abs(found.probability - float(narrow.cdf(0.5))) < 4 * found.mcse


def test_a_prior_far_away_is_not_trusted(result: bm.MetaResult) -> None:
    far = claim_sensitivity(result, "mu < 0", {"far": bm.NormalNormal(mu=bm.Normal(9, 0.3), tau=TAU)})["far"]
    assert not far.trusted


def test_another_formula_and_no_claim_are_refused(result: bm.MetaResult) -> None:
    with pytest.raises(bm.SpecificationError, match="only the priors may differ"):
        claim_sensitivity(result, "mu < 0", {"x": bm.NormalNormal(formula="1 + dose", tau=TAU)})
    with pytest.raises(bm.SpecificationError, match="is not a claim"):
        claim_sensitivity(result, "mu", {})


def test_a_reference_prior_on_tau_is_given_the_studies(result: bm.MetaResult) -> None:
    scale = 2 / (1 / 0.09 + 1 / 0.16)  # harmonic mean of the variances, in which tau^2 has odds
    found = claim_sensitivity(
        result, "tau < 0.3", {"u": bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.UniformShrinkage())}
    )["u"]
    assert abs(found.probability - 0.09 / (0.09 + scale)) < 0.02  # its tail is heavier than that of the draws


def test_a_joint_prior_counts_its_coefficients_once() -> None:
    rng = np.random.default_rng(2)
    draws = {name: (("chain", "draw"), rng.normal(size=(2, 5))) for name in ("mu", "dose")}
    draws["tau"] = (("chain", "draw"), np.abs(rng.normal(size=(2, 5))))
    data = bm.Estimates(y=[0, 1, 2], se=[1, 1, 1], covariates={"dose": [0, 1, 2]})
    joint = bm.MultivariateNormal([0, 1], [[4, 0.5], [0.5, 1]])
    model = bm.NormalNormal(formula="1 + dose", tau=TAU, beta={("dose", "mu"): joint})
    beta = ((*draws["mu"][0], "covariate"), draws["dose"][1][..., None])
    posterior = xr.Dataset({"mu": draws["mu"], "tau": draws["tau"], "beta": beta}, coords={"covariate": ["dose"]})
    fitted = DrawsResult(xr.DataTree.from_dict({"posterior": posterior}), model, data, "nuts")
    points = np.stack([draws["dose"][1], draws["mu"][1]], axis=-1)
    wider = bm.MultivariateNormal([0, 0], [[9, 0], [0, 9]])
    other = bm.NormalNormal(formula="1 + dose", tau=TAU, beta={("dose", "mu"): wider})
    before, after = (multivariate_normal(p.mean, p.cov).logpdf(points) for p in (joint, wider))
    np.testing.assert_allclose(Draws(fitted).log_ratio(prepare(data, other)), after - before, rtol=1e-12)
    singles = bm.NormalNormal(
        formula="1 + dose", mu=bm.Normal(0, 3), tau=bm.HalfNormal(2), beta={"dose": bm.Normal(0, 3)}
    )
    tau = draws["tau"][1]
    want = after - before + halfnorm(scale=2).logpdf(tau) - halfnorm.logpdf(tau)
    np.testing.assert_allclose(Draws(fitted).log_ratio(prepare(data, singles)), want, rtol=1e-12)


@pytest.mark.parametrize(("n", "limit"), [(100, 0.5), (1000, 0.667), (2200, 0.7), (100_000, 0.7)])
def test_fewer_effective_draws_allow_a_lighter_tail_only(n: int, limit: float) -> None:
    """1 - 1/log10(S) up to 0.7, the threshold of Vehtari et al. (2024), doi:10.48550/arXiv.1507.02646."""
    assert k_limit(n) == pytest.approx(limit, abs=1e-3)


def test_a_prior_without_a_density_needs_a_new_fit(result: bm.MetaResult) -> None:
    known = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.PointMass(0.2))
    found = claim_sensitivity(result, "mu < 0", {"known": known})["known"]
    assert not found.trusted


def test_what_both_models_have_in_common_cancels_though_it_has_no_density() -> None:
    rng = np.random.default_rng(4)
    mean, sd = posterior_of_mu(1.0)
    mu = rng.normal(mean, sd, (4, 1000))
    dims = ("chain", "draw")
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"mu": (dims, mu), "tau": (dims, np.zeros_like(mu))})})
    tau = bm.PointMass(0)
    fitted = DrawsResult(tree, bm.NormalNormal(mu=bm.Normal(0, 1), tau=tau), DATA, "nuts")
    found = claim_sensitivity(fitted, "mu < -0.3", {"n": bm.NormalNormal(mu=bm.Normal(0, 0.6), tau=tau)})["n"]
    mean, spread = posterior_of_mu(0.6)
    assert found.trusted
    assert abs(found.probability - norm.cdf((-0.3 - mean) / spread)) < 4 * found.mcse


def test_a_prior_that_leaves_few_draws_any_weight_is_not_trusted(result: bm.MetaResult) -> None:
    narrow = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.003))
    found = claim_sensitivity(result, "mu < 0", {"narrow": narrow})["narrow"]
    assert found.n_effective < 100
    assert not found.trusted
    assert not Reweighted(0.5, 0.1, pareto_k=0.2, n_effective=60.0).trusted


@pytest.mark.parametrize("sd", [0.5, 1.5])
def test_the_mean_ratio_is_that_of_the_marginal_likelihoods(result: bm.MetaResult, sd: float) -> None:
    other = prepare(DATA, bm.NormalNormal(mu=bm.Normal(0, sd), tau=TAU))
    cov = np.diag(DATA.se**2)
    want = multivariate_normal([0, 0], cov + sd**2).logpdf(DATA.y) - multivariate_normal([0, 0], cov + 1).logpdf(DATA.y)
    assert Draws(result).weights(other).log_factor == pytest.approx(want, abs=0.02)


def test_an_alternative_with_other_options_is_rejected() -> None:
    arms = bm.ArmMeans(
        mean_t=[1, 2], mean_c=[2, 3], n_t=[9, 9], n_c=[9, 9], sd_t=[1, 1], sd_c=[1, 1], spread="sd_or_se"
    )
    base = bm.NormalNormal(mu=bm.Normal(0, 1), tau=TAU)
    own = {"typical_sd": bm.LogNormal(0, 1), "sd_variation": bm.HalfNormal(0.3)}
    models = [bm.ArmNormal(base=base, **own, sd_probability=p) for p in (0.5, 0.7)]
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"mu": (("chain", "draw"), np.zeros((1, 9)))})})
    with pytest.raises(bm.SpecificationError, match=r"sd_probability 0\.7, the fit 0\.5: only the priors may differ"):
        claim_sensitivity(DrawsResult(tree, models[0], arms, "nuts"), "mu < 0", {"x": models[1]})


def test_a_uniform_prior_cut_short_has_no_tail_to_smooth() -> None:
    """Half of the draws have the ratio 2, the others none: ArviZ finds no tail, and a fit is to decide."""
    from bayesmeta.diagnostics.weights import smoothed

    found = smoothed(np.where(np.arange(4000) % 2, np.log(2), -np.inf), 1.0)
    assert found.pareto_k == np.inf
    assert np.isnan(found.log_factor)
