"""Write docs/missing-table.md: coverage and width where 30% of trials do not report their standard deviations.

Each scenario draws meta-analyses from a fixed truth and fits them in four ways: with every standard deviation known, without
the trials that lack one, with the mean of the reported ones in its place, and with sigma as a parameter (`ArmNormal`, by the
grid of `bayesmeta.families.arm_means.grid`). The last line of the table is calibration: parameters from the prior.
Run as `python scripts/missing-sds.py`; it takes about 25 minutes on one core.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import bayesmeta as bm
from bayesmeta.families.arm_means.grid import fit_arm_grid
from bayesmeta.quadrature.curves import curves
from bayesmeta.quadrature.parameter_grid import ParameterGrid
from bayesmeta.results.curve_marginal import CurveMarginal

ROOT = Path(__file__).resolve().parent.parent
MODEL = bm.ArmNormal(
    base=bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1)),
    typical_sd=bm.LogNormal(0.7, 0.5),
    sd_variation=bm.HalfNormal(0.3),
    equal_variances=True,
)
METHODS = ("all reported", "complete cases", "mean of the others", "ArmNormal")


@dataclass(frozen=True)
class Truth:
    """Where meta-analyses come from: sigma of a trial is gamma distributed with this mean and coefficient of variation."""

    n_studies: int = 10
    mu: float = -1.0
    tau: float = 0.5
    sigma: float = 2.5
    sigma_cv: float = 0.25
    missing: float = 0.3


def any_truth(rng: np.random.Generator) -> Truth:
    """A truth of its own for each meta-analysis, evenly from what is plausible, and not from the priors."""
    return Truth(
        mu=rng.uniform(-2, 2), tau=rng.uniform(0.1, 1), sigma=rng.uniform(1.5, 4), sigma_cv=rng.uniform(0.1, 0.5)
    )


SCENARIOS: dict[str, Truth | None] = {
    "truths drawn evenly": None,
    "tau 0.5, SDs vary by 25%": Truth(),
    "tau 0.5, SDs vary by 50%": Truth(sigma_cv=0.5),
    "tau 0.2, SDs vary by 25%": Truth(tau=0.2),
}


def arms(truth: Truth, sigma: np.ndarray, rng: np.random.Generator) -> tuple[bm.ArmMeans, bm.ArmMeans]:
    """One meta-analysis, with every standard deviation and with what is reported of them; two at least are."""
    k = truth.n_studies
    n = rng.integers(10, 61, (k, 2)).astype(float)
    theta = truth.mu + truth.tau * rng.standard_normal(k)
    noise = sigma[:, None] / np.sqrt(n) * rng.standard_normal((k, 2))
    level = 5 + rng.standard_normal(k)
    s = sigma[:, None] * np.sqrt(rng.chisquare(n - 1) / (n - 1))
    gone = np.zeros(k, bool)
    gone[rng.permutation(k)[: round(truth.missing * k)]] = True
    columns: dict[str, Any] = {
        "n_t": n[:, 0], "mean_t": level + theta + noise[:, 0], "n_c": n[:, 1], "mean_c": level + noise[:, 1],
    }  # fmt: skip
    printed = np.where(gone[:, None], np.nan, s)
    full = bm.ArmMeans(**columns, sd_t=s[:, 0], sd_c=s[:, 1])
    return full, bm.ArmMeans(**columns, sd_t=printed[:, 0], sd_c=printed[:, 1])


def pooled_se(data: bm.ArmMeans, s: np.ndarray) -> np.ndarray:
    """Standard errors with one variance for both arms, from the SDs `s`, shape (study, arm)."""
    df = np.stack([data.n_t, data.n_c], axis=-1) - 1
    variance = (df * s**2).sum(axis=-1) / df.sum(axis=-1)
    return np.sqrt(variance * (1 / data.n_t + 1 / data.n_c))


def plain(data: bm.ArmMeans, s: np.ndarray, keep: np.ndarray) -> tuple[float, float]:
    """Interval of mu from estimates with standard errors taken as known."""
    estimates = bm.Estimates(data.difference[keep], pooled_se(data, s)[keep])
    return bm.fit(estimates, MODEL.base).marginal("mu").interval(0.95, "eti")


def mean_effect(grid: ParameterGrid) -> CurveMarginal:
    """Posterior of mu on a grid."""
    return CurveMarginal(curves(grid)["mu"], *grid.mean_sd("mu"), (-np.inf, np.inf))


def intervals(full: bm.ArmMeans, data: bm.ArmMeans) -> list[tuple[float, float]]:
    """95% intervals of mu by the four methods."""
    s = np.stack([full.sd_t, full.sd_c], axis=-1)
    reported = np.isfinite(data.sd_t)
    filled = np.where(reported[:, None], s, s[reported].mean())
    every = np.ones(len(data), bool)
    return [
        plain(full, s, every), plain(full, s, reported), plain(full, filled, every),
        mean_effect(fit_arm_grid(data, MODEL)).interval(0.95, "eti"),
    ]  # fmt: skip


def coverage(fixed: Truth | None, replications: int, seed: int) -> np.ndarray:
    """Covered or not, and width: shape (replication, method, 2); None draws a truth for each."""
    rng = np.random.default_rng(seed)
    found = np.empty((replications, len(METHODS), 2))
    for r in range(replications):
        truth = any_truth(rng) if fixed is None else fixed
        shape = truth.sigma_cv**-2
        sigma = rng.gamma(shape, truth.sigma / shape, truth.n_studies)
        ends = np.array(intervals(*arms(truth, sigma, rng)))
        found[r] = np.stack([(ends[:, 0] <= truth.mu) & (truth.mu <= ends[:, 1]), ends[:, 1] - ends[:, 0]], axis=-1)
    return found


def calibration(replications: int, seed: int, n_studies: int = 6) -> np.ndarray:
    """Posterior probability below the true mu where every parameter is drawn from its prior, shape (replication,)."""
    rng = np.random.default_rng(seed)
    below = np.empty(replications)
    for r in range(replications):
        mu, tau, typical, variation = (float(prior.rvs(None, rng)) for prior in MODEL.priors.values())
        sigma = typical * np.exp(variation * rng.standard_normal(n_studies))
        data = arms(Truth(n_studies=n_studies, mu=mu, tau=tau, missing=1 / 3), sigma, rng)[1]
        below[r] = mean_effect(fit_arm_grid(data, MODEL)).cdf(mu)
    return below


def main(replications: int = 1000) -> None:
    """Write the table."""
    lines = ["| scenario | method | coverage of 95% intervals | mean width |", "| --- | --- | --- | --- |"]
    for name, truth in SCENARIOS.items():
        found = coverage(truth, replications, seed=20260101)
        for j, method in enumerate(METHODS):
            hit, width = found[:, j, 0].mean(), found[:, j, 1].mean()
            mcse = np.sqrt(hit * (1 - hit) / replications)
            lines.append(f"| {name} | {method} | {100 * hit:.1f}% (MCSE {100 * mcse:.1f}) | {width:.3f} |")
        print(*lines[-len(METHODS) :], sep="\n", flush=True)
    below = calibration(replications, seed=20260102)
    hit = ((below > 0.025) & (below < 0.975)).mean()
    mcse = np.sqrt(0.95 * 0.05 / replications)
    lines.append(f"| parameters from the prior, 6 trials | ArmNormal | {100 * hit:.1f}% (MCSE {100 * mcse:.1f}) | |")
    print(lines[-1])
    (ROOT / "docs" / "missing-table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
