"""`pool_nested`: estimates within clusters, by (restricted) maximum likelihood with two variances."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError
from bayesmeta.pooling.component_profile import Held, ProfileIntervals, variance_limits
from bayesmeta.pooling.components import Components, Term, maximise
from bayesmeta.pooling.multilevel import SIZES, assemble, clusters_of, likelihood
from bayesmeta.pooling.multilevel_result import MultilevelResult
from bayesmeta.pooling.pool import design_matrix
from bayesmeta.pooling.wald import without_mean

Floats = NDArray[np.float64]
LEVELS = ("cluster", "estimate")


def pool_nested(
    data: Estimates,
    cluster: str | Sequence[object],
    method: str = "reml",
    *,
    formula: str | None = None,
    interval: str = "wald",
    level: float = 0.95,
) -> MultilevelResult:
    """Pool estimates that come in clusters: true effects differ between clusters, and within them.

    The three-level model y = X beta + u(cluster) + w(estimate) + error, with two variances.

    Parameters
    ----------
    data : Estimates
        Effects with standard errors, or with a known covariance, one row for each estimate.
    cluster : str or sequence
        Name of the covariate that holds the cluster of each estimate, or the clusters themselves.
    method : {"reml", "ml"}
        Restricted or full maximum likelihood.
    formula : str, optional
        Right-hand side on the covariates of `data`; by default the mean only.
    interval : {"wald", "t"}
        Normal reference, or t with as many degrees of freedom as estimates less coefficients.
    level : float, default 0.95
        Coverage of all intervals.

    Returns
    -------
    MultilevelResult
        With `variances` ``"cluster"`` and ``"estimate"``, their `i2`, and profile-likelihood
        `intervals`, which are searched for when they are looked up.

    Raises
    ------
    DataError, SpecificationError
        If clusters do not fit the data, or all have one estimate, so that the two variances cannot be told apart.
    InferenceError
        If the likelihood has no maximum that the search settles on.

    References
    ----------
    Konstantopoulos (2011), Res. Synth. Methods 2:61-76, doi:10.1002/jrsm.35
    Viechtbauer (2010), J. Stat. Softw. 36(3), doi:10.18637/jss.v036.i03

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates([0.1, 0.3, 0.9, 0.7, 0.2, -0.3], [0.1, 0.1, 0.2, 0.1, 0.2, 0.2])
    >>> found = bm.pool_nested(data, ["a", "a", "b", "b", "c", "c"])
    >>> {name: round(value, 4) for name, value in found.variances.items()}
    {'cluster': 0.151, 'estimate': 0.0139}
    """
    groups = clusters_of(data, cluster)
    same = np.equal.outer(groups, groups).astype(float)
    if same.sum() == len(same):
        raise SpecificationError(
            "every cluster has one estimate: variances between and within clusters cannot be told apart. Use pool."
        )
    unit, zero = np.ones((1, 1, 1)), np.zeros(len(same), dtype=np.intp)
    terms = (Term(same, zero, unit), Term(np.eye(len(same)), zero, unit))
    design = design_matrix(data, formula or "1")
    model = likelihood(data, design.X, terms, method, interval, level)
    best, height = maximise(model, list(map(np.array, itertools.product(SIZES, SIZES))), "pool_nested")
    variances = {name: float(value**2) for name, value in zip(LEVELS, best, strict=True)}
    total, typical = sum(variances.values()), model.without()[1]
    return assemble(
        data, model, design, best, height, method, interval, level,
        structure="nested",
        formula=formula or "1",
        n_clusters=len(set(groups)),
        tested=without_mean(design.names),
        variances=variances,
        spread={"mu": total},
        intervals=_intervals(model, best, height, level),
        i2={name: 100 * value / (total + typical) for name, value in variances.items()},
    )  # fmt: skip


def _intervals(model: Components, best: Floats, height: float, level: float) -> ProfileIntervals:
    """Profile-likelihood intervals of both variances."""
    floor, at = height - float(stats.chi2.ppf(level, 1)) / 2, np.abs(best) / model.scale
    return ProfileIntervals(
        {
            name: partial(variance_limits, Held(model, i, np.delete(at, i)), float(at[i]), floor, model.scale)
            for i, name in enumerate(LEVELS)
        }
    )
