"""Models of publication bias against quadrature by others, brute force by SciPy, and maximum likelihood by metafor."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize, stats

import bayesmeta as bm
from bayesmeta.quadrature.selection.bias import Bias, Selection, Trend, Unbiased
from bayesmeta.quadrature.selection.fit import fit_bias
from bayesmeta.quadrature.selection.steps import Steps
from bayesmeta.quadrature.selection.weights import WeightPosterior, coefficient

FOLDER = Path(__file__).parents[2] / "golden"
GOLDEN = {
    name: json.loads((FOLDER / f"selection_{name}.json").read_text("utf-8"))
    for name in ("bem2011", "karner2014_exa_reversed")
}
HALF_CAUCHY = bm.Truncated(bm.Cauchy(0, 1), 0, math.inf)


def arrays(name: str) -> tuple[np.ndarray, np.ndarray]:
    return np.array(GOLDEN[name]["y"]), np.array(GOLDEN[name]["sigma"])


def bias_of(text: str, y: np.ndarray, se: np.ndarray) -> Bias:
    """A way of bias as the golden file writes it."""
    if text == "none":
        return Unbiased(y, se)
    if text == "PET":
        return Trend(y, se, se, HALF_CAUCHY)
    if text == "PEESE":
        return Trend(y, se, se**2, bm.Truncated(bm.Cauchy(0, 5), 0, math.inf))
    cuts = tuple(float(cut) for cut in text[text.index("(") + 1 : -1].split(","))
    return Selection(y, se, Steps(cuts, text.startswith("two")))


@pytest.mark.parametrize("name", GOLDEN)
def test_all_models_of_robma_are_those_of_other_quadrature(name: str) -> None:
    y, se = arrays(name)
    rough = float(GOLDEN[name]["refinement"]["max_abs"])  # what a finer rule changed in the file, at its model 8
    for i, golden in enumerate(GOLDEN[name]["exact_psma"]["models"]):
        mu = bm.Normal(0, 1) if golden["effect"] else bm.PointMass(0)
        tau = bm.InvGamma(1, 0.15) if golden["heterogeneity"] else bm.PointMass(0)
        fit = fit_bias(bias_of(golden["bias"], y, se), mu, tau)
        off = abs(fit.log_evidence - golden["log_marginal_likelihood"])
        assert off < (max(rough, 1e-6) if i == 8 else 1e-6), golden["bias"]
        assert fit.error < 1e-5
        assert i == 8 or off <= fit.error + 5e-9, golden["bias"]  # the file has ten digits
        mean, sd = fit.grid.mean_sd("mu")
        assert mean == pytest.approx(golden["mu_mean"], abs=1e-8)
        assert mean**2 + sd**2 == pytest.approx(golden["mu_second_moment"], abs=1e-8)
        assert fit.grid.mean_sd("tau")[0] == pytest.approx(golden["tau_mean"], abs=1e-8)
        if golden["effect"]:  # windows that cut a posterior off would show at their ends
            log_mass = fit.grid.log_mass - fit.grid.log_mass.max()
            assert max(log_mass[:, [0, -1]].max(), log_mass[[0, -1]].max() if len(log_mass) > 1 else -99) < -15
        if golden["bias"] in ("PET", "PEESE"):
            assert coefficient(fit)[0] == pytest.approx(golden["coefficient_mean"], rel=1e-6)
        elif "omega_mean_from_significant_to_not" in golden:
            ours = [
                WeightPosterior(fit).mean_sd(j)[0] for j in range(len(golden["omega_mean_from_significant_to_not"]) - 1)
            ]
            assert ours == pytest.approx(golden["omega_mean_from_significant_to_not"][1:], abs=2e-6)


@pytest.mark.parametrize(
    ("y", "p", "two_sided", "sign", "interval"),
    [
        (0.0, (0.025, 0.5), False, 1, 1),  # its one-sided P value is .5, and belongs to the more significant interval
        (0.0, (0.025, 0.5), False, -1, 1),
        (-1e-6, (0.025, 0.5), False, 1, 2),
        (float(stats.norm.isf(0.025)), (0.025, 0.5), False, 1, 0),
        (-float(stats.norm.isf(0.025)), (0.05,), True, 1, 0),
        (-1.9, (0.05, 0.1), True, 1, 1),
        (-1.9, (0.05,), False, -1, 0),
    ],
)
def test_a_p_value_equal_to_a_cut_is_the_more_significant(
    y: float, p: tuple[float, ...], two_sided: bool, sign: int, interval: int
) -> None:
    assert Steps(p, two_sided, sign).intervals(np.array([y]), np.array([1.0])).tolist() == [interval]


@pytest.mark.parametrize("two_sided", [False, True])
def test_probabilities_of_intervals_are_those_of_the_normal_distribution(two_sided: bool) -> None:
    steps, se, mu, tau = (
        Steps((0.01, 0.05, 0.5), two_sided, -1),
        np.array([0.1, 0.4]),
        np.array([-2.0, 0.3]),
        np.array([0.2, 0.0]),
    )
    ours = steps.probabilities(mu, tau, se)
    assert ours.sum(axis=2) == pytest.approx(1, abs=1e-14)
    for a in range(2):
        for i in range(2):
            y = stats.norm(mu[a], math.hypot(se[i], tau[a]))
            if two_sided:
                z = stats.norm.isf(np.array([0.01, 0.05, 0.5]) / 2) * se[i]
                outside = y.cdf(-z) + y.sf(z)
            else:
                outside = y.cdf(-stats.norm.isf([0.01, 0.05, 0.5]) * se[i])
            assert ours[a, i] == pytest.approx(np.diff([0, *outside, 1]), abs=1e-14)


def weighted(y: np.ndarray, se: np.ndarray, mu: np.ndarray, tau: float, w: np.ndarray) -> np.ndarray:
    """Likelihood of one-sided selection of negative effects at .05, written a second time."""
    total: Any = 1.0
    for effect, error in zip(y, se, strict=True):
        sd = math.hypot(error, tau)
        seen = stats.norm.cdf((-stats.norm.isf(0.05) * error - mu) / sd)
        weight = 1.0 if effect <= -stats.norm.isf(0.05) * error else w
        total = total * weight * stats.norm.pdf(effect, mu, sd) / (seen + w * (1 - seen))
    return np.asarray(total)


def test_a_free_weight_and_a_prior_with_an_edge_are_those_of_scipy() -> None:
    """A weight that may exceed 1, small effects looked for, and a prior on mu whose density ends where the posterior is."""
    y, se = np.array([-0.5, -0.1, -0.3]), np.array([0.2, 0.15, 0.25])
    prior, weight = bm.Truncated(bm.Cauchy(0, 0.7), -math.inf, 0), bm.HalfNormal(1)
    fit = fit_bias(Selection(y, se, Steps((0.05,), sign=-1), (weight,)), prior, bm.PointMass(0.1), 1e-8)
    mu, u = np.linspace(-4, 0, 1601)[:, None], np.linspace(0, 1, 801)
    w = 7 * u**3  # closer points where the weight is small
    density = 21 * u**2 * weighted(y, se, mu, 0.1, w) * stats.halfnorm.pdf(w) * 2 * stats.cauchy.pdf(mu, 0, 0.7)
    of_mu = integrate.simpson(density, x=u, axis=1)
    whole, first, second = (float(integrate.simpson(of_mu * mu[:, 0] ** power, x=mu[:, 0])) for power in range(3))
    assert fit.log_evidence == pytest.approx(math.log(whole), abs=1e-7)
    mean, sd = fit.grid.mean_sd("mu")
    assert mean == pytest.approx(first / whole, abs=1e-7)
    assert sd == pytest.approx(math.sqrt(second / whole - mean**2), abs=1e-6)
    alone = fit_bias(Selection(y, se, Steps((0.05,), sign=-1), (weight,)), bm.PointMass(-0.2), bm.PointMass(0.1), 1e-8)
    share, total = (
        integrate.quad(
            lambda w: float(weighted(y, se, np.array(-0.2), 0.1, w) * stats.halfnorm.pdf(w)), 0, top, epsabs=0
        )[0]
        for top in (0.6, 9)
    )
    assert WeightPosterior(alone).cdf(0, np.array([0.6]))[0] == pytest.approx(share / total, abs=1e-6)


def test_the_second_of_two_ordered_weights_has_the_distribution_of_scipy() -> None:
    y, se = np.array([0.45, 0.34, 0.2, -0.1]), np.array([0.2, 0.2, 0.15, 0.25])
    fit = fit_bias(Selection(y, se, Steps((0.025, 0.05))), bm.PointMass(0.1), bm.PointMass(0.0), 1e-8)
    cut = stats.norm.isf([0.025, 0.05])
    interval = [0 if z >= cut[0] else 1 if z >= cut[1] else 2 for z in y / se]

    def mass(top: float) -> float:
        """Integral over 0 < second < first < 1, on which the prior is 2, and second < top: by Simpson's rule in cube roots."""
        u = np.linspace(0, 1, 801)
        below, above = u**3 * top, top + (1 - top) * u**3
        total = 0.0
        for first, slope in ((below, 3 * u**2 * top), (above, 3 * u**2 * (1 - top))):
            end = np.minimum(first, top)[:, None]
            second = end * u**3
            density = 2 * end * 3 * u**2
            for effect, error, at in zip(y, se, interval, strict=True):
                p = np.diff([0, *stats.norm.sf(cut * error, 0.1, error), 1])
                weights = (1.0, first[:, None], second)
                seen = sum(one * q for one, q in zip(weights, p, strict=True))
                density = density * weights[at] * stats.norm.pdf(effect, 0.1, error) / seen
            total += float(integrate.simpson(integrate.simpson(density, x=u, axis=1) * slope, x=u))
        return total

    assert fit.log_evidence == pytest.approx(math.log(mass(1.0)), abs=1e-7)
    # Beyond the first weight the distribution function has a kink, which costs a Gauss rule its digits.
    assert WeightPosterior(fit).cdf(1, np.array([0.3]))[0] == pytest.approx(mass(0.3) / mass(1.0), abs=2e-3)


def test_many_studies_and_heavy_tails_are_those_of_the_conjugate_engine() -> None:
    """Windows shrink to what 81 studies leave of the priors; with three, tau's tail is long."""
    rng = np.random.default_rng(0)
    se = rng.uniform(0.05, 0.4, 81)
    y = 0.1 + rng.normal(0, np.hypot(0.15, se))
    many = bm.Estimates(y=y, se=se, covariates={"x": se})
    few = bm.Estimates(y=y[:3], se=se[:3])
    trend = bm.NormalNormal(formula="1 + x", mu=bm.Normal(0, 1), tau=bm.InvGamma(1, 0.15), beta={"x": HALF_CAUCHY})
    plain = bm.NormalNormal(mu=bm.Cauchy(0, 0.7), tau=bm.LogNormal(-2, 1))
    cases = ((many, trend, Trend(y, se, se, HALF_CAUCHY)), (few, plain, Unbiased(few.y, few.se)))
    for data, model, bias in cases:
        conjugate = bm.fit(data, model, engine="quadrature")
        fit = fit_bias(bias, model.mu, model.tau)
        assert fit.log_evidence == pytest.approx(conjugate.log_marginal_likelihood, abs=1e-6)
        for name in ("mu", "tau"):
            marginal = conjugate.marginal(name)
            assert fit.grid.mean_sd(name) == pytest.approx((marginal.mean(), marginal.sd()), rel=1e-4)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_likelihood_is_that_of_metafor_at_its_maximum(name: str) -> None:
    y, se = arrays(name)
    checked = 0
    for key, peer in GOLDEN[name]["peer_metafor"].items():
        if not key.startswith("stepfun") or "beta" not in peer:
            continue
        bias = Selection(y, se, Steps(tuple(peer["steps"][:-1])), (bm.Uniform(0, 5),) * (len(peer["steps"]) - 1))
        ours = bias.given(np.array([peer["beta"]]), np.array([math.sqrt(peer["tau2"])]), np.array([peer["delta"][1:]]))
        assert ours[0, 0] == pytest.approx(peer["loglik"], abs=1e-8)
        checked += 1
    assert checked >= 6


def test_the_maximum_is_that_which_metafor_has_published() -> None:
    """Four steps of hackshaw1998, a weight above 1: metafor 5.1-12, tests/testthat/test_misc_selmodel.r."""
    data = bm.load_dataset("hackshaw1998")
    bias = Selection(data.y, data.se, Steps((0.05, 0.1, 0.5)), (bm.Uniform(0, 5),) * 3)

    def deviance(x: Any) -> float:
        return -2 * float(bias.given(x[:1], np.exp(x[1:2]), np.exp(x[None, 2:]))[0, 0])

    free = optimize.minimize(deviance, [0.2, -2, 0, 0, 0], options={"gtol": 1e-6})
    none = optimize.minimize(lambda x: deviance(np.array([*x, 0, 0, 0])), [0.2, -2])
    assert np.exp(free.x[2:]) == pytest.approx([2.422079, 0.977543, 0.396713], abs=2e-4)
    assert math.exp(2 * free.x[1]) == pytest.approx(0.03071325, abs=2e-6)
    assert none.fun - free.fun == pytest.approx(7.066137, abs=2e-6)


@pytest.mark.parametrize("side", ["significant", "other"])
def test_studies_on_one_side_of_a_cut_are_those_of_a_dense_grid(side: str) -> None:
    """Mu and tau run away where every study is significant: a sum over a grid of both and of the weight."""
    se = np.array([0.08, 0.3, 0.9])
    y = se * (np.array([2.2, 4.0, 6.5]) if side == "significant" else np.array([1.2, -0.6, 0.3]))
    fit = fit_bias(Selection(y, se, Steps((0.05,))), bm.Normal(0, 1), bm.InvGamma(1, 0.15))
    mu, log_tau = np.linspace(-6, 6, 801)[:, None], np.linspace(-7, 7, 181)
    tau, cut = np.exp(log_tau), stats.norm.isf(0.05)
    log_density = stats.norm.logpdf(mu) + stats.invgamma.logpdf(tau, 1, scale=0.15) + log_tau
    seen = []
    for effect, error in zip(y, se, strict=True):
        sd = np.hypot(error, tau)
        log_density = log_density + stats.norm.logpdf(effect, mu, sd)
        seen.append(stats.norm.sf((cut * error - mu) / sd))
    nodes, gauss = np.polynomial.legendre.leggauss(50)
    total: Any = 0.0
    for u, share in zip((nodes + 1) / 2, gauss / 2, strict=True):
        weight = u**5
        mean = np.prod([one + weight * (1 - one) for one in seen], axis=0)
        total = (
            total + share * 5 * u**4 * weight ** (0 if side == "significant" else y.size) * np.exp(log_density) / mean
        )
    brute = math.log(float(total.sum()) * float(mu[1, 0] - mu[0, 0]) * float(log_tau[1] - log_tau[0]))
    assert fit.log_evidence == pytest.approx(brute, abs=2e-6)
    assert abs(fit.log_evidence - brute) < fit.error + 1e-6
