"""More priors for a scale such as `tau`: Uniform, Exponential, Gamma, InvGamma, Lomax."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from bayesmeta.priors import _standard as std
from bayesmeta.priors._base import Floats, MomentMethods, Moments, Size, number_text, positive, real, refused
from bayesmeta.priors.half import HALF_LINE


@final
@dataclass(frozen=True, slots=True, repr=False)
class Uniform(MomentMethods):
    """Uniform distribution between two bounds.

    Parameters
    ----------
    lower, upper : float
        The bounds, in the units of the effect. With `lower` below zero it is no prior for `tau`.

    Raises
    ------
    SpecificationError
        If a bound is not finite, or `upper` does not exceed `lower`.

    References
    ----------
    Gelman (2006), Bayesian Analysis 1:515-534, doi:10.1214/06-BA117A

    Examples
    --------
    >>> Uniform(0, 4).cdf([-1, 1, 5])
    array([0.  , 0.25, 1.  ])
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        real(self, "lower", "upper")
        if not 0 < self.upper - self.lower < math.inf:
            allowed = f"upper must exceed lower, which is {number_text(self.lower)}, by a finite amount."
            raise refused(self, "upper", self.upper, allowed)

    @property
    def support(self) -> tuple[float, float]:
        """The two bounds."""
        return self.lower, self.upper

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        width = self.upper - self.lower
        return Moments(self.lower + width / 2, width / math.sqrt(12))

    def _power_moment(self, k: float) -> float:
        ratio = self.lower / self.upper
        return math.pow(self.upper, k) * (1 - math.pow(ratio, k + 1)) / (1 - ratio) / (k + 1)

    def _logpdf(self, x: Floats) -> Floats:
        return np.full_like(x, -math.log(self.upper - self.lower))

    def _cdf(self, x: Floats) -> Floats:
        return (x - self.lower) / (self.upper - self.lower)

    def _ppf(self, q: Floats) -> Floats:
        return self.lower + q * (self.upper - self.lower)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.asarray(rng.uniform(self.lower, self.upper, size))


@final
@dataclass(frozen=True, slots=True, repr=False)
class Exponential(MomentMethods):
    """Exponential distribution.

    Parameters
    ----------
    rate : float
        One over the mean, so in one over the units of the effect.

    Raises
    ------
    SpecificationError
        If `rate` is not positive and finite.

    Examples
    --------
    >>> Exponential(2).mean(), Exponential(2).sd()
    (0.5, 0.5)
    """

    rate: float

    def __post_init__(self) -> None:
        positive(self, "rate")

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    def moments(self) -> Moments:
        """Mean and standard deviation, which are equal."""
        return Moments(1 / self.rate, 1 / self.rate)

    def _power_moment(self, k: float) -> float:
        return math.gamma(1 + k) / math.pow(self.rate, k)

    def _logpdf(self, x: Floats) -> Floats:
        return math.log(self.rate) - self.rate * x

    def _log_density_of_log(self, u: Floats) -> Floats:
        log_z = u + math.log(self.rate)
        return log_z - np.exp(log_z)

    def _cdf(self, x: Floats) -> Floats:
        return -np.expm1(-self.rate * x)

    def _ppf(self, q: Floats) -> Floats:
        return -np.log1p(-q) / self.rate

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.asarray(rng.exponential(1 / self.rate, size))


@final
@dataclass(frozen=True, slots=True, repr=False)
class Gamma(MomentMethods):
    """Gamma distribution, by shape and rate.

    Parameters
    ----------
    shape : float
        Shape, without unit. Below 1 the density is infinite at zero, above 1 it is zero there.
    rate : float
        Rate (one over the scale), in one over the units of the effect. The mean is ``shape / rate``.

    Raises
    ------
    SpecificationError
        If `shape` or `rate` is not positive and finite.

    Examples
    --------
    >>> Gamma(2, 4).mean(), round(Gamma(2, 4).sd(), 4)
    (0.5, 0.3536)
    """

    shape: float
    rate: float

    def __post_init__(self) -> None:
        positive(self, "shape", "rate")

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        return Moments(self.shape / self.rate, math.sqrt(self.shape) / self.rate)

    def _power_moment(self, k: float) -> float:
        return std.rising(self.shape, k) / math.pow(self.rate, k)

    def _logpdf(self, x: Floats) -> Floats:
        z = self.rate * x
        return std.xlogy(self.shape - 1, z) - z - std.log_gamma(self.shape) + math.log(self.rate)

    def _log_density_of_log(self, u: Floats) -> Floats:
        log_z = u + math.log(self.rate)
        return self.shape * log_z - np.exp(log_z) - std.log_gamma(self.shape)

    def _cdf(self, x: Floats) -> Floats:
        return std.gamma_cdf(self.shape, self.rate * x)

    def _ppf(self, q: Floats) -> Floats:
        return std.gamma_ppf(self.shape, q) / self.rate

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.asarray(rng.gamma(self.shape, 1 / self.rate, size))


@final
@dataclass(frozen=True, slots=True, repr=False)
class InvGamma(MomentMethods):
    """Inverse gamma distribution: one over a gamma with this shape, and this scale as its rate.

    On `tau` itself it is the family of several published priors; one published on `tau**2` is
    ``OnVariance(InvGamma(shape, scale))``.

    Parameters
    ----------
    shape : float
        Shape, without unit. The mean is infinite for `shape` <= 1, the standard deviation for `shape` <= 2.
    scale : float
        Scale, in the units of the effect. The mode is ``scale / (shape + 1)``.

    Raises
    ------
    SpecificationError
        If `shape` or `scale` is not positive and finite.

    References
    ----------
    Bartos, Gronau, Timmers, Otte, Ly and Wagenmakers (2021), Statistics in Medicine, doi:10.1002/sim.9170

    Examples
    --------
    >>> InvGamma(1.71, 0.4).ppf([0.025, 0.5, 0.975]).round(4)
    array([0.0791, 0.2876, 2.519 ])
    >>> InvGamma(1, 0.15).mean()
    inf
    """

    shape: float
    scale: float

    def __post_init__(self) -> None:
        positive(self, "shape", "scale")

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    def moments(self) -> Moments:
        """Mean (inf for `shape` <= 1) and standard deviation (inf for `shape` <= 2)."""
        mean = self.scale / (self.shape - 1) if self.shape > 1 else math.inf
        return Moments(mean, mean / math.sqrt(self.shape - 2) if self.shape > 2 else math.inf)

    def _power_moment(self, k: float) -> float:
        return math.pow(self.scale, k) / std.rising(self.shape - k, k) if self.shape > k else math.inf

    def _logpdf(self, x: Floats) -> Floats:
        z = self.scale / x
        log_density = (self.shape + 1) * np.log(z) - z - std.log_gamma(self.shape) - math.log(self.scale)
        return np.where(np.isinf(z), -np.inf, log_density)

    def _log_density_of_log(self, u: Floats) -> Floats:
        log_z = math.log(self.scale) - u
        return self.shape * log_z - np.exp(log_z) - std.log_gamma(self.shape)

    def _cdf(self, x: Floats) -> Floats:
        return std.gamma_sf(self.shape, self.scale / x)

    def _ppf(self, q: Floats) -> Floats:
        return self.scale / std.gamma_isf(self.shape, q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.scale / np.asarray(rng.standard_gamma(self.shape, size))


@final
@dataclass(frozen=True, slots=True, repr=False)
class Lomax(MomentMethods):
    """Lomax distribution: a Pareto moved to start at zero.

    Parameters
    ----------
    shape : float
        Tail index, without unit. The mean is infinite for `shape` <= 1, the standard deviation for
        `shape` <= 2.
    scale : float
        Scale, in the units of the effect. With `shape` 1 it is the median.

    Raises
    ------
    SpecificationError
        If `shape` or `scale` is not positive and finite.

    Examples
    --------
    >>> Lomax(1, 0.3).ppf([0.25, 0.5, 0.75]).round(4)
    array([0.1, 0.3, 0.9])
    """

    shape: float
    scale: float

    def __post_init__(self) -> None:
        positive(self, "shape", "scale")

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    def moments(self) -> Moments:
        """Mean (inf for `shape` <= 1) and standard deviation (inf for `shape` <= 2)."""
        mean = self.scale / (self.shape - 1) if self.shape > 1 else math.inf
        return Moments(mean, mean * math.sqrt(self.shape / (self.shape - 2)) if self.shape > 2 else math.inf)

    def _power_moment(self, k: float) -> float:
        if self.shape <= k:
            return math.inf
        return math.pow(self.scale, k) * math.gamma(1 + k) / std.rising(self.shape - k, k)

    def _logpdf(self, x: Floats) -> Floats:
        return math.log(self.shape) - math.log(self.scale) - (self.shape + 1) * np.log1p(x / self.scale)

    def _log_density_of_log(self, u: Floats) -> Floats:
        log_z = u - math.log(self.scale)
        return math.log(self.shape) + log_z - (self.shape + 1) * np.logaddexp(0.0, log_z)

    def _cdf(self, x: Floats) -> Floats:
        return -np.expm1(-self.shape * np.log1p(x / self.scale))

    def _ppf(self, q: Floats) -> Floats:
        return self.scale * np.expm1(-np.log1p(-q) / self.shape)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.scale * np.asarray(rng.pareto(self.shape, size))
