"""The levels of factors, from the joint posterior: every level versus every other, and whether they differ at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayesmeta.errors import SpecificationError
from bayesmeta.results.intervals import checked_probability
from bayesmeta.spec.levels import Factor, factors_in

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.results.meta_result import MetaResult

COLUMNS = ("factor", "level", "versus", "mean", "sd", "median", "lower", "upper", "below_zero", "above_zero")


def factors_of(result: MetaResult) -> tuple[Factor, ...]:
    """The factors of the formula, without those in interactions."""
    design = result.prepared.design
    return factors_in(design.columns, design.references)


def contrasts(result: MetaResult, ci_prob: float) -> pd.DataFrame:
    """Return the posterior of every difference between two levels of a factor, one row for each pair."""
    import pandas as pd

    tail = (1 - checked_probability(ci_prob)) / 2
    rows, labels = [], []
    for pair in (pair for factor in factors_of(result) for pair in factor.pairs):
        marginal = result.marginal(pair.expression)
        lower, median, upper = map(float, marginal.ppf([tail, 0.5, 1 - tail]))
        below = result.probability(f"{pair.expression} < 0")
        above = result.probability(f"{pair.expression} > 0")
        moments = (marginal.mean(), marginal.sd())
        rows.append([pair.factor, pair.level, pair.versus, *moments, median, lower, upper, below, above])
        labels.append(pair.label)
    return pd.DataFrame(rows, labels, list(COLUMNS))


def level_bayes_factors(result: MetaResult) -> dict[str, float]:
    """By factor with a reference level, the Bayes factor of no difference between its levels; without those that have none."""
    factors: dict[str, float] = {}
    for factor in factors_of(result):
        if None in factor.columns.values():
            try:
                factors[factor.name] = result.bayes_factor(f"{factor.name} = 0")
            except SpecificationError:  # an improper prior, or an engine that knows no joint point
                continue
    return factors
