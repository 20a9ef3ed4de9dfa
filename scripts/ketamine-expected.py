"""Write models/ketamine/expected.json and docs/ketamine-table.md from a report of the ketamine analysis.

The first argument is the folder of the report, reports/ketamine by default; `make expected` fits the analysis and runs this.
Where the stored numbers and the new ones differ by more than 4 Monte Carlo standard errors, the differences are printed.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayesmeta.analysis.records.outcome import EstimatorRecord
from bayesmeta.analysis.run import plan
from bayesmeta.data.review import PublishedReview
from bayesmeta.data.statistics import PooledEstimate, SignificantCount
from bayesmeta.diagnostics.weights import K_LIMIT
from bayesmeta.effects.registry import display_of
from bayesmeta.families.likelihood import NUMPY, Point
from bayesmeta.families.prepared import prepare
from bayesmeta.report.html_tables import estimator_cells
from bayesmeta.report.numbers import format_mcse, format_p, format_probability
from bayesmeta.results.draws_result import DrawsResult
from bayesmeta.spec.normal_normal import NormalNormal

ROOT = Path(__file__).resolve().parent.parent
ANALYSIS = ROOT / "models" / "ketamine" / "analysis.toml"
EXPECTED = ANALYSIS.parent / "expected.json"
TABLE = ROOT / "docs" / "ketamine-table.md"
CLAIMS = {  # asked under observations of other closeness
    "larger in CRPS, CRPS alone": ("crps", "crps < 0"),
    "larger at high dose, dose class alone": ("dose_class", "high_dose < 0"),
    "grows with the dose, slope alone": ("dose_slope", "log2_dose < 0"),
    "larger in CRPS, both": ("joint", "crps < 0"),
    "larger at high dose, both": ("joint", "high_dose < 0"),
    "benefit of 1 point or more, all trials": ("overall", "mu < -1"),
}
CLOSER = {
    "limits twice as close": (2.0, 1.0),
    "limits to their rounding": (6.0, 1.0),
    "count 1.5 times as close": (1.0, 1.5),
}


def main(folder: Path = ROOT / "reports" / "ketamine") -> None:
    """Compare with what is stored, and write both files."""
    new = headline(json.loads((folder / "results.json").read_text(encoding="utf-8")))
    new["tolerances"] = tolerances(folder)
    if EXPECTED.exists():
        print(*differences(json.loads(EXPECTED.read_text(encoding="utf-8")), new), sep="\n")
    EXPECTED.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    TABLE.write_text(page(new), encoding="utf-8")


def headline(results: dict[str, Any]) -> dict[str, Any]:
    """Numbers that the documentation prints, with their Monte Carlo errors, seed, versions and date."""
    pain = results["outcomes"]["pain"]
    draws = {name: f"{m['convergence']['chains']} x {m['convergence']['draws']}" for name, m in pain["models"].items()}
    signal_keys = ("name", "claim", "published_p", "flat_prior_probability", "probability", "mcse", "probability_range")
    return {
        "created": results["created"],
        "seed": results["analysis"]["seed"],
        "draws": draws,
        "versions": results["versions"],
        "signals": [
            {
                **kept(one, *signal_keys),
                "beliefs": [kept(belief, "label", "probability", "mcse") for belief in one["beliefs"]],
            }
            for one in results["signals"]
        ],
        "probabilities": [kept(one, "label", "claim", "model", "probability", "mcse") for one in pain["probabilities"]],
        "parameters": [
            {
                **kept(row, "outcome", "model", "parameter", "mean", "sd"),
                "mcse": rounded(row["sd"] / math.sqrt(row["ess_bulk"])),
            }
            for row in results["summary"]
            if row.get("ess_bulk")
        ],
        "published": [kept(one, "name", "printed", "within", "recomputed") for one in pain["evidence"]["statistics"]],
        "estimators": [
            kept(one, "label", "estimate", "lower", "upper", "tau", "excludes_zero") for one in pain["estimators"]
        ],
    }


def kept(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Some values of a record, rounded."""
    return {key: rounded(record[key]) for key in keys}


def rounded(value: Any) -> Any:
    """Five significant digits."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    return [rounded(one) for one in value] if isinstance(value, list) else value


def tolerances(folder: Path) -> list[dict[str, Any]]:
    """The claims under closer observations: the same draws weighted, each with its Monte Carlo error and Pareto k."""
    checked = plan(ANALYSIS)
    review = checked.data["pain"]
    assert isinstance(review, PublishedReview)
    rows = []
    with xr.open_datatree(folder / "posterior.nc", engine="h5netcdf") as tree:
        for label, (name, claim) in CLAIMS.items():
            model = checked.models["pain"][name]
            assert isinstance(model, NormalNormal)
            posterior = tree[f"pain/{name}/posterior"].to_dataset().load()
            fit = DrawsResult(xr.DataTree.from_dict({"posterior": posterior}), model, review, "nuts")
            holds = fit.draws(claim).astype(float)
            before = log_evidence(review, model, posterior)
            row: dict[str, Any] = {
                "label": label,
                "stated": rounded([fit.probability(claim), fit.probability_mcse(claim)]),
            }
            for closer, (limits, count) in CLOSER.items():
                ratio = log_evidence(closer_review(review, limits, count), model, posterior) - before
                row[closer] = rounded(list(weighted(holds, ratio)))
            rows.append(row)
    return rows


def closer_review(review: PublishedReview, limits: float, count: float) -> PublishedReview:
    """The review with its limits and its count observed as many times more closely."""
    statistics = [
        replace(one, half_width=one.rounding / limits)
        if isinstance(one, PooledEstimate)
        else replace(one, width=one.width / count)
        if isinstance(one, SignificantCount)
        else one
        for one in review.statistics
    ]
    return replace(review, statistics=statistics)


def log_evidence(review: PublishedReview, model: NormalNormal, posterior: xr.Dataset) -> np.ndarray:
    """Log density of trials and printed statistics, all readings summed, shape (chain, draw)."""
    likelihood = prepare(review, model).likelihood
    arrays, top = likelihood.arrays, {name: posterior[name].to_numpy() for name in ("mu", "tau")}
    tau, empty = top["tau"], np.zeros((*top["tau"].shape, 0))
    beta = posterior["beta"].transpose("chain", "draw", "covariate").to_numpy() if "beta" in posterior else empty
    u = posterior["range_position"].to_numpy() if "range_position" in posterior else empty
    fitted = likelihood.mean(Point(top, beta, u, {}), NUMPY)
    y, se = (
        np.where(arrays.known, known, posterior[name].to_numpy()[..., None, :])
        for name, known in (("y", arrays.y), ("se", arrays.se))
    )
    trials = arrays.trials(y, se)
    y, se = y[..., arrays.reading, :], se[..., arrays.reading, :]
    terms = NUMPY.normal(y, fitted, np.sqrt(se**2 + tau[..., None, None] ** 2)).sum(axis=-1)
    return np.asarray(np.logaddexp.reduce(arrays.log_weight + terms + sum(arrays.statistic_terms(trials)), axis=-1))


def weighted(holds: np.ndarray, log_ratio: np.ndarray) -> tuple[float, float, float]:
    """Probability, Monte Carlo error and Pareto k of draws weighted by Pareto-smoothed importance sampling."""
    from arviz_stats.base import array_stats

    log_weights, k = array_stats.psislw(-log_ratio.ravel())
    weights = np.exp(log_weights - np.logaddexp.reduce(log_weights))
    p = float(weights @ holds.ravel())
    return p, float(np.sqrt((weights**2) @ (holds.ravel() - p) ** 2)), float(k)


def differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Numbers that differ by more than 4 Monte Carlo standard errors of the two runs."""
    for part, name, value in (("signals", "name", "probability"), ("probabilities", "label", "probability"),
                              ("parameters", "parameter", "mean")):  # fmt: skip
        before = {(one.get("outcome"), one.get("model"), one[name]): one for one in old[part]}
        for one in new[part]:
            then = before.get((one.get("outcome"), one.get("model"), one[name]))
            if then is None:
                yield f"{part}: {one[name]} is new"
            elif abs(one[value] - then[value]) > 4 * math.hypot(one["mcse"], then["mcse"]):
                errors = f"Monte Carlo errors {then['mcse']} and {one['mcse']}"
                yield f"{part}: {one.get('model', '')} {one[name]} was {then[value]}, is {one[value]} ({errors})"


def page(expected: dict[str, Any]) -> str:
    """The tables of docs/ketamine.md."""
    versions = ", ".join(f"{name} {expected['versions'][name]}" for name in ("bayesmeta", "pymc", "numpy"))
    lines = [
        f"Run of {expected['created'][:10]}, seed {expected['seed']}, chains x draws {expected['draws']['crps']} "
        f"({expected['draws']['overall']} for all trials together); {versions}. Monte Carlo errors in brackets.",
        "",
        "| signal | published P | 1 - P/2 | probability | over the priors tried |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in expected["signals"]:
        flat = format_probability(one["flat_prior_probability"])
        low, high = map(format_probability, one["probability_range"])
        lines.append(f"| {one['name']} | {format_p(one['published_p'])} | {flat} | {number(one)} | {low} to {high} |")
    labels = [one["label"] for one in expected["signals"][0]["beliefs"]]
    alone = [one for one in expected["signals"] if one["published_p"] is not None and one["beliefs"]]
    lines += ["", f"| belief | {' | '.join(one['name'] for one in alone)} |", "| --- |" + " --- |" * len(alone)]
    for i, label in enumerate(labels):
        lines.append(f"| {label} | {' | '.join(number(one['beliefs'][i]) for one in alone)} |")
    lines += ["", "| printed | observed within | recomputed from the trials of the draws: mean (95% interval) |"]
    lines += ["| --- | --- | --- |"]
    lines += [f"| {one['printed']} | {one['within']} | {one['recomputed']} |" for one in expected["published"]]
    lines += [
        "",
        "| estimator | estimate | lower limit | upper limit | excludes no effect |",
        "| --- | --- | --- | --- | --- |",
    ]
    identity = display_of(None)
    estimators = [EstimatorRecord.model_construct(**row) for row in expected["estimators"]]
    for label, cells, excludes in estimator_cells(estimators, identity):
        texts = [f"{text} ({span})" if span else text for text, span in cells[:3]]
        lines.append(f"| {label} | {' | '.join(texts)} | {excludes} |")
    lines += ["", f"| probability | as observed | {' | '.join(CLOSER)} |", "| --- | --- |" + " --- |" * len(CLOSER)]
    for row in expected["tolerances"]:
        cells = [f"{row[key][0]:.3f} ({format_mcse(row[key][1])})" if len(row[key]) == 2 or row[key][2] <= K_LIMIT else
                 f"Pareto k {row[key][2]:.1f}" for key in ("stated", *CLOSER)]  # fmt: skip
        lines.append(f"| {row['label']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def number(record: dict[str, Any]) -> str:
    """A probability with its Monte Carlo error."""
    return f"{format_probability(record['probability'])} ({format_mcse(record['mcse'])})"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
