"""What may be asked of further trials, and their standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesmeta.effects.planned import planned_se
from bayesmeta.errors import SpecificationError
from bayesmeta.numbers import real_array
from bayesmeta.planning.design import Question
from bayesmeta.priors._parameters import as_float
from bayesmeta.results.claim_syntax import read
from bayesmeta.results.intervals import checked_probability
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.monotone import monotone_steps

_MOST_TRIALS = 1000


def check_effect(result: MetaResult, effect: str) -> None:
    """Reject what is not linear in the mean effect and the coefficients."""
    means = ("mu", *result.coefficients)
    syntax = read(effect, result.prepared.named(effect))
    steps = monotone_steps(syntax) if syntax.kind == "number" else None
    linear = steps is not None and not steps[1]
    if not linear or any(not isinstance(name, str) or name not in means for name, _ in steps[0].terms):  # type: ignore[index]
        raise SpecificationError(
            f"effect={effect!r}: a mean effect, linear in {', '.join(x for x in means if x in result.parameters)}; the "
            "heterogeneity of a new study around it is counted anyway."
        )


def check_numbers(asked: Question, trials: int, design_effect: float) -> None:
    """Reject numbers that cannot be right."""
    for name, value in (("threshold", asked.threshold), ("cost", asked.cost)):
        if not np.isfinite(as_float(value)):
            raise SpecificationError(f"{name}={value}: a finite number, in the unit of the effects.")
    for name, value in (("level", asked.level), ("alpha", asked.alpha)):
        checked_probability(value, name)
    if asked.cost < 0:
        raise SpecificationError(f"cost={asked.cost:g}: a benefit that makes treating worth it, 0 or more.")
    if not (isinstance(trials, int) and 1 <= trials <= _MOST_TRIALS):
        raise SpecificationError(f"trials={trials!r}: a whole number from 1 to {_MOST_TRIALS:,}.")
    if not (np.isfinite(as_float(design_effect)) and design_effect >= 1):
        raise SpecificationError(f"design_effect={design_effect!r}: 1 without clusters, above 1 with them.")


def standard_errors(
    result: MetaResult, n: Any, se: Any, mean: float, sd: float | None, control_risk: float | None
) -> list[tuple[float | None, float]]:
    """Patients per arm, where they are known, and standard error of each design."""
    if (n is None) == (se is None):
        raise SpecificationError(
            "give n=, patients per arm, or se=, standard errors of the planned trial: one of them."
        )
    found: list[tuple[float | None, float]] = []
    if n is not None:
        sizes = real_array("n", np.atleast_1d(n), SpecificationError).ravel().tolist()
        found = [(x, planned_se(result.measure, x, mean, sd=sd, control_risk=control_risk)) for x in sizes]
    else:
        for name, value in (("sd", sd), ("control_risk", control_risk)):
            if value is not None:
                raise SpecificationError(
                    f"{name}={value:g}: with se= nothing follows from it. Leave it out, or give n=."
                )
        found = [(None, x) for x in real_array("se", np.atleast_1d(se), SpecificationError).ravel().tolist()]
    for _, value in found:
        if not (np.isfinite(value) and value > 0):
            raise SpecificationError(f"se={value}: a standard error above 0, in the unit of the effects.")
    if not found:
        raise SpecificationError("n and se hold no number: give at least one design.")
    return found
