"""Priors on the real line, for `mu` and coefficients: Normal, StudentT, Cauchy, Flat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from bayesmeta.priors import _standard as std
from bayesmeta.priors._base import Floats, Moments, Prior, Size, Student
from bayesmeta.priors.registry import Row


@Row(
    example="Normal(0, 4)",
    roles={"mean": "location", "sd": "scale"},
    pymc="Normal(mu, sigma)",
    words="normal",
    gloss="Normal(m, s): mean m and standard deviation s.",
)
@final
@dataclass(frozen=True, slots=True, repr=False)
class Normal(Prior):
    """Normal distribution.

    Parameters
    ----------
    mean : float
        Mean, in the units of the effect.
    sd : float
        Standard deviation (never a variance or a precision), in the units of the effect.

    Raises
    ------
    SpecificationError
        If `mean` is not finite, or `sd` not positive and finite.

    Examples
    --------
    >>> prior = Normal(0, 4)
    >>> prior
    Normal(0, 4)
    >>> round(float(prior.cdf(-4)), 4)
    0.1587
    >>> prior.moments()
    Moments(mean=0.0, sd=4.0)
    """

    mean: float
    sd: float

    @property
    def student(self) -> Student:
        """Itself."""
        return Student(math.inf, self.mean, self.sd)

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        return Moments(self.mean, self.sd)

    def _logpdf(self, x: Floats) -> Floats:
        return std.normal_logpdf((x - self.mean) / self.sd) - math.log(self.sd)

    def _cdf(self, x: Floats) -> Floats:
        return std.normal_cdf((x - self.mean) / self.sd)

    def _ppf(self, q: Floats) -> Floats:
        return self.mean + self.sd * std.normal_ppf(q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.asarray(rng.normal(self.mean, self.sd, size))


@Row(
    example="StudentT(5, 0, 0.43)",
    roles={"nu": "shape", "mean": "location", "scale": "scale"},
    pymc="StudentT(nu, mu, sigma)",
    words="Student t",
)
@final
@dataclass(frozen=True, slots=True, repr=False)
class StudentT(Prior):
    """Student t distribution, located and scaled.

    Parameters
    ----------
    nu : float
        Degrees of freedom; any positive number.
    mean : float
        Centre, in the units of the effect. The mean where there is one (`nu` > 1), the median always.
    scale : float
        Scale, in the units of the effect. It is not the standard deviation, which is larger.

    Raises
    ------
    SpecificationError
        If `mean` is not finite, or `nu` or `scale` not positive and finite.

    Examples
    --------
    >>> prior = StudentT(5, 0, 0.43)
    >>> round(float(prior.ppf(0.975)), 4)
    1.1054
    >>> round(prior.moments().sd, 4)
    0.5551
    """

    nu: float
    mean: float
    scale: float

    @property
    def student(self) -> Student:
        """Itself."""
        return Student(self.nu, self.mean, self.scale)

    def moments(self) -> Moments:
        """Mean (nan for `nu` <= 1) and standard deviation (nan for `nu` <= 1, inf for `nu` <= 2)."""
        if self.nu <= 1:
            return Moments(math.nan, math.nan)
        sd = self.scale * math.sqrt(self.nu / (self.nu - 2)) if self.nu > 2 else math.inf
        return Moments(self.mean, sd)

    def _logpdf(self, x: Floats) -> Floats:
        return std.t_logpdf(self.nu, (x - self.mean) / self.scale) - math.log(self.scale)

    def _cdf(self, x: Floats) -> Floats:
        return std.t_cdf(self.nu, (x - self.mean) / self.scale)

    def _ppf(self, q: Floats) -> Floats:
        return self.mean + self.scale * std.t_ppf(self.nu, q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.mean + self.scale * np.asarray(rng.standard_t(self.nu, size))


@Row(
    example="Cauchy(0, 0.707)",
    roles={"mean": "location", "scale": "scale"},
    pymc="Cauchy(alpha, beta)",
)
@final
@dataclass(frozen=True, slots=True, repr=False)
class Cauchy(Prior):
    """Cauchy distribution: Student t with one degree of freedom.

    Parameters
    ----------
    mean : float
        Centre, in the units of the effect. It is the median; the distribution has no mean.
    scale : float
        Half the interquartile range, in the units of the effect.

    Raises
    ------
    SpecificationError
        If `mean` is not finite, or `scale` not positive and finite.

    Examples
    --------
    >>> prior = Cauchy(0, 0.707)
    >>> prior.ppf([0.25, 0.75]).round(3)
    array([-0.707,  0.707])
    >>> prior.moments()
    Moments(mean=nan, sd=nan)
    """

    mean: float
    scale: float

    @property
    def student(self) -> Student:
        """Itself."""
        return Student(1.0, self.mean, self.scale)

    def moments(self) -> Moments:
        """Neither exists: (nan, nan)."""
        return Moments(math.nan, math.nan)

    def _logpdf(self, x: Floats) -> Floats:
        return -std.LOG_PI - math.log(self.scale) - std.log1p_square((x - self.mean) / self.scale)

    def _cdf(self, x: Floats) -> Floats:
        z = (x - self.mean) / self.scale
        return np.arctan2(1.0, -z) / math.pi

    def _ppf(self, q: Floats) -> Floats:
        centre = np.tan(math.pi * (q - 0.5))
        tail = np.where(q < 0.5, -1.0, 1.0) / np.tan(math.pi * np.minimum(q, 1 - q))
        return self.mean + self.scale * np.where(np.abs(q - 0.5) < 0.25, centre, tail)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.mean + self.scale * np.asarray(rng.standard_cauchy(size))


@Row(
    example="Flat()",
    pymc="Flat()",
    preliz="",
    gloss="Flat(): every value equally probable, without bounds.",
)
@final
@dataclass(frozen=True, slots=True, repr=False)
class Flat(Prior):
    """The improper uniform distribution on the real line: density 1 everywhere.

    It does not integrate to one, so it has no distribution function, no quantiles and no draws, and Bayes
    factors that involve it are arbitrary. With it on `mu`, the marginal likelihood of `tau` is the restricted
    likelihood.

    Examples
    --------
    >>> Flat().is_proper
    False
    >>> Flat().logpdf([-1000.0, 3.0])
    array([0., 0.])
    """

    @property
    def is_proper(self) -> bool:
        """False."""
        return False

    def moments(self) -> Moments:
        """Neither exists: (nan, nan)."""
        return Moments(math.nan, math.nan)

    def _logpdf(self, x: Floats) -> Floats:
        return np.zeros_like(x)
