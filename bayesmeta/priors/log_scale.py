"""Priors for a scale whose logarithm has a known distribution, and priors published on the variance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import _standard as std
from bayesmeta.priors._base import Floats, InPyMC, Moments, Prior, Size, inner_data
from bayesmeta.priors._half_line import MomentMethods
from bayesmeta.priors.published import PublishedPrior
from bayesmeta.priors.registry import LogDensity, Row


@Row(
    example="LogNormal(-1.28, 0.87)",
    roles={"meanlog": "log_location", "sdlog": "shape"},
    pymc="LogNormal(mu, sigma)",
    words="log-normal",
    gloss="LogNormal(m, s): its logarithm is Normal(m, s).",
    log_density=LogDensity(
        lambda meanlog, sdlog: (-std.LOG_SQRT_2PI - np.log(sdlog), meanlog, sdlog),
        lambda xp, u, norm, mean, sd: norm - 0.5 * ((u - mean) / sd) ** 2,
        lambda meanlog, sdlog: (meanlog, sdlog),
    ),
)
@final
@dataclass(frozen=True, slots=True, repr=False)
class LogNormal(MomentMethods):
    """Log-normal distribution: the natural log is normal.

    Parameters
    ----------
    meanlog, sdlog : float
        Mean and standard deviation of the natural log. For a prior published on `tau**2`, write
        ``OnVariance(LogNormal(meanlog, sdlog))`` with the published numbers.

    Raises
    ------
    SpecificationError
        If `meanlog` is not finite, or `sdlog` not positive and finite.

    References
    ----------
    Turner, Jackson, Wei, Thompson and Higgins (2015), Statistics in Medicine 34:984-998, doi:10.1002/sim.6381

    Examples
    --------
    >>> round(float(LogNormal(-1.28, 0.87).ppf(0.5)), 4)
    0.278
    """

    meanlog: float
    sdlog: float

    def moments(self) -> Moments:
        """Mean and standard deviation."""
        log_var = self.sdlog * self.sdlog
        mean = self._power_moment(1.0)
        return Moments(mean, mean * math.sqrt(math.expm1(log_var)) if log_var < 709 else math.inf)

    def _power_moment(self, k: float) -> float:
        spread = k * self.sdlog
        return std.exp(k * self.meanlog + spread * spread / 2)

    def _logpdf(self, x: Floats) -> Floats:
        u = np.log(x)
        return np.where(x == 0, -np.inf, self._logpdf_of_log(u) - u)

    def _cdf(self, x: Floats) -> Floats:
        return self._cdf_of_log(np.log(x))

    def _cdf_of_log(self, u: Floats) -> Floats:
        return std.normal_cdf((u - self.meanlog) / self.sdlog)

    def _ppf(self, q: Floats) -> Floats:
        return np.exp(self._ppf_of_log(q))

    def _ppf_of_log(self, q: Floats) -> Floats:
        return self.meanlog + self.sdlog * std.normal_ppf(q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.asarray(rng.lognormal(self.meanlog, self.sdlog, size))


@Row(
    example="LogStudentT(5, -1.495, 1.08)",
    roles={"nu": "shape", "location": "log_location", "scale": "shape"},
    words="log-t",
    log_density=LogDensity(
        lambda nu, location, scale: (std.log_t_norms(nu, scale), location, scale, nu),
        lambda xp, u, norm, mean, scale, nu: norm - 0.5 * (nu + 1) * xp.log1p(((u - mean) / scale) ** 2 / nu),
        lambda nu, location, scale: (location, scale),
    ),
)
@final
@dataclass(frozen=True, slots=True, repr=False)
class LogStudentT(MomentMethods):
    """Log-t distribution: the natural log is Student t, located and scaled.

    Its tails are so heavy that no moment exists, and that the density is infinite at zero.

    Parameters
    ----------
    nu : float
        Degrees of freedom of the log.
    location, scale : float
        Centre and scale of the natural log. For a prior published on `tau**2`, write
        ``OnVariance(LogStudentT(nu, location, scale))`` with the published numbers.

    Raises
    ------
    SpecificationError
        If `location` is not finite, or `nu` or `scale` not positive and finite.

    References
    ----------
    Rhodes, Turner and Higgins (2015), Journal of Clinical Epidemiology 68:52-60,
    doi:10.1016/j.jclinepi.2014.08.012

    Examples
    --------
    >>> LogStudentT(5, -1.495, 1.08).ppf([0.025, 0.5, 0.975]).round(4)
    array([0.014 , 0.2242, 3.6011])
    >>> LogStudentT(5, -1.495, 1.08).mean()
    inf
    """

    nu: float
    location: float
    scale: float

    def moments(self) -> Moments:
        """Both are infinite."""
        return Moments(math.inf, math.inf)

    def in_pymc(self, pm: Any, name: str, data: Mapping[str, Any]) -> InPyMC:
        """The exponential of a t distribution."""
        arguments = {"nu": data["nu"], "mu": data["location"], "sigma": data["scale"]}
        return InPyMC(pm.StudentT, arguments, f"log_{name}", pm.math.exp)

    def _power_moment(self, k: float) -> float:
        return math.inf

    def _logpdf(self, x: Floats) -> Floats:
        u = np.log(x)
        return np.where(x == 0, np.inf, self._logpdf_of_log(u) - u)

    def _cdf(self, x: Floats) -> Floats:
        return self._cdf_of_log(np.log(x))

    def _cdf_of_log(self, u: Floats) -> Floats:
        return std.t_cdf(self.nu, (u - self.location) / self.scale)

    def _ppf(self, q: Floats) -> Floats:
        return np.exp(self._ppf_of_log(q))

    def _ppf_of_log(self, q: Floats) -> Floats:
        return self.location + self.scale * std.t_ppf(self.nu, q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.asarray(np.exp(self.location + self.scale * rng.standard_t(self.nu, size)))


@Row(example="OnVariance(LogNormal(-2.56, 1.74))")
@final
@dataclass(frozen=True, slots=True, repr=False)
class OnVariance(MomentMethods):
    """A prior for a scale that was published for its square: `tau`, when `prior` is the prior of `tau**2`.

    The density of `tau` is ``2 * tau * prior.pdf(tau**2)``. All that this object returns is about `tau`.

    Parameters
    ----------
    prior : Prior
        The prior of the variance `tau**2`, in squared units of the effect. It must be a proper density on
        [0, inf).

    Raises
    ------
    SpecificationError
        If `prior` is not a prior, puts mass below zero, or has no density.

    References
    ----------
    Turner, Jackson, Wei, Thompson and Higgins (2015), Statistics in Medicine 34:984-998, doi:10.1002/sim.6381
    (log-normal priors for `tau**2`)

    Examples
    --------
    >>> prior = OnVariance(LogNormal(-2.56, 1.74))
    >>> prior
    OnVariance(LogNormal(-2.56, 1.74))
    >>> prior.ppf([0.025, 0.5, 0.975]).round(4)
    array([0.0505, 0.278 , 1.5298])
    """

    prior: MomentMethods

    def __post_init__(self) -> None:
        if not isinstance(self.prior, Prior):
            raise SpecificationError(f"OnVariance(prior={self.prior!r}): give a prior, e.g. LogNormal(-1.83, 1.52).")
        if isinstance(self.prior, PublishedPrior):
            raise SpecificationError(
                f"OnVariance({self.prior}): a published prior is for {self.prior.parameter} itself already; "
                "use it outside OnVariance."
            )
        if self.prior.support[0] >= 0 and not isinstance(self.prior, MomentMethods):
            raise SpecificationError(
                f"OnVariance({self.prior}): a prior of the variance must be proper and the same for all studies; "
                "reference priors are for tau itself, outside OnVariance."
            )
        if not (isinstance(self.prior, MomentMethods) and self.prior.support[0] >= 0):
            raise SpecificationError(
                f"OnVariance({self.prior}): a prior of the variance must lie on [0, inf); this one does not."
            )
        if not self.prior.has_density:
            raise SpecificationError(
                f"OnVariance({self.prior}): the prior of the variance must have a density; "
                "give a point mass for tau itself, outside OnVariance."
            )

    @property
    def support(self) -> tuple[float, float]:
        """Square roots of the support of the variance."""
        lower, upper = self.prior.support
        return math.sqrt(lower), math.sqrt(upper)

    def moments(self) -> Moments:
        """Mean and standard deviation of the scale."""
        mean, mean_square = self._power_moment(1.0), self._power_moment(2.0)
        if math.isinf(mean_square):
            return Moments(mean, math.inf)
        return Moments(mean, math.sqrt(max(0.0, mean_square - mean**2)))

    @property
    def of_square(self) -> MomentMethods:
        """The prior of the variance."""
        return self.prior

    @property
    def priors(self) -> tuple[Prior, ...]:
        """The prior of the variance."""
        return (self.prior,)

    def scaled(self, factor: float) -> Self:
        """That of the variance times the square of `factor`."""
        return replace(self, prior=self.prior.scaled(factor**2))

    def in_pymc(self, pm: Any, name: str, data: Mapping[str, Any]) -> InPyMC:
        """The square root of the variance."""
        square = self.prior.in_pymc(pm, f"{name}_squared", inner_data(data, 0))
        of_square = square.transform or (lambda value: value)
        return square._replace(transform=lambda value: pm.math.sqrt(of_square(value)))

    def _power_moment(self, k: float) -> float:
        return self.prior._power_moment(k / 2)

    def _logpdf(self, x: Floats) -> Floats:
        u = np.log(x)
        return np.where(x == 0, self._logpdf_at_zero(), self._logpdf_of_log(u) - u)

    def _logpdf_at_zero(self) -> float:
        """Limit at zero, where the density is zero, infinite or finite: its slope in log(tau) says which."""
        u = np.array([-1e4, -1e8, -2e8])
        near, far, farther = (self._logpdf_of_log(u) - u).tolist()
        slope = (far - farther) / 1e8
        if math.isnan(slope) or slope > 1e-6:
            return -math.inf
        return math.inf if slope < -1e-6 else near

    def _log_density_of_log(self, u: Floats) -> Floats:
        return std.LOG_2 + self.prior._logpdf_of_log(2 * u)

    def _cdf(self, x: Floats) -> Floats:
        return self._cdf_of_log(np.log(x))

    def _cdf_of_log(self, u: Floats) -> Floats:
        return self.prior._cdf_of_log(2 * u)

    def _ppf(self, q: Floats) -> Floats:
        return np.exp(self._ppf_of_log(q))

    def _ppf_of_log(self, q: Floats) -> Floats:
        return self.prior._ppf_of_log(q) / 2

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.sqrt(self.prior._draw(rng, size))
