"""Expressions as sums of terms with exact rational coefficients, built from the syntax tree: nothing is sampled or rounded.

``0.1 * mu + 0.2 * mu - 0.3 * mu`` is zero, and ``mu / 3`` has the coefficient one third.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bayesmeta.errors import SpecificationError
from bayesmeta.results.claim_syntax import Syntax

_EXACT_POWER, _EXACT_BITS = 16, 2000  # beyond, a power of constants is computed in floats
ZERO, ONE = Fraction(0), Fraction(1)


class NoExactFormError(Exception):
    """The claim has no form that can be integrated exactly."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A constant plus terms with their coefficients, none of which is zero; a term is a parameter or a `Term`."""

    constant: Fraction
    terms: tuple[tuple[str | Term, Fraction], ...] = ()

    @property
    def is_constant(self) -> bool:
        """Whether nothing in it varies."""
        return not self.terms

    @property
    def is_affine(self) -> bool:
        """Whether it is a constant plus multiples of parameters."""
        return all(isinstance(term, str) for term, _ in self.terms)

    @property
    def parameter(self) -> str | None:
        """The parameter that it is, if it is nothing else."""
        alone = self.terms[0] if len(self.terms) == 1 and not self.constant else None
        return alone[0] if alone is not None and isinstance(alone[0], str) and alone[1] == 1 else None

    def times(self, factor: Fraction) -> Sum:
        """The sum times a number."""
        if not factor:
            return Sum(ZERO)
        return Sum(self.constant * factor, tuple((term, c * factor) for term, c in self.terms))

    def plus(self, other: Sum, factor: Fraction = ONE) -> Sum:
        """The sum plus a multiple of another one."""
        factors: dict[str | Term, Fraction] = dict(self.terms)
        for term, c in other.terms:
            factors[term] = factors.get(term, ZERO) + factor * c
        kept = sorted(((term, c) for term, c in factors.items() if c), key=_order)
        return Sum(self.constant + factor * other.constant, tuple(kept))

    def ratio(self, other: Sum) -> Fraction | None:
        """The number r for which this one is r times the other but for a constant, or None."""
        if self.is_constant or [t for t, _ in self.terms] != [t for t, _ in other.terms]:
            return None
        ratios = {a / b for (_, a), (_, b) in zip(self.terms, other.terms, strict=True)}
        return ratios.pop() if len(ratios) == 1 else None


@dataclass(frozen=True, slots=True)
class Term:
    """What is not a multiple of a parameter: a function, a power, a product or a quotient of sums."""

    kind: str  # abs, exp, log, sqrt, power, product, quotient
    arguments: tuple[Sum, ...]
    power: Fraction = ONE


def _order(pair: tuple[str | Term, Fraction]) -> str:
    return pair[0] if isinstance(pair[0], str) else repr(pair[0])


def constant(value: float | int) -> Fraction:
    """A number as it is written in decimals."""
    if isinstance(value, int):
        return Fraction(value)
    if not math.isfinite(value):
        raise OverflowError
    return Fraction(repr(float(value)))


def number(value: Fraction) -> float:
    """The nearest float; infinite beyond them."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def build(syntax: Syntax, node: ast.expr) -> Sum:
    """The sum that an arithmetic expression stands for.

    Raises
    ------
    SpecificationError
        If a constant part of it has no value: a division by zero, the logarithm of a negative number, an overflow.
    NoExactFormError
        If it is of no known form.
    """
    try:
        return _build(syntax, node)
    except ZeroDivisionError:
        raise SpecificationError(f"{syntax.text!r} divides by zero: {syntax.shown(node)!r} has no value.") from None
    except OverflowError:
        raise SpecificationError(f"{syntax.text!r}: {syntax.shown(node)!r} is too large a number.") from None
    except ArithmeticError as error:
        raise SpecificationError(f"{syntax.text!r}: {syntax.shown(node)!r} has no value: {error}.") from None


def _build(syntax: Syntax, node: ast.expr) -> Sum:
    match node:
        case ast.Constant(value=int() | float() as value):
            return Sum(constant(value))
        case ast.Name():
            return Sum(ZERO, ((syntax.parameter(node), ONE),))
        case ast.UnaryOp(op=op, operand=operand):
            inner = build(syntax, operand)
            return inner.times(-ONE) if isinstance(op, ast.USub) else inner
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return function(name, build(syntax, argument))
        case ast.BinOp(left=left, op=op, right=right):
            result: Sum = _OPERATIONS[type(op)](build(syntax, left), build(syntax, right))
            return result
    raise NoExactFormError


def function(name: str, x: Sum) -> Sum:
    """A function of a sum; of a constant, its value."""
    if name == "expit":  # the inverse of the logit, 1 / (1 + exp(-x))
        if x.is_constant and x.constant < -700:
            return Sum(ZERO)
        return quotient(Sum(ONE), Sum(ONE).plus(function("exp", x.times(-ONE))))
    if not x.is_constant:
        return Sum(ZERO, ((Term(name, (x,)), ONE),))
    if name == "abs":
        return Sum(abs(x.constant))
    value = number(x.constant)
    if (name == "log" and value <= 0) or (name == "sqrt" and value < 0):
        raise ArithmeticError(f"{name} of {value:g}")
    return Sum(constant(getattr(math, name)(value)))


def product(a: Sum, b: Sum) -> Sum:
    """Product of two sums; a square where they are multiples of each other but for a constant."""
    if a.is_constant or b.is_constant:
        return b.times(a.constant) if a.is_constant else a.times(b.constant)
    ratio = b.ratio(a)
    if ratio is not None:  # b = ratio * a + gap
        gap = b.constant - ratio * a.constant
        return power(a, Fraction(2)).times(ratio).plus(a, gap)
    return Sum(ZERO, ((Term("product", (a, b)), ONE),))


def quotient(a: Sum, b: Sum) -> Sum:
    """Quotient of two sums."""
    if b.is_constant:
        return a.times(1 / b.constant)  # raises ZeroDivisionError
    ratio = a.ratio(b)
    if a.is_constant and not a.constant:
        return Sum(ZERO)
    if ratio is not None:  # a = ratio * b + gap
        gap = a.constant - ratio * b.constant
        rest = Sum(ZERO, ((Term("quotient", (Sum(ONE), b)), gap),)) if gap else Sum(ZERO)
        return Sum(ratio).plus(rest)
    if a.is_constant:
        return Sum(ZERO, ((Term("quotient", (Sum(ONE), b)), a.constant),))
    return Sum(ZERO, ((Term("quotient", (a, b)), ONE),))


def power(a: Sum, exponent: Fraction) -> Sum:
    """A constant power of a sum."""
    if a.is_constant:
        return Sum(_constant_power(a.constant, exponent))
    if exponent == 0:
        return Sum(ONE)
    if exponent == 1:
        return a
    if exponent < 0:
        return quotient(Sum(ONE), power(a, -exponent))
    return Sum(ZERO, ((Term("power", (a,), exponent), ONE),))


def _constant_power(base: Fraction, exponent: Fraction) -> Fraction:
    if not base and exponent < 0:
        raise ZeroDivisionError
    small = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent) < _EXACT_BITS
    if exponent.denominator == 1 and abs(exponent) <= _EXACT_POWER and small:
        return Fraction(base**exponent)
    if base < 0 and exponent.denominator != 1:
        raise ArithmeticError(f"{number(base):g} to the power of {number(exponent):g}")
    return constant(math.pow(number(base), number(exponent)))


def _raised(a: Sum, b: Sum) -> Sum:
    if b.is_constant:
        return power(a, b.constant)
    if a.is_constant and a.constant > 0:
        return function("exp", b.times(constant(math.log(number(a.constant)))))
    raise NoExactFormError


_OPERATIONS: Mapping[type, Any] = {
    ast.Add: lambda a, b: a.plus(b),
    ast.Sub: lambda a, b: a.plus(b, -ONE),
    ast.Mult: product,
    ast.Div: quotient,
    ast.Pow: _raised,
}
