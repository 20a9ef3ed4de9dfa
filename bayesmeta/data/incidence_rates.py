"""Events over time at risk in single arms: counts as they were published, zeros included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import EVENTS_HINT
from bayesmeta.data.study_columns import Numbers
from bayesmeta.data.study_table import StudyTable


class IncidenceRates(StudyTable):
    """Events and time at risk in a single arm, one row for each study.

    Immutable; two are equal when `hash` is. For `PoissonNormal`, which takes the counts by their own likelihood: no event enters
    as it is, and nothing is added.

    Parameters
    ----------
    events : array_like of int, shape (study,)
        Events; one participant may have several.
    time : array_like of float, shape (study,)
        Time at risk, person-years say, in one unit for all studies.
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
    >>> IncidenceRates(events=[0, 19], time=[263, 398.5], study=["A", "B"])
    IncidenceRates(n_studies=2, zero_cells=1, covariates=[])
    >>> IncidenceRates.from_frame({"study": ["A"], "events": [9], "time": [0]})
    Traceback (most recent call last):
    bayesmeta.errors.DataError: arm table, row 1, column 'time' (study 'A'): time must be positive; got 0.
    """

    _source = "arm table"

    events = Numbers("count", hint=EVENTS_HINT.format(measure="log_rate"))
    time = Numbers("positive")

    @property
    def zero_cell(self) -> NDArray[np.bool_]:
        """Whether the study has no event, so that its own log rate is infinite, shape (study,)."""
        return np.asarray(self.events == 0)

    def _facts(self) -> dict[str, object]:
        return {"n_studies": self.n_studies, "zero_cells": int(self.zero_cell.sum())} | super()._facts()
