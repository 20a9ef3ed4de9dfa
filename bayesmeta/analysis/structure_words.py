"""How the true effects of models vary together, and what was added to counts, in sentences for the methods of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from bayesmeta.data.added import approximation_sentence
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Data
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.between import Independent, MultiArm


def dependence_sentences(
    label: str, labels: Mapping[str, str], data: Data, fits: Mapping[str, MetaResult]
) -> Iterator[str]:
    """What the methods of an outcome must say beside its models' formulas.

    Parameters
    ----------
    label : str
        Of the outcome.
    labels : mapping of str to str
        Labels of its models.
    data : Data
    fits : mapping of str to MetaResult
        By model.
    """
    if all(result.prepared.family.standard_errors(data) is None for result in fits.values()):
        return
    estimates = cast(Estimates, data)
    if said := approximation_sentence(estimates.added, estimates.study):
        yield f"Outcome '{label}': {said}"
    if estimates.cov is not None:
        yield f"Outcome '{label}': the estimates entered with their known covariance."
    for key, result in fits.items():
        between = result.model.base.between
        others = [(name, part) for name, part in result.model.components.items() if name != "tau"]
        for name, part in others:
            yield f"The model '{labels[key]}' has a second standard deviation, {name} of {part}, beside tau."
        if isinstance(between, MultiArm):
            yield f"In the model '{labels[key]}' the true effects of one trial's contrasts are correlated by 1/2."
        elif between != Independent():
            yield f"In the model '{labels[key]}' true effects covary by tau^2 times a matrix that was given."
