"""What a fit of counts answers: other priors, draws, odd data, and the sampler's posterior beside the exact one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import bayesmeta as bm

DATA = bm.Counts(
    events_t=[4, 0, 9, 1], n_t=[30, 25, 60, 12], events_c=[7, 3, 11, 0], n_c=[31, 24, 58, 14],
    covariates={"dose": [0.0, 1.0, 2.0, 0.5]},
)  # fmt: skip
PRIORS = {"mu": bm.Normal(0, 2), "tau": bm.HalfNormal(0.5)}
MODEL = bm.BinomialNormal(**PRIORS)
SLOPE = bm.BinomialNormal(formula="1 + dose", beta={"dose": bm.Normal(0, 1)}, **PRIORS)
SPIKE = bm.BinomialNormal(mu=bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 1))]), tau=bm.HalfNormal(0.5))


@pytest.mark.parametrize("model", [MODEL, SLOPE, SPIKE], ids=["one mean", "slope", "spike and slab"])
def test_draws_are_of_the_posterior(model):
    result = bm.fit(DATA, model, seed=3)
    draws = result._many_draws
    for name in result.parameters:
        x, marginal = np.asarray(draws[name]), result.marginal(name)
        assert x.mean() == pytest.approx(marginal.mean(), abs=4.5 * marginal.sd() / math.sqrt(x.size))
        kurtosis = stats.kurtosis(x, fisher=False)
        assert x.std() == pytest.approx(marginal.sd(), abs=4.5 * marginal.sd() * math.sqrt((kurtosis - 1) / 4 / x.size))
        shares = [(x <= q).mean() for q in np.asarray(marginal.ppf([0.1, 0.9]))]
        if model is not SPIKE or name == "tau":
            assert shares == pytest.approx([0.1, 0.9], abs=0.005)


def test_a_surface_of_priors_is_a_fit_for_each():
    mu, tau = [bm.Normal(0, 1), bm.HalfNormal(1), PRIORS["mu"]], [bm.HalfNormal(1), PRIORS["tau"]]
    surface = bm.prior_sensitivity(DATA, MODEL, "mu < 0.2", mu=mu, tau=tau)
    assert not surface.simulated
    table = surface.table().set_index(["mu", "tau"])
    primary = bm.fit(DATA, MODEL)
    for one in mu:
        for other in tau:
            fit, row = bm.fit(DATA, bm.BinomialNormal(mu=one, tau=other)), table.loc[(str(one), str(other))]
            assert row["P(mu < 0.2)"] == fit.probability("mu < 0.2")
            assert (row["mean"], row["sd"]) == (fit.marginal("mu").mean(), fit.marginal("mu").sd())
            gain = fit.log_marginal_likelihood - primary.log_marginal_likelihood
            assert math.log(row["bayes_factor"]) == pytest.approx(gain, abs=1e-12)
            if one.support[0] < 0:  # KL, by the draws of the fit
                draws = fit._many_draws
                ratio = sum(
                    new.logpdf(draws[name]) - old.logpdf(draws[name])
                    for name, new, old in (("mu", one, PRIORS["mu"]), ("tau", other, PRIORS["tau"]))
                )
                assert row["kl"] == pytest.approx(
                    np.mean(ratio) - gain, abs=5 * np.std(ratio) / math.sqrt(np.size(ratio)) + 1e-5
                )


def test_a_point_mass_in_the_prior_has_its_own_probability():
    result, alone = (
        bm.fit(DATA, SPIKE),
        bm.fit(DATA, replace(SPIKE, base=bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5)))),
    )
    factor = alone.bayes_factor("mu = 0")
    assert result.bayes_factor("mu = 0") == pytest.approx(factor, rel=1e-6)
    assert result.probability("mu = 0") == pytest.approx(factor / (1 + factor), abs=1e-8)
    assert result.marginal("mu").atoms == (0.0,)
    lower, median = result.marginal("mu").ppf([0.3, 0.5])
    assert lower <= median <= 0.0


def test_many_events_are_the_normal_model():
    rng = np.random.default_rng(5)
    n, base, theta = 400_000, np.array([0.3, 0.4, 0.2, 0.35]), rng.normal(0.3, 0.1, 4)
    odds = base / (1 - base) * np.exp(theta)
    counts = {
        "events_t": rng.binomial(n, odds / (1 + odds)),
        "n_t": [n] * 4,
        "events_c": rng.binomial(n, base),
        "n_c": [n] * 4,
    }
    exact = bm.fit(bm.Counts(**counts), MODEL)
    normal = bm.fit(bm.effect_sizes({"study": list("ABCD"), **counts}, "log_or"), bm.NormalNormal(**PRIORS))
    for name in ("mu", "tau"):
        one, other = exact.marginal(name), normal.marginal(name)
        assert (one.mean(), one.sd()) == pytest.approx((other.mean(), other.sd()), abs=2e-5)


ODD = {
    "one study": ([3], [10], [1], [12]),
    "no event at all": ([0, 0], [20, 30], [0, 0], [20, 31]),
    "every event": ([20, 30], [20, 30], [20, 31], [20, 31]),
    "one participant": ([1, 0], [1, 1], [0, 1], [1, 1]),
    "a million": ([120, 0], [1_000_000, 30], [90, 2], [1_000_000, 31]),
}


@pytest.mark.parametrize("label", ODD)
def test_odd_data_have_the_posterior_of_plain_sums(label):
    """Sums over grids of mu, tau, theta and alpha, which share nothing with the engine; theta in steps of N(mu, tau)."""
    events_t, n_t, events_c, n_c = map(np.array, ODD[label])
    result = bm.fit(bm.Counts(events_t=events_t, n_t=n_t, events_c=events_c, n_c=n_c), MODEL)
    mu, tau = np.linspace(-12, 12, 241), (np.arange(40) + 0.5) / 40 * 2.4
    alpha = np.linspace(-70, 70, 7001)
    x, w = np.polynomial.hermite_e.hermegauss(24)
    theta = np.linspace(-26, 26, 521)
    log_joint = stats.norm.logpdf(mu, 0, 2)[:, None] + stats.halfnorm.logpdf(tau, scale=0.5)
    for a, n, c, m in zip(events_t, n_t, events_c, n_c, strict=True):
        fixed = stats.binom.logpmf(c, m, 1 / (1 + np.exp(-alpha))) + stats.norm.logpdf(alpha, 0, 10)
        curve = np.array(
            [np.trapezoid(np.exp(fixed + stats.binom.logpmf(a, n, 1 / (1 + np.exp(-alpha - t)))), alpha) for t in theta]
        )
        at = mu[:, None, None] + tau[:, None] * x
        log_curve = np.interp(at, theta, np.log(np.maximum(curve, 1e-300)))
        log_joint = log_joint + np.log(np.exp(log_curve) @ (w / w.sum()))
    mass = np.exp(log_joint - log_joint.max())
    mass /= mass.sum()
    for name, values in (("mu", mu[:, None] + 0 * tau), ("tau", 0 * mu[:, None] + tau)):
        mean = float((mass * values).sum())
        sd = math.sqrt(float((mass * (values - mean) ** 2).sum()))
        marginal = result.marginal(name)
        assert marginal.mean() == pytest.approx(mean, abs=4e-3), name
        assert marginal.sd() == pytest.approx(sd, abs=4e-3), name
    assert result.error_bound < 1e-6


def test_flat_priors_need_events_on_both_sides():
    none = bm.Counts(events_t=[0, 0], n_t=[20, 30], events_c=[2, 3], n_c=[20, 31])
    with pytest.raises(bm.InferenceError, match="the data leave the effect without a bound"):
        bm.fit(none, bm.BinomialNormal(tau=bm.HalfNormal(0.5)))
    some = bm.fit(DATA, bm.BinomialNormal(tau=bm.HalfNormal(0.5)))
    assert some.log_marginal_likelihood is None
    wide = bm.fit(DATA, bm.BinomialNormal(mu=bm.Normal(0, 1e3), tau=bm.HalfNormal(0.5)))
    assert some.marginal("mu").mean() == pytest.approx(wide.marginal("mu").mean(), abs=1e-5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"tau": bm.HalfNormal(1), "baseline": bm.HalfNormal(1)},
            "the logit of the risk in each control arm takes a normal",
        ),
        (
            {"tau": bm.HalfNormal(1), "measure": "smd"},
            "theta of BinomialNormal is a log odds ratio, 'log_or', a log risk ratio",
        ),
        ({"tau": bm.DuMouchel()}, "needs known standard errors"),
        ({}, "give tau a prior"),
    ],
)
def test_a_model_that_cannot_be_is_rejected(given, said):
    with pytest.raises(bm.SpecificationError, match=said):
        bm.BinomialNormal(**given)


@pytest.mark.slow
@pytest.mark.parametrize("model", [MODEL, SLOPE], ids=["one mean", "slope"])
def test_the_sampler_has_the_exact_posterior(model, assert_within_mcse):
    exact = bm.fit(DATA, model)
    chains = bm.fit(DATA, model, "nuts", seed=11, draws=2000, target_accept=0.98)
    for name in exact.parameters:
        marginal = exact.marginal(name)
        assert_within_mcse(chains.draws(name), mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06, label=name)
    shrunk, drawn = exact.shrinkage(), chains.posterior["theta"]
    for study in DATA.study:
        row = shrunk.loc[study]
        assert_within_mcse(drawn.sel(study=study), mean=row["mean"], sd=row["sd"], max_mcse=0.06, label=study)


@pytest.mark.parametrize("mu", [bm.Cauchy(0, 2.5), bm.StudentT(3, 0, 2.5)], ids=str)
def test_a_tail_that_nothing_bounds_is_an_error_and_no_number(mu):
    """Without an event in the treatment arm of any study the posterior has the tail of its prior, and rows do not follow it."""
    data = bm.Counts(events_t=[0, 0], n_t=[35, 20], events_c=[1, 2], n_c=[39, 20])
    with pytest.raises(
        bm.InferenceError, match="tails of a t or Cauchy prior there are not resolved: state a normal prior, or use"
    ):
        bm.fit(data, bm.BinomialNormal(mu=mu, tau=bm.PointMass(0.5)))
