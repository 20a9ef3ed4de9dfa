"""The terms that a formula stands for, counted before anything is multiplied out."""

from __future__ import annotations

from itertools import pairwise

from bayesmeta.spec.formula_tokens import RejectedError

MOST_TERMS, MOST_STEPS = 200, 5000
Term = frozenset[str]  # its factors
Terms = tuple[Term, ...]


def combined(sign: str, left: Terms, right: Terms) -> Terms:
    """Terms of two parts with an operator between."""
    if sign == "+":
        return _few((*left, *right))
    if sign == "-":
        return tuple(term for term in left if term not in right)
    if sign == ":":
        return product(left, right)
    if sign == "*":
        return _few((*left, *right, *product(left, right)))
    outer, inner = (right, left) if sign == "%in%" else (left, right)
    whole: Term = frozenset(name for term in outer for name in term)
    return _few((*outer, *product((whole,), inner)))


def product(*factors: Terms) -> Terms:
    """Terms of each part with those of every other."""
    terms, steps = factors[0], 1
    for _, more in pairwise(factors):
        steps *= max(len(more), 1)
        if steps * max(len(factors[0]), 1) > MOST_STEPS:
            raise RejectedError(f"it multiplies out to more than {MOST_STEPS} terms.")
        terms = _few([a | b for a in terms for b in more])
    return terms


def _few(terms: Terms | list[Term]) -> Terms:
    distinct = tuple(dict.fromkeys(terms))
    if len(distinct) > MOST_TERMS:
        raise RejectedError(f"it stands for more than {MOST_TERMS} terms.")
    return distinct
