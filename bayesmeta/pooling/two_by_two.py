"""Pooling of 2x2 tables without an effect size for each study: Mantel-Haenszel and Peto."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesmeta.data.tables import TableSource, open_table
from bayesmeta.effects._cells import Cells
from bayesmeta.effects.binary import log_odds_ratio, log_risk_ratio, risk_difference
from bayesmeta.effects.registry import display_of
from bayesmeta.errors import DataError, require_choice
from bayesmeta.pooling.arrays import check_level, critical, two_sided_p
from bayesmeta.pooling.result import PooledResult, StatisticalTest

Floats = NDArray[np.float64]
_ROUNDING = 1e-9  # of an excess of events: a difference of counts and their fractions
_EFFECTS = {"log_or": log_odds_ratio, "log_rr": log_risk_ratio, "rd": risk_difference}


@dataclass(frozen=True)
class _Cells(Cells):
    """Events and non-events under treatment (a, b) and under control (c, d), as they are."""

    @property
    def events(self) -> Floats:
        return self.a + self.c

    @property
    def informative(self) -> NDArray[np.bool_]:
        """Whether a study had both events and non-events."""
        return (self.events > 0) & (self.events < self.n)

    @property
    def excess(self) -> Floats:
        """Events under treatment less those expected without an effect."""
        return self.a - self.events * self.n_t / self.n

    @property
    def variance(self) -> Floats:
        """Hypergeometric variance of `excess`."""
        spread = self.n_t * self.n_c * self.events * (self.n - self.events) / self.n**2
        return spread / np.maximum(self.n - 1, 1)


def mantel_haenszel(
    arms: TableSource, measure: str = "log_or", *, correction: float = 0.5, level: float = 0.95
) -> PooledResult:
    """Common effect of 2x2 tables by the method of Mantel and Haenszel.

    Studies with a zero cell count as they are. Heterogeneity is Cochran's Q of the studies' own effect sizes
    around the pooled one, where `correction` does play a part and studies without events, or with events only,
    are left out: the defaults of R's metafor.

    Parameters
    ----------
    arms : DataFrame, mapping of columns, or path of a CSV file
        Columns ``study n_t n_c events_t events_c``, one row for each study.
    measure : {"log_or", "log_rr", "rd"}
        Log odds ratio, log risk ratio or risk difference.
    correction : float, default 0.5
        For Q only: added to all four cells of any study with a zero cell.
    level : float, default 0.95
        Coverage of the interval.

    Returns
    -------
    PooledResult
        With ``method="mh"`` and tau^2 = 0. For odds ratios `tests` holds ``"Cochran-Mantel-Haenszel"`` (no effect,
        with a continuity correction of 1/2 where events under treatment differ from their expected number by as much,
        and none otherwise, as in R's ``mantelhaen.test``), ``"Breslow-Day"`` and ``"Tarone"`` (equal odds ratios).
        Everything is NaN where one of the pooled arms has no event (for odds ratios: where either diagonal has a zero).

    Raises
    ------
    DataError
        If the table cannot be right.
    SpecificationError
        If `measure` is not known.

    References
    ----------
    Mantel and Haenszel (1959), J. Natl. Cancer Inst. 22:719-748, doi:10.1093/jnci/22.4.719
    Robins, Breslow and Greenland (1986), Biometrics 42:311-323, doi:10.2307/2531052
    Greenland and Robins (1985), Biometrics 41:55-68, doi:10.2307/2530643
    Sato, Greenland and Robins (1989), Biometrics 45:1323-1324, PMID 2611324
    Tarone (1985), Biometrika 72:91-95, doi:10.1093/biomet/72.1.91

    Examples
    --------
    >>> arms = {"study": ["A", "B"], "events_t": [12, 0], "n_t": [100, 40]}
    >>> arms |= {"events_c": [24, 3], "n_c": [100, 41]}
    >>> found = mantel_haenszel(arms, "log_rr")
    >>> round(found.estimate, 4), round(found.se, 4)
    (-0.8096, 0.3205)
    """
    require_choice("measure", measure, _EFFECTS)
    check_level(level)
    cells, where = _read(arms)
    estimate, se = {"log_or": _odds_ratio, "log_rr": _risk_ratio, "rd": _risk_difference}[measure](cells)
    keep = cells.informative
    q = 0.0
    if keep.sum() > 1:
        columns = [x[keep] for x in (cells.a, cells.n_t, cells.c, cells.n_c)]
        names = [name for name, kept in zip(where, keep, strict=True) if kept]
        y, errors = _EFFECTS[measure](*columns, correction=correction, where=names)
        q = float(np.sum(((y - estimate) / errors) ** 2))
    tests = _odds_ratio_tests(cells, math.exp(estimate)) if measure == "log_or" else {}
    pooled = _result("mh", estimate, se, q, int(keep.sum()), len(keep), level, tests)
    return replace(pooled, display=display_of(measure))


def peto(arms: TableSource, *, level: float = 0.95) -> PooledResult:
    """Common log odds ratio of 2x2 tables by Peto's one-step method, for rare events and small effects.

    Parameters
    ----------
    arms : DataFrame, mapping of columns, or path of a CSV file
        Columns ``study n_t n_c events_t events_c``, one row for each study.
    level : float, default 0.95
        Coverage of the interval.

    Returns
    -------
    PooledResult
        With ``method="peto"`` and tau^2 = 0.

    Raises
    ------
    DataError
        If the table cannot be right, or no study has both events and non-events.

    References
    ----------
    Yusuf, Peto, Lewis, Collins and Sleight (1985), Prog. Cardiovasc. Dis. 27:335-371,
    doi:10.1016/S0033-0620(85)80003-7

    Examples
    --------
    >>> arms = {"study": ["A", "B"], "events_t": [12, 0], "n_t": [100, 40]}
    >>> arms |= {"events_c": [24, 3], "n_c": [100, 41]}
    >>> found = peto(arms)
    >>> round(found.estimate, 4), round(found.se, 4)
    (-0.9182, 0.3503)
    """
    check_level(level)
    cells, _ = _read(arms)
    total = float(cells.variance.sum())
    if total == 0:
        raise DataError("no study has both events and non-events: there is no odds ratio to estimate.")
    keep = cells.informative
    estimate = float(cells.excess.sum()) / total
    q = float(np.sum(cells.excess[keep] ** 2 / cells.variance[keep])) - estimate**2 * total
    pooled = _result("peto", estimate, total**-0.5, max(q, 0.0), int(keep.sum()), len(keep), level, {})
    return replace(pooled, display=display_of("peto_log_or"))


def _read(arms: TableSource) -> tuple[_Cells, list[str]]:
    table = open_table(arms, "arm table")
    columns = ("events_t", "n_t", "events_c", "n_c")
    table.require("study", *columns, note=", and 2x2 tables need it")
    where = [table.where(i, study=label) for i, label in enumerate(table.labels())]
    events_t, n_t, events_c, n_c = (np.asarray(table.numbers(name), dtype=float) for name in columns)
    log_odds_ratio(events_t, n_t, events_c, n_c, where=where)  # rejects counts that cannot be right
    return _Cells(events_t, n_t - events_t, events_c, n_c - events_c), where


def _odds_ratio(x: _Cells) -> tuple[float, float]:
    like, unlike = x.a * x.d / x.n, x.b * x.c / x.n
    r, s = float(like.sum()), float(unlike.sum())
    if r == 0 or s == 0:
        return math.nan, math.nan
    same, different = (x.a + x.d) / x.n, (x.b + x.c) / x.n
    parts = (same @ like) / r**2 + (same @ unlike + different @ like) / (r * s) + (different @ unlike) / s**2
    return math.log(r / s), math.sqrt(parts / 2)


def _risk_ratio(x: _Cells) -> tuple[float, float]:
    r, s = float((x.a * x.n_c / x.n).sum()), float((x.c * x.n_t / x.n).sum())
    if r == 0 or s == 0:
        return math.nan, math.nan
    variance = float((x.n_t * x.n_c * x.events / x.n**2 - x.a * x.c / x.n).sum()) / (r * s)
    return math.log(r / s), math.sqrt(variance)


def _risk_difference(x: _Cells) -> tuple[float, float]:
    weight = x.n_t * x.n_c / x.n
    total = float(weight.sum())
    estimate = float((x.a * x.n_c / x.n - x.c * x.n_t / x.n).sum()) / total
    slope = x.c * (x.n_t / x.n) ** 2 - x.a * (x.n_c / x.n) ** 2 + x.n_t * x.n_c * (x.n_c - x.n_t) / (2 * x.n**2)
    level = (x.a * x.d + x.c * x.b) / (2 * x.n)
    return estimate, math.sqrt(estimate * float(slope.sum()) + float(level.sum())) / total


def _odds_ratio_tests(x: _Cells, ratio: float) -> dict[str, StatisticalTest]:
    tests = {}
    total = float(x.variance.sum())
    if total > 0:
        excess = abs(float(x.excess.sum()))
        corrected = max(excess - 0.5, 0.0) if excess > 0.5 - _ROUNDING else excess  # a correction may not pass zero
        statistic = corrected**2 / total
        tests["Cochran-Mantel-Haenszel"] = StatisticalTest(statistic, (1,), float(stats.chi2.sf(statistic, 1)))
    keep = x.informative
    if math.isnan(ratio) or keep.sum() < 2:
        return tests
    a, n_t, n_c, events = (part[keep] for part in (x.a, x.n_t, x.n_c, x.events))
    expected = _expected(n_t, n_c, events, ratio)
    variance = 1 / (1 / expected + 1 / (n_t - expected) + 1 / (events - expected) + 1 / (n_c - events + expected))
    df = int(keep.sum()) - 1
    breslow = float(np.sum((a - expected) ** 2 / variance))
    tarone = max(0.0, breslow - float(np.sum(a - expected)) ** 2 / float(variance.sum()))
    for name, statistic in (("Breslow-Day", breslow), ("Tarone", tarone)):
        tests[name] = StatisticalTest(statistic, (df,), float(stats.chi2.sf(statistic, df)))
    return tests


def _expected(n_t: Floats, n_c: Floats, events: Floats, ratio: float) -> Floats:
    """Events under treatment with the same margins and this odds ratio: the smaller root of a quadratic."""
    b = ratio * (n_t + events) + n_c - events
    root = np.sqrt(b**2 - 4 * n_t * events * ratio * (ratio - 1))
    return 2 * ratio * n_t * events / (b + root)


def _excess(q: float, df: int) -> float:
    """I^2 in percent; NaN where Q is."""
    if math.isnan(q):
        return q
    return max(0.0, 100 * (1 - df / q)) if df > 0 and q > 0 else 0.0


def _result(
    method: str,
    estimate: float,
    se: float,
    q: float,
    used: int,
    k: int,
    level: float,
    tests: dict[str, StatisticalTest],
) -> PooledResult:
    df = used - 1
    half = critical(level, math.inf) * se
    statistic = estimate / se if se else math.nan
    p_value = float(two_sided_p(np.array(statistic), math.inf))
    some = df > 0
    lower, upper = estimate - half, estimate + half
    return PooledResult(
        estimate=estimate,
        se=se,
        lower=lower,
        upper=upper,
        statistic=statistic,
        p_value=p_value,
        prediction=(math.nan, math.nan),
        tau2=0.0,
        i2=_excess(q, df),
        h2=q / df if some else 1.0,
        q=q if some else 0.0,
        q_df=max(df, 0),
        q_p=float(stats.chi2.sf(q, df)) if some else 1.0,
        covariance=np.array([[se**2]]),
        tests=tests,
        method=method,
        interval="wald",
        level=level,
        n_studies=k,
        rows=(("mu", (estimate, se, statistic, p_value, lower, upper)),),
    )
