"""Priors for a scale such as `tau`: the halves of symmetric families."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from bayesmeta.priors import _standard as std
from bayesmeta.priors._base import Floats, InPyMC, Moments, Size
from bayesmeta.priors._half_line import MomentMethods
from bayesmeta.priors.real_line import Cauchy, Normal, StudentT
from bayesmeta.priors.registry import LogDensity, Row


def _half_t(nu: Any, scale: Any) -> tuple[Any, ...]:
    return std.log_t_norms(nu, scale) + std.LOG_2, np.log(scale) + 0.5 * np.log(nu), nu + 1


def _half_t_density(xp: Any, u: Any, norm: Any, log_scale: Any, power: Any) -> Any:
    return norm + u - 0.5 * power * std.log1p_exp(xp, 2 * (u - log_scale))


@Row(
    example="HalfNormal(0.5)",
    roles={"scale": "scale"},
    pymc="HalfNormal(sigma)",
    words="half-normal",
    gloss="HalfNormal(s): the size of a Normal(0, s).",
    half_of=Normal,
    log_density=LogDensity(
        lambda scale: (0.5 * math.log(2 / math.pi) - np.log(scale), -0.5 * np.asarray(scale) ** -2.0),
        lambda xp, u, norm, rate: norm + u + rate * xp.exp(2 * u),
        lambda scale: (np.log(scale) - 0.4, 1.0),
    ),
)
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

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        return Moments(self.scale * math.sqrt(2 / math.pi), self.scale * math.sqrt(1 - 2 / math.pi))

    def _power_moment(self, k: float) -> float:
        return math.pow(self.scale * math.sqrt(2), k) * math.gamma((1 + k) / 2) / math.sqrt(math.pi)

    def _logpdf(self, x: Floats) -> Floats:
        return std.normal_logpdf(x / self.scale) + std.LOG_2 - math.log(self.scale)

    def _cdf(self, x: Floats) -> Floats:
        return std.half_normal_cdf(x / self.scale)

    def _ppf(self, q: Floats) -> Floats:
        return self.scale * std.half_normal_ppf(q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.abs(rng.normal(0.0, self.scale, size))


@Row(
    example="HalfStudentT(3, 0.4)",
    roles={"nu": "shape", "scale": "scale"},
    pymc="HalfStudentT(nu, sigma)",
    words="half-t",
    half_of=StudentT,
    log_density=LogDensity(_half_t, _half_t_density, lambda nu, scale: (np.log(scale), 1.0 + 1 / nu)),
)
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

    def _cdf(self, x: Floats) -> Floats:
        return std.half_t_cdf(self.nu, x / self.scale)

    def _ppf(self, q: Floats) -> Floats:
        return self.scale * std.half_t_ppf(self.nu, q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.scale * np.abs(rng.standard_t(self.nu, size))


@Row(
    example="HalfCauchy(0.5)",
    roles={"scale": "scale"},
    pymc="HalfCauchy(beta)",
    words="half-Cauchy",
    gloss="HalfCauchy(s): the size of a Cauchy about 0, with median s.",
    half_of=Cauchy,
    log_density=LogDensity(
        lambda scale: _half_t(np.ones_like(scale), scale), _half_t_density, lambda scale: (np.log(scale), 2.0)
    ),
)
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

    def moments(self) -> Moments:
        """Both are infinite."""
        return Moments(math.inf, math.inf)

    def _power_moment(self, k: float) -> float:
        return math.pow(self.scale, k) / math.cos(math.pi * k / 2) if k < 1 else math.inf

    def _logpdf(self, x: Floats) -> Floats:
        return std.LOG_2 - std.LOG_PI - math.log(self.scale) - std.log1p_square(x / self.scale)

    def _cdf(self, x: Floats) -> Floats:
        return np.arctan(x / self.scale) * (2 / math.pi)

    def _ppf(self, q: Floats) -> Floats:
        near, far = np.tan(math.pi / 2 * q), 1 / np.tan(math.pi / 2 * (1 - q))
        return self.scale * np.where(q < 0.5, near, far)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.scale * np.abs(rng.standard_cauchy(size))


@Row(
    example="HalfLogistic(0.6)",
    roles={"scale": "scale"},
    words="half-logistic",
    log_density=LogDensity(
        lambda scale: (std.LOG_2 - np.log(scale), 1 / np.asarray(scale)),
        lambda xp, u, norm, rate: norm + u - rate * xp.exp(u) - 2 * std.log1p_exp(xp, -rate * xp.exp(u)),
        lambda scale: (np.log(scale), 1.0),
    ),
)
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

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        return Moments(self.scale * math.log(4), self.scale * math.sqrt(math.pi**2 / 3 - math.log(4) ** 2))

    def in_pymc(self, pm: Any, name: str, data: Mapping[str, Any]) -> InPyMC:
        """A logistic distribution cut at its centre."""
        logistic = pm.Logistic.dist(mu=0.0, s=data["scale"])
        return InPyMC(pm.Truncated, {"dist": logistic, "lower": 0.0}, name)

    def _power_moment(self, k: float) -> float:
        return 2 * math.pow(self.scale, k) * math.gamma(1 + k) * std.alternating_zeta(k)

    def _logpdf(self, x: Floats) -> Floats:
        z = x / self.scale
        out: Floats = std.LOG_2 - z - 2 * np.log1p(np.exp(-z)) - math.log(self.scale)
        return out

    def _cdf(self, x: Floats) -> Floats:
        out: Floats = np.tanh(x / (2 * self.scale))
        return out

    def _ppf(self, q: Floats) -> Floats:
        return 2 * self.scale * np.arctanh(q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.abs(rng.logistic(0.0, self.scale, size))
