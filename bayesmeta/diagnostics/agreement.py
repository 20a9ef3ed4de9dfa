"""Do the two engines give the same posterior, within the Monte Carlo error of the draws?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesmeta.diagnostics.check import Check
from bayesmeta.results.meta_result import MetaResult

LIMIT = 4.0  # Monte Carlo standard errors


@dataclass(frozen=True, slots=True)
class Agreement:
    """One parameter under both engines.

    Attributes
    ----------
    parameter : str
    exact_mean, exact_sd : float
        By quadrature.
    drawn_mean, drawn_sd : float
        By NUTS.
    mean_gap, sd_gap : float
        Differences in Monte Carlo standard errors of the draws.
    """

    parameter: str
    exact_mean: float
    exact_sd: float
    drawn_mean: float
    drawn_sd: float
    mean_gap: float
    sd_gap: float


def agreement(exact: MetaResult, drawn: MetaResult) -> list[Agreement]:
    """Compare means and standard deviations of all parameters whose moments exist.

    Parameters
    ----------
    exact : MetaResult
        A fit by quadrature.
    drawn : MetaResult
        A fit of the same model to the same data by NUTS.
    """
    import arviz_stats

    found = []
    for name in exact.parameters:
        marginal, draws = exact.marginal(name), drawn.draws(name)
        mean, sd = marginal.mean(), marginal.sd()
        if not (np.isfinite(mean) and np.isfinite(sd) and np.ptp(draws) > 0):
            continue
        data = xr.Dataset({"x": (("chain", "draw"), draws)})
        errors = [float(arviz_stats.mcse(data, method=method)["x"]) for method in ("mean", "sd")]
        centre, spread = float(draws.mean()), float(draws.std(ddof=1))
        gaps = (centre - mean) / errors[0], (spread - sd) / errors[1]
        found.append(Agreement(name, mean, sd, centre, spread, *gaps))
    return found


def agreement_check(label: str, rows: list[Agreement]) -> Check:
    """Record for a report: the largest difference, which 4 Monte Carlo standard errors limit."""
    worst = max(rows, key=lambda row: max(abs(row.mean_gap), abs(row.sd_gap)))
    value = max(abs(worst.mean_gap), abs(worst.sd_gap))
    note = f"Largest difference of a mean or sd between quadrature and NUTS, in Monte Carlo errors: {worst.parameter}."
    return Check(f"{label}: engines agree", value <= LIMIT, value, LIMIT, note)
