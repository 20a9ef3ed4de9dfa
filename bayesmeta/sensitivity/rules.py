"""Rules over tau that many priors share: the likelihood is computed once for all of them, and only reweighted.

On the line of log tau the nodes are v = centre + 3 sinh(s), dense over the scales that priors are about and reaching the
ends of what can be represented. A prior with an upper end, or one that starts above zero, has a rule of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.grid import V_MAX, V_MIN, Grid
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.setting import tau_components
from bayesmeta.sensitivity.divergence import log_prior_of_tau

Floats = NDArray[np.float64]
_WIDTH = 3.0  # of the map for log tau: over a hundredfold range of tau the spacing varies by less than a half
_BOUNDED_WIDTH, _BOUNDED_END = 2.0, 45.0  # the same for a logistic line, whose ends lose exp(-45)


@dataclass(frozen=True, slots=True)
class Rule:
    """Nodes over tau.

    Attributes
    ----------
    scale : ScaleDensity or float
        A prior whose line the nodes are on; a number is a known tau, which has two nodes of half the mass each.
    grid : Grid
    v, tau : ndarray, shape (1, node)
    log_weight : ndarray, shape (1, node)
        Log of the line's length that a node stands for.
    step : float
        Spacing of the nodes in s.
    """

    scale: ScaleDensity | float
    grid: Grid
    v: Floats
    tau: Floats
    log_weight: Floats
    step: float

    @property
    def known(self) -> bool:
        """Whether tau is known."""
        return not isinstance(self.scale, ScaleDensity)

    @property
    def signs(self) -> Floats:
        """Signs of the two halves of the nodes, each a rule of its own."""
        return np.where(np.arange(self.tau.shape[-1]) % 2, -1.0, 1.0)


def make_rule(scale: ScaleDensity | float, centre: float, n: int) -> Rule:
    """A rule of `n` nodes; `centre` is the log of a tau on the scale of the data."""
    if not isinstance(scale, ScaleDensity):
        zero = np.zeros((1, 1))
        grid = Grid(zero, zero, zero, zero, zero + 2.0, zero - np.inf, zero)
        tau = np.full((1, 2), float(scale))
        return Rule(float(scale), grid, tau, tau, np.full((1, 2), -math.log(2)), 0.0)
    bounded = scale.bounded
    mode = float(np.asarray(scale.inverse(centre)).ravel()[0])
    if bounded:
        mode = min(max(mode, -10.0), 10.0)
    width = np.full((1, 1), _BOUNDED_WIDTH if bounded else _WIDTH)
    low, high = (-_BOUNDED_END, _BOUNDED_END) if bounded else (V_MIN, V_MAX)
    blank = Grid(np.full((1, 1), mode), width, width, width, width, width, width)
    first, last = blank.inverse(np.full((1, 1), low)), blank.inverse(np.full((1, 1), high))
    grid = Grid(blank.mode, width, first, last, np.full((1, 1), 2.0), np.full((1, 1), -np.inf), np.zeros((1, 1)))
    v, log_slope, step = grid.nodes(n)
    tau = np.asarray(scale.at(v)[0])
    return Rule(scale, grid, np.asarray(v), tau, np.asarray(log_slope + np.log(step)), float(step.item()))


@dataclass(frozen=True, slots=True)
class Plan:
    """Priors on tau that are integrated over the same nodes.

    Attributes
    ----------
    scales : tuple of ScaleDensity or float
        One rule is made for each.
    members : tuple of int
        Places of the priors in the caller's list.
    priors : tuple of Prior
    """

    scales: tuple[ScaleDensity | float, ...]
    members: tuple[int, ...]
    priors: tuple[Prior, ...]

    def rules(self, centre: float, n: int) -> list[Rule]:
        """The rules, with `n` nodes each."""
        return [make_rule(scale, centre, n) for scale in self.scales]

    def log_masses(self, rules: Sequence[Rule], chosen: Sequence[int]) -> Floats:
        """Log prior mass at the nodes of all rules, for some of the members, shape (prior, node)."""
        return np.concatenate([np.stack([self._at(j, rule) for j in chosen]) for rule in rules], axis=-1)

    def _at(self, member: int, rule: Rule) -> Floats:
        prior = self.priors[member]
        total = np.full(rule.tau.shape[-1], -np.inf)
        for weight, scale, _ in tau_components(prior):
            if isinstance(scale, ScaleDensity) and _key(scale) == _key(rule.scale):
                with np.errstate(over="ignore"):
                    total = np.logaddexp(total, math.log(weight) + np.asarray(scale.at(rule.v)[1])[0])
            elif not isinstance(scale, ScaleDensity) and rule.known and scale == rule.scale:
                total = np.logaddexp(total, math.log(weight))
        return np.asarray(total + rule.log_weight[0])


def plans(priors: Sequence[Prior]) -> list[Plan]:
    """Group priors on tau by the nodes that they need."""
    shared: list[int] = []
    separate: dict[tuple[object, ...], tuple[tuple[ScaleDensity | float, ...], list[int]]] = {}
    common: ScaleDensity | None = None
    for i, prior in enumerate(priors):
        scales: dict[object, ScaleDensity | float] = {}
        for _, scale, _ in tau_components(prior):
            scales.setdefault(_key(scale), scale)
        if set(scales) == {("half line",)}:
            common = common or next(iter(scales.values()))  # type: ignore[assignment]
            shared.append(i)
        else:
            separate.setdefault(tuple(scales), (tuple(scales.values()), []))[1].append(i)
    shared_plan = [] if common is None else [Plan((common,), tuple(shared), tuple(priors[i] for i in shared))]
    return shared_plan + [Plan(scales, tuple(at), tuple(priors[i] for i in at)) for scales, at in separate.values()]


def _key(scale: ScaleDensity | float) -> tuple[object, ...]:
    if not isinstance(scale, ScaleDensity):
        return ("point", float(scale))
    lower, upper = float(scale.lower), float(scale.upper)
    return ("half line",) if lower == 0 and math.isinf(upper) else ("interval", lower, upper)


def log_tau(rules: Sequence[Rule]) -> Floats:
    """Log of tau at the nodes of all rules, shape (node,)."""
    with np.errstate(divide="ignore"):
        return np.concatenate([np.log(rule.tau[0]) for rule in rules])


def log_ratios(plan: Plan, rules: Sequence[Rule], chosen: Sequence[int], other: Prior) -> Floats:
    """Log of each prior's density over that of another prior, at the nodes of all rules, shape (prior, node)."""
    blocks = []
    for rule in rules:
        with np.errstate(divide="ignore"):
            u = np.log(rule.tau[0])
        base = log_prior_of_tau(other, u, rule.known)
        rows = [log_prior_of_tau(plan.priors[j], u, rule.known) for j in chosen]
        with np.errstate(invalid="ignore"):
            blocks.append(np.stack([np.nan_to_num(row - base, nan=0.0, posinf=np.inf, neginf=-np.inf) for row in rows]))
    return np.concatenate(blocks, axis=-1)
