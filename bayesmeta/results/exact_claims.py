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
    if set(syntax.names) - {*coefficients, "tau", "theta_new"}:
        return None  # a second standard deviation
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
    """Probability of a claim about one parameter alone, from its distribution function, or None.

    Parameters
    ----------
    cdf : callable
        Probability of at most a value.
    claim : str
    names : sequence of str
        The parameters there are.
    name : str
        The one that it may be about.
    points : sequence of (float, float)
        Values that have a probability of their own, with it.
    """
    syntax = require_claim(read(claim, names))
    if syntax.names != (name,):
        return None
    cases = Cases(syntax)
    try:
        holds, fails = cases.of(syntax.tree)
    except (NoExactFormError, OverflowError):
        return None
    atoms = [_affine(_in_range(one), (name,)) for one in cases.comparisons]
    slopes = np.array([atom.direction[0] + atom.tau_slope for atom in atoms])
    edges = np.unique([atom.threshold / slope for atom, slope in zip(atoms, slopes, strict=True)])
    middles = middles_of(edges)
    masses = np.diff([0.0, *map(float, map(cdf, edges)), 1.0])
    for point, mass in points:
        masses[int(np.searchsorted(edges, point))] -= mass  # it lies in the cell that ends at it
    inside = [slope * middles < atom.threshold for atom, slope in zip(atoms, slopes, strict=True)]
    at_points = [[atom.at({name: constant(float(point))}) for atom in atoms] for point, _ in points]
    shares = []
    for formula in (holds, all_of(opposite(holds), opposite(fails))):
        smooth = float(masses @ np.broadcast_to(formula.truth(inside), middles.shape))
        shares.append(
            smooth + sum(m for (_, m), truths in zip(points, at_points, strict=True) if formula.truth(truths))
        )
    reject_undefined(syntax, shares[1], negligible=UNDEFINED)
    return float(min(max(shares[0], 0.0), 1.0))


def affine_sum(x: Sum, coefficients: Sequence[str]) -> Affine | None:
    """A sum in floats, over the coefficients, theta_new and tau; None if it is about anything else."""
    names = [name for name, _ in x.terms if isinstance(name, str)]
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
    slope = number(weights.get("tau", Fraction(0))) if "tau" not in coefficients else 0.0
    return Affine(direction, slope, number(comparison.threshold), comparison.closed, comparison)
