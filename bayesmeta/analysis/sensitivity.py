"""How an outcome's signals fare under other priors: crossed, as people's beliefs, and along families up to a level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayesmeta.analysis.schema import Belief, Outcome, Signal
from bayesmeta.data.kinds import Data
from bayesmeta.diagnostics.sensitivity import Reweighted, claim_sensitivity
from bayesmeta.errors import BayesmetaError, SpecificationError, did_you_mean
from bayesmeta.priors import HalfCauchy, HalfNormal, HalfStudentT, Normal, Prior, parse_prior
from bayesmeta.priors.plain import plain
from bayesmeta.results.fit import Progress, fit_many
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.crossing import Crossing, crossing
from bayesmeta.spec.arm_normal import ArmNormal
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.design import tau_prior
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model, base_of

_SCALED = (HalfNormal, HalfCauchy, HalfStudentT)  # families of tau whose scale is moved
_REACH = 8.0  # how many times narrower and wider than the stated prior a family is followed
_POINTS = 17


@dataclass(frozen=True, slots=True)
class Under:
    """Probabilities of a signal's claim and of its threshold under one set of priors.

    Attributes
    ----------
    main : Reweighted
    threshold : Reweighted or None
    method : {"exact", "reweighted", "refitted"}
    """

    main: Reweighted
    threshold: Reweighted | None
    method: str

    @property
    def trusted(self) -> bool:
        """Whether no refit is needed."""
        return self.main.trusted and (self.threshold is None or self.threshold.trusted)


@dataclass(frozen=True, slots=True)
class Tipping:
    """Along one family of priors: where the probability of a claim crosses a level.

    Attributes
    ----------
    on : str
        Parameters that the prior is on: ``"tau"``, or the effect's.
    family : str
        The prior, with ``s`` for its scale.
    found : Crossing
    checked : tuple of (float, float)
        Probability and Monte Carlo error of a fit at each crossing.
    """

    on: str
    family: str
    found: Crossing
    checked: tuple[tuple[float, float], ...] = ()


@dataclass(slots=True)
class SignalSensitivity:
    """All that is known of one signal under other priors."""

    crossed: dict[tuple[int, int], Under] = field(default_factory=dict)
    beliefs: dict[str, Under] = field(default_factory=dict)
    tipping: list[Tipping] = field(default_factory=list)


def crossed_models(outcome: Outcome, signal: Signal, model: NormalNormal) -> dict[tuple[int, int], NormalNormal]:
    """The signal's model under every prior on the effect crossed with every prior on tau.

    The prior on the effect replaces those of all coefficients, or that of mu where there are none.
    """
    found = {}
    for i, effect in enumerate(outcome.sensitivity.effect):
        prior = _rescaled(parse_prior(effect.prior), signal.prior_factor)
        for j, tau in enumerate(outcome.sensitivity.tau):
            found[i, j] = replace(_with_effect(model, prior), tau=parse_prior(tau.prior))
    return found


def belief_models(outcome: Outcome, signal: Signal, model: NormalNormal) -> dict[str, NormalNormal]:
    """The signal's model under each belief; what a belief leaves out stays as it is.

    A belief about a signal's ``beta`` that names no coefficient of its model says nothing about it.
    """
    return {belief.label: _believed(belief, model) for belief in outcome.sensitivity.beliefs}


def _believed(belief: Belief, model: NormalNormal) -> NormalNormal:
    beta = {name: parse_prior(belief.beta[name]) if name in belief.beta else old for name, old in model.beta.items()}
    mu = model.mu if belief.mu is None else parse_prior(belief.mu)
    return replace(model, mu=mu, beta=beta, tau=model.tau if belief.tau is None else parse_prior(belief.tau))


def families(signal: Signal, model: NormalNormal) -> list[tuple[str, str, float, Callable[[float], NormalNormal]]]:
    """Families of priors to follow: what on, their text, the stated scale, and the model at a scale.

    A sceptic's normal prior around zero on the effect, and the stated family on tau where it has a scale.
    """
    found: list[tuple[str, str, float, Callable[[float], NormalNormal]]] = []
    stated = plain(next(iter(model.beta.values()), model.mu))
    if isinstance(stated, Normal):
        on = " and ".join(map(str, model.beta)) or "mu"
        found.append((on, "Normal(0, s)", stated.sd, lambda s: _with_effect(model, Normal(0.0, s))))
    tau = plain(model.tau)
    if isinstance(tau, _SCALED):
        text = str(tau).replace(f"{tau.scale:g})", "s)")
        found.append(("tau", text, tau.scale, lambda s: replace(model, tau=replace(tau, scale=s))))
    return found


def exact_sensitivity(data: Data, outcome: Outcome, models: Mapping[str, Model]) -> dict[str, SignalSensitivity]:
    """Every signal of an outcome under other priors, each a new exact fit."""

    def probability(model: NormalNormal, claim: str) -> Reweighted:
        refit = fit_many(data, {"m": model}, "quadrature")["m"]
        return Reweighted(refit.probability(claim), refit.probability_mcse(claim), 0.0)

    def under(model: NormalNormal, signal: Signal) -> Under:
        threshold = probability(model, signal.threshold) if signal.threshold else None
        return Under(probability(model, signal.claim), threshold, "exact")

    found = {}
    for signal in outcome.signals:
        model = base_of(models[signal.model])
        sensitivity = SignalSensitivity(
            {place: under(m, signal) for place, m in crossed_models(outcome, signal, model).items()},
            {label: under(m, signal) for label, m in belief_models(outcome, signal, model).items()},
        )
        for on, text, scale, at in families(signal, model) if outcome.sensitivity.level else []:
            crossed = crossing(
                lambda s, at=at, signal=signal: probability(at(s), signal.claim),  # type: ignore[misc]
                _scales(scale),
                outcome.sensitivity.level or 0.0,
            )
            checked = tuple((probability(at(s), signal.claim).probability, 0.0) for s in crossed.at)
            sensitivity.tipping.append(Tipping(on, text, crossed, checked))
        found[signal.name] = sensitivity
    return found


def sampled_sensitivity(
    data: Data,
    outcome: Outcome,
    fits: Mapping[str, MetaResult],
    models: Mapping[str, Model],
    settings: Mapping[str, Any],
    seed: int,
    progress: Progress | None,
) -> tuple[dict[str, SignalSensitivity], dict[str, MetaResult]]:
    """Every signal under other priors: by reweighting where it can be trusted, else by a refit; and the refits.

    At each crossing of the level the model is fitted again, and the crossing solved for anew with these draws.
    """
    found: dict[str, SignalSensitivity] = {}
    refits: dict[str, Model] = {}
    for signal in outcome.signals:
        fit, stated = fits[signal.model], models[signal.model]
        model = base_of(stated)
        crossed, beliefs = crossed_models(outcome, signal, model), belief_models(outcome, signal, model)
        found[signal.name] = SignalSensitivity(_reweighted(fit, signal, crossed), _reweighted(fit, signal, beliefs))
        known = found[signal.name]
        pairs = [(known.crossed[place], other) for place, other in crossed.items()]
        pairs += [(known.beliefs[label], other) for label, other in beliefs.items()]
        refits |= {_name(signal, other): with_base(stated, other) for under, other in pairs if not under.trusted}
        for on, text, scale, at in families(signal, model) if outcome.sensitivity.level else []:
            crossed_at = crossing(
                lambda s, at=at, fit=fit, signal=signal: claim_sensitivity(fit, signal.claim, {"m": at(s)})["m"],  # type: ignore[misc]
                _scales(scale),
                outcome.sensitivity.level or 0.0,
            )
            found[signal.name].tipping.append(Tipping(on, text, crossed_at))
            refits |= {_name(signal, at(s)): with_base(stated, at(s)) for s in crossed_at.at}
    again = fit_many(data, refits, "nuts", seed=seed, progress=progress, **settings) if refits else {}
    for signal in outcome.signals:
        _replace_by_refits(found[signal.name], signal, outcome, base_of(models[signal.model]), again)
    return found, again


def _replace_by_refits(
    known: SignalSensitivity, signal: Signal, outcome: Outcome, model: NormalNormal, again: Mapping[str, MetaResult]
) -> None:
    """Put what the refits say in the place of what reweighting could not be trusted with."""

    def refitted(one: Under, alternative: NormalNormal) -> Under:
        refit = again.get(_name(signal, alternative))
        if refit is None:
            return one
        pair = [
            Reweighted(refit.probability(claim), refit.probability_mcse(claim), one.main.pareto_k)
            for claim in (signal.claim, signal.threshold)
            if claim
        ]
        return Under(pair[0], pair[1] if len(pair) > 1 else None, "refitted")

    for place, alternative in crossed_models(outcome, signal, model).items():
        known.crossed[place] = refitted(known.crossed[place], alternative)
    for label, alternative in belief_models(outcome, signal, model).items():
        known.beliefs[label] = refitted(known.beliefs[label], alternative)
    ways = {on: at for on, _, _, at in families(signal, model)}
    for i, tipping in enumerate(known.tipping):
        at = ways[tipping.on]
        nearer = [
            _nearer(again[_name(signal, at(s))], signal.claim, at, s, tipping.found.level) for s in tipping.found.at
        ]
        found = replace(tipping.found, at=tuple(s for s, _ in nearer))
        known.tipping[i] = replace(tipping, found=found, checked=tuple((p.probability, p.mcse) for _, p in nearer))


def _nearer(
    refit: MetaResult, claim: str, at: Callable[[float], NormalNormal], scale: float, level: float
) -> tuple[float, Reweighted]:
    """A crossing solved for again with the draws of a fit at a first guess of it, and the probability there.

    Where these draws have no crossing within a factor of two, the guess and what they say of it.
    """

    def probability(s: float) -> Reweighted:
        return claim_sensitivity(refit, claim, {"m": at(s)})["m"]

    roots = crossing(probability, scale * np.geomspace(0.5, 2, 9), level).at
    best = min(roots, key=lambda s: abs(np.log(s / scale)), default=scale)
    return best, probability(best)


def check_sensitivity(data: Data, outcome: Outcome, signal: Signal, models: Mapping[str, Model]) -> None:
    """Build every alternative once, so that a wrong prior is refused before anything is sampled."""
    stated = models[signal.model]
    for alternative in crossed_models(outcome, signal, base_of(stated)).values():
        tau_prior(data, base_of(with_base(stated, alternative)))
    known = {str(name) for model in models.values() for name in base_of(model).beta}
    for belief in outcome.sensitivity.beliefs:
        for name in belief.beta:
            if name not in known:
                raise SpecificationError(
                    f"belief {belief.label!r}: no model has a coefficient {name!r}.{did_you_mean(name, known)} "
                    f"Coefficients: {', '.join(sorted(known)) or 'none'}."
                )
        try:
            tau_prior(data, base_of(with_base(stated, _believed(belief, base_of(stated)))))
        except BayesmetaError as error:
            raise type(error)(f"belief {belief.label!r}: {error}") from error


def with_base(model: Model, base: NormalNormal) -> Model:
    """The model with the formula and priors of `base`; its own other priors stay."""
    return replace(model, base=base) if isinstance(model, ArmNormal | ChangeNormal) else base


def _reweighted(fit: MetaResult, signal: Signal, alternatives: Mapping[Any, NormalNormal]) -> dict[Any, Under]:
    named = {repr(place): model for place, model in alternatives.items()}
    main = claim_sensitivity(fit, signal.claim, named)
    threshold = claim_sensitivity(fit, signal.threshold, named) if signal.threshold else {}
    return {place: Under(main[repr(place)], threshold.get(repr(place)), "reweighted") for place in alternatives}


def _name(signal: Signal, model: NormalNormal) -> str:
    return f"{signal.model}: {model}"


def _scales(stated: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    return stated * np.geomspace(1 / _REACH, _REACH, _POINTS)


def _with_effect(model: NormalNormal, prior: Prior) -> NormalNormal:
    if model.beta:
        return replace(model, beta=dict.fromkeys(model.beta, prior))
    return replace(model, mu=prior)


def _rescaled(prior: Prior, factor: float) -> Prior:
    """A normal prior in other units of the covariate."""
    if factor == 1:
        return prior
    if not isinstance(prior, Normal):
        raise SpecificationError(f"prior_factor={factor:g} rescales Normal priors only; got {prior}.")
    return Normal(prior.mean * factor, prior.sd * factor)
