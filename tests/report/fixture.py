"""A small results dictionary, made by hand: known and latent trials, a difference and a ratio."""

import math
from typing import Any

from bayesmeta.effects.registry import display_of


def _bell(mean: float, sd: float, low: float, high: float, n: int = 81) -> tuple[list[float], list[float]]:
    x = [low + (high - low) * k / (n - 1) for k in range(n)]
    return x, [math.exp(-0.5 * ((v - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi)) for v in x]


def _study(name, known, y, se, theta, half):
    return {
        "study": name, "known": known, "y": y, "se": se, "y_lower": y - 1.96 * se, "y_upper": y + 1.96 * se,
        "theta": theta, "theta_lower": theta - half, "theta_upper": theta + half,
    }  # fmt: skip


def _moments(parameter, mean, sd):
    limits = {"lower": mean - 1.96 * sd, "upper": mean + 1.96 * sd}
    return {"parameter": parameter, "mean": mean, "sd": sd, "median": mean, **limits}


def _row(parameter, mean, sd):
    return _moments(parameter, mean, sd) | {"ess_bulk": 4012.3, "ess_tail": 3120.0, "sd_error": 0.01, "r_hat": 1.0012}


def _model(label, formula, priors, defaults, **rest):
    return {
        "label": label, "formula": formula, "engine": "nuts", "error_bound": None, "priors": priors, "defaults": defaults,
        "sources": {name: [] for name in priors}, "convergence": _convergence(), **rest,
    }  # fmt: skip


REST = {"left_out": [], "input": {"table": "studies.csv", "columns": {}, "effects": {}}, "estimators": []}


def _other(probability: float) -> dict[str, Any]:
    return {
        "label": "with a trial's own test", "source": "its abstract", "changes": ["with P value of B: P < 0.05"],
        "probability": probability, "mcse": 0.002, "threshold_probability": None, "method": "importance",
    }  # fmt: skip


def _signal(name, label, claim, claim_label, mean, sd, **rest):
    x, posterior = _bell(mean, sd, mean - 4 * sd, mean + 4 * sd)
    _, prior = _bell(0.0, 1.5, x[0], x[-1])
    return {
        "name": name, "outcome": label, "model": "crps", "model_label": "1 + crps", "claim": claim,
        "claim_label": claim_label, "published_verdict": "nonsignificant", "unit": "points", "note": "",
        "estimate": _moments("crps", mean, sd), "display": display_of("md").as_dict(),
        "beliefs": [], "evidence": [], "level": None, "tipping": [],
        "density": {"x": x, "posterior": posterior, "prior": prior, "shade_from": None, "shade_to": 0.0},
        **rest,
    }  # fmt: skip


def _grid():
    betas = [
        ("sceptical", "Normal(0, 0.5)"),
        ("primary", "Normal(0, 1.5)"),
        ("enthusiastic", "Normal(-1, 1)"),
    ]
    taus = [
        ("half-normal 1", "HalfNormal(1)"),
        ("half-Cauchy 0.5", "HalfCauchy(0.5)"),
        ("small", "HalfNormal(0.3)"),
    ]
    for i, (beta_label, beta) in enumerate(betas):
        for j, (tau_label, tau) in enumerate(taus):
            method = "primary" if (i, j) == (1, 0) else "refitted" if i == 2 else "reweighted"
            yield {
                "beta_label": beta_label, "beta": beta, "tau_label": tau_label, "tau": tau, "mcse": 0.01,
                "probability": 0.71 + 0.08 * i + 0.025 * j, "threshold_probability": 0.2 + 0.1 * i,
                "pareto_k": None if method != "reweighted" else 0.31, "method": method, "on": ["crps"],
                "priors": {"mu": "Normal(0, 3)", "crps": beta, "tau": tau},
            }  # fmt: skip


def _convergence():
    return {
        "r_hat": 1.003, "ess_bulk": 2210.0, "ess_tail": 1980.0, "sd_error": 0.014, "divergences": 0, "saturated": 0,
        "transitions": 6000, "repeated": 0, "bfmi": 0.91, "worst": "mu", "worst_tail": "mu", "worst_sd": "tau",
        "chains": 4, "draws": 1500,
    }  # fmt: skip


def _pain() -> dict[str, Any]:
    x, posterior = _bell(-1.8, 0.3, -4, 1)
    studies = [
        _study("Sigtermans 2009", True, -2.1, 0.45, -1.95, 0.6),
        _study("<script>alert(1)</script>", False, -1.7, 0.9, -1.8, 0.9),
        _study("Schwartzman $2009$", False, -2.4, 1.6, -2.0, 1.1),
        _study("Noppers & al. 2011", True, -0.6, 0.7, -1.4, 0.8),
        _study("A trial with a rather long name, Amsterdam 2012", False, -1.5, 0.8, -1.7, 0.9),
    ]
    evidence = [
        {
            "study": s["study"], "label": s["study"], "n": "60" if s["known"] else "12 to 28",
            "known": s["known"],
            "evidence": "estimate and its SE" if s["known"] else "arm sizes only; pooled by the review",
            "covariates": {"crps": "yes" if k < 2 else "no", "dose": "2.1 to 5.6 mg/kg"},
        }
        for k, s in enumerate(studies)
    ]  # fmt: skip
    return {
        "label": "Pain", "measure": "md", "unit": "points on 0–10", "benefit": "lower", "display": display_of("md").as_dict(),
        "evidence": {
            "studies": evidence,
            "statistics": [
                {"name": "pooled estimate", "printed": "−1.83", "recomputed": "−1.83 (−1.84 to −1.82)",
                 "within": "each limit within ±0.03 (a normal of SD 0.0153): 6 times its rounding"},
                {"name": "P, CRPS versus other", "printed": ".079", "recomputed": None, "within": ""},
            ],
            "choices": [
                {"choice": "Is ± 0.51 an SD or an SE?", "option": "SE", "prior": 0.5, "posterior": 0.93},
                {"choice": "Is ± 0.51 an SD or an SE?", "option": "SD", "prior": 0.5, "posterior": 0.07},
            ],
            "missing": ["No trial's standard deviation was found in a public text."],
            "tables": [
                {"key": "statistics", "caption": "Statistics", "note": "By construction.", "columns": [
                    {"heading": "Statistic", "key": "name"}, {"heading": "Observed within", "key": "within", "form": "long"}]},
                {"key": "choices", "caption": "Choices", "note": "", "columns": [
                    {"heading": "Choice", "key": "choice"}, {"heading": "Posterior", "key": "posterior", "form": "probability"}]},
            ],
        },
        "models": {
            "overall": _model(
                "Overall effect", "1", {"mu": "Normal(0, 3)", "tau": "HalfNormal(1)"}, ["tau"],
                summary=[_row("mu", -1.8, 0.3), _row("tau", 0.5, 0.2), _row("theta_new", -1.8, 0.7)],
                forest={
                    "studies": studies,
                    "pooled": {"mean": -1.8, "median": -1.8, "lower": -2.38, "upper": -1.21},
                    "new": {"mean": -1.8, "median": -1.8, "lower": -3.2, "upper": -0.35},
                    "published": {"estimate": -1.83, "lower": -2.35, "upper": -1.31},
                },
                prior_posterior=[
                    {"parameter": "mu", "x": x, "prior": _bell(0, 3, -4, 1)[1], "posterior": posterior},
                    {"parameter": "tau", "x": x[48:], "prior": None, "posterior": posterior[48:]},
                ],
            ),
            "crps": _model(
                "CRPS versus other pain", "1 + crps",
                {"mu": "Normal(0, 3)", "crps": "Normal(0, 1.5)", "tau": "HalfNormal(1)"}, [],
                summary=[_row("mu", -1.5, 0.35), _row("crps", -0.63, 0.64)], forest=None,
                prior_posterior=[{"parameter": "crps", "x": x, "prior": posterior, "posterior": posterior}],
            ),
        },
        "probabilities": [
            {"label": "any benefit", "claim": "mu < 0", "model": "overall", "probability": 1.0,
             "mcse": 0.0, "note": "", "evidence": [_other(1.0)]},
            {"label": "beyond 2 points", "claim": "mu < -2", "model": "overall", "probability": 0.251,
             "mcse": 0.008, "evidence": [_other(0.377)],
             "note": "threshold for a patient"},
        ],
        **REST, "derived": [],
        "predictive_of": "what the review of new trials would print",
        "predictive": [
            {"name": "pooled estimate", "printed": "−1.83", "mean": -1.8, "lower": -2.8, "upper": -0.8, "inside": True},
            {"name": "I²", "printed": "83", "mean": 31.0, "lower": 0.0, "upper": 70.0, "inside": False},
        ],
        "confounding": {
            "x": "crps", "y": "high_dose", "correlation": -0.62,
            "note": "The CRPS trials are the high-dose ones.",
            "points": [[math.sin(7.1 * k) - 0.5,
            -0.6 * math.sin(7.1 * k) + 0.5 * math.cos(3.3 * k)] for k in range(150)],
        },
    }  # fmt: skip


def _responders() -> dict[str, Any]:
    x, posterior = _bell(0.85, 0.4, -0.8, 2.4)
    studies = [
        _study("Noppers 2011", True, 0.7, 0.5, 0.8, 0.7),
        _study("Third trial", False, 1.1, 0.9, 0.9, 0.9),
    ]
    return {
        "label": "Responders", "measure": "log_rr", "unit": "risk ratio", "benefit": "higher",
        "display": display_of("log_rr").as_dict(),
        "evidence": {"studies": [], "statistics": [], "choices": [], "missing": []},
        "models": {
            "overall": _model(
                "Responders, overall", "1", {"mu": "Normal(0, 1)", "tau": "HalfNormal(0.5)"}, [],
                summary=[_row("mu", 0.85, 0.4) | {
                    "display_median": 2.34, "display_lower": 1.07, "display_upper": 5.12, "display": "risk ratio"}],
                forest={
                    "studies": studies, "pooled": {"mean": 0.85, "median": 0.85, "lower": 0.1, "upper": 1.6},
                    "new": {"mean": 0.85, "median": 0.85, "lower": -0.6, "upper": 2.3},
                    "published": {"estimate": math.log(2.43), "lower": math.log(1.1), "upper": math.log(5.4)},
                },
                prior_posterior=[{"parameter": "mu", "x": x, "prior": None, "posterior": posterior}],
            )
        },
        **REST, "probabilities": [],
        "derived": [
            {"label": "number needed to treat", "model": "overall", "median": 3.6, "lower": 1.9,
             "upper": 24.0,
             "unit": "patients", "note": "given a benefit"},
        ],
        "predictive": [], "predictive_of": "",
        "confounding": None,
    }  # fmt: skip


def results() -> dict[str, Any]:
    crps = _signal(
        "CRPS versus other pain", "pain", "crps < 0", "the effect is larger in CRPS", -0.63, 0.64,
        published_p=0.079, flat_prior_probability=0.9605, probability=0.8376, mcse=0.012,
        threshold={"claim": "crps < -1", "label": "more than 1 point larger", "probability": 0.281,
        "mcse": 0.009},
        probability_range=[0.71, 0.92], sensitivity=list(_grid()),
    )  # fmt: skip
    responders = _signal(
        "More responders", "responders", "mu > 0", "ketamine has more responders", 0.85, 0.4,
        published_p=0.029, flat_prior_probability=0.9855, probability=0.9961, mcse=0.0004,
        threshold=None, probability_range=[0.9961, 0.9961], sensitivity=[],
    )  # fmt: skip
    responders |= {"model": "overall", "model_label": "Responders, overall", "unit": "risk ratio"}
    responders["estimate"]["parameter"] = "mu"
    responders |= {"display": display_of("log_rr").as_dict()}
    responders["density"] |= {"shade_from": 0.0, "shade_to": None, "prior": None}
    return {
        "schema": "bayesmeta-report/1",
        "created": "2026-01-02T03:04:05Z",
        "analysis": {
            "title": "Ketamine for chronic pain, refitted",
            "question": "How probable is it that CRPS responds better?",
            "source": "Orhurhu 2019, doi:10.1213/ANE.0000000000004185",
            "file": "models/ketamine/analysis.toml", "out": "reports/ketamine", "seed": 20260101, "ci_prob": 0.95,
        },
        "engine": "nuts",
        "versions": {"bayesmeta": "0.1.0", "pymc": "6.3.0"},
        "signals": [crps, responders],
        "checks": [
            {"name": "largest R-hat", "passed": True, "value": 1.0031, "limit": 1.01, "note": ""},
            {"name": "agreement of the engines", "passed": None, "value": None, "limit": 4.0,
             "note": "no exact engine"},
        ],
        "summary": [],
        "outcomes": {"pain": _pain(), "responders": _responders()},
        "external": [
            {"review": "Michelet 2018", "outcome": "pain at 4 weeks", "outcome_key": "pain",
             "estimate": -1.12, "lower": -2.33,
             "upper": 0.09, "scale": "points 0–10", "comparable": True, "note": "shares trials",
             "source": "PMID 29178663"},
            {"review": "Zhao 2018", "outcome": "pain relief, CRPS", "estimate": 0.69, "lower": 0.53,
             "upper": 0.84,
             "scale": "proportion", "comparable": False, "note": "single arm", "source": "PMID 29404715"},
        ],
        "methods": ["The review's estimator is part of the model."],
        "limitations": ["Few trials."],
        "references": ["Orhurhu 2019. https://doi.org/10.1213/ANE.0000000000004185"],
        "draws": {"file": "posterior.nc", "sha256": ""},
    }  # fmt: skip
