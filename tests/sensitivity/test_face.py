"""What sensitivity results, and those of other questions across fits, print: their own numbers, in both faces."""

from __future__ import annotations

import numpy as np
import pytest

import bayesmeta as bm

BCG = bm.load_dataset("bcg")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
SLOPE = bm.NormalNormal(
    formula="1 + latitude + allocation",
    mu=bm.Normal(0, 1),
    tau=bm.HalfNormal(0.5),
    beta={"latitude": bm.Normal(0, 0.1)},
)
PRIORS = [bm.HalfNormal(scale) for scale in (0.1, 0.5, 1)]

SHOWN = {
    "sensitivity": lambda: bm.prior_sensitivity(BCG, MODEL, "mu < -0.3", tau=PRIORS),
    "many priors": lambda: bm.prior_sensitivity(
        BCG, MODEL, ["mu < -0.3", "tau < 0.5"], tau=[bm.HalfNormal(s) for s in np.linspace(0.1, 2, 25).round(2)]
    ),
    "tipping points": lambda: bm.tipping_point(BCG, MODEL, "mu < -0.3"),
    "Bayes factors": lambda: bm.bayes_factor_curve(BCG, MODEL, "mu = 0", scales=[0.1, 1, 10]),
    "average": lambda: bm.model_average(BCG, MODEL),
    "leave one out": lambda: bm.leave_one_out(BCG, MODEL, claim="mu < -0.3"),
    "leave one out of a regression": lambda: bm.leave_one_out(BCG, SLOPE, claim="latitude < 0"),
    "cumulative": lambda: bm.cumulative(BCG, MODEL, "year", claim="mu < 0"),
    "map prior": lambda: bm.map_prior(BCG, MODEL),
    "reverse Bayes": lambda: bm.reverse_bayes(estimate=-0.5, se=0.2),
    "prior predictive": lambda: bm.prior_predictive(MODEL, v=0.1, ratio=True),
    "conflict": lambda: bm.prior_data_conflict(BCG, MODEL),
}


@pytest.fixture(scope="module", params=SHOWN)
def result(request):
    return SHOWN[request.param]()


def test_both_faces_hold_the_same_and_fit(result):
    text, page = str(result), result._repr_html_()
    assert max(map(len, text.splitlines())) <= 80
    assert page.count("<table") == page.count("</table>") >= 1
    assert "scope=" in page
    for word in ("nan", "[T.", "theta_new", "None", "object at"):
        assert word not in text, word
    assert "\n" not in repr(result)
    assert len(repr(result)) < 400


def flat(text: object) -> str:
    return " ".join(str(text).split())


def test_the_primary_analysis_stands_first_and_each_prior_after_it():
    found = SHOWN["sensitivity"]()
    text = flat(found)
    assert text.startswith(
        "Prior sensitivity: 3 priors on tau Over 3 priors, the probability that mu < -0.3 lies between "
    )
    for prior in ("primary priors", "HalfNormal(0.1)", "HalfNormal(1)"):
        tau = MODEL.tau if prior == "primary priors" else bm.parse_prior(prior)
        fit = bm.fit(BCG, bm.NormalNormal(mu=bm.Normal(0, 1), tau=tau))
        lower, upper = fit.marginal("mu").ppf([0.025, 0.975])
        row = f"{prior} {fit.probability('mu < -0.3'):.4f} {fit.marginal('mu').mean():.2f} {lower:.2f} to {upper:.2f}"
        assert row in text


def test_of_many_priors_the_ends_are_shown():
    text = flat(SHOWN["many priors"]())
    assert "The 10 lowest and highest probabilities of 25; table() has all." in text
    assert "HalfNormal(2) " in text
    assert "HalfNormal(1.05)" not in text


def test_a_tipping_point_is_one():
    found = SHOWN["tipping points"]()
    text, sd = flat(found), found["sceptical_sd"].tips[0].value
    assert f"P(mu < -0.3) is {bm.fit(BCG, MODEL).probability('mu < -0.3'):.4f} as given, and reaches 0.95" in text
    assert f"{sd:.4g} " in text
    under = bm.fit(BCG, bm.NormalNormal(mu=bm.Normal(0, float(f"{sd:.4g}")), tau=MODEL.tau))
    assert under.probability("mu < -0.3") == pytest.approx(0.95, abs=1e-3)


def test_means_are_shown_as_they_are_read():
    found = SHOWN["leave one out"]()
    name = "TPT Madras 1980"
    others = bm.fit(BCG.drop(name), MODEL)
    median, lower, upper = np.exp(others.marginal("mu").ppf([0.5, 0.025, 0.975]))
    tau, p = others.marginal("tau").median(), others.probability("mu < -0.3")
    assert f"{name} {median:.3f} {lower:.3f} to {upper:.3f} {tau:.2f} {p:.4f}" in flat(found)
    last = bm.fit(BCG, MODEL)
    assert f"{name} 13 {np.exp(last.marginal('mu').median()):.3f}" in flat(SHOWN["cumulative"]())


def test_a_bayes_factor_and_an_average_are_those_of_fits():
    factor = bm.fit(BCG, MODEL).bayes_factor("mu = 0")
    assert f"Normal(0, 1) 1 {factor:.4g}" in flat(SHOWN["Bayes factors"]())
    found = SHOWN["average"]()
    assert f"Mean effect (mu) 0.5000 {found.inclusion.loc['mu', 'posterior_probability']:.4f} {1 / factor:.4g}"[
        :35
    ] in flat(found)


def test_a_prior_and_what_it_stands_for_are_side_by_side():
    text = flat(SHOWN["map prior"]())
    lower, upper = bm.fit(BCG, MODEL).marginal("theta_new").ppf([0.025, 0.975])
    assert f"Predictive distribution -0.687 {lower:.3f} to {upper:.3f}" in text
