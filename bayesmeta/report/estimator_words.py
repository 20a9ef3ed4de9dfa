"""Estimators in words: what pooling calls ``reml hksj`` is "REML, Knapp-Hartung" for a reader."""

from __future__ import annotations

_ESTIMATORS = {
    "fe wald": "common effect, Wald",
    "dl wald": "DerSimonian-Laird, Wald",
    "reml wald": "REML, Wald",
    "reml hksj": "REML, Knapp-Hartung",
    "pm hksj": "Paule-Mandel, Knapp-Hartung",
    "mh": "Mantel-Haenszel",
    "peto": "Peto",
    "glmm": "GLMM",
    "um.fs": "GLMM, a level for each study",
    "um.rs": "GLMM, levels vary normally",
    "cm.el": "GLMM, conditional on events",
    "cm.al": "GLMM, conditional, approximate",
    "published": "the review, as published",
    "this model": "this model (posterior median, credible interval)",
}

_HALF = "half "


def estimator_words(name: str) -> str:
    """An estimator in words, with what it adds to zero cells; a model keeps its label.

    Examples
    --------
    >>> estimator_words("reml hksj"), estimator_words("half reml wald"), estimator_words("Bayes: all")
    ('REML, Knapp-Hartung', 'REML, Wald, 1/2 added to zero cells', 'Bayes: all')
    """
    if name.startswith(_HALF):
        return f"{estimator_words(name.removeprefix(_HALF))}, 1/2 added to zero cells"
    return _ESTIMATORS.get(name, name)
