"""Events in single arms: counts as they were published, zeros and 100% included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import EVENTS_HINT, reject_more_events
from bayesmeta.data.study_columns import Floats, Numbers, Place
from bayesmeta.data.study_table import StudyTable


class Proportions(StudyTable):
    """Participants with an event in a single arm, one row for each study.

    Immutable; two are equal when `hash` is. For `BinomialNormal`, which takes the counts by their own likelihood: no event and
    events in all participants enter as they are, and nothing is added to a cell.

    Parameters
    ----------
    events : array_like of int, shape (study,)
        Participants with the event.
    n : array_like of int, shape (study,)
        Participants analysed.
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
    >>> Proportions(events=[0, 13, 23], n=[6, 20, 48], study=["A", "B", "C"])
    Proportions(n_studies=3, zero_cells=1, covariates=[])
    >>> Proportions.from_frame({"study": ["A"], "events": [36], "n": [35]})
    Traceback (most recent call last):
    bayesmeta.errors.DataError: arm table, row 1, column 'events' (study 'A'): events must not exceed n; got 36 of 35.
    """

    _source = "arm table"

    events = Numbers("count", hint=EVENTS_HINT.format(measure="logit_prop"))
    n = Numbers("count", least=1)

    def _check(self, place: Place) -> None:
        reject_more_events(self.events, self.n, ("events", "n"), place)

    @property
    def cells(self) -> Floats:
        """Participants with the event and without it, shape (study, 2)."""
        return np.stack([self.events, self.n - self.events], axis=1)

    @property
    def zero_cell(self) -> NDArray[np.bool_]:
        """Whether no participant of the study has the event, or all have, so that its own logit is infinite, shape (study,)."""
        return np.asarray((self.cells == 0).any(axis=1))

    def _facts(self) -> dict[str, object]:
        return {"n_studies": self.n_studies, "zero_cells": int(self.zero_cell.sum())} | super()._facts()
