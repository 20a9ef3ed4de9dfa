"""Posterior predictive coverage: do observed numbers lie where the fitted model would have put new ones?"""

from __future__ import annotations

from collections.abc import Sequence

from bayesmeta.analysis.marginals import CI_PROB
from bayesmeta.analysis.records.outcome import PredictiveRecord
from bayesmeta.diagnostics.check import Check
from bayesmeta.families.words import Replicates
from bayesmeta.results.marginal import DrawsMarginal


def predictive_rows(replicates: Replicates) -> list[PredictiveRecord]:
    """For each observed number, mean and 95% interval of its replicates, and whether it lies inside."""
    rows = []
    for name, observed, draws in replicates.rows:
        marginal = DrawsMarginal(draws)
        lower, upper = marginal.interval(CI_PROB, "eti")
        rows.append(
            PredictiveRecord(
                name=name,
                printed=f"{observed:.4g}",
                mean=marginal.mean(),
                lower=lower,
                upper=upper,
                inside=bool(lower <= observed <= upper),
            )
        )
    return rows


def coverage_check(name: str, rows: Sequence[PredictiveRecord]) -> Check:
    """The share of observed numbers inside their intervals; it informs, and neither passes nor fails."""
    inside = sum(row.inside for row in rows)
    note = (
        f"{inside} of {len(rows)} observed numbers lie in the 95% interval of their replicates. The model was fitted to the same "
        "numbers, so that this shows gross misfit only."
    )
    return Check(f"{name}: posterior predictive coverage", None, inside / len(rows) if rows else None, None, note)
