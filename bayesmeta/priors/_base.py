"""What every prior can do, and the checks and text they share."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.errors import SpecificationError

Floats = NDArray[np.float64]
Size = int | tuple[int, ...] | None


class Moments(NamedTuple):
    """Mean and standard deviation of a prior: `inf` where infinite, `nan` where there is none."""

    mean: float
    sd: float


class Prior(ABC):
    """A probability distribution as a value: what every family in `bayesmeta.priors` answers.

    Priors are immutable, compare by value, can be used as dictionary keys, and print as the text that
    `parse_prior` reads. Functions of `x` or `q` take any array and keep its shape; a number gives a number.

    Attributes
    ----------
    support : tuple of float
        The smallest interval (lower, upper) that holds all of the mass.
    is_proper : bool
        Whether the prior integrates to one; False for `Flat` and some reference priors.
    has_density : bool
        Whether `logpdf` and `pdf` exist; False for `PointMass` and for mixtures that hold one.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """Smallest interval (lower, upper) that holds all of the mass."""

    @property
    def is_proper(self) -> bool:
        """Whether the prior integrates to one."""
        return True

    @property
    def has_density(self) -> bool:
        """Whether `logpdf` and `pdf` exist."""
        return True

    @abstractmethod
    def moments(self) -> Moments:
        """Mean and standard deviation, for every family under the same name.

        Most families also answer `mean()` and `sd()`; `Normal`, `StudentT` and `Cauchy` do not, since `mean`
        and `sd` name their parameters.
        """

    def logpdf(self, x: ArrayLike) -> Floats:
        """Natural log of the density at `x`; -inf outside the support and at plus or minus infinity.

        Raises
        ------
        SpecificationError
            If the prior has no density (`PointMass`, or a mixture that holds one).
        """
        self._require_density("logpdf")
        values = np.asarray(x, float)
        lower, upper = self.support
        inside = (values >= lower) & (values <= upper) & np.isfinite(values)
        with np.errstate(all="ignore"):
            log_density = np.where(inside, self._logpdf(values), -np.inf)
        return np.where(np.isnan(values), np.nan, log_density)[()]

    def pdf(self, x: ArrayLike) -> Floats:
        """Density at `x`, per unit of `x`; 0 outside the support."""
        self._require_density("pdf")
        with np.errstate(all="ignore"):
            return np.asarray(np.exp(self.logpdf(x)))[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a value of at most `x`."""
        self._require_proper("cdf")
        values = np.asarray(x, float)
        lower, upper = self.support
        with np.errstate(all="ignore"):
            probability = np.where(values < lower, 0.0, np.where(values >= upper, 1.0, self._cdf(values)))
        return np.where(np.isnan(values), np.nan, probability)[()]

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile: the smallest `x` with ``cdf(x) >= q``; nan where `q` is not a probability.

        ``ppf(0)`` and ``ppf(1)`` are the ends of the support.
        """
        self._require_proper("ppf")
        probability = np.asarray(q, float)
        lower, upper = self.support
        inner = np.where((probability > 0) & (probability < 1), probability, 0.5)
        with np.errstate(all="ignore"):
            quantile = np.clip(self._ppf(inner), lower, upper)
        known = [probability == 0, probability == 1, (probability > 0) & (probability < 1)]
        return np.select(known, [np.float64(lower), np.float64(upper), quantile], np.nan)[()]

    def rvs(self, size: Size, seed: int | np.random.Generator) -> Floats:
        """Independent draws, the same for the same `seed`.

        Parameters
        ----------
        size : int, tuple of int, or None
            Shape of the result; None for one number.
        seed : int or numpy.random.Generator
            A generator is used as it stands, and moves on.
        """
        self._require_proper("rvs")
        with np.errstate(all="ignore"):
            return np.asarray(self._draw(np.random.default_rng(seed), size), float)[()]

    # Each family defines these four, as far as it has a density and is proper.

    def _logpdf(self, x: Floats) -> Floats:
        """Log density; only values at finite points of the support are used, and warnings are off."""
        raise NotImplementedError

    def _cdf(self, x: Floats) -> Floats:
        """Distribution function; only values within the support are used, and warnings are off."""
        raise NotImplementedError

    def _ppf(self, q: Floats) -> Floats:
        """Quantiles for 0 < q < 1; warnings are off."""
        raise NotImplementedError

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Independent draws; warnings are off."""
        raise NotImplementedError

    def _require_density(self, method: str) -> None:
        if not self.has_density:
            raise SpecificationError(
                f"{self}.{method}: a point mass has no density, so none is defined; "
                "use cdf, ppf, moments or rvs, which are."
            )

    def _require_proper(self, method: str) -> None:
        if not self.is_proper:
            raise SpecificationError(
                f"{self}.{method}: the prior does not integrate to one, so this is not defined; "
                "use a proper prior such as Normal(0, 10)."
            )

    def __str__(self) -> str:
        arguments = (number_text(getattr(self, name)) for name in parameter_names(type(self)))
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __repr__(self) -> str:
        return str(self)


class MomentMethods(Prior):
    """Adds `mean()` and `sd()`, for the families that have no parameter of that name."""

    __slots__ = ()

    def mean(self) -> float:
        """Return the mean: `inf` where it is infinite, `nan` where it does not exist."""
        return self.moments().mean

    def sd(self) -> float:
        """Return the standard deviation: `inf` where it is infinite, `nan` where it does not exist."""
        return self.moments().sd

    @abstractmethod
    def _power_moment(self, k: float) -> float:
        """Mean of x**k, for 0 < k <= 1 and priors on [0, inf); what `OnVariance` needs for its moments."""

    # The distribution of u = log(x), for `OnVariance` and for integrals over log(tau).

    def _logpdf_of_log(self, u: Floats) -> Floats:
        """Log density of u, finite or -inf wherever u is finite."""
        with np.errstate(all="ignore"):
            return self._log_density_of_log(np.asarray(u, float))

    # Families override these where overflow or underflow of exp(u) would lose something; warnings are off.

    def _log_density_of_log(self, u: Floats) -> Floats:
        return u + self.logpdf(np.exp(u))

    def _cdf_of_log(self, u: Floats) -> Floats:
        return self.cdf(np.exp(u))

    def _ppf_of_log(self, q: Floats) -> Floats:
        return np.log(self.ppf(q))


def parameter_names(family: type) -> list[str]:
    """Names of the parameters of a family, in order."""
    return [field.name for field in dataclasses.fields(family)]


def number_text(value: float) -> str:
    """Shortest text that reads back as the same number: ``1``, ``0.5``, ``-1.83``, ``1e-07``.

    Examples
    --------
    >>> number_text(1.0), number_text(0.1), number_text(1e22)
    ('1', '0.1', '1e+22')
    """
    return repr(value).removesuffix(".0")


def real(prior: Prior, *names: str) -> None:
    """Check that the named parameters are finite numbers, and store them as Python floats."""
    for name in names:
        given = getattr(prior, name)
        if not math.isfinite(value := as_float(given)):
            raise refused(prior, name, given, f"{name} must be a finite number.")
        object.__setattr__(prior, name, value)


def positive(prior: Prior, *names: str) -> None:
    """Check that the named parameters are positive and finite, and store them as Python floats."""
    for name in names:
        given = getattr(prior, name)
        if not (math.isfinite(value := as_float(given)) and value > 0):
            raise refused(prior, name, given, f"{name} must be positive and finite.")
        object.__setattr__(prior, name, value)


def refused(prior: Prior, name: str, given: object, allowed: str) -> SpecificationError:
    """Return the error for one argument: family, argument, value, what is allowed."""
    shown = number_text(as_float(given)) if isinstance(given, Real) else repr(given)
    return SpecificationError(f"{type(prior).__name__}({name}={shown}): {allowed}")


def as_float(value: object) -> float:
    """Return a real number as a float, without negative zero; nan for anything else, booleans included."""
    if not isinstance(value, Real) or isinstance(value, bool | np.timedelta64):
        return math.nan
    try:
        return float(value) + 0.0
    except OverflowError:
        return math.inf
