"""A measure written here as a row of the registry, with no edit elsewhere: the difference of two probits.

Its standard error is that of the delta method, sqrt(p (1 - p) / n) / phi(probit(p)) for each arm.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr, ndtri
from scipy.stats import norm
from typer.testing import CliRunner

import bayesmeta as bm
from bayesmeta.cli import app
from bayesmeta.effects import registry
from bayesmeta.effects._arms import Arms
from bayesmeta.effects._formula import Effects, of_columns
from bayesmeta.effects.display import Display

COUNTS = ("events_t", "n_t", "events_c", "n_c")
# Events and participants of four made-up trials.
ARMS = {
    "study": list("ABCD"),
    "events_t": [12, 9, 30, 22],
    "n_t": [40, 35, 80, 70],
    "events_c": [20, 14, 41, 30],
    "n_c": [41, 36, 79, 71],
}


def inside(arms: Arms) -> None:
    for events, n in (("events_t", "n_t"), ("events_c", "n_c")):
        arms.check_sizes(n)
        arms.check_events(events, n)
        arms.reject(
            (arms[events] == 0) | (arms[events] == arms[n]), "a probit needs events and non-events", [events, n]
        )


@of_columns(*COUNTS, check=inside)
def probit_difference(arms: Arms) -> Effects:
    """Difference of the probits of two risks."""
    risk = {arm: arms[f"events_{arm}"] / arms[f"n_{arm}"] for arm in "tc"}
    variance = sum(2 * np.pi * p * (1 - p) * np.exp(ndtri(p) ** 2) / arms[f"n_{arm}"] for arm, p in risk.items())
    return ndtri(risk["t"]) - ndtri(risk["c"]), np.sqrt(variance)


def treated(baseline: np.ndarray, effect: np.ndarray) -> np.ndarray:
    return np.asarray(ndtr(ndtri(baseline) + effect))


@pytest.fixture(autouse=True)
def probit(monkeypatch: pytest.MonkeyPatch) -> None:
    display = Display("difference of probits", "difference of probits")
    row = registry.Measure(probit_difference, COUNTS, display, risk=treated)
    monkeypatch.setitem(registry.MEASURES, "probit", row)


def table() -> str:
    """The trials as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([ARMS, *zip(*ARMS.values(), strict=True)])
    return text.getvalue()


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def expected() -> tuple[np.ndarray, np.ndarray]:
    """Effects and standard errors by SciPy's normal distribution."""
    p = {arm: np.divide(ARMS[f"events_{arm}"], ARMS[f"n_{arm}"]) for arm in "tc"}
    se = {arm: np.sqrt(q * (1 - q) / ARMS[f"n_{arm}"]) / norm.pdf(norm.ppf(q)) for arm, q in p.items()}
    return norm.ppf(p["t"]) - norm.ppf(p["c"]), np.hypot(se["t"], se["c"])


def test_effects_are_those_of_the_delta_method_and_their_spread() -> None:
    data = bm.effect_sizes(ARMS, "probit")
    y, se = expected()
    assert_allclose(data.y, y, rtol=1e-12)
    assert_allclose(data.se, se, rtol=1e-12)
    rng, n, repeats = np.random.default_rng(1), 900, 4000
    events = {f"events_{arm}": rng.binomial(n, p, repeats) for arm, p in (("t", 0.3), ("c", 0.4))}
    y, se = probit_difference(**events, n_t=n, n_c=n)
    assert np.std(y) == pytest.approx(se.mean(), rel=4 / np.sqrt(2 * repeats))


def test_a_value_that_it_cannot_take_is_named() -> None:
    with pytest.raises(
        bm.DataError, match="study 'A'.: a probit needs events and non-events; got events_t = 0 and n_t = 40"
    ):
        bm.effect_sizes(ARMS | {"events_t": [0, 9, 30, 22]}, "probit")


def test_commands_know_it(tmp_path: Path) -> None:
    path = tmp_path / "arms.csv"
    path.write_text(table(), encoding="utf-8")
    rows = list(csv.DictReader(run("effects", str(path), "--measure", "probit").splitlines()))
    assert_allclose([float(row["y"]) for row in rows], expected()[0], rtol=1e-9)
    assert run("template", "--measure", "probit").splitlines()[0].split(",")[1:5] == list(COUNTS)


def test_a_fit_and_a_comparison_are_those_of_its_estimates() -> None:
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    result = bm.fit(bm.effect_sizes(ARMS, "probit"), model)
    plain = bm.fit(bm.Estimates(*expected()), model)
    assert_allclose(result.marginal("mu").mean(), plain.marginal("mu").mean(), rtol=1e-12)
    assert "difference of probits" in str(result)
    pooled = bm.pool(bm.effect_sizes(ARMS, "probit"))
    assert pooled.estimate == pytest.approx(bm.pool(bm.Estimates(*expected())).estimate, rel=1e-12)


ANALYSIS = """
schema = 1
title = "Probits"
question = "Does it work?"
source = "made up"
seed = 4
[outcomes.pain]
label = "Pain"
arms = "arms.csv"
measure = "probit"
[outcomes.pain.models.overall]
label = "all trials"
mu = "Normal(0, 1)"
tau = "HalfNormal(0.5)"
[[outcomes.pain.derived]]
model = "overall"
baseline_label = "placebo"
baseline_percent = 40.0
baseline_n = [40]
"""


@pytest.mark.slow
def test_a_report_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arms.csv").write_text(table(), encoding="utf-8")
    (tmp_path / "analysis.toml").write_text(ANALYSIS, encoding="utf-8")
    run("report", "analysis.toml", "--out", "out")
    outcome = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["outcomes"]["pain"]
    effect, baseline, risk = (outcome["derived"][i]["median"] for i in range(3))
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    assert effect == pytest.approx(bm.fit(bm.Estimates(*expected()), model).marginal("mu").median(), rel=1e-9)
    assert risk == pytest.approx(100 * norm.cdf(norm.ppf(baseline / 100) + effect), abs=0.5)  # medians, to first order
    assert "difference of probits" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    run("verify", "out")
