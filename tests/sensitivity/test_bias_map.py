"""Allowing for bias, against algebra, the same model by another road, and the limits of no and of unbounded bias."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import simpson
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.cli import main

STUDY = ["A", "B", "C", "D", "E"]
DATA = bm.Estimates(y=[-0.6, -0.5, -0.7, -0.1, 0.05], se=[0.2, 0.3, 0.2, 0.2, 0.15], study=STUDY, measure="md")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
HIGH = ["A", "B", "C"]
ROB = {
    "Study": STUDY,
    "D1": ["Low"] * 5,
    "Overall": ["High", "high risk", "Serious", "Some concerns", "+"],
    "Weight": [1] * 5,
}


def answers(result):
    return result.summary().loc[["mu", "tau"], ["mean", "sd", "lower", "upper"]].to_numpy(float)


def test_a_known_bias_of_all_studies_shifts_the_mean_effect():
    """With a flat prior on mu the posterior moves by the bias, and nothing else changes."""
    model = bm.NormalNormal(tau=bm.HalfNormal(0.3))
    plain, shifted = bm.fit(DATA, model), bm.fit(bm.bias_adjusted(DATA, STUDY, -0.25), model)
    assert_allclose(answers(shifted)[0, [0, 2, 3]], answers(plain)[0, [0, 2, 3]] + 0.25, atol=1e-8)
    assert_allclose(answers(shifted)[1], answers(plain)[1], atol=1e-8)
    assert shifted.marginal("mu").sd() == pytest.approx(plain.marginal("mu").sd(), abs=1e-9)


def test_an_uncertain_mean_bias_is_a_coefficient_with_its_prior():
    """The mean bias integrated out in advance, or as the coefficient of an indicator: one marginal likelihood, one posterior."""
    indicator = [1.0 if x in HIGH else 0.0 for x in STUDY]
    marked = bm.Estimates(y=DATA.y, se=DATA.se, study=STUDY, covariates={"high": indicator}, measure="md")
    model = bm.NormalNormal(formula="1 + high", mu=bm.Normal(0, 1), tau=MODEL.tau, beta={"high": bm.Normal(-0.2, 0.15)})
    by_coefficient = bm.fit(marked, model)
    adjusted = bm.fit(bm.bias_adjusted(DATA, HIGH, -0.2, sd=0.15), MODEL)
    assert_allclose(answers(adjusted), answers(by_coefficient), rtol=1e-7, atol=1e-8)
    assert adjusted.log_marginal_likelihood == pytest.approx(by_coefficient.log_marginal_likelihood, abs=1e-7)


def test_a_spread_of_biases_is_integrated_out():
    """Brute force over each study's own bias, mu and tau, on fine grids."""
    spread = 0.3
    b, mu, tau = np.linspace(-2.3, 1.9, 141), np.linspace(-1.8, 1.8, 241)[:, None], np.linspace(0, 1.8, 121)
    density = norm.pdf(mu, 0, 1) * 2 * norm.pdf(tau, 0, 0.3)
    for x, y, se in zip(STUDY, DATA.y, DATA.se, strict=True):
        sd = np.hypot(se, tau)
        if x in HIGH:
            own = norm.pdf(b, -0.2, spread)
            density = density * simpson(norm.pdf(y, mu[..., None] + b, sd[:, None]) * own, x=b)
        else:
            density = density * norm.pdf(y, mu, sd)
    given_mu = simpson(density, x=tau)
    whole, below = simpson(given_mu, x=mu[:, 0]), simpson(given_mu[:121], x=mu[:121, 0])
    found = bm.fit(bm.bias_adjusted(DATA, HIGH, -0.2, spread=spread), MODEL)
    assert found.log_marginal_likelihood == pytest.approx(math.log(whole), abs=1e-6)
    assert found.probability("mu < 0") == pytest.approx(below / whole, abs=1e-6)


def test_an_unbounded_spread_or_no_weight_drops_the_studies():
    without = answers(bm.fit(DATA.drop(HIGH), MODEL))
    assert_allclose(answers(bm.fit(bm.bias_adjusted(DATA, HIGH, spread=1e5), MODEL)), without, atol=1e-6)
    assert_allclose(answers(bm.fit(bm.bias_adjusted(DATA, HIGH, weight=1e-10), MODEL)), without, atol=1e-6)
    assert bm.bias_adjusted(DATA, HIGH) == DATA


def test_rows_of_one_study_share_its_bias():
    cov = np.diag(DATA.se**2)
    cov[0, 1] = cov[1, 0] = 0.02
    data = bm.Estimates(y=DATA.y, cov=cov, study=STUDY, covariates={"trial": list("XXYZZ")})
    found = bm.bias_adjusted(data, ["X"], -0.1, spread=0.3, sd=0.1)
    assert_allclose(found.cov[:3, :3] - cov[:3, :3], [[0.1, 0.1, 0], [0.1, 0.1, 0], [0, 0, 0]], atol=1e-12)
    rob = bm.RiskOfBias.from_frame({"Study": list("XYZ"), "Overall": ["High", "Low", "Low"]})
    assert bm.bias_map(data, MODEL, rob, "mu < 0", bias=[0.0]).biased == ("X",)
    with pytest.raises(bm.SpecificationError, match="several rows are of one study"):
        bm.bias_adjusted(bm.Estimates(y=DATA.y, se=DATA.se, covariates={"trial": list("XXYZZ")}), ["X"], spread=0.3)


def test_models_of_studies_one_by_one_reject_a_covariance_between_them():
    table = {"trial": list("AABBC"), "time": [1, 2, 1, 2, 1], "dose": [1, 2, 1, 2, 1]}
    cov = np.diag(DATA.se**2)
    data = bm.bias_adjusted(bm.Estimates(y=DATA.y, cov=cov, covariates=table), ["A", "B"], sd=0.2)
    priors = {"mu": bm.Normal(0, 1), "tau": bm.HalfNormal(0.3)}
    for model in (
        bm.TimeCourse(formula="1 + time", beta={"time": bm.Normal(0, 1)}, rho=0.8, **priors),
        bm.DoseResponse("linear", unit_dose=2, heterogeneity="amplitude", **priors),
    ):
        with pytest.raises(bm.DataError, match="covary within a study alone"):
            bm.fit(data, model)


def test_a_model_that_the_other_studies_do_not_answer_leaves_the_map():
    found = bm.bias_map(DATA, MODEL, HIGH, "theta[A] < 0", bias=[-0.2, 0.0])
    assert math.isnan(found.without)
    assert "Without these studies the model has no answer" in " ".join(str(found).split())


def test_what_is_covariant_stays_so_and_a_weight_divides_variances():
    cov = np.diag(DATA.se**2)
    cov[0, 3] = cov[3, 0] = 0.01
    data = bm.Estimates(y=DATA.y, cov=cov, study=STUDY, measure="md")
    found = bm.bias_adjusted(data, HIGH, weight=0.25)
    assert found.cov[0, 0] == pytest.approx(0.16)
    assert found.cov[0, 3] == pytest.approx(0.02)  # the correlation is as it was
    assert (found.measure, found.study) == ("md", data.study)


def test_the_map_has_the_probabilities_and_its_tipping_points_are_on_the_level():
    found = bm.bias_map(
        DATA, MODEL, bm.RiskOfBias.from_frame(ROB), "mu < 0", bias=[-0.8, -0.4, 0.0], spread=[0, 0.2], sd=0.05
    )
    assert found.biased == ("A", "B", "C")
    for i, b in enumerate(found.bias):
        for j, s in enumerate(found.spread):
            adjusted = bm.bias_adjusted(DATA, HIGH, b, sd=0.05, spread=s)
            assert found.probability[i, j] == bm.fit(adjusted, MODEL).probability("mu < 0")
    assert found.without == bm.fit(DATA.drop(HIGH), MODEL).probability("mu < 0")
    at = bm.bias_map(DATA, MODEL, HIGH, "mu < 0", bias=[-0.8, -0.4, 0.0], level=0.8)
    (root,) = at.tipping[0]
    assert bm.fit(bm.bias_adjusted(DATA, HIGH, root), MODEL).probability("mu < 0") == pytest.approx(0.8, abs=1e-7)
    assert f"it is 0.8 at a mean bias of {root:.4g}" in " ".join(str(at).split())
    assert list(found.table().columns) == [0, 0.2]


def test_judgements_are_read_in_the_words_of_each_tool(tmp_path):
    path = tmp_path / "rob.csv"
    path.write_text("Study,D1,Overall,Weight\nA,Low,High,1\nB,some,No information,1\nC,Critical,Critical,2\n")
    rob = bm.RiskOfBias.from_frame(path)
    assert rob.domains == ("D1", "Overall")
    assert rob.judgements["Overall"] == ("high", "unclear", "critical")
    assert rob.biased() == ("A", "C")
    assert rob.biased(["some concerns"], domain="d1") == ("B",)
    assert "some concerns" in str(rob)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"Study": ["A"], "Overall": ["Hihg"]}, r"row 1, column 'Overall' \(study 'A'\): 'Hihg' is no judgement"),
        ({"Study": ["A", "A"], "Overall": ["Low", "Low"]}, "study 'A' stands in two rows"),
        ({"Name": ["A"], "Overall": ["Low"]}, "no column 'study'"),
        ({"Study": ["A"], "Weight": [1]}, "no column of judgements"),
    ],
)
def test_a_table_that_cannot_be_right_is_rejected(table, message):
    with pytest.raises(bm.DataError, match=message):
        bm.RiskOfBias.from_frame(table)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"biased": ["Z"]}, "'Z' is none of the studies"),
        ({"biased": []}, "no study is"),
        ({"biased": [True, False]}, "2 truth values for 5 studies"),
        ({"biased": HIGH, "spread": -1}, "spread=-1"),
        ({"biased": HIGH, "sd": math.nan}, "sd=nan"),
        ({"biased": HIGH, "weight": 0}, "weight=0"),
        ({"biased": HIGH, "bias": math.inf}, "bias=inf"),
        ({"biased": bm.RiskOfBias.from_frame({"Study": ["A"], "Overall": ["High"]})}, "'B' has no row"),
    ],
)
def test_what_cannot_be_right_is_rejected(given, message):
    with pytest.raises(bm.SpecificationError, match=message):
        bm.bias_adjusted(DATA, **given)


def test_a_map_needs_increasing_biases_and_estimates():
    with pytest.raises(bm.SpecificationError, match=r"bias=\[0.0, -0.2\]: give finite numbers in increasing order"):
        bm.bias_map(DATA, MODEL, HIGH, "mu < 0", bias=[0, -0.2])
    with pytest.raises(bm.DataError, match="must be Estimates; got Proportions"):
        bm.bias_adjusted(bm.Proportions(events=[1], n=[4]), ["study 1"])
    with pytest.raises(bm.SpecificationError, match="no domain|domain 'D9'"):
        bm.RiskOfBias.from_frame(ROB).biased(domain="D9")


def test_the_command_line_gives_the_same(tmp_path, capsys):
    DATA.to_frame().to_csv(tmp_path / "e.csv", index=False)
    (tmp_path / "rob.csv").write_text(
        "Study,Overall\n" + "".join(f"{x},{'High' if x in HIGH else 'Low'}\n" for x in STUDY)
    )
    priors = ["--mu", "Normal(0, 1)", "--tau", "HalfNormal(0.3)", "--rob", str(tmp_path / "rob.csv")]
    with pytest.raises(SystemExit) as stop:
        main(
            ["bias-map", str(tmp_path / "e.csv"), *priors, "--bias", "-0.4", "--bias", "0", "--spread", "0.1", "--json"]
        )
    assert stop.value.code == 0
    printed = json.loads(capsys.readouterr().out)
    found = bm.bias_map(DATA, MODEL, HIGH, "mu < 0", bias=[-0.4, 0], spread=[0.1])
    assert printed["probability"] == found.probability.tolist()
    assert printed["biased"] == HIGH


def test_what_is_no_number_or_name_is_rejected_in_one_line():
    with pytest.raises(bm.SpecificationError, match="bias must hold numbers only"):
        bm.bias_map(DATA, MODEL, HIGH, "mu < 0", bias=["a"])
    with pytest.raises(bm.SpecificationError, match="biased=None"):
        bm.bias_adjusted(DATA, None)
