"""Whether the studies of a review have the covariate that a printed statistic is about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bayesmeta.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from bayesmeta.data.review import Scenario, Study


def check_covariate(statistic: Any, scenarios: Sequence[Scenario], names: Sequence[str]) -> None:
    """Reject a statistic whose covariate is missing, or cannot be what the statistic takes it for, under some scenario.

    Parameters
    ----------
    statistic : statistic
        With a `covariate`; its `covariate_is` says whether that has one group, groups, or numbers.
    scenarios : sequence of Scenario
    names : sequence of str
        Covariates of the review.
    """
    if statistic.covariate not in names:
        raise DataError(
            f"{statistic.name}: no covariate {statistic.covariate!r}.{did_you_mean(statistic.covariate, names)} "
            f"Covariates: {', '.join(names) or 'none'}."
        )
    for scenario in scenarios:
        values = [_number(statistic, study) for study in scenario.studies]
        pooled = [value for value, study in zip(values, scenario.studies, strict=True) if study.in_review]
        _CHECKS[statistic.covariate_is](statistic, pooled)


def _number(statistic: Any, study: Study) -> float:
    value = study.covariates.get(statistic.covariate)
    grouped = statistic.covariate_is != "numbers"
    if not study.in_review and value is None:
        return math.nan
    if not isinstance(value, int | float) or not math.isfinite(value):
        allowed = "in group 0 or 1, or another whole number from 0" if grouped else "given a number"
        raise DataError(f"{statistic.name}: study {study.name!r} must be {allowed}; got {value!r}.")
    if grouped and (value < 0 or value != int(value)):
        raise DataError(
            f"{statistic.name}: study {study.name!r} must be in group 0 or 1, or another whole number; got {value!r}."
        )
    return float(value)


def _one_group(statistic: Any, values: list[float]) -> None:
    if statistic.group not in values:
        shown = ", ".join(f"{value:g}" for value in sorted(set(values)))
        raise DataError(f"{statistic.name}: no study of the review's pool is in that group. Groups: {shown}.")


def _groups(statistic: Any, values: list[float]) -> None:
    groups = sorted(set(values))
    if len(groups) < 2:
        raise DataError(f"{statistic.name}: covariate without variation, every study is in group {groups[0]:g}.")
    if groups != list(range(len(groups))):
        shown = ", ".join(f"{group:g}" for group in groups)
        raise DataError(f"{statistic.name}: groups must be numbered 0, 1 and so on; got {shown}.")
    if len(groups) > 2 and statistic.direction is not None:
        raise DataError(
            f"{statistic.name}: a test between {len(groups)} groups has no direction; got {statistic.direction!r}. Leave it out."
        )
    if statistic.tau == "common" and len(values) == len(groups) and statistic.method != "fe":
        raise DataError(
            f"{statistic.name}: {len(values)} studies in {len(groups)} groups leave nothing for a common tau^2."
        )


def _numbers(statistic: Any, values: list[float]) -> None:
    if len(set(values)) < 2:
        raise DataError(f"{statistic.name}: covariate without variation, every study has {values[0]:g}.")
    if len(values) < 3 and statistic.method != "fe":
        raise DataError(f"{statistic.name}: {len(values)} studies leave nothing for tau^2 beside a line.")


def check_size(statistic: Any, scenarios: Sequence[Scenario]) -> None:
    """Reject a number whose t distribution has no degrees of freedom with the studies that were pooled."""
    least = getattr(statistic, "least_studies", 1)
    for scenario in scenarios:
        pooled = [study for study in scenario.studies if study.in_review]
        if statistic.covariate is not None and statistic.covariate_is == "one group":
            pooled = [study for study in pooled if study.covariates[statistic.covariate] == statistic.group]
        if len(pooled) < least:
            raise DataError(f"{statistic.name}: it needs at least {least} studies; {len(pooled)} were pooled.")


_CHECKS = {"one group": _one_group, "groups": _groups, "numbers": _numbers}
