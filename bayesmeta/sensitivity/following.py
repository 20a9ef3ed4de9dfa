"""Where along a family of priors the probability of a claim crosses a level."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.diagnostics.weights import Reweighted
from bayesmeta.errors import SpecificationError
from bayesmeta.numbers import is_between
from bayesmeta.results.fit import warn_inaccurate
from bayesmeta.sensitivity.posteriors import Posteriors, Ready
from bayesmeta.sensitivity.roots import crossings
from bayesmeta.sensitivity.tipping_result import Tip, Tipping

Floats = NDArray[np.float64]
_AGREES = 1e-7  # how near the level an exact probability must be at a crossing that is not a jump
_AROUND = np.linspace(-2, 2, 9)  # where a crossing is solved for anew, in steps of the scan around the first guess
_NOWHERE = Reweighted(math.nan, math.nan, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Priors, or further trials, along one number.

    Attributes
    ----------
    kind : str
        A key of `tipping_result.LABELS`.
    parameter : str
        What the prior is on.
    points : ndarray
        Places that are looked at first, increasing and equally spaced.
    value : callable
        From a place to the number, increasing: 10**u, say.
    at : callable
        From the number to data and model.
    text : callable
        From the number to words for the prior or the trial.
    limits : pair of (number, Prepared or None), or None
        Below the first and beyond the last place.
    family : str
        The prior, with ``s`` for the number.
    """

    kind: str
    parameter: str
    points: Floats
    value: Callable[[float], float]
    at: Callable[[float], Ready]
    text: Callable[[float], str]
    limits: tuple[tuple[float, Ready] | None, tuple[float, Ready] | None] = (None, None)
    family: str = ""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Places at which a probability crosses a level, within the range that was searched.

    Attributes
    ----------
    at : tuple of float
        Increasing.
    ends : tuple of float
        First and last place whose probability could be trusted, and everything between.
    probabilities : tuple of float
        At these two ends.
    extremes : tuple of float
        Lowest and highest probability at the places looked at.
    """

    at: tuple[float, ...]
    ends: tuple[float, float]
    probabilities: tuple[float, float]
    extremes: tuple[float, float]


def follow(path: Path, under: Posteriors, claim: str, level: float) -> Tipping:
    """Follow the probability of a claim along a path, and solve for every place where it crosses a level.

    At each crossing the model is fitted; where draws are weighted, the crossing is solved for anew with those of that fit, and
    a tip whose fit is still to be made is left out.
    """
    crossed = crossing(lambda u: _probability(path, under, claim, u), path.points, level)
    if crossed is None:
        return Tipping(kind=path.kind, parameter=path.parameter, family=path.family, reason=_reason(under))
    step = float(path.points[1] - path.points[0])
    tips = [_tip(path, under, claim, level, place, step) for place in crossed.at]
    ends, at_ends = [path.value(place) for place in crossed.ends], list(crossed.probabilities)
    for i, limit in enumerate(path.limits):
        if limit is not None and (there := under.probability(limit[1], claim)).trusted:
            ends[i], at_ends[i] = limit[0], there.probability
    return Tipping(
        kind=path.kind,
        parameter=path.parameter,
        tips=tuple(tip for tip in tips if tip is not None),
        ends=(ends[0], ends[1]),
        probabilities=(at_ends[0], at_ends[1]),
        extremes=crossed.extremes,
        family=path.family,
    )


def crossing(probability: Callable[[float], Reweighted], points: ArrayLike, level: float) -> Crossing | None:
    """Follow a probability over places, and solve for every one where it crosses `level`; None if none can be trusted.

    Parameters
    ----------
    probability : callable
        From a place to the probability there, smooth in it.
    points : array_like of float, shape (point,)
        Increasing; between neighbours the probability is taken to have one extremum at the most.
    level : float
        Between 0 and 1.

    Raises
    ------
    SpecificationError
        If the level is not a probability.

    Examples
    --------
    >>> found = crossing(lambda s: Reweighted(s / (1 + s), 0.0, 0.0), [0.1, 1.0, 10.0], level=0.8)
    >>> round(found.at[0], 6)
    4.0
    """
    if not is_between(level, 0, 1):
        raise SpecificationError(f"level={level!r}: must lie between 0 and 1.")
    places, seen = np.asarray(points, float), dict[float, Reweighted]()

    def known(place: float) -> Reweighted:
        if place not in seen:
            seen[place] = probability(place)
        return seen[place]

    values = [known(float(place)) for place in places]
    first, last = _longest_run([one.trusted for one in values])
    if last <= first:
        return None
    p = [one.probability for one in values[first:last]]
    roots = crossings(lambda place: known(place).probability, places[first:last].tolist(), level)
    ends = (float(places[first]), float(places[last - 1]))
    return Crossing(tuple(roots), ends, (p[0], p[-1]), (min(p), max(p)))


def _probability(path: Path, under: Posteriors, claim: str, place: float) -> Reweighted:
    try:
        ready = path.at(path.value(place))
    except SpecificationError:  # no prior for that parameter: beyond the values that it can have
        return _NOWHERE
    return under.probability(ready, claim)


def _tip(path: Path, under: Posteriors, claim: str, level: float, place: float, step: float) -> Tip | None:
    """The crossing at a place, from a fit there; None where the fit is still to be made."""
    guess = path.value(place)
    here = under.fit(path.at(guess))
    if here is None:
        return None
    if under.simulated:  # solved for again with the draws of the fit; where these have no crossing nearby, the guess
        again = crossing(lambda u: _probability(path, here, claim, u), place + step * _AROUND, level)
        place = min(() if again is None else again.at, key=lambda root: abs(root - place), default=place)
    else:
        warn_inaccurate(here.fitted.error_bound or 0.0, _AGREES)
    value = path.value(place)
    ready = path.at(value)
    reweighted = here.probability(ready, claim)
    return Tip(
        value=value,
        probability=reweighted.probability,
        change=path.text(value),
        jump=not under.simulated and abs(reweighted.probability - level) > _AGREES,
        mcse=reweighted.mcse,
        fitted=guess,
        priors=ready.prior_texts,
    )


def _reason(under: Posteriors) -> str:
    if under.simulated:
        return "the draws of the fit cannot be weighted to any of these priors: fit them one by one"
    return "the posterior exists nowhere along it"


def _longest_run(kept: Sequence[bool]) -> tuple[int, int]:
    """First and one past the last index of the longest run of True."""
    best, start = (0, 0), None
    for i, good in enumerate([*kept, False]):
        if good and start is None:
            start = i
        elif not good and start is not None:
            best, start = max(best, (start, i), key=lambda run: run[1] - run[0]), None
    return best
