"""The complete meta-analyses whose trials are hidden, their moderators and their prior on the unit SD, all by a rule.

The rule is stated in docs/calibration.md and was written before any of these sets was fitted. The tables are in
benchmarks/calibration/data and in the data sets that bayesmeta ships; `sets.toml` says where their columns are.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayesmeta as bm

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "calibration"
SHIPPED = ROOT / "bayesmeta" / "data" / "datasets"
FEWEST, MOST = 4, 10  # trials
IN_A_GROUP, MODERATORS = 2, 2  # fewest trials of a subgroup, most moderators of a set


@dataclass(frozen=True, eq=False)
class CompleteSet:
    """A meta-analysis with every trial known: effects, arm sizes (person-time for rates) and 0/1 moderators by name."""

    name: str
    title: str
    citation: str
    measure: str
    study: list[str]
    y: np.ndarray
    se: np.ndarray
    n_t: np.ndarray
    n_c: np.ndarray
    moderators: Mapping[str, np.ndarray]
    labels: Mapping[str, str]  # what 1 means
    sd: bm.Prior  # on the unit SD


def complete_sets() -> list[CompleteSet]:
    """All sets of the rule, by name."""
    tables = tomllib.loads((FOLDER / "sets.toml").read_text(encoding="utf-8"))
    found = [one for name, table in tables.items() for one in _of_table(name, table)]
    return sorted(found, key=lambda one: one.name)


def _of_table(name: str, table: Mapping[str, Any]) -> Iterator[CompleteSet]:
    folder = SHIPPED if table.get("shipped") else FOLDER / "data"
    frame = pd.read_csv(folder / f"{name}.csv")
    for outcome in table["outcomes"]:
        rows = frame
        for column, value in outcome.get("where", {}).items():
            rows = rows[rows[column] == value]
        arms = arms_of(rows, outcome["columns"])
        kept = arms.notna().all(axis=1)
        if "events_t" in arms:
            kept &= arms["events_t"] + arms["events_c"] > 0  # a log ratio needs an event in one of the arms
        rows, arms = rows[kept], arms[kept]
        arms.insert(0, "study", [" ".join(map(str, row)) for row in rows[table["study"]].to_numpy()])
        y, se, n_t, n_c = effects(arms, outcome["measure"])
        assert FEWEST <= len(arms) <= MOST, (name, len(arms))
        described = rows[table["covariates"]].assign(participants=n_t + n_c)
        moderators = dict(moderators_of(described))
        yield CompleteSet(
            f"{name}, {outcome['name']}" if "name" in outcome else name, table["title"], table["citation"],
            outcome["measure"], list(arms["study"]), y, se, n_t, n_c,
            {key: values for key, (_, values) in moderators.items()},
            {key: label for key, (label, _) in moderators.items()}, unit_sd(arms, outcome["measure"]),
        )  # fmt: skip


def arms_of(rows: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Columns of the table under the package's names; numbers without the event are turned into arm sizes."""
    arms = pd.DataFrame({ours: rows[theirs] for ours, theirs in columns.items()})
    for arm in "tc":
        if f"without_{arm}" in arms:
            arms[f"n_{arm}"] = arms[f"events_{arm}"] + arms.pop(f"without_{arm}")
    return arms


def effects(arms: pd.DataFrame, measure: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Effects and standard errors as the package computes them, and the sizes of both arms."""
    sizes = [arms[f"{'n' if f'n_{arm}' in arms else 'time'}_{arm}"].to_numpy(float) for arm in "tc"]
    if "y" in arms:
        return arms["y"].to_numpy(float), arms["se"].to_numpy(float), *sizes
    found = bm.effect_sizes(arms.reset_index(drop=True), measure)
    return np.asarray(found.y), np.asarray(found.se), *sizes


def unit_sd(arms: pd.DataFrame, measure: str) -> bm.Prior:
    """Prior on the SD of one participant, from the measure and, for counts, from the overall risk or rate that a review prints.

    A log odds ratio has the unit SD 1 / sqrt(p (1 - p)) where the risk is p, a log rate ratio 1 / sqrt(rate).
    """
    if measure == "smd":
        return bm.LogNormal(0.0, 0.1)
    if "events_t" not in arms:
        return bm.LogNormal(round(math.log(3), 3), 0.7)  # of a ratio whose risks are not given
    size = "time" if measure == "log_irr" else "n"
    p = float((arms["events_t"] + arms["events_c"]).sum() / (arms[f"{size}_t"] + arms[f"{size}_c"]).sum())
    p = float(f"{p:.2g}")
    return bm.LogNormal(round(-0.5 * math.log(p * (1 - p) if size == "n" else p), 3), 0.5)


def moderators_of(described: pd.DataFrame) -> Iterator[tuple[str, tuple[str, np.ndarray]]]:
    """The first columns that make two groups of at least two trials each, without one that makes the same groups again."""
    partitions: set[tuple[int, ...]] = set()
    for column in described:
        split = two_groups(described[column])
        if split is None or min(split[1].sum(), (1 - split[1]).sum()) < IN_A_GROUP:
            continue
        label, inside = split
        groups = tuple(inside if inside[0] else 1 - inside)  # the same for 0 and 1 swapped
        if groups in partitions:
            continue
        partitions.add(groups)
        yield str(column).replace(".", "_"), (label, inside)
        if len(partitions) == MODERATORS:
            return


def two_groups(values: pd.Series) -> tuple[str, np.ndarray] | None:
    """What 1 means, and 0 or 1 for every trial: the higher of two numbers, above the median, or the most common text."""
    if values.isna().any():
        return None
    if pd.api.types.is_numeric_dtype(values):
        distinct = np.unique(values)
        cut = float(distinct[0] if distinct.size == 2 else np.median(values))
        return f"{values.name} > {cut:g}", (values.to_numpy(float) > cut).astype(int)
    counts = values.value_counts()
    common = min(counts.index[counts == counts.max()])
    return f"{values.name} = {common}", (values == common).to_numpy(int)
