"""The syntax of claims: what may be written, and the tree that exact forms and draws are both computed from."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bayesmeta.errors import SpecificationError, did_you_mean

FUNCTIONS = ("abs", "exp", "expit", "log", "sqrt")
_LONGEST, _LARGEST, _DEEPEST = 2000, 400, 40  # characters without names, and nodes and levels of the tree
_ALLOWED = "Use numbers, parameters, + - * / **, < <= > >= =, and, or, not, abs, exp, expit, log, sqrt."
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq)
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
Kind = Literal["claim", "number"]


@dataclass(frozen=True, slots=True)
class Syntax:
    """A claim or an expression that was read and checked.

    Attributes
    ----------
    text : str
        As it was written.
    tree : ast.expr
        Numbers, names, arithmetic, functions, comparisons, and, or, not; nothing else.
    kind : {"claim", "number"}
        What it stands for: something true or false, or a number.
    names : tuple of str
        Parameters that it names, in the order of those that there are.
    placeholders : mapping of str to str
        Stand-ins in the tree for column names that are no Python names.
    """

    text: str
    tree: ast.expr
    kind: Kind
    names: tuple[str, ...]
    placeholders: Mapping[str, str]

    def parameter(self, node: ast.Name) -> str:
        """The parameter that a name in the tree stands for."""
        return self.placeholders.get(node.id, node.id)

    def shown(self, node: ast.expr) -> str:
        """A part of the claim as text."""
        return _unparsed(node, self.placeholders)


def read(text: str, names: Sequence[str]) -> Syntax:
    """Read a claim, or an expression, about the parameters `names`.

    Raises
    ------
    SpecificationError
        If it cannot be read, is too long, or names no parameter.

    Examples
    --------
    >>> read("mu + dose < -1", ["mu", "tau", "dose"]).names
    ('mu', 'dose')
    >>> read("2 * mu", ["mu"]).kind
    'number'
    """
    if not isinstance(text, str):
        raise SpecificationError(f"claim {text!r}: write a text, e.g. 'mu < 0'.")
    stand_ins, placeholders = _with_placeholders(text, names)
    if len(stand_ins) > _LONGEST:
        raise SpecificationError(f"{_short(text)} has {len(text)} characters: a claim may have {_LONGEST}.")
    tree = _parsed(stand_ins, text)
    used: set[str] = set()
    kind = _checked(tree, _Reader(text, tuple(names), placeholders, used))
    return Syntax(text, tree, kind, tuple(name for name in names if name in used), placeholders)


def require_claim(syntax: Syntax) -> Syntax:
    """Return it if it is a claim, else say what is missing."""
    if syntax.kind != "claim":
        raise SpecificationError(
            f"{syntax.text!r} is not a claim: compare it with something, e.g. '{syntax.text.strip()} < 0'."
        )
    return syntax


def _parsed(stand_ins: str, text: str) -> ast.expr:
    """The tree of Python's own parser, if it is not too large to walk through."""
    equation = re.sub(r"(?<![<>=!])=(?!=)", "==", stand_ins.strip())  # mu = 0 is a question, not an assignment
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(equation, mode="eval").body
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise SpecificationError(f"{_short(text)} cannot be read: {reason}. Example: 'mu + crps < -2'.") from error
    except (RecursionError, MemoryError):
        raise SpecificationError(f"{_short(text)} is nested too deeply to be read.") from None
    nodes, level, depth = 0, [tree], 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > _LARGEST or depth > _DEEPEST:
            raise SpecificationError(
                f"{_short(text)} is too large: a claim may have {_LARGEST} terms, nested {_DEEPEST} deep."
            )
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return tree


@dataclass(frozen=True, slots=True)
class _Reader:
    text: str
    names: tuple[str, ...]
    placeholders: Mapping[str, str]
    used: set[str]

    def parameter(self, name: str) -> None:
        if name not in self.names:
            raise SpecificationError(
                f"{self.text!r}: no parameter {name!r}.{did_you_mean(name, self.names)} "
                f"Parameters: {', '.join(self.names)}."
            )
        self.used.add(name)

    def need(self, node: ast.expr, kind: Kind) -> None:
        """Check a part of the claim that must be of a kind."""
        if _checked(node, self) != kind:
            shown = _unparsed(node, self.placeholders)
            hint = f"compare it with something, e.g. '{shown} < 0'" if kind == "claim" else "a number is needed there"
            needed = "a claim" if kind == "claim" else "a number"
            raise SpecificationError(f"{self.text!r}: {shown!r} is not {needed}; {hint}.")


def _checked(node: ast.expr, reader: _Reader) -> Kind:
    """Whether a node is a claim or a number; anything else is rejected."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            if not abs(value) < 1e308:
                raise SpecificationError(f"{reader.text!r}: {str(value)[:20]} is too large a number.")
            return "number"
        case ast.Name(id=name):
            reader.parameter(reader.placeholders.get(name, name))
            return "number"
        case ast.Subscript():  # a column name with a level that is not there
            reader.parameter(_unparsed(node, reader.placeholders))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            reader.need(operand, "number")
            return "number"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            reader.need(operand, "claim")
            return "claim"
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            reader.need(left, "number")
            reader.need(right, "number")
            return "number"
        case ast.BoolOp(values=parts):
            for part in parts:
                reader.need(part, "claim")
            return "claim"
        case ast.Compare(left=left, ops=ops, comparators=rights) if all(isinstance(op, _COMPARISONS) for op in ops):
            for side in (left, *rights):
                reader.need(side, "number")
            return "claim"
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            reader.need(argument, "number")
            return "number"
    shown = _unparsed(node, reader.placeholders)
    raise SpecificationError(f"{reader.text!r}: {shown!r} is not allowed here. {_ALLOWED}")


def _short(text: str) -> str:
    return repr(text) if len(text) <= 100 else f"{text[:60]!r}..."


def _unparsed(node: ast.expr, placeholders: Mapping[str, str]) -> str:
    text = ast.unparse(node)
    for stand_in, name in placeholders.items():
        text = text.replace(stand_in, name)
    return text


def _with_placeholders(expression: str, names: Sequence[str]) -> tuple[str, Mapping[str, str]]:
    """Stand-ins for column names that are no Python names, with or without backticks around them."""
    placeholders, text = {}, unicodedata.normalize("NFC", expression)
    for i, name in enumerate(sorted(filter(_is_odd, names), key=len, reverse=True)):
        text, n = re.subn(_pattern(name), f" column_{i}_ ", text)
        if n:
            placeholders[f"column_{i}_"] = name
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(f"`{name}`", name)
    if (left := re.search("`([^`]*)`", text)) is not None:
        raise SpecificationError(
            f"{expression!r}: no parameter {left[1]!r}.{did_you_mean(left[1], names)} Parameters: {', '.join(names)}."
        )
    return text, placeholders


def _is_odd(name: str) -> bool:
    """Whether Python would not read a name as it stands."""
    if not name.isidentifier() or unicodedata.normalize("NFKC", name) != name:
        return True
    return keyword.iskeyword(name) and name not in ("and", "or", "not")


def _pattern(name: str) -> str:
    """How a name may be written: as it is, in backticks, or with its level in quotes."""
    plain = unicodedata.normalize("NFC", name)
    whole = re.escape(plain)
    bounded = (r"(?<!\w)" if plain[0].isalnum() else "") + whole + (r"(?!\w)" if plain[-1].isalnum() else "")
    ways = [f"`{whole}`", bounded]
    if plain.endswith("]"):
        head, level = map(re.escape, plain[:-1].split("[", 1))
        ways += [rf"(?<!\w)`?{head}`?\[{quote}{level}{quote}\]" for quote in ("", "`", '"', "'")]
    return "|".join(ways)
