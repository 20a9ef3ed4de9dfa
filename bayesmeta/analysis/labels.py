"""Words for parameters and covariates: those that an analysis file gives, and else what their names say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from bayesmeta.analysis.schema import Label, Outcome
from bayesmeta.data.kinds import Data
from bayesmeta.data.review import Range
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.families.prepared import Prepared
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.column_words import column_words, plain_words
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.numbers import format_number

_PER = {2.0: "per doubling", 10.0: "per tenfold", math.e: "per unit of its natural logarithm"}


def parameter_labels(outcome: Outcome, ready: Prepared[Data, Model]) -> dict[str, str]:
    """Words for every parameter of a model, and for the effect in a new study."""
    given = {name: _words(label) for name, label in outcome.labels.items()}
    references, columns = ready.design.references, ready.design.columns
    return {
        name: column_words(name, references, given)
        if name in columns
        else given.get(name, text.removesuffix(f" ({name})"))
        for name, text in ready.labels.items()
    }


def check_labels(outcome: Outcome, ready: Mapping[str, Prepared[Data, Model]]) -> None:
    """Reject a label of what is neither a covariate nor a parameter, and a logarithm of text.

    Raises
    ------
    SpecificationError
    """
    first = next(iter(ready.values()))
    values = [first.family.covariates_of(first.data, study) for study in first.data.study]
    covariates = list(dict.fromkeys(name for one in values for name in one))
    known = [
        *covariates,
        *dict.fromkeys(name for one in ready.values() for name in one.names if name not in covariates),
    ]
    for name, label in outcome.labels.items():
        if name not in known:
            raise SpecificationError(
                f"labels.{name}: neither a covariate nor a parameter.{did_you_mean(name, known)} Known: {', '.join(known)}."
            )
        if isinstance(label, Label) and name not in covariates:
            raise SpecificationError(
                f"labels.{name}: unit and log are for covariates; of a parameter give its words alone."
            )
        if isinstance(label, Label) and label.log is not None and any(isinstance(one.get(name), str) for one in values):
            raise SpecificationError(f"labels.{name}.log = {label.log:g}: {name} holds text, which is no logarithm.")


def _words(label: str | Label) -> str:
    """What a coefficient is called: with the step that it is for, where the covariate is a logarithm or has a unit."""
    if isinstance(label, str):
        return label
    if label.log is not None:
        return f"{label.label}, {_PER.get(label.log, f'per factor of {label.log:g}')}"
    return f"{label.label}, per {label.unit}" if label.unit else label.label


def covariate_labels(outcome: Outcome, names: Iterable[str]) -> dict[str, str]:
    """Headings of columns of covariates."""
    return {name: _heading(outcome.labels.get(name, plain_words(name))) for name in names}


def _heading(label: str | Label) -> str:
    return label if isinstance(label, str) else f"{label.label} ({label.unit})" if label.unit else label.label


def values_read(outcome: Outcome, fit: MetaResult, study: str) -> dict[str, str]:
    """Covariates of a study as they are read, where the file says that they are logarithms."""
    labels = {name: one for name, one in outcome.labels.items() if isinstance(one, Label) and one.log is not None}
    values = fit.prepared.family.covariates_of(fit.data, study)
    return {name: text for name, one in labels.items() if (text := _read(values, name, one.log))}


def _read(values: Mapping[str, object], name: str, base: float | None) -> str:
    value = values.get(name)
    if base is None or value is None or isinstance(value, str):
        return ""
    if isinstance(value, Range):
        return f"{_power(base, value.lower)} to {_power(base, value.upper)}"
    return _power(base, float(value))  # type: ignore[arg-type]


def _power(base: float, exponent: float) -> str:
    """A power to three digits: what the file took a logarithm of had hardly more.

    Examples
    --------
    >>> _power(2, -0.736966), _power(2, 5)
    ('0.6', '32')
    """
    return format_number(f"{base**exponent:.3g}")
