"""Crossings of priors where each has an exact fit of its own that takes milliseconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.diagnostics.weights import Reweighted
from bayesmeta.priors import Prior
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.posteriors import Ready, Under
from bayesmeta.sensitivity.weighted_surface import WeightedSurface

if TYPE_CHECKING:
    from bayesmeta.sensitivity.shared_rows import Row

_FEWEST = 8  # combinations that share values of the likelihood
_X, _W = np.polynomial.legendre.leggauss(400)
_LEVELS, _SHARES = (_X + 1) / 2, _W / 2  # a rule for means over a posterior, by its quantiles


class ExactSurface(WeightedSurface):
    """One call of `prior_sensitivity` by a fit for each combination, or by values that a table of priors shares."""

    def _at(self, at: tuple[int, ...], combination: tuple[Prior, ...]) -> tuple[Under, dict[str, float]]:
        """From the table where it covers the combination, else by a fit."""
        row = self._shared.get(at)
        if row is None:
            return super()._at(at, combination)
        answers = tuple(Reweighted(p, 0.0, math.nan) for p in row.probability)
        return Under(self._ready, answers, "exact"), dict(row.numbers)

    @cached_property
    def _shared(self) -> Mapping[tuple[int, ...], Row]:
        fitted = self.under.fitted
        if fitted.prepared.exact.form != "curves" or math.prod(map(len, self.varied.values())) < _FEWEST:
            return {}
        from bayesmeta.sensitivity.shared_rows import shared_rows  # which loads Numba

        return shared_rows(
            fitted.fit, self._ready, self.claims, self._quantity, self.varied, self.ci_prob, self.tolerance
        )

    def _combination(self, other: Ready) -> tuple[Under, dict[str, float]]:
        """Probabilities, and the other numbers, under one combination."""
        result: MetaResult = self.under.result(other)
        answers = [
            Reweighted(result.probability(text), result.probability_mcse(text), math.nan) for text in self.claims
        ]
        numbers = self._evidence(other, result) | {"error_bound": float(result.error_bound or 0.0)}
        if self._quantity is not None:
            marginal = result.marginal(self._quantity.name)
            lower, upper = marginal.interval(self.ci_prob, "eti")
            numbers |= {"mean": marginal.mean(), "sd": marginal.sd(), "lower": lower, "upper": upper}
        return Under(other, tuple(answers), "exact"), numbers

    def _evidence(self, other: Ready, result: MetaResult) -> dict[str, float]:
        """Marginal likelihood and divergences; none of them under an improper prior."""
        primary, evidence = self.under.fitted.log_marginal_likelihood, result.log_marginal_likelihood
        if primary is None or evidence is None:
            return {}
        mine, theirs = self._ready.prior_groups, other.prior_groups
        changed = [names for names in theirs if mine.get(names) != theirs[names]]
        if any(len(names) > 1 for names in changed) or mine.keys() != theirs.keys():
            return self._factors(other, evidence - primary, math.nan, math.nan)
        gain = sum(_mean_log_ratio(result, names[0], theirs[names], mine[names]) for names in changed)
        loss = -sum(_mean_log_ratio(self.under.fitted, names[0], mine[names], theirs[names]) for names in changed)
        return self._factors(other, evidence - primary, gain, loss)


def _mean_log_ratio(result: MetaResult, name: str, over: Prior, under: Prior) -> float:
    """Posterior mean of the log of one prior of a parameter over another; infinite where the other has no density there."""
    if not (over.has_density and under.has_density):
        return math.inf
    values = np.asarray(result.marginal(name).ppf(_LEVELS))
    with np.errstate(invalid="ignore"):
        ratio = over.logpdf(values) - under.logpdf(values)
    return float(_SHARES @ ratio)
