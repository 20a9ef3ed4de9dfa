"""Every number of one outcome's report, as plain values for `results.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bayesmeta.analysis.derived import derived_rows, finite_or_none
from bayesmeta.analysis.load import outcome_display, shown_measure
from bayesmeta.analysis.predictive import coverage_check, predictive_rows
from bayesmeta.analysis.reader import family_and_readers
from bayesmeta.analysis.records import CI_PROB, curve, finite, interval_record
from bayesmeta.analysis.schema import Outcome, Sensitivity
from bayesmeta.analysis.sensitivity import SignalSensitivity
from bayesmeta.analysis.signals import signal_record
from bayesmeta.diagnostics.agreement import agreement, agreement_check
from bayesmeta.diagnostics.check import Check
from bayesmeta.diagnostics.convergence import convergence
from bayesmeta.diagnostics.published import published_checks
from bayesmeta.effects.display import Display
from bayesmeta.families.words import Evidence, Marks
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
    collected.checks += published_checks(name, first)
    family, readers = family_and_readers(outcome, fits)
    replicates = family.replicates(readers[0])
    predictive = predictive_rows(replicates)
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
        "evidence": _evidence(outcome, family.evidence(readers, display), shown),
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
        "predictive_of": replicates.said,
        "confounding": _confounding(outcome, fits),
        "left_out": _left_out(outcome, first),
        "input": _input(outcome),
        "estimators": next((rows for rows in map(family.estimators, readers) if rows), []),
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
        **_options(result),
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


def _evidence(outcome: Outcome, evidence: Evidence, fits: Mapping[str, MetaResult]) -> dict[str, Any]:
    """What went in: studies, the rows of each table under its key, what is missing, and how tables and figures show it."""
    tables = [table for table in evidence.tables if table.rows]
    columns = {
        table.key: [{key: value for key, value in asdict(column).items() if value} for column in table.columns]
        for table in tables
    }
    marks = {key: asdict(said) for key, fit in fits.items() if (said := _marks(fit)) != Marks()}
    return {
        "studies": evidence.studies,
        "statistics": [],
        "choices": [],
        **{table.key: list(table.rows) for table in evidence.tables},
        "missing": outcome.missing,
        **({"inferred": evidence.inferred} if evidence.inferred else {}),
        **(
            {
                "tables": [
                    {"key": one.key, "caption": one.caption, "columns": columns[one.key], "note": one.note}
                    for one in tables
                ]
            }
            if tables
            else {}
        ),
        **({"marks": marks} if marks else {}),
    }


def _marks(fit: MetaResult) -> Marks:
    return fit.prepared.family.marks(fit.model)


def _options(fit: MetaResult) -> dict[str, Any]:
    """What else a model of arms states; nothing for other models."""
    keys = fit.prepared.family.keys
    options = {key.name: getattr(fit.model, key.name) for key in keys.options} if keys.table == "arms" else {}
    return {"arms": {"measure": fit.measure, **options}} if options else {}


def _left_out(outcome: Outcome, fit: MetaResult) -> list[str]:
    """What the report has for other outcomes and not for this one, each with the reason."""
    sentences = list(fit.prepared.family.left_out)
    known = fit.prepared.parameters
    own = dict.fromkeys(name.split("[")[0] for name, parameter in known.items() if parameter.role == "nuisance")
    if own and outcome.signals and outcome.sensitivity != Sensitivity():
        sentences.append(
            f"Other priors on {' and '.join(own)}: the sensitivity crosses those on mu, coefficients and tau."
        )
    return sentences


def _forest(result: MetaResult) -> dict[str, Any]:
    studies, marks = [], _marks(result)
    for name, row in result.shrinkage(ci_prob=CI_PROB, ci_kind="eti").iterrows():
        y, se = float(row["y"]), float(row["se"])
        y_lower, y_upper = y - 1.959964 * se, y + 1.959964 * se
        if not row["known"] and result.prepared.family.latent_effects:  # what the trial is thought to have found
            y_lower, y_upper = DrawsMarginal(result.posterior["y"].sel(study=name).to_numpy()).interval(CI_PROB, "eti")
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
    pooled, new = (interval_record(result.marginal(name)) for name in ("mu", "theta_new"))
    keys = ("mean", "median", "lower", "upper")
    return {
        "studies": studies,
        **({} if marks == Marks() else {"unknown": marks.unknown}),
        "pooled": {key: pooled[key] for key in keys},
        "new": {key: new[key] for key in keys},
        "published": result.prepared.family.published_pool(result.data),
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
