"""Hide the trials of complete sets, keep what a review prints of them, and compare its posterior with that of the full data."""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.errors import ImportanceError
from bayesmeta.pooling.dersimonian_laird import dersimonian_laird, subgroup_z
from calibration.sets import CompleteSet, complete_sets

SEED = 20260101
MU, TAU, BETA = bm.Normal(0, 2), bm.HalfNormal(0.5), bm.Normal(0, 1)  # of log ratios and standardised differences
COLUMNS = (
    "set", "k", "measure", "i2", "moderator", "meaning", "printed_p", "direction", "flat_p",
    "full_p", "full_mean", "full_sd", "full_tau", "known_gap",
    "p", "mcse", "mean", "sd", "lower", "upper", "tau", "n_effective", "missed", "refused",
)  # fmt: skip


def review_of(one: CompleteSet, *, known: bool = False) -> bm.PublishedReview:
    """The review with its trials hidden: pool with 95% limits, I-squared, a P value for each moderator, rounded as reviews do.

    Parameters
    ----------
    known : bool
        Whether effects and standard errors of its trials are known after all.
    """
    pool = dersimonian_laird(one.y, one.se)
    half, ratio = norm.ppf(0.975) * float(pool.se), one.measure.startswith("log_")
    ends = [float(pool.estimate) + side * half for side in (0, -1, 1)]
    estimate, lower, upper = (math.log(round(math.exp(x), 2)) if ratio else round(x, 2) for x in map(float, ends))
    statistics = [
        bm.PooledEstimate(estimate=estimate, lower=lower, upper=upper, ratio=ratio),
        bm.Heterogeneity(i2=printed_i2(one)),
        *(subgroup_test(one, name) for name in one.moderators),
    ]
    studies = [
        bm.Study(
            name=name, n_t=one.n_t[i], n_c=one.n_c[i], y=one.y[i] if known else None, se=one.se[i] if known else None,
            covariates={key: int(values[i]) for key, values in one.moderators.items()},
        )
        for i, name in enumerate(one.study)
    ]  # fmt: skip
    return bm.PublishedReview(studies=studies, statistics=statistics, sd=one.sd, measure=one.measure)


def printed_i2(one: CompleteSet) -> int:
    """I-squared in whole percent."""
    return round(float(dersimonian_laird(one.y, one.se).i2))


def subgroup_test(one: CompleteSet, moderator: str) -> bm.SubgroupTest:
    """The test of a moderator, each subgroup with its own tau^2; P to three decimals, below .001 to two digits."""
    z = float(subgroup_z(one.y, one.se, one.moderators[moderator].astype(float)))
    p = float(2 * norm.sf(abs(z)))
    digits = 3 if p >= 0.001 else 1 - math.floor(math.log10(p))
    return bm.SubgroupTest(covariate=moderator, p=round(p, digits), direction=1 if z > 0 else -1, digits=digits)


def model_of(moderator: str | None) -> bm.NormalNormal:
    """Meta-regression on one moderator, or on none."""
    if moderator is None:
        return bm.NormalNormal(mu=MU, tau=TAU)
    return bm.NormalNormal(formula=f"1 + {moderator}", mu=MU, tau=TAU, beta={moderator: BETA})


def rows(one: CompleteSet) -> Iterator[dict[str, Any]]:
    """One row for mu without moderators, and one for each moderator."""
    data = bm.Estimates(
        one.y, one.se, study=one.study, covariates={name: list(values) for name, values in one.moderators.items()}
    )
    hidden, known = review_of(one), review_of(one, known=True)
    for moderator in (None, *one.moderators):
        model, name = model_of(moderator), moderator or "mu"
        full = bm.fit(data, model, "quadrature")
        row = {
            "set": one.name, "k": len(one.y), "measure": one.measure, "i2": printed_i2(one),
            "moderator": name, "meaning": one.labels.get(name, ""), "full_p": full.probability(f"{name} < 0"),
            "full_mean": full.marginal(name).mean(), "full_sd": full.marginal(name).sd(),
            "full_tau": full.marginal("tau").mean(), "known_gap": gap(bm.fit(known, model, "importance"), full, name),
        }  # fmt: skip
        if moderator is not None:
            test = subgroup_test(one, moderator)
            flat = test.flat_prior_probability if test.direction < 0 else 1 - test.flat_prior_probability
            row |= {"printed_p": test.p, "direction": test.direction, "flat_p": flat}
        yield row | answer(hidden, model, name)


def gap(result: bm.MetaResult, full: bm.MetaResult, name: str) -> float:
    """How far a review with no trial hidden is from the full data: the probability, or the mean or SD in units of the SD."""
    ours, theirs = result.marginal(name), full.marginal(name)
    sd = theirs.sd()
    moments = [abs(a - b) / sd for a, b in ((ours.mean(), theirs.mean()), (ours.sd(), sd))]
    return max(abs(result.probability(f"{name} < 0") - full.probability(f"{name} < 0")), *moments)


def answer(review: bm.PublishedReview, model: bm.NormalNormal, name: str, seed: int = SEED) -> dict[str, Any]:
    """What importance sampling says of a parameter, or why it does not."""
    try:
        result = bm.fit(review, model, "importance", seed=seed)
    except ImportanceError as error:
        return {"refused": reason(str(error))}
    claim, summary = f"{name} < 0", result.summary()
    found = {key: summary.loc[name, key] for key in ("mean", "sd", "lower", "upper")}
    return found | {
        "p": result.probability(claim), "mcse": result.probability_mcse(claim), "tau": summary.loc["tau", "mean"],
        "n_effective": result.n_effective, "missed": result.missed, "refused": "",
    }  # fmt: skip


def reason(message: str) -> str:
    """A refusal in a few words."""
    words = message.split()
    if "misses" in words:
        return f"{words[words.index('misses') + 1]} missed"
    return f"{words[words.index('leaves') + 1]} effective sets" if "leaves" in words else "no trials found"


def run(path: Path) -> None:
    """Add the sets that the table does not have yet."""
    done = set()
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            done = {row["set"] for row in csv.DictReader(file)}
    start = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", bm.DataWarning)  # zero cells, which are corrected on purpose
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        if start:
            writer.writeheader()
        for one in complete_sets():
            if one.name in done:
                continue
            found = [{key: written(value) for key, value in row.items()} for row in rows(one)]
            writer.writerows(found)
            file.flush()
            print(f"{one.name}: {', '.join(row['refused'] or row['p'] for row in found)}", flush=True)


def written(value: Any) -> str:
    """A number to six digits, or text."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
