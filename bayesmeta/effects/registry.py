"""The measures by name: what each is computed from, what it is called, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects._formula import EffectFunction
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
from bayesmeta.effects.display import Display, Scale
from bayesmeta.effects.hazards import log_hazard_ratio
from bayesmeta.effects.means import log_ratio_of_means, mean_difference
from bayesmeta.effects.paired import (
    paired_log_ratio_of_means,
    paired_mean_difference,
    paired_smd,
    paired_smd_after,
    paired_smd_average,
    paired_smd_of_change,
    paired_smd_pooled,
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
from bayesmeta.effects.treated_risk import (
    by_arcsine_difference,
    by_hazard_ratio,
    by_odds_ratio,
    by_risk_difference,
    by_risk_ratio,
)
from bayesmeta.effects.variability import log_coefficient_of_variation_ratio, log_variability_ratio
from bayesmeta.errors import SpecificationError, did_you_mean

type TreatedRisk = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

_NO_RISKS = "its effects are not of risks"
_ONE_GROUP = "it compares no treatments"
_BY_ODDS = "measure log_or, of the same counts, gives it"


@dataclass(frozen=True)
class Measure:
    """An effect size.

    Parameters
    ----------
    function : callable
        From columns to `y` and `se`.
    columns : tuple of str
        The columns that it takes, in order.
    display : Display
        What its values are called, and how they are read.
    peer : str, optional
        What R's metafor calls it, where it has it.
    options : tuple of str
        The keywords that `function` takes besides ``where``.
    shared : str, optional
        How contrasts with one arm in common covary: ``"additive"`` where the variance is a sum over arms,
        ``"standardised"`` for a difference in pooled standard deviations.
    risk : callable or str
        From a baseline risk and an effect to the risk under treatment, or why there is no such road.
    """

    function: EffectFunction
    columns: tuple[str, ...]
    display: Display
    peer: str | None = None
    options: tuple[str, ...] = ()
    shared: str | None = None
    risk: TreatedRisk | str = _NO_RISKS

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
_R = ("correlation",)
_ADD, _STD = "additive", "standardised"


def _difference(label: str) -> Display:
    return Display(label, label)


def _ratio(label: str) -> Display:
    return Display(label, f"log {label}", "exp", 1.0)


def _level(label: str, analysis: str | None = None, scale: Scale = "identity") -> Display:
    """Of one group, where no value means no effect."""
    return Display(label, analysis or label, scale, None)


MEASURES = {
    "md": Measure(mean_difference, _MEANS, _difference("mean difference"), "MD", shared=_ADD),
    "smd": Measure(
        standardized_mean_difference, _MEANS, _difference("standardised mean difference"), "SMD", shared=_STD
    ),
    "rom": Measure(log_ratio_of_means, _MEANS, _ratio("ratio of means"), "ROM", shared=_ADD),
    "log_or": Measure(log_odds_ratio, _COUNTS, _ratio("odds ratio"), "OR", _CORRECTED, _ADD, by_odds_ratio),
    "log_rr": Measure(log_risk_ratio, _COUNTS, _ratio("risk ratio"), "RR", _CORRECTED, _ADD, by_risk_ratio),
    "rd": Measure(risk_difference, _COUNTS, _difference("risk difference"), "RD", _CORRECTED, _ADD, by_risk_difference),
    "arcsine_rd": Measure(
        arcsine_risk_difference, _COUNTS, _difference("arcsine risk difference"), "AS", _CORRECTED, _ADD,
        by_arcsine_difference,
    ),
    "peto_log_or": Measure(
        peto_log_odds_ratio, _COUNTS, _ratio("Peto odds ratio"), "PETO", _CORRECTED, risk=by_odds_ratio
    ),
    "log_irr": Measure(
        log_incidence_rate_ratio, _RATES, _ratio("incidence rate ratio"), "IRR", _CORRECTED, _ADD,
        "it compares rates, and a risk also needs the time at risk",
    ),
    "ird": Measure(
        incidence_rate_difference, _RATES, _difference("incidence rate difference"), "IRD", _CORRECTED, _ADD,
        "it compares rates, and a risk also needs the time at risk",
    ),
    "prop": Measure(proportion, ("events", "n"), _level("proportion"), "PR", _CORRECTED, risk=_ONE_GROUP),
    "logit_prop": Measure(
        logit_proportion, ("events", "n"), _level("proportion", "log odds", "expit"), "PLO", _CORRECTED, risk=_ONE_GROUP
    ),
    "log_prop": Measure(
        log_proportion, ("events", "n"), _level("proportion", "log proportion", "exp"), "PLN", _CORRECTED, risk=_ONE_GROUP
    ),
    "arcsine_prop": Measure(
        arcsine_proportion, ("events", "n"), _level("proportion", "arcsine proportion", "sin_squared"), "PAS",
        _CORRECTED, risk=_ONE_GROUP,
    ),
    "double_arcsine_prop": Measure(
        double_arcsine_proportion, ("events", "n"), _level("proportion", "double arcsine proportion", "double_arcsine"),
        "PFT", _CORRECTED, risk=_ONE_GROUP,
    ),
    "fisher_z": Measure(fisher_z, ("r", "n"), Display("correlation", "Fisher's z", "tanh"), "ZCOR"),
    "correlation": Measure(correlation, ("r", "n"), _difference("correlation"), "COR"),
    "correlation_unbiased": Measure(unbiased_correlation, ("r", "n"), _difference("correlation"), "UCOR"),
    "smd_cohen": Measure(cohens_d, _MEANS, _difference("standardised mean difference (Cohen's d)"), shared=_STD),
    "smd_glass": Measure(glass_delta, _MEANS, _difference("standardised mean difference (Glass' delta)"), "SMD1"),
    "smd_glass_unequal": Measure(
        glass_delta_unequal, _MEANS, _difference("standardised mean difference (Glass' delta, unequal variances)"), "SMD1H"
    ),
    "smd_unequal": Measure(
        smd_unequal, _MEANS, _difference("standardised mean difference (unequal variances)"), "SMDH"
    ),
    "log_vr": Measure(log_variability_ratio, _SPREAD, _ratio("variability ratio"), "VR", shared=_ADD),
    "log_cvr": Measure(
        log_coefficient_of_variation_ratio, _MEANS, _ratio("coefficient of variation ratio"), "CVR", shared=_ADD
    ),
    "md_change": Measure(
        change_difference, _CHANGE, _difference("difference of changes from baseline"), options=_R, shared=_ADD
    ),
    "smd_change": Measure(
        change_smd, _CHANGE, _difference("standardised difference of changes from baseline"), options=_R
    ),
    "md_paired": Measure(paired_mean_difference, _PAIRED, _difference("paired mean difference"), "MC", _R),
    "smd_paired": Measure(paired_smd, _PAIRED, _difference("paired standardised mean difference"), "SMCR", _R),
    "smd_paired_after": Measure(
        paired_smd_after, _PAIRED, _difference("paired mean difference in SDs after treatment"), options=_R
    ),
    "smd_paired_pooled": Measure(
        paired_smd_pooled, _PAIRED, _difference("paired mean difference in pooled SDs"), options=_R
    ),
    "smd_paired_average": Measure(
        paired_smd_average, _PAIRED, _difference("paired mean difference in averages of both SDs"), options=_R
    ),
    "smd_paired_change": Measure(
        paired_smd_of_change, _PAIRED, _difference("paired mean difference in SDs of the change"), "SMCC", _R
    ),
    "rom_paired": Measure(paired_log_ratio_of_means, _PAIRED, _ratio("ratio of paired means"), "ROMC", _R),
    "log_or_paired": Measure(
        paired_log_odds_ratio, _PAIRS, _ratio("conditional odds ratio"), "MPORC", _CORRECTED,
        risk="its odds ratio holds within pairs, not between the risks of two groups",
    ),
    "log_rr_paired": Measure(
        paired_log_risk_ratio, _PAIRS, _ratio("paired risk ratio"), "MPRR", _CORRECTED, risk=by_risk_ratio
    ),
    "rd_paired": Measure(
        paired_risk_difference, _PAIRS, _difference("paired risk difference"), "MPRD", _CORRECTED, risk=by_risk_difference
    ),
    "phi": Measure(phi_coefficient, _COUNTS, _difference("phi coefficient"), "PHI", _CORRECTED, risk=_BY_ODDS),
    "yule_q": Measure(yules_q, _COUNTS, _difference("Yule's Q"), "YUQ", _CORRECTED, risk=_BY_ODDS),
    "yule_y": Measure(yules_y, _COUNTS, _difference("Yule's Y"), "YUY", _CORRECTED, risk=_BY_ODDS),
    "or_to_smd": Measure(
        smd_from_odds_ratio, _COUNTS, _difference("standardised mean difference from an odds ratio"), "OR2DL", _CORRECTED,
        risk=_BY_ODDS,
    ),
    "or_to_smd_normal": Measure(
        smd_from_odds_ratio_normal, _COUNTS, _difference("standardised mean difference from an odds ratio (probit)"),
        "OR2DN", _CORRECTED, risk=_BY_ODDS,
    ),
    "rate": Measure(incidence_rate, ("events", "time"), _level("incidence rate"), "IR", _CORRECTED, risk=_ONE_GROUP),
    "log_rate": Measure(
        log_incidence_rate, ("events", "time"), _level("incidence rate", "log incidence rate", "exp"), "IRLN", _CORRECTED,
        risk=_ONE_GROUP,
    ),
    "mean": Measure(single_mean, ("mean", "sd", "n"), _level("mean"), "MN", risk=_ONE_GROUP),
    "log_mean": Measure(log_mean, ("mean", "sd", "n"), _level("mean", "log mean", "exp"), "MNLN", risk=_ONE_GROUP),
    "log_hr": Measure(
        log_hazard_ratio, ("estimate", "lower", "upper"), _ratio("hazard ratio"), options=("level",), risk=by_hazard_ratio
    ),
}  # fmt: skip

# As measures on the command line and in analysis files: estimates as printed, of something that is not stated.
REPORTED = {"reported": Display("effect", "effect"), "reported_ratio": Display("ratio", "log ratio", "exp", 1.0)}


def specific(measure: str | None) -> str | None:
    """Return the measure if it says what effects measure; None for estimates as printed.

    Examples
    --------
    >>> specific("log_or"), specific("reported_ratio")
    ('log_or', None)
    """
    return None if measure in REPORTED else measure


def display_of(measure: str | None, se: NDArray[np.float64] | None = None) -> Display:
    """Return how values of a measure are read; as they are analysed where none is stated.

    A double arcsine is inverted at the harmonic mean of the sample sizes, which follow from standard errors `se` (n is
    (1/se² - 2)/4, an effective size where they were inflated); without these it is read as it is.

    Examples
    --------
    >>> display_of("log_or").label, display_of(None).label
    ('odds ratio', 'effect')
    >>> round(display_of("double_arcsine_prop", se=np.array([0.1, 0.2])).n, 1)
    9.3
    """
    if measure is None or measure in REPORTED:
        return REPORTED[measure or "reported"]
    if measure not in MEASURES:  # a measure of the user's own, which is read as it is analysed
        words = measure.replace("_", " ")
        return Display(words, words)
    display = MEASURES[measure].display
    if display.scale != "double_arcsine":
        return display
    sizes = None if se is None else (1 / se**2 - 2) / 4
    if sizes is None or not (sizes > 0).all():
        return Display(display.analysis, display.analysis, "identity", None)
    return replace(display, n=float(sizes.size / (1 / sizes).sum()))


def measure_named(name: str) -> Measure:
    """Return a measure, or reject a name that is none, with the nearest that is one."""
    if name in MEASURES:
        return MEASURES[name]
    ours = {measure.peer: key for key, measure in MEASURES.items() if measure.peer}
    hint = f" Did you mean {ours[name]!r}?" if name in ours else did_you_mean(name, MEASURES)
    raise SpecificationError(
        f"measure={name!r} is not known.{hint} Choose one of {', '.join(map(repr, MEASURES))}. (Ratios are analysed "
        "on the log scale.)"
    )
