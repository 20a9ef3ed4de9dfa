"""What every table of studies has: labels, covariates and declared columns; subsets, a hash, equality, copies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import FrozenInstanceError
from functools import partial
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.arm_rows import paired
from bayesmeta.data.cells import Labels
from bayesmeta.data.columns import Places
from bayesmeta.data.study_columns import Column, Numbers, Place, Texts, count, vector
from bayesmeta.data.synonyms import recognised_arms, with_labels
from bayesmeta.data.tables import Kept, Table, TableSource, frame_columns, open_table, plain_column, unique_labels
from bayesmeta.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

type Columns = pd.DataFrame | Mapping[str, Sequence[object] | NDArray[Any]]
type PlainColumns = tuple[tuple[str, tuple[int | float | str, ...]], ...]


class StudyTable:
    """Studies, one a row: their labels, their covariates, and the columns that a subclass declares.

    Immutable: arrays are read-only, and methods return new objects. Two are equal when `hash` is. A subclass declares each
    column as an attribute, the first one of numbers, and has a constructor that takes them by name, `from_frame` and
    everything below; it adds what only its own data have to say.

    Parameters
    ----------
    study : sequence of str, optional
        One label for each study, none twice; ``study 1``, ``study 2``, ... by default.
    covariates : DataFrame or mapping of columns, optional
        Study-level covariates in the order of the studies: rows are matched by position, not by index. Each column is
        complete and holds numbers only or text only; True and False become 1 and 0.
    **columns
        Those that the class declares, one value for each study.

    Raises
    ------
    DataError
        If anything cannot be right; the message names the study, the value and the rule.

    Examples
    --------
    >>> class Doses(StudyTable):
    ...     dose = Numbers("positive")
    ...     route = Texts("oral", choices=("oral", "intravenous"))
    >>> data = Doses(dose=[10, 20], study=["A", "B"])
    >>> data, data.drop("A").dose, data.route
    (Doses(n_studies=2, covariates=[]), array([20.]), ('oral', 'oral'))
    >>> Doses.from_frame({"study": ["A", "B"], "dose": [10, 0]})
    Traceback (most recent call last):
    bayesmeta.errors.DataError: table, row 2, column 'dose' (study 'B'): dose must be positive; got 0.
    """

    columns: ClassVar[tuple[Column, ...]] = ()
    errors_known: ClassVar[bool] = False  # whether every study has an estimate with a known standard error
    _source: ClassVar[str] = "table"  # what a data frame is called in messages
    __signature__: ClassVar[Signature]

    study: tuple[str, ...]
    left_out: Mapping[str, str]  # columns of the table that can be no covariate, and why
    _covariates: PlainColumns

    def __init_subclass__(cls) -> None:
        declared = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
        cls.columns = tuple(column for column in declared.values() if isinstance(column, Numbers | Texts))
        if cls.__init__ is StudyTable.__init__:
            cls.__signature__ = _signature(cls.columns)

    def __init__(
        self, *, study: Iterable[object] | None = None, covariates: Columns | None = None, **columns: Any
    ) -> None:
        try:
            type(self).__signature__.bind(**columns)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None
        self._fill(columns, study, covariates)

    def _fill(
        self,
        given: Mapping[str, Any],
        study: Iterable[object] | None,
        covariates: Columns | None,
        place: Place | None = None,
    ) -> None:
        """Check everything and keep it; `place` names a cell for messages."""
        first, *others = self.columns
        leading = vector(first.name, given[first.name])
        n = leading.size
        cells: dict[str, Any] = {first.name: leading}
        cells |= {column.name: column.clean(given.get(column.name), n, first.name) for column in others}
        labels = study_labels(study, n, first.name)
        where = place or (lambda i, _: f"study {labels[i]!r}")
        for column in self.columns:
            column.check(cells[column.name], where)
        self.__dict__.update(cells, study=tuple(labels))
        self._check(where)
        self.__dict__["_covariates"] = _plain_covariates(covariates, labels, first.name)
        self._reject_names(("study", *(column.name for column in self.columns)))
        self.__dict__["left_out"] = dict(covariates.left_out) if isinstance(covariates, Kept) else {}

    def _reject_names(self, taken: Iterable[str]) -> None:
        """Reject a covariate by the name of a column that means something else."""
        for name in taken:
            if name in self.covariate_names:
                raise DataError(
                    f"covariate {name!r}: a column of this table has the name. Leave the covariate out, or rename it."
                )

    def _check(self, place: Place) -> None:
        """Reject what no column alone can show: a subclass says what."""

    @classmethod
    def _check_table(cls, table: Table, covariates: Sequence[str] | None) -> None:
        """Reject a table without a column that it must have."""
        table.require(*(column.name for column in cls.columns if not column.optional))

    @classmethod
    def from_frame(cls, frame: TableSource, *, covariates: Sequence[str] | None = None) -> Self:
        """Build from a data frame, a mapping of columns, or the path of a file.

        Parameters
        ----------
        frame : DataFrame, mapping of columns, str or Path
            Column ``study`` and those of the constructor; where a value may be missing, its cell is empty.
        covariates : sequence of str, optional
            Columns to keep as covariates; by default all that are not used otherwise.

        Raises
        ------
        DataError
            If a column or a value is missing or cannot be right: one line that names the row, the column, the
            value and the rule. A row of a file is named by its line, so the first study is row 2.
        """
        names, kept_names = [column.name for column in cls.columns], covariates or ()
        table = with_labels(
            paired(recognised_arms(open_table(frame, cls._source), names, kept_names), names, kept_names)
        )
        cls._check_table(table, covariates)
        given = {column.name: column.read(table) for column in cls.columns if column.name in table.columns}
        labels = table.labels()
        kept = table.covariates(covariates, used=("study", *(column.name for column in cls.columns)))
        built = object.__new__(cls)
        built._fill(given, labels, kept, table.cell)
        return built

    @property
    def n_studies(self) -> int:
        """Number of studies."""
        return len(self.study)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Names of the covariates, in order."""
        return tuple(name for name, _ in self._covariates)

    @property
    def covariates(self) -> pd.DataFrame:
        """A copy of the covariates: one row for each study, indexed by study label."""
        import pandas as pd

        index = pd.Index(list(self.study), name="study")
        frame = pd.DataFrame({name: list(cells) for name, cells in self._covariates}, index=index)
        frame.attrs["left_out"] = self.left_out
        return frame

    @property
    def hash(self) -> str:
        """SHA-256 of the content in hexadecimal, the same on every platform; the order of studies counts."""
        numbers = [(c.name, getattr(self, c.name).tolist()) for c in self.columns if isinstance(c, Numbers)]
        texts = (getattr(self, c.name) for c in self.columns if isinstance(c, Texts))
        rest = (*texts, self.study, sorted(self._covariates))
        return hashlib.sha256(repr((f"bayesmeta.{type(self).__name__}/1", numbers, rest)).encode()).hexdigest()

    def subset(self, mask: ArrayLike) -> Self:
        """Keep the studies where `mask` is true.

        Parameters
        ----------
        mask : array_like of bool, shape (study,)

        Raises
        ------
        DataError
            If `mask` is not one true or false for each study, or keeps none.
        """
        keep = np.asarray(mask)
        if keep.dtype != np.bool_ or keep.shape != (self.n_studies,):
            raise DataError(
                f"mask must hold one true or false for each of {self.n_studies} studies; "
                f"got {keep.dtype} of shape {keep.shape}."
            )
        if not keep.any():
            raise DataError("mask is false for every study: nothing would be left.")
        kept = type(self)(**self._arguments(np.flatnonzero(keep)))
        kept.__dict__["left_out"] = self.left_out
        return kept

    def drop(self, study: str | Iterable[str]) -> Self:
        """Leave out one study, or several, by label.

        Parameters
        ----------
        study : str or iterable of str

        Raises
        ------
        DataError
            If there is no such study, or none would be left.
        """
        gone = {study} if isinstance(study, str) else set(study)
        for label in sorted(gone):
            if label not in self.study:
                raise DataError(f"there is no study {label!r} to drop.{did_you_mean(label, self.study)}")
        return self.subset(np.array([label not in gone for label in self.study]))

    def to_frame(self) -> pd.DataFrame:
        """Return the table that `from_frame` takes, without columns in which no study has a number or a text."""
        frame = self.covariates.reset_index()
        filled = [
            column for column in self.columns if not column.optional or column.reported(getattr(self, column.name))
        ]
        for at, column in enumerate(filled, start=1):
            frame.insert(at, column.name, list(getattr(self, column.name)))
        return frame

    def arguments(self) -> dict[str, Any]:
        """Arguments of the constructor that make the table again."""
        return self._arguments(np.arange(self.n_studies))

    def _arguments(self, rows: NDArray[np.intp]) -> dict[str, Any]:
        """Return the arguments of the constructor that make a table of these rows, by position."""
        columns = {column.name: column.take(getattr(self, column.name), rows) for column in self.columns}
        covariates = {name: [cells[i] for i in rows] for name, cells in self._covariates}
        return {**columns, "study": [self.study[i] for i in rows], "covariates": covariates}

    def _facts(self) -> dict[str, object]:
        """What `repr` shows, in order."""
        return {"n_studies": self.n_studies, "covariates": list(self.covariate_names)}

    def __len__(self) -> int:
        return len(self.study)

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if isinstance(other, StudyTable) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hash)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self.arguments()), ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in self._facts().items())})"

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


def _signature(columns: Sequence[Column]) -> Signature:
    """The constructor's arguments as `help` and editors show them."""
    defaults = {c.name: c.default if isinstance(c, Texts) else None if c.optional else Parameter.empty for c in columns}
    defaults |= {"study": None, "covariates": None}
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY, default=value) for name, value in defaults.items()])


def study_labels(study: Iterable[object] | None, n: int, first: str) -> Labels:
    """Return `n` study labels, none twice; `first` is the column that says how many there are."""
    if n == 0:
        raise DataError(f"{first} has no values: a meta-analysis needs at least one study.")
    if study is None:
        return Labels(f"study {i}" for i in range(1, n + 1))
    if isinstance(study, str):
        raise DataError(f"study must be a sequence with one label for each study; got the text {study!r}.")
    labels = study if isinstance(study, Labels) else tuple(study)
    if len(labels) != n:
        raise DataError(f"{first} has {count(n)} and study has {len(labels)}: give one label for each study.")
    if isinstance(labels, Labels):
        return labels
    return unique_labels(labels, lambda i: f"study labels, row {i + 1}", range(1, n + 1))


def _plain_covariates(covariates: Columns | None, labels: Sequence[str], first: str) -> PlainColumns:
    """Covariates as complete columns of one type, in the order of the studies."""
    if covariates is None:
        return ()
    frame = hasattr(covariates, "columns")  # a mapping has no index
    index = [str(x) for x in getattr(covariates, "index", ())] if frame else []
    if len(index) == len(labels) and index != list(labels) and sorted(index) == sorted(labels):
        raise DataError(
            f"the index of covariates holds the study labels in another order than {first}, and rows are matched by "
            "position. Use covariates.loc[study]."
        )
    columns = []
    for name, cells in frame_columns(covariates, "covariates").items():
        if len(cells) != len(labels):
            raise DataError(f"covariate {name!r} has {count(len(cells))} for {len(labels)} studies.")
        places = Places(len(labels), partial(_place, name, labels))
        columns.append((name, plain_column(cells, places.__getitem__)))
    return tuple(columns)


def _place(name: str, labels: Sequence[str], i: int) -> str:
    return f"study {labels[i]!r}, covariate {name!r}"
