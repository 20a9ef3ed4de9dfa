"""A published review: processor time for a thousand effective draws of a probability."""

from __future__ import annotations

import time
from pathlib import Path

import bayesmeta as bm
from bayesmeta.analysis.run import plan
from bayesmeta.families.review.importance import engine

ROUNDS = 1
_CHECKED = plan(Path(__file__).resolve().parent.parent / "models" / "ketamine" / "analysis.toml")
_DATA, _MODELS = _CHECKED.data["pain"], _CHECKED.models["pain"]
_CLAIM = "crps < 0"


def _per_thousand(start: float, result: bm.MetaResult) -> float:
    p, error = result.probability(_CLAIM), result.probability_mcse(_CLAIM)
    return (time.process_time() - start) * 1000 * error**2 / (p * (1 - p))


def by_importance() -> float:
    engine.shared_sample.cache_clear()
    start = time.process_time()
    return _per_thousand(start, bm.fit(_DATA, _MODELS["crps"], "importance", seed=20260101))


def another_model() -> float:
    bm.fit(_DATA, _MODELS["crps"], "importance", seed=20260101)
    start = time.process_time()
    return _per_thousand(start, bm.fit(_DATA, _MODELS["joint"], "importance", seed=20260101))


def by_nuts() -> float:
    start = time.process_time()
    found = bm.fit_many(_DATA, {"crps": _MODELS["crps"]}, "nuts", seed=20260101)
    return _per_thousand(start, found["crps"])


CASES = {
    "importance sampling": by_importance,
    "another model of the same sample": another_model,
    "NUTS, compiled": by_nuts,
}
NOTES = {"NUTS, compiled": "with the compilation of the model"}
