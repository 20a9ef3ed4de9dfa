"""NUTS and the grid on arms measured twice, against quadrature at known correlations, mixtures of it, and brute force."""

from __future__ import annotations

import dataclasses
import re
import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.stats import halfnorm, kstest, norm

import bayesmeta as bm
from bayesmeta.families.arm_changes.grid import fit_change_grid
from bayesmeta.quadrature.curves import curves

NAN = float("nan")
BASE = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
FIVE = {
    "n_t": [20, 9, 15, 40, 12], "mean_pre_t": [5.2, 6.4, 5.5, 6.0, 5.8], "sd_pre_t": [2.1, 1.4, 2.3, 2.0, 2.2],
    "mean_post_t": [3.1, 3.2, 4.6, 3.9, 3.6], "sd_post_t": [2.0, 2.2, 2.4, 2.1, 2.3],
    "n_c": [20, 10, 15, 41, 13], "mean_pre_c": [5.3, 5.0, 5.9, 6.1, 5.1], "sd_pre_c": [2.0, 2.1, 2.2, 1.9, 2.4],
    "mean_post_c": [5.0, 5.1, 5.2, 5.4, 4.7], "sd_post_c": [2.2, 2.0, 2.3, 2.2, 2.5],
    "correlation": [0.75, NAN, NAN, NAN, NAN], "sd_change_t": [NAN, NAN, 1.9, NAN, NAN],
    "sd_change_c": [NAN, NAN, 1.2, NAN, NAN],
}  # fmt: skip
DOSE = {"dose": [0.0, 1.0, 0.0, 1.0, 2.0]}
SAMPLES = [
    (0.75, 39),
    ((2.3**2 + 2.4**2 - 1.9**2) / (2 * 2.3 * 2.4), 15),
    ((2.2**2 + 2.3**2 - 1.2**2) / (2 * 2.2 * 2.3), 15),
]


def interval_of(grid):
    """The 95% interval of mu between the nodes of a grid."""
    curve = curves(grid)["mu"]
    return np.interp([0.025, 0.975], curve.below, curve.x)


def fisher(r, n, rho):
    """Density of a sample correlation but for a factor without rho, by Fisher's integral over the geometry of the sample."""
    kernel = sum(quad(lambda w: (np.cosh(w) - rho * r) ** (1 - n), a, b)[0] for a, b in ((0, 0.5), (0.5, 2), (2, 30)))
    return (1 - rho**2) ** ((n - 1) / 2) * kernel


@cache
def log_fisher(r, n):
    """Logarithm of the same as a function of Fisher's z of the true correlation, interpolated."""
    at = np.linspace(-5, 6, 133)
    return CubicSpline(at, np.log([fisher(r, n, value) for value in np.tanh(at)]))


def fisher_at(r, n, zeta):
    """The same at many values of it."""
    return np.exp(log_fisher(r, n)(np.clip(zeta, -5, 6)))


def gauss(lower, upper, n):
    """Nodes and weights of a Gauss rule on an interval."""
    x, w = np.polynomial.legendre.leggauss(n)
    return lower + (upper - lower) * (x + 1) / 2, (upper - lower) / 2 * w


def known(rho, **covariates):
    """Estimates with one known correlation."""
    arms = {name: values for name, values in FIVE.items() if "change" not in name and name != "correlation"}
    estimates = bm.effect_sizes(
        {"study": [f"study {i}" for i in range(1, 6)], **arms}, measure="md_change", correlation=rho
    )
    return bm.Estimates(estimates.y, estimates.se, covariates=covariates or None)


def mixture(values, weights):
    """Mean and sd of a mixture from means and sds, shape (component, 2)."""
    mean = weights @ values[:, 0]
    return mean, np.sqrt(weights @ (values[:, 1] ** 2 + (values[:, 0] - mean) ** 2))


def model(**changes):
    return bm.ChangeNormal(
        **{"base": BASE, "correlation": bm.Uniform(-1, 1), "correlation_variation": bm.PointMass(0)} | changes
    )


@pytest.mark.slow
def test_a_known_correlation_gives_the_fit_of_its_effect_sizes(assert_within_mcse, assert_rarely_diverges):
    base = dataclasses.replace(BASE, formula="1 + dose", beta={"dose": bm.Normal(0, 2)})
    result = bm.fit(
        bm.ArmChanges(**FIVE, covariates=DOSE),
        model(base=base, correlation=bm.PointMass(0.6)),
        seed=1,
        draws=2000,
        target_accept=0.99,
    )
    assert_rarely_diverges(result)
    want = bm.fit(known(0.6, **DOSE), base)
    for name in ("mu", "tau", "dose", "theta_new", "theta[study 3]"):
        marginal = want.marginal(name)
        found = result.marginal(name).draws
        assert_within_mcse(found, mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06, label=name)
    assert np.ptp(result.draws("correlation")) == 0


@pytest.fixture(scope="module")
def at_known():
    """Quadrature fits at known correlations, and the posterior weight of each.

    Weights: marginal likelihood of the estimates, times that of the sample correlations, times the flat prior.
    """
    x, w = np.polynomial.legendre.leggauss(60)
    rho = 0.5 + 0.45 * x  # from 0.05 to 0.95, beyond which nothing is left
    fits = [bm.fit(known(at), BASE) for at in rho]
    told = np.array([sum(np.log(fisher(r, n, at)) for r, n in SAMPLES) for at in rho])
    log_weight = np.array([fit.log_marginal_likelihood for fit in fits]) + told
    weight = w * np.exp(log_weight - log_weight.max())
    assert max(weight[:2].sum(), weight[-2:].sum()) < 1e-4 * weight.sum()
    return rho, fits, weight / weight.sum()


def moments(rho, fits, weight, name):
    """Mean and sd of a parameter in the mixture."""
    if name == "correlation":
        return mixture(np.column_stack([rho, 0 * rho]), weight)
    marginals = [fit.marginal(name) for fit in fits]
    return mixture(np.array([[m.mean(), m.sd()] for m in marginals]), weight)


def test_quadrature_with_one_correlation_is_that_mixture(at_known):
    result = bm.fit(bm.ArmChanges(**FIVE), model(), "quadrature")
    _, fits, weight = at_known
    for name in ("mu", "tau", "theta_new", "correlation"):
        marginal = result.marginal(name)
        assert_allclose([marginal.mean(), marginal.sd()], moments(*at_known, name), atol=1e-4)
        if name != "correlation":
            for end in marginal.interval(0.95, "eti"):
                want = weight @ [fit.marginal(name).cdf(end) for fit in fits]
                assert marginal.cdf(end) == pytest.approx(want, abs=2e-4)
    want = weight @ [fit.probability("mu < -1") for fit in fits]
    assert result.probability("mu < -1") == pytest.approx(want, abs=2e-4)
    mean, sd = moments(*at_known, "theta[study 3]")
    effect = result.marginal("theta[study 3]")  # 4,000 independent draws
    assert effect.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(4000))
    assert effect.sd() == pytest.approx(sd, rel=4 / np.sqrt(2 * 4000))


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_the_grid_at_a_known_correlation_is_the_fit_of_its_effect_sizes(rho):
    """And the marginal likelihood, but for what the sample correlations, independent of the means, have of their own."""
    want = bm.fit(known(rho), BASE)
    grid = bm.fit(bm.ArmChanges(**FIVE), model(correlation=bm.PointMass(rho)), "quadrature")
    for name in ("mu", "tau"):
        marginal, found = want.marginal(name), grid.marginal(name)
        assert_allclose([found.mean(), found.sd()], [marginal.mean(), marginal.sd()], atol=1e-4)
    untold = {name: values for name, values in FIVE.items() if name[:2] != "co" and "change" not in name}
    alone = bm.fit(bm.ArmChanges(**untold), model(correlation=bm.PointMass(rho)), "quadrature")
    assert alone.log_marginal_likelihood == pytest.approx(want.log_marginal_likelihood, abs=1e-4)
    told = [np.log((n - 2) / np.pi * (1 - r**2) ** ((n - 2) / 2) * fisher(r, n, rho)) for r, n in SAMPLES]
    assert grid.log_marginal_likelihood == pytest.approx(alone.log_marginal_likelihood + sum(told), abs=1e-4)


@pytest.mark.parametrize("baseline", ["separate", "common"])
def test_the_grid_integrates_the_correlation_of_a_study(baseline):
    """Marginal likelihood of one study, mu integrated by hand, over Gauss rules for all that its correlation depends on."""
    one = {name: values[2:3] for name, values in FIVE.items()}
    base = bm.NormalNormal(mu=bm.Normal(0, 1.5), tau=bm.PointMass(0.5))
    wanted = model(base=base, correlation=bm.Uniform(0, 1), correlation_variation=bm.HalfNormal(0.3), baseline=baseline)
    x, w = np.polynomial.legendre.leggauss(40)
    typical, variation = (x + 1) / 2, 0.9 * (x + 1)
    z, of_z = np.polynomial.hermite_e.hermegauss(60)
    zeta = np.arctanh(typical)[:, None, None] + variation[:, None] * z  # (typical, variation, z)
    rho = np.tanh(zeta)
    told = [(n - 2) / np.pi * (1 - r**2) ** ((n - 2) / 2) * fisher_at(r, n, zeta) for r, n in SAMPLES[1:]]
    v_pre, v_post, cov = (2.3**2 + 2.2**2) / 15, (2.4**2 + 2.3**2) / 15, rho * (2.3 * 2.4 + 2.2 * 2.3) / 15
    if baseline == "common":
        y, v = -0.6 - cov / v_pre * -0.4, v_post - cov**2 / v_pre
    else:
        y, v = -0.6 + 0.4, v_pre + v_post - 2 * cov
    effect = norm.pdf(y, 0, np.sqrt(v + 0.5**2 + 1.5**2))
    want = np.einsum(
        "tvz,z,t,v", effect * np.prod(told, axis=0), of_z / of_z.sum(), w / 2, 0.9 * w * halfnorm.pdf(variation, 0, 0.3)
    )
    found = bm.fit(bm.ArmChanges(**one), wanted, "quadrature").log_marginal_likelihood
    assert found == pytest.approx(np.log(want), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["separate", "common"])
def test_more_nodes_change_nothing(baseline):
    wanted = model(correlation_variation=bm.HalfNormal(0.5), baseline=baseline)
    coarse, fine = (fit_change_grid(bm.ArmChanges(**FIVE), wanted, n) for n in (1, 2))
    for name in ("mu", "tau", "correlation", "correlation_variation"):
        assert_allclose(coarse.mean_sd(name), fine.mean_sd(name), atol=1e-4)
    assert_allclose(interval_of(coarse), interval_of(fine), atol=1e-3)


@settings(max_examples=3)
@given(scale=st.floats(0.1, 30), seed=st.integers(0, 99))
def test_units_arms_and_order_do_not_matter(scale, seed):
    wanted = model(correlation_variation=bm.HalfNormal(0.5), baseline="common")
    reference, order = fit_change_grid(bm.ArmChanges(**FIVE), wanted), np.random.default_rng(seed).permutation(5)
    moved = {name: np.array(values)[order] * (scale if name[0] in "ms" else 1) for name, values in FIVE.items()}
    swapped = {
        name[:-1] + {"t": "c", "c": "t"}[name[-1]] if name != "correlation" else name: values
        for name, values in moved.items()
    }
    base = bm.NormalNormal(mu=bm.Normal(0, 4 * scale), tau=bm.HalfNormal(scale))
    found = fit_change_grid(bm.ArmChanges(**swapped), dataclasses.replace(wanted, base=base))
    mean, sd = reference.mean_sd("mu")
    assert_allclose(found.mean_sd("mu"), [-scale * mean, scale * sd], rtol=1e-6)
    assert_allclose(found.mean_sd("tau"), scale * np.array(reference.mean_sd("tau")), rtol=1e-6)
    assert_allclose(found.mean_sd("correlation"), reference.mean_sd("correlation"), rtol=1e-6)


@pytest.fixture(scope="module")
def varying():
    prior = bm.Truncated(bm.Normal(0.6, 0.2), -1, 1)
    wanted = model(correlation=prior, correlation_variation=bm.HalfNormal(0.5), baseline="common")
    return bm.fit(bm.ArmChanges(**FIVE), wanted, seed=3, draws=2500, target_accept=0.98)


@pytest.mark.slow
def test_correlations_that_vary_agree_with_brute_force(varying, assert_within_mcse, assert_rarely_diverges):
    """Every parameter on a grid: mu, tau, the typical correlation, its variation, and the correlation of each study."""
    assert_rarely_diverges(varying)
    mu, (tau, of_tau) = np.linspace(-4, 2, 61), gauss(0, 4, 32)
    (typical, of_typical), (variation, of_variation) = gauss(-1, 1, 32), gauss(0, 2.5, 32)
    zeta = np.linspace(-5, 6, 441)
    rho = np.tanh(zeta)
    log_joint = np.log(halfnorm.pdf(tau, 0, 1))[:, None] + norm.logpdf(mu, 0, 4)  # (tau, mu)
    log_joint = (
        log_joint + (norm.logpdf(typical, 0.6, 0.2)[:, None] + halfnorm.logpdf(variation, 0, 0.5))[..., None, None]
    )
    log_joint = log_joint + np.log(of_typical[:, None] * of_variation)[..., None, None] + np.log(of_tau)[:, None]
    given = norm.pdf(zeta, np.arctanh(typical)[:, None, None], variation[:, None])  # (typical, variation, zeta)
    given /= given.sum(axis=-1, keepdims=True)
    samples = {0: SAMPLES[:1], 2: SAMPLES[1:]}
    for i in range(5):
        n = np.array([FIVE["n_t"][i], FIVE["n_c"][i]])
        pre, post = (np.array([FIVE[f"sd_{when}_{arm}"][i] for arm in "tc"]) for when in ("pre", "post"))
        gaps = [FIVE[f"mean_{when}_t"][i] - FIVE[f"mean_{when}_c"][i] for when in ("pre", "post")]
        v_pre, v_post, cov = (pre**2 / n).sum(), (post**2 / n).sum(), rho * (pre * post / n).sum()
        y, v = gaps[1] - cov / v_pre * gaps[0], v_post - cov**2 / v_pre
        effect = norm.pdf(y[:, None, None], mu, np.sqrt(v[:, None, None] + tau[:, None] ** 2))  # (zeta, tau, mu)
        told = np.prod([fisher_at(r, size, zeta) for r, size in samples.get(i, [])], axis=0)
        log_joint = log_joint + np.log(np.maximum(np.tensordot(given * told, effect, axes=1), 1e-300))
    mass = np.exp(log_joint - log_joint.max())
    mass /= mass.sum()
    exact = bm.fit(varying.data, varying.model, "quadrature")
    for name, values, axis in (
        ("mu", mu, 3),
        ("tau", tau, 2),
        ("correlation", typical, 0),
        ("correlation_variation", variation, 1),
    ):
        weight = mass.sum(axis=tuple(a for a in range(4) if a != axis))
        assert weight[-1] < 1e-3  # nothing beyond the grid
        mean = weight @ values
        sd = np.sqrt(weight @ (values - mean) ** 2)
        assert_within_mcse(varying.draws(name), mean=mean, sd=sd, max_mcse=0.06, label=name)
        marginal = exact.marginal(name)
        assert_allclose([marginal.mean(), marginal.sd()], [mean, sd], atol=2e-3)  # steps of brute force
    assert exact.parameters == varying.parameters
    for name in exact.parameters:
        marginal = exact.marginal(name)
        assert_within_mcse(varying.draws(name), mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06, label=name)
    table, ess = exact.shrinkage(), varying.summary()["ess_bulk"].min()
    most = 4 * table["sd"] * np.sqrt(1 / 4000 + 1 / ess)
    assert (np.abs(varying.shrinkage()["mean"] - table["mean"]) < most).all()
    rho = [one.posterior["study_correlation"].mean(("chain", "draw")) for one in (exact, varying)]
    assert_allclose(rho[0], rho[1], atol=4 * 0.3 * np.sqrt(1 / 4000 + 1 / ess))


@pytest.mark.slow
def test_groups_and_names(varying):
    tree = varying.datatree
    names = ["mu", "tau", "correlation", "correlation_variation", "theta_new"]
    assert list(varying.summary().index) == names
    assert tree["log_likelihood"]["evidence"].dims == ("chain", "draw", "study")
    assert np.isfinite(tree["log_likelihood"]["evidence"]).all()
    assert set(tree["log_prior"].data_vars) == set(names) - {"theta_new"}
    told = tree["observed_data"]["correlations"].to_numpy()
    assert_allclose(told[[0, 2]], [[SAMPLES[0][0], NAN], [SAMPLES[1][0], SAMPLES[2][0]]])
    assert varying.shrinkage()["known"].tolist() == [True, False, True, False, False]
    assert 0 < varying.probability("correlation > 0.6 and mu < 0") < 1
    assert bm.convergence(varying).r_hat < 1.01
    stuck = varying.datatree.copy(deep=True)
    stuck["posterior"]["study_correlation"][0, :, 1] = 0.9 + varying.draws("mu")[0] / 1e3  # one chain elsewhere
    found = bm.convergence(dataclasses.replace(varying, datatree=stuck))
    assert (found.r_hat > 1.1, found.worst) == (True, f"study_correlation[{varying.data.study[1]}]")
    assert "prior on correlation" in bm.power_scaling(varying)


@pytest.mark.slow
def test_replicated_differences_are_those_of_the_model(varying):
    """With a common baseline: mean mu plus the slope times the gap at baseline, which stays; variance se^2 + tau^2."""
    posterior, predicted = varying.posterior, varying.datatree["posterior_predictive"]["difference"]
    gap = np.array(FIVE["mean_pre_t"]) - np.array(FIVE["mean_pre_c"])
    n_t, n_c = np.array(FIVE["n_t"]), np.array(FIVE["n_c"])
    pre, post = (
        np.stack([np.array(FIVE[f"sd_{when}_{arm}"]) / np.sqrt(n) for arm, n in (("t", n_t), ("c", n_c))])
        for when in ("pre", "post")
    )
    slope = posterior["study_correlation"] * (pre * post).sum(axis=0) / (pre**2).sum(axis=0)
    mean = posterior["mu"] + slope * gap
    variance = posterior["se"] ** 2 + posterior["tau"] ** 2
    z = ((predicted - mean) / np.sqrt(variance)).to_numpy()
    assert_allclose(z.mean(axis=(0, 1)), 0, atol=4 / np.sqrt(z[..., 0].size))
    assert_allclose(z.std(axis=(0, 1)), 1, atol=4 / np.sqrt(2 * z[..., 0].size))
    assert_allclose(
        varying.datatree["observed_data"]["difference"], np.array(FIVE["mean_post_t"]) - np.array(FIVE["mean_post_c"])
    )


@pytest.mark.slow
def test_a_correlation_that_nothing_tells_has_the_hierarchical_distribution(varying):
    """Fisher's z of a study without a printed correlation leans on the others: about the typical one, spread by its sd."""
    posterior = varying.posterior
    zeta = np.arctanh(posterior["study_correlation"].sel(study="study 5"))
    z = (zeta - np.arctanh(posterior["correlation"])) / posterior["correlation_variation"]
    assert abs(float(z.mean())) < 0.15  # the difference itself says little of it
    assert float(z.std()) == pytest.approx(1, abs=0.08)


@pytest.mark.slow
def test_large_trials_know_their_correlations():
    """Arms of 40 million who vary as much more: the standard errors stay, and a printed correlation has no uncertainty."""
    grow, rhos = 2e6, np.array([0.2, 0.5, 0.8, 0.4, 0.6])
    arms = {
        name: np.array(values) * (grow if name[0] == "n" else np.sqrt(grow) if name[0] == "s" else 1)
        for name, values in FIVE.items()
        if "change" not in name and name != "correlation"
    }
    wanted = model(correlation_variation=bm.HalfNormal(1))
    result = bm.fit(bm.ArmChanges(**arms, correlation=rhos), wanted, "quadrature", seed=4)
    each = [known(rho) for rho in rhos]
    want = bm.fit(bm.Estimates([e.y[i] for i, e in enumerate(each)], [e.se[i] for i, e in enumerate(each)]), BASE)
    for name in ("mu", "tau"):
        marginal, found = want.marginal(name), result.marginal(name)
        # each correlation is known to 1e-4, and what that does to the standard errors averages out to the second order
        assert_allclose([found.mean(), found.sd()], [marginal.mean(), marginal.sd()], atol=1e-6)
    assert_allclose(result.posterior["study_correlation"].mean(("chain", "draw")), rhos, atol=1e-5)


def test_joint_priors_are_refused():
    joint = bm.NormalNormal(tau=bm.HalfNormal(1), beta={("mu",): bm.MultivariateNormal([0], [[1]])})
    with pytest.raises(bm.SpecificationError, match="joint prior"):
        bm.fit(bm.ArmChanges(**FIVE), model(base=joint))


def test_the_page_prints_what_comes_out():
    """Rows of docs/baseline.md against the grid, for its data and model."""
    page = (Path(__file__).parents[2] / "docs" / "baseline.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec("\n".join(re.findall(r"^(?:>>>|\.\.\.) ?(.*)$", page, re.M)), names)
    data, wanted = names["data"], names["model"]
    exact = bm.fit(data, wanted, "quadrature").summary()
    for parameter in ("mu", "tau", "correlation", "correlation_variation"):
        row = re.search(rf"^{parameter} +(-?[\d.]+) +([\d.]+)$", page, re.M)
        assert [float(x) for x in row.groups()] == pytest.approx(list(exact.loc[parameter, ["mean", "sd"]]), abs=0.006)
    rows = {
        f"{rho:g}": dataclasses.replace(wanted, correlation=bm.PointMass(rho), correlation_variation=bm.PointMass(0))
        for rho in (0.2, 0.5, 0.8)
    }
    for label, at in (rows | {"a parameter": wanted}).items():
        row = re.search(rf"^\| {label} \| −([\d.]+) \| −([\d.]+) to −([\d.]+) \|", page, re.M)
        found = bm.fit(data, at, "quadrature").summary().loc["mu", ["mean", "lower", "upper"]]
        printed = [-float(x) for x in row.groups()]
        assert printed == pytest.approx(list(found), abs=0.006)
    for rho, share in ((0.2, 24), (0.5, 16), (0.8, 7)):
        table = {name: getattr(data, name)[:5] for name in FIVE if "change" not in name and name != "correlation"}
        se = bm.effect_sizes({"study": list("ABCDE"), **table}, measure="md_change", correlation=rho).se
        own = (1.6**2 / 18 + 1.9**2 / 17) ** -1
        assert 100 * own / (own + (se**-2).sum()) == pytest.approx(share, abs=0.51)


@pytest.fixture(scope="module")
def study():
    return runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "baseline-correlation.py"))


@pytest.mark.slow
def test_coverage_with_unprinted_correlations(study):
    """95% intervals of mu cover a fixed truth in 95% of meta-analyses, and are hardly wider than with all printed."""
    found = study["coverage"](study["Truth"](), 16, seed=11)
    hit, width = found[:, :, 0].mean(axis=0), found[:, :, 1].mean(axis=0)
    assert (np.abs(hit[[0, 3, 4]] - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 16)).all()
    assert max(width[3], width[4]) < 1.08 * width[0] < width[1] < width[2]


@pytest.mark.calibration
def test_calibrated_from_the_prior(study):
    assert kstest(study["calibration"](30, seed=12), "uniform").pvalue > 0.01
