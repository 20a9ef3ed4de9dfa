"""What can be compared of a sampled model under other priors, whose fits are not kept with a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayesmeta.analysis.schema import Outcome
from bayesmeta.spec.two_scales import Model, base_of

_PRIORS = ("beta_label", "beta", "tau_label", "tau")
_BELIEF = ("label", "mu", "tau", "beta", "source", "note")


def keep_what_is_stated(
    outcome: Outcome, models: Mapping[str, Model], computed: dict[str, Any], told: dict[str, Any]
) -> None:
    """Leave of the signals' sensitivity, on both sides, what needs no fit: the priors themselves, the row of the stated one.

    The range of probabilities must be that of the rows told. Where the signals are not as many, nothing is left out.
    """
    if len(computed["signals"]) != len(told["signals"]):
        return
    pairs = list(zip(computed["signals"], told["signals"], strict=True))
    computed["signals"] = [_expected(outcome, models, ours, theirs) for ours, theirs in pairs]
    told["signals"] = [_kept(theirs) for _, theirs in pairs]


def _expected(
    outcome: Outcome, models: Mapping[str, Model], ours: dict[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any]:
    stated, known = outcome.sensitivity, base_of(models[ours["model"]]).beta
    crossed = [
        dict(zip(_PRIORS, (effect.label, effect.prior, tau.label, tau.prior), strict=True))
        for effect in stated.effect
        for tau in stated.tau
    ]
    beliefs = [
        belief.model_dump() | {"beta": {name: prior for name, prior in belief.beta.items() if name in known}}
        for belief in stated.beliefs
    ]
    rows = [float(row["probability"]) for row in [*theirs.get("sensitivity", []), *theirs.get("beliefs", [])]]
    return _kept(ours) | {
        "other priors": crossed,
        "beliefs": beliefs,
        "probability_range": [min(rows), max(rows)] if rows else [],
    }


def _kept(signal: Mapping[str, Any]) -> dict[str, Any]:
    rows = signal.get("sensitivity", [])
    return {key: value for key, value in signal.items() if key not in ("sensitivity", "tipping")} | {
        "sensitivity": rows[:1],
        "other priors": [{key: row.get(key) for key in _PRIORS} for row in rows[1:]],
        "beliefs": [{key: row.get(key) for key in _BELIEF} for row in signal.get("beliefs", [])],
    }
