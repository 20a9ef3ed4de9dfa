"""The levels of each factor of a formula, and what they differ by: contrasts of all pairs of levels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bayesmeta.spec.column_words import column_words, level_of, parts_of


@dataclass(frozen=True, slots=True)
class Pair:
    """A level versus another one of its factor, as multiples of the columns of a design."""

    factor: str
    level: str
    versus: str
    weights: Mapping[str, float]

    @property
    def label(self) -> str:
        """In words, as a coefficient with that reference would be called.

        Examples
        --------
        >>> Pair("pain_class", "mixed", "crps", {"pain_class[T.mixed]": 1.0}).label
        'pain class: mixed versus crps'
        """
        return column_words(f"{self.factor}[T.{self.level}]", {self.factor: self.versus})

    @property
    def expression(self) -> str:
        """As claims and marginals take it."""
        signs = {1.0: "+", -1.0: "-"}
        text = " ".join(
            f"{signs[weight]} {column}" for column, weight in sorted(self.weights.items(), key=lambda x: -x[1])
        )
        return text.removeprefix("+ ")


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor: for each of its levels the column that stands for it, None for the reference."""

    name: str
    columns: Mapping[str, str | None]

    @property
    def pairs(self) -> Iterator[Pair]:
        """Every level versus each one before it."""
        levels = list(self.columns)
        for i, level in enumerate(levels):
            for versus in levels[:i]:
                sides = ((self.columns[level], 1.0), (self.columns[versus], -1.0))
                weights = {column: weight for column, weight in sides if column is not None}
                yield Pair(self.name, level, versus, weights)


def factors_in(columns: Mapping[str, str], references: Mapping[str, str]) -> tuple[Factor, ...]:
    """Return the factors of a design, without those in interactions: their levels differ by what they interact with.

    Parameters
    ----------
    columns : mapping of str
        Names of columns, as a `Design` has them.
    references : mapping of str to str
        By factor, the level that has no column.

    Examples
    --------
    >>> (factor,) = factors_in({"x[T.b]": "x", "x[T.c]": "x", "dose": "dose"}, {"x": "a"})
    >>> [(pair.level, pair.versus, pair.expression) for pair in factor.pairs]
    [('b', 'a', 'x[T.b]'), ('c', 'a', 'x[T.c]'), ('c', 'b', 'x[T.c] - x[T.b]')]
    """
    levels: dict[str, dict[str, str | None]] = {}
    interacting: set[str] = set()
    for column in columns:
        parts = parts_of(column)
        for factor, level, against in filter(None, map(level_of, parts)):
            if len(parts) > 1:
                interacting.add(factor)
            elif not against:
                levels.setdefault(factor, {})[level] = column
            elif factor in references:
                levels.setdefault(factor, {references[factor]: None})[level] = column
    return tuple(Factor(name, of) for name, of in levels.items() if len(of) > 1 and name not in interacting)
