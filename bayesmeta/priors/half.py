"""Priors for a scale such as `tau`: the halves of symmetric families."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from bayesmeta.priors import _standard as std
from bayesmeta.priors._base import Floats, MomentMethods, Moments, Size, positive

HALF_LINE = (0.0, math.inf)


@final
@dataclass(frozen=True, slots=True, repr=False)
class HalfNormal(MomentMethods):
    """Half-normal distribution: the absolute value of a normal with mean zero.

    Parameters
    ----------
    scale : float
        Standard deviation of the underlying normal, in the units of the effect. Two thirds of the mass lie
        below it, 95% below twice the scale.

    Raises
    ------
    SpecificationError
        If `scale` is not positive and finite.

    References
    ----------
    Gelman (2006), Bayesian Analysis 1:515-534, doi:10.1214/06-BA117A
    Rover, Bender, Dias et al. (2021), Research Synthesis Methods, doi:10.1002/jrsm.1475

    Examples
    --------
    >>> prior = HalfNormal(0.5)
    >>> prior
    HalfNormal(0.5)
    >>> prior.ppf([0.5, 0.975]).round(4)
    array([0.3372, 1.1207])
    """

    scale: float

    def __post_init__(self) -> None:
        positive(self, "scale")

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        return Moments(self.scale * math.sqrt(2 / math.pi), self.scale * math.sqrt(1 - 2 / math.pi))

    def _power_moment(self, k: float) -> float:
        return math.pow(self.scale * math.sqrt(2), k) * math.gamma((1 + k) / 2) / math.sqrt(math.pi)

    def _logpdf(self, x: Floats) -> Floats:
        return std.normal_logpdf(x / self.scale) + std.LOG_2 - math.log(self.scale)

    def _log_density_of_log(self, u: Floats) -> Floats:
        log_z = u - math.log(self.scale)
        return log_z + std.LOG_2 - std.LOG_SQRT_2PI - 0.5 * np.exp(2 * log_z)

    def _cdf(self, x: Floats) -> Floats:
        return std.half_normal_cdf(x / self.scale)

    def _ppf(self, q: Floats) -> Floats:
        return self.scale * std.half_normal_ppf(q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.abs(rng.normal(0.0, self.scale, size))


@final
@dataclass(frozen=True, slots=True, repr=False)
class HalfStudentT(MomentMethods):
    """Half-t distribution: the absolute value of a Student t with centre zero.

    Parameters
    ----------
    nu : float
        Degrees of freedom: 1 is the half-Cauchy, large values approach the half-normal.
    scale : float
        Scale of the underlying t, in the units of the effect.

    Raises
    ------
    SpecificationError
        If `nu` or `scale` is not positive and finite.

    References
    ----------
    Gelman (2006), Bayesian Analysis 1:515-534, doi:10.1214/06-BA117A

    Examples
    --------
    >>> HalfStudentT(3, 0.4).ppf([0.5, 0.95]).round(4)
    array([0.306, 1.273])
    """

    nu: float
    scale: float

    def __post_init__(self) -> None:
        positive(self, "nu", "scale")

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    def moments(self) -> Moments:
        """Mean (inf for `nu` <= 1) and standard deviation (inf for `nu` <= 2)."""
        mean = self._power_moment(1.0) / self.scale
        sd = math.sqrt(self.nu / (self.nu - 2) - mean**2) if self.nu > 2 else math.inf
        return Moments(self.scale * mean, self.scale * sd)

    def _power_moment(self, k: float) -> float:
        if self.nu <= k:
            return math.inf
        half_nu = self.nu / 2
        ratio = math.gamma((1 + k) / 2) / math.sqrt(math.pi) / std.rising(half_nu - k / 2, k / 2)
        return math.pow(self.scale * math.sqrt(self.nu), k) * ratio

    def _logpdf(self, x: Floats) -> Floats:
        return std.t_logpdf(self.nu, x / self.scale) + std.LOG_2 - math.log(self.scale)

    def _log_density_of_log(self, u: Floats) -> Floats:
        log_z = u - math.log(self.scale)
        return log_z + std.LOG_2 + std.t_logpdf_of_log(self.nu, log_z)

    def _cdf(self, x: Floats) -> Floats:
        return std.half_t_cdf(self.nu, x / self.scale)

    def _ppf(self, q: Floats) -> Floats:
        return self.scale * std.half_t_ppf(self.nu, q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.scale * np.abs(rng.standard_t(self.nu, size))


@final
@dataclass(frozen=True, slots=True, repr=False)
class HalfCauchy(MomentMethods):
    """Half-Cauchy distribution: the absolute value of a Cauchy with centre zero.

    Parameters
    ----------
    scale : float
        Median, in the units of the effect. The tail is heavy: 5% of the mass lie above 12.7 times the scale.

    Raises
    ------
    SpecificationError
        If `scale` is not positive and finite.

    References
    ----------
    Gelman (2006), Bayesian Analysis 1:515-534, doi:10.1214/06-BA117A

    Examples
    --------
    >>> HalfCauchy(0.5).ppf([0.5, 0.95]).round(4)
    array([0.5   , 6.3531])
    >>> HalfCauchy(0.5).mean()
    inf
    """

    scale: float

    def __post_init__(self) -> None:
        positive(self, "scale")

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    def moments(self) -> Moments:
        """Both are infinite."""
        return Moments(math.inf, math.inf)

    def _power_moment(self, k: float) -> float:
        return math.pow(self.scale, k) / math.cos(math.pi * k / 2) if k < 1 else math.inf

    def _logpdf(self, x: Floats) -> Floats:
        return std.LOG_2 - std.LOG_PI - math.log(self.scale) - std.log1p_square(x / self.scale)

    def _log_density_of_log(self, u: Floats) -> Floats:
        log_z = u - math.log(self.scale)
        return log_z + std.LOG_2 - std.LOG_PI - np.logaddexp(0.0, 2 * log_z)

    def _cdf(self, x: Floats) -> Floats:
        return np.arctan(x / self.scale) * (2 / math.pi)

    def _ppf(self, q: Floats) -> Floats:
        near, far = np.tan(math.pi / 2 * q), 1 / np.tan(math.pi / 2 * (1 - q))
        return self.scale * np.where(q < 0.5, near, far)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.scale * np.abs(rng.standard_cauchy(size))


@final
@dataclass(frozen=True, slots=True, repr=False)
class HalfLogistic(MomentMethods):
    """Half-logistic distribution: the absolute value of a logistic with centre zero.

    Parameters
    ----------
    scale : float
        Scale of the underlying logistic, in the units of the effect. The tail is exponential.

    Raises
    ------
    SpecificationError
        If `scale` is not positive and finite.

    Examples
    --------
    >>> HalfLogistic(0.6).ppf([0.5, 0.95]).round(4)
    array([0.6592, 2.1981])
    """

    scale: float

    def __post_init__(self) -> None:
        positive(self, "scale")

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        return Moments(self.scale * math.log(4), self.scale * math.sqrt(math.pi**2 / 3 - math.log(4) ** 2))

    def _power_moment(self, k: float) -> float:
        return 2 * math.pow(self.scale, k) * math.gamma(1 + k) * std.alternating_zeta(k)

    def _logpdf(self, x: Floats) -> Floats:
        z = x / self.scale
        out: Floats = std.LOG_2 - z - 2 * np.log1p(np.exp(-z)) - math.log(self.scale)
        return out

    def _log_density_of_log(self, u: Floats) -> Floats:
        log_z = u - math.log(self.scale)
        z = np.exp(log_z)
        out: Floats = log_z + std.LOG_2 - z - 2 * np.log1p(np.exp(-z))
        return out

    def _cdf(self, x: Floats) -> Floats:
        out: Floats = np.tanh(x / (2 * self.scale))
        return out

    def _ppf(self, q: Floats) -> Floats:
        return 2 * self.scale * np.arctanh(q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.abs(rng.logistic(0.0, self.scale, size))
