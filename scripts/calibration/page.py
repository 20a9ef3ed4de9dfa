"""docs/calibration-table.md, from the stored results of `make calibrate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from calibration import count_models, seeds, uniformity

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "calibration"
PAGE = ROOT / "docs" / "calibration-table.md"
PARAMETERS = {
    "mu": "mu",
    "group": "coefficient",
    "tau": "tau",
    "y_a": "effect of trial A",
    "sd_a": "unit SD of trial A",
    "y_b": "effect of trial B",
}
FAR = 0.06  # a difference between probabilities that is called large


def hidden_table(path: Path = FOLDER / "hidden.csv") -> pd.DataFrame:
    """Results on hidden trials, with what is compared: differences of probabilities, ratios, and whether the mean is inside."""
    table = pd.read_csv(path)
    table["refused"] = table["refused"].fillna("")
    table["away"] = (table["p"] - table["full_p"]).abs()
    table["flat_away"] = (table["flat_p"] - table["full_p"]).abs()
    table["inside"] = (table["lower"] < table["full_mean"]) & (table["full_mean"] < table["upper"])
    table["sd_ratio"] = table["sd"] / table["full_sd"]
    table["tau_ratio"] = table["tau"] / table["full_tau"]
    return table


def summary(table: pd.DataFrame) -> list[str]:
    """What all moderators together say, and mu."""
    of_moderators, mu = table[table["moderator"] != "mu"], table[table["moderator"] == "mu"]
    answered, mu_answered = of_moderators[of_moderators["refused"] == ""], mu[mu["refused"] == ""]
    away, flat = answered["away"], answered["flat_away"]
    rows = [
        ("difference on average", f"{away.mean():.3f}", f"{flat.mean():.3f}"),
        ("median", f"{away.median():.3f}", f"{flat.median():.3f}"),
        (f"by more than {FAR:g}", f"{100 * (away > FAR).mean():.0f}%", f"{100 * (flat > FAR).mean():.0f}%"),
        ("largest", f"{away.max():.3f}", f"{flat.max():.3f}"),
        ("surer than the full data", *(f"{surer(answered, one)} of {len(answered)}" for one in ("p", "flat_p"))),
        ("nearer of the two", f"{(away < flat).sum()} of {len(answered)}", f"{(flat < away).sum()} of {len(answered)}"),
    ]
    lines = [
        f"{len(mu)} sets, {len(of_moderators)} moderators; answered: {len(mu_answered)} sets, {len(answered)} moderators. "
        "How far P(coefficient < 0) is from that of the full data, over the moderators answered:",
        "", "| | trials hidden | 1 − P/2 |", "| --- | --- | --- |",
    ]  # fmt: skip
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", "| | moderators | mu |", "| --- | --- | --- |"]
    for label, value in (
        ("mean of the full data inside the 95% interval", lambda t: f"{t['inside'].sum()} of {len(t)}"),
        ("SD over that of the full data, geometric mean (range)", lambda t: ratio(t["sd_ratio"])),
        ("posterior mean of tau over that of the full data", lambda t: ratio(t["tau_ratio"])),
        ("P(sign) away from the full data, mean (largest)", lambda t: f"{t['away'].mean():.3f} ({t['away'].max():.3f})"),
    ):  # fmt: skip
        lines.append(f"| {label} | {value(answered)} | {value(mu_answered)} |")
    gap = table["known_gap"].max()
    lines += ["", f"With no trial hidden the largest difference from quadrature, over all models, is {gap:.1g}."]
    return lines


def surer(table: pd.DataFrame, column: str) -> int:
    """How many probabilities are farther from 1/2 than those of the full data."""
    return int(((table[column] - 0.5).abs() > (table["full_p"] - 0.5).abs()).sum())


def ratio(values: pd.Series) -> str:
    """Geometric mean and range."""
    return f"{np.exp(np.log(values).mean()):.2f} ({values.min():.2f} to {values.max():.2f})"


def each_moderator(table: pd.DataFrame) -> list[str]:
    """One line for each moderator, and for mu of each set."""
    of_moderators = [
        [f"{row['set']} ({row['k']})", row["meaning"], f"{row['printed_p']:g}", f"{row['full_p']:.3f}", hidden_p(row),
         f"{row['flat_p']:.3f}", *comparisons(row)]
        for _, row in table[table["moderator"] != "mu"].iterrows()
    ]  # fmt: skip
    of_mu = [
        [f"{row['set']} ({row['k']})", row["measure"], f"{row['i2']}%", f"{row['full_p']:.3f}", hidden_p(row),
         *comparisons(row), "–" if row["refused"] else f"{row['n_effective']:.0f}"]
        for _, row in table[table["moderator"] == "mu"].iterrows()
    ]  # fmt: skip
    compared = ["mean inside", "SD ratio", "tau ratio"]
    return [
        *lines_of(["set (trials)", "1 means", "P", "full data", "trials hidden", "1 − P/2", *compared], of_moderators),
        "",
        *lines_of(
            ["set (trials)", "measure", "I²", "P(mu < 0), full data", "trials hidden", *compared, "effective sets"],
            of_mu,
        ),
    ]


def hidden_p(row: pd.Series) -> str:
    """The probability with trials hidden, or why there is none."""
    return f"refused: {row['refused']}" if row["refused"] else f"{row['p']:.3f}"


def comparisons(row: pd.Series) -> list[str]:
    """Whether the full data's mean is inside, and the ratios of SD and tau."""
    if row["refused"]:
        return ["–"] * 3
    return ["yes" if row["inside"] else "no", f"{row['sd_ratio']:.2f}", f"{row['tau_ratio']:.2f}"]


def lines_of(heads: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows)]


def ranks(table: pd.DataFrame) -> list[str]:
    """Simulation-based calibration: tests of uniformity, with and without refused replications, and counts."""
    solved = table.dropna(subset=["n_effective"])
    accepted = solved[solved["refused"] == 0]
    tests = [
        [
            label,
            *(f"{p:.3f}" for rows in (solved, accepted) for p in uniformity.p_values(rows[name].to_numpy()).values()),
        ]
        for name, label in PARAMETERS.items()
    ]
    counted = [[label, *map(str, uniformity.counts(solved[name].to_numpy(), 10))] for name, label in PARAMETERS.items()]
    return [
        f"{len(table)} replications. {int(table['refused'].sum())} of them are refused, {len(table) - len(solved)} of "
        "these because no trials were found at all. P values of three tests that the truth's place in the posterior is "
        "uniform: χ² of 20 bins, Kolmogorov–Smirnov, and a simultaneous band about the ECDF:",
        "",
        *lines_of(["", *(f"{which}: {test}" for which in ("all", "accepted") for test in ("χ²", "KS", "band"))], tests),
        "",
        "How many truths lie in each tenth of their posterior, over all replications:",
        "",
        *lines_of(["", *(f"{i / 10:.1f} to {(i + 1) / 10:.1f}" for i in range(10))], counted),
    ]


def count_lines(table: pd.DataFrame) -> list[str]:
    """Simulation-based calibration of models of counts: tests of uniformity, and counts in tenths."""
    bins = table[[f"bin_{i}" for i in range(20)]].to_numpy()
    tenths = bins.reshape(len(table), 10, 2).sum(axis=2)
    heads = ["", "", "χ²", "KS", "band", *(f"{i / 10:.1f} to {(i + 1) / 10:.1f}" for i in range(10))]
    rows = [
        [count_models.SETTINGS[row["setting"]].words, count_models.QUANTITIES[row["quantity"]]]
        + [f"{row[test]:.3f}" for test in ("chi2", "ks", "band")]
        + list(map(str, counted))
        for (_, row), counted in zip(table.iterrows(), tenths.tolist(), strict=True)
    ]
    said = (
        f"{count_models.REPLICATIONS:,} replications of each, of which the first {count_models.OF_EFFECTS:,} look at the effect "
        "of the smallest study."
    )
    return [said, "", *lines_of(heads, rows)]


def spreads(table: pd.DataFrame) -> pd.DataFrame:
    """Mean, spread between seeds and stated error of every number of the ketamine analysis."""
    groups = table.groupby(["outcome", "model", "number"], sort=False)
    found = groups["value"].agg(["mean", "std"])
    found["error"] = groups["error"].agg(lambda values: float(np.sqrt(np.mean(np.square(values)))))
    found["ratio"] = found["std"] / found["error"]
    return found


def seed_lines(table: pd.DataFrame) -> list[str]:
    """The spread between seeds beside the stated error."""
    found, n = spreads(table), table["seed"].nunique()
    usual = float(np.sqrt(np.mean(found["ratio"] ** 2)))
    rows = [
        [f"{outcome}, {model}", number, f"{row['mean']:.4f}", f"{row['std']:.2g}", f"{row['error']:.2g}", f"{row['ratio']:.2f}"]
        for (outcome, model, number), row in found.iterrows()
    ]  # fmt: skip
    return [
        f"{n} seeds (1 to {n}). The ratio of the spread to the stated error is {usual:.2f} over all {len(found)} numbers (root "
        f"mean square), and lies between {found['ratio'].min():.2f} and {found['ratio'].max():.2f}.",
        "",
        *lines_of(["outcome, model", "number", "mean", "spread between seeds", "stated error", "ratio"], rows),
    ]


def page() -> str:
    """All tables, with a mark before each part, by which docs/calibration.md includes it."""
    hidden = hidden_table()
    parts = {
        "summary": summary(hidden),
        "moderators": each_moderator(hidden),
        "ranks": ranks(pd.read_csv(FOLDER / "sbc.csv")),
        "seeds": seed_lines(pd.read_csv(FOLDER / "seeds.csv")),
        "counts": count_lines(pd.read_csv(FOLDER / "counts.csv")),
    }
    return (
        "".join(f"<!-- {name} -->\n\n" + "\n".join(lines) + "\n\n" for name, lines in parts.items()) + "<!-- end -->\n"
    )


def write() -> None:
    """Write the page."""
    assert set(pd.read_csv(FOLDER / "seeds.csv")["seed"]) == set(seeds.SEEDS)
    PAGE.write_text(page(), encoding="utf-8")
