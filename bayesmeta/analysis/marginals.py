"""Numbers of a marginal posterior as plain values for `results.json`."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesmeta.analysis.records.model import Side
from bayesmeta.results.intervals import Marginal
from bayesmeta.results.meta_result import MetaResult

CI_PROB = 0.95
_POINTS = 161  # of a density curve


def interval_record(marginal: Marginal) -> dict[str, float]:
    """Mean, sd, median and the 95% equal-tailed interval."""
    lower, upper = marginal.interval(CI_PROB, "eti")
    return {
        "mean": marginal.mean(),
        "sd": marginal.sd(),
        "median": marginal.median(),
        "lower": lower,
        "upper": upper,
    }


def curve(marginal: Marginal) -> tuple[list[float], list[float]]:
    """Points of a density, from the 0.05% to the 99.95% quantile."""
    low, high = (float(x) for x in marginal.ppf([0.0005, 0.9995]))
    x = np.linspace(low, high, _POINTS)
    return x.tolist(), np.asarray(marginal.pdf(x)).tolist()


def finite(values: Any) -> list[float]:
    """As a list, with infinities as zero."""
    return [float(value) for value in np.nan_to_num(np.asarray(values, float), posinf=0.0)]


def below_zero(result: MetaResult) -> dict[str, Side]:
    """How probable it is that each effect is below zero."""
    effects = [name for name, one in result.prepared.parameters.items() if one.role == "effect"]
    names = [*effects, *(name for name in result.parameters if name == "theta_new")]
    claims = {name: f"{name} < 0" for name in names}
    return {
        name: Side(probability=result.probability(claim), mcse=result.probability_mcse(claim))
        for name, claim in claims.items()
    }
