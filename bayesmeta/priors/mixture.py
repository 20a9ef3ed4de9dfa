"""Mixtures of priors, and the point mass that makes spike-and-slab priors of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.priors._base import Floats, InPyMC, Moments, Prior, Size, inner_data
from bayesmeta.priors._half_line import MomentMethods
from bayesmeta.priors._parameters import as_float, number_text, real
from bayesmeta.priors.joint import MultivariateNormal
from bayesmeta.priors.reference import ReferencePrior
from bayesmeta.priors.registry import Row

_EXAMPLE = "Mixture([(0.5, Normal(0, 1)), (0.5, Normal(0, 0.1))])"


@Row(example="PointMass(0)")
@final
@dataclass(frozen=True, slots=True, repr=False)
class PointMass(MomentMethods):
    """All mass on one value: a parameter held fixed, or the spike of a spike-and-slab prior.

    It has no density, so `logpdf` and `pdf` raise; `cdf`, `ppf`, `moments` and `rvs` answer.

    Parameters
    ----------
    value : float
        The value, in the units of the effect.

    Raises
    ------
    SpecificationError
        If `value` is not finite.

    Examples
    --------
    >>> PointMass(0).cdf([-0.1, 0, 0.1])
    array([0., 1., 1.])
    >>> PointMass(0).has_density
    False
    """

    value: float

    def __post_init__(self) -> None:
        real(self, "value")

    @property
    def support(self) -> tuple[float, float]:
        """The value, twice."""
        return self.value, self.value

    @property
    def has_density(self) -> bool:
        """False."""
        return False

    @property
    def atom(self) -> float:
        """The value."""
        return self.value

    def scaled(self, factor: float) -> Self:
        """All mass on the value times `factor`."""
        return self.replaced("value", factor * self.value)

    def widened(self, factor: float) -> Self:
        """Itself."""
        return self

    def moments(self) -> Moments:
        """Return the value, and zero."""
        return Moments(self.value, 0.0)

    def _power_moment(self, k: float) -> float:
        return float(self.value**k)

    def _cdf(self, x: Floats) -> Floats:
        return (x >= self.value).astype(float)

    def _ppf(self, q: Floats) -> Floats:
        return np.full_like(q, self.value)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return np.full(() if size is None else size, self.value)


@Row(example=_EXAMPLE)
@final
@dataclass(frozen=True, slots=True, repr=False)
class Mixture(MomentMethods):
    """A weighted mixture of priors: sceptical and enthusiastic, robust, or spike and slab.

    Parameters
    ----------
    components : iterable of (float, Prior)
        Weight and prior of each component. Weights are positive and are divided by their sum. The components
        lie either all on the real line or all on [0, inf). With a `PointMass` among them the mixture has no
        density.

    Raises
    ------
    SpecificationError
        If there is no component, a weight is not positive and finite, or a component is not a proper prior of
        the same support.

    References
    ----------
    Schmidli, Gsteiger, Roychoudhury et al. (2014), Biometrics 70:1023-1032, doi:10.1111/biom.12242

    Examples
    --------
    >>> from bayesmeta.priors import Uniform
    >>> prior = Mixture([(1, PointMass(0)), (3, Uniform(0, 2))])
    >>> prior
    Mixture([(0.25, PointMass(0)), (0.75, Uniform(0, 2))])
    >>> prior.cdf([0, 1])
    array([0.25 , 0.625])
    >>> prior.ppf([0.2, 0.625])
    array([0., 1.])
    """

    is_mixture: ClassVar[bool] = True
    components: tuple[tuple[float, Prior], ...]

    def __init__(self, components: Iterable[tuple[float, Prior]]) -> None:
        object.__setattr__(self, "components", _normalised(_checked_pairs(components)))
        _check_supports(self)

    @property
    def weights(self) -> tuple[float, ...]:
        """Weights of the components, which sum to one."""
        return tuple(weight for weight, _ in self.components)

    @property
    def priors(self) -> tuple[Prior, ...]:
        """The components without their weights."""
        return tuple(prior for _, prior in self.components)

    @property
    def parts(self) -> tuple[tuple[float, Prior], ...]:
        """The components."""
        return self.components

    def numbers(self) -> dict[str, float]:
        """The weights."""
        return {f"weight{i}": weight for i, weight in enumerate(self.weights)}

    def scaled(self, factor: float) -> Self:
        """The mixture of the scaled components."""
        return replace(self, components=tuple((weight, part.scaled(factor)) for weight, part in self.components))

    def widened(self, factor: float) -> Self:
        """The mixture of the widened components."""
        return replace(self, components=tuple((weight, part.widened(factor)) for weight, part in self.components))

    def in_pymc(self, pm: Any, name: str, data: Mapping[str, Any]) -> InPyMC:
        """A mixture of those components that are distributions of PyMC as they stand."""
        parts = [part.in_pymc(pm, "part", inner_data(data, i)) for i, part in enumerate(self.priors)]
        for part, made in zip(self.priors, parts, strict=True):
            if made.transform is not None or made.distribution is pm.Mixture:
                raise part.unsampled("part")
        weights = pm.math.stack([data[f"weight{i}"] for i in range(len(parts))])
        components = [made.distribution.dist(**made.arguments) for made in parts]
        return InPyMC(pm.Mixture, {"w": weights, "comp_dists": components}, name)

    @property
    def support(self) -> tuple[float, float]:
        """Smallest interval that holds the supports of all components."""
        lower, upper = zip(*(prior.support for prior in self.priors), strict=True)
        return min(lower), max(upper)

    @property
    def has_density(self) -> bool:
        """Whether all components have a density."""
        return all(prior.has_density for prior in self.priors)

    def moments(self) -> Moments:
        """Mean and standard deviation, from those of the components."""
        parts = [prior.moments() for prior in self.priors]
        mean = sum(w * part.mean for w, part in zip(self.weights, parts, strict=True))
        if not math.isfinite(mean):
            return Moments(mean, mean)
        about_mean = (math.hypot(part.sd, part.mean - mean) for part in parts)
        weighted = (math.sqrt(w) * spread for w, spread in zip(self.weights, about_mean, strict=True))
        return Moments(mean, math.hypot(*weighted))

    def _power_moment(self, k: float) -> float:
        return math.fsum(w * prior._power_moment(k) for w, prior in self._scale_parts())

    def _logpdf(self, x: Floats) -> Floats:
        return _log_sum_exp([math.log(w) + prior.logpdf(x) for w, prior in self.components])

    def _log_density_of_log(self, u: Floats) -> Floats:
        return _log_sum_exp([math.log(w) + prior._logpdf_of_log(u) for w, prior in self._scale_parts()])

    def _cdf(self, x: Floats) -> Floats:
        return np.sum([w * prior.cdf(x) for w, prior in self.components], axis=0)

    def _cdf_of_log(self, u: Floats) -> Floats:
        return np.sum([w * prior._cdf_of_log(u) for w, prior in self._scale_parts()], axis=0)

    def _scale_parts(self) -> list[tuple[float, MomentMethods]]:
        return [(w, prior) for w, prior in self.components if isinstance(prior, MomentMethods)]

    def _ppf(self, q: Floats) -> Floats:
        """Bisect between the least and the largest quantile of the components."""
        quantiles = np.stack([prior.ppf(q) for prior in self.priors])
        below, above = _rank(quantiles.min(axis=0)) - 1, _rank(quantiles.max(axis=0))
        while np.any((middle := _mean_rank(below, above)) > below):
            reached = self.cdf(_unrank(middle)) >= q
            below, above = np.where(reached, below, middle), np.where(reached, middle, above)
        return _unrank(above)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        component = np.asarray(rng.choice(len(self.components), p=self.weights, size=size))
        out = np.empty(component.shape)
        for i, prior in enumerate(self.priors):
            chosen = component == i
            out[chosen] = prior._draw(rng, int(chosen.sum()))
        return out

    def __str__(self) -> str:
        pairs = ", ".join(f"({number_text(weight)}, {prior})" for weight, prior in self.components)
        return f"Mixture([{pairs}])"


def _checked_pairs(components: object) -> list[tuple[float, Prior]]:
    """Return the pairs, each with a positive weight and a proper prior, or reject them."""
    if not isinstance(components, Iterable) or not (given := list(components)):
        raise SpecificationError(f"Mixture({components!r}): give (weight, prior) pairs, e.g. {_EXAMPLE}.")
    pairs = []
    for i, pair in enumerate(given, start=1):
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[1], Prior)):
            raise SpecificationError(f"Mixture: component {i} is {pair!r}, not (weight, prior) as in {_EXAMPLE}.")
        weight, prior = as_float(pair[0]), pair[1]
        if not 0 < weight < math.inf:
            raise SpecificationError(
                f"Mixture: component {i}, {prior}, has weight {pair[0]!r}; it must be positive and finite."
            )
        if not prior.is_proper:
            raise SpecificationError(f"Mixture: component {i}, {prior}, does not integrate to one; use a proper prior.")
        if isinstance(prior, MultivariateNormal):
            raise SpecificationError(f"Mixture: component {i}, {prior}, is joint; mixtures are of one coefficient.")
        if isinstance(prior, ReferencePrior):
            raise SpecificationError(
                f"Mixture: component {i}, {prior}, depends on the studies' standard errors; use {prior}.given(se**2)."
            )
        pairs.append((weight, prior))
    return pairs


def _normalised(pairs: list[tuple[float, Prior]]) -> tuple[tuple[float, Prior], ...]:
    """Divide the weights by their sum, unless it is 1 but for rounding, so that text reads back the same."""
    largest = max(weight for weight, _ in pairs)
    total = math.fsum(weight / largest for weight, _ in pairs)
    if abs(total * largest - 1) <= 1e-15:
        return tuple(pairs)
    weights = [weight / largest / total for weight, _ in pairs]
    if min(weights) == 0:
        raise SpecificationError(f"Mixture: the weights {[w for w, _ in pairs]} differ too much in size.")
    return tuple((weight, prior) for weight, (_, prior) in zip(weights, pairs, strict=True))


def _check_supports(mixture: Mixture) -> None:
    """Reject a mixture of a family on [0, inf) with mass below zero."""
    half = [
        prior
        for prior in mixture.priors
        if prior.support[0] >= 0 and math.isinf(prior.support[1]) and prior.truncation is None
    ]
    negative = [prior for prior in mixture.priors if prior.support[0] < 0]
    if half and negative:
        raise SpecificationError(
            f"Mixture: {half[0]} is a prior on [0, inf) and {negative[0]} puts mass below zero; "
            "give components of the same support."
        )


def _log_sum_exp(logs: list[Floats]) -> Floats:
    return np.asarray(np.logaddexp.reduce(np.stack(logs), axis=0))


def _rank(x: Floats) -> NDArray[np.int64]:
    """Position of each float among all floats, so that bisection reaches the last digit at any magnitude."""
    bits = np.asarray(x, float).view(np.int64)
    rank: NDArray[np.int64] = np.where(bits >= 0, bits, np.iinfo(np.int64).min - bits)
    return rank


def _mean_rank(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Mean of two positions, rounded down, without overflow."""
    mean: NDArray[np.int64] = (a >> 1) + (b >> 1) + (a & b & 1)
    return mean


def _unrank(rank: NDArray[np.int64]) -> Floats:
    """Inverse of `_rank`."""
    return np.where(rank >= 0, rank, np.iinfo(np.int64).min - rank).view(np.float64)
