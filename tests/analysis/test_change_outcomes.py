"""Outcomes of arms measured twice in an analysis file: the report's numbers against the grid, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.analysis.run import plan
from bayesmeta.cli import main
from bayesmeta.families.arm_changes.grid import fit_change_grid
from bayesmeta.families.arm_changes.words import ChangesWords

CHANGES = Path(__file__).parent / "changes"
SIGNALS = """
[[outcomes.pain.signals]]
name = "benefit"
model = "overall"
claim = "mu < -0.8"
claim_label = "it works well"
quantity = "mu"
threshold = "mu < -1"
[outcomes.pain.sensitivity]
level = 0.9
effect = [{ label = "sceptical", prior = "Normal(0, 1)" }, { label = "far", prior = "Normal(-0.2, 0.1)" }]
tau = [{ label = "as stated", prior = "HalfNormal(1)" }]
[[outcomes.pain.sensitivity.beliefs]]
label = "no heterogeneity to speak of"
tau = "HalfNormal(0.2)"
source = "none"
"""
AFTER = "G,30,31,,,,,3.5,2.1,4.9,2.4,,,,,,3\n"  # the time afterwards alone


# Below 0.3 the correlation has a long thin tail, which one chain in ten visits: its spread is then known badly.
LIKELY = ("Uniform(0, 1)", "Uniform(0.3, 1)")


def run(folder: Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["report", str(folder / "analysis.toml"), "--out", str(folder / "out")])
    return int(stop.value.code or 0)


def report_of(folder: Path, text: str, rows: str = "") -> SimpleNamespace:
    shutil.copytree(CHANGES, folder, dirs_exist_ok=True)
    (folder / "analysis.toml").write_text(text)
    (folder / "arms.csv").write_text((CHANGES / "arms.csv").read_text() + rows)
    assert run(folder) == 0
    checked = plan(folder / "analysis.toml")
    results = json.loads((folder / "out" / "results.json").read_text())
    with xr.open_datatree(folder / "out" / "posterior.nc", engine="h5netcdf") as tree:
        posterior = tree["pain/overall/posterior"].to_dataset().load()
    return SimpleNamespace(
        folder=folder,
        results=results,
        outcome=results["outcomes"]["pain"],
        html=(folder / "out" / "report.html").read_text(),
        data=checked.data["pain"],
        model=checked.models["pain"]["overall"],
        posterior=posterior,
        table=pd.read_csv(folder / "arms.csv", index_col="Author").rename(columns={"Before tx": "mean_pre_t"}),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(CHANGES, tmp_path / "changes")
    return tmp_path / "changes"


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    text = (CHANGES / "analysis.toml").read_text().replace(*LIKELY) + SIGNALS
    return report_of(tmp_path_factory.mktemp("separate"), text)


@pytest.fixture(scope="module")
def randomised(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Two models with a common baseline, one with a covariate, and a study that reports the time afterwards alone."""
    text = (
        (CHANGES / "analysis.toml")
        .read_text()
        .replace(*LIKELY)
        .replace('label = "all"', 'label = "all"\nbaseline = "common"')
    )
    section = text[text.index("[outcomes.pain.models.overall]") : text.index("[[outcomes.pain.prob")]
    section = section.replace("models.overall", "models.dose").replace('"all"', '"dose"\nformula = "1 + dose"')
    text = text.replace("target_accept = 0.95", "target_accept = 0.99")
    text += section + 'beta = { dose = "Normal(0, 1)" }\n'
    return report_of(tmp_path_factory.mktemp("common"), text, AFTER)


def variance(table: pd.DataFrame, name: str, first: str, second: str) -> float:
    """Sum over the arms of the product of two standard deviations over n."""
    row = table.loc[name]
    return float(sum(row[f"sd_{first}_{arm}"] * row[f"sd_{second}_{arm}"] / row[f"n_{arm}"] for arm in "tc"))


@pytest.mark.slow
@pytest.mark.parametrize("which", ["reported", "randomised"])
def test_the_numbers_are_those_of_the_grid(which, request, assert_within_mcse):
    report = request.getfixturevalue(which)
    grid = fit_change_grid(report.data, report.model, 1)
    rows = {row["parameter"]: row for row in report.outcome["models"]["overall"]["summary"]}
    assert list(rows) == ["mu", "tau", "correlation", "correlation_variation", "theta_new"]
    for name in ("mu", "tau", "correlation", "correlation_variation"):
        mean, sd = grid.mean_sd(name)
        draws = report.posterior[name].to_numpy()
        assert_within_mcse(draws, mean=mean, sd=sd, max_mcse=0.06, label=name)
        assert [rows[name]["mean"], rows[name]["sd"]] == pytest.approx([draws.mean(), draws.std(ddof=1)], rel=1e-10)
    (_, chosen) = report.outcome["probabilities"]
    assert chosen["claim"] == "correlation > 0.5 and correlation_variation < 0.3"
    draws = report.posterior
    held = ((draws["correlation"] > 0.5) & (draws["correlation_variation"] < 0.3)).mean()
    assert chosen["probability"] == pytest.approx(float(held), abs=1e-12)


@pytest.mark.slow
def test_other_priors_are_those_of_fits_of_their_own(reported):
    (signal,) = reported.results["signals"]
    assert signal["flat_prior_probability"] is None
    methods = [row["method"] for row in signal["sensitivity"]]
    assert methods == ["primary", "reweighted", "refitted"]  # nothing is exact here, and far away is fitted again
    assert signal["beliefs"][0]["method"] == "reweighted"
    found = []
    for row, base in (
        (signal["sensitivity"][1], {"mu": bm.Normal(0, 1)}),
        (signal["sensitivity"][2], {"mu": bm.Normal(-0.2, 0.1)}),
        (signal["beliefs"][0], {"tau": bm.HalfNormal(0.2)}),
    ):
        stated = {"mu": bm.Normal(0, 4), "tau": bm.HalfNormal(1)} | base
        model = bm.ChangeNormal(
            base=bm.NormalNormal(**stated), correlation=bm.Uniform(0.3, 1), correlation_variation=bm.HalfNormal(0.3)
        )
        mean, sd = fit_change_grid(reported.data, model, 1).mean_sd("mu")
        found.append(norm.cdf(-0.8, mean, sd))  # the posterior of mu is nearly normal
        assert row["probability"] == pytest.approx(found[-1], abs=0.025 + 4 * row["mcse"])
    assert np.ptp(found) > 0.5
    tipped = [(one["on"], crossing) for one in signal["tipping"] for crossing in one["crossings"]]
    assert {on for on, _ in tipped} == {"tau"}
    for _, crossing in tipped:
        assert crossing["probability"] == pytest.approx(0.9, abs=4 * crossing["mcse"])
        base = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(crossing["scale"]))
        mean, sd = fit_change_grid(reported.data, dataclasses.replace(reported.model, base=base), 1).mean_sd("mu")
        assert norm.cdf(-0.8, mean, sd) == pytest.approx(0.9, abs=0.025)


@pytest.mark.slow
def test_correlations_forest_and_predictions(reported):
    outcome, rho = reported.outcome, reported.posterior["study_correlation"]
    rows = outcome["evidence"]["correlations"]
    assert [row["study"] for row in rows] == list("BCDE")  # A printed its own, F needs none
    implied = [row["implied"] for row in rows]
    c = [(2.3**2 + 2.4**2 - 1.5**2) / (2 * 2.3 * 2.4), (2.2**2 + 2.3**2 - 1.7**2) / (2 * 2.2 * 2.3)]
    assert implied[0] == implied[3] == [None, None]
    assert implied[1] == pytest.approx(c, rel=1e-12)
    assert implied[2][0] is None
    assert implied[2][1] == pytest.approx((1.9**2 + 2.2**2 - 1.6**2) / (2 * 1.9 * 2.2), rel=1e-12)
    for row in rows:
        draws = rho.sel(study=row["study"]).to_numpy()
        wanted = [draws.mean(), draws.std(ddof=1), *np.quantile(draws, [0.5, 0.025, 0.975])]
        got = [row[key] for key in ("mean", "sd", "median", "lower", "upper")]
        np.testing.assert_allclose(got, wanted, rtol=1e-10)
    forest = outcome["models"]["overall"]["forest"]
    assert forest["unknown"] == "correlation not known"
    assert [s["known"] for s in forest["studies"]] == [True, False, True, True, False, True]
    changes = [-1.2, -1.1, -0.2, -1.4, -0.9, -1.1]
    for study, y in zip(forest["studies"], changes, strict=True):
        name = study["study"]
        if name == "F":
            v = np.asarray(variance(reported.table, "F", "change", "change"))
        else:
            pre, post, both = (variance(reported.table, name, *k) for k in (["pre"] * 2, ["post"] * 2, ["pre", "post"]))
            v = pre + post - 2 * rho.sel(study=name).to_numpy() * both
        assert study["y"] == pytest.approx(y, abs=1e-12)
        assert study["se"] == pytest.approx(np.sqrt(v).mean(), rel=1e-10)
        assert study["y_upper"] - study["y_lower"] == pytest.approx(2 * 1.959964 * study["se"], rel=1e-6)
    assert [row["name"] for row in outcome["predictive"]] == list("ABCDEF")
    assert [float(row["printed"]) for row in outcome["predictive"]] == pytest.approx(changes)
    checks = {check["name"] for check in reported.results["checks"]}
    assert {"pain, overall: R-hat", "pain: posterior predictive coverage"} <= checks


@pytest.mark.slow
def test_with_a_common_baseline_effects_are_those_of_an_analysis_of_covariance(randomised):
    rho = randomised.posterior["study_correlation"]
    model = randomised.outcome["models"]["overall"]
    assert model["arms"] == {"measure": "md", "baseline": "common"}
    studies = {study["study"]: study for study in model["forest"]["studies"]}
    table = randomised.table
    for name in "ABCDE":
        row, r = table.loc[name], rho.sel(study=name).to_numpy()
        pre, post, both = (variance(table, name, *k) for k in (["pre"] * 2, ["post"] * 2, ["pre", "post"]))
        slope = r * both / pre
        after, before = (row[f"mean_{when}_t"] - row[f"mean_{when}_c"] for when in ("post", "pre"))
        assert studies[name]["y"] == pytest.approx((after - slope * before).mean(), rel=1e-9)
        assert studies[name]["se"] == pytest.approx(np.sqrt(post - slope**2 * pre).mean(), rel=1e-9)
        assert studies[name]["y_upper"] > studies[name]["y"] + studies[name]["se"]
    assert studies["G"]["known"]
    assert studies["G"]["y"] == pytest.approx(-1.4, abs=1e-12)
    assert studies["G"]["se"] == pytest.approx(variance(table, "G", "post", "post") ** 0.5, rel=1e-12)
    afterwards = [-1.1, -0.7, -0.6, -1.5, -1.1, -1.1, -1.4]
    assert [float(row["printed"]) for row in randomised.outcome["predictive"]] == pytest.approx(afterwards)
    assert list(randomised.outcome["models"]["dose"]["priors"]) == [
        "mu", "tau", "dose", "correlation", "correlation_variation",
    ]  # fmt: skip
    assert "means afterwards, given those at baseline, with 95% intervals" in randomised.html
    assert "both times 5, the changes alone 1, the time afterwards alone 1." in randomised.html


@pytest.mark.slow
@pytest.mark.parametrize("which", ["reported", "randomised"])
def test_every_number_follows_from_draws_and_tables(which, request, capsys):
    folder = request.getfixturevalue(which).folder
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(folder / "out"), "--analysis", str(folder / "analysis.toml")])
    assert stop.value.code in (0, None), capsys.readouterr().out


@pytest.mark.slow
def test_the_report_says_what_was_printed_and_what_is_left_out(reported):
    outcome = reported.outcome
    said = {study["study"]: study["evidence"] for study in outcome["evidence"]["studies"]}
    start = "baseline 6.2 (SD 2.1) v 6.1 (SD 2), afterwards 3.9 (SD 2.2) v 5 (SD 2.2); "
    assert said["A"] == start + "correlation 0.75 printed"
    assert said["B"].endswith("; correlation not known")
    assert said["C"].endswith("; correlation 0.797 v 0.715 from the SDs of the changes")
    assert said["D"].endswith("; correlation 0.705 from the SD of the changes (control)")
    assert said["F"] == "changes alone: -2.1 (SD 1.6) v -1 (SD 1.9); no correlation needed"
    assert [line.split(":")[0] for line in outcome["left_out"]] == [
        "An exact fit, and its agreement with the sampler",
        "Frequentist estimators beside the models",
        "Other priors on correlation and correlation_variation",
    ]
    assert outcome["models"]["overall"]["arms"] == {"measure": "md", "baseline": "separate"}
    assert outcome["input"]["columns"] == {"study": "Author", "mean_pre_t": "Before tx"}
    for text in (
        "6 trials; 4 correlations are parameters of the model, not guesses.",
        "Left out here</h4>", "measurements that were not printed", "hollow (correlation not known)", "mean changes, with 95%",
        "printed 1, from the standard deviations of changes 2, not known 2.", '<code class="small">correlation_variation</code>',
    ):  # fmt: skip
        assert text in reported.html, text
    assert "Side by side</h4>" not in reported.html
    assert "Agreement of the engines" not in reported.html
    assert "latent trials" not in reported.html


@pytest.mark.slow
def test_the_density_of_a_variation_ends_at_zero(reported):
    curves = {one["parameter"]: one for one in reported.outcome["models"]["overall"]["prior_posterior"]}
    assert list(curves) == ["mu", "tau", "correlation", "correlation_variation"]
    for name, one in curves.items():
        assert np.trapezoid(one["posterior"], one["x"]) == pytest.approx(0.999, abs=0.01), name
    near = curves["correlation_variation"]
    below = float((reported.posterior["correlation_variation"] < 0.04).mean()) / 0.04
    start = [p for x, p in zip(near["x"], near["posterior"], strict=True) if x < 0.04]
    assert np.mean(start) == pytest.approx(below, rel=0.15)  # share of draws; the kernel is as wide


def test_methods_say_which_model_has_which_baseline(folder):
    text = (folder / "analysis.toml").read_text()
    section = text[text.index("[outcomes.pain.models.overall]") : text.index("[[outcomes.pain.prob")]
    other = section.replace("models.overall", "models.other").replace('"all"', '"other"\nbaseline = "common"')
    (folder / "analysis.toml").write_text(text + other)
    checked = plan(folder / "analysis.toml")
    labels = {key: section.label for key, section in checked.analysis.outcomes["pain"].models.items()}
    readers = [
        SimpleNamespace(label=labels[key], model=model, data=checked.data["pain"])
        for key, model in checked.models["pain"].items()
    ]
    said = ChangesWords().methods(readers, "")
    assert said.startswith("6 studies whose arms were measured at baseline and afterwards")
    assert "In 'all' theta_i is the difference of mean changes, and" in said
    assert "In 'other' theta_i is the difference of means afterwards, and" in said


TOML = "analysis.toml"
KIND = 'kind = "change_normal"\n'
OTHER = (
    '[outcomes.pain.models.other]\nkind = "arm_normal"\nlabel = "b"\ntau = "HalfNormal(1)"\ntypical_sd = "HalfNormal(3)"\n'
    'sd_variation = "HalfNormal(1)"\n[[outcomes.pain.probabilities]]'
)
REFUSED = {
    "kind": (
        TOML, KIND, 'kind = "change_norml"\n',
        "'change_norml': choose one of 'normal', 'arm_normal', 'change_normal', 'binomial_normal', 'hypergeometric_normal', "
        "'beta_binomial', 'poisson_normal', 'mixed_normal', 'dose_response', 'time_course'. Did",
    ),
    "no kind": (TOML, KIND, "", "unknown key 'outcomes.pain.models.overall.correlation'. It belongs to kind = 'change_normal'"),
    "other kind": (TOML, "correlation = ", 'typical_sd = "HalfNormal(1)"\ncorrelation = ', "belongs to kind = 'arm_normal'"),
    "no correlation": (TOML, 'correlation = "Uniform(0, 1)"\n', "", "key 'outcomes.pain.models.overall.correlation' is missing"),
    "typo": (TOML, "correlation_variation =", "correlation_variaton =", "Did you mean 'correlation_variation'"),
    "prior": (TOML, "Uniform(0, 1)", "Uniform(0, 2)", "models.overall: prior for correlation is Uniform(0, 2)"),
    "variation": (TOML, "HalfNormal(0.3)", "Normal(0, 1)", "prior for correlation_variation is Normal(0, 1)"),
    "baseline": (TOML, 'label = "all"', 'label = "all"\nbaseline = "comon"', "baseline = 'comon': input should be 'separate' or"),
    "reference prior": (TOML, '"HalfNormal(1)"', '"Jeffreys()"', "needs known standard errors; here they are parameters"),
    "measure": (TOML, 'unit = "', 'measure = "smd"\nunit = "', "measure 'smd': theta of change_normal is a mean diff"),
    "mixed": (TOML, "[[outcomes.pain.probabilities]]", OTHER, "(kind = 'change_normal') and 'other' (kind = 'arm_normal') take"),
    "table": (TOML, 'arms = "arms.csv"', 'estimates = "arms.csv"', "is a model of arms: give arms, not estimates"),
    "effects": (TOML, 'unit = "', 'effects = { level = 0.9 }\nunit = "', "effects: it is for effects with known standard"),
    "published": (
        TOML, "[outcomes.pain.models", '[[outcomes.pain.published]]\nkind = "i2"\ni2 = 3\n[outcomes.pain.models',
        "outcomes.pain.published: it is for studies, whose results are latent",
    ),
    "claim": (TOML, "correlation > 0.5", "rho > 0.5", "no parameter 'rho'"),
    "column": (TOML, "mean_pre_t", "mean_pre_tx", "Did you mean 'mean_pre_t'"),
    "twice": ("arms.csv", "0.75,,,", "0.75,1.5,,", "row 2, column 'correlation' (study 'A'): correlation and sd_change_t give"),
    "implied": ("arms.csv", "1.5,1.7", "5.5,1.7", "row 4, column 'sd_change_t' (study 'C'): sd_change_t must lie between 0.1"),
    "half": ("arms.csv", "6.4,1.9", "6.4,", "row 3, column 'sd_pre_t' (study 'B'): sd_pre_t is missing"),
    "afterwards alone": ("arms.csv", "F,18", AFTER + "F,18", "overall: study 'G' reports what was measured afterwards alone"),
    "sensitivity prior": (
        TOML, "[[outcomes.pain.probabilities]]",
        SIGNALS.replace("HalfNormal(0.2)", "Jeffreys()") + "[[outcomes.pain.probabilities]]",
        "sensitivity: belief 'no heterogeneity to speak of': ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_one_line_and_write_nothing(folder, name, capsys):
    file, old, new, message = REFUSED[name]
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    assert run(folder) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.strip().count("\n")) == ("", 0)
    assert re.search(re.escape(message), said.err), said.err
    assert not (folder / "out").exists()
