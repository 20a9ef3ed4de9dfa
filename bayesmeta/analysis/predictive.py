"""Posterior predictive coverage: do observed numbers lie where the fitted model would have put new ones?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesmeta.analysis.arms import arm_predictions, arm_words
from bayesmeta.analysis.records import CI_PROB
from bayesmeta.diagnostics.check import Check
from bayesmeta.diagnostics.published import of_review, replicated
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.meta_result import MetaResult


def predictive_rows(result: MetaResult) -> list[dict[str, Any]]:
    """For each observed number, mean and 95% interval of its replicates, and whether it lies inside."""
    rows = []
    for name, observed, draws in _replicated(result):
        marginal = DrawsMarginal(np.asarray(draws))
        lower, upper = marginal.interval(CI_PROB, "eti")
        inside = bool(lower <= observed <= upper)
        row = {"mean": marginal.mean(), "lower": lower, "upper": upper, "inside": inside}
        rows.append({"name": name, "printed": f"{observed:.4g}", **row})
    return rows


def predicted(result: MetaResult) -> str:
    """What the replicates are of."""
    if of_review(result):
        return (
            "what the review of new trials would print, drawn from the model with the standard errors of the old ones"
        )
    if arm_words(result):
        return "the difference that a new study would report, drawn from the model with each study's own standard error"
    return "the effect that a new study would report, drawn from the model with each study's own standard error"


def coverage_check(name: str, rows: Sequence[dict[str, Any]]) -> Check:
    """The share of observed numbers inside their intervals; it informs, and neither passes nor fails."""
    inside = sum(row["inside"] for row in rows)
    note = (
        f"{inside} of {len(rows)} observed numbers lie in the 95% interval of their replicates. The model was fitted to the same "
        "numbers, so that this shows gross misfit only."
    )
    return Check(f"{name}: posterior predictive coverage", None, inside / len(rows) if rows else None, None, note)


def _replicated(result: MetaResult) -> list[tuple[str, float, Any]]:
    """What was observed, and draws of what the model would observe."""
    data: Any = result.data
    if words := arm_words(result):
        return arm_predictions(words, result)
    group = result.datatree["posterior_predictive"]
    if not of_review(result):
        return [(name, float(data.y[i]), group["y"].sel(study=name).to_numpy()) for i, name in enumerate(data.study)]
    known = [(s.name, float(s.y), group["y"].sel(study=s.name).to_numpy()) for s in data.studies if s.y is not None]
    return known + [(one.name, one.printed, one.draws) for one in replicated(result)]
