"""Write docs/baseline-table.md: coverage and width where two in ten trials print the correlation of their two measurements.

Each scenario draws meta-analyses of ten randomised trials, participant by participant, and fits them in five ways: changes with
every correlation printed, changes with 0.5 in place of what was not, what was measured afterwards alone, and `ChangeNormal`
with separate and with common baselines (by the grid of `bayesmeta.families.arm_changes.grid`). The last line of the
table is calibration: parameters from the prior. Run as `python scripts/baseline-correlation.py`; it takes about half an hour
on one core.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import bayesmeta as bm
from bayesmeta.families.arm_changes.grid import fit_change_grid
from bayesmeta.quadrature.curves import curves
from bayesmeta.quadrature.parameter_grid import ParameterGrid
from bayesmeta.results.curve_marginal import CurveMarginal

ROOT = Path(__file__).resolve().parent.parent
SEPARATE = bm.ChangeNormal(
    base=bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1)),
    correlation=bm.Uniform(0, 1),
    correlation_variation=bm.HalfNormal(0.3),
)
COMMON = replace(SEPARATE, baseline="common")
METHODS = ("all printed", "0.5 for the others", "afterwards alone", "ChangeNormal", "ChangeNormal, common")
ARMS = [f"{what}_{when}_{arm}" for what in ("mean", "sd") for when in ("pre", "post") for arm in "tc"] + ["n_t", "n_c"]


@dataclass(frozen=True)
class Truth:
    """Where meta-analyses come from: Fisher's z of a trial's correlation is normal about that of `rho`."""

    n_studies: int = 10
    mu: float = -1.0
    tau: float = 0.3
    rho: float = 0.8
    variation: float = 0.2
    sd_pre: float = 2.0
    sd_post: float = 2.3
    printed: float = 0.2


def any_truth(rng: np.random.Generator) -> Truth:
    """A truth of its own for each meta-analysis, evenly from what is plausible, and not from the priors."""
    return Truth(
        mu=rng.uniform(-2, 2), tau=rng.uniform(0.1, 1), rho=rng.uniform(0.2, 0.9), variation=rng.uniform(0, 0.4)
    )


SCENARIOS: dict[str, Truth | None] = {
    "truths drawn evenly": None,
    "correlations about 0.8": Truth(),
    "correlations about 0.2": Truth(rho=0.2),
}


def trials(truth: Truth, rng: np.random.Generator, known_sds: bool = False) -> tuple[bm.ArmChanges, bm.ArmChanges]:
    """One meta-analysis, with every correlation and with what is printed of them; `known_sds` prints true SDs."""
    k = truth.n_studies
    rho = np.tanh(np.arctanh(truth.rho) + truth.variation * rng.standard_normal(k))
    theta = truth.mu + truth.tau * rng.standard_normal(k)
    rows = []
    for i in range(k):
        row: dict[str, float] = {}
        products = np.zeros((2, 2))
        for arm, effect in (("t", theta[i]), ("c", 0.0)):
            n = int(rng.integers(10, 61))
            z = rng.standard_normal((n, 2))
            pre = 5 + truth.sd_pre * z[:, 0]
            post = 4 + effect + truth.sd_post * (rho[i] * z[:, 0] + np.sqrt(1 - rho[i] ** 2) * z[:, 1])
            cov = np.cov(pre, post)
            products += (n - 1) * cov
            sds = (truth.sd_pre, truth.sd_post) if known_sds else np.sqrt(np.diag(cov))
            row |= {f"n_{arm}": n, f"mean_pre_{arm}": pre.mean(), f"mean_post_{arm}": post.mean()}
            row |= {f"sd_pre_{arm}": float(sds[0]), f"sd_post_{arm}": float(sds[1])}
        rows.append(row | {"correlation": products[0, 1] / np.sqrt(products[0, 0] * products[1, 1])})
    columns = {name: np.array([row[name] for row in rows]) for name in (*ARMS, "correlation")}
    printed = np.zeros(k, bool)
    printed[rng.permutation(k)[: round(truth.printed * k)]] = True
    partly = columns | {"correlation": np.where(printed, columns["correlation"], np.nan)}
    return bm.ArmChanges(**columns), bm.ArmChanges(**partly)


def plain(data: bm.ArmChanges, correlation: np.ndarray | None) -> tuple[float, float]:
    """Interval of mu from changes with correlations taken as known, or from what was measured afterwards alone."""
    arms: dict[str, object] = {"study": data.study, **{name: getattr(data, name) for name in ARMS}}
    if correlation is None:
        arms |= {f"{what}_{arm}": arms[f"{what}_post_{arm}"] for what in ("mean", "sd") for arm in "tc"}
        estimates = bm.effect_sizes(arms, measure="md")
    else:
        estimates = bm.effect_sizes(arms | {"correlation": correlation}, measure="md_change")
    return bm.fit(bm.Estimates(estimates.y, estimates.se), SEPARATE.base).marginal("mu").interval(0.95, "eti")


def mean_effect(grid: ParameterGrid) -> CurveMarginal:
    """Posterior of mu on a grid."""
    return CurveMarginal(curves(grid)["mu"], *grid.mean_sd("mu"), (-np.inf, np.inf))


def intervals(full: bm.ArmChanges, data: bm.ArmChanges) -> list[tuple[float, float]]:
    """95% intervals of mu by the five methods."""
    filled = np.where(np.isfinite(data.correlation), data.correlation, 0.5)
    return [
        plain(full, full.correlation), plain(full, filled), plain(full, None),
        *(mean_effect(fit_change_grid(data, model)).interval(0.95, "eti") for model in (SEPARATE, COMMON)),
    ]  # fmt: skip


def coverage(fixed: Truth | None, replications: int, seed: int) -> np.ndarray:
    """Covered or not, and width: shape (replication, method, 2); None draws a truth for each."""
    rng = np.random.default_rng(seed)
    found = np.empty((replications, len(METHODS), 2))
    for r in range(replications):
        truth = any_truth(rng) if fixed is None else fixed
        ends = np.array(intervals(*trials(truth, rng)))
        found[r] = np.stack([(ends[:, 0] <= truth.mu) & (truth.mu <= ends[:, 1]), ends[:, 1] - ends[:, 0]], axis=-1)
    return found


def calibration(replications: int, seed: int, n_studies: int = 6) -> np.ndarray:
    """Posterior probability below the true mu where every parameter is drawn from its prior, shape (replication,)."""
    rng = np.random.default_rng(seed)
    base, below = COMMON.base, np.empty(replications)
    for r in range(replications):
        mu, tau = float(base.mu.rvs(None, rng)), float(base.tau.rvs(None, rng))
        rho, variation = (float(prior.rvs(None, rng)) for prior in (COMMON.correlation, COMMON.correlation_variation))
        truth = Truth(n_studies=n_studies, mu=mu, tau=tau, rho=rho, variation=variation, printed=1 / 3)
        below[r] = mean_effect(fit_change_grid(trials(truth, rng, known_sds=True)[1], COMMON)).cdf(mu)
    return below


def main(replications: int = 400) -> None:
    """Write the table."""
    lines = ["| scenario | method | coverage of 95% intervals | mean width |", "| --- | --- | --- | --- |"]
    for name, truth in SCENARIOS.items():
        found = coverage(truth, replications, seed=20260103)
        for j, method in enumerate(METHODS):
            hit, width = found[:, j, 0].mean(), found[:, j, 1].mean()
            mcse = np.sqrt(hit * (1 - hit) / replications)
            lines.append(f"| {name} | {method} | {100 * hit:.1f}% (MCSE {100 * mcse:.1f}) | {width:.3f} |")
        print(*lines[-len(METHODS) :], sep="\n", flush=True)
    below = calibration(replications, seed=20260104)
    hit = ((below > 0.025) & (below < 0.975)).mean()
    mcse = np.sqrt(0.95 * 0.05 / replications)
    lines.append(
        f"| parameters from the prior, 6 trials | ChangeNormal, common | {100 * hit:.1f}% (MCSE {100 * mcse:.1f}) | |"
    )
    print(lines[-1])
    (ROOT / "docs" / "baseline-table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
