"""Summaries and comparisons on the scale on which a measure is read: quantiles, transformed one by one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.effects.display import reading

OLD = ["mean", "sd", "median", "lower", "upper"]


@pytest.fixture(scope="module")
def bcg():
    return bm.load_dataset("bcg")  # measure log_rr


def fitted(data, **model):
    return bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), **model))


def test_the_median_ratio_is_a_quantile_not_the_exponential_of_a_mean(bcg):
    result = fitted(bcg)
    table = result.summary()
    assert list(table.columns) == [*OLD, "display_median", "display_lower", "display_upper", "display"]
    for name in ("mu", "theta_new"):
        wanted = np.exp(result.marginal(name).ppf([0.5, 0.025, 0.975]))
        assert_allclose(table.loc[name, ["display_median", "display_lower", "display_upper"]].astype(float), wanted)
        assert table.loc[name, "display"] == "risk ratio"
    assert table.loc["tau"].iloc[5:8].isna().all()
    assert table.loc["tau", "display"] == ""
    assert result.summary(ci_kind="hdi").loc["mu", "display_lower"] == np.exp(
        result.summary(ci_kind="hdi").loc["mu", "lower"]
    )


def test_coefficients_are_ratios_of_ratios_and_levels_are_ratios(bcg):
    rows = fitted(bcg, formula="1 + latitude").summary()
    assert rows.loc["latitude", "display"] == "ratio of risk ratios"
    assert rows.loc["latitude", "display_median"] == np.exp(rows.loc["latitude", "median"])
    means = bm.fit(bcg, bm.NormalNormal(formula="0 + allocation + latitude", tau=bm.HalfNormal(0.5))).summary()
    assert means.loc["allocation[random]", "display"] == "risk ratio"
    assert means.loc["latitude", "display"] == "ratio of risk ratios"


def test_other_scales():
    counts = {"study": list("ABC"), "events": [3, 9, 61], "n": [12, 40, 200], "site": [0, 1, 1]}
    data = bm.effect_sizes(counts, "logit_prop")
    model = bm.NormalNormal(
        formula="1 + site", mu=bm.Normal(0, 2), beta={"site": bm.Normal(0, 1)}, tau=bm.HalfNormal(0.5)
    )
    rows = bm.fit(data, model).summary()
    mu = rows.loc["mu"]
    assert_allclose(mu["display_median"], 1 / (1 + np.exp(-mu["median"])))
    assert list(rows["display"]) == ["proportion", "", "odds ratio", "proportion"]
    r = bm.Estimates(y=[0.3, 0.5], se=[0.1, 0.2], measure="fisher_z")
    rows = bm.fit(r, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))).summary()
    assert_allclose(rows.loc["mu", "display_upper"], np.tanh(rows.loc["mu", "upper"]))


@pytest.mark.parametrize("measure", [None, "md", "smd", "rd"])
def test_what_is_read_as_analysed_has_no_second_scale(measure):
    data = bm.Estimates(y=[0.3, 0.5], se=[0.1, 0.2], measure=measure)
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
    assert list(bm.fit(data, model).summary().columns) == OLD
    assert not [name for name in bm.compare(data, model).columns if name.startswith("display")]


def test_compare_has_both_scales(bcg):
    table = bm.compare(bcg, bm.NormalNormal(tau=bm.HalfNormal(0.5)), ["fe", "reml hksj"])
    for key in ("estimate", "lower", "upper", "prediction_lower", "prediction_upper"):
        assert_allclose(table[f"display_{key}"], np.exp(table[key].astype(float)))
    assert table.attrs["display"] == "risk ratio"
    assert_allclose(table.loc["reml hksj", "se"], bm.pool(bcg, "reml", "hksj").se)
    slope = bm.compare(
        bcg, bm.NormalNormal(formula="1 + latitude", tau=bm.HalfNormal(0.5)), ["reml"], parameter="latitude"
    )
    assert slope.attrs["display"] == "ratio of risk ratios"


def test_the_command_line_prints_and_writes_both_scales(bcg, tmp_path, capsys):
    path = tmp_path / "effects.csv"
    bcg.to_frame()[["study", "y", "se"]].to_csv(path, index=False)
    for command in (["fit", path, "--tau", "HalfNormal(0.5)"], ["compare", path]):
        arguments = [*map(str, command), "--measure", "log_rr"]
        with pytest.raises(SystemExit):
            main([*arguments, "--json"])
        content = json.loads(capsys.readouterr().out)
        with pytest.raises(SystemExit):
            main(arguments)
        out = capsys.readouterr().out
        assert "Above: log risk ratio. As it is read" in out
        row = content["summary"][0] if "summary" in content else content["rows"][-1]
        shown = f"{row['display_median' if 'summary' in content else 'display_estimate']:.2f}"
        assert shown in out
        assert row["display_lower"] == np.exp(row["lower"])
    with pytest.raises(SystemExit):
        main(["compare", str(path)])
    assert "As it is read" not in capsys.readouterr().out, "no measure, no scale"


def test_a_name_of_no_coefficient_has_no_reading():
    from bayesmeta.effects.registry import display_of

    assert reading("sd_variation", display_of("log_or"), ["dose"], True) == ""
    assert reading("group[T.b]", display_of("log_or"), ["group[T.b]"], False) == "ratio of odds ratios"
    assert reading("group[a]:dose", display_of("log_or"), ["group[a]:dose"], False) == "ratio of odds ratios"


def test_true_effects_have_medians(bcg):
    result = fitted(bcg)
    table = result.shrinkage()
    name = table.index[3]
    assert_allclose(table.loc[name, "median"], result.marginal(f"theta[{name}]").median(), rtol=1e-8)
