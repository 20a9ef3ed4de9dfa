"""Ishak et al. (2007): posteriors by brute force, R's metafor in the limit of flat priors, and what was published."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm

GOLDEN = Path(__file__).parents[2] / "golden"
CONTENT = json.loads((GOLDEN / "timecourse_ishak2007.json").read_text("utf-8"))
PUBLISHED = list(csv.DictReader((GOLDEN / "ishak2007_published.csv").read_text("utf-8").splitlines()))
STRUCTURES = {"CS": "compound_symmetry", "AR": "ar1"}
FORMULAS = {"time_means": "0 + C(time)", "linear": "1 + time"}
CASES = {case["id"]: case for case in CONTENT["cases"]}
WIDE = bm.Normal(0, 100)


def model(mean: str, structure: str, *, flat: bool = False, **options) -> bm.TimeCourse:
    priors = {} if flat else {"beta": {"time": WIDE}} | ({"mu": WIDE} if mean == "linear" else {})
    stated = {"tau": bm.HalfNormal(10), "rho": bm.Uniform(0, 1), "rho_within": CONTENT["phi"]} | priors | options
    return bm.TimeCourse(formula=FORMULAS[mean], between=STRUCTURES[structure], **stated)


def names_of(mean: str) -> list[str]:
    return ["mu", "time"] if mean == "linear" else [f"C(time)[{time}]" for time in CONTENT["times"]]


@pytest.mark.parametrize("label", CASES)
def test_a_posterior_is_that_of_brute_force(label):
    case = CASES[label]
    result = bm.fit(bm.load_dataset("ishak2007"), model(case["mean"], case["structure"]))
    assert result.error_bound < 1e-7
    assert result.log_marginal_likelihood == pytest.approx(case["exact"]["log_marginal_likelihood"], abs=1e-6)
    wanted = {name: case["exact"][name] for name in ("tau", "rho")}
    wanted |= dict(zip(names_of(case["mean"]), case["exact"]["b"], strict=True))
    if case["exact"]["last_minus_first"]:
        wanted["C(time)[4] - C(time)[1]"] = case["exact"]["last_minus_first"]
    for name, want in wanted.items():
        one = result.marginal(name)
        assert (one.mean(), one.sd()) == pytest.approx((want["mean"], want["sd"]), abs=1e-6)
        for level, quantile in want["quantiles"].items():
            assert float(one.ppf(float(level))) == pytest.approx(quantile, abs=1e-6)
        if "p_lt_0" in want:
            assert result.probability(f"{name} < 0") == pytest.approx(want["p_lt_0"], abs=1e-6)


@pytest.mark.parametrize("mean", FORMULAS)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_under_flat_priors_given_tau_and_rho_it_is_the_restricted_likelihood_of_metafor(mean, structure):
    """Whose logarithm has half that of |X'X| beside; under point masses at its estimates it is metafor's likelihood."""
    data = bm.load_dataset("ishak2007")
    fits = {
        kind: CONTENT["peer"][f"{structure}_{'linear_' if mean == 'linear' else ''}{kind}"] for kind in ("REML", "ML")
    }
    for kind, peer in fits.items():
        known = {"tau": bm.PointMass(peer["tau2"] ** 0.5), "rho": peer["rho"]}
        made = model(mean, structure, flat=True, **known)
        if kind == "ML":
            given = {
                name: bm.PointMass(value) for name, value in zip(names_of(mean), peer["beta"].values(), strict=True)
            }
            made = model(mean, structure, flat=True, beta={k: v for k, v in given.items() if k != "mu"}, **known,
                         **({"mu": given["mu"]} if "mu" in given else {}))  # fmt: skip
        result = bm.fit(data, made)
        if kind == "ML":
            assert result.log_marginal_likelihood == pytest.approx(peer["loglik"], abs=1e-6)
            continue
        design = np.column_stack([np.ones((len(data), int(mean == "linear"))), result.prepared.design.base[0]])
        constant = 0.5 * np.linalg.slogdet(design.T @ design)[1]
        assert result.fit.fit.log_evidence + constant == pytest.approx(peer["loglik"], abs=1e-6)
        for name, estimate, se in zip(names_of(mean), peer["beta"].values(), peer["se"], strict=True):
            one = result.marginal(name)
            assert (one.mean(), one.sd()) == pytest.approx((estimate, se), rel=1e-7)


@pytest.mark.parametrize(
    ("row", "options"),
    [
        (("AR", "AR .97"), {"between": "ar1"}),
        (("random study", "diag"), {"between": "compound_symmetry", "rho": 1, "rho_within": 0}),
    ],
)
def test_estimates_of_the_article_follow_to_the_printed_digit(row, options):
    printed = next(one for one in PUBLISHED if (one["structure"], one["V"]) == row)
    known = {"rho": float(printed["rho"] or 1), "rho_within": CONTENT["phi"]} | options
    made = bm.TimeCourse(formula="0 + C(time)", tau=bm.PointMass(float(printed["tau2"]) ** 0.5), **known)
    result = bm.fit(bm.load_dataset("ishak2007"), made)
    for name, column in zip(names_of("time_means"), ("coef_3m", "coef_6m", "coef_12m", "coef_ltfu"), strict=True):
        assert result.marginal(name).mean() == pytest.approx(float(printed[column]), abs=6e-5)


def test_a_covariance_of_the_data_is_the_correlation_that_it_was_made_with():
    data = bm.load_dataset("ishak2007")
    trial = data.covariates["trial"].to_numpy()
    time = data.covariates["time"].to_numpy(float)
    cov = np.where(trial[:, None] == trial, CONTENT["phi"] ** np.abs(time[:, None] - time), 0) * np.outer(
        data.se, data.se
    )
    first = data.covariates["trial"].iloc[1]
    np.testing.assert_allclose(cov[1:3, 1:3], CONTENT["V_blocks"][first], rtol=1e-8)
    given = bm.Estimates(y=data.y, cov=cov, study=data.study, covariates=data.covariates, cluster="trial")
    one, two = (
        bm.fit(rows, model("linear", "AR", rho_within=rho)) for rows, rho in ((data, CONTENT["phi"]), (given, None))
    )
    assert one.log_marginal_likelihood == pytest.approx(two.log_marginal_likelihood, abs=1e-10)
    assert one.probability("time < 0") == pytest.approx(two.probability("time < 0"), abs=1e-10)
