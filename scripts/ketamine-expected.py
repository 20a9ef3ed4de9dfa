"""Write models/ketamine/expected.json, docs/ketamine-table.md and tests/browser/ketamine.json from the ketamine report.

The first argument is the folder of the report, reports/ketamine by default; `make expected` fits the analysis and runs this.
It also fits tests/report/corrected, an outcome with a corrected zero cell, of which ketamine has none.
Where the stored numbers and the new ones differ by more than 4 Monte Carlo standard errors, the differences are printed.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bayesmeta as bm
from bayesmeta.analysis.records.outcome import EstimatorRecord
from bayesmeta.analysis.run import plan
from bayesmeta.data.review import PublishedReview
from bayesmeta.data.statistics import PooledEstimate, SignificantCount, SubgroupTest
from bayesmeta.effects.registry import display_of
from bayesmeta.report.html_tables import estimator_cells
from bayesmeta.report.run import write_report
from bayesmeta.text.numbers import format_mcse, format_p, format_probability

ROOT = Path(__file__).resolve().parent.parent
ANALYSIS = ROOT / "models" / "ketamine" / "analysis.toml"
EXPECTED = ANALYSIS.parent / "expected.json"
TABLE = ROOT / "docs" / "ketamine-table.md"
PAGE = ROOT / "tests" / "browser" / "ketamine.json"  # of which tests render the page
CORRECTED = ROOT / "tests" / "report" / "corrected"
CLAIMS = {  # asked under observations of other closeness
    "larger in CRPS, CRPS alone": ("crps", "crps < 0"),
    "larger at high dose, dose class alone": ("dose_class", "high_dose < 0"),
    "grows with the dose, slope alone": ("dose_slope", "log2_dose < 0"),
    "larger in CRPS, both": ("joint", "crps < 0"),
    "larger at high dose, both": ("joint", "high_dose < 0"),
    "benefit of 1 point or more, all trials": ("overall", "mu < -1"),
}
CLOSER = {
    "limits to their rounding": {"limits": True},
    "z to the rounding of P": {"tests": True},
    "count 3 times as close": {"count": 3.0},
    "all of these": {"limits": True, "tests": True, "count": 3.0},
}


def main(folder: Path = ROOT / "reports" / "ketamine") -> None:
    """Compare with what is stored, and write the files."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    new = headline(results)
    new["tolerances"] = tolerances()
    if EXPECTED.exists():
        print(*differences(json.loads(EXPECTED.read_text(encoding="utf-8")), new), sep="\n")
    EXPECTED.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    TABLE.write_text(page(new), encoding="utf-8")
    PAGE.write_text(json.dumps(smaller(results), ensure_ascii=False) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as place:
        found = write_report(CORRECTED / "analysis.toml", Path(place) / "corrected", quiet=True)
    (CORRECTED / "results.json").write_text(json.dumps(smaller(json.loads(found.as_json()))) + "\n", encoding="utf-8")


def smaller(value: Any) -> Any:
    """Results with each fourth point of long curves, and numbers to five digits: every word of the page, a fourth of the size."""
    if isinstance(value, dict):
        return {key: smaller(one) for key, one in value.items()}
    if isinstance(value, list):
        return [smaller(one) for one in (value[::4] if len(value) > 150 else value)]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def headline(results: dict[str, Any]) -> dict[str, Any]:
    """Numbers that the documentation prints, with their Monte Carlo errors, seed, versions and date."""
    pain = results["outcomes"]["pain"]
    samples = {name: kept(m["sample"], "n_effective", "largest_weight", "missed") for name, m in pain["models"].items()}
    signal_keys = ("name", "claim", "published_p", "flat_prior_probability", "probability", "mcse", "probability_range")
    return {
        "created": results["created"],
        "seed": results["analysis"]["seed"],
        "samples": samples,
        "versions": results["versions"],
        "signals": [
            {
                **kept(one, *signal_keys),
                "beliefs": [kept(belief, "label", "probability", "mcse") for belief in one["beliefs"]],
                "evidence": other_evidence(one),
            }
            for one in results["signals"]
        ],
        "probabilities": [
            {**kept(one, "label", "claim", "model", "probability", "mcse"), "evidence": other_evidence(one)}
            for one in pain["probabilities"]
        ],
        "parameters": [
            {
                **kept(row, "outcome", "model", "parameter", "mean", "sd"),
                "mcse": rounded(row["mcse_mean"]),
            }
            for row in results["summary"]
            if row.get("mcse_mean")
        ],
        "published": [kept(one, "name", "printed", "within", "recomputed") for one in pain["evidence"]["statistics"]],
        "estimators": [
            kept(one, "label", "estimate", "lower", "upper", "tau", "excludes_zero") for one in pain["estimators"]
        ],
    }


def other_evidence(record: dict[str, Any]) -> list[dict[str, Any]]:
    """A signal or a probability with other evidence."""
    return [kept(other, "label", "probability", "mcse") for other in record["evidence"]]


def kept(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Some values of a record, rounded."""
    return {key: rounded(record[key]) for key in keys}


def rounded(value: Any) -> Any:
    """Five significant digits."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    return [rounded(one) for one in value] if isinstance(value, list) else value


def tolerances() -> list[dict[str, Any]]:
    """The claims under closer observations: new fits, each probability with its Monte Carlo error."""
    checked = plan(ANALYSIS)
    review = checked.data["pain"]
    assert isinstance(review, PublishedReview)
    reviews = {"stated": review} | {label: closer_review(review, **how) for label, how in CLOSER.items()}
    names = {name for name, _ in CLAIMS.values()}
    models = {name: model for name, model in checked.models["pain"].items() if name in names}
    fits = {
        label: bm.fit_many(data, models, "importance", seed=checked.analysis.seed) for label, data in reviews.items()
    }
    return [
        {"label": label}
        | {key: rounded([fit[name].probability(claim), fit[name].probability_mcse(claim)]) for key, fit in fits.items()}
        for label, (name, claim) in CLAIMS.items()
    ]


def closer_review(
    review: PublishedReview, *, limits: bool = False, tests: bool = False, count: float = 1.0
) -> PublishedReview:
    """The review with limits and tests observed to their rounding, and its count as many times more closely."""
    statistics = [
        replace(one, half_width=None)
        if isinstance(one, PooledEstimate) and limits
        else replace(one, tolerance=None)
        if isinstance(one, SubgroupTest) and tests
        else replace(one, width=one.width / count)
        if isinstance(one, SignificantCount)
        else one
        for one in review.statistics
    ]
    return replace(review, statistics=statistics)


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
    effective = [sample["n_effective"] for sample in expected["samples"].values()]
    sets = f"{min(effective):.0f} to {max(effective):.0f} effective sets of trials for a model"
    lines = [
        f"Run of {expected['created'][:10]}, seed {expected['seed']}, {sets}; {versions}. Monte Carlo errors in brackets.",
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
    asked = [one for one in expected["signals"] if one["evidence"]]
    others = [one["label"] for one in asked[0]["evidence"]]
    lines += [
        "",
        f"| signal or probability | as analysed | {' | '.join(others)} |",
        "| --- | --- |" + " --- |" * len(others),
    ]
    rows = [(one["name"], one) for one in asked] + [(one["label"], one) for one in expected["probabilities"]]
    lines += [f"| {name} | {number(one)} | {' | '.join(map(number, one['evidence']))} |" for name, one in rows]
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
        cells = [f"{row[key][0]:.3f} ({format_mcse(row[key][1])})" for key in ("stated", *CLOSER)]
        lines.append(f"| {row['label']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def number(record: dict[str, Any]) -> str:
    """A probability with its Monte Carlo error."""
    return f"{format_probability(record['probability'])} ({format_mcse(record['mcse'])})"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
