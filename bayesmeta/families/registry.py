"""Every family of models, and which one data and a model belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bayesmeta.data.estimates import from_frame_hint
from bayesmeta.data.synonyms import recognised_arms
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.families.arm_changes.family import OfArmChanges
from bayesmeta.families.arm_means.family import OfArmMeans
from bayesmeta.families.beta_binomial.family import OfBetaBinomialCounts, OfBetaBinomialProportions
from bayesmeta.families.counts.family import OfCounts
from bayesmeta.families.dose_response.family import OfDoseResponse
from bayesmeta.families.estimates.family import OfEstimates
from bayesmeta.families.hypergeometric.family import OfHypergeometric
from bayesmeta.families.incidence_rates.family import OfIncidenceRates
from bayesmeta.families.mixed.family import OfMixed
from bayesmeta.families.proportions.family import OfProportions
from bayesmeta.families.protocol import Family
from bayesmeta.families.rates.family import OfRates
from bayesmeta.families.review.family import OfReview
from bayesmeta.families.time_course.family import OfTimeCourse

FAMILIES: tuple[Family, ...] = (
    OfEstimates(),
    OfReview(),
    OfArmMeans(),
    OfArmChanges(),
    OfCounts(),
    OfProportions(),
    OfHypergeometric(),
    OfRates(),
    OfIncidenceRates(),
    OfBetaBinomialCounts(),
    OfBetaBinomialProportions(),
    OfMixed(),
    OfDoseResponse(),
    OfTimeCourse(),
)


def family_of(data: Any, model: Any, what: str = "model") -> Family:
    """The family of some data and a model for them; `what` names the model in a message.

    Raises
    ------
    DataError, SpecificationError
        If the data are of no family, or the model is of another one.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> family_of(bm.load_dataset("bcg"), bm.NormalNormal(tau=bm.HalfNormal(1))).name
    'normal'
    """
    families = [one for one in FAMILIES if isinstance(data, one.data_type)]
    if not families:
        names = [one.data_type.__name__ for one in FAMILIES]
        raise DataError(
            f"data must be {_listed(list(dict.fromkeys(names)))}; got {type(data).__name__}.{from_frame_hint(data)}"
        )
    match = next((one for one in families if isinstance(model, one.model_types)), None)
    if match is not None:
        return match
    family = families[0]
    owners = [one.made_for for one in FAMILIES if isinstance(model, one.model_types)]
    if not owners:
        names = [kind.__name__ for one in FAMILIES for kind in one.model_types]
        raise SpecificationError(f"{what} must be a {_listed(list(dict.fromkeys(names)))}; got {type(model).__name__}.")
    if family.advice:
        raise SpecificationError(
            f"{what} is for {_listed(owners)}, and the data are {family.data_type.__name__}. {family.advice}"
        )
    raise SpecificationError(
        f"{what} is of {type(model).__name__}, which needs {_listed(owners)}; got {type(data).__name__}."
    )


def family_named(name: str) -> Family:
    """The family of a name, as in ``kind`` of an analysis file."""
    return next(family for family in FAMILIES if family.name == name)


def family_for(kind: str, data: Any) -> Family:
    """The family of a kind of model, of which there may be several for different data, and of the data."""
    return next(family for family in FAMILIES if family.keys.kind == kind and isinstance(data, family.data_type))


def arms_type(kind: str, table: Table, kept: Sequence[str] = ()) -> Any:
    """The class of data in a table of arms: of those that a kind of model takes, the first whose columns it has.

    Parameters
    ----------
    kept : sequence of str
        Columns of the table that keep their names.
    """
    types = [family.data_type for family in FAMILIES if family.keys.kind == kind]
    for one in types if len(types) > 1 else ():
        columns = one.columns  # type: ignore[attr-defined]
        there = recognised_arms(table, (column.name for column in columns), kept).columns
        labels = there.get("study", ())  # a study in several rows has a row for each of its arms
        if len(set(labels)) == len(labels) and all(column.optional or column.name in there for column in columns):
            return one
    return types[0]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
