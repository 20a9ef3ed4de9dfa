"""The integral over tau: nodes, their posterior masses, and a bound on what doubling the nodes would change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesmeta.quadrature.cut import Cut, conditioned
from bayesmeta.quadrature.cut import below as cut_cdf
from bayesmeta.quadrature.gaussian import CoefficientPrior, Conditional, Problem, condition, posterior_mean
from bayesmeta.quadrature.grid import Grid, locate
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.special import namespace, normal_cdf, over_nodes

Array = Any
NODES = 128  # to begin with: they reach 1e-8 for most posteriors (`grid._WIDTH`)
MOST_NODES = 8192  # what error is left then, the result states
_MOMENT = 0.01  # a moment may be a hundred times less certain, relative to itself, than a probability
PROBES = (-2.5, -1.0, 0.0, 1.0, 2.5)  # standard deviations around the mean at which CDFs are compared
_SCALES = (-2.0, 1.0, -1.0, 2.0, 0.0)  # and spreads of the log of a new study's conditional sd, to alternate sides
_NOTHING = 1e-20  # mass of a node and component that does not count
_ROUNDING = 2.0**-52  # spacing of floats at one


@dataclass(frozen=True, slots=True)
class Posterior:
    """Posterior of tau and the coefficients as a finite mixture of normals over nodes and components.

    Attributes
    ----------
    v, tau : array, shape (*lanes, 1, node)
        Nodes on the line of integration, and as tau.
    mass : array, shape (*lanes, component, node)
        Posterior probabilities; they sum to one over components and nodes.
    given : Conditional
        The coefficients given tau at each node and component.
    log_evidence : array, shape (*lanes, 1, 1)
        Log marginal likelihood.
    grid : Grid
    step : array, shape (*lanes, 1, 1)
        Spacing of the nodes in s.
    error : array, shape (*lanes, 1, 1)
        Largest change of any CDF when every second node is left out, and not less than `floor`.
    floor : array, shape (*lanes, 1, 1)
        The part of it that more nodes do not reduce: rounding, the components of priors that are not finite mixtures,
        and what lies beyond the ends of the line.
    component_error : array, shape (*lanes, 1, 1)
        The part of it that is due to the components.
    middle : array, shape (*lanes, 1, 1)
        The tau^2 whose fitted values the algebra was done around.
    """

    v: Array
    tau: Array
    mass: Array
    given: Conditional
    log_evidence: Array
    grid: Grid
    step: Array
    error: Array
    floor: Array
    component_error: Array
    middle: Array

    def lane(self, j: int) -> Posterior:
        """One of several lanes, without their axis."""
        xp, shape = namespace(self.mass), self.mass.shape

        def pick(x: Array) -> Array:
            return x[j, ...] if x.shape[0] > 1 else x[0, ...]

        def full(x: Array) -> Array:
            return pick(xp.broadcast_to(x, shape))

        grid = self.grid
        ends = (grid.mode, grid.width, grid.first, grid.last, grid.moments, grid.log_lost, grid.needed)
        given = Conditional(
            pick(self.given.log_likelihood),
            tuple(map(full, self.given.mean)),
            tuple(tuple(map(full, row)) for row in self.given.root),
        )
        single_valued = (self.step, self.error, self.floor, self.component_error, self.middle)
        return Posterior(
            pick(self.v),
            pick(self.tau),
            pick(self.mass),
            given,
            pick(self.log_evidence),
            Grid(*map(pick, ends)),
            *map(pick, single_valued),
        )


@dataclass(frozen=True, slots=True)
class Integrand:
    """A problem with its priors: what is integrated over tau.

    Attributes
    ----------
    scale : ScaleDensity or float
        Prior on tau; a number is a point mass there.
    improper : bool
        Whether the prior on tau is improper, so that the posterior may be.
    parities : sequence of array, shape (component,)
        For each further dimension that the components come from: the two halves of its nodes, by the sign. The size is
        one, or more at the ends of the dimension.
    """

    problem: Problem
    prior: CoefficientPrior
    scale: ScaleDensity | float
    improper: bool = False
    parities: Sequence[Array] = ()

    def lane(self, j: int) -> Integrand:
        """One of several lanes, without their axis; its priors are those of all."""
        return replace(self, problem=self.problem.lane(j))

    def around(
        self, tau: Array, middle: Array | None = None, sized: bool = False
    ) -> tuple[Conditional, tuple[Array, ...]]:
        """The coefficients given each tau, shape (*lanes, 1, node), measured from a point near their mean, and that point.

        This is all that depends on the data; whoever weighs the nodes begins here. The point is the posterior mean at tau^2
        `middle`, or on the scale of the data.
        """
        centred, origin, shift = self.centred(middle)
        return condition(centred.problem, centred.prior, tau**2, shift, sized), origin

    def given(self, tau: Array, middle: Array | None = None, sized: bool = False) -> Conditional:
        """The coefficients given each tau."""
        given, origin = self.around(tau, middle, sized)
        return given.moved(origin)

    def log_joint(self, v: Array, middle: Array | None = None) -> Array:
        """Log joint density of (y, v, component)."""
        assert isinstance(self.scale, ScaleDensity)
        tau, log_prior = self.scale.at(v)
        return self.around(tau, middle)[0].log_likelihood + log_prior

    def log_likelihood(self, tau: Array, middle: Array | None = None) -> Array:
        """Log marginal density of y at each tau, shape (point,), for a single lane."""
        return over_components(self.around(tau[None, :], middle)[0].log_likelihood)[0, :]

    def centred(self, middle: Array | None = None) -> tuple[Integrand, tuple[Array, ...], tuple[Array, ...] | None]:
        """The same integrand around a point near the posterior mean, that point, and each component's shift from it.

        Effects are measured from the fitted values of the middle component, at tau^2 `middle` or on the data's scale.
        """
        xp = namespace(self.problem.y)
        tau2 = self.problem.reference if middle is None else middle
        tau2 = xp.concat([tau2, tau2], axis=-1)  # as two nodes: sums keep their order for a single lane
        fitted = tuple(m[..., :1] for m in posterior_mean(self.problem, self.prior, tau2))
        if not fitted:
            return self, (), None
        n = fitted[0].shape[-2]
        origin = tuple(m[..., n // 2 : n // 2 + 1, :] for m in fitted)
        y = self.problem.y
        for column, value in zip(self.problem.columns, origin, strict=True):
            y = y - (value if column is None else column * value)
        mean = tuple(m - value for m, value in zip(self.prior.mean, origin, strict=True))
        cut = None if self.prior.cut is None else self.prior.cut.moved(origin)
        moved = replace(self, problem=self.problem.with_effects(y), prior=replace(self.prior, mean=mean, cut=cut))
        shift = None if n == 1 else tuple(m[..., :1] for m in posterior_mean(moved.problem, moved.prior, tau2))
        return moved, origin, shift


def integrate(integrand: Integrand, n: int = NODES, grid: Grid | None = None) -> Posterior:
    """Posterior from `n` nodes over tau, for all lanes."""
    xp = namespace(integrand.problem.y)
    scale = integrand.scale
    if not isinstance(scale, ScaleDensity):
        return _at_point(xp, integrand)
    if grid is None:
        centred, _, shift = integrand.centred()  # once: the grid is found by trial

        def log_density(v: Array) -> Array:
            tau, log_prior = scale.at(v)
            given = condition(centred.problem, centred.prior, tau**2, shift)
            return over_components(given.log_likelihood + log_prior)

        centre = xp.asarray(scale.inverse(0.5 * xp.log(centred.problem.reference)))
        middle = scale.inverse(scale.middle)
        spread = scale.spread
        grid = locate(log_density, centre, middle, spread, bounded=scale.bounded, improper=integrand.improper)
    middle = scale.at(grid.mode)[0] ** 2  # a prior far from the data moves the posterior away from their scale
    v, log_slope, step = grid.nodes(n)
    tau, log_prior = scale.at(v)
    given, origin = integrand.around(tau, middle, sized=True)
    log_mass = given.log_likelihood + log_prior + log_slope + xp.log(step)
    return _normalised(xp, v, tau, log_mass, given, origin, grid, step, integrand, middle)


def _at_point(xp: Any, integrand: Integrand) -> Posterior:
    """Posterior for known tau, as two nodes at the same place."""
    tau = xp.asarray([float(integrand.scale)] * 2) + 0.0 * integrand.problem.reference  # type: ignore[arg-type]
    middle = tau[..., :1] ** 2
    given, origin = integrand.around(tau, middle, sized=True)
    nowhere = 0.0 * tau[..., :1]
    grid = Grid(nowhere, nowhere, nowhere, nowhere, nowhere + 2.0, nowhere - xp.inf, nowhere)
    log_mass = given.log_likelihood - math.log(2)
    return _normalised(xp, tau, tau, log_mass, given, origin, grid, nowhere, integrand, middle)


def _normalised(
    xp: Any,
    v: Array,
    tau: Array,
    log_mass: Array,
    given: Conditional,
    origin: Sequence[Array],
    grid: Grid,
    step: Array,
    integrand: Integrand,
    middle: Array,
) -> Posterior:
    top = xp.max(xp.max(log_mass, axis=-1, keepdims=True), axis=-2, keepdims=True)
    mass = xp.exp(log_mass - top)
    total = over_nodes(mass)
    mass = mass / total
    cut = None if integrand.prior.cut is None else integrand.prior.cut.moved(origin)
    error, components = _errors(xp, mass, tau, given, grid.moments, integrand.prior.n_flat, integrand.parities, cut)
    error = xp.where(grid.needed > mass.shape[-1], 1.0 + 0.0 * error, error)  # a mode may lie between the nodes
    rounding = _ROUNDING * over_nodes(mass * given.size)
    log_evidence = top + xp.log(total)
    floor = xp.minimum(
        rounding + components + xp.exp(xp.minimum(grid.log_lost - log_evidence, 0.0 * rounding)), 1.0 + 0.0 * rounding
    )
    error = xp.maximum(error, floor)
    return Posterior(v, tau, mass, given.moved(origin), log_evidence, grid, step, error, floor, components, middle)


def converge(integrand: Integrand, tolerance: float, n: int = NODES, largest: int = MOST_NODES) -> Posterior:
    """Posterior with nodes doubled until the error bound of every lane is below `tolerance`.

    More nodes do not help where it is the components that are too few.
    """
    xp = namespace(integrand.problem.y)
    posterior = integrate(integrand, n)
    while bool(xp.any(~(posterior.error < tolerance) & ~(posterior.error <= posterior.floor))) and 2 * n <= largest:
        n *= 2
        posterior = integrate(integrand, n, posterior.grid)
    return posterior


def over_components(log_joint: Array) -> Array:
    """Log of the sum over components, shape (*lanes, 1, node)."""
    if log_joint.shape[-2] == 1:
        return log_joint
    xp = namespace(log_joint)
    top = xp.max(log_joint, axis=-2, keepdims=True)
    return top + xp.log(xp.sum(xp.exp(log_joint - top), axis=-2, keepdims=True))


def _cut_share(mass: Array, t: Array, correlation: Array, a: Array, b: Array) -> Array:
    """Mass below standardised points of normals that are cut, where there is any."""
    kept = mass > _NOTHING
    share = 0.0 * mass
    share[kept] = cut_cdf(*(x[kept] for x in np.broadcast_arrays(t, correlation, a, b, mass)[:4]))
    return mass * share


def _errors(
    xp: Any,
    mass: Array,
    tau: Array,
    given: Conditional,
    moments: Array,
    n_flat: int,
    parities: Sequence[Array],
    cut: Cut | None,
) -> tuple[Array, Array]:
    """Largest difference between the two halves of the nodes, each a rule of its own, and of the components.

    Compared are the total mass, CDFs of each coefficient at five points around its mean, of a new study's effect at five
    points at distances over which its conditional sd varies, and, with a hundredth of their relative difference, the
    highest moment of tau that exists and the variance of each coefficient if it does.
    """

    def largest(x: Array) -> Array:
        size = xp.abs(over_nodes(x))
        return size if size.ndim == mass.ndim else xp.max(size, axis=0)

    def relative(x: Array) -> Array:
        total = over_nodes(x)
        return x * (_MOMENT / xp.where(total > 0, total, 1.0 + 0.0 * total))

    alone = len(mass.shape) == 2  # a single lane: the points of a distribution function in one array

    bounds = None if cut is None else cut.standardised(*given.contrast(cut.weights))

    def below(points: Sequence[Array], m: Array, sd: Array, with_cut: Array) -> list[Array]:
        if bounds is not None:
            return [_cut_share(mass, (point - m) / sd, with_cut / sd, *bounds) for point in points]
        if alone:
            return [mass * normal_cdf((xp.stack(points) - m) / sd)]
        return [mass * normal_cdf((point - m) / sd) for point in points]

    power = xp.where(moments >= 2, tau**2, xp.where(moments >= 1, tau, 1.0 + 0.0 * tau))
    functions = [mass, relative(mass * power)]
    for j in range(len(given.mean)):
        unit = [float(i == j) for i in range(len(given.mean))]
        m, variance = given.contrast(unit)
        covariance = 0.0 * m if cut is None else given.correlated(unit, cut.weights)
        near_m, near_variance = (m, variance) if bounds is None else conditioned(m, variance, covariance, *bounds)
        centre = over_nodes(mass * near_m)
        spread = mass * (near_variance + (near_m - centre) ** 2)
        sd = over_nodes(spread) ** 0.5
        functions.append(relative(spread) if n_flat == 0 else xp.where(moments >= 2, relative(spread), 0.0 * spread))
        functions += below([centre + probe * sd for probe in PROBES], m, variance**0.5, covariance)
        total = variance + tau**2
        log_sd = 0.5 * xp.log(total)
        middle = over_nodes(mass * log_sd)
        spread = over_nodes(mass * (log_sd - middle) ** 2) ** 0.5
        near = over_nodes(mass * m / total) / over_nodes(mass / total)
        signs = zip((1, -1, 1, -1, 1), _SCALES, strict=True)
        functions += below(
            [near + sign * xp.exp(middle + scale * spread) for sign, scale in signs], m, total**0.5, covariance
        )
    places = xp.arange(mass.shape[-1], dtype=mass.dtype)
    alternating = 1.0 - 2.0 * (places - 2.0 * xp.floor(places / 2.0))
    worst = components = 0.0 * mass[..., :1, :1]
    if alone:
        functions = [xp.concat([f if len(f.shape) == 3 else f[None, ...] for f in functions])]
    for f in functions:
        worst = xp.maximum(worst, largest(f * alternating))
        for parity in parities:
            components = xp.maximum(components, largest(f * xp.reshape(parity, (-1, 1))))
    return worst, components
