"""Meta-analytic-predictive priors: the exact predictive, the joint analysis they stand for, R's bayesmeta."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad

import bayesmeta as bm
from bayesmeta.errors import InferenceError, SpecificationError

GOLDEN = Path(__file__).parents[1] / "golden"
SCHOOLS = bm.load_dataset("eight_schools")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
FOUND = bm.map_prior(SCHOOLS, MODEL)
ESS = json.loads((GOLDEN / "ess.json").read_text(encoding="utf-8"))


def test_the_predictive_matches_an_independent_quadrature():
    """Golden `exact` values: ten significant digits of R's own 1,600 nodes."""
    golden = json.loads((GOLDEN / "bayesmeta_rubin1981.json").read_text(encoding="utf-8"))
    case = next(case for case in golden["cases"] if case["id"] == "halfnormal_0.5__mu_normal")
    data = bm.Estimates(y=golden["y"], se=golden["sigma"])
    model = bm.NormalNormal(
        mu=bm.Normal(case["mu_prior"]["mean"], case["mu_prior"]["sd"]), tau=bm.HalfNormal(case["tau_prior"]["scale"])
    )
    found = bm.map_prior(data, model, max_kl=1e-8)
    exact = case["exact"]["summary"]["theta_new"]
    assert_allclose(found.predictive.mean(), exact["mean"], rtol=1e-8)
    assert_allclose(found.predictive.sd(), exact["sd"], rtol=1e-8)
    assert_allclose(found.predictive.median(), exact["median"], rtol=1e-8)
    moments = found.prior.moments()
    assert_allclose(moments.mean, exact["mean"], rtol=1e-8)
    assert_allclose(moments.sd, exact["sd"], rtol=1e-8)
    assert_allclose(found.prior.ppf(0.5), exact["median"], atol=1e-3 * exact["sd"])


@pytest.mark.parametrize("name", ["schools_halfnormal", "schools_narrow", "baeten_halfnormal"])
def test_the_prior_matches_what_r_prints(name):
    """R's bayesmeta sums 125 or so normals: its sd of theta_new is up to 4e-4 of itself too small."""
    case = ESS["cases"][name]
    model = bm.NormalNormal(mu=bm.Normal(*case["mu"]) if case["mu"] else bm.Flat(), tau=bm.HalfNormal(case["scale"]))
    found = bm.map_prior(bm.Estimates(y=case["y"], se=case["se"]), model)
    for at in (found.prior, found.predictive):
        assert_allclose(at.ppf(case["q"]), case["quantiles"], atol=5e-3 * case["sd"])
    assert_allclose(found.prior.moments().mean, case["mean"], atol=1e-3 * case["sd"])
    assert_allclose(found.prior.moments().sd, case["sd"], rtol=2e-3)


@pytest.mark.parametrize("tau", [bm.HalfNormal(10), bm.HalfCauchy(5), bm.Uniform(0, 40)])
def test_the_divergence_is_what_numerical_integration_gives(tau):
    found = bm.map_prior(SCHOOLS, bm.NormalNormal(tau=tau), max_kl=1e-3)

    def log_ratio(x):
        return float(np.log(found.predictive.pdf(x)) - found.prior.logpdf(x))

    ends = [float(x) for x in found.predictive.ppf([1e-14, 1e-6, 0.01, 0.5, 0.99, 1 - 1e-6, 1 - 1e-14])]
    kl = far = 0.0
    p = found.predictive.pdf
    for low, high in itertools.pairwise(ends):
        kl += quad(lambda x: p(x) * log_ratio(x), low, high, epsabs=1e-12, epsrel=1e-9, limit=200)[0]
        far += quad(lambda x: abs(p(x) - found.prior.pdf(x)) / 2, low, high, epsabs=1e-10, epsrel=1e-8, limit=200)[0]
    assert_allclose(found.kl, kl, rtol=1e-5, atol=1e-11)
    # |p - q| has kinks, at which the fixed rule is good to 1e-3 of itself
    assert_allclose(found.total_variation, far, rtol=1e-2)
    assert found.kl <= 1e-3
    assert found.total_variation <= math.sqrt(found.kl / 2)  # Pinsker


@pytest.mark.parametrize(("y", "se"), [(3.0, 8.0), (-20.0, 6.0), (60.0, 12.0)])
def test_a_new_study_is_shrunk_as_in_the_joint_analysis(y, se):
    """The posterior of the new study's effect under the MAP prior is its theta in the analysis of all nine."""
    new = bm.Estimates(y=[y], se=[se])
    alone = bm.NormalNormal(mu=bm.map_prior(SCHOOLS, MODEL, max_kl=1e-7).prior, tau=bm.PointMass(0))
    found = bm.fit(new, alone).marginal("mu")
    nine = bm.Estimates(y=[*SCHOOLS.y, y], se=[*SCHOOLS.se, se], study=[*SCHOOLS.study, "new"])
    joint = bm.fit(nine, MODEL).marginal("theta[new]")
    q = [0.025, 0.25, 0.5, 0.75, 0.975]
    # a divergence of 1e-7 moves probabilities by 2e-4 at most where the prior has mass, far out in proportion
    assert_allclose(found.ppf(q), joint.ppf(q), atol=2e-3 * joint.sd())
    assert_allclose(found.mean(), joint.mean(), atol=1e-3 * joint.sd())
    assert_allclose(found.sd(), joint.sd(), rtol=2e-3)


@pytest.mark.parametrize(
    ("model", "make", "old", "new"),
    [
        (bm.BinomialNormal, bm.Proportions, {"events": [1, 13, 23], "n": [5, 20, 48]}, {"events": [4], "n": [30]}),
        (
            bm.PoissonNormal, bm.Rates,
            {"events_t": [2, 9, 4], "time_t": [20, 70, 31], "events_c": [5, 11, 3], "time_c": [22, 69, 30]},
            {"events_t": [9], "time_t": [50], "events_c": [3], "time_c": [50]},
        ),
    ],
    ids=["risks", "rate ratios"],
)  # fmt: skip
def test_the_endpoint_of_a_new_study_of_counts_is_shrunk_as_in_the_joint_analysis(model, make, old, new):
    """Its likelihood is that of counts, before and after: one analysis of all has the same posterior of its effect."""
    base = {"mu": bm.Normal(0, 2), "tau": bm.HalfNormal(0.7)}
    prior = bm.map_prior(make(**old), model(**base), max_kl=1e-6).prior
    alone = bm.fit(make(**new), model(mu=prior, tau=bm.PointMass(0))).marginal("mu")
    everything = make(**{name: [*old[name], *new[name]] for name in old}, study=["A", "B", "C", "new"])
    joint = bm.fit(everything, model(**base)).marginal("theta[new]")
    q = [0.025, 0.25, 0.5, 0.75, 0.975]
    assert_allclose(alone.ppf(q), joint.ppf(q), atol=5e-3 * joint.sd())
    assert_allclose([alone.mean(), alone.sd()], [joint.mean(), joint.sd()], atol=5e-3 * joint.sd())


def test_with_the_exact_predictive_as_prior_the_identity_is_exact():
    """Without the fit of few normals only the engine's own error is left."""
    exact = FOUND.predictive
    parts = [
        (float(w), bm.Normal(float(m), float(s))) for w, m, s in zip(exact.weights, exact.means, exact.sds, strict=True)
    ]
    prior = bm.Mixture([part for part in parts if part[0] > 1e-14])
    found = bm.fit(bm.Estimates(y=[-20], se=[6]), bm.NormalNormal(mu=prior, tau=bm.PointMass(0))).marginal("mu")
    nine = bm.Estimates(y=[*SCHOOLS.y, -20], se=[*SCHOOLS.se, 6], study=[*SCHOOLS.study, "new"])
    joint = bm.fit(nine, MODEL).marginal("theta[new]")
    assert_allclose([found.mean(), found.sd()], [joint.mean(), joint.sd()], rtol=1e-7)
    assert_allclose(found.cdf([-20, -5, 5]), joint.cdf([-20, -5, 5]), atol=1e-8)


@settings(max_examples=3, deadline=None)
@given(
    y=st.lists(st.floats(-2, 2), min_size=2, max_size=5),
    size=st.floats(0.01, 100),
    shift=st.floats(-5, 5),
)
def test_units_do_not_matter(y, size, shift):
    """Effects times a factor, plus a constant: so is the prior. Optimisers stop at 1e-5 or so of an sd."""
    se = [0.3 + 0.1 * i for i in range(len(y))]
    one = bm.map_prior(bm.Estimates(y=y, se=se), bm.NormalNormal(tau=bm.HalfNormal(0.5)))
    other = bm.map_prior(
        bm.Estimates(y=size * np.array(y) + shift, se=size * np.array(se)),
        bm.NormalNormal(tau=bm.HalfNormal(0.5 * size)),
    )
    sd = one.predictive.sd()
    q = [0.01, 0.3, 0.5, 0.9]
    assert_allclose(np.asarray(other.prior.ppf(q)), size * np.asarray(one.prior.ppf(q)) + shift, atol=0.01 * size * sd)
    assert other.kl <= 1e-5


def test_a_known_tau_gives_one_normal():
    """mu has the conjugate posterior, and a new study adds tau."""
    tau, prior = 4.0, bm.Normal(0, 20)
    w = 1 / (SCHOOLS.v + tau**2)
    precision = w.sum() + prior.sd**-2
    found = bm.map_prior(SCHOOLS, bm.NormalNormal(mu=prior, tau=bm.PointMass(tau))).prior
    assert isinstance(found, bm.Normal)
    assert_allclose(found.mean, (w * SCHOOLS.y).sum() / precision, rtol=1e-6)
    assert_allclose(found.sd, math.sqrt(1 / precision + tau**2), rtol=1e-6)


def test_one_historical_study():
    found = bm.map_prior(bm.Estimates(y=[1.0], se=[0.2]), bm.NormalNormal(tau=bm.HalfNormal(0.5)))
    assert_allclose(found.prior.ppf(0.5), 1.0, atol=1e-6)
    # given tau, mu is normal around 1 with variance se^2 + tau^2; a new study adds tau^2: 0.04 + 2 * 0.25
    assert_allclose(found.predictive.sd(), math.sqrt(0.54), rtol=1e-7)
    assert_allclose(found.prior.moments().sd, math.sqrt(0.54), rtol=1e-7)


def test_the_prior_prints_and_reads_back():
    assert bm.parse_prior(str(FOUND.prior)) == FOUND.prior
    assert "kl=" in repr(FOUND)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_kl": 0}, "max_kl=0"),
        ({"max_kl": "small"}, "max_kl='small'"),
        ({"max_components": 0}, "max_components=0"),
        ({"max_components": True}, "max_components=True"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(SpecificationError, match=message):
        bm.map_prior(SCHOOLS, MODEL, **arguments)


def test_other_refusals():
    with pytest.raises(InferenceError, match="come within a Kullback-Leibler divergence"):
        bm.map_prior(SCHOOLS, MODEL, max_kl=1e-6, max_components=2)
    with pytest.raises(InferenceError, match="try a lighter prior on tau"):
        bm.map_prior(bm.Estimates(y=[0.1, 0.5, 0.2], se=[0.1] * 3), bm.NormalNormal(tau=bm.ImproperUniform()))
    with pytest.raises(SpecificationError, match="a probability of a single value"):
        bm.map_prior(SCHOOLS, bm.NormalNormal(mu=bm.PointMass(0), tau=bm.PointMass(0)))
    with pytest.raises(SpecificationError, match="must be a NormalNormal, TwoScales"):
        bm.map_prior(SCHOOLS, bm.Normal(0, 1))
    dosed = bm.Estimates(y=[1, 2, 3], se=[1, 1, 1], covariates={"dose": [1, 2, 4]})
    with pytest.raises(SpecificationError, match="no intercept"):
        bm.map_prior(dosed, bm.NormalNormal(formula="0 + dose", tau=bm.HalfNormal(1)))
