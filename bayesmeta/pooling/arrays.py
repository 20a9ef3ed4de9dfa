"""Pooling on arrays: any number of data sets of the same shape at once."""

from __future__ import annotations

from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError, require_choice
from bayesmeta.pooling.heterogeneity import ESTIMATORS, q_profile, tau2_estimate, tau2_standard_error
from bayesmeta.pooling.profile import coefficient_profile, likelihood_ratio_p, tau2_profile
from bayesmeta.pooling.residuals import Regression, regression

Floats = NDArray[np.float64]
METHODS = tuple(ESTIMATORS)
INTERVALS = ("wald", "t", "hksj", "hksj-adhoc", "profile")
PREDICTIONS = ("metafor", "hts", "nagashima")
TAU2_INTERVALS = ("q-profile", "profile")


class PooledRegression(NamedTuple):
    """What pooling returns; leading dimensions are those of the input, coefficients come last."""

    beta: Floats
    se: Floats
    lower: Floats
    upper: Floats
    statistic: Floats
    p_value: Floats
    covariance: Floats
    tau2: Floats
    tau2_se: Floats
    tau2_lower: Floats
    tau2_upper: Floats
    typical_variance: Floats
    i2: Floats
    h2: Floats
    q: Floats
    q_p: Floats
    log_likelihood: Floats
    prediction_lower: Floats
    prediction_upper: Floats


def pool_arrays(
    y: Floats,
    se: Floats,
    X: Floats | None = None,
    *,
    method: str = "reml",
    interval: str = "hksj",
    level: float = 0.95,
    tau2_interval: str = "q-profile",
    tau2: Floats | None = None,
    cov: Floats | None = None,
    prediction: str = "metafor",
) -> PooledRegression:
    """Pool effects, or regress them on covariates, for every leading index.

    Parameters
    ----------
    y, se : ndarray, shape (..., study)
        Effects and their standard errors.
    X : ndarray, shape (study, coefficient) or (..., study, coefficient), optional
        Design matrix with its intercept; a column of ones by default.
    method, interval, level, tau2_interval
        As in `bayesmeta.pool`.
    tau2 : ndarray, shape (...), optional
        Take this between-study variance as known instead of estimating it.
    cov : ndarray, shape (study, study), optional
        Known covariance of the effects, instead of `se`.
    prediction : {"metafor", "hts"}
        As in `bayesmeta.pool`; an interval for the first coefficient of a new study.

    Returns
    -------
    PooledRegression
        Arrays of shape (..., coefficient) for `beta`, `se`, `lower`, `upper`, `statistic` and `p_value`,
        (..., coefficient, coefficient) for `covariance`, and (...) for the rest.

    Raises
    ------
    SpecificationError
        If a name is not known, or there are more coefficients than studies allow.

    Examples
    --------
    >>> y, se = np.array([[0.1, 0.4, 0.3], [0.2, -0.6, 0.9]]), np.array([0.1, 0.2, 0.15])
    >>> found = pool_arrays(y, np.broadcast_to(se, y.shape), method="dl", interval="wald")
    >>> found.beta[:, 0].round(4), found.tau2.round(4)
    (array([0.2105, 0.178 ]), array([0.0047, 0.3686]))
    """
    X = np.ones((y.shape[-1], 1)) if X is None else X
    return pool_regression(
        regression(y, np.square(se), X, cov), method=method, interval=interval, level=level, tau2_interval=tau2_interval,
        tau2=tau2, prediction=prediction,
    )  # fmt: skip


def pool_regression(
    data: Regression,
    *,
    method: str = "reml",
    interval: str = "hksj",
    level: float = 0.95,
    tau2_interval: str = "q-profile",
    tau2: Floats | None = None,
    prediction: str = "metafor",
) -> PooledRegression:
    """Pool as `pool_arrays` does, with what several estimators of the same data have in common computed once."""
    check_names(method, interval, level, tau2_interval)
    require_choice("prediction", prediction, PREDICTIONS[:2])
    _check_size(data, method)
    if interval == "profile" and method not in ("ml", "fe"):
        raise SpecificationError(
            f"interval='profile' is of the likelihood that method='ml' maximises; got method={method!r}."
        )
    tau2_used = tau2_estimate(data, method) if tau2 is None else np.asarray(tau2, dtype=float)
    beta, wald = data.coefficients(tau2_used)
    covariance, df = _scaled(data, tau2_used, wald, interval)
    se_beta = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = beta / se_beta
    p_value, half = two_sided_p(statistic, df), critical(level, df) * se_beta
    lower, upper = beta - half, beta + half
    if interval == "profile":
        lower, upper = coefficient_profile(data, method, level)
        p_value = likelihood_ratio_p(data, method)
    bounds = (q_profile if tau2_interval == "q-profile" else tau2_profile[method])(data, level)
    tau2_se = tau2_standard_error(data, method, tau2_used)
    q, q_p, typical, i2, h2 = heterogeneity(data, method, tau2_used)
    likelihood = data.restricted_log_likelihood if method == "reml" else data.log_likelihood
    predicted = _predicted(data, method, tau2_used, beta, wald, covariance, df, level, prediction)
    return PooledRegression(
        beta, se_beta, lower, upper, statistic, p_value, covariance, tau2_used, tau2_se, *bounds,
        typical, i2, h2, q, q_p, likelihood(tau2_used), *predicted,
    )  # fmt: skip


def heterogeneity(data: Regression, method: str, tau2: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Cochran's Q, its P value, the typical sampling variance, I^2 in percent and H^2.

    With random effects I^2 is tau^2 over tau^2 plus the typical variance, whatever the estimator; with a common
    effect it is the excess of Q over its degrees of freedom.

    References
    ----------
    Higgins and Thompson (2002), Stat. Med. 21:1539-1558, doi:10.1002/sim.1186
    """
    from scipy import stats

    zero = np.zeros(np.shape(tau2))
    if data.m == 0:
        return zero, zero + 1, zero, zero, zero + 1
    q = data.q() + zero
    typical = data.m / data.contrasts.traces(zero)[0]
    if method == "fe":
        h2 = q / data.m
        i2 = 100 * np.maximum(1 - 1 / np.maximum(h2, 1e-300), 0.0)
    else:
        i2, h2 = 100 * tau2 / (typical + tau2), tau2 / typical + 1
    return q, stats.chi2.sf(q, data.m), typical, i2, h2


def two_sided_p(statistic: Floats, df: float) -> Floats:
    """P value of a z statistic (`df` infinite) or a t statistic; NaN where `df` is not positive."""
    from scipy import stats

    if not df > 0:
        return np.full(np.shape(statistic), np.nan)
    tail = stats.norm.sf(np.abs(statistic)) if np.isinf(df) else stats.t.sf(np.abs(statistic), df)
    return np.asarray(2 * tail)


def critical(level: float, df: float) -> float:
    """Normal (`df` infinite) or t quantile of a central interval; NaN where `df` is not positive."""
    from scipy import stats

    if not df > 0:
        return np.nan
    tail = (1 - level) / 2
    return float(stats.norm.isf(tail) if np.isinf(df) else stats.t.isf(tail, df))


def check_names(method: str, interval: str, level: float, tau2_interval: str = "q-profile") -> None:
    """Reject an unknown method or interval, or a level outside (0, 1)."""
    require_choice("method", method, METHODS)
    require_choice("interval", interval, INTERVALS)
    require_choice("tau2_interval", tau2_interval, TAU2_INTERVALS)
    check_level(level)
    if tau2_interval == "profile" and method not in tau2_profile:
        raise SpecificationError(f"tau2_interval='profile' needs method='ml' or 'reml'; got method={method!r}.")


def check_level(level: float) -> None:
    """Reject a level outside (0, 1)."""
    if not (isinstance(level, Real) and 0 < level < 1):
        raise SpecificationError(f"level={level!r}: must lie between 0 and 1. 95% is 0.95.")


def _check_size(data: Regression, method: str) -> None:
    needed = data.p + (method != "fe") if data.p > 1 else 1
    if data.k < needed:
        tau = "" if method == "fe" else " and tau"
        raise SpecificationError(
            f"{data.k} studies cannot identify {data.p} coefficients{tau}: at least {needed} are needed."
        )


def _scaled(data: Regression, tau2: Floats, covariance: Floats, interval: str) -> tuple[Floats, float]:
    """Covariance of the coefficients and degrees of freedom of their reference distribution."""
    if interval in ("wald", "profile"):
        return covariance, np.inf
    if interval == "t":
        return covariance, float(data.m)
    if data.m == 0:
        return np.full(covariance.shape, np.nan), 0.0
    factor = data.q(tau2) / data.m
    if interval == "hksj-adhoc":
        factor = np.maximum(factor, 1.0)
    return factor[..., None, None] * covariance, float(data.m)


def _predicted(
    data: Regression,
    method: str,
    tau2: Floats,
    beta: Floats,
    wald: Floats,
    covariance: Floats,
    df: float,
    level: float,
    kind: str,
) -> tuple[Floats, Floats]:
    """Interval for the first coefficient of a new study; NaN for a common effect."""
    if method == "fe":
        nothing = np.full(np.shape(tau2), np.nan)
        return nothing, nothing
    variance = covariance[..., 0, 0]
    if kind == "hts":
        variance, df = wald[..., 0, 0], float(data.m - 1)
    half = critical(level, df) * np.sqrt(variance + tau2)
    return beta[..., 0] - half, beta[..., 0] + half
