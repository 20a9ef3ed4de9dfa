"""From an arm table to estimates: one row of `MEASURES` for each effect size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.tables import ARM_COLUMNS, TableSource, open_table
from bayesmeta.effects.binary import log_odds_ratio, log_risk_ratio, risk_difference
from bayesmeta.effects.means import mean_difference
from bayesmeta.errors import SpecificationError


@dataclass(frozen=True)
class Measure:
    """An effect size: its function, the arm columns that this takes, and whether it takes a correction."""

    function: Callable[..., tuple[NDArray[np.float64], NDArray[np.float64]]]
    columns: tuple[str, ...]
    corrected: bool = False


_COUNTS = ("events_t", "n_t", "events_c", "n_c")
MEASURES = {
    "log_or": Measure(log_odds_ratio, _COUNTS, corrected=True),
    "log_rr": Measure(log_risk_ratio, _COUNTS, corrected=True),
    "rd": Measure(risk_difference, _COUNTS, corrected=True),
    "md": Measure(mean_difference, ("mean_t", "sd_t", "n_t", "mean_c", "sd_c", "n_c")),
}


def effect_sizes(
    arms: TableSource,
    measure: str = "md",
    *,
    correction: float = 0.5,
    covariates: Sequence[str] | None = None,
) -> Estimates:
    """Compute an effect and its standard error for each study of an arm table.

    Parameters
    ----------
    arms : DataFrame, mapping of columns, or path of a CSV file
        One row for each study, with columns ``study n_t n_c`` and ``mean_t sd_t mean_c sd_c`` (for ``md``) or
        ``events_t events_c`` (for the others); ``t`` is the treatment arm, ``c`` the control arm.
    measure : str, default "md"
        ``"md"`` mean difference, ``"log_or"`` log odds ratio, ``"log_rr"`` log risk ratio, ``"rd"`` risk
        difference.
    correction : float, default 0.5
        For counts: added to all four cells of any study with an empty cell, and to no other study.
    covariates : sequence of str, optional
        Columns to keep as covariates; by default all that are neither ``study`` nor a column of an arm.

    Returns
    -------
    Estimates
        Treatment minus control: negative means a lower mean, or fewer events, under treatment.

    Raises
    ------
    DataError
        If the table cannot be right: one line with the row, the study, the values and the rule.
    SpecificationError
        If `measure` or `correction` is not allowed.

    Examples
    --------
    >>> arms = {"study": ["A", "B"], "events_t": [12, 0], "n_t": [100, 40]}
    >>> arms |= {"events_c": [24, 3], "n_c": [100, 41]}
    >>> data = effect_sizes(arms, measure="log_or")
    >>> data.y.round(4), data.se.round(4)
    (array([-0.8398, -1.9966]), array([0.3867, 1.5285]))
    """
    if measure not in MEASURES:
        raise SpecificationError(
            f"measure={measure!r} is not known; choose one of {', '.join(map(repr, MEASURES))}. (Ratios are "
            "analysed on the log scale.)"
        )
    chosen = MEASURES[measure]
    table = open_table(arms, "arm table")
    table.require("study", *chosen.columns, note=f", and measure {measure!r} needs it")
    study = table.labels()
    where = [table.where(i, study=label) for i, label in enumerate(study)]
    options = {"correction": correction} if chosen.corrected else {}
    y, se = chosen.function(*(table.numbers(name) for name in chosen.columns), where=where, **options)
    columns = table.covariates(covariates, used=("study", *ARM_COLUMNS))
    return Estimates(y, se, study, columns, measure=measure)
