"""Claims about parameters, as text: ``"crps < -1"``, ``"mu + crps < -2"``, ``"crps < 0 and log2_dose < 0"``."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError, did_you_mean

Floats = NDArray[np.float64]
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {"abs": np.abs, "exp": np.exp, "log": np.log, "sqrt": np.sqrt}


def evaluate(expression: str, draws: Callable[[str], Floats], names: Sequence[str]) -> Any:
    """Evaluate a claim or an expression on draws.

    Parameters
    ----------
    expression : str
        Arithmetic, comparisons (also chained: ``"-1 < mu < 1"``), ``and``, ``or``, ``not``, and the functions
        abs, exp, log, sqrt, over the parameters. Column names such as ``pain_class[T.mixed]`` stand as they are.
    draws : callable
        From a parameter's name to its draws.
    names : sequence of str
        The parameters there are.

    Returns
    -------
    ndarray
        Booleans for a claim, numbers for an expression.

    Raises
    ------
    SpecificationError
        If the text cannot be read or names no parameter.

    Examples
    --------
    >>> evaluate("-1 < mu < 0", {"mu": np.array([-2.0, -0.5])}.__getitem__, ["mu"])
    array([False,  True])
    """
    tree, placeholders = _parse(expression, names)
    return _Walker(expression, names, placeholders, draws).walk(tree)


def split_comparisons(
    claim: str, names: Sequence[str]
) -> tuple[list[tuple[Callable[[Mapping[str, Any]], Any], bool]], Callable[[Sequence[Any]], Any]]:
    """Take a claim apart.

    Returns
    -------
    comparisons : list of (callable, bool)
        For each comparison, from parameters by name to a number that is negative where it holds, and whether it holds
        where that number is zero.
    truth : callable
        From the truth of each comparison to that of the claim.

    Examples
    --------
    >>> comparisons, truth = split_comparisons("mu < -1 or tau > 2", ["mu", "tau"])
    >>> [(float(f({"mu": -3.0, "tau": 1.0})), at_zero) for f, at_zero in comparisons]
    [(-2.0, False), (1.0, False)]
    >>> bool(truth([np.True_, np.False_]))
    True
    """
    tree, placeholders = _parse(claim, names)
    _Walker(claim, names, placeholders, lambda _: np.ones(1)).walk(tree)  # refuses what cannot be evaluated
    found: list[tuple[Callable[[Mapping[str, Any]], Any], bool]] = []

    def gap(left: ast.expr, right: ast.expr) -> Callable[[Mapping[str, Any]], Any]:
        def difference(values: Mapping[str, Any]) -> Any:
            walker = _Walker(claim, names, placeholders, values.__getitem__)
            return walker.walk(left) - walker.walk(right)

        return difference

    def build(node: ast.expr) -> Callable[[Sequence[Any]], Any]:
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = build(operand)
                return lambda truths: np.logical_not(inner(truths))
            case ast.BoolOp(op=op, values=parts):
                built = [build(part) for part in parts]
                combine = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return lambda truths: combine.reduce([part(truths) for part in built])
            case ast.Compare(left=left, ops=ops, comparators=rights):
                places = []
                for sign, a, b in zip(ops, [left, *rights], rights, strict=False):
                    places.append(len(found))
                    below = gap(a, b) if isinstance(sign, ast.Lt | ast.LtE) else gap(b, a)
                    found.append((below, isinstance(sign, ast.LtE | ast.GtE)))
                return lambda truths: np.logical_and.reduce([truths[i] for i in places])
        raise SpecificationError(f"{claim!r} is not a claim: compare it with something, e.g. 'mu < 0'.")

    return found, build(tree)


def _parse(expression: str, names: Sequence[str]) -> tuple[ast.expr, Mapping[str, str]]:
    if not isinstance(expression, str):
        raise SpecificationError(f"claim {expression!r}: write a text, e.g. 'mu < 0'.")
    text, placeholders = _with_placeholders(expression, names)
    try:
        return ast.parse(text, mode="eval").body, placeholders
    except SyntaxError as error:
        raise SpecificationError(f"{expression!r} cannot be read: {error.msg}. Example: 'mu + crps < -2'.") from error


@dataclass(frozen=True, slots=True)
class _Walker:
    """Evaluates the nodes of an expression."""

    expression: str
    names: Sequence[str]
    placeholders: Mapping[str, str]
    draws: Callable[[str], Any]

    def walk(self, node: ast.expr) -> Any:
        walk = self.walk
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return float(value)
            case ast.Name(id=name):
                return self.draws(self._known(self.placeholders.get(name, name)))
            case ast.Subscript():  # a column name with a level that is not there
                self._known(ast.unparse(node))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -walk(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return walk(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return np.logical_not(walk(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return _ARITHMETIC[type(op)](walk(left), walk(right))
            case ast.BoolOp(op=op, values=values):
                combine = np.logical_and if isinstance(op, ast.And) else np.logical_or
                result = walk(values[0])
                for operand in values[1:]:
                    result = combine(result, walk(operand))
                return result
            case ast.Compare(left=left, ops=ops, comparators=rights) if all(type(op) in _COMPARE for op in ops):
                sides = [walk(left), *map(walk, rights)]
                holds = [_COMPARE[type(op)](a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False)]
                return np.logical_and.reduce(holds)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _FUNCTIONS:
                return _FUNCTIONS[name](walk(argument))
        raise SpecificationError(
            f"{self.expression!r}: {ast.unparse(node)!r} is not allowed here. Use numbers, parameters, + - * / **, "
            "< <= > >=, and, or, not, abs, exp, log, sqrt."
        )

    def _known(self, name: str) -> str:
        if name not in self.names:
            raise SpecificationError(
                f"{self.expression!r}: no parameter {name!r}.{did_you_mean(name, self.names)} "
                f"Parameters: {', '.join(self.names)}."
            )
        return name


def is_claim(value: Any) -> bool:
    """Whether a result of `evaluate` is a claim (true or false for each draw)."""
    return bool(np.asarray(value).dtype == np.bool_)


def require_claim(expression: str, value: Any) -> NDArray[np.bool_]:
    """Return the value if it is a claim, else say what is missing."""
    if not is_claim(value):
        raise SpecificationError(f"{expression!r} is not a claim: compare it with something, e.g. '{expression} < 0'.")
    return np.asarray(value)


def mentioned(expression: str, names: Sequence[str]) -> tuple[str, ...]:
    """Parameters that an expression names, in the order of `names`."""
    text, placeholders = _with_placeholders(expression, names)
    found = {placeholders.get(word, word) for word in re.findall(r"[A-Za-z_]\w*", text)}
    return tuple(name for name in names if name in found)


def _with_placeholders(expression: str, names: Sequence[str]) -> tuple[str, Mapping[str, str]]:
    """Stand-ins for column names that are no Python names."""
    placeholders = {}
    text = expression
    for i, name in enumerate(sorted((n for n in names if not n.isidentifier()), key=len, reverse=True)):
        placeholders[f"column_{i}_"] = name
        text = text.replace(name, f"column_{i}_")
    return text, placeholders


def probability_mcse(ess: float, probability: float) -> float:
    """Monte Carlo standard error of a probability from an effective sample size."""
    return math.sqrt(max(probability * (1 - probability), 0.0) / max(ess, 1.0))


def check_claim(claim: str, names: Sequence[str]) -> None:
    """Refuse a claim that cannot be read, compares nothing, or names a parameter that is not in `names`."""
    require_claim(claim, evaluate(claim, lambda _: np.ones(1), names))
