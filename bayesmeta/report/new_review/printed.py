"""What a review printed, from answers to the sections of an analysis file, each with how closely it is observed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bayesmeta.data.statistics import WITHIN, SubgroupTest, printed_half_width
from bayesmeta.data.statistics.rounding import INTERVALS, METHODS
from bayesmeta.errors import DataError
from bayesmeta.report.new_review.answers import (
    Pooled,
    PValue,
    column_from,
    number_from,
    one_of,
    p_from,
    pooled_from,
    trials_from,
)
from bayesmeta.report.new_review.draft import Draft

DIRECTIONS = ("lower", "higher")
# A pool is observed within a tenth of its standard error, at most six times its rounding; if that is less than a 25th of the
# standard error, NUTS takes steps too small for its trajectories, and fewer decimals are used.
_LOOSE, _TIMES, _CLOSEST = 0.1, 6, 0.04
# NUTS cannot follow an I-squared above 0, or a tau-squared, to its rounding. I-squared is observed within this many percentage
# points, but within this share of what it leaves of 100; tau-squared within this share of itself or, if that is wider, of the
# variance of a trial's effect (number of trials times squared standard error of the pool): about as many points of I-squared.
_POINTS, _OF_REST, _OF_TAU2, _OF_TRIAL = 5.0, 0.15, 0.2, 0.05
LOOSE_Z = 0.05  # SD, in units of z, within which a subgroup test is observed
SOFT = 0.15  # of the border of significance, in units of z; analysis.toml of models/ketamine says why


def _print(draft: Draft, section: dict[str, Any]) -> Draft:
    return replace(draft, printed=(*draft.printed, section))


def pooled(draft: Draft, parts: Sequence[str]) -> Draft:
    """A pool that is observed loosely enough for NUTS, and closely enough to be given back within its digits."""
    pool = pooled_from(parts[0])
    if draft.row is not None and draft.row.is_ratio:
        return _print(draft, _pooled_section(pool, _ratio_tolerance(pool)) | {"ratio": True, **draft.pooling})
    used, se = pool, (pool.upper - pool.lower) / (2 * WITHIN)
    while used.digits > 0 and _TIMES * printed_half_width(used.digits) < _CLOSEST * se:
        estimate, lower, upper = (round(x, used.digits - 1) for x in pool[:3])
        used = Pooled(estimate, lower, upper, pool.level, used.digits - 1)
    loose = min(_LOOSE * se, _TIMES * printed_half_width(used.digits))
    section = _pooled_section(used, loose if loose > printed_half_width(used.digits) else None)
    return _print(
        replace(draft, pool=parts[0] if used != pool else ""), section | {"digits": used.digits, **draft.pooling}
    )


def _ratio_tolerance(pool: Pooled) -> float | None:
    """How closely the logarithms of a ratio's limits are observed; None where their rounding is wider."""
    if not 0 < pool.lower < pool.upper:
        return None  # which is rejected elsewhere
    loose = _LOOSE * math.log(pool.upper / pool.lower) / (2 * WITHIN)
    return loose if loose > printed_half_width(pool.digits) / pool.lower else None


def _pooled_section(pool: Pooled, tolerance: float | None) -> dict[str, Any]:
    section: dict[str, Any] = {"kind": "pooled", "estimate": pool.estimate, "lower": pool.lower, "upper": pool.upper}
    section |= {"level": pool.level} if pool.level != 0.95 else {}
    return section | ({"digits": pool.digits} if tolerance is None else {"tolerance": float(f"{tolerance:.2g}")})


def i2(draft: Draft, parts: Sequence[str]) -> Draft:
    """I-squared; above 0 it is observed more loosely than its rounding."""
    i2, digits = number_from(parts[0], "I-squared")
    section: dict[str, Any] = {"kind": "i2", "i2": i2 if digits else int(i2), "digits": digits}
    return _print(draft, section | (_looser(min(_POINTS, _OF_REST * (100 - i2)), digits) if i2 > 0 else {}))


def tau2(draft: Draft, parts: Sequence[str]) -> Draft:
    """tau-squared; it is observed more loosely than its rounding."""
    tau2, digits = number_from(parts[0], "tau-squared")
    if not tau2:  # a bare 0 is one to two decimals, as by default
        return _print(draft, {"kind": "tau2", "tau2": 0.0} | ({"digits": digits} if digits else {}) | draft.estimator)
    section = {"kind": "tau2", "tau2": tau2, "digits": digits, **draft.estimator}
    return _print(draft, section | _looser(max(_OF_TAU2 * tau2, _OF_TRIAL * _trial_variance(draft)), digits))


def _trial_variance(draft: Draft) -> float:
    """About the variance of a trial's estimated effect; 0 where no pool was printed."""
    for pool in (section for section in draft.printed if section["kind"] == "pooled"):
        width = math.log(pool["upper"] / pool["lower"]) if "ratio" in pool else pool["upper"] - pool["lower"]
        return float(len(draft.rows) * (width / (2 * WITHIN)) ** 2)
    return 0.0


def _looser(tolerance: float, digits: int) -> dict[str, float]:
    """A tolerance, where it is wider than the rounding."""
    return {"tolerance": float(f"{tolerance:.2g}")} if tolerance > printed_half_width(digits) else {}


def significant(draft: Draft, parts: Sequence[str]) -> Draft:
    """How many trials were significant, and in which direction."""
    count, _ = number_from(parts[0], "significant trials")
    if count != int(count):
        raise DataError(f"significant trials: {parts[0]!r} is not a whole number.")
    direction = one_of(parts[1], DIRECTIONS, "direction")
    return _print(draft, {"kind": "significant", "count": int(count), "direction": direction, "tolerance": SOFT})


def subgroup(draft: Draft, parts: Sequence[str]) -> Draft:
    """A subgroup test, and the column of the table that states its subgroups."""
    name, p = column_from(parts[0]), p_from(parts[1])
    if name in draft.groups:
        raise DataError(f"there is a subgroup test of {name!r} already. Choose another name.")
    section: dict[str, Any] = {
        "kind": "subgroup",
        "covariate": name,
        **_p_keys(p),
        **_direction(parts[2]),
        **draft.estimator,
    }
    if p.relation == "=" and SubgroupTest(covariate=name, p=p.p, digits=p.digits).rounding < LOOSE_Z:
        section["tolerance"] = LOOSE_Z
    places = trials_from(parts[3], draft.names)
    return _print(replace(draft, groups={**draft.groups, name: places}), section)


def trial_p(draft: Draft, parts: Sequence[str]) -> Draft:
    """What a trial reported of its own test."""
    named = [trial.name for trial in draft.rows if trial.name]
    places, p = trials_from(parts[0], draft.names), p_from(parts[1])
    if len(places) != 1 or draft.names[places[0]] not in named:
        raise DataError(f"{parts[0]!r}: give one trial that has a name, e.g. {named[0] if named else 'Smith 2001'}.")
    if p.relation == "=":
        raise DataError(
            f"{p.printed} of a trial cannot be entered, a bound can, e.g. <.05 or NS. An exact P goes with its effect into y "
            "and se of studies.csv."
        )
    section = {"kind": "study", "study": draft.names[places[0]], **_p_keys(p)}
    return _print(
        draft, section | ({"direction": one_of(parts[2], DIRECTIONS, "direction")} if p.relation == "<" else {})
    )


def _p_keys(p: PValue) -> dict[str, Any]:
    return {"p": p.p, "digits": p.digits} if p.relation == "=" else {"p": p.p, "relation": p.relation}


def _direction(text: str) -> dict[str, str]:
    return {"direction": one_of(text, DIRECTIONS, "direction")} if text.strip() else {}


_HOW = {
    "dl": ("dersimonian and laird", "random effects"),
    "fe": ("fixed effect", "fixed-effect", "common effect", "inverse variance"),
    "pm": ("paule and mandel",),
    "reml": ("restricted maximum likelihood",),
    "wald": ("normal",),
    "hksj": ("hartung-knapp", "knapp-hartung", "hartung and knapp"),
}


def method(draft: Draft, parts: Sequence[str]) -> Draft:
    """How tau-squared was estimated."""
    if re.match(r"mh$|mantel|peto", parts[0].strip(), re.IGNORECASE):
        raise DataError(
            f"method: {parts[0].strip()!r} needs the counts of each trial. With fe, a common effect, its pool comes near; then "
            "give it a wider tolerance in the file."
        )
    return replace(draft, method=_how(parts[0], METHODS, "method"))


def interval(draft: Draft, parts: Sequence[str]) -> Draft:
    """By which quantiles and variance the interval of the pool was computed."""
    return replace(draft, interval=_how(parts[0], INTERVALS, "interval"))


def _how(text: str, allowed: Sequence[str], what: str) -> str:
    plain = " ".join(text.lower().split())
    return next((name for name in allowed if plain in _HOW[name]), None) or one_of(text, allowed, what)
