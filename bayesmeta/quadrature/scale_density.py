"""Priors on tau as log densities on the real line, vectorised over lanes, for any array library.

The row of a family has its constants (NumPy, once) and its log density at u = log(tau).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior
from bayesmeta.priors._parameters import parameter_names
from bayesmeta.priors._standard import log1p_exp
from bayesmeta.quadrature.special import TINY, namespace

Array = Any
Floats = NDArray[np.float64]
_LOG_2 = math.log(2)
_AT_ZERO = 1e-100  # in the place of an end of the support, whose v would be infinite
_SMALLEST_PIECE = 1e-12  # of a prior's mass, below which differences of its distribution function have no digits


@dataclass(frozen=True)
class ScaleDensity:
    """One prior on tau, or one for each lane, as a log density on the real line v.

    tau = exp(v) on [0, inf), and a logistic map of v where the support is bounded; the Jacobian is included.

    Attributes
    ----------
    lower, upper : float or array
        Support.
    log_of_log : callable
        ``(xp, u)`` to the log density of u = log(tau).
    middle, spread : float or array
        Roughly where log(tau) lies; nan where the prior is improper.
    """

    lower: Any
    upper: Any
    log_of_log: Callable[[Any, Array], Array]
    middle: Any
    spread: Any

    @cached_property
    def bounded(self) -> bool:
        """Whether the support has an upper end."""
        return bool(np.all(np.isfinite(np.asarray(self.upper))))

    @cached_property
    def _from_zero(self) -> bool:
        return bool(np.all(np.asarray(self.lower) == 0))

    @cached_property
    def logarithmic(self) -> bool:
        """Whether v is log(tau)."""
        return self._from_zero and not self.bounded

    def at(self, v: Array) -> tuple[Array, Array]:
        """Return tau, and the prior's log density of v."""
        xp = namespace(v)
        if self.bounded:
            width, inner = self.upper - self.lower, -log1p_exp(xp, -v)
            tau = self.lower + width * xp.exp(inner)
            log_tau = xp.log(tau)
            jacobian = xp.log(xp.asarray(width, dtype=v.dtype)) + inner - log1p_exp(xp, v)
            return tau, self.log_of_log(xp, log_tau) - log_tau + jacobian
        if self._from_zero:
            return xp.exp(v), self.log_of_log(xp, v)
        tau = self.lower + xp.exp(v)
        log_tau = xp.log(tau)
        return tau, self.log_of_log(xp, log_tau) - log_tau + v

    def log_density(self, tau: Floats) -> Floats:
        """Log density of tau itself, for NumPy arrays; at zero its limit."""
        with np.errstate(divide="ignore", invalid="ignore"):
            log_tau = np.log(np.maximum(tau, 1e-145))  # close enough to zero for any density's limit
            return np.asarray(self.log_of_log(np, log_tau) - log_tau)

    def line(self, tau: Floats) -> Floats:
        """The v of tau, for NumPy arrays; infinite at the ends of the support."""
        if self.bounded:
            return np.asarray(np.log(tau - self.lower) - np.log(self.upper - tau))
        return np.asarray(np.log(tau - self.lower))

    def inverse(self, log_tau: Any) -> Any:
        """The v whose tau is exp(log_tau), for points inside the support; roughly so at its ends."""
        if self.logarithmic:
            return log_tau
        lower, upper = np.asarray(self.lower), np.asarray(self.upper)
        if self.bounded:
            share = (np.exp(np.asarray(log_tau)) - lower) / (upper - lower)
            share = np.clip(share, _AT_ZERO, 1 - 1e-9)  # the ends lie at infinity
            return np.log(share) - np.log1p(-share)
        return np.log(np.maximum(np.exp(np.asarray(log_tau)) - lower, _AT_ZERO))


def scale_density(priors: Prior | Sequence[Prior], convert: Callable[[Floats], Array] = np.asarray) -> ScaleDensity:
    """Prepare one prior, or one for each lane, all of one family.

    Parameters
    ----------
    priors : Prior or sequence of Prior
        A sequence gives arrays of shape (lane, 1, 1).
    convert : callable
        From a NumPy array to the array library in use.

    Raises
    ------
    SpecificationError
        If the priors are of several families, or a constant of a prior's density is larger than a float.
    """
    many = not isinstance(priors, Prior)
    first: Prior = priors[0] if many else priors  # type: ignore[index, assignment]
    if first.of_square is not None:
        squares = [p.of_square for p in priors] if many else first.of_square  # type: ignore[union-attr]
        return _on_variance(scale_density(squares, convert))  # type: ignore[arg-type]
    family = first.row.log_density
    if family is None:
        if many and any(prior != first for prior in priors):  # type: ignore[union-attr]
            raise SpecificationError(
                f"{type(first).__name__} priors cannot differ within a batch; fit them one by one."
            )
        return _opaque(first)
    names = parameter_names(type(first))
    if many:
        if any(type(prior) is not type(first) for prior in priors):  # type: ignore[union-attr]
            raise SpecificationError("the tau priors of a batch must be of one family; fit each family on its own.")
        values = [np.array([getattr(prior, name) for prior in priors])[:, None, None] for name in names]  # type: ignore[union-attr]
    else:
        values = [np.asarray(getattr(first, name), dtype=float) for name in names]
    with np.errstate(over="ignore", divide="ignore"):
        computed = [np.asarray(c, dtype=float) for c in family.constants(*values)]
    if not all(np.isfinite(c).all() for c in computed):
        shown = f"one of the priors for tau, {first} and others," if many else f"prior for tau is {first}, which"
        raise SpecificationError(
            f"{shown} has parameters too small or too large to compute with. A known tau is PointMass."
        )
    constants = [convert(c) if many else float(c) for c in computed]
    middle, spread = family.middle(*values)
    bounds = zip((first.row.named("lower"), first.row.named("upper")), first.support, strict=True)
    lower, upper = (values[names.index(name)] if name else bound for name, bound in bounds)
    return ScaleDensity(
        convert(np.asarray(lower)) if many else lower,
        convert(np.asarray(upper)) if many else upper,
        lambda xp, u: family.log_density(xp, u, *constants),
        middle,
        spread,
    )


def _on_variance(inner: ScaleDensity) -> ScaleDensity:
    return ScaleDensity(
        inner.lower**0.5,
        inner.upper**0.5,
        lambda xp, u: inner.log_of_log(xp, 2 * u) + _LOG_2,
        inner.middle / 2,
        inner.spread / 2,
    )


def _opaque(prior: Prior) -> ScaleDensity:
    """A prior that only NumPy can evaluate: a reference prior given its data, a user's function."""
    lower, upper = prior.support

    def log_of_log(xp: Any, u: Array) -> Array:
        return xp.asarray(prior._logpdf_of_log(np.asarray(u)))  # type: ignore[attr-defined]

    middle = spread = math.nan
    if prior.is_proper:
        # nine tenths of the mass and its middle
        low, middle, high = np.log(np.maximum(prior.ppf([0.05, 0.5, 0.95]), TINY))
        spread = float(high - low) / 3  # of a normal log tau, these quantiles are 3.3 standard deviations apart
    return ScaleDensity(lower, upper, log_of_log, float(middle), spread)


def separated(prior: Prior) -> list[tuple[float, ScaleDensity]]:
    """A user's prior in pieces of one peak each, cut where its density is lowest, with their probabilities."""
    whole, ends = _opaque(prior), [0.0]
    for cut in prior.valleys or ():
        if min(prior.cdf(cut) - prior.cdf(ends[-1]), 1.0 - prior.cdf(cut)) > _SMALLEST_PIECE:
            ends.append(cut)
    pieces = []
    for lower, upper in itertools.pairwise([*ends, math.inf]):
        low, high = float(prior.cdf(lower)), float(prior.cdf(upper))
        # the quartiles of what lies within the piece
        quartiles = np.log(prior.ppf(low + (high - low) * np.array([0.25, 0.5, 0.75])))
        piece = replace(
            whole,
            lower=lower,
            upper=upper,
            log_of_log=_given(whole, high - low),
            middle=float(quartiles[1]),
            spread=float(quartiles[2] - quartiles[0]),
        )
        pieces.append((high - low, piece))
    return pieces


def _given(whole: ScaleDensity, probability: float) -> Callable[[Any, Array], Array]:
    return lambda xp, u: whole.log_of_log(xp, u) - math.log(probability)
