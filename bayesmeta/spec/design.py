"""From a formula and covariates to a design matrix, also where covariates are ranges or depend on a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Arms
from bayesmeta.data.review import PublishedReview, Range, Study
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Flat
from bayesmeta.spec.collinear import empty_combinations, redundant
from bayesmeta.spec.formula import model_matrix
from bayesmeta.spec.normal_normal import NormalNormal

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_MOST = 4  # combinations that are listed


@dataclass(frozen=True, slots=True)
class Design:
    """Design matrix of the covariates, affine in the unit-uniform parameters of ranges.

    Attributes
    ----------
    columns : dict of str to str
        Column name to the variable it comes from, without the intercept.
    base : ndarray, shape (scenario, study, column)
        Values with every range at its lower limit.
    slope : ndarray, shape (slot, scenario, study, column)
        Change when the slot's range goes from its lower to its upper limit.
    slots : tuple of (str, str)
        Study and covariate of each range.
    intercept : bool
        Whether the model has `mu`.
    references : dict of str to str
        Of each factor whose levels are compared with one of them, that one.
    """

    columns: dict[str, str]
    base: Floats
    slope: Floats
    slots: tuple[tuple[str, str], ...]
    intercept: bool = True
    references: dict[str, str] = field(default_factory=dict)

    def at(self, u: Floats) -> Floats:
        """Return the matrix for unit-uniform values `u`, shape (..., slot), as (..., scenario, study, column)."""
        return self.base + np.tensordot(u, self.slope, axes=(-1, 0))


def formula_design(formula: str, data: Estimates | Arms) -> Design:
    """Design matrix of a formula on studies whose covariates are known."""
    if formula.strip() == "1":  # the usual case, at once
        return Design({}, np.zeros((1, data.n_studies, 0)), np.zeros((0, 1, data.n_studies, 0)), ())
    matrix = model_matrix(formula, data.covariates)
    return Design(
        matrix.columns,
        matrix.values[None],
        np.zeros((0, 1, *matrix.values.shape)),
        (),
        matrix.intercept,
        matrix.references,
    )


def check_coefficients(made: Design, model: NormalNormal) -> None:
    """Reject a prior without a coefficient, a column that does not vary, and flat priors on collinear columns."""
    model.check_beta(made.columns, made.intercept)
    _check_variation(made, model)


def review_design(formula: str, review: PublishedReview) -> Design:
    """Design matrix of a formula on the studies of a review: by scenario, and affine in the covariates known as ranges."""
    import pandas as pd

    scenarios = [scenario.studies for scenario in review.scenarios()]
    slots = tuple(
        (name, covariate)
        for name in review.study
        for covariate in review.covariate_names
        if any(
            study.name == name and isinstance(study.covariates.get(covariate), Range)
            for studies in scenarios
            for study in studies
        )
    )
    names = review.covariate_names
    corners = [np.zeros(len(slots)), *np.eye(len(slots)), np.full(len(slots), 0.5)]
    frames = [_frame(studies, names, slots, u) for u in corners for studies in scenarios]
    matrix = model_matrix(formula, pd.concat(frames))
    values = matrix.values.reshape(len(corners), len(scenarios), review.n_studies, len(matrix.columns))
    base, slope, middle = values[0], values[1:-1] - values[0], values[-1]
    if not np.allclose(middle, base + 0.5 * slope.sum(axis=0), rtol=1e-9, atol=1e-9):
        raise SpecificationError(
            f"formula {formula!r}: a covariate known as a range must enter linearly. "
            "Declare the transformed covariate itself as a range, e.g. log2_dose instead of dose."
        )
    return Design(matrix.columns, base, slope, slots, matrix.intercept, matrix.references)


def _frame(studies: Sequence[Study], names: Sequence[str], slots: Sequence[tuple[str, str]], u: Floats) -> pd.DataFrame:
    import pandas as pd

    def value(study: Study, name: str) -> float | str | None:
        covariate = study.covariates.get(name)
        if isinstance(covariate, Range):
            return covariate.lower + float(u[slots.index((study.name, name))]) * (covariate.upper - covariate.lower)
        return covariate

    index = [study.name for study in studies]
    return pd.DataFrame({name: [value(study, name) for study in studies] for name in names}, index=index)


def _check_variation(made: Design, model: NormalNormal) -> None:
    middle = made.base[0] + 0.5 * made.slope.sum(axis=0)[0]
    empty = _empty(made, middle)
    for j, name in enumerate(made.columns):
        column = made.base[..., j]
        if made.intercept and np.ptp(column) == 0 and not made.slope[..., j].any():
            raise SpecificationError(
                f"formula {model.formula!r}: covariate without variation, {name!r} is {column.flat[0]:g} in every study.{empty}"
            )
    flat = [j for j, (name, term) in enumerate(made.columns.items()) if model.coefficient_prior(name, term) == Flat()]
    matrix, names = middle[:, flat], [list(made.columns)[j] for j in flat]
    if made.intercept and model.mu_prior == Flat():
        matrix, names = np.column_stack([np.ones(len(matrix)), matrix]), ["mu", *names]
    if matrix.shape[1] and np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        named = [
            f"{name!r} follows from {' and '.join(map(repr, others))}"
            for name, others in redundant(names, matrix)
            if others
        ]
        reason = f": {'; '.join(named)}." if named else "."
        raise SpecificationError(
            f"formula {model.formula!r}: {matrix.shape[1]} coefficients with flat priors, but only "
            f"{np.linalg.matrix_rank(matrix)} can be told apart with {len(matrix)} studies{reason}{empty} Drop a column or "
            "give it a prior."
        )


def _empty(made: Design, matrix: Floats) -> str:
    """Combinations of levels that no study has, as a sentence."""
    cells = empty_combinations(list(made.columns), matrix, made.references)
    listed = [" with ".join(f"{factor} = {level}" for factor, level in cell) for cell in cells]
    more = f", and {len(listed) - _MOST} more" if len(listed) > _MOST else ""
    return f" No study has {', nor '.join(listed[:_MOST])}{more}." if listed else ""
