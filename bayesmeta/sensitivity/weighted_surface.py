"""Crossings of priors where a fit of each would take long: the draws of one fit are weighted, and the rest fitted again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.diagnostics.weights import Draws
from bayesmeta.priors import Prior
from bayesmeta.results.marginal import weighted_interval
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.posteriors import Ready, Under
from bayesmeta.sensitivity.quantity import Quantity, quantity_of
from bayesmeta.sensitivity.result import ARRAYS, SensitivityResult
from bayesmeta.sensitivity.varied import Key, label_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WeightedSurface:
    """One call of `prior_sensitivity` by weights.

    Attributes
    ----------
    under : Weighted or EachExact
    claims : tuple of str
    varied : mapping
        The priors tried, by parameter.
    ci_prob, tolerance : float
    """

    under: Any
    claims: tuple[str, ...]
    varied: Mapping[Key, tuple[Prior, ...]]
    ci_prob: float
    tolerance: float

    def result(self) -> SensitivityResult:
        """Every combination, fitted again where weights cannot be trusted and where that fit has been made."""
        shape = tuple(len(priors) for priors in self.varied.values())
        probability, mcse = np.empty((*shape, len(self.claims))), np.empty((*shape, len(self.claims)))
        arrays = {name: np.full(shape, math.nan) for name in (*ARRAYS, "pareto_k")}
        method = np.empty(shape, dtype=object)
        for at, combination in zip(np.ndindex(*shape), itertools.product(*self.varied.values()), strict=True):
            under, numbers = self._at(at, combination)
            probability[at] = [one.probability for one in under.answers]
            mcse[at] = [one.mcse for one in under.answers]
            method[at] = under.method
            arrays["pareto_k"][at] = max(one.pareto_k for one in under.answers)
            for name, value in numbers.items():
                arrays[name][at] = value
        with np.errstate(over="ignore"):  # infinite beyond floats, where the logarithm is not
            arrays["bayes_factor"] = np.exp(arrays["log_bayes_factor"])
        return SensitivityResult(
            data=self._ready.data,
            model=self._ready.model,
            claims=self.claims,
            quantity=None if self._quantity is None else self._quantity.name,
            ci_prob=self.ci_prob,
            tolerance=self.tolerance,
            priors={label_of(key): priors for key, priors in self.varied.items()},
            keys=tuple(self.varied),
            probability=probability,
            mcse=mcse,
            arrays=arrays,
            method=method,
            primary=self._primary(),
        )

    @property
    def _ready(self) -> Ready:
        ready: Ready = self.under.fitted.prepared
        return ready

    @cached_property
    def _quantity(self) -> Quantity | None:
        coefficients = [name for name, one in self._ready.parameters.items() if one.role == "effect"]
        return quantity_of(self.claims[0], self.under.fitted.parameters, coefficients)

    def _at(self, at: tuple[int, ...], combination: tuple[Prior, ...]) -> tuple[Under, dict[str, float]]:
        """Probabilities, and the other numbers, under the combination at a place."""
        return self._combination(self._ready.under(dict(zip(self.varied, combination, strict=True))))

    def _combination(self, other: Ready) -> tuple[Under, dict[str, float]]:
        """Probabilities, and the other numbers, under one combination."""
        claims = [*self.claims, *([] if self._quantity is None else [f"{self._quantity.name} < {self._centre!r}"])]
        under = self.under.under(other, claims)  # where the quantity itself cannot be weighted, a fit too
        kept = Under(under.ready, under.answers[: len(self.claims)], under.method)
        refit = self.under.result(other) if under.method != "reweighted" else None
        numbers = self._weighted(other) if refit is None else self._refitted(other, refit)
        return kept, numbers

    @cached_property
    def _centre(self) -> float:
        return 0.0 if self._quantity is None else float(self.under.fitted.marginal(self._quantity.name).median())

    def _weighted(self, other: Ready) -> dict[str, float]:
        draws, ratio = self.under.draws, self.under.draws.log_ratio(other)
        weights = draws.weights(other)
        if ratio is None or not math.isfinite(weights.pareto_k):
            return {}
        numbers = self._factors(other, weights.log_factor, float(weights.values @ ratio.ravel()), float(ratio.mean()))
        if self._quantity is not None:
            numbers |= self._moments(self.under.fitted.draws(self._quantity.name).ravel(), weights.values)
        return numbers

    def _refitted(self, other: Ready, refit: MetaResult) -> dict[str, float]:
        """Numbers of a fit; without marginal likelihoods, as of draws, the divergences are not known."""
        numbers: dict[str, float] = {}
        primary, evidence = self.under.fitted.log_marginal_likelihood, refit.log_marginal_likelihood
        if primary is not None and evidence is not None:
            gain = -_mean(Draws(refit).log_ratio(self._ready))
            numbers = self._factors(other, evidence - primary, gain, _mean(self.under.draws.log_ratio(other)))
        if self._quantity is not None:
            values = refit.draws(self._quantity.name).ravel()
            numbers |= self._moments(values, np.full(values.size, 1 / values.size))
        return numbers

    def _factors(self, other: Ready, log_factor: float, gain: float, loss: float) -> dict[str, float]:
        """Marginal likelihood and divergences, from the mean log ratio of the priors under the other and the fitted ones."""
        mine, theirs = self._ready.prior_groups, other.prior_groups
        changed = [p for one, two in ((mine, theirs), (theirs, mine)) for key, p in one.items() if two.get(key) != p]
        comparable = all(prior.is_proper for prior in changed)
        primary = self.under.fitted.log_marginal_likelihood
        return {
            "log_marginal_likelihood": math.nan if primary is None or not comparable else primary + log_factor,
            "log_bayes_factor": log_factor if comparable else math.nan,
            "kl": max(gain - log_factor, 0.0),
            "kl_reverse": max(log_factor - loss, 0.0),
        }

    def _moments(self, values: Floats, weights: Floats) -> dict[str, float]:
        mean = float(weights @ values)
        lower, upper = weighted_interval(values, weights, self.ci_prob, "eti")
        sd = float(np.sqrt(weights @ (values - mean) ** 2))
        return {"mean": mean, "sd": sd, "lower": lower, "upper": upper}

    def _primary(self) -> dict[str, float]:
        numbers = {f"P({text})": self.under.fitted.probability(text) for text in self.claims}
        if self._quantity is None:
            return numbers
        marginal = self.under.fitted.marginal(self._quantity.name)
        lower, upper = marginal.interval(self.ci_prob, "eti")
        return numbers | {"mean": marginal.mean(), "sd": marginal.sd(), "lower": lower, "upper": upper}


def _mean(ratio: Floats | None) -> float:
    """Mean of log ratios; infinite where one of the priors has no density for the other."""
    return -math.inf if ratio is None else float(ratio.mean())
