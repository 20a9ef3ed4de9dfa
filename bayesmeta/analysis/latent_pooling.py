"""Other estimators on a review whose trials are latent: their results on draws of the trials."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.review import PublishedReview
from bayesmeta.data.statistics import PooledEstimate
from bayesmeta.diagnostics.published import of_review
from bayesmeta.pooling.arrays import pool_arrays
from bayesmeta.results.meta_result import MetaResult

ESTIMATORS = (("dl", "wald"), ("reml", "wald"), ("reml", "hksj"), ("pm", "hksj"))
_MOST = 2000  # draws, evenly spaced
_LEVELS = (0.5, 0.025, 0.975)


def latent_pooling(result: MetaResult) -> list[dict[str, Any]]:
    """Rows of a table: the published pool, each estimator's as a distribution over the trials, and the model's own.

    Every number of an estimator is the median over draws, with the 2.5% and 97.5% quantiles where it is a list of three.
    Empty for data whose trials are known, and for models with coefficients.
    """
    data: Any = result.data
    if not of_review(result) or result.coefficients or len(data.study) < 2:
        return []
    y, se = (_draws(result, name) for name in ("y", "se"))
    rows = []
    for method, interval in ESTIMATORS:
        found = pool_arrays(y, se, method=method, interval=interval)
        lower, upper = found.lower[:, 0], found.upper[:, 0]
        rows.append(
            {
                "label": f"{method} {interval}",
                "school": "frequentist",
                "estimate": _quantiles(found.beta[:, 0]),
                "lower": _quantiles(lower),
                "upper": _quantiles(upper),
                "tau": _quantiles(np.sqrt(found.tau2)),
                "excludes_zero": float(np.mean((lower > 0) | (upper < 0))),
            }
        )
    return [*_published(data), *rows, _own(result)]


def _draws(result: MetaResult, name: str) -> NDArray[np.float64]:
    values = result.posterior[name].stack(sample=("chain", "draw")).transpose("sample", "study").to_numpy()
    return np.ascontiguousarray(values[:: max(len(values) // _MOST, 1)])


def _quantiles(x: NDArray[np.float64]) -> list[float]:
    return [float(q) for q in np.quantile(x, _LEVELS)]


def _published(data: PublishedReview) -> list[dict[str, Any]]:
    pool = next((s for s in data.statistics if isinstance(s, PooledEstimate)), None)
    if pool is None:
        return []
    return [
        {
            "label": "published",
            "school": "frequentist",
            "estimate": [pool.estimate],
            "lower": [pool.lower],
            "upper": [pool.upper],
            "tau": [],
            "excludes_zero": None,
        }
    ]


def _own(result: MetaResult) -> dict[str, Any]:
    mu, tau = result.marginal("mu"), result.marginal("tau")
    lower, upper = mu.interval(0.95, "eti")
    return {
        "label": "this model",
        "school": "Bayesian",
        "estimate": [mu.median()],
        "lower": [lower],
        "upper": [upper],
        "tau": [tau.median(), *tau.interval(0.95, "eti")],
        "excludes_zero": None,
    }
