"""Studies that reported their effects in different ways, one a row: each row says which by the columns that it fills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import EVENTS_HINT, reject_more_events
from bayesmeta.data.printed import printed_p_value
from bayesmeta.data.printed_intervals import printed_interval
from bayesmeta.data.study_columns import Floats, Numbers, Place, Texts
from bayesmeta.data.study_table import Columns, StudyTable
from bayesmeta.errors import DataError

_HINT = EVENTS_HINT.format(measure="log_or")
CELLS = ("events_t", "n_t", "events_c", "n_c")
_SKEW = 0.1  # of an interval's width, that an estimate may lie off its middle


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to report an effect: the columns that a row fills, and those that it may fill beside."""

    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()

    def fits(self, filled: set[str]) -> bool:
        """Whether a row that fills these columns is of the kind."""
        return set(self.needs) <= filled <= {*self.needs, *self.takes}

    def __str__(self) -> str:
        beside = f" (and {', '.join(self.takes)})" if self.takes else ""
        return " ".join(self.needs) + beside


KINDS = {
    "counts": Kind(CELLS),
    "estimate": Kind(("y", "se"), ("df",)),
    "interval": Kind(("ci_lower", "ci_upper"), ("y", "ci_level", "df")),
    "statistic": Kind(("y", "t"), ("df",)),
    "p of an estimate": Kind(("y", "p"), ("df",)),
    "p": Kind(("p", "se"), ("direction",)),
    "printed": Kind(("printed",)),
}


class MixedStudies(StudyTable):
    """Studies that reported their effects in different ways, one row for each study.

    Immutable; two are equal when `hash` is. For `MixedNormal`. A row fills the columns of one kind and leaves the others
    missing (nan, or an empty cell): a study with two reports is rejected.

    ================================  ===============================================================================
    columns of a row                  its likelihood
    ================================  ===============================================================================
    events_t n_t events_c n_c         binomial in both arms, log odds ratio; the baseline has a prior
    y se                              normal
    ci_lower ci_upper (y, ci_level)   normal, its standard error that of the interval, by z or with `df` by t
    y t                               normal, its standard error y / t
    y p                               normal, its standard error that of the two-sided P value, whose rounding is integrated out
    any of these four with df         Student's t about y: the standard deviation is unknown
    p se direction                    normal, of an estimate that is known as far as its P value: ``0.03``, ``<0.05``, ``>0.05``
    printed                           normal, of an estimate and an interval as printed, whose rounding is integrated out
    ================================  ===============================================================================

    Parameters
    ----------
    y : array_like of float, shape (study,), optional
        Effects on the scale of the analysis, treatment minus control; ratios on the natural-log scale.
    se : array_like of float, shape (study,), optional
        Standard errors, on the same scale.
    ci_lower, ci_upper : array_like of float, shape (study,), optional
        Limits of confidence intervals, on the same scale.
    ci_level : array_like of float, shape (study,), optional
        Their coverage, 0.95 where it is missing.
    t : array_like of float, shape (study,), optional
        Test statistics of no effect, z or with `df` t, of the sign of `y`.
    df : array_like of float, shape (study,), optional
        Degrees of freedom of the standard error: n - 1 for one sample or pairs, n_t + n_c - 2 for two arms with one standard
        deviation. Missing where it is taken as known.
    p : sequence of str or float, optional
        Two-sided P values as printed, in text with all of their digits: ``"0.03"`` lies between 0.025 and 0.035, ``"<0.05"`` and
        ``">0.05"`` are inequalities.
    direction : array_like of int, shape (study,), optional
        Sign of the estimate behind a P value, 1 or -1; an estimate with P > 0.05 may be without.
    printed : sequence of str, optional
        Estimates with intervals as printed, ``"0.79 (0.60 to 1.04)"`` or ``"-1.9 (90% CI -3.1 to -0.7)"``; ratios as ratios,
        where the measure of the model is one.
    events_t, n_t, events_c, n_c : array_like of int, shape (study,), optional
        As in `Counts`.
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
    >>> data = MixedStudies.from_frame({
    ...     "study": ["A", "B", "C"], "events_t": [5, None, None], "n_t": [35, None, None], "events_c": [0, None, None],
    ...     "n_c": [39, None, None], "y": [None, 0.6, None], "se": [None, 0.3, 0.4], "df": [None, 11, None],
    ...     "p": [None, None, ">0.05"],
    ... })
    >>> data
    MixedStudies(n_studies=3, kinds=['counts', 'estimate', 'p'], covariates=[])
    >>> MixedStudies(p=["<0.05"], study=["A"])
    Traceback (most recent call last):
    bayesmeta.errors.DataError: study 'A': a P value alone says nothing of the size of an effect. Give se or y with it.
    """

    _source = "arm table"

    y = Numbers("number", missing=True, optional=True, words="effect")
    se = Numbers("positive", missing=True, optional=True, words="standard error")
    ci_lower = Numbers("number", missing=True, optional=True)
    ci_upper = Numbers("number", missing=True, optional=True)
    ci_level = Numbers("number", missing=True, optional=True, within=(0.0, 1.0))
    t = Numbers("number", missing=True, optional=True)
    df = Numbers("positive", missing=True, optional=True)
    p = Texts("", missing=True)
    direction = Numbers("number", missing=True, optional=True)
    printed = Texts("", missing=True)
    events_t = Numbers("count", missing=True, optional=True, hint=_HINT)
    n_t = Numbers("count", missing=True, optional=True, least=1)
    events_c = Numbers("count", missing=True, optional=True, hint=_HINT)
    n_c = Numbers("count", missing=True, optional=True, least=1)

    kinds: tuple[str, ...]  # of each row, a name of `KINDS`

    def _fill(
        self,
        given: Mapping[str, Any],
        study: Iterable[object] | None,
        covariates: Columns | None,
        place: Place | None = None,
    ) -> None:
        sizes = [np.size(cells) for cells in given.values() if cells is not None and not isinstance(cells, str)]
        y = given.get("y")
        first = np.full(max(sizes, default=0), np.nan) if y is None else y
        super()._fill({**given, "y": first}, study, covariates, place)

    def _check(self, place: Place) -> None:
        kinds = [_kind(self, i, place) for i in range(self.n_studies)]
        for arm in ("t", "c"):
            names = f"events_{arm}", f"n_{arm}"
            reject_more_events(getattr(self, names[0]), getattr(self, names[1]), names, place)
        for i, kind in enumerate(kinds):
            _CHECKS.get(kind, _nothing)(self, i, place)
        self.__dict__["kinds"] = tuple(kinds)

    def rows(self, *kinds: str) -> NDArray[np.intp]:
        """Places of the rows of some kinds."""
        return np.flatnonzero([kind in kinds for kind in self.kinds])

    def p_value(self, i: int) -> tuple[float, str, float]:
        """The P value of a row: bound or value, how it was printed, and half a unit of its last digit."""
        read = printed_p_value(self.p[i])
        assert read is not None  # the table was checked
        return read

    @property
    def cells(self) -> Floats:
        """Events and participants without one, as `Counts.cells`, shape (study, 4); nan of rows that report otherwise."""
        a, n, c, m = (getattr(self, name) for name in CELLS)
        return np.stack([a, n - a, c, m - c], axis=1)

    def _facts(self) -> dict[str, object]:
        kinds = (
            list(self.kinds)
            if self.n_studies <= 6
            else {kind: self.kinds.count(kind) for kind in dict.fromkeys(self.kinds)}
        )
        return {"n_studies": self.n_studies, "kinds": kinds, "covariates": list(self.covariate_names)}


def _kind(data: MixedStudies, i: int, place: Place) -> str:
    """The kind of a row, by the columns that it fills."""
    cells = {column.name: getattr(data, column.name)[i] for column in data.columns}
    filled = [name for name, cell in cells.items() if (cell and cell == cell) or cell == 0]  # neither "" nor nan
    kind = next((name for name, one in KINDS.items() if one.fits({*filled})), None)
    if kind is not None:
        return kind
    if "p" in filled and not {"y", "se"} & {*filled}:
        raise DataError(
            f"{place(i, 'p')}: a P value alone says nothing of the size of an effect. Give se or y with it."
        )
    said = f"the row has {', '.join(filled)}" if filled else "the row reports nothing"
    raise DataError(
        f"{place(i, filled[0] if filled else data.columns[0].name)}: {said}, and a row reports its effect in one of these ways: "
        f"{'; '.join(map(str, KINDS.values()))}. Leave missing what is not of one of them."
    )


def _nothing(data: MixedStudies, i: int, place: Place) -> None:
    pass


def _check_interval(data: MixedStudies, i: int, place: Place) -> None:
    low, high, y = data.ci_lower[i], data.ci_upper[i], data.y[i]
    if low >= high:
        raise DataError(f"{place(i, 'ci_lower')}: ci_lower must be below ci_upper; got {low:g} and {high:g}.")
    if abs(low + high - 2 * y) > _SKEW * (high - low):
        raise DataError(
            f"{place(i, 'y')}: y must lie near the middle of its confidence interval, {low:g} to {high:g}; got {y:g}. For a "
            "ratio, give the logarithms of all three, or the ratio and its interval as printed."
        )


def _check_statistic(data: MixedStudies, i: int, place: Place) -> None:
    if not data.y[i] * data.t[i] > 0:
        raise DataError(
            f"{place(i, 't')}: y and t must have one sign and be other than 0, for y / t to be a standard error; got "
            f"{data.y[i]:g} and {data.t[i]:g}."
        )


def _read_p(data: MixedStudies, i: int, place: Place) -> tuple[float, str, float]:
    read = printed_p_value(data.p[i])
    if read is None:
        raise DataError(
            f"{place(i, 'p')}: {data.p[i]!r} is not a P value. Write a number from 0 to 1, or an inequality such as "
            "<0.05 or >0.05."
        )
    return read


def _check_p_of_estimate(data: MixedStudies, i: int, place: Place) -> None:
    p, relation, half = _read_p(data, i, place)
    if relation != "=" or not half < p < 1 - half:
        raise DataError(
            f"{place(i, 'p')}: P {data.p[i]} leaves the standard error of y = {data.y[i]:g} without a bound. Give se, or P with "
            "more digits."
        )
    if data.y[i] == 0:
        raise DataError(f"{place(i, 'y')}: an estimate of 0 has no standard error by its P value. Give se.")


def _check_p(data: MixedStudies, i: int, place: Place) -> None:
    p, relation, _ = _read_p(data, i, place)
    direction = data.direction[i]
    if relation != "=" and p in (0, 1):
        raise DataError(
            f"{place(i, 'p')}: P {data.p[i]} is not possible, or says nothing. Give a bound between 0 and 1."
        )
    if not np.isnan(direction) and direction not in (-1, 1):
        raise DataError(
            f"{place(i, 'direction')}: direction must be 1 or -1, the sign of the estimate; got {direction:g}."
        )
    if np.isnan(direction) and relation != ">":
        raise DataError(
            f"{place(i, 'p')}: P {data.p[i]} is of an estimate of either sign. Give its direction, 1 or -1."
        )


def _check_printed(data: MixedStudies, i: int, place: Place) -> None:
    parts = printed_interval(data.printed[i])
    if parts is None:
        raise DataError(
            f"{place(i, 'printed')}: {data.printed[i]!r} is not an estimate with its interval, as 0.79 (0.60 to 1.04) is."
        )
    low, y, high = (float(parts[name]) for name in ("lower", "estimate", "upper"))
    if not (low <= y <= high and low < high and 0 < float(parts["level"]) < 100):
        raise DataError(f"{place(i, 'printed')}: the estimate must lie inside its interval; got {data.printed[i]!r}.")


_CHECKS = {
    "interval": _check_interval,
    "statistic": _check_statistic,
    "p of an estimate": _check_p_of_estimate,
    "p": _check_p,
    "printed": _check_printed,
}
