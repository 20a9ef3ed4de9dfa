"""Reference priors on `tau` given the studies' sampling variances, where they are not a family of their own."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np

from bayesmeta.priors._base import Floats, Moments, Prior
from bayesmeta.priors._half_line import HALF_LINE, MomentMethods
from bayesmeta.priors._numeric import LogTable, tabulate

Variances = tuple[float, ...]
Rule = Callable[[Floats, Variances], Floats]

BLOCK = 1 << 18  # numbers held at once while a density is evaluated for many studies
STEP = 0.2  # of the trapezoidal rule in log(tau), whose error is below exp(-pi**2 / STEP)
NEGLIGIBLE = 42.0  # exp(-42) of a probability is below rounding


@final
@dataclass(frozen=True, slots=True, repr=False)
class BoundImproper(Prior):
    """An improper reference prior given the studies.

    Parameters
    ----------
    name : str
        Family, for the text.
    rule : callable
        Log density of tau at log(tau) = u, given the variances.
    variances : tuple of float
        Sampling variances in increasing order.
    """

    name: str
    rule: Rule
    variances: Variances

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    @property
    def is_proper(self) -> bool:
        """False."""
        return False

    def moments(self) -> Moments:
        """Neither exists: (nan, nan)."""
        return Moments(math.nan, math.nan)

    def _logpdf(self, x: Floats) -> Floats:
        return self.rule(np.log(x), self.variances)

    def _logpdf_of_log(self, u: Floats) -> Floats:
        return u + self.rule(u, self.variances)

    def __str__(self) -> str:
        return _text(self.name, self.variances)


@final
@dataclass(frozen=True, slots=True, repr=False)
class BoundConventional(MomentMethods):
    """The conventional prior given the studies, normalised.

    Parameters
    ----------
    variances : tuple of float
        Sampling variances in increasing order.
    """

    variances: Variances
    log_total: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "log_total", _log_power_integral(self.variances, 0.0))

    def moments(self) -> Moments:
        """Both are infinite: the density falls as 1/tau^2."""
        return Moments(math.inf, math.inf)

    def _power_moment(self, k: float) -> float:
        return math.exp(_log_power_integral(self.variances, k) - self.log_total) if k < 1 else math.inf

    def _logpdf(self, x: Floats) -> Floats:
        return log_conventional(np.log(x), self.variances) - self.log_total

    def _log_density_of_log(self, u: Floats) -> Floats:
        return u + log_conventional(u, self.variances) - self.log_total

    def _cdf(self, x: Floats) -> Floats:
        return _table(self).cdf(np.log(x))

    def _ppf(self, q: Floats) -> Floats:
        return np.exp(_table(self).ppf(q))

    def __str__(self) -> str:
        return _text("Conventional", self.variances)


def log_jeffreys(u: Floats, variances: Variances) -> Floats:
    """Log of sqrt(sum((tau / (v + tau^2))^2)) at tau = exp(u)."""
    return u + 0.5 * _log_sum(u, variances, 2)


def log_overall_jeffreys(u: Floats, variances: Variances) -> Floats:
    """Log of sqrt(sum(1 / (v + tau^2)) * sum((tau / (v + tau^2))^2)) at tau = exp(u)."""
    return u + 0.5 * (_log_sum(u, variances, 1) + _log_sum(u, variances, 2))


def log_berger_deely(u: Floats, variances: Variances) -> Floats:
    """Log of tau * prod((v + tau^2)^(-1/k)) at tau = exp(u)."""
    return u - _mean_log(u, variances)


def log_conventional(u: Floats, variances: Variances) -> Floats:
    """Log of tau * prod((v + tau^2)^(-3/(2k))) at tau = exp(u)."""
    return u - 1.5 * _mean_log(u, variances)


def _log_sum(u: Floats, variances: Variances, power: int) -> Floats:
    """log(sum((v + tau^2)^-power)): no term exceeds that of the smallest variance, which is the unit."""
    log_unit = math.log(variances[0])
    return _over_studies(u, variances, log_unit, lambda total: np.log((total**-power).sum(axis=-1)), -power)


def _mean_log(u: Floats, variances: Variances) -> Floats:
    """mean(log(v + tau^2)), in units of the middle of the range, so that no ratio overflows."""
    log_unit = 0.5 * (math.log(variances[0]) + math.log(variances[-1]))
    return _over_studies(u, variances, log_unit, lambda total: np.log(total).mean(axis=-1), 1)


def _over_studies(
    u: Floats, variances: Variances, log_unit: float, reduce: Callable[[Floats], Floats], power: int
) -> Floats:
    """Reduce (v + tau^2) / c over studies, where c is the larger of a unit and tau^2; then add power * log(c)."""
    ratio = np.exp(np.log(variances) - log_unit)
    flat = np.ravel(np.asarray(u, float))
    log_c = np.maximum(2 * flat, log_unit)
    out = np.empty_like(flat)
    rows = max(1, BLOCK // ratio.size)
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, rows):
            at = slice(start, start + rows)
            total = ratio * np.exp(log_unit - log_c[at])[:, None] + np.exp(2 * flat[at] - log_c[at])[:, None]
            out[at] = reduce(total)
    return np.asarray(out + power * log_c).reshape(np.shape(u))


def _log_power_integral(variances: Variances, k: float) -> float:
    """Log of the integral of tau^k times the conventional density, not normalised, for k < 1.

    In u = log(tau) the integrand is analytic within pi/2 of the real axis and falls exponentially at both ends, so
    the trapezoidal rule converges as exp(-pi**2 / step) (Trefethen and Weideman 2014, doi:10.1137/130932132).
    """
    first, last = 0.5 * math.log(variances[0]), 0.5 * math.log(variances[-1])
    u = np.arange(first - NEGLIGIBLE / 2, last + NEGLIGIBLE / (1 - k), STEP)
    log_integrand = (1 + k) * u + log_conventional(u, variances)
    highest = float(log_integrand.max())
    return highest + math.log(STEP * math.fsum(np.exp(log_integrand - highest)))


@functools.lru_cache(maxsize=32)
def _table(prior: BoundConventional) -> LogTable:
    first, last = (0.5 * math.log(v) for v in (prior.variances[0], prior.variances[-1]))
    start, stop = first - 2 * NEGLIGIBLE, last + 2 * NEGLIGIBLE
    edges = np.linspace(start, stop, 2 * math.ceil(stop - start) + 1)
    return tabulate(prior._logpdf_of_log, edges, float(prior._logpdf_of_log(edges).max()))


def _text(name: str, variances: Variances) -> str:
    return f"{name}().given({len(variances)} variances)"
