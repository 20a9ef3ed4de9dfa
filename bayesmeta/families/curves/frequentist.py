"""Frequentist estimators of events: of the counts as they are, and by inverse variance of effects with a half added."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bayesmeta.data.estimates import Estimates
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.errors import BayesmetaError, DataWarning, SpecificationError, did_you_mean
from bayesmeta.families.frequentist import Frequentist, words_of
from bayesmeta.pooling.arrays import check_names
from bayesmeta.pooling.glmm import MODELS, pool_glmm
from bayesmeta.pooling.pool import pool
from bayesmeta.pooling.result import PooledResult
from bayesmeta.spec.formula import names_in

type Common = Callable[[Mapping[str, Any], float], PooledResult]
HALF = "half"  # before method and interval: inverse variance, with a half added to zero cells
_USUAL_HALF = f"{HALF} reml wald"
ONE_ARM = "glmm"  # the name of the one model of events in single arms
_NO_COVARIATES = "it is of a common {} and takes no covariates; the formula is {!r}"
_NO_RESULT = "its {} is 0, infinite or undefined for these counts"


@dataclass(frozen=True, kw_only=True)
class EventEstimators:
    """The estimators of one data set of counts.

    Attributes
    ----------
    data : Counts, Proportions, Rates or IncidenceRates
    measure : str
    effect : str
        What it is of, for messages: ``"odds ratio"``.
    common : mapping of str to callable
        By name, estimators of a common effect from a table and a level.
    undefined : str
        Why the first of them has no result, where it has none.
    """

    data: Any
    measure: str
    effect: str
    common: Mapping[str, Common] = field(default_factory=dict)
    undefined: str = ""

    @property
    def models(self) -> dict[str, str]:
        """Generalised linear mixed models by the name of the estimator."""
        models = MODELS.get(self.measure, ())
        return {ONE_ARM: models[0]} if len(models) == 1 else {name: name for name in models}

    @property
    def names(self) -> tuple[str, ...]:
        """Estimators that take the counts as they are."""
        return (*self.common, *self.models)

    def frequentist(self, note: str) -> Frequentist:
        """What a comparison asks; `note` is what a reader must know of them all."""
        return Frequentist(usual=self._usual, pooled=self._pooled, note=note)

    def _usual(self, formula: str) -> tuple[str, ...]:
        return (*(name for name in self.names if name not in self.common or not names_in(formula)), _USUAL_HALF)

    def _pooled(self, name: str, formula: str, level: float) -> PooledResult | str:
        """What an estimator says, or why it says nothing."""
        estimator = self._estimator(name, level)
        if name in self.common and names_in(formula):
            return _NO_COVARIATES.format(self.effect, formula)
        try:
            found = estimator(formula)
        except BayesmetaError as error:
            return str(error).rstrip(".")
        if name in self.common and math.isnan(found.estimate):
            return self.undefined or _NO_RESULT.format(self.effect)
        return found

    def _estimator(self, name: str, level: float) -> Callable[[str], PooledResult]:
        """The function of a name; raises where there is none."""
        if name in self.common:
            return lambda _: self.common[name](self.table(), level)
        if name in self.models:
            return lambda formula: pool_glmm(
                self.table(), self.measure, self.models[name], formula=formula, level=level
            )
        first, _, rest = name.partition(" ")
        if first != HALF or not rest:
            known = (*self.names, _USUAL_HALF)
            raise SpecificationError(
                f"estimator {name!r}: of counts there are {', '.join(map(repr, known[:-1]))}, and '{HALF}' before a method and "
                f"an interval, {known[-1]!r}: inverse variance with 1/2 added to zero cells.{did_you_mean(name, known)}"
            )
        words = words_of(rest)
        check_names(words[0], (*words, "wald")[1], level)
        return partial(self._of_halves, words, level)

    def _of_halves(self, words: list[str], level: float, formula: str) -> PooledResult:
        return pool(self.with_half(), *words, formula=formula, level=level)

    def table(self) -> dict[str, Any]:
        """Counts and covariates as a table that pooling reads."""
        counts = {column.name: getattr(self.data, column.name) for column in self.data.columns}
        covariates = {str(name): list(column) for name, column in self.data.covariates.items()}
        return {"study": list(self.data.study), **counts, **covariates}

    def with_half(self) -> Estimates:
        """Effects, with 1/2 added to each cell of every study with a zero cell, and of no other."""
        names = [str(name) for name in self.data.covariates]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the comparison's own note says it
            return effect_sizes(self.table(), self.measure, correction=0.5, covariates=names)


def of_events(data: Any, measure: str, effect: str) -> Frequentist:
    """Generalised linear mixed models of the counts, and inverse variance of effects with a half added to zero cells."""
    made = EventEstimators(data=data, measure=measure, effect=effect)
    return made.frequentist(note_on_halves(int(data.zero_cell.sum()), effect))


def note_on_halves(zero: int, effect: str) -> str:
    """Where a half is added, of studies of which so many have a zero cell."""
    if not zero:
        return "No study has a zero cell, and nothing is added to any count."
    return (
        f"A row with the {HALF} is of {effect}s and their standard errors with 1/2 added to each cell of the {studies(zero)} "
        "with a zero cell, a normal approximation; every other row takes the counts as they are."
    )


def studies(number: int) -> str:
    """How many, in words."""
    return "1 study" if number == 1 else f"{number} studies"
