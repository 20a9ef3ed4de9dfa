"""Questions about priors where draws are weighted, against exact fits under each prior."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.families.prepared import prepare
from bayesmeta.sensitivity import paths
from bayesmeta.sensitivity.following import follow
from bayesmeta.sensitivity.posteriors import EachExact, Refits, Weighted, answered

DATA = bm.Estimates(
    y=[-0.8, -0.3, -0.9, -0.2, -0.6, 0.1],
    se=[0.3, 0.25, 0.4, 0.35, 0.2, 0.3],
    covariates={"lab": ["a", "a", "b", "b", "c", "c"]},
)
BASE = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
MODEL = bm.TwoScales(BASE, bm.Cluster("lab"), bm.HalfNormal(0.5))
CLAIMS = ("mu < -0.2", "tau_lab > 0.2")
SECOND = [bm.HalfNormal(0.5), bm.HalfNormal(0.25), bm.Exponential(3), bm.PointMass(0.3)]
MUS = [bm.Normal(0, 1), bm.Normal(0, 0.3), bm.Normal(2, 0.1)]


@pytest.fixture(scope="module")
def surface() -> bm.SensitivityResult:
    return bm.prior_sensitivity(DATA, MODEL, CLAIMS, mu=MUS, own={"tau_lab": SECOND}, draws=5000)


@pytest.fixture(scope="module")
def exact() -> dict[tuple[int, int], bm.MetaResult]:
    return {
        (i, j): bm.fit(DATA, replace(MODEL, base=replace(BASE, mu=mu), prior=second), tolerance=1e-6)
        for i, mu in enumerate(MUS)
        for j, second in enumerate(SECOND)
    }


def test_probabilities_are_those_of_exact_fits(surface, exact) -> None:
    for at, fit in exact.items():
        for j, claim in enumerate(CLAIMS):
            error = max(surface.mcse[(*at, j)], 1e-4)
            assert error < 0.02
            assert abs(surface.probability[(*at, j)] - fit.probability(claim)) < 4 * error, (at, claim)


def test_moments_are_those_of_exact_fits(surface, exact) -> None:
    assert surface.quantity == "mu"
    for at, fit in exact.items():
        row = fit.summary(0.95, "eti").loc["mu"]
        for name in ("mean", "sd", "lower", "upper"):
            assert surface.arrays[name][at] == pytest.approx(row[name], abs=0.08 * row["sd"]), (at, name)


def test_what_no_weight_reaches_is_fitted_again(surface) -> None:
    assert set(surface.method[2]) == {"refitted"}  # mu ~ Normal(2, 0.1), far from the draws
    assert set(surface.method[:, 3]) == {"refitted"}  # a point mass has no density
    assert set(surface.method[:2, :3].ravel()) == {"reweighted"}
    table = surface.table()
    assert {"method", "pareto_k", "MCSE(mu < -0.2)"} <= set(table)


def test_bayes_factors_are_those_of_marginal_likelihoods(surface, exact) -> None:
    primary = exact[0, 0].log_marginal_likelihood
    for at, fit in exact.items():
        want = fit.log_marginal_likelihood - primary
        assert math.log(surface.arrays["bayes_factor"][at]) == pytest.approx(want, abs=0.03 + 1e-3 * abs(want)), at
        assert surface.arrays["log_marginal_likelihood"][at] == pytest.approx(fit.log_marginal_likelihood, abs=0.05), at


def test_divergences_are_those_of_exact_fits_where_only_mu_differs() -> None:
    """The same crossing by tables, which know the divergence of priors on mu and tau exactly."""
    priors = {"mu": [bm.Normal(0, 1), bm.Normal(0, 0.4)], "tau": [bm.HalfNormal(0.3), bm.HalfNormal(0.15)]}
    want = bm.prior_sensitivity(DATA, BASE, "mu < -0.2", **priors)
    drawn = bm.prior_sensitivity(
        DATA,
        replace(MODEL, prior=bm.PointMass(0)),
        "mu < -0.2",
        own={"tau_lab": [bm.PointMass(0)]},
        **priors,
        draws=5000,
    )
    for name in ("kl", "kl_reverse", "mean", "sd"):
        np.testing.assert_allclose(drawn.arrays[name][..., 0].T, want.arrays[name].T, atol=0.02)


def test_a_parameter_that_is_not_the_models_own_is_rejected() -> None:
    with pytest.raises(bm.SpecificationError, match=r"own\['tau_lap'\].*Did you mean 'tau_lab'.*It has: tau_lab"):
        bm.prior_sensitivity(DATA, MODEL, own={"tau_lap": SECOND})


def test_every_standard_deviation_of_effects_is_followed() -> None:
    """By exact fits: with a prior that multiplies the one on tau_lab, and with tau_lab known."""
    ready = prepare(DATA, MODEL)
    under = EachExact(bm.fit(DATA, MODEL))
    for path in (paths.rescaled(ready, "tau_factor", "tau_lab"), paths.known(ready, "tau_lab", 0.3)):
        found = follow(replace(path, points=np.linspace(-1, 1, 5), limits=(None, None)), under, "mu < -0.2", 0.85)
        (tip,) = found.tips
        assert tip.probability == pytest.approx(0.85, abs=1e-7)
        second = {"tau_factor": bm.HalfNormal(0.5 * tip.value), "tau_fixed": bm.PointMass(tip.value)}[found.kind]
        assert bm.fit(DATA, replace(MODEL, prior=second)).probability("mu < -0.2") == pytest.approx(0.85, abs=1e-7)


def test_tipping_by_weights_is_that_of_exact_fits() -> None:
    """Independent draws of the exact posterior are weighted; the fit at the tip is exact."""
    ready, refits = prepare(DATA, BASE), Refits(lambda models: bm.fit_many(DATA, models, draws=5000))
    under = Weighted(bm.fit(DATA, BASE, draws=5000), refits)
    path = paths.sceptical(ready, ["mu"], np.linspace(-1.5, 1, 11), lambda u: 10**u)
    found = answered(refits, lambda: follow(path, under, "mu < -0.2", 0.85))
    (tip,) = found.tips
    exact = bm.fit(DATA, replace(BASE, mu=bm.Normal(0, tip.value))).probability("mu < -0.2")
    assert 0 < tip.mcse < 0.01
    assert exact == pytest.approx(0.85, abs=4 * tip.mcse)
    assert list(refits.done) == [f"model: mu ~ {bm.Normal(0, tip.fitted)}"]


@pytest.mark.slow
def test_tipping_of_arms_is_that_of_fits_at_the_tip() -> None:
    data = bm.ArmMeans(
        mean_t=[3.1, 4.0, 2.2, 3.6], mean_c=[5.0, 4.9, 4.1, 4.2], n_t=[20, 30, 25, 40], n_c=[20, 30, 25, 38],
        sd_t=[2.0, 2.4, np.nan, 2.1], sd_c=[2.2, 2.0, np.nan, 2.3],
    )  # fmt: skip
    model = bm.ArmNormal(
        base=bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1)),
        typical_sd=bm.LogNormal(0.7, 0.5),
        sd_variation=bm.HalfNormal(0.3),
    )
    found = bm.tipping_point(data, model, "mu < -0.8", 0.85, engine="quadrature", draws=5000)
    kinds = [(one.kind, one.parameter) for one in found.kinds]
    assert ("own_factor", "typical_sd[outcome]") in kinds
    assert ("own_factor", "sd_variation") in kinds
    assert "quadrature only" in found["null_trial"].reason
    (tip,) = found["sceptical_sd"].tips
    there = replace(model, base=replace(model.base, mu=bm.Normal(0, tip.value)))
    assert 0 < tip.mcse < 0.01
    assert bm.fit(data, there, "quadrature").probability("mu < -0.8") == pytest.approx(0.85, abs=4 * tip.mcse)
