"""The one place that hands formulas to formulaic, which evaluates them as Python: after they have been read, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import DataError, SpecificationError, did_you_mean
from bayesmeta.spec.column_words import references_in
from bayesmeta.spec.formula_functions import CONTEXT
from bayesmeta.spec.formula_text import FormulaText, read_formula

if TYPE_CHECKING:
    import pandas as pd

_MOST_CELLS = 20_000_000  # of a model matrix: 160 MB


@dataclass(frozen=True, slots=True)
class ModelMatrix:
    """A model matrix without its intercept.

    Attributes
    ----------
    values : ndarray, shape (row, column)
    columns : dict of str to str
        Column name to the variable it comes from; of an interaction, ``"a:b"``.
    intercept : bool
        Whether the formula has one.
    references : dict of str to str
        Of each factor whose levels are compared with one of them, that one.
    """

    values: NDArray[np.float64]
    columns: dict[str, str]
    intercept: bool
    references: dict[str, str] = field(default_factory=dict)


@lru_cache(maxsize=256)
def has_intercept(formula: str) -> bool:
    """Tell whether a formula has an intercept: only then is there a `mu` that a prior or a claim can name.

    Examples
    --------
    >>> has_intercept("1"), has_intercept("dose"), has_intercept("0 + region"), has_intercept("region - 1")
    (True, True, False, False)
    """
    if formula.strip() == "1":  # the usual case, at once
        return True
    return any(str(term) == "1" for term in _parsed(read_formula(formula)))


def _parsed(read: FormulaText) -> Any:
    """A formula that has been read, as formulaic takes it; nothing is evaluated here."""
    import formulaic

    return formulaic.Formula(read.text)


def names_in(formula: str) -> list[str]:
    """Return the columns that a formula names, in alphabetical order; none where it cannot be read.

    Examples
    --------
    >>> names_in("1 + C(pain_class) + log(dose)"), names_in("1 +* 2")
    (['dose', 'pain_class'], [])
    """
    try:
        return read_formula(formula).columns
    except SpecificationError:  # the model says what is wrong, when it is built
        return []


def model_matrix(formula: str, frame: pd.DataFrame) -> ModelMatrix:
    """Model matrix of a formula.

    Parameters
    ----------
    formula : str
        Right-hand side, of what `read_formula` takes.
    frame : DataFrame
        Covariates, indexed by study.

    Raises
    ------
    SpecificationError
        If the formula holds anything else, names no column of the frame, or a term has no finite values.
    DataError
        If a covariate that it names is missing.
    """
    read = read_formula(formula)
    _check_columns(formula, read, frame)
    used = _as_numbers(read, frame)
    _check_size(formula, read, used)
    try:
        with np.errstate(all="ignore"):
            matrix = _parsed(read).get_model_matrix(used, context=CONTEXT, na_action="ignore")
    except Exception as error:  # transforms raise what their arguments make them
        raise SpecificationError(f"formula {formula!r} cannot be evaluated: {_one_line(error)}") from error
    columns, intercept = dict[str, str](), False
    for term, columns_of_term in matrix.model_spec.term_slices.items():
        names = list(map(str, matrix.columns[columns_of_term]))
        if str(term) == "1" and names == ["Intercept"]:
            intercept = True
            continue
        factors = [_factor(str(factor)) for factor in term.factors]
        for name, j in zip(names, range(columns_of_term.start, columns_of_term.stop), strict=True):
            _check_finite(formula, name, factors, np.asarray(matrix.iloc[:, j], dtype=float), frame)
        columns |= dict.fromkeys(names, ":".join(variable for variable, _ in factors))
    values = np.asarray(matrix[list(columns)], dtype=float).reshape(len(frame), len(columns))
    _check_variation(formula, read, columns, frame, intercept)
    return ModelMatrix(values, columns, intercept, references_in(columns, _levels(read, used)))


def _levels(read: FormulaText, used: pd.DataFrame) -> dict[str, list[str]]:
    """The levels of each factor of one column, by the factor's own text."""
    return {
        factor.text: list(dict.fromkeys(map(str, used[factor.columns[0]])))
        for factor in read.factors
        if len(factor.columns) == 1 and (factor.categories or not _is_numeric(used[factor.columns[0]]))
    }


def _factor(text: str) -> tuple[str, tuple[str, ...]]:
    """Variable and columns of a factor as formulaic writes it, a column without its backticks."""
    try:
        (factor,) = read_formula(text).factors
    except (SpecificationError, ValueError):
        return text, (text,)
    return (factor.variable, factor.columns) if factor.text == text else (text, (text,))


def _check_columns(formula: str, read: FormulaText, frame: pd.DataFrame) -> None:
    for name in read.columns:
        if (reason := frame.attrs.get("left_out", {}).get(name)) is not None:
            raise DataError(f"formula {formula!r}: {reason}")
        if name not in frame.columns:
            raise SpecificationError(
                f"formula {formula!r}: no column {name!r}.{did_you_mean(name, frame.columns)} "
                f"Columns: {', '.join(map(str, frame.columns)) or 'none'}."
            )
        missing = frame[name].isna()
        if missing.any():
            study = frame.index[missing.to_numpy()][0]
            raise DataError(f"study {study!r}: covariate {name!r} is missing, and the formula {formula!r} needs it.")
    for factor in read.factors:
        for function in factor.functions:
            if function.split(".")[0] in read.columns:
                raise SpecificationError(
                    f"formula {formula!r}: {function.split('.')[0]!r} is a column of the table and a function of the formula. "
                    "Give the column another name, with columns = or --column."
                )
            if function not in ("C", "I"):
                text = next((name for name in factor.columns if not _is_numeric(frame[name])), None)
                if text is not None:
                    raise SpecificationError(
                        f"formula {formula!r}: {function}() is of numbers, and {text!r} holds text."
                    )


def _is_numeric(column: Any) -> bool:
    return bool(np.issubdtype(np.asarray(column).dtype, np.number))


def _as_numbers(read: FormulaText, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that are used; whole numbers as floats, whose powers do not overflow, where they are not categories."""
    used = frame[read.columns].reset_index(drop=True)
    categories = {name for factor in read.factors if factor.categories for name in factor.columns}
    whole = [name for name in read.columns if name not in categories and used[name].dtype.kind in "iub"]
    return used.astype(dict.fromkeys(whole, float))


def _check_size(formula: str, read: FormulaText, used: pd.DataFrame) -> None:
    """Reject a matrix that would not fit into memory, before it is made."""
    width = {
        factor.text: prod(
            int(used[name].nunique()) if factor.categories or not _is_numeric(used[name]) else 1
            for name in factor.columns
        )
        for factor in read.factors
    }
    cells = sum(prod(width[name] for name in term) for term in read.terms) * len(used)
    if cells > _MOST_CELLS:
        raise SpecificationError(
            f"formula {formula!r}: {cells // len(used):,} columns for {len(used):,} studies are more than can be used."
        )


def _check_finite(
    formula: str, column: str, factors: Sequence[tuple[str, tuple[str, ...]]], values: Any, frame: pd.DataFrame
) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        i = bad[0]
        names = dict.fromkeys(name for _, columns in factors for name in columns)
        given = ", ".join(f"{name} = {frame[name].iloc[i]}" for name in names if name in frame.columns)
        raise SpecificationError(
            f"formula {formula!r}: study {frame.index[i]!r} has {given}, for which {column} is {values[i]:g}. "
            "Leave the study out, or change the term."
        )


def _check_variation(
    formula: str, read: FormulaText, columns: dict[str, str], frame: pd.DataFrame, intercept: bool
) -> None:
    """Reject a covariate of which nothing is left beside the intercept, because it is the same in every study."""
    left = {name for variable in columns.values() for part in variable.split(":") for name in _factor(part)[1]}
    for name in read.columns:
        if intercept and name not in left and frame[name].nunique() == 1:
            raise SpecificationError(
                f"formula {formula!r}: covariate without variation, {name!r} is {frame[name].iloc[0]!r} in every study."
            )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
