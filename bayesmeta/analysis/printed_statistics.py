"""Printed statistics in an analysis file: which keys each kind takes, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bayesmeta.analysis.schema import Published
from bayesmeta.data.statistics import (
    Heterogeneity,
    MetaRegressionSlope,
    MetaRegressionTest,
    PooledEstimate,
    PredictionInterval,
    SignificantCount,
    Statistic,
    StudyTest,
    SubgroupTest,
)
from bayesmeta.errors import DataError, SpecificationError

_SIGN = {"lower": -1, "higher": 1}


class _Kind(NamedTuple):
    """A kind of printed statistic.

    Attributes
    ----------
    make : callable
    needs, takes : str
        Keys, in one text each.
    tolerance : str
        What the statistic calls its tolerance.
    """

    make: Callable[..., Statistic]
    needs: str
    takes: str
    tolerance: str = "tolerance"

    @property
    def keys(self) -> frozenset[str]:
        """Every key that may be given."""
        return frozenset((*self.needs.split(), *self.takes.split()))


_POOL = "level digits tolerance ratio covariate group method interval"
_TEST = "direction relation digits tolerance method"
_KINDS = {
    "pooled": _Kind(PooledEstimate, "estimate lower upper", _POOL, "half_width"),
    "prediction": _Kind(PredictionInterval, "lower upper", f"{_POOL} rule", "half_width"),
    "subgroup": _Kind(SubgroupTest, "covariate p", f"{_TEST} tau"),
    "slope": _Kind(
        MetaRegressionSlope, "covariate estimate", "lower upper level digits tolerance method interval", "half_width"
    ),
    "slope_test": _Kind(MetaRegressionTest, "covariate p", _TEST),
    "i2": _Kind(Heterogeneity, "i2", "digits tolerance covariate group", "half_width"),
    "tau2": _Kind(Heterogeneity, "tau2", "digits tolerance covariate group method", "half_width"),
    "q": _Kind(Heterogeneity, "q", "digits tolerance covariate group", "half_width"),
    "significant": _Kind(SignificantCount, "count direction", "tolerance", "width"),
    "study": _Kind(StudyTest, "study p relation", "direction tolerance", "width"),
}
STATISTIC_KEYS: Mapping[str, frozenset[str]] = {name: kind.keys for name, kind in _KINDS.items()}


def printed_statistic(entry: Published) -> Statistic:
    """The statistic of a section.

    Raises
    ------
    DataError, SpecificationError
        If a key that its kind needs is missing, or a value is none that could be printed.
    """
    kind = _KINDS[entry.kind]
    for name in kind.needs.split():
        if getattr(entry, name) is None:
            raise SpecificationError(f"published {entry.kind!r} needs {name}.")
    given: dict[str, Any] = {
        name: getattr(entry, name) for name in entry.model_fields_set - {"kind"} if getattr(entry, name) is not None
    }
    if "tolerance" in given:
        given[kind.tolerance] = given.pop("tolerance")
    if "direction" in given:
        given["direction"] = _SIGN[given["direction"]]
    return kind.make(**(_logs(given, entry.kind) if entry.ratio else given))


def _logs(given: dict[str, Any], kind: str) -> dict[str, Any]:
    """Printed ratios as logarithms."""
    printed = {name: given[name] for name in ("lower", "estimate", "upper") if name in given}
    values = list(printed.values())
    if not (values[0] > 0 and values == sorted(values)):
        limits = f"({printed['lower']:g}, {printed['upper']:g})"
        fault = f"does not contain its estimate {printed['estimate']:g}" if "estimate" in printed else "has no width"
        raise DataError(
            f"{kind} ratio: the interval {limits} {fault}, or is not positive. Give the ratio itself, not its logarithm."
        )
    return given | {name: math.log(value) for name, value in printed.items()}
