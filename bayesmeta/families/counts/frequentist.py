"""Frequentist estimators of events in two arms: Mantel-Haenszel, Peto, four GLMMs, and what a half would do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bayesmeta.data.counts import Counts
from bayesmeta.families.counts.measures import MEASURES
from bayesmeta.families.curves.frequentist import Common, EventEstimators, note_on_halves, studies
from bayesmeta.families.frequentist import Frequentist
from bayesmeta.pooling.result import PooledResult
from bayesmeta.pooling.two_by_two import mantel_haenszel, peto

_UNDEFINED = {
    "log_or": "its odds ratio is 0, infinite or undefined, since every study has a zero on the same diagonal of its 2x2 table",
    "log_rr": "its risk ratio is 0, infinite or undefined, since one of the arms has no event in any study",
    "rd": "its risk difference has no standard error, since no arm of any study has both events and none",
}


def of_counts(data: Counts, measure: str = "log_or") -> Frequentist:
    """Mantel-Haenszel, of odds ratios also Peto and four GLMMs, and inverse variance with a half added to zero cells."""
    common: dict[str, Common] = {"mh": partial(_mantel_haenszel, data, measure)}
    if measure == "log_or":
        common["peto"] = _peto
    effect = MEASURES[measure].shown
    made = EventEstimators(data=data, measure=measure, effect=effect, common=common, undefined=_UNDEFINED[measure])
    return made.frequentist(_note(data, effect))


def _peto(table: Mapping[str, Any], level: float) -> PooledResult:
    return peto(table, level=level)


def _mantel_haenszel(data: Counts, measure: str, table: Mapping[str, Any], level: float) -> PooledResult:
    """The result of Mantel and Haenszel without I^2, where a half in zero cells enters Q."""
    found = mantel_haenszel(table, measure, level=level)
    total = data.events_t + data.events_c
    informative = (total > 0) & (total < data.n_t + data.n_c)
    return replace(found, i2=math.nan) if np.any(data.zero_cell & informative) else found


def _note(data: Counts, effect: str) -> str:
    """What of the data the estimators take, and where a half is added."""
    said = note_on_halves(int(data.zero_cell.sum()), effect)
    double = int(((data.events_t + data.events_c == 0) | (data.events_t + data.events_c == data.n_t + data.n_c)).sum())
    if not double:
        return said
    enters = "enters" if double == 1 else "enter"
    return f"{said} {studies(double).capitalize()} without events, or with events alone, {enters} that row and the models only."
