"""Events over time at risk in two arms: counts as they were published, zeros included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import EVENTS_HINT
from bayesmeta.data.study_columns import Numbers
from bayesmeta.data.study_table import StudyTable

_HINT = EVENTS_HINT.format(measure="log_irr")


class Rates(StudyTable):
    """Events and time at risk in a treatment and a control arm, one row for each study.

    Immutable; two are equal when `hash` is. For `PoissonNormal`, which takes the counts by their own likelihood: zeros enter as
    they are, and nothing is added.

    Parameters
    ----------
    events_t, events_c : array_like of int, shape (study,)
        Events in each arm; one participant may have several.
    time_t, time_c : array_like of float, shape (study,)
        Time at risk in each arm, person-years say, in one unit for all studies.
    study : sequence of str, optional
        One label for each study, none twice; ``study 1``, ``study 2``, ... by default.
    covariates : DataFrame or mapping of columns, optional
        Study-level covariates in the order of the studies.

    Raises
    ------
    DataError
        If anything cannot be right; the message names the study, the value and the rule.

    Examples
    --------
    >>> Rates(events_t=[9, 0], time_t=[413, 263], events_c=[19, 3], time_c=[398, 245.5], study=["A", "B"])
    Rates(n_studies=2, zero_cells=1, covariates=[])
    >>> Rates.from_frame({"study": ["A"], "events_t": [9], "time_t": [0], "events_c": [19], "time_c": [398]})
    Traceback (most recent call last):
    bayesmeta.errors.DataError: arm table, row 1, column 'time_t' (study 'A'): time_t must be positive; got 0.
    """

    _source = "arm table"

    events_t = Numbers("count", hint=_HINT)
    time_t = Numbers("positive")
    events_c = Numbers("count", hint=_HINT)
    time_c = Numbers("positive")

    @property
    def zero_cell(self) -> NDArray[np.bool_]:
        """Whether an arm of the study has no event, so that its own rate ratio is 0, infinite or undefined, shape (study,)."""
        return np.asarray((self.events_t == 0) | (self.events_c == 0))

    def _facts(self) -> dict[str, object]:
        return {"n_studies": self.n_studies, "zero_cells": int(self.zero_cell.sum())} | super()._facts()
