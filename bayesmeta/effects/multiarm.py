"""Contrasts of one study that share its reference arm: effects with their block covariance.

The sampling error of the reference arm is in each of the study's contrasts. Where the variance of a contrast is
a sum over its two arms, the covariance of two contrasts is the reference arm's own term (Franchini, Dias, Ades,
Jansen & Welton 2012, Res. Synth. Methods 3:142-160, doi:10.1002/jrsm.1049). Standardised differences share the
standard deviation too (Gleser & Olkin 2009, in The Handbook of Research Synthesis and Meta-Analysis, 2nd ed.,
357-376).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects._arms import Floats, added_to
from bayesmeta.effects._hedges import hedges_factor
from bayesmeta.effects.contrasts import Contrasts
from bayesmeta.effects.corrections import zero_cells
from bayesmeta.effects.registry import Measure


def additive_effects(
    contrasts: Contrasts, measure: Measure, options: Mapping[str, Any]
) -> tuple[Floats, NDArray[np.float64]]:
    """Return effects and covariance for a measure whose variance is a sum over the two arms.

    A correction goes to every arm of a study in which one has a zero cell: the reference arm is then the same
    in each contrast.
    """
    x, options = contrasts.columns, whole_study_options(contrasts, measure, options)
    where = contrasts.where
    y, se = measure.function(*(x[name] for name in measure.columns), where=where, **options)
    reference = (x[name[:-2] + "_c"] for name in measure.columns)
    _, se_shared = measure.function(*reference, where=where, **options)  # the reference arm versus itself
    return y, _covariance(contrasts.study, se**2, se_shared**2 / 2)


def standardised_effects(contrasts: Contrasts, *, corrected: bool) -> tuple[Floats, NDArray[np.float64]]:
    """Return differences in standard deviations pooled over all arms of a study, and their covariance.

    Parameters
    ----------
    contrasts : Contrasts
        With the columns of `mean_difference`.
    corrected : bool
        Whether Hedges' factor is applied, with the degrees of freedom of all arms.
    """
    x, study = contrasts.columns, contrasts.study
    _, first = np.unique(study, return_index=True)
    df = np.bincount(study, x["n_t"] - 1) + (x["n_c"] - 1)[first]
    squares = np.bincount(study, (x["n_t"] - 1) * x["sd_t"] ** 2) + ((x["n_c"] - 1) * x["sd_c"] ** 2)[first]
    n = (np.bincount(study, x["n_t"]) + x["n_c"][first])[study]
    y = (x["mean_t"] - x["mean_c"]) / np.sqrt(squares / df)[study]
    if corrected:
        y = y * hedges_factor(df)[study]
    v = 1 / x["n_t"] + 1 / x["n_c"] + y**2 / (2 * n)
    return y, _covariance(study, v, 1 / x["n_c"], y / np.sqrt(2 * n))


def _covariance(study: NDArray[np.intp], v: Floats, shared: Floats, loading: Floats | None = None) -> Floats:
    """Return variances `v` on the diagonal, and within a study what its contrasts share beside it."""
    within = shared[:, None] * (study[:, None] == study)
    if loading is not None:
        within += np.outer(loading, loading) * (study[:, None] == study)
    np.fill_diagonal(within, v)
    return np.asarray(within, dtype=np.float64)


def whole_study_options(contrasts: Contrasts, measure: Measure, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that correct all contrasts of a study, or none of them, and say which."""
    if "correction" not in measure.options or contrasts.largest == 1:
        return dict(options)
    x = contrasts.columns
    in_study = np.bincount(contrasts.study, zero_cells(x, measure))[contrasts.study] > 0
    return {**options, "correction": added_to(in_study, options["correction"], options["to"]), "to": "all"}
