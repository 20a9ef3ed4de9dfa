"""Every number of one outcome's report, as plain values for `results.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bayesmeta.analysis.derived import derived_rows, finite_or_none
from bayesmeta.analysis.evidence_table import evidence
from bayesmeta.analysis.schema import Outcome, Signal
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.review import PublishedReview
from bayesmeta.data.statistics import PooledEstimate, SubgroupTest, printed_half_width
from bayesmeta.diagnostics.agreement import agreement, agreement_check
from bayesmeta.diagnostics.check import Check
from bayesmeta.diagnostics.convergence import convergence
from bayesmeta.priors import Flat, Prior, shown
from bayesmeta.results.intervals import Marginal
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.design import tau_prior, variable_of
from bayesmeta.spec.sources import default_names, published_in
from bayesmeta.spec.two_scales import base_of

_CI = 0.95
_POINTS = 161  # of a density curve


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
    grids: Mapping[str, Any],
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
        rows = summary_rows(shown[key])
        collected.summary += [{"outcome": name, "model": key, **row} for row in rows]
        models[key] = _model(outcome, key, shown[key], rows, found, result.posterior.sizes)
        if key in exact:
            compared = agreement(exact[key], result)
            models[key]["agreement"] = [asdict(row) for row in compared]
            collected.checks.append(agreement_check(f"{name}, {key}", compared))
    predictive = _predictive(first, ratio=outcome.log_scale)
    collected.checks += [
        Check(f"{name}: {row['name']} reproduced", row["inside"], row["mean"], None, f"Printed: {row['printed']}.")
        for row in predictive
    ]
    collected.signals = [
        _signal(name, outcome, signal, shown[signal.model], grids.get(signal.name, {})) for signal in outcome.signals
    ]
    collected.content = {
        "label": outcome.label,
        "measure": outcome.measure,
        "unit": outcome.unit,
        "benefit": outcome.benefit,
        "log_scale": outcome.log_scale,
        "evidence": evidence(outcome, first),
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
        "derived": [row for question in outcome.derived for row in derived_rows(question, fits[question.model])],
        "predictive": predictive,
        "confounding": _confounding(outcome, fits),
    }
    return collected


def summary_rows(result: MetaResult) -> list[dict[str, Any]]:
    """Rows of a result's summary, with 95% equal-tailed intervals."""
    frame = result.summary(ci_prob=_CI, ci_kind="eti")
    return [
        {"parameter": str(name), **{k: v if isinstance(v, str) else finite_or_none(v) for k, v in row.items()}}
        for name, row in frame.iterrows()
    ]


def _interval(marginal: Marginal) -> dict[str, float]:
    lower, upper = marginal.interval(_CI, "eti")
    return {
        "mean": marginal.mean(),
        "sd": marginal.sd(),
        "median": marginal.median(),
        "lower": lower,
        "upper": upper,
    }


def _model(
    outcome: Outcome, key: str, result: MetaResult, rows: list[dict[str, Any]], found: Any, sizes: Any
) -> dict[str, Any]:
    model = base_of(result.model)
    priors: dict[str, Prior] = {"mu": model.mu_prior, "tau": tau_prior(result.data, model)}
    for name in result.coefficients:
        priors[name] = model.coefficient_prior(name, name.split("[", 1)[0])
    section = outcome.models[key]
    unchosen = default_names(model)
    defaults = [name for name, prior in priors.items() if prior == Flat() or {name, variable_of(name)} & unchosen]
    sources: dict[str, list[dict[str, object]]] = {}
    for name, source in published_in(model):
        sources.setdefault(name, []).append(source.as_dict())
    return {
        "label": section.label,
        "formula": model.formula,
        "engine": result.engine,
        "error_bound": result.error_bound,
        "priors": {name: str(prior) for name, prior in priors.items()},
        "defaults": defaults,
        "sources": {name: sources.get(name) or sources.get(variable_of(name), []) for name in priors},
        "summary": rows,
        "forest": None if result.coefficients else _forest(result),
        "prior_posterior": [
            _prior_posterior(result, name, prior) for name, prior in priors.items() if np.ptp(result.draws(name)) > 0
        ],
        "convergence": {
            "r_hat": finite_or_none(found.r_hat),
            "ess_bulk": finite_or_none(found.ess_bulk),
            "ess_tail": finite_or_none(found.ess_tail),
            "divergences": found.divergences,
            "bfmi": finite_or_none(found.bfmi),
            "chains": int(sizes["chain"]),
            "draws": int(sizes["draw"]),
        },
    }


def _forest(result: MetaResult) -> dict[str, Any]:
    studies = []
    posterior = result.posterior
    for name, row in result.shrinkage(ci_prob=_CI, ci_kind="eti").iterrows():
        y, se = float(row["y"]), float(row["se"])
        y_lower, y_upper = y - 1.959964 * se, y + 1.959964 * se
        if not row["known"]:  # what the trial is thought to have found
            y_lower, y_upper = DrawsMarginal(posterior["y"].sel(study=name).to_numpy()).interval(_CI, "eti")
        studies.append(
            {
                "study": str(name),
                "known": bool(row["known"]),
                "y": y,
                "se": se,
                "y_lower": float(y_lower),
                "y_upper": float(y_upper),
                "theta": float(row["mean"]),
                "theta_lower": float(row["lower"]),
                "theta_upper": float(row["upper"]),
            }
        )
    published = None
    if isinstance(result.data, PublishedReview):
        pool = next((s for s in result.data.statistics if isinstance(s, PooledEstimate)), None)
        published = None if pool is None else {"estimate": pool.estimate, "lower": pool.lower, "upper": pool.upper}
    pooled, new = (_interval(result.marginal(name)) for name in ("mu", "theta_new"))
    keys = ("mean", "lower", "upper")
    return {
        "studies": studies,
        "pooled": {key: pooled[key] for key in keys},
        "new": {key: new[key] for key in keys},
        "published": published,
    }


def _curve(marginal: Marginal) -> tuple[list[float], list[float]]:
    low, high = (float(x) for x in marginal.ppf([0.0005, 0.9995]))
    x = np.linspace(low, high, _POINTS)
    return x.tolist(), np.asarray(marginal.pdf(x)).tolist()


def _prior_posterior(result: MetaResult, name: str, prior: Prior) -> dict[str, Any]:
    x, density = _curve(result.marginal(name))
    known = prior.is_proper and prior.has_density
    return {
        "parameter": name,
        "x": x,
        "posterior": density,
        "prior": _finite(prior.pdf(x)) if known else None,
    }


def _finite(values: Any) -> list[float]:
    return [float(value) for value in np.nan_to_num(np.asarray(values, float), posinf=0.0)]


def _signal(name: str, outcome: Outcome, signal: Signal, result: MetaResult, grid: Mapping[Any, Any]) -> dict[str, Any]:
    marginal = result.marginal(signal.quantity)
    x, density = _curve(marginal)
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
    for (i, j), (main, threshold, method) in grid.items():
        beta, tau = outcome.sensitivity.effect[i], outcome.sensitivity.tau[j]
        rows.append(
            {
                "beta_label": beta.label,
                "beta": beta.prior,
                "tau_label": tau.label,
                "tau": tau.prior,
                "probability": main.probability,
                "mcse": main.mcse,
                "threshold_probability": None if threshold is None else threshold.probability,
                "pareto_k": finite_or_none(main.pareto_k),
                "method": method,
            }
        )
    prior, chosen = None, None
    if signal.quantity in result.coefficients:
        chosen = model.coefficient_prior(signal.quantity, signal.quantity.split("[", 1)[0])
    elif signal.quantity == "mu":
        chosen = model.mu_prior
    if chosen is not None and chosen.is_proper and chosen.has_density:
        prior = _finite(chosen.pdf(x))
    everything = [float(row["probability"]) for row in rows]
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
        "estimate": {"parameter": signal.quantity, **_interval(marginal)},
        "unit": outcome.unit,
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
        "density": {
            "x": x,
            "posterior": density,
            "prior": prior,
            "shade_from": None if less else 0.0,
            "shade_to": 0.0 if less else None,
        },
        "note": signal.note,
    }


def _predictive(result: MetaResult, *, ratio: bool) -> list[dict[str, Any]]:
    """What the review would print, recomputed from the draws' trials; for estimates, each study replicated.

    A pool must come back within its printed digits on average, also where the observation was given a wider tolerance.
    """
    group = result.datatree["posterior_predictive"].to_dataset()
    rows = []

    def add(name: str, draws: Any, printed: float, tolerance: float) -> None:
        marginal = DrawsMarginal(np.asarray(draws))
        lower, upper = marginal.interval(_CI, "eti")
        inside = abs(marginal.mean() - printed) <= tolerance
        found = {"mean": marginal.mean(), "lower": lower, "upper": upper, "inside": bool(inside)}
        rows.append({"name": name, "printed": f"{printed:.4g}", **found})

    if isinstance(result.data, Estimates):
        for i, study in enumerate(result.data.study):
            marginal = DrawsMarginal(group["y"].sel(study=study).to_numpy())
            lower, upper = marginal.interval(_CI, "eti")
            inside = lower <= result.data.y[i] <= upper
            row = {
                "mean": marginal.mean(),
                "lower": lower,
                "upper": upper,
                "inside": None if not inside else True,
            }
            rows.append({"name": study, "printed": f"{result.data.y[i]:.4g}", **row})
        return rows
    tests = [s for s in result.data.statistics if isinstance(s, SubgroupTest)]
    for statistic in result.data.statistics:
        if isinstance(statistic, PooledEstimate):
            allowed = statistic.rounding
            if not ratio:  # the digits of a ratio are not those of its logarithm
                allowed = min(allowed, printed_half_width(statistic.digits))
            for key in ("estimate", "lower", "upper"):
                add(f"pooled {key}", group[f"pooled_{key}"], getattr(statistic, key), allowed)
        elif isinstance(statistic, SubgroupTest):
            add(
                f"z of {statistic.covariate}",
                group["subgroup_z"][..., tests.index(statistic)],
                statistic.z,
                3 * statistic.spread,
            )
    return rows


def _confounding(outcome: Outcome, fits: Mapping[str, MetaResult]) -> dict[str, Any] | None:
    if outcome.confounding is None:
        return None
    model, a, b = outcome.confounding
    x, y = fits[model].draws(a).ravel(), fits[model].draws(b).ravel()
    step = max(x.size // 400, 1)
    correlation = float(np.corrcoef(x, y)[0, 1])
    note = (
        f"Joint posterior of both coefficients in one model; their correlation is {correlation:.2f}. "
        "A trial that has both features cannot tell them apart."
    )
    points = np.column_stack([x, y])[::step][:400].tolist()
    return {"x": a, "y": b, "correlation": correlation, "points": points, "note": note}
