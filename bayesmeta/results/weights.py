"""How much each study weighs in the mean effect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.results.meta_result import MetaResult

Floats = NDArray[np.float64]
_QUANTILES = 2000


def study_weights(result: MetaResult) -> Floats | None:
    """Posterior mean of each study's share of the precision of the mean effect; None where the model has no such shares.

    Given tau a study counts with 1 / (se^2 + tau^2), and its share is that over the sum of all; the prior on the mean, which
    R's bayesmeta counts as one more study, is left out, so that shares sum to 1. Covariates, correlated estimates and a
    second standard deviation of effects have no such shares.

    Returns
    -------
    ndarray of float, shape (study,), or None

    References
    ----------
    Röver and Friede (2021), Contributions of studies in a Bayesian meta-analysis, Biom. J. 63:406-422,
    doi:10.1002/bimj.201900379

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates([0.1, 0.5], [0.1, 0.2])
    >>> study_weights(bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.PointMass(0)))).round(6)
    array([0.8, 0.2])
    """
    problem = result.prepared.gaussian
    if isinstance(problem, str) or problem.second is not None or problem.names != ("mu",):
        return None
    structure = problem.structures[problem.scale]
    if problem.V.ndim > 1 or structure.ndim > 1:
        return None
    tau = result.marginal("tau").ppf((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    precision = 1 / (problem.V + np.square(tau)[:, None] * structure)
    return np.asarray((precision / precision.sum(axis=1, keepdims=True)).mean(axis=0))
