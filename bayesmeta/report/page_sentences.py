"""Sentences of a report that stand between its tables and figures, on the page and in documents alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bayesmeta.analysis.records.evidence import EvidenceRecord
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.report import prior_sentences
from bayesmeta.text.numbers import count_of

NEVER_POOLED = "Never pooled with our result: they share trials with it and with each other."


def warning(failed: Sequence[str]) -> str:
    """What to think of a report of which checks failed; empty where none did."""
    are = "it is" if len(failed) == 1 else "they are"
    said = f"Warning: {count_of(len(failed), 'check')} failed. Do not rely on these numbers before {are} resolved."
    return said if failed else ""


def source(results: Results) -> str:
    """Where the data come from, as the file states it."""
    return f"Source: {results.analysis.source}" if results.analysis.source else ""


def counted(evidence: EvidenceRecord) -> str:
    """How many trials there are, and how many of them are latent."""
    n = len(evidence.studies)
    if not n:
        return ""
    text = evidence.counted or count_of(n, "trial")
    if evidence.latent:
        known = f"{n - evidence.latent} with an effect and standard error"
        text += f": {known}, {evidence.latent} latent (their results are parameters of the model, not guesses)"
    return f"{text}; {evidence.inferred}." if evidence.inferred else f"{text}."


def measured(outcome: OutcomeRecord, measure: str) -> str:
    """Measure of an outcome, and which side favours treatment where the file states it and there is a comparison."""
    if not outcome.benefit:
        return f"Measure: {measure}."
    if outcome.display.null is None:
        return f"Measure: {measure}; {outcome.benefit} values are better."
    return f"Measure: {measure}, treatment versus control; {outcome.benefit} values favour treatment."


def on_latent(outcome: OutcomeRecord) -> str:
    """What estimators on latent trials were applied to."""
    latent, n = outcome.evidence.latent, len(outcome.evidence.studies)
    return (
        f"{latent} of the {n} trials are latent. Each estimator is applied to draws of their results, evenly spaced; shown are "
        "medians, below them the range that 95% of the draws give, and in the last column the share of draws whose interval "
        "excludes no effect."
    )


def priors(results: Results) -> str:
    """What the numbers of priors are, and which the analysis did not choose."""
    models = [model for outcome in results.outcomes.values() for model in outcome.models.values()]
    default = "“default” marks a prior that the analysis did not choose." if any(m.defaults for m in models) else ""
    return " ".join([*prior_sentences.glossary(results), default]).strip()


def refused(results: Results) -> Iterator[str]:
    """Models that importance sampling did not take, each with the reason."""
    for outcome in results.outcomes.values():
        for one in outcome.models.values():
            if one.refused:
                said = f"sampled by NUTS, since importance sampling was refused: {one.refused}"
                yield f"{outcome.label}, {one.label}: {said}"


def seeded(results: Results) -> str:
    """What a seed gives again."""
    return f"Seed {results.analysis.seed}; the same seed on the same machine gives the same numbers."


def versions(results: Results) -> str:
    """Programs with their versions."""
    return ", ".join(f"{name} {version}" for name, version in results.versions.items())
