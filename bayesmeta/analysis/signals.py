"""One signal of an outcome: its probability, how far priors move it, and its density."""

from __future__ import annotations

import re
from typing import Any

from bayesmeta.analysis.derived import finite_or_none
from bayesmeta.analysis.load import outcome_display
from bayesmeta.analysis.records import curve, finite, interval_record
from bayesmeta.analysis.schema import Outcome, Signal
from bayesmeta.analysis.sensitivity import SignalSensitivity, Tipping, Under
from bayesmeta.effects.display import Display
from bayesmeta.priors import shown
from bayesmeta.results.display import reading
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.two_scales import base_of


def signal_record(
    name: str, outcome: Outcome, signal: Signal, result: MetaResult, known: SignalSensitivity
) -> dict[str, Any]:
    """Everything that `results.json` says about a signal."""
    marginal = result.marginal(signal.quantity)
    x, density = curve(marginal)
    probability, mcse = result.probability(signal.claim), result.probability_mcse(signal.claim)
    less = "<" in signal.claim
    model = base_of(result.model)
    primary = {
        "beta_label": "as stated", "beta": ", ".join(map(shown, dict.fromkeys(model.beta.values() or [model.mu]))),
        "tau_label": "as stated", "tau": shown(model.tau), "probability": probability, "mcse": mcse,
        "threshold_probability": result.probability(signal.threshold) if signal.threshold else None,
        "pareto_k": None, "method": "primary",
    }  # fmt: skip
    rows: list[dict[str, Any]] = [primary]
    for (i, j), under in known.crossed.items():
        beta, tau = outcome.sensitivity.effect[i], outcome.sensitivity.tau[j]
        stated = {"beta_label": beta.label, "beta": beta.prior, "tau_label": tau.label, "tau": tau.prior}
        rows.append({**stated, **_under(under)})
    beliefs = [
        {
            **belief.model_dump(),
            "beta": {name: prior for name, prior in belief.beta.items() if name in model.beta},
            **_under(known.beliefs[belief.label]),
        }
        for belief in outcome.sensitivity.beliefs
        if belief.label in known.beliefs
    ]
    prior, chosen = None, None
    if signal.quantity in result.coefficients:
        chosen = model.coefficient_prior(signal.quantity, signal.quantity.split("[", 1)[0])
    elif signal.quantity == "mu":
        chosen = model.mu_prior
    if chosen is not None and chosen.is_proper and chosen.has_density:
        prior = finite(chosen.pdf(x))
    everything = [float(row["probability"]) for row in [*rows, *beliefs]]
    return {
        "name": signal.name,
        "outcome": name,
        "model": signal.model,
        "model_label": outcome.models[signal.model].label,
        "claim": signal.claim,
        "claim_label": signal.claim_label,
        "published_p": signal.published_p,
        "published_verdict": signal.published_verdict,
        "flat_prior_probability": None if signal.published_p is None else 1 - signal.published_p / 2,
        "probability": probability,
        "mcse": mcse,
        "estimate": {"parameter": signal.quantity, **interval_record(marginal)},
        "unit": outcome.unit,
        "display": _display(signal.quantity, outcome, result).as_dict(),
        "threshold": None
        if signal.threshold is None
        else {
            "claim": signal.threshold,
            "label": signal.threshold_label,
            "probability": result.probability(signal.threshold),
            "mcse": result.probability_mcse(signal.threshold),
        },
        "probability_range": [min(everything), max(everything)],
        "sensitivity": rows,
        "beliefs": beliefs,
        "level": outcome.sensitivity.level,
        "tipping": [_tipping(tipping) for tipping in known.tipping],
        "density": {
            "x": x,
            "posterior": density,
            "prior": prior,
            "shade_from": None if less else 0.0,
            "shade_to": 0.0 if less else None,
        },
        "note": signal.note,
    }


def _display(quantity: str, outcome: Outcome, result: MetaResult) -> Display:
    """How a quantity is read: one with mu in it as a value of the measure, a coefficient as a ratio of two where it is one."""
    whole = outcome_display(outcome, result.data)
    text = reading(quantity, whole, result.coefficients, "mu" in result.parameters)
    if not whole.changes or text == whole.label or re.search(r"\b(mu|theta_new)\b", quantity):
        return whole
    if quantity in result.coefficients and text:
        return Display(text, f"log {text}", "exp", 1.0)
    return Display(f"{quantity}, {whole.analysis}", f"{quantity}, {whole.analysis}")


def _under(under: Under) -> dict[str, Any]:
    return {
        "probability": under.main.probability,
        "mcse": under.main.mcse,
        "threshold_probability": None if under.threshold is None else under.threshold.probability,
        "pareto_k": finite_or_none(under.main.pareto_k),
        "method": under.method,
    }


def _tipping(tipping: Tipping) -> dict[str, Any]:
    found = tipping.found
    return {
        "on": tipping.on,
        "family": tipping.family,
        "level": found.level,
        "scales": list(found.scales),
        "probabilities": list(found.probabilities),
        "extremes": list(found.extremes),
        "crossings": [
            {"scale": scale, "probability": p, "mcse": mcse}
            for scale, (p, mcse) in zip(found.at, tipping.checked, strict=True)
        ],
    }
