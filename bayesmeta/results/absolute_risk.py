"""Risks under treatment, and their differences from a baseline risk, by the posterior of an effect."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from bayesmeta.effects.baseline_risk import BaselineRisk
from bayesmeta.effects.registry import MEASURES, TreatedRisk, measure_named
from bayesmeta.errors import SpecificationError
from bayesmeta.results.intervals import Marginal
from bayesmeta.results.meta_result import MetaResult

Floats = NDArray[np.float64]
_FAR = 60.0  # an effect beyond any, on a log scale or on that of risks
_HALVINGS = 62  # of the interval of effects, to the last bit
_STEPS = (1 / 8, 1 / 16, 1 / 32, 1 / 64)  # of the rule over the baseline risk
_TOLERANCE = 1e-9  # of a probability, at which the rule and the table are fine enough
_TAIL, _TABLE = 1e-10, 1025  # of the table of the effect's distribution function: what is beyond it, and its points
_CLOSE = 1e-10  # of a risk that is solved for
_PROBES = (0.025, 0.1, 0.5, 0.9, 0.975)


def treated_risk(measure: str | None) -> TreatedRisk:
    """The function from a baseline risk and an effect to the risk under treatment.

    Raises
    ------
    SpecificationError
        If the measure does not fix it, or none is stated; the message says why, and which measures do.
    """
    able = ", ".join(repr(name) for name, one in MEASURES.items() if not isinstance(one.risk, str))
    if measure is None:
        raise SpecificationError(f"the effects state no measure: a risk under treatment follows from one of {able}.")
    risk = measure_named(measure).risk
    if isinstance(risk, str):
        raise SpecificationError(f"measure = {measure!r} gives no risk under treatment: {risk}. Those that do: {able}.")
    return risk


@dataclass(frozen=True, eq=False)
class AbsoluteRisk:
    """Posterior of the risk under treatment and of its difference from the risk without, for one effect and baseline risk.

    The baseline risk is independent of the effect. For a number every quantile is that of the effect, transformed; for a
    distribution, probabilities are integrated over it by a rule whose step halves until none changes by more than a
    billionth, and quantiles solved for.

    Attributes
    ----------
    result : MetaResult
    parameter : str
        The effect, ``"mu"`` or ``"theta_new"``.
    baseline : BaselineRisk
    risk : callable
        From baseline risks and effects to risks under treatment; it rises with the effect.
    """

    result: MetaResult
    parameter: str
    baseline: BaselineRisk
    risk: TreatedRisk

    @cached_property
    def effect(self) -> Marginal:
        """Posterior of the effect."""
        return self.result.marginal(self.parameter)

    def treated(self, levels: Sequence[float]) -> Floats:
        """Quantiles of the risk under treatment."""
        if self.baseline.known is not None:
            return self._transformed(levels, self.baseline.known)
        return _solved(levels, lambda x: self._probability(0.0, x), 0.0)

    def difference(self, levels: Sequence[float]) -> Floats:
        """Quantiles of the risk under treatment less that without."""
        if self.baseline.known is not None:
            return self._transformed(levels, self.baseline.known) - self.baseline.known
        return _solved(levels, self.below, -1.0)

    def below(self, difference: float) -> float:
        """Probability of a difference of risks of at most so much."""
        return self._probability(1.0, difference)

    @property
    def rule_error(self) -> float:
        """What the last halving of the step over the baseline risk changed of a probability, and its table of the effect."""
        return self._step[1] + self._cdf[1]

    def monte_carlo_error(self, difference: float) -> float:
        """Monte Carlo standard error of `below`, of chains; 0 where the effect's posterior is exact.

        That of the effect at the median baseline risk, which averaging over the baseline hardly changes.
        """
        if difference == 0:
            return self.result.probability_mcse(f"{self.parameter} < 0")
        middle = self.baseline.quantiles([0.5])
        limit = float(self._limits(middle, middle + difference)[0])
        return 0.0 if math.isinf(limit) else self.result.probability_mcse(f"{self.parameter} < {limit!r}")

    @cached_property
    def _step(self) -> tuple[float, float]:
        """Step of the rule over the baseline risk, and what its last halving changed of probabilities."""
        if self.baseline.known is not None:
            return 1.0, 0.0
        effects, risks = np.asarray(self.effect.ppf(list(_PROBES))), self.baseline.quantiles(_PROBES)
        probes = self.risk(risks, effects) - risks
        before, change = np.full(probes.size, math.inf), math.inf
        for step in _STEPS:
            now = np.array([self._probability(1.0, x, step) for x in probes])
            change, before = float(np.abs(now - before).max()), now
            if change < _TOLERANCE:
                break
        return step, change

    @cached_property
    def _cdf(self) -> tuple[Callable[[Floats], Floats], float]:
        """Distribution function of the effect, as a table where one is as good, and the error of that.

        A posterior with point masses, or one of draws, is not smooth and stays as it is.
        """
        from scipy.interpolate import CubicSpline

        ends = np.asarray(self.effect.ppf([_TAIL, 1 - _TAIL]), float)
        if self.baseline.known is not None or not np.isfinite(ends).all() or ends[0] == ends[1]:
            return self.effect.cdf, 0.0
        grid = np.linspace(float(ends[0]), float(ends[1]), _TABLE)
        values, between = np.asarray(self.effect.cdf(grid)), (grid[:-1] + grid[1:])[::2] / 2
        table = CubicSpline(grid, values)
        error = float(np.abs(table(between) - self.effect.cdf(between)).max()) + _TAIL
        if error > _TOLERANCE:
            return self.effect.cdf, 0.0
        return lambda x: np.select([x < grid[0], x > grid[-1]], [0.0, 1.0], np.clip(table(x), 0.0, 1.0)), error

    def _probability(self, share: float, x: float, step: float | None = None) -> float:
        """Probability that the risk under treatment is at most `x` more than `share` of the baseline risk.

        Where that reaches 0 or 1 it jumps, and the rule over the baseline risk ends there.
        """
        low, high = (max(-x, 0.0), min(1 - x, 1.0)) if share else (0.0, 1.0)
        risks, weights = self.baseline.nodes(self._step[0] if step is None else step, low, high)
        limits = self._limits(risks, share * risks + x)
        inner = np.asarray(self._cdf[0](np.clip(limits, -_FAR, _FAR)), float)
        found = float(weights @ np.where(np.isinf(limits), limits > 0, inner))
        return found + (1 - float(self.baseline.below(high)) if high < 1 else 0.0)

    def _limits(self, risks: Floats, highest: Floats) -> Floats:
        """The largest effects that give a risk of at most `highest`, by halving: infinite where all or none do."""
        low, high = np.full_like(risks, -_FAR), np.full_like(risks, _FAR)
        none, every = self.risk(risks, low) > highest, self.risk(risks, high) <= highest
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            under = self.risk(risks, middle) <= highest
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return np.where(none, -np.inf, np.where(every, np.inf, low))

    def _transformed(self, levels: Sequence[float], known: float) -> Floats:
        """Quantiles of the risk at a baseline risk that is known: those of the effect, as risks."""
        return np.asarray(self.risk(np.full(len(levels), known), np.asarray(self.effect.ppf(list(levels)), float)))


def _solved(levels: Sequence[float], probability: Callable[[float], float], least: float) -> Floats:
    """Quantiles between `least` and 1."""

    def gap(x: float, level: float) -> float:
        return probability(x) - level

    return np.array(
        [
            1.0 if gap(1.0, q) < 0 else least if gap(least, q) >= 0 else brentq(gap, least, 1.0, (q,), xtol=_CLOSE)
            for q in levels
        ]
    )
