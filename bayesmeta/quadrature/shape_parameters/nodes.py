"""Nodes of shape parameters: equally spaced in the normal scores of their priors, between ends that hold the posterior."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from bayesmeta.priors import Prior

Floats = NDArray[np.float64]
Ends = tuple[float, float]
_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
FARTHEST = 7.5  # normal scores: 6e-14 of a prior lies beyond, and above it quantiles have no digits left
_DEPTH = 27.0  # below the peak of a log density, where 2e-12 of it is left
_SCAN = (31, 16)  # places in which one, or each of two, parameters are looked at to find the ends
_ENOUGH = 0.35  # of these places within the ends: fewer, and they are looked for again between nearer ends
_ROUNDS = 20  # each at least halves a range or ends: 7.5 / 2^20 is less than any posterior's width


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter's nodes.

    Attributes
    ----------
    prior : Prior
    z : ndarray, shape (node,)
        Normal scores, equally spaced; one, which has no meaning, for a parameter that is known.
    """

    prior: Prior
    z: Floats

    @property
    def step(self) -> float:
        """Distance of the nodes."""
        return float(self.z[1] - self.z[0]) if self.z.size > 1 else 1.0

    @property
    def log_weight(self) -> Floats:
        """Log of prior mass times the rule's weight, of each node."""
        if self.prior.atom is not None:
            return np.zeros(1)
        return np.asarray(np.log(self.step) - 0.5 * self.z**2 - _LOG_SQRT_2PI)

    def value(self, z: Floats) -> Floats:
        """The parameter at normal scores."""
        if self.prior.atom is not None:
            return np.full(np.shape(z), self.prior.atom)
        return np.asarray(self.prior.ppf(ndtr(z)))

    def score(self, value: Floats) -> Floats:
        """Normal scores of values of the parameter."""
        return np.asarray(np.clip(ndtri(self.prior.cdf(value)), -FARTHEST - 1, FARTHEST + 1))


@dataclass(frozen=True, slots=True)
class Product:
    """The nodes of all parameters together: the last one's index runs fastest."""

    axes: Mapping[str, Axis]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many nodes each parameter has."""
        return tuple(axis.z.size for axis in self.axes.values())

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return int(np.prod(self.shape))

    def spread(self, along: Mapping[str, Floats]) -> dict[str, Floats]:
        """Numbers that each parameter's own nodes have, at all nodes."""
        grids = np.meshgrid(*along.values(), indexing="ij")
        return {name: grid.ravel() for name, grid in zip(along, grids, strict=True)}

    @property
    def values(self) -> dict[str, Floats]:
        """Value of each parameter at all nodes, shape (node,)."""
        return self.spread({name: axis.value(axis.z) for name, axis in self.axes.items()})

    @property
    def log_weight(self) -> Floats:
        """Log of prior mass times weight, shape (node,)."""
        each = self.spread({name: axis.log_weight for name, axis in self.axes.items()})
        return np.asarray(sum(each.values()))

    def alone(self, name: str, masses: Floats) -> Floats:
        """Masses of one parameter's own nodes, from those of all."""
        at = list(self.axes).index(name)
        return np.asarray(masses.reshape(self.shape).sum(axis=tuple(i for i in range(len(self.shape)) if i != at)))

    def at_ends(self, masses: Floats) -> float:
        """Largest mass at a node that nothing beyond was looked at, because the prior has no digits there."""
        worst = 0.0
        for name, axis in self.axes.items():
            own = self.alone(name, masses)
            for i in (0, -1):
                if axis.z.size > 1 and abs(axis.z[i]) > FARTHEST - 1e-9:
                    worst = max(worst, float(own[i]))
        return worst


def product(priors: Mapping[str, Prior], ends: Mapping[str, Ends], n: int) -> Product:
    """`n` nodes of each parameter that is not known, between the ends."""
    axes = {
        name: Axis(prior, np.zeros(1) if prior.atom is not None else np.linspace(*ends[name], n))
        for name, prior in priors.items()
    }
    return Product(axes)


def find_ends(priors: Mapping[str, Prior], log_mass: Callable[[Product], Floats]) -> dict[str, Ends]:
    """Normal scores between which the posterior of each parameter lies, but for exp(-27) of its peak.

    It begins with the whole of the priors, and looks again between nearer ends for as long as these hold few of its places.

    Parameters
    ----------
    priors : mapping of str to Prior
    log_mass : callable
        From nodes to the log of the posterior mass of each, not normalised.
    """
    ends = dict.fromkeys(priors, (-FARTHEST, FARTHEST))
    n = _SCAN[max(sum(prior.atom is None for prior in priors.values()), 1) - 1]
    for _ in range(_ROUNDS):
        nodes = product(priors, ends, n)
        masses = log_mass(nodes).reshape(nodes.shape)
        few = False
        for i, (name, axis) in enumerate(nodes.axes.items()):
            if axis.z.size == 1:
                continue
            profile = masses.max(axis=tuple(j for j in range(masses.ndim) if j != i))
            inside = np.flatnonzero(profile > profile.max() - _DEPTH)
            few |= inside.size < _ENOUGH * n
            ends[name] = (float(axis.z[max(inside[0] - 1, 0)]), float(axis.z[min(inside[-1] + 1, n - 1)]))
        if not few:
            break
    return ends
