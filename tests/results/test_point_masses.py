"""Quantiles, intervals and probabilities where a posterior has point masses: exactly there, not beside them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtr
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.results.normal_mixture import NormalMixture, mixture_ppf

DATA = bm.Estimates([0.3, 0.1, 0.4], [0.3, 0.25, 0.35], covariates={"dose": [0.0, 1.0, 2.0]})


def spike(at: float, scale: float = 1.0) -> bm.Mixture:
    return bm.Mixture([(0.5, bm.PointMass(at)), (0.5, bm.Normal(0, scale))])


MODELS = {
    "zero": bm.NormalNormal(mu=spike(0), tau=bm.HalfNormal(0.3)),
    "elsewhere": bm.NormalNormal(mu=spike(0.3), tau=bm.HalfNormal(0.3)),
    "tau too": bm.NormalNormal(mu=spike(0), tau=bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.HalfNormal(0.3))])),
    "tau known": bm.NormalNormal(mu=spike(0), tau=bm.PointMass(0)),
    "all known": bm.NormalNormal(mu=bm.PointMass(0.2), tau=bm.PointMass(0)),
    "regression": bm.NormalNormal(formula="1 + dose", mu=spike(0), tau=bm.HalfNormal(0.3), beta={"dose": spike(-0.1)}),
}


@pytest.mark.parametrize("key", MODELS)
def test_every_quantile_within_a_jump_is_where_it_jumps(key: str) -> None:
    result = bm.fit(DATA, MODELS[key], "quadrature")
    for name in [*result.parameters, "theta[study 1]"]:
        marginal = result.marginal(name)
        jumps = []
        for atom in (0.0, 0.3, -0.1, 0.2):
            below = float(marginal.cdf(np.nextafter(atom, -9)))
            upper = float(marginal.cdf(atom))
            if upper - below > 1e-6:
                jumps.append(atom)
                levels = below + (upper - below) * np.array([1e-4, 0.01, 0.5, 0.99, 1 - 1e-4])
                assert (np.asarray(marginal.ppf(levels)) == atom).all(), (name, atom)
                assert marginal.interval(0.9 * (upper - below), "hdi") == (atom, atom)
        for kind in ("eti", "hdi") if jumps else ():
            lower, high = marginal.interval(0.95, kind)
            assert float(marginal.cdf(high)) - float(marginal.cdf(np.nextafter(lower, -9))) + 1e-7 >= 0.95


def test_the_summary_shows_the_point_mass_itself() -> None:
    data = bm.Estimates(DATA.y, [0.2, 0.18, 0.25])
    result = bm.fit(data, MODELS["zero"], "quadrature")
    assert result.probability("mu < 0") < 0.025 < 0.5 < result.probability("mu <= 0")  # so both ends are the point mass
    assert result.summary().loc["mu", ["median", "lower"]].tolist() == [0.0, 0.0]
    average = bm.model_average(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3)))
    assert average.summary().loc[["mu", "tau"], ["median", "lower"]].to_numpy().tolist() == [[0.0, 0.0], [0.0, 0.0]]
    without = average.models.query("not mu")["posterior_probability"].sum()
    assert average.probability("mu = 0") == pytest.approx(without, abs=1e-12)
    assert average.marginal("mu").interval(0.5, "hdi") == (0.0, 0.0)


def test_a_table_of_priors_shows_it_too() -> None:
    data = bm.Estimates(DATA.y, [0.2, 0.18, 0.25])
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
    found = bm.prior_sensitivity(data, model, "mu > 0", mu=[spike(0), spike(0.3)], tau=[bm.HalfNormal(0.3)]).table()
    assert found["lower"].iloc[0] == 0.0
    one = bm.fit(data, bm.NormalNormal(mu=spike(0.3), tau=bm.HalfNormal(0.3))).summary().loc["mu"]
    assert found["lower"].iloc[1] == pytest.approx(one["lower"], abs=1e-9)


def test_the_shortest_interval_against_a_scan() -> None:
    """A normal with a point mass on its flank: the shortest interval by brute force over its lower end."""
    weights, atom, sd = np.array([0.3, 0.7]), 1.0, 1.0
    mixture = NormalMixture(weights, np.array([atom, 0.0]), np.array([0.0, sd]))

    def upper(low: float, prob: float) -> float:
        def inside(high: float) -> float:
            return 0.7 * (ndtr(high) - ndtr(low)) + 0.3 * (low <= atom <= high) - prob

        if inside(9) < 0:
            return np.inf
        if inside(atom - 1e-12) < 0 <= inside(atom) and low <= atom:
            return atom
        return brentq(inside, low, 9, xtol=1e-13)

    for prob in (0.2, 0.35, 0.5, 0.8, 0.95):
        lows = np.append(np.linspace(-4, 1, 2001), atom)
        widths = [upper(low, prob) - low for low in lows]
        best = int(np.argmin(widths))
        fine = minimize_scalar(
            lambda x, p=prob: upper(x, p) - x, bounds=(lows[max(best - 1, 0)], lows[best]), method="bounded"
        )
        want = min(widths[best], fine.fun)
        low, high = mixture.hdi(prob)
        assert high - low == pytest.approx(want, abs=1e-5)
        assert float(mixture.cdf(high)) - float(mixture.cdf(np.nextafter(low, -9))) >= prob - 1e-9
    assert mixture.hdi(0.25) == (1.0, 1.0)


def test_quantiles_beside_a_point_mass_are_those_of_the_smooth_part() -> None:
    weights, means, sds = np.array([0.4, 0.6]), np.array([[0.0, 0.0]]), np.array([[0.0, 1.0]])
    found = mixture_ppf(weights, means, sds, np.array([0.1, 0.3, 0.300001, 0.5, 0.7, 0.700001, 0.9]))[0]
    assert found[2:5].tolist() == [0.0] * 3
    np.testing.assert_allclose(found[[0, 6]], norm.ppf([0.1 / 0.6, (0.9 - 0.4) / 0.6]), rtol=1e-12)
    assert abs(found[5]) < 1e-5
