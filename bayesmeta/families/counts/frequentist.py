"""Frequentist estimators of events in two arms: of the counts as they are, and of effects with a half added."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bayesmeta.data.counts import Counts
from bayesmeta.data.estimates import Estimates
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.errors import BayesmetaError, DataWarning, SpecificationError, did_you_mean
from bayesmeta.families.counts.measures import MEASURES
from bayesmeta.families.frequentist import Frequentist, words_of
from bayesmeta.pooling.arrays import check_names
from bayesmeta.pooling.glmm import TWO_ARMS, pool_glmm
from bayesmeta.pooling.pool import pool
from bayesmeta.pooling.result import PooledResult
from bayesmeta.pooling.two_by_two import mantel_haenszel, peto
from bayesmeta.spec.formula import names_in

HALF = "half"  # before method and interval: inverse variance, with a half added to zero cells
COMMON = ("mh", "peto")
_USUAL_HALF = f"{HALF} reml wald"
_UNDEFINED = {
    "log_or": "its odds ratio is 0, infinite or undefined, since every study has a zero on the same diagonal of its 2x2 table",
    "log_rr": "its risk ratio is 0, infinite or undefined, since one of the arms has no event in any study",
    "rd": "its risk difference has no standard error, since no arm of any study has both events and none",
}
_NO_COVARIATES = "it is of a common {} and takes no covariates; the formula is {!r}"


def of_counts(data: Counts, measure: str = "log_or") -> Frequentist:
    """Mantel-Haenszel, of odds ratios also Peto and four GLMMs, and inverse variance with a half added to zero cells."""
    return Frequentist(
        usual=partial(_usual, measure), pooled=partial(_pooled, data, measure), note=_note(data, measure)
    )


def _names(measure: str) -> tuple[str, ...]:
    """Estimators that take the counts as they are."""
    return (*COMMON, *TWO_ARMS) if measure == "log_or" else COMMON[:1]


def _usual(measure: str, formula: str) -> tuple[str, ...]:
    return (*(name for name in _names(measure) if name not in COMMON or not names_in(formula)), _USUAL_HALF)


def _pooled(data: Counts, measure: str, name: str, formula: str, level: float) -> PooledResult | str:
    """What an estimator says, or why it says nothing."""
    estimator = _estimator(measure, name, level)
    if name in COMMON and names_in(formula):
        return _NO_COVARIATES.format(MEASURES[measure].shown, formula)
    try:
        found = estimator(data, formula)
    except BayesmetaError as error:
        return str(error).rstrip(".")
    if name == "mh" and math.isnan(found.estimate):
        return _UNDEFINED[measure]
    return found


def _estimator(measure: str, name: str, level: float) -> Callable[[Counts, str], PooledResult]:
    """The function of a name; raises where there is none."""
    if name == "mh":
        return lambda data, _: _without_half(data, mantel_haenszel(arm_table(data), measure, level=level))
    if name == "peto" and name in _names(measure):
        return lambda data, _: peto(arm_table(data), level=level)
    if name in TWO_ARMS and name in _names(measure):
        return lambda data, formula: pool_glmm(arm_table(data), model=name, formula=formula, level=level)
    first, _, rest = name.partition(" ")
    if first != HALF or not rest:
        known = (*_names(measure), _USUAL_HALF)
        raise SpecificationError(
            f"estimator {name!r}: of counts there are {', '.join(map(repr, known[:-1]))}, and '{HALF}' before a method and an "
            f"interval, {known[-1]!r}: inverse variance with 1/2 added to zero cells.{did_you_mean(name, known)}"
        )
    words = words_of(rest)
    check_names(words[0], (*words, "wald")[1], level)
    return lambda data, formula: pool(with_half(data, measure), *words, formula=formula, level=level)


def arm_table(data: Counts) -> dict[str, Any]:
    """Counts and covariates as a table that pooling reads."""
    counts = {name: getattr(data, name) for name in ("events_t", "n_t", "events_c", "n_c")}
    return {
        "study": list(data.study),
        **counts,
        **{str(name): list(column) for name, column in data.covariates.items()},
    }


def with_half(data: Counts, measure: str = "log_or") -> Estimates:
    """Effects, with 1/2 added to each cell of every study with a zero cell, and of no other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the comparison's own note says it
        return effect_sizes(arm_table(data), measure, correction=0.5, covariates=[str(x) for x in data.covariates])


def _without_half(data: Counts, found: PooledResult) -> PooledResult:
    """The result of Mantel and Haenszel without I^2, where a half in zero cells enters Q."""
    total = data.events_t + data.events_c
    informative = (total > 0) & (total < data.n_t + data.n_c)
    return replace(found, i2=math.nan) if np.any(data.zero_cell & informative) else found


def _note(data: Counts, measure: str) -> str:
    """What of the data the estimators take, and where a half is added."""
    zero = int(data.zero_cell.sum())
    double = int(((data.events_t + data.events_c == 0) | (data.events_t + data.events_c == data.n_t + data.n_c)).sum())
    shown = MEASURES[measure].shown
    if not zero:
        return "No study has a zero cell, and nothing is added to any count."
    said = (
        f"A row with the {HALF} is of {shown}s and their standard errors with 1/2 added to each cell of the {_studies(zero)} "
        "with a zero cell, a normal approximation; every other row takes the counts as they are."
    )
    if not double:
        return said
    enters = "enters" if double == 1 else "enter"
    return f"{said} {_studies(double).capitalize()} without events, or with events alone, {enters} that row and the models only."


def _studies(number: int) -> str:
    return "1 study" if number == 1 else f"{number} studies"
