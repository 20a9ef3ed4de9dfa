"""What nested and multivariate pooling share: checks, the likelihood, and the assembly of the result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesmeta.data.estimates import Estimates, require_estimates
from bayesmeta.effects.registry import display_of
from bayesmeta.errors import DataError, SpecificationError, require_choice
from bayesmeta.pooling.arrays import check_level, critical
from bayesmeta.pooling.components import Components, Term
from bayesmeta.pooling.labels import row_labels
from bayesmeta.pooling.multilevel_result import MultilevelResult
from bayesmeta.pooling.pool import PoolDesign, coefficient_labels
from bayesmeta.pooling.result import NOTHING, Pair
from bayesmeta.pooling.wald import coefficient_rows, level_contrasts, omnibus_test

Floats = NDArray[np.float64]
SIZES = (0.15, 0.9)  # of the scale of the effects: where searches start


def clusters_of(data: Estimates, cluster: str | Sequence[object]) -> tuple[str, ...]:
    """Return the cluster of each estimate; reject a single one."""
    require_estimates(data)
    groups = row_labels(data, cluster, "cluster")
    if len(set(groups)) < 2:
        raise DataError(f"all estimates are in cluster {groups[0]!r}: at least two clusters are needed.")
    return groups


def likelihood(
    data: Estimates, X: Floats, terms: tuple[Term, ...], method: str, interval: str, level: float
) -> Components:
    """Check what was asked for and return the likelihood."""
    require_choice("method", method, ("reml", "ml"))
    require_choice("interval", interval, ("wald", "t"))
    check_level(level)
    k, p = X.shape
    needed = p + sum(term.size for term in terms)
    if k < needed:
        raise SpecificationError(
            f"{k} estimates cannot identify {p} coefficients and {needed - p} variances and correlations: at least "
            f"{needed} are needed."
        )
    V = np.diag(data.v) if data.cov is None else np.array(data.cov)
    return Components(np.array(data.y), X, V, terms, method == "reml")


def assemble(
    data: Estimates,
    model: Components,
    design: PoolDesign,
    best: Floats,
    height: float,
    method: str,
    interval: str,
    level: float,
    *,
    structure: str,
    formula: str,
    n_clusters: int,
    tested: Sequence[int],
    variances: Mapping[str, float],
    spread: Mapping[str, float],
    intervals: Mapping[str, Pair],
    i2: Mapping[str, float],
    correlation: Floats | None = None,
) -> MultilevelResult:
    """Turn the best parameters into a result; `spread` holds the variance of a new true effect for some coefficients,
    `tested` the places of those that the omnibus test takes.
    """
    beta, covariance = model.coefficients(best)
    k, p = model.X.shape
    names, df = design.names, math.inf if interval == "wald" else float(k - p)
    contrasts = level_contrasts(design.factors, names, beta, covariance, df, level)
    rows = coefficient_rows(names, beta, covariance, df, level)
    prediction = {}
    for name, row in rows:
        if name in spread:
            half = critical(level, df) * math.sqrt(row[1] ** 2 + spread[name])
            prediction[name] = (row[0] - half, row[0] + half) if math.isfinite(half) else NOTHING
    q, _ = model.without()
    return MultilevelResult(
        covariance=covariance,
        variances=variances,
        intervals=intervals,
        correlation=correlation,
        i2=i2,
        prediction=prediction,
        q=q,
        q_df=k - p,
        q_p=float(stats.chi2.sf(q, k - p)),
        moderators=omnibus_test(tested, beta, covariance, df),
        log_likelihood=height,
        method=method,
        structure=structure,
        interval=interval,
        formula=formula,
        level=level,
        n_studies=data.n_studies,
        n_clusters=n_clusters,
        rows=rows,
        tests=contrasts.tests,
        contrast_rows=contrasts.rows,
        display=display_of(data.measure, data.se),
        labels=coefficient_labels(data, names) if formula != "outcome" else dict(zip(names, names, strict=True)),
    )
