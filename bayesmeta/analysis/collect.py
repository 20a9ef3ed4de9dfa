"""Every number of one outcome's report, as plain values for `results.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bayesmeta.analysis.arms import arm_left_out, arm_options, arm_words
from bayesmeta.analysis.derived import derived_rows, finite_or_none
from bayesmeta.analysis.evidence_table import evidence
from bayesmeta.analysis.latent_pooling import latent_pooling
from bayesmeta.analysis.load import outcome_display, shown_measure
from bayesmeta.analysis.predictive import coverage_check, predicted, predictive_rows
from bayesmeta.analysis.records import CI_PROB, curve, finite, interval_record
from bayesmeta.analysis.schema import Outcome
from bayesmeta.analysis.sensitivity import SignalSensitivity
from bayesmeta.analysis.signals import signal_record
from bayesmeta.data.statistics import PooledEstimate
from bayesmeta.diagnostics.agreement import agreement, agreement_check
from bayesmeta.diagnostics.check import Check
from bayesmeta.diagnostics.convergence import convergence
from bayesmeta.diagnostics.published import of_review, published_checks
from bayesmeta.effects.display import Display
from bayesmeta.priors import Flat, Prior
from bayesmeta.results.display import with_display
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.meta_result import MetaResult


@dataclass(slots=True)
class Collected:
    """Content of one outcome, and what goes to the top level of the results."""

    content: dict[str, Any]
    checks: list[Check] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)
    summary: list[dict[str, Any]] = field(default_factory=list)


def collect_outcome(
    name: str,
    outcome: Outcome,
    fits: Mapping[str, MetaResult],
    exact: Mapping[str, MetaResult],
    grids: Mapping[str, SignalSensitivity],
    ess_limit: float,
) -> Collected:
    """Collect one outcome: its evidence, models, signals, probabilities and checks.

    `exact` holds the fits by quadrature, as far as that engine applies. They are what is reported; those by NUTS are
    held to them.
    """
    shown = {**fits, **exact}
    first = next(iter(fits.values()))
    collected = Collected({})
    models = {}
    for key, result in fits.items():
        expressions = [signal.quantity for signal in outcome.signals if signal.model == key]
        found = convergence(result, expressions)
        collected.checks += found.checks(f"{name}, {key}", ess_limit)
        rows = summary_rows(shown[key], outcome_display(outcome, result.data))
        collected.summary += [{"outcome": name, "model": key, **row} for row in rows]
        models[key] = _model(outcome, key, shown[key], rows, found, result.posterior.sizes)
        if key in exact:
            compared = agreement(exact[key], result)
            models[key]["agreement"] = [asdict(row) for row in compared]
            collected.checks.append(agreement_check(f"{name}, {key}", compared))
    display = outcome_display(outcome, first.data)
    if of_review(first):
        collected.checks += published_checks(name, first)
    predictive = predictive_rows(first)
    collected.checks.append(coverage_check(name, predictive))
    collected.signals = [
        signal_record(name, outcome, signal, shown[signal.model], grids.get(signal.name, SignalSensitivity()))
        for signal in outcome.signals
    ]
    collected.content = {
        "label": outcome.label,
        "measure": shown_measure(outcome),
        "unit": outcome.unit,
        "benefit": outcome.benefit if "benefit" in outcome.model_fields_set else None,  # printed where it was stated
        "display": display.as_dict(),
        "evidence": evidence(outcome, fits, display),
        "models": models,
        "probabilities": [
            {
                "label": question.label,
                "claim": question.claim,
                "model": question.model,
                "probability": shown[question.model].probability(question.claim),
                "mcse": shown[question.model].probability_mcse(question.claim),
                "note": question.note,
            }
            for question in outcome.probabilities
        ],
        "derived": [
            row for question in outcome.derived for row in derived_rows(question, outcome, shown[question.model])
        ],
        "predictive": predictive,
        "predictive_of": predicted(first),
        "confounding": _confounding(outcome, fits),
        "left_out": arm_left_out(outcome, first),
        "input": _input(outcome),
        "estimators": next((rows for rows in map(latent_pooling, fits.values()) if rows), []),
    }
    return collected


def summary_rows(result: MetaResult, display: Display) -> list[dict[str, Any]]:
    """Rows of a result's summary, with 95% equal-tailed intervals, also as they are read."""
    frame = with_display(result.summary(ci_prob=CI_PROB, ci_kind="eti"), display, result.coefficients)
    return [
        {"parameter": str(name), **{k: v if isinstance(v, str) else finite_or_none(v) for k, v in row.items()}}
        for name, row in frame.iterrows()
    ]


def _model(
    outcome: Outcome, key: str, result: MetaResult, rows: list[dict[str, Any]], found: Any, sizes: Any
) -> dict[str, Any]:
    model, parameters = result.model.base, result.prepared.parameters
    section = outcome.models[key]
    return {
        "label": section.label,
        "formula": model.formula,
        **arm_options(result),
        "engine": result.engine,
        "error_bound": result.error_bound,
        "priors": result.prepared.prior_texts,
        "defaults": [name for name, one in parameters.items() if one.prior == Flat() or one.by_default],
        "sources": {name: [part.as_dict() for part in one.published] for name, one in parameters.items()},
        "summary": rows,
        "forest": _forest(result) if model.has_mu and not result.coefficients else None,
        "prior_posterior": [
            _prior_posterior(result, name, one.prior)
            for name, one in parameters.items()
            if np.ptp(result.draws(name)) > 0
        ],
        "convergence": {
            **{k: finite_or_none(v) if isinstance(v, float) else v for k, v in found.as_dict().items()},
            "chains": int(sizes["chain"]),
            "draws": int(sizes["draw"]),
        },
    }


def _input(outcome: Outcome) -> dict[str, Any]:
    """The table, and how it was read."""
    options = {} if outcome.effects is None else outcome.effects.model_dump(exclude_unset=True)
    return {
        "table": outcome.studies or outcome.estimates or outcome.arms,
        "columns": outcome.columns,
        "effects": options,
    }


def _forest(result: MetaResult) -> dict[str, Any]:
    studies, words = [], arm_words(result)
    posterior = result.posterior
    for name, row in result.shrinkage(ci_prob=CI_PROB, ci_kind="eti").iterrows():
        y, se = float(row["y"]), float(row["se"])
        y_lower, y_upper = y - 1.959964 * se, y + 1.959964 * se
        if not row["known"] and words is None:  # what the trial is thought to have found
            y_lower, y_upper = DrawsMarginal(posterior["y"].sel(study=name).to_numpy()).interval(CI_PROB, "eti")
        studies.append(
            {
                "study": str(name),
                "known": bool(row["known"]),
                "y": y,
                "se": se,
                "y_lower": float(y_lower),
                "y_upper": float(y_upper),
                "theta": float(row["median"]),
                "theta_lower": float(row["lower"]),
                "theta_upper": float(row["upper"]),
            }
        )
    published = None
    if of_review(result):
        review: Any = result.data
        pool = next((s for s in review.statistics if isinstance(s, PooledEstimate)), None)
        published = None if pool is None else {"estimate": pool.estimate, "lower": pool.lower, "upper": pool.upper}
    pooled, new = (interval_record(result.marginal(name)) for name in ("mu", "theta_new"))
    keys = ("mean", "median", "lower", "upper")
    return {
        "studies": studies,
        **({} if words is None else {"unknown": words.unknown}),
        "pooled": {key: pooled[key] for key in keys},
        "new": {key: new[key] for key in keys},
        "published": published,
    }


def _prior_posterior(result: MetaResult, name: str, prior: Prior) -> dict[str, Any]:
    x, density = curve(result.marginal(name))
    known = prior.is_proper and prior.has_density
    return {
        "parameter": name,
        "x": x,
        "posterior": density,
        "prior": finite(prior.pdf(x)) if known else None,
    }


def _confounding(outcome: Outcome, fits: Mapping[str, MetaResult]) -> dict[str, Any] | None:
    if outcome.confounding is None:
        return None
    model, a, b = outcome.confounding
    x, y = fits[model].draws(a).ravel(), fits[model].draws(b).ravel()
    step = max(x.size // 400, 1)
    correlation = float(np.corrcoef(x, y)[0, 1])
    note = "Both are in one model: the closer the correlation is to −1 or 1, the less the data tell them apart."
    points = np.column_stack([x, y])[::step][:400].tolist()
    return {"x": a, "y": b, "correlation": correlation, "points": points, "note": note}
