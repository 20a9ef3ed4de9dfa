"""Fits of eight studies each, in one call: seconds, and below them fits per second and peak memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import bayesmeta as bm

ROUNDS = 1
NOTES: dict[str, str] = {}
CHILD = """
import json, resource, sys, time
import numpy as np
import bayesmeta as bm
n = int(sys.argv[1])
rng = np.random.default_rng(20260101)
se = np.exp(rng.uniform(np.log(0.1), np.log(0.6), (n, 8)))
y = rng.normal(0.3, np.hypot(se, 0.25))
bm.fit_batch(y[:100], se[:100], mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5))
start = time.perf_counter()
found = bm.fit_batch(y, se, mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5))
seconds = time.perf_counter() - start
assert float(found["error_bound"].max()) < 1e-8
print(json.dumps({"seconds": seconds, "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""


def batch(n: int) -> Callable[[], float]:
    def run() -> float:
        done = subprocess.run([sys.executable, "-c", CHILD, str(n)], check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        rate, peak = n / found["seconds"], found["peak_kib"] / 2**20
        NOTES[f"{n:,} fits"] = f"{rate:,.0f} fits per second, {peak:.2f} GiB at the peak"
        return float(found["seconds"])

    return run


def calibration() -> float:
    """Ten thousand replications of simulation-based calibration with eight studies."""
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    start = time.perf_counter()
    bm.simulation_based_calibration(model, [0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6], replications=10_000)
    return time.perf_counter() - start


CASES = {f"{n:,} fits": batch(n) for n in (10_000, 1_000_000)}
CASES["calibration, 10,000 replications"] = calibration
