"""Claims about parameters, as text: ``"crps < -1"``, ``"mu + crps < -2"``, ``"crps < 0 and log2_dose < 0"``."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bayesmeta.errors import SpecificationError
from bayesmeta.results.claim_syntax import Syntax, read, require_claim

Floats = NDArray[np.float64]
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: np.where(np.equal(b, 0), np.nan, np.divide(a, b)),
    ast.Pow: lambda a, b: np.where(np.equal(a, 0) & np.less(b, 0), np.nan, np.power(a, b)),
}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "exp": np.exp,
    "expit": expit,
    "log": lambda x: np.where(np.equal(x, 0), np.nan, np.log(x)),
    "sqrt": np.sqrt,
}


def evaluate(expression: str, draws: Callable[[str], Any], names: Sequence[str]) -> NDArray[Any]:
    """Evaluate a claim or an expression on draws.

    Parameters
    ----------
    expression : str
        Arithmetic, comparisons (also chained: ``"-1 < mu < 1"``), ``and``, ``or``, ``not``, and the functions
        abs, exp, expit, log, sqrt, over the parameters. Column names such as ``pain_class[T.mixed]`` stand as they are;
        ``=`` and ``==`` are the same.
    draws : callable
        From a parameter's name to its draws; asked for those alone that the expression names.
    names : sequence of str
        The parameters there are.

    Returns
    -------
    ndarray
        Booleans for a claim, numbers for an expression.

    Raises
    ------
    SpecificationError
        If the text cannot be read, names no parameter, or has no value for some of the draws, such as a logarithm of a
        negative number.

    Examples
    --------
    >>> evaluate("-1 < mu < 0", {"mu": np.array([-2.0, -0.5])}.__getitem__, ["mu"])
    array([False,  True])
    """
    syntax = read(expression, names)
    values = {name: np.asarray(draws(name), float) for name in syntax.names}
    with np.errstate(all="ignore"):
        if syntax.kind == "number":
            numbers = np.asarray(_number(syntax, syntax.tree, values), float)
            reject_undefined(syntax, float(np.isnan(numbers).mean()), simulated=bool(values))
            return numbers
        holds, fails = _truth(syntax, syntax.tree, values)
    holds, fails = np.broadcast_arrays(holds, fails, *values.values())[:2]
    reject_undefined(syntax, float(1 - (holds | fails).mean()), simulated=bool(values))
    return np.array(holds)


def holds_on(claim: str, draws: Callable[[str], Any], names: Sequence[str]) -> NDArray[np.bool_]:
    """Whether a claim holds, for each draw; an expression that claims nothing is rejected."""
    require_claim(read(claim, names))
    return evaluate(claim, draws, names)


class Truth(NamedTuple):
    """Where a claim is true, and where it is false; it is undefined where it is neither."""

    holds: Any
    fails: Any


def _truth(syntax: Syntax, node: ast.expr, values: dict[str, Floats]) -> Truth:
    """Three-valued: ``mu > 0 and log(mu) < 1`` is false where mu <= 0, though the logarithm is undefined there."""
    match node:
        case ast.UnaryOp(operand=operand):
            holds, fails = _truth(syntax, operand, values)
            return Truth(fails, holds)
        case ast.BoolOp(op=op, values=parts):
            truths = [_truth(syntax, part, values) for part in parts]
            if isinstance(op, ast.And):
                return _all(truths)
            return Truth(*reversed(_all([Truth(t.fails, t.holds) for t in truths])))
        case ast.Compare(left=left, ops=ops, comparators=rights):
            sides = [_number(syntax, side, values) for side in (left, *rights)]
            pairs = []
            for sign, a, b in zip(ops, sides, sides[1:], strict=False):
                beyond_floats = np.isinf(a) & np.equal(a, b)  # which of two overflows is larger is not known
                defined = ~(np.isnan(a) | np.isnan(b) | beyond_floats)
                holds = _COMPARE[type(sign)](a, b) & defined
                pairs.append(Truth(holds, defined & ~holds))
            return _all(pairs)
    raise AssertionError(ast.dump(node))


def _all(parts: Sequence[Truth]) -> Truth:
    """True where all parts are true, false where one is false."""
    holds, fails = parts[0]
    for part in parts[1:]:
        holds, fails = np.logical_and(holds, part.holds), np.logical_or(fails, part.fails)
    return Truth(holds, fails)


def _number(syntax: Syntax, node: ast.expr, values: dict[str, Floats]) -> Any:
    """An arithmetic expression; nan where it has no value."""
    match node:
        case ast.Constant(value=value):
            return np.float64(value)  # type: ignore[arg-type]
        case ast.Name():
            return values[syntax.parameter(node)]
        case ast.UnaryOp(op=op, operand=operand):
            inner = _number(syntax, operand, values)
            return -inner if isinstance(op, ast.USub) else inner
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_number(syntax, left, values), _number(syntax, right, values))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return _FUNCTIONS[name](_number(syntax, argument, values))
    raise AssertionError(ast.dump(node))


def reject_undefined(syntax: Syntax, share: float, simulated: bool = False, negligible: float = 0.0) -> None:
    """Reject a claim or an expression that has no value in a share of the posterior: it is neither true nor false there."""
    if share > negligible:
        where = f"{100 * share:.2g}% of the {'draws' if simulated else 'posterior'}" if share < 1 else "everywhere"
        inner = "a logarithm or fractional power of a negative number, a division by zero, or a number beyond 1e308"
        hint = "Say what holds there, e.g. 'mu > 0 and log(mu) < 1'." if syntax.kind == "claim" else ""
        raise SpecificationError(f"{syntax.text!r} is undefined {'in ' * (share < 1)}{where}: {inner}. {hint}".strip())


def mentioned(expression: str, names: Sequence[str]) -> tuple[str, ...]:
    """Parameters that an expression names, in the order of `names`."""
    return read(expression, names).names


def probability_mcse(ess: float, probability: float) -> float:
    """Monte Carlo standard error of a probability from an effective sample size."""
    return math.sqrt(max(probability * (1 - probability), 0.0) / max(ess, 1.0))


def check_claim(claim: str, names: Sequence[str]) -> Syntax:
    """Read a claim; reject what cannot be read, compares nothing, names a parameter that is not in `names`, or has no value.

    Returns
    -------
    Syntax
    """
    from bayesmeta.results.claim_cases import constants_are_defined

    syntax = require_claim(read(claim, names))
    constants_are_defined(syntax)
    return syntax


@dataclass(frozen=True, slots=True)
class Simulated:
    """A share of independent draws, with its Monte Carlo standard error."""

    probability: float
    mcse: float


def share_of(holds: NDArray[np.bool_]) -> Simulated:
    """Probability from independent draws; where all agree the error is that of one more draw on the other side."""
    p = float(holds.mean())
    return Simulated(p, math.sqrt(max(p * (1 - p), 1 / holds.size) / holds.size))
