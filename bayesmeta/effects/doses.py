"""Cumulative doses per kilogram of body weight from infusion regimens, with every conversion in words.

Units are pint's. A range stays a range: of rates, of days, of body weights. Enantiomers and drugs are not made
equivalent here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from bayesmeta.errors import DataError

type NumberOrRange = float | tuple[float, float]

_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:(?:-|–|to)\s*(\d+(?:\.\d+)?))?\s*([a-zA-Zµμ/ ]+?)\s*")
_PER_KG = re.compile(r"\s*/\s*kg(?![a-zA-Z])")
_MG, _GRAM = "mg", 1000.001  # a gram in mg, with room for rounding


@dataclass(frozen=True, kw_only=True)
class Dose:
    """A cumulative dose, in mg per kg of body weight; doses add.

    Parameters
    ----------
    low, high : float
        The same where nothing was reported as a range.
    steps : tuple of str
        How it came about, conversion by conversion.

    Examples
    --------
    >>> first, second = cumulative_dose("0.5 mg/kg/day"), cumulative_dose("0.5 to 1 mg/kg/day")
    >>> print(first + second)
    1 to 1.5 mg/kg
    """

    low: float
    high: float
    steps: tuple[str, ...] = ()

    def __add__(self, other: Dose) -> Dose:
        return Dose(low=self.low + other.low, high=self.high + other.high, steps=(*self.steps, *other.steps))

    def __str__(self) -> str:
        return f"{self.low:.4g} mg/kg" if self.low == self.high else f"{self.low:.4g} to {self.high:.4g} mg/kg"


def cumulative_dose(
    rate: str,
    *,
    hours_per_day: NumberOrRange | None = None,
    days: NumberOrRange = 1,
    weight: NumberOrRange | None = None,
    cap: str | None = None,
) -> Dose:
    """Cumulative dose of a regimen, in mg per kg of body weight.

    Parameters
    ----------
    rate : str
        An infusion rate, ``"0.35 mg/kg/h"``, ``"5 ug/kg/min"``, ``"16 mg/h"``; a daily dose, ``"80 mg/day"``; or a single
        dose, a bolus or one infusion's total, ``"0.5 mg/kg"``, given once a day. A range: ``"0.175 to 0.35 mg/kg/h"``.
    hours_per_day : float or (low, high), optional
        How long the infusion runs each day; for rates by the hour or minute, and for no others.
    days : float or (low, high), default 1
        For how many days.
    weight : float or (low, high), optional
        Body weight in kg, where a rate or cap is not per kg. It is an assumption, and is among the steps.
    cap : str, optional
        A rate that is not exceeded, ``"25 mg/h"``.

    Returns
    -------
    Dose
        From the least of everything to the most, the heaviest weight giving the least dose per kg.

    Raises
    ------
    DataError
        If a text is not a dose or rate, a number is not positive, or what a conversion needs is missing.

    Examples
    --------
    >>> dose = cumulative_dose("0.175 to 0.35 mg/kg/h", hours_per_day=4, days=10, cap="25 mg/h", weight=70)
    >>> print(dose)
    7 to 14 mg/kg
    >>> for step in dose.steps:
    ...     print(step)
    0.175 to 0.35 mg/kg/h is 0.175 to 0.35 mg/kg/h
    at most 25 mg/h, at 70 kg 0.3571 mg/kg/h: not reached
    times 4 h a day, 10 days: 7 to 14 mg/kg
    """
    low, high, kind, shown = _read(rate, weight)
    unit = {"rate": "mg/kg/h", "daily": "mg/kg/day", "single": "mg/kg"}[kind]
    steps = [f"{' '.join(rate.split())}{shown} is {_range(low, high)} {unit}"]
    if cap is not None:
        low, high, step = _capped(low, high, kind, cap, weight)
        steps.append(step)
    day_low, day_high = _pair("days", days)
    hour_low, hour_high = 1.0, 1.0
    if kind == "rate":
        if hours_per_day is None:
            raise DataError(
                f"rate {rate!r} needs hours_per_day: how long it runs each day; 24 for a continuous infusion."
            )
        hour_low, hour_high = _pair("hours_per_day", hours_per_day)
        if hour_high > 24:
            raise DataError(f"hours_per_day={hours_per_day!r}: a day has 24 hours.")
    elif hours_per_day is not None:
        meaning = "a daily dose" if kind == "daily" else "a single dose"
        raise DataError(f"rate {rate!r} is {meaning}, and hours_per_day={hours_per_day!r} plays no part: leave it out.")
    low, high = low * hour_low * day_low, high * hour_high * day_high
    hours = f"{_range(hour_low, hour_high)} h a day, " if kind == "rate" else ""
    plural = "day" if day_low == day_high == 1 else "days"
    steps.append(f"times {hours}{_range(day_low, day_high)} {plural}: {_range(low, high)} mg/kg")
    return Dose(low=low, high=high, steps=tuple(steps))


def _read(text: str, weight: NumberOrRange | None) -> tuple[float, float, str, str]:
    """Return a dose as mg per kg, per hour or day or once, its kind, and what was assumed."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise DataError(f"{text!r} is not a dose. Write a number, or a range, and a unit: '0.35 mg/kg/h', '80 mg/day'.")
    first, second = float(match[1]), float(match[2] or match[1])
    if not 0 < first <= second:
        raise DataError(f"{text!r}: a dose must be positive, and a range go from its lower to its higher end.")
    unit, per_kg = _PER_KG.subn("", match[3].strip())
    if per_kg > 1:
        raise DataError(f"{text!r}: it is per kg twice.")
    factor, kind = _unit(unit, text)
    low, high = first * factor, second * factor
    if per_kg:
        return low, high, kind, ""
    if weight is None:
        raise DataError(f"{text!r} is not per kg: give weight, the body weight in kg that is to be assumed.")
    light, heavy = _pair("weight", weight)
    return low / heavy, high / light, kind, f" at {_range(light, heavy)} kg"


def _unit(unit: str, text: str) -> tuple[float, str]:
    """Return how many mg, mg/h or mg/day one of a unit is, and which."""
    import pint

    try:
        quantity: Any = _registry().Quantity(1, unit)
        mass: Any = _registry().Quantity(1, unit.partition("/")[0].strip())
        if not mass.check("[mass]") or mass.to(_MG).magnitude > _GRAM:  # Mg is a million grams
            raise ValueError
        if quantity.check("[mass]"):
            return float(quantity.to(_MG).magnitude), "single"
        if quantity.check("[mass]/[time]"):
            daily = re.search(r"/\s*(d|day|days)$", unit.strip()) is not None
            return float(quantity.to(f"{_MG}/day" if daily else f"{_MG}/hour").magnitude), "daily" if daily else "rate"
    except (pint.UndefinedUnitError, pint.DefinitionSyntaxError, AttributeError, ValueError, TypeError):
        pass
    raise DataError(
        f"{text!r}: {unit!r} is not a unit of a dose or a rate. Use mg, ug or g, per kg or not, per h, min or day."
    )


@cache
def _registry() -> Any:
    import pint

    registry: Any = pint.UnitRegistry()
    registry.define("mcg = microgram")
    return registry


def _capped(low: float, high: float, kind: str, cap: str, weight: NumberOrRange | None) -> tuple[float, float, str]:
    least, most, cap_kind, shown = _read(cap, weight)
    if cap_kind != kind:
        raise DataError(
            f"cap={cap!r} must be of the kind of the rate: both by the hour, both daily, or both single doses."
        )
    unit = {"rate": "mg/kg/h", "daily": "mg/kg/day", "single": "mg/kg"}[kind]
    reached = "not reached" if high <= least else "reached"
    step = f"at most {' '.join(cap.split())},{shown} {_range(least, most)} {unit}: {reached}"
    return min(low, least), min(high, most), step


def _pair(name: str, value: NumberOrRange) -> tuple[float, float]:
    low, high = (float(value[0]), float(value[1])) if isinstance(value, tuple) else (float(value), float(value))
    if not 0 < low <= high < float("inf"):
        raise DataError(f"{name}={value!r}: it must be positive, and a range go from its lower to its higher end.")
    return low, high


def _range(low: float, high: float) -> str:
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
