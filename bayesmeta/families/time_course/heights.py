"""The mean over time as weights of the coefficients: at any time, also beyond the follow-ups that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import Prepared
from bayesmeta.families.time_course.follow_ups import course
from bayesmeta.spec.formula import model_matrix
from bayesmeta.spec.formula_text import read_formula

Floats = NDArray[np.float64]


def observed_times(ready: Prepared[Any, Any]) -> Floats:
    """The times of follow-up, each once, in order."""
    return np.unique(np.asarray(ready.data.covariates[ready.model.time], dtype=float))


def has_every_time(ready: Prepared[Any, Any]) -> bool:
    """Whether the mean is defined between follow-ups, and not only at each of their times."""
    factors = read_formula(ready.model.base.formula).factors
    return not any(ready.model.time in factor.columns and factor.categories for factor in factors)


class Heights:
    """The mean at some times: what each coefficient is multiplied by.

    Parameters
    ----------
    ready : Prepared
        Of a `TimeCourse`.
    times : sequence of float

    Raises
    ------
    SpecificationError
        If the formula has no mean at a time, or a term whose values depend on which studies there are.
    """

    def __init__(self, ready: Prepared[Any, Any], times: Sequence[float] | Floats) -> None:
        self.curve, self.times = ready.model.curve, np.asarray(times, dtype=float)
        self.names = [*(["mu"] if ready.design.intercept else []), *ready.design.columns]
        self.rows = _design_at(ready, self.times) if self.curve == "formula" else None

    def at(self, i: int, values: Mapping[str, Any]) -> list[Any]:
        """Weight of each coefficient at the i-th time, at values of the parameters that it is not linear in."""
        if self.rows is None:
            return [course(self.curve, self.times[i], values["half_time"], np.exp)]
        return list(self.rows[i])

    def of_draws(self, draws: Mapping[str, Floats]) -> Floats:
        """The mean for draws of the parameters, shape (time, draw)."""
        names = [*self.names, *(["half_time"] if self.rows is None else [])]
        values = {name: np.ravel(draws[name]) for name in names}
        if self.rows is not None:
            return np.asarray(self.rows @ np.stack([values[name] for name in self.names]))
        return np.asarray(values["mu"] * course(self.curve, self.times[:, None], values["half_time"], np.exp))


def _design_at(ready: Prepared[Any, Any], times: Floats) -> Floats:
    """Rows of the design at some times, other covariates held at their means or most frequent levels."""
    import pandas as pd

    frame, formula, name = ready.data.covariates, ready.model.base.formula, ready.model.time
    held = {
        column: frame[column].mean() if pd.api.types.is_numeric_dtype(frame[column]) else frame[column].mode().iloc[0]
        for column in frame.columns
    }
    known = observed_times(ready)
    if not has_every_time(ready) and not np.isin(times, known).all():
        missing = times[~np.isin(times, known)][0]
        raise SpecificationError(
            f"time {missing:g}: the formula {formula!r} has a mean at {', '.join(f'{time:g}' for time in known)} alone. Take one "
            "of these, or a formula or a curve with a mean at every time, e.g. '1 + time'."
        )
    added = pd.DataFrame({**held, name: times}, columns=frame.columns)
    matrix = model_matrix(formula, pd.concat([frame, added]))
    if not np.allclose(matrix.values[: len(frame)], ready.design.base[0]):
        raise SpecificationError(
            f"formula {formula!r} has a term whose values depend on which times there are. Put the transformed column into the "
            "data, and its values for further times into the formula."
        )
    rows = matrix.values[len(frame) :]
    return np.column_stack([np.ones((len(times), int(ready.design.intercept))), rows])
