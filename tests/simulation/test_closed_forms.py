"""Whole simulations against what theory says of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from bayesmeta.simulation.design import BayesianModel, Design, Selection, Studies, Truth
from bayesmeta.simulation.run import simulate


def rows(parameter: str = "mu", *, replications: int = 20_000, seed: int = 11, **sections: object):
    design = Design(title="", seed=seed, replications=replications, **sections)
    found = simulate(design).performance
    return found[found["parameter"] == parameter].set_index("analysis")


def assert_measure(row, name, expected, z=4.5):
    error = row[f"{name}_mcse"]
    assert abs(row[name] - expected) < z * error, (name, row[name], expected, error)


def test_a_common_effect_without_heterogeneity_is_exact():
    se = np.array([0.1, 0.3, 0.5, 0.2])
    found = rows(truth=Truth(mu=0.1), studies=Studies(outcome="estimates", se=se.tolist()), estimators=("fe wald",))
    row, total = found.loc["fe wald"], (se**-2.0).sum() ** -0.5
    z = stats.norm.isf(0.025)
    assert row["width"] == pytest.approx(2 * z * total, rel=1e-12)
    assert row["mean_se"] == pytest.approx(total, rel=1e-12)
    assert_measure(row, "coverage", 0.95)
    assert_measure(row, "bias", 0.0)
    assert_measure(row, "rmse", total)
    assert_measure(row, "empirical_se", total)
    score = 2 * z * total + 2 / 0.05 * 2 * total * (stats.norm.pdf(z) - z * stats.norm.sf(z))
    assert_measure(row, "interval_score", score)


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_type_s_and_type_m_errors_of_one_normal_estimate(level):
    mu, se = 0.15, 0.2
    found = rows(
        truth=Truth(mu=mu), studies=Studies(outcome="estimates", k=1, se=se), estimators=("fe wald",), level=level
    ).loc["fe wald"]
    z = stats.norm.isf((1 - level) / 2)
    y = stats.norm(mu, se)
    power = y.sf(z * se) + y.cdf(-z * se)
    size = integrate.quad(lambda x: x * (y.pdf(x) + y.pdf(-x)), z * se, mu + 12 * se, epsabs=1e-12)[0]
    assert_measure(found, "rejection", power)
    assert_measure(found, "type_s", y.cdf(-z * se) / power)
    assert_measure(found, "type_m", size / power / mu)


def dersimonian_laird_coverage(k: int, se: float, tau: float) -> float:
    """With equal standard errors the estimate is the mean, independent of the variance s2 that DL takes: one integral."""
    z, total = stats.norm.isf(0.025), se**2 + tau**2

    def given(q: float) -> float:
        s2 = total * q / (k - 1)
        return (2 * stats.norm.cdf(z * np.sqrt(max(s2, se**2) / total)) - 1) * stats.chi2.pdf(q, k - 1)

    return integrate.quad(given, 0, 400, limit=400, points=[(k - 1) * se**2 / total])[0]


@pytest.mark.parametrize(("k", "tau"), [(2, 0.0), (3, 0.2), (7, 0.0), (7, 0.6)])
def test_coverage_with_equal_standard_errors(k, tau):
    found = rows(
        truth=Truth(mu=-0.4, tau=tau), studies=Studies(outcome="estimates", k=k, se=0.2),
        estimators=("dl wald", "dl hksj", "pm hksj"),
    )  # fmt: skip
    assert_measure(found.loc["dl wald"], "coverage", dersimonian_laird_coverage(k, 0.2, tau))
    for name in ("dl hksj", "pm hksj"):
        assert_measure(found.loc[name], "coverage", 0.95)  # an ordinary t test
        half = (
            stats.t.isf(0.025, k - 1) * np.sqrt(0.04 + tau**2) / np.sqrt(k) * stats.chi(k - 1).mean() / np.sqrt(k - 1)
        )
        assert_measure(found.loc[name], "width", 2 * half)


def test_the_q_profile_interval_of_tau_covers_exactly():
    found = rows(
        "tau",
        truth=Truth(tau=0.3),
        studies=Studies(outcome="estimates", se=[0.1, 0.2, 0.5, 0.3]),
        estimators=("dl wald",),
    ).loc["dl wald"]
    assert_measure(found, "coverage", 0.95)


def test_posteriors_are_calibrated_where_truths_come_from_the_priors():
    design = Design(
        title="", seed=5, replications=6000, level=0.9,
        truth=Truth(mu="Normal(0.1, 0.4)", tau="HalfNormal(0.3)"),
        studies=Studies(outcome="estimates", se=[0.2, 0.3, 0.4]),
        priors=(BayesianModel(label="right", mu="Normal(0.1, 0.4)", tau="HalfNormal(0.3)"),),
    )  # fmt: skip
    found = simulate(design)
    for row in found.performance.to_dict("records"):
        assert_measure(row, "coverage", 0.9)
    table = found.calibration
    assert table["n"].sum() == 2 * 6000
    expected_error = np.sqrt(table["claimed"] * (1 - table["claimed"]) / table["n"])
    assert ((table["true"] - table["claimed"]).abs() < 4 * expected_error).all()
    assert len(table) == 20


def test_a_wrong_prior_is_seen_not_to_be_calibrated():
    design = Design(
        title="", seed=5, replications=4000, truth=Truth(mu="Normal(0, 0.2)", tau="HalfNormal(0.5)"),
        studies=Studies(outcome="estimates", k=3, se=0.1),
        priors=(BayesianModel(label="too sure", mu="Normal(0, 0.2)", tau="HalfNormal(0.02)"),),
    )  # fmt: skip
    table = simulate(design).calibration.query("parameter == 'mu'").set_index("bin")
    first = table.loc["0 to 0.1"]
    assert first["true"] - first["claimed"] > 10 * first["true_mcse"]


def test_one_study_has_no_knapp_hartung_interval():
    found = rows(replications=20, studies=Studies(outcome="estimates", k=1, se=0.2), estimators=("dl hksj", "dl wald"))
    assert found.loc["dl hksj", "n"] == 0
    assert found.loc["dl hksj", "failed"] == 20
    assert np.isnan(found.loc["dl hksj", "coverage"])
    assert found.loc["dl wald", "n"] == 20


def test_a_common_effect_under_heterogeneity_has_a_wrong_but_known_coverage():
    """The estimate is normal with variance sum w^2 (v + tau^2), whatever the interval says."""
    se, tau, mu = np.array([0.1, 0.3, 0.5, 0.2]), 0.25, 0.2
    weight = se**-2 / (se**-2.0).sum()
    sd, claimed = np.sqrt((weight**2 * (se**2 + tau**2)).sum()), (se**-2.0).sum() ** -0.5
    found = rows(
        truth=Truth(mu=mu, tau=tau), studies=Studies(outcome="estimates", se=se.tolist()), estimators=("fe wald",)
    ).loc["fe wald"]
    half = stats.norm.isf(0.025) * claimed
    y = stats.norm(mu, sd)
    power = y.sf(half) + y.cdf(-half)
    assert_measure(found, "coverage", 1 - 2 * stats.norm.sf(half / sd))
    assert_measure(found, "bias", 0.0)
    assert_measure(found, "empirical_se", sd)
    assert_measure(found, "rejection", power)
    assert_measure(found, "type_s", y.cdf(-half) / power)
    beyond = sd * stats.norm.pdf(half / sd) - half * stats.norm.sf(half / sd)
    assert_measure(found, "interval_score", 2 * half + 2 / 0.05 * 2 * beyond)


def test_errors_of_one_study_that_had_to_be_published():
    """Bias, coverage, and errors of sign and size by integrals over the weighted normal density."""
    mu, se, tau = 0.15, 0.3, 0.2
    z, y = stats.norm.isf(0.025), stats.norm(mu, np.hypot(se, tau))
    found = rows(
        truth=Truth(mu=mu, tau=tau), studies=Studies(outcome="estimates", k=1, se=se), estimators=("fe wald",),
        selection=Selection(cuts=[0.025, 0.5], weights=[1.0, 0.6, 0.2]),
    ).loc["fe wald"]  # fmt: skip
    pieces = ((-5.0, 0.0, 0.2), (0.0, z * se, 0.6), (z * se, 5.0, 1.0))

    def mean(f, low=-5.0, high=5.0):
        parts = [(max(low, a), min(high, b), w) for a, b, w in pieces if min(high, b) > max(low, a)]
        return sum(w * integrate.quad(lambda x: f(x) * y.pdf(x), a, b, epsabs=1e-12)[0] for a, b, w in parts)

    total = mean(np.ones_like)
    right, wrong = mean(np.ones_like, low=z * se), mean(np.ones_like, high=-z * se)
    size = mean(np.abs, low=z * se) + mean(np.abs, high=-z * se)
    assert_measure(found, "bias", mean(lambda x: x) / total - mu)
    assert_measure(found, "coverage", mean(np.ones_like, mu - z * se, mu + z * se) / total)
    assert_measure(found, "rejection", (right + wrong) / total)
    assert_measure(found, "type_s", wrong / (right + wrong))
    assert_measure(found, "type_m", size / (right + wrong) / mu)
