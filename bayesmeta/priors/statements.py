"""What an expert says about a parameter: probabilities and quantiles, read from text and checked against each other."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from bayesmeta.errors import SpecificationError
from bayesmeta.priors._base import Prior
from bayesmeta.priors._parameters import as_float, number_text
from bayesmeta.priors.parse import _number

Statements = str | Mapping[float, float] | Sequence[str | Mapping[float, float]]
_FORM = re.compile(r"^P\s*\((?P<event>.+)\)\s*=\s*(?P<value>.+)$")
_ABSOLUTE = re.compile(r"\|\s*([A-Za-z_]\w*)\s*\|")
_EXAMPLE = "'P(tau > 1) = 0.05', 'P(|mu| < 2) = 0.9' or 'P(0.1 < tau < 1) = 0.8'"
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Statement:
    """The probability of a union of intervals.

    Attributes
    ----------
    text : str
    intervals : tuple of (float, float)
        One, or two for a statement that a value is large in size.
    probability : float
    absolute : bool
        Whether it is about the size of the parameter, whatever its sign.
    """

    text: str
    intervals: tuple[Interval, ...]
    probability: float
    absolute: bool = False

    def achieved(self, prior: Prior) -> float:
        """Probability that `prior` gives to it."""
        return float(sum(prior.cdf(high) - prior.cdf(low) for low, high in self.intervals))

    @property
    def ends(self) -> list[float]:
        """Finite ends of the intervals."""
        return [end for interval in self.intervals for end in interval if math.isfinite(end)]

    def squared(self) -> Statement:
        """The same statement about the square of a parameter that is not negative."""
        return Statement(
            self.text,
            tuple((-math.inf if low < 0 else low**2, high**2 if high > 0 else high) for low, high in self.intervals),
            self.probability,
            self.absolute,
        )


def read_statements(given: Statements) -> list[Statement]:
    """Read statements, and reject those that no distribution satisfies together.

    Parameters
    ----------
    given : str, mapping of probability to quantile, or a sequence of these

    Raises
    ------
    SpecificationError
        If one cannot be read, they are about different parameters, or they contradict each other.
    """
    items: Iterable[object] = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    statements: list[Statement] = []
    names: set[str] = set()
    for item in items:
        if isinstance(item, str):
            name, statement = _read(item)
            names.add(name)
            statements.append(statement)
        elif isinstance(item, Mapping):
            statements += [_quantile(q, x) for q, x in item.items()]
        else:
            raise SpecificationError(f"statement {item!r}: write {_EXAMPLE}, or quantiles as {{0.5: 0.3, 0.95: 1}}.")
    if not statements:
        raise SpecificationError(f"no statement was given; write {_EXAMPLE}, or quantiles as {{0.5: 0.3, 0.95: 1}}.")
    if len(names) > 1:
        raise SpecificationError(f"the statements are about different parameters: {', '.join(sorted(names))}.")
    _reject_contradictions(statements)
    return statements


def _quantile(q: object, x: object) -> Statement:
    level, value = as_float(q), as_float(x)
    if not 0 < level < 1 or not math.isfinite(value):
        raise SpecificationError(f"quantiles {{{q!r}: {x!r}}}: give probability: value, as in {{0.5: 0.3, 0.95: 1}}.")
    text = f"P(x < {number_text(value)}) = {number_text(level)}"
    return Statement(text, ((-math.inf, value),), level)


def _read(text: str) -> tuple[str, Statement]:
    """Name of the parameter, and the statement."""
    match = _FORM.match(text.strip())
    if match is None:
        raise SpecificationError(f"statement {text!r} cannot be read; write {_EXAMPLE}.")
    absolute = _ABSOLUTE.search(match["event"]) is not None
    event, value = _parsed(_ABSOLUTE.sub(r"\1", match["event"]), text), _parsed(match["value"], text)
    probability = _number(value, f"statement {text!r}: the probability")
    if not 0 < probability < 1:
        raise SpecificationError(f"statement {text!r}: a probability lies between 0 and 1, these excluded; 5% is 0.05.")
    name, low, high = _bounds(event, text)
    if absolute:
        if not (low == -math.inf and high > 0) and not (high == math.inf and low > 0):
            raise SpecificationError(f"statement {text!r}: write |{name}| < a or |{name}| > a with a positive number.")
        inside = low == -math.inf
        intervals = ((-high, high),) if inside else ((-math.inf, -low), (low, math.inf))
    else:
        intervals = ((low, high),)
    return name, Statement(text, intervals, probability, absolute)


def _parsed(text: str, statement: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise SpecificationError(f"statement {statement!r} cannot be read; write {_EXAMPLE}.") from None


def _bounds(event: ast.expr, text: str) -> tuple[str, float, float]:
    """Name, lower and upper bound of ``tau > 1``, ``1 < tau`` or ``0.1 < tau < 1``."""
    unread = SpecificationError(f"statement {text!r} cannot be read; write {_EXAMPLE}.")
    if not isinstance(event, ast.Compare) or not all(
        isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in event.ops
    ):
        raise unread
    terms = [event.left, *event.comparators]
    if all(isinstance(op, ast.Gt | ast.GtE) for op in event.ops):
        terms = terms[::-1]
    elif any(isinstance(op, ast.Gt | ast.GtE) for op in event.ops):
        raise unread
    at = [i for i, term in enumerate(terms) if isinstance(term, ast.Name)]
    if len(at) != 1 or len(terms) > 3 or (len(terms) == 3 and at != [1]):
        raise unread
    name = terms[at[0]]
    assert isinstance(name, ast.Name)
    low = _number(terms[at[0] - 1], f"statement {text!r}: the bound") if at[0] else -math.inf
    high = _number(terms[at[0] + 1], f"statement {text!r}: the bound") if at[0] + 1 < len(terms) else math.inf
    if not low < high:
        raise SpecificationError(f"statement {text!r}: nothing lies between {low:g} and {high:g}.")
    return name.id, low, high


def _reject_contradictions(statements: Sequence[Statement]) -> None:
    """Look for masses on the intervals between all bounds that satisfy every statement."""
    bounds = np.array(sorted({-math.inf, math.inf, *(end for s in statements for end in s.ends)}))
    low, high = bounds[:-1], bounds[1:]
    rows = [
        np.any([(low >= a) & (high <= b) for a, b in statement.intervals], axis=0).astype(float)
        for statement in statements
    ]
    wanted = [1.0, *(statement.probability for statement in statements)]
    solution = linprog(np.zeros(low.size), A_eq=np.array([np.ones(low.size), *rows]), b_eq=np.array(wanted))
    if solution.status != 0:
        raise SpecificationError(
            f"no distribution satisfies these together: {'; '.join(statement.text for statement in statements)}."
        )
