"""A prior on the real line cut off at one or two points, as some are published: Truncated."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np

from bayesmeta.errors import SpecificationError
from bayesmeta.priors._base import Floats, InPyMC, Moments, Prior, Size, Truncation, inner_data
from bayesmeta.priors._half_line import MomentMethods
from bayesmeta.priors._parameters import as_float, number_text, rejected
from bayesmeta.priors.real_line import Cauchy, Normal, StudentT
from bayesmeta.priors.registry import Row

_LEVELS = (0, 1e-12, 1e-8, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-4, 1 - 1e-8, 1 - 1e-12, 1)
_EXAMPLE = "Truncated(Normal(0.35, 0.1), 0, inf)"


@Row(example=_EXAMPLE)
@final
@dataclass(frozen=True, slots=True, repr=False)
class Truncated(MomentMethods):
    """A normal, Student t or Cauchy distribution given that the value lies between two bounds.

    Exact by quadrature on `tau`, and on `mu` or one coefficient: a directed hypothesis. On several coefficients it is for
    the nuts engine.

    Parameters
    ----------
    prior : Normal, StudentT or Cauchy
        The distribution that is cut.
    lower, upper : float
        The bounds, in the units of the effect; -inf and inf where there is none.

    Raises
    ------
    SpecificationError
        If `prior` is of another family, a bound is nan, `upper` does not exceed `lower`, or the prior has no
        mass between them that double precision can hold.

    Examples
    --------
    >>> prior = Truncated(StudentT(3, 0.35, 0.102), 0, math.inf)
    >>> prior
    Truncated(StudentT(3, 0.35, 0.102), 0, inf)
    >>> prior.ppf([0.025, 0.5, 0.975]).round(4)
    array([0.0986, 0.3529, 0.6774])
    """

    prior: Normal | StudentT | Cauchy
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not isinstance(self.prior, Normal | StudentT | Cauchy):
            raise SpecificationError(
                f"Truncated(prior={self.prior!r}): give a Normal, StudentT or Cauchy, e.g. {_EXAMPLE}."
            )
        for name in ("lower", "upper"):
            given = getattr(self, name)
            if math.isnan(value := as_float(given)):
                raise rejected(self, name, given, f"{name} must be a number, or infinite where there is no bound.")
            object.__setattr__(self, name, value)
        if not self.lower < self.upper:
            allowed = f"upper must exceed lower, which is {number_text(self.lower)}."
            raise rejected(self, "upper", self.upper, allowed)
        if not self._mass > 0:
            raise SpecificationError(f"{self}: {self.prior} has no mass there. Move the bounds towards its centre.")

    @property
    def support(self) -> tuple[float, float]:
        """The two bounds."""
        return self.lower, self.upper

    @property
    def truncation(self) -> Truncation:
        """The prior that is cut, the bounds, and the log of its mass between them."""
        return Truncation(self.prior, self.lower, self.upper, math.log(self._mass))

    @property
    def priors(self) -> tuple[Prior, ...]:
        """The prior that is cut."""
        return (self.prior,)

    def scaled(self, factor: float) -> Self:
        """The scaled prior, cut at the bounds times `factor`."""
        return replace(self, prior=self.prior.scaled(factor), lower=factor * self.lower, upper=factor * self.upper)

    def widened(self, factor: float) -> Self:
        """The widened prior, cut at the same bounds."""
        return replace(self, prior=self.prior.widened(factor))

    def in_pymc(self, pm: Any, name: str, data: Mapping[str, Any]) -> InPyMC:
        """The same, with the bounds that there are."""
        whole = self.prior.in_pymc(pm, "part", inner_data(data, 0))
        bounds = {key: data[key] for key in ("lower", "upper") if key in data}
        return InPyMC(pm.Truncated, {"dist": whole.distribution.dist(**whole.arguments), **bounds}, name)

    @property
    def _mirrored(self) -> bool:
        """Whether to compute with the mirror image, so that the mass lies in the lower tail, which keeps its digits."""
        centre = self.prior.mean
        return self.lower > centre or (math.isinf(self.upper) and self.lower == centre)

    @property
    def _ends(self) -> tuple[float, float]:
        """Distribution function of the prior, or of its mirror image, at the two bounds, in increasing order."""
        lower, upper = self.lower, self.upper
        if self._mirrored:
            lower, upper = 2 * self.prior.mean - upper, 2 * self.prior.mean - lower
        low, high = self.prior.cdf([lower, upper])
        return float(low), float(high)

    @property
    def _mass(self) -> float:
        low, high = self._ends
        return high - low

    def moments(self) -> Moments:
        """Mean and standard deviation: `inf` where infinite, `nan` where there is none."""
        below, above = math.isinf(self.lower), math.isinf(self.upper)
        tail = self._tail if below or above else math.inf
        if tail <= 1:
            mean = math.nan if below and above else math.inf if above else -math.inf
            return Moments(mean, math.nan if math.isnan(mean) else math.inf)
        if not (below or above):  # no closed form keeps its digits where the bounds are close
            mean = self._mean_of(lambda x: x)
            return Moments(mean, math.sqrt(self._mean_of(lambda x: (x - mean) ** 2)))
        first, second = self._open_ended()
        sd = self._scale * math.sqrt(max(0.0, second - first**2)) if tail > 2 else math.inf
        return Moments(self.prior.mean + self._scale * first, sd)

    def _open_ended(self) -> tuple[float, float]:
        """First and second moment of (x - centre) / scale, by parts: with f its density, (z^2 + nu) f / (nu - 1) = -int z f."""
        ends = [(end - self.prior.mean) / self._scale for end in (self.lower, self.upper)]
        density = [
            float(self.pdf(end)) * self._scale if math.isfinite(end) else 0.0 for end in (self.lower, self.upper)
        ]
        nu = self._tail
        gain = [
            f if math.isinf(nu) else (z * z + nu) / (nu - 1) * f if f else 0.0
            for z, f in zip(ends, density, strict=True)
        ]
        moved = [z * g if g else 0.0 for z, g in zip(ends, gain, strict=True)]
        if math.isinf(nu):
            return gain[0] - gain[1], 1 + moved[0] - moved[1]
        second = ((nu - 1) * (moved[0] - moved[1]) + nu) / (nu - 2) if nu > 2 else math.inf
        return gain[0] - gain[1], second

    def _power_moment(self, k: float) -> float:
        if k == 1:
            return self.moments().mean
        return self._mean_of(lambda x: x**k) if k < self._tail or math.isfinite(self.upper) else math.inf

    @property
    def _scale(self) -> float:
        return self.prior.student.scale

    @property
    def _tail(self) -> float:
        """Moments of this order and above do not exist where a tail is left."""
        return self.prior.student.nu

    def _mean_of(self, function: Callable[[float], float]) -> float:
        """Mean of a function, for a finite lower bound: piece by piece between quantiles, the tail over its logarithm."""
        from scipy.integrate import quad

        def integrand(x: float) -> float:
            return function(x) * float(self.pdf(x))

        edges = [float(x) for x in np.unique(self.ppf(_LEVELS)) if math.isfinite(x)]
        pieces = [quad(integrand, *ends, epsabs=0, epsrel=1e-11, limit=200)[0] for ends in itertools.pairwise(edges)]
        if math.isinf(self.upper):
            far = edges[-1] - self.prior.mean

            def in_log(u: float) -> float:
                x = self.prior.mean + far * math.exp(min(u, 700.0))
                return integrand(x) * far * math.exp(u) if u < 700 else 0.0

            pieces.append(quad(in_log, 0, math.inf, epsabs=1e-13 * math.fsum(pieces), epsrel=1e-9, limit=200)[0])
        return math.fsum(pieces)

    def _logpdf(self, x: Floats) -> Floats:
        return self.prior._logpdf(x) - math.log(self._mass)

    def _cdf(self, x: Floats) -> Floats:
        low, high = self._ends
        if self._mirrored:
            return (high - self.prior.cdf(2 * self.prior.mean - x)) / (high - low)
        return (self.prior.cdf(x) - low) / (high - low)

    def _ppf(self, q: Floats) -> Floats:
        low, high = self._ends
        if self._mirrored:
            return 2 * self.prior.mean - self.prior.ppf(high - q * (high - low))
        return self.prior.ppf(low + q * (high - low))

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.clip(self._ppf(np.asarray(rng.uniform(size=size))), self.lower, self.upper)

    def __str__(self) -> str:
        return f"Truncated({self.prior}, {number_text(self.lower)}, {number_text(self.upper)})"
