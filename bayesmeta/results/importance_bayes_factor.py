"""Bayes factors from a weighted sample of a review's trials: two posteriors of the same sample."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bayesmeta.errors import InferenceError
from bayesmeta.families.review.importance.engine import ready_priors, with_priors
from bayesmeta.priors import PointMass
from bayesmeta.results.bayes_factor import parse_hypothesis
from bayesmeta.results.grid_bayes_factor import of_region, proper

if TYPE_CHECKING:
    from bayesmeta.results.importance_result import ImportanceResult


def log_factor(result: ImportanceResult, hypothesis: str) -> float:
    """Log Bayes factor for a point or for a region of one parameter."""
    if re.search("[<>]", str(hypothesis)):
        return of_region(result, hypothesis)
    ready = result.prepared
    name, value = parse_hypothesis(hypothesis, tuple(ready.priors))
    proper(ready.priors[name], name, hypothesis)
    null = ready.under({name: PointMass(value)})
    priors = ready_priors(null.prior_groups, null.design)
    if isinstance(priors, str):
        raise InferenceError(f"hypothesis {hypothesis!r}: {priors}")
    return with_priors(result.fit, priors).log_evidence - result.fit.log_evidence
