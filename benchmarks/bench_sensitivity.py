"""A hundred thousand pairs of priors on eight studies in one table; below: priors per second, peak memory, ratio to `fit`."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import bayesmeta as bm

ROUNDS = 1
NOTES: dict[str, str] = {}
SCALES, SDS = 316, 316
CHILD = """
import json, resource, sys, time
import numpy as np
import bayesmeta as bm
n_tau, n_mu = map(int, sys.argv[1:])
data = bm.load_dataset("eight_schools")
model = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
taus = bm.prior_grid(bm.HalfNormal, scale=np.geomspace(1, 50, n_tau))
mus = bm.prior_grid(bm.Normal, mean=0, sd=np.geomspace(1, 100, n_mu))
bm.prior_sensitivity(data, model, "mu > 0", tau=taus[:2], mu=mus[:2])
start = time.perf_counter()
found = bm.prior_sensitivity(data, model, "mu > 0", tau=taus, mu=mus)
table = found.table()
seconds = time.perf_counter() - start
assert len(table) == n_tau * n_mu
assert float(table["error_bound"].max()) < 1e-8
print(json.dumps({"seconds": seconds, "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""
DATA = bm.load_dataset("eight_schools")
SEEN: dict[str, float] = {}


def one_by_one() -> float:
    """A hundred fits, each with its probability and interval."""
    models = [bm.NormalNormal(mu=bm.Normal(0, 1 + i), tau=bm.HalfNormal(1 + j)) for i in range(10) for j in range(10)]
    start = time.perf_counter()
    for model in models:
        result = bm.fit(DATA, model)
        result.probability("mu > 0")
        result.marginal("mu").ppf([0.025, 0.975])
    SEEN["fit"] = (time.perf_counter() - start) / len(models)
    return SEEN["fit"] * len(models)


def surface() -> float:
    """All pairs at once, in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(SCALES), str(SDS)], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    n = SCALES * SDS
    NOTES[f"{n:,} pairs of priors"] = (
        f"{n / found['seconds']:,.0f} priors per second, {found['peak_kib'] / 2**20:.2f} GiB at the peak, "
        f"{SEEN['fit'] * n / found['seconds']:,.0f} times as fast as one by one"
    )
    return float(found["seconds"])


CASES = {"100 fits one by one": one_by_one, f"{SCALES * SDS:,} pairs of priors": surface}
