"""Read a prior from text, as it stands in analysis files, on the command line and in printed results."""

from __future__ import annotations

import ast
import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.priors._base import Prior
from bayesmeta.priors._parameters import parameter_names
from bayesmeta.priors.catalogue.lookup import published_prior
from bayesmeta.priors.defaults import default_priors
from bayesmeta.priors.mixture import PointMass
from bayesmeta.priors.registry import FAMILIES

_FUNCTIONS: dict[str, Callable[[float], float]] = {"log": math.log, "exp": math.exp, "sqrt": math.sqrt}
_CONSTANTS = {"pi": math.pi}
_BOUNDLESS = {"inf": math.inf, "-inf": -math.inf}
_LOOKUP = "published_prior"
_KEYS = tuple(inspect.signature(published_prior).parameters)
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}


def parse_prior(text: str | Prior) -> Prior:
    """Read a prior from the text that it prints as.

    Parameters
    ----------
    text : str or Prior
        A family with its parameters in order or by name, e.g. ``"HalfNormal(0.5)"`` or
        ``"Normal(mean=0, sd=4)"``. Parameters may be arithmetic: ``+ - * / **``, ``log`` (natural), ``exp``,
        ``sqrt`` and ``pi``. Nothing else is evaluated. A family without parameters may stand alone, as in
        ``"Jeffreys"``. ``'published_prior("vanerp2017")'`` takes one from the literature, with texts in quotes, and
        ``'default_priors("log_or")["tau"]'`` the default. ``"0"`` is ``PointMass(0)``: on tau, a common effect. A prior is
        returned as it is.

    Returns
    -------
    Prior
        With ``parse_prior(str(prior)) == prior``.

    Raises
    ------
    SpecificationError
        If the text is not a prior: unknown family, wrong parameters, or a value the family does not allow.

    Examples
    --------
    >>> parse_prior("HalfNormal(0.5)")
    HalfNormal(0.5)
    >>> parse_prior("OnVariance(LogNormal(meanlog=-1.83, sdlog=1.52))")
    OnVariance(LogNormal(-1.83, 1.52))
    >>> parse_prior("Mixture([(1, Normal(0, 1/4)), (1, Normal(0, 4))])")
    Mixture([(0.5, Normal(0, 0.25)), (0.5, Normal(0, 4))])
    >>> parse_prior("Jeffreys")
    Jeffreys()
    >>> parse_prior('published_prior("friede2017", variant="HalfNormal(0.5)")').doi
    '10.1002/jrsm.1217; 10.1002/bimj.201500236'
    """
    if isinstance(text, Prior):
        return text
    if not isinstance(text, str):
        raise SpecificationError(f"a prior is given as text such as 'HalfNormal(0.5)'; got {text!r}.")
    try:
        return _prior(ast.parse(text.strip(), mode="eval").body)
    except SpecificationError as error:
        reason = str(error)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        reason = "cannot be read; write a family with its parameters, e.g. HalfNormal(0.5)."
    raise SpecificationError(f"prior {text!r}: {reason}")


def _prior(node: ast.expr) -> Prior:
    """Build the prior that a call such as ``HalfNormal(0.5)`` describes."""
    if isinstance(node, ast.Name) and node.id in FAMILIES:
        if parameter_names(FAMILIES[node.id]):
            raise SpecificationError(f"the parameters are missing; write {_signature(node.id)}.")
        return FAMILIES[node.id]()
    match node:
        case ast.Subscript(
            ast.Call(ast.Name("default_priors"), [ast.Constant(str(measure))], []), ast.Constant(str(key))
        ):
            return _default(measure, key)
        case ast.Constant(int() | float() as number) if not isinstance(number, bool):
            if number == 0:
                return PointMass(0)
            raise SpecificationError(
                f"{_source(node)} is a number; a value that is known is PointMass({_source(node)})."
            )
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise SpecificationError(f"{_source(node)} is not a prior; write e.g. HalfNormal(0.5).")
    name = node.func.id
    if name == _LOOKUP:
        return published_prior(**_texts(node))
    if name not in FAMILIES:
        names = [*FAMILIES, _LOOKUP]
        hint = did_you_mean(name, names) or f" Known are {', '.join(names)}."
        raise SpecificationError(f"{name} is not a known family.{hint}")
    return FAMILIES[name](**{key: _value(name, key, arg) for key, arg in _bind(name, node).items()})


def _default(measure: str, key: str) -> Prior:
    defaults = default_priors(measure)
    if key not in defaults:
        raise SpecificationError(
            f"measure {measure!r} has no default prior for {key}; it has one for {', '.join(defaults)}."
        )
    return defaults[key]


def _texts(call: ast.Call) -> dict[str, Any]:
    """Arguments of `published_prior`: texts by name, the source also in the first place."""
    example = 'published_prior("turner2015", outcome="pain", comparison="pharmacological vs placebo/control")'
    named = [(keyword.arg or "**", keyword.value) for keyword in call.keywords]
    texts: dict[str, Any] = {}
    for key, value in [*zip(_KEYS, call.args[:1], strict=False), *named]:
        if key not in _KEYS:
            raise SpecificationError(
                f"{_LOOKUP}: {key} is not expected.{did_you_mean(key, _KEYS)} Write e.g. {example}."
            )
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)) or key in texts:
            raise SpecificationError(f"{_LOOKUP}: give {key} once, as text in quotes, as in {example}.")
        texts[key] = value.value
    if "source" not in texts or len(call.args) > 1:
        raise SpecificationError(f"{_LOOKUP}: give the source first and the rest by name, as in {example}.")
    return texts


def _bind(name: str, call: ast.Call) -> dict[str, ast.expr]:
    """Match the arguments of a call to the parameters of the family."""
    expected = parameter_names(FAMILIES[name])
    if len(call.args) > len(expected):
        raise SpecificationError(f"write {_signature(name)}; got {len(call.args)} parameters.")
    bound = dict(zip(expected, call.args, strict=False))
    for keyword in call.keywords:
        if keyword.arg not in expected:
            hint = did_you_mean(keyword.arg or "", expected)
            raise SpecificationError(f"write {_signature(name)}; {_source(keyword)} is not expected.{hint}")
        if keyword.arg in bound:
            raise SpecificationError(f"write {_signature(name)}; {keyword.arg} is given twice.")
        bound[keyword.arg] = keyword.value
    if missing := [key for key in expected if key not in bound]:
        raise SpecificationError(f"write {_signature(name)}; {', '.join(missing)} missing.")
    return bound


def _signature(name: str) -> str:
    """Return the family with its parameters, as a user writes it."""
    lists = {
        "Mixture": "Mixture([(weight, prior), ...])",
        "MultivariateNormal": "MultivariateNormal([mean, ...], [[variance, covariance, ...], ...])",
    }
    return lists.get(name, f"{name}({', '.join(parameter_names(FAMILIES[name]))})")


def _value(family: str, key: str, node: ast.expr) -> Any:
    """Evaluate one argument: a prior, a list of (weight, prior), a list or table of numbers, or a number."""
    if key == "prior":
        return _prior(node)
    if family == "Truncated" and _source(node) in _BOUNDLESS:
        return _BOUNDLESS[_source(node)]
    if family == "Mixture":
        return [_weighted(item) for item in _items(node, family)]
    if family == "MultivariateNormal":
        rows = _items(node, family)
        return [_numbers(row, key) for row in rows] if key == "cov" else _numbers(node, key)
    return _number(node, f"{family}: {key}")


def _weighted(node: ast.expr) -> tuple[float, Prior]:
    items = _items(node, "Mixture")
    if len(items) != 2:
        raise SpecificationError(f"{_source(node)} must be (weight, prior).")
    return _number(items[0], "Mixture: weight"), _prior(items[1])


def _numbers(node: ast.expr, key: str) -> list[float]:
    return [_number(item, f"MultivariateNormal: {key}") for item in _items(node, "MultivariateNormal")]


def _items(node: ast.expr, family: str) -> list[ast.expr]:
    if not isinstance(node, ast.List | ast.Tuple):
        raise SpecificationError(f"{_source(node)} must be a list; write {_signature(family)}.")
    return node.elts


def _number(node: ast.expr, where: str) -> float:
    """Evaluate arithmetic on floats; every operation that is not listed above is rejected."""
    try:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return float(value)
            case ast.Name(id=name) if name in _CONSTANTS:
                return _CONSTANTS[name]
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                return _UNARY[type(op)](_number(operand, where))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return _BINARY[type(op)](_number(left, where), _number(right, where))
            case ast.Call(func=ast.Name(id=name), args=[arg], keywords=[]) if name in _FUNCTIONS:
                return _FUNCTIONS[name](_number(arg, where))
    except SpecificationError:
        raise
    except (ArithmeticError, ValueError):
        raise SpecificationError(f"{where} is {_source(node)}, which is not a finite number.") from None
    raise SpecificationError(f"{where} is {_source(node)}; give a number, e.g. 0.5, -1/2 or sqrt(2)/4.")


def _source(node: ast.AST) -> str:
    return ast.unparse(node)
