"""Events in two arms: counts as they were published, zeros included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.study_columns import Floats, Numbers, Place
from bayesmeta.data.study_table import StudyTable
from bayesmeta.errors import DataError

EVENTS_HINT = "Give whole numbers, or leave the study out; effect_sizes(arms, {measure!r}) takes fractions."
_HINT = EVENTS_HINT.format(measure="log_or")


class Counts(StudyTable):
    """Participants with an event in a treatment and a control arm, one row for each study.

    Immutable; two are equal when `hash` is. For `BinomialNormal`, which takes the counts by their own likelihood: zeros enter as
    they are, and nothing is added to a cell.

    Parameters
    ----------
    events_t, events_c : array_like of int, shape (study,)
        Participants with the event in each arm.
    n_t, n_c : array_like of int, shape (study,)
        Participants analysed in each arm.
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
    >>> data = Counts(events_t=[5, 2], n_t=[35, 40], events_c=[0, 0], n_c=[39, 40], study=["A", "B"])
    >>> data
    Counts(n_studies=2, zero_cells=2, covariates=[])
    >>> Counts.from_frame({"study": ["A"], "events_t": [36], "n_t": [35], "events_c": [0], "n_c": [39]})
    Traceback (most recent call last):
    bayesmeta.errors.DataError: arm table, row 1, column 'events_t' (study 'A'): events_t must not exceed n_t; got 36 of 35.
    """

    _source = "arm table"

    events_t = Numbers("count", hint=_HINT)
    n_t = Numbers("count", least=1)
    events_c = Numbers("count", hint=_HINT)
    n_c = Numbers("count", least=1)

    def _check(self, place: Place) -> None:
        for arm in ("t", "c"):
            names = f"events_{arm}", f"n_{arm}"
            reject_more_events(getattr(self, names[0]), getattr(self, names[1]), names, place)

    @property
    def cells(self) -> Floats:
        """Events and participants without one, in the treatment and then in the control arm, shape (study, 4)."""
        return np.stack([self.events_t, self.n_t - self.events_t, self.events_c, self.n_c - self.events_c], axis=1)

    @property
    def zero_cell(self) -> NDArray[np.bool_]:
        """Whether a cell of the study is zero, so that its own odds ratio is 0, infinite or undefined, shape (study,)."""
        return np.asarray((self.cells == 0).any(axis=1))

    def _facts(self) -> dict[str, object]:
        return {"n_studies": self.n_studies, "zero_cells": int(self.zero_cell.sum())} | super()._facts()


def reject_more_events(events: Floats, n: Floats, names: tuple[str, str], place: Place) -> None:
    """Reject the first arm with more events than participants."""
    for i in map(int, np.flatnonzero(events > n)):
        where = place(i, names[0])
        raise DataError(f"{where}: {names[0]} must not exceed {names[1]}; got {events[i]:.10g} of {n[i]:.10g}.")
