"""Evidence of arm means and the grid over all parameters, against distributions and integrals of SciPy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats import chi2, lognorm, multivariate_normal, multivariate_t, nct, norm, qmc, t

import bayesmeta as bm
from bayesmeta.families.arm_means.grid import fit_arm_grid
from bayesmeta.families.likelihood import Point
from bayesmeta.families.prepared import prepare
from bayesmeta.quadrature import settle
from bayesmeta.quadrature.curves import curves

NAN = float("nan")
_x, _w = np.polynomial.legendre.leggauss(300)  # over log sigma from -4 to 5
SIGMA = np.exp(0.5 + 4.5 * _x)
WEIGHT = 4.5 * _w * SIGMA
BASE = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
MODEL = bm.ArmNormal(base=BASE, typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3))
POOLED = dataclasses.replace(MODEL, equal_variances=True)
SMD = dataclasses.replace(POOLED, measure="smd")
ONE = {"n_t": [6], "mean_t": [1.3], "sd_t": [2.0], "n_c": [4], "mean_c": [0.4], "sd_c": [1.5]}
SIX = {
    "n_t": [12, 20, 9, 31, 15, 25], "mean_t": [3.1, 2.2, 4.9, 3.6, 1.5, 2.9],
    "sd_t": [2.0, NAN, 1.4, 2.9, NAN, 0.6],
    "n_c": [14, 19, 9, 30, 16, 24], "mean_c": [4.6, 3.0, 4.1, 4.9, 4.2, 3.3],
    "sd_c": [2.4, NAN, 1.9, 2.6, NAN, 0.5],
    "spread": ["sd", "sd", "sd", "sd", "sd", "sd_or_se"],
}  # fmt: skip

TWO_READINGS = (
    bm.ArmMeans(
        n_t=[11, 19, 5, 4, 18, 14], mean_t=[-1.907, -0.191, 1.521, 3.024, 2.141, -1.974],
        sd_t=[0.559, 0.345, NAN, 2.496, 1.734, 1.613],
        n_c=[20, 6, 18, 10, 14, 6], mean_c=[3.448, 5.319, 5.166, 7.969, 6.658, 3.474],
        sd_c=[0.342, 0.486, NAN, 1.627, 1.008, 1.773],
        spread=["sd_or_se", "sd_or_se", "sd", "sd", "sd", "sd"],
    ),
    dataclasses.replace(SMD, base=bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))),
)  # fmt: skip


def interval_of(grid):
    """The 95% interval of mu between the nodes of a grid."""
    curve = curves(grid)["mu"]
    return np.interp([0.025, 0.975], curve.below, curve.x)


def evidence(data, model, mu, tau, typical, variation):
    """Log density of each study given the top level."""
    likelihood = prepare(data, model).likelihood
    top = {"mu": mu, "tau": tau, "sd_variation": variation, **likelihood.numbers}
    top |= {f"typical_sd[{instrument}]": typical for instrument in data.instruments}
    at = Point({name: np.array(float(value)) for name, value in top.items()}, np.zeros(0), np.zeros(0), {})
    return likelihood.pointwise(at)


def of_log_s(s, n, sigma):
    """Density of log s, from chi^2 of (n - 1) s^2 / sigma^2."""
    x = (n - 1) * s**2 / sigma**2
    return chi2.pdf(x, n - 1) * 2 * x


def arm_prior(sigma, typical=2.0, variation=0.4):
    return lognorm.pdf(sigma, variation, scale=typical)


def one_study(data, mu, tau, factor=(1.0, 1.0), model=MODEL):
    """Density of what a study printed, by Gauss-Legendre quadrature over its sigmas; `factor` turns the printed value into s."""
    n, s = (data.n_t[0], data.n_c[0]), (data.sd_t[0] * factor[0], data.sd_c[0] * factor[1])
    y = data.difference[0]

    def spreads(sigma_t, sigma_c):
        found = 1.0
        for size, sd, sigma in zip(n, s, (sigma_t, sigma_c), strict=True):
            found = found * of_log_s(sd, size, sigma) if np.isfinite(sd) else 1.0
        return found

    def effect(sigma_t, sigma_c):
        if model.measure == "smd":
            return norm.pdf(y, sigma_t * mu, sigma_t * np.sqrt(tau**2 + 1 / n[0] + 1 / n[1]))
        return norm.pdf(y, mu, np.sqrt(tau**2 + sigma_t**2 / n[0] + sigma_c**2 / n[1]))

    if model.equal_variances:
        return float((WEIGHT * arm_prior(SIGMA) * spreads(SIGMA, SIGMA) * effect(SIGMA, SIGMA)).sum())
    a, b = SIGMA[:, None], SIGMA
    whole = arm_prior(a) * arm_prior(b) * spreads(a, b) * effect(a, b)
    return float(WEIGHT @ whole @ WEIGHT)


@pytest.mark.parametrize("model", [MODEL, POOLED, SMD], ids=["two sigmas", "one sigma", "smd"])
@pytest.mark.parametrize(
    "change",
    [{}, {"sd_t": [NAN]}, {"sd_t": [NAN], "sd_c": [NAN]}, {"n_t": [1], "sd_t": [NAN]}, {"mean_t": [9.0]}],
    ids=["all known", "one missing", "both missing", "one participant", "outlier"],
)
def test_evidence_is_an_integral_over_sigma(model, change):
    data = bm.ArmMeans(**{**ONE, **change})
    want = one_study(data, 0.3, 0.5, model=model)
    assert_allclose(evidence(data, model, 0.3, 0.5, 2.0, 0.4), np.log(want), atol=2e-6)


@pytest.mark.parametrize("model", [MODEL, POOLED], ids=["two sigmas", "one sigma"])
def test_evidence_of_a_doubtful_spread_weighs_both_readings(model):
    data, model = bm.ArmMeans(**ONE, spread="sd_or_se"), dataclasses.replace(model, sd_probability=0.7)
    roots = (np.sqrt(6), np.sqrt(4))
    want = 0.7 * one_study(data, 0.3, 0.5, model=model) + 0.3 * one_study(data, 0.3, 0.5, roots, model)
    assert_allclose(evidence(data, model, 0.3, 0.5, 2.0, 0.4), np.log(want), atol=2e-6)
    as_se = evidence(bm.ArmMeans(**ONE, spread="se"), model, 0.3, 0.5, 2.0, 0.4)
    assert_allclose(as_se, np.log(one_study(data, 0.3, 0.5, roots, model)), atol=2e-6)


def test_under_a_flat_prior_on_log_sigma_the_difference_is_t():
    """Mean difference with one sigma: (y - mu) / (s sqrt(1/n_t + 1/n_c)) has a t distribution."""
    data = bm.ArmMeans(**{**ONE, "n_t": [3], "n_c": [4]})
    found = np.array([evidence(data, POOLED, mu, 0, 2.0, 1e5)[0] for mu in (-6.0, 0.0, 0.9, 3.0)])
    s = np.sqrt((2 * 2.0**2 + 3 * 1.5**2) / 5)
    want = t.logpdf(0.9 - np.array([-6.0, 0.0, 0.9, 3.0]), 5, scale=s * np.sqrt(1 / 3 + 1 / 4))
    assert_allclose(found - found[0], want - want[0], atol=1e-5)


def test_under_flat_priors_two_sigmas_give_a_sum_of_two_t():
    """Behrens and Fisher: the difference less its mean is the difference of two scaled t variables."""
    data, at = bm.ArmMeans(**ONE), np.array([-3.0, 0.0, 0.9, 2.0])
    found = np.array([evidence(data, MODEL, mu, 0, 2.0, 1e5)[0] for mu in at])
    a, b = 2.0 / np.sqrt(6), 1.5 / np.sqrt(4)
    want = [
        quad(lambda x, m=m: t.pdf(x, 5, scale=a) * t.pdf(0.9 - m - x, 3, scale=b), -80, 80, limit=400)[0] for m in at
    ]
    assert_allclose(found - found[0], np.log(want) - np.log(want[0]), atol=1e-5)


@pytest.mark.parametrize("tau", [0.0, 0.6])
def test_small_trials_have_the_noncentral_t_likelihood(tau):
    """Hedges (1981): y / (s sqrt(1/n_t + 1/n_c)) is noncentral t, and theta ~ N(mu, tau^2) mixes it."""
    data = bm.ArmMeans(**{**ONE, "n_t": [3], "n_c": [4]})
    size = np.sqrt(1 / 3 + 1 / 4)
    observed = 0.9 / np.sqrt((2 * 2.0**2 + 3 * 1.5**2) / 5) / size
    at = np.array([-1.5, 0.0, 0.5, 2.0])
    found = np.array([evidence(data, SMD, mu, tau, 2.0, 1e5)[0] for mu in at])

    def density(mu):
        if tau == 0:
            return nct.pdf(observed, 5, mu / size)
        return quad(lambda x: nct.pdf(observed, 5, x / size) * norm.pdf(x, mu, tau), mu - 8 * tau, mu + 8 * tau)[0]

    want = np.log([density(mu) for mu in at])
    assert_allclose(found - found[0], want - want[0], atol=1e-5)


@pytest.mark.parametrize("model", [MODEL, POOLED, SMD], ids=["md", "md, one sigma", "smd"])
def test_with_known_sds_and_large_arms_it_is_the_normal_normal_model(model):
    y, se, n = np.array([-1.2, 0.4, -0.3, 0.9, -0.5]), np.array([0.3, 0.5, 0.2, 0.4, 0.35]), 4e6
    sd = se * np.sqrt(n / 2) if model.measure == "md" else np.full(5, 300.0)
    if model.measure == "smd":  # every standard error is sqrt(2 / n): 0
        se, y_t = np.full(5, np.sqrt(2 / n)), y * 300.0
    else:
        y_t = y
    data = bm.ArmMeans(n_t=[n] * 5, mean_t=y_t, sd_t=sd, n_c=[n] * 5, mean_c=[0] * 5, sd_c=sd)
    fine = 1 if model is MODEL else 2
    grid = fit_arm_grid(data, dataclasses.replace(model, typical_sd=bm.LogNormal(6, 1)), fine)
    want = bm.fit(bm.Estimates(y, se), BASE)
    for name in ("mu", "tau"):
        marginal = want.marginal(name)
        assert_allclose(grid.mean_sd(name), [marginal.mean(), marginal.sd()], atol=1e-3)
    assert_allclose(interval_of(grid), want.marginal("mu").interval(0.95, "eti"), atol=1e-3)


def test_reading_is_a_bayes_factor_of_two_hypotheses():
    """One study, sigma's scales and tau known, mu integrated: its prior adds to the variance of the difference."""
    fixed = dataclasses.replace(
        POOLED, base=bm.NormalNormal(mu=bm.Normal(0, 1.5), tau=bm.PointMass(0)), typical_sd=bm.PointMass(2.0),
        sd_variation=bm.PointMass(0.4), sd_probability=0.4,
    )  # fmt: skip
    for printed in (0.5, 0.9, 1.2):
        data = bm.ArmMeans(**{**ONE, "sd_t": [printed], "sd_c": [printed]}, spread="sd_or_se")
        sd = one_study(data, 0, 1.5, model=POOLED)
        se = one_study(data, 0, 1.5, (np.sqrt(6), np.sqrt(4)), POOLED)
        grid = fit_arm_grid(data, fixed)
        assert grid.choices["study 1"]["sd"] == pytest.approx(0.4 * sd / (0.4 * sd + 0.6 * se), abs=1e-5)
        assert grid.log_marginal_likelihood == pytest.approx(np.log(0.4 * sd + 0.6 * se), abs=1e-4)


def test_a_posterior_far_from_its_first_guess_is_found():
    """Two doubtful spreads: read as SDs, tau would be at 1.2; read as SEs, which they are, near zero.

    Expected values from 4,096 Sobol points of importance sampling, with sigma integrated for each (see below).
    """
    data, model = TWO_READINGS
    grid = fit_arm_grid(data, model)
    assert_allclose(grid.mean_sd("tau"), [0.272, 0.214], atol=0.004)
    assert_allclose(grid.mean_sd("mu"), [-2.854, 0.302], atol=0.006)
    assert max(reading["sd"] for reading in grid.choices.values()) < 1e-8
    assert grid.error < 0.02
    assert max(max(both) for both in grid.ends.values()) < 1e-8


@pytest.mark.parametrize("mu", [bm.Normal(0, 0.02), bm.Normal(30, 0.1), bm.StudentT(3, -20, 1), bm.Flat()], ids=str)
def test_a_prior_on_mu_moves_the_nodes_of_mu(mu):
    """A known tau and one study with known SDs of many participants: mu is a product of two densities."""
    base = bm.NormalNormal(mu=mu, tau=bm.PointMass(0.5))
    fixed = dataclasses.replace(POOLED, base=base, typical_sd=bm.PointMass(2.0), sd_variation=bm.PointMass(0.4))
    data = bm.ArmMeans(n_t=[4e6], mean_t=[1.0], sd_t=[1.0], n_c=[4e6], mean_c=[0], sd_c=[1.0])
    at = np.unique(np.concatenate([np.linspace(-60, 60, 400_001), np.linspace(-0.3, 0.3, 20_001)]))
    log_density = mu.logpdf(at) + norm.logpdf(1.0, at, 0.5)
    density = np.exp(log_density - log_density.max())
    total, mean = np.trapezoid(density, at), np.trapezoid(at * density, at) / np.trapezoid(density, at)
    sd = np.sqrt(np.trapezoid((at - mean) ** 2 * density, at) / total)
    assert_allclose(fit_arm_grid(data, fixed).mean_sd("mu"), [mean, sd], rtol=3e-4, atol=3e-4 * sd)


def test_a_grid_that_cannot_suffice_is_no_result(monkeypatch):
    monkeypatch.setattr(settle, "_TOLERANCE", 0.0)
    with pytest.raises(bm.InferenceError, match=r"the grid does not suffice: .* Use engine='nuts'"):
        fit_arm_grid(bm.ArmMeans(**ONE), POOLED, 0.5)


def by_importance(data, model, seed, points=12):
    """Means and sds of all parameters, log evidence, effective sample size: Sobol points in scores of the priors.

    The second round is drawn from a t distribution at the first one's weighted mean; sigma is integrated for each point.
    """
    priors = tuple(model.priors.values())
    normal = multivariate_normal(np.zeros(4))
    scores = ndtri(np.clip(qmc.Sobol(4, seed=seed).random_base2(points), 1e-12, 1 - 1e-12))
    log_proposal = normal.logpdf(scores)
    for last in (False, True):
        shares = np.clip(ndtr(scores), 1e-15, 1 - 1e-15)
        values = [np.asarray(prior.ppf(share)) for prior, share in zip(priors, shares.T, strict=True)]
        log_weight = log_likelihood(data, model, *values) + normal.logpdf(scores) - log_proposal
        weight = np.exp(log_weight - log_weight.max())
        log_evidence = np.log(weight.mean()) + log_weight.max()
        weight /= weight.sum()
        if not last:
            middle = weight @ scores
            spread = 1.3 * (scores - middle).T @ (weight[:, None] * (scores - middle)) + 1e-6 * np.eye(4)
            uniform = np.clip(qmc.Sobol(5, seed=seed + 1).random_base2(points), 1e-12, 1 - 1e-12)
            base, scale = ndtri(uniform[:, :4]), np.sqrt(5 / chi2.ppf(uniform[:, 4], 5))
            first = np.random.default_rng(seed).random(len(base)) < 0.15  # from the prior, for what lies elsewhere
            scores = np.where(first[:, None], base, middle + scale[:, None] * base @ np.linalg.cholesky(spread).T)
            from_t = multivariate_t(middle, spread, df=5).logpdf(scores)
            log_proposal = np.logaddexp(np.log(0.15) + normal.logpdf(scores), np.log(0.85) + from_t)
    found = {}
    for name, value in zip(("mu", "tau", "typical_sd", "sd_variation"), values, strict=True):
        mean = weight @ value
        found[name] = mean, np.sqrt(weight @ (value - mean) ** 2)
    return found, log_evidence, 1 / (weight**2).sum()


def log_likelihood(data, model, mu, tau, typical, variation):
    """Log density of arm means with one sigma a study, by trapezoid rules in log sigma or in its standardised value."""
    n, s = np.stack([data.n_t, data.n_c], axis=1), np.stack([data.sd_t, data.sd_c], axis=1)
    found = np.zeros(mu.size)
    for narrow in (False, True):
        rows = np.flatnonzero((variation < 0.15) == narrow)
        z, step = (np.arange(-9, 9.01, 0.2), 0.2) if narrow else (np.arange(-5, 6, 0.02), 0.02)
        m, t, v = (values[rows, None] for values in (mu, tau, variation))
        middle = np.log(typical[rows, None])
        log_sigma = middle + v * z if narrow else z[None, :]
        log_prior = norm.logpdf(z) + np.log(step) if narrow else norm.logpdf(z, middle, v) + np.log(step)
        for i in range(data.n_studies):

            def printed(factor, i=i, log_sigma=log_sigma):
                total = 0.0 * log_sigma
                for df, sd in zip(n[i] - 1, s[i] * factor, strict=True):
                    if np.isfinite(sd):
                        x = df * sd**2 * np.exp(-2 * log_sigma)
                        total = total + chi2.logpdf(x, df) + np.log(2 * x)
                return total

            evidence = printed(1.0)
            if data.spread[i] == "sd_or_se":
                p = model.sd_probability
                evidence = np.logaddexp(np.log(p) + evidence, np.log1p(-p) + printed(np.sqrt(n[i])))
            unit = np.exp(log_sigma) if model.measure == "smd" else 1.0
            sd = np.sqrt((unit * t) ** 2 + np.exp(2 * log_sigma) * (1 / n[i]).sum())
            effect = norm.logpdf(data.difference[i], unit * m, sd)
            found[rows] += logsumexp(log_prior + evidence + effect, axis=1)
    return found


def from_the_prior(model, rng, k=6):
    """Arms of k small studies, two spreads of which are doubtful and one is missing."""
    mu, tau, typical, variation = (float(prior.rvs(None, rng)) for prior in model.priors.values())
    sigma = typical * np.exp(variation * rng.standard_normal(k))
    n = rng.integers(4, 21, (k, 2)).astype(float)
    theta = (mu + tau * rng.standard_normal(k)) * (sigma if model.measure == "smd" else 1.0)
    noise = sigma[:, None] / np.sqrt(n) * rng.standard_normal((k, 2))
    s = sigma[:, None] * np.sqrt(rng.chisquare(n - 1) / (n - 1))
    spread = ["sd"] * k
    for i in rng.permutation(k)[:2]:
        spread[i] = "sd_or_se"
        s[i] /= np.sqrt(n[i]) if rng.random() < 0.5 else 1.0
    s[rng.integers(k)] = NAN
    return bm.ArmMeans(
        n_t=n[:, 0],
        mean_t=theta + noise[:, 0],
        sd_t=s[:, 0],
        n_c=n[:, 1],
        mean_c=noise[:, 1],
        sd_c=s[:, 1],
        spread=spread,
    )


def test_marginal_likelihood_and_typical_sd_are_those_of_importance_sampling():
    """Two doubtful spreads and one that was not printed; sigma is integrated for each Sobol point by other rules."""
    data, model = TWO_READINGS
    result, (want, log_evidence, size) = bm.fit(data, model, "quadrature"), by_importance(data, model, 1)
    assert size > 200
    assert result.log_marginal_likelihood == pytest.approx(log_evidence, abs=3 / np.sqrt(size))
    typical, (mean, sd) = result.marginal("typical_sd[outcome]"), want["typical_sd"]
    assert typical.mean() == pytest.approx(mean, abs=3 * sd / np.sqrt(size))
    assert typical.sd() == pytest.approx(sd, rel=3 / np.sqrt(size))


@pytest.mark.calibration
@pytest.mark.parametrize("measure", ["md", "smd"])
def test_data_from_the_prior_agree_with_importance_sampling(measure):
    """Six data sets; of three hundred the mean that differed most was off by 0.035 posterior sds, which is Monte Carlo error."""
    scale = 1.0 if measure == "smd" else 2.0
    base = bm.NormalNormal(mu=bm.Normal(0, scale), tau=bm.HalfNormal(scale / 2))
    model, rng = dataclasses.replace(POOLED, base=base, measure=measure), np.random.default_rng(20261129)
    for seed in range(6):
        data = from_the_prior(model, rng)
        grid, (want, log_evidence, size) = fit_arm_grid(data, model), by_importance(data, model, seed)
        assert size > 200
        assert grid.log_marginal_likelihood == pytest.approx(log_evidence, abs=5 / np.sqrt(size))
        for name in ("mu", "tau", "sd_variation", "typical_sd"):
            (mean, sd), (wanted, wanted_sd) = (
                grid.mean_sd(name.replace("typical_sd", "typical_sd[outcome]")),
                want[name],
            )
            assert abs(mean - wanted) < 5 * wanted_sd / np.sqrt(size), (seed, name)
            assert sd == pytest.approx(wanted_sd, rel=5 / np.sqrt(size)), (seed, name)


@pytest.mark.slow
@pytest.mark.parametrize("model", [POOLED, SMD], ids=["md", "smd"])
def test_more_nodes_change_nothing(model):
    data = bm.ArmMeans(**SIX)
    coarse, fine = fit_arm_grid(data, model), fit_arm_grid(data, model, 1.7)
    for name in ("mu", "tau", "sd_variation"):
        assert_allclose(coarse.mean_sd(name), fine.mean_sd(name), atol=1.5e-3)
    assert_allclose(interval_of(coarse), interval_of(fine), atol=2e-3)
    assert coarse.choices["study 6"]["sd"] == pytest.approx(fine.choices["study 6"]["sd"], abs=1e-3)


def test_two_studies_without_any_sd_agree_with_integration_over_sigma():
    """k = 2, nothing printed, tau and the scales known: mu by brute force over a product of integrals."""
    fixed = dataclasses.replace(
        POOLED, base=bm.NormalNormal(mu=bm.Normal(0, 1.5), tau=bm.PointMass(0.3)), typical_sd=bm.PointMass(2.0),
        sd_variation=bm.PointMass(0.4),
    )  # fmt: skip
    none = {"sd_t": [NAN, NAN], "sd_c": [NAN, NAN]}
    both = {name: values * 2 for name, values in ONE.items()} | none | {"mean_t": [1.3, -1.0]}
    data = bm.ArmMeans(**both)
    first, second = (data.subset(np.array([i == 0, i == 1])) for i in (0, 1))
    mu = np.linspace(-9, 9, 241)
    density = norm.pdf(mu, 0, 1.5) * [
        one_study(first, m, 0.3, model=POOLED) * one_study(second, m, 0.3, model=POOLED) for m in mu
    ]
    total = density.sum()
    mean = (mu * density).sum() / total
    grid = fit_arm_grid(data, fixed, 2)
    assert_allclose(grid.mean_sd("mu"), [mean, np.sqrt(((mu - mean) ** 2 * density).sum() / total)], atol=1e-5)
    assert grid.log_marginal_likelihood == pytest.approx(np.log(total * (mu[1] - mu[0])), abs=1e-4)


@settings(max_examples=3)
@given(scale=st.floats(0.1, 30), seed=st.integers(0, 99))
def test_units_arms_and_order_do_not_matter(scale, seed):
    data, order = bm.ArmMeans(**SIX), np.random.default_rng(seed).permutation(6)
    model = POOLED
    reference = fit_arm_grid(data, model)
    columns = {name: np.array(values)[order] for name, values in SIX.items()}
    swapped = {
        name[:-1] + {"t": "c", "c": "t"}[name[-1]] if name != "spread" else name: x for name, x in columns.items()
    }
    rescaled = {name: x * scale if name[:2] in ("me", "sd") else x for name, x in swapped.items()}
    base = bm.NormalNormal(mu=bm.Normal(0, 4 * scale), tau=bm.HalfNormal(scale))
    other = dataclasses.replace(model, base=base, typical_sd=bm.LogNormal(0.7 + np.log(scale), 0.5))
    found = fit_arm_grid(bm.ArmMeans(**rescaled), other)
    mean, sd = reference.mean_sd("mu")
    assert_allclose(found.mean_sd("mu"), [-scale * mean, scale * sd], rtol=1e-6)
    assert_allclose(found.mean_sd("tau"), scale * np.array(reference.mean_sd("tau")), rtol=1e-6)
    assert found.choices["study " + str(1 + list(order).index(5))]["sd"] == pytest.approx(
        reference.choices["study 6"]["sd"]
    )


def test_typical_sd_and_its_variation_are_integrated_over_their_priors():
    """Marginal likelihood of one study: by Gauss rules over sigma, typical_sd and sd_variation."""
    model = dataclasses.replace(POOLED, base=bm.NormalNormal(mu=bm.Normal(0, 1.5), tau=bm.PointMass(0.5)))
    data = bm.ArmMeans(**ONE)
    x, w = np.polynomial.legendre.leggauss(40)
    typical, at, to = np.exp(0.7 + 3 * x), 0.75 * (x + 1), 0.75 * w
    of_typical = lognorm.pdf(typical, 0.5, scale=np.exp(0.7)) * 3 * w * typical
    of_variation = 2 * norm.pdf(at, 0, 0.3) * to
    z, of_z = np.polynomial.hermite_e.hermegauss(60)
    sigma = typical[:, None] * np.exp(at[:, None, None] * z)  # (variation, typical, z)
    effect = norm.pdf(0.9, 0, np.sqrt(1.5**2 + 0.5**2 + sigma**2 * (1 / 6 + 1 / 4)))
    printed = of_log_s(2.0, 6, sigma) * of_log_s(1.5, 4, sigma)
    want = np.einsum("vtz,z,t,v", printed * effect, of_z / of_z.sum(), of_typical, of_variation)
    assert fit_arm_grid(data, model, 2).log_marginal_likelihood == pytest.approx(np.log(want), abs=1e-4)
