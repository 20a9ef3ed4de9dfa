"""Subgroups of studies that a model tells apart, each with its mean effect as an expression in coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesmeta.analysis.reader import FitReader
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.formula import names_in

_MOST = 8


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Studies with the same covariates.

    Attributes
    ----------
    label : str
    rows : tuple of int
        Places of its studies.
    mean : str
        Its mean effect: an expression for `MetaResult.marginal`.
    """

    label: str
    rows: tuple[int, ...]
    mean: str


def subgroups(result: MetaResult) -> list[Subgroup]:
    """The subgroups of a model whose covariates are groups, as text or as 0 and 1; empty for others."""
    design = result.prepared.design
    if not design.columns or design.slots or design.base.shape[0] > 1:
        return []
    matrix = design.base[0]
    distinct, first, place = np.unique(matrix, axis=0, return_index=True, return_inverse=True)
    if not np.isin(matrix, (-1, 0, 1)).all() or not 1 < len(distinct) <= _MOST:
        return []
    order = np.argsort(first)
    return [
        Subgroup(
            _label(result, int(first[at])),
            tuple(np.flatnonzero(place.ravel() == at).tolist()),
            _mean(design.intercept, list(design.columns), distinct[at]),
        )
        for at in order
    ]


def _label(result: MetaResult, row: int) -> str:
    """The values of the covariates that the formula names; numbers with the name of their column."""
    evidence = result.prepared.family.evidence([FitReader("", result)], result.display)
    covariates = evidence.studies[row]["covariates"]
    names = [name for name in names_in(result.model.base.formula) if name in covariates]
    return ", ".join(covariates[name] if _is_text(covariates[name]) else f"{name} {covariates[name]}" for name in names)


def _is_text(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return True
    return False


def _mean(intercept: bool, columns: list[str], values: np.ndarray) -> str:
    terms = ["mu"] if intercept else []
    terms += [name if value > 0 else f"-1 * {name}" for name, value in zip(columns, values, strict=True) if value]
    return " + ".join(terms) or "0"
