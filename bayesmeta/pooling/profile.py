"""Profile likelihood: intervals for tau^2, and for coefficients with tau^2 maximised out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bayesmeta.pooling.heterogeneity import tau2_estimate
from bayesmeta.pooling.residuals import Regression

Floats = NDArray[np.float64]
_GRID = 401
_HALVINGS = 200
_GOLDEN = (5**0.5 - 1) / 2


def _bounds(data: Regression, level: float, method: str) -> tuple[Floats, Floats]:
    if data.m == 0:
        nothing = np.full(data.y.shape[:-1], np.nan)
        return nothing, nothing
    return _limits(data, level, method)


def _limits(data: Regression, level: float, method: str) -> tuple[Floats, Floats]:
    from scipy import stats

    curve = data.log_likelihood if method == "ml" else data.restricted_log_likelihood
    estimate = tau2_estimate(data, method)
    floor = curve(estimate) - stats.chi2.ppf(level, 1) / 2
    zero = np.zeros_like(estimate)
    lower = np.where(curve(zero) >= floor, 0.0, _bisect(curve, zero, estimate, floor))
    far = estimate + data.scale
    for _ in range(_HALVINGS):
        inside = curve(far) >= floor
        if not inside.any():
            break
        far = np.where(inside, 4 * far, far)
    return lower, _bisect(curve, far, estimate, floor)


def _bisect(curve: Callable[[Floats], Floats], outside: Floats, inside: Floats, floor: Floats) -> Floats:
    """Point between `outside` and `inside` where the curve crosses `floor`."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (outside + inside)
        keep = curve(middle) >= floor
        outside, inside = np.where(keep, outside, middle), np.where(keep, middle, inside)
        if np.all((middle == inside) & (middle == outside)):
            break
    return 0.5 * (outside + inside)


tau2_profile = {method: partial(_bounds, method=method) for method in ("ml", "reml")}


def coefficient_profile(data: Regression, method: str, level: float) -> tuple[Floats, Floats]:
    """Profile-likelihood interval of each coefficient, shape (..., p).

    Given tau^2 the likelihood of one coefficient is normal around its estimate, so the limits are the extremes over
    tau^2 of estimate -+ standard error * sqrt(critical value less the drop of the likelihood at that tau^2).

    References
    ----------
    Hardy and Thompson (1996), Stat. Med. 15:619-629,
    doi:10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A
    """
    from scipy import stats

    crit = stats.chi2.ppf(level, 1)
    best = tau2_estimate(data, method)
    top = data.log_likelihood(best)

    def limit(tau2: Floats, sign: float) -> Floats:
        beta, covariance = data.coefficients(tau2)
        room = crit - 2 * (top - data.log_likelihood(tau2))
        se = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
        with np.errstate(invalid="ignore"):
            return np.where(room[..., None] >= 0, sign * beta + se * np.sqrt(room)[..., None], -np.inf)

    if method == "fe":
        return -limit(best, -1.0), limit(best, 1.0)
    grid = _tau_grid(data, level)
    lower = np.maximum(limit(best, -1.0), _highest(lambda t: limit(t, -1.0), grid))
    return -lower, np.maximum(limit(best, 1.0), _highest(lambda t: limit(t, 1.0), grid))


def _tau_grid(data: Regression, level: float) -> Floats:
    """Values of tau that cover the profile interval of tau^2, shape (grid, ...)."""
    upper = np.sqrt(_limits(data, level, "ml")[1])
    return np.linspace(0.0, 1.0, _GRID).reshape(-1, *(1,) * upper.ndim) * upper


def _highest(curve: Callable[[Floats], Floats], tau: Floats) -> Floats:
    """Maximum of `curve` over tau^2, for each coefficient: the best grid point, refined by golden sections."""
    values = np.stack([curve(t**2) for t in tau])
    best = np.argmax(values, axis=0)
    index = np.clip(np.stack([best - 1, best + 1]), 0, len(tau) - 1)
    ends = np.take_along_axis(np.broadcast_to(tau[..., None], values.shape), index, axis=0)
    result = values.max(axis=0)
    for j in range(result.shape[-1]):
        left, right = ends[0, ..., j], ends[1, ..., j]
        for _ in range(60):
            inner, outer = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
            low, high = curve(inner**2)[..., j], curve(outer**2)[..., j]
            left, right = np.where(low < high, inner, left), np.where(low < high, right, outer)
            result[..., j] = np.maximum(result[..., j], np.maximum(low, high))
    return np.asarray(result)


def likelihood_ratio_p(data: Regression, method: str) -> Floats:
    """P value of the likelihood-ratio test that each coefficient is zero, shape (..., p)."""
    from scipy import stats

    full = data.log_likelihood(tau2_estimate(data, method))
    drops = []
    for j in range(data.p):
        keep = [i for i in range(data.p) if i != j]
        drops.append(2 * (full - _null_likelihood(data, keep, method)))
    return np.asarray(stats.chi2.sf(np.maximum(np.stack(drops, axis=-1), 0.0), 1))


def _null_likelihood(data: Regression, keep: list[int], method: str) -> Floats:
    """Highest log likelihood with only the columns `keep`."""
    smaller = Regression(data.y, data.v, data.X[..., keep], data.spread)
    return smaller.log_likelihood(tau2_estimate(smaller, method))
