"""Models that differ from the stated one in their priors alone: crossed, believed, and along families with one scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayesmeta.analysis.schema import Belief, Outcome, Signal
from bayesmeta.errors import BayesmetaError, SpecificationError, did_you_mean
from bayesmeta.priors import Prior, parse_prior, plain
from bayesmeta.sensitivity.following import Path
from bayesmeta.sensitivity.paths import priored, sceptical
from bayesmeta.sensitivity.posteriors import Ready
from bayesmeta.spec.two_scales import Model

_REACH = 8.0  # how many times narrower and wider than the stated prior a family is followed
_POINTS = 17


def crossed_models(ready: Ready, outcome: Outcome, signal: Signal) -> dict[tuple[int, int], Ready]:
    """The signal's model under every prior on the effect crossed with every prior on tau."""
    models: dict[tuple[int, int], Ready] = {}
    for i, effect in enumerate(outcome.sensitivity.effect):
        priors = dict.fromkeys(ready.effects, _rescaled(parse_prior(effect.prior), signal.prior_factor))
        for j, tau in enumerate(outcome.sensitivity.tau):
            models[i, j] = ready.under(priors | {"tau": parse_prior(tau.prior)})
    return models


def belief_models(ready: Ready, outcome: Outcome) -> dict[str, Ready]:
    """A model under each belief; what a belief leaves out stays as it is."""
    return {belief.label: believed(ready, belief) for belief in outcome.sensitivity.beliefs}


def believed(ready: Ready, belief: Belief) -> Ready:
    """The model under a belief, which says nothing about it with a ``beta`` that names none of its coefficients."""
    texts = {"mu": belief.mu, "tau": belief.tau}
    texts |= {name: text for name, text in belief.beta.items() if name in ready.model.base.beta}
    priors = {name: parse_prior(text) for name, text in texts.items() if text is not None}
    return ready.under(priors)


def paths(ready: Ready) -> list[Path]:
    """Families of priors to follow.

    A sceptic's normal prior around zero on the effect, and the stated family on tau where it has a scale.
    """
    every_path, names = list[Path](), ready.effects
    effect, tau = ready.priors.get(names[0]), plain(ready.model.base.tau)
    if effect is not None and effect.student is not None and effect.is_normal:
        every_path.append(replace(sceptical(ready, names, *_around(effect.student.scale)), limits=(None, None)))
    scale = tau.row.named("scale")  # a reference prior has none
    if scale is not None:
        values = ("s" if name == scale else f"{getattr(tau, name):g}" for name in tau.row.roles)
        points, value = _around(getattr(tau, scale))
        every_path.append(
            Path(
                kind="tau_factor",
                parameter="tau",
                points=points,
                value=value,
                at=lambda s: priored(ready, ["tau"], tau.replaced(scale, s)),
                text=lambda s: str(tau.replaced(scale, s)),
                family=f"{type(tau).__name__}({', '.join(values)})",
            )
        )
    return every_path


def _around(stated: float) -> tuple[NDArray[np.float64], Callable[[float], float]]:
    """Logarithms of scales on both sides of the stated one, and from a logarithm to the scale."""
    return math.log(stated) + np.linspace(-1, 1, _POINTS) * math.log(_REACH), math.exp


def check_sensitivity(ready: Ready, outcome: Outcome, signal: Signal, models: Iterable[Model]) -> None:
    """Build every alternative once, so that a wrong prior is rejected before anything is sampled; `models` are the outcome's."""
    for alternative in crossed_models(ready, outcome, signal).values():
        _ = alternative.parameters
    known = {str(name) for model in models for name in model.base.beta}
    for belief in outcome.sensitivity.beliefs:
        for name in belief.beta:
            if name not in known:
                raise SpecificationError(
                    f"belief {belief.label!r}: no model has a coefficient {name!r}.{did_you_mean(name, known)} "
                    f"Coefficients: {', '.join(sorted(known)) or 'none'}."
                )
        try:
            _ = believed(ready, belief).parameters
        except BayesmetaError as error:
            raise type(error)(f"belief {belief.label!r}: {error}") from error


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
