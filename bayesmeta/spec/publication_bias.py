"""How studies may be missing, or small ones exaggerate: selection by P values, PET and PEESE, as values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bayesmeta.errors import SpecificationError
from bayesmeta.numbers import is_between
from bayesmeta.priors import Cauchy, PointMass, Prior, Truncated

_MOST_FREE = 3  # weights that the product rule carries
_OF_PET, _OF_PEESE = (Truncated(Cauchy(0, scale), 0, math.inf) for scale in (1, 5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Estimates are seen with a probability that depends on the interval in which their P value lies.

    The likelihood of a study is w_j N(y; mu, se^2 + tau^2) / sum_j w_j P_j: w_j is the weight of the interval of its own P value,
    P_j the probability of each interval before selection. The most significant interval has weight 1.

    Parameters
    ----------
    steps : sequence of float
        Cut points of P values, increasing, between 0 and 1. A P value equal to a cut belongs to the more significant interval:
        y = 0 has a one-sided P value of .5.
    sides : {1, 2}
        One-sided P values, for effects in the direction that is looked for, or two-sided ones.
    weights : sequence of Prior or float, optional
        Of the second interval and those after it: a prior on [0, inf) for each, or a number for a weight that is known. By
        default weights decrease, 1 > w_2 > w_3 > ..., uniformly on all that do: the cumulative Dirichlet(1, ..., 1) of RoBMA.

    Raises
    ------
    SpecificationError
        If steps or weights cannot be right, or more than three weights are free.

    References
    ----------
    Vevea and Hedges (1995), Psychometrika 60:419-435, doi:10.1007/BF02294384
    Maier, Bartos and Wagenmakers (2023), Robust Bayesian meta-analysis, Psychol. Methods 28:107-122, doi:10.1037/met0000405

    Examples
    --------
    >>> Selection(steps=[0.025, 0.05]).label
    'one-sided P .025, .05'
    """

    steps: tuple[float, ...] = (0.025, 0.05)
    sides: Literal[1, 2] = 1
    weights: tuple[Prior, ...] | None = None

    def __post_init__(self) -> None:
        steps = tuple(self.steps) if isinstance(self.steps, Sequence) else (self.steps,)
        if not steps or not all(is_between(cut, 0, 1) for cut in steps) or list(steps) != sorted(set(steps)):
            raise SpecificationError(
                f"Selection(steps={self.steps!r}): give cut points of P values between 0 and 1, increasing, e.g. [0.025, 0.05]."
            )
        if self.sides not in (1, 2):
            raise SpecificationError(f"Selection(sides={self.sides!r}): 1 or 2, as P values are one- or two-sided.")
        object.__setattr__(self, "steps", tuple(float(cut) for cut in steps))
        if self.weights is not None:
            object.__setattr__(self, "weights", self._checked(self.weights))
        free = len(steps) if self.weights is None else sum(w.atom is None for w in self.weights)
        if free > _MOST_FREE:
            raise SpecificationError(
                f"Selection(steps={list(steps)}): {free} weights are free, and the product rule takes {_MOST_FREE}. Leave out a "
                "cut, or give numbers for some weights, weights=[0.5, ...]."
            )

    def _checked(self, given: Sequence[Prior | float]) -> tuple[Prior, ...]:
        if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != len(self.steps):
            raise SpecificationError(
                f"Selection(weights={given!r}): give one for each interval after the first, {len(self.steps)} in all: a prior on "
                "[0, inf), such as Uniform(0, 1), or a number."
            )
        weights = tuple(w if isinstance(w, Prior) else PointMass(w) for w in given)
        for w in weights:
            if w.atom is not None and not w.atom > 0:
                raise SpecificationError(
                    f"Selection(weights=...): a weight of {w.atom:g} must be positive; nothing would be published there."
                )
            if w.atom is None and (w.support[0] < 0 or not (w.is_proper and w.has_density)):
                raise SpecificationError(
                    f"Selection(weights=...): prior for a weight is {w}, which is improper, or has mass below 0 or at a point. "
                    "Use Uniform(0, 1), HalfNormal(1) or another density on [0, inf)."
                )
        return weights

    @property
    def label(self) -> str:
        """In a few words."""
        cuts = ", ".join(f"{cut:g}".removeprefix("0") for cut in self.steps)
        return f"{'one' if self.sides == 1 else 'two'}-sided P {cuts}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trend:
    coefficient: Prior

    def __post_init__(self) -> None:
        prior = self.coefficient
        if not (isinstance(prior, Prior) and prior.is_proper and prior.has_density):
            raise SpecificationError(
                f"{type(self).__name__}(coefficient={prior!r}): give a proper prior with a density, e.g. "
                "Truncated(Cauchy(0, 1), 0, inf)."
            )

    @property
    def label(self) -> str:
        """Its name."""
        return type(self).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class PET(_Trend):
    """Effects grow with their standard errors, as where small studies are published if they are large enough to be significant.

    y_i ~ N(mu + b se_i, se_i^2 + tau^2), or mu - b se_i where small effects are looked for: mu is the effect of a study without
    sampling error.

    Parameters
    ----------
    coefficient : Prior
        Of b; RoBMA's by default.

    References
    ----------
    Stanley and Doucouliagos (2014), Res. Synth. Methods 5:60-78, doi:10.1002/jrsm.1095

    Examples
    --------
    >>> PET().coefficient
    Truncated(Cauchy(0, 1), 0, inf)
    """

    coefficient: Prior = _OF_PET


@dataclass(frozen=True, slots=True, kw_only=True)
class PEESE(_Trend):
    """The same with the squares of the standard errors: small effects are hit more than large ones.

    Parameters
    ----------
    coefficient : Prior
        Of b, in units of one over the effect's; RoBMA's, for standardised mean differences, by default.

    References
    ----------
    Stanley and Doucouliagos (2014), Res. Synth. Methods 5:60-78, doi:10.1002/jrsm.1095

    Examples
    --------
    >>> PEESE().coefficient
    Truncated(Cauchy(0, 5), 0, inf)
    """

    coefficient: Prior = _OF_PEESE


Bias = Selection | PET | PEESE
