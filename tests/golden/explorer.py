"""Write explorer.json: posteriors by bayesmeta's quadrature engine that the page of `bayesmeta explore` has to reproduce."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import bayesmeta as bm
from bayesmeta.sensitivity.explorer_numbers import explorer_numbers

FILE = Path(__file__).parent / "explorer.json"
TOLERANCE = 1e-12
LEVELS = (0.025, 0.5, 0.975)
MU = bm.Normal(0, 2)
SCALES = [
    bm.HalfNormal(0.5), bm.HalfNormal(1e-4), bm.HalfNormal(50), bm.HalfCauchy(0.5), bm.HalfCauchy(5), bm.Exponential(2),
    bm.Exponential(0.05), bm.Uniform(0, 4), bm.Uniform(0, 0.05), bm.Uniform(0.1, 0.4), bm.HalfStudentT(3, 0.4),
    bm.HalfStudentT(4, 2), bm.HalfLogistic(0.6), bm.Rayleigh(0.5), bm.Gamma(2, 4), bm.InvGamma(1.71, 0.4), bm.InvGamma(1, 0.15),
    bm.Lomax(2, 0.3), bm.LogNormal(-1.28, 0.87), bm.LogNormal(-5, 0.1), bm.LogStudentT(5, -1.495, 1.08),
    bm.OnVariance(bm.LogNormal(-2.56, 1.74)), bm.OnVariance(bm.LogStudentT(5, -3.44, 2.59)), bm.OnVariance(bm.Uniform(0, 1)),
    bm.UniformShrinkage(), bm.DuMouchel(), bm.ImproperUniform(), bm.SqrtUniform(), bm.PointMass(0), bm.PointMass(0.3),
]  # fmt: skip
LOCATIONS = [bm.Flat(), bm.Normal(0, 0.1), bm.Normal(3, 0.2), bm.Cauchy(0, 0.707), bm.StudentT(5, 0, 0.43)]
UNEQUAL = [(1e-6, 1e-5), (1e-6, 1.0), (1e3, 1e5), (1e-4, 1e4)]


def studies(rng: np.random.Generator, k: int, low: float = 0.1, high: float = 0.5, **covariates: Any) -> bm.Estimates:
    """Simulated studies with standard errors in a range."""
    se = rng.uniform(low, high, k)
    effects = -0.4 - 0.02 * covariates.get("x", 0.0)
    y = rng.normal(effects, np.hypot(se, 0.3))
    return bm.Estimates(y=y.round(9), se=se.round(9), covariates=covariates or None)


def problems() -> Iterator[tuple[str, bm.Estimates, Any, float]]:
    """Name, data, model and threshold."""
    rng = np.random.default_rng(20261201)
    for tau in SCALES:
        for k in (3, 13):
            yield f"{tau}, {k} studies", studies(rng, k), bm.NormalNormal(mu=MU, tau=tau), -0.2
    for mu in LOCATIONS:
        for k in (2, 5, 50) if mu.is_normal or not mu.is_proper else (2, 50):
            tau = bm.HalfNormal(0.5) if k == 5 else bm.HalfCauchy(0.3)
            yield f"mu ~ {mu}, {k} studies", studies(rng, k), bm.NormalNormal(mu=mu, tau=tau), 0.1
    for low, high in UNEQUAL:
        for scale in (0.5, 1e4):
            model = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(scale))
            yield f"standard errors {low:g} to {high:g}, HalfNormal({scale:g})", studies(rng, 7, low, high), model, -0.3
    for k in (2, 8, 30):
        x, group = rng.uniform(10, 60, k).round(3), rng.normal(0, 1, k).round(3)
        data, tau = studies(rng, k, x=x, g=group), bm.HalfCauchy(0.5)
        both = {"x": bm.Normal(0, 1), "g": bm.Normal(0.1, 0.3)}
        yield (
            f"1 + x, {k} studies",
            data,
            bm.NormalNormal(formula="1 + x", mu=MU, tau=tau, beta={"x": bm.Normal(0, 0.1)}),
            0.0,
        )
        yield f"1 + x + g, {k} studies", data, bm.NormalNormal(formula="1 + x + g", mu=MU, tau=tau, beta=both), 0.0
        if k == 8:
            heavy = {"x": bm.StudentT(4, 0, 0.1)}
            yield (
                f"1 + x, t prior, {k} studies",
                data,
                bm.NormalNormal(formula="1 + x", mu=MU, tau=tau, beta=heavy),
                0.0,
            )
        if k > 3:
            yield f"1 + x + g, flat, {k} studies", data, bm.NormalNormal(formula="1 + x + g", tau=tau), 0.0
            yield f"0 + x, {k} studies", data, bm.NormalNormal(formula="0 + x", tau=tau), -0.02
    two_modes = bm.Estimates(y=rng.normal(0, 0.1, 10).round(9), se=[0.1] * 10)
    yield "two modes of tau", two_modes, bm.NormalNormal(mu=MU, tau=bm.LogNormal(-5, 0.1)), 0.0
    steep = bm.Estimates(y=rng.normal(0, 0.3, 40).round(9), se=[0.1] * 40)
    yield "a steep prior", steep, bm.NormalNormal(mu=MU, tau=bm.Lomax(6.8, 1e-6)), 0.0
    arms = bm.Estimates(
        y=[-0.5, -0.2, -0.7],
        cov=[[0.1, 0.05, 0], [0.05, 0.12, 0], [0, 0, 0.08]],
        study=["A1", "A2", "B"],
        covariates={"trial": ["A", "A", "B"]},
    )
    yield (
        "a trial of three arms",
        arms,
        bm.NormalNormal(mu=MU, tau=bm.HalfNormal(0.5), between=bm.MultiArm("trial")),
        -0.1,
    )


def answers(result: bm.MetaResult, threshold: float) -> dict[str, Any]:
    """What the page has to answer, null where there is no moment."""
    found = {}
    for name in result.parameters:
        m = result.marginal(name)
        moments = [value if math.isfinite(value) else None for value in (m.mean(), m.sd())]
        quantiles = [float(q) for q in np.asarray(m.ppf(LEVELS))]
        below = None if name == "tau" else float(m.cdf(threshold))
        found[name] = {"mean": moments[0], "sd": moments[1], "quantiles": quantiles, "below": below}
    return found


def main() -> None:
    """Write the file."""
    cases = []
    for name, data, model, threshold in problems():
        result = bm.fit(data, model, "quadrature", tolerance=TOLERANCE)
        numbers = explorer_numbers(result)
        assert numbers is not None, name
        assert numbers["kind"] == "exact", name
        cases.append({"name": name, "model": numbers, "threshold": threshold, "answers": answers(result, threshold)})
    source = f"tests/golden/explorer.py, quadrature engine of bayesmeta, nodes doubled to {TOLERANCE:g}"
    rows = ",\n".join(json.dumps(case, allow_nan=False, separators=(",", ":")) for case in cases)
    FILE.write_text(
        f'{{"source": "{source}", "levels": {json.dumps(LEVELS)}, "cases": [\n{rows}\n]}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main()
