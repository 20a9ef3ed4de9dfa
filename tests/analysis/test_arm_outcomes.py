"""Outcomes of arm means in an analysis file: the report's numbers against the grid, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import arviz_stats
import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.analysis.run import plan
from bayesmeta.cli import main
from bayesmeta.families.arm_means.grid import fit_arm_grid

ARMS = Path(__file__).parent / "arms"
SIGNALS = """
[[outcomes.pain.signals]]
name = "benefit"
model = "overall"
claim = "mu < 0"
claim_label = "it works"
quantity = "mu"
threshold = "mu < -1"
[outcomes.pain.sensitivity]
effect = [{ label = "sceptical", prior = "Normal(0, 1)" }, { label = "far", prior = "Normal(4, 0.1)" }]
tau = [{ label = "as stated", prior = "HalfNormal(1)" }]
[[outcomes.pain.sensitivity.beliefs]]
label = "no heterogeneity to speak of"
tau = "HalfNormal(0.2)"
source = "none"
"""


def run(folder: Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["report", str(folder / "analysis.toml"), "--out", str(folder / "out")])
    return int(stop.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ARMS, tmp_path / "arms")
    return tmp_path / "arms"


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("report")
    shutil.copytree(ARMS, folder, dirs_exist_ok=True)
    (folder / "analysis.toml").write_text((ARMS / "analysis.toml").read_text() + SIGNALS)
    assert run(folder) == 0
    checked = plan(folder / "analysis.toml")
    with xr.open_datatree(folder / "out" / "posterior.nc", engine="h5netcdf") as tree:
        posterior = tree["pain/overall/posterior"].to_dataset().load()
    return SimpleNamespace(
        folder=folder,
        results=json.loads((folder / "out" / "results.json").read_text()),
        html=unescape((folder / "out" / "report.html").read_text()),
        data=checked.data["pain"],
        model=checked.models["pain"]["overall"],
        posterior=posterior,
    )


@pytest.mark.slow
def test_the_numbers_are_those_of_the_grid(reported, assert_within_mcse):
    grid = fit_arm_grid(reported.data, reported.model, 1)
    outcome = reported.results["outcomes"]["pain"]
    rows = {row["parameter"]: row for row in outcome["models"]["overall"]["summary"]}
    assert list(rows) == ["mu", "tau", "typical_sd[outcome]", "sd_variation", "theta_new"]
    for name in ("mu", "tau", "sd_variation"):
        mean, sd = grid.mean_sd(name)
        draws = reported.posterior[name].to_numpy()
        assert_within_mcse(draws, mean=mean, sd=sd, max_mcse=0.06, label=name)
        assert [rows[name]["mean"], rows[name]["sd"]] == pytest.approx([draws.mean(), draws.std(ddof=1)], rel=1e-10)
    sd_reading, se_reading = outcome["evidence"]["choices"]
    assert (sd_reading["option"], sd_reading["prior"]) == ("a standard deviation", 0.8)
    reading = reported.posterior["sd_probability"][..., 0].to_numpy()
    mcse = float(arviz_stats.mcse(xr.Dataset({"x": (("chain", "draw"), reading)}), method="mean")["x"])
    assert mcse < 0.0075
    assert sd_reading["posterior"] == pytest.approx(grid.choices["F"]["sd"], abs=4 * mcse)
    assert sd_reading["posterior"] + se_reading["posterior"] == pytest.approx(1, abs=1e-12)


@pytest.mark.slow
def test_other_priors_are_those_of_fits_of_their_own(reported):
    (signal,) = reported.results["signals"]
    assert signal["flat_prior_probability"] is None
    methods = [row["method"] for row in signal["sensitivity"]]
    assert methods == ["primary", "reweighted", "refitted"]  # nothing is exact here, and far away is fitted again
    assert signal["beliefs"][0]["method"] == "reweighted"
    for row, base in (
        (signal["sensitivity"][1], {"mu": bm.Normal(0, 1)}),
        (signal["sensitivity"][2], {"mu": bm.Normal(4, 0.1)}),
        (signal["beliefs"][0], {"tau": bm.HalfNormal(0.2)}),
    ):
        stated = {"mu": bm.Normal(0, 4), "tau": bm.HalfNormal(1)} | base
        model = bm.ArmNormal(
            base=bm.NormalNormal(**stated), typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3),
            sd_probability=0.8,
        )  # fmt: skip
        mean, sd = fit_arm_grid(reported.data, model, 1).mean_sd("mu")
        about = norm.cdf(0, mean, sd)  # the posterior of mu is nearly normal
        assert row["probability"] == pytest.approx(about, abs=0.015 + 4 * row["mcse"])


@pytest.mark.slow
def test_spreads_forest_and_predictions(reported):
    outcome = reported.results["outcomes"]["pain"]
    with xr.open_datatree(reported.folder / "out" / "posterior.nc", engine="h5netcdf") as tree:
        posterior = tree["pain/overall/posterior"]
        sigma = {arm: posterior[f"sigma_{arm}"].load() for arm in "tc"}
        theta = posterior["theta"].load()
    spreads = outcome["evidence"]["spreads"]
    named = [(row["study"], row["arm"], row["printed"]) for row in spreads]
    assert named == [
        (s, arm, {("F", "treatment"): 1.1}.get((s, arm))) for s in "BEF" for arm in ("treatment", "control")
    ]
    for row in spreads:
        draws = sigma[row["arm"][0]].sel(study=row["study"]).to_numpy()
        wanted = [draws.mean(), draws.std(ddof=1), *np.quantile(draws, [0.5, 0.025, 0.975])]
        got = [row[key] for key in ("mean", "sd", "median", "lower", "upper")]
        np.testing.assert_allclose(got, wanted, rtol=1e-2)
    studies = outcome["models"]["overall"]["forest"]["studies"]
    assert [s["known"] for s in studies] == [True, False, True, True, False, False]
    n = {"A": (12, 14), "B": (20, 19)}
    for study in studies[:2]:
        draws = [
            sigma[arm].sel(study=study["study"]).to_numpy() ** 2 / n[study["study"]][i] for i, arm in enumerate("tc")
        ]
        se = np.sqrt(sum(draws)).mean()
        assert study["se"] == pytest.approx(se, rel=1e-10)
        assert study["y_upper"] - study["y_lower"] == pytest.approx(2 * 1.959964 * se, rel=1e-6)
        assert study["theta"] == pytest.approx(float(theta.sel(study=study["study"]).median()), rel=1e-10)
    assert [(row["name"], row["printed"]) for row in outcome["predictive"]][:2] == [("A", "-1.5"), ("B", "-0.8")]
    checks = {check["name"] for check in reported.results["checks"]}
    assert {"pain, overall: R-hat", "pain: posterior predictive coverage"} <= checks


@pytest.mark.slow
def test_every_number_follows_from_draws_and_tables(reported, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(reported.folder / "out"), "--analysis", str(reported.folder / "analysis.toml")])
    assert stop.value.code in (0, None), capsys.readouterr().out


@pytest.mark.slow
def test_the_report_says_what_is_left_out_and_why(reported):
    outcome = reported.results["outcomes"]["pain"]
    assert [line.split(":")[0] for line in outcome["left_out"]] == [
        "An exact fit, and its agreement with the sampler",
        "Frequentist estimators beside the models",
        "Other priors on typical_sd and sd_variation",
    ]
    assert outcome["models"]["overall"]["arms"] == {"measure": "md", "equal_variances": False, "sd_probability": 0.8}
    assert outcome["input"]["columns"] == {"study": "Author", "mean_t": "Mean tx"}
    for text in (
        "6 trials; 6 standard deviations are parameters",
        "Left out here</h4>", "Participants' standard deviations", "F: what the printed spread is", "SD not known",
        "of 12 standard deviations 5 were not reported", '<code class="small">typical_sd[outcome]</code>', "LogNormal(0.7, 0.5)",
    ):  # fmt: skip
        assert text in reported.html, text
    assert "Side by side</h4>" not in reported.html
    assert "Agreement of the engines" not in reported.html
    assert "latent trials" not in reported.html


@pytest.mark.slow
def test_standardised_differences_on_two_instruments_with_two_models(folder):
    table = (folder / "arms.csv").read_text().splitlines()
    rows = [table[0] + ",instrument", *(row + ("," + ("VAS", "NRS")[i % 2]) for i, row in enumerate(table[1:]))]
    (folder / "arms.csv").write_text("\n".join(rows) + "\n")
    typical = 'typical_sd = { VAS = "LogNormal(0.7, 0.5)", NRS = "LogNormal(0.7, 0.5)" }\nequal_variances = true'
    text = (folder / "analysis.toml").read_text().replace('typical_sd = "LogNormal(0.7, 0.5)"', typical)
    text = text.replace("draws = 4000", "draws = 1500")
    text = text.replace("typical_sd[outcome] < 2.5", "typical_sd[VAS] < 2.5").replace(
        'unit = "', 'measure = "smd"\nunit = "'
    )
    section = text[text.index("[outcomes.pain.models.overall]") : text.index("[[outcomes.pain.prob")]
    section = section.replace("models.overall", "models.dose").replace(
        '"all"', '"dose"\nformula = "1 + dose"\ndraws = 1800'
    )
    (folder / "analysis.toml").write_text(
        text + section.replace("sd_probability = 0.8", 'beta = { dose = "Normal(0, 1)" }')
    )
    assert run(folder) == 0
    outcome = json.loads((folder / "out" / "results.json").read_text())["outcomes"]["pain"]
    assert list(outcome["models"]["dose"]["priors"]) == [
        "mu", "tau", "dose", "typical_sd[VAS]", "typical_sd[NRS]", "sd_variation",
    ]  # fmt: skip
    assert (outcome["measure"], outcome["models"]["dose"]["arms"]["measure"]) == ("smd", "smd")
    assert outcome["models"]["dose"]["convergence"]["draws"] == 1800
    choices = [
        (c["choice"], c["prior"]) for c in outcome["evidence"]["choices"] if c["option"] == "a standard deviation"
    ]
    assert choices == [("F: what the printed spread is (all)", 0.8), ("F: what the printed spread is (dose)", 0.5)]
    assert "means 3.1 v 4.6 (VAS)" in outcome["evidence"]["studies"][0]["evidence"]


TOML = "analysis.toml"
KIND = 'kind = "arm_normal"\n'
OTHER = '[outcomes.pain.models.other]\nlabel = "b"\ntau = "HalfNormal(1)"\n[[outcomes.pain.probabilities]]'
REFUSED = {
    "kind": (TOML, KIND, 'kind = "arm_nomal"\n', "models.overall.kind = 'arm_nomal': choose one of 'normal', 'arm"),
    "no kind": (TOML, KIND, "", "typical_sd'. It belongs to kind = 'arm_normal'"),
    "no typical_sd": (TOML, 'typical_sd = "LogNormal(0.7, 0.5)"\n', "", "models.overall.typical_sd' is missing"),
    "typo": (TOML, "sd_variation", "sd_variaton", "sd_variaton'. Did you mean 'sd_variation'"),
    "probability": (TOML, "sd_probability = 0.8", "sd_probability = 1.2", "sd_probability=1.2: must lie between 0"),
    "prior": (TOML, '"LogNormal(0.7, 0.5)"', '"Normal(0, 1)"', "models.overall: prior for typical_sd is Normal.0, 1."),
    "instrument": (
        TOML, '"LogNormal(0.7, 0.5)"', '{ VAS = "HalfNormal(3)" }', "no prior for instrument 'outcome'"
    ),
    "reference prior": (TOML, '"HalfNormal(1)"', '"Jeffreys()"', "needs known standard errors; here they are parameters"),
    "measure": (TOML, 'unit = "', 'measure = "log_or"\nunit = "', "measure='log_or' is not known; choose one of 'md', 'smd'"),
    "smd": (TOML, 'unit = "', 'measure = "smd"\nunit = "', "needs equal_variances=True"),
    "mixed": (TOML, "[[outcomes.pain.probabilities]]", OTHER, "'overall' .kind = 'arm_normal'. and 'other' .kind = 'normal'"),
    "table": (TOML, 'arms = "arms.csv"', 'estimates = "arms.csv"', "is a model of arms: give arms, not estimates"),
    "published": (
        TOML, "[outcomes.pain.models", '[[outcomes.pain.published]]\nkind = "i2"\ni2 = 3\n[outcomes.pain.models',
        "outcomes.pain.published: it is for studies, whose results are latent",
    ),
    "sd prior": (TOML, 'unit = "', 'sd_prior = "HalfNormal(1)"\nunit = "', "outcomes.pain.sd_prior: it is for studies"),
    "effects": (TOML, 'unit = "', 'effects = { level = 0.9 }\nunit = "', "outcomes.pain.effects: .* known standard errors"),
    "log scale": (
        TOML, 'unit = "', 'log_scale = true\nunit = "',
        "unknown key 'outcomes.pain.log_scale'. The measure decides on which scale effects are read: leave it out",
    ),
    "claim": (TOML, "typical_sd[outcome]", "typical_sd[pain]", "no parameter 'typical_sd.pain.'"),
    "mean": ("arms.csv", "B,20,2.2", "B,20,", "row 3, column 'Mean tx' .study 'B'.: the value is missing"),
    "spread": ("arms.csv", "sd_or_se", "either", "row 7, column 'spread' .study 'F'.: spread is 'either'; choose 'sd', 'se' or"),
    "sd": ("arms.csv", "3.1,2.0", "3.1,-2.0", "row 2, column 'sd_t' .study 'A'.: sd_t must be positive, or nan"),
    "sensitivity prior": (
        TOML, "[[outcomes.pain.probabilities]]",
        SIGNALS.replace("HalfNormal(0.2)", "Jeffreys()") + "[[outcomes.pain.probabilities]]",
        "sensitivity: belief 'no heterogeneity to speak of': .* needs known standard errors",
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
    assert re.search(message, said.err), said.err
    assert not (folder / "out").exists()
