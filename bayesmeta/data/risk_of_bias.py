"""Judgements of the risk of bias: a table of studies and domains, in the words of RoB 2, RoB 1 and ROBINS-I."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.tables import TableSource, open_table
from bayesmeta.errors import DataError, SpecificationError, did_you_mean
from bayesmeta.text.sheet import Grid, Sheet, Shown

# What each tool calls a judgement, from the best to the worst.
WORDS = ("low", "unclear", "some concerns", "moderate", "serious", "high", "critical")
_OTHER = {"some": "some concerns", "+": "low", "-": "high", "?": "unclear", "x": "high", "no information": "unclear"}
OVERALL = "overall"
_HIGH = ("high", "serious", "critical")
_NOT_DOMAINS = ("weight",)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RiskOfBias(Shown):
    """Judgements, one for each study and domain.

    Attributes
    ----------
    study : tuple of str
    domains : tuple of str
        As the table names them; ``"Overall"`` is one of them where it has one.
    judgements : mapping of str to tuple of str
        By domain, a word of `WORDS` for each study.
    """

    study: tuple[str, ...]
    domains: tuple[str, ...]
    judgements: Mapping[str, tuple[str, ...]]

    @classmethod
    def from_frame(cls, frame: TableSource, study: str = "study") -> RiskOfBias:
        """Read a table with one row for each study: its name, a column for each domain, and one of the overall judgement.

        The files of robvis are such tables; their column ``Weight`` is left aside.

        Parameters
        ----------
        frame : DataFrame, mapping of columns, str or Path
        study : str
            The column of names; its case does not matter.

        Raises
        ------
        DataError
            If a column is missing, a study stands twice, or a cell holds no judgement: the message names row and column.

        Examples
        --------
        >>> table = {"Study": ["A", "B"], "D1": ["Low", "High"], "Overall": ["Low", "High"]}
        >>> RiskOfBias.from_frame(table).biased()
        ('B',)
        """
        table = open_table(frame, "risk-of-bias table")
        by_case = {str(name).strip().lower(): name for name in table.columns}
        if study.lower() not in by_case:
            raise DataError(
                f"{table.source}: no column {study!r} names the studies; it has {', '.join(table.columns)}."
            )
        labels = tuple(str(x) for x in table.columns[by_case[study.lower()]])
        if twice := [x for i, x in enumerate(labels) if x in labels[:i]]:
            raise DataError(f"{table.source}: study {twice[0]!r} stands in two rows. Give each study one.")
        kept = [name for case, name in by_case.items() if case not in (study.lower(), *_NOT_DOMAINS)]
        if not kept:
            raise DataError(f"{table.source}: no column of judgements beside {by_case[study.lower()]!r}.")
        judged = {
            name: tuple(_judgement(cell, table.where(i, name, labels[i])) for i, cell in enumerate(table.columns[name]))
            for name in kept
        }
        return cls(labels, tuple(kept), judged)

    def biased(self, levels: Iterable[str] = _HIGH, domain: str | None = None) -> tuple[str, ...]:
        """Studies judged to be at one of some levels of risk, by default high, serious or critical.

        Parameters
        ----------
        levels : iterable of str
        domain : str, optional
            The overall judgement by default.

        Raises
        ------
        SpecificationError
            If there is no such domain or level.
        """
        wanted = [levels] if isinstance(levels, str) else list(levels)
        for level in wanted:
            if level.lower() not in WORDS:
                hint = did_you_mean(level, WORDS)
                raise SpecificationError(f"levels: {level!r} is no judgement; choose among {', '.join(WORDS)}.{hint}")
        by_case = {name.lower(): name for name in self.domains}
        name = OVERALL if domain is None else domain
        if name.lower() not in by_case:
            hint = "" if domain is None else did_you_mean(name, self.domains)
            raise SpecificationError(f"domain {name!r}: the table has {', '.join(self.domains)}.{hint}")
        judged = self.judgements[by_case[name.lower()]]
        return tuple(x for x, level in zip(self.study, judged, strict=True) if level in [w.lower() for w in wanted])

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show: a row for each study."""
        rows = [[x, *(self.judgements[name][i] for name in self.domains)] for i, x in enumerate(self.study)]
        return Sheet("Risk of bias", [Grid(rows, ["Study", *self.domains], texts=1 + len(self.domains))])


def _judgement(cell: object, where: str) -> str:
    """A cell as one of the words."""
    text = " ".join(str(cell).split()).lower().removesuffix(" risk")
    word = _OTHER.get(text, text)
    if word not in WORDS:
        raise DataError(
            f"{where}: {cell!r} is no judgement. Write one of {', '.join(WORDS)}; leave columns of other things out."
        )
    return word


def rows_of(study: Sequence[str], biased: RiskOfBias | Iterable[object]) -> NDArray[np.bool_]:
    """Which studies are biased, from their names, from a table of judgements, or as one truth value for each.

    Raises
    ------
    SpecificationError
        If a name is none of the studies, or a study has no judgement.
    """
    judged = getattr(biased, "judgements", None)
    if judged is not None:
        table: RiskOfBias = biased  # type: ignore[assignment]
        if missing := [x for x in study if x not in table.study]:
            raise SpecificationError(
                f"biased: study {missing[0]!r} has no row in the table of judgements, whose studies are {', '.join(table.study)}."
            )
        names: list[object] = [x for x in table.biased() if x in study]
    else:
        if not isinstance(biased, Iterable):
            raise SpecificationError(
                f"biased={biased!r}: a table of judgements, names of studies, or a truth value for each row."
            )
        names = [biased] if isinstance(biased, str) else list(biased)
    if names and all(isinstance(x, bool | np.bool_) for x in names):
        if len(names) != len(study):
            raise SpecificationError(f"biased: {len(names)} truth values for {len(study)} studies.")
        return np.array(names, dtype=bool)
    for name in names:
        if name not in study:
            raise SpecificationError(f"biased: {name!r} is none of the studies.{did_you_mean(str(name), study)}")
    return np.array([x in names for x in study])
