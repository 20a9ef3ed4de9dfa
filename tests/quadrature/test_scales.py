"""Scales far from one, and standard errors far from each other: right, or refused, and never a bound that is not kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import bayesmeta as bm

Y, SE = np.array([0.1, 0.4, -0.2, 0.3]), np.array([0.15, 0.3, 0.2, 0.25])
TAUS = [
    bm.HalfNormal(0.5), bm.HalfCauchy(0.5), bm.HalfStudentT(4, 0.5), bm.HalfLogistic(0.5), bm.Uniform(0, 2), bm.Uniform(0.1, 2),
    bm.LogNormal(-1, 1), bm.InvGamma(1, 0.1), bm.Gamma(2, 3), bm.Exponential(2), bm.Lomax(2, 1), bm.PointMass(0.2),
    bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.HalfNormal(0.5))]),
]  # fmt: skip


def times(prior: bm.priors.Prior, c: float) -> bm.priors.Prior:
    """A prior in other units."""
    match prior:
        case bm.Normal(mean=mean, sd=sd):
            return bm.Normal(mean * c, sd * c)
        case bm.Cauchy(mean=mean, scale=scale):
            return bm.Cauchy(mean * c, scale * c)
        case bm.PointMass(value=value):
            return bm.PointMass(value * c)
        case bm.Mixture(components=pairs):
            return bm.Mixture([(w, times(part, c)) for w, part in pairs])
        case bm.Flat():
            return prior
    return prior.scaled(c)


def numbers(mu: bm.priors.Prior, tau: bm.priors.Prior, c: float) -> np.ndarray:
    """Everything that is shown of a fit in units of 1 / c, in the first units."""
    result = bm.fit(bm.Estimates(Y * c, SE * c), bm.NormalNormal(mu=times(mu, c), tau=times(tau, c)))
    assert result.error_bound <= 1e-8
    a, b = 0.1 * c, 0.15 * c
    claims = [
        f"mu < {a!r}",
        f"tau < {b!r}",
        f"mu < {a!r} and tau < {b!r}",
        f"abs(mu) < {a!r}",
        "mu < -tau",
        "theta_new > 0",
    ]
    ends = [*result.marginal("mu").interval(0.9, "hdi"), *result.marginal("tau").interval(0.9, "hdi")]
    lengths = np.concatenate([result.summary().to_numpy().ravel(), ends, result.shrinkage()["mean"]])
    return np.concatenate([lengths / c, [result.probability(claim) for claim in claims]])


@pytest.mark.parametrize("tau", TAUS, ids=str)
@pytest.mark.parametrize("mu", [bm.Flat(), bm.Normal(0.1, 1), bm.Cauchy(0, 1)], ids=str)
def test_a_change_of_units_changes_nothing_else(mu: bm.priors.Prior, tau: bm.priors.Prior) -> None:
    want = numbers(mu, tau, 1.0)
    for c in (1e30, 1e-30):
        np.testing.assert_allclose(numbers(mu, tau, c), want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("c", [1e30, 1e-30])
def test_units_of_a_batch(c: float) -> None:
    one, other = (
        bm.fit_batch(Y * k, SE * k, mu=bm.Normal(0, k), tau=bm.HalfNormal(0.5 * k), quantiles=[0.025, 0.5])
        for k in (1.0, c)
    )
    np.testing.assert_allclose(other["mean"] / c, one["mean"], rtol=1e-9)
    np.testing.assert_allclose(other["quantiles"] / c, one["quantiles"], rtol=1e-6)
    np.testing.assert_allclose(other["probability_below_zero"], one["probability_below_zero"], atol=1e-9)


@pytest.mark.parametrize("ratio", [1e9, 1e10, 1e12, 1e20])
def test_standard_errors_far_from_each_other(ratio: float) -> None:
    """With one study all but exact, mu given tau is known from it to tau: an integral over tau alone."""
    y, se = np.array([0.1, 0.4, -0.2]), np.array([0.3 / ratio, 0.3, 0.2])

    def given(tau: float) -> tuple[float, float, float]:
        w = 1 / (np.where(se < 1e-8, 0.0, se) ** 2 + tau**2)
        precision = w.sum() + 1
        mean = (w @ y) / precision
        squares = w @ (y - mean) ** 2 + mean**2
        density = np.exp(0.5 * (np.log(w).sum() - np.log(precision) - squares) - tau**2 / 0.5)
        return density, mean, norm.cdf(0, mean, precision**-0.5)

    def integral(i: int) -> float:
        def f(t: float) -> float:
            found = given(t)
            return found[0] * (found[i] if i else 1.0)

        return quad(f, 1e-12, 5, points=[0.01, 0.1, 0.5], epsabs=0, epsrel=1e-11, limit=500)[0]

    result = bm.fit(bm.Estimates(y, se), bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5)))
    assert result.error_bound <= 1e-8
    assert result.marginal("mu").mean() == pytest.approx(integral(1) / integral(0), abs=1e-7)
    assert result.probability("mu < 0") == pytest.approx(integral(2) / integral(0), abs=1e-7)
    batch = bm.fit_batch([y, [0.1, 0.2, 0.3]], [se, [0.1, 0.2, 0.3]], mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    assert float(batch["mean"].sel(batch=0, parameter="mu")) == pytest.approx(integral(1) / integral(0), abs=1e-7)
    alone = bm.fit_batch([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    assert (batch["mean"].sel(batch=1) == alone["mean"]).all()  # a lane does not depend on those beside it


FAR_APART = bm.Estimates(np.array([0.1, 0.4, -0.2]) * 1e30, [1.0, 2.0, 3.0])
NARROW = bm.NormalNormal(mu=bm.Normal(0, 1e30), tau=bm.HalfNormal(0.5))


REFUSED = {
    "fit": lambda: bm.fit(FAR_APART, NARROW),
    "fit_many": lambda: bm.fit_many(FAR_APART, {"a": NARROW}),
    "fit_batch": lambda: bm.fit_batch(FAR_APART.y, FAR_APART.se, mu=NARROW.mu, tau=NARROW.tau),
    "tipping_point": lambda: bm.tipping_point(FAR_APART, NARROW, "mu < 0"),
    "prior_sensitivity": lambda: bm.prior_sensitivity(FAR_APART, NARROW, "mu < 0", tau=[bm.HalfNormal(1)]),
    "leave_one_out": lambda: bm.leave_one_out(FAR_APART, NARROW),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_is_refused_everywhere(name: str) -> None:
    """Tau near 1e15 to within one half: no double precision number is near enough to another."""
    with pytest.raises(bm.InferenceError, match="could not be computed: its probabilities may be off by"):
        REFUSED[name]()


def test_a_bound_above_the_tolerance_is_said() -> None:
    data = bm.Estimates(Y[:3] * 1e8, [1.0, 2.0, 3.0])
    with pytest.warns(bm.ConvergenceWarning, match="computed to .* only, not to the tolerance of 1e-08"):
        result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1e8), tau=bm.HalfNormal(0.5)))
    assert 1e-8 < result.error_bound < 1e-4
    accepted = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1e8), tau=bm.HalfNormal(0.5)), tolerance=1e-6)
    assert accepted.error_bound <= 1e-6
    with pytest.warns(bm.ConvergenceWarning, match="computed to"):
        bm.fit_batch(data.y, data.se, mu=bm.Normal(0, 1e8), tau=bm.HalfNormal(0.5))
