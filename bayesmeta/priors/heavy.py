"""Priors for a scale such as `tau` whose tails fall as a power: InvGamma and Lomax."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from bayesmeta.priors import _standard as std
from bayesmeta.priors._base import Floats, InPyMC, Moments, Size
from bayesmeta.priors._half_line import MomentMethods
from bayesmeta.priors.registry import LogDensity, Row


@Row(
    example="InvGamma(1.71, 0.4)",
    roles={"shape": "shape", "scale": "scale"},
    pymc="InverseGamma(alpha, beta)",
    words="inverse-gamma",
    log_density=LogDensity(
        lambda shape, scale: (shape * np.log(scale) - std.log_gammas(shape), shape, scale),
        lambda xp, u, norm, shape, scale: norm - shape * u - scale * xp.exp(-u),
        lambda shape, scale: (np.log(scale / shape), shape**-0.5),
    ),
)
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

    def _cdf(self, x: Floats) -> Floats:
        return std.gamma_sf(self.shape, self.scale / x)

    def _ppf(self, q: Floats) -> Floats:
        return self.scale / std.gamma_isf(self.shape, q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.scale / np.asarray(rng.standard_gamma(self.shape, size))


@Row(
    example="Lomax(2, 0.3)",
    roles={"shape": "shape", "scale": "scale"},
    log_density=LogDensity(
        lambda shape, scale: (np.log(shape) - np.log(scale), np.log(scale), shape + 1),
        lambda xp, u, norm, log_scale, power: norm + u - power * std.log1p_exp(xp, u - log_scale),
        lambda shape, scale: (np.log(scale / shape), 1.0 + 1 / shape),
    ),
)
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

    def moments(self) -> Moments:
        """Mean (inf for `shape` <= 1) and standard deviation (inf for `shape` <= 2)."""
        mean = self.scale / (self.shape - 1) if self.shape > 1 else math.inf
        return Moments(mean, mean * math.sqrt(self.shape / (self.shape - 2)) if self.shape > 2 else math.inf)

    def in_pymc(self, pm: Any, name: str, data: Mapping[str, Any]) -> InPyMC:
        """A Pareto distribution, which starts at the scale, less the scale."""
        arguments = {"alpha": data["shape"], "m": data["scale"]}
        return InPyMC(pm.Pareto, arguments, f"{name}_plus_scale", lambda pareto: pareto - data["scale"])

    def _power_moment(self, k: float) -> float:
        if self.shape <= k:
            return math.inf
        return math.pow(self.scale, k) * math.gamma(1 + k) / std.rising(self.shape - k, k)

    def _logpdf(self, x: Floats) -> Floats:
        return math.log(self.shape) - math.log(self.scale) - (self.shape + 1) * np.log1p(x / self.scale)

    def _cdf(self, x: Floats) -> Floats:
        return -np.expm1(-self.shape * np.log1p(x / self.scale))

    def _ppf(self, q: Floats) -> Floats:
        return self.scale * np.expm1(-np.log1p(-q) / self.shape)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.scale * np.asarray(rng.pareto(self.shape, size))
