"""What a dose-response model takes from its data: doses, and which rows are of one study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import TRIAL, Estimates
from bayesmeta.errors import DataError
from bayesmeta.spec.dose_response import DoseResponse

Floats = NDArray[np.float64]
DOSE, REFERENCE = "dose", "reference_dose"


@dataclass(frozen=True)
class Doses:
    """Doses of contrasts.

    Attributes
    ----------
    dose, reference : ndarray, shape (contrast,)
        Of the arm, and of the arm that it is compared with: 0 where nothing is said.
    same : ndarray of bool, shape (contrast, contrast)
        Whether two contrasts are of one study.
    study : ndarray of int, shape (contrast,)
    """

    dose: Floats
    reference: Floats
    same: NDArray[np.bool_]
    study: NDArray[np.intp]

    def columns(self, model: DoseResponse, values: Any, ops: Any = np) -> list[Any]:
        """What each coefficient is multiplied by, shape (..., contrast)."""
        at, there = (model.row.heights(doses, model.unit_dose, values, ops) for doses in (self.dose, self.reference))
        return [height - other for height, other in zip(at, there, strict=True)]

    @property
    def halves(self) -> Floats:
        """One on the diagonal, one half within a study."""
        return 0.5 * (self.same + np.eye(self.dose.size))


def doses_of(data: Estimates) -> Doses:
    """Doses of the contrasts.

    Raises
    ------
    DataError
        If there is no column of doses, a dose cannot be one, or contrasts of a study have no covariance.
    """
    frame = data.covariates
    for name in (DOSE, REFERENCE):
        if (why := data.left_out.get(name)) is not None:
            raise DataError(f"a dose-response model needs {name!r}: {why}")
    if DOSE not in frame.columns:
        raise DataError(
            f"a dose-response model needs a covariate 'dose', of the arm that each y is of; covariates present: "
            f"{', '.join(frame.columns) or 'none'}."
        )
    dose = _checked(data, DOSE)
    reference = _checked(data, REFERENCE) if REFERENCE in frame.columns else np.zeros(dose.size)
    for i in np.flatnonzero(dose == reference):
        raise DataError(
            f"study {data.study[i]!r}: dose {dose[i]:g} is that of its reference arm, so that no curve says anything of it. "
            "Leave the row out, or put arms of one dose together with combine_arms."
        )
    labels = frame[TRIAL].astype(str).to_numpy() if TRIAL in frame.columns else np.array(data.study)
    _, study = np.unique(labels, return_inverse=True)
    same = study[:, None] == study
    if data.cov is None and same.sum() > dose.size:
        i = np.flatnonzero(same.sum(axis=1) > 1)[0]
        raise DataError(
            f"study {data.study[i]!r}: trial {labels[i]!r} has several contrasts, which share their reference arm, and no "
            "covariance. effect_sizes of a table with a row for each arm gives it; or state cov."
        )
    if TRIAL not in frame.columns and data.cov is not None and (apart := np.argwhere((data.cov != 0) & ~same)).size:
        first, second = (data.study[i] for i in apart[0])
        raise DataError(
            f"estimates {first!r} and {second!r} covary: add a covariate 'trial' that says which contrasts are of one study."
        )
    return Doses(dose, reference, same, study)


def _checked(data: Estimates, name: str) -> Floats:
    """A column of doses."""
    column = data.covariates[name]
    if column.dtype.kind not in "fiu":
        raise DataError(f"covariate {name!r} holds text ({column.iloc[0]!r}): a dose is a number, all in one unit.")
    values: Floats = column.to_numpy(float)
    for i in np.flatnonzero(~(values >= 0) | ~np.isfinite(values)):
        raise DataError(f"study {data.study[i]!r}: {name} is {values[i]:g}; a dose is 0 or a positive number.")
    return values
