"""The models of an ensemble: each with its priors, its posterior, and what it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.priors import PointMass, Prior
from bayesmeta.quadrature.curves import Curve, mean_curve, scale_curve
from bayesmeta.quadrature.selection import bias as engine
from bayesmeta.quadrature.selection.fit import BiasFit, fit_bias
from bayesmeta.quadrature.selection.steps import Steps
from bayesmeta.quadrature.selection.weights import WeightPosterior
from bayesmeta.spec.publication_bias import PEESE, PET, Bias, Selection

Floats = NDArray[np.float64]
NO_BIAS = "none"
# RoBMA-PSMA: Bartos, Maier, Wagenmakers, Doucouliagos and Stanley (2023), doi:10.1002/jrsm.1594
DEFAULT_BIAS: Mapping[Bias | None, float] = {
    None: 1 / 2,
    Selection(steps=(0.05,), sides=2): 1 / 24,
    Selection(steps=(0.05, 0.1), sides=2): 1 / 24,
    Selection(steps=(0.05,)): 1 / 24,
    Selection(steps=(0.025, 0.05)): 1 / 24,
    Selection(steps=(0.05, 0.5)): 1 / 24,
    Selection(steps=(0.025, 0.05, 0.5)): 1 / 24,
    PET(): 1 / 8,
    PEESE(): 1 / 8,
}


@dataclass(frozen=True, eq=False)
class Member:
    """One model of an ensemble, with its posterior.

    Attributes
    ----------
    effect, heterogeneity : bool
        Whether mu and tau have a prior; they are zero where not.
    bias : Selection, PET, PEESE or None
    prior : float
        Prior probability.
    fit : BiasFit
    """

    effect: bool
    heterogeneity: bool
    bias: Bias | None
    prior: float
    fit: BiasFit

    @property
    def has(self) -> frozenset[str]:
        """Names of what it has."""
        kind = {Selection: "selection", PET: "PET-PEESE", PEESE: "PET-PEESE"}
        present = {"mu": self.effect, "tau": self.heterogeneity, "bias": self.bias is not None}
        named = {name for name, there in present.items() if there}
        return frozenset(named if self.bias is None else {*named, kind[type(self.bias)]})

    @property
    def label(self) -> str:
        """Its bias in words."""
        return NO_BIAS if self.bias is None else self.bias.label

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """Curves of mu and tau; one point where one is zero."""
        return _curves(self.fit.grid, self.effect)

    @cached_property
    def shift(self) -> float:
        """How much the last refinement of the nodes changed the distribution function of mu or tau."""
        assert self.fit.grid.coarser is not None
        before = _curves(self.fit.grid.coarser, self.effect)
        return max(float(np.abs(before[name].cdf(curve.x) - curve.below).max()) for name, curve in self.curves.items())

    @cached_property
    def weights(self) -> WeightPosterior | None:
        """Posterior of its selection weights."""
        return WeightPosterior(self.fit) if isinstance(self.bias, Selection) else None


def _curves(grid, effect: bool) -> dict[str, Curve]:  # type: ignore[no-untyped-def]
    known = Curve(np.zeros(1), np.array([np.inf]), np.ones(1))
    tau = scale_curve(grid.scales["tau"], grid.scale_mass("tau")[1])
    return {"mu": mean_curve(grid) if effect else known, "tau": tau}


def sign_of(direction: str) -> int:
    """1 where large effects are looked for, -1 where small ones are."""
    return -1 if direction == "negative" else 1


def engine_bias(bias: Bias | None, data: Estimates, direction: str) -> engine.Bias:
    """A way of bias for the engine."""
    y, se, sign = data.y, data.se, sign_of(direction)
    if bias is None:
        return engine.Unbiased(y, se)
    if isinstance(bias, Selection):
        return engine.Selection(y, se, Steps(bias.steps, bias.sides == 2, sign), bias.weights)
    return engine.Trend(y, se, sign * (se if isinstance(bias, PET) else se**2), bias.coefficient)


def members(
    data: Estimates,
    mu: Prior,
    tau: Prior,
    chances: tuple[float, float],
    biases: Mapping[Bias | None, float],
    direction: str,
    tolerance: float,
) -> Sequence[Member]:
    """All models that have a prior probability, fitted; `chances` are those of an effect and of heterogeneity."""
    found = []
    for effect in (False, True):
        for heterogeneity in (False, True):
            for bias, share in biases.items():
                prior = share
                for there, chance in zip((effect, heterogeneity), chances, strict=True):
                    prior *= chance if there else 1 - chance
                if prior > 0:
                    priors = mu if effect else PointMass(0), tau if heterogeneity else PointMass(0)
                    fit = fit_bias(engine_bias(bias, data, direction), *priors, tolerance)
                    found.append(Member(effect, heterogeneity, bias, prior, fit))
    return found
