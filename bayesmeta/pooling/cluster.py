"""Cluster-robust standard errors: tests that stay honest when estimates within a cluster are dependent in unknown ways."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError
from bayesmeta.pooling.labels import row_labels
from bayesmeta.pooling.pool import design_matrix, pool_rows
from bayesmeta.pooling.result import NOTHING, PooledResult
from bayesmeta.pooling.wald import coefficient_row

Floats = NDArray[np.float64]
_RANK = 1e-10  # of the largest eigenvalue: what counts as zero in a cluster whose leverage is 1


def cluster_robust(
    data: Estimates,
    cluster: str | Sequence[object],
    method: str = "reml",
    *,
    formula: str | None = None,
    level: float = 0.95,
) -> PooledResult:
    """Pool, or regress on covariates, with the bias-reduced cluster-robust covariance CR2 and Satterthwaite t tests.

    Weights, estimates and heterogeneity are those of `pool`, as if estimates were independent (or had the covariance
    of `data`); standard errors and tests allow any dependence within clusters.

    Parameters
    ----------
    data : Estimates
        Effects with their standard errors, or with a working covariance.
    cluster : str or sequence
        Name of the covariate that holds the cluster of each estimate, or the clusters themselves.
    method, formula, level
        As in `pool`.

    Returns
    -------
    PooledResult
        With ``interval="cr2"``; `df` is that of the mean. There is no prediction interval and no omnibus test.

    Raises
    ------
    DataError
        If there are fewer than two clusters, or not one label for each estimate.
    SpecificationError
        If there is no such covariate, or as in `pool`.

    References
    ----------
    Bell and McCaffrey (2002), Surv. Methodol. 28:169-181
    Tipton (2015), Psychol. Methods 20:375-393, doi:10.1037/met0000011
    Pustejovsky and Tipton (2018), J. Bus. Econ. Stat. 36:672-683, doi:10.1080/07350015.2016.1247004

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = bm.cluster_robust(bm.load_dataset("bcg"), "allocation", method="dl")
    >>> round(found.estimate, 4), found.interval
    (-0.7141, 'cr2')
    """
    start = pool_rows(data, method, "wald", formula, level)
    names, X, _ = design_matrix(data, start.formula)
    groups = _groups(data, cluster)
    working = (np.diag(data.v) if data.cov is None else data.cov) + start.tau2 * np.eye(data.n_studies)
    beta = np.array([row[0] for _, row in start.rows])
    covariance, df = _cr2(X, data.y - X @ beta, working, groups)
    rows = tuple(
        (name, coefficient_row(float(b), math.sqrt(float(v)), float(d), level))
        for name, b, v, d in zip(names, beta, np.diag(covariance), df, strict=True)
    )
    estimate, se, statistic, p_value, lower, upper = dict(rows).get("mu", (math.nan,) * 6)
    same = ("tau2", "tau2_se", "tau2_interval", "i2", "i2_interval", "h2", "h2_interval", "q", "q_df", "q_p", "r2")
    kept = {name: getattr(start, name) for name in (*same, "log_likelihood", "method", "formula", "level")}
    kept |= {name: getattr(start, name) for name in ("n_studies", "n_trials", "display", "labels")}
    return PooledResult(
        estimate=estimate,
        se=se,
        lower=lower,
        upper=upper,
        statistic=statistic,
        p_value=p_value,
        prediction=NOTHING,
        covariance=covariance,
        interval="cr2",
        df=float(df[names.index("mu")]) if "mu" in names else math.nan,
        rows=rows,
        **kept,
    )


def _groups(data: Estimates, cluster: str | Sequence[object]) -> list[NDArray[np.intp]]:
    """Row numbers of each cluster."""
    labels = row_labels(data, cluster, "cluster")
    groups = [np.flatnonzero([label == one for label in labels]) for one in dict.fromkeys(labels)]
    if len(groups) < 2:
        raise DataError(f"all estimates are in cluster {labels[0]!r}: at least two clusters are needed.")
    return groups


def _cr2(X: Floats, residual: Floats, working: Floats, groups: Sequence[NDArray[np.intp]]) -> tuple[Floats, Floats]:
    """Covariance of the coefficients, and Satterthwaite degrees of freedom of each."""
    weight = np.linalg.inv(working)
    bread = np.linalg.inv(X.T @ weight @ X)
    spread = working - X @ bread @ X.T  # covariance of the residuals, if the working covariance is right
    leave = np.eye(len(X)) - X @ bread @ X.T @ weight
    scores, directions = [], []
    for rows in groups:
        block = np.ix_(rows, rows)
        adjust = _adjustment(working[block], spread[block])
        lever = bread @ X[rows].T @ np.linalg.inv(working[block]) @ adjust
        scores.append(lever @ residual[rows])
        directions.append(lever @ leave[rows])
    stack = np.stack(directions)  # cluster, coefficient, study
    df = []
    for j in range(X.shape[1]):
        products = stack[:, j] @ working @ stack[:, j].T
        df.append(np.trace(products) ** 2 / np.sum(products**2))
    return np.asarray(sum(np.outer(s, s) for s in scores)), np.array(df)


def _adjustment(working: Floats, spread: Floats) -> Floats:
    """Matrix A with A spread A' = working where it can be: U' (U spread U')^(-1/2) U for working = U'U."""
    upper = np.linalg.cholesky(working).T
    values, vectors = np.linalg.eigh(upper @ spread @ upper.T)
    keep = values > _RANK * values.max()
    root = (vectors[:, keep] / np.sqrt(values[keep])) @ vectors[:, keep].T
    return np.asarray(upper.T @ root @ upper)
