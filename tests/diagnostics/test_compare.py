"""Both schools on one table: the rows are what `pool` and `fit` say, and the schools agree where they must."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.cli import main


@pytest.fixture
def data():
    return bm.load_dataset("bcg")


def test_rows_are_what_pool_and_fit_say(data):
    model = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5))
    table = bm.compare(data, model, ["fe", "dl wald", "reml hksj-adhoc"], level=0.9)
    assert list(table.index) == ["fe", "dl wald", "reml hksj-adhoc", "Bayes"]
    for name in table.index[:3]:
        want, row = bm.pool(data, *name.split(), level=0.9), table.loc[name]
        assert (row.school, row.estimate, row.lower, row.upper) == (
            "frequentist",
            want.estimate,
            want.lower,
            want.upper,
        )
        assert (row.p_value, row.tau) == (want.p_value, want.tau)
        np.testing.assert_equal((row.prediction_lower, row.prediction_upper), want.prediction)
        assert math.isnan(row.probability)
    fit, row = bm.fit(data, model), table.loc["Bayes"]
    want = fit.summary(ci_prob=0.9, ci_kind="eti")
    assert (row.school, row.estimate, row.tau) == ("Bayesian", want.loc["mu", "median"], want.loc["tau", "median"])
    assert (row.lower, row.upper) == (want.loc["mu", "lower"], want.loc["mu", "upper"])
    assert (row.prediction_lower, row.prediction_upper) == tuple(want.loc["theta_new", ["lower", "upper"]])
    assert row.probability == fit.probability("mu < 0")
    assert math.isnan(row.p_value)


def test_the_schools_agree_on_a_common_effect(data):
    """With tau known to be zero and a flat prior, the posterior is the sampling distribution."""
    table = bm.compare(data, bm.NormalNormal(tau=bm.PointMass(0)), ["fe wald"])
    assert_allclose(table.loc["Bayes", ["estimate", "lower", "upper"]].astype(float),
                    table.loc["fe wald", ["estimate", "lower", "upper"]].astype(float), rtol=1e-7)  # fmt: skip
    assert_allclose(1 - table.loc["Bayes", "probability"], table.loc["fe wald", "p_value"] / 2, atol=1e-12)


def test_several_models_a_coefficient_and_a_claim(data):
    models = {
        name: bm.NormalNormal(formula="1 + latitude", tau=tau)
        for name, tau in (("narrow", bm.HalfNormal(0.1)), ("wide", bm.HalfNormal(2)))
    }
    table = bm.compare(data, models, ["reml"], parameter="latitude", claim="latitude < -0.02")
    assert list(table.index) == ["reml", "narrow", "wide"]
    assert table.attrs["claim"] == "latitude < -0.02"
    assert table.loc["reml", "estimate"] == bm.pool(data, formula="1 + latitude").coefficients.estimate["latitude"]
    assert table.loc["wide", "probability"] == bm.fit(data, models["wide"]).probability("latitude < -0.02")
    assert table.prediction_lower.isna().all()
    assert table.tau["narrow"] < table.tau["wide"]


def test_a_second_variance_component_has_a_row_too(data):
    base = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5))
    model = bm.TwoScales(base, bm.Cluster("allocation"), bm.HalfNormal(0.5))
    table = bm.compare(data, {"one": base, "two": model}, [])
    want = bm.fit(data, model).summary(ci_prob=0.95, ci_kind="eti").loc["mu"]
    assert tuple(table.loc["two", ["estimate", "lower", "upper"]]) == (want["median"], want["lower"], want["upper"])


def test_refusals(data):
    model = bm.NormalNormal(tau=bm.HalfNormal(1))
    cases = (
        ({"estimators": ["reml hksj now"]}, "a method and an interval"),
        ({"estimators": ["rem"]}, "Did you mean 'reml'"),
        ({"parameter": "dose"}, "no such coefficient"),
        ({"parameter": "tau"}, "no such coefficient"),
        ({"parameter": "tau", "estimators": []}, "no such coefficient"),
        ({"model": {}}, "give a model"),
        ({"model": {"a": model, "b": bm.NormalNormal(formula="1 + year", tau=bm.HalfNormal(1))}}, "one formula"),
    )
    for options, words in cases:
        with pytest.raises(bm.SpecificationError, match=words):
            bm.compare(data, **{"model": model, **options})
    with pytest.raises(bm.DataError, match="must be Estimates"):
        bm.compare([1.0], model)


@pytest.fixture
def effects(tmp_path):
    path = tmp_path / "effects.csv"
    path.write_text("study,y,se,dose\nA,-0.5,0.2,1\nB,-0.2,0.3,2\nC,-0.9,0.25,4\n", encoding="utf-8")
    return path


def run(arguments):
    with pytest.raises(SystemExit) as stop:
        main(["compare", *map(str, arguments)])
    return stop.value.code


def test_command_line_prints_one_json_object(effects, capsys):
    assert (
        run([effects, "--json", "--tau", "HalfNormal(0.5)", "--tau", "HalfCauchy(0.5)", "--estimator", "dl wald"]) == 0
    )
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["schema"], found["n_studies"], found["default_prior"], err) == ("bayesmeta-compare/1", 3, False, "")
    assert [row["name"] for row in found["rows"]] == ["dl wald", "Bayes HalfNormal(0.5)", "Bayes HalfCauchy(0.5)"]
    data = bm.read_estimates(effects)
    assert found["rows"][0]["estimate"] == bm.pool(data, "dl", "wald").estimate
    fit = bm.fit(data, bm.NormalNormal(tau=bm.HalfNormal(0.5)))
    assert found["rows"][1]["probability"] == fit.probability("mu < 0")
    assert found["rows"][1]["p_value"] is None


def test_command_line_prints_a_table_and_names_the_default_prior(effects, capsys):
    assert run([effects]) == 0
    out = capsys.readouterr().out
    for words in ("3 studies from effects.csv", "default", "reml hksj", "UniformShrinkage()", "P(mu < 0)"):
        assert words in " ".join(out.split())


def test_command_line_refuses_in_one_line(effects, capsys):
    assert run([effects, "--estimator", "remml"]) == 2
    assert run([effects, "--ci-prob", "95"]) == 2
    assert run([effects, "--tau", "Normal(0, 1)"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(":")[0] for line in err.splitlines()] == ["bayesmeta"] * 3


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_command_line_draws(effects, tmp_path, capsys, suffix):
    picture = tmp_path / f"both.{suffix}"
    run([effects, "--plot", picture, "--json"])
    assert json.loads(capsys.readouterr().out)["n_studies"] == 3
    assert picture.read_bytes()[:4] in (b"\x89PNG", b"<?xm")


def test_command_line_refuses_other_pictures(effects, tmp_path, capsys):
    assert run([effects, "--plot", tmp_path / "both.gif"]) == 2
    assert "must end in .svg or .png" in capsys.readouterr().err
    assert run([effects, "--plot", tmp_path / "nowhere" / "both.svg"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_heterogeneity_is_metafors():
    """``rma(yi, vi, mods = ~ ablat + alloc, method = "DL")`` of the BCG trials: tau^2 with its interval, I^2, Q and its tests."""
    golden = json.loads((Path(__file__).parents[1] / "golden" / "moderators.json").read_text())["fits"]
    peers = {
        (fit["method"], fit["test"]): fit
        for fit in golden
        if fit["data"] == "bcg" and fit["formula"] == "~ablat + alloc"
    }
    model = bm.NormalNormal(
        formula="1 + latitude + allocation", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5),
        beta={"latitude": bm.Normal(0, 0.05), "allocation": bm.Normal(0, 0.5)},
    )  # fmt: skip
    data = bm.load_dataset("bcg")
    table = bm.compare(data, model, ["fe", "dl wald", "reml hksj"])
    for name, key in {"dl wald": ("DL", "z"), "reml hksj": ("REML", "knha")}.items():
        row, peer = table.loc[name], peers[key]
        squares = [row[column] ** 2 for column in ("tau", "tau_lower", "tau_upper")]
        np.testing.assert_allclose(squares, [peer["tau2"], peer["tau2_lower"], peer["tau2_upper"]], rtol=2e-6)
        np.testing.assert_allclose(row["i2"], peer["I2"], rtol=2e-6)
        tests = table.attrs["tests"][name]
        np.testing.assert_allclose(tests["covariates"].p_value, peer["QMp"], rtol=1e-5)
        np.testing.assert_allclose(tests["levels of allocation"].statistic, peer["terms"]["alloc"]["QM"], rtol=1e-5)
        np.testing.assert_allclose(
            [table.attrs["q"][k] for k in ("q", "p_value")], [peer["QE"], peer["QEp"]], rtol=1e-9
        )
    assert np.isnan(table.loc["fe", "tau_lower"]), "a common effect has no heterogeneity by assumption"
    result = bm.fit(data, model)
    lower, upper = result.marginal("tau").ppf([0.025, 0.975])
    np.testing.assert_allclose(table.loc["Bayes", ["tau_lower", "tau_upper"]].astype(float), [lower, upper], rtol=1e-8)
    shares = 100 * result.marginal("I2").ppf([0.025, 0.5, 0.975])
    np.testing.assert_allclose(table.loc["Bayes", ["i2_lower", "i2", "i2_upper"]].astype(float), shares, rtol=1e-6)
    assert table.attrs["no_difference"]["Bayes"]["allocation"] == pytest.approx(result.bayes_factor("allocation = 0"))


def test_a_comparison_prints_effects_heterogeneity_and_tests():
    model = bm.NormalNormal(formula="1 + allocation", tau=bm.HalfNormal(0.5), beta={"allocation": bm.Normal(0, 1)})
    table = bm.compare(bm.load_dataset("bcg"), model, ["dl wald"])
    text, page = " ".join(str(table).split()), table._repr_html_()
    heading = "13 studies: mu of formula 1 + allocation"
    q, factor = "Cochran's Q 132.4 on 10 df, of the residuals, P <.0001", "Levels of allocation, Bayes Bayes factor"
    for said in (heading, "As risk ratio", "Heterogeneity; intervals of estimators by Q-profile", q, factor):
        assert said in text
    assert "Test of covariates, dl wald chi-square = " in text
    assert max(map(len, str(table).splitlines())) <= 80
    assert "132.4 on 10 df" in page
    assert "<Comparison" not in str(table[["estimate"]]), "parts of it are plain tables"
