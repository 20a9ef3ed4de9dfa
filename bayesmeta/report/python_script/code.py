"""Python source from values: every text becomes a literal, so that nothing a file says is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from textwrap import indent

from bayesmeta.priors import Prior
from bayesmeta.priors.registry import FAMILIES

_WIDTH = 100
_PUBLIC = {*FAMILIES, "published_prior", "default_priors"}


def call(name: str, arguments: Sequence[str] = (), named: Mapping[str, str] | None = None) -> str:
    """A call, on one line or with each argument on a line of its own; arguments are source already.

    Examples
    --------
    >>> call("bm.Normal", ["0", "1"]), call("bm.fit", ["data"], {"seed": "1"})
    ('bm.Normal(0, 1)', 'bm.fit(data, seed=1)')
    """
    parts = [*arguments, *(f"{key}={value}" for key, value in (named or {}).items())]
    return _bracketed(f"{name}(", parts, ")")


def mapping(items: Mapping[str, str]) -> str:
    r"""A dictionary with texts as keys and source as values.

    Examples
    --------
    >>> mapping({"a'b": "1"})
    '{"a\'b": 1}'
    """
    return _bracketed("{", [f"{literal(key)}: {value}" for key, value in items.items()], "}")


def literal(value: object) -> str:
    r"""A plain value as source; quotes, line breaks and signs that hide text are written as codes.

    Examples
    --------
    >>> literal("CRPS"), literal('x"); quit(); ("'), literal(["a", 1.5]), literal(None)
    ('"CRPS"', '\'x"); quit(); ("\'', '["a", 1.5]', 'None')
    """
    if isinstance(value, str):
        text = repr(value)
        plain = text[0] == "'" and "\\" not in text and '"' not in text
        return f'"{text[1:-1]}"' if plain else text
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{literal(key)}: {literal(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    raise TypeError(f"{type(value).__name__} has no literal")


def prior_code(prior: Prior) -> str:
    """A prior as source.

    Examples
    --------
    >>> from bayesmeta.priors import parse_prior
    >>> prior_code(parse_prior("Truncated(Normal(0, 1/4), 0, inf)"))
    "bm.Truncated(bm.Normal(0, 0.25), 0, float('inf'))"
    """
    tree = ast.parse(str(prior), mode="eval")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if not names <= {*_PUBLIC, "inf"}:  # a family of a user's own
        return f"bm.parse_prior({literal(str(prior))})"
    return ast.unparse(ast.fix_missing_locations(_Public().visit(tree)))


class _Public(ast.NodeTransformer):
    """Names of priors become those of the package."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == "inf":
            return ast.Call(ast.Name("float", ast.Load()), [ast.Constant("inf")], [])
        return ast.Attribute(ast.Name("bm", ast.Load()), node.id, ast.Load())


def _bracketed(opening: str, parts: Sequence[str], closing: str) -> str:
    """Parts in brackets, on one line where they fit; a literal has no line break, so that lines can be moved to the right."""
    line = f"{opening}{', '.join(parts)}{closing}"
    if not parts or (len(line) <= _WIDTH and "\n" not in line):
        return line
    return f"{opening}\n{indent(''.join(f'{part},\n' for part in parts), '    ')}{closing}"
