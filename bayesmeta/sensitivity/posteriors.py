"""Posteriors under other priors, by whatever the model allows: each fitted exactly, or the draws of one weighted, and fitted
again where weights cannot be trusted.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesmeta.data.kinds import Data
from bayesmeta.diagnostics.weights import Draws, Reweighted
from bayesmeta.errors import InferenceError, SpecificationError
from bayesmeta.families.exact import Exact
from bayesmeta.families.prepared import Prepared
from bayesmeta.results.fit import fit_many
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.two_scales import Model

Ready = Prepared[Data, Model]
Fit = Callable[[Mapping[str, Model]], Mapping[str, MetaResult]]


@dataclass(frozen=True, slots=True)
class Under:
    """Probabilities of claims under one set of priors.

    Attributes
    ----------
    ready : Prepared
        Data and model of these priors.
    answers : tuple of Reweighted
        One for each claim.
    method : {"exact", "reweighted", "refitted", "importance"}
    """

    ready: Ready
    answers: tuple[Reweighted, ...]
    method: str

    @property
    def trusted(self) -> bool:
        """Whether no refit is needed."""
        return all(one.trusted for one in self.answers)


class Posteriors(ABC):
    """Posteriors of one model under other priors.

    Attributes
    ----------
    fitted : MetaResult
        The posterior under the priors as stated.
    simulated : bool
        Whether probabilities carry a Monte Carlo error.
    """

    fitted: MetaResult
    simulated: bool

    @abstractmethod
    def probability(self, ready: Ready, claim: str) -> Reweighted:
        """Probability of a claim; not trusted where there is none without a fit of its own, or no posterior."""

    @abstractmethod
    def spread(self, ready: Ready, name: str) -> float:
        """Standard deviation of a parameter; nan where there is none, or none that can be trusted."""

    @abstractmethod
    def fit(self, ready: Ready) -> Posteriors | None:
        """The same with a fit under the priors of `ready` in its middle; None where that fit is still to be made."""

    @abstractmethod
    def under(self, ready: Ready, claims: Sequence[str]) -> Under:
        """Probabilities of claims, by a fit where nothing else can be trusted."""


class EachExact(Posteriors):
    """Every posterior is fitted by quadrature."""

    simulated = False

    def __init__(self, fitted: MetaResult, tolerance: float = 1e-8) -> None:
        self.fitted, self._tolerance = fitted, tolerance

    def result(self, ready: Ready) -> MetaResult:
        """The fit."""
        return fit_many(ready.data, {"m": ready.model}, "quadrature", tolerance=self._tolerance)["m"]

    def probability(self, ready: Ready, claim: str) -> Reweighted:
        """By a fit; see `Posteriors.probability`."""
        try:
            result = self.result(ready)
        except (InferenceError, SpecificationError):
            return Reweighted(math.nan, math.nan, math.inf)
        p = result.probability(claim)
        return Reweighted(p, result.probability_mcse(claim), 0.0 if math.isfinite(p) else math.inf)

    def spread(self, ready: Ready, name: str) -> float:
        """See `Posteriors.spread`."""
        try:
            return self.result(ready).marginal(name).sd()
        except (InferenceError, SpecificationError):
            return math.nan

    def fit(self, ready: Ready) -> Posteriors:
        """See `Posteriors.fit`."""
        return EachExact(self.result(ready), self._tolerance)

    def under(self, ready: Ready, claims: Sequence[str]) -> Under:
        """See `Posteriors.under`; raises where there is no posterior."""
        result = self.result(ready)
        probabilities = (Reweighted(result.probability(claim), result.probability_mcse(claim), 0.0) for claim in claims)
        return Under(ready, tuple(probabilities), "exact")


class Refits:
    """Fits that weights could not replace: first noted, then made together, so that they share what is compiled.

    Attributes
    ----------
    done : dict of str to MetaResult
        By a label that names the model.
    """

    def __init__(self, fit: Fit) -> None:
        self._fit, self._wanted, self.done = fit, dict[str, Model](), dict[str, MetaResult]()

    def get(self, label: str, model: Model) -> MetaResult | None:
        """A fit, or None where it is only noted."""
        if label not in self.done:
            self._wanted[label] = model
        return self.done.get(label)

    def made(self) -> bool:
        """Make the fits that were noted; whether there were any."""
        wanted, self._wanted = self._wanted, {}
        if wanted:
            self.done |= self._fit(wanted)
        return bool(wanted)


class OnlyWeighted(Posteriors):
    """The draws of one fit are weighted, whether that can be trusted or not; nothing is fitted again."""

    simulated = True

    def __init__(self, fitted: MetaResult) -> None:
        self.fitted, self.draws = fitted, Draws(fitted)
        self._known: dict[tuple[Any, str], Reweighted] = {}

    def probability(self, ready: Ready, claim: str) -> Reweighted:
        """By weights; see `Posteriors.probability`."""
        key = (ready.model, claim)
        if key not in self._known:
            self._known[key] = self.draws.probability(claim, ready)
        return self._known[key]

    def spread(self, ready: Ready, name: str) -> float:
        """See `Posteriors.spread`."""
        if not self.probability(ready, f"{name} < 0").trusted:
            return math.nan
        values, weights = self.fitted.draws(name).ravel(), self.draws.weights(ready).values
        return float(np.sqrt(weights @ (values - weights @ values) ** 2))

    def fit(self, ready: Ready) -> Posteriors | None:
        """The draws as they are."""
        return self

    def under(self, ready: Ready, claims: Sequence[str]) -> Under:
        """See `Posteriors.under`; `Under.trusted` says whether a fit was needed."""
        return Under(ready, tuple(self.probability(ready, claim) for claim in claims), "reweighted")


class Weighted(OnlyWeighted):
    """The draws of one fit are weighted; where that cannot be trusted the model is fitted again.

    Parameters
    ----------
    fitted : MetaResult
    refits : Refits
        Shared by all questions of one data set.
    name : str
        Of the model, for the labels of its refits.
    """

    def __init__(self, fitted: MetaResult, refits: Refits, name: str = "model") -> None:
        super().__init__(fitted)
        self.refits, self.name = refits, name

    def result(self, ready: Ready) -> MetaResult | None:
        """The fit under the priors of `ready`, or None where it is only noted."""
        mine, theirs = self.fitted.prepared.prior_groups, ready.prior_groups
        changed = [f"{', '.join(on)} ~ {prior}" for on, prior in theirs.items() if mine.get(on) != prior]
        return self.refits.get(f"{self.name}: {', '.join(changed) or 'as stated'}", ready.model)

    def fit(self, ready: Ready) -> Posteriors | None:
        """See `Posteriors.fit`."""
        result = self.result(ready)
        return None if result is None else Weighted(result, self.refits, self.name)

    def under(self, ready: Ready, claims: Sequence[str]) -> Under:
        """See `Posteriors.under`."""
        weighted = super().under(ready, claims)
        if weighted.trusted or (refit := self.result(ready)) is None:
            return weighted
        again = (
            Reweighted(refit.probability(claim), refit.probability_mcse(claim), one.pareto_k)
            for claim, one in zip(claims, weighted.answers, strict=True)
        )
        return Under(ready, tuple(again), "refitted")


class FromOneSample(Weighted):
    """Every posterior asked for is computed from one sample of what is not known; along a path of priors draws are weighted."""

    def under(self, ready: Ready, claims: Sequence[str]) -> Under:
        """See `Posteriors.under`."""
        if (refit := self.result(ready)) is None:
            return OnlyWeighted.under(self, ready, claims)
        probabilities = (Reweighted(refit.probability(claim), refit.probability_mcse(claim), 0.0) for claim in claims)
        return Under(ready, tuple(probabilities), "importance" if refit.quality else "refitted")

    def fit(self, ready: Ready) -> Posteriors | None:
        """See `Posteriors.fit`."""
        result = self.result(ready)
        return None if result is None else FromOneSample(result, self.refits, self.name)


def answered[Answer](refits: Refits, ask: Callable[[], Answer]) -> Answer:
    """Ask, make the fits that the answer turned out to need, and ask again until it needs no more."""
    answer = ask()
    while refits.made():
        answer = ask()
    return answer


def posteriors(ready: Ready, engine: str, tolerance: float, **sampling: Any) -> tuple[Posteriors, Refits]:
    """The way to the posteriors of a model under other priors that its family allows.

    Where quadrature solves a model at once, or one sample of a review's trials serves all priors, each is fitted; elsewhere one
    fit, on a grid or by NUTS, is weighted.

    Parameters
    ----------
    ready : Prepared
    engine : {"auto", "quadrature", "importance", "nuts"}
        As `fit` takes it.
    tolerance : float
    **sampling
        As `fit` takes it: seed, draws, tune, chains, target_accept.
    """
    under, refits = weighted(ready, engine, tolerance, **sampling)
    how = ready.exact
    if isinstance(how, Exact) and how.at_once and under.fitted.engine == how.engine:
        return EachExact(under.fitted, tolerance), refits
    return under, refits


def weighted(ready: Ready, engine: str, tolerance: float, **sampling: Any) -> tuple[Weighted, Refits]:
    """One fit whose draws are weighted, and its refits; see `posteriors`."""

    def fit(models: Mapping[str, Model]) -> Mapping[str, MetaResult]:
        return fit_many(ready.data, models, engine, tolerance=tolerance, repeat=True, **sampling)

    fitted, refits = fit({"model": ready.model})["model"], Refits(fit)
    return (FromOneSample if fitted.quality else Weighted)(fitted, refits), refits
