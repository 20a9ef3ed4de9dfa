"""The outcomes of counts in the ketamine report, computed again from their tables on grids by NumPy and SciPy alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import beta, binom, norm

ROOT = Path(__file__).parents[2]
THETA, WIDTH = np.linspace(-9, 9, 241, retstep=True)  # of a true effect and of mu
Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    stored = json.loads((ROOT / "tests" / "browser" / "ketamine.json").read_text(encoding="utf-8"))
    outcomes: dict[str, Any] = stored["outcomes"]
    return outcomes


def likelihood(row: dict[str, str]) -> Floats:
    """Of the log odds ratio, the logit of the control arm integrated over Normal(0, 10), or of the logit of a single arm."""
    if "events" in row:
        return binom.pmf(int(row["events"]), int(row["n"]), expit(THETA))
    alpha = np.linspace(-30, 15, 1501)
    control = norm.pdf(alpha, 0, 10) * binom.pmf(int(row["events_c"]), int(row["n_c"]), expit(alpha))
    treated = binom.pmf(int(row["events_t"]), int(row["n_t"]), expit(alpha + THETA[:, None]))
    return (treated * control).sum(axis=1)


def mean_effect(table: str, tau_scale: float) -> Floats:
    """Posterior masses of mu ~ Normal(0, 1.5) on the grid, with tau ~ HalfNormal."""
    with (ROOT / "models" / "ketamine" / table).open(encoding="utf-8") as file:
        curves = [likelihood(row) for row in csv.DictReader(file)]
    mass = np.zeros(THETA.size)
    for q in (np.arange(60) + 0.5) / 60:  # midpoints of the prior on tau
        tau = tau_scale * norm.ppf((1 + q) / 2)
        edges = norm.cdf((THETA[:, None] - THETA + WIDTH / 2) / tau) - norm.cdf(
            (THETA[:, None] - THETA - WIDTH / 2) / tau
        )
        mass += norm.pdf(THETA, 0, 1.5) * np.prod([edges @ curve for curve in curves], axis=0)
    return mass / mass.sum()


@pytest.mark.parametrize(
    ("outcome", "table", "tau_scale"),
    [
        ("responder_counts", "responder_counts.csv", 0.5),
        ("psychotomimetic", "psychotomimetic_counts.csv", 0.5),
        ("adverse_events", "adverse_counts.csv", 0.5),
        ("crps_relief", "crps_response.csv", 1.0),
    ],
)
def test_counts_computed_again(outcomes: dict[str, Any], outcome: str, table: str, tau_scale: float) -> None:
    """The tolerance is what a step of the grid, 0.075, and 60 values of tau leave."""
    model = next(iter(outcomes[outcome]["models"].values()))
    stored = next(row for row in model["summary"] if row["parameter"] == "mu")
    mass = mean_effect(table, tau_scale)
    mean = float(mass @ THETA)
    spread = float(np.sqrt(mass @ THETA**2 - mean**2))
    assert stored["mean"] == pytest.approx(mean, abs=2e-3)
    assert stored["sd"] == pytest.approx(spread, abs=2e-3)
    limits = np.interp([0.025, 0.5, 0.975], np.cumsum(mass) - mass / 2, THETA)
    assert [stored[key] for key in ("lower", "median", "upper")] == pytest.approx(limits.tolist(), abs=5e-3)
    for question in outcomes[outcome]["probabilities"]:
        if question["claim"].startswith("expit(mu) > "):
            limit = logit(float(question["claim"].split("> ")[1]))
            above = 1 - np.interp(limit, THETA + WIDTH / 2, np.cumsum(mass))
            assert question["probability"] == pytest.approx(above, abs=2e-3)


def test_absolute_harm_computed_again(outcomes: dict[str, Any]) -> None:
    """Difference in risk at a baseline of 5 of 28, from independent draws of odds ratio and baseline risk."""
    rng, size = np.random.default_rng(1), 400_000
    mu = (
        rng.choice(THETA, size, p=mean_effect("psychotomimetic_counts.csv", 0.5)) + rng.uniform(-0.5, 0.5, size) * WIDTH
    )
    risk = beta.rvs(5.5, 23.5, size=size, random_state=rng)
    difference = 100 * (expit(logit(risk) + mu) - risk)
    stored = next(row for row in outcomes["psychotomimetic"]["derived"] if row["label"] == "absolute risk difference")
    found = np.quantile(difference, [0.5, 0.025, 0.975])
    assert [stored[key] for key in ("median", "lower", "upper")] == pytest.approx(found.tolist(), abs=0.3)
