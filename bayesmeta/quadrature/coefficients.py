"""Priors on the coefficients as finite mixtures of normals; point masses split the model into pieces.

A Student t prior is a normal whose variance is scaled by an inverse gamma: the trapezoid rule over the log of that
scale turns it into a finite mixture, which converges exponentially in the number of its components.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv, gammaincinv, gammaln, polygamma

from bayesmeta.errors import InferenceError, SpecificationError
from bayesmeta.priors import Flat, Prior, plain
from bayesmeta.priors._parameters import number_text
from bayesmeta.quadrature.cut import Cut
from bayesmeta.quadrature.gaussian import CoefficientPrior

Floats = NDArray[np.float64]
Names = tuple[str, ...]
# The rule over the log of a t prior's precision: its largest step, its step in standard deviations, where it begins. With 0.5 to
# 1,000 degrees of freedom all nodes give the mass of the prior to 3e-13, and its halves, which the bound compares, to 1e-7.
_LOG_SCALE_STEP, _STEP_IN_SD, _LOWEST = 0.18, 0.42, -20.0
_EDGE = 11  # how much the parity of the outermost components counts: mass there means that some was cut off
_SMALLEST = 1e-290  # weight of a component
_MOST_COMPONENTS = 100_000  # an array of them over 128 nodes has 100 MB; two t priors have a sixth, three have millions
_NARROWEST = 1e-140  # scale of a prior: its precision must stay within floats, at the nodes of a t prior too


@dataclass(frozen=True, slots=True)
class Component:
    """One normal (or flat: precision 0, or fixed: precision inf) component of a prior on one coefficient.

    `parity` is positive or negative for the two halves of the rule over a t prior's scale, 1 in size but at the ends of
    the rule, and 0 for a component of its own. Where the prior is cut the component is a normal that is not, and `log_inside`
    the log of the whole prior's mass between the bounds.
    """

    weight: float
    mean: float
    precision: float
    parity: int = 0
    lower: float = -math.inf
    upper: float = math.inf
    log_inside: float = 0.0

    @property
    def is_cut(self) -> bool:
        """Whether it has a bound."""
        return self.lower > -math.inf or self.upper < math.inf


@dataclass(frozen=True, slots=True)
class Block:
    """Coefficients whose priors are expanded together: one, or several with a joint normal prior.

    Attributes
    ----------
    columns : tuple of int
    components : list of Component
        For one column; for a joint prior a single entry, and `joint` holds mean and covariance.
    """

    columns: tuple[int, ...]
    components: tuple[Component, ...] = ()
    joint: tuple[Floats, Floats] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the prior in which the same coefficients are fixed: a mixture of normals on the others.

    Attributes
    ----------
    weight : float
        Prior probability.
    fixed : dict of int to float
        Fixed coefficients, by column.
    free : tuple of int
        The other columns, in order.
    mean, precision : ndarray, shapes (component, free) and (component, free, free)
    log_weight : ndarray, shape (component,)
        Log of the components' weights, which sum to one; of those that are cut, over the prior's mass between the bounds.
    n_flat : int
    parities : ndarray, shape (dimension, component)
    cut : (int, Cut), optional
        The column that is cut, and its bounds.
    """

    weight: float
    fixed: dict[int, float]
    free: tuple[int, ...]
    mean: Floats
    precision: Floats
    log_weight: Floats
    n_flat: int
    parities: Floats
    cut: tuple[int, Cut] | None = None

    def bounds(self, basis: Floats) -> Cut | None:
        """Bounds of what is cut, with the free coefficients as ``basis @ rotated``."""
        if self.cut is None:
            return None
        column, cut = self.cut
        return cut._replace(weights=tuple(basis[self.free.index(column)].tolist()))

    def prior(self, basis: Floats) -> CoefficientPrior:
        """For the kernel, with the coefficients as ``basis @ rotated``."""
        p = len(self.free)
        precision = np.einsum("ia,mij,jb->mab", basis, self.precision, basis)
        mean = np.linalg.solve(basis, self.mean[..., None])[..., 0] if p else self.mean
        log_norm = self.log_weight + 0.5 * _log_determinant(self.precision, p - self.n_flat)
        log_norm = log_norm + (np.linalg.slogdet(basis)[1] if p else 0.0)
        return CoefficientPrior(
            tuple(mean[:, i, None] for i in range(p)),
            tuple(tuple(precision[:, i, j, None] for j in range(i + 1)) for i in range(p)),
            log_norm[:, None],
            self.n_flat,
            self.bounds(basis),
        )


def expand(prior: Prior, name: str, finer: int = 1, *, cut: bool = False) -> list[Component]:
    """Components of a prior on one coefficient; their weights sum to one.

    The rule over a t prior's scale has nodes `finer` times as dense, and reaches as many times further down, where data
    far from the prior put the posterior. With `cut` it may be truncated: its components are then normals with bounds.

    Raises
    ------
    SpecificationError
        If the prior is not a finite or scale mixture of normals, or is truncated where it may not be.
    InferenceError
        If it is too narrow for floats.
    """
    unwrapped = plain(prior)
    if unwrapped == Flat():
        return [Component(1.0, 0.0, 0.0)]
    if unwrapped.atom is not None:
        return [Component(1.0, unwrapped.atom, math.inf)]
    if unwrapped.is_mixture:
        return [
            replace(c, weight=w * c.weight) for w, part in unwrapped.parts for c in expand(part, name, finer, cut=cut)
        ]
    if unwrapped.student is not None:
        nu, mean, scale = unwrapped.student
        if scale < _NARROWEST:
            raise InferenceError(
                f"prior for {name} is {prior}: its square is too small for a computer's numbers, below {_NARROWEST:g} "
                f"squared. Use PointMass({number_text(mean)}) for a value that is known."
            )
        return [Component(1.0, mean, scale**-2.0)] if math.isinf(nu) else _scale_mixture(nu, mean, scale, finer)
    if unwrapped.truncation is not None:
        if not cut:
            raise SpecificationError(
                f"prior for {name} is {prior}: a truncated prior leaves no normal distribution given tau, which is needed "
                "here. Use Normal, StudentT or Cauchy."
            )
        whole, lower, upper, log_inside = unwrapped.truncation
        return [replace(c, lower=lower, upper=upper, log_inside=log_inside) for c in expand(whole, name, finer)]
    raise SpecificationError(
        f"prior for {name} is {prior}: the quadrature engine takes Flat, Normal, StudentT, Cauchy, PointMass, those "
        "truncated and mixtures of them, and MultivariateNormal. Use engine='nuts'."
    )


def _scale_mixture(nu: float, mean: float, scale: float, finer: int) -> list[Component]:
    """Normals whose precision is lambda / scale^2, lambda ~ Gamma(nu/2, nu/2), by the trapezoid rule in log lambda."""
    half = nu / 2
    # 1e-12 of the mass lies below, down to a precision that a float still has, and 1e-16 above.
    low = finer * min(max(math.log(max(float(gammaincinv(half, 1e-12)) / half, 1e-300)), -600.0), _LOWEST)
    high = math.log(float(gammainccinv(half, 1e-16)) / half)
    step = min(_LOG_SCALE_STEP, _STEP_IN_SD * math.sqrt(float(polygamma(1, half)))) / finer
    n = 2 * math.ceil((high - low) / (2 * step))
    w = np.linspace(low, high, n)
    log_density = half * math.log(half) - float(gammaln(half)) + half * w - half * np.exp(w)
    weight = np.exp(log_density)
    weight /= weight.sum()
    w, weight = w[weight > _SMALLEST], weight[weight > _SMALLEST]
    parity = np.where(np.arange(w.size) % 2, 1, -1)
    parity[[0, -1]] *= _EDGE
    return [
        Component(float(q), mean, math.exp(x) / scale**2, int(sign))
        for x, q, sign in zip(w, weight, parity, strict=True)
    ]


def pieces(names: Sequence[str], priors: Mapping[Names, Prior], finer: int = 1, *, cut: bool = False) -> list[Piece]:
    """Split a prior on all coefficients into pieces.

    Parameters
    ----------
    names : sequence of str
        Coefficients in order.
    priors : mapping of tuple of str to Prior
        By the names of the coefficients that each is for: joint for several, and for one if it is a `MultivariateNormal`.
    finer : int
        Refines the rule over a t prior's scale.
    cut : bool
        Whether one of them may be truncated.

    Raises
    ------
    SpecificationError
        If a prior is not one for this engine or is truncated where it may not be, or the mixture has too many components.
    """
    joint = {group: prior.joint for group, prior in priors.items() if prior.joint is not None}
    blocks = [
        Block(tuple(map(names.index, group)), joint=(np.array(prior.mean), np.array(prior.cov)))
        for group, prior in joint.items()
    ]
    single = {group[0]: prior for group, prior in priors.items() if prior.joint is None}
    blocks += [
        Block((i,), tuple(expand(single[name], name, finer, cut=cut))) for i, name in enumerate(names) if name in single
    ]
    if len(cuts := [names[block.columns[0]] for block in blocks if any(c.is_cut for c in block.components)]) > 1:
        raise SpecificationError(
            f"priors for {' and '.join(cuts)} are truncated, of which the quadrature engine takes one. Use engine='nuts'."
        )
    return [_piece(len(names), blocks, pattern) for pattern in _patterns(blocks)]


def _patterns(blocks: Sequence[Block]) -> Iterator[tuple[Component | None, ...]]:
    """For each block: the point mass that it is fixed at, or None."""
    choices: list[list[Component | None]] = []
    for block in blocks:
        fixed: list[Component | None] = [c for c in block.components if math.isinf(c.precision)]
        free = block.joint is not None or any(not math.isinf(c.precision) for c in block.components)
        choices.append(fixed + ([None] if free else []))
    return itertools.product(*choices)


def _piece(n: int, blocks: Sequence[Block], pattern: Sequence[Component | None]) -> Piece:
    weight, fixed = 1.0, {}
    open_blocks: list[tuple[Block, list[Component]]] = []
    for block, spike in zip(blocks, pattern, strict=True):
        if spike is not None:
            weight *= spike.weight
            fixed[block.columns[0]] = spike.mean
            continue
        slab = [c for c in block.components if not math.isinf(c.precision)]
        total = sum(c.weight for c in slab) if block.joint is None else 1.0
        weight *= total
        open_blocks.append((block, [replace(c, weight=c.weight / total) for c in slab]))
    free = tuple(i for i in range(n) if i not in fixed)
    position = {column: i for i, column in enumerate(free)}
    size = math.prod(max(len(slab), 1) for _, slab in open_blocks)
    if size > _MOST_COMPONENTS:
        raise SpecificationError(
            f"the priors on the coefficients multiply to {size} normal components, more than {_MOST_COMPONENTS}. "
            "Use Student t, Cauchy or mixture priors on fewer coefficients, or engine='nuts'."
        )
    mean, precision = np.zeros((size, len(free))), np.zeros((size, len(free), len(free)))
    log_weight, parities, n_flat, cut = np.zeros(size), [], 0, None
    grid = np.indices([max(len(slab), 1) for _, slab in open_blocks]).reshape(len(open_blocks), size)
    for (block, slab), at in zip(open_blocks, grid, strict=True):
        rows = [position[column] for column in block.columns]
        if block.joint is not None:
            mean[:, rows] = block.joint[0]
            precision[np.ix_(range(size), rows, rows)] = np.linalg.inv(block.joint[1])
            continue
        mean[:, rows[0]] = np.array([c.mean for c in slab])[at]
        precision[:, rows[0], rows[0]] = np.array([c.precision for c in slab])[at]
        log_weight += np.array([math.log(c.weight) - c.log_inside for c in slab])[at]
        if any(c.is_cut for c in slab):
            lower, upper = (np.array([getattr(c, end) for c in slab])[at][:, None] for end in ("lower", "upper"))
            cut = block.columns[0], Cut((), lower, upper)
        parity = np.array([c.parity for c in slab], float)[at]
        if parity.any():
            parities.append(parity)
        n_flat += sum(c.precision == 0 for c in slab)
    return Piece(weight, fixed, free, mean, precision, log_weight, n_flat, np.array(parities).reshape(-1, size), cut)


def _log_determinant(precision: Floats, rank: int) -> Floats:
    """Log of the product of the `rank` largest eigenvalues."""
    if rank == 0:
        return np.zeros(len(precision))
    values = np.linalg.eigvalsh(precision)
    return np.asarray(np.log(values[:, precision.shape[-1] - rank :]).sum(axis=-1))
