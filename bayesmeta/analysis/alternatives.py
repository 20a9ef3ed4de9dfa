"""Models that differ from the stated one in their priors alone: crossed, believed, and along families with one scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesmeta.analysis.schema import Belief, Outcome, Signal
from bayesmeta.data.kinds import Data
from bayesmeta.errors import BayesmetaError, SpecificationError, did_you_mean
from bayesmeta.priors import Normal, Prior, parse_prior, plain
from bayesmeta.spec.design import design, tau_prior
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.parameter_priors import parameter_priors
from bayesmeta.spec.two_scales import Model, base_of

_REACH = 8.0  # how many times narrower and wider than the stated prior a family is followed
_POINTS = 17


@dataclass(frozen=True, slots=True)
class Path:
    """A family of priors with one scale.

    Attributes
    ----------
    on : str
        Parameters that the prior is on: ``"tau"``, or the effect's.
    family : str
        The prior, with ``s`` for its scale.
    stated : float
        The scale in the model as stated.
    at : callable
        From a scale to the model with that prior.
    """

    on: str
    family: str
    stated: float
    at: Callable[[float], Model]

    @property
    def scales(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Where it is followed."""
        return self.stated * np.geomspace(1 / _REACH, _REACH, _POINTS)


def effect_parameters(data: Data, model: Model) -> tuple[str, ...]:
    """What a prior "on the effect" is on: all coefficients, or mu where there are none."""
    return tuple(design(data, base_of(model)).columns) or ("mu",)


def crossed_models(data: Data, outcome: Outcome, signal: Signal, model: Model) -> dict[tuple[int, int], Model]:
    """The signal's model under every prior on the effect crossed with every prior on tau."""
    found: dict[tuple[int, int], Model] = {}
    names = effect_parameters(data, model)
    for i, effect in enumerate(outcome.sensitivity.effect):
        prior = _rescaled(parse_prior(effect.prior), signal.prior_factor)
        for j, tau in enumerate(outcome.sensitivity.tau):
            base = replace(_with_effect(names, base_of(model), prior), tau=parse_prior(tau.prior))
            found[i, j] = with_base(model, base)
    return found


def belief_models(outcome: Outcome, model: Model) -> dict[str, Model]:
    """A model under each belief; what a belief leaves out stays as it is.

    A belief about a ``beta`` that names no coefficient of the model says nothing about it.
    """
    return {belief.label: with_base(model, _believed(belief, base_of(model))) for belief in outcome.sensitivity.beliefs}


def _believed(belief: Belief, model: NormalNormal) -> NormalNormal:
    beta = {name: parse_prior(belief.beta[name]) if name in belief.beta else old for name, old in model.beta.items()}
    mu = model.mu if belief.mu is None else parse_prior(belief.mu)
    return replace(model, mu=mu, beta=beta, tau=model.tau if belief.tau is None else parse_prior(belief.tau))


def paths(data: Data, model: Model) -> list[Path]:
    """Families of priors to follow.

    A sceptic's normal prior around zero on the effect, and the stated family on tau where it has a scale.
    """
    found, base = list[Path](), base_of(model)
    stated, names = parameter_priors(data, model), effect_parameters(data, model)
    effect = stated.get(names[0])
    if effect is not None and effect.student is not None and effect.is_normal:
        family = "Normal(0, s)"
        at = lambda s: with_base(model, _with_effect(names, base, Normal(0.0, s)))  # noqa: E731
        found.append(Path(" and ".join(names), family, effect.student.scale, at))
    tau = plain(base.tau)
    scale = tau.row.named("scale")  # a reference prior has none
    if scale is not None:
        values = ("s" if name == scale else f"{getattr(tau, name):g}" for name in tau.row.roles)
        family = f"{type(tau).__name__}({', '.join(values)})"
        at_scale = lambda s: with_base(model, replace(base, tau=tau.replaced(scale, s)))  # noqa: E731
        found.append(Path("tau", family, getattr(tau, scale), at_scale))
    return found


def check_sensitivity(data: Data, outcome: Outcome, signal: Signal, models: Mapping[str, Model]) -> None:
    """Build every alternative once, so that a wrong prior is refused before anything is sampled."""
    stated = models[signal.model]
    for alternative in crossed_models(data, outcome, signal, stated).values():
        tau_prior(data, base_of(alternative))
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
    """The model with the formula and priors of `base`; its kind and its own other priors stay."""
    return base if isinstance(model, NormalNormal) else replace(model, base=base)


def _with_effect(names: tuple[str, ...], model: NormalNormal, prior: Prior) -> NormalNormal:
    return replace(model, mu=prior) if names == ("mu",) else replace(model, beta=dict.fromkeys(names, prior))


def _rescaled(prior: Prior, factor: float) -> Prior:
    """A prior in other units of the covariate."""
    if factor == 1:
        return prior
    if prior.row.named("scale") is None:
        raise SpecificationError(f"prior_factor={factor:g} rescales priors with a scale, e.g. Normal; got {prior}.")
    scaled = prior.scaled(factor)
    for name, value in scaled.numbers().items():
        scaled = scaled.replaced(name, float(f"{value:.12g}"))  # as short as it is exact
    return scaled
