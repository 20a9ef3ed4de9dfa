"""A family that the package has never seen, written here as one would write a new folder, with no edit elsewhere.

Estimates with heavy-tailed errors: y_i ~ theta_i + se_i t(df). Its posterior is compared with sums over a fine grid.
"""

from __future__ import annotations

import functools
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp
from scipy.stats import halfnorm, norm, t

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.data.estimates import Estimates
from bayesmeta.diagnostics import leave_one_out
from bayesmeta.families import kinds, registry
from bayesmeta.families.curves.problem import StudyCurves, curves_problem
from bayesmeta.families.exact import Exact
from bayesmeta.families.keys import Keys
from bayesmeta.families.likelihood import BY_STUDY, NUMPY, Latent, Likelihood
from bayesmeta.families.prepared import parameters, with_priors
from bayesmeta.families.protocol import Family
from bayesmeta.families.theta import normal_rule
from bayesmeta.quadrature.study_curves.fit import fit_curves
from bayesmeta.quadrature.study_curves.tables import tabulate

DATA = bm.Estimates(
    y=[0.2, 0.5, -0.1, 2.4, 0.3], se=[0.1, 0.2, 0.15, 0.2, 0.2], covariates={"dose": [1.0, 2.0, 3.0, 5.0, 2.0]}
)
NODES, LOG_WEIGHTS = normal_rule(-8.0, 8.0, 0.1)


@dataclass(frozen=True)
class HeavyTailed:
    """The model: formula and priors of the normal one, and the degrees of freedom of the errors."""

    base: bm.NormalNormal
    df: float = 4.0

    @property
    def components(self) -> Any:
        return self.base.components

    @property
    def priors(self) -> Any:
        return self.base.priors

    def as_dict(self) -> dict[str, Any]:
        return self.base.as_dict() | {"model": "HeavyTailed", "df": self.df}


class HeavyTailedLikelihood(Likelihood):
    def __init__(self, data: Estimates, model: HeavyTailed, design: Any) -> None:
        self.data, self.design, self.df, self.key = data, design, model.df, model.df
        self.latents = {"z": Latent((data.n_studies,))}
        half = model.df / 2
        self.constant = gammaln(half + 0.5) - gammaln(half) - np.log(np.pi * model.df) / 2 - np.log(data.se)

    def effects(self, at: Any, z: Any, ops: Any) -> Any:
        return self.mean(at, ops) + at.top["tau"][..., None] * z

    def density(self, theta: Any, ops: Any) -> Any:
        x = (self.data.y - theta) / self.data.se
        return self.constant - (self.df + 1) / 2 * ops.log1p(x**2 / self.df)

    def log_density(self, at: Any, ops: Any) -> Any:
        return self.density(self.effects(at, at.latent["z"], ops), ops)

    def pointwise(self, at: Any) -> Any:
        terms = [w + self.density(self.effects(at, z, NUMPY), NUMPY) for z, w in zip(NODES, LOG_WEIGHTS, strict=True)]
        return logsumexp(terms, axis=0)

    def restore(self, at: Any, rng: np.random.Generator) -> Any:
        theta = self.effects(at, at.latent["z"], NUMPY)
        replicated = theta + self.data.se * rng.standard_t(self.df, theta.shape)
        groups = {
            "posterior": {"theta": (BY_STUDY, theta)},
            "log_likelihood": {"y": (BY_STUDY, self.pointwise(at))},
            "posterior_predictive": {"y": (BY_STUDY, replicated)},
            "observed_data": {"y": (("study",), self.data.y)},
            "constant_data": {"se": (("study",), self.data.se)},
        }
        return groups, {"study": list(self.data.study), "covariate": list(self.design.columns)}


KEYS = Keys(kind="heavy_tailed", about="estimates with heavy-tailed errors", table="estimates")


class OfHeavyTails(Family):
    name, made_for = "heavy_tailed", "estimates with heavy-tailed errors"
    data_type, model_types = Estimates, (HeavyTailed,)
    keys = KEYS

    def build(self, base: bm.NormalNormal, data: Estimates, measure: str | None, own: Any) -> HeavyTailed:
        return HeavyTailed(base)

    def likelihood(self, data: Estimates, model: HeavyTailed, design: Any) -> Likelihood:
        return HeavyTailedLikelihood(data, model, design)

    def measure(self, data: Estimates, model: HeavyTailed) -> str | None:
        return data.measure

    def standard_errors(self, data: Estimates) -> Any:
        return data.se

    def known(self, data: Estimates) -> list[bool]:
        return [True] * data.n_studies

    def check(self, data: Estimates, model: HeavyTailed) -> None:
        if data.cov is not None:
            raise bm.SpecificationError("HeavyTailed takes independent estimates.")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FAMILIES", (*registry.FAMILIES, OfHeavyTails()))


MODEL = HeavyTailed(bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5)))


def test_parameters_and_priors_follow() -> None:
    assert list(parameters(DATA, MODEL)) == ["mu", "tau"]
    changed = with_priors(DATA, MODEL, {"tau": bm.HalfNormal(2)})
    assert (changed.base.tau, changed.df) == (bm.HalfNormal(2), 4.0)


def test_each_model_of_the_same_data_has_its_family() -> None:
    assert registry.family_of(DATA, MODEL).name == "heavy_tailed"
    assert registry.family_of(DATA, MODEL.base).name == "normal"
    with pytest.raises(bm.SpecificationError, match="is of ArmNormal|is for ArmMeans"):
        registry.family_of(
            DATA, bm.ArmNormal(base=MODEL.base, typical_sd=bm.LogNormal(0, 1), sd_variation=bm.HalfNormal(1))
        )


def test_what_it_cannot_do_is_said() -> None:
    with pytest.raises(
        bm.SpecificationError, match="normal given their standard deviations.*got HeavyTailed of Estimates"
    ):
        bm.fit(DATA, MODEL, engine="quadrature")
    correlated = bm.Estimates(DATA.y, cov=np.diag(DATA.v))
    with pytest.raises(bm.SpecificationError, match="independent estimates"):
        bm.fit(correlated, MODEL)


MU, TAU = np.linspace(-2, 3, 201), (np.arange(200) + 0.5) * 0.015
NARROW = (
    0.05  # a tau for which the rule of normal weights is fine beside the errors; above it, one in steps of theta is
)


@functools.cache
def curves(df: float = 4.0) -> Any:
    """Density of each estimate given mu and tau, shape (study, mu, tau), by SciPy's t and sums over true effects."""
    theta, found = np.arange(-14, 15, 0.0125), np.empty((DATA.n_studies, MU.size, TAU.size))
    density = t.pdf((DATA.y[:, None] - theta) / DATA.se[:, None], df) / DATA.se[:, None]
    x, w = np.polynomial.hermite_e.hermegauss(80)
    for j, tau in enumerate(TAU):
        if tau < NARROW:
            z = (DATA.y[:, None, None] - MU[:, None] - tau * x) / DATA.se[:, None, None]
            found[..., j] = (t.pdf(z, df) / DATA.se[:, None, None]) @ (w / w.sum())
        else:
            found[..., j] = density @ norm.pdf(theta[:, None], MU, tau) * 0.0125
    return found


def log_joint(sd: float = 1.0, scale: float = 0.5, left_out: int | None = None, df: float = 4.0) -> Any:
    """Log of prior times likelihood on the grid, shape (mu, tau), under Normal(0, sd) and HalfNormal(scale)."""
    kept = [i for i in range(DATA.n_studies) if i != left_out]
    prior = norm.logpdf(MU, 0, sd)[:, None] + halfnorm.logpdf(TAU, scale=scale)
    return prior + np.log(curves(df)[kept]).sum(axis=0)


def below(limit: float, joint: Any) -> float:
    """P(mu < limit)."""
    return float(np.exp(joint - logsumexp(joint))[limit > MU].sum())


@pytest.fixture(scope="module")
def result() -> bm.MetaResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "FAMILIES", (*registry.FAMILIES, OfHeavyTails()))
        return bm.fit(DATA, MODEL, seed=4, draws=20000)


@pytest.mark.slow
def test_the_posterior_is_that_of_a_grid(result: bm.MetaResult, assert_within_mcse: Any) -> None:
    mass = np.exp(log_joint() - logsumexp(log_joint()))
    for name, values in (("mu", MU[:, None]), ("tau", TAU)):
        mean = float((mass * values).sum())
        sd = float(np.sqrt((mass * (values - mean) ** 2).sum()))
        assert_within_mcse(result.draws(name), mean=mean, sd=sd, max_mcse=0.06, label=name)
    error = 0.01 + 4 * result.probability_mcse("mu < 0.3")
    assert result.probability("mu < 0.3") == pytest.approx(below(0.3, log_joint()), abs=error)
    assert list(result.summary().index) == ["mu", "tau", "theta_new"]
    assert result.shrinkage().loc["study 4", "mean"] < 2.4  # the outlier is drawn in


@pytest.mark.slow
def test_its_answers_under_other_priors_are_those_of_a_grid(result: bm.MetaResult) -> None:
    """A surface, and a tipping point, which samples anew where it lies."""
    settings = {"seed": 4, "draws": 20000}
    surface = bm.prior_sensitivity(
        DATA, MODEL, "mu < 0.3", mu=[bm.Normal(0, 1), bm.Normal(0, 0.4)], tau=[bm.HalfNormal(0.3)], **settings
    )
    for i, sd in enumerate((1.0, 0.4)):
        want = log_joint(sd, 0.3)
        assert surface.probability[0, i, 0] == pytest.approx(below(0.3, want), abs=0.01 + 4 * surface.mcse[0, i, 0])
        factor = float(logsumexp(want) - logsumexp(log_joint()))
        assert np.log(surface.arrays["bayes_factor"][0, i]) == pytest.approx(factor, abs=0.06)
    found = bm.tipping_point(DATA, MODEL, "mu < 0.5", 0.8, **settings)
    (tip,) = found["sceptical_sd"].tips
    assert below(0.5, log_joint(tip.value)) == pytest.approx(0.8, abs=0.01 + 4 * tip.mcse)


@pytest.mark.slow
def test_leaving_out_is_that_of_a_grid(result: bm.MetaResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leave_one_out, "fit_many", lambda data, models, **settings: {"model": result})
    found = bm.leave_one_out(DATA.subset([True] * 5), MODEL, claim="mu < 0.3").table
    kept = found.index[found["method"] == "reweighted"]
    assert len(kept) >= 3
    for i, study in enumerate(DATA.study):
        if study in kept:
            others = log_joint(left_out=i)
            assert found.loc[study, "elpd"] == pytest.approx(
                float(logsumexp(log_joint()) - logsumexp(others)), abs=0.05
            )
            error = 0.01 + 4 * found.loc[study, "probability_mcse"]
            assert found.loc[study, "probability"] == pytest.approx(below(0.3, others), abs=error)


COMMAND = """
import sys
from bayesmeta.families import kinds, registry
sys.path.insert(0, {tests!r})
import test_new_family as new
registry.FAMILIES = (*registry.FAMILIES, new.OfHeavyTails())
kinds.KINDS["heavy_tailed"] = new.KEYS
from bayesmeta.cli import main
main(sys.argv[1:])
"""
ANALYSIS = """
schema = 1
title = "Heavy tails"
question = "Does it work?"
source = "made up"
seed = 4
[sampling]
draws = 4000
target_accept = 0.98
[outcomes.pain]
label = "Pain"
estimates = "effects.csv"
[outcomes.pain.models.heavy]
kind = "heavy_tailed"
label = "with an outlier"
mu = "Normal(0, 1)"
tau = "HalfNormal(0.5)"
[[outcomes.pain.signals]]
name = "benefit"
model = "heavy"
claim = "mu > 0"
claim_label = "it works"
quantity = "mu"
[outcomes.pain.sensitivity]
effect = [{ label = "sceptical", prior = "Normal(0, 0.5)" }]
tau = [{ label = "as stated", prior = "HalfNormal(0.5)" }]
"""


@pytest.mark.slow
def test_report_and_verify_need_no_word_of_it(tmp_path: Path) -> None:
    (tmp_path / "analysis.toml").write_text(ANALYSIS)
    rows = (f"{study},{y},{se}" for study, y, se in zip("ABCDE", DATA.y, DATA.se, strict=True))
    (tmp_path / "effects.csv").write_text("\n".join(["study,y,se", *rows]) + "\n")

    def run(*arguments: str) -> str:
        code = COMMAND.format(tests=str(Path(__file__).parent))
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("report", "analysis.toml", "--out", "out")
    outcome = json.loads((tmp_path / "out" / "results.json").read_text())["outcomes"]["pain"]
    assert [study["evidence"] for study in outcome["evidence"]["studies"]][3] == "effect 2.4, standard error 0.2"
    assert len(outcome["models"]["heavy"]["forest"]["studies"]) == len(outcome["predictive"]) == 5
    page = (tmp_path / "out" / "report.html").read_text()
    for words in (
        "5 studies with published estimates",
        "Filled squares: trials whose effect entered",
        "Trials</caption>",
    ):
        assert words in page
    run("verify", "out")


class Solved(OfHeavyTails):
    """The same with the likelihood of each study as a curve: quadrature for a few lines more, under 8 degrees of freedom."""

    def build(self, base: bm.NormalNormal, data: Estimates, measure: str | None, own: Any) -> HeavyTailed:
        return HeavyTailed(base, 8.0)

    def exact(self, data: Estimates, model: HeavyTailed) -> Exact:
        def log_curve(i: int, theta: Any) -> Any:
            return t.logpdf((data.y[i] - theta) / data.se[i], model.df) - np.log(data.se[i])

        def solve(tolerance: float, seed: int) -> Any:
            studies = StudyCurves(tabulate(log_curve, data.y, data.se), np.zeros(data.n_studies))
            design = self.checked_design(data, model)
            return fit_curves(curves_problem(studies, model, design, self.tau_prior(data, model)), tolerance)

        return Exact("curves", solve, by_default=True)


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> HeavyTailed:
    monkeypatch.setattr(registry, "FAMILIES", (*registry.FAMILIES[:-1], Solved()))
    monkeypatch.setitem(kinds.KINDS, "heavy_tailed", KEYS)
    return HeavyTailed(MODEL.base, 8.0)


def test_quadrature_takes_it_by_curves(solved: HeavyTailed) -> None:
    found, joint = bm.fit(DATA, solved), log_joint(df=8.0)
    step = math.log((MU[1] - MU[0]) * (TAU[1] - TAU[0]))
    mass = np.exp(joint - logsumexp(joint))
    mean = float((mass.sum(axis=1) * MU).sum())
    sd = math.sqrt(float((mass.sum(axis=1) * (MU - mean) ** 2).sum()))
    row = found.summary().loc["mu"]
    assert found.engine == "quadrature"
    assert found.log_marginal_likelihood == pytest.approx(float(logsumexp(joint)) + step, abs=1e-5)
    assert (row["mean"], row["sd"]) == (pytest.approx(mean, abs=1e-5), pytest.approx(sd, abs=1e-5))
    without = bm.leave_one_out(DATA, solved).table["elpd"]
    for i, study in enumerate(DATA.study):
        others = log_joint(left_out=i, df=8.0)
        assert without[study] == pytest.approx(float(logsumexp(joint) - logsumexp(others)), abs=1e-4)


def test_the_command_line_takes_it_by_its_name(
    solved: HeavyTailed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "effects.csv"
    DATA.to_frame()[["study", "y", "se"]].to_csv(path, index=False)
    priors = ("--mu", "Normal(0, 1)", "--tau", "HalfNormal(0.5)")
    with pytest.raises(SystemExit):
        main(["fit", str(path), "--model", "heavy_tailed", *priors, "--claim", "mu < 0.3", "--json"])
    content = json.loads(capsys.readouterr().out)
    assert content["probabilities"][0]["probability"] == bm.fit(DATA, solved).probability("mu < 0.3")
