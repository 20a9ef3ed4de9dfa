"""One exact fit with its summary (mu, tau, theta_new: mean, sd, median, 95% interval), by number of studies."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import bayesmeta as bm

MODEL = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5))
REPEATS = {7: 40, 8: 40, 20: 40, 100: 30, 1000: 10, 10_000: 5}


def simulated(k: int) -> bm.Estimates:
    rng = np.random.default_rng(20260101)
    se = np.exp(rng.uniform(np.log(0.1), np.log(0.6), k))
    return bm.Estimates(y=rng.normal(0.3, np.hypot(se, 0.25)), se=se)


def summary(k: int) -> Callable[[], float]:
    data = simulated(k)

    def run() -> float:
        start = time.perf_counter()
        for _ in range(REPEATS[k]):
            bm.fit(data, MODEL).summary(ci_prob=0.95, ci_kind="eti")
        return (time.perf_counter() - start) / REPEATS[k]

    return run


def nuts_warm() -> Callable[[], float]:
    """Sampling alone, compiled before: four chains of 1,000 draws of eight studies."""
    from bayesmeta.families.prepared import prepare
    from bayesmeta.inference.nuts import NutsEngine
    from bayesmeta.inference.sampling import SamplerSettings

    ready = prepare(simulated(8), MODEL)
    engine = NutsEngine()
    engine.prepare([ready])

    def run() -> float:
        start = time.perf_counter()
        engine.fit(ready, SamplerSettings(draws=1000, tune=1000, chains=4, target_accept=0.9), 1)
        return time.perf_counter() - start

    return run


CASES = {
    "k = 7": summary(7),
    **{f"k = {k:,}": summary(k) for k in (8, 20, 100, 1000, 10_000)},
    "k = 8 by nuts, compiled": nuts_warm(),
}
