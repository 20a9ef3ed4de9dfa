"""A family that is written here, as CONTRIBUTING says, is taken wherever a prior is: nothing else names it."""

from __future__ import annotations

import json
import math
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from typer.testing import CliRunner

import bayesmeta as bm
from bayesmeta.cli import app
from bayesmeta.priors import Prior, parse_prior
from bayesmeta.priors._base import Floats
from bayesmeta.priors._half_line import MomentMethods
from bayesmeta.priors.registry import FAMILIES, Row
from bayesmeta.sensitivity.grid import prior_grid

SCHOOLS = bm.load_dataset("eight_schools")


@pytest.fixture(autouse=True)
def weibull() -> Iterator[type[Prior]]:
    @Row(
        example="Weibull(2, 0.5)",
        roles={"shape": "shape", "scale": "scale"},
        pymc="Weibull(alpha, beta)",
        gloss="Weibull(a, s): its power of exponent a is exponential.",
    )
    @final
    @dataclass(frozen=True, slots=True, repr=False)
    class Weibull(MomentMethods):
        shape: float
        scale: float

        def _logpdf(self, x: Floats) -> Floats:
            z = x / self.scale
            return np.log(self.shape / self.scale) + (self.shape - 1) * np.log(z) - z**self.shape

        def _cdf(self, x: Floats) -> Floats:
            return -np.expm1(-((x / self.scale) ** self.shape))

        def _ppf(self, q: Floats) -> Floats:
            return self.scale * (-np.log1p(-q)) ** (1 / self.shape)

    yield Weibull
    del FAMILIES["Weibull"]


def model(text: str = "Weibull(2, 10)") -> bm.NormalNormal:
    return bm.NormalNormal(mu=bm.Normal(0, 20), tau=parse_prior(text))


def test_contributing_shows_this_class() -> None:
    page = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = page[page.index("@Row(") : page.index("    def _logpdf")]
    assert textwrap.indent(shown.rstrip(), "    ") in Path(__file__).read_text(encoding="utf-8")


def test_what_it_is(weibull: type[Prior]) -> None:
    prior, witness = parse_prior("Weibull(1.5, 0.5)"), stats.weibull_min(1.5, scale=0.5)
    assert type(prior) is weibull
    assert parse_prior(str(prior)) == prior
    assert_allclose(prior.moments(), (witness.mean(), witness.std()), rtol=1e-9)
    assert stats.kstest(prior.rvs(4000, seed=1), witness.cdf).pvalue > 1e-3
    with pytest.raises(bm.SpecificationError, match=r"^Weibull\(scale=-1\): scale must be positive and finite\.$"):
        weibull(1, -1)
    assert_allclose(bm.OnVariance(prior).ppf(0.3), witness.ppf(0.3) ** 0.5)  # type: ignore[arg-type]
    assert bm.Mixture([(1, prior), (1, bm.PointMass(0))]).scaled(2).parts[0][1] == prior.replaced("scale", 1.0)


def test_quadrature_gives_what_the_same_prior_by_another_name_gives() -> None:
    """With shape 2 it is a Rayleigh prior, with shape 1 an exponential one."""
    for text, other in (("Weibull(2, 10)", bm.Rayleigh(10 / math.sqrt(2))), ("Weibull(1, 10)", bm.Exponential(0.1))):
        found = bm.fit(SCHOOLS, model(text), "quadrature")
        want = bm.fit(SCHOOLS, model(str(other)), "quadrature")
        assert_allclose(found.summary()["mean"].astype(float), want.summary()["mean"].astype(float), rtol=1e-8)
        assert found.probability("mu > 0") == pytest.approx(want.probability("mu > 0"), abs=1e-9)


@pytest.mark.slow
def test_both_engines_agree(assert_within_mcse, assert_rarely_diverges) -> None:  # type: ignore[no-untyped-def]
    exact = bm.fit(SCHOOLS, model(), "quadrature")
    drawn = bm.fit(SCHOOLS, model(), "nuts", seed=3, draws=1500, target_accept=0.98)
    for name in ("mu", "tau"):
        marginal = exact.marginal(name)
        assert_within_mcse(drawn.draws(name), mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.05, label=name)


def test_elicited() -> None:
    found = bm.elicit("Weibull", {0.5: 0.3, 0.95: 1}).prior
    assert_allclose(found.ppf([0.5, 0.95]), [0.3, 1], rtol=1e-9)
    assert str(bm.elicit("OnVariance(Weibull)", "P(tau > 1) = 0.05", shape=1).prior).startswith(
        "OnVariance(Weibull(1, "
    )


def test_sensitivity() -> None:
    rayleigh = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.Rayleigh(10 / math.sqrt(2)))
    priors = prior_grid(FAMILIES["Weibull"], shape=2, scale=[5, 10, 20])
    found = bm.prior_sensitivity(SCHOOLS, model(), "mu > 0", tau=priors)
    others = [bm.Rayleigh(prior.numbers()["scale"] / math.sqrt(2)) for prior in priors]
    want = bm.prior_sensitivity(SCHOOLS, rayleigh, "mu > 0", tau=others)
    assert_allclose(found.probability, want.probability, atol=1e-8)
    assert_allclose(found.table()["kl"], want.table()["kl"], rtol=1e-6, atol=1e-9)
    assert any("Weibull scale of tau (shape 2)" in sentence for sentence in found.sentences(0.95))
    tips = {kind: bm.tipping_point(SCHOOLS, kind, "mu > 0", 0.95)["tau_factor"] for kind in (model(), rayleigh)}
    ours, theirs = tips.values()
    assert [tip.value for tip in ours.tips] == pytest.approx([tip.value for tip in theirs.tips], rel=1e-6)
    assert ours.tips
    assert ours.tips[0].change.startswith("Weibull(2, ")


def test_derivatives() -> None:
    """Against refits at nearby parameters."""
    rows = bm.prior_derivatives(SCHOOLS, model(), "mu > 0").set_index(["prior_on", "parameter"])
    for name, value, step in (("shape", 2.0, 0.01), ("scale", 10.0, 0.05)):
        low, high = (
            bm.fit(
                SCHOOLS, bm.NormalNormal(mu=bm.Normal(0, 20), tau=model().tau.replaced(name, value + h)), "quadrature"
            )
            for h in (-step, step)
        )
        want = (high.probability("mu > 0") - low.probability("mu > 0")) / (2 * step)
        assert rows.loc[("tau", name), "probability"] == pytest.approx(want, rel=1e-3, abs=1e-8)


def test_curves_batches_and_the_prior_predictive_distribution() -> None:
    curve = bm.bayes_factor_curve(SCHOOLS, model(), "tau = 0", scales=[0.5, 1, 2])
    assert list(curve.table["prior"]) == ["Weibull(2, 5)", "Weibull(2, 10)", "Weibull(2, 20)"]
    batch = bm.fit_batch(SCHOOLS.y, SCHOOLS.se, tau=model().tau, mu=bm.Normal(0, 20))
    assert_allclose(
        float(batch["mean"].sel(parameter="mu")), bm.fit(SCHOOLS, model(), "quadrature").marginal("mu").mean()
    )
    assert bm.prior_predictive(model()).opposite_signs > 0


def test_command_line(tmp_path: Path) -> None:
    rows = "\n".join(f"{s},{y:g},{se:g}" for s, y, se in zip(SCHOOLS.study, SCHOOLS.y, SCHOOLS.se, strict=True))
    (tmp_path / "effects.csv").write_text(f"study,y,se\n{rows}\n", encoding="utf-8")
    arguments = ["fit", str(tmp_path / "effects.csv"), "--mu", "Normal(0, 20)", "--tau", "Weibull(2, 10)"]
    fitted = CliRunner().invoke(app, arguments)
    assert fitted.exit_code == 0, fitted.output
    assert "Weibull(2, 10)" in fitted.output


SIGNAL = """
[[outcomes.pain.signals]]
name = "benefit"
model = "overall"
claim = "mu < 0"
claim_label = "it works"
quantity = "mu"
[outcomes.pain.sensitivity]
level = 0.9
effect = [{ label = "sceptical", prior = "Normal(0, 1)" }]
tau = [{ label = "as stated", prior = "Weibull(2, 0.5)" }, { label = "wider", prior = "Weibull(2, 1)" }]
"""


@pytest.mark.slow
def test_report(tmp_path: Path) -> None:
    small = Path(__file__).parents[1] / "analysis" / "small"
    shutil.copy(small / "effects.csv", tmp_path)
    text = (small / "analysis.toml").read_text(encoding="utf-8").replace("HalfNormal(0.5)", "Weibull(2, 0.5)")
    (tmp_path / "analysis.toml").write_text(text + SIGNAL, encoding="utf-8")
    made = CliRunner().invoke(app, ["report", str(tmp_path / "analysis.toml"), "--out", str(tmp_path / "out")])
    assert made.exit_code == 0, made.output
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [row["method"] for row in results["signals"][0]["sensitivity"]] == ["primary", "exact", "exact"]
    assert [path["family"] for path in results["signals"][0]["tipping"]][-1] == "Weibull(2, s)"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Weibull(a, s): its power of exponent a is exponential." in page
