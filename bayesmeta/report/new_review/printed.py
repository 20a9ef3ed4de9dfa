"""What a review printed, from answers to the sections of an analysis file, each with how closely it is observed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bayesmeta.data.printed import decimals
from bayesmeta.data.statistics import WITHIN, SubgroupTest, printed_half_width
from bayesmeta.errors import DataError
from bayesmeta.report.new_review.answers import Pooled, column_from, number_from, one_of, pooled_from, trials_from
from bayesmeta.report.new_review.draft import Draft

DIRECTIONS = ("lower", "higher")
# A pool is observed within a tenth of its standard error, at most six times its rounding; if that is less than a 25th of the
# standard error, NUTS takes steps too small for its trajectories, and fewer decimals are used.
_LOOSE, _TIMES, _CLOSEST = 0.1, 6, 0.04
LOOSE_Z = 0.05  # SD, in units of z, within which a subgroup test is observed
SOFT = 0.15  # of the border of significance, in units of z; analysis.toml of models/ketamine says why


def _print(draft: Draft, section: dict[str, Any]) -> Draft:
    return replace(draft, printed=(*draft.printed, section))


def pooled(draft: Draft, parts: Sequence[str]) -> Draft:
    """A pool that is observed loosely enough for NUTS, and closely enough to be given back within its digits."""
    pool = pooled_from(parts[0])
    if draft.row is not None and draft.row.is_ratio:
        return _print(draft, _pooled_section(pool, _ratio_tolerance(pool)) | {"ratio": True})
    used, se = pool, (pool.upper - pool.lower) / (2 * WITHIN)
    while used.digits > 0 and _TIMES * printed_half_width(used.digits) < _CLOSEST * se:
        estimate, lower, upper = (round(x, used.digits - 1) for x in pool[:3])
        used = Pooled(estimate, lower, upper, pool.level, used.digits - 1)
    loose = min(_LOOSE * se, _TIMES * printed_half_width(used.digits))
    section = _pooled_section(used, loose if loose > printed_half_width(used.digits) else None)
    return _print(replace(draft, pool=parts[0] if used != pool else ""), section | {"digits": used.digits})


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
    """I-squared, to its rounding."""
    i2, digits = number_from(parts[0], "I-squared")
    return _print(draft, {"kind": "i2", "i2": i2 if digits else int(i2), "digits": digits})


def significant(draft: Draft, parts: Sequence[str]) -> Draft:
    """How many trials were significant, and in which direction."""
    count, _ = number_from(parts[0], "significant trials")
    if count != int(count):
        raise DataError(f"significant trials: {parts[0]!r} is not a whole number.")
    direction = one_of(parts[1], DIRECTIONS, "direction")
    return _print(draft, {"kind": "significant", "count": int(count), "direction": direction, "tolerance": SOFT})


def subgroup(draft: Draft, parts: Sequence[str]) -> Draft:
    """A subgroup test, and the column of the table that tells its subgroups."""
    name, (p, _) = column_from(parts[0]), number_from(parts[1], "P")
    if name in draft.groups:
        raise DataError(f"there is a subgroup test of {name!r} already. Choose another name.")
    direction, digits = one_of(parts[2], DIRECTIONS, "direction"), decimals(parts[1])
    places = trials_from(parts[3], draft.names)
    section = {"kind": "subgroup", "covariate": name, "p": p, "digits": digits, "direction": direction}
    if SubgroupTest(covariate=name, p=p, direction=1, digits=digits).rounding < LOOSE_Z:
        section["tolerance"] = LOOSE_Z
    return _print(replace(draft, groups={**draft.groups, name: places}), section)
