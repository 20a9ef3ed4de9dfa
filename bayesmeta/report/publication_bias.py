"""What the command line says of publication bias: an ensemble of its data and priors, and what it prints of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.pooling.small_study import egger_test, pet_peese
from bayesmeta.pooling.trim_fill import trim_and_fill
from bayesmeta.priors import Normal
from bayesmeta.report.asked import Asked
from bayesmeta.sensitivity.robust.average import robust_average
from bayesmeta.sensitivity.robust.result import RobustAverage
from bayesmeta.text.numbers import count_of, format_estimate, format_p, format_probability
from bayesmeta.text.sheet import Grid, Sheet

if TYPE_CHECKING:
    import pandas as pd

BIAS_TAU = "InvGamma(1, 0.15)"
SCHEMA = "bayesmeta-bias/1"


def ensemble_of(asked: Asked, direction: str) -> RobustAverage:
    """The ensemble of what was asked: other priors than RoBMA's where they were given.

    Raises
    ------
    SpecificationError
        If the data are no estimates, or the model has covariates or a structure of its own.
    """
    if asked.keys.kind != "normal":
        raise SpecificationError(
            f"--model {asked.keys.kind}: models of publication bias are of estimates: leave it out."
        )
    if asked.formula != "1" or asked.options:
        raise SpecificationError(
            "--formula, --option, --between, --cluster: models of publication bias have one mean effect and independent studies. "
            "Leave them out."
        )
    mu = asked.priors["mu"][0].prior if "mu" in asked.priors else Normal(0, 1)
    data = cast(Estimates, asked.data)
    return robust_average(data, mu=mu, tau=asked.priors["tau"][0].prior, direction=cast(Any, direction))


def other_methods(data: Estimates) -> Iterator[tuple[str, str]]:
    """Frequentist tests and corrections of the same data, or why they cannot be computed."""
    for name, compute in (("Egger's test", _egger), ("PET-PEESE", _pet_peese), ("Trim and fill", _trim_fill)):
        try:
            yield name, compute(data)
        except (DataError, SpecificationError) as reason:
            yield name, str(reason)


def others_sheet(data: Estimates) -> Sheet:
    """These as a table."""
    return Sheet("Frequentist methods", [Grid(list(other_methods(data)), texts=2)])


def without_sheet(table: pd.DataFrame) -> Sheet:
    """The ensemble without each study."""
    rows = []
    for study, row in table.iterrows():
        mean = format_estimate(row["mu_mean"], row["mu_lower"], row["mu_upper"])
        chances = [format_probability(row[key]) if key in row else "" for key in ("P(mu)", "P(tau)", "P(bias)")]
        rows.append([str(study), mean, *chances])
    return Sheet("Without each study", [Grid(rows, ["", "mean effect", "effect", "heterogeneity", "bias"])])


def _egger(data: Estimates) -> str:
    test = egger_test(data)
    limit = format_estimate(test.limit, test.limit_lower, test.limit_upper)
    return f"P = {format_p(test.p_value)}; effect without sampling error {limit}"


def _pet_peese(data: Estimates) -> str:
    found = pet_peese(data)
    return f"{format_estimate(found.estimate, found.lower, found.upper)}, by {found.used.upper()}"


def _trim_fill(data: Estimates) -> str:
    found = trim_and_fill(data)
    filled = found.pooled
    return f"{format_estimate(filled.estimate, filled.lower, filled.upper)}, {count_of(found.n_missing, 'study')} filled in"


def record(found: RobustAverage, file: str) -> dict[str, Any]:
    """The ensemble as JSON."""
    return {
        "schema": SCHEMA,
        "file": file,
        "priors": {"mu": str(found.mu), "tau": str(found.tau)},
        "direction": found.direction,
        "inclusion": _rows(found.inclusion.rename_axis("component").reset_index()),
        "summary": _rows(found.summary().rename_axis("parameter").reset_index()),
        "models": _rows(found.models),
        "weight_function": _rows(found.weight_function()),
        "error_bound": found.error_bound,
        "frequentist": [{"method": name, "result": said} for name, said in other_methods(found.data)],
    }


def _rows(frame: Any) -> list[dict[str, Any]]:
    """Rows for JSON, without a number where there is none."""
    rows: list[dict[str, Any]] = frame.to_dict("records")
    return [{key: None if _is_infinite(value) else value for key, value in row.items()} for row in rows]


def _is_infinite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
