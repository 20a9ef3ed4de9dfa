"""Simulate two published tables again: `make published` writes docs/published-table.md.

The scenarios and what the paper prints of them are in `published/friedrich2008.csv`, their source in `published/SOURCES.md`.
The paper pools by DerSimonian-Laird with normal intervals. Its standardised differences are reproduced with the standard
error of Cochrane's RevMan, not with the one that bayesmeta and metafor take by default: `revman_se` stands in for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track

from bayesmeta.simulation.analyse import answers
from bayesmeta.simulation.design import BLOCK, Design, Scenario, Studies, Truth, scenarios
from bayesmeta.simulation.generate import Simulated, simulate_block
from bayesmeta.simulation.measures import Sums, block_sums
from bayesmeta.simulation.result import SimulationResult
from bayesmeta.simulation.run import simulate

HERE = Path(__file__).resolve().parent
TABLE = HERE / "published" / "friedrich2008.csv"
PAGE = HERE.parent / "docs" / "published-table.md"
PUBLISHED_REPLICATIONS = 10_000
REPLICATIONS = 40_000
SD = 40.0
MEASURED = {"bias": "bias", "coverage": "coverage", "power": "rejection"}


def design(row: pd.Series, replications: int, seed: int) -> Design:
    """The design of one line of the paper."""
    studies = Studies(outcome="means", measure=row.measure, k=row.k, n_t=row.n_t, n_c=row.n_c, sd=SD)
    return Design(
        title=f"Friedrich 2008, Table {row.table}", seed=seed, replications=replications,
        truth=Truth(mu=row.mu, tau=row.tau), studies=studies, estimators=("dl wald",),
    )  # fmt: skip


def revman_se(g: np.ndarray, n_t: float, n_c: float) -> np.ndarray:
    """Standard error of Hedges' g in Cochrane's Review Manager 5: N / (n_t n_c) + g^2 / (2 (N - 3.94)), its root.

    Deeks and Higgins (2010), Statistical algorithms in Review Manager 5.
    """
    n = n_t + n_c
    return np.sqrt(n / (n_t * n_c) + g**2 / (2 * (n - 3.94)))


def simulated(wanted: Design, *, revman: bool = True) -> SimulationResult:
    """`simulate`, by default with the standard error of RevMan for standardised differences."""
    if wanted.studies.measure == "md" or not revman:
        return simulate(wanted)
    (scenario,) = scenarios(wanted)
    total, *rest = _blocks(wanted, scenario)
    for sums in rest:
        total = total + sums
    return SimulationResult(design=wanted, scenarios=(scenario,), sums=(total,))


def _blocks(wanted: Design, scenario: Scenario) -> Iterator[Sums]:
    n_t, n_c = (float(str(n)) for n in (wanted.studies.n_t, wanted.studies.n_c))
    for seed in np.random.SeedSequence(wanted.seed).spawn(wanted.replications // BLOCK):
        drawn: Simulated = simulate_block(wanted, scenario, BLOCK, np.random.default_rng(seed))
        drawn = drawn._replace(se=revman_se(drawn.y, n_t, n_c))
        yield block_sums(drawn, list(answers(wanted, drawn)), wanted.level)


def compare(row: pd.Series, replications: int, seed: int, *, revman: bool = True) -> dict[str, float]:
    """Our percentages for one line of the paper, and by how many Monte Carlo errors the printed ones differ.

    A printed whole number stands for anything that rounds to it, so that only what exceeds half a percent counts. The Monte
    Carlo error is that of both simulations.
    """
    performance = simulated(design(row, replications, seed), revman=revman).performance
    found = performance.query("parameter == 'mu'").iloc[0]
    result = {}
    for name, ours in MEASURED.items():
        unit = 100 / row.mu if name == "bias" else 100
        value, mcse = unit * found[ours], unit * found[f"{ours}_mcse"]
        theirs = mcse * np.sqrt(replications / PUBLISHED_REPLICATIONS)
        floor = 100 / PUBLISHED_REPLICATIONS  # where every replication agrees, one more that did not cannot be excluded
        apart = max(abs(value - row[name]) - 0.5, 0) / np.sqrt(mcse**2 + max(theirs, floor) ** 2)
        result |= {name: value, f"{name}_z": apart}
    return result


def agreement(rows: pd.DataFrame) -> str:
    """How far printed and simulated numbers lie apart, in words."""
    z = rows[[f"{name}_z" for name in MEASURED]].to_numpy()
    return (
        f"of {z.size} numbers {np.sum(z == 0)} agree to rounding, {np.sum(z > 2)} lie more than 2 errors apart, "
        f"the largest {z.max():.1f}"
    )


def page(rows: pd.DataFrame, default: pd.DataFrame) -> str:
    """The table of docs/simulation.md, then how far apart the two are; `default`: standardised differences without RevMan."""
    lines = [
        "| table | arms | k | mu / SD | tau / SD | measure | bias % | coverage % | power % | apart |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for _, row in rows.iterrows():
        apart = max(row[f"{name}_z"] for name in MEASURED)
        unit = SD if row.measure == "md" else 1.0
        cells = [f"{row[f'{name}_printed']:.0f} / {row[name]:.1f}" for name in MEASURED]
        lines.append(
            f"| {row.table} | {row.n_t}, {row.n_c} | {row.k} | {row.mu / unit:g} | {row.tau / unit:g} | {row.measure} | "
            f"{' | '.join(cells)} | {apart:.1f} |"
        )
    closing = (
        f"Each cell: printed / simulated here ({REPLICATIONS:,} replications). `apart` is the largest difference of the line "
        "beyond rounding, in Monte Carlo errors of both simulations together.",
        f"Mean differences: {agreement(rows[rows.measure == 'md'])}.",
        f"Standardised differences, with RevMan's standard error: {agreement(rows[rows.measure == 'smd'])}.",
        f"The same with the default standard error of `smd`: {agreement(default)}.",
    )
    return "\n".join([*lines, "", *(f"- {line}" for line in closing), ""])


def main() -> None:
    table = pd.read_csv(TABLE)
    printed = table.rename(columns={name: f"{name}_printed" for name in MEASURED})
    ours = pd.DataFrame([compare(row, REPLICATIONS, seed) for seed, row in track(list(table.iterrows()))])
    standardised = list(table[table.measure == "smd"].iterrows())
    default = pd.DataFrame([compare(row, REPLICATIONS, seed, revman=False) for seed, row in track(standardised)])
    text = page(pd.concat([printed, ours], axis=1), default)
    PAGE.write_text(text, encoding="utf-8")
    print("\n".join(text.splitlines()[-4:]))


if __name__ == "__main__":
    main()
