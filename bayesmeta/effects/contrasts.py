"""From a table, with one row for each study or one for each arm, to the columns that a measure takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_rows import CONTROLS
from bayesmeta.data.cells import Labels, as_number, is_missing
from bayesmeta.data.columns import FrameColumns, Places
from bayesmeta.data.dependence import row_labels
from bayesmeta.data.tables import Table
from bayesmeta.effects._arms import Floats, read_arms
from bayesmeta.effects.registry import Measure
from bayesmeta.errors import BayesmetaError, DataError, SpecificationError, did_you_mean

type Reference = str | Mapping[str, str] | None


@dataclass(frozen=True)
class Contrasts:
    """One effect for each row of `table`.

    Parameters
    ----------
    table : Table
        The rows that the effects belong to: of the study, or of its treated arm.
    labels : tuple of str
        What to call each effect.
    columns : mapping of str to ndarray, shape (effect,)
        The columns of the measure.
    study : ndarray of int, shape (effect,)
        Which study each effect comes from, counted from 0.
    extra : mapping of str to tuple
        Covariates that distinguish the effects of a study.
    """

    table: Table
    labels: tuple[str, ...]
    columns: Mapping[str, Floats]
    study: NDArray[np.intp]
    extra: Mapping[str, tuple[Any, ...]]

    @property
    def where(self) -> Places:
        """What to call each effect in messages."""
        return Places(len(self.labels), lambda i: self.table.where(i, study=self.labels[i]))

    @property
    def largest(self) -> int:
        """How many effects the study with most of them has."""
        return int(np.bincount(self.study).max())

    def take(self, keep: NDArray[np.bool_]) -> Contrasts:
        """Keep the effects where `keep` is true."""
        index = np.flatnonzero(keep).tolist()
        _, study = np.unique(self.study[index], return_inverse=True)
        return Contrasts(
            self.table.take(index),
            tuple(self.labels[i] for i in index),
            {name: values[index] for name, values in self.columns.items()},
            study,
            {name: tuple(values[i] for i in index) for name, values in self.extra.items()},
        )


def is_long(table: Table, measure: Measure) -> bool:
    """Tell whether a table has one arm in each row, where `measure` compares two."""
    return measure.two_arms and "arm" in table.columns and measure.columns[0] not in table.columns


def wide_contrasts(table: Table, measure: Measure, note: str, repeated: bool = False) -> Contrasts:
    """Return the rows of a table that has one for each study, or where `repeated` several, whose columns say more."""
    table.require(*measure.columns, note=note)
    columns = {name: table.numbers(name) for name in measure.columns}
    labels = row_labels(table) if repeated else table.labels()
    return Contrasts(table, labels, columns, np.arange(len(table)), {})


def long_contrasts(table: Table, measure: Measure, note: str, reference: Reference) -> Contrasts:
    """Return each arm of a study versus its reference arm, from a table that has one row for each arm."""
    names = measure.arm_columns
    table.require("study", "arm", *names, note=note)
    numbers = {name: table.numbers(name) for name in names}
    _check_rows(table, numbers)
    groups = _Groups.read(table)
    references = np.flatnonzero(_references(groups, reference))
    control = np.empty(len(groups.studies), dtype=np.intp)
    control[groups.study[references]] = references
    treated = np.delete(np.arange(len(table)), references)
    which = groups.study[treated]
    columns = {f"{name}_t": values[treated] for name, values in numbers.items()}
    columns |= {f"{name}_c": values[control[which]] for name, values in numbers.items()}
    trial = tuple(map(groups.studies.__getitem__, which.tolist()))
    arm = tuple(map(groups.arms.__getitem__, groups.arm[treated].tolist()))
    single = groups.sizes[which] == 2
    labels: tuple[str, ...] = Labels(trial)
    if not single.all():
        labels = tuple(t if one else f"{t}: {a}" for t, a, one in zip(trial, arm, single.tolist(), strict=True))
    _, which = np.unique(which, return_inverse=True)
    extra: dict[str, tuple[Any, ...]] = {"trial": trial, "arm": arm}
    if (doses := _reference_doses(table, control)) is not None:
        extra["reference_dose"] = tuple(doses[groups.study[treated]].tolist())
    return Contrasts(table.take(treated.tolist()), labels, columns, which, extra)


def _reference_doses(table: Table, control: NDArray[np.intp]) -> Floats | None:
    """Dose of each study's reference arm, where the table has a column `dose` and one of them is not zero."""
    if "dose" not in table.columns or "reference_dose" in table.columns:
        return None
    numbers = [as_number(table.columns["dose"][i]) for i in control]
    doses = np.array([np.nan if number is None else float(number) for number in numbers])
    return doses if not np.isnan(doses).any() and doses.any() else None


def _check_rows(table: Table, numbers: Mapping[str, Floats]) -> None:
    """Reject an arm that cannot be right by its own row."""
    study = table.columns["study"]
    where = Places(len(table), lambda i: table.where(i, study=str(study[i]).strip()))
    arms = read_arms(where, **numbers)
    counts = {"events", "n"} <= set(numbers)
    if "n" in numbers:
        arms.check_sizes("n", whole=not counts)
    if counts:
        arms.check_events("events", "n", whole=False)
    arms.check_positive(*(name for name in numbers if name.startswith("sd") or name == "time"))


@dataclass(frozen=True)
class _Groups:
    """Which study and which arm each row of a table belongs to, as positions in lists of their labels."""

    table: Table
    study: NDArray[np.intp]
    studies: tuple[str, ...]
    arm: NDArray[np.intp]
    arms: tuple[str, ...]

    @classmethod
    def read(cls, table: Table) -> _Groups:
        """Read the labels: two arms or more in each study, none twice."""
        groups = cls(table, *_codes(table, "study"), *_codes(table, "arm"))
        pairs = groups.study * len(groups.arms) + groups.arm
        _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
        for i in np.flatnonzero(first[inverse] != np.arange(len(table))):
            raise DataError(
                f"{groups.place(i)}: arm {groups.arms[groups.arm[i]]!r} is also in row {table.rows[first[inverse[i]]]}. "
                "Give each arm of a study its own label; groups of one arm are put together by combine_arms, --combine."
            )
        for i in np.flatnonzero(groups.sizes[groups.study] == 1):
            raise DataError(f"{groups.place(i)}: {groups.arms[groups.arm[i]]!r} is its only arm; a contrast needs two.")
        return groups

    @property
    def sizes(self) -> NDArray[np.intp]:
        """How many arms each study has."""
        return np.bincount(self.study)

    def place(self, i: np.intp) -> str:
        """Name the arm in row `i`."""
        return self.table.where(int(i), "arm", self.studies[self.study[i]])

    def arms_of(self, study: np.intp) -> list[str]:
        """Return the labels of the arms of a study, in order."""
        return [self.arms[code] for code in self.arm[self.study == study]]


def _codes(table: Table, column: str) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Return for each row the position of its label among those of a column, and these."""
    coded = table.columns.codes(column) if isinstance(table.columns, FrameColumns) else None
    if coded is not None:
        labels = tuple(map(str.strip, coded[1]))
        if "" not in labels and len(set(labels)) == len(labels):
            return coded[0], labels
    cells = table.columns[column]
    texts = {cell: str(cell).strip() for cell in dict.fromkeys(cells)}
    bad = [cell for cell, text in texts.items() if not text or (is_missing(cell) and not isinstance(cell, str))]
    if bad:
        where = table.where(cells.index(bad[0]), column)
        raise DataError(f"{where}: the {column} has no label. Give each {column} its own.")
    position = {text: i for i, text in enumerate(dict.fromkeys(texts.values()))}
    codes = {cell: position[text] for cell, text in texts.items()}
    return np.fromiter(map(codes.__getitem__, cells), np.intp, len(cells)), tuple(position)


def _references(groups: _Groups, reference: Reference) -> NDArray[np.bool_]:
    """Return which rows are the arm that the others of their study are compared with: one in each study."""
    if reference is None:
        wanted = np.array([name.lower() in CONTROLS for name in groups.arms])[groups.arm]
    elif isinstance(reference, Mapping):
        position = {name: i for i, name in enumerate(groups.arms)}
        codes = np.array([position.get(str(reference.get(study, "")), -1) for study in groups.studies])
        wanted = groups.arm == codes[groups.study]
    else:
        wanted = np.array([name == str(reference) for name in groups.arms])[groups.arm]
    for name in reference if isinstance(reference, Mapping) else ():
        if name not in groups.studies:
            raise SpecificationError(
                f"{groups.table.source}: reference names study {name!r}, which has no row."
                f"{did_you_mean(name, groups.studies)} Leave it out."
            )
    for study in np.flatnonzero(np.bincount(groups.study, wanted) != 1):
        raise _no_reference(groups, study, reference)
    return wanted


def _no_reference(groups: _Groups, study: np.intp, reference: Reference) -> BayesmetaError:
    label, arms = groups.studies[study], groups.arms_of(study)
    place, present = f"{groups.table.source} (study {label!r})", ", ".join(map(repr, arms))
    if reference is None:
        return SpecificationError(
            f"{place}: which of its arms is the reference? Name it, reference={arms[0]!r}; got {present}. "
            "(An arm called control, placebo or c is found without.)"
        )
    if isinstance(reference, Mapping) and label not in reference:
        return SpecificationError(
            f"{place}: reference does not name this study, and must name each; its arms are {present}. Add {label!r}."
        )
    name = str(reference[label]) if isinstance(reference, Mapping) else str(reference)
    return DataError(f"{place}: it has no reference arm {name!r}; its arms are {present}.{did_you_mean(name, arms)}")
