"""How an outcome's signals fare under other priors: one code for exact fits and for draws that are weighted or made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bayesmeta.analysis.alternatives import belief_models, crossed_models, paths
from bayesmeta.analysis.schema import Outcome, Signal
from bayesmeta.data.kinds import Data
from bayesmeta.diagnostics.weights import Reweighted
from bayesmeta.results.fit import Progress, fit_many
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.following import follow
from bayesmeta.sensitivity.posteriors import (
    EachExact,
    FromOneSample,
    OnlyWeighted,
    Posteriors,
    Ready,
    Refits,
    Under,
    Weighted,
    answered,
)
from bayesmeta.sensitivity.tipping_result import Tipping


@dataclass(slots=True)
class SignalSensitivity:
    """All that is known of one signal under other priors.

    Attributes
    ----------
    crossed, beliefs : dict
        Probabilities of its claim, and of its threshold if there is one, by place in the crossing and by label.
    tipping : list of Tipping
        Where the probability of the claim crosses the level, along each family of priors.
    """

    crossed: dict[tuple[int, int], Under] = field(default_factory=dict)
    beliefs: dict[str, Under] = field(default_factory=dict)
    tipping: list[Tipping] = field(default_factory=list)


def exact_sensitivity(outcome: Outcome, fits: Mapping[str, MetaResult]) -> dict[str, SignalSensitivity]:
    """Every signal of an outcome under other priors, each a new exact fit; `fits` are exact ones of the models."""
    return _asked(outcome, {key: EachExact(fit) for key, fit in fits.items()})


def sample_sensitivity(outcome: Outcome, fits: Mapping[str, MetaResult], seed: int) -> dict[str, SignalSensitivity]:
    """Every signal of a review under other priors, each a new fit of the same sample of trials as `fits`.

    A prior that the sample does not serve is fitted by NUTS, with a warning where too few sets of trials are left.
    """
    under = {key: OneByOne(fit, seed, _claims(outcome, key)) for key, fit in fits.items()}
    return _asked(outcome, under)


class OneByOne(FromOneSample):
    """Every posterior asked for is fitted at once, from one sample; what is kept of it are its answers, not itself.

    Parameters
    ----------
    fitted : MetaResult
    seed : int
    claims : sequence of str
        All that will be asked of a posterior, so that no fit is made twice.
    """

    def __init__(self, fitted: MetaResult, seed: int, claims: Sequence[str]) -> None:
        super().__init__(fitted, Refits(lambda models: fit_many(fitted.data, models, seed=seed)))
        self._seed, self._claims, self._answers = seed, claims, dict[Any, Under]()

    def result(self, ready: Ready) -> MetaResult:
        """The fit under the priors of `ready`."""
        if ready.prior_groups == self.fitted.prepared.prior_groups:
            return self.fitted
        return fit_many(ready.data, {self.name: ready.model}, seed=self._seed)[self.name]

    def fit(self, ready: Ready) -> Posteriors:
        """See `Posteriors.fit`."""
        return OneByOne(self.result(ready), self._seed, self._claims)

    def under(self, ready: Ready, claims: Sequence[str]) -> Under:
        """See `Posteriors.under`."""
        if ready.model not in self._answers:
            fit = self.result(ready)
            probabilities = (
                Reweighted(fit.probability(claim), fit.probability_mcse(claim), 0.0) for claim in self._claims
            )
            self._answers[ready.model] = Under(ready, tuple(probabilities), "importance" if fit.quality else "refitted")
        known = self._answers[ready.model]
        by_claim = dict(zip(self._claims, known.answers, strict=True))
        return Under(ready, tuple(by_claim[claim] for claim in claims), known.method)


def _claims(outcome: Outcome, model: str) -> list[str]:
    """All that the signals of a model ask of it."""
    asked = [claim for signal in outcome.signals if signal.model == model for claim in (signal.claim, signal.threshold)]
    return list(dict.fromkeys(filter(None, asked)))


def computed_sensitivity(outcome: Outcome, fits: Mapping[str, MetaResult], seed: int) -> dict[str, SignalSensitivity]:
    """Every signal under other priors, where all models have fits without chains."""
    sampled = any(fit.engine == "importance" for fit in fits.values())
    return sample_sensitivity(outcome, fits, seed) if sampled else exact_sensitivity(outcome, fits)


def reweighted_sensitivity(outcome: Outcome, fits: Mapping[str, MetaResult]) -> dict[str, SignalSensitivity]:
    """Every signal under other priors by weighting the draws of its model, trusted or not; nothing is fitted again."""
    return _asked(outcome, {key: OnlyWeighted(fit) for key, fit in fits.items()})


def sampled_sensitivity(
    data: Data,
    outcome: Outcome,
    fits: Mapping[str, MetaResult],
    settings: Mapping[str, Any],
    seed: int,
    progress: Progress | None,
) -> tuple[dict[str, SignalSensitivity], dict[str, MetaResult]]:
    """Every signal under other priors: by weights where they can be trusted, else by a refit; and the refits.

    At each crossing of the level the model is fitted again, and the crossing solved for anew with these draws.
    """
    refits = Refits(
        lambda models: fit_many(data, models, "nuts", seed=seed, repeat=True, progress=progress, **settings)
    )
    under = {key: Weighted(fit, refits, key) for key, fit in fits.items()}
    return answered(refits, lambda: _asked(outcome, under)), refits.done


def _asked(outcome: Outcome, under: Mapping[str, Posteriors]) -> dict[str, SignalSensitivity]:
    return {signal.name: _signal(outcome, signal, under[signal.model]) for signal in outcome.signals}


def _signal(outcome: Outcome, signal: Signal, under: Posteriors) -> SignalSensitivity:
    ready: Ready = under.fitted.prepared
    claims = [signal.claim, *([signal.threshold] if signal.threshold else [])]
    level = outcome.sensitivity.level
    return SignalSensitivity(
        {place: under.under(other, claims) for place, other in crossed_models(ready, outcome, signal).items()},
        {label: under.under(other, claims) for label, other in belief_models(ready, outcome).items()},
        [] if level is None else [follow(path, under, signal.claim, level) for path in paths(ready)],
    )
