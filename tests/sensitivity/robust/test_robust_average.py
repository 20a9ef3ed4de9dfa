"""The ensemble against other quadrature, RoBMA's own runs, published Bayes factors, and each question against fits of its own."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

import bayesmeta as bm
from bayesmeta.quadrature.selection.weights import coefficient
from bayesmeta.spec.publication_bias import PEESE, PET, Selection

FOLDER = Path(__file__).parents[2] / "golden"
GOLDEN = {
    name: json.loads((FOLDER / f"selection_{name}.json").read_text("utf-8"))
    for name in ("bem2011", "karner2014_exa_reversed")
}
POSES = bm.Estimates(  # Gronau and others (2017), as R's metaBMA has them
    y=[0.250764017924524, 0.227517972804145, 0.318606850192274, 0.28320818574983, 0.146394854929443, 0.15097732711972],
    se=[
        0.207139918036344,
        0.193104616308138,
        0.142322788099776,
        0.142135559910985,
        0.141610658616767,
        0.122116593013658,
    ],
    measure="smd",
)


@pytest.fixture(scope="module")
def ensembles() -> dict[str, bm.RobustAverage]:
    return {
        name: bm.robust_average(bm.Estimates(y=one["y"], se=one["sigma"], measure="smd"))
        for name, one in GOLDEN.items()
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_the_ensemble_is_that_of_other_quadrature(name: str, ensembles: dict[str, bm.RobustAverage]) -> None:
    golden, found = GOLDEN[name]["exact_psma"], ensembles[name]
    names = {
        "mu": "effect",
        "tau": "heterogeneity",
        "bias": "bias",
        "selection": "weight_function",
        "PET-PEESE": "PET_or_PEESE",
    }
    for ours, theirs in names.items():
        row = found.inclusion.loc[ours]
        assert row["posterior_probability"] == pytest.approx(golden["inclusion"][theirs]["posterior"], abs=1e-6)
        assert row["prior_probability"] == pytest.approx(golden["inclusion"][theirs]["prior"], abs=1e-12)
        assert row["log_bayes_factor"] == pytest.approx(
            math.log(golden["inclusion"][theirs]["inclusion_bayes_factor"]), abs=2e-6
        )
    mu = found.marginal("mu")
    assert (mu.mean(), mu.sd()) == pytest.approx([golden["mu_averaged"][key] for key in ("mean", "sd")], abs=1e-7)
    assert dict(mu.points)[0.0] == pytest.approx(1 - golden["inclusion"]["effect"]["posterior"], abs=1e-6)
    assert found.marginal("tau").mean() == pytest.approx(golden["tau_averaged_mean"], abs=1e-7)
    given = found.marginal("tau", given="tau")
    assert given.mean() == pytest.approx(golden["tau_given_heterogeneity_mean"], abs=1e-7)
    for key, without in (("mu_given_effect", ()), ("mu_given_effect_no_bias", "bias")):
        marginal = found.marginal("mu", given="mu", without=without)
        assert (marginal.mean(), marginal.sd()) == pytest.approx([golden[key]["mean"], golden[key]["sd"]], abs=1e-7)
        for level, quantile in golden[key]["quantiles"].items():
            assert float(marginal.cdf(quantile)) == pytest.approx(float(level), abs=found.error_bound)
            assert float(marginal.ppf(float(level))) == pytest.approx(quantile, abs=2e-4)
    assert found.probability("mu < 0", given="mu") == pytest.approx(golden["mu_given_effect"]["p_lt_0"], abs=1e-6)
    assert found.error_bound < 1e-3
    for kind, key in ((PET, "PET_averaged_mean"), (PEESE, "PEESE_averaged_mean")):
        total = sum(p * coefficient(one.fit)[0] for p, one in found.shares() if isinstance(one.bias, kind))
        assert total == pytest.approx(golden[key], rel=1e-5)


def test_robma_is_within_the_error_of_its_bridge_sampling(ensembles: dict[str, bm.RobustAverage]) -> None:
    """RoBMA 3.6.1, 36 models, bem2011: log marginal likelihoods are off by 0.067 at the most, which its warnings announce."""
    peer, found = GOLDEN["bem2011"]["robma_mcmc"], ensembles["bem2011"]
    ours = sorted(found.models["log_marginal_likelihood"])
    assert ours == pytest.approx(sorted(one["marglik"] for one in peer["models"]), abs=0.07)
    for name, theirs in (("mu", "Effect"), ("tau", "Heterogeneity"), ("bias", "Bias")):
        assert found.inclusion.loc[name, "posterior_probability"] == pytest.approx(
            peer["components"][theirs]["post_prob"], abs=0.005
        )
    assert found.marginal("mu").mean() == pytest.approx(peer["mu"]["Mean"], abs=0.001)


@pytest.mark.parametrize(
    ("prior", "fixed", "random", "inclusion"),
    [
        (bm.Truncated(bm.Cauchy(0, 2**-0.5), 0, math.inf), 89.570, 9.374, 33.136),
        (bm.Truncated(bm.StudentT(3, 0.34999, 0.1021), 0, math.inf), 191.751, 20.689, 71.373),
    ],
)
def test_directed_bayes_factors_of_power_posing_are_published(
    prior: bm.Truncated, fixed: float, random: float, inclusion: float
) -> None:
    """Gronau and others (2017), as danheck/metaBMA asserts them in tests/testthat/test_gronau2017powerpose.R."""
    found = bm.robust_average(POSES, mu=prior, bias={None: 1.0})
    evidence = found.models.set_index(["effect", "heterogeneity"])["log_marginal_likelihood"]
    assert math.exp(evidence[True, False] - evidence[False, False]) == pytest.approx(fixed, abs=6e-4)
    assert math.exp(evidence[True, True] - evidence[False, True]) == pytest.approx(random, abs=6e-4)
    assert found.inclusion.loc["mu", "bayes_factor"] == pytest.approx(inclusion, abs=6e-4)


def test_the_weight_function_is_the_average_of_its_models(ensembles: dict[str, bm.RobustAverage]) -> None:
    golden, found = GOLDEN["bem2011"]["exact_psma"], ensembles["bem2011"]
    table = found.weight_function().set_index("p_lower")
    place = {  # which of its weights a model has for one-sided P values from .05 to .5
        "one.sided(0.05)": 1, "one.sided(0.025, 0.05)": 2, "one.sided(0.05, 0.5)": 1, "one.sided(0.025, 0.05, 0.5)": 2,
        "two.sided(0.05)": 1, "two.sided(0.05, 0.1)": 2,
    }  # fmt: skip
    mean = sum(
        one["posterior_probability"]
        * (one["omega_mean_from_significant_to_not"][place[one["bias"]]] if one["bias"] in place else 1)
        for one in golden["models"]
    )
    assert table.loc[0.05, "mean"] == pytest.approx(mean, abs=1e-6)
    assert table["n_studies"].tolist() == [6, 2, 1, 0, 0, 0]
    assert table.loc[0.0, ["mean", "sd", "lower", "upper"]].tolist() == [1, 0, 1, 1]
    single = bm.robust_average(found.data, bias={Selection(steps=(0.05,)): 1.0}, effect=0, heterogeneity=0)
    y, se = found.data.y, found.data.se
    cut = stats.norm.isf(0.05)

    def density(w: float) -> float:
        seen = stats.norm.sf(cut)
        weight = np.where(y / se >= cut, 1.0, w)
        return float(np.prod(weight / (seen + w * (1 - seen))))

    total = integrate.quad(density, 0, 1, epsabs=0, points=[0.01, 0.05, 0.2])[0]
    row = single.weight_function(0.9).iloc[1]
    for key, level in (("lower", 0.05), ("median", 0.5), ("upper", 0.95)):
        assert integrate.quad(density, 0, row[key], epsabs=0)[0] / total == pytest.approx(level, abs=1e-4)


def test_the_curve_of_small_studies_is_a_line_in_the_means(ensembles: dict[str, bm.RobustAverage]) -> None:
    found = ensembles["bem2011"]
    golden = GOLDEN["bem2011"]["exact_psma"]
    table = found.small_study_curve([0.0, 0.2])
    expected = golden["mu_averaged"]["mean"] + 0.2 * golden["PET_averaged_mean"] + 0.04 * golden["PEESE_averaged_mean"]
    assert table["mean"][1] == pytest.approx(expected, abs=1e-5)
    given = found.small_study_curve([0.0], given="mu").iloc[0]
    marginal = found.marginal("mu", given="mu")
    for key, level in (("lower", 0.025), ("median", 0.5), ("upper", 0.975)):
        assert float(marginal.cdf(given[key])) == pytest.approx(level, abs=0.005)
    pet = bm.robust_average(found.data, bias={PET(): 1.0}, effect=0, heterogeneity=0).small_study_curve([0.2]).iloc[0]
    v, x = found.data.se**2, found.data.se
    b = np.linspace(0, 8, 20001)
    mass = np.exp((x * found.data.y / v).sum() * b - (x**2 / v).sum() * b**2 / 2) / (1 + b**2)
    below = integrate.cumulative_simpson(mass, x=b, initial=0)
    assert np.interp([pet["lower"] / 0.2, pet["upper"] / 0.2], b, below / below[-1]) == pytest.approx(
        [0.025, 0.975], abs=0.005
    )


def test_a_study_that_is_left_out_and_other_priors_are_ensembles_of_their_own(
    ensembles: dict[str, bm.RobustAverage],
) -> None:
    found = ensembles["bem2011"]
    small = bm.robust_average(found.data.drop([f"study {i}" for i in range(5, 10)]))
    table = small.leave_one_out()
    alone = bm.robust_average(small.data.drop("study 3"))
    assert table.loc["study 3", "mu_mean"] == pytest.approx(alone.marginal("mu").mean(), abs=1e-4)
    assert table.loc["study 3", "P(bias)"] == pytest.approx(
        alone.inclusion.loc["bias", "posterior_probability"], abs=1e-4
    )
    other = small.under(mu=[bm.Normal(0, 0.5)], tau=[bm.HalfNormal(0.3), bm.HalfNormal(1)])
    again = bm.robust_average(small.data, mu=bm.Normal(0, 0.5), tau=bm.HalfNormal(1))
    assert len(other) == 2
    assert other["P(mu)"][1] == pytest.approx(again.inclusion.loc["mu", "posterior_probability"], abs=1e-4)


def test_selection_tips_the_claim_at_the_weight_that_is_returned(ensembles: dict[str, bm.RobustAverage]) -> None:
    """By sums over a grid: at the ratio the probability is the level, and the worst case has the other studies alone."""
    found = ensembles["bem2011"]
    tipping = found.tipping(level=0.9)
    y, se = found.data.y, found.data.se
    significant = stats.norm.sf(y / se) <= 0.025
    assert (tipping.n_significant, tipping.n_others) == (int(significant.sum()), int((~significant).sum()))
    mu, tau = np.linspace(-2, 2, 2001)[:, None], np.exp(np.linspace(-6, 2, 401))

    def probability(kept: Any, weight: float) -> float:
        log_density = stats.norm.logpdf(mu) + stats.invgamma.logpdf(tau, 1, scale=0.15) + np.log(tau)
        for effect, error in zip(y[kept], se[kept], strict=True):
            sd = np.hypot(error, tau)
            seen = stats.norm.sf((stats.norm.isf(0.025) * error - mu) / sd)
            log_density = log_density + stats.norm.logpdf(effect, mu, sd) - np.log(seen + weight * (1 - seen))
        mass = np.exp(log_density - log_density.max()).sum(axis=1)
        return float((mass[1001:].sum() + mass[1000] / 2) / mass.sum())

    everything = np.full(y.size, True)
    assert 1 < tipping.ratio < 1e4
    assert probability(everything, 1 / tipping.ratio) == pytest.approx(0.9, abs=2e-4)
    assert tipping.unselected == pytest.approx(probability(everything, 1.0), abs=1e-5)
    assert tipping.worst_case == pytest.approx(probability(~significant, 1.0), abs=2e-4)
    assert f"{tipping.ratio:.3g} times as likely" in " ".join(str(tipping).split())
    assert found.tipping("mu > 0.5").ratio == 1


def test_the_mirror_image_is_the_same(ensembles: dict[str, bm.RobustAverage]) -> None:
    found = ensembles["bem2011"]
    mirrored = bm.robust_average(bm.Estimates(y=-found.data.y, se=found.data.se), direction="negative")
    assert mirrored.models["log_marginal_likelihood"].to_numpy() == pytest.approx(
        found.models["log_marginal_likelihood"].to_numpy(), abs=1e-9
    )
    assert mirrored.marginal("mu").mean() == pytest.approx(-found.marginal("mu").mean(), abs=1e-9)
    assert mirrored.small_study_curve([0.2])["lower"][0] == pytest.approx(
        -found.small_study_curve([0.2])["upper"][0], abs=1e-3
    )
    assert mirrored.tipping().claim == "mu < 0"
    with pytest.warns(bm.DataWarning, match="most effects are negative"):
        bm.robust_average(mirrored.data, bias={None: 1.0})


def test_what_is_printed_says_what_was_assumed(ensembles: dict[str, bm.RobustAverage]) -> None:
    text = " ".join(str(ensembles["bem2011"]).split())
    for words in (
        "36 models, 9 studies", "mu ~ Normal(0, 1)", "tau ~ InvGamma(1, 0.15)", "Publication bias 0.5000 0.9433 16.6",
        "No study has a one-sided P value from 0.5 to 0.95", "Studies are taken to have looked for positive effects",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mu": bm.Flat()}, "must be a proper density"),
        ({"tau": bm.Normal(0, 1)}, "puts mass below zero"),
        ({"effect": 1.5}, "from 0 to 1"),
        ({"direction": "up"}, "direction='up'"),
        ({"bias": {None: 0.5}}, "sum to 0.5"),
        ({"bias": {"PET": 1.0}}, "is not a Selection"),
    ],
)
def test_what_cannot_be_right_is_rejected(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(bm.SpecificationError, match=words):
        bm.robust_average(POSES, **arguments)


def test_data_that_cannot_tell_bias_are_rejected() -> None:
    with pytest.raises(bm.DataError, match="at least 2 studies; got 1"):
        bm.robust_average(POSES.drop([f"study {i}" for i in range(2, 7)]))
    with pytest.raises(bm.DataError, match="at least 3"):
        bm.robust_average(POSES.drop([f"study {i}" for i in range(3, 7)]), bias={None: 1.0}).leave_one_out()
    with pytest.raises(bm.SpecificationError, match="given='effect'"):
        bm.robust_average(POSES, bias={None: 1.0}).marginal("mu", given="effect")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"steps": [0.05, 0.025]}, "increasing"),
        ({"steps": [0.05, 1.0]}, "between 0 and 1"),
        ({"sides": 3}, "one- or two-sided"),
        ({"steps": [0.1, 0.2, 0.3, 0.4]}, "takes 3"),
        ({"weights": [0.5]}, "one for each interval"),
        ({"weights": [0.5, 0.0]}, "must be positive"),
        ({"weights": [bm.Normal(0, 1), 0.5]}, "mass below 0"),
    ],
)
def test_selection_that_cannot_be_right_is_rejected(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(bm.SpecificationError, match=words):
        Selection(**arguments)
