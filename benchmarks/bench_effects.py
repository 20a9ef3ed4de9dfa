"""Effects of a million studies in a data frame, against a sum over its columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

import bayesmeta as bm

N = 1_000_000
rng = np.random.default_rng(1)
FRAME = pd.DataFrame(
    {
        "study": [f"study {i}" for i in range(N)],
        "n_t": rng.integers(20, 200, N), "n_c": rng.integers(20, 200, N),
        "mean_t": rng.normal(5, 0.3, N), "sd_t": rng.uniform(1, 2, N),
        "mean_c": rng.normal(5, 0.3, N), "sd_c": rng.uniform(1, 2, N),
        "events_t": rng.integers(0, 20, N), "events_c": rng.integers(0, 20, N),
    }
)  # fmt: skip


LONG = pd.DataFrame(
    {
        "study": np.repeat(FRAME["study"].to_numpy()[: N // 2], 2), "arm": ["control", "treatment"] * (N // 2),
        "n": FRAME["n_t"], "events": FRAME["events_t"],
    }
)  # fmt: skip


def effects(measure: str) -> Callable[[], None]:
    def run() -> None:
        bm.effect_sizes(FRAME, measure, covariates=[])

    return run


def arms() -> None:
    bm.effect_sizes(LONG, "log_or", covariates=[])


def columns() -> None:
    FRAME.drop(columns="study").sum()


CASES = {"sum of columns": columns, **{m: effects(m) for m in ("md", "smd", "rom", "log_or", "log_rr", "peto_log_or")}}
CASES["log_or, one arm in each row"] = arms
