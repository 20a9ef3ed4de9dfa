"""Write docs/accuracy.md: how far the quadrature engine, and R's bayesmeta, are from the reference posteriors.

Run as `.venv/bin/python scripts/accuracy-table.py` after a change of the engine or of tests/golden.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import bayesmeta as bm

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = {
    "halfnormal": lambda p: bm.HalfNormal(p["scale"]),
    "halfcauchy": lambda p: bm.HalfCauchy(p["scale"]),
    "halft": lambda p: bm.HalfStudentT(p["df"], p["scale"]),
    "halflogistic": lambda p: bm.HalfLogistic(p["scale"]),
    "rayleigh": lambda p: bm.Rayleigh(p["scale"]),
    "uniform": lambda p: bm.ImproperUniform() if p["upper"] is None else bm.Uniform(p["lower"], p["upper"]),
    "exponential": lambda p: bm.Exponential(p["rate"]),
    "lognormal": lambda p: bm.LogNormal(p["meanlog"], p["sdlog"]),
    "logstudentt": lambda p: bm.LogStudentT(p["df"], p["location"], p["scale"]),
    "lomax": lambda p: bm.Lomax(p["shape"], p["scale"]),
    "invgamma_on_tau2": lambda p: bm.OnVariance(bm.InvGamma(p["shape"], p["scale"])),
    "jeffreys": lambda _: bm.Jeffreys(), "overalljeffreys": lambda _: bm.OverallJeffreys(),
    "sqrt": lambda _: bm.SqrtUniform(), "dumouchel": lambda _: bm.DuMouchel(),
    "shrinkage": lambda _: bm.UniformShrinkage(), "i2": lambda _: bm.ISquared(),
    "bergerdeely": lambda _: bm.BergerDeely(), "conventional": lambda _: bm.Conventional(),
}  # fmt: skip


def errors(found: dict[str, Any], exact: dict[str, Any]) -> Iterator[float]:
    """Differences of median, mean, sd and central interval, in units of the interval's width over 3.92."""
    unit = (exact["central"][1] - exact["central"][0]) / 3.92
    for key in ("median", "mean", "sd"):
        if found.get(key) is not None and exact[key] is not None and np.isfinite(found[key]):
            yield abs(found[key] - exact[key]) / unit
    for ours, theirs in zip(found.get("central") or [], exact["central"], strict=False):
        yield abs(ours - theirs) / unit


def numbers(marginal: Any) -> dict[str, Any]:
    return {
        "median": marginal.median(), "mean": marginal.mean(), "sd": marginal.sd(), "central": marginal.interval(0.95, "eti"),
    }  # fmt: skip


def rows() -> Iterator[str]:
    for path in sorted((ROOT / "tests" / "golden").glob("bayesmeta_*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        data = bm.Estimates(y=content["y"], se=content["sigma"])
        for case in content["cases"]:
            mu = (
                bm.Flat()
                if case["mu_prior"]["family"] == "uniform"
                else bm.Normal(case["mu_prior"]["mean"], case["mu_prior"]["sd"])
            )
            tau = FAMILIES[case["tau_prior"]["family"]](case["tau_prior"])
            result = bm.fit(data, bm.NormalNormal(mu=mu, tau=tau), "quadrature")
            summary, peer = case["exact"]["summary"], (case.get("peer") or {}).get("summary") or {}
            ours = max(e for name in summary for e in errors(numbers(result.marginal(name)), summary[name]))
            theirs = [e for name in summary if name in peer for e in errors(peer[name], summary[name])]
            shown = f"{max(theirs):.0e}" if theirs else "failed"
            yield f"| {content['dataset']} | {data.n_studies} | `{tau}` | `{mu}` | {ours:.0e} | {shown} |"


def main() -> None:
    lines = [
        "| data | studies | prior on tau | prior on mu | ours | R's bayesmeta |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows(),
    ]
    (ROOT / "docs" / "accuracy.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
