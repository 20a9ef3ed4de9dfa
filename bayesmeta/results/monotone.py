"""Monotone functions of one quantity, read from an expression and inverted: ``exp(mu)``, ``1 / (1 + exp(-mu))``, ``tau**2``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from bayesmeta.results.claim_algebra import ONE, ZERO, NoExactFormError, Sum, Term, build, number
from bayesmeta.results.claim_syntax import Syntax

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]
Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Step:
    """A function that is monotone where it is used.

    Attributes
    ----------
    forward, backward : callable
        The function and its inverse.
    slope : callable
        Size of the derivative of the inverse.
    increasing : bool
    """

    forward: Function
    backward: Function
    slope: Function
    increasing: bool = True


def monotone_steps(syntax: Syntax) -> tuple[Sum, tuple[Sum | Term, ...]] | None:
    """The sum of parameters that an expression is a function of, and the functions from it outward, or None."""
    try:
        outer = build(syntax, syntax.tree)
    except (NoExactFormError, OverflowError):
        return None
    functions: list[Sum | Term] = []
    while not outer.is_affine:
        if len(outer.terms) != 1 or not isinstance(term := outer.terms[0][0], Term):
            return None
        functions += [outer, term]
        if term.kind == "quotient" and term.arguments[0] == Sum(ONE):
            outer = term.arguments[1]
        elif len(term.arguments) == 1:
            outer = term.arguments[0]
        else:
            return None
    return None if outer.is_constant else (outer, tuple(functions[::-1]))


def unit(x: Sum) -> tuple[Sum, Sum] | None:
    """A sum about one parameter, or about a new study: that with coefficient one, and the function that the sum is of it."""
    alone = x.terms[0][0] if len(x.terms) == 1 else "theta_new"
    factor = dict(x.terms).get(alone, ZERO)
    return (Sum(ZERO, x.terms).times(1 / factor), Sum(x.constant, ((alone, factor),))) if factor else None


def composed(functions: tuple[Sum | Term, ...], support: Ends) -> tuple[Step, Ends] | None:
    """One step for all functions, and the ends of its values; None where one of them is not monotone on the support."""
    steps: list[Step] = []
    ends = support
    for function in functions:
        step = _affine(function) if isinstance(function, Sum) else _term(function, ends)
        if step is None:
            return None
        with np.errstate(all="ignore"):
            low, high = (float(step.forward(np.asarray(end))) for end in ends)
        if isinstance(function, Term) and function.kind == "quotient" and ends[1] <= 0:
            low, high = low, -np.inf if ends[1] == 0 else high
        ends = (low + 0.0, high + 0.0) if step.increasing else (high + 0.0, low + 0.0)  # no zero is negative
        steps.append(step)
    return reduce(_then, steps), ends


def _then(inner: Step, outer: Step) -> Step:
    """One step after the other."""
    return Step(
        lambda x: outer.forward(inner.forward(x)),
        lambda y: inner.backward(outer.backward(y)),
        lambda y: inner.slope(outer.backward(y)) * outer.slope(y),
        inner.increasing == outer.increasing,
    )


def _affine(x: Sum) -> Step:
    """A multiple of something plus a constant."""
    factor, gap = number(x.terms[0][1]), number(x.constant)
    return Step(
        lambda y: factor * y + gap,
        lambda y: (y - gap) / factor,
        lambda y: np.full(np.shape(y), 1 / abs(factor)),
        factor > 0,
    )


def _term(term: Term, ends: Ends) -> Step | None:
    """A function that increases or decreases between the ends of its argument."""
    not_negative = ends[0] >= 0
    match term.kind:
        case "exp":
            return Step(np.exp, np.log, lambda y: 1 / y)
        case "log" if not_negative:
            return Step(np.log, np.exp, np.exp)
        case "sqrt" if not_negative:
            return Step(np.sqrt, np.square, lambda y: 2 * y)
        case "abs" if not_negative:
            return Step(np.abs, np.abs, lambda y: np.ones(np.shape(y)))
        case "power" if not_negative or (term.power.denominator == 1 and term.power % 2):
            return _power(number(term.power))
        case "quotient" if not_negative or ends[1] <= 0:
            return Step(lambda x: 1 / x, lambda y: 1 / y, lambda y: y**-2.0, increasing=False)
    return None


def _power(exponent: float) -> Step:
    """A power of what is not negative, or an odd power."""
    return Step(
        lambda x: np.sign(x) * np.abs(x) ** exponent,
        lambda y: np.sign(y) * np.abs(y) ** (1 / exponent),
        lambda y: np.abs(y) ** (1 / exponent - 1) / exponent,
    )
