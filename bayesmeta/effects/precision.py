"""Standard errors from what a report printed beside an estimate: an interval, a P value, or a test statistic.

Estimates are on the scale of the analysis, so ratios and their limits come as logarithms. A P value that was
printed as an inequality, or rounded, gives bounds and no standard error: `se_bounds_from_p_value`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, Floats, quiet, read_arms
from bayesmeta.errors import DataError, DataWarning, require_choice
from bayesmeta.numbers import real_array

KINDS = ("z", "t", "f")
RELATIONS = ("=", "<", ">")


def se_from_interval(
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    level: ArrayLike = 0.95,
    df: ArrayLike = np.inf,
    where: Sequence[str] | None = None,
) -> NDArray[np.float64]:
    """Standard error that a confidence interval implies: its width over twice the quantile.

    Parameters
    ----------
    lower, upper : array_like of float, shape (study,)
        Limits, on the scale of the analysis (for a ratio, their logarithms).
    level : float or array_like, default 0.95
        Coverage of the interval, between 0 and 1.
    df : float or array_like, default infinity
        Degrees of freedom of the t distribution that the interval came from; infinity for the normal.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    ndarray of float, shape (study,)
        In units of the limits.

    Raises
    ------
    DataError
        If a lower limit is not below its upper one, a level is not between 0 and 1, or `df` is not positive.

    References
    ----------
    Altman & Bland (2011), BMJ 343:d2304, doi:10.1136/bmj.d2304

    Examples
    --------
    >>> se_from_interval([-2.35], [-1.31]).round(4)
    array([0.2653])
    """
    arms = _read(where, df, lower=lower, upper=upper, level=level)
    arms.reject((arms["level"] <= 0) | (arms["level"] >= 1), "level must lie between 0 and 1, as 0.95 does", ["level"])
    arms.reject(arms["lower"] >= arms["upper"], "lower must be below upper", ["lower", "upper"])
    quantile = _quantile((1 - arms["level"]) / 2, arms["df"])
    arms.reject(quantile <= 0, "level must lie between 0 and 1, and not at 0", ["level"])
    return np.asarray((arms["upper"] - arms["lower"]) / 2 / quantile)


def se_from_p_value(
    y: ArrayLike,
    p: ArrayLike,
    *,
    df: ArrayLike = np.inf,
    sides: ArrayLike = 2,
    where: Sequence[str] | None = None,
) -> NDArray[np.float64]:
    """Standard error that an exact P value and its estimate imply.

    Parameters
    ----------
    y : array_like of float, shape (study,)
        Estimates on the scale of the analysis (for a ratio, its logarithm); 0 is not informative.
    p : array_like of float, shape (study,)
        P values of the test of no effect, taken as exact.
    df : float or array_like, default infinity
        Degrees of freedom of a t test; infinity for a normal test.
    sides : {1, 2} or array_like, default 2
        Sides of the test. A one-sided P value above 0.5 belongs to an estimate against the tested direction.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    ndarray of float, shape (study,)

    Raises
    ------
    DataError
        If `p` is not between 0 and 1, is one-sided and 0.5, or `y` is 0.

    References
    ----------
    Altman & Bland (2011), BMJ 343:d2090, doi:10.1136/bmj.d2090

    Examples
    --------
    The abstract said 49% v 32%, P = 0.032.

    >>> se_from_p_value([17], [0.032]).round(2)
    array([7.93])
    """
    arms = _read(where, df, y=y, p=p, sides=sides)
    _check_p(arms)
    return np.asarray(np.abs(arms["y"]) / _statistic(arms["p"], arms["sides"], arms["df"]))


def se_from_statistic(
    y: ArrayLike, statistic: ArrayLike, *, kind: str = "z", where: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Standard error that a test statistic and its estimate imply.

    Parameters
    ----------
    y : array_like of float, shape (study,)
        Estimates on the scale of the analysis (for a ratio, its logarithm).
    statistic : array_like of float, shape (study,)
        The statistic of the test of no effect.
    kind : {"z", "t", "f"}, default "z"
        ``"z"`` or ``"t"`` for an estimate over its standard error, ``"f"`` for its square, the F of a test with one
        degree of freedom in the numerator.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    ndarray of float, shape (study,)

    Raises
    ------
    DataError
        If `y` or `statistic` is 0, or an F is negative.
    SpecificationError
        If there is no such `kind`.

    Warns
    -----
    DataWarning
        If a z or t has another sign than its estimate: one of them may be control minus treatment.

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, version 6.4, sections 6.3 and 6.5.2.3,
    https://training.cochrane.org/handbook

    Examples
    --------
    >>> se_from_statistic([-2.77], [-3.96], kind="t").round(3)
    array([0.699])
    >>> se_from_statistic([-2.77], [15.68], kind="f").round(3)
    array([0.7])
    """
    require_choice("kind", kind, KINDS)
    arms = _read(where, np.inf, y=y, **{kind: statistic})
    arms.reject(arms["y"] == 0, "an estimate of 0 has no standard error by its test", ["y", kind])
    least = arms[kind] <= 0 if kind == "f" else arms[kind] == 0
    arms.reject(least, f"{kind} must be {'positive' if kind == 'f' else 'other than 0'}", [kind])
    if kind == "f":
        return np.asarray(np.abs(arms["y"]) / np.sqrt(arms["f"]))
    for i in np.flatnonzero(arms["y"] * arms[kind] < 0):
        warnings.warn(
            f"{arms.name(int(i))}: estimate {arms['y'].flat[i]:g} and {kind} = {arms[kind].flat[i]:g} have different "
            "signs. Is one of them control minus treatment?",
            DataWarning,
            stacklevel=2,
        )
    return np.asarray(np.abs(arms["y"] / arms[kind]))


def se_bounds_from_p_value(
    y: ArrayLike,
    p: ArrayLike,
    *,
    relation: str = "=",
    rounding: ArrayLike = 0.0,
    df: ArrayLike = np.inf,
    sides: ArrayLike = 2,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Between which values the standard error lies, given a P value that was printed rounded or as an inequality.

    ``P < .001`` says that the standard error is below a bound, and no more. To use such a study, give its P value
    to `PublishedReview` as a `StudyTest`, or find its interval.

    Parameters
    ----------
    y, p, df, sides, where
        As `se_from_p_value`.
    relation : {"=", "<", ">"}, default "="
        How `p` was printed.
    rounding : float or array_like, default 0
        For ``"="``: half a unit of the last printed digit, 0.005 for ``P = .03``.

    Returns
    -------
    lower, upper : ndarray of float, shape (study,)
        0 and a bound for ``"<"``, a bound and infinity for ``">"``.

    Raises
    ------
    DataError
        As `se_from_p_value`; for ``"<"`` with one-sided tests, if `p` is above 0.5.
    SpecificationError
        If there is no such `relation`.

    References
    ----------
    Altman & Bland (2011), BMJ 343:d2090, doi:10.1136/bmj.d2090

    Examples
    --------
    >>> low, high = se_bounds_from_p_value([-2.77], [0.001], relation="<")
    >>> low, high.round(3)
    (array([0.]), array([0.842]))
    >>> low, high = se_bounds_from_p_value([-1.2], [0.03], rounding=0.005)
    >>> low.round(3), high.round(3)
    (array([0.535]), array([0.569]))
    """
    require_choice("relation", relation, RELATIONS)
    arms = _read(where, df, y=y, p=p, sides=sides, rounding=rounding)
    _check_p(arms)
    size, p_value, n_sides, freedom = np.abs(arms["y"]), arms["p"], arms["sides"], arms["df"]
    if relation != "=":
        arms.reject((n_sides == 1) & (p_value > 0.5), "a one-sided inequality needs p below 0.5", ["p", "sides"])
        bound = np.asarray(size / _statistic(p_value, n_sides, freedom))
        return (np.zeros_like(bound), bound) if relation == "<" else (bound, np.full_like(bound, np.inf))
    ends = []
    with quiet():
        for end in (p_value - arms["rounding"], p_value + arms["rounding"]):
            inside = np.clip(end, 0.0, 1.0)
            ends.append(
                np.where(inside == 0, 0.0, size / _statistic(np.where(inside == 0, 0.5, inside), n_sides, freedom))
            )
    crosses = (n_sides == 1) & (np.abs(p_value - 0.5) <= arms["rounding"])
    return np.minimum(*ends), np.where(crosses, np.inf, np.maximum(*ends))


def add_reading_error(
    se: ArrayLike, half_width: ArrayLike, *, where: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Standard error of an estimate that was read from a figure.

    Parameters
    ----------
    se : array_like of float, shape (study,)
        Standard error of the estimate, had it been printed.
    half_width : array_like of float, shape (study,)
        How far the reading can be off either way, all errors up to there being equally likely. For the difference of
        two readings, the root of the sum of their squares.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    ndarray of float, shape (study,)
        ``sqrt(se**2 + half_width**2 / 3)``, a uniform error having a third of its half-width's square as variance.

    Raises
    ------
    DataError
        If `se` is not positive, or `half_width` is negative.

    Examples
    --------
    >>> add_reading_error([0.40], [0.25]).round(4)
    array([0.4252])
    """
    arms = read_arms(where, se=se, half_width=half_width)
    arms.check_positive("se")
    arms.reject(arms["half_width"] < 0, "half_width must be 0 or above", ["half_width"])
    return np.asarray(np.hypot(arms["se"], arms["half_width"] / np.sqrt(3)))


def _read(where: Sequence[str] | None, df: ArrayLike, **columns: ArrayLike) -> Arms:
    """Return columns as `read_arms` does, with degrees of freedom, which may be infinite."""
    freedom = real_array("df", df, copy=False)
    if np.isnan(freedom).any() or (freedom <= 0).any():
        raise DataError(f"df must be positive, or infinite for a normal distribution; got {df!r}.")
    arms = read_arms(where, **columns)
    shape = next(iter(arms.columns.values())).shape
    return Arms({**arms.columns, "df": np.broadcast_to(freedom, shape)}, where)


def _check_p(arms: Arms) -> None:
    sides, p = arms["sides"], arms["p"]
    arms.reject((sides != 1) & (sides != 2), "sides must be 1 or 2", ["sides"])
    rule = "p must lie between 0 and 1, ends excluded"
    arms.reject(p <= 0, rule, ["p"], "A P value printed as 0.000 is an inequality: relation='<'.")
    arms.reject(p >= 1, rule, ["p"])
    arms.reject((sides == 1) & (p == 0.5), "a one-sided p of 0.5 belongs to an estimate of 0", ["p"])
    arms.reject(arms["y"] == 0, "an estimate of 0 has no standard error by its P value", ["y", "p"])


def _statistic(p: Floats, sides: Floats, df: Floats) -> Floats:
    """Return the size of the statistic with these P values."""
    return np.asarray(np.abs(_quantile(p / sides, df)))


def _quantile(upper_tail: Floats, df: Floats) -> Floats:
    """Return the quantile of a t distribution, or of the normal where `df` is infinite, by its upper tail."""
    from scipy.special import ndtri, stdtrit

    normal = np.isinf(df)
    t = stdtrit(np.where(normal, 1.0, df), upper_tail)
    return np.asarray(-np.where(normal, ndtri(upper_tail), t), dtype=np.float64)
