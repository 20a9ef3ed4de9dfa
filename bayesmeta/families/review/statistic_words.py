"""What a review printed, how closely that was observed, and by which methods, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch

from bayesmeta.data.statistics import (
    Heterogeneity,
    MetaRegressionSlope,
    MetaRegressionTest,
    PooledEstimate,
    PredictionInterval,
    SignificantCount,
    Statistic,
    StudyTest,
    SubgroupTest,
)

_METHODS = {
    "dl": "DerSimonian and Laird",
    "fe": "a common effect",
    "pm": "Paule and Mandel",
    "reml": "restricted maximum likelihood",
}


@singledispatch
def printed(statistic: Statistic, *, ratio: bool = False) -> str:
    """What the review printed, as text; a `ratio` leaves the log scale."""
    raise NotImplementedError(type(statistic).__name__)


@printed.register(PooledEstimate)
@printed.register(MetaRegressionSlope)
def _(statistic: PooledEstimate | MetaRegressionSlope, *, ratio: bool = False) -> str:
    ratio = ratio and on_effect_scale(statistic)
    estimate = f"{math.exp(statistic.estimate) if ratio else statistic.estimate:.5g}"
    if statistic.lower is None or statistic.upper is None:
        return estimate
    return f"{estimate} ({100 * statistic.level:g}% CI {_limits(statistic.lower, statistic.upper, ratio)})"


@printed.register
def _(statistic: PredictionInterval, *, ratio: bool = False) -> str:
    return f"{100 * statistic.level:g}% prediction interval {_limits(statistic.lower, statistic.upper, ratio)}"


@printed.register
def _(statistic: SubgroupTest, *, ratio: bool = False) -> str:
    if statistic.direction is None:
        return f"P {statistic.relation} {statistic.p:g}"
    side = "lower" if statistic.direction < 0 else "higher"
    z = f" (z = {statistic.z:.4g})" if statistic.relation == "=" else ""
    return f"P {statistic.relation} {statistic.p:g}{z}, {side} where {statistic.covariate} = 1"


@printed.register
def _(statistic: MetaRegressionTest, *, ratio: bool = False) -> str:
    side = {None: "", -1: f", lower at larger {statistic.covariate}", 1: f", higher at larger {statistic.covariate}"}
    return f"P {statistic.relation} {statistic.p:g}{side[statistic.direction]}"


@printed.register
def _(statistic: Heterogeneity, *, ratio: bool = False) -> str:
    return f"{statistic.name} = {statistic.value:g}{'%' if statistic.kind == 'i2' else ''}"


@printed.register
def _(statistic: SignificantCount, *, ratio: bool = False) -> str:
    return f"{statistic.count} studies significant"


@printed.register
def _(statistic: StudyTest, *, ratio: bool = False) -> str:
    return f"P {statistic.relation} {statistic.p:g}"


def _limits(lower: float, upper: float, ratio: bool) -> str:
    low, high = (math.exp(x) if ratio else x for x in (lower, upper))
    return f"{low:.5g} to {high:.5g}"


@singledispatch
def observed_within(statistic: Statistic) -> str:
    """How closely a statistic was observed, and how that compares with its rounding, in words.

    Examples
    --------
    >>> observed_within(SubgroupTest(covariate="crps", p=0.079, direction=-1, tolerance=0.05))
    'z within a normal of SD 0.05: 34 times the rounding of P'
    >>> observed_within(PooledEstimate(estimate=-1.83, lower=-2.35, upper=-1.31, half_width=0.03))
    'each limit within ±0.03 (a normal of SD 0.0153): 6 times its rounding'
    >>> observed_within(SignificantCount(count=3, direction=-1, width=0.3))
    "a study counts where its own test's z exceeds 1.96, which is y/se in that direction and logistic noise of scale 0.3"
    """
    raise NotImplementedError(type(statistic).__name__)


@observed_within.register(PooledEstimate)
@observed_within.register(PredictionInterval)
def _(statistic: PooledEstimate | PredictionInterval) -> str:
    scale = ", as a logarithm," if statistic.ratio else ""
    times = sorted({statistic.rounding / half for half in statistic.printed_half_widths})
    loose = " and ".join(_times(t) for t in times)
    tolerance = "its rounding" if loose == "1" else f"{loose} times its rounding"
    sd = statistic.observed_within.sd
    return f"each limit{scale} within ±{statistic.rounding:.3g} (a normal of SD {sd:.3g}): {tolerance}"


@observed_within.register
def _(statistic: MetaRegressionSlope) -> str:
    sd, rounding = statistic.observed_within
    loose = _times(sd / (rounding or sd))
    tolerance = "its rounding" if loose == "1" else f"{loose} times its rounding"
    which = "the slope" if statistic.lower is None else "each limit"
    return f"{which} within ±{statistic.rounding:.3g} (a normal of SD {sd:.3g}): {tolerance}"


@observed_within.register(SubgroupTest)
@observed_within.register(MetaRegressionTest)
def _(statistic: SubgroupTest | MetaRegressionTest) -> str:
    sd, rounding = statistic.observed_within
    if rounding is None:
        return f"the bound on z is a logistic curve of width {sd:g}"
    loose = _times(sd / rounding)
    tolerance = "the rounding of P" if loose == "1" else f"{loose} times the rounding of P"
    return f"z within a normal of SD {sd:.2g}: {tolerance}"


@observed_within.register
def _(statistic: Heterogeneity) -> str:
    unit = "%" if statistic.kind == "i2" else ""
    sd, rounding = statistic.observed_within
    loose = _times(sd / (rounding or sd))
    tolerance = "its rounding" if loose == "1" else f"{loose} times its rounding"
    if statistic.i2 == 0:
        return f"Q at most what is printed as 0, within ±{statistic.rounding:g}%: {tolerance}"
    return f"within ±{statistic.rounding:g}{unit} (a normal of SD {sd:.2g}{unit}): {tolerance}"


@observed_within.register
def _(statistic: SignificantCount) -> str:
    return (
        f"a study counts where its own test's z exceeds {statistic.bound:.3g}, which is y/se in that direction and logistic "
        f"noise of scale {statistic.width:g}"
    )


@observed_within.register
def _(statistic: StudyTest) -> str:
    return f"the bound on z, {statistic.z:.3g}, is a logistic curve of width {statistic.width:g}"


def _times(x: float) -> str:
    return f"{x:.2g}" if x < 9.95 else f"{x:.0f}"


def on_effect_scale(statistic: Statistic) -> bool:
    """Whether its numbers are on the scale of the effects, so that those of ratios are shown as ratios."""
    return isinstance(statistic, PooledEstimate | PredictionInterval)


def number_label(name: str) -> str:
    """What stands before a recomputed number in a row that is about its statistic.

    Examples
    --------
    >>> number_label("pooled lower (reml)"), number_label("z of crps"), number_label("I-squared")
    ('lower limit ', 'z = ', '')
    """
    for ending, label in (("lower", "lower limit "), ("upper", "upper limit ")):
        if name.split(":")[0].split(" (")[0].endswith(ending):
            return label
    if name.startswith("number of studies with y/se"):
        return f"{name.removeprefix('number of studies with ')} in "
    return "z = " if name.startswith("z of") else ""


def review_methods(statistics: Sequence[Statistic]) -> str:
    """Which estimators of the review are part of the model.

    Examples
    --------
    >>> review_methods([PooledEstimate(estimate=-1.8, lower=-2.3, upper=-1.3)])
    "The review's own estimator (DerSimonian and Laird) is part of the model"
    """
    methods = dict.fromkeys(_METHODS[one.method] for one in statistics if hasattr(one, "method"))
    said = [", ".join(methods) or "each trial's own test"]
    if any(getattr(one, "interval", "wald") == "hksj" for one in statistics):
        said.append("with Hartung and Knapp's intervals")
    tests = [one for one in statistics if isinstance(one, SubgroupTest)]
    taus = dict.fromkeys(one.tau for one in tests if one.method != "fe")
    subgroup = {"separate": "a separate tau in each subgroup", "common": "one tau for all subgroups"}
    if tests:
        said.append("and its subgroup test" + (f" with {' or '.join(subgroup[tau] for tau in taus)}" if taus else ""))
    if any(isinstance(one, MetaRegressionSlope | MetaRegressionTest) for one in statistics):
        said.append("and its meta-regression")
    return f"The review's own estimator ({', '.join(said)}) is part of the model"
