"""Means of two arms with whatever was printed of their spread: a standard deviation, a standard error, either, nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.study_columns import Floats, Numbers, Place, Texts
from bayesmeta.data.study_table import StudyTable
from bayesmeta.errors import DataError

_KNOWN = "A mean or an arm size that is not known cannot be a parameter here: leave the study out."


class ArmMeans(StudyTable):
    """Means of a treatment and a control arm, one row for each study; a spread that was not reported is nan.

    Immutable; two are equal when `hash` is. For `ArmNormal`, in which every standard deviation is a parameter.

    Parameters
    ----------
    n_t, n_c : array_like of int, shape (study,)
        Participants analysed in each arm.
    mean_t, mean_c : array_like of float, shape (study,)
        Mean outcome in each arm.
    sd_t, sd_c : array_like of float, shape (study,)
        What was printed as the spread of each arm, in units of the outcome; nan where nothing was.
    spread : str or sequence of str, default "sd"
        What the printed spread of a study is: ``"sd"``, a standard deviation; ``"se"``, the standard error of the
        arm's mean; ``"sd_or_se"``, one of the two, the same in both arms, and nobody says which.
    instrument : str or sequence of str, default "outcome"
        The scale on which a study measured: studies on one instrument borrow standard deviations from each other.
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
    >>> data = ArmMeans(
    ...     n_t=[30, 20], mean_t=[2.7, 3.1], sd_t=[0.5, float("nan")],
    ...     n_c=[30, 20], mean_c=[5.4, 5.0], sd_c=[0.5, float("nan")],
    ...     spread=["sd_or_se", "sd"], study=["A", "B"],
    ... )
    >>> data, data.difference.round(1)
    (ArmMeans(n_studies=2, missing_sds=2, covariates=[]), array([-2.7, -1.9]))
    >>> columns = {"study": ["A"], "n_t": [20], "mean_t": [3.1], "sd_t": [""], "n_c": [20], "mean_c": [5], "sd_c": [2]}
    >>> ArmMeans.from_frame(columns).sd_t
    array([nan])
    """

    _source = "arm table"

    n_t = Numbers("count", least=1, hint=_KNOWN)
    mean_t = Numbers("number", hint=_KNOWN)
    sd_t = Numbers("positive", missing=True)
    n_c = Numbers("count", least=1, hint=_KNOWN)
    mean_c = Numbers("number", hint=_KNOWN)
    sd_c = Numbers("positive", missing=True)
    spread = Texts("sd", choices=("sd", "se", "sd_or_se"))
    instrument = Texts("outcome")

    def _check(self, place: Place) -> None:
        for name, n, sd in (("sd_t", self.n_t, self.sd_t), ("sd_c", self.n_c, self.sd_c)):
            for i in map(int, np.flatnonzero(np.isfinite(sd) & (n < 2))):
                rule = "must be nan in an arm of one participant, which has none"
                raise DataError(f"{place(i, name)}: {name} {rule}; got {sd[i]:.10g}.")

    @property
    def difference(self) -> Floats:
        """Mean under treatment minus mean under control, shape (study,), in units of the outcome."""
        return self.mean_t - self.mean_c

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments, in the order of first mention."""
        return tuple(dict.fromkeys(self.instrument))

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether the standard deviations of both arms are known, as such or from standard errors, shape (study,)."""
        sure = np.array([spread != "sd_or_se" for spread in self.spread])
        return np.asarray(sure & np.isfinite(self.sd_t) & np.isfinite(self.sd_c))

    def _facts(self) -> dict[str, object]:
        missing = int(np.isnan(self.sd_t).sum() + np.isnan(self.sd_c).sum())
        return {"n_studies": self.n_studies, "missing_sds": missing} | super()._facts()
