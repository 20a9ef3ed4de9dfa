"""Hide the trials of complete meta-analyses, keep what a review would have printed, and ask for a moderator's sign.

The data sets are two of `tests/golden/recovery` with arm sizes, each with a 0/1 moderator whose P value is printed as a number
(some would be "P < .001"). One prior for all: in units of `y` for the effects, and `UNIT_SD` for the unit SD.

`BY_NUTS` are probabilities from 4 chains of 4,000 draws by NUTS, with a Monte Carlo error of at most 0.004, which importance
sampling must give again, of 13 and 19 trials none of which is known. With an I-squared of 71 and 92% (collins1985b and bcg, whose
unit SDs are far from `UNIT_SD`) importance sampling refuses itself. By NUTS those differ from the full data by 0.038, -0.027
and 0.005 (bcg: latitude_33_up, random and year_1969_up), -0.001 and -0.004 (collins1985b: oedema and n_500_up). Larger data
sets lose more when 15 to 19 trials are hidden: laopaiboon2015 -0.039, 0.052, 0.061 and -0.040 for its moderators in the order of
index.csv, nielweise2007 0.059 and -0.021, the third moderator of raudenbush1985 -0.058.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import halfnorm, norm

import bayesmeta as bm
from bayesmeta.errors import ImportanceError
from bayesmeta.pooling import dersimonian_laird, subgroup_z

pytestmark = [pytest.mark.slow, pytest.mark.calibration]

FOLDER = Path(__file__).parents[1] / "golden" / "recovery"
BY_NUTS = {
    ("gibson2002", "optimal"): 0.958,
    ("gibson2002", "year_1996_up"): 0.680,
    ("raudenbush1985", "aware"): 0.781,
}
NUTS_ERROR = 0.004
UNIT_SD = bm.LogNormal(
    0.0, 0.1
)  # of a standardised difference: 1 by definition, and a few percent more with a large effect
LIMIT = 0.06


def hidden_review(frame, measure, moderators):
    """The review with nothing but arm sizes, moderators and what it printed."""
    y, se = frame["y"].to_numpy(), frame["se"].to_numpy()
    pool = dersimonian_laird(y, se)
    half = norm.ppf(0.975) * pool.se
    direction = int(np.sign(pool.estimate))
    statistics = [
        bm.PooledEstimate(**{
            name: round(float(value), 2)
            for name, value in (
                ("estimate", pool.estimate), ("lower", pool.estimate - half), ("upper", pool.estimate + half),
            )
        }),
        bm.Heterogeneity(i2=round(float(pool.i2))),
        bm.SignificantCount(count=int((direction * y / se > norm.ppf(0.975)).sum()), direction=direction),
    ]  # fmt: skip
    for name in moderators:
        z = float(subgroup_z(y, se, frame[name].to_numpy()))
        p = round(2 * norm.sf(abs(z)), 3)
        statistics.append(bm.SubgroupTest(covariate=name, p=p, direction=int(np.sign(z)), tolerance=0.05))
    studies = [
        bm.Study(name=row.study, n_t=row.n_t, n_c=row.n_c, covariates={name: int(row[name]) for name in moderators})
        for _, row in frame.iterrows()
    ]
    assert not any(study.known for study in studies)
    return bm.PublishedReview(studies=studies, statistics=statistics, sd=UNIT_SD, measure=measure)


def test_it_refuses_where_standard_errors_are_far_from_their_prior():
    index = pd.read_csv(FOLDER / "index.csv", index_col="dataset")
    review = hidden_review(pd.read_csv(FOLDER / "bcg.csv"), index.loc["bcg", "measure"], ["random"])
    model = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
    with pytest.raises(ImportanceError, match="effective sets of trials"):
        bm.fit(review, model, "importance", seed=20260101)


@pytest.mark.parametrize(("dataset", "moderator"), BY_NUTS)
def test_the_sign_of_a_moderator_comes_back(quadrature, dataset, moderator):
    index = pd.read_csv(FOLDER / "index.csv", index_col="dataset")
    frame = pd.read_csv(FOLDER / f"{dataset}.csv")
    assert index.loc[dataset, "n_studies"] == len(frame)
    assert moderator in index.loc[dataset, "binary_moderators"].split()
    review = hidden_review(frame, index.loc[dataset, "measure"], [moderator])
    model = bm.NormalNormal(
        formula=f"1 + {moderator}", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={moderator: bm.Normal(0, 1)}
    )
    result = bm.fit(review, model, "importance", seed=20260101)
    p, error = result.probability(f"{moderator} < 0"), result.probability_mcse(f"{moderator} < 0")
    assert abs(p - BY_NUTS[dataset, moderator]) < 4 * np.hypot(NUTS_ERROR, error)
    X = np.column_stack([np.ones(len(frame)), frame[moderator]])
    V = np.diag(frame["se"] ** 2)
    full = quadrature(frame["y"], V, X, [0, 0], [2, 1], halfnorm(scale=0.5).logpdf).negative[1]
    assert abs(p - full) < LIMIT
