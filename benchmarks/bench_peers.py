"""Beside R's bayesmeta and metafor, where Rscript has them (peers.R): the same data, seconds a fit.

The first case is our exact fit with its summary. R's bayesmeta runs at its default accuracy.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import bayesmeta as bm

ROUNDS = 3
MODEL = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5))
RSCRIPT = shutil.which("Rscript")


@cache
def peers() -> dict[str, Any]:
    script = Path(__file__).resolve().parent / "peers.R"
    assert RSCRIPT is not None
    done = subprocess.run([RSCRIPT, str(script), "--k50"], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def ours(k: int) -> Callable[[], float]:
    def run() -> float:
        found = peers()["data"][f"k{k}"]
        data = bm.Estimates(y=found["y"], se=found["se"])
        start = time.perf_counter()
        for _ in range(20):
            bm.fit(data, MODEL).summary(ci_prob=0.95, ci_kind="eti")
        return (time.perf_counter() - start) / 20

    return run


def theirs(what: str, k: int) -> Callable[[], float]:
    return lambda: float(peers()[what][f"k{k}"]["median_s"])


def available() -> bool:
    if RSCRIPT is None:
        return False
    wanted = "quit(status = !all(c('bayesmeta', 'metafor', 'jsonlite') %in% rownames(installed.packages())))"
    return subprocess.run([RSCRIPT, "-e", wanted], check=False, capture_output=True).returncode == 0


CASES: dict[str, Callable[[], float]] = {}
if available():
    CASES = {f"ours, k = {k}": ours(k) for k in (7, 20, 50)}
    CASES |= {f"R's bayesmeta, k = {k}": theirs("bayesmeta_halfnormal", k) for k in (7, 20, 50)}
    CASES |= {f"metafor's REML, k = {k}": theirs("metafor_reml", k) for k in (7, 100, 1000)}
