"""Another seed moves the numbers of the ketamine analysis by what the fits state as Monte Carlo error: every headline number."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import bayesmeta as bm
from bayesmeta.analysis.run import Plan, plan
from bayesmeta.families.review.importance import engine

ROOT = Path(__file__).resolve().parents[2]
ANALYSIS = ROOT / "models" / "ketamine" / "analysis.toml"
SEEDS = tuple(range(1, 11))
COLUMNS = ("seed", "outcome", "model", "number", "value", "error")


def claims_of(checked: Plan, outcome: str) -> dict[str, list[str]]:
    """Claims that the report prints a probability of, by model: signals, their thresholds, and the other probabilities."""
    found: dict[str, list[str]] = {key: [] for key in checked.models[outcome]}
    section = checked.analysis.outcomes[outcome]
    asked = [(one.model, claim) for one in section.signals for claim in (one.claim, one.threshold) if claim]
    asked += [(one.model, one.claim) for one in section.probabilities]
    for model, claim in asked:
        if claim not in found[model]:
            found[model].append(claim)
    return found


def numbers(result: bm.MetaResult, claims: list[str]) -> Iterator[tuple[str, float, float]]:
    """Every number of a fit with its stated Monte Carlo error: probabilities, means and SDs, log marginal likelihood."""
    for claim in claims:
        yield f"P({claim})", result.probability(claim), result.probability_mcse(claim)
    for name, row in result.summary().iterrows():
        yield f"mean of {name}", float(row["mean"]), float(row["mcse_mean"])
        yield f"SD of {name}", float(row["sd"]), float(row["mcse_sd"])
    yield "log marginal likelihood", result.log_marginal_likelihood, result.log_marginal_likelihood_error


def run(path: Path, seeds: tuple[int, ...] = SEEDS) -> None:
    """Add the seeds that the table does not have yet."""
    done = set()
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            done = {int(row["seed"]) for row in csv.DictReader(file)}
    checked = plan(ANALYSIS)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(COLUMNS)
        for seed in sorted(set(seeds) - done):
            rows = []
            for outcome, models in checked.models.items():
                if not isinstance(checked.data[outcome], bm.PublishedReview):
                    continue  # exact
                claims = claims_of(checked, outcome)
                for key, model in models.items():
                    result = bm.fit(checked.data[outcome], model, "importance", seed=seed)
                    found = numbers(result, claims[key])
                    rows += [(seed, outcome, key, name, f"{value:.6g}", f"{error:.3g}") for name, value, error in found]
            engine.forget()
            writer.writerows(rows)
            file.flush()
            print(f"ketamine, seed {seed}: {len(rows)} numbers", flush=True)
