"""Which combinations of `prior_sensitivity` share values of the likelihood curves, and what these say under each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.families.effect_names import group_of
from bayesmeta.priors import Flat, Prior
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.study_curves.fit import SQUARE, CurvesFit
from bayesmeta.results.claim_cases import NEVER
from bayesmeta.results.exact_claims import OneDirection, one_direction
from bayesmeta.sensitivity.curve_table import CurveTable
from bayesmeta.sensitivity.posteriors import Ready
from bayesmeta.sensitivity.quantity import Quantity
from bayesmeta.sensitivity.rules import Plan, plans
from bayesmeta.sensitivity.varied import Key

Floats = NDArray[np.float64]
_PAIRS = 40_000  # of priors in a table


class Row(NamedTuple):
    """What is said under one combination of priors: probabilities of the claims, and numbers by name."""

    probability: tuple[float, ...]
    numbers: Mapping[str, float]


def shared_rows(
    fit: CurvesFit,
    ready: Ready,
    claims: Sequence[str],
    quantity: Quantity | None,
    varied: Mapping[Key, Sequence[Prior]],
    ci_prob: float,
    tolerance: float,
) -> dict[tuple[int, ...], Row]:
    """Rows of the combinations whose posterior the shared nodes cover to the tolerance, by their places.

    Parameters
    ----------
    fit : CurvesFit
        Under the primary priors.
    ready : Prepared
    claims : sequence of str
    quantity : Quantity or None
        Of which mean, standard deviation and interval are asked.
    varied : mapping of str to sequence of Prior
    ci_prob, tolerance : float
    """
    directions = [_direction(claim, ready) for claim in claims]
    one_mean = (
        fit.names == ("mu",) and fit.problem.scale == "tau" and len(fit.parts) == 1 and set(varied) <= {"mu", "tau"}
    )
    if not one_mean or None in directions or (quantity is not None and quantity.name not in ("mu", "tau")):
        return {}
    mu, tau0 = [*varied.get("mu", ()), fit.problem.priors["mu"]], fit.problem.tau
    resolved = [ready.family.tau_prior(ready.data, ready.with_priors({"tau": one})) for one in varied.get("tau", ())]
    plan = _plan([*resolved, tau0])
    whole = [c for c, prior in enumerate(mu) if _is_smooth(prior)]
    if plan is None or whole[-1:] != [len(mu) - 1]:
        return {}
    rows: dict[tuple[int, ...], Row] = {}
    n = 512 if _about_tau(directions, quantity) else 256  # type: ignore[arg-type]
    size = max(_PAIRS // len(plan.members), 1)
    for start in range(0, len(whole) - 1 or 1, size):
        chosen = [*whole[:-1][start : start + size], whole[-1]]
        table = CurveTable(fit, plan, [mu[c] for c in chosen], (len(plan.members) - 1, len(chosen) - 1), n)
        with np.errstate(divide="ignore", invalid="ignore"):  # of pairs without any mass at the nodes
            values, good = _values(table, directions, quantity, ci_prob, tolerance)  # type: ignore[arg-type]
        for (t, member), (c, place) in itertools.product(enumerate(plan.members), enumerate(chosen)):
            if good[t, c] and _asked(member, len(resolved)) and _asked(place, len(mu) - 1):
                at = {"tau": member, "mu": place}
                numbers = {name: float(array[t, c]) for name, array in values.items() if isinstance(name, str)}
                probability = tuple(float(values[j][t, c]) for j in range(len(claims)))
                rows[tuple(at[str(key)] for key in varied)] = Row(probability, numbers)
    return rows


def _asked(place: int, n: int) -> bool:
    """Whether a prior was asked for: all but the last, which is the primary one, unless that alone is there."""
    return place < n or n == 0


def _direction(claim: str, ready: Ready) -> OneDirection | None:
    """A claim about mu, tau or the effect in a new study alone, which is true or false whatever that is."""
    direction = one_direction(claim, ready.named(claim))
    if direction is None or direction.undefined != NEVER or len(direction.weights) != 1:
        return None
    name = direction.weights[0][0]
    return direction if name in ("mu", "tau", "theta_new") and group_of(name) is None else None


def _about_tau(directions: Sequence[OneDirection], quantity: Quantity | None) -> bool:
    """Whether the distribution function of tau is asked for, which takes values between the nodes."""
    names = {direction.weights[0][0] for direction in directions}
    return "tau" in names or (quantity is not None and quantity.name == "tau")


def _is_smooth(prior: Prior) -> bool:
    return prior != Flat() and prior.is_proper and prior.has_density


def _plan(priors: Sequence[Prior]) -> Plan | None:
    """The priors on tau that share a rule with the last one, where that has one rule without point masses."""
    for plan in plans(priors):
        if len(priors) - 1 in plan.members:
            alone = len(plan.scales) == 1 and isinstance(plan.scales[0], ScaleDensity)
            return plan if alone and all(prior.has_density for prior in plan.priors) else None
    return None


def _values(
    table: CurveTable,
    directions: Sequence[OneDirection],
    quantity: Quantity | None,
    ci_prob: float,
    tolerance: float,
) -> tuple[dict[str | int, Floats], NDArray[np.bool_]]:
    """Arrays by name, those of the claims by their numbers, and where they are accurate to the tolerance."""
    halves, left_out, common = table.error()
    values: dict[str | int, Floats] = {}
    for j, direction in enumerate(directions):
        values[j], change = table.probability(direction)
        halves = np.maximum(halves, change)
    if quantity is not None:
        levels = np.array([(1 - ci_prob) / 2, (1 + ci_prob) / 2])
        values.update(table.mu(levels) if quantity.name == "mu" else table.tau(levels))
    evidence = table.log_marginal_likelihood
    gain, loss = table.divergences()
    log_factor = evidence - evidence[-1, -1]
    values |= {
        "log_marginal_likelihood": evidence,
        "log_bayes_factor": log_factor,
        "kl": np.maximum(gain - log_factor, 0.0),
        "kl_reverse": np.maximum(log_factor - loss, 0.0),
    }
    # A sum over all nodes is as far beyond half of them as these are beyond nothing; between nodes, half of them say how far.
    own = left_out + (halves if _about_tau(directions, quantity) else SQUARE * halves**2)
    values["error_bound"] = own + common
    good = np.all([np.isfinite(values[name]) for name in values if name not in ("kl", "kl_reverse")], axis=0)
    good &= own <= tolerance
    return values, good & good[-1, -1]  # what is relative to the primary pair needs that
