"""The priors, and the further trials, along which a claim is followed to where it tips."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import prepare
from bayesmeta.priors import Flat, Mixture, Normal, PointMass, Prior
from bayesmeta.sensitivity.following import Path
from bayesmeta.sensitivity.posteriors import Ready

Floats = NDArray[np.float64]
Way = Path | str  # or why there is none
DECADES = np.linspace(-6, 6, 37)  # a scan in thirds of orders of magnitude
_FARTHEST = 1e12  # how far a centre is moved, in units of the estimate's standard deviation


def priored(ready: Ready, names: Sequence[str], prior: Prior) -> Ready:
    """The same data and model with one prior on some parameters."""
    return ready.under(dict.fromkeys(names, prior))


def sceptical(ready: Ready, names: Sequence[str], points: Floats, value: Callable[[float], float]) -> Path:
    """A sceptic's prior around zero, of any standard deviation."""
    return Path(
        kind="sceptical_sd",
        parameter=" and ".join(names),
        points=points,
        value=value,
        at=lambda sd: priored(ready, names, Normal(0, sd)),
        text=lambda sd: f"Normal(0, {sd:.4g})",
        limits=(None, (math.inf, priored(ready, names, Flat()))),
        family="Normal(0, s)",
    )


def moved(ready: Ready, name: str, unit: float) -> Way:
    """The prior centred elsewhere, in the end far from the data in units of `unit`."""
    prior = ready.priors[name]
    if prior.student is None:
        return f"the prior {prior} has no centre to move"
    nu, start, spread = prior.student
    location = str(prior.row.named("location"))
    # a normal prior overrules the data at a distance that grows with its variance, a t prior gives way to them
    width = spread / unit
    ratio = min(width, 1e6) ** 2 if math.isinf(nu) else width
    reach = math.asinh(min(500 * (1 + ratio), _FARTHEST))
    return Path(
        kind="prior_mean",
        parameter=name,
        points=np.linspace(-reach, reach, 57),
        value=lambda u: start + unit * math.sinh(u),
        at=lambda mean: priored(ready, [name], prior.replaced(location, mean)),
        text=lambda mean: str(prior.replaced(location, float(f"{mean:.4g}"))),
    )


def discounted(ready: Ready, name: str, unit: float) -> Way:
    """A normal prior to a power in [0, 1], or the first component of a mixture at any weight."""
    prior = ready.priors[name]
    if prior.student is not None and math.isinf(prior.student.nu):
        _, mean, sd = prior.student
        lowest = -8 + 2 * min(math.log10(sd / unit), 0.0)  # where the prior is vague beside the data
        return Path(
            kind="discount",
            parameter=name,
            points=np.linspace(lowest, 0, round(-4 * lowest) + 1),
            value=lambda u: min(10**u, 1.0),
            at=lambda a: priored(ready, [name], Normal(mean, sd / math.sqrt(a))),
            text=lambda a: f"Normal({mean:g}, {sd / math.sqrt(a):.4g})",
            limits=((0.0, priored(ready, [name], Flat())), None),
        )
    if len(prior.parts) > 1:
        return _of_mixture(ready, name, prior)
    return f"the prior {prior} holds no external evidence to discount: it is neither normal nor a mixture"


def _of_mixture(ready: Ready, name: str, prior: Prior) -> Path:
    (first_weight, first), *rest = prior.parts

    def weighted(w: float) -> Prior:
        others = [((1 - w) * weight / (1 - first_weight), part) for weight, part in rest]
        return first if w >= 1 else Mixture([*([(w, first)] if w > 0 else []), *others])

    return Path(
        kind="mixture_weight",
        parameter=name,
        points=np.linspace(0, 1, 41),
        value=float,
        at=lambda w: priored(ready, [name], weighted(w)),
        text=lambda w: f"weight {w:.4g} of {first}",
    )


def rescaled(ready: Ready, kind: str, name: str) -> Way:
    """The prior on a standard deviation, or on a parameter of the family's own, times a factor."""
    prior = ready.priors[name]
    if prior.atom == 0:
        return f"{name} is known to be 0, which has no scale"
    try:
        prior.scaled(1.0)
    except SpecificationError as error:
        return str(error)
    return Path(
        kind=kind,
        parameter=name,
        points=DECADES,
        value=lambda u: 10**u,
        at=lambda factor: priored(ready, [name], prior.scaled(factor)),
        text=lambda factor: str(prior.scaled(float(f"{factor:.4g}"))),
    )


def known(ready: Ready, name: str, unit: float) -> Path:
    """A standard deviation of true effects that is known."""
    return Path(
        kind="tau_fixed",
        parameter=name,
        points=DECADES,
        value=lambda u: unit * 10**u,
        at=lambda tau: priored(ready, [name], PointMass(tau)),
        text=lambda tau: f"{name} = {tau:.4g}",
        limits=((0.0, priored(ready, [name], PointMass(0.0))), None),
    )


def one_null_trial(ready: Ready, covariates: Mapping[str, float | str], unit: float) -> Path:
    """One more trial that finds exactly zero, of any size."""
    return Path(
        kind="null_trial",
        parameter="",
        points=DECADES,
        value=lambda u: unit * 10**u,
        at=lambda se: with_null_trials(ready, covariates, se),
        text=lambda se: f"a trial with y = 0, se = {se:.4g}",
        limits=(None, (math.inf, ready)),
    )


def with_null_trials(ready: Ready, covariates: Mapping[str, float | str], se: float, n: int = 1) -> Ready:
    """The data and `n` more trials whose estimate is zero, under the same model."""
    data = ready.family.with_estimates(ready.data, np.zeros(n), np.full(n, se), covariates)
    return prepare(data, ready.model)
