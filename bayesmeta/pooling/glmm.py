"""`pool_glmm`: counts pooled by maximum likelihood, without an effect size for each study."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesmeta.data.tables import TableSource
from bayesmeta.effects.registry import MEASURES, display_of
from bayesmeta.errors import require_choice
from bayesmeta.pooling.arrays import check_level, critical
from bayesmeta.pooling.components import curvature, settle, try_zero
from bayesmeta.pooling.count_table import Counts, check_finite, check_size, orthonormal, read_counts
from bayesmeta.pooling.counts import Binomial, Conditional, Poisson, Saturated
from bayesmeta.pooling.marginal_counts import MarginalCounts, Part
from bayesmeta.pooling.random_levels import RandomLevels
from bayesmeta.pooling.result import NOTHING, PooledResult, StatisticalTest
from bayesmeta.pooling.wald import coefficient_rows, level_contrasts, omnibus_test, without_mean

Floats = NDArray[np.float64]
TWO_ARMS = ("um.fs", "um.rs", "cm.el", "cm.al")
MODELS = {"log_or": TWO_ARMS, "log_irr": TWO_ARMS[:3], "logit_prop": ("um.fs",), "log_rate": ("um.fs",)}
_STARTS = (0.15, 0.8)  # of tau


class _Prepared(NamedTuple):
    """A likelihood, and what each study says on its own about its effect."""

    likelihood: MarginalCounts | RandomLevels
    saturated: Saturated
    centre: float = 0.0


class _Estimate(NamedTuple):
    """The best parameters with their log likelihood, and the two tests of heterogeneity."""

    beta: Floats
    covariance: Floats
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
    formula: str | None = None,
    level: float = 0.95,
) -> PooledResult:
    """Pool counts by maximum likelihood, or regress their effects on covariates: normal effects between studies.

    Within studies counts are binomial or Poisson.

    Zero cells need no correction, and nothing is assumed to be normal within studies.

    Parameters
    ----------
    arms : DataFrame, mapping of columns, or path of a CSV file
        One row for each study, or for each of its two arms (column ``arm``), with the columns of `measure`:
        ``events_t n_t events_c n_c`` (``"log_or"``), ``events_t time_t events_c time_c`` (``"log_irr"``), ``events n``
        (``"logit_prop"``) or ``events time`` (``"log_rate"``), and ``study``. Other columns are covariates.
    measure : {"log_or", "log_irr", "logit_prop", "log_rate"}
        Log odds ratio, log rate ratio, log odds of one arm, or log rate of one arm.
    model : {"um.fs", "um.rs", "cm.el", "cm.al"}
        With two arms: ``"um.fs"`` unconditional, with a level of its own for each study; ``"um.rs"`` with levels that
        vary normally; ``"cm.el"`` conditional on the events of each study, which has no such nuisance; ``"cm.al"``
        (``"log_or"`` only), the binomial approximation of it for rare events. With one arm there is one model.
    method : {"ml", "fe"}
        Random effects, or a common effect.
    formula : str, optional
        Right-hand side on the covariates, e.g. ``"1 + dose"``; by default the mean only.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    PooledResult
        `q` is the Wald test that all effects are equal, or as the covariates say, and `tests` holds the ``"likelihood
        ratio"`` test of the same; studies with a zero cell count in the second only. I^2 and H^2 are NaN: studies have
        no sampling variance. `moderators` is the Wald test of all coefficients but the intercept. `level_variance` is that
        of the levels of studies, for ``"um.rs"``.

    Raises
    ------
    DataError
        If the table cannot be right, or its likelihood is highest where a coefficient is infinite.
    SpecificationError
        If a name is not known, the formula cannot be read, or there are too few studies for its coefficients.
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
    >>> arms |= {"dose": [1, 2, 4]}
    >>> found = pool_glmm(arms, "log_or", "cm.el", formula="1 + dose")
    >>> found.coefficients[["estimate", "se"]].round(4)
          estimate      se
    mu     -1.1210  0.5579
    dose    0.1888  0.2489
    """
    _check(measure, model, method, level)
    formula = "1" if formula is None else formula
    counts = read_counts(arms, measure, formula)
    check_size(counts, method == "ml")
    X, turn = orthonormal(counts.X)
    prepared = _PREPARE[measure](*counts.columns, X, model)
    if isinstance(prepared.likelihood, RandomLevels):
        _check_levels(prepared.likelihood, counts)
        estimate = _random_levels(prepared.likelihood, prepared, method)
    else:
        alone = prepared.saturated.estimate
        check_finite(counts.X, np.where(np.isinf(alone), np.sign(alone), 0.0), counts.names)
        estimate = _one_deviation(prepared.likelihood, prepared.saturated, method)
    estimate = estimate._replace(beta=turn @ estimate.beta, covariance=turn @ estimate.covariance @ turn.T)
    named = model if MEASURES[measure].two_arms else ""
    return replace(_result(estimate, counts, method, formula, level), display=display_of(measure), glmm=named)


def _check(measure: str, model: str, method: str, level: float) -> None:
    require_choice("measure", measure, MODELS)
    require_choice("model", model, MODELS[measure], f"measure={measure!r}: ")
    require_choice("method", method, ("ml", "fe"))
    check_level(level)


def _check_levels(likelihood: RandomLevels, counts: Counts) -> None:
    """Reject counts whose likelihood has no maximum; each arm has a predictor of its own."""
    levels = np.ones((len(counts.X), 1))
    rows = np.vstack([np.hstack([levels, counts.X]), np.hstack([levels, np.zeros_like(counts.X)])])
    ends = np.concatenate([arm.saturated().estimate for arm in (likelihood.treated, likelihood.control)])
    check_finite(rows, np.where(np.isinf(ends), np.sign(ends), 0.0), counts.names, levels=1)


def _conditional(likelihood: Binomial | Conditional | Poisson, X: Floats) -> _Prepared:
    return _Prepared(MarginalCounts((Part(likelihood, 1.0, 1.0),), None, X), likelihood.saturated())


def _unconditional(
    treated: Binomial | Poisson, control: Binomial | Poisson, start: Floats, X: Floats, model: str
) -> _Prepared:
    """Two arms with a common level for each study, fixed or random, and half of the deviation in each."""
    t, c = treated.saturated(), control.saturated()
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.where(
            (t.information > 0) & (c.information > 0), 1 / (1 / t.information + 1 / c.information), 0
        )
        estimate = t.estimate - c.estimate
    alone = Saturated(t.log_likelihood + c.log_likelihood, estimate, information)
    if model == "um.rs":
        return _Prepared(RandomLevels(treated, control, X), alone, float(np.median(start)))
    parts = (Part(treated, 1.0, 0.5), Part(control, 0.0, -0.5))
    return _Prepared(MarginalCounts(parts, start, X), alone)


def _odds_ratio(events_t: Floats, n_t: Floats, events_c: Floats, n_c: Floats, X: Floats, model: str) -> _Prepared:
    events, zero = events_t + events_c, np.zeros_like(n_t)
    if model == "cm.el":
        return _conditional(Conditional(events_t, n_t, n_c, events), X)
    if model == "cm.al":
        return _conditional(Binomial(events_t, events, np.log(n_t / n_c)), X)
    start = np.log(events / (n_t + n_c - events))
    return _unconditional(Binomial(events_t, n_t, zero), Binomial(events_c, n_c, zero), start, X, model)


def _rate_ratio(events_t: Floats, time_t: Floats, events_c: Floats, time_c: Floats, X: Floats, model: str) -> _Prepared:
    events = events_t + events_c
    if model == "cm.el":
        return _conditional(Binomial(events_t, events, np.log(time_t / time_c)), X)
    start = np.log(events / (time_t + time_c))
    return _unconditional(Poisson(events_t, time_t), Poisson(events_c, time_c), start, X, model)


def _log_odds(events: Floats, n: Floats, X: Floats, model: str) -> _Prepared:
    return _conditional(Binomial(events, n, np.zeros_like(n)), X)


def _log_rate(events: Floats, time: Floats, X: Floats, model: str) -> _Prepared:
    return _conditional(Poisson(events, time), X)


_PREPARE: dict[str, Callable[..., _Prepared]] = {
    "log_or": _odds_ratio,
    "log_irr": _rate_ratio,
    "logit_prop": _log_odds,
    "log_rate": _log_rate,
}


def _loss(likelihood: MarginalCounts, random: bool) -> Callable[[Floats], tuple[float, Floats]]:
    p = likelihood.X.shape[1]

    def loss(at: Floats) -> tuple[float, Floats]:
        value, slope = likelihood.log_likelihood(at[:p], float(at[p]) if random else 0.0)
        return -value, -slope[: len(at)]

    return loss


def _middle(alone: Saturated, X: Floats) -> Floats:
    """Where the search for the coefficients starts."""
    finite = np.isfinite(alone.estimate)
    if X.shape[1] == 1:
        return np.array([np.median(alone.estimate[finite]) if finite.any() else 0.0])
    return np.asarray(np.linalg.lstsq(X[finite], alone.estimate[finite])[0])


def _one_deviation(likelihood: MarginalCounts, alone: Saturated, method: str) -> _Estimate:
    """Fit a model in beta and tau."""
    X, start = likelihood.X, _middle(alone, likelihood.X)
    p = len(start)
    common, floor = settle(_loss(likelihood, False), [start], "pool_glmm")
    best, height = np.append(common, 0.0), floor
    if method == "ml":
        loss = _loss(likelihood, True)
        starts = [np.append(start, tau) for tau in _STARTS]
        trial, value = try_zero(loss, *settle(loss, starts, "pool_glmm"), [p])
        if value < height:
            best, height = trial, value
    random = best[p] != 0
    information = curvature(_loss(likelihood, random), best if random else best[:p])
    informative = alone.information > 0
    root = np.sqrt(alone.information[informative])
    left, right = root[:, None] * X[informative], root * alone.estimate[informative]
    wald = float(np.sum((right - left @ np.linalg.lstsq(left, right)[0]) ** 2))
    ratio = 2 * (float(alone.log_likelihood.sum()) + floor)
    return _Estimate(best[:p], np.linalg.inv(information)[:p, :p], abs(float(best[p])), math.nan, -height, wald, ratio)


def _random_levels(likelihood: RandomLevels, prepared: _Prepared, method: str) -> _Estimate:
    """Fit a model in the mean and the spread of levels, beta and tau."""
    p = likelihood.X.shape[1]
    start = np.append(prepared.centre, _middle(prepared.saturated, likelihood.X))
    common, floor = likelihood.fit(start, random=False)
    best, height = common, floor
    if method == "ml":
        trial, value = likelihood.fit(common[: p + 1], random=True)
        if value > height:
            best, height = trial, value
    top, wald = likelihood.saturated(common[: p + 1])
    covariance = likelihood.covariance(best)[1:, 1:]
    tau, level_variance = abs(float(best[-1])), float(best[-2] ** 2)
    return _Estimate(best[1:-2], covariance, tau, level_variance, height, wald, 2 * (top - floor))


def _result(fitted: _Estimate, counts: Counts, method: str, formula: str, level: float) -> PooledResult:
    rows = coefficient_rows(counts.names, fitted.beta, fitted.covariance, math.inf, level)
    contrasts = level_contrasts(counts.factors, counts.names, fitted.beta, fitted.covariance, math.inf, level)
    estimate, se, statistic, p_value, lower, upper = dict(rows).get("mu", (math.nan,) * 6)
    half = critical(level, math.inf) * math.hypot(se, fitted.tau)
    k, p = counts.X.shape
    df = k - p
    wald, ratio = (fitted.wald, max(0.0, fitted.ratio)) if df else (0.0, 0.0)
    return PooledResult(
        estimate=estimate,
        se=se,
        lower=lower,
        upper=upper,
        statistic=statistic,
        p_value=p_value,
        prediction=(estimate - half, estimate + half) if method == "ml" else NOTHING,
        tau2=fitted.tau**2,
        i2=math.nan,
        h2=math.nan,
        q=wald,
        q_df=df,
        q_p=float(stats.chi2.sf(wald, df)) if df else 1.0,
        moderators=omnibus_test(without_mean(counts.names), fitted.beta, fitted.covariance, math.inf),
        log_likelihood=fitted.height,
        level_variance=fitted.level_variance,
        covariance=fitted.covariance,
        tests={
            "likelihood ratio": StatisticalTest(ratio, (df,), float(stats.chi2.sf(ratio, df)) if df else 1.0),
            **contrasts.tests,
        },
        contrast_rows=contrasts.rows,
        method=method,
        interval="wald",
        formula=formula,
        level=level,
        n_studies=k,
        rows=rows,
    )
