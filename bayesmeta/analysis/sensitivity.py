"""How an outcome's signals fare under other priors: by exact fits, or by reweighting and refits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from bayesmeta.analysis.alternatives import Path, belief_models, crossed_models, paths
from bayesmeta.analysis.schema import Outcome, Signal
from bayesmeta.data.kinds import Data
from bayesmeta.diagnostics.sensitivity import Reweighted, Weighting, claim_sensitivity, weighting
from bayesmeta.families.prepared import prepare
from bayesmeta.results.fit import Progress, fit_many
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.crossing import Crossing, crossing
from bayesmeta.spec.two_scales import Model


@dataclass(frozen=True, slots=True)
class Under:
    """Probabilities of a signal's claim and of its threshold under one set of priors.

    Attributes
    ----------
    model : Model
        What was fitted, or what the draws were weighted to.
    main : Reweighted
    threshold : Reweighted or None
    method : {"exact", "reweighted", "refitted"}
    """

    model: Model
    main: Reweighted
    threshold: Reweighted | None
    method: str

    @property
    def trusted(self) -> bool:
        """Whether no refit is needed."""
        return self.main.trusted and (self.threshold is None or self.threshold.trusted)


@dataclass(frozen=True, slots=True)
class Crossed:
    """One crossing of the level: the scale, the model there, its probability, and the scale at which a model was fitted."""

    scale: float
    model: Model
    found: Reweighted
    fitted: float


@dataclass(frozen=True, slots=True)
class Tipping:
    """Along one family of priors: where the probability of a claim crosses a level.

    Attributes
    ----------
    path : Path
    found : Crossing
        By exact fits, or by reweighting the draws of the stated model.
    crossings : tuple of Crossed
        Each solved for with a fit at or near it.
    """

    path: Path
    found: Crossing
    crossings: tuple[Crossed, ...] = ()


@dataclass(slots=True)
class SignalSensitivity:
    """All that is known of one signal under other priors."""

    crossed: dict[tuple[int, int], Under] = field(default_factory=dict)
    beliefs: dict[str, Under] = field(default_factory=dict)
    tipping: list[Tipping] = field(default_factory=list)


def exact_sensitivity(data: Data, outcome: Outcome, models: Mapping[str, Model]) -> dict[str, SignalSensitivity]:
    """Every signal of an outcome under other priors, each a new exact fit."""

    def probability(model: Model, claim: str) -> Reweighted:
        refit = fit_many(data, {"m": model}, "quadrature")["m"]
        return Reweighted(refit.probability(claim), refit.probability_mcse(claim), 0.0)

    def under(model: Model, signal: Signal) -> Under:
        threshold = probability(model, signal.threshold) if signal.threshold else None
        return Under(model, probability(model, signal.claim), threshold, "exact")

    def followed(path: Path, signal: Signal, level: float) -> Tipping:
        found = crossing(lambda s: probability(path.at(s), signal.claim), path.scales, level)
        at = ((s, path.at(s)) for s in found.at)
        return Tipping(path, found, tuple(Crossed(s, m, probability(m, signal.claim), s) for s, m in at))

    level = outcome.sensitivity.level
    return {
        signal.name: SignalSensitivity(
            {place: under(m, signal) for place, m in crossed_models(ready, outcome, signal).items()},
            {label: under(m, signal) for label, m in belief_models(ready, outcome).items()},
            [] if level is None else [followed(path, signal, level) for path in paths(ready)],
        )
        for signal, ready in ((signal, prepare(data, models[signal.model])) for signal in outcome.signals)
    }


def reweighted_sensitivity(outcome: Outcome, fits: Mapping[str, MetaResult]) -> dict[str, SignalSensitivity]:
    """Every signal under other priors by reweighting the draws of its model, trusted or not; no crossing is solved for anew."""
    found, level = dict[str, SignalSensitivity](), outcome.sensitivity.level
    for signal in outcome.signals:
        fit, ready = fits[signal.model], fits[signal.model].prepared
        crossed, beliefs = crossed_models(ready, outcome, signal), belief_models(ready, outcome)
        known = SignalSensitivity(_reweighted(fit, signal, crossed), _reweighted(fit, signal, beliefs))
        draws = weighting(fit, signal.claim)
        for path in paths(ready) if level is not None else []:
            along = crossing(partial(_weighted, draws, path), path.scales, level or 0.0)
            known.tipping.append(Tipping(path, along))
        found[signal.name] = known
    return found


def sampled_sensitivity(
    data: Data,
    outcome: Outcome,
    fits: Mapping[str, MetaResult],
    settings: Mapping[str, Any],
    seed: int,
    progress: Progress | None,
) -> tuple[dict[str, SignalSensitivity], dict[str, MetaResult]]:
    """Every signal under other priors: by reweighting where it can be trusted, else by a refit; and the refits.

    At each crossing of the level the model is fitted again, and the crossing solved for anew with these draws.
    """
    found = reweighted_sensitivity(outcome, fits)
    refits: dict[str, Model] = {}
    for signal in outcome.signals:
        known = found[signal.name]
        wanted = [under.model for under in (*known.crossed.values(), *known.beliefs.values()) if not under.trusted]
        wanted += [tipping.path.at(s) for tipping in known.tipping for s in tipping.found.at]
        refits |= {_name(signal, model): model for model in wanted}
    again = fit_many(data, refits, "nuts", seed=seed, repeat=True, progress=progress, **settings) if refits else {}
    for signal in outcome.signals:
        _replace_by_refits(found[signal.name], signal, again)
    return found, again


def _replace_by_refits(known: SignalSensitivity, signal: Signal, again: Mapping[str, MetaResult]) -> None:
    """Put what the refits say in the place of what reweighting could not be trusted with."""

    def refitted(one: Under) -> Under:
        if one.trusted:
            return one
        refit = again[_name(signal, one.model)]
        main, threshold = (
            Reweighted(refit.probability(claim), refit.probability_mcse(claim), one.main.pareto_k) if claim else None
            for claim in (signal.claim, signal.threshold)
        )
        assert main is not None
        return Under(one.model, main, threshold, "refitted")

    known.crossed = {place: refitted(under) for place, under in known.crossed.items()}
    known.beliefs = {label: refitted(under) for label, under in known.beliefs.items()}
    for i, tipping in enumerate(known.tipping):
        nearer = (_nearer(again[_name(signal, tipping.path.at(s))], signal, tipping, s) for s in tipping.found.at)
        known.tipping[i] = replace(tipping, crossings=tuple(nearer))


def _nearer(refit: MetaResult, signal: Signal, tipping: Tipping, scale: float) -> Crossed:
    """A crossing solved for again with the draws of a fit at a first guess of it, and the probability there.

    Where these draws have no crossing within a factor of two, the guess and what they say of it.
    """
    probability = partial(_weighted, weighting(refit, signal.claim), tipping.path)
    roots = crossing(probability, scale * np.geomspace(0.5, 2, 9), tipping.found.level).at
    best = min(roots, key=lambda s: abs(np.log(s / scale)), default=scale)
    return Crossed(best, tipping.path.at(best), probability(best), scale)


def _weighted(draws: Weighting, path: Path, scale: float) -> Reweighted:
    return draws.to(path.at(scale))


def _reweighted(fit: MetaResult, signal: Signal, alternatives: Mapping[Any, Model]) -> dict[Any, Under]:
    named = {repr(place): model for place, model in alternatives.items()}
    main = claim_sensitivity(fit, signal.claim, named)
    threshold = claim_sensitivity(fit, signal.threshold, named) if signal.threshold else {}
    return {
        place: Under(model, main[repr(place)], threshold.get(repr(place)), "reweighted")
        for place, model in alternatives.items()
    }


def _name(signal: Signal, model: Model) -> str:
    return f"{signal.model}: {model.base}"
