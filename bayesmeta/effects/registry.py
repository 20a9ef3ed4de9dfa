"""The measures by name: which function computes each, from which columns, with which options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects.association import (
    phi_coefficient,
    smd_from_odds_ratio,
    smd_from_odds_ratio_normal,
    yules_q,
    yules_y,
)
from bayesmeta.effects.binary import (
    arcsine_risk_difference,
    log_odds_ratio,
    log_risk_ratio,
    peto_log_odds_ratio,
    risk_difference,
)
from bayesmeta.effects.change import change_difference, change_smd
from bayesmeta.effects.correlations import correlation, fisher_z, unbiased_correlation
from bayesmeta.effects.hazards import log_hazard_ratio
from bayesmeta.effects.means import log_ratio_of_means, mean_difference
from bayesmeta.effects.paired import (
    paired_log_ratio_of_means,
    paired_mean_difference,
    paired_smd,
    paired_smd_of_change,
)
from bayesmeta.effects.paired_counts import paired_log_odds_ratio, paired_log_risk_ratio, paired_risk_difference
from bayesmeta.effects.proportions import (
    arcsine_proportion,
    double_arcsine_proportion,
    log_proportion,
    logit_proportion,
    proportion,
)
from bayesmeta.effects.rates import (
    incidence_rate,
    incidence_rate_difference,
    log_incidence_rate,
    log_incidence_rate_ratio,
)
from bayesmeta.effects.single_means import log_mean, single_mean
from bayesmeta.effects.standardized import (
    cohens_d,
    glass_delta,
    glass_delta_unequal,
    smd_unequal,
    standardized_mean_difference,
)
from bayesmeta.effects.variability import log_coefficient_of_variation_ratio, log_variability_ratio
from bayesmeta.errors import SpecificationError, did_you_mean

type EffectFunction = Callable[..., tuple[NDArray[np.float64], NDArray[np.float64]]]


@dataclass(frozen=True)
class Measure:
    """An effect size.

    Parameters
    ----------
    function : callable
        From columns to `y` and `se`.
    columns : tuple of str
        The columns that it takes, in order.
    peer : str, optional
        What R's metafor calls it, where it has it.
    options : tuple of str
        The keywords that `function` takes besides ``where``.
    shared : str, optional
        How contrasts with one arm in common covary: ``"additive"`` where the variance is a sum over arms,
        ``"standardised"`` for a difference in pooled standard deviations.
    """

    function: EffectFunction
    columns: tuple[str, ...]
    peer: str | None = None
    options: tuple[str, ...] = ()
    shared: str | None = None

    @property
    def two_arms(self) -> bool:
        """Whether each column belongs to the treatment arm or to the control arm."""
        return all(name.endswith(("_t", "_c")) for name in self.columns)

    @property
    def arm_columns(self) -> tuple[str, ...]:
        """The columns of a table with one arm in each row, for a measure of two arms."""
        return tuple(name[:-2] for name in self.columns if name.endswith("_t"))


_COUNTS = ("events_t", "n_t", "events_c", "n_c")
_MEANS = ("mean_t", "sd_t", "n_t", "mean_c", "sd_c", "n_c")
_SPREAD = ("sd_t", "n_t", "sd_c", "n_c")
_CHANGE = (
    "mean_pre_t", "sd_pre_t", "mean_post_t", "sd_post_t", "n_t", "mean_pre_c", "sd_pre_c", "mean_post_c", "sd_post_c", "n_c",
)  # fmt: skip
_PAIRED = ("mean_t", "sd_t", "mean_c", "sd_c", "n")
_PAIRS = ("both", "only_t", "only_c", "neither")
_RATES = ("events_t", "time_t", "events_c", "time_c")
_CORRECTED = ("correction", "to")
_ADD, _STD = "additive", "standardised"

MEASURES = {
    "md": Measure(mean_difference, _MEANS, "MD", shared=_ADD),
    "smd": Measure(standardized_mean_difference, _MEANS, "SMD", shared=_STD),
    "rom": Measure(log_ratio_of_means, _MEANS, "ROM", shared=_ADD),
    "log_or": Measure(log_odds_ratio, _COUNTS, "OR", _CORRECTED, _ADD),
    "log_rr": Measure(log_risk_ratio, _COUNTS, "RR", _CORRECTED, _ADD),
    "rd": Measure(risk_difference, _COUNTS, "RD", _CORRECTED, _ADD),
    "arcsine_rd": Measure(arcsine_risk_difference, _COUNTS, "AS", _CORRECTED, _ADD),
    "peto_log_or": Measure(peto_log_odds_ratio, _COUNTS, "PETO", _CORRECTED),
    "log_irr": Measure(log_incidence_rate_ratio, _RATES, "IRR", _CORRECTED, _ADD),
    "ird": Measure(incidence_rate_difference, _RATES, "IRD", _CORRECTED, _ADD),
    "prop": Measure(proportion, ("events", "n"), "PR", _CORRECTED),
    "logit_prop": Measure(logit_proportion, ("events", "n"), "PLO", _CORRECTED),
    "log_prop": Measure(log_proportion, ("events", "n"), "PLN", _CORRECTED),
    "arcsine_prop": Measure(arcsine_proportion, ("events", "n"), "PAS", _CORRECTED),
    "double_arcsine_prop": Measure(double_arcsine_proportion, ("events", "n"), "PFT", _CORRECTED),
    "fisher_z": Measure(fisher_z, ("r", "n"), "ZCOR"),
    "correlation": Measure(correlation, ("r", "n"), "COR"),
    "correlation_unbiased": Measure(unbiased_correlation, ("r", "n"), "UCOR"),
    "smd_cohen": Measure(cohens_d, _MEANS, shared=_STD),
    "smd_glass": Measure(glass_delta, _MEANS, "SMD1"),
    "smd_glass_unequal": Measure(glass_delta_unequal, _MEANS, "SMD1H"),
    "smd_unequal": Measure(smd_unequal, _MEANS, "SMDH"),
    "log_vr": Measure(log_variability_ratio, _SPREAD, "VR", shared=_ADD),
    "log_cvr": Measure(log_coefficient_of_variation_ratio, _MEANS, "CVR", shared=_ADD),
    "md_change": Measure(change_difference, _CHANGE, options=("correlation",), shared=_ADD),
    "smd_change": Measure(change_smd, _CHANGE, options=("correlation",)),
    "md_paired": Measure(paired_mean_difference, _PAIRED, "MC", ("correlation",)),
    "smd_paired": Measure(paired_smd, _PAIRED, "SMCR", ("correlation",)),
    "smd_paired_change": Measure(paired_smd_of_change, _PAIRED, "SMCC", ("correlation",)),
    "rom_paired": Measure(paired_log_ratio_of_means, _PAIRED, "ROMC", ("correlation",)),
    "log_or_paired": Measure(paired_log_odds_ratio, _PAIRS, "MPORC", _CORRECTED),
    "log_rr_paired": Measure(paired_log_risk_ratio, _PAIRS, "MPRR", _CORRECTED),
    "rd_paired": Measure(paired_risk_difference, _PAIRS, "MPRD", _CORRECTED),
    "phi": Measure(phi_coefficient, _COUNTS, "PHI", _CORRECTED),
    "yule_q": Measure(yules_q, _COUNTS, "YUQ", _CORRECTED),
    "yule_y": Measure(yules_y, _COUNTS, "YUY", _CORRECTED),
    "or_to_smd": Measure(smd_from_odds_ratio, _COUNTS, "OR2DL", _CORRECTED),
    "or_to_smd_normal": Measure(smd_from_odds_ratio_normal, _COUNTS, "OR2DN", _CORRECTED),
    "rate": Measure(incidence_rate, ("events", "time"), "IR", _CORRECTED),
    "log_rate": Measure(log_incidence_rate, ("events", "time"), "IRLN", _CORRECTED),
    "mean": Measure(single_mean, ("mean", "sd", "n"), "MN"),
    "log_mean": Measure(log_mean, ("mean", "sd", "n"), "MNLN"),
    "log_hr": Measure(log_hazard_ratio, ("estimate", "lower", "upper"), options=("level",)),
}


def measure_named(name: str) -> Measure:
    """Return a measure, or refuse a name that is none, with the nearest that is one."""
    if name in MEASURES:
        return MEASURES[name]
    ours = {measure.peer: key for key, measure in MEASURES.items() if measure.peer}
    hint = f" Did you mean {ours[name]!r}?" if name in ours else did_you_mean(name, MEASURES)
    raise SpecificationError(
        f"measure={name!r} is not known.{hint} Choose one of {', '.join(map(repr, MEASURES))}. (Ratios are analysed "
        "on the log scale.)"
    )
