"""Tables of counts, with the design matrix of a regression on their covariates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.effects.contrasts import Contrasts, is_long, long_contrasts
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.pooling.pool import PoolDesign, design_matrix
from bayesmeta.spec.formula import names_in
from bayesmeta.spec.levels import Factor

Floats = NDArray[np.float64]
_ENDLESS = 1e-7  # of a direction in which the likelihood rises for ever


class Counts(NamedTuple):
    """What pooling needs of a table: the counts of each study, and the design of their effects.

    Attributes
    ----------
    columns : tuple of ndarray, shape (study,)
        In the order of the measure.
    names : tuple of str
        Coefficients, the intercept as ``mu``.
    X : ndarray, shape (study, coefficient)
    factors : tuple of Factor
    """

    columns: tuple[Floats, ...]
    names: tuple[str, ...]
    X: Floats
    factors: tuple[Factor, ...]


def read_counts(arms: TableSource, measure: str, formula: str) -> Counts:
    """Return the columns of `measure` and the design of `formula`, of the studies that say something about the effect.

    Raises
    ------
    DataError
        If the table cannot be right, or no study is left.
    SpecificationError
        If the formula cannot be used.
    """
    table = open_table(arms, "arm table")
    registered = MEASURES[measure]
    note = f", and {measure} needs it"
    if is_long(table, registered):
        contrasts = long_contrasts(table, registered, note, None)
        _check_two_arms(contrasts)
        table = contrasts.table
        columns = [np.asarray(contrasts.columns[name], dtype=float) for name in registered.columns]
        where = [f"{table.source} (study {label!r})" for label in contrasts.labels]
    else:
        table.require("study", *registered.columns, note=note)
        where = [table.where(i, study=label) for i, label in enumerate(table.labels())]
        columns = [np.asarray(table.numbers(name), dtype=float) for name in registered.columns]
    for name, values in zip(registered.columns, columns, strict=True):
        broken = np.flatnonzero(values != np.floor(values))
        if broken.size and not name.startswith("time"):
            raise DataError(
                f"{where[broken[0]]}: {name} must be a whole number; got {values[broken[0]]:g}. The likelihood is of whole "
                "counts: round it, or pool(effect_sizes(...)), which takes fractions."
            )
    registered.function(*columns, where=where)  # rejects counts that cannot be right
    keep = np.ones(len(where), dtype=bool)
    if registered.two_arms:
        events, most = columns[0] + columns[2], columns[1] + columns[3] if measure == "log_or" else np.inf
        keep = (events > 0) & (events < most)
    if not keep.any():
        raise DataError("no study has both events and non-events: there is no effect to estimate.")
    design = _design(table, (*registered.columns, *registered.arm_columns), formula, keep)
    return Counts(tuple(column[keep] for column in columns), *design)


def _check_two_arms(contrasts: Contrasts) -> None:
    """Reject a trial with more than two arms: its contrasts share one, and these models take studies as independent."""
    counts = np.bincount(contrasts.study)
    if (many := np.flatnonzero(counts > 1)).size:
        study = contrasts.extra["trial"][int(np.flatnonzero(contrasts.study == many[0])[0])]
        raise DataError(
            f"{contrasts.table.source}: study {study!r} has {counts[many[0]] + 1} arms, and its contrasts share one; a GLMM "
            "takes two arms of each study. effect_sizes and `bayesmeta effects` take all of them, with their covariance; "
            "combine_arms makes one arm of several."
        )


def _design(table: Table, used: Sequence[str], formula: str, keep: NDArray[np.bool_]) -> PoolDesign:
    """Design of the studies that are kept; columns that the formula does not name need not be complete."""
    n = int(keep.sum())
    covariates: dict[str, tuple[int | float | str, ...]] = {}
    named = names_in(formula)
    for name in () if formula == "1" else table.columns:
        try:
            if name not in ("study", *used):
                covariates |= table.covariates([name], used=())
        except DataError:
            if name in named:
                raise
    rows = {name: [v for v, kept in zip(values, keep, strict=True) if kept] for name, values in covariates.items()}
    return design_matrix(Estimates(np.zeros(n), np.ones(n), covariates=rows or None), formula)


def check_size(counts: Counts, random: bool) -> None:
    """Reject more parameters than studies, as `pool` does."""
    k, p = counts.X.shape
    needed = p + random if p > 1 else 1
    if k < needed:
        tau = " and tau" if random else ""
        raise SpecificationError(f"{k} studies cannot identify {p} coefficients{tau}: at least {needed} are needed.")


def check_finite(rows: Floats, signs: Floats, names: Sequence[str], levels: int = 0) -> None:
    """Reject counts whose likelihood is highest where some coefficient is infinite.

    Parameters
    ----------
    rows : ndarray, shape (row, parameter)
        Multiples of the parameters in each linear predictor.
    signs : ndarray, shape (row,)
        1 where the likelihood of a row rises for ever with its predictor, -1 where it falls, 0 where it has a maximum.
    names : sequence of str
        Of the parameters after the first `levels`, which are those of levels.
    """
    open_rows = rows[signs != 0] * signs[signs != 0, None]
    if not len(open_rows):
        return
    fixed = rows[signs == 0]
    solution = optimize.linprog(
        -open_rows.sum(axis=0), A_ub=-open_rows, b_ub=np.zeros(len(open_rows)), bounds=(-1, 1),
        A_eq=fixed if len(fixed) else None, b_eq=np.zeros(len(fixed)) if len(fixed) else None,
    )  # fmt: skip
    if solution.status or not -solution.fun > _ENDLESS:
        return
    endless = [name for name, value in zip(names, solution.x[levels:], strict=True) if abs(value) > _ENDLESS]
    if endless in ([], ["mu"]):
        raise DataError(
            "every study has its lowest or highest possible count, so that the likelihood is highest at infinity."
        )
    raise DataError(
        f"the likelihood is highest where {' and '.join(endless)} {'is' if len(endless) == 1 else 'are'} infinite: the "
        "studies that inform it have zero cells. Leave a covariate out."
    )


def orthonormal(X: Floats) -> tuple[Floats, Floats]:
    """Columns with a mean square of 1 and no products, and the matrix that turns their coefficients into those of `X`."""
    q, r = np.linalg.qr(X)
    signs, size = np.sign(np.diag(r)), np.sqrt(len(X))
    return q * signs * size, np.linalg.inv(r * signs[:, None]) * size
