"""Events in two arms by their binomial likelihood: one fit with its summary, many trials, a table of priors, and NUTS beside."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

import numpy as np

import bayesmeta as bm

MODEL = bm.BinomialNormal(mu=bm.Normal(0, 2.82), tau=bm.HalfNormal(0.5))
REPEATS = {3: 20, 22: 20, 100: 5, 1000: 1}
SEEDS = count()  # counts that were not fitted before, so that nothing is known of their curves


def simulated(k: int, seed: int) -> bm.Counts:
    rng = np.random.default_rng([20261201, seed])
    n, base = rng.integers(20, 400, (2, k)), rng.uniform(0.02, 0.3, k)
    odds = base / (1 - base) * np.exp(rng.normal(-0.3, 0.3, k))
    return bm.Counts(
        events_t=rng.binomial(n[0], odds / (1 + odds)), n_t=n[0], events_c=rng.binomial(n[1], base), n_c=n[1]
    )


def summary(k: int) -> Callable[[], float]:
    def run() -> float:
        data = [simulated(k, next(SEEDS)) for _ in range(REPEATS[k])]
        start = time.perf_counter()
        for one in data:
            bm.fit(one, MODEL).summary(ci_prob=0.95, ci_kind="eti")
        return (time.perf_counter() - start) / REPEATS[k]

    return run


def leave_one_out() -> float:
    data = simulated(22, next(SEEDS))
    start = time.perf_counter()
    bm.leave_one_out(data, MODEL)
    return time.perf_counter() - start


def priors(side: int) -> Callable[[], float]:
    """A square of scales of the priors on tau and mu, on trials that were not fitted before."""
    tau = bm.prior_grid(bm.HalfNormal, scale=np.geomspace(0.1, 2, side))
    mu = bm.prior_grid(bm.Normal, mean=0, sd=np.geomspace(0.3, 10, side))

    def run() -> float:
        data = simulated(22, next(SEEDS))
        start = time.perf_counter()
        bm.prior_sensitivity(data, MODEL, "mu < 0", tau=tau, mu=mu)
        return time.perf_counter() - start

    return run


def nuts() -> float:
    """Sampling alone, compiled before: four chains of 1,000 draws of 22 trials."""
    from bayesmeta.families.prepared import prepare
    from bayesmeta.inference.nuts import NutsEngine
    from bayesmeta.inference.settings import SamplerSettings

    ready = prepare(simulated(22, 0), MODEL)
    if not ENGINES:
        ENGINES.append(NutsEngine())
        ENGINES[0].prepare([ready])
    start = time.perf_counter()
    ENGINES[0].fit(ready, SamplerSettings(draws=1000, tune=1000, chains=4, target_accept=0.9), 1)
    return time.perf_counter() - start


ENGINES: list[object] = []
CASES = {
    "22 trials": summary(22),
    "3 trials": summary(3),
    "100 trials": summary(100),
    "1,000 trials": summary(1000),
    "22 trials, each left out": leave_one_out,
    "22 trials, 100 pairs of priors": priors(10),
    "22 trials, 10,000 pairs of priors": priors(100),
    "22 trials by nuts, compiled": nuts,
}
