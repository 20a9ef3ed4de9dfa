"""From a comparison to comparisons that are linear in the parameters: absolute values in cases, functions inverted.

Each step is an equivalence: ``exp(mu) < 0.8`` is ``mu < log(0.8)``, ``abs(mu) < 0.1`` is ``-0.1 < mu and mu < 0.1``,
``mu / (1 - mu) > 0.5`` is decided by the sign of ``1 - mu``. Where a claim has a value is a claim of its own.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from bayesmeta.results.claim_algebra import (
    ONE,
    ZERO,
    NoExactFormError,
    Sum,
    Term,
    build,
    constant,
    number,
    power,
    product,
)
from bayesmeta.results.claim_syntax import Syntax

_MOST = 64  # linear comparisons in one claim
_INCREASING = ("exp", "log", "sqrt")


@dataclass(frozen=True, slots=True)
class Linear:
    """``sum(coefficient * parameter) < threshold``, or ``<=`` where `closed`."""

    coefficients: tuple[tuple[str, Fraction], ...]
    threshold: Fraction
    closed: bool


@dataclass(frozen=True, slots=True)
class Formula:
    """A boolean combination of comparisons by their places: ``and``, ``or``, ``not``, a place, or True and False."""

    kind: str
    parts: tuple[Any, ...]

    def truth(self, truths: Sequence[Any]) -> Any:
        """From the truth of each comparison to that of the combination."""
        if self.kind == "value":
            return np.bool_(self.parts[0])
        if self.kind == "place":
            return truths[self.parts[0]]
        values = [part.truth(truths) for part in self.parts]
        if self.kind == "not":
            return np.logical_not(values[0])
        combine: Callable[[Any, Any], Any] = np.logical_and if self.kind == "and" else np.logical_or
        total = values[0]
        for value in values[1:]:
            total = combine(total, value)
        return total


ALWAYS, NEVER = Formula("value", (True,)), Formula("value", (False,))


def all_of(*parts: Formula) -> Formula:
    """True where all parts are."""
    kept = tuple(dict.fromkeys(part for part in parts if part != ALWAYS))
    if NEVER in kept or any(opposite(part) in kept for part in kept):
        return NEVER
    return ALWAYS if not kept else kept[0] if len(kept) == 1 else Formula("and", kept)


def opposite(part: Formula) -> Formula:
    """True where the part is not."""
    if part.kind == "value":
        return NEVER if part.parts[0] else ALWAYS
    return part.parts[0] if part.kind == "not" else Formula("not", (part,))


def any_of(*parts: Formula) -> Formula:
    """True where one of the parts is."""
    return opposite(all_of(*map(opposite, parts)))


@dataclass(slots=True)
class Cases:
    """A claim as a boolean combination of linear comparisons.

    Attributes
    ----------
    syntax : Syntax
    comparisons : list of Linear
        What the formulas refer to by place.
    first : int
        How many of them the first comparison of the claim became.
    """

    syntax: Syntax
    comparisons: list[Linear] = field(default_factory=list)
    first: int = 0
    _built: dict[int, Sum] = field(default_factory=dict)

    def sum(self, node: ast.expr) -> Sum:
        """The sum that an arithmetic part of the claim stands for."""
        if id(node) not in self._built:
            self._built[id(node)] = build(self.syntax, node)
        return self._built[id(node)]

    def of(self, node: ast.expr) -> tuple[Formula, Formula]:
        """Where a part of the claim is true, and where it is false; it is undefined where it is neither."""
        match node:
            case ast.UnaryOp(operand=operand):
                holds, fails = self.of(operand)
                return fails, holds
            case ast.BoolOp(op=op, values=parts):
                cases = [self.of(part) for part in parts]
                true, false = (all_of, any_of) if isinstance(op, ast.And) else (any_of, all_of)
                return true(*(t for t, _ in cases)), false(*(f for _, f in cases))
            case ast.Compare(left=left, ops=ops, comparators=rights):
                nodes = [left, *rights]
                sides, domains = [self.sum(side) for side in nodes], [self.domain(side) for side in nodes]
                cases = []
                for i, sign in enumerate(ops):
                    holds, defined = self._compared(sign, sides[i], sides[i + 1]), all_of(domains[i], domains[i + 1])
                    cases.append((all_of(defined, holds), all_of(defined, opposite(holds))))
                    self.first = self.first or len(self.comparisons)
                return all_of(*(t for t, _ in cases)), any_of(*(f for _, f in cases))
        raise NoExactFormError

    def _compared(self, op: ast.cmpop, left: Sum, right: Sum) -> Formula:
        gap = left.plus(right, -ONE)
        match op:
            case ast.Lt() | ast.LtE():
                return self.below(gap, isinstance(op, ast.LtE))
            case ast.Gt() | ast.GtE():
                return self.below(gap.times(-ONE), isinstance(op, ast.GtE))
        return self.zero(gap)

    def zero(self, x: Sum) -> Formula:
        """Where an expression is zero."""
        return all_of(self.below(x, True), self.below(x.times(-ONE), True))

    def domain(self, node: ast.expr) -> Formula:
        """Where an expression has a value."""
        if isinstance(node, ast.Name | ast.Constant):
            return ALWAYS
        parts = [self.domain(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        match node:
            case ast.Call(func=ast.Name(id="log"), args=[argument]):
                parts.append(self.positive(self.sum(argument)))
            case ast.Call(func=ast.Name(id="sqrt"), args=[argument]):
                parts.append(self.below(self.sum(argument).times(-ONE), True))
            case ast.BinOp(op=ast.Div(), right=divisor):
                parts.append(opposite(self.zero(self.sum(divisor))))
            case ast.BinOp(op=ast.Pow(), left=base, right=exponent):
                x, p = self.sum(base), self.sum(exponent)
                if not x.is_constant and p.constant.denominator != 1:
                    parts.append(self.positive(x) if p.constant < 0 else self.below(x.times(-ONE), True))
                elif not x.is_constant and p.constant < 0:
                    parts.append(opposite(self.zero(x)))
        return all_of(*parts)

    def positive(self, x: Sum) -> Formula:
        """Where an expression is above zero."""
        return self.below(x.times(-ONE), False)

    def below(self, x: Sum, closed: bool) -> Formula:
        """Where an expression that has a value is below zero, or at most zero if `closed`."""
        if x.is_constant:
            return ALWAYS if x.constant < 0 or (closed and not x.constant) else NEVER
        if x.is_affine:
            return self._linear(x, closed)
        curved = [(term, c) for term, c in x.terms if isinstance(term, Term)]
        term, c = curved[0]
        linear = x.plus(Sum(ZERO, ((term, c),)), -ONE)
        if len(curved) == 1 and linear.is_constant:
            threshold = -linear.constant / c
            return self.term_below(term, threshold, closed) if c > 0 else self.term_above(term, threshold, closed)
        if len(curved) == 2 and (squared := self._sizes(curved, x, closed)) is not None:
            return squared
        for term, c in curved:
            linear = x.plus(Sum(ZERO, ((term, c),)), -ONE)
            if term.kind == "abs":
                inner = term.arguments[0]
                up = self.below(inner.times(-ONE), True)
                return any_of(
                    all_of(up, self.below(linear.plus(inner, c), closed)),
                    all_of(opposite(up), self.below(linear.plus(inner, -c), closed)),
                )
            if term.kind == "quotient":
                above, under = term.arguments
                whole = above.times(c).plus(product(linear, under))
                return any_of(
                    all_of(self.positive(under), self.below(whole, closed)),
                    all_of(self.below(under, False), self.below(whole.times(-ONE), closed)),
                )
        return self._pair(curved, x, closed) if len(curved) == 2 else self._square(curved, x, closed)

    def _sizes(self, curved: Sequence[tuple[Term, Fraction]], x: Sum, closed: bool) -> Formula | None:
        """``abs(a) < abs(b)`` is ``(a - b) * (a + b) < 0``; None for what is not of this form."""
        (first, c), (second, d) = curved
        if len(x.terms) > 2 or x.constant or c != -d or {first.kind, second.kind} != {"abs"}:
            return None
        a, b = (term.arguments[0] for term in ((first, second) if c > 0 else (second, first)))
        return self._of_signs(a.plus(b, -ONE), a.plus(b), closed)

    def _pair(self, curved: Sequence[tuple[Term, Fraction]], x: Sum, closed: bool) -> Formula:
        """``f(a) < f(b)`` for an increasing function is ``a < b``; ``k exp(a) < m exp(b)`` is linear too."""
        (first, c), (second, d) = curved
        if len(x.terms) > 2 or x.constant or first.kind != second.kind or first.kind not in _INCREASING:
            raise NoExactFormError
        a, b = first.arguments[0], second.arguments[0]
        if first.kind != "log" and (c > 0) == (d > 0):  # of one sign
            never = not closed or first.kind == "exp"
            if c > 0:
                return NEVER if never else all_of(self.zero(a), self.zero(b))
            return ALWAYS if first.kind == "exp" or closed else opposite(all_of(self.zero(a), self.zero(b)))
        if first.kind == "exp":
            gap = constant(math.log(number(abs(c)))) - constant(math.log(number(abs(d))))
            difference = a.plus(b, -ONE).plus(Sum(gap))
        elif first.kind == "sqrt":
            difference = a.times(c * c).plus(b, -d * d)
        elif c == -d:
            difference = a.plus(b, -ONE)
        else:
            raise NoExactFormError
        return self.below(difference if c > 0 else difference.times(-ONE), closed)

    def _square(self, curved: Sequence[tuple[Term, Fraction]], x: Sum, closed: bool) -> Formula:
        """A quadratic in one expression: the square is completed."""
        (term, c), *others = curved
        linear = x.plus(Sum(ZERO, ((term, c),)), -ONE)
        if others or term.kind != "power" or term.power != 2:
            raise NoExactFormError
        base = term.arguments[0]
        ratio = linear.ratio(base)
        if ratio is None:
            raise NoExactFormError
        half = ratio / (2 * c)  # c base^2 + ratio base + gap = c (base + half)^2 + gap - c half^2
        gap = linear.constant - ratio * base.constant - c * half * half
        return self.below(power(base.plus(Sum(half)), Fraction(2)).times(c).plus(Sum(gap)), closed)

    def term_above(self, term: Term, threshold: Fraction, closed: bool) -> Formula:
        """Where a term is above a number, or at least that number if `closed`."""
        return opposite(self.term_below(term, threshold, not closed))

    def term_below(self, term: Term, threshold: Fraction, closed: bool) -> Formula:
        """Where a term is below a number, or at most that number if `closed`."""
        x, level = term.arguments[0], number(threshold)
        match term.kind:
            case "exp":
                return NEVER if threshold <= 0 else self.below(_minus(x, _log(threshold)), closed)
            case "log":
                return self.below(_minus(x, math.exp(level)), closed) if level < 709 else ALWAYS
            case "abs":
                return self._between(x, threshold, closed)
            case "sqrt":
                return self._root(x, threshold * threshold, threshold, closed)
            case "power" if term.power.denominator == 1 and term.power % 2:
                root = math.copysign(abs(level) ** (1 / number(term.power)), level)
                return self.below(_minus(x, _whole(root, threshold, term.power)), closed)
            case "power" if term.power.denominator == 1:
                if threshold < 0:
                    return NEVER
                return self._between(x, _whole(level ** (1 / number(term.power)), threshold, term.power), closed)
            case "power":
                level = max(level, 0.0) ** (1 / number(term.power))
                return self._root(x, constant(level), threshold, closed)
            case "quotient":
                above, under = term.arguments
                gap = above.plus(under, -threshold)
                return any_of(
                    all_of(self.positive(under), self.below(gap, closed)),
                    all_of(self.below(under, False), self.below(gap.times(-ONE), closed)),
                )
            case "product" if not threshold:
                return self._of_signs(term.arguments[0], term.arguments[1], closed)
        raise NoExactFormError

    def _between(self, x: Sum, limit: Fraction, closed: bool) -> Formula:
        """Where an expression lies within `limit` of zero."""
        if limit < 0:
            return NEVER
        return all_of(self.below(_minus(x, limit), closed), self.below(_minus(x.times(-ONE), limit), closed))

    def _root(self, x: Sum, limit: Fraction, threshold: Fraction, closed: bool) -> Formula:
        """Where a root, which is not negative, is below a threshold: its argument is below `limit`."""
        if threshold < 0 or (not threshold and not closed):
            return NEVER
        return self.below(_minus(x, limit), closed)

    def _of_signs(self, a: Sum, b: Sum, closed: bool) -> Formula:
        """Where a product is below zero."""
        if closed:
            below = [self.below(x, False) for x in (a, b)]
            above = [self.positive(x) for x in (a, b)]
            return opposite(any_of(all_of(*below), all_of(*above)))
        return any_of(all_of(self.below(a, False), self.positive(b)), all_of(self.positive(a), self.below(b, False)))

    def _linear(self, x: Sum, closed: bool) -> Formula:
        comparison = Linear(tuple((str(name), c) for name, c in x.terms), -x.constant, closed)
        if comparison in self.comparisons:
            return Formula("place", (self.comparisons.index(comparison),))
        turned = Linear(tuple((name, -c) for name, c in comparison.coefficients), -comparison.threshold, not closed)
        if turned in self.comparisons:  # not (-x < -c) is x <= c
            return opposite(Formula("place", (self.comparisons.index(turned),)))
        if len(self.comparisons) == _MOST:
            raise NoExactFormError
        self.comparisons.append(comparison)
        return Formula("place", (len(self.comparisons) - 1,))


def constants_are_defined(syntax: Syntax) -> None:
    """Reject a claim or an expression in which a constant part has no value, as ``mu > 1 / 0``."""
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.BinOp | ast.Call):
            try:
                build(syntax, node)
            except NoExactFormError:
                continue


def _minus(x: Sum, value: float | Fraction) -> Sum:
    return x.plus(Sum(value if isinstance(value, Fraction) else constant(value)), -ONE)


def _log(value: Fraction) -> float:
    """Logarithm of a positive number of any size."""
    return math.log(value.numerator) - math.log(value.denominator) if not 1e-300 < value < 1e300 else math.log(value)


def _whole(root: float, threshold: Fraction, exponent: Fraction) -> Fraction:
    """A root as a fraction: the exact one where there is one."""
    near = Fraction(round(root)) if abs(root) < 1e15 else ZERO
    return near if near and near**exponent == threshold else constant(root)
