"""`pool_glmm`: counts pooled by maximum likelihood, without an effect size for each study."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesmeta.data.tables import TableSource, open_table
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import DataError, SpecificationError, did_you_mean
from bayesmeta.pooling.arrays import check_level, critical
from bayesmeta.pooling.components import curvature, settle, try_zero
from bayesmeta.pooling.counts import Binomial, Conditional, Poisson, Saturated
from bayesmeta.pooling.marginal_counts import MarginalCounts, Part
from bayesmeta.pooling.random_levels import RandomLevels
from bayesmeta.pooling.result import NOTHING, PooledResult, StatisticalTest
from bayesmeta.pooling.wald import coefficient_row

Floats = NDArray[np.float64]
TWO_ARMS = ("um.fs", "um.rs", "cm.el", "cm.al")
MODELS = {"log_or": TWO_ARMS, "log_irr": TWO_ARMS[:3], "logit_prop": ("um.fs",), "log_rate": ("um.fs",)}
_STARTS = (0.15, 0.8)  # of tau


class _Prepared(NamedTuple):
    """A likelihood, and what each study says on its own about its effect."""

    likelihood: MarginalCounts | RandomLevels
    saturated: Saturated
    centre: float = 0.0


class _Found(NamedTuple):
    """The best parameters with their log likelihood, and the two tests of heterogeneity."""

    estimate: float
    se: float
    tau: float
    level_variance: float
    height: float
    wald: float
    ratio: float


def pool_glmm(
    arms: TableSource,
    measure: str = "log_or",
    model: str = "um.fs",
    method: str = "ml",
    *,
    level: float = 0.95,
) -> PooledResult:
    """Pool counts by maximum likelihood: binomial or Poisson within studies, normal between them.

    Empty cells need no correction, and nothing is assumed to be normal within studies.

    Parameters
    ----------
    arms : DataFrame, mapping of columns, or path of a CSV file
        One row for each study, with the columns of `measure`: ``events_t n_t events_c n_c`` (``"log_or"``),
        ``events_t time_t events_c time_c`` (``"log_irr"``), ``events n`` (``"logit_prop"``) or ``events time``
        (``"log_rate"``), and ``study``.
    measure : {"log_or", "log_irr", "logit_prop", "log_rate"}
        Log odds ratio, log rate ratio, log odds of one arm, or log rate of one arm.
    model : {"um.fs", "um.rs", "cm.el", "cm.al"}
        With two arms: ``"um.fs"`` unconditional, with a level of its own for each study; ``"um.rs"`` with levels that
        vary normally; ``"cm.el"`` conditional on the events of each study, which has no such nuisance; ``"cm.al"``
        (``"log_or"`` only), the binomial approximation of it for rare events. With one arm there is one model.
    method : {"ml", "fe"}
        Random effects, or a common effect.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    PooledResult
        `q` is the Wald test that all effects are equal, and `tests` holds the ``"likelihood ratio"`` test of the same;
        studies with an empty cell count in the second only. I^2 and H^2 are NaN: studies have no sampling variance.
        `level_variance` is that of the levels of studies, for ``"um.rs"``.

    Raises
    ------
    DataError
        If the table cannot be right, or its likelihood is highest at infinity.
    SpecificationError
        If a name is not known.
    InferenceError
        If the search does not settle.

    Notes
    -----
    Studies without events, or with events only, say nothing about an effect of two arms and are left out.
    ``"um.fs"`` and ``"um.rs"`` give the arms deviations of +tau/2 and -tau/2. The models are those of ``rma.glmm`` in
    R's metafor, whose quadrature has seven nodes by default, and one for ``"um.rs"``; here it is final.

    References
    ----------
    Stijnen, Hamza and Ozdemir (2010), Stat. Med. 29:3046-3067, doi:10.1002/sim.4040
    Jackson, Law, Stijnen, Viechtbauer and White (2018), Stat. Med. 37:1059-1085, doi:10.1002/sim.7588

    Examples
    --------
    >>> arms = {"study": ["A", "B", "C"], "events_t": [12, 0, 5], "n_t": [100, 40, 60]}
    >>> arms |= {"events_c": [24, 3, 6], "n_c": [100, 41, 58]}
    >>> found = pool_glmm(arms, "log_or", "cm.el")
    >>> round(found.estimate, 4), round(found.se, 4), round(found.tau2, 4)
    (-0.781, 0.3211, 0.0)
    """
    _check(measure, model, method, level)
    prepared = _PREPARE[measure](*_read(arms, measure), model)
    for sign, word in ((-np.inf, "lowest"), (np.inf, "highest")):
        if (prepared.saturated.estimate == sign).all():
            raise DataError(
                f"every study has its {word} possible count, so that the likelihood is highest at infinity."
            )
    if isinstance(prepared.likelihood, RandomLevels):
        found = _random_levels(prepared.likelihood, prepared, method)
    else:
        found = _one_deviation(prepared.likelihood, prepared.saturated, method)
    return _result(found, prepared.likelihood.n_studies, method, level)


def _check(measure: str, model: str, method: str, level: float) -> None:
    if measure not in MODELS:
        listed = ", ".join(map(repr, MODELS))
        raise SpecificationError(f"measure={measure!r}: choose one of {listed}.{did_you_mean(measure, MODELS)}")
    for name, value, allowed in (("model", model, MODELS[measure]), ("method", method, ("ml", "fe"))):
        if value not in allowed:
            listed = ", ".join(map(repr, allowed))
            raise SpecificationError(
                f"{name}={value!r}: with measure={measure!r} choose one of {listed}.{did_you_mean(value, allowed)}"
            )
    check_level(level)


def _read(arms: TableSource, measure: str) -> tuple[Floats, ...]:
    """Return the columns of `measure`, of the studies that say something about it."""
    table = open_table(arms, "arm table")
    found = MEASURES[measure]
    table.require("study", *found.columns, note=f", and {measure} needs it")
    where = [table.where(i, study=label) for i, label in enumerate(table.labels())]
    columns = [np.asarray(table.numbers(name), dtype=float) for name in found.columns]
    found.function(*columns, where=where)  # refuses counts that cannot be right
    for name, values in zip(found.columns, columns, strict=True):
        broken = np.flatnonzero(values != np.floor(values))
        if broken.size and not name.startswith("time"):
            raise DataError(f"{where[broken[0]]}: {name} must be a whole number; got {values[broken[0]]:g}.")
    if not found.two_arms:
        return tuple(columns)
    events, most = columns[0] + columns[2], columns[1] + columns[3] if measure == "log_or" else np.inf
    keep = (events > 0) & (events < most)
    if not keep.any():
        raise DataError("no study has both events and non-events: there is no effect to estimate.")
    return tuple(column[keep] for column in columns)


def _conditional(likelihood: Binomial | Conditional | Poisson) -> _Prepared:
    n = len(likelihood.x)
    return _Prepared(MarginalCounts((Part(likelihood, 1.0, 1.0),), None, n), likelihood.saturated())


def _unconditional(treated: Binomial | Poisson, control: Binomial | Poisson, start: Floats, model: str) -> _Prepared:
    """Two arms with a common level for each study, fixed or random, and half of the deviation in each."""
    t, c = treated.saturated(), control.saturated()
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.where(
            (t.information > 0) & (c.information > 0), 1 / (1 / t.information + 1 / c.information), 0
        )
        estimate = t.estimate - c.estimate
    alone = Saturated(t.log_likelihood + c.log_likelihood, estimate, information)
    if model == "um.rs":
        return _Prepared(RandomLevels(treated, control, len(start)), alone, float(np.median(start)))
    parts = (Part(treated, 1.0, 0.5), Part(control, 0.0, -0.5))
    return _Prepared(MarginalCounts(parts, start, len(start)), alone)


def _odds_ratio(events_t: Floats, n_t: Floats, events_c: Floats, n_c: Floats, model: str) -> _Prepared:
    events, zero = events_t + events_c, np.zeros_like(n_t)
    if model == "cm.el":
        return _conditional(Conditional(events_t, n_t, n_c, events))
    if model == "cm.al":
        return _conditional(Binomial(events_t, events, np.log(n_t / n_c)))
    start = np.log(events / (n_t + n_c - events))
    return _unconditional(Binomial(events_t, n_t, zero), Binomial(events_c, n_c, zero), start, model)


def _rate_ratio(events_t: Floats, time_t: Floats, events_c: Floats, time_c: Floats, model: str) -> _Prepared:
    events = events_t + events_c
    if model == "cm.el":
        return _conditional(Binomial(events_t, events, np.log(time_t / time_c)))
    start = np.log(events / (time_t + time_c))
    return _unconditional(Poisson(events_t, time_t), Poisson(events_c, time_c), start, model)


def _log_odds(events: Floats, n: Floats, model: str) -> _Prepared:
    return _conditional(Binomial(events, n, np.zeros_like(n)))


def _log_rate(events: Floats, time: Floats, model: str) -> _Prepared:
    return _conditional(Poisson(events, time))


_PREPARE: dict[str, Callable[..., _Prepared]] = {
    "log_or": _odds_ratio,
    "log_irr": _rate_ratio,
    "logit_prop": _log_odds,
    "log_rate": _log_rate,
}


def _loss(likelihood: MarginalCounts, random: bool) -> Callable[[Floats], tuple[float, Floats]]:
    def loss(at: Floats) -> tuple[float, Floats]:
        value, slope = likelihood.log_likelihood(float(at[0]), float(at[1]) if random else 0.0)
        return -value, -slope[: len(at)]

    return loss


def _middle(alone: Saturated) -> float:
    """Where the search for the mean effect starts."""
    finite = np.isfinite(alone.estimate)
    return float(np.median(alone.estimate[finite])) if finite.any() else 0.0


def _one_deviation(likelihood: MarginalCounts, alone: Saturated, method: str) -> _Found:
    """Fit a model in beta and tau."""
    common, floor = settle(_loss(likelihood, False), [np.array([_middle(alone)])], "pool_glmm")
    best, height = np.append(common, 0.0), floor
    if method == "ml":
        loss = _loss(likelihood, True)
        starts = [np.array([_middle(alone), tau]) for tau in _STARTS]
        trial, value = try_zero(loss, *settle(loss, starts, "pool_glmm"), [1])
        if value < height:
            best, height = trial, value
    random = best[1] != 0
    information = curvature(_loss(likelihood, random), best if random else best[:1])
    se = math.sqrt(float(np.linalg.inv(information)[0, 0]))
    known = alone.information > 0
    weight, peak = alone.information[known], alone.estimate[known]
    wald = float(np.sum(weight * (peak - np.average(peak, weights=weight)) ** 2)) if known.any() else 0.0
    ratio = 2 * (float(alone.log_likelihood.sum()) + floor)
    return _Found(float(best[0]), se, abs(float(best[1])), math.nan, -height, wald, ratio)


def _random_levels(likelihood: RandomLevels, prepared: _Prepared, method: str) -> _Found:
    """Fit a model in the mean and the spread of levels, beta and tau."""
    start = (prepared.centre, _middle(prepared.saturated))
    common, floor = likelihood.fit(start, (0, 1, 2))
    best, height = common, floor
    if method == "ml":
        trial, value = likelihood.fit((float(common[0]), float(common[1])), (0, 1, 2, 3))
        if value > height:
            best, height = trial, value
    se = math.sqrt(float(likelihood.covariance(best)[1, 1]))
    top, wald = likelihood.saturated((float(common[0]), float(common[1])))
    return _Found(float(best[1]), se, abs(float(best[3])), float(best[2] ** 2), height, wald, 2 * (top - floor))


def _result(found: _Found, n_studies: int, method: str, level: float) -> PooledResult:
    row = coefficient_row(found.estimate, found.se, math.inf, level)
    half = critical(level, math.inf) * math.hypot(found.se, found.tau)
    df, ratio = n_studies - 1, max(0.0, found.ratio)
    estimate, se, statistic, p_value, lower, upper = row
    return PooledResult(
        estimate=estimate,
        se=se,
        lower=lower,
        upper=upper,
        statistic=statistic,
        p_value=p_value,
        prediction=(estimate - half, estimate + half) if method == "ml" else NOTHING,
        tau2=found.tau**2,
        i2=math.nan,
        h2=math.nan,
        q=found.wald,
        q_df=df,
        q_p=float(stats.chi2.sf(found.wald, df)) if df else 1.0,
        log_likelihood=found.height,
        level_variance=found.level_variance,
        covariance=np.array([[se**2]]),
        tests={"likelihood ratio": StatisticalTest(ratio, (df,), float(stats.chi2.sf(ratio, df)) if df else 1.0)},
        method=method,
        interval="wald",
        level=level,
        n_studies=n_studies,
        rows=(("mu", row),),
    )
