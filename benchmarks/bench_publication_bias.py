"""RoBMA's 36 models for 9 and for 81 studies, and for 20 without each of them."""

from __future__ import annotations

import numpy as np

import bayesmeta as bm


def simulated(n: int) -> bm.Estimates:
    rng = np.random.default_rng(0)
    se = rng.uniform(0.05, 0.4, n)
    return bm.Estimates(y=0.3 + rng.normal(0, np.hypot(0.15, se)), se=se)


ROUNDS = 3
NINE, MANY = simulated(9), simulated(81)
TWENTY = bm.robust_average(simulated(20))


def nine() -> None:
    bm.robust_average(NINE)


def many() -> None:
    bm.robust_average(MANY)


def without_each() -> None:
    TWENTY.leave_one_out()


CASES = {"36 models, 9 studies": nine, "36 models, 81 studies": many, "without each of 20 studies": without_each}
