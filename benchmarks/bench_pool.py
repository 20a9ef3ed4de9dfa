"""Pooling many studies, beside an exact fit with its summary: time that grows with their number, and no faster."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import bayesmeta as bm

MODEL = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5))


def studies(k: int) -> bm.Estimates:
    rng = np.random.default_rng(k)
    se = rng.uniform(0.05, 0.5, k)
    return bm.Estimates(rng.normal(0.2, np.hypot(se, 0.2)), se, covariates={"dose": rng.normal(size=k)})


def pooled(k: int, formula: str = "1") -> Callable[[], None]:
    data = studies(k)
    return lambda: void(bm.pool(data, formula=formula))


def fitted(k: int) -> Callable[[], None]:
    data = studies(k)
    return lambda: void(bm.fit(data, MODEL).summary())


def void(_: object) -> None:
    """What was computed is not needed."""


CASES = {
    "pool, k = 500": pooled(500),
    "pool, k = 5,000": pooled(5_000),
    "pool, k = 50,000": pooled(50_000),
    "pool with a covariate, k = 5,000": pooled(5_000, "1 + dose"),
    "fit, k = 5,000": fitted(5_000),
}
