"""What a review printed, beside the same statistic recomputed from its trials on every draw.

The trials are conditioned on what was printed, so that agreement is not evidence for the model. Disagreement says that the
tolerance of an observation is so wide that the draws do not meet it.
"""

from __future__ import annotations

from bayesmeta.diagnostics.check import Check
from bayesmeta.families.printed import RECOMPUTED, Printed
from bayesmeta.results.meta_result import MetaResult


def recomputed(result: MetaResult) -> list[Printed]:
    """Every number that the review of a fit printed, with its draws; none where nothing was printed of all studies."""
    if RECOMPUTED not in result.datatree:
        return []
    return result.prepared.family.printed_numbers(result.data, result.datatree[RECOMPUTED].to_dataset())


def published_checks(label: str, result: MetaResult) -> list[Check]:
    """A record for each printed number that must come back: whether the trials give it back within its tolerance."""
    latent = not all(result.prepared.family.known(result.data))
    how = "conditioned on, recomputed from the latent trials" if latent else "recomputed from the trials"
    numbers = (one for one in recomputed(result) if one.bounded)
    return [Check(f"{label}: {one.name}, {how}", one.met, one.mean, None, _note(one, latent)) for one in numbers]


def _note(row: Printed, latent: bool) -> str:
    places = 4 if abs(row.printed) < 10 else 3
    lower, upper = row.interval
    said = f"Printed {row.printed:.{places}g}; on the draws {row.mean:.{places}g} ({lower:.{places}g} to {upper:.{places}g})."
    if not row.met:
        return f"{said} The mean must lie within {row.lower:.{places}g} to {row.upper:.{places}g}: observe it more closely."
    return f"{said} Agreement is by construction." if latent else said
