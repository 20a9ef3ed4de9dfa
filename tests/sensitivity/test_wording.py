"""Sentences about prior sensitivity: their words, and that they are true up to the boundary that they name."""

from __future__ import annotations

import re

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.sensitivity.wording import boundary

SCHOOLS = bm.load_dataset("eight_schools")
PRIMARY = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))


def test_the_probability_stays_above_the_level_up_to_the_boundary() -> None:
    found = bm.prior_sensitivity(SCHOOLS, PRIMARY, "mu > 0", tau=bm.prior_grid(bm.HalfNormal, scale=[1, 10, 50]))
    whole, sentence = found.sentences(0.95)
    table = found.table()["P(mu > 0)"]
    assert whole == (
        f"Over 3 priors, the probability that mu > 0 lies between {table.min():.2f} and {table.max():.2f}; "
        f"under the primary priors it is {table[1]:.2f}."
    )
    start = (
        "With the other priors as in the primary analysis, the probability that mu > 0 stays above 0.95 for every half-normal "
        "scale of tau from 1 up to "
    )
    assert sentence.startswith(start)
    shown = float(re.fullmatch(r"(\S+)\.", sentence.removeprefix(start)).group(1))
    above, exact = boundary(found, "mu > 0", 0.95, "tau", "scale", found.priors["tau"][:1] + found.priors["tau"][2:])
    assert above
    assert shown <= exact < shown * 1.01

    def probability(scale: float) -> float:
        return bm.fit(SCHOOLS, bm.NormalNormal(mu=PRIMARY.mu, tau=bm.HalfNormal(scale))).probability("mu > 0")

    assert abs(probability(exact) - 0.95) < 1e-8
    assert all(probability(scale) > 0.95 for scale in np.geomspace(1, shown, 20))
    assert probability(1.001 * exact) < 0.95


def test_no_crossing_and_a_start_below_the_level() -> None:
    found = bm.prior_sensitivity(SCHOOLS, PRIMARY, "mu < 0", mu=bm.prior_grid(bm.StudentT, nu=4, mean=0, scale=[1, 9]))
    assert found.sentences(0.9)[1] == (
        "With the other priors as in the primary analysis, the probability that mu < 0 stays below 0.9 for every Student t scale "
        "of mu (degrees of freedom 4, mean 0) from 1 to 9, the largest tried."
    )


def test_families_with_one_prior_or_two_free_parameters_get_no_boundary() -> None:
    taus = [bm.HalfCauchy(1), *bm.prior_grid(bm.LogNormal, meanlog=[0, 1], sdlog=[1, 2]), bm.PointMass(0)]
    found = bm.prior_sensitivity(SCHOOLS, PRIMARY, "mu < 0", tau=taus)
    assert len(found.sentences()) == 1
    with pytest.raises(bm.SpecificationError, match="level=1"):
        found.sentences(1)


def test_a_probability_is_never_rounded_to_certainty() -> None:
    data = bm.Estimates(y=[2.0], se=[0.5])
    model = bm.NormalNormal(mu=bm.Normal(0, 10), tau=bm.PointMass(0))
    found = bm.prior_sensitivity(data, model, "mu > 0", mu=[bm.Normal(0, 10), bm.Normal(0, 20)])
    assert found.sentences()[0].startswith("Over 2 priors, the probability that mu > 0 is 0.99997")


def test_one_prior_alone_moves_nothing() -> None:
    found = bm.prior_sensitivity(SCHOOLS, PRIMARY, "mu > 0", tau=[PRIMARY.tau])
    assert found.sentences()[0].startswith("Under the one prior tried, the probability that mu > 0 is 0.9")
    assert found.robustness().sentence == "No prior that was tried moves the posterior from the primary one."


def test_a_boundary_just_beyond_the_first_prior_is_not_rounded_below_it() -> None:
    found = bm.prior_sensitivity(SCHOOLS, PRIMARY, "mu > 0", tau=bm.prior_grid(bm.HalfNormal, scale=[1, 50]))
    exact = boundary(found, "mu > 0", 0.95, "tau", "scale", found.priors["tau"])[1]
    near = bm.prior_grid(bm.HalfNormal, scale=[exact * (1 - 2e-5), 50])
    text = bm.prior_sensitivity(SCHOOLS, PRIMARY, "mu > 0", tau=near).sentences()[1]
    low, high = map(float, re.search(r"from (\S+) up to (\S+)\.$", text).groups())
    assert low < high <= exact


def test_an_infinite_divergence_of_two_studies_is_put_down_to_tails_as_well():
    """Under a Cauchy tail the SD of mu does not exist, though both posteriors have mass on the same values."""
    data = bm.Estimates(y=[-0.5, -0.3], se=[0.2, 0.3])
    found = bm.prior_sensitivity(data, bm.NormalNormal(tau=bm.HalfNormal(0.5)), tau=[bm.HalfCauchy(0.5)])
    assert "mass where the primary one has none, or far heavier tails" in found.robustness().sentence
