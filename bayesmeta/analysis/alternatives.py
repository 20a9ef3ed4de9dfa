"""Models that differ from the stated one in their priors alone: crossed, believed, and along families with one scale."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesmeta.analysis.schema import Belief, Outcome, Signal
from bayesmeta.data.kinds import Data
from bayesmeta.errors import BayesmetaError, SpecificationError, did_you_mean
from bayesmeta.families.prepared import Prepared, tau_prior
from bayesmeta.priors import Normal, Prior, parse_prior, plain
from bayesmeta.spec.two_scales import Model

Ready = Prepared[Data, Model]
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


def crossed_models(ready: Ready, outcome: Outcome, signal: Signal) -> dict[tuple[int, int], Model]:
    """The signal's model under every prior on the effect crossed with every prior on tau."""
    models: dict[tuple[int, int], Model] = {}
    for i, effect in enumerate(outcome.sensitivity.effect):
        priors = dict.fromkeys(ready.effects, _rescaled(parse_prior(effect.prior), signal.prior_factor))
        for j, tau in enumerate(outcome.sensitivity.tau):
            models[i, j] = ready.with_priors(priors | {"tau": parse_prior(tau.prior)})
    return models


def belief_models(ready: Ready, outcome: Outcome) -> dict[str, Model]:
    """A model under each belief; what a belief leaves out stays as it is."""
    return {belief.label: _believed(ready, belief) for belief in outcome.sensitivity.beliefs}


def _believed(ready: Ready, belief: Belief) -> Model:
    """The model under a belief, which says nothing about it with a ``beta`` that names none of its coefficients."""
    texts = {"mu": belief.mu, "tau": belief.tau}
    texts |= {name: text for name, text in belief.beta.items() if name in ready.model.base.beta}
    return ready.with_priors({name: parse_prior(text) for name, text in texts.items() if text is not None})


def paths(ready: Ready) -> list[Path]:
    """Families of priors to follow.

    A sceptic's normal prior around zero on the effect, and the stated family on tau where it has a scale.
    """
    families, stated, names = list[Path](), ready.priors, ready.effects
    effect, tau = stated.get(names[0]), plain(ready.model.base.tau)
    if effect is not None and effect.student is not None and effect.is_normal:
        at = lambda s: ready.with_priors(dict.fromkeys(names, Normal(0.0, s)))  # noqa: E731
        families.append(Path(" and ".join(names), "Normal(0, s)", effect.student.scale, at))
    scale = tau.row.named("scale")  # a reference prior has none
    if scale is not None:
        values = ("s" if name == scale else f"{getattr(tau, name):g}" for name in tau.row.roles)
        family = f"{type(tau).__name__}({', '.join(values)})"
        at_scale = lambda s: ready.with_priors({"tau": tau.replaced(scale, s)})  # noqa: E731
        families.append(Path("tau", family, getattr(tau, scale), at_scale))
    return families


def check_sensitivity(ready: Ready, outcome: Outcome, signal: Signal, models: Iterable[Model]) -> None:
    """Build every alternative once, so that a wrong prior is rejected before anything is sampled; `models` are the outcome's."""
    for alternative in crossed_models(ready, outcome, signal).values():
        tau_prior(ready.data, alternative)
    known = {str(name) for model in models for name in model.base.beta}
    for belief in outcome.sensitivity.beliefs:
        for name in belief.beta:
            if name not in known:
                raise SpecificationError(
                    f"belief {belief.label!r}: no model has a coefficient {name!r}.{did_you_mean(name, known)} "
                    f"Coefficients: {', '.join(sorted(known)) or 'none'}."
                )
        try:
            tau_prior(ready.data, _believed(ready, belief))
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
