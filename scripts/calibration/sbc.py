"""Simulation-based calibration of the review model: parameters and trials from the priors, a review of them, its posterior.

Each replication draws mean, difference, tau, unit SDs and effects of five trials from the priors, and what a review prints of
them: pool, confidence limits and one subgroup test, each with the error that its density in the model has, so that the model is
true. Where the truth lies in the posterior, as a share of it (the probability integral transform), is uniform if posteriors are
right. Samples have 2^10 points, and 2^12 where fewer than 50 are effective, a sixteenth of the engine's default, and their
pilots 2^7, a quarter: a distribution function need not be exact to place a truth in it. The share of the posterior that
solving misses is not estimated, which takes a third of the time: it would show here. Where a fit is refused
(`ImportanceError`), the posterior that the sample gives all the same is kept, and the row marked.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.errors import ImportanceError
from bayesmeta.families.review.importance import engine, sample
from bayesmeta.pooling.dersimonian_laird import dersimonian_laird, subgroup_z

SEED, REPLICATIONS = 20261130, 1000
SIZES, LEAST, LARGEST = (10, 12), 50, 0.1  # log2 of the points; fewest effective ones; largest share of one
TRIALS = {"A": (40, 1), "B": (60, 0), "C": (30, 0), "D": (80, 1), "E": (50, 0)}  # participants, subgroup
UNIT_SD = bm.LogNormal(0.1, 0.5)
MODEL = bm.NormalNormal(
    formula="1 + group", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5), beta={"group": bm.Normal(0, 1)}
)
PILOT = 7  # log2 of the points that a proposal is fitted to
WITHIN = norm.ppf(0.975)  # an observation's 95% interval is what its rounding leaves open
DIGITS, TOLERANCE = 2, 0.01  # of the limits, and of z: about what a P value of three decimals leaves open
QUANTITIES = ("mu", "group", "tau", "y_a", "sd_a", "y_b")
COLUMNS = ("replication", "refused", "n_effective", "printed_z", "printed_se", *QUANTITIES)


def simulated(replication: int) -> tuple[dict[str, float], bm.PublishedReview]:
    """Parameters and trials drawn from the priors, by name, and their review."""
    rng = np.random.default_rng([SEED, replication])
    n, group = np.array(list(TRIALS.values()), float).T
    mu, beta = (float(prior.rvs(1, rng)[0]) for prior in (MODEL.mu, MODEL.beta["group"]))
    tau, sd = float(MODEL.tau.rvs(1, rng)[0]), np.asarray(UNIT_SD.rvs(n.size, rng))
    se = 2 * sd / np.sqrt(n)
    y = mu + beta * group + np.hypot(se, tau) * rng.standard_normal(n.size)
    pool, error = dersimonian_laird(y, se), 0.5 * 10.0**-DIGITS / WITHIN
    half = norm.ppf(0.975) * float(pool.se)
    lower, upper = (float(pool.estimate) + side * half + error * rng.standard_normal() for side in (-1, 1))
    z = float(subgroup_z(y, se, group)) + TOLERANCE * rng.standard_normal()
    review = bm.PublishedReview(
        studies=[bm.Study(name=name, n=size, covariates={"group": at}) for name, (size, at) in TRIALS.items()],
        statistics=[
            bm.PooledEstimate(estimate=(lower + upper) / 2, lower=lower, upper=upper, digits=DIGITS),
            bm.SubgroupTest(
                covariate="group", p=float(2 * norm.sf(abs(z))), direction=1 if z > 0 else -1, tolerance=TOLERANCE
            ),
        ],
        sd=UNIT_SD,
    )
    truth = {"mu": mu, "group": beta, "tau": tau, "y_a": y[0], "sd_a": sd[0], "y_b": y[1]}
    return {name: float(value) for name, value in truth.items()}, review


@contextmanager
def smaller_samples(least: float, largest: float) -> Iterator[None]:
    """The engine with fewer points, and with limits of its own on what it refuses."""
    values = {"_SIZES": SIZES, "_OWN_SIZES": SIZES[-1:], "_WANTED": LEAST, "LEAST": least, "LARGEST": largest}
    changed = [(engine, name, value) for name, value in values.items()]
    changed += [(sample, "_PILOT", PILOT), (sample, "_LARGE_PILOT", PILOT + 2), (sample, "_missed", lambda *_: 0.0)]
    before = [(module, name, getattr(module, name)) for module, name, _ in changed]
    try:
        for module, name, value in changed:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def fitted(review: bm.PublishedReview, seed: int) -> tuple[bm.MetaResult | None, bool]:
    """The posterior, and whether the engine refuses it; no posterior where it finds no trials at all."""
    for refused, limits in enumerate(((LEAST, LARGEST), (1.0, 1.0))):
        try:
            with smaller_samples(*limits):
                return bm.fit(review, MODEL, "importance", seed=seed), bool(refused)
        except ImportanceError:
            continue
    return None, True


def positions(result: bm.MetaResult, truth: Mapping[str, float]) -> dict[str, float]:
    """Posterior probability below the truth, for parameters and for effects and unit SD of the first trials."""
    sets, weight = result.fit.sets, result.fit.weight
    sd = sets.se[:, 0] * np.sqrt(TRIALS["A"][0]) / 2
    found = {name: float(result.marginal(name).cdf(truth[name])) for name in ("mu", "group", "tau")}
    for name, values in (("y_a", sets.y[:, 0]), ("sd_a", sd), ("y_b", sets.y[:, 1])):
        found[name] = float(weight @ (values < truth[name]))
    return found


def replicate(replication: int) -> dict[str, float]:
    """One row of the table."""
    truth, review = simulated(replication)
    pooled, test = review.statistics
    result, refused = fitted(review, replication)
    engine.forget()
    row = {"replication": replication, "refused": int(refused), "printed_z": test.z, "printed_se": pooled.se}
    if result is None:
        return row | dict.fromkeys(("n_effective", *QUANTITIES), np.nan)
    return row | {"n_effective": result.n_effective} | positions(result, truth)


def run(path: Path, replications: int = REPLICATIONS) -> None:
    """Add the replications that the table does not have yet; an interrupted run goes on where it was."""
    done = set()
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            done = {int(row["replication"]) for row in csv.DictReader(file)}
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(COLUMNS)
        for i in sorted(set(range(replications)) - done):
            row = replicate(i)
            writer.writerow([f"{row[name]:.5g}" if isinstance(row[name], float) else row[name] for name in COLUMNS])
            file.flush()
            if (i + 1) % 50 == 0:
                print(f"simulation-based calibration: {i + 1} of {replications}", flush=True)
