"""Trim and fill: how many studies are missing on one side of a funnel, and what they would change."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import InferenceError, require_choice
from bayesmeta.pooling.arrays import pool_arrays
from bayesmeta.pooling.pool import pool
from bayesmeta.pooling.result import PooledResult
from bayesmeta.pooling.small_study import require_independent
from bayesmeta.text.sheet import Sheet, Shown

Floats = NDArray[np.float64]
COUNTS = ("L0", "R0", "Q0")
SIDES = ("left", "right")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TrimAndFill(Shown):
    """What trim and fill found.

    Attributes
    ----------
    n_missing : int
        Estimated number of missing studies.
    n_missing_se : float
        Its standard error; NaN where the formula gives a negative variance, with a number far below 0.
    side : {"left", "right"}
        Side of the funnel on which they are missing.
    pooled : PooledResult
        Pool of the observed and the filled studies.
    data : Estimates
        Observed and filled studies; the latter are called ``filled 1``, ``filled 2``, ...
    estimator : str
        What was asked for.
    """

    n_missing: int
    n_missing_se: float
    side: str
    pooled: PooledResult
    data: Estimates
    estimator: str

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show: how many studies are missing, and the pool with them filled in."""
        from bayesmeta.pooling.small_face import trim_fill_sheet

        return trim_fill_sheet(self)


def trim_and_fill(
    data: Estimates,
    estimator: str = "L0",
    side: str | None = None,
    *,
    method: str = "reml",
    interval: str | None = None,
    level: float = 0.95,
) -> TrimAndFill:
    """Estimate and impute studies that are missing on one side of the funnel plot.

    Parameters
    ----------
    data : Estimates
        At least three studies.
    estimator : {"L0", "R0", "Q0"}
        Estimator of the number of missing studies.
    side : {"left", "right"}, optional
        Side on which studies are missing; by default the one opposite to the slope of effects on standard errors.
    method, interval, level
        As in `bayesmeta.pool`, while trimming and for the result.

    Returns
    -------
    TrimAndFill

    Raises
    ------
    DataError
        If there are too few studies, or they are correlated.
    InferenceError
        If the number of missing studies does not settle, or Q0 has no value.
    SpecificationError
        If a name is not known.

    References
    ----------
    Duval and Tweedie (2000), Biometrics 56:455-463, doi:10.1111/j.0006-341X.2000.00455.x

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = bm.trim_and_fill(bm.load_dataset("bcg"), method="dl", interval="wald")
    >>> found.n_missing, found.side, round(found.pooled.estimate, 4)
    (1, 'right', -0.6561)
    """
    require_choice("estimator", estimator, COUNTS)
    require_choice("side", side or "left", SIDES)
    require_independent(data, "trim and fill", 3)
    side = side or _thin_side(data, method)
    sign = 1.0 if side == "left" else -1.0
    order = np.argsort(sign * data.y, kind="stable")
    missing, error, centre = _settle(sign * data.y[order], data.se[order], estimator, method)
    extreme = order[len(order) - missing :]
    filled = _filled(data, 2 * sign * centre - data.y[extreme], data.se[extreme])
    return TrimAndFill(
        n_missing=missing,
        n_missing_se=error,
        side=side,
        pooled=pool(filled, method, interval, level=level),
        data=filled,
        estimator=estimator,
    )


def _thin_side(data: Estimates, method: str) -> str:
    X = np.column_stack([np.ones(data.n_studies), data.se])
    if np.ptp(data.se) == 0:
        return "left"
    slope = pool_arrays(data.y, data.se, X, method=method, interval="wald").beta[1]
    return "right" if slope < 0 else "left"


def _settle(y: Floats, se: Floats, estimator: str, method: str) -> tuple[int, float, float]:
    """Trim the largest effects until their estimated number no longer changes: it, its standard error, the centre."""
    missing, k = 0, len(y)
    for _ in range(100):
        rest = slice(0, k - missing)
        centre = float(pool_arrays(y[rest], se[rest], method=method, interval="wald").beta[0])
        gap = y - centre
        gap[np.abs(gap) <= 1e-14 * np.abs(y).max()] = 0.0  # the only study left is the centre, whatever rounding says
        ranks = np.empty(k)
        ranks[np.argsort(np.abs(gap), kind="stable")] = np.arange(1, k + 1)
        before, (missing, error) = missing, _count(np.sign(gap) * ranks, estimator)
        if missing == before:
            return missing, error, centre
    raise InferenceError(f"trim and fill does not settle on a number of missing studies with estimator={estimator!r}.")


def _count(signed: Floats, estimator: str) -> tuple[int, float]:
    """Estimate the number of missing studies, and its standard error, from signed ranks."""
    k = len(signed)
    if estimator == "R0":
        smallest = -signed[signed < 0]
        number = k - 1 - smallest.max() if smallest.size else 0.0
        return max(0, round(number)), math.sqrt(2 * max(0.0, number) + 2)
    total = float(signed[signed > 0].sum())
    if estimator == "L0":
        number = (4 * total - k * (k + 1)) / (2 * k - 1)
        return max(0, round(number)), 4 * _spread(k, number) / (2 * k - 1)
    inside = 2 * k**2 - 4 * total + 0.25
    if inside < 0:
        raise InferenceError("estimator='Q0' has no value for these studies. Use 'L0'.")
    number = k - 0.5 - math.sqrt(inside)
    scale = (k - 0.5) ** 2 - number * (2 * k - number - 1)
    return max(0, round(number)), 2 * _spread(k, number) / math.sqrt(scale) if scale > 0 else math.nan


def _spread(k: int, n: float) -> float:
    """Standard deviation of the rank sum when `n` of k + n studies are missing; NaN where its formula has none."""
    cubic = k * (k + 1) * (2 * k + 1) + 10 * n**3 + 27 * n**2 + 17 * n - 18 * k * n**2 - 18 * k * n + 6 * k**2 * n
    return math.sqrt(cubic / 24) if cubic >= 0 else math.nan


def _filled(data: Estimates, y: Floats, se: Floats) -> Estimates:
    names = [f"filled {i + 1}" for i in range(len(y))]
    return Estimates(
        np.concatenate([data.y, y]), np.concatenate([data.se, se]), [*data.study, *names], measure=data.measure
    )
