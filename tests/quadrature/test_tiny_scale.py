"""Data at the scale of 1e-6 under priors of scale 0.5, against mpmath with 30 digits.

The golden file's standard deviations are off by 8e-6 in this case.
"""

from __future__ import annotations

import json
from pathlib import Path

import mpmath
import numpy as np
import pytest

import bayesmeta as bm

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "edge_cases.json").read_text("utf-8"))
CASES = {c["tau_prior"]["family"]: c for c in GOLDEN["cases"] if c["id"] == "tiny_scale"}


def _reference(case, density):
    """Log evidence, and mean and sd of tau, mu and a new study's effect; tau = 1e-6 exp(u)."""
    y = [mpmath.mpf(repr(v)) for v in case["y"]]
    s2 = [mpmath.mpf(repr(v)) ** 2 for v in case["sigma"]]
    prior_mean, prior_sd = mpmath.mpf(case["mu_prior"]["mean"]), mpmath.mpf(case["mu_prior"]["sd"])

    def terms(u):
        tau = mpmath.mpf("1e-6") * mpmath.exp(u)
        w = [1 / (v + tau**2) for v in s2]
        precision = sum(w) + prior_sd**-2
        mean = (sum(a * b for a, b in zip(w, y, strict=True)) + prior_mean / prior_sd**2) / precision
        square = sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True)) + ((prior_mean - mean) / prior_sd) ** 2
        log_density = sum(mpmath.log(a) for a in w) - mpmath.log(precision) - 2 * mpmath.log(prior_sd) - square
        joint = mpmath.exp(log_density / 2) * (2 * mpmath.pi) ** (-mpmath.mpf(len(y)) / 2) * density(tau) * tau
        return joint, tau, mean, 1 / precision

    with mpmath.workdps(30):  # the trapezoid rule on the line: its error is exp(-pi^2 / step), 1e-34
        nodes = [terms(mpmath.mpf(i) / 8) for i in range(-480, 321)]
        total = sum(q for q, *_ in nodes)
        found = {"log_evidence": float(mpmath.log(total / 8))}
        for name, first, second in (
            ("tau", lambda t, m, v: t, lambda t, m, v: t**2),
            ("mu", lambda t, m, v: m, lambda t, m, v: v + m**2),
            ("theta_new", lambda t, m, v: m, lambda t, m, v: v + t**2 + m**2),
        ):
            mean = sum(q * first(*rest) for q, *rest in nodes) / total
            square = sum(q * second(*rest) for q, *rest in nodes) / total
            found[name] = (float(mean), float(mpmath.sqrt(square - mean**2)))
    return found


@pytest.mark.parametrize(
    ("family", "prior", "density", "sd_of_tau"),
    [
        (
            "halfnormal",
            bm.HalfNormal(0.5),
            lambda t: mpmath.sqrt(8 / mpmath.pi) * mpmath.exp(-2 * t**2),
            7.28909307685e-6,
        ),
        ("halfcauchy", bm.HalfCauchy(0.5), lambda t: 4 / mpmath.pi / (1 + 4 * t**2), 7.2695835413e-6),
    ],
)
def test_moments_are_those_of_mpmath(family, prior, density, sd_of_tau):
    case = CASES[family]
    want = _reference(case, density)
    assert want["tau"][1] == pytest.approx(sd_of_tau, rel=1e-11)
    result = bm.fit(bm.Estimates(case["y"], case["sigma"]), bm.NormalNormal(mu=bm.Normal(0, 10), tau=prior))
    for name in ("tau", "mu", "theta_new"):
        marginal = result.marginal(name)
        np.testing.assert_allclose((marginal.mean(), marginal.sd()), want[name], rtol=1e-10, err_msg=name)
    assert result.log_marginal_likelihood == pytest.approx(want["log_evidence"], rel=1e-12)
