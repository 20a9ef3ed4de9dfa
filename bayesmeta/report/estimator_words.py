"""Estimators in words: what pooling calls ``reml hksj`` is "REML, Knapp-Hartung" for a reader."""

from __future__ import annotations

_ESTIMATORS = {
    "fe wald": "common effect, Wald",
    "dl wald": "DerSimonian-Laird, Wald",
    "reml wald": "REML, Wald",
    "reml hksj": "REML, Knapp-Hartung",
    "pm hksj": "Paule-Mandel, Knapp-Hartung",
    "published": "the review, as published",
    "this model": "this model (posterior median, credible interval)",
}


def estimator_words(name: str) -> str:
    """An estimator in words; a model keeps its label.

    Examples
    --------
    >>> estimator_words("reml hksj"), estimator_words("Bayes: all")
    ('REML, Knapp-Hartung', 'Bayes: all')
    """
    return _ESTIMATORS.get(name, name)
