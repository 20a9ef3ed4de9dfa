"""BARG: the Bayesian analysis reporting guidelines, a preamble and six steps."""

from __future__ import annotations

from bayesmeta.analysis.records.results import Results
from bayesmeta.report.checklists import answers
from bayesmeta.report.checklists.item import NOT_HERE, Checklist, Item
from bayesmeta.text.numbers import count_of


def _variables(results: Results) -> str:
    """Outcomes, and covariates of the models."""
    names = list(dict.fromkeys(name for one in results.outcomes.values() for name in one.evidence.labels.values()))
    return f"{answers.outcomes(results)}{f'; covariates: {", ".join(names)}' if names else ''}"


def _code(results: Results) -> str:
    """Formulas of the models, spelled out in Python."""
    number = sum(bool(model.formula) for model in answers.models(results))
    said = f"Results: the formula of {count_of(number, 'model')}; analysis.py spells out data, models and priors"
    return said if number else ""


def _decisions(results: Results) -> str:
    """Thresholds beside which probabilities stand; the report decides nothing."""
    number = sum(signal.threshold is not None for signal in results.signals)
    where = f"Signals: probabilities beyond {count_of(number, 'stated threshold')}"
    return f"{where}; no decision is made" if number else ""


BARG = Checklist(
    "BARG",
    "Kruschke 2021, doi:10.1038/s41562-021-01177-7",
    [
        Item("A", "Why a Bayesian analysis", answers.nothing, NOT_HERE),
        Item("B", "Goals of the analysis", answers.question, NOT_HERE),
        Item("1A", "What was measured, and what explains it", _variables),
        Item("1B", "Likelihood, parameters and hierarchy", answers.model_text),
        Item("1C", "Priors, each with its reason", answers.justified, NOT_HERE),
        Item("1D", "The model as formulas or code", _code),
        Item("1E", "What the priors predict", answers.nothing),
        Item("2A", "Software", answers.software),
        Item("2B", "Convergence of chains", answers.convergence),
        Item("2C", "Resolution of chains", answers.effective),
        Item("2D", "Without chains: inaccuracy of the approximation", answers.numerical_error),
        Item("3A", "Posterior predictive check", answers.predictive),
        Item("3B", "Summary of each posterior", answers.spread),
        Item("3C", "Bayes factors and probabilities of models", answers.nothing),
        Item("4", "Decisions, if any, and their criteria", _decisions, "none made"),
        Item("5", "Sensitivity to the priors", answers.sensitivity),
        Item("6", "What reproduces the analysis", answers.files),
    ],
    "Steps 4 to 6 are answered as wholes.",
)
