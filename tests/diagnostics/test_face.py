"""What P values, convergence, elicited priors and simulation studies print: their own numbers, in a terminal and a notebook."""

from __future__ import annotations

import re

import pytest

import bayesmeta as bm
from bayesmeta.diagnostics.box_p_value import BoxPValue
from bayesmeta.diagnostics.convergence import Convergence
from bayesmeta.diagnostics.predictive_p_value import PredictivePValue
from bayesmeta.simulation.design import Design, Studies, Truth
from bayesmeta.simulation.run import simulate

CHAINS = Convergence(
    r_hat=1.0234, ess_bulk=312.4, ess_tail=980.0, sd_error=0.02, divergences=0, saturated=0, transitions=4000, repeated=0,
    bfmi=0.9, worst="tau", worst_tail="mu", worst_sd="theta_new",
)  # fmt: skip


PRINTED = {
    BoxPValue(0.0123, 0.0011, -31.874, 10_000): (
        "Box's prior predictive P value: .0123", "error 0.001", "10000 simulated", "-31.87",
    ),
    BoxPValue(0.8453, 0.0, -3.0, 0): (".8453\n", "a chi-square tail"),
    PredictivePValue(0.7, 0.005, 4.7071, "q", "tau = 0", "greater", 10_000): (
        ".7 ", "error 0.005", "q, of the data 4.707", "at least as large, of 10,000", "tau = 0",
    ),
    PredictivePValue(0.25, 0.01, 1.5, "mean", None, "two-sided", 2000): (
        "at least as extreme, on either side", "the posterior",
    ),
    CHAINS: (
        "2 diagnostics beyond their limits", "1.023", "312.4", "tau in the bulk, mu in a tail, theta_new for its SD",
    ),
    bm.elicit("HalfNormal", "P(tau > 1) = 0.05"): ("HalfNormal(0.5102)", "P(tau > 1) = 0.05", "0.05"),
}  # fmt: skip


@pytest.mark.parametrize("found", PRINTED, ids=lambda found: type(found).__name__)
def test_what_is_printed_are_its_own_numbers(found):
    text = str(found)
    for part in PRINTED[found]:
        assert part in text
    assert max(map(len, text.splitlines())) <= 80
    heading = text.splitlines()[0]
    assert repr(found) == f"<{type(found).__name__}: {heading}>"
    assert f"<strong>{heading.replace(chr(39), '&#x27;')}</strong>" in found._repr_html_()


def test_one_diagnostic_beyond_its_limit_is_one():
    good = Convergence(**{**CHAINS.as_dict(), "ess_bulk": 900.0})
    assert str(good).startswith("Convergence of chains: 1 diagnostic beyond its limit")
    best = Convergence(**{**CHAINS.as_dict(), "ess_bulk": 900.0, "r_hat": 1.001})
    assert str(best).startswith("Convergence of chains: no diagnostic beyond its limit")


def test_a_simulation_study_prints_a_table_for_each_scenario():
    truth, studies = Truth(mu=[0.0, 0.5], tau=0.3), Studies(outcome="estimates", k=3, se=0.2)
    design = Design(title="Three", seed=1, replications=400, truth=truth, studies=studies, estimators=("dl wald",))
    found = simulate(design)
    text = str(found)
    assert text.startswith("Three: 400 replications, 95% intervals")
    assert re.findall(r"k = 3, mu = (\S+), tau = 0.3", text) == ["0", "0.5"]
    mean = found.performance[found.performance["parameter"] == "mu"]
    shown = [line.split() for line in text.splitlines() if line.startswith("dl wald")]
    assert [row[4] for row in shown] == [f"{one:.3f}" for one in mean["coverage"]]
    assert [row[7] for row in shown] == [f"{one:.3f}" for one in mean["rejection"]]
    assert f"at most {found.performance['coverage_mcse'].max():.2g}" in " ".join(text.split())
    assert "<table" in found._repr_html_()
