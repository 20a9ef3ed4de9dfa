"""Simulation-based calibration of models of counts: parameters and events from the priors, and where the truth lies.

Where the truth lies in its posterior, as a share of it, is uniform if posteriors are right (Talts et al. 2018,
doi:10.48550/arXiv.1804.06788). Every replication is fitted by quadrature; what is stored of them are counts in bins and three
P values of uniformity.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import nchypergeom_fisher

import bayesmeta as bm
from calibration import uniformity

SEED, REPLICATIONS = 20261201, 10_000
OF_EFFECTS = 1_000  # replications that look at the effect of a study, which takes most of the time of one
MU, TAU = bm.Normal(0, 1), bm.HalfNormal(0.5)
QUANTITIES = {"mu": "mu", "tau": "tau", "theta[study 1]": "effect of a study", "theta_new": "effect of a new study"}
SIZES = np.array([15, 25, 40, 60, 100])  # participants of an arm

Simulated = tuple[Any, Mapping[str, float]]


@dataclass(frozen=True)
class Setting:
    """Data of some kind and the model that they are drawn from.

    Attributes
    ----------
    words : str
    model : object
    draw : callable
        From a generator and the effects of the studies to data.
    """

    words: str
    model: Any
    draw: Callable[[np.random.Generator, np.ndarray], Any]

    def simulated(self, rng: np.random.Generator) -> Simulated:
        """Data, and the truth by the names of `QUANTITIES`."""
        mu, tau = (float(prior.rvs(1, rng)[0]) for prior in (MU, TAU))
        theta = mu + tau * rng.standard_normal(SIZES.size + 1)
        truth = {"mu": mu, "tau": tau, "theta[study 1]": float(theta[0]), "theta_new": float(theta[-1])}
        return self.draw(rng, theta[:-1]), truth


def _expit(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _two_arms(baseline: bm.Normal, rng: np.random.Generator, theta: np.ndarray) -> bm.Counts:
    alpha = np.asarray(baseline.rvs(theta.size, rng))
    control, treated = rng.binomial(SIZES, _expit(alpha)), rng.binomial(SIZES, _expit(alpha + theta))
    return bm.Counts(events_t=treated, n_t=SIZES, events_c=control, n_c=SIZES)


def _given_totals(baseline: bm.Normal, rng: np.random.Generator, theta: np.ndarray) -> bm.Counts:
    """Totals of both arms that no effect has a part in, as the model has them, and the treated arm's share of them."""
    risk = _expit(np.asarray(baseline.rvs(theta.size, rng)))
    totals = rng.binomial(2 * SIZES, risk)
    treated = np.array([
        nchypergeom_fisher.rvs(2 * n, n, total, odds, random_state=rng) if total else 0
        for n, total, odds in zip(SIZES, totals, np.exp(theta), strict=True)
    ])  # fmt: skip
    return bm.Counts(events_t=treated, n_t=SIZES, events_c=totals - treated, n_c=SIZES)


def _single_arms(rng: np.random.Generator, theta: np.ndarray) -> bm.Proportions:
    return bm.Proportions(events=rng.binomial(SIZES, _expit(theta)), n=SIZES)


def _over_time(baseline: bm.Normal, rng: np.random.Generator, theta: np.ndarray) -> bm.Rates:
    alpha = np.asarray(baseline.rvs(theta.size, rng))
    control, treated = rng.poisson(SIZES * np.exp(alpha)), rng.poisson(SIZES * np.exp(alpha + theta))
    return bm.Rates(events_t=treated, time_t=SIZES, events_c=control, time_c=SIZES)


RARE, COMMON = bm.Normal(-4, 1), bm.Normal(-1, 1)
SETTINGS = {
    "binomial, rare": Setting(
        "binomial, two arms, rare events: logit of the baseline ~ Normal(-4, 1)",
        bm.BinomialNormal(mu=MU, tau=TAU, baseline=RARE), partial(_two_arms, RARE),
    ),
    "binomial": Setting(
        "binomial, two arms: logit of the baseline ~ Normal(-1, 1)",
        bm.BinomialNormal(mu=MU, tau=TAU, baseline=COMMON), partial(_two_arms, COMMON),
    ),
    "hypergeometric": Setting(
        "hypergeometric, two arms, given the events of both together",
        bm.HypergeometricNormal(mu=MU, tau=TAU), partial(_given_totals, COMMON),
    ),
    "proportions": Setting("binomial, single arms", bm.BinomialNormal(mu=MU, tau=TAU), _single_arms),
    "rates": Setting(
        "Poisson, two arms, rare events: log of the baseline rate ~ Normal(-4, 1), the sizes as times",
        bm.PoissonNormal(mu=MU, tau=TAU, baseline=RARE), partial(_over_time, RARE),
    ),
}  # fmt: skip


def positions(name: str, replication: int) -> list[float]:
    """Posterior probability below the truth, in the order of `QUANTITIES`; nan where it is not looked at."""
    setting = SETTINGS[name]
    rng = np.random.default_rng([SEED, list(SETTINGS).index(name), replication])
    data, truth = setting.simulated(rng)
    result = bm.fit(data, setting.model, "quadrature")
    asked = [one for one in QUANTITIES if replication < OF_EFFECTS or not one.startswith("theta[")]
    found = {quantity: float(result.marginal(quantity).cdf(truth[quantity])) for quantity in asked}
    return [found.get(quantity, np.nan) for quantity in QUANTITIES]


def run(path: Path, replications: int = REPLICATIONS) -> None:
    """Add the settings that the table does not have yet: where the truths lie, for each quantity."""
    rows = pd.read_csv(path, dtype=str).to_dict("records") if path.exists() else []
    done = {row["setting"] for row in rows}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for name in [name for name in SETTINGS if name not in done]:
            found = np.array(list(pool.map(partial(positions, name), range(replications), chunksize=100)))
            for quantity, column in zip(QUANTITIES, found.T, strict=True):
                values = column[~np.isnan(column)]
                bins = {f"bin_{i}": n for i, n in enumerate(uniformity.counts(values, 20))}
                tests = {test: f"{p:.4f}" for test, p in uniformity.p_values(values).items()}
                rows.append({"setting": name, "quantity": quantity, "n": values.size} | tests | bins)
            pd.DataFrame(rows).to_csv(path, index=False, lineterminator="\n")
            print(f"calibration of counts: {name}", flush=True)
