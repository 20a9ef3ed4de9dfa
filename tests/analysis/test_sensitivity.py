"""Signals under other priors: crossed, believed, and followed along families, against fits made one by one."""

from dataclasses import replace

import pytest

import bayesmeta as bm
from bayesmeta.analysis.alternatives import check_sensitivity, crossed_models, paths
from bayesmeta.analysis.schema import Outcome
from bayesmeta.analysis.sensitivity import exact_sensitivity, sampled_sensitivity
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import prepare
from bayesmeta.results.fit import fit_many

DATA = bm.load_dataset("eight_schools")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))


def outcome(**changes):
    beliefs = [
        {"label": "sceptic", "mu": "Normal(0, 2)", "source": "none"},
        {"label": "as stated", "source": "the model"},
        {"label": "less heterogeneity", "tau": "HalfNormal(2)", "source": "none"},
    ]
    stated = {
        "label": "schools",
        "models": {"all": {"label": "all", "mu": "Normal(0, 20)", "tau": "HalfNormal(10)"}},
        "signals": [
            {"name": "better", "model": "all", "claim": "mu > 0", "claim_label": "coaching helps", "quantity": "mu",
             "threshold": "mu > 5"},
        ],
        "sensitivity": {
            "effect": [{"label": "narrow", "prior": "Normal(0, 5)"}],
            "tau": [{"label": "small", "prior": "HalfNormal(5)"}, {"label": "large", "prior": "HalfCauchy(20)"}],
            "beliefs": beliefs,
            "level": 0.945,
        },
    }  # fmt: skip
    return Outcome.model_validate(stated | changes)


def probability(model, claim="mu > 0"):
    return bm.fit(DATA, model).probability(claim)


def test_exact_sensitivity_is_that_of_fits_one_by_one():
    found = exact_sensitivity(outcome(), {"all": bm.fit(DATA, MODEL)})["better"]
    crossed = {(0, 0): bm.HalfNormal(5), (0, 1): bm.HalfCauchy(20)}
    for place, tau in crossed.items():
        model = replace(MODEL, mu=bm.Normal(0, 5), tau=tau)
        main, threshold = found.crossed[place].answers
        assert main.probability == probability(model)
        assert threshold.probability == probability(model, "mu > 5")
    believed = {
        "sceptic": replace(MODEL, mu=bm.Normal(0, 2)),
        "as stated": MODEL,
        "less heterogeneity": replace(MODEL, tau=bm.HalfNormal(2)),
    }
    assert {label: under.answers[0].probability for label, under in found.beliefs.items()} == {
        label: probability(model) for label, model in believed.items()
    }


def test_a_fit_at_each_crossing_has_the_level():
    found = exact_sensitivity(outcome(), {"all": bm.fit(DATA, MODEL)})["better"]
    effect, tau = found.tipping
    on = [(tipping.parameter, tipping.family) for tipping in (effect, tau)]
    assert on == [("mu", "Normal(0, s)"), ("tau", "HalfNormal(s)")]
    for tipping, at in (
        (effect, lambda s: replace(MODEL, mu=bm.Normal(0, s))),
        (tau, lambda s: replace(MODEL, tau=bm.HalfNormal(s))),
    ):
        (tip,) = tipping.tips
        assert probability(at(tip.value)) == pytest.approx(0.945, abs=1e-7)
        assert tip.probability == pytest.approx(0.945, abs=1e-7)


def test_without_a_level_no_family_is_followed():
    quiet = outcome(sensitivity={"effect": [], "tau": []})
    assert exact_sensitivity(quiet, {"all": bm.fit(DATA, MODEL)})["better"].tipping == []


@pytest.mark.parametrize(
    ("tau", "family", "wider"),
    [
        (bm.InvGamma(2, 0.4), "InvGamma(2, s)", bm.InvGamma(2, 0.7)),
        (bm.HalfLogistic(0.4), "HalfLogistic(s)", bm.HalfLogistic(0.7)),
        (bm.Exponential(2), None, None),
        (bm.DuMouchel(), None, None),
    ],
)
def test_any_family_on_tau_that_has_a_scale_is_followed(tau, family, wider):
    found = [path for path in paths(prepare(DATA, replace(MODEL, tau=tau))) if path.parameter == "tau"]
    assert [path.family for path in found] == [family] * (family is not None)
    assert [path.value(path.points[8]) for path in found] == pytest.approx([0.4] * (family is not None))
    assert [path.at(0.7).model.tau for path in found] == [wider] * (family is not None)


@pytest.mark.parametrize(
    ("text", "rescaled"), [("Cauchy(0.3, 1)", "Cauchy(0.03, 0.1)"), ("Normal(1, 2)", "Normal(0.1, 0.2)")]
)
def test_a_prior_with_a_scale_is_rescaled_to_the_units_of_a_signal(text, rescaled):
    asked = outcome(
        sensitivity={"effect": [{"label": "a", "prior": text}], "tau": [{"label": "b", "prior": "HalfNormal(1)"}]}
    )
    signal = asked.signals[0].model_copy(update={"prior_factor": 0.1})
    (found,) = crossed_models(prepare(DATA, MODEL), asked, signal).values()
    assert str(found.model.mu) == rescaled


def test_a_belief_about_an_unknown_coefficient_is_refused():
    wrong = outcome()
    belief = wrong.sensitivity.beliefs[0].model_copy(update={"beta": {"dosis": "Normal(0, 1)"}})
    wrong = wrong.model_copy(update={"sensitivity": wrong.sensitivity.model_copy(update={"beliefs": [belief]})})
    models = {
        "all": MODEL,
        "dose": bm.NormalNormal(formula="1 + dose", tau=bm.HalfNormal(1), beta={"dose": bm.Normal(0, 1)}),
    }
    with pytest.raises(
        SpecificationError, match=r"belief 'sceptic': no model has a coefficient 'dosis'\. Did you mean 'dose'"
    ):
        check_sensitivity(prepare(DATA, MODEL), wrong, wrong.signals[0], models.values())


@pytest.mark.slow
def test_sampled_sensitivity_agrees_with_exact_fits():
    steep = outcome()
    steep = steep.model_copy(update={"sensitivity": steep.sensitivity.model_copy(update={"level": 0.9})})
    settings = {"draws": 2000, "tune": 500, "chains": 4, "target_accept": 0.95}
    fits = fit_many(DATA, {"all": MODEL}, "nuts", seed=3, **settings)
    sampled, _ = sampled_sensitivity(DATA, steep, fits, settings, 3, None)
    exact = exact_sensitivity(steep, {"all": bm.fit(DATA, MODEL)})["better"]
    found = sampled["better"]
    for ours, theirs in ((found.crossed, exact.crossed), (found.beliefs, exact.beliefs)):
        for place, under in ours.items():
            mine, other = under.answers[0], theirs[place].answers[0]
            assert mine.probability == pytest.approx(other.probability, abs=4 * mine.mcse + 1e-3)
    effect, tau = found.tipping
    assert tau.tips == ()  # the exact probability is at least 0.939 on this path
    assert min(tau.extremes) > 0.9
    (near,) = effect.tips
    assert near.probability == pytest.approx(0.9, abs=1e-6)  # solved for with the draws of a fit nearby
    assert near.fitted == pytest.approx(near.value, rel=0.2)
    assert probability(replace(MODEL, mu=bm.Normal(0, near.value))) == pytest.approx(0.9, abs=4 * near.mcse)
