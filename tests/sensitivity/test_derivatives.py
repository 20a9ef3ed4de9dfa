"""Derivatives with respect to priors, against differences of refits and a brute-force grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bayesmeta as bm

SCHOOLS = bm.load_dataset("eight_schools")
ROWS = ("probability", "mean", "sd")


def numbers(data, model, claim: str, quantity: str) -> np.ndarray:
    result = bm.fit(data, model, "quadrature", tolerance=1e-11)
    marginal = result.marginal(quantity)
    return np.array([result.probability(claim), marginal.mean(), marginal.sd()])


def assert_matches_refits(data, model, claim: str, quantity: str) -> None:
    """Every derivative by a parameter is the central difference of refits, to their own error."""
    table = bm.prior_derivatives(data, model, claim)
    seen = 0
    for row in table[table["kind"] == "parameter"].itertuples():
        prior = getattr(model, row.prior_on) if row.prior_on in ("mu", "tau") else model.beta[row.prior_on]
        step = 1e-3 * max(abs(row.value), 0.1)

        def at(shift: float, row=row, prior=prior) -> np.ndarray:
            inner = row.parameter.removeprefix("prior.")
            if inner == row.parameter:
                moved = replace(prior, **{row.parameter: row.value + shift})
            else:
                moved = bm.OnVariance(replace(prior.prior, **{inner: row.value + shift}))
            if row.prior_on in ("mu", "tau"):
                return numbers(data, replace(model, **{row.prior_on: moved}), claim, quantity)
            return numbers(data, replace(model, beta={**model.beta, row.prior_on: moved}), claim, quantity)

        want = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
        found = [getattr(row, name) for name in ROWS]
        np.testing.assert_allclose(found, want, rtol=2e-6, atol=2e-8, err_msg=f"{row.prior_on} {row.parameter}")
        seen += 1
    assert seen


@pytest.mark.parametrize(
    ("claim", "quantity"), [("mu > 5", "mu"), ("theta_new > 0", "theta_new"), ("tau < 4", "tau"), ("not mu > 5", "mu")]
)
def test_normal_priors_against_refits(claim: str, quantity: str) -> None:
    assert_matches_refits(SCHOOLS, bm.NormalNormal(mu=bm.Normal(2, 9), tau=bm.HalfNormal(6)), claim, quantity)


@pytest.mark.parametrize(
    "tau",
    [
        bm.HalfStudentT(4, 5), bm.HalfCauchy(5), bm.HalfLogistic(3), bm.Rayleigh(4), bm.Exponential(0.2), bm.Gamma(2, 0.4),
        bm.InvGamma(2, 9), bm.LogNormal(1, 0.8), bm.LogStudentT(5, 1, 0.8), bm.Lomax(4, 9), bm.OnVariance(bm.InvGamma(3, 30)),
    ],
)  # fmt: skip
def test_every_family_on_tau_against_refits(tau) -> None:
    assert_matches_refits(SCHOOLS, bm.NormalNormal(mu=bm.Normal(2, 9), tau=tau), "mu > 5", "mu")


def test_regression_and_t_priors_against_refits() -> None:
    data = bm.Estimates(
        y=[-0.9, -0.2, -0.5, 0.1, -1.4, -0.3],
        se=[0.3, 0.2, 0.4, 0.25, 0.5, 0.3],
        covariates={"crps": [1.0, 0, 1, 0, 1, 0]},
    )
    model = bm.NormalNormal(
        formula="1 + crps", mu=bm.Normal(0.2, 2), tau=bm.HalfNormal(0.4), beta={"crps": bm.StudentT(4, 0.1, 0.7)}
    )
    assert_matches_refits(data, model, "mu + crps < -0.5", "mu + crps")


def test_powers_of_priors_and_likelihood_against_a_brute_grid() -> None:
    """The posterior under each power, by summing over a fine grid of mu and log tau; no algebra of the package."""
    y, v = np.array([0.1, 0.9, 0.4]), np.array([0.2, 0.3, 0.25]) ** 2
    model = bm.NormalNormal(mu=bm.Normal(0.3, 0.8), tau=bm.HalfNormal(0.5))
    mu, u = np.linspace(-5, 5, 2001)[:, None], np.linspace(-25, 3, 701)[None, :]
    tau = np.exp(u)
    parts = {"mu": model.mu.logpdf(mu) + 0 * tau, "tau": model.tau.logpdf(tau) + 0 * mu}
    parts["likelihood"] = sum(
        -0.5 * np.log(s + tau**2) - 0.5 * (x - mu) ** 2 / (s + tau**2) for x, s in zip(y, v, strict=True)
    )

    def moments(**power: float) -> np.ndarray:
        log_density = u + sum(power.get(name, 1.0) * value for name, value in parts.items())
        weight = np.exp(log_density - log_density.max())
        weight /= weight.sum()
        by_mu = weight.sum(axis=1)
        x = mu[:, 0]
        mean = by_mu @ x
        beyond = by_mu[x > 0.2 + 1e-9].sum() + 0.5 * by_mu[np.abs(x - 0.2) < 1e-9].sum()
        return np.array([beyond, mean, np.sqrt(by_mu @ (x - mean) ** 2)])

    table = bm.prior_derivatives(bm.Estimates(y=y, se=v**0.5), model, "mu > 0.2")
    rows = table[table["kind"] == "power"]
    assert list(rows["prior_on"]) == ["tau", "mu", "likelihood"]
    for _, row in rows.iterrows():
        name, step = row["prior_on"], 1e-3
        want = (moments(**{name: 1 + step}) - moments(**{name: 1 - step})) / (2 * step)
        np.testing.assert_allclose(row[list(ROWS)].astype(float), want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "claim", "message"),
    [
        (bm.NormalNormal(tau=bm.HalfNormal(1)), "mu > 0 and tau < 1", "one comparison"),
        (bm.NormalNormal(tau=bm.HalfNormal(1)), "mu * mu > 1", "one comparison"),
        (
            bm.NormalNormal(tau=bm.HalfNormal(1), mu=bm.Mixture([(1, bm.Normal(0, 1)), (1, bm.Normal(0, 2))])),
            "mu > 0",
            "mu is",
        ),
        (bm.NormalNormal(tau=bm.Mixture([(1, bm.PointMass(0)), (1, bm.HalfNormal(1))])), "mu > 0", "tau is"),
    ],
)
def test_refusals(model, claim: str, message: str) -> None:
    with pytest.raises(bm.SpecificationError, match=message):
        bm.prior_derivatives(SCHOOLS, model, claim)
