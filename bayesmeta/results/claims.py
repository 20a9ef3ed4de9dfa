"""Claims about parameters, as text: ``"crps < -1"``, ``"mu + crps < -2"``, ``"crps < 0 and log2_dose < 0"``."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
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
    text, placeholders = _with_placeholders(expression, names)
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise SpecificationError(f"{expression!r} cannot be read: {error.msg}. Example: 'mu + crps < -2'.") from error

    def walk(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return float(value)
            case ast.Name(id=name):
                name = placeholders.get(name, name)
                if name not in names:
                    raise SpecificationError(
                        f"{expression!r}: no parameter {name!r}.{did_you_mean(name, names)} Parameters: {', '.join(names)}."
                    )
                return draws(name)
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
            f"{expression!r}: {ast.unparse(node)!r} is not allowed here. Use numbers, parameters, + - * / **, "
            "< <= > >=, and, or, not, abs, exp, log, sqrt."
        )

    return walk(tree.body)


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
