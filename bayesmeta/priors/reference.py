"""Reference priors on `tau`: rules that need no parameter, most of which use the studies' standard errors."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.errors import SpecificationError
from bayesmeta.numbers import real_array
from bayesmeta.priors import _bound
from bayesmeta.priors._base import Floats, Moments, Prior
from bayesmeta.priors._half_line import HALF_LINE
from bayesmeta.priors.heavy import Lomax
from bayesmeta.priors.log_scale import OnVariance
from bayesmeta.priors.registry import Row


class ReferencePrior(Prior):
    """A prior on `tau` without parameters, fixed by a rule; most of these rules use the studies' standard errors.

    `given` returns the prior for one set of studies. Until then `logpdf` and the other functions raise, except
    for `SqrtUniform` and `ImproperUniform`, which are the same for all studies.
    """

    __slots__ = ()
    is_reference: ClassVar[bool] = True

    @abstractmethod
    def given(self, v: ArrayLike) -> Prior:
        """Prior of `tau` for studies with these sampling variances.

        Parameters
        ----------
        v : array_like of float, shape (study,)
            Squared standard errors, positive and finite; their order does not matter.

        Returns
        -------
        Prior
            A value like any other prior; the same for the same variances.

        Raises
        ------
        SpecificationError
            If `v` is not a vector of variances, or the rule needs more studies.
        """

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above."""
        return HALF_LINE

    def moments(self) -> Moments:
        """Mean and standard deviation, which only the bound prior has."""
        raise self._unbound("moments")

    def _logpdf_of_log(self, u: Floats) -> Floats:
        raise self._unbound("logpdf")

    def _require_density(self, method: str) -> None:
        raise self._unbound(method)

    def _require_proper(self, method: str) -> None:
        raise self._unbound(method)

    def _unbound(self, method: str) -> SpecificationError:
        return SpecificationError(
            f"{self}.{method}: the density depends on the studies' standard errors; "
            f"use {self}.given(se**2).{method}, with theirs."
        )


@Row(example="Jeffreys()")
@final
@dataclass(frozen=True, slots=True, repr=False)
class Jeffreys(ReferencePrior):
    """Jeffreys prior for `tau` alone: density proportional to sqrt(sum((tau / (se_i^2 + tau^2))^2)); improper.

    It falls as 1/tau for large tau, so the posterior needs at least two studies.

    References
    ----------
    Bodnar, Link and Elster (2016), Bayesian Analysis 11:25-45, doi:10.1214/14-BA933
    Rover (2020), Journal of Statistical Software 93(6), doi:10.18637/jss.v093.i06

    Examples
    --------
    >>> Jeffreys().given([1, 4]).pdf([1, 2]).round(4)  # not normalised
    array([0.5385, 0.4717])
    """

    @property
    def is_proper(self) -> bool:
        """False."""
        return False

    def given(self, v: ArrayLike) -> Prior:
        """Prior for studies with sampling variances `v`."""
        return _bound.BoundImproper("Jeffreys", _bound.log_jeffreys, check_variances(self, v))


@Row(example="OverallJeffreys()")
@final
@dataclass(frozen=True, slots=True, repr=False)
class OverallJeffreys(ReferencePrior):
    """Jeffreys prior for `mu` and `tau` together: that of `Jeffreys` times sqrt(sum(1 / (se_i^2 + tau^2))); improper.

    The rule fixes the joint prior up to a constant and `mu` is unbounded, so the density is left as it stands,
    though over `tau` alone its integral is finite: it falls as 1/tau^2.

    References
    ----------
    Rover (2020), Journal of Statistical Software 93(6), doi:10.18637/jss.v093.i06

    Examples
    --------
    >>> OverallJeffreys().given([1, 4]).pdf([1, 2]).round(4)  # not normalised
    array([0.4506, 0.2689])
    """

    @property
    def is_proper(self) -> bool:
        """False."""
        return False

    def given(self, v: ArrayLike) -> Prior:
        """Prior for studies with sampling variances `v`."""
        return _bound.BoundImproper("OverallJeffreys", _bound.log_overall_jeffreys, check_variances(self, v))


@Row(example="UniformShrinkage()")
@final
@dataclass(frozen=True, slots=True, repr=False)
class UniformShrinkage(ReferencePrior):
    """Uniform prior on the shrinkage s^2 / (s^2 + tau^2), where s^2 is the harmonic mean of the variances; proper.

    References
    ----------
    Daniels (1999), Canadian Journal of Statistics 27:567-578, doi:10.2307/3316112
    Spiegelhalter, Abrams and Myles (2004), section 5.7.3, doi:10.1002/0470092602

    Examples
    --------
    >>> UniformShrinkage().given([1, 1, 2, 2])
    OnVariance(Lomax(1, 1.3333333333333333))
    """

    def given(self, v: ArrayLike) -> Prior:
        """Prior for studies with sampling variances `v`, whose median is s."""
        return OnVariance(Lomax(1, _harmonic_mean(check_variances(self, v))))


@Row(example="ISquared()")
@final
@dataclass(frozen=True, slots=True, repr=False)
class ISquared(ReferencePrior):
    """Uniform prior on I^2 = tau^2 / (s^2 + tau^2), where s^2 is the typical variance of Higgins and Thompson; proper.

    References
    ----------
    Higgins and Thompson (2002), Statistics in Medicine 21:1539-1558, doi:10.1002/sim.1186, equation 9

    Examples
    --------
    >>> ISquared().given([1, 1, 2, 2])
    OnVariance(Lomax(1, 1.3846153846153846))
    """

    def given(self, v: ArrayLike) -> Prior:
        """Prior for at least two studies with sampling variances `v`, whose median is s."""
        variances = check_variances(self, v)
        if len(variances) < 2:
            raise SpecificationError(
                f"{self}: the typical variance behind I^2 needs at least two studies; got 1. "
                "Use UniformShrinkage() or HalfNormal(scale)."
            )
        return OnVariance(Lomax(1, _typical_variance(variances)))


@Row(example="DuMouchel()")
@final
@dataclass(frozen=True, slots=True, repr=False)
class DuMouchel(ReferencePrior):
    """DuMouchel's prior: density s / (s + tau)^2, where s^2 is the harmonic mean of the variances; proper.

    References
    ----------
    DuMouchel and Normand (2000), in Meta-Analysis in Medicine and Health Policy, Marcel Dekker
    Spiegelhalter, Abrams and Myles (2004), section 5.7.3, doi:10.1002/0470092602

    Examples
    --------
    >>> DuMouchel().given([1, 1, 4, 4])
    Lomax(1, 1.2649110640673518)
    """

    def given(self, v: ArrayLike) -> Prior:
        """Prior for studies with sampling variances `v`, whose median is s."""
        return Lomax(1, math.sqrt(_harmonic_mean(check_variances(self, v))))


@Row(example="BergerDeely()")
@final
@dataclass(frozen=True, slots=True, repr=False)
class BergerDeely(ReferencePrior):
    """Berger and Deely's prior: density proportional to tau * prod((se_i^2 + tau^2)^(-1/k)); improper.

    With equal standard errors it is that of `Jeffreys`.

    References
    ----------
    Berger and Deely (1988), Journal of the American Statistical Association 83:364-373,
    doi:10.1080/01621459.1988.10478606

    Examples
    --------
    >>> BergerDeely().given([1, 4]).pdf([1, 2]).round(4)  # not normalised
    array([0.3162, 0.3162])
    """

    @property
    def is_proper(self) -> bool:
        """False."""
        return False

    def given(self, v: ArrayLike) -> Prior:
        """Prior for studies with sampling variances `v`."""
        return _bound.BoundImproper("BergerDeely", _bound.log_berger_deely, check_variances(self, v))


@Row(example="Conventional()")
@final
@dataclass(frozen=True, slots=True, repr=False)
class Conventional(ReferencePrior):
    """Conventional prior: density proportional to tau * prod((se_i^2 + tau^2)^(-3/(2k))), normalised; proper.

    It is meant for tests and for the choice of models, which need a proper prior.

    References
    ----------
    Berger and Deely (1988), Journal of the American Statistical Association 83:364-373,
    doi:10.1080/01621459.1988.10478606
    Rover (2020), Journal of Statistical Software 93(6), doi:10.18637/jss.v093.i06

    Examples
    --------
    >>> Conventional().given([1, 4]).ppf([0.05, 0.5, 0.95]).round(4)
    array([ 0.4572,  2.524 , 29.612 ])
    """

    def given(self, v: ArrayLike) -> Prior:
        """Prior for studies with sampling variances `v`."""
        return _bound.BoundConventional(check_variances(self, v))


def check_variances(prior: ReferencePrior, v: ArrayLike) -> tuple[float, ...]:
    """Return the variances in increasing order, or reject them."""
    given = real_array(f"{prior}.given", v, SpecificationError, copy=False)
    if given.ndim != 1 or not given.size:
        raise SpecificationError(f"{prior}.given: give one variance for each study; got shape {given.shape}.")
    bad = np.flatnonzero(~(np.isfinite(given) & (given > 0)))
    if bad.size:
        raise SpecificationError(
            f"{prior}.given: variance {bad[0] + 1} is {given[bad[0]]:g}; variances must be positive and finite."
        )
    return tuple(np.sort(given).tolist())


def _harmonic_mean(variances: tuple[float, ...]) -> float:
    smallest = variances[0]
    return smallest * (len(variances) / math.fsum(smallest / v for v in variances))


def _typical_variance(variances: tuple[float, ...]) -> float:
    """(k - 1) * sum(w) / (sum(w)^2 - sum(w^2)) with w = 1/v; the difference is summed without cancellation."""
    smallest = variances[0]
    others = [smallest / v for v in variances[1:]]  # weights, the largest being 1
    sum_of_others = math.fsum(others)
    pairs = sum_of_others + math.fsum(w * ((1 - w) + sum_of_others) for w in others)
    return smallest * ((len(variances) - 1) * (1 + sum_of_others) / pairs)
