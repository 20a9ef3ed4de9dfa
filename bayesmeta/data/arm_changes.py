"""Two arms measured at baseline and afterwards, with whatever was printed of how the two measurements go together."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.study_columns import Floats, Numbers, Place
from bayesmeta.data.study_table import StudyTable
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError

_PRE = ("mean_pre_t", "sd_pre_t", "mean_pre_c", "sd_pre_c")
_POST = ("mean_post_t", "sd_post_t", "mean_post_c", "sd_post_c")
_CHANGE = ("mean_change_t", "sd_change_t", "mean_change_c", "sd_change_c")
_OTHER_NAMES = ("r", "ri", "rho", "cor", "corr")  # of the correlation
_SD_HINT = "The change of a standard deviation is not one: give that of the changes. Was a standard error entered?"


class ArmChanges(StudyTable):
    """A treatment and a control arm, each measured at baseline and afterwards, one row for each study; nan is not reported.

    Immutable; two are equal when `hash` is. For `ChangeNormal`, in which the correlation of a participant's two
    measurements is a parameter. A study reports one of three: both times; the changes alone; the time afterwards alone.

    Parameters
    ----------
    n_t, n_c : array_like of int, shape (study,)
        Participants analysed in each arm, measured twice where both times or the changes are reported.
    mean_pre_t, sd_pre_t, mean_pre_c, sd_pre_c : array_like of float, shape (study,), optional
        Mean and standard deviation of each arm at baseline, in units of the outcome.
    mean_post_t, sd_post_t, mean_post_c, sd_post_c : array_like of float, shape (study,), optional
        The same afterwards.
    mean_change_t, mean_change_c : array_like of float, shape (study,), optional
        Mean change of each arm, where the two times are not reported.
    sd_change_t, sd_change_c : array_like of float, shape (study,), optional
        Standard deviation of the changes; with those of both times it implies the correlation in its arm.
    correlation : array_like of float, shape (study,), optional
        Correlation of the two measurements within arms, as printed.
    study : sequence of str, optional
        One label for each study, none twice; ``study 1``, ``study 2``, ... by default.
    covariates : DataFrame or mapping of columns, optional
        Study-level covariates in the order of the studies.

    Raises
    ------
    DataError
        If anything cannot be right; the message names the study, the value and the rule.

    References
    ----------
    Higgins & Green (2011), Cochrane Handbook 5.1.0, section 16.1.3.2 (the correlation from three standard deviations)

    Examples
    --------
    >>> data = ArmChanges(
    ...     n_t=[40], mean_pre_t=[15], sd_pre_t=[5], mean_post_t=[11], sd_post_t=[6], sd_change_t=[4],
    ...     n_c=[41], mean_pre_c=[16], sd_pre_c=[5], mean_post_c=[15], sd_post_c=[5], sd_change_c=[4],
    ... )
    >>> data, data.implied_correlation
    (ArmChanges(n_studies=1, unknown_correlations=0, covariates=[]), array([[0.75, 0.68]]))
    >>> columns = {"study": ["A", "B"], "n_t": [20, 9], "n_c": [20, 9], "mean_change_t": [-2.1, -1.5],
    ...            "sd_change_t": [1.9, 2.4], "mean_change_c": [-0.3, -0.4], "sd_change_c": [1.8, 2.2]}
    >>> ArmChanges.from_frame(columns).mean_change_t
    array([-2.1, -1.5])
    """

    _source = "arm table"

    n_t = Numbers("count", least=2)
    n_c = Numbers("count", least=2)
    mean_pre_t = Numbers("number", missing=True, optional=True)
    sd_pre_t = Numbers("positive", missing=True, optional=True)
    mean_pre_c = Numbers("number", missing=True, optional=True)
    sd_pre_c = Numbers("positive", missing=True, optional=True)
    mean_post_t = Numbers("number", missing=True, optional=True)
    sd_post_t = Numbers("positive", missing=True, optional=True)
    mean_post_c = Numbers("number", missing=True, optional=True)
    sd_post_c = Numbers("positive", missing=True, optional=True)
    mean_change_t = Numbers("number", missing=True, optional=True)
    sd_change_t = Numbers("positive", missing=True, optional=True)
    mean_change_c = Numbers("number", missing=True, optional=True)
    sd_change_c = Numbers("positive", missing=True, optional=True)
    correlation = Numbers("number", missing=True, optional=True, within=(-1, 1))

    @classmethod
    def _check_table(cls, table: Table, covariates: Sequence[str] | None) -> None:
        super()._check_table(table, covariates)
        for group in (_PRE, _POST, _CHANGE):
            if any(name in table.columns for name in group):
                table.require(*(name for name in group if group is not _CHANGE or name.startswith("sd_")))
        if not any(name in table.columns for name in ("mean_post_t", "mean_change_t")):
            table.require(*_POST)
        if covariates is None:
            cls._check_names(table)

    @classmethod
    def _check_names(cls, table: Table) -> None:
        """Reject a column that would become a covariate and is spelled almost as one that a study may report."""
        ours = [column.name for column in cls.columns]
        absent = [name for name in ours if name not in table.columns]
        for name in table.columns:
            near = difflib.get_close_matches(name.lower(), absent, n=1, cutoff=0.85)
            if name.lower() in _OTHER_NAMES and "correlation" in absent:
                near = ["correlation"]
            if near and name not in ours:
                raise DataError(
                    f"{table.source}: column {name!r} would be a covariate. Did you mean {near[0]!r}? If it is a covariate, "
                    "name all of them: covariates=[...]."
                )

    def _check(self, place: Place) -> None:
        reported = {column.name: np.isfinite(getattr(self, column.name)) for column in self.columns}
        for i in range(self.n_studies):
            _check_report({name: bool(cells[i]) for name, cells in reported.items()}, i, place)
        for j, arm in enumerate("tc"):
            self._check_correlation(arm, self.implied_correlation[:, j], place)

    def _check_correlation(self, arm: str, implied: Floats, place: Place) -> None:
        """Reject three standard deviations that no correlation has."""
        name = f"sd_change_{arm}"
        n, pre, post, change = (getattr(self, f"{stem}_{arm}") for stem in ("n", "sd_pre", "sd_post", "sd_change"))
        for i in map(int, np.flatnonzero(np.abs(implied) >= 1)):
            raise DataError(
                f"{place(i, name)}: {name} must lie between {abs(pre[i] - post[i]):.6g} and {pre[i] + post[i]:.6g}, the "
                f"difference and the sum of sd_pre_{arm} and sd_post_{arm}; got {change[i]:.10g}, a correlation of "
                f"{implied[i]:.5g}. {_SD_HINT}"
            )
        for i in map(int, np.flatnonzero(np.isfinite(implied) & (n < 3))):
            raise DataError(
                f"{place(i, name)}: {name} must be nan in an arm of two participants, whose correlation is 1 or -1 "
                "whatever the truth. Leave it empty."
            )

    @property
    def both_times(self) -> NDArray[np.bool_]:
        """Whether baseline and afterwards are both reported, shape (study,)."""
        return np.isfinite(self.mean_pre_t)

    @property
    def changes_only(self) -> NDArray[np.bool_]:
        """Whether the changes alone are reported, shape (study,)."""
        return np.isfinite(self.mean_change_t)

    @property
    def implied_correlation(self) -> Floats:
        """Correlation in each arm from its three standard deviations, shape (study, 2), treatment first; nan without."""
        arms = []
        for arm in "tc":
            pre, post, change = (getattr(self, f"sd_{when}_{arm}") for when in ("pre", "post", "change"))
            arms.append((pre**2 + post**2 - change**2) / (2 * pre * post))
        return np.stack(arms, axis=-1)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether the correlation was printed, follows from what was, or is not needed, shape (study,)."""
        known = np.isfinite(self.correlation) | np.isfinite(self.implied_correlation).any(axis=1)
        return np.asarray(known | ~self.both_times)

    def _facts(self) -> dict[str, object]:
        unknown = int((~self.complete).sum())
        return {"n_studies": self.n_studies, "unknown_correlations": unknown} | super()._facts()


def _check_report(there: Mapping[str, bool], i: int, place: Place) -> None:
    """Reject a study that reports half of something, or two things of which one follows from the other."""

    def reject(name: str, rule: str) -> None:
        raise DataError(f"{place(i, name)}: {name} {rule}")

    pre, post = (any(there[name] for name in group) for group in (_PRE, _POST))
    for group, reported in ((_PRE, pre), (_POST, post)):
        for name in group:
            if reported and not there[name]:
                reject(name, "is missing. Give mean and SD of both arms at one time, or leave all four empty.")
    if pre and not post:
        reject("mean_post_t", "is missing: a baseline alone says nothing of an effect. Leave the study out.")
    for name in _CHANGE:
        if not post and not there[name]:
            reject(
                name, "is missing. Without mean_post_t and its like a study needs mean and SD of both arms' changes."
            )
        if post and there[name] and (not pre or name.startswith("mean")):
            given = "the means at both times" if pre else "what was reported afterwards"
            reject(name, f"must be empty beside {given}: one estimate would count twice. Leave one of them out.")
    if there["correlation"] and not pre:
        reject("correlation", "must be empty without baseline values, which it would relate to those afterwards.")
    for name in ("sd_change_t", "sd_change_c"):
        if there["correlation"] and there[name]:
            reject("correlation", f"and {name} give the same correlation twice. Give one of them.")
