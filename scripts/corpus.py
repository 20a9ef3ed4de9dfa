"""Write docs/corpus.md: every data set that bayesmeta ships, by every estimator and under several priors.

Run as `make corpus` after a change of an engine, an estimator or a data set.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import bayesmeta as bm
from bayesmeta.data.datasets import dataset_info, dataset_names
from bayesmeta.text.numbers import MINUS, write_row

ROOT = Path(__file__).resolve().parent.parent
METHODS = ("fe", "dl", "he", "hs", "sj", "pm", "eb", "ml", "reml")
RANDOM = METHODS[1:]
ESTIMATORS = [f"{m} wald" for m in METHODS] + [f"{m} hksj" for m in RANDOM] + ["ml profile"]
# A mean difference has no scale of its own; this much heterogeneity would be large in its units.
LARGE = {"eight_schools": 20.0, "rubin1981": 20.0, "normand1999": 20.0}


def priors(name: str) -> dict[str, bm.NormalNormal]:
    """Flat prior on mu, and five priors on tau; a log ratio, a logit or a z has heterogeneity 1 at the most."""
    large = LARGE.get(name, 1.0)
    tau = [bm.HalfNormal(large / 2), bm.HalfNormal(large), bm.HalfCauchy(large / 2), bm.Jeffreys(), bm.DuMouchel()]
    return {str(prior): bm.NormalNormal(tau=prior) for prior in tau}


def table(name: str) -> pd.DataFrame:
    """All estimators and priors on one data set, with their widths and verdicts."""
    found = bm.compare(bm.load_dataset(name), priors(name), ESTIMATORS)
    found["width"] = found["upper"] - found["lower"]
    found["excludes"] = (found["lower"] > 0) | (found["upper"] < 0)
    return found


def reasons(found: pd.DataFrame, k: int) -> list[str]:
    """Why the rows differ, each with its numbers; empty where they hardly do."""
    said = []
    tau = found.loc[[f"{m} wald" for m in RANDOM], "tau"]
    low, high = str(tau.idxmin()).split()[0], str(tau.idxmax()).split()[0]
    if tau.max() > 1.3 * tau.min():
        said.append(f"estimates of tau run from {tau.min():.2g} ({low}) to {tau.max():.2g} ({high})")
    hksj = found.loc["reml hksj", "width"] / found.loc["reml wald", "width"]
    if hksj > 1.15:
        said.append(f"with {k - 1} degrees of freedom Knapp-Hartung is {hksj:.1f} times as wide as Wald")
    if hksj < 0.95:
        said.append(
            f"the effects agree better than their standard errors: Knapp-Hartung is only {hksj:.2f} of Wald's width"
        )
    bayes = found[found["school"] == "Bayesian"]["width"]
    if bayes.max() > 1.15 * bayes.min():
        said.append(f"the prior on tau moves the width of the interval by a factor of {bayes.max() / bayes.min():.2f}")
    common = found.loc["reml wald", "width"] / found.loc["fe wald", "width"]
    if common > 1.3:
        said.append(f"leaving heterogeneity out makes the interval {common:.1f} times too narrow")
    return said


def verdict(found: pd.DataFrame) -> str:
    """Whose 95% intervals leave zero out."""
    n, out = len(found), int(found["excludes"].sum())
    if out in (0, n):
        return "all leave zero out" if out else "none leaves zero out"
    rare = found["excludes"] if out <= n / 2 else ~found["excludes"]
    return f"{out} of {n} leave zero out; {'only' if out <= n / 2 else 'all but'} {', '.join(found.index[rare])}"


def numbers(row: pd.Series) -> tuple[str, str, str, str]:
    """Estimate, interval, prediction interval and tau, all to one decimal place: the third, or further for small errors."""
    keys = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper", "tau")
    estimate, *ends, tau = (
        text.replace(MINUS, "-") for text in write_row([row[key] for key in keys], min(row["se"], 0.01))
    )
    interval, new = (f"{low} to {high}" for low, high in (ends[:2], ends[2:]))
    return estimate, interval, "" if np.isnan(row["prediction_lower"]) else new, tau


def full(name: str, found: pd.DataFrame) -> str:
    info, data = dataset_info(name), bm.load_dataset(name)
    lines = [f"### {name}", "", f"{info.title}. {data.n_studies} studies; {info.units}; {info.sign}.", ""]
    lines += ["| | estimate | 95% interval | 95% prediction interval | P, or P(mu < 0 given y) | tau |"]
    lines += ["| --- | ---: | --- | --- | ---: | ---: |"]
    for label, row in found.iterrows():
        bayesian = row["school"] == "Bayesian"
        p = row["probability"] if bayesian else row["p_value"]
        said = "" if np.isnan(p) else f"{p:.3f}" if p >= 0.001 else "< 0.001"
        estimate, interval, new, spread = numbers(row)
        lines.append(f"| {label} | {estimate} | {interval} | {new} | {said} | {spread} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    names = [name for name in dataset_names() if bm.load_dataset(name).cluster is None]
    tables = {name: table(name) for name in sorted(names, key=lambda n: (bm.load_dataset(n).n_studies, n))}
    rows = []
    for name, found in tables.items():
        k = bm.load_dataset(name).n_studies
        widths = found.drop(index="fe wald")["width"]
        why = "; ".join(reasons(found, k)) or "hardly differ"
        rows.append(f"| {name} | {k} | {verdict(found)} | {widths.max() / widths.min():.2f} | {why} |")
    return f"""# Where the schools disagree

Every data set of one estimate a study that bayesmeta ships (`bayesmeta.data.datasets.dataset_info(name)` says what it is), by
{len(METHODS)} estimators of tau with Wald and Knapp-Hartung intervals, by profile likelihood, and under five priors on tau with a
flat prior on mu. Bayesian rows give posterior medians. `make corpus` writes this page.

| data set | studies | 95% intervals for mu | widest / narrowest, without `fe` | why they differ |
| --- | ---: | --- | ---: | --- |
{chr(10).join(rows)}

Half-normal and half-Cauchy scales are 0.5 and 1 on log, logit and z scales, and 10 and 20 points or days for mean differences.
Estimators of tau are converged (`docs/pooling.md`).

## All numbers

{chr(10).join(full(name, found) for name, found in tables.items())}"""


if __name__ == "__main__":
    (ROOT / "docs" / "corpus.md").write_text(page(), encoding="utf-8")
