"""Other estimators on a review whose trials are latent: their results on draws of the trials."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.review import PublishedReview
from bayesmeta.families.words import Reader, Row
from bayesmeta.pooling.arrays import pool_arrays

ESTIMATORS = (("dl", "wald"), ("reml", "wald"), ("reml", "hksj"), ("pm", "hksj"))
_MOST = 2000  # draws, evenly spaced
_LEVELS = (0.5, 0.025, 0.975)


def latent_pooling(reader: Reader) -> list[Row]:
    """Rows of a table: the published pool, each estimator's as a distribution over the trials, and the model's own.

    Every number of an estimator is the median over draws, with the 2.5% and 97.5% quantiles where it is a list of three.
    Empty for models with coefficients.
    """
    data: PublishedReview = reader.data
    if reader.coefficients or data.n_studies < 2:
        return []
    y, se = (_draws(reader, name) for name in ("y", "se"))
    rows = []
    for method, interval in ESTIMATORS:
        pooled = pool_arrays(y, se, method=method, interval=interval)
        lower, upper = pooled.lower[:, 0], pooled.upper[:, 0]
        rows.append(
            {
                "label": f"{method} {interval}",
                "school": "frequentist",
                "estimate": _quantiles(pooled.beta[:, 0]),
                "lower": _quantiles(lower),
                "upper": _quantiles(upper),
                "tau": _quantiles(np.sqrt(pooled.tau2)),
                "excludes_zero": float(np.mean((lower > 0) | (upper < 0))),
            }
        )
    return [*_published(data), *rows, _own(reader)]


def _draws(reader: Reader, name: str) -> NDArray[np.float64]:
    values = reader.group("posterior")[name].stack(sample=("chain", "draw")).transpose("sample", "study").to_numpy()
    return np.ascontiguousarray(values[:: max(len(values) // _MOST, 1)])


def _quantiles(x: NDArray[np.float64]) -> list[float]:
    return [float(q) for q in np.quantile(x, _LEVELS)]


def _published(data: PublishedReview) -> list[Row]:
    pool = data.pooled
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


def _own(reader: Reader) -> Row:
    mu, tau = reader.parameter("mu"), reader.parameter("tau")
    return {
        "label": "this model",
        "school": "Bayesian",
        "estimate": [mu["median"]],
        "lower": [mu["lower"]],
        "upper": [mu["upper"]],
        "tau": [tau["median"], tau["lower"], tau["upper"]],
        "excludes_zero": None,
    }
