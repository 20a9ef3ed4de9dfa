"""Exact probabilities of claims under a quadrature fit, where the claim's form allows it.

A claim is a boolean combination of comparisons. Given tau each comparison that is linear in the coefficients cuts a
normal distribution, and comparisons of tau cut the integral over tau itself; with at most two directions among the
coefficients the claim is a union of rectangles, whose probabilities are univariate or bivariate normal. Edges that
depend on tau move with the node, and the integral is cut where two of them cross.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.families.effect_names import group_of
from bayesmeta.quadrature.parts import AnyFit, AnyPart, QuadratureFit
from bayesmeta.results.claim_algebra import NoExactFormError, Sum, constant, number
from bayesmeta.results.claim_cases import NEVER, Cases, Formula, Linear, all_of, opposite
from bayesmeta.results.claim_cells import Affine, cell_masses, distinct_directions, middles_of
from bayesmeta.results.claim_syntax import Syntax, read, require_claim
from bayesmeta.results.claims import reject_undefined

Floats = NDArray[np.float64]
_SMALL = Fraction(
    1, 10**150
)  # coefficients smaller than this, or larger than its inverse, are brought into the range of floats
UNDEFINED = 1e-8  # a claim may be undefined with less probability than this


def exact_probability(fit: QuadratureFit, claim: str, names: Sequence[str]) -> float | None:
    """Probability of a claim, or None where its form is not one that can be integrated exactly.

    Parameters
    ----------
    fit : QuadratureFit
    claim : str
    names : sequence of str
        Parameters: ``mu``, ``tau``, coefficients, ``theta_new``.

    Raises
    ------
    SpecificationError
        If the claim cannot be read, or is undefined for a part of the posterior.
    """
    compiled = compile_claim(claim, names, fit.names)
    try:
        return None if compiled is None else compiled.probability(fit)
    except NoExactFormError:
        return None  # two directions under a truncated prior on a third


def compile_claim(claim: str, names: Sequence[str], coefficients: Sequence[str]) -> CompiledClaim | None:
    """A claim made ready for any posterior of the same parameters, or None if its form is not one for exact integration.

    Parameters
    ----------
    claim : str
    names : sequence of str
        Parameters: ``mu``, ``tau``, coefficients, ``theta_new``.
    coefficients : sequence of str
        Coefficients in the order of the design.
    """
    syntax = require_claim(read(claim, names))
    cases = Cases(syntax)
    try:
        holds, fails = cases.of(syntax.tree)
    except (NoExactFormError, OverflowError):
        return None
    new = {group for name in syntax.names if (group := group_of(name)) is not None}
    if len(new) > 1 or {group_of(name) or name for name in syntax.names} - {*coefficients, "tau", "theta_new"}:
        return None  # two new studies, a second standard deviation, or true effects of studies
    atoms = tuple(_affine(_in_range(one), coefficients) for one in cases.comparisons)
    if len(distinct_directions([atom.direction for atom in atoms])[0]) > 2:
        return None
    return CompiledClaim(syntax, atoms, cases.first, holds, all_of(opposite(holds), opposite(fails)))


@dataclass(frozen=True, slots=True)
class CompiledClaim:
    """A claim as comparisons along at most two directions among the coefficients, and along tau.

    Attributes
    ----------
    syntax : Syntax
    atoms : tuple of Affine
        The comparisons.
    first : int
        How many of them the first comparison of the claim became.
    holds, undefined : Formula
        Where the claim is true, and where it has no value, by the truth of the comparisons.
    """

    syntax: Syntax
    atoms: tuple[Affine, ...]
    first: int
    holds: Formula
    undefined: Formula

    @property
    def always_defined(self) -> bool:
        """Whether it is true or false whatever the parameters are."""
        return self.undefined == NEVER

    def probability(self, fit: AnyFit) -> float:
        """Probability of the claim; rejected where it is undefined for a part of the posterior."""
        formulas = (self.holds,) if self.always_defined else (self.holds, self.undefined)
        shares = np.zeros(2)
        for part in fit.parts:
            shares[: len(formulas)] += part.probability * cell_masses(fit, part, self.atoms, formulas).sum(axis=1)
        reject_undefined(self.syntax, float(min(shares[1], 1.0)), negligible=max(UNDEFINED, fit.error))
        return float(min(max(shares[0], 0.0), 1.0))

    def by_node(self, fit: AnyFit, part: AnyPart) -> Floats:
        """Probability of each node of a part together with the claim, shape (node,)."""
        return np.asarray(cell_masses(fit, part, self.atoms, (self.holds,))[0])


def scale_probability(
    cdf: Callable[[Any], Any], claim: str, names: Sequence[str], name: str, points: Sequence[tuple[float, float]] = ()
) -> float | None:
    """Probability of a claim about one parameter alone, from its distribution function, or None; see `along`."""
    direction = one_direction(claim, names)
    return (
        along(direction, cdf, points) if direction is not None and direction.weights == ((name, Fraction(1)),) else None
    )


@dataclass(frozen=True, slots=True)
class OneDirection:
    """A claim about one linear combination.

    Attributes
    ----------
    syntax : Syntax
    weights : tuple of (str, Fraction)
        The combination: parameters with their weights, the first of which is one.
    edges : tuple of (Fraction, Linear)
        The comparisons, each with the factor that makes the combination's its own weights.
    holds, undefined : Formula
        By the truth of the comparisons.
    """

    syntax: Syntax
    weights: tuple[tuple[str, Fraction], ...]
    edges: tuple[tuple[Fraction, Linear], ...]
    holds: Formula
    undefined: Formula


def one_direction(claim: str, names: Sequence[str]) -> OneDirection | None:
    """A claim that is about multiples of one linear combination and numbers; None if it is of another form."""
    syntax = require_claim(read(claim, names))
    cases = Cases(syntax)
    try:
        holds, fails = cases.of(syntax.tree)
    except (NoExactFormError, OverflowError):
        return None
    edges = [(one.coefficients[0][1], one) for one in cases.comparisons if one.coefficients]
    units = {tuple((name, c / lead) for name, c in one.coefficients) for lead, one in edges}
    if not cases.comparisons and len(syntax.names) == 1:  # true or false whatever the parameter is
        units = {((syntax.names[0], Fraction(1)),)}
    if len(units) != 1 or len(edges) < len(cases.comparisons):
        return None
    return OneDirection(syntax, units.pop(), tuple(edges), holds, all_of(opposite(holds), opposite(fails)))


def along(direction: OneDirection, cdf: Callable[[Any], Any], points: Sequence[tuple[float, float]] = ()) -> float:
    """Probability of a claim from the distribution function of the combination that it is about.

    Parameters
    ----------
    cdf : callable
        Probability of at most a value.
    points : sequence of (float, float)
        Values that have a probability of their own, with it.

    Raises
    ------
    SpecificationError
        If the claim is undefined for a part of the posterior.
    """
    cuts = [(number(one.threshold / lead), lead, one) for lead, one in direction.edges]
    edges = np.unique([cut for cut, _, _ in cuts])
    middles = middles_of(edges)
    masses = np.diff([0.0, *map(float, map(cdf, edges)), 1.0])
    for point, mass in points:
        masses[int(np.searchsorted(edges, point))] -= mass  # it lies in the cell that ends at it
    inside = [middles < cut if lead > 0 else middles > cut for cut, lead, _ in cuts]
    at_points = [[_at_point(lead * constant(float(point)), one) for _, lead, one in cuts] for point, _ in points]
    shares = []
    for formula in (direction.holds, direction.undefined):
        smooth = float(masses @ np.broadcast_to(formula.truth(inside), middles.shape))
        shares.append(
            smooth + sum(m for (_, m), truths in zip(points, at_points, strict=True) if formula.truth(truths))
        )
    reject_undefined(direction.syntax, shares[1], negligible=UNDEFINED)
    return float(min(max(shares[0], 0.0), 1.0))


def cells(direction: OneDirection) -> tuple[Floats, NDArray[np.bool_]]:
    """Edges of the comparisons of a claim, in order, and whether it holds below the first, between them, and above the last."""
    cuts = [(number(one.threshold / lead), lead) for lead, one in direction.edges]
    edges = np.unique([cut for cut, _ in cuts])
    middles = middles_of(edges)
    inside = [middles < cut if lead > 0 else middles > cut for cut, lead in cuts]
    return edges, np.broadcast_to(direction.holds.truth(inside), middles.shape)


def _at_point(value: Fraction, comparison: Linear) -> bool:
    return value <= comparison.threshold if comparison.closed else value < comparison.threshold


def affine_sum(x: Sum, coefficients: Sequence[str]) -> Affine | None:
    """A sum in floats, over the coefficients, theta_new and tau; None if it is about anything else."""
    names = [group_of(name) or name for name, _ in x.terms if isinstance(name, str)]
    if len(names) < len(x.terms) or set(names) - {*coefficients, "tau", "theta_new"}:
        return None  # a second standard deviation
    return _affine(Linear(tuple((str(name), c) for name, c in x.terms), -x.constant, False), coefficients)


def contrast(x: Sum, coefficients: Sequence[str]) -> tuple[Floats, bool, float] | None:
    """A sum of coefficients, or a new study's effect and coefficients, as weights, whether of a new study, and a constant."""
    form = affine_sum(x, coefficients)
    if form is None or form.tau_slope:
        return None
    weights, new = form.direction[:-1], form.direction[-1]
    if new not in (0.0, 1.0) or (new and form.constant):
        return None
    return (weights + new * np.eye(weights.size)[0] if new else weights), bool(new), form.constant


def defined_everywhere(syntax: Syntax) -> bool:
    """Whether an expression has a value whatever the parameters are."""
    try:
        return opposite(Cases(syntax).domain(syntax.tree)) == NEVER
    except (NoExactFormError, OverflowError):
        return False


def _in_range(comparison: Linear) -> Linear:
    """The same comparison with coefficients that are floats: both sides are divided by the largest if it is far from 1."""
    largest = max((abs(c) for _, c in comparison.coefficients), default=Fraction(0))
    if largest == 0 or _SMALL < largest < 1 / _SMALL:
        return comparison
    terms = tuple((name, c / largest) for name, c in comparison.coefficients)
    return Linear(terms, comparison.threshold / largest, comparison.closed)


def _affine(comparison: Linear, coefficients: Sequence[str]) -> Affine:
    """A comparison in floats, over the coefficients and theta_new."""
    weights = dict(comparison.coefficients)
    direction = np.array([number(weights.get(name, Fraction(0))) for name in (*coefficients, "theta_new")])
    for name, weight in comparison.coefficients:
        if (
            group := group_of(name)
        ) is not None:  # that coefficient in the place of the first one, which a new study has
            direction += number(weight) * np.eye(direction.size)[[coefficients.index(group), -1]].sum(axis=0)
            direction[0] -= number(weight)
    slope = number(weights.get("tau", Fraction(0))) if "tau" not in coefficients else 0.0
    return Affine(direction, slope, number(comparison.threshold), comparison.closed, comparison)
