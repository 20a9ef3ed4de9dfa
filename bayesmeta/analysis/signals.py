"""One signal of an outcome: its probability, how far priors move it, and its density."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bayesmeta.analysis.derived import finite_or_none
from bayesmeta.analysis.load import outcome_display
from bayesmeta.analysis.marginals import curve, finite, interval_record
from bayesmeta.analysis.other_evidence import OnEvidence
from bayesmeta.analysis.records.signal import OtherEvidenceRecord, SignalRecord
from bayesmeta.analysis.schema import Outcome, Signal
from bayesmeta.analysis.sensitivity import SignalSensitivity
from bayesmeta.data.kinds import Data
from bayesmeta.effects.display import Display, reading
from bayesmeta.families.prepared import Prepared
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.posteriors import Under
from bayesmeta.sensitivity.tipping_result import Tipping
from bayesmeta.spec.two_scales import Model


def signal_record(
    name: str,
    outcome: Outcome,
    signal: Signal,
    result: MetaResult,
    known: SignalSensitivity,
    other: Mapping[str, OnEvidence],
) -> SignalRecord:
    """Everything that `results.json` says about a signal; `other` is what it is with other evidence."""
    marginal = result.marginal(signal.quantity)
    x, density = curve(marginal)
    probability, mcse = result.probability(signal.claim), result.probability_mcse(signal.claim)
    primary = {
        "beta_label": "as stated", "tau_label": "as stated", **_priors(result.prepared),
        "probability": probability, "mcse": mcse,
        "threshold_probability": result.probability(signal.threshold) if signal.threshold else None,
        "pareto_k": None, "method": "primary",
    }  # fmt: skip
    rows: list[dict[str, Any]] = [primary]
    for (i, j), under in known.crossed.items():
        beta, tau = outcome.sensitivity.effect[i], outcome.sensitivity.tau[j]
        scaled = {} if signal.prior_factor == 1 else {"beta_stated": f"{beta.prior} times {signal.prior_factor:g}"}
        labels = {"beta_label": beta.label, "tau_label": tau.label, **scaled}
        rows.append({**labels, **_priors(under.ready), **_under(under)})
    beliefs = [
        {
            "label": belief.label,
            "source": belief.source,
            "note": belief.note,
            "priors": known.beliefs[belief.label].ready.prior_texts,
            **_under(known.beliefs[belief.label]),
        }
        for belief in outcome.sensitivity.beliefs
        if belief.label in known.beliefs
    ]
    chosen = result.prepared.priors.get(signal.quantity)
    prior = finite(chosen.pdf(x)) if chosen is not None and chosen.is_proper and chosen.has_density else None
    everything = [float(row["probability"]) for row in [*rows, *beliefs]]
    record = {
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
        "display": _display(signal.quantity, outcome, result),
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
        "evidence": evidence_rows(outcome, other),
        "level": outcome.sensitivity.level,
        "tipping": [_tipping(tipping, outcome.sensitivity.level) for tipping in known.tipping],
        "density": {
            "x": x,
            "posterior": density,
            "prior": prior,
            **_shaded(signal),
        },
        "note": signal.note,
    }
    return SignalRecord.model_validate(record)


def evidence_rows(outcome: Outcome, answers: Mapping[str, OnEvidence]) -> list[OtherEvidenceRecord]:
    """A question with every other evidence, by its label."""
    sources = {one.label: one.source for one in outcome.sensitivity.evidence}
    rows = []
    for label, one in answers.items():
        row = {"label": label, "source": sources[label], "changes": list(one.changes), **_under(one.under)}
        rows.append(OtherEvidenceRecord(**{key: value for key, value in row.items() if key != "pareto_k"}))
    return rows


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
    main, *threshold = under.answers
    return {
        "probability": main.probability,
        "mcse": main.mcse,
        "threshold_probability": threshold[0].probability if threshold else None,
        "pareto_k": None if under.method in ("exact", "importance") else finite_or_none(main.pareto_k),
        "method": under.method,
    }


def _tipping(tipping: Tipping, level: float | None) -> dict[str, Any]:
    """Where a family of priors crosses the level; with a reason, and without numbers, where that is not known."""
    record: dict[str, Any] = {"on": tipping.parameter, "family": tipping.family, "level": level}
    if tipping.reason:
        return record | {"scales": [], "probabilities": [], "extremes": [], "crossings": [], "reason": tipping.reason}
    return record | {
        "scales": list(tipping.ends),
        "probabilities": list(tipping.probabilities),
        "extremes": list(tipping.extremes),
        "crossings": [
            {
                "scale": tip.value,
                "fitted_scale": tip.fitted,
                "priors": dict(tip.priors),
                "probability": tip.probability,
                "mcse": tip.mcse,
            }
            for tip in tipping.tips
        ],
    }


def _priors(ready: Prepared[Data, Model]) -> dict[str, Any]:
    """The priors of a fitted model: those on the effect and on tau as one text each, and all of them."""
    texts, on = ready.prior_texts, ready.effects
    return {
        "on": list(on),
        "beta": ", ".join(dict.fromkeys(texts[name] for name in on)),
        "tau": texts.get("tau", ""),
        "priors": texts,
    }


def _shaded(signal: Signal) -> dict[str, float | None]:
    """The side of the density that a claim is about; none where the claim does not compare the quantity with one number."""
    number = r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
    match = re.fullmatch(rf"\s*{re.escape(signal.quantity)}\s*([<>])=?\s*({number})\s*", signal.claim)
    if match is None:
        return {"shade_from": None, "shade_to": None}
    bound = float(match[2])
    return {"shade_from": None, "shade_to": bound} if match[1] == "<" else {"shade_from": bound, "shade_to": None}
