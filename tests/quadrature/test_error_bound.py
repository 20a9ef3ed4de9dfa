"""The error bound that a fit states is never smaller than its error, against a posterior found in another way.

Errors are those of CDFs of tau, mu, a new study's effect and theta, at quantiles from 1e-4 to 1 - 1e-4.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import t

import bayesmeta as bm

ROUNDING = 1e-12  # of both sides
LEVELS = np.concatenate([[1e-4, 0.001, 0.01], np.linspace(0.03, 0.97, 13), [0.99, 0.999, 1 - 1e-4]])
SCHOOLS = ([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16], [14.9, 10.2, 16.3, 11, 9.4, 11.4, 10.4, 17.6])
THREE = ([0.1, 0.5, -2.0], [0.2, 0.3, 0.25])
RATIO = ([0.1, 0.2, 0.3, 0.25], [1e-5, 0.1, 0.1, 1.0])
FLAT, WIDE = bm.Flat(), bm.Normal(0, 10)

CASES = {
    "half-normal": (*SCHOOLS, WIDE, bm.HalfNormal(10), {}),
    "half-cauchy": (*SCHOOLS, FLAT, bm.HalfCauchy(5), {}),
    "half-normal that ends far below the data": (*SCHOOLS, WIDE, bm.HalfNormal(1e-6), {}),
    "half-cauchy that begins far below the data": (*SCHOOLS, WIDE, bm.HalfCauchy(1e-4), {}),
    "half-normal wider than the data by 1e5": (*SCHOOLS, FLAT, bm.HalfNormal(1e6), {}),
    "uniform that cuts the likelihood": (*SCHOOLS, WIDE, bm.Uniform(0, 4), {}),
    "uniform on an interval in the tail": (*SCHOOLS, WIDE, bm.Uniform(20, 21), {}),
    "normal cut off on both sides": (*SCHOOLS, WIDE, bm.Truncated(bm.Normal(5, 3), 1, 9), {}),
    "uniform variance": (*SCHOOLS, FLAT, bm.OnVariance(bm.Uniform(0, 100)), {}),
    "inverse gamma variance, vague": (*SCHOOLS, WIDE, bm.OnVariance(bm.InvGamma(0.001, 0.001)), {}),
    "log-normal far below the data": (*SCHOOLS, WIDE, bm.LogNormal(-5, 0.1), {}),
    "log-normal far above the data": (*SCHOOLS, FLAT, bm.LogNormal(6, 0.1), {}),
    "inverse gamma far below the data": (*SCHOOLS, WIDE, bm.InvGamma(20, 0.15), {}),
    "gamma with a pole at zero": (*SCHOOLS, WIDE, bm.Gamma(0.1, 0.1), {"low": -600}),
    "gamma with mass below exp(-340)": (*SCHOOLS, WIDE, bm.Gamma(0.03, 0.03), {"low": -1200}),
    "k = 1": ([0.4], [0.2], WIDE, bm.HalfCauchy(0.5), {}),
    "k = 2, flat": ([0.1, 0.5], [0.2, 0.3], FLAT, bm.LogNormal(-1, 1), {}),
    "all equal": ([0.3] * 5, [0.2, 0.1, 0.3, 0.2, 0.2], FLAT, bm.HalfNormal(0.5), {}),
    "outlier": ([0.1, 0.15, 0.2, 0.1, 50.0], [0.05] * 5, WIDE, bm.HalfNormal(0.5), {}),
    "tau of 200 se": ([-20, 3, 40, -15, 8.0], [0.1] * 5, FLAT, bm.HalfCauchy(0.5), {}),
    "se over six orders": ([0.1, 0.2, 0.3, 0.25, 1, 100], [1e-3, 1e-2, 0.1, 1, 10, 1000], WIDE, bm.HalfNormal(0.5), {}),
    "one precise study, narrow mu where tau is small": (*RATIO, WIDE, bm.LogNormal(-3, 3), {}),
    "one precise study, uniform": (*RATIO, FLAT, bm.Uniform(0, 4), {}),
    "two precise studies apart": ([0.1, 0.1001, 0.3], [1e-8, 1e-8, 0.1], WIDE, bm.InvGamma(3, 1e-4), {}),
    "tight prior on mu": (*THREE, bm.Normal(0, 1e-8), bm.HalfNormal(0.5), {}),
    "prior on mu 1e6 away": (*THREE, bm.Normal(1e6, 1), bm.HalfNormal(0.5), {}),
    "prior on mu 1e6 away, heavy tail of tau": (*THREE, bm.Normal(1e6, 1), bm.HalfCauchy(0.5), {}),
    "data of size 1e-6": (np.array([1, 2, 4, 3]) * 1e-6, [1e-6] * 4, WIDE, bm.HalfCauchy(0.5), {}),
    "data of size 1e6": (np.array([1, 2, 4, 3]) * 1e6, [1e6] * 4, FLAT, bm.HalfNormal(0.5), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_error_is_within_the_bound(name, witness):
    y, se, mu, tau, options = CASES[name]
    result = bm.fit(bm.Estimates(y=y, se=se), bm.NormalNormal(mu=mu, tau=tau), "quadrature")
    assert result.error_bound <= 1e-8
    marginals = {part: result.marginal(part) for part in ("tau", "mu", "theta_new")}
    points = {part: np.asarray(marginal.ppf(LEVELS)) for part, marginal in marginals.items()}
    points["tau"] = points["tau"][points["tau"] > 1e-300]
    prior = {} if mu == FLAT else {"mean": [mu.mean], "precision": [[mu.sd**-2]]}
    lower, upper = (np.log(end) if end > 0 else -np.inf for end in tau.support)
    ends = {"low": max(options.get("low", -60), lower), "high": min(60, upper)}
    exact = witness(y, np.square(se), **prior, log_prior=tau._logpdf_of_log, breaks=points["tau"], **ends)
    wanted = {
        "tau": exact.tau_cdf(points["tau"]),
        "mu": exact.cdf([1], points["mu"]),
        "theta_new": exact.cdf([1], points["theta_new"], new=True),
    }
    for part, marginal in marginals.items():
        # a point is known to its last digit only, which matters for a narrow posterior far from zero
        known = ROUNDING + 2.0**-52 * np.abs(points[part]) * marginal.pdf(points[part])
        error = np.abs(marginal.cdf(points[part]) - wanted[part])
        assert np.all(error <= result.error_bound + known), f"{part}: {error.max():.2g} > {result.error_bound:.2g}"
    assert result.fit.log_evidence == pytest.approx(exact.log_evidence, rel=1e-12, abs=2e-8)


@pytest.mark.parametrize("prior", [bm.LogNormal(-3, 3), bm.Uniform(0, 4), bm.HalfNormal(0.5)], ids=str)
def test_the_bound_holds_for_true_effects(prior, witness):
    y, se = (np.array(values) for values in RATIO)
    result = bm.fit(bm.Estimates(y=y, se=se), bm.NormalNormal(mu=WIDE, tau=prior), "quadrature")
    upper = min(60, np.log(prior.support[1]))
    exact = witness(y, se**2, precision=[[0.01]], log_prior=prior._logpdf_of_log, high=upper)
    for i in range(y.size):
        kept = exact.tau**2 / (se[i] ** 2 + exact.tau**2)
        mean = kept * y[i] + (1 - kept) * exact.mean[:, 0]
        sd = np.sqrt(kept * se[i] ** 2 + (1 - kept) ** 2 * exact.cov[:, 0, 0])
        marginal = result.marginal(f"theta[study {i + 1}]")
        points = np.asarray(marginal.ppf(LEVELS))
        error = np.abs(marginal.cdf(points) - [exact.mass @ ndtr((x - mean) / sd) for x in points])
        assert error.max() <= result.error_bound + ROUNDING


@pytest.mark.parametrize("nu", [2])
@pytest.mark.parametrize(("y", "se"), [([0.1, 0.5], [0.2, 0.3]), THREE], ids=["k = 2", "k = 3"])
def test_a_log_t_prior_keeps_the_mass_that_it_has_at_zero(nu, y, se, witness):
    """A share of 1e-6 (nu = 2) of it lies below exp(-340), where the likelihood is that of tau = 0."""
    prior = bm.LogStudentT(nu, -1, 1.3)
    result = bm.fit(bm.Estimates(y=y, se=se), bm.NormalNormal(mu=WIDE, tau=prior), "quadrature")
    inside = witness(y, np.square(se), precision=[[0.01]], log_prior=prior._logpdf_of_log, low=-60, high=12)
    common = bm.fit(bm.Estimates(y=y, se=se), bm.NormalNormal(mu=WIDE, tau=bm.PointMass(0)), "quadrature")
    below = t.cdf((-60 + 1) / 1.3, nu) * np.exp(common.fit.log_evidence)
    total = np.exp(inside.log_evidence) + below
    assert np.exp(result.fit.log_evidence) == pytest.approx(total, rel=result.error_bound + 1e-10)
    assert result.marginal("tau").cdf(np.exp(-60)) == pytest.approx(below / total, abs=result.error_bound + 1e-10)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-8, 1e-11])
def test_nodes_double_until_the_bound_is_below_the_tolerance(tolerance):
    model = bm.NormalNormal(mu=WIDE, tau=bm.HalfCauchy(1e-4))
    result = bm.fit(bm.Estimates(*SCHOOLS), model, "quadrature", tolerance=tolerance)
    assert 0 < result.error_bound < tolerance


def test_a_bound_that_cannot_be_reached_is_said_to_be_larger():
    """With k = 1 and a flat mean nothing is learned of tau, and 1e-6 of a log-t prior lies above exp(170)."""
    model = bm.NormalNormal(tau=bm.LogStudentT(2, 0, 1))
    with pytest.warns(bm.ConvergenceWarning, match="computed to .* only, not to the tolerance of 1e-08"):
        result = bm.fit(bm.Estimates([0.4], [0.2]), model, "quadrature")
    assert t.sf(170, 2) <= result.error_bound < 1e-4
    assert abs(result.marginal("tau").cdf(1.0) - 0.5) <= result.error_bound


def test_a_mixture_adds_the_errors_of_its_parts():
    data = bm.Estimates(*RATIO)
    parts = [bm.LogNormal(-3, 3), bm.Gamma(0.1, 0.1)]
    own = [bm.fit(data, bm.NormalNormal(mu=WIDE, tau=prior), "quadrature", tolerance=1e-7) for prior in parts]
    mixed = bm.NormalNormal(mu=WIDE, tau=bm.Mixture([(0.5, p) for p in parts]))
    both = bm.fit(data, mixed, "quadrature", tolerance=1e-7)
    shares = [part.probability for part in both.fit.parts]
    assert both.error_bound >= sum(q * fit.error_bound for q, fit in zip(shares, own, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("tau", [0.0, 0.003, 0.3])
def test_ten_thousand_studies(tau, witness):
    rng = np.random.default_rng(1)
    se = np.exp(rng.normal(-2, 0.5, 10_000))
    y = 0.2 + rng.normal(size=10_000) * np.hypot(tau, se)
    for prior in (bm.HalfNormal(0.5), bm.LogNormal(-5, 0.1)):
        result = bm.fit(bm.Estimates(y, se), bm.NormalNormal(mu=bm.Normal(0, 1), tau=prior), "quadrature")
        assert result.error_bound <= 1e-8
        t, m = (np.asarray(result.marginal(name).ppf(LEVELS)) for name in ("tau", "mu"))
        exact = witness(y, se**2, precision=[[1.0]], log_prior=prior._logpdf_of_log, low=-30, high=5, breaks=t)
        for name, points, wanted in (("tau", t, exact.tau_cdf(t)), ("mu", m, exact.cdf([1], m))):
            error = np.abs(result.marginal(name).cdf(points) - wanted)
            assert error.max() <= result.error_bound + 1e-11, name  # sums of 10,000 terms on both sides


@pytest.mark.parametrize("places", [(-8, -1), (-1, 2), (-9, -4, -1, 1.5), (-30, -1)])
@pytest.mark.parametrize("sharp", [50, 2000])
def test_a_prior_with_narrow_peaks(witness, places, sharp):
    def peaks(tau):
        u = np.log(tau)
        return np.logaddexp.reduce([-sharp * (u - place) ** 2 for place in places]) - u

    prior = bm.CustomScale(peaks, name="peaks")
    assert len(prior.valleys) == len(places) - 1
    result = bm.fit(bm.Estimates(*THREE), bm.NormalNormal(mu=WIDE, tau=prior), "quadrature")
    at = np.sort(np.concatenate([np.array(places) + shift / np.sqrt(sharp) for shift in (-1, -0.3, 0, 0.5)]))
    points = np.exp(at)
    exact = witness(*map(np.array, (THREE[0], np.square(THREE[1]))), precision=[[0.01]],
                    log_prior=prior._logpdf_of_log, low=-40, high=3, breaks=points)  # fmt: skip
    error = np.abs(result.marginal("tau").cdf(points) - exact.tau_cdf(points))
    assert error.max() <= result.error_bound + ROUNDING
    assert result.error_bound < 1e-8
    assert abs(result.log_marginal_likelihood - exact.log_evidence) < 1e-8
