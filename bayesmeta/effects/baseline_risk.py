"""The risk without treatment, as far as it is known: a number, or a distribution between 0 and 1 with its nodes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, expit, logit, ndtr, ndtri

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior, parse_prior, plain
from bayesmeta.priors._parameters import number_text
from bayesmeta.priors.registry import call

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]
_HALF_WIDTH = 4.0  # of the double-exponential rule, beyond which weights vanish in double precision
_HALVINGS = 60  # of the interval of risks
_PAIRS = 20  # of events and arm size, at the most
_ALLOWED = (
    "a number between 0 and 1 (0.2), events of participants ('12 of 60'), 'Beta(12, 48)', 'LogitNormal(-1.4, 0.3)', or a prior "
    "with all of its mass there, such as Uniform(0.1, 0.3)"
)
_EVENTS = re.compile(r"(\d+) of (\d+)")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A distribution of the risk, by its weight in a mixture, distribution function and quantiles."""

    weight: float
    cdf: Function
    ppf: Function


@dataclass(frozen=True, slots=True, eq=False)
class BaselineRisk:
    """A risk that is known, or a distribution of it.

    Attributes
    ----------
    text : str
        As it was stated.
    parts : sequence of Part
        What the distribution is a mixture of; none where the risk is known.
    known : float or None
        The risk, where it is a number.

    Examples
    --------
    >>> baseline_risk("12 of 60").quantiles([0.025, 0.5, 0.975]).round(3)
    array([0.114, 0.202, 0.314])
    >>> baseline_risk(0.2).quantiles([0.025, 0.975])
    array([0.2, 0.2])
    """

    text: str
    parts: Sequence[Part] = ()
    known: float | None = None

    def nodes(self, step: float, low: float = 0.0, high: float = 1.0) -> tuple[Floats, Floats]:
        """Risks between two limits and their weights: a double-exponential rule over the probabilities of each part."""
        if self.known is not None:
            inside = low <= self.known <= high
            return np.array([self.known]), np.array([float(inside)])
        unit, weight = _rule(step)
        risks, weights = [], []
        for part in self.parts:
            first, last = (float(part.cdf(np.array(x))) if 0 < x < 1 else x for x in (low, high))
            risks.append(part.ppf(np.clip(first + (last - first) * unit, 0.0, 1.0)))
            weights.append(part.weight * (last - first) * weight)
        return np.clip(np.concatenate(risks), 0.0, 1.0), np.concatenate(weights)

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Quantiles of the risk."""
        at = np.asarray(levels, float)
        if self.known is not None:
            return np.full_like(at, self.known)
        if len(self.parts) == 1:
            return np.asarray(self.parts[0].ppf(at), float)
        return _inverted(self.below, at)

    def below(self, risk: Floats | float) -> Floats:
        """Probability of a risk of at most so much."""
        at = np.asarray(risk, float)
        if self.known is not None:
            return np.asarray(at >= self.known, float)
        return np.asarray(sum(part.weight * part.cdf(at) for part in self.parts))


@lru_cache(maxsize=16)
def _rule(step: float) -> tuple[Floats, Floats]:
    """Nodes between 0 and 1, and weights that sum to 1."""
    t = np.arange(-_HALF_WIDTH, _HALF_WIDTH + step / 2, step)
    nodes = expit(math.pi * np.sinh(t))
    weights = np.cosh(t) * nodes * expit(-math.pi * np.sinh(t))
    return nodes, weights / weights.sum()


def _inverted(cdf: Function, levels: Floats) -> Floats:
    """Quantiles between 0 and 1 from a distribution function, by halving."""
    low, high = np.zeros_like(levels), np.ones_like(levels)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = cdf(middle) < levels
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high


def baseline_risk(given: float | str | Prior) -> BaselineRisk:
    """Read a baseline risk.

    Parameters
    ----------
    given : float, str or Prior
        A number, or a distribution of the risk: as text ``"12 of 60"``, 12 events of 60 participants under Jeffreys' prior
        Beta(1/2, 1/2), ``"Beta(12, 48)"``, ``"LogitNormal(-1.4, 0.3)"``, whose logit is normal, or any prior with all of its
        mass between 0 and 1.

    Raises
    ------
    SpecificationError
        If it is none of these.
    """
    text = str(given).strip()
    if (number := _number(given)) is not None:
        return _of_number(number)
    if match := _EVENTS.fullmatch(text):
        events, n = map(int, match.groups())
        if not 0 <= events <= n or n == 0:
            raise SpecificationError(
                f"baseline risk {text!r}: events must not exceed participants, of whom there are some."
            )
        return BaselineRisk(text, [_beta(events + 0.5, n - events + 0.5)])
    if isinstance(given, str) and (own := _named(text)) is not None:
        return own
    if isinstance(given, str):
        try:
            given = parse_prior(text)
        except SpecificationError:
            raise SpecificationError(f"baseline risk {text!r}: give {_ALLOWED}.") from None
    if not isinstance(given, Prior):
        raise SpecificationError(f"baseline risk {given!r}: give {_ALLOWED}.")
    return _of_prior(plain(given), text)


def _number(given: object) -> float | None:
    """A number, also as text; None for anything else."""
    if isinstance(given, bool) or not isinstance(given, Real | str):
        return None
    try:
        return float(given)
    except ValueError:
        return None


def printed_risk(percent: float, counts: Sequence[tuple[int, int]]) -> BaselineRisk:
    """A risk that was printed as a percentage of an unknown count: pairs of events and arm size, each as likely as the others.

    Of very many pairs evenly spaced ones stand for all: their distributions are wider than the gaps between them.
    """
    kept = counts[:: max(len(counts) // _PAIRS, 1)]
    return BaselineRisk(f"printed {percent:g}%", [_beta(k + 0.5, n - k + 0.5, 1 / len(kept)) for k, n in kept])


def _of_number(risk: float) -> BaselineRisk:
    text = number_text(risk)
    if not 0 < risk < 1:
        hint = f" {risk:g}% is {risk / 100:g}." if 1 < risk < 100 else ""
        raise SpecificationError(f"baseline risk {text}: it must lie between 0 and 1, without these.{hint}")
    return BaselineRisk(text, known=risk)


def _named(text: str) -> BaselineRisk | None:
    """A Beta or logit-normal distribution by its text; None for any other text."""
    name, arguments = call(text)
    if name not in ("Beta", "LogitNormal"):
        return None
    try:
        first, second = map(float, arguments)
    except ValueError:
        first = second = math.nan
    least = min(first, second) if name == "Beta" else second
    if not (math.isfinite(first) and math.isfinite(second) and least > 0):
        wanted = (
            "two positive numbers"
            if name == "Beta"
            else "mean and standard deviation of the logit, the latter positive"
        )
        raise SpecificationError(f"baseline risk {text!r}: {name} takes {wanted}.")
    if name == "Beta":
        return BaselineRisk(text, [_beta(first, second)])
    part = Part(
        1.0,
        lambda risk: np.asarray(ndtr((logit(risk) - first) / second)),
        lambda q: np.asarray(expit(first + second * ndtri(q))),
    )
    return BaselineRisk(text, [part])


def _of_prior(prior: Prior, text: str) -> BaselineRisk:
    """A prior as a distribution of the risk; a mixture by its components."""
    lower, upper = prior.support
    if not (prior.is_proper and lower >= 0 and upper <= 1):
        raise SpecificationError(
            f"baseline risk {text}: it has mass below 0 or above 1, where no risk is. Give {_ALLOWED}."
        )
    if prior.atom is not None:
        return _of_number(prior.atom)
    return BaselineRisk(text, [Part(weight, leaf.cdf, leaf.ppf) for weight, leaf in prior.leaves()])


def _beta(a: float, b: float, weight: float = 1.0) -> Part:
    return Part(weight, lambda risk: np.asarray(betainc(a, b, risk)), lambda q: np.asarray(betaincinv(a, b, q)))
