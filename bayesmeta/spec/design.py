"""From a formula and covariates to a design matrix, also where covariates are ranges or depend on a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Data
from bayesmeta.data.review import PublishedReview, Range, Study
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Flat, Prior, plain
from bayesmeta.spec.formula import model_matrix
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.sources import check_measure

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


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
    """

    columns: dict[str, str]
    base: Floats
    slope: Floats
    slots: tuple[tuple[str, str], ...]
    intercept: bool = True

    def at(self, u: Floats) -> Floats:
        """Return the matrix for unit-uniform values `u`, shape (..., slot), as (..., scenario, study, column)."""
        return self.base + np.tensordot(u, self.slope, axes=(-1, 0))


def design(data: Data, model: NormalNormal) -> Design:
    """Design matrix of `model` on `data`.

    Raises
    ------
    SpecificationError
        If the formula names no column, a column does not vary, columns are collinear under flat priors, or a
        covariate known as a range does not enter linearly, or a prior was published for another measure.
    """
    check_measure(data, model)
    if isinstance(data, PublishedReview):
        made = _review_design(data, model.formula)
    elif model.formula.strip() == "1":  # the usual case, at once
        made = Design({}, np.zeros((1, data.n_studies, 0)), np.zeros((0, 1, data.n_studies, 0)), ())
    else:
        found = model_matrix(model.formula, data.covariates)
        made = Design(found.columns, found.values[None], np.zeros((0, 1, *found.values.shape)), (), found.intercept)
    model.check_beta(made.columns, made.intercept)
    _check_variation(made, model)
    return made


def tau_prior(data: Data, model: NormalNormal) -> Prior:
    """Prior of tau in `model`, without its source; a reference prior is given the sampling variances of `data`.

    Raises
    ------
    SpecificationError
        If it depends on standard errors that a published review does not tell, or needs more studies.
    """
    prior = plain(model.tau)
    if not prior.is_reference:
        return prior
    if not isinstance(data, Estimates):
        raise SpecificationError(
            f"prior for tau is {model.tau}, which needs the studies' standard errors; those of a published review "
            "are not all known. Use a prior that stands by itself, e.g. HalfNormal(0.5)."
        )
    return prior.given(data.se**2)


def _review_design(review: PublishedReview, formula: str) -> Design:
    import pandas as pd

    scenarios = [scenario.studies for scenario in review.scenarios()]
    slots = tuple(
        (name, covariate)
        for name in review.study
        for covariate in review.covariate_names
        if any(isinstance(_find(studies, name).covariates.get(covariate), Range) for studies in scenarios)
    )
    names = review.covariate_names
    corners = [np.zeros(len(slots)), *np.eye(len(slots)), np.full(len(slots), 0.5)]
    frames = [_frame(studies, names, slots, u) for u in corners for studies in scenarios]
    found = model_matrix(formula, pd.concat(frames))
    values = found.values.reshape(len(corners), len(scenarios), review.n_studies, len(found.columns))
    base, slope, middle = values[0], values[1:-1] - values[0], values[-1]
    if not np.allclose(middle, base + 0.5 * slope.sum(axis=0), rtol=1e-9, atol=1e-9):
        raise SpecificationError(
            f"formula {formula!r}: a covariate known as a range must enter linearly. "
            "Declare the transformed covariate itself as a range, e.g. log2_dose instead of dose."
        )
    return Design(found.columns, base, slope, slots, found.intercept)


def _find(studies: Sequence[Study], name: str) -> Study:
    return next(study for study in studies if study.name == name)


def _frame(studies: Sequence[Study], names: Sequence[str], slots: Sequence[tuple[str, str]], u: Floats) -> pd.DataFrame:
    import pandas as pd

    def value(study: Study, name: str) -> float | str | None:
        found = study.covariates.get(name)
        if isinstance(found, Range):
            return found.lower + float(u[slots.index((study.name, name))]) * (found.upper - found.lower)
        return found

    index = [study.name for study in studies]
    return pd.DataFrame({name: [value(study, name) for study in studies] for name in names}, index=index)


def _check_variation(made: Design, model: NormalNormal) -> None:
    for j, name in enumerate(made.columns):
        column = made.base[..., j]
        if made.intercept and np.ptp(column) == 0 and not made.slope[..., j].any():
            raise SpecificationError(
                f"formula {model.formula!r}: covariate without variation, {name!r} is {column.flat[0]:g} in every study."
            )
    flat = [j for j, (name, term) in enumerate(made.columns.items()) if model.coefficient_prior(name, term) == Flat()]
    parts = [made.base[0] + 0.5 * made.slope.sum(axis=0)[0]]
    matrix = parts[0][:, flat]
    if made.intercept and model.mu_prior == Flat():
        matrix = np.column_stack([np.ones(len(matrix)), matrix])
    if matrix.shape[1] and np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        raise SpecificationError(
            f"formula {model.formula!r}: {matrix.shape[1]} coefficients with flat priors, but only "
            f"{np.linalg.matrix_rank(matrix)} can be told apart with {len(matrix)} studies. Drop a column or give it a prior."
        )
