"""Reference priors on `tau` that are the same for all studies, and improper."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.priors._base import Floats, Moments, Prior
from bayesmeta.priors.reference import ReferencePrior, check_variances
from bayesmeta.priors.registry import Row


class SameForAll(ReferencePrior):
    """An improper reference prior that does not depend on the studies."""

    __slots__ = ()

    @property
    def is_proper(self) -> bool:
        """False."""
        return False

    def given(self, v: ArrayLike) -> Prior:
        """Return this prior, which does not depend on the studies."""
        check_variances(self, v)
        return self

    def moments(self) -> Moments:
        """Neither exists: (nan, nan)."""
        return Moments(math.nan, math.nan)

    def _require_density(self, method: str) -> None:
        """It has one."""

    def _require_proper(self, method: str) -> None:
        Prior._require_proper(self, method)


@Row(example="SqrtUniform()")
@final
@dataclass(frozen=True, slots=True, repr=False)
class SqrtUniform(SameForAll):
    """Uniform distribution of the square root of `tau`: density tau^(-1/2); improper, the same for all studies.

    References
    ----------
    Gelman (2006), Bayesian Analysis 1:515-534, doi:10.1214/06-BA117A
    Rover (2020), Journal of Statistical Software 93(6), doi:10.18637/jss.v093.i06

    Examples
    --------
    >>> SqrtUniform().pdf([0.25, 4])
    array([2. , 0.5])
    """

    def _logpdf(self, x: Floats) -> Floats:
        return -0.5 * np.log(x)

    def _logpdf_of_log(self, u: Floats) -> Floats:
        return 0.5 * np.asarray(u, float)


@Row(example="ImproperUniform()")
@final
@dataclass(frozen=True, slots=True, repr=False)
class ImproperUniform(SameForAll):
    """Uniform distribution on [0, inf): density 1; improper, the same for all studies.

    With a flat prior on `mu` the posterior needs at least three studies.

    References
    ----------
    Gelman (2006), Bayesian Analysis 1:515-534, doi:10.1214/06-BA117A

    Examples
    --------
    >>> ImproperUniform().pdf([-1, 0, 100])
    array([0., 1., 1.])
    """

    def _logpdf(self, x: Floats) -> Floats:
        return np.zeros_like(x)

    def _logpdf_of_log(self, u: Floats) -> Floats:
        return np.array(u, float)
