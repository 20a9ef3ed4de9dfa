"""Is a weighted sample of a review's trials good enough to stand for the posterior?"""

from __future__ import annotations

from bayesmeta.diagnostics.check import Check
from bayesmeta.families.review.importance.engine import LARGEST, LEAST, MISSED
from bayesmeta.results.meta_result import MetaResult

_LIMITS = (
    ("n_effective", "effective sets of trials", LEAST, "Sets of equal weight that the weighted ones are worth."),
    ("largest_weight", "largest weight", LARGEST, "Share of the posterior that one set of trials carries."),
    ("missed", "share missed", MISSED, "Estimated share of the posterior in which no trials were found."),
)


def sample_checks(label: str, result: MetaResult) -> list[Check]:
    """A record for each limit; none for a fit without such a sample."""
    checks = []
    for key, name, limit, note in _LIMITS:
        if (value := result.quality.get(key)) is not None:
            met = value >= limit if key == "n_effective" else value <= limit
            checks.append(Check(f"{label}: {name}", met, value, float(limit), note))
    return checks
