"""Do two engines give the same posterior, within the Monte Carlo errors of both?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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
        Without chains, by quadrature or importance sampling.
    drawn_mean, drawn_sd : float
        By NUTS.
    mean_gap, sd_gap : float
        Differences in Monte Carlo standard errors.
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
        A fit without chains.
    drawn : MetaResult
        A fit of the same model to the same data by NUTS.
    """
    rows = []
    for name in exact.parameters:
        marginal, draws = exact.marginal(name), drawn.draws(name)
        mean, sd = marginal.mean(), marginal.sd()
        if not (np.isfinite(mean) and np.isfinite(sd) and np.ptp(draws) > 0):
            continue
        errors = np.hypot(exact.moment_errors(name), drawn.moment_errors(name))
        centre, spread = float(draws.mean()), float(draws.std(ddof=1))
        gaps = float((centre - mean) / errors[0]), float((spread - sd) / errors[1])
        rows.append(Agreement(name, mean, sd, centre, spread, *gaps))
    return rows


def agreement_check(label: str, rows: list[Agreement], engine: str) -> Check:
    """Record for a report: the largest difference from an engine without chains, which 4 Monte Carlo standard errors limit."""
    worst = max(rows, key=lambda row: max(abs(row.mean_gap), abs(row.sd_gap)))
    value = max(abs(worst.mean_gap), abs(worst.sd_gap))
    how = "importance sampling" if engine == "importance" else engine
    note = f"Largest difference of a mean or sd between {how} and NUTS, in Monte Carlo errors: {worst.parameter}."
    return Check(f"{label}: engines agree", value <= LIMIT, value, LIMIT, note)


def unchecked(label: str, fits: Mapping[str, MetaResult]) -> list[Check]:
    """Record for a report: that no model of a review, whose trials one weighted sample stands for, was sampled by NUTS too."""
    if not fits or not all(fit.quality for fit in fits.values()):
        return []
    note = (
        "Not compared: of all reviews in a report one is sampled by NUTS too, the first that importance sampling takes."
    )
    return [Check(f"{label}: engines agree", None, None, LIMIT, note)]
