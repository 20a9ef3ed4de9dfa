"""More priors for a scale such as `tau`: Rayleigh, Uniform, Exponential, Gamma."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from bayesmeta.priors import _standard as std
from bayesmeta.priors._base import Floats, InPyMC, Moments, Size
from bayesmeta.priors._half_line import MomentMethods
from bayesmeta.priors._parameters import number_text, real, rejected
from bayesmeta.priors.registry import LogDensity, Row


@Row(
    example="Rayleigh(0.5)",
    roles={"scale": "scale"},
    log_density=LogDensity(
        lambda scale: (-2 * np.log(scale), -0.5 * np.asarray(scale) ** -2.0),
        lambda xp, u, norm, rate: norm + 2 * u + rate * xp.exp(2 * u),
        lambda scale: (np.log(scale), 0.7),
    ),
)
@final
@dataclass(frozen=True, slots=True, repr=False)
class Rayleigh(MomentMethods):
    """Rayleigh distribution, which is zero at zero: homogeneity is held to be impossible.

    Parameters
    ----------
    scale : float
        Mode, in the units of the effect.

    Raises
    ------
    SpecificationError
        If `scale` is not positive and finite.

    Examples
    --------
    >>> Rayleigh(0.5).ppf([0.05, 0.5, 0.95]).round(4)
    array([0.1601, 0.5887, 1.2239])
    """

    scale: float

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        return Moments(self.scale * math.sqrt(math.pi / 2), self.scale * math.sqrt(2 - math.pi / 2))

    def in_pymc(self, pm: Any, name: str, data: Mapping[str, Any]) -> InPyMC:
        """A Weibull distribution of shape 2."""
        return InPyMC(pm.Weibull, {"alpha": 2.0, "beta": data["scale"] * math.sqrt(2.0)}, name)

    def _power_moment(self, k: float) -> float:
        return math.pow(self.scale * math.sqrt(2), k) * math.gamma(1 + k / 2)

    def _logpdf(self, x: Floats) -> Floats:
        z = x / self.scale
        return np.log(z) - 0.5 * z**2 - math.log(self.scale)

    def _cdf(self, x: Floats) -> Floats:
        return -np.expm1(-0.5 * (x / self.scale) ** 2)

    def _ppf(self, q: Floats) -> Floats:
        return self.scale * np.sqrt(-2 * np.log1p(-q))

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.asarray(rng.rayleigh(self.scale, size))


@Row(
    example="Uniform(0, 4)",
    roles={"lower": "lower", "upper": "upper"},
    pymc="Uniform(lower, upper)",
    gloss="Uniform(a, b): equally probable from a to b.",
    log_density=LogDensity(
        lambda lower, upper: (-np.log(upper - lower),),
        lambda xp, u, norm: norm + u,
        lambda lower, upper: (np.log(0.5 * (lower + upper)), 0.5),
    ),
)
@final
@dataclass(frozen=True, slots=True, repr=False)
class Uniform(MomentMethods):
    """Uniform distribution between two bounds.

    Parameters
    ----------
    lower, upper : float
        The bounds, in the units of the effect. With `lower` below zero it is not a prior for `tau`.

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
            raise rejected(self, "upper", self.upper, allowed)

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


@Row(
    example="Exponential(2)",
    roles={"rate": "rate"},
    pymc="Exponential(lam)",
    log_density=LogDensity(
        lambda rate: (np.log(rate), rate),
        lambda xp, u, norm, rate: norm + u - rate * xp.exp(u),
        lambda rate: (-np.log(rate) - 0.4, 1.0),
    ),
)
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

    def moments(self) -> Moments:
        """Mean and standard deviation, which are equal."""
        return Moments(1 / self.rate, 1 / self.rate)

    def _power_moment(self, k: float) -> float:
        return math.gamma(1 + k) / math.pow(self.rate, k)

    def _logpdf(self, x: Floats) -> Floats:
        return math.log(self.rate) - self.rate * x

    def _cdf(self, x: Floats) -> Floats:
        return -np.expm1(-self.rate * x)

    def _ppf(self, q: Floats) -> Floats:
        return -np.log1p(-q) / self.rate

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.asarray(rng.exponential(1 / self.rate, size))


@Row(
    example="Gamma(2, 4)",
    roles={"shape": "shape", "rate": "rate"},
    pymc="Gamma(alpha, beta)",
    log_density=LogDensity(
        lambda shape, rate: (shape * np.log(rate) - std.log_gammas(shape), shape, rate),
        lambda xp, u, norm, shape, rate: norm + shape * u - rate * xp.exp(u),
        lambda shape, rate: (np.log(shape / rate), shape**-0.5),
    ),
)
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

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        return Moments(self.shape / self.rate, math.sqrt(self.shape) / self.rate)

    def _power_moment(self, k: float) -> float:
        return std.rising(self.shape, k) / math.pow(self.rate, k)

    def _logpdf(self, x: Floats) -> Floats:
        z = self.rate * x
        return std.xlogy(self.shape - 1, z) - z - std.log_gamma(self.shape) + math.log(self.rate)

    def _cdf(self, x: Floats) -> Floats:
        return std.gamma_cdf(self.shape, self.rate * x)

    def _ppf(self, q: Floats) -> Floats:
        return std.gamma_ppf(self.shape, q) / self.rate

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.asarray(rng.gamma(self.shape, 1 / self.rate, size))
