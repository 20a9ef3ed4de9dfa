"""A table of priors on shared values of likelihood curves: each fit of its own, and one pair by SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.families.prepared import prepare
from bayesmeta.sensitivity import exact_surface
from bayesmeta.sensitivity.quantity import quantity_of
from bayesmeta.sensitivity.shared_rows import shared_rows

TRIALS = bm.Counts(
    events_t=[4, 0, 9, 1, 12, 3, 0], n_t=[30, 25, 60, 12, 80, 41, 19],
    events_c=[7, 3, 11, 0, 20, 5, 0], n_c=[31, 24, 58, 14, 79, 40, 21],
)  # fmt: skip
MODEL = bm.BinomialNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
MU = [
    bm.Normal(0, 1),
    bm.Normal(-0.5, 0.2),
    bm.StudentT(4, 0, 1),
    bm.Cauchy(0, 0.5),
    bm.HalfNormal(1),
    bm.Uniform(-1, 3),
]
TAU = [bm.HalfNormal(1), bm.HalfCauchy(0.3), bm.Gamma(0.5, 2), bm.LogNormal(-1, 0.5), bm.Uniform(0, 2)]
CLAIMS = ("mu < -0.1", "theta_new < 0", "tau > 0.2 and tau < 1", "mu < -1 or mu > 0.5")


@pytest.fixture(scope="module")
def surface():
    return bm.prior_sensitivity(TRIALS, MODEL, CLAIMS, mu=MU, tau=TAU)


def rows(mu, tau, claims=CLAIMS, model=MODEL, data=TRIALS):
    ready = prepare(data, model)
    quantity = quantity_of(claims[0], ready.named(claims[0]), ["mu"])
    return shared_rows(
        bm.fit(data, model).fit, ready, claims, quantity, {"mu": tuple(mu), "tau": tuple(tau)}, 0.95, 1e-8
    )


def value(surface, name, c, t):
    """An array's entry for a pair, whichever of the two comes first."""
    array = surface.probability if name == "probability" else surface.arrays[name]
    return array[c, t] if next(iter(surface.priors)) == "mu" else array[t, c]


def test_most_pairs_share_the_nodes():
    found = rows(MU, TAU)
    assert {t for _, t in found} == {0, 1, 2, 3}  # a prior with an upper end has a rule of its own
    assert len(found) >= 20


def test_every_pair_is_a_fit_of_its_own(surface):
    primary = bm.fit(TRIALS, MODEL)
    for (c, mu), (t, tau) in itertools.product(enumerate(MU), enumerate(TAU)):
        fit, label = bm.fit(TRIALS, bm.BinomialNormal(mu=mu, tau=tau)), f"{mu}, {tau}"
        allowed = fit.error_bound + value(surface, "error_bound", c, t)
        assert allowed < 1e-7
        want = [fit.probability(claim) for claim in CLAIMS]
        np.testing.assert_allclose(value(surface, "probability", c, t), want, rtol=0, atol=2 * allowed, err_msg=label)
        marginal = fit.marginal("mu")
        assert value(surface, "mean", c, t) == pytest.approx(marginal.mean(), abs=1e-8), label
        assert value(surface, "sd", c, t) == pytest.approx(marginal.sd(), rel=1e-7), label
        ends = marginal.cdf([value(surface, end, c, t) for end in ("lower", "upper")])
        np.testing.assert_allclose(ends, [0.025, 0.975], rtol=0, atol=2 * allowed, err_msg=label)
        factor = fit.log_marginal_likelihood - primary.log_marginal_likelihood
        assert value(surface, "log_bayes_factor", c, t) == pytest.approx(factor, abs=1e-7), label


def test_divergences_are_means_over_the_fits(surface, monkeypatch):
    """By quantiles of each fit's marginals, which miss a little of the tails."""
    monkeypatch.setattr(exact_surface, "_FEWEST", 1000)
    fitted = bm.prior_sensitivity(TRIALS, MODEL, CLAIMS[0], mu=MU, tau=TAU)
    for name in ("kl", "kl_reverse"):
        np.testing.assert_array_equal(np.isfinite(surface.arrays[name]), np.isfinite(fitted.arrays[name]))
        some = np.isfinite(fitted.arrays[name])
        assert some.any()
        np.testing.assert_allclose(surface.arrays[name][some], fitted.arrays[name][some], rtol=2e-3, atol=2e-4)


def test_tau_itself_has_its_mean_sd_and_interval():
    found = rows(MU[:2], TAU, ["tau > 0.3"])
    for (c, t), row in found.items():
        marginal = bm.fit(TRIALS, bm.BinomialNormal(mu=MU[c], tau=TAU[t])).marginal("tau")
        assert row.probability[0] == pytest.approx(1 - float(marginal.cdf(0.3)), abs=3e-8)
        assert row.numbers["mean"] == pytest.approx(marginal.mean(), rel=1e-6)
        assert row.numbers["sd"] == pytest.approx(marginal.sd(), rel=1e-5)
        ends = np.asarray(marginal.cdf([row.numbers["lower"], row.numbers["upper"]]))
        np.testing.assert_allclose(ends, [0.025, 0.975], rtol=0, atol=5e-8)
    assert len(found) == 8


def test_a_posterior_that_the_nodes_do_not_cover_has_a_fit_of_its_own():
    far, spike = bm.Normal(60, 0.02), bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 1))])
    mu = [far, spike, *MU[:4]]
    found = rows(mu, TAU)
    assert not {c for c, _ in found} & {0, 1}
    surface = bm.prior_sensitivity(TRIALS, MODEL, "mu < 0", mu=mu, tau=TAU[:2])
    for c in (0, 1):
        fit = bm.fit(TRIALS, bm.BinomialNormal(mu=mu[c], tau=TAU[1]))
        assert value(surface, "probability", c, 1)[0] == fit.probability("mu < 0")
        assert value(surface, "error_bound", c, 1) == fit.error_bound


@pytest.mark.parametrize("kind", ["one study", "no event under treatment", "a million"])
def test_odd_data_share_nodes_too(kind):
    counts = {
        "one study": ([3], [10], [1], [12]),
        "no event under treatment": ([0, 0, 0], [20, 30, 41], [4, 2, 5], [20, 31, 39]),
        "a million": ([120, 0, 40], [1_000_000, 30, 80], [90, 2, 41], [1_000_000, 31, 85]),
    }[kind]
    data = bm.Counts(**dict(zip(("events_t", "n_t", "events_c", "n_c"), counts, strict=True)))
    found = rows(MU[:2], TAU[:4], CLAIMS[:2], data=data)
    assert len(found) >= 4
    for (c, t), row in found.items():
        fit = bm.fit(data, bm.BinomialNormal(mu=MU[c], tau=TAU[t]))
        want = [fit.probability(claim) for claim in CLAIMS[:2]]
        np.testing.assert_allclose(
            row.probability, want, rtol=0, atol=2 * (fit.error_bound + row.numbers["error_bound"])
        )
        assert row.numbers["log_marginal_likelihood"] == pytest.approx(fit.log_marginal_likelihood, abs=1e-7)


def test_a_model_with_a_covariate_or_a_claim_about_two_parameters_has_fits():
    assert rows(MU[:2], TAU[:2], ["mu < tau"]) == {}
    data = bm.Counts(
        events_t=[4, 0, 9], n_t=[30, 25, 60], events_c=[7, 3, 11], n_c=[31, 24, 58], covariates={"dose": [0.0, 1, 2]}
    )
    model = bm.BinomialNormal(
        formula="1 + dose", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={"dose": bm.Normal(0, 1)}
    )
    assert rows(MU[:2], TAU[:2], ["mu < 0"], model, data) == {}
