"""Sentences about prior sensitivity, true up to the boundary that they name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import brentq

from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import with_priors
from bayesmeta.priors import Prior
from bayesmeta.priors._parameters import as_float, parameter_names
from bayesmeta.results.fit import fit_many

if TYPE_CHECKING:
    from bayesmeta.sensitivity.result import SensitivityResult

_PARAMETERS = {"sd": "standard deviation", "nu": "degrees of freedom", "meanlog": "mean log", "sdlog": "log sd"}
_STEPS = 33  # values at which the probability is looked at between the least and the largest tried


def sentences(result: SensitivityResult, level: float) -> list[str]:
    """See `SensitivityResult.sentences`."""
    if not 0 < as_float(level) < 1:
        raise SpecificationError(f"level={level!r}: must lie between 0 and 1, e.g. 0.95.")
    lines = []
    for j, claim in enumerate(result.claims):
        lines.append(range_sentence(result, claim, j))
        if result.simulated:
            continue
        for name, key in zip(result.priors, result.keys, strict=True):
            for family, parameter, chosen in one_parameter_families(result.priors[name]):
                lines.append(_boundary_sentence(result, claim, level, name, key, family, parameter, chosen))
    return lines


def one_parameter_families(priors: Sequence[Prior]) -> list[tuple[type[Prior], str, list[Prior]]]:
    """Families of which two or more priors are there that differ in one parameter only, with that parameter."""
    families = []
    for family in dict.fromkeys(type(prior) for prior in priors):
        of_family = [prior for prior in priors if type(prior) is family]
        names = [n for n in parameter_names(family) if all(isinstance(getattr(p, n), float) for p in of_family)]
        if len(names) < len(parameter_names(family)):
            continue
        varying = [name for name in names if len({getattr(prior, name) for prior in of_family}) > 1]
        if len(varying) == 1:
            key = varying[0]
            families.append((family, key, sorted(of_family, key=lambda prior: getattr(prior, key))))
    return families


def boundary(
    result: SensitivityResult, claim: str, level: float, key: Any, parameter: str, chosen: Sequence[Prior]
) -> tuple[bool, float | None]:
    """Whether the probability of a claim starts above `level`, and the value at which it first crosses it, if any.

    The other priors are the primary ones. The probability is fitted at 33 values from the least to the largest that was tried,
    and at those tried; the crossing between two of them is found by further fits.
    """
    low, high = (float(getattr(prior, parameter)) for prior in (chosen[0], chosen[-1]))

    def gap(value: float) -> float:
        prior = replace(chosen[0], **{parameter: value})  # type: ignore[type-var]
        return _probability(result, claim, key, prior) - level

    spaced = np.geomspace(low, high, _STEPS) if low > 0 else np.linspace(low, high, _STEPS)
    values = np.unique(
        np.concatenate([spaced[1:-1], [float(getattr(prior, parameter)) for prior in chosen][:1], [high]])
    )
    start = gap(float(values[0]))
    before = float(values[0])
    for value in values[1:]:
        if (gap(float(value)) > 0) != (start > 0):
            return start > 0, float(
                brentq(gap, before, float(value), xtol=1e-12 * max(abs(before), 1e-300), rtol=1e-10)
            )
        before = float(value)
    return start > 0, None


def _probability(result: SensitivityResult, claim: str, key: Any, prior: Prior) -> float:
    model = with_priors(result.data, result.model, {key: prior})
    fits = fit_many(result.data, {"model": model}, "quadrature", tolerance=result.tolerance)
    return fits["model"].probability(claim)


def range_sentence(result: SensitivityResult, claim: str, j: int) -> str:
    """Lowest and highest probability of claim number j over all combinations, and that under the primary priors."""
    low, high = (_digits(p) for p in (result.probability[..., j].min(), result.probability[..., j].max()))
    number = math.prod(result.shape)
    primary = _digits(result.primary[f"P({claim})"])
    span = f"is {low}" if low == high else f"lies between {low} and {high}"
    singular, plural = (
        ("prior", "priors") if len(result.shape) == 1 else ("combination of priors", "combinations of priors")
    )
    start = f"Under the one {singular} tried" if number == 1 else f"Over {number} {plural}"
    return f"{start}, the probability that {claim} {span}; under the primary priors it is {primary}."


def _boundary_sentence(
    result: SensitivityResult,
    claim: str,
    level: float,
    name: str,
    key: Any,
    family: type[Prior],
    parameter: str,
    chosen: Sequence[Prior],
) -> str:
    above, crossing = boundary(result, claim, level, key, parameter, chosen)
    side = "above" if above else "below"
    label = family.row.words or family.__name__
    word = _PARAMETERS.get(parameter, parameter)
    fixed_names = [n for n in parameter_names(family) if n != parameter]
    fixed = (
        f" ({', '.join(f'{_PARAMETERS.get(n, n)} {getattr(chosen[0], n):g}' for n in fixed_names)})"
        if fixed_names
        else ""
    )
    low, high = (float(getattr(prior, parameter)) for prior in (chosen[0], chosen[-1]))
    end = f"to {high:g}, the largest tried" if crossing is None else f"up to {_down(crossing, low)}"
    return (
        f"With the other priors as in the primary analysis, the probability that {claim} stays {side} {level:g} for every "
        f"{label} {word} of {name}{fixed} from {low:g} {end}."
    )


def _down(value: float, low: float) -> str:
    """Three significant digits, or as many as keep it above `low`, rounded down so that the sentence stays true."""
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    for digits in range(3, 12):
        unit = 10.0 ** (size + 1 - digits)
        shown = math.floor(value / unit) * unit
        if shown > low:
            return f"{shown:.12g}"
    return f"{value:.12g}"


def _digits(p: float) -> str:
    """Two decimals, more near 0 and 1, never rounded to certainty."""
    for decimals in range(2, 8):
        text = f"{p:.{decimals}f}"
        if 0 < float(text) < 1:
            return text
    return "less than 0.0000001" if p < 0.5 else "more than 0.9999999"
