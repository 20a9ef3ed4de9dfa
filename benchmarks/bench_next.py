"""What further trials would show of 22 trials: one design, and ten thousand."""

from __future__ import annotations

import numpy as np

import bayesmeta as bm

ROUNDS = 3
DATA = bm.load_dataset("karner2014")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
RESULT = bm.fit(DATA, MODEL)
DESIGNS = np.linspace(0.02, 0.4, 10_000)


def fitted() -> None:
    bm.fit(DATA, MODEL).summary()


def one() -> None:
    bm.next_trial(RESULT, se=0.1, cost=0.2)


def three() -> None:
    bm.next_trial(RESULT, se=0.1, cost=0.2, trials=3)


def many() -> None:
    bm.next_trial(RESULT, se=DESIGNS, cost=0.2)


CASES = {"fit with summary": fitted, "one design": one, "three trials of it": three, "10,000 designs": many}
