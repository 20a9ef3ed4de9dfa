"""Which columns of a design cannot be told apart, and which combinations of levels no study has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from bayesmeta.spec.column_words import level_of, parts_of

Floats = NDArray[np.float64]
_SMALL = 1e-8  # of the size of a column


def redundant(names: Sequence[str], matrix: Floats) -> Iterator[tuple[str, list[str]]]:
    """Yield each column that follows from those before it, with these.

    Examples
    --------
    >>> X = np.array([[1.0, 0, 0, 1], [1, 1, 1, 2], [1, 1, 1, 5], [1, 0, 0, 3]])
    >>> list(redundant(["mu", "a[T.z]", "b[T.w]", "dose"], X))
    [('b[T.w]', ['a[T.z]'])]
    """
    kept: list[int] = []
    scaled = matrix / np.where(norms := np.linalg.norm(matrix, axis=0), norms, 1.0)
    for j, name in enumerate(names):
        before = scaled[:, kept]
        weights = np.linalg.lstsq(before, scaled[:, j])[0] if kept else np.zeros(0)
        if np.abs(scaled[:, j] - before @ weights).max() > _SMALL:
            kept.append(j)
            continue
        yield name, [names[i] for i, weight in zip(kept, weights, strict=True) if abs(weight) > _SMALL]


def empty_combinations(
    columns: Sequence[str], matrix: Floats, references: Mapping[str, str]
) -> list[tuple[tuple[str, str], ...]]:
    """Return the combinations of levels, of factors that interact, that no study has.

    Examples
    --------
    >>> X = np.array([[0.0, 0, 0], [0, 1, 0], [1, 1, 1]])
    >>> empty_combinations(["a[T.z]", "b[T.w]", "a[T.z]:b[T.w]"], X, {"a": "x", "b": "u"})
    [(('a', 'z'), ('b', 'u'))]
    """
    members: dict[str, dict[str, Floats]] = {}
    pairs: dict[tuple[str, str], None] = {}
    for j, column in enumerate(columns):
        found = [level for part in parts_of(column) if (level := level_of(part)) is not None]
        if len(parts_of(column)) == 1 and found:
            members.setdefault(found[0][0], {})[found[0][1]] = matrix[:, j]
        pairs |= dict.fromkeys(combinations([factor for factor, *_ in found], 2))
    for factor, of in members.items():
        if factor in references:
            of[references[factor]] = 1 - np.asarray(sum(of.values()))
    return [
        ((f, one), (g, other))
        for f, g in pairs
        for one, other in product(sorted(members.get(f, {})), sorted(members.get(g, {})))
        if not np.any(members[f][one] * members[g][other])
    ]
