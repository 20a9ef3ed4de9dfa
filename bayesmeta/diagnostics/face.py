"""What convergence and predictive P values show of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayesmeta.text.numbers import count_of, format_mcse, format_p, format_value
from bayesmeta.text.sheet import Grid, Sheet, facts

if TYPE_CHECKING:
    from bayesmeta.diagnostics.box_p_value import BoxPValue
    from bayesmeta.diagnostics.convergence import Convergence
    from bayesmeta.diagnostics.predictive_p_value import PredictivePValue

_TAILS = {
    "greater": "at least as large",
    "less": "at least as small",
    "two-sided": "at least as extreme, on either side",
}
_PASSED = {True: "yes", False: "no", None: "informs"}


def convergence_sheet(found: Convergence) -> Sheet:
    """Each diagnostic with its limit, and the quantity that is worst."""
    rows = []
    for check in found.checks("chains"):
        name = check.name.removeprefix("chains: ")
        rows.append([name, format_value(check.value), format_value(check.limit), _PASSED[check.passed]])
    failed = sum(row[-1] == "no" for row in rows)
    said = (
        f"{count_of(failed, 'diagnostic')} beyond its limit"
        if failed == 1
        else f"{failed} diagnostics beyond their limits"
    )
    worst = f"Worst: {found.worst} in the bulk, {found.worst_tail} in a tail, {found.worst_sd} for its SD."
    grid = Grid(rows, ["", "worst value", "limit", "passed"])
    return Sheet(f"Convergence of chains: {said if failed else 'no diagnostic beyond its limit'}", [grid, worst])


def box_sheet(found: BoxPValue) -> Sheet:
    """The P value with its error, and the density of the data."""
    how = f"from {count_of(found.draws, 'simulated data set')}" if found.draws else "a chi-square tail"
    rows = [("P value", _value(found.value, found.mcse)), ("Computed", how)]
    rows += [("Log marginal likelihood", format_value(found.log_density))]
    heading = f"Box's prior predictive P value: {_probability(found.value)}"
    return Sheet(heading, [facts(rows), "A small value: priors and data, or model and data, contradict each other."])


def predictive_sheet(found: PredictivePValue) -> Sheet:
    """The P value with its error, the statistic, and what it was replicated under."""
    rows = [
        ("P value", _value(found.value, found.mcse)),
        ("Statistic", f"{found.statistic}, of the data {format_value(found.observed)}"),
        ("Counted", f"replicates {_TAILS[found.tail]}, of {found.draws:,}"),
        ("Under", found.hypothesis or "the posterior"),
    ]
    return Sheet(f"Posterior predictive P value: {_probability(found.value)}", [facts(rows)])


def _probability(value: float) -> str:
    return format_p(value)


def _value(value: float, mcse: float) -> str:
    return f"{_probability(value)} (Monte Carlo error {format_mcse(mcse)})" if mcse else _probability(value)
